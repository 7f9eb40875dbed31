"""Request types over months: learned, certified, asked about, learned anew, merged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent import bootstrap, discovering, learning
from agent.errors import AgentError
from agent.said import said_in
from analytics import model_file
from analytics.classify import Classifier
from analytics.features import features_of_texts
from analytics.model_file import MANIFEST_FILE, MODEL_FILE
from fulfilment.records import KnownRequestType
from tests.integration.queues import Queue, closed_by, open_queue
from tests.unit.test_classify import WISHES, labelled

SETTINGS = "[types]\nretrain_labels = 30\ntarget = 0.2\nconfidence = 0.9\n"
SWAPPED = dict(zip(WISHES, [*list(WISHES)[1:], next(iter(WISHES))], strict=True))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with open_queue(tmp_path, SETTINGS) as opened:
        yield opened


def test_training_issues_a_certificate_for_every_type_of_this_very_model(queue: Queue) -> None:
    queue.file(100, drawn=closed_by("ops"))
    done = queue.train()
    assert done.is_live
    assert {one.request_type for one in done.certificates} == set(WISHES)
    assert {one.model for one in done.certificates} == {queue.live.sha256}
    first = queue.live.sha256
    queue.file(40, seed=2)
    queue.train()
    assert {one.model for one in queue.certificates().values()} == {queue.live.sha256} != {first}


def test_forms_count_as_audited_only_where_a_person_closed_the_ticket(queue: Queue) -> None:
    queue.file(100)
    assert all(one.audited == 0 for one in queue.train().certificates)
    queue.file(100, seed=2, drawn=closed_by("ops"))
    assert sum(one.audited for one in queue.train().certificates) > 0


def test_a_bot_or_the_requester_who_closes_it_is_no_second_pair_of_eyes(tmp_path: Path) -> None:
    with open_queue(tmp_path, '[agent]\nbots = ["robot"]\n') as queue:
        (robot,) = queue.file(1, drawn=closed_by("robot"))
        (ops,) = queue.file(1, drawn=closed_by("ops"))
        own = replace(ops, reporter=ops.status_changes[-1].author if ops.status_changes else None)
        bots = frozenset(queue.configuration.agent.bots)
        assert [learning.is_closed_by_people(one, bots) for one in (robot, ops, own)] == [False, True, False]
        assert not learning.is_closed_by_people(replace(ops, status_changes=None), bots)


def test_a_model_that_is_worse_on_the_newest_does_not_go_live(queue: Queue) -> None:
    queue.file(100)
    queue.train()
    old = queue.live.sha256
    queue.file(200, seed=2, truth=SWAPPED.__getitem__)
    queue.file(100, seed=3)
    done = queue.train()
    assert not done.is_live
    assert done.right < done.right_before <= done.compared
    assert queue.live.sha256 == old
    assert {one.model for one in queue.certificates().values()} == {old}


def test_a_new_model_gets_no_points_for_texts_that_it_says_nothing_of(queue: Queue) -> None:
    """A text unlike anything seen gets no type, whichever model is asked."""
    queue.file(100)
    queue.train()
    strange = {"summary": "quixotic zebras juggle", "description": ""}
    queue.file(40, seed=2, drawn=lambda one: replace(one, **strange, request_type="new-repository"))
    done = queue.train()
    named = sum(
        not novel and predicted == label
        for novel, predicted, label in zip(
            done.classifier.sample.is_novel,
            done.classifier.sample.predicted,
            done.classifier.sample.labels,
            strict=True,
        )
    )
    assert done.right <= named


def test_types_that_were_merged_since_are_compared_as_what_stands_for_them(queue: Queue) -> None:
    queue.file(100)
    queue.train()
    for name in ("vpn-access", "remote-access"):
        queue.ledger.evidence.name_type(name, name, "request", by="olli", at=queue.now)
    queue.ledger.evidence.merge_types(["vpn-access"], "remote-access", by="olli", at=queue.now)
    queue.file(60, seed=2, truth=lambda name: "remote-access" if name == "vpn-access" else name)
    done = queue.train()
    assert done.compared > 20
    assert done.right_before == done.compared  # it names them right: as vpn-access, which is remote-access now
    assert done.right == done.compared
    assert "vpn-access" not in done.classifier.classes


def test_the_schedule_learns_anew_once_after_enough_labels(queue: Queue) -> None:
    queue.file(100)
    queue.train()
    old = queue.live.sha256
    queue.file(29, seed=2)
    assert queue.maintain().sha256 == old
    queue.file(1, seed=3)
    learned = queue.maintain()
    assert learned.sha256 == queue.live.sha256 != old
    assert learned.classifier.report.tickets == 130
    manifest = queue.configuration.folder / "model" / MANIFEST_FILE
    before = manifest.stat().st_mtime_ns
    for _ in range(3):
        assert queue.maintain().sha256 == learned.sha256
    assert manifest.stat().st_mtime_ns == before


def test_after_a_refusal_it_tries_again_only_when_labels_came(queue: Queue) -> None:
    queue.file(100)
    queue.train()
    old = queue.live.sha256
    queue.file(200, seed=2, truth=SWAPPED.__getitem__)
    queue.file(100, seed=3)
    assert queue.maintain().sha256 == old
    looked = (queue.configuration.folder / learning.LOOKED_FILE).read_text()
    assert '"labelled": 400' in looked
    assert queue.maintain().sha256 == old
    queue.file(30, seed=4)
    queue.maintain()
    assert '"labelled": 430' in (queue.configuration.folder / learning.LOOKED_FILE).read_text()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"at": "never", "labelled": 1}', '{"at": "2026-01-01", "labelled": 1}']
)
def test_a_damaged_state_file_only_costs_work(queue: Queue, content: str) -> None:
    queue.file(60)
    queue.train()
    (queue.configuration.folder / learning.LOOKED_FILE).write_text(content)
    assert queue.maintain().sha256 == queue.live.sha256


def test_within_the_hour_nothing_is_looked_at(queue: Queue) -> None:
    queue.file(60)
    queue.train()
    queue.maintain()
    queue.file(60, seed=2)
    queue.now -= timedelta(minutes=1)  # `maintain` adds an hour
    assert queue.maintain().classifier.report.tickets == 60
    assert queue.maintain().classifier.report.tickets == 120


def test_types_that_were_merged_into_one_do_not_stop_the_cycle(queue: Queue) -> None:
    """Nothing is left to tell apart: the model before stays, and tickets with forms are worked on."""
    kept = {"s3-bucket", "vpn-access"}
    queue.file(60, truth=lambda name: name if name in kept else "vpn-access")
    queue.train()
    old = queue.live.sha256
    for name in sorted(kept):
        queue.ledger.evidence.name_type(name, name, "request", by="olli", at=queue.now)
    queue.ledger.evidence.merge_types(["vpn-access"], "s3-bucket", by="olli", at=queue.now)
    queue.file(40, seed=2, truth=lambda _: "s3-bucket")
    assert queue.maintain().sha256 == old


def test_an_altered_model_is_refused_and_training_replaces_it(queue: Queue) -> None:
    queue.file(60)
    queue.train()
    folder = queue.configuration.folder / "model"
    content = bytearray((folder / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL_FILE).write_bytes(content)
    with pytest.raises(AgentError, match=r"was altered.*goldenpath train"):
        queue.live  # noqa: B018
    assert queue.train().is_live
    assert queue.live.classifier.report.tickets == 60


def test_what_people_say_overrides_the_form_in_training(queue: Queue) -> None:
    tickets = queue.file(60)
    for one in tickets:
        if one.request_type == "vpn-access":
            queue.say(one, "redis-instance")
    done = queue.train()
    assert "vpn-access" not in done.classifier.classes
    assert done.classifier.report.tickets == 60


def test_an_opinion_of_a_model_that_has_learned_from_the_ticket_counts_for_nothing(queue: Queue) -> None:
    oldest, *_ = queue.file(100)
    queue.train()
    told = queue.say(oldest, "vpn-access")
    assert (told["predicted"], told["score"]) == (None, None)
    said = said_in(queue.ledger.evidence)
    assert len(learning.audited_by(queue.live, said).scores) == 0


def test_of_a_held_out_ticket_the_opinion_before_it_was_taught_counts(queue: Queue) -> None:
    *_, newest = queue.file(100)
    queue.train()
    told = queue.say(newest, "vpn-access")
    assert told["predicted"] in WISHES
    audited = learning.audited_by(queue.live, said_in(queue.ledger.evidence))
    assert (list(audited.truth), list(audited.is_asked)) == (["vpn-access"], [False])


def test_asking_asks_the_same_until_somebody_answers(queue: Queue) -> None:
    queue.file(80)
    prose = queue.file(60, has_form=False, seed=2)
    queue.train()
    asked = queue.ask(10)
    assert len(set(asked)) == 10
    assert set(asked) <= {one.key for one in prose}
    assert queue.ask(10) == asked
    assert queue.ask(5) == asked[:5]
    queue.now += timedelta(minutes=1)
    more = queue.ask(20)
    assert more[:10] == asked and len(set(more)) == 20
    ticket = next(one for one in prose if one.key == asked[0])
    queue.say(ticket, "vpn-access")
    after = queue.ask(20)
    assert ticket.key not in after
    assert after[:19] == more[1:]
    assert len(queue.ask(500)) == 59


def test_asking_about_one_type_asks_about_no_other(queue: Queue) -> None:
    queue.file(80)
    prose = {one.key: one for one in queue.file(60, has_form=False, seed=2)}
    queue.train()
    asked = queue.ask(100, "vpn-access")
    assert asked
    assert set(queue.predicted([prose[key] for key in asked])) == {"vpn-access"}


def test_what_was_asked_of_an_older_model_is_still_asked_and_its_answer_counts(queue: Queue) -> None:
    queue.file(80)
    prose = {one.key: one for one in queue.file(60, has_form=False, seed=2)}
    queue.train()
    asked = queue.ask(10)
    queue.file(40, seed=3)
    queue.train()
    assert queue.ask(10) == asked
    queue.say(prose[asked[0]], "vpn-access")
    audited = learning.audited_by(queue.live, said_in(queue.ledger.evidence))
    assert list(audited.truth) == ["vpn-access"]


def test_an_unknown_ticket_or_type_names_near_ones(queue: Queue) -> None:
    first, *_ = queue.file(60)
    queue.train()
    with pytest.raises(AgentError, match="no request type 's3-buckets'; near ones: s3-bucket"):
        queue.say(first, "s3-buckets")
    with pytest.raises(AgentError, match=r"no ticket OPS-600\b.*it holds tickets of OPS"):
        queue.say(replace(first, key="OPS-600"), "s3-bucket")


def test_a_person_may_say_what_a_ticket_is_before_there_is_a_model(queue: Queue) -> None:
    first, second = queue.file(2, truth=lambda _: "s3-bucket")
    told = queue.say(first, "s3-bucket")
    assert (told["is_new"], told["predicted"]) == (True, None)
    with pytest.raises(AgentError, match="no request type 'vpn'"):
        queue.say(second, "vpn")


def test_what_a_second_person_says_does_not_take_back_that_the_model_was_wrong(queue: Queue) -> None:
    queue.file(80)
    (one, *_) = queue.file(20, has_form=False, seed=2)
    queue.train()
    (name,) = queue.predicted([one])
    others = [other for other in WISHES if other != name]
    for said in others[:2]:
        queue.say(one, said)
    found = learning.audited_by(queue.live, said_in(queue.ledger.evidence))
    assert (list(found.predicted), list(found.truth)) == ([name], [others[1]])


def test_enough_right_audits_put_a_certificate_in_force(queue: Queue) -> None:
    queue.file(100)
    prose = {one.key: one for one in queue.file(120, has_form=False, seed=2)}
    queue.train()
    assert not queue.ledger.evidence.in_force()
    for key in queue.ask(18, "s3-bucket"):
        queue.say(prose[key], "s3-bucket")
    assert set(queue.ledger.evidence.in_force()) == {"s3-bucket"}


def test_audits_of_one_type_do_not_pass_for_a_mix_that_moved(queue: Queue) -> None:
    """Who asks for a certificate of one type asks about tickets of that type alone."""
    queue.file(120)
    prose = {one.key: one for one in queue.file(120, has_form=False, seed=2)}
    queue.train()
    queue.confirm([prose[key] for key in queue.ask(500, "s3-bucket")])
    assert set(queue.ledger.evidence.in_force()) == {"s3-bucket"}
    queue.maintain()
    assert set(queue.ledger.evidence.in_force()) == {"s3-bucket"}


def test_a_watch_suspends_what_drifted_and_restores_what_is_alike_again(queue: Queue) -> None:
    queue.file(120)
    prose = queue.file(100, has_form=False, seed=2)
    queue.train()
    queue.confirm(prose)
    assert set(queue.ledger.evidence.in_force()) == set(WISHES)
    others = queue.file(200, has_form=False, seed=5)
    names = queue.predicted(others)
    bucket = others[names.index("s3-bucket")]
    moved = [replace(bucket, id=9_000 + n) for n in range(60)]
    assert set(queue.watch(moved)) == set(WISHES)
    assert not queue.ledger.evidence.in_force()
    assert all("the mix of tickets changed" in (one.lacks or "") for one in queue.certificates().values())
    assert queue.watch(moved[:40]) == {}  # too few to tell: what was suspended stays so
    assert not queue.ledger.evidence.in_force()
    assert queue.watch(others) == {}
    assert set(queue.ledger.evidence.in_force()) == set(WISHES)


def test_tickets_that_were_learned_from_do_not_look_like_a_drift(queue: Queue) -> None:
    """Of what it has learned, a model is surer than of what is new."""
    queue.file(120)
    prose = queue.file(100, has_form=False, seed=2)
    queue.train()
    queue.confirm(prose)
    queue.train()
    in_force = set(queue.ledger.evidence.in_force())
    assert in_force
    queue.maintain()
    assert set(queue.ledger.evidence.in_force()) == in_force


def test_merging_types_withdraws_their_certificates(queue: Queue) -> None:
    queue.file(120)
    prose = queue.file(100, has_form=False, seed=2)
    queue.train()
    queue.confirm(prose)
    for name in ("vpn-access", "redis-instance"):
        queue.ledger.evidence.name_type(name, name, "request", by="olli", at=queue.now)
    queue.ledger.evidence.merge_types(["vpn-access"], "redis-instance", by="olli", at=queue.now)
    assert set(queue.ledger.evidence.in_force()) == {"s3-bucket", "new-repository"}
    assert "vpn-access" not in queue.predicted(prose)
    queue.maintain()
    assert set(queue.certificates()) == set(WISHES) - {"vpn-access"}


def test_learning_the_same_again_changes_nothing_and_ends_no_suspension(queue: Queue) -> None:
    queue.file(100)
    prose = queue.file(60, has_form=False, seed=2)
    queue.train()
    old = queue.live.sha256
    queue.confirm([one for one in prose if queue.predicted([one]) == ["s3-bucket"]])
    queue.train()  # has learned from what was confirmed
    assert queue.live.sha256 != old
    old = queue.live.sha256
    assert queue.ledger.evidence.suspend("s3-bucket", "the mix of tickets changed", queue.now)
    assert queue.train().is_live
    assert queue.live.sha256 == old
    assert "the mix of tickets changed" in str(queue.certificates()["s3-bucket"].suspended_reason)


def test_a_model_of_a_file_certifies_nothing_here(queue: Queue) -> None:
    """Whoever may write the folder could bring a model with its own sample: only people's audits count."""
    queue.file(60)
    texts = [ticket.text for ticket in labelled(400, seed=3)]
    names = [str(ticket.request_type) for ticket in labelled(400, seed=3)]
    brought = Classifier.of_texts(features_of_texts(texts), names)
    model_file.save(brought, bootstrap.model_folder(queue.configuration))
    queue.maintain()
    assert len(brought.sample.rows) > 100
    assert queue.ledger.evidence.in_force() == {}
    assert all(one.audited == 0 for one in queue.certificates().values())


def test_a_name_keeps_the_kind_that_it_is_known_to_be(queue: Queue) -> None:
    evidence = queue.ledger.evidence
    evidence.discovered([KnownRequestType(name, name, "request") for name in ("x", "y", "z")], queue.now)
    assert discovering.name_type(queue.ledger, "x", "Outage at night", kind="incident", by="olli", at=queue.now)
    assert discovering.name_type(queue.ledger, "y", "Outage at night", kind=None, by="olli", at=queue.now)
    assert discovering.name_type(queue.ledger, "z", "Bug", kind=None, by="olli", at=queue.now) == "bug"
    kinds = said_in(evidence).kinds
    assert (kinds["outage-at-night"].kind, kinds["bug"].kind) == ("incident", "bug")


def test_training_looks_for_drift_at_once(queue: Queue) -> None:
    """A new model must not act on what the one before it was suspended for."""
    queue.file(400, drawn=closed_by("ops"))
    queue.train()
    assert queue.ledger.evidence.in_force()
    queue.file(80, has_form=False, seed=5, drawn=lambda one: replace(one, summary="Redis cache", description="Redis"))
    queue.file(2, seed=6)  # labels to learn from, so that the model is another
    queue.train()
    assert {one.model for one in queue.certificates().values()} == {queue.live.sha256}
    assert queue.ledger.evidence.in_force() == {}
    assert "the mix of tickets changed" in str(queue.certificates()["redis-instance"].suspended_reason)

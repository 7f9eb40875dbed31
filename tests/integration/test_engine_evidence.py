"""The engine and the evidence: what a certificate carries, for how long, and what happens when it falls away."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from fulfilment.ledger import Ledger
from fulfilment.policy import HandlerPolicy, Mode
from fulfilment.records import Audit, Certificate
from fulfilment.request import Result, State
from tests.fakes import ADA, DANA, OTTO, FakeDesk, Killed, form
from tests.integration.test_engine import GIVEN, PREDICTED, House
from tickets.ticket import Classification, Person, Ticket

BOUND = Certificate("storage-box", 0.02, 0.95, 0.86, 240, 1, 0.78)
MODEL, NEWER = "a" * 64, "b" * 64


class InterruptedDesk(FakeDesk):
    """Lets a test do something before any of its calls is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.on_call: Callable[[], object] = lambda: None

    def now(self) -> datetime:
        self.on_call()
        return super().now()

    def account(self) -> Person:
        self.on_call()
        return super().account()

    def ticket(self, ticket: int | str) -> Ticket:
        self.on_call()
        return super().ticket(ticket)

    def groups_of(self, account_id: str) -> frozenset[str]:
        self.on_call()
        return super().groups_of(account_id)


class EvidentHouse(House):
    desk: InterruptedDesk

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.desk = InterruptedDesk()
        self.evidence = self.ledger.evidence
        self.path = path

    def certify(self, bound: Certificate = BOUND, model: str = MODEL) -> Classification:
        """A prediction under the certificate that is issued."""
        self.evidence.issue([bound], model=model, at=self.desk.clock)
        issued = self.evidence.in_force()[bound.request_type]
        return Classification(bound.request_type, "predicted", 0.93, issued.id)

    def said(self, ticket: Ticket, request_type: str) -> Audit:
        at = self.desk.clock
        return Audit(ticket.site, ticket.id, ticket.key, request_type, "correction", "olli", at)

    def certify_anew(self) -> Classification:
        """As if nothing had been suspended, withdrawn or demoted."""
        self.ledger.resume("storage-box", by="olli", at=self.desk.clock)
        self.evidence.issue([], model=NEWER, at=self.desk.clock)
        return self.certify()

    def newest(self, kind: str) -> int:
        """The number of the newest row of this kind."""
        with sqlite3.connect(self.path) as connection:
            (found,) = connection.execute("SELECT max(seq) FROM ledger WHERE kind = ?", (kind,)).fetchone()
        connection.close()
        return int(found)

    def until_it_rests(self) -> None:
        for _ in range(5):
            self.cycle()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[EvidentHouse]:
    made = EvidentHouse(tmp_path / "ledger.sqlite3")
    yield made
    assert made.ledger.verify().broken_at is None
    made.ledger.close()


def test_a_certificate_in_force_carries_a_predicted_type(house: EvidentHouse) -> None:
    told = house.certify()
    ticket = house.desk.file()
    assert house.engine().rehearse(ticket, told).result is Result.FULFILLED
    assert house.engine().consider(ticket, told).result is Result.FULFILLED
    (request,) = house.ledger.requests()
    assert (request.type_source, request.score, request.certificate) == ("predicted", 0.93, told.certificate)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda house: house.evidence.suspend("storage-box", "the mix changed", house.desk.clock), "the mix changed"),
        (lambda house: house.certify(model=NEWER), "was withdrawn"),
        (lambda house: house.certify(replace(BOUND, threshold=0.95)), "0.93 is below the certified 0.95"),
        (lambda house: house.evidence.issue([], model=NEWER, at=house.desk.clock), "withdrawn"),
        (
            lambda house: house.ledger.demote("storage-box", Mode.SUPERVISED, "it drifted", house.desk.clock),
            "demoted to supervised: it drifted",
        ),
    ],
)
def test_without_it_a_person_approves_and_the_plan_says_why(
    house: EvidentHouse, spoil: Callable[[EvidentHouse], object], why: str
) -> None:
    told = house.certify()
    spoil(house)
    ticket = house.desk.file()
    outcome = house.engine().consider(ticket, told)
    assert outcome.result is Result.AWAITING_APPROVAL
    assert why in outcome.reasons[1]
    assert why in house.desk.ours(ticket.id, "proposal")[0].text
    assert house.provider.boxes == {}
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert house.cycle()[0].result is Result.FULFILLED


def test_a_certificate_for_other_words_carries_nothing(house: EvidentHouse) -> None:
    told = house.certify()
    classified = house.desk.file()
    house.desk.edit(classified.id, DANA, summary="Please create one storage box")
    outcome = house.engine().consider(classified, told)
    assert outcome.result is Result.AWAITING_APPROVAL
    assert "did not see the ticket as it stands" in outcome.reasons[1]
    another = house.desk.file(form=form(name="payments-other"))
    assert house.engine().consider(another.id, told).result is Result.AWAITING_APPROVAL


def test_an_edit_after_the_plan_ends_what_the_certificate_carried(house: EvidentHouse) -> None:
    told = house.certify()
    ticket = house.desk.file()
    _stopped_when(house, ticket, told, State.APPROVED)
    house.desk.edit(ticket.id, DANA, summary="Please create a storage box and lock it")
    assert [outcome.result for outcome in house.cycle()] == [Result.AWAITING_APPROVAL]
    assert [request.certificate for request in house.ledger.requests()] == [told.certificate, None]
    house.until_it_rests()
    assert house.provider.boxes == {}


def test_it_carries_a_request_across_turns_and_restarts(house: EvidentHouse) -> None:
    told = house.certify()
    for number, state in enumerate((State.MATCHED, State.APPROVED)):
        ticket = house.desk.file(form=form(name=f"payments-box-{number}"))
        _stopped_when(house, ticket, told, state)
        assert [outcome.result for outcome in house.cycle()] == [Result.FULFILLED]
    assert house.provider.created == 2


def test_an_edited_request_that_was_only_matched_loses_its_certificate_for_good(house: EvidentHouse) -> None:
    told = house.certify()
    ticket = house.desk.file()
    _stopped_when(house, ticket, told, State.MATCHED)
    house.desk.edit(ticket.id, DANA, summary="Please create a storage box and lock it")
    assert house.cycle()[0].result is Result.AWAITING_APPROVAL
    house.until_it_rests()
    assert house.provider.boxes == {}


def test_what_the_evidence_approved_waits_for_a_person_once_it_no_longer_does(house: EvidentHouse) -> None:
    told = house.certify()
    ticket = house.desk.file()
    _stopped_when(house, ticket, told, State.APPROVED)
    code = house.code(ticket)
    house.evidence.suspend("storage-box", "the mix changed", house.desk.clock)
    outcome = house.cycle()[0]
    assert outcome.result is Result.AWAITING_APPROVAL
    assert "the mix changed" in outcome.reasons[1]
    assert house.kinds(ticket)[-3:] == ["unapproved", "proposal", "proposed"]
    assert house.code(ticket) != code
    house.desk.comment(ticket.id, ADA, f"approve {code}")
    assert house.cycle()[0].result is Result.AWAITING_APPROVAL
    house.evidence.restore("storage-box", house.desk.clock)
    assert house.cycle()[0].result is Result.AWAITING_APPROVAL
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert house.cycle()[0].result is Result.FULFILLED


def test_a_configured_mode_that_was_lowered_asks_a_person(house: EvidentHouse) -> None:
    ticket = house.desk.file()
    _stopped_when(house, ticket, GIVEN, State.APPROVED)
    assert house.cycle(Mode.SUPERVISED)[0].result is Result.AWAITING_APPROVAL
    assert house.provider.boxes == {}


def test_a_stop_holds_what_the_evidence_approved_until_it_is_lifted(house: EvidentHouse) -> None:
    told = house.certify()
    ticket = house.desk.file()
    _stopped_when(house, ticket, told, State.APPROVED)
    house.ledger.stop("all", reason="an incident", by="olli", at=house.desk.clock)
    assert "an incident" in house.cycle()[0].reasons[0]
    assert house.state(ticket) is State.APPROVED
    house.ledger.resume("all", by="olli", at=house.desk.clock)
    assert house.cycle()[0].result is Result.FULFILLED


def test_after_a_question_only_the_new_prediction_counts(house: EvidentHouse) -> None:
    told = house.certify()
    engine = house.engine()
    names = ("payments-first", "payments-second", "payments-third")
    tickets = [house.desk.file(form=form(name=name, region="")) for name in names]
    for ticket in tickets:
        assert engine.consider(ticket, told).result is Result.ASKED
        house.desk.comment(ticket.id, DANA, "AWS region: eu-west-1")
    redis = Classification("redis", "predicted", 0.99, house.certify(replace(BOUND, request_type="redis")).certificate)
    answers = (told, PREDICTED, redis)
    results = [engine.consider(ticket, answer).result for ticket, answer in zip(tickets, answers, strict=True)]
    assert results == [Result.FULFILLED, Result.AWAITING_APPROVAL, Result.AWAITING_APPROVAL]
    house.until_it_rests()
    assert set(house.provider.boxes) == {"payments-first"}


def test_a_new_prediction_replaces_the_old_one_even_if_we_are_stopped_right_after(house: EvidentHouse) -> None:
    told = house.certify()
    ticket = house.desk.file(form=form(region=""))
    house.engine().consider(ticket, told)
    house.desk.comment(ticket.id, DANA, "AWS region: eu-west-1")
    _stopped_when(house, ticket, PREDICTED, State.MATCHED)
    assert house.cycle()[0].result is Result.AWAITING_APPROVAL


# --- people's word


def test_a_corrected_type_acts_on_the_word_that_is_kept(house: EvidentHouse) -> None:
    corrected = Classification("storage-box", "corrected", 1.0)
    first, second = house.desk.file(request_type=None), house.desk.file(form=form(name="payments-other"))
    assert house.engine().consider(second, corrected).result is Result.AWAITING_APPROVAL
    house.evidence.audit(house.said(first, "storage-box"))
    assert house.engine().consider(first, corrected).result is Result.FULFILLED


def test_a_correction_holds_until_the_words_are_edited(house: EvidentHouse) -> None:
    ticket = house.desk.file()
    house.evidence.audit(house.said(ticket, "storage-box"))
    house.desk.edit(ticket.id, DANA, summary="Please create one storage box")
    corrected = Classification("storage-box", "corrected", 1.0)
    assert house.engine().consider(ticket, corrected).result is Result.AWAITING_APPROVAL


@pytest.mark.parametrize("is_given", [True, False])
def test_what_a_person_contradicts_does_not_act_by_itself(house: EvidentHouse, is_given: bool) -> None:
    told = house.certify()
    ticket = house.desk.file()
    house.evidence.audit(house.said(ticket, "redis"))
    outcome = house.engine().consider(ticket, GIVEN if is_given else told)
    assert outcome.result is Result.AWAITING_APPROVAL
    assert "a person says that it is redis" in outcome.reasons[1]


def test_a_wrong_fulfilment_demotes_until_a_person_lifts_it(house: EvidentHouse) -> None:
    told = house.certify()
    wrong, next_one, later = (house.desk.file(form=form(name=f"payments-{n}-box")) for n in ("one", "two", "three"))
    assert house.engine().consider(wrong, told).result is Result.FULFILLED
    house.evidence.audit(house.said(wrong, "redis"))
    outcome = house.engine().consider(next_one, GIVEN)
    assert outcome.result is Result.AWAITING_APPROVAL
    assert f"demoted to supervised: {wrong.key} was fulfilled as storage-box" in outcome.reasons[1]
    assert [found.is_corrected for found in house.ledger.outcomes()] == [True, False]
    house.ledger.resume("storage-box", by="olli", at=house.desk.clock)
    assert house.engine().consider(later, GIVEN).result is Result.FULFILLED


# --- the configured mode


def test_a_configured_mode_is_recorded_when_it_changed(house: EvidentHouse) -> None:
    for mode in (Mode.SHADOW, Mode.SHADOW, Mode.AUTONOMOUS):
        house.engine(mode).record_modes()
    assert house.ledger.configured_modes() == {"storage-box": Mode.AUTONOMOUS}
    assert house.rows() == 2
    house.engine(handlers={"other": HandlerPolicy("other", Mode.SHADOW)}).record_modes()
    assert house.ledger.configured_modes() == {"storage-box": Mode.OFF, "other": Mode.SHADOW}
    assert house.rows() == 4


# --- between reading and acting

INTERFERENCES: dict[str, Callable[[EvidentHouse, Ledger, Ticket], object]] = {
    "certificate_suspended": lambda house, other, _: other.evidence.suspend("storage-box", "drift", house.desk.clock),
    "certificate_withdrawn": lambda house, other, _: other.evidence.issue([], model=NEWER, at=house.desk.clock),
    "demoted": lambda house, other, _: other.demote("storage-box", Mode.SUPERVISED, "an undo", house.desk.clock),
    "audited": lambda house, other, ticket: other.evidence.audit(house.said(ticket, "redis")),
}


SLOWLY = sorted(INTERFERENCES.keys() - {"audited", "certificate_suspended"})


@pytest.mark.parametrize(
    "kind", ["audited", "certificate_suspended", *(pytest.param(kind, marks=pytest.mark.soak) for kind in SLOWLY)]
)
def test_evidence_that_falls_away_at_any_moment_stops_what_has_not_begun(house: EvidentHouse, kind: str) -> None:
    """Nothing begins after the row that took the evidence away: before any call to Jira, it waits for a person."""
    seen = set()
    with Ledger.open(house.path) as other:
        for moment in count(1):
            told = house.certify_anew()
            name = f"payments-{kind.replace('_', '-')}-{moment}"
            ticket = house.desk.file(form=form(name=name))
            calls = count(1)

            def interfere(calls: Iterator[int] = calls, moment: int = moment, ticket: Ticket = ticket) -> None:
                if next(calls) == moment:
                    INTERFERENCES[kind](house, other, ticket)

            house.desk.on_call = interfere
            house.engine().consider(ticket, told)
            house.desk.on_call = lambda: None
            if next(calls) <= moment:
                break  # every call was interrupted once
            house.cycle()
            has_begun = name in house.provider.boxes
            seen.add((has_begun, house.state(ticket)))
            assert has_begun == ("applying" in house.kinds(ticket))
            assert not has_begun or house.newest("applying") < house.newest(kind)
            house.desk.set_status(ticket.id, OTTO, "Done")
            house.cycle()
    assert seen == {(False, State.AWAITING_APPROVAL), (True, State.CLOSED)}


def _stopped_when(house: EvidentHouse, ticket: Ticket, told: Classification, state: State) -> None:
    """The process ends at the first call to Jira in this state."""

    def kill() -> None:
        request = house.ledger.latest(ticket.site, ticket.id)
        if request is not None and request.state is state:
            raise Killed

    house.desk.on_call = kill
    with pytest.raises(Killed):
        house.engine().consider(ticket, told)
    house.desk.on_call = lambda: None
    assert house.state(ticket) is state

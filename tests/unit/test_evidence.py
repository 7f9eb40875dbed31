"""The evidence, on files of SQLite and on PostgreSQL: certificates, request types that people name, audits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest

from fulfilment.chain import Note
from fulfilment.errors import CircularMerge, LedgerError, StaleRequest, UnknownRequestType
from fulfilment.evidence import Evidence
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import EVIDENCE, Audit, AuditQuestion, Ceiling, Certificate, KnownRequestType
from fulfilment.request import Request, State
from fulfilment.schema import IntegrityError
from tests.postgres import run
from tests.unit.test_ledger import create, request
from tickets.place import Location, Place

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(days=1)
OLD, NEW = "a" * 64, "b" * 64
GRANTED = Certificate("storage-box", 0.02, 0.95, 0.86, 240, 1, 0.78)
REFUSED = Certificate("redis", 0.02, 0.95, None, 61, 1, 0.0, needed=88)


@pytest.fixture
def ledger(ledger_place: Location) -> Iterator[Ledger]:
    with Ledger.open(ledger_place) as made:
        yield made
        assert made.verify().broken_at is None


@pytest.fixture
def evidence(ledger: Ledger) -> Evidence:
    return ledger.evidence


def said(request_type: str, *, author: str = "olli", ticket: int = 1, at: datetime = AT) -> Audit:
    return Audit("fake", ticket, f"OPS-{ticket}", request_type, "audit", author, at, "storage-box", 0.91, OLD)


def known(*ids: str) -> list[KnownRequestType]:
    return [KnownRequestType(id, id.title(), "request", words=("box",), members=("fake:1",), size=7) for id in ids]


def rows(ledger: Ledger) -> int:
    return ledger.verify().rows


def kinds(place: Location) -> list[str]:
    return [kind for (kind,) in run(place, "SELECT kind FROM ledger ORDER BY seq")]


def told(place: Location) -> list[dict[str, Any]]:
    return [json.loads(detail) for (detail,) in run(place, "SELECT detail FROM ledger ORDER BY seq")]


# --- certificates


def test_a_certificate_is_in_force_once_it_is_granted(evidence: Evidence, ledger_place: Location) -> None:
    standing = evidence.issue([GRANTED, REFUSED], model=OLD, at=AT)
    assert standing == evidence.certificates()
    assert [found.request_type for found in standing] == ["redis", "storage-box"]
    (found,) = evidence.in_force().values()
    assert found == replace(GRANTED, model=OLD, id=found.id, issued_at=AT)
    assert standing[0].lacks == "88 more audited tickets needed"
    assert kinds(ledger_place) == ["certificate_issued", "certificate_not_granted"]


def test_the_same_certificates_again_write_nothing(evidence: Evidence, ledger: Ledger) -> None:
    evidence.issue([GRANTED, REFUSED], model=OLD, at=AT)
    before, count = evidence.certificates(), rows(ledger)
    assert evidence.issue([GRANTED, REFUSED], model=OLD, at=LATER) == before
    assert evidence.issue([GRANTED], model=OLD, at=LATER) == before
    assert rows(ledger) == count


def test_a_newer_count_and_another_model_replace_what_stood(evidence: Evidence, ledger_place: Location) -> None:
    evidence.issue([GRANTED, REFUSED], model=OLD, at=AT)
    first = evidence.in_force()["storage-box"]
    evidence.issue([replace(GRANTED, audited=241)], model=OLD, at=LATER)
    second = evidence.in_force()["storage-box"]
    assert (second.audited, second.id == first.id) == (241, False)
    evidence.issue([], model=NEW, at=LATER)
    assert evidence.certificates() == []
    assert kinds(ledger_place).count("certificate_withdrawn") == 3
    evidence.issue([GRANTED], model=OLD, at=LATER)
    assert evidence.in_force()["storage-box"].id not in (first.id, second.id)


def test_a_suspension_ends_by_restoring_or_by_another_model_only(
    evidence: Evidence, ledger: Ledger, ledger_place: Location
) -> None:
    evidence.issue([GRANTED], model=OLD, at=AT)
    assert evidence.suspend("storage-box", "the mix of tickets changed", LATER)
    assert evidence.in_force() == {}
    assert evidence.certificates()[0].lacks == "suspended: the mix of tickets changed"
    count = rows(ledger)
    assert not evidence.suspend("storage-box", "the mix of tickets changed", LATER)
    assert not evidence.suspend("redis", "nothing stands for it", LATER)
    assert rows(ledger) == count
    evidence.issue([replace(GRANTED, audited=241)], model=OLD, at=LATER)
    assert evidence.in_force() == {}
    assert kinds(ledger_place)[-1] == "certificate_issued"
    assert told(ledger_place)[-1]["is_suspended"] is True
    assert evidence.restore("storage-box", LATER)
    assert not evidence.restore("storage-box", LATER)
    assert evidence.in_force()["storage-box"].audited == 241
    evidence.suspend("storage-box", "again", LATER)
    evidence.issue([GRANTED], model=NEW, at=LATER)
    assert evidence.in_force()["storage-box"].model == NEW


def test_what_cannot_be_a_certificate_raises(evidence: Evidence, ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="shares"):
        replace(GRANTED, threshold=float("nan"))
    with pytest.raises(ValueError, match="cannot be wrong"):
        replace(GRANTED, wrong=241)
    with pytest.raises(ValueError, match="at most one"):
        evidence.issue([GRANTED, GRANTED], model=OLD, at=AT)
    assert (rows(ledger), evidence.certificates()) == (0, [])


# --- request types


def test_what_a_person_said_of_a_type_outlives_discovery(evidence: Evidence, ledger: Ledger) -> None:
    evidence.discovered(known("boxes", "caches"), AT)
    evidence.name_type("boxes", "Storage boxes", "request", by="olli", at=AT)
    count = rows(ledger)
    evidence.name_type("boxes", "Storage boxes", "request", by="ada", at=AT)
    evidence.discovered(known("boxes", "caches"), LATER)
    assert rows(ledger) == count
    evidence.discovered([replace(known("boxes")[0], name="Kisten", kind="question", size=9)], LATER)
    boxes, caches = evidence.request_types()
    assert (boxes.name, boxes.kind, boxes.origin, boxes.size) == ("Storage boxes", "request", "named", 9)
    assert (caches.name, caches.origin) == ("Caches", "discovered")
    assert rows(ledger) == count + 1


def test_a_type_may_be_made_by_naming_it_and_keeps_a_sample(evidence: Evidence) -> None:
    evidence.name_type("storage-box", "Storage box", "request", by="olli", at=AT)
    evidence.discovered([replace(known("boxes")[0], members=tuple(f"fake:{n}" for n in range(900)))], AT)
    assert [found.id for found in evidence.request_types()] == ["boxes", "storage-box"]
    assert len(evidence.request_types()[0].members) == 500
    with pytest.raises(ValueError, match="hyphens"):
        evidence.name_type("Storage Box", "Storage box", "request", by="olli", at=AT)


def test_the_name_of_a_type_can_be_redacted(evidence: Evidence, ledger: Ledger, ledger_place: Location) -> None:
    evidence.name_type("storage-box", "Dana's box", "request", by="olli", at=AT)
    assert "Dana" not in str(run(ledger_place, "SELECT detail FROM ledger"))
    ledger.redact(1, reason="asked for", at=LATER)
    assert ledger.verify().redacted == 1


def test_merges_resolve_however_many_follow_each_other(evidence: Evidence, ledger: Ledger) -> None:
    evidence.discovered(known("a", "b", "c", "d"), AT)
    evidence.merge_types(["a"], "b", by="olli", at=AT)
    evidence.merge_types(["b"], "c", by="olli", at=AT)
    assert evidence.resolved() == {"a": "c", "b": "c", "c": "c", "d": "d"}
    assert [found.merged_into for found in evidence.request_types()] == ["c", "c", None, None]
    count = rows(ledger)
    for ids, into in ((["c"], "a"), (["d", "c"], "c"), (["a", "c"], "b")):
        with pytest.raises(CircularMerge, match="c cannot be merged into itself"):
            evidence.merge_types(ids, into, by="olli", at=AT)
    evidence.merge_types(["a"], "b", by="olli", at=AT)
    assert rows(ledger) == count


def test_an_unknown_type_is_told_with_near_ones(evidence: Evidence, ledger: Ledger) -> None:
    with pytest.raises(UnknownRequestType, match="none is known yet"):
        evidence.merge_types(["boxes"], "crates", by="olli", at=AT)
    evidence.discovered(known("storage-box", "redis"), AT)
    count = rows(ledger)
    with pytest.raises(UnknownRequestType, match="near ones: storage-box"):
        evidence.merge_types(["redis"], "storage-bx", by="olli", at=AT)
    assert (rows(ledger), evidence.resolved()["redis"]) == (count, "redis")


def test_a_merge_withdraws_the_certificates_of_all_that_it_touches(evidence: Evidence) -> None:
    evidence.discovered(known("storage-box", "redis", "queue"), AT)
    evidence.issue(
        [replace(GRANTED, request_type=name) for name in ("storage-box", "redis", "queue")], model=OLD, at=AT
    )
    evidence.merge_types(["redis"], "storage-box", by="olli", at=LATER)
    assert set(evidence.in_force()) == {"queue"}
    with pytest.raises(UnknownRequestType, match="merged into storage-box: train anew"):
        evidence.issue([replace(GRANTED, request_type="redis")], model=NEW, at=LATER)
    assert set(evidence.in_force()) == {"queue"}


# --- audits


def test_the_newest_audit_of_a_ticket_counts(evidence: Evidence, ledger: Ledger) -> None:
    assert evidence.audit(said("redis"))
    assert evidence.audit(said("storage-box", author="ada", ticket=2))
    assert not evidence.audit(said("redis", at=LATER))
    assert evidence.audit(said("storage-box", at=LATER))
    assert evidence.audits() == [said("storage-box", at=LATER), said("storage-box", author="ada", ticket=2)]
    assert evidence.audit_of("fake", 1) == said("storage-box", at=LATER)
    assert evidence.audit_of("elsewhere", 1) is None
    assert [entry.kind for entry in ledger.story("OPS-1")] == ["audited", "audited"]


def test_audits_cannot_be_changed_or_deleted(evidence: Evidence, ledger_place: Location) -> None:
    evidence.audit(said("redis"))
    truncate = ["TRUNCATE audits"] if isinstance(ledger_place, Place) else []
    for statement in ("UPDATE audits SET request_type = 'x'", "DELETE FROM audits", *truncate):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="append-only"):
            run(ledger_place, statement)
    assert len(evidence.audits()) == 1


def test_a_ticket_is_asked_about_once(evidence: Evidence, ledger: Ledger) -> None:
    first, second = (AuditQuestion("fake", n, f"OPS-{n}", "storage-box", 0.7, OLD) for n in (1, 2))
    assert evidence.ask([first, first], AT) == 1
    assert evidence.ask([replace(first, score=0.8), second], LATER) == 1
    assert evidence.asked() == [replace(first, asked_at=AT), replace(second, asked_at=LATER)]
    assert [entry.kind for entry in ledger.story("OPS-1")] == ["audit_asked"]


@pytest.mark.parametrize("state", [State.APPLYING, State.APPLIED, State.UNCERTAIN])
def test_a_wrong_fulfilment_demotes_its_handler_once(evidence: Evidence, ledger: Ledger, state: State) -> None:
    made = create(ledger, state=State.APPROVED)
    begun = ledger.begin(made, Note(AT, "applying", "begins"), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9)
    if state is not State.APPLYING:
        ledger.move(begun, state, Note(AT, state.value, "moved"))
    evidence.audit(said("storage-box"))
    assert ledger.ceiling("storage-box") is None
    evidence.audit(said("redis"))
    reason = "OPS-1 was fulfilled as storage-box, and a person says that it is redis"
    assert ledger.ceiling("storage-box") == Ceiling(Mode.SUPERVISED, reason, is_demotion=True)
    assert [entry.kind for entry in ledger.story("OPS-1")][-2:] == ["audited", "wrong_fulfilment"]
    ledger.resume("storage-box", by="olli", at=LATER)
    evidence.audit(said("redis", author="ada"))
    assert ledger.ceiling("storage-box") is None


@pytest.mark.parametrize("state", [State.MATCHED, State.APPROVED, State.REFUSED])
def test_what_was_not_begun_demotes_nothing(evidence: Evidence, ledger: Ledger, state: State) -> None:
    create(ledger, state=state)
    evidence.audit(said("redis"))
    assert ledger.ceiling("storage-box") is None


def test_a_type_that_was_merged_into_the_fulfilled_one_is_right(evidence: Evidence, ledger: Ledger) -> None:
    evidence.discovered(known("storage-box", "boxes"), AT)
    evidence.merge_types(["boxes"], "storage-box", by="olli", at=AT)
    create(ledger, state=State.APPLYING)
    evidence.audit(said("boxes"))
    assert ledger.ceiling("storage-box") is None


# --- in the transaction that starts the work


def decided_on(ledger: Ledger, state: State, certificate: str | None = None, number: int = 1) -> Request:
    made = replace(request(number, state), type_source="predicted", score=0.9, certificate=certificate)
    return ledger.create(made, Note(AT, "matched", "matched"), context={})


def test_what_the_evidence_approved_begins_only_while_the_certificate_is_in_force(
    evidence: Evidence, ledger: Ledger
) -> None:
    (issued,) = evidence.issue([GRANTED], model=OLD, at=AT)
    made, applying = decided_on(ledger, State.APPROVED, issued.id), Note(AT, "applying", "begins")
    evidence.suspend("storage-box", "drift", LATER)
    count = rows(ledger)
    with pytest.raises(StaleRequest, match="suspended: drift"):
        ledger.begin(made, applying, reserve="dev/box", least=Mode.AUTONOMOUS, daily_limit=9)
    assert (ledger.get(made.id), rows(ledger)) == (made, count)
    evidence.restore("storage-box", LATER)
    assert ledger.begin(made, applying, reserve="dev/box", least=Mode.AUTONOMOUS, daily_limit=9).state is State.APPLYING


def test_what_a_person_approved_begins_without_a_certificate(ledger: Ledger) -> None:
    made = decided_on(ledger, State.APPROVED)
    begun = ledger.begin(made, Note(AT, "applying", "begins"), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9)
    assert begun.state is State.APPLYING


def test_the_evidence_approves_only_while_the_certificate_is_in_force(evidence: Evidence, ledger: Ledger) -> None:
    (issued,) = evidence.issue([GRANTED], model=OLD, at=AT)
    made, approved = decided_on(ledger, State.PLANNED, issued.id), Note(AT, "approved", "by evidence")
    proposal = ledger.propose(made, "d" * 64, "CODE", Note(AT, "proposal", "a code"))
    evidence.issue([GRANTED], model=NEW, at=LATER)
    count = rows(ledger)
    with pytest.raises(StaleRequest, match="was withdrawn"):
        ledger.approve(made, approved, proposal, by=EVIDENCE, comment_id=None)
    assert (ledger.get(made.id), ledger.proposal(made), rows(ledger)) == (made, proposal, count)
    assert ledger.approve(made, approved, proposal, by="ada", comment_id="7").state is State.APPROVED


def test_suspending_and_beginning_at_once_has_one_order(ledger: Ledger, ledger_place: Location) -> None:
    """Two processes' worth of connections: what begins after the suspension's row is refused."""
    (issued,) = ledger.evidence.issue([GRANTED], model=OLD, at=AT)
    begun = refused = 0
    with Ledger.open(ledger_place) as other, ThreadPoolExecutor(2) as pool:
        for number in range(1, 26):
            made, barrier = decided_on(ledger, State.APPROVED, issued.id, number), Barrier(2)

            def begin(made: Request = made, barrier: Barrier = barrier) -> bool:
                barrier.wait()
                try:
                    ledger.begin(
                        made, Note(AT, "applying", "b"), reserve=made.ticket_key, least=Mode.AUTONOMOUS, daily_limit=9
                    )
                except StaleRequest:
                    return False
                return True

            def suspend(barrier: Barrier = barrier) -> None:
                barrier.wait()
                other.evidence.suspend("storage-box", "drift", AT)

            has_begun, _ = pool.submit(begin), pool.submit(suspend).result()
            begun, refused = begun + has_begun.result(), refused + (not has_begun.result())
            is_before = kinds(ledger_place)[-2:] == ["applying", "certificate_suspended"]
            assert is_before == has_begun.result()
            other.evidence.restore("storage-box", AT)
    assert begun + refused == 25


NO_MORE = {
    False: ("CREATE TRIGGER no_more BEFORE INSERT ON payloads BEGIN SELECT RAISE(FAIL, 'no more'); END",),
    True: (
        "CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more'; END $$",
        "CREATE TRIGGER no_more BEFORE INSERT ON payloads EXECUTE FUNCTION refused()",
    ),
}


def test_a_change_that_fails_leaves_nothing(evidence: Evidence, ledger: Ledger, ledger_place: Location) -> None:
    """The row in the ledger and the change are one transaction."""
    run(ledger_place, *NO_MORE[isinstance(ledger_place, Place)])
    for change in (
        lambda: evidence.issue([GRANTED], model=OLD, at=AT),
        lambda: evidence.name_type("boxes", "Boxes", "request", by="olli", at=AT),
        lambda: evidence.audit(said("redis")),
        lambda: ledger.demote("storage-box", Mode.SUPERVISED, "drift", AT),
        lambda: ledger.configured("storage-box", Mode.SHADOW, AT),
    ):
        with pytest.raises((IntegrityError, LedgerError), match="no more"):
            change()
    assert (evidence.certificates(), evidence.request_types(), evidence.audits()) == ([], [], [])
    assert (ledger.ceiling("storage-box"), ledger.configured_modes(), rows(ledger)) == (None, {}, 0)


def test_a_demotion_is_lifted_by_a_person_and_told_apart_from_a_stop(ledger: Ledger, ledger_place: Location) -> None:
    assert ledger.demote("storage-box", Mode.SUPERVISED, "it drifted", AT)
    assert not ledger.demote("storage-box", Mode.SUPERVISED, "it drifted again", AT)
    found = ledger.ceiling("storage-box")
    assert found is not None
    assert found.sentence == "demoted to supervised: it drifted"
    ledger.stop("all", reason="an incident", by="olli", at=AT, ceiling=Mode.SUPERVISED)
    assert ledger.ceiling("storage-box") == Ceiling(Mode.SUPERVISED, "an incident")
    ledger.resume("all", by="olli", at=AT)
    assert ledger.ceiling("storage-box") == found
    assert ledger.demote("storage-box", Mode.SHADOW, "worse", AT)
    ledger.resume("storage-box", by="olli", at=AT)
    assert ledger.ceiling("storage-box") is None
    assert kinds(ledger_place) == ["demoted", "stopped", "resumed", "demoted", "resumed"]


def test_a_configured_mode_is_recorded_when_it_changes(ledger: Ledger, ledger_place: Location) -> None:
    told = [ledger.configured("storage-box", mode, AT) for mode in (Mode.SHADOW, Mode.SHADOW, Mode.AUTONOMOUS)]
    assert told == [True, False, True]
    assert ledger.configured_modes() == {"storage-box": Mode.AUTONOMOUS}
    assert kinds(ledger_place) == ["mode_configured", "mode_configured"]

"""Thousands of lives of requests: arrows by themselves, and the whole engine among people and faults."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fulfilment.chain import Note
from fulfilment.engine import Engine
from fulfilment.errors import AnswerLost, ProviderBusy, ProviderRefused, StaleRequest
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import RESULTS
from fulfilment.request import ARROWS, UNFINISHED, Request, State
from tests.fakes import (
    ADA,
    DANA,
    OLGA,
    OTTO,
    SECRET,
    START,
    BoxHandler,
    BoxSettings,
    FakeDesk,
    FakeProvider,
    Killed,
    PlainReplies,
    policy,
)
from tickets.errors import AnswerUnknown, JiraUnreachable
from tickets.ticket import Classification, Person

LIVES = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_state_has_arrows_and_a_result() -> None:
    assert set(ARROWS) == set(State)
    assert set(RESULTS) == set(State)
    assert all(ARROWS[state] for state in UNFINISHED)


class Arrows(RuleBasedStateMachine):
    """The ledger against a model: the state, the epoch, and how many rows there must be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger.open(Path(self.folder.name) / "ledger.sqlite3")
        self.rows = 0
        self.request = Request(
            id="a" * 64,
            site="fake",
            ticket_id=1,
            ticket_key="OPS-1",
            handler="storage-box",
            generation=1,
            state=State.MATCHED,
            epoch=1,
            content_hash="c",
            request_type="storage-box",
            type_source="given",
            requester="dana",
            parameters="{}",
            plan=None,
            resource=None,
            reason="",
            created_at=START,
            updated_at=START,
        )
        self.old: Request | None = None

    @initialize()
    def create(self) -> None:
        note = Note(START, "matched", "matched")
        self.ledger.create(self.request, note, context={})
        self.rows += 1

    @rule(to=st.sampled_from(State))
    def move(self, to: State) -> None:
        note = Note(START, to.value, f"to {to}")
        if to in ARROWS[self.request.state]:
            self.old, self.request = self.request, self.ledger.move(self.request, to, note)
            self.rows += 1
        else:
            with pytest.raises(ValueError, match="cannot go"):
                self.ledger.move(self.request, to, note)

    @rule()
    def move_from_what_is_no_longer_so(self) -> None:
        if self.old is None:
            return
        for to in sorted(ARROWS[self.old.state]):
            with pytest.raises(StaleRequest):
                self.ledger.move(self.old, to, Note(START, to.value, "too late"))

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(Path(self.folder.name) / "ledger.sqlite3")

    @invariant()
    def what_is_kept_is_what_was_done(self) -> None:
        if self.rows:
            assert self.ledger.get(self.request.id) == self.request
            report = self.ledger.verify()
            assert (report.rows, report.broken_at) == (self.rows, None)

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


class Lives(RuleBasedStateMachine):
    """A supervised installation among people, edits, faults and sudden deaths."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger.open(Path(self.folder.name) / "ledger.sqlite3")
        self.desk = FakeDesk()
        self.provider = FakeProvider()
        self.ticket = self.desk.file()
        self.approvals = 0

    @rule(
        fault=st.sampled_from([None, ProviderBusy("busy"), ProviderRefused("no"), AnswerLost("gone"), Killed()]),
        operation=st.sampled_from(["box:CreateBox", "box:PutLock", "read"]),
        is_after=st.booleans(),
        desk=st.sampled_from([None, "ticket", "groups_of", "post_comment", "move"]),
        lost=st.sampled_from([None, "post_comment", "move"]),
    )
    def cycle(
        self, fault: BaseException | None, operation: str, is_after: bool, desk: str | None, lost: str | None
    ) -> None:
        if lost is not None:
            where = self.desk.fail_after if is_after else self.desk.fail_next
            where[lost] = AnswerUnknown("no answer in time")
        if desk is not None:
            self.desk.fail_next[desk] = JiraUnreachable("no answer")
        if fault is not None:
            is_effect_unknown = isinstance(fault, AnswerLost | Killed) and operation != "read"
            faults = self.provider.after if is_after and is_effect_unknown else self.provider.before
            faults[operation] = fault
        try:
            self.look()
        except (Killed, JiraUnreachable, AnswerUnknown):
            pass
        finally:
            self.provider.before.clear()
            self.provider.after.clear()
            self.desk.fail_next.clear()
            self.desk.fail_after.clear()

    @initialize()
    def look_first(self) -> None:
        self.look()

    @rule()
    def look(self) -> None:
        engine = Engine(
            ledger=self.ledger,
            desk=self.desk,
            replies=PlainReplies(),
            handlers={"storage-box": BoxHandler(BoxSettings())},
            policy=policy(Mode.SUPERVISED),
            workshop=self.provider,
            secret=SECRET,
        )
        engine.consider(self.ticket.id, Classification("storage-box", "given", 1.0))

    @rule(by=st.sampled_from([ADA, ADA, DANA, OLGA]))
    def approve(self, by: Person) -> None:
        codes = self.ledger.codes("fake", self.ticket.id)
        if codes:
            self.desk.comment(self.ticket.id, by, f"approve {codes[-1]}")
            self.approvals += by == ADA

    @rule(number=st.integers(1, 2))
    def edit(self, number: int) -> None:
        self.desk.fill(self.ticket.id, DANA, "Box name", f"payments-box-{number}")

    @rule(is_outsider=st.booleans())
    def comment(self, is_outsider: bool) -> None:
        if is_outsider and self.approvals > 1:
            self.desk.comment(self.ticket.id, OTTO, "I take this")

    @rule(hours=st.integers(1, 200))
    def wait(self, hours: int) -> None:
        if hours > 190:
            self.desk.clock += timedelta(hours=hours)

    @invariant()
    def nothing_is_made_unasked_or_twice(self) -> None:
        assert self.provider.created <= self.approvals
        requests = self.ledger.requests()
        marks = [box["mark"] for box in self.provider.boxes.values()]
        assert len(marks) == len(set(marks)) == self.provider.created - self.provider.deleted
        assert len(marks) <= len(requests)

    @invariant()
    def a_fulfilled_ticket_was_answered_once(self) -> None:
        closed = [request for request in self.ledger.requests() if request.state is State.CLOSED]
        assert len(self.desk.ours(self.ticket.id, "result")) >= len(closed)
        assert len(closed) <= 1
        assert len(self.desk.ours(self.ticket.id, "result")) <= 1
        for request in closed:
            assert self.provider.boxes[str(request.resource)]["locked"]

    @invariant()
    def the_record_is_whole(self) -> None:
        assert self.ledger.verify().broken_at is None

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


Arrows.TestCase.settings = LIVES
Lives.TestCase.settings = LIVES
TestArrows = Arrows.TestCase
TestLives = Lives.TestCase

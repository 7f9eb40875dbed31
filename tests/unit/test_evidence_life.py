"""Evidence against a simple model: whatever is issued, suspended, merged and said, in whatever order."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fulfilment.engine import Engine
from fulfilment.errors import CircularMerge, UnknownRequestType
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import Audit, Certificate, KnownRequestType
from tests.fakes import (
    ADA,
    DANA,
    SECRET,
    START,
    BoxHandler,
    BoxSettings,
    FakeDesk,
    FakeProvider,
    Killed,
    PlainReplies,
    form,
    policy,
)
from tickets.ticket import Classification

IDS = ("boxes", "caches", "queues", "topics")
MODELS = ("a" * 64, "b" * 64)

Fault = tuple[str, str]

ids = st.sampled_from(IDS)
faults = st.sampled_from(
    [
        ("", ""),
        ("", ""),
        ("provider", "box:CreateBox"),
        ("provider", "read"),
        ("desk", "post_comment"),
        ("desk", "move"),
    ]
)


class EvidenceLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger.open(self.path)
        self.into: dict[str, str] = {}
        self.standing: dict[str, tuple[Certificate, bool]] = {}  # and whether it is suspended
        self.words: dict[int, str] = {}
        self.demoted = False
        self.rows = 0

    @property
    def path(self) -> Path:
        return Path(self.folder.name) / "ledger.sqlite3"

    def root(self, id: str) -> str:
        while id in self.into:
            id = self.into[id]
        return id

    def wrote(self, is_expected: bool) -> None:
        """Rows were added exactly when something changed."""
        rows = self.ledger.verify().rows
        assert (rows > self.rows) == is_expected
        self.rows = rows

    @initialize()
    def discover(self) -> None:
        self.ledger.evidence.discovered([KnownRequestType(id, id, "request") for id in IDS], START)
        self.wrote(True)

    @rule(types=st.sets(ids), model=st.sampled_from(MODELS), audited=st.integers(100, 102), is_granted=st.booleans())
    def issue(self, types: set[str], model: str, audited: int, is_granted: bool) -> None:
        threshold = 0.8 if is_granted else None
        given = [Certificate(id, 0.02, 0.95, threshold, audited, 0, 0.5, model=model) for id in sorted(types)]
        if any(self.root(id) != id for id in types):
            with pytest.raises(UnknownRequestType, match="was merged into"):
                self.ledger.evidence.issue(given, model=model, at=START)
            return self.wrote(False)
        self.ledger.evidence.issue(given, model=model, at=START)
        before = dict(self.standing)
        self.standing = {id: held for id, held in before.items() if held[0].model == model}
        for certificate in given:
            is_held = self.standing.get(certificate.request_type, (None, False))[1]
            self.standing[certificate.request_type] = (certificate, is_held)
        return self.wrote(self.standing != before)

    @rule(id=ids, is_suspending=st.booleans())
    def suspend_or_restore(self, id: str, is_suspending: bool) -> None:
        evidence = self.ledger.evidence
        changes = id in self.standing and self.standing[id][1] != is_suspending
        done = evidence.suspend(id, "drift", START) if is_suspending else evidence.restore(id, START)
        assert done == changes
        if changes:
            self.standing[id] = (self.standing[id][0], is_suspending)
        self.wrote(changes)

    @rule(id=ids, into=ids)
    def merge(self, id: str, into: str) -> None:
        root, left = self.root(into), self.root(id)
        if root == id:
            with pytest.raises(CircularMerge):
                self.ledger.evidence.merge_types([id], into, by="olli", at=START)
            return self.wrote(False)
        self.ledger.evidence.merge_types([id], into, by="olli", at=START)
        if left != root:
            self.into[id] = root
            for touched in (id, left, root):
                self.standing.pop(touched, None)
        return self.wrote(left != root)

    @rule(ticket=st.integers(1, 2), request_type=ids)
    def audit(self, ticket: int, request_type: str) -> None:
        said = Audit("fake", ticket, f"OPS-{ticket}", request_type, "audit", "olli", START)
        assert self.ledger.evidence.audit(said) == (self.words.get(ticket) != request_type)
        self.wrote(self.words.get(ticket) != request_type)
        self.words[ticket] = request_type

    @rule(is_lifting=st.booleans())
    def demote(self, is_lifting: bool) -> None:
        if is_lifting:
            self.ledger.resume("handler", by="olli", at=START)
            self.wrote(True)
        else:
            assert self.ledger.demote("handler", Mode.SUPERVISED, "an undo", START) != self.demoted
            self.wrote(not self.demoted)
        self.demoted = not is_lifting

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.path)

    @invariant()
    def what_stands_is_what_was_done(self) -> None:
        if not self.rows:
            return
        evidence = self.ledger.evidence
        assert evidence.resolved() == {id: self.root(id) for id in IDS}
        told = {
            c.request_type: (c.model, c.threshold, c.audited, c.suspended_at is None) for c in evidence.certificates()
        }
        assert told == {id: (c.model, c.threshold, c.audited, not held) for id, (c, held) in self.standing.items()}
        in_force = {id for id, (c, held) in self.standing.items() if c.threshold is not None and not held}
        assert set(evidence.in_force()) == in_force
        assert {said.ticket_id: said.request_type for said in evidence.audits()} == self.words
        assert self.ledger.verify().broken_at is None

    @invariant()
    def only_evidence_lets_a_prediction_act(self) -> None:
        if not self.rows:
            return
        in_force = self.ledger.evidence.in_force()
        for id in IDS:
            named = in_force[id].id if id in in_force else "no such certificate"
            told = Classification(id, "predicted", 0.9, named)
            found = self.ledger.effective_mode(
                Mode.AUTONOMOUS, handler="handler", site="fake", ticket_id=1, classification=told
            )
            is_contradicted = 1 in self.words and self.root(self.words[1]) != self.root(id)
            may_act = id in in_force and not self.demoted and not is_contradicted
            assert (found.mode is Mode.AUTONOMOUS) == may_act
            below = replace(told, score=0.79)
            assert (
                self.ledger.effective_mode(
                    Mode.AUTONOMOUS, handler="handler", site="fake", ticket_id=1, classification=below
                ).mode
                is Mode.SUPERVISED
            )

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


class Autonomy(RuleBasedStateMachine):
    """An autonomous installation among suspensions, demotions, edits, people's words and sudden deaths. The ledger
    itself is replayed: nothing began without what carried it at that row."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite3"
        self.ledger = Ledger.open(self.path)
        self.desk = FakeDesk()
        self.provider = FakeProvider()
        self.issued = 0

    @initialize()
    def file(self) -> None:
        self.tickets = [self.desk.file(form=form(name=f"payments-box-{number}")) for number in range(2)]
        self.certify(0, True)

    @rule(number=st.integers(0, 1), score=st.sampled_from([0.9, 0.9, 0.5]), is_named=st.booleans(), act=faults)
    def look(self, number: int, score: float, is_named: bool, act: Fault) -> None:
        ticket = self.desk.tickets[self.tickets[number].id]
        in_force = self.ledger.evidence.in_force().get("storage-box")
        named = in_force.id if in_force and is_named else None
        self._interrupted(act)
        with suppress(Killed):
            self._engine().consider(ticket, Classification("storage-box", "predicted", score, named))
        self._clear()

    @rule(act=faults)
    def cycle(self, act: Fault) -> None:
        engine = self._engine()
        self._interrupted(act)
        with suppress(Killed):
            for request in engine.due():
                engine.advance(request)
        self._clear()

    @rule(model=st.integers(0, 1), is_granted=st.booleans())
    def certify(self, model: int, is_granted: bool) -> None:
        self.issued += 1
        bound = Certificate("storage-box", 0.02, 0.95, 0.8 if is_granted else None, 100 + self.issued, 0, 0.5)
        self.ledger.evidence.issue([bound], model=MODELS[model], at=START)

    @rule(is_suspending=st.booleans())
    def suspend_or_restore(self, is_suspending: bool) -> None:
        evidence = self.ledger.evidence
        if is_suspending:
            evidence.suspend("storage-box", "drift", START)
        else:
            evidence.restore("storage-box", START)

    @rule(number=st.integers(0, 1), request_type=st.sampled_from(["storage-box", "redis"]))
    def say(self, number: int, request_type: str) -> None:
        ticket = self.tickets[number]
        self.ledger.evidence.audit(
            Audit("fake", ticket.id, ticket.key, request_type, "correction", "olli", self.desk.clock)
        )

    @rule()
    def resume(self) -> None:
        self.ledger.resume("storage-box", by="olli", at=START)

    @rule(number=st.integers(0, 1))
    def approve(self, number: int) -> None:
        codes = self.ledger.codes("fake", self.tickets[number].id)
        if codes:
            self.desk.comment(self.tickets[number].id, ADA, f"approve {codes[-1]}")

    @rule(number=st.integers(0, 1), words=st.sampled_from(["a storage box", "one storage box"]))
    def edit(self, number: int, words: str) -> None:
        self.desk.edit(self.tickets[number].id, DANA, summary=f"Please create {words}")

    @invariant()
    def nothing_began_without_what_carried_it(self) -> None:
        in_force = is_demoted = False
        approved: dict[str, str] = {}
        words: dict[int, str] = {}
        began = 0
        for kind, request, ticket, detail in self._rows():
            if kind.startswith("certificate_"):
                is_standing = kind in ("certificate_issued", "certificate_suspended", "certificate_restored")
                in_force = is_standing and detail["threshold"] is not None and not detail["is_suspended"]
            elif kind in ("demoted", "resumed"):
                is_demoted = kind == "demoted"
            elif kind == "audited":
                words[ticket] = detail["type"]
            elif kind in ("approved", "unapproved", "planned"):
                approved[request] = detail.get("account", "evidence") if kind == "approved" else ""
            elif kind == "applying" and detail.get("plan"):
                began += 1
                carried = in_force and not is_demoted and words.get(ticket, "storage-box") == "storage-box"
                assert approved[request] == ADA.id or (approved[request] == "evidence" and carried)
        assert self.provider.created <= began
        assert self.ledger.verify().broken_at is None

    def _engine(self) -> Engine:
        return Engine(
            ledger=self.ledger,
            desk=self.desk,
            replies=PlainReplies(),
            handlers={"storage-box": BoxHandler(BoxSettings())},
            policy=policy(Mode.AUTONOMOUS),
            workshop=self.provider,
            secret=SECRET,
        )

    def _interrupted(self, act: Fault) -> None:
        where, call = act
        if where == "provider":
            self.provider.before[call] = Killed()
        elif where == "desk":
            self.desk.fail_next[call] = Killed()

    def _clear(self) -> None:
        self.provider.before.clear()
        self.desk.fail_next.clear()

    def _rows(self) -> list[tuple[str, str, int, dict[str, Any]]]:
        with sqlite3.connect(self.path) as connection:
            query = "SELECT kind, request_id, ticket_id, detail FROM ledger ORDER BY seq"
            found = [
                (kind, request, ticket, json.loads(detail))
                for kind, request, ticket, detail in connection.execute(query)
            ]
        connection.close()
        return found

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


LIVES = settings(max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EvidenceLife.TestCase.settings = LIVES
Autonomy.TestCase.settings = LIVES
TestEvidenceLife = EvidenceLife.TestCase
TestAutonomy = Autonomy.TestCase

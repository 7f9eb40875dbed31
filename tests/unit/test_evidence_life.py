"""Evidence against a simple model: whatever is issued, suspended, merged and said, in whatever order."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fulfilment.errors import CircularMerge, UnknownRequestType
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import Audit, Certificate, KnownRequestType
from tests.fakes import START
from tickets.ticket import Classification

IDS = ("boxes", "caches", "queues", "topics")
MODELS = ("a" * 64, "b" * 64)

ids = st.sampled_from(IDS)


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


EvidenceLife.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestEvidenceLife = EvidenceLife.TestCase

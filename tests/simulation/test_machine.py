"""A request's life in any order of acts: whatever people, Jira, the provider and other processes do, and however often
the agent dies, nothing that must never be ever is; and when the trouble ends, everything comes to an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fakes import Killed, form
from tests.simulation import invariants
from tests.simulation.play import Process, Stage, kit
from tests.simulation.scenarios import ACTS, SCENARIOS
from tests.simulation.schedules import LASTING, PASSING, PEOPLE, Schedule
from tests.simulation.tape import How, Tape
from tests.simulation.world import bench

# What may be broken for a while, between two cycles; the rest must hold at any time.
IN_THE_END = frozenset({"nothing_is_stuck", "what_stands_is_known", "no_open_ticket_is_left_without_a_decision"})


class Life(RuleBasedStateMachine):
    """Faults are told beforehand: so many calls from now, this happens."""

    @initialize(name=st.sampled_from(["autonomous", "supervised", "question", "slow", "forgiving", "quota"]))
    def begin(self, name: str) -> None:
        stand, scenario = bench(), SCENARIOS[name]
        world = stand.new_world()
        stand.install(stand.empty)
        reel = stand.reel(Tape(stand.open_ledger()), How.LIVE)
        self.stage = Stage(stand, world, scenario, Schedule(name), kit(name), reel, True)
        self.world, self.scenario = world, scenario
        scenario.begin(world)
        self.process = Process(self.stage, "agent", reel.tape.ledger)

    @rule(after=st.integers(1, 40), what=st.sampled_from([*PASSING, *LASTING, *PEOPLE]))
    def trouble(self, after: int, what: str) -> None:
        self.stage.faults.setdefault(len(self.stage.points) + after, []).append(what)

    @rule(what=st.sampled_from(PEOPLE))
    def act(self, what: str) -> None:
        self.stage.tell(f"somebody: {what}")
        ACTS[what](self.world, min(self.world.jira.tickets))

    @rule()
    def people(self) -> None:
        self.scenario.people(self.world)

    @precondition(lambda self: len(self.world.jira.tickets) < 4)
    @rule(number=st.integers(1, 2))
    def file(self, number: int) -> None:
        self.world.jira.file(form=form(name=f"payments-more-{number}"))

    @rule()
    def cycle(self) -> None:
        try:
            self.process.cycle()
        except Killed:
            self.process = Process(self.stage, "agent")

    @rule()
    def other(self) -> None:
        try:
            Process(self.stage, "another").cycle()
        except Killed:
            self.stage.tell("another is dead")

    @rule(minutes=st.sampled_from([1, 6, 16, 90, 60 * 24 * 6]))
    def wait(self, minutes: int) -> None:
        self.world.pass_time(timedelta(minutes=minutes))

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "stage"):
            self._check(IN_THE_END)

    def teardown(self) -> None:
        """All is quiet: so many cycles later everything came to an end."""
        if not hasattr(self, "stage"):
            return
        self.stage.faults.clear()
        for _ in range(12):
            self.cycle()
            self.world.pass_time(timedelta(minutes=40))
        self._check(frozenset())

    def _check(self, but: frozenset[str]) -> None:
        books = invariants.Books(self.world, frozenset(self.stage.slept_before))
        wrong = [*self.world.wrong, *invariants.check(books), *invariants.check_ledger(self.process.ledger)]
        wrong = [line for line in wrong if line.partition(":")[0] not in but]
        assert not wrong, "\n".join([*self.stage.trace, *wrong])


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def test_a_life() -> None:
    run_state_machine_as_test(
        Life, settings=settings(max_examples=12, stateful_step_count=15, derandomize=True, **QUIET)
    )


@pytest.mark.soak
def test_many_lives() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=3000, stateful_step_count=40, **QUIET))

"""Plays a story against the sandbox over HTTP and sets the world against the store at its end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from sandbox.serve import serve_in_thread
from sandbox.site import empty_world
from tests.truth.comparison import Fates, Truth, differences, history_differences, missed, proof_differences
from tests.truth.machine import Machine, Turn, Ways
from tests.truth.people import People
from tests.truth.story import PEOPLE, TROUBLE, Step, Story
from tests.truth.trouble import Trouble
from tickets.history import write_history
from tickets.proof import read_proof
from tickets.store import TicketStore
from tickets.sync import OVERLAP

# The longest that each may take, in seconds; a pause lasts longer than the overlap in any case.
WAITS: Final = {"wait": (5, 60, 700, 4000, 90_000), "long wait": (2 * 86_400,), "pause": (60, 4000)}
BEGINNING: Final = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`account` says what happened, a line per step that did something; `differences` are those at the first
    comparison that had any."""

    story: Story
    account: tuple[str, ...]
    differences: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        lines = [self.story.title, *self.account, *(f"WRONG: {line}" for line in self.differences)]
        return "\n".join([*lines, f"replay, cut down to what it needs: {self.story.command}"])


def play(story: Story, ways: Ways | None = None) -> Outcome:
    """Ends at the first comparison that finds a difference; the last step is always a comparison."""
    began = perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="truth-")))
        world = empty_world(BEGINNING)
        site = stack.enter_context(serve_in_thread(world, aws=False, deployment=story.deployment))
        people = People(site.state, story.projects)
        trouble = Trouble(site.state.faults, people, story.deployment)
        machine = Machine(site, story.deployment, story.projects, folder, ways or Ways())
        stage = _Stage(people, trouble, machine, Truth(world, people, story.deployment))
        found: list[str] = []
        for number, step in enumerate(story.steps):
            found = stage.take(number, step)
            if found:
                break
        else:
            found = stage.take(len(story.steps), Step("checkpoint", story.seed))
    return Outcome(story, tuple(stage.account), tuple(found), perf_counter() - began)


class _Stage:
    """Takes steps; `account` says what each did."""

    def __init__(self, people: People, trouble: Trouble, machine: Machine, truth: Truth) -> None:
        self.people = people
        self.trouble = trouble
        self.machine = machine
        self.truth = truth
        self.fates = Fates(truth)
        self.account: list[str] = []

    def take(self, number: int, step: Step) -> list[str]:
        """What was found wrong after the step."""
        random = Random(step.number)
        told = ""
        found: list[str] = []
        if step.kind in PEOPLE:
            told = self.people.act(step.kind, random)
        elif step.kind in TROUBLE:
            told = self.trouble.cause(step.kind, random)
        elif step.kind in WAITS:
            told = self._wait(WAITS[step.kind], random)
        elif step.kind == "checkpoint":
            told, found = self._checkpoint(random)
        else:
            told, found = self._turn(step.kind, random)
        if told:
            self.account += [f"{number:4}. {self._time()} {told}", *self._meanwhile()]
        return found

    def _time(self) -> str:
        return f"{self.people.state.now():%m-%d %H:%M:%S}"

    def _meanwhile(self) -> list[str]:
        told = [f"        meanwhile: {act}" for act in self.trouble.acts]
        self.trouble.acts.clear()
        return told

    def _wait(self, longest: Sequence[int], random: Random) -> str:
        seconds = random.randint(1, random.choice(longest)) + (OVERLAP.seconds if longest is WAITS["pause"] else 0)
        self.people.state.advance(timedelta(seconds=seconds))
        return f"{timedelta(seconds=seconds)} pass"

    def _turn(self, kind: str, random: Random) -> tuple[str, list[str]]:
        """What the turn came to. Where it says that all went well, and nothing happened meanwhile, it must be true."""
        machine = self.machine
        machine.read = self._read(kind, random)
        with machine.open() as store:
            self.fates.note(store, machine.read)
            self.people.watch = lambda: self.fates.note(store, machine.read)
            turn = self._run(kind, random)
            self.people.watch = lambda: None
            self.fates.note(store, machine.read)
            only = "" if machine.read == machine.projects else f" (of {' '.join(machine.read)} only)"
            if kind == "checkpoint" and not turn.is_whole:
                return turn.told, [f"a quiet sync {turn.told}"]
            if turn.is_whole and not only:
                self.people.disturbed.clear()
            found = self.fates.never_so(store)
            was_quiet = not (only or self.trouble.acts or self.trouble.faults.index_lag)
            if turn.is_whole and was_quiet and (kind == "checkpoint" or self._claims(store)):
                found += self._compare(store)
            return turn.told + only, found

    def _read(self, kind: str, random: Random) -> tuple[str, ...]:
        """The projects of this turn: sometimes not all, as when somebody changes the configuration to and fro."""
        projects = self.machine.projects
        if kind in ("quiet sync", "checkpoint") or random.random() < 0.85:
            return projects
        return tuple(random.sample(projects, random.randint(1, len(projects))))

    def _run(self, kind: str, random: Random) -> Turn:
        is_hasty = self.trouble.is_slow
        if kind == "killed sync":
            self.trouble.calm()  # it waits in real time
            return self.machine.killed_sync(random)
        if kind == "census":
            return self.machine.census(random, is_hasty=is_hasty)
        if kind == "interrupted sync":
            return self.machine.interrupted_sync(random, is_hasty=is_hasty)
        takes_census = kind in ("sync and census", "checkpoint")
        return self.machine.sync(random, is_hasty=is_hasty, takes_census=takes_census)

    def _checkpoint(self, random: Random) -> tuple[str, list[str]]:
        """All is quiet and the index up to date: a sync alone must have what never went out of sight, and with a census
        the store must tell the truth."""
        self.trouble.end()
        synced, found = self._turn("quiet sync", random)
        with self.machine.open() as store:
            found += missed(self.truth, store)
        turn, untrue = self._turn("checkpoint", random)
        return f"checkpoint: {synced}; {turn}", found or untrue

    def _claims(self, store: TicketStore) -> bool:
        """Whether the proof says that nothing is missing: after trouble it may say otherwise, and need not be true."""
        return read_proof(store, site=self.machine.site_name, projects=self.machine.projects).is_complete

    def _compare(self, store: TicketStore) -> list[str]:
        found = differences(self.truth, store, self.fates)
        if self.machine.ways.takes_census:
            found += proof_differences(self.truth, store, self.machine.site_name)
        write_history(store, self.machine.history)
        return found + history_differences(self.truth, self.machine.history)

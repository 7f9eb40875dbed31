"""Plays one schedule to its end: the real engine and ledger, one or more processes, and what goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from fulfilment.desk import Desk, Replies
from fulfilment.engine import Engine
from fulfilment.errors import AnswerLost, FulfilmentError, LedgerError, ProviderBusy, ProviderRefused
from fulfilment.handler import Handler
from fulfilment.ledger import Ledger
from fulfilment.policy import Policy
from fulfilment.request import Outcome, Result
from tests.fakes import SECRET, BoxSettings, Killed, PlainReplies
from tests.simulation import invariants
from tests.simulation.points import Call, Kind, Life, Point, WatchedDesk, WatchedLedger, WatchedWorkshop
from tests.simulation.scenarios import ACTS, SCENARIOS, Scenario, first
from tests.simulation.schedules import DESK, OUTSIDE, SENT, Fault, Schedule, by_point
from tests.simulation.tape import How, Reel, Tape
from tests.simulation.world import CALL_SECONDS, Bench, Effect, World, bench, is_cancelled
from tickets.errors import AnswerUnknown, JiraRefused, JiraUnreachable, NoTransition, TicketsError
from tickets.ticket import Classification

GIVEN = Classification("storage-box", "given", 1.0)
MOST_CYCLES = 60
MOST_LINES = 160  # of a trace
EVERY = timedelta(minutes=6)
SLEEP = timedelta(minutes=16)  # longer than a lease


@dataclass(frozen=True, slots=True)
class Played:
    """`wrong` is empty when every invariant held; `states` are those of the requests at the end."""

    schedule: Schedule
    wrong: tuple[str, ...]
    points: tuple[Point, ...]
    states: tuple[str, ...]
    trace: tuple[str, ...]
    cycles: int

    def __str__(self) -> str:
        lines = [f"{self.schedule.scenario}, states at the end: {', '.join(self.states) or 'none'}"]
        trace = self.trace
        if len(trace) > MOST_LINES:
            trace = (*trace[: MOST_LINES // 2], "...", *trace[-MOST_LINES // 2 :])
        lines += [*trace, *(f"WRONG: {line}" for line in self.wrong)]
        return "\n".join([*lines, f"play again: {self.schedule.command}"])


@dataclass(frozen=True)
class Kit:
    """What an installation is made of besides its ports."""

    handlers: Mapping[str, Handler]
    policy: Policy
    replies: Replies
    classification: Classification


class Process:
    """An agent: its own engine and view of the ledger. What it remembers dies with it."""

    def __init__(self, stage: Stage, name: str, ledger: Ledger | None = None) -> None:
        self.stage = stage
        self.world = stage.world
        self.life = Life(name)
        self.is_restless = False  # a turn failed, or could not tell: the next cycle has more to do
        watch, provider = stage.watch, cast(Any, stage.world.provider)
        self.ledger = ledger or stage.bench.open_ledger()
        self.engine = Engine(
            ledger=cast(Ledger, WatchedLedger(self.ledger, stage.reel, watch, self.life)),
            desk=cast(Desk, WatchedDesk(stage.world.jira, watch, self.life)),
            replies=stage.kit.replies,
            handlers=stage.kit.handlers,
            policy=stage.kit.policy,
            workshop=WatchedWorkshop(provider, watch, self.life),
            secret=SECRET,
            code=stage.world.new_code,
        )

    def cycle(self) -> None:
        """As `agent.cycle.run_cycle`, with a copy of the tickets that is always whole."""
        self.is_restless = False
        copied = self.world.unconsidered()
        due = self.engine.due()
        for request in due:
            self._turn(lambda request=request: self.engine.advance(request))  # type: ignore[misc]
        begun = {request.ticket_id for request in due}
        for ticket in copied:
            if ticket.id in begun:
                continue
            outcome = self._turn(lambda ticket=ticket: self.engine.consider(ticket, self.stage.kit.classification))  # type: ignore[misc]
            if outcome is not None and outcome.result is not Result.UNCERTAIN:
                self.world.considered[ticket.id] = ticket.updated_at

    def _turn(self, turn: Callable[[], Outcome]) -> Outcome | None:
        try:
            outcome = turn()
        except (TicketsError, FulfilmentError) as error:
            self.is_restless = True
            self.stage.tell(f"{self.life.name}: the turn ends with {type(error).__name__}: {error}")
            return None
        except Exception as error:  # what may not be: told as a finding, so that the play goes on
            self.world.wrong.append(f"only_known_errors_escape: {type(error).__name__}: {error}")
            return None
        self.is_restless |= outcome.result is Result.UNCERTAIN
        self.stage.tell(f"{self.life.name}: {outcome.ticket} {outcome.result.value}: {'; '.join(outcome.reasons)}")
        return outcome


@dataclass
class Stage:
    bench: Bench
    world: World
    scenario: Scenario
    schedule: Schedule
    kit: Kit
    reel: Reel
    keeps_trace: bool
    points: list[Point] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    out_until: dict[bool, datetime] = field(default_factory=dict)  # of the desk (True) and of the provider
    slept_before: set[str] = field(default_factory=set)
    others: int = 0

    def __post_init__(self) -> None:
        self.faults = by_point(self.schedule.faults)

    def tell(self, line: str) -> None:
        if self.keeps_trace:
            self.trace.append(f"{self.world.now():%d %H:%M:%S} {line}")

    def signature(self) -> tuple[object, bool]:
        """What changes when anything in Jira, at the provider or in the record does; and whether a request is in a
        state that the agent must lead it out of by itself."""
        rows, states = self.reel.ask("books", self.world.books, (), {})
        now = rows, tuple(self.world.jira.tickets.values()), self.world.provider.changes
        return now, bool(states - invariants.AT_REST)

    @property
    def is_out(self) -> bool:
        return any(self.world.now() < until for until in self.out_until.values())

    # --- what the watched ports call

    def watch(self, name: str, kind: Kind, life: Life, do: Callable[[], Any], about: dict[str, Any]) -> Any:
        if life.is_dead:
            raise Killed(f"{life.name} is dead")
        point = Point(len(self.points) + 1, name, kind)
        self.points.append(point)
        if kind in OUTSIDE:
            self.world.pass_time(CALL_SECONDS)
        faults = self.faults.get(point.at, ())
        if self.keeps_trace:
            self.tell(f"{point.at:4} {life.name} {name}{''.join(f'  <- {what}' for what in faults)}")
        call = Call(point, life, do, **about)
        for what in faults:
            self._before(call, what)
        if kind in OUTSIDE:
            self._is_in_order(call)
        result = self._make(call, faults)
        if name == "desk.ticket":
            life.cancelled[result.id] = is_cancelled(self.world, result)
        return result

    def _before(self, call: Call, what: str) -> None:
        """People act and other processes work first; then comes what befalls the call."""
        kind = call.point.kind
        if what == "swap":
            self.reel.go_live()
        if what in ACTS:
            self.world.jira.aside(lambda: ACTS[what](self.world, first(self.world)))
        elif what in ("other", "frozen"):
            self._other(call, is_asleep=what == "frozen")
        elif what == "wire" and kind in SENT:
            self.world.cut(call)
        elif what == "die":
            self._die(call)
        elif what == "locked" and kind is Kind.LEDGER:
            raise LedgerError("the ledger is locked by another process")
        elif what == "busy" and kind in OUTSIDE:
            raise _busy(kind)
        elif what == "refused" and kind in OUTSIDE:
            raise _refused(call)
        elif what.startswith("out:") and kind in OUTSIDE:
            self.out_until[kind in DESK] = self.world.now() + timedelta(seconds=int(what.removeprefix("out:")))

    def _is_in_order(self, call: Call) -> None:
        kind = call.point.kind
        until = self.out_until.get(kind in DESK)
        if until is not None and self.world.now() < until:
            raise _busy(kind)

    def _make(self, call: Call, faults: list[str] | tuple[()]) -> Any:
        if call.point.kind not in SENT:
            return call.do()
        if call.step is not None and self.reel.how is not How.PLAYING:
            invariants.check_sending(self.world, call, has_slept=_sending(call) in self.slept_before)
        for what in faults:
            if what == "lost-undone":
                raise _lost(call)
            if what == "lost":
                self._land(call)
                raise _lost(call)
            if what.startswith(("late:", "die-late:")):
                delay = timedelta(seconds=int(what.rpartition(":")[2]))
                self.world.later(delay, call.point.name, lambda: self._land(call))
                if what.startswith("die"):
                    self._die(call)
                raise _lost(call)
        result = call.do()
        self._note(call)
        return result

    def _die(self, call: Call) -> None:
        self.reel.go_live()
        call.life.die()

    def _land(self, call: Call) -> None:
        """The effect, whose answer nobody hears."""
        try:
            call.do()
        except (TicketsError, FulfilmentError) as error:
            self.tell(f"     what {call.point.at} asked for comes to nothing: {error}")
            return
        self.tell(f"     what {call.point.at} asked for is done: {call.point.name}")
        self._note(call)

    def _note(self, call: Call) -> None:
        step = call.step
        kind = step.operation if step else call.point.name
        self.world.effects.append(Effect(call.point.at, kind, call.request, step is not None and step.creates))

    def _other(self, call: Call, *, is_asleep: bool) -> None:
        """Another process works for a cycle, while this one sleeps for longer than its lease or just waits."""
        if self.others > 2:
            return
        self.reel.go_live()
        if is_asleep:
            self.slept_before.add(_sending(call))
            self.world.pass_time(SLEEP)
        self.others += 1
        other = Process(self, f"other{self.others}")
        try:
            other.cycle()
        except Killed:
            self.tell(f"     {other.life.name} is dead")


def _busy(kind: Kind) -> Exception:
    if kind in DESK:
        return JiraUnreachable("no answer")
    return ProviderBusy("slow down", code="Throttling")


def _lost(call: Call) -> Exception:
    if call.point.kind is Kind.DESK_WRITE:
        return AnswerUnknown("the answer was lost")
    return AnswerLost("the answer was lost")


def _refused(call: Call) -> Exception:
    if call.point.name == "desk.move":
        return NoTransition("no transition leads there")
    if call.point.kind in DESK:
        return JiraRefused("not permitted")
    return ProviderRefused("not permitted", code="AccessDenied")


@cache
def kit(name: str) -> Kit:
    scenario = SCENARIOS[name]
    return Kit({"storage-box": scenario.handler(BoxSettings())}, scenario.policy, PlainReplies(), GIVEN)


@dataclass(frozen=True)
class Recording:
    """A scenario without faults: its points, and the end that it comes to."""

    tape: Tape
    played: Played


@cache
def recording(name: str) -> Recording:
    stand = bench()
    stand.install(stand.empty)
    tape = Tape(stand.open_ledger())
    return Recording(tape, _play(Schedule(name), tape, How.RECORDING))


def at(scenario: str, name: str) -> int:
    """The ordinal of a point of the recording, by its name: `desk.ticket@2` is the second of that name. Raises
    ValueError when there is none."""
    wanted, _, number = name.partition("@")
    found = [point.at for point in recording(scenario).played.points if point.name == wanted]
    if len(found) < int(number or 1):
        raise ValueError(f"{scenario} has no point {name}")
    return found[int(number or 1) - 1]


def schedule(scenario: str, *words: str) -> Schedule:
    """`schedule("autonomous", "ledger.begin", "die")`; a point may be an ordinal too."""
    pairs = zip(words[::2], words[1::2], strict=True)
    faults = (Fault(int(where) if where.isdigit() else at(scenario, where), what) for where, what in pairs)
    return Schedule(scenario, tuple(faults))


def play(schedule: Schedule, *, trace: bool = False) -> Played:
    known = recording(schedule.scenario)
    if not schedule.faults or schedule.faults[0].at > len(known.played.points):
        bench().install(bench().empty)
        return _play(schedule, Tape(bench().open_ledger()), How.LIVE, trace=trace)
    played = _play(schedule, known.tape, How.PLAYING, trace=trace)
    is_held = SCENARIOS[schedule.scenario].is_steady and schedule.is_passing and not played.wrong
    if is_held and sorted(played.states) != sorted(known.played.states):
        states = ", ".join(played.states), ", ".join(known.played.states)
        return replace(played, wrong=(f"what_passes_changes_nothing: {states[0]} in place of {states[1]}",))
    return played


def _play(schedule: Schedule, tape: Tape, how: How, *, trace: bool = False) -> Played:
    stand, scenario = bench(), SCENARIOS[schedule.scenario]
    world = stand.new_world()
    stage = Stage(stand, world, scenario, schedule, kit(scenario.name), stand.reel(tape, how), trace)
    return run(stage)


def run(stage: Stage) -> Played:
    """To the end: until nothing changes any more, or for so many cycles."""
    world, scenario, reel = stage.world, stage.scenario, stage.reel
    scenario.begin(world)
    process = Process(stage, "agent", reel.tape.ledger)
    before = stage.signature()[0]
    for cycle in range(1, MOST_CYCLES + 1):
        scenario.people(world)
        try:
            process.cycle()
        except Killed:
            stage.tell("agent is dead and started anew")
            process = Process(stage, "agent")
            process.is_restless = True
        world.pass_time(EVERY if cycle < 8 else 5 * EVERY)
        now, is_moving = stage.signature()
        if now == before and not (is_moving or stage.is_out or world.is_waiting_for_effects or process.is_restless):
            break
        before = now
    is_as_recorded = reel.how is How.PLAYING
    reel.go_live()
    books = invariants.Books(world, frozenset(stage.slept_before))
    wrong = [*dict.fromkeys(world.wrong), *invariants.check(books)]
    if not is_as_recorded:
        wrong += invariants.check_ledger(process.ledger)
    return Played(stage.schedule, tuple(wrong), tuple(stage.points), books.states, tuple(stage.trace), cycle)


def _sending(call: Call) -> str:
    return "creation" if call.step is not None and call.step.creates else call.point.name

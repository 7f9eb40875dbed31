"""What goes wrong when: a schedule is a scenario and faults, each at a point.

Only what can make a difference is scheduled: between two points nothing happens but computing, so a fault after one
point is the fault before the next; a process that dies before a read has done just what it had when it dies before
the next write; and a person's act before a point is seen, at the earliest, by the next read. `thorough` leaves these
short cuts out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.simulation.points import Kind, Point

WRITES = (Kind.DESK_WRITE, Kind.PROVIDER_WRITE, Kind.LEDGER)
SENT = (Kind.DESK_WRITE, Kind.PROVIDER_WRITE)
OUTSIDE = (Kind.DESK_READ, Kind.DESK_WRITE, Kind.PROVIDER_READ, Kind.PROVIDER_WRITE, Kind.SESSION)
DESK = (Kind.DESK_READ, Kind.DESK_WRITE)

# What passes by itself: after any one of these a request must come to the end that it would have come to.
PASSING = (
    *("die", "lost", "lost-undone", "late:3", "late:20", "late:60", "die-late:20", "die-late:60"),
    *("busy", "out:1800", "locked", "other", "frozen"),
)
LASTING = ("out:14400", "refused")
# `frozen` is the first process asleep for longer than its lease, while another works.
PEOPLE = (
    *("close", "assign", "work", "summary", "field", "mate", "stranger", "outsider", "approve", "guess", "tamper"),
    *("withdraw", "rival"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    at: int
    what: str

    def __str__(self) -> str:
        return f"{self.at}:{self.what}"


@dataclass(frozen=True, slots=True)
class Schedule:
    scenario: str
    faults: tuple[Fault, ...] = ()

    @property
    def command(self) -> str:
        faults = " ".join(f"{fault.at} {fault.what}" for fault in self.faults)
        return f"python -m tests.simulation {self.scenario} {faults}".rstrip()

    @property
    def is_passing(self) -> bool:
        return all(fault.what in PASSING for fault in self.faults)


def faults_at(point: Point, *, thorough: bool = False) -> Iterator[str]:
    """Each fault that can make a difference at this point."""
    kind = point.kind
    if thorough or kind in WRITES:
        yield "die"
    if kind in SENT:
        yield from ("lost", "lost-undone", "late:3", "late:60", "die-late:20", "die-late:60")
        if thorough:
            yield "late:20"
    if kind in OUTSIDE:
        yield from ("busy", "out:14400", "refused")
        if thorough:
            yield "out:1800"
    if kind is Kind.LEDGER:
        yield "locked"
    yield from ("other", "frozen")
    if kind in DESK or thorough:
        yield from (act for act in PEOPLE if act != "rival")
    if kind in (Kind.PROVIDER_READ, Kind.PROVIDER_WRITE) or thorough:
        yield "rival"


def singles(scenario: str, points: Sequence[Point], *, thorough: bool = False) -> Iterator[Schedule]:
    """Every fault at every point of a run without faults."""
    for point in points:
        for what in faults_at(point, thorough=thorough):
            yield Schedule(scenario, (Fault(point.at, what),))


def chosen(scenario: str, points: Sequence[Point], every: int) -> Iterator[Schedule]:
    """Each act of a person, which costs little, and of the rest each `every`th."""
    count = 0
    for schedule in singles(scenario, points):
        if schedule.faults[0].what not in PEOPLE:
            count += 1
            if count % every:
                continue
        yield schedule


def pair(scenario: str, points: Sequence[Point], seed: int) -> Schedule:
    """Two faults, the first from where effects begin on, the second up to 40 calls after it: perhaps in the recovery.
    Which fault fits there is not known beforehand; one that does not does nothing."""
    random = Random(f"{scenario} {seed}")
    begun = next((number for number, point in enumerate(points) if point.name == "ledger.begin"), 0)
    first = random.choice(points[begun:] if random.random() < 0.9 else points)
    what = random.choice(list(faults_at(first, thorough=True)))
    second = random.choice([*PASSING, *PASSING, *LASTING, *PEOPLE])
    return Schedule(scenario, (Fault(first.at, what), Fault(first.at + random.randint(1, 40), second)))


def by_point(faults: Iterable[Fault]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.at, []).append(fault.what)
    return found

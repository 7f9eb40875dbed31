"""A small team works a queue off: the discrete-event simulation behind the sandbox's year of tickets.

Nothing here draws a waiting time. Jobs arrive, the people who may do them are busy, on leave or at home, and
what a job waits is what is left: an M(t)/G/c queue with priorities, skills, working hours and absences. An urgent
job pushes other work aside; what was pushed aside goes on with the effort that is left.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import Literal

from sandbox.workday import BERLIN, WorkingTime

PAUSE = 480
TRIAGE = time(9, 30)
# Jobs of this rank push others aside, when nobody is free to look within PATIENCE seconds.
URGENT = 0
PATIENCE = timedelta(minutes=20)

Then = Literal["done", "ask", "expire", "hand over", "reopen"]
Deed = Literal["start", "ask", "answer", "expire", "hand over", "done", "reopen", "interrupt", "join", "leave"]


ENDS: dict[Then, Deed] = {
    "done": "done",
    "ask": "ask",
    "expire": "ask",
    "hand over": "hand over",
    "reopen": "done",
}


@dataclass(frozen=True)
class Piece:
    """Work without a break; `then` ends it. `effort`, and the `wait` after it, in working seconds."""

    effort: float
    then: Then
    wait: float = 0.0


@dataclass(frozen=True)
class Job:
    """`rank` orders the queue (low first). `skill` limits who may do it (None: anybody).

    `triage` are the weekdays (0: Monday) on whose morning the team sorts such jobs in; none: at once. `home` is the
    requester's working time, in which questions are answered. `crew` engineers do it together if they can be had.
    """

    arrived_at: datetime
    rank: int
    skill: str | None
    pieces: tuple[Piece, ...]
    triage: tuple[int, ...] = ()
    home: WorkingTime = BERLIN
    crew: int = 1


@dataclass(frozen=True)
class Act:
    """Something that happened to a job. `engineer` indexes the team; None: the requester or the clock."""

    at: datetime
    deed: Deed
    engineer: int | None


@dataclass(frozen=True)
class Engineer:
    """`absences` are (from, until) instants, aware, in order."""

    skills: frozenset[str]
    absences: tuple[tuple[datetime, datetime], ...] = ()
    hours: WorkingTime = BERLIN

    def is_present(self, at: datetime) -> bool:
        return self.hours.is_open(at) and self.back_at(at) == at

    def back_at(self, at: datetime) -> datetime:
        """`at`, or the end of the absences in which it lies."""
        for since, until in self.absences:
            if since <= at < until:
                at = until
        return at

    def may_do(self, job: Job) -> bool:
        return job.skill is None or job.skill in self.skills


def triaged_at(job: Job, hours: WorkingTime = BERLIN) -> datetime:
    """When the team first looks at a job: on arrival, or at the next triage (09:30 on the team's clock)."""
    if not job.triage:
        return job.arrived_at
    day = job.arrived_at.astimezone(hours.zone).date()
    while hours.at(day, TRIAGE) < job.arrived_at or day.weekday() not in job.triage or not hours.is_workday(day):
        day += timedelta(days=1)
    return hours.at(day, TRIAGE)


@dataclass
class _Desk:
    """The queues. A job that came back to its engineer waits in `own`; all others by skill."""

    team: Sequence[Engineer]
    by_skill: dict[str | None, list[tuple[int, datetime, int]]] = field(default_factory=dict)
    own: list[list[tuple[int, datetime, int]]] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)

    def put(self, job: Job, index: int, rank: int, at: datetime, owner: int | None) -> None:
        queue = self.own[owner] if owner is not None else self.by_skill.setdefault(job.skill, [])
        heapq.heappush(queue, (rank, at, index))
        self.waiting.add(index)

    def take(self, engineer: int) -> int | None:
        """The most urgent, then oldest job that this engineer may do."""
        open_to = [self.own[engineer], self.by_skill.get(None, [])]
        open_to += [self.by_skill.get(skill, []) for skill in sorted(self.team[engineer].skills)]
        filled = [queue for queue in open_to if queue]
        if not filled:
            return None
        index = heapq.heappop(min(filled, key=lambda queue: queue[0]))[2]
        self.waiting.discard(index)
        return index


@dataclass(frozen=True)
class _Stint:
    """What an engineer does, since when; `ends` is the number of the event that ends it."""

    index: int
    since: datetime
    ends: int


class Queue:
    """Runs the jobs to an instant. Between two pieces of work an engineer pauses for PAUSE on average."""

    def __init__(self, team: Sequence[Engineer], jobs: Sequence[Job], rng: Random) -> None:
        self.team = team
        self.jobs = jobs
        self.acts: list[list[Act]] = [[] for _ in jobs]
        self._rng = rng
        self._desk = _Desk(team, own=[[] for _ in team])
        self._idle: list[bool] = [True] * len(team)
        self._stints: list[_Stint | None] = [None] * len(team)
        self._piece = [0] * len(jobs)
        self._left = [job.pieces[0].effort if job.pieces else 0.0 for job in jobs]
        self._last: list[int | None] = [None] * len(jobs)
        self._crews: dict[int, list[int]] = {}
        self._events: list[tuple[datetime, int, str, int, int]] = []
        self._serial = 0

    def run(self, until: datetime) -> list[list[Act]]:
        """A list of acts per job, in order of time, none after `until`."""
        for index, job in enumerate(self.jobs):
            self._push(triaged_at(job, self.team[0].hours), "arrive", index)
        while self._events and self._events[0][0] <= until:
            at, serial, kind, index, engineer = heapq.heappop(self._events)
            if kind == "arrive":
                self._queue(index, at, self.jobs[index].rank, None)
            elif kind == "look":
                self._look(engineer, at)
            elif kind == "page":
                self._page(index, at)
            elif kind == "finish":
                stint = self._stints[engineer]
                if stint is not None and stint.ends == serial:  # else the work was put aside
                    self._finish(index, engineer, at)
            else:
                self._return(kind, index, at)
        return self.acts

    def _push(self, at: datetime, kind: str, index: int, engineer: int = -1) -> int:
        self._serial += 1
        heapq.heappush(self._events, (at, self._serial, kind, index, engineer))
        return self._serial

    def _queue(self, index: int, at: datetime, rank: int, owner: int | None) -> None:
        job = self.jobs[index]
        self._desk.put(job, index, rank, at, owner)
        able = [n for n, engineer in enumerate(self.team) if owner in (None, n) and engineer.may_do(job)]
        looks = [(self._next(n, at, self._rng.uniform(60, 1_200)), n) for n in able if self._idle[n]]
        if looks:
            look_at, engineer = min(looks)
            self._idle[engineer] = False
            self._push(look_at, "look", -1, engineer)
        if rank > URGENT:
            return
        busy = [self._next(n, at, self._rng.uniform(60, 600)) for n in able if self._stints[n] is not None]
        if busy and (not looks or min(busy) + PATIENCE < look_at):
            self._push(min(busy), "page", index)

    def _next(self, engineer: int, at: datetime, seconds: float) -> datetime:
        """When this engineer has been at work for so many seconds more."""
        who = self.team[engineer]
        return who.hours.after(who.back_at(at), seconds)

    def _look(self, engineer: int, at: datetime) -> None:
        """An engineer who has time looks at the board: takes the next job, goes on leave, or is idle."""
        if self.team[engineer].back_at(at) > at:
            self._push(self._next(engineer, at, 0), "look", -1, engineer)
            return
        index = self._desk.take(engineer)
        self._idle[engineer] = index is None
        if index is not None:
            self._begin(index, engineer, at)

    def _page(self, index: int, at: datetime) -> None:
        """An urgent job still waits: whoever does the least urgent work puts it aside."""
        able = [n for n, engineer in enumerate(self.team) if engineer.may_do(self.jobs[index])]
        while index in self._desk.waiting and (found := self._least_urgent(able, at)):
            self._interrupt(found[0], at)
            urgent = self._desk.take(found[0])
            if urgent is not None:  # perhaps an older one
                self._begin(urgent, found[0], at)

    def _least_urgent(self, able: Iterable[int], at: datetime) -> list[int]:
        """Those at work on what may be put aside; first the least urgent, then what was begun last."""
        found = []
        for engineer in able:
            stint = self._stints[engineer]
            if stint is None or self.jobs[stint.index].rank <= URGENT or not self.team[engineer].is_present(at):
                continue
            found.append((self.jobs[stint.index].rank, stint.since, engineer))
        return [engineer for *_, engineer in sorted(found, reverse=True)]

    def _begin(self, index: int, engineer: int, at: datetime) -> None:
        self._last[index] = engineer
        self.acts[index].append(Act(at, "start", engineer))
        ends = self._push(self.team[engineer].hours.after(at, self._left[index]), "finish", index, engineer)
        self._stints[engineer] = _Stint(index, at, ends)
        if self.jobs[index].crew > 1:
            self._crews[index] = self._gather(index, engineer, at)

    def _gather(self, index: int, lead: int, at: datetime) -> list[int]:
        """Others who keep the lead's hours and are at work join until the piece is finished."""
        others = [n for n, who in enumerate(self.team) if n != lead and who.hours is self.team[lead].hours]
        idle = [n for n in others if self._idle[n] and self.team[n].is_present(at)]
        crew = [*idle, *self._least_urgent(others, at)][: self.jobs[index].crew - 1]
        stint = self._stints[lead]
        for engineer in crew:
            if self._stints[engineer] is not None:
                self._interrupt(engineer, at)
            self._idle[engineer] = False
            self._stints[engineer] = stint
            self.acts[index].append(Act(at, "join", engineer))
        return crew

    def _interrupt(self, engineer: int, at: datetime) -> None:
        """Puts the engineer's work aside; it is the next that this engineer takes, unless something is urgent."""
        stint = self._stints[engineer]
        if stint is None:
            raise ValueError(f"engineer {engineer} does nothing that could be put aside")
        hours, index = self.team[engineer].hours, stint.index
        self._left[index] -= hours.seconds(at) - hours.seconds(stint.since)
        self._stints[engineer] = None
        self.acts[index].append(Act(at, "interrupt", engineer))
        self._desk.put(self.jobs[index], index, URGENT + 1, at, engineer)

    def _finish(self, index: int, engineer: int, at: datetime) -> None:
        pieces = self.jobs[index].pieces
        piece = pieces[self._piece[index]]
        self._piece[index] += 1
        self._left[index] = sum(later.effort for later in pieces[self._piece[index] :][:1])
        crew = self._crews.pop(index, [])
        self.acts[index] += [Act(at, "leave", helper) for helper in crew]
        self.acts[index].append(Act(at, ENDS[piece.then], engineer))
        for free in (engineer, *crew):
            self._stints[free] = None
            self._push(self.team[free].hours.after(at, self._rng.uniform(0, 2 * PAUSE)), "look", -1, free)
        if piece.then == "hand over":
            self._queue(index, at, min(1, self.jobs[index].rank), None)
        elif piece.then in ("ask", "expire", "reopen"):
            kind = {"ask": "answer", "expire": "expire", "reopen": "reopen"}[piece.then]
            self._push(self.jobs[index].home.after(at, piece.wait), kind, index)

    def _return(self, kind: str, index: int, at: datetime) -> None:
        """The requester answered or reopened, or nobody ever answered."""
        if kind == "expire":
            self.acts[index].append(Act(at, "expire", None))
            return
        self.acts[index].append(Act(at, "answer" if kind == "answer" else "reopen", None))
        rank = min(1, self.jobs[index].rank)
        owner = self._last[index] if rank > URGENT and self._rng.random() < 0.75 else None
        self._queue(index, at, rank, owner)

"""A small team works a queue off: the discrete-event simulation behind the sandbox's year of tickets.

Nothing here draws a waiting time. Jobs arrive, the people who may do them are busy, on leave or at home, and
what a job waits is what is left: an M(t)/G/c queue with priorities, skills, working hours and absences.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

OPENS_HOUR = 9
DAY_SECONDS = 8 * 3600
WEEK_SECONDS = 5 * DAY_SECONDS
PAUSE = 480
MONDAY = datetime(2018, 1, 1, tzinfo=UTC)

Then = Literal["done", "ask", "expire", "hand over", "reopen"]
Deed = Literal["start", "ask", "answer", "expire", "hand over", "done", "reopen"]


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

    `triage` are the weekdays (0: Monday) on whose morning the team sorts such jobs in; none: at once.
    """

    arrived_at: datetime
    rank: int
    skill: str | None
    pieces: tuple[Piece, ...]
    triage: tuple[int, ...] = ()


@dataclass(frozen=True)
class Act:
    """Something that happened to a job. `engineer` indexes the team; None: the requester or the clock."""

    at: datetime
    deed: Deed
    engineer: int | None


@dataclass(frozen=True)
class Engineer:
    """`absences` are (from, until) instants, aware."""

    skills: frozenset[str]
    absences: tuple[tuple[datetime, datetime], ...] = ()


def working_seconds(at: datetime) -> float:
    """Working seconds from 2018-01-01 to `at`: Monday to Friday, 09:00 to 17:00 UTC. ValueError if naive."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    days, seconds = divmod((at - MONDAY).total_seconds(), 86_400)
    weeks, day = divmod(int(days), 7)
    if day >= 5:
        return (weeks + 1) * WEEK_SECONDS
    today = min(max(seconds - OPENS_HOUR * 3600, 0.0), DAY_SECONDS)
    return weeks * WEEK_SECONDS + day * DAY_SECONDS + today


def instant(seconds: float) -> datetime:
    """The instant at which so many working seconds have passed; the inverse of `working_seconds`."""
    weeks, rest = divmod(seconds, WEEK_SECONDS)
    day, today = divmod(rest, DAY_SECONDS)
    return MONDAY + timedelta(days=7 * weeks + day, hours=OPENS_HOUR, seconds=today)


def triaged_at(job: Job) -> datetime:
    """When the team first looks at a job: on arrival, or at the next triage (09:30 UTC)."""
    if not job.triage:
        return job.arrived_at
    at = job.arrived_at.replace(hour=OPENS_HOUR, minute=30, second=0, microsecond=0)
    while at < job.arrived_at or at.weekday() not in job.triage:
        at += timedelta(days=1)
    return at


@dataclass
class _Desk:
    """The queues. A job that came back to its engineer waits in `own`; all others by skill."""

    team: Sequence[Engineer]
    by_skill: dict[str | None, list[tuple[int, float, int]]] = field(default_factory=dict)
    own: list[list[tuple[int, float, int]]] = field(default_factory=list)

    def put(self, job: Job, index: int, rank: int, now: float, owner: int | None) -> None:
        queue = self.own[owner] if owner is not None else self.by_skill.setdefault(job.skill, [])
        heapq.heappush(queue, (rank, now, index))

    def take(self, engineer: int) -> int | None:
        """The most urgent, then oldest job that this engineer may do."""
        open_to = [self.own[engineer], self.by_skill.get(None, [])]
        open_to += [self.by_skill.get(skill, []) for skill in sorted(self.team[engineer].skills)]
        waiting = [queue for queue in open_to if queue]
        if not waiting:
            return None
        return heapq.heappop(min(waiting, key=lambda queue: queue[0]))[2]


class Queue:
    """Runs the jobs to an instant. Between two pieces of work an engineer pauses for PAUSE on average."""

    def __init__(self, team: Sequence[Engineer], jobs: Sequence[Job], rng: Random) -> None:
        self.team = team
        self.jobs = jobs
        self.acts: list[list[Act]] = [[] for _ in jobs]
        self._rng = rng
        self._desk = _Desk(team, own=[[] for _ in team])
        self._idle: list[bool] = [True] * len(team)
        self._piece = [0] * len(jobs)
        self._last: list[int | None] = [None] * len(jobs)
        self._events: list[tuple[datetime, int, str, int, int]] = []
        self._serial = 0

    def run(self, until: datetime) -> list[list[Act]]:
        """A list of acts per job, in order of time, none after `until`."""
        for index, job in enumerate(self.jobs):
            self._push(triaged_at(job), "arrive", index)
        while self._events and self._events[0][0] <= until:
            at, _, kind, index, engineer = heapq.heappop(self._events)
            if kind == "arrive":
                self._queue(index, at, self.jobs[index].rank, None)
            elif kind == "look":
                self._look(engineer, at)
            elif kind == "finish":
                self._finish(index, engineer, at)
            else:
                self._return(kind, index, at)
        return self.acts

    def _push(self, at: datetime, kind: str, index: int, engineer: int = -1) -> None:
        self._serial += 1
        heapq.heappush(self._events, (at, self._serial, kind, index, engineer))

    def _queue(self, index: int, at: datetime, rank: int, owner: int | None) -> None:
        job = self.jobs[index]
        self._desk.put(job, index, rank, working_seconds(at), owner)
        skilled = [
            number
            for number, engineer in enumerate(self.team)
            if self._idle[number] and (owner in (None, number)) and (job.skill is None or job.skill in engineer.skills)
        ]
        if skilled:
            engineer = self._rng.choice(skilled)
            self._idle[engineer] = False
            self._push(instant(working_seconds(at) + self._rng.uniform(60, 1_200)), "look", -1, engineer)

    def _look(self, engineer: int, at: datetime) -> None:
        """An engineer who has time looks at the board: takes the next job, goes on leave, or is idle."""
        for leaves_at, returns_at in self.team[engineer].absences:
            if leaves_at <= at < returns_at:
                self._push(instant(working_seconds(returns_at)), "look", -1, engineer)
                return
        index = self._desk.take(engineer)
        self._idle[engineer] = index is None
        if index is None:
            return
        self._last[index] = engineer
        self.acts[index].append(Act(at, "start", engineer))
        effort = self.jobs[index].pieces[self._piece[index]].effort
        self._push(instant(working_seconds(at) + effort), "finish", index, engineer)

    def _finish(self, index: int, engineer: int, at: datetime) -> None:
        piece = self.jobs[index].pieces[self._piece[index]]
        self._piece[index] += 1
        self.acts[index].append(Act(at, ENDS[piece.then], engineer))
        if piece.then == "hand over":
            self._queue(index, at, 1, None)
        elif piece.then in ("ask", "expire", "reopen"):
            kind = {"ask": "answer", "expire": "expire", "reopen": "reopen"}[piece.then]
            self._push(instant(working_seconds(at) + piece.wait), kind, index)
        self._push(instant(working_seconds(at) + self._rng.uniform(0, 2 * PAUSE)), "look", -1, engineer)

    def _return(self, kind: str, index: int, at: datetime) -> None:
        """The requester answered or reopened, or nobody ever answered."""
        if kind == "expire":
            self.acts[index].append(Act(at, "expire", None))
            return
        self.acts[index].append(Act(at, "answer" if kind == "answer" else "reopen", None))
        owner = self._last[index] if self._rng.random() < 0.75 else None
        self._queue(index, at, 1, owner)


def capacity(team: Sequence[Engineer], start: datetime, end: datetime) -> float:
    """Working seconds that the team is at its desks between two instants, absences taken off."""
    full = (working_seconds(end) - working_seconds(start)) * len(team)
    away = sum(
        working_seconds(min(until, end)) - working_seconds(max(since, start))
        for engineer in team
        for since, until in engineer.absences
        if until > start and since < end
    )
    return full - away

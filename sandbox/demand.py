"""What is asked for and when: the mix of tickets, their arrivals over a year, the work that each holds."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Literal

from sandbox.queueing import PAUSE, Engineer, Job, Piece
from sandbox.workday import BERLIN, NEW_YORK, WorkingTime, office

Kind = Literal["request", "bug", "incident", "question", "project"]

HOUR = 3600.0
UTILISATION = 0.93
TICKETS_PER_ENGINEER = 640
# Share of the tickets that are asked for overseas, and of those that come on a holiday all the same.
OVERSEAS: dict[Kind, float] = {"request": 0.42, "question": 0.42, "bug": 0.25, "incident": 0.25, "project": 0.25}
ON_HOLIDAYS = {BERLIN: 0.02, NEW_YORK: 0.15}
# One major incident in so many tickets: several engineers for a day.
MAJOR_EVERY = 600
MAJOR_HOURS = 9.0
WEEKDAYS = (1.25, 1.1, 1.0, 1.0, 0.8, 0.02, 0.02)
HOURS = {
    8: 0.2,
    9: 0.9,
    10: 1.2,
    11: 1.2,
    12: 0.6,
    13: 0.8,
    14: 1.1,
    15: 1.1,
    16: 0.9,
    17: 0.25,
    18: 0.1,
    20: 0.08,
}


@dataclass(frozen=True)
class Demand:
    """`share` of the tickets; mean `hours` of work, relative; `rank` in the queue (low first)."""

    kind: Kind
    share: float
    hours: float
    rank: int
    skill: str | None
    projects: dict[str, float]


OFFICE = {"OPS": 50.0, "PLAT": 25.0, "WEB": 25.0}
STORES = {"OPS": 35.0, "DATA": 35.0, "PLAT": 18.0, "WEB": 12.0}
CLUSTER = {"OPS": 40.0, "PLAT": 40.0, "WEB": 20.0}
SOFTWARE = {"PLAT": 50.0, "WEB": 50.0}
EVERYWHERE = {"OPS": 30.0, "DATA": 20.0, "PLAT": 28.0, "WEB": 22.0}

DEMANDS: dict[str, Demand] = {
    "new-repository": Demand("request", 8.5, 2.0, 6, None, OFFICE),
    "access-grant": Demand("request", 9.5, 0.8, 5, None, EVERYWHERE),
    "ci-secret": Demand("request", 7.5, 1.6, 5, "security", OFFICE),
    "s3-bucket": Demand("request", 8.5, 2.6, 6, None, STORES),
    "database": Demand("request", 6.5, 4.5, 6, "data", STORES),
    "redis-instance": Demand("request", 2.4, 4.0, 6, "data", STORES),
    "ec2-instance": Demand("request", 2.8, 3.5, 6, None, CLUSTER),
    "dns-record": Demand("request", 3.2, 1.0, 5, None, OFFICE),
    "tls-certificate": Demand("request", 2.4, 1.8, 5, "security", OFFICE),
    "quota-increase": Demand("request", 1.8, 1.2, 6, None, CLUSTER),
    "vpn-access": Demand("request", 2.4, 0.9, 5, None, {"OPS": 1.0}),
    "onboarding": Demand("request", 1.6, 4.0, 5, None, {"OPS": 1.0}),
    "offboarding": Demand("request", 1.2, 2.0, 5, None, {"OPS": 1.0}),
    "log-retention": Demand("request", 1.3, 1.2, 6, None, STORES),
    "kubernetes-namespace": Demand("request", 2.4, 2.2, 6, None, CLUSTER),
    "bug": Demand("bug", 15.0, 3.5, 4, None, SOFTWARE),
    "incident": Demand("incident", 6.0, 4.0, 1, None, EVERYWHERE),
    "question": Demand("question", 8.0, 0.7, 4, None, EVERYWHERE),
    "project-work": Demand("project", 9.0, 7.0, 4, None, SOFTWARE),
}
PRIORITIES = {"Highest": -2, "High": -1, "Medium": 0, "Low": 1}


@dataclass(frozen=True)
class Arrival:
    """A ticket before it has words. `pieces` hold relative hours until `jobs` scales them to the team.

    `zone` is the time zone of whoever asks; `crew` engineers are called to it.
    """

    at: datetime
    request_type: str
    project: str
    priority: str
    pieces: tuple[Piece, ...]
    zone: str = "Europe/Berlin"
    crew: int = 1


def arrivals(rng: Random, *, start: datetime, end: datetime, count: int, on_form: dict[str, set[str]]) -> list[Arrival]:
    """`count` arrivals in order of time. `on_form` maps a service desk's key to the types it offers."""
    types = rng.choices(list(DEMANDS), [demand.share for demand in DEMANDS.values()], k=count)
    places = [NEW_YORK if rng.random() < OVERSEAS[DEMANDS[name].kind] else BERLIN for name in types]
    instants = {
        place: iter(_instants(rng, start, end, number, place))
        for place, number in sorted(Counter(places).items(), key=lambda pair: pair[0].zone.key)
    }
    found = [
        _arrival(rng, next(instants[place]), name, on_form, place) for name, place in zip(types, places, strict=True)
    ]
    return _with_major_incidents(rng, sorted(found, key=lambda arrival: arrival.at))


def _with_major_incidents(rng: Random, arriving: list[Arrival]) -> list[Arrival]:
    """A few of the worst incidents hold a day's work for three or four."""
    worst = [n for n, one in enumerate(arriving) if one.request_type == "incident" and one.priority == "Highest"]
    for number in rng.sample(worst, min(len(worst), max(1, len(arriving) // MAJOR_EVERY))):
        pieces = (Piece(MAJOR_HOURS * HOUR, "done"),)
        arriving[number] = replace(arriving[number], pieces=pieces, crew=rng.choice((3, 4)))
    return arriving


def jobs(arriving: list[Arrival], engineers: list[Engineer], *, start: datetime, end: datetime) -> list[Job]:
    """The work, scaled so that these engineers are busy for UTILISATION of their time, whatever the count."""
    crews = [min(arrival.crew, len(engineers)) for arrival in arriving]
    pieces = sum(len(arrival.pieces) * crew for arrival, crew in zip(arriving, crews, strict=True))
    relative = sum(
        piece.effort * crew for arrival, crew in zip(arriving, crews, strict=True) for piece in arrival.pieces
    )
    scale = max(UTILISATION * capacity(engineers, start, end) - PAUSE * pieces, 0.0) / relative
    return [
        Job(
            arrival.at,
            max(0, DEMANDS[arrival.request_type].rank + PRIORITIES[arrival.priority]),
            DEMANDS[arrival.request_type].skill,
            tuple(Piece(piece.effort * scale, piece.then, piece.wait) for piece in arrival.pieces),
            triage(arrival),
            office(arrival.zone),
            crew,
        )
        for arrival, crew in zip(arriving, crews, strict=True)
    ]


def capacity(team: Sequence[Engineer], start: datetime, end: datetime) -> float:
    """Working seconds that the team is at its desks between two instants, absences taken off."""

    def between(engineer: Engineer, since: datetime, until: datetime) -> float:
        return engineer.hours.seconds(until) - engineer.hours.seconds(since)

    full = sum(between(engineer, start, end) for engineer in team)
    away = sum(
        between(engineer, max(since, start), min(until, end))
        for engineer in team
        for since, until in engineer.absences
        if until > start and since < end
    )
    return full - away


def triage(arrival: Arrival) -> tuple[int, ...]:
    """What is urgent is seen at once, requests every morning, data stores on Tuesday and Thursday."""
    demand = DEMANDS[arrival.request_type]
    if demand.kind != "request" or PRIORITIES[arrival.priority] < 0:
        return ()
    return (1, 3) if demand.skill == "data" else (0, 1, 2, 3, 4)


def team(rng: Random, *, tickets: int, available: int, start: datetime, end: datetime) -> list[Engineer]:
    """One engineer per 640 tickets of a year (five by default), each with five weeks of leave."""
    size = min(available, max(1, round(tickets / TICKETS_PER_ENGINEER)))
    weeks = int((end - start).days // 7)
    engineers = []
    for number in range(size):
        skills = {skill for skill, who in (("data", (0, 1)), ("security", (2, 3))) if size < 4 or number % 5 in who}
        leaves = sorted(rng.sample(range(weeks), 5)) if weeks >= 5 else []
        absences = [(start + timedelta(weeks=week), start + timedelta(weeks=week + 1)) for week in leaves]
        engineers.append(Engineer(frozenset(skills), tuple(absences)))
    return engineers


def _instants(rng: Random, start: datetime, end: datetime, count: int, place: WorkingTime) -> list[datetime]:
    """On the local clock: by weekday and hour, few on holidays. In no order."""
    first = start.astimezone(place.zone).date()
    days = [first + timedelta(days=number) for number in range((end - start).days + 2)]
    weights = [
        WEEKDAYS[day.weekday()] * rng.uniform(0.7, 1.3) * (ON_HOLIDAYS[place] if place.is_holiday(day) else 1.0)
        for day in days
    ]
    cumulated = list(accumulate(weights))
    hours, of_hours = list(HOURS), list(accumulate(HOURS.values()))
    found: list[datetime] = []
    while len(found) < count:
        day = days[min(bisect(cumulated, rng.random() * cumulated[-1]), len(days) - 1)]
        hour = hours[min(bisect(of_hours, rng.random() * of_hours[-1]), len(hours) - 1)]
        at = place.at(day, time(hour)) + timedelta(milliseconds=rng.randrange(3_600_000))
        if start <= at < end:
            found.append(at)
    return found


def _arrival(rng: Random, at: datetime, request_type: str, on_form: dict[str, set[str]], place: WorkingTime) -> Arrival:
    demand = DEMANDS[request_type]
    projects = {
        key: weight
        for key, weight in demand.projects.items()
        if demand.kind != "request" or key not in on_form or request_type in on_form[key]
    }
    project = rng.choices(list(projects), list(projects.values()))[0]
    weights = (6, 3, 1, 0) if demand.kind == "incident" else (1, 12, 77, 10)
    priority = rng.choices(list(PRIORITIES), weights)[0]
    return Arrival(at, request_type, project, priority, _pieces(rng, demand), place.zone.key)


def _pieces(rng: Random, demand: Demand) -> tuple[Piece, ...]:
    """The course of the work: straight through, asked back, handed over, reopened."""
    effort = demand.hours * HOUR * rng.gammavariate(2.2, 1 / 2.2)
    asked = {"request": 0.16, "bug": 0.12, "incident": 0.03, "question": 0.05, "project": 0.04}[demand.kind]
    luck = rng.random()
    if luck < 0.12 * asked:
        return (Piece(effort * 0.2, "expire", 10 * 8 * HOUR),)
    pieces: list[Piece] = []
    if luck < asked:
        pieces.append(Piece(effort * 0.15, "ask", 8 * HOUR * rng.lognormvariate(-0.4, 0.9)))
    if rng.random() < 0.05:
        pieces.append(Piece(effort * 0.3, "hand over"))
    left = effort - sum(piece.effort for piece in pieces)
    if rng.random() < 0.05:
        pieces.append(Piece(left, "reopen", 8 * HOUR * rng.lognormvariate(0.0, 0.8)))
        left = effort * 0.35
    return (*pieces, Piece(left, "done"))

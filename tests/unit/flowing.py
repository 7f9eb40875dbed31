"""Drawn tickets, walked: working hours are 9 to 17 UTC, and now is Wednesday the 14th, noon."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pandas as pd

from analytics.calendars import office_hours
from analytics.clocks import Clocks, Rules
from analytics.flow import People, Walk, walk
from analytics.frames import Log
from tests.unit.drawn import STATUSES, drawn_tickets, moment, status, ticket
from tickets.ticket import Status, StatusChange, Ticket

CALENDAR = office_hours(first=date(2026, 1, 1), last=date(2026, 1, 31))
NOW = moment("14 12:00")

NAMES = ("Open", "Working", "Review", "Waiting for customer", "On hold", "Xyzzy", "Fixed", "Closed")
CLASS_OF = dict(
    zip(NAMES, ("queue", "active", "active", "requester", "blocked", "unknown", "done", "done"), strict=True)
)


def walk_of(
    tickets: Sequence[Ticket] | Log,
    *,
    rules: Rules | None = None,
    projects: Mapping[str, Rules] | None = None,
    people: People | None = None,
    statuses: Sequence[Status] = STATUSES,
) -> Walk:
    log = tickets if isinstance(tickets, Log) else Log.of_tickets(tickets)
    clocks = Clocks(statuses, rules=rules, projects=projects)
    return walk(log, clocks=clocks, calendar=CALENDAR, now=NOW, people=people)


def flow_of(tickets: Sequence[Ticket] | Log, **told: object) -> pd.DataFrame:
    return walk_of(tickets, **told).tickets()  # type: ignore[arg-type]


def flow_drawn(table: str, **told: object) -> pd.DataFrame:
    return flow_of(drawn_tickets(table), **told)


def cells(frame: pd.DataFrame, column: str) -> list[float | None]:
    return [None if pd.isna(value) else round(float(value), 9) for value in frame[column]]


def tangled(seed: int, number: int = 300) -> list[Ticket]:
    """Histories at whole quarters of an hour: some torn, some before the creation or after now, some missing."""
    drawn = random.Random(seed)

    def quarter(low: int, high: int) -> timedelta:
        return timedelta(minutes=15 * drawn.randrange(low * 96, high * 96))

    tickets = []
    for n in range(1, number + 1):
        created = moment("1 00:00") + quarter(4, 13)
        names = [drawn.choice(NAMES) for _ in range(drawn.choice((1, 1, 2, 3, 5, 9)))]
        moments = sorted(created + quarter(-1, 6) for _ in names[1:])
        moves = tuple(
            StatusChange(str(k), at, None, status(old).id, old, status(new).id, new)
            for k, (at, (old, new)) in enumerate(zip(moments, pairwise(names), strict=True))
        )
        present = names[-1] if drawn.random() < 0.9 else drawn.choice(NAMES)
        resolved = created + quarter(0, 8) if drawn.random() < 0.5 else None
        told = ticket(n, present=present, changes=moves if drawn.random() < 0.9 else None)
        tickets.append(replace(told, created_at=created, resolved_at=resolved))
    return tickets

"""The table of `flow.measure` from tickets drawn in a test. Working hours are 9 to 17 UTC; 5 January 2026 is a
Monday."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.calendars import office_hours
from analytics.clocks import Clocks
from analytics.flow import People, measure
from analytics.frames import Log
from tests.unit.drawn import STATUSES, drawn_tickets, moment
from tickets.ticket import Comment, Person, Ticket

CALENDAR = office_hours(first=date(2025, 1, 1), last=date(2026, 12, 31))
NOW = moment("14 12:00")


def table_of(tickets: Iterable[Ticket], *, now: datetime = NOW, people: People | None = None) -> pd.DataFrame:
    return measure(Log.of_tickets(tickets), clocks=Clocks(STATUSES), calendar=CALENDAR, now=now, people=people)


def table_drawn(text: str, *, now: datetime = NOW, **columns: Sequence[Any]) -> pd.DataFrame:
    """`columns` has a value for each ticket."""
    return table_of(with_fields(drawn_tickets(text), **columns), now=now)


def with_fields(tickets: Sequence[Ticket], **columns: Sequence[Any]) -> list[Ticket]:
    return [
        replace(ticket, **{name: values[number] for name, values in columns.items()})
        for number, ticket in enumerate(tickets)
    ]


def person(name: str) -> Person:
    return Person(name, name.title())


def comment(name: str, at: str) -> Comment:
    return Comment(f"{name} {at}", person(name), moment(at), moment(at), None, "", "")


def cells(frame: pd.DataFrame, column: str) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in frame[column]]


def waiting_table(ago: npt.NDArray[Any], waits: npt.NDArray[Any], *, now: datetime, **columns: Any) -> pd.DataFrame:
    """A ticket requested each so many hours ago, that starts when it has waited so long; its business hours are a
    third of these."""
    is_waiting = waits > ago
    hours = np.where(is_waiting, ago, waits)
    requested = pd.Timestamp(now).tz_convert(UTC) - pd.to_timedelta(ago, unit="h")
    return pd.DataFrame(
        {
            "ticket_id": np.arange(len(ago)),
            "requested_at": pd.DatetimeIndex(requested).as_unit("us"),
            "queue_hours": hours,
            "business_queue_hours": hours / 3,
            "queue_is_open": is_waiting,
            **columns,
        }
    )

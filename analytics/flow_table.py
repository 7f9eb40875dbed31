"""The table of a walk: a row per ticket with its milestones and durations, in calendar and in business time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from analytics.calendars import Floats
from analytics.catalogue import type_of_ticket_type
from analytics.clocks import CLASSES, WAITING
from analytics.codes import by_text, labelled
from analytics.errors import BadFrame
from analytics.parallel import on_each
from analytics.stays import NEVER, Flags, Ints
from tickets.codec import microseconds

if TYPE_CHECKING:
    from analytics.flow import Walk
    from analytics.frames import Log

KEPT: Final = ("site", "ticket_id", "key", "project", "ticket_type", "request_type", "priority", "reporter")
# Durations of the table in hours; each stands there a second time with `business_` in front.
DURATIONS: Final = (
    "queue_hours",
    "lead_hours",
    "cycle_hours",
    "first_response_hours",
    "age_hours",
    "wip_age_hours",
    *(f"in_{name}_hours" for name in CLASSES),
    "wait_hours",
    "active_hours",
)
_HOUR: Final = 3600.0
_PART: Final = 65_536  # tickets of which a column is made at once
_MICROSECONDS: Final = 3_600_000_000

Made = Callable[[slice], Floats]  # a part of a column


def table_of(walk: Walk, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """See `Walk.tickets`. Raises BadFrame for a column that there is none of."""
    made = {**_identity(walk), **_Story(walk).columns()}
    wanted = list(made) if columns is None else list(columns)
    if missing := [name for name in wanted if name not in made]:
        raise BadFrame(f"the table of tickets has no column {', '.join(missing)}; it has {', '.join(made)}")
    columns = on_each(lambda name: made[name](), wanted, rows=len(walk.log.tickets))
    return pd.DataFrame(dict(zip(wanted, columns, strict=True)), copy=False)


def _identity(walk: Walk) -> dict[str, Callable[[], Any]]:
    """What names and places each ticket."""
    tickets, table, legend = walk.log.tickets, walk.table, walk.legend

    def kept(name: str) -> Callable[[], Any]:
        return lambda: tickets[name].to_pandas().array

    return {
        **{name: kept(name) for name in KEPT},
        "type": lambda: _types(walk.log),
        "team": lambda: walk.teams,
        "status": lambda: legend.names(table.status),
        "status_class": lambda: labelled(legend.statuses.clock[table.rules, table.status], CLASSES),
    }


class _Story:
    """What the parts of a walk say of all tickets together; each column is made when it is asked for."""

    def __init__(self, walk: Walk) -> None:
        self.outcomes, self.table, self.tickets = walk.outcomes, walk.table, walk.log.tickets
        self.now = microseconds(walk.now)
        self.created = np.minimum(self.table.created, self.now)
        self.started, self.finished = walk.outcomes.started, walk.outcomes.finished
        self.is_open: Flags = ~walk.outcomes.is_finished
        self.is_queueing: Flags = self.table.has_history & (self.started == NEVER) & self.is_open
        self.is_begun: Flags = self.is_open & (self.started != NEVER)

    def columns(self) -> dict[str, Callable[[], Any]]:
        table, tickets = self.table, self.tickets
        calendar, business = self._calendar(), self._business()
        return {
            "requested_at": lambda: _instants(table.created),
            "started_at": lambda: _instants(self.started),
            "finished_at": lambda: _instants(self.finished),
            "is_open": lambda: self.is_open,
            "has_history": lambda: table.has_history,
            "is_torn": lambda: self.outcomes.is_torn,
            "queue_is_open": lambda: self.is_queueing,
            **self._durations(calendar, self.outcomes.in_class, ""),
            **self._durations(business, self.outcomes.business_in_class, "business_"),
            "reopenings": lambda: _counted(self.outcomes.reopenings, table.has_history),
            "hand_offs": lambda: _counted_column(tickets["hand_offs"]),
            "bounces": lambda: _counted_column(tickets["bounces"]),
            "unknown_entries": lambda: self.outcomes.unknown_entries.astype(np.int64),
            "worklog_hours": lambda: tickets["worklog_seconds"].cast(pl.Float64).fill_null(np.nan).to_numpy() / _HOUR,
        }

    def _calendar(self) -> Mapping[str, Made]:
        created, started, finished, responded = self.created, self.started, self.finished, self.table.responded
        return {
            "queue": lambda of: _hours(created[of], np.where(self.is_queueing[of], self.now, started[of])),
            "lead": lambda of: _hours(created[of], finished[of]),
            "cycle": lambda of: _hours(started[of], finished[of]),
            "first_response": lambda of: _hours(created[of], responded[of]),
            "age": lambda of: _hours(created[of], np.where(self.is_open[of], self.now, NEVER)),
            "wip_age": lambda of: _hours(started[of], np.where(self.is_begun[of], self.now, NEVER)),
        }

    def _business(self) -> Mapping[str, Made]:
        def told(name: str, of: slice) -> Floats:
            return np.asarray(getattr(self.outcomes, f"business_{name}")[of] / _HOUR)

        return {
            "queue": lambda of: np.where(self.is_queueing[of], told("age", of), told("queue", of)),
            "lead": partial(told, "lead"),
            "cycle": lambda of: told("lead", of) - told("queue", of),
            "first_response": partial(told, "first_response"),
            "age": lambda of: np.where(self.is_open[of], told("age", of), np.nan),
            "wip_age": lambda of: np.where(self.is_begun[of], told("age", of) - told("queue", of), np.nan),
        }

    def _durations(
        self, milestones: Mapping[str, Made], in_class: Floats, prefix: str
    ) -> dict[str, Callable[[], Floats]]:
        """The durations of one kind of time in the order of DURATIONS, then the flow efficiency."""

        def spent(names: Sequence[str], of: slice) -> Floats:
            wanted = [number for number, name in enumerate(CLASSES) if name in names]
            return np.asarray(sum(in_class[of, one] for one in wanted) / _HOUR)

        def efficiency(of: slice) -> Floats:
            lead = milestones["lead"](of)
            return np.asarray(spent(["active"], of) / np.where(lead > 0, lead, np.nan))

        made: dict[str, Made] = dict(milestones)
        made |= {f"in_{name}": partial(spent, [name]) for name in CLASSES}
        made |= {"wait": partial(spent, WAITING), "active": partial(spent, ["active"])}
        found = {f"{prefix}{name}": made[name.removesuffix("_hours")] for name in DURATIONS}
        found[f"{prefix}flow_efficiency"] = efficiency
        return {name: partial(self._whole, make) for name, make in found.items()}

    def _whole(self, make: Made) -> Floats:
        """A column, made part by part: what is made on the way fits the caches and takes no fresh memory."""
        column = np.empty(len(self.created))
        for start in range(0, len(column), _PART):
            of = slice(start, start + _PART)
            column[of] = make(of)
        return column


def _hours(since: Ints, until: Ints) -> Floats:
    hours = (until - since) / _MICROSECONDS
    hours[(since == NEVER) | (until == NEVER)] = np.nan
    return np.asarray(hours)


def _instants(at: Ints) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(at.view("datetime64[us]"), tz="UTC")  # NEVER is numpy's NaT


def _counted(numbers: npt.NDArray[np.integer[Any]], is_known: Flags) -> Any:
    return pd.arrays.IntegerArray(numbers.astype(np.int64), ~is_known)


def _counted_column(column: pl.Series) -> Any:
    return _counted(column.fill_null(0).to_numpy().astype(np.int64), column.is_not_null().to_numpy())


def _types(log: Log) -> pd.Categorical:
    """The type chosen on a form, else what the ticket type's name says ("Bug"), else nothing."""
    places: dict[str, int] = {}
    types = by_text(log.tickets["request_type"], lambda name: places.setdefault(name, len(places)), empty=-1)

    def meant(name: str) -> int:
        entry = type_of_ticket_type(name)
        return places.setdefault(entry.id, len(places)) if entry else -1

    without = types < 0
    types[without] = by_text(log.tickets["ticket_type"].filter(without), meant, empty=-1)
    return labelled(types, list(places))

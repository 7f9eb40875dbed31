"""How long tickets waited and where: milestones and durations per ticket, time in each status, tickets by day.

The definitions are the glossary's; docs/how-the-numbers-are-made.md has each with its formula and a worked example.
`walk` does the work once; what it gives is asked for frames. Everything is computed at `now`: tickets that still wait
count with their wait so far, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from analytics.calendars import BusinessCalendar
from analytics.clocks import CLASSES, Clocks
from analytics.codes import by_text, labelled
from analytics.errors import BadFrame
from analytics.flow_table import table_of
from analytics.frames import Log
from analytics.legend import Legend, legend_of
from analytics.moves import Moves, in_order
from analytics.parallel import beside, on_each
from analytics.responses import first_responses
from analytics.stays import DAY, NEVER, Ground, Ints, Outcomes, Sums, Tickets
from analytics.stays import walk as walk_stays
from tickets.codec import microseconds

_HOUR: Final = 3600.0
_PER_PART: Final = 2_000_000  # cells of (tickets × statuses) that a thread holds at once
_MOST_TICKETS: Final = 16_384


@dataclass(frozen=True, slots=True)
class People:
    """`team_of` maps an account to its team, `calendars` a team to its working hours (others have the default ones);
    `bots` are accounts whose comments are no person's answer."""

    team_of: Mapping[str, str] = field(default_factory=dict)
    calendars: Mapping[str, BusinessCalendar] = field(default_factory=dict)
    bots: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Walk:
    """The walked log. `now` is the instant of the measurement; `outcomes` are those of all tickets, `parts` what they
    sum to, part by part in their order, `starts` the first ticket of each part."""

    log: Log
    clocks: Clocks
    now: datetime
    first_day: int
    legend: Legend
    teams: pd.Categorical
    table: Tickets
    moves: Moves
    outcomes: Outcomes
    parts: Sequence[Sums]
    starts: Sequence[int]

    def tickets(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A row per ticket in the order of the log; all columns, or these. Beside what identifies it (`KEPT`, `type`,
        `team`, `status`, `status_class`):

        - `requested_at`, `started_at`, `finished_at`: aware UTC, NaT where it has not happened or is unknown
        - `is_open`, `has_history`, `is_torn` (its history does not end in its present status), `queue_is_open`
        - `DURATIONS`: float64 hours, NaN where it has not happened or is unknown; the same with `business_` in front
        - `flow_efficiency`, `business_flow_efficiency`: active time / lead time of finished tickets, 0 to 1
        - `reopenings`, `hand_offs`, `bounces`: Int64, <NA> without history; `unknown_entries`: int64, entries to
          statuses of unknown meaning; `worklog_hours`: float64, NaN where nobody logged work
        """
        return table_of(self, columns)

    def statuses(self) -> pd.DataFrame:
        """A row per ticket and status that it was in: `site`, `ticket_id`, `status` (today's name), `class`, `visits`,
        `hours`, `business_hours`. Tickets whose end is unknown are left out. Raises BadFrame where `walk` was told not
        to keep them.
        """
        if any(not part.stays for part in self.parts):
            raise BadFrame("the time in each status was not kept: walk with keep_statuses=True")
        kept = [part.stays for part in self.parts]
        row = _concatenated([one[0] + start for one, start in zip(kept, self.starts, strict=True)])
        code, visits, seconds, business = (_concatenated([one[column] for one in kept]) for column in (1, 2, 3, 4))
        rules = self.table.rules[row]
        names = self.log.tickets.select("site", "ticket_id").to_pandas()
        return pd.DataFrame(
            {
                "site": names["site"].array.take(row),
                "ticket_id": names["ticket_id"].to_numpy()[row],
                "status": self.legend.names(code),
                "class": labelled(self.legend.statuses.clock[rules, code], CLASSES),
                "visits": visits.astype(np.int32),
                "hours": seconds / _HOUR,
                "business_hours": business / _HOUR,
            },
            copy=False,
        )

    def status_totals(self) -> pd.DataFrame:
        """A row per status in which any ticket was: `status`, `class` (under the default rules), `visits` and, summed
        over all tickets, `hours` and `business_hours`. Tickets whose end is unknown are left out."""
        totals = sum((part.totals for part in self.parts), np.zeros((len(self.legend.entries), 3)))
        frame = pd.DataFrame(
            {
                "status": [entry.name for entry in self.legend.entries],
                "class": [entry.clock for entry in self.legend.entries],
                "visits": totals[:, 0].astype(np.int64),
                "hours": totals[:, 1] / _HOUR,
                "business_hours": totals[:, 2] / _HOUR,
            }
        )
        return frame.groupby(["status", "class"], as_index=False).sum().query("visits > 0").reset_index(drop=True)

    def status_summary(self, table: pd.DataFrame) -> pd.DataFrame:
        """A row per status, the one with the most time first: `status`, `class`, `source` (who said its class),
        `tickets` that were in it, `hours` and `business_hours` summed; of the tickets of `table`."""
        statuses = self.statuses()
        if len(table) < len(self.log.tickets):
            keys = pd.MultiIndex.from_frame(table[["site", "ticket_id"]].astype({"site": "str"}))
            own = pd.MultiIndex.from_frame(statuses[["site", "ticket_id"]].astype({"site": "str"}))
            statuses = statuses[own.isin(keys)]
        groups = statuses.groupby(["status", "class"], observed=True)
        found = groups.agg(tickets=("hours", "size"), hours=("hours", "sum"), business_hours=("business_hours", "sum"))
        sources = {(entry.name, entry.clock): entry.source for entry in self.legend.entries}
        found = found.reset_index()
        pairs = zip(found["status"], found["class"], strict=True)
        found.insert(2, "source", [sources.get((status, clock), "configured") for status, clock in pairs])
        return found.sort_values("hours", ascending=False, ignore_index=True)

    def cumulative(self) -> pd.DataFrame:
        """Cumulative flow: a row per day (`day`, UTC) from the first creation to now, with the number of tickets in
        each class at the end of that day, and `arrived` and `finished` cumulated. Tickets without history count in
        the last two alone."""
        days = self.parts[0].daily.shape[0] if self.parts else 0

        def cumulated(name: str, *width: int) -> Ints:
            changes = (getattr(part, name) for part in self.parts)
            return np.cumsum(sum(changes, np.zeros((days, *width), dtype=np.int64)), axis=0)

        frame = pd.DataFrame(cumulated("daily", len(CLASSES)), columns=list(CLASSES))
        frame.insert(0, "day", pd.to_datetime(np.arange(days) + self.first_day, unit="D", utc=True))
        return frame.assign(arrived=cumulated("arrived"), finished=cumulated("finished"))


def measure(
    log: Log, *, clocks: Clocks, calendar: BusinessCalendar, now: datetime, people: People | None = None
) -> pd.DataFrame:
    """`walk(…).tickets()`, for who needs nothing else."""
    return walk(log, clocks=clocks, calendar=calendar, now=now, people=people, keep_statuses=False).tickets()


def walk(
    log: Log,
    *,
    clocks: Clocks,
    calendar: BusinessCalendar,
    now: datetime,
    people: People | None = None,
    keep_statuses: bool = True,
) -> Walk:
    """Walks every ticket once, on all cores. `calendar` is that of requesters without a team's own.

    Raises ValueError for a naive `now`, CalendarRange where a calendar is too short, BadFrame for events of tickets
    that are not in the log.
    """
    if now.utcoffset() is None:
        raise ValueError(f"now ({now.isoformat()}) has no time zone")
    people = people or People()
    instant = microseconds(now)
    with beside(first_responses, log, people.bots, rows=len(log.changes)) as answers:
        legend = legend_of(log, clocks)
        moves = in_order(log, legend)
        teams, calendars, which = _teams(log, people, calendar)
        responded = answers()
    created = _micros(log.tickets["created_at"])
    first = legend.present.copy()
    has_moved = moves.counts > 0
    first[has_moved] = moves.came_from[(np.cumsum(moves.counts) - moves.counts)[has_moved]]
    table = Tickets(
        created=created,
        resolved=_micros(log.tickets["resolved_at"]),
        responded=np.where(responded == NEVER, NEVER, np.clip(responded, np.minimum(created, instant), instant)),
        status=legend.present,
        first=first,
        has_history=log.tickets["has_history"].to_numpy(),
        rules=legend.rules,
        calendar=which,
        counts=moves.counts,
    )
    first_day = int(np.minimum(created, instant).min() // DAY) if len(created) else instant // DAY
    days = instant // DAY - first_day + 1
    ground = Ground(legend.statuses.bits(), calendars, instant, first_day, days, keep_statuses)
    outcomes = Outcomes.blank(len(created))
    size = max(1, min(_MOST_TICKETS, _PER_PART // max(1, ground.bits.shape[1])))
    starts = range(0, len(created), size)
    parts = _walk_parts(table, moves, ground, outcomes, starts)
    return Walk(log, clocks, now.astimezone(UTC), first_day, legend, teams, table, moves, outcomes, parts, starts)


def _concatenated(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _walk_parts(table: Tickets, moves: Moves, ground: Ground, outcomes: Outcomes, starts: range) -> list[Sums]:
    """In parts that fit the caches, one for each core at a time: numpy lets go of Python's lock."""
    ends = np.cumsum(moves.counts)

    def part(low: int) -> Sums:
        high = min(low + starts.step, len(ends))
        of_part = slice(int(ends[low - 1]) if low else 0, int(ends[high - 1]))
        changes = moves.at[of_part], moves.came_from[of_part], moves.went_to[of_part]
        return walk_stays(table.part(low, high), *changes, ground, outcomes.part(low, high))

    return on_each(part, starts, rows=len(moves.at))


def _micros(column: pl.Series) -> Ints:
    """Microseconds since 1970 (UTC); NEVER for null."""
    instants = column.to_physical()
    return (instants.fill_null(NEVER) if instants.null_count() else instants).to_numpy()


def _teams(
    log: Log, people: People, calendar: BusinessCalendar
) -> tuple[pd.Categorical, list[BusinessCalendar], npt.NDArray[np.intp]]:
    """Each ticket's team, all calendars, and which of them each ticket's requester works by."""
    names = sorted(set(people.team_of.values()))
    if not names:
        nobody = np.full(len(log.tickets), -1, dtype=np.int8)
        return labelled(nobody, names), [calendar], np.zeros(len(nobody), dtype=np.intp)
    code_of = {name: code for code, name in enumerate(names)}
    teams = by_text(log.tickets["reporter"], lambda account: code_of.get(people.team_of.get(account, ""), -1), empty=-1)
    own = [name for name in names if name in people.calendars]
    index = np.zeros(len(names) + 1, dtype=np.intp)  # the last is that of tickets without a team
    for number, name in enumerate(own, start=1):
        index[code_of[name]] = number
    calendars = [calendar, *(people.calendars[name] for name in own)]
    return labelled(teams, names), calendars, index[teams]

"""Figures of groups of tickets, from the table that `flow.measure` gives: by type, project, team, priority or week.

Percentiles come from tickets, never from percentiles. Tickets that still wait count, by `survival.percentiles`; beside
each such figure stands the one that forgets them, so that the difference shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.calendars import Floats
from analytics.errors import BadFrame
from analytics.survival import SHARES, percentiles

Grouping = Literal["type", "project", "team", "priority", "week"]
GROUPINGS: Final[tuple[Grouping, ...]] = ("type", "project", "team", "priority", "week")
ALL: Final = "all"
NONE: Final = "(none)"
PREFIXES: Final = ("", "business_")


@dataclass(frozen=True, slots=True)
class Figure:
    """What a figure is called, its unit, and what it means, in one sentence."""

    name: str
    unit: str
    meaning: str


FIGURES: Final[tuple[Figure, ...]] = (
    Figure("tickets", "tickets", "tickets requested in the period"),
    Figure("open", "tickets", "of them not finished"),
    Figure("waiting", "tickets", "of them in the queue: not started"),
    Figure("wip", "tickets", "work in progress: started and not finished"),
    Figure(
        "queue_hours_p50",
        "hours",
        "queue time, from the request to the start: half of the tickets wait no longer (p85, p95 likewise); those that "
        "still wait count as waiting at least so long (Kaplan–Meier), `_low` and `_high` are its 95 % interval, "
        "`_started_only` leaves them out",
    ),
    Figure(
        "lead_hours_p50",
        "hours",
        "lead time, from the request to the finish; open tickets count as above, `_finished_only` leaves them out",
    ),
    Figure("cycle_hours_p50", "hours", "cycle time, from the start to the finish; finished tickets only"),
    Figure(
        "first_response_hours_p50",
        "hours",
        "from the request to the first public comment of a person other than the requester; bots never count; "
        "tickets without one count as above",
    ),
    Figure(
        "flow_efficiency",
        "share",
        "time in statuses of work over lead time, both summed over the finished tickets; an upper bound on work",
    ),
    Figure(
        "wait_hours",
        "hours",
        "time in the queue, blocked or waiting on the requester, summed over the tickets that tell it",
    ),
    Figure("reopened", "tickets", "tickets that were reopened at least once"),
    Figure("hand_offs", "changes", "times that a ticket went from one assignee to another"),
)


def summarise(table: pd.DataFrame, *, by: Grouping | None = None) -> pd.DataFrame:
    """A row per group, the largest first (weeks in order), one row named `all` without `by`; columns as `FIGURES`,
    durations in hours, in calendar time and with `business_` in front in business time.

    Tickets without a value in `by` form the group `(none)`. Raises BadFrame for a grouping that is none.
    """
    names, codes = grouped(table, by)
    number = len(names)
    frame = pd.DataFrame({"group": pd.Series(names, dtype="str")})
    is_open = table["is_open"].to_numpy()
    is_started = table["started_at"].notna().to_numpy()

    def count(flags: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        return np.bincount(codes[flags], minlength=number)

    frame["tickets"] = np.bincount(codes, minlength=number)
    frame["open"] = count(is_open)
    frame["waiting"] = count(table["queue_is_open"].to_numpy())
    frame["wip"] = count(is_open & is_started)
    efficiency = flow_efficiency(table, codes, number)
    for prefix in PREFIXES:
        frame = pd.concat([frame, pd.DataFrame(_durations(table, codes, number, prefix))], axis=1)
        frame[f"{prefix}flow_efficiency"] = efficiency[prefix]
        waited = table[f"{prefix}wait_hours"].to_numpy()
        told = count(~np.isnan(waited))
        frame[f"{prefix}wait_hours"] = np.where(told > 0, _sum(waited, codes, number), np.nan)
    frame["reopened"] = count((table["reopenings"].fillna(0) > 0).to_numpy())
    frame["hand_offs"] = _sum(table["hand_offs"].fillna(0).to_numpy(dtype="float64"), codes, number).astype(np.int64)
    if by == "week":
        return frame.sort_values("group", ignore_index=True)
    return frame.sort_values(["tickets", "group"], ascending=[False, True], ignore_index=True)


def flow_efficiency(table: pd.DataFrame, codes: npt.NDArray[np.int64], number: int) -> Mapping[str, Floats]:
    """Active time over lead time, both summed over the finished tickets of each group whose history is known; by
    prefix. NaN where they took no time."""
    found = {}
    for prefix in PREFIXES:
        active, lead = table[f"{prefix}active_hours"].to_numpy(), table[f"{prefix}lead_hours"].to_numpy()
        is_counted = ~np.isnan(active + lead)
        spent, total = (_sum(np.where(is_counted, values, 0.0), codes, number) for values in (active, lead))
        found[prefix] = np.divide(spent, total, out=np.full(number, np.nan), where=total > 0)
    return found


def grouped(table: pd.DataFrame, by: Grouping | None) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The groups' names, and each ticket's group by number. Raises BadFrame."""
    if by is None:
        return [ALL], np.zeros(len(table), dtype=np.int64)
    if by not in GROUPINGS:
        raise BadFrame(f"tickets cannot be grouped by {by!r}; allowed: {', '.join(GROUPINGS)}")
    codes: npt.NDArray[Any]
    if by == "week":
        codes, mondays = pd.factorize(weeks_of(table["requested_at"]), use_na_sentinel=True)
        names: Any = [f"{monday:%Y-%m-%d}" for monday in mondays]
    elif isinstance(table[by].dtype, pd.CategoricalDtype):
        codes, names = table[by].cat.codes.to_numpy(), table[by].cat.categories
        if not np.bincount(codes.astype(np.int64) + 1, minlength=len(names) + 1)[1:].all():
            kept = table[by].cat.remove_unused_categories()
            codes, names = kept.cat.codes.to_numpy(), kept.cat.categories
    else:
        codes, names = pd.factorize(table[by], use_na_sentinel=True)
    known = [*(str(name) or NONE for name in names), NONE]  # the last are those without a value: code -1
    groups = {name: code for code, name in enumerate(dict.fromkeys(known if (codes < 0).any() else known[:-1]))}
    place = np.array([groups.get(name, -1) for name in known], dtype=np.int64)
    return list(groups), place[codes]


def weeks_of(at: pd.Series) -> pd.Series:
    """The Monday (UTC) of each instant's week."""
    days = at.dt.floor("D")
    mondays: pd.Series = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    return mondays


def first_responses(table: pd.DataFrame, prefix: str = "") -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Hours to the first response or, where there is none, to the finish or to now; and whether there was one."""
    told = table[f"{prefix}first_response_hours"].to_numpy()
    is_over = ~np.isnan(told)
    waited = np.where(table["is_open"], table[f"{prefix}age_hours"], table[f"{prefix}lead_hours"])
    return np.where(is_over, told, waited), is_over


def _durations(table: pd.DataFrame, codes: npt.NDArray[np.int64], number: int, prefix: str) -> Mapping[str, Floats]:
    is_open = table["is_open"].to_numpy()
    queue, cycle = table[f"{prefix}queue_hours"].to_numpy(), table[f"{prefix}cycle_hours"].to_numpy()
    lead = np.where(is_open, table[f"{prefix}age_hours"], table[f"{prefix}lead_hours"])
    asked, is_answered = first_responses(table, prefix)
    measured = {
        "queue": (percentiles(queue, ~table["queue_is_open"].to_numpy(), codes, number), "_started_only"),
        "lead": (percentiles(lead, ~is_open, codes, number), "_finished_only"),
        "cycle": (percentiles(cycle, ~np.isnan(cycle), codes, number, confidence=None), ""),
        "first_response": (percentiles(asked, is_answered, codes, number, confidence=None), ""),
    }
    columns: dict[str, Floats] = {}
    for name, (found, suffix) in measured.items():
        is_told = (found.counts > found.waiting) | (name in ("queue", "lead"))
        for column, share in enumerate(SHARES):
            stem = f"{prefix}{name}_hours_p{share * 100:.0f}"
            columns[stem] = np.where(is_told, found.estimate[:, column], np.nan)
            if suffix:
                columns[f"{stem}_low"], columns[f"{stem}_high"] = found.low[:, column], found.high[:, column]
                columns[f"{stem}{suffix}"] = found.over_only[:, column]
    return columns


def _sum(values: Floats, codes: npt.NDArray[np.int64], number: int) -> Floats:
    told = np.where(np.isnan(values), 0.0, values)
    return np.asarray(np.bincount(codes, weights=told, minlength=number), dtype=np.float64)

"""A queue by week: arrivals, throughput, work in progress, and the queue times of what was requested in each."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from analytics.codes import labelled
from analytics.parallel import beside
from analytics.stays import DAY, NEVER, Ints
from analytics.summary import Grouping, grouped
from analytics.survival import SHARES, percentiles

WEEK: Final = 7 * DAY
_FAR: Final = 2**30  # weeks
_MONDAY: Final = 4 * DAY  # 1970-01-05, the first Monday of the count


def weekly(table: pd.DataFrame, *, by: Grouping | None = None, is_sorted: bool = False) -> pd.DataFrame:
    """A row per week (`week`: its Monday, aware UTC) and group (`group`: `all` without `by`), weeks in which
    nothing happened in any group left out.

    `arrived`: tickets requested in the week; `started`, `finished`: in the week, whenever requested (throughput);
    `wip`: started and not finished at the week's end, without tickets that finished nobody knows when; `waiting`: of
    those that arrived, still in the queue now.
    `queue_hours_p50/p85/p95`: queue time of those that arrived, calendar hours, by `survival.percentiles`;
    `…_started_only` of those that have started. NaN where no ticket with a history arrived. `is_sorted` promises that
    the rows are sorted by queue time and, where equal, those that have started come first.
    """
    names, codes = grouped(table, by)
    requested, started, finished = (_weeks(table, name) for name in ("requested", "started", "finished"))
    known = [int(week.min(initial=_FAR, where=week >= 0)) for week in (requested, started, finished)]
    low, high = min(known), max(int(week.max(initial=-1)) for week in (requested, started, finished))
    weeks = np.arange(low, high + 1)
    number = len(weeks) * len(names)

    def cells(week: Ints) -> Ints:
        """Each ticket's cell of (week, group); below 0 where it is in none."""
        cell = np.multiply(week - low, len(names), dtype=np.int64) + codes
        return np.where(week >= 0, cell, -1)

    def count(week: Ints) -> Ints:
        return np.bincount(cells(week) + 1, minlength=number + 1)[1:]

    arrived = cells(requested)
    is_over = ~table["queue_is_open"].to_numpy()
    queue = table["queue_hours"].to_numpy()
    measured = partial(percentiles, confidence=None, is_sorted=is_sorted)
    with beside(measured, queue, is_over, arrived, number, rows=len(table)) as waited:
        begun, ended = count(started), count(finished)
        is_lost = ~table["is_open"].to_numpy() & (finished < 0)  # nobody knows when its work ended
        into = count(np.where(is_lost, -1, started)) if is_lost.any() else begun
        change = into - count(np.where(started >= 0, finished, -1))
        columns = {
            "week": np.repeat(pd.to_datetime(weeks * WEEK + _MONDAY - WEEK, unit="us", utc=True), len(names)),
            "group": labelled(np.tile(np.arange(len(names)), len(weeks)), names),
            "arrived": count(requested),
            "started": begun,
            "finished": ended,
            "wip": np.cumsum(change.reshape(len(weeks), len(names)), axis=0).ravel(),
        }
        found = waited()
    columns["waiting"] = found.waiting
    for column, share in enumerate(SHARES):
        columns[f"queue_hours_p{share * 100:.0f}"] = found.estimate[:, column]
        columns[f"queue_hours_p{share * 100:.0f}_started_only"] = found.over_only[:, column]
    frame = pd.DataFrame(columns)
    happened = (frame["arrived"] + frame["started"] + frame["finished"]).to_numpy().reshape(len(weeks), len(names))
    return frame[np.repeat(happened.sum(axis=1) > 0, len(names))].reset_index(drop=True)


def since_week(weeks: pd.DataFrame, since: datetime | None) -> pd.DataFrame:
    """The weeks from that of `since` on (all where None). Counted on all tickets before they are cut, as work in
    progress and throughput are not of the tickets requested since."""
    if since is None:
        return weeks
    return weeks[weeks["week"] > pd.Timestamp(since) - pd.Timedelta(days=7)].reset_index(drop=True)


def ageing(table: pd.DataFrame) -> pd.DataFrame:
    """The tickets in progress (started, not finished), the oldest first, each beside what tickets of its type took.

    `key`, `type`, `status`, `status_class`, `wip_age_hours`, `business_wip_age_hours` (since the start), `age_hours`
    (since the request), the type's finished `cycle_hours_p50/p85/p95`, and `beyond`: the highest of these that the
    age has passed ("p50", "p85", "p95"), empty where none.
    """
    names, codes = grouped(table, "type")
    cycle = table["cycle_hours"].to_numpy()
    usual = percentiles(cycle, ~np.isnan(cycle), codes, len(names), confidence=None).estimate
    chosen = table["is_open"].to_numpy() & table["started_at"].notna().to_numpy()
    columns = ["key", "type", "status", "status_class", "wip_age_hours", "business_wip_age_hours", "age_hours"]
    frame = table.loc[chosen, columns].copy()
    own = usual[codes[chosen]]
    beyond = np.zeros(len(frame), dtype=np.int64)
    for column, share in enumerate(SHARES):
        frame[f"cycle_hours_p{share * 100:.0f}"] = own[:, column]
        beyond[frame["wip_age_hours"].to_numpy() > own[:, column]] = column + 1
    frame["beyond"] = labelled(beyond, ["", *(f"p{share * 100:.0f}" for share in SHARES)])
    return frame.sort_values(["wip_age_hours", "key"], ascending=[False, True], ignore_index=True)


def week_numbers(at: pd.Series) -> Ints:
    """Weeks since 1969-12-29, a Monday (UTC); -1 where there is no instant or one before."""
    values = np.asarray(at.array.asi8 if at.dt.unit == "us" else at.dt.as_unit("us").array.asi8)
    return np.where(values == NEVER, -1, (values - _MONDAY + WEEK) // WEEK)


def _weeks(table: pd.DataFrame, name: str) -> Ints:
    """As kept, else computed."""
    if f"{name}_week" in table:
        return table[f"{name}_week"].to_numpy()
    return week_numbers(table[f"{name}_at"])

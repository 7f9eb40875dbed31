"""Has the median queue time changed? Only an interval may say so (`resampling`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np
import pandas as pd

from analytics.resampling import FEWEST_WEEKS, Waits, drawn_weeks, interval

Verdict = Literal["shorter", "longer", "no change shown", "too little known"]
FEWEST_TICKETS: Final = 20


@dataclass(frozen=True, slots=True)
class Trend:
    """Median queue time of the tickets requested in the last `weeks` whole weeks before `until`, beside the `weeks`
    before those; hours. `change` = recent − before, with `low` and `high`, its 95 % interval; NaN where too little is
    known. A median is inf where so many still wait that it is not reached; if that alone shows a change, `low` is what
    the waits so far prove."""

    until: datetime
    weeks: int
    tickets_before: int
    tickets_recent: int
    before: float
    recent: float
    change: float
    low: float
    high: float
    verdict: Verdict

    definition = (
        "median queue time of the last weeks less that of as many weeks before, with the 95 % interval of a block "
        "bootstrap over weeks; a change is called one only where the interval leaves out zero"
    )


def trend(
    table: pd.DataFrame,
    *,
    now: datetime,
    weeks: int = 8,
    business: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> Trend:
    """From the table of `flow.measure`; in business hours with `business`. The same table and seed give the same."""
    until = monday(now)
    rng = np.random.default_rng(seed)
    column = "business_queue_hours" if business else "queue_hours"
    starts = (pd.Timestamp(until - timedelta(weeks=weeks * back)) for back in (2, 1))
    before, recent = (Waits(table, column, start, weeks) for start in starts)
    medians = before.median(), recent.median()
    low = high = change = float("nan")
    verdict: Verdict = "too little known"
    if all(one.tickets >= FEWEST_TICKETS and one.weeks >= FEWEST_WEEKS for one in (before, recent)):
        old = before.medians(drawn_weeks(rng, weeks, resamples))
        new = recent.medians(drawn_weeks(rng, weeks, resamples))
        bounds = interval(new[0] - old[1], new[1] - old[0], weeks, weeks)
        found = _verdict(*bounds)
        if found != "no change shown" or np.isfinite(medians).all():
            verdict, (low, high), change = found, bounds, medians[1] - medians[0]
    return Trend(until, weeks, before.tickets, recent.tickets, *medians, change, low, high, verdict)


def _verdict(low: float, high: float) -> Verdict:
    return "shorter" if high < 0 else "longer" if low > 0 else "no change shown"


def monday(now: datetime) -> datetime:
    """The midnight (UTC) that began the week of `now`."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())

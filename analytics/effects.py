"""Queue time before and after a golden path went live, against the types that stayed manual in the same weeks.

What else changed in those weeks (a new colleague, a quiet month) changed for the manual types too: the difference of
the differences is what is left for the path.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from analytics.resampling import FEWEST_WEEKS, Waits, drawn_weeks, interval

RESAMPLES: Final = 2000
FEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class Effect:
    """Median queue times in business hours, of the tickets requested in the `weeks` before and after `live_since`.
    `effect` = (after − before) − (manual after − manual before), NaN where one of the four has fewer than
    FEWEST tickets or so many that still wait that it has no median. `low` and `high` are the 95 % interval of a
    bootstrap over weeks (`resampling`); NaN too where the path has lived for less than FEWEST_WEEKS."""

    path: str
    live_since: datetime
    weeks: int
    before: float
    after: float
    manual_before: float
    manual_after: float
    effect: float
    low: float
    high: float
    tickets: tuple[int, int, int, int]

    definition = (
        "median queue time (business hours) of a path's types after it went live less before, less the same of the "
        "types that stayed manual in those weeks; tickets that still wait count as waiting at least so long"
    )

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.high < 0 or self.low > 0


def effect(
    table: pd.DataFrame,
    *,
    path: str,
    types: Collection[str],
    manual: Collection[str],
    live_since: datetime,
    now: datetime,
    weeks: int = 12,
    seed: int = 0,
) -> Effect:
    """From the table of `flow.measure`; `manual` are the request types that no path serves."""
    live = pd.Timestamp(live_since)
    lived = min(timedelta(weeks=weeks), max(now - live_since, timedelta(0)))
    spans = weeks, -(-lived // timedelta(weeks=1))
    starts = live - pd.Timedelta(weeks=weeks), live
    served, by_people = (table[table["type"].isin(list(names))] for names in (types, manual))
    groups = [
        Waits(of, "business_queue_hours", start, span)
        for of in (served, by_people)
        for start, span in zip(starts, spans, strict=True)
    ]
    medians = before, after, manual_before, manual_after = [group.median() for group in groups]
    value = low = high = float("nan")
    is_enough = min(group.tickets for group in groups) >= FEWEST and bool(np.isfinite(medians).all())
    if is_enough:
        value = (after - before) - (manual_after - manual_before)
    if is_enough and min(spans) >= FEWEST_WEEKS:
        low, high = _interval(groups, spans, np.random.default_rng(seed))
    first, second, third, fourth = (group.tickets for group in groups)
    return Effect(
        path, live_since, weeks, before, after, manual_before, manual_after, value, low, high,
        (first, second, third, fourth),
    )  # fmt: skip


def _interval(groups: Sequence[Waits], spans: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    """The same weeks for both kinds of types: what a week did to all of them is in both and drops out."""
    drawn = [drawn_weeks(rng, span, RESAMPLES) for span in spans]
    medians = [group.medians(times) for group, times in zip(groups, [*drawn, *drawn], strict=True)]
    (least_before, most_before), (least_after, most_after), *by_people = medians
    (least_usual, most_usual), (least_then, most_then) = by_people
    lowest = (least_after - most_before) - (most_then - least_usual)
    highest = (most_after - least_before) - (least_then - most_usual)
    return interval(lowest, highest, *spans)

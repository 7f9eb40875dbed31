"""How long people took with a request type before its golden path went live, and how far that may be off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from analytics.calendars import Floats

FEWEST: Final = 5  # comparable tickets below which nothing is measured
BASELINE: Final = timedelta(days=365)  # before a path went live; how people did it longer ago says little


@dataclass(frozen=True, slots=True)
class Baseline:
    """How long people took with a type: `tickets` requested from `since` to `until`, their median queue time in
    business hours, and the median work logged on them (None where fewer than FEWEST have any)."""

    request_type: str
    since: datetime
    until: datetime
    tickets: int
    queue_hours: float
    touch_hours: float | None


@dataclass(frozen=True, slots=True)
class Usual:
    """A baseline with what it is the median of: hours, sorted; `logged` is empty where too few tickets have any."""

    baseline: Baseline
    waits: Floats
    logged: Floats


def usual_by_type(acted: pd.DataFrame, table: pd.DataFrame) -> dict[str, Usual]:
    """One for each type with at least FEWEST tickets that people started before the path went live, from the outcomes
    of the path and the table of `flow.measure`. A path went live with what it first carried out, even where that
    failed."""
    is_theirs = ~table["ticket_id"].isin(acted["ticket_id"]) & ~table["queue_is_open"]
    by_people = table[is_theirs & table["business_queue_hours"].notna()]
    found = {}
    for name, applied in acted.groupby("request_type")["applied_at"]:
        live = applied.min()
        if pd.isna(live):
            continue
        requested = by_people["requested_at"]
        chosen = by_people[(by_people["type"] == name) & (requested < live) & (requested >= live - BASELINE)]
        if len(chosen) < FEWEST:
            continue
        waits, logged = (np.sort(chosen[it].dropna().to_numpy()) for it in ("business_queue_hours", "worklog_hours"))
        has_logged = len(logged) >= FEWEST
        baseline = Baseline(
            str(name),
            chosen["requested_at"].min().to_pydatetime(),
            live.to_pydatetime(),
            len(chosen),
            float(np.median(waits)),
            float(np.median(logged)) if has_logged else None,
        )
        found[str(name)] = Usual(baseline, waits, logged if has_logged else logged[:0])
    return found


def redrawn_medians(hours: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """The median of each resample of these sorted hours. The rank of the middle of n uniform draws is beta
    distributed, so no resample need be drawn."""
    half = (len(hours) + 1) / 2
    return np.asarray(hours[(rng.beta(half, half, resamples) * len(hours)).astype(np.int64)])

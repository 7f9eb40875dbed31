"""What the golden paths saved: two figures, never added, and labelled assumed until they are measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from analytics.errors import BadFrame
from tickets.ticket import Classification

FULFILLED = "fulfilled"
FEWEST_COMPARABLE = 5

# The frame `Outcomes`, a row per request of the agent. `ticket_id`: Jira's numeric id; `outcome`: "fulfilled"
# or another result; `applied_at`: ticket time, aware UTC, NaT where nothing was applied; `corrected`: a
# person had to put it right; `review_minutes`: people's minutes on approving or auditing it, 0 where none.
OUTCOMES: Mapping[str, str] = {
    "ticket_id": "int64",
    "request_type": "object",
    "outcome": "object",
    "applied_at": "datetime64[us, UTC]",
    "corrected": "bool",
    "review_minutes": "float64",
}

DEFINITIONS = {
    "ops_hours_saved": "assumed: the configured hands-on minutes of each fulfilled, uncorrected request, "
    "less people's "
    "minutes on approving or auditing it",
    "waiting_hours_avoided": "assumed: for each fulfilled, uncorrected request the median queue time of "
    "comparable tickets "
    "(same type, started by people) less its own, in hours of the business calendar",
}


@dataclass(frozen=True, slots=True)
class GoldenPath:
    """A golden path as the analyses see it: the request types it serves, its slots, its mode, and since when
    it acts.
    """

    id: str
    types: tuple[str, ...]
    parameters: tuple[str, ...]
    mode: str
    live_since: datetime | None


@dataclass(frozen=True, slots=True)
class Saved:
    """Two figures that are never added: hands-on hours of ops, and business hours that requesters did not
    wait.

    `waiting_hours_avoided` is None where no type has enough comparable tickets; `compared` counts the
    requests that have. `basis` stays "assumed" until both are measured.
    """

    basis: Literal["assumed"]
    fulfilled: int
    corrected: int
    ops_hours_saved: float
    waiting_hours_avoided: float | None
    compared: int
    by_type: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def definition(self) -> Mapping[str, str]:
        return DEFINITIONS

    def to_json(self) -> dict[str, Any]:
        return {
            "basis": self.basis,
            "fulfilled": self.fulfilled,
            "corrected": self.corrected,
            "ops_hours_saved": self.ops_hours_saved,
            "waiting_hours_avoided": self.waiting_hours_avoided,
            "compared": self.compared,
            "by_type": dict(self.by_type),
            "notes": list(self.notes),
            "definition": dict(self.definition),
        }


def outcomes_frame(rows: Sequence[tuple[int, str, str, datetime | None, bool, float]]) -> pd.DataFrame:
    """The `Outcomes` frame from rows in the order of its columns. Raises ValueError for a naive
    `applied_at`.
    """
    for ticket_id, *_, applied_at, _corrected, _minutes in rows:
        if applied_at is not None and applied_at.utcoffset() is None:
            raise ValueError(f"ticket {ticket_id}: applied_at {applied_at.isoformat()} has no time zone")
    frame = pd.DataFrame(list(rows), columns=list(OUTCOMES))
    frame["applied_at"] = pd.to_datetime(frame["applied_at"], utc=True)
    return frame.astype(dict(OUTCOMES))


def assumed(
    outcomes: pd.DataFrame,
    flow: pd.DataFrame,
    classifications: Sequence[Classification | None],
    *,
    minutes: Mapping[str, float],
    default_minutes: float = 30.0,
) -> Saved:
    """What was saved, if a person's work per request type takes the `minutes` given.

    `classifications` has one entry for each row of `flow`. Raises BadFrame for an `outcomes` without its
    columns, ValueError where the lengths differ.
    """
    if missing := [column for column in OUTCOMES if column not in outcomes]:
        raise BadFrame(f"the outcomes lack {', '.join(missing)}")
    if len(flow) != len(classifications):
        raise ValueError(f"{len(flow)} tickets, but {len(classifications)} classifications")
    fulfilled = outcomes[outcomes["outcome"] == FULFILLED]
    good = fulfilled[~fulfilled["corrected"].astype(bool)]
    touch = good["request_type"].map(lambda name: minutes.get(name, default_minutes)).astype(float)
    ops_hours = float((touch - good["review_minutes"]).sum()) / 60.0
    avoided = _avoided(good, set(fulfilled["ticket_id"]), flow, classifications)
    compared = int(np.isfinite(avoided).sum())
    notes = [f"assumed {default_minutes:g} minutes of hands-on work for a request, unless set for its type"]
    if missing_count := len(good) - compared:
        notes.append(
            f"{missing_count} fulfilled requests have fewer than {FEWEST_COMPARABLE} comparable tickets "
            f"with a known queue "
            "time: no waiting avoided is claimed for them"
        )
    return Saved(
        basis="assumed",
        fulfilled=len(fulfilled),
        corrected=len(fulfilled) - len(good),
        ops_hours_saved=ops_hours,
        waiting_hours_avoided=float(np.nansum(avoided)) if compared else None,
        compared=compared,
        by_type={str(name): int(n) for name, n in good["request_type"].value_counts().sort_index().items()},
        notes=tuple(notes),
    )


def _avoided(
    good: pd.DataFrame,
    automated: set[int],
    flow: pd.DataFrame,
    classifications: Sequence[Classification | None],
) -> np.ndarray[Any, Any]:
    """Business hours of waiting avoided, one for each request; NaN where there is too little to compare
    with.
    """
    table = pd.DataFrame(
        {
            "ticket_id": flow["ticket_id"].to_numpy(),
            "type": [entry.request_type if entry else "" for entry in classifications],
            "hours": flow["queue_business_hours"].to_numpy(),
            "is_waiting": flow["queue_is_open"].to_numpy(),
        }
    )
    by_people = table[~table["ticket_id"].isin(automated) & ~table["is_waiting"].astype(bool) & table["hours"].notna()]
    groups = by_people.groupby("type")["hours"]
    usual = groups.median()[groups.size() >= FEWEST_COMPARABLE]
    own = table.drop_duplicates("ticket_id").set_index("ticket_id")["hours"]
    expected = good["request_type"].map(usual).to_numpy(dtype="float64")
    actual = good["ticket_id"].map(own).to_numpy(dtype="float64")
    return np.asarray(expected - actual, dtype=np.float64)

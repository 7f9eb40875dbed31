"""What waiting costs, and how much of a team's time servicing requests takes; always with what is assumed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final

import numpy as np
import pandas as pd

from analytics.calendars import Floats
from analytics.summary import Grouping, grouped

DEFINITION: Final = (
    "cost of waiting = queue time in business hours of the requester's calendar × hourly cost × blocked share"
)
ALARM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`hourly_cost`: an hour of a waiting requester, in `currency`; `blocked_share`: the part of the waiting (0 to 1)
    in which the requester's work stands still; `blocked_shares` the same for priorities that differ, by name (case
    does not count). `minutes`: hands-on minutes of a request by type, `minutes_per_ticket` for all others.

    Raises ValueError for a negative cost or time, or a share outside 0 to 1.
    """

    hourly_cost: float = 75.0
    blocked_share: float = 0.3
    currency: str = "USD"
    blocked_shares: Mapping[str, float] = field(default_factory=dict)
    minutes: Mapping[str, float] = field(default_factory=dict)
    minutes_per_ticket: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.hourly_cost < inf:
            raise ValueError(f"hourly_cost must be a number that is not negative, and is {self.hourly_cost}")
        for name, share in {"blocked_share": self.blocked_share, **self.blocked_shares}.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is a part between 0 and 1, and is {share}")
        for name, minutes in {"minutes_per_ticket": self.minutes_per_ticket, **self.minutes}.items():
            if not 0 <= minutes < inf:
                raise ValueError(f"the minutes of {name} must be a number that is not negative, and are {minutes}")

    def __str__(self) -> str:
        differing = ", ".join(
            f"{share:.0%} where the priority is {name}" for name, share in self.blocked_shares.items()
        )
        return (
            f"assumed: {self.hourly_cost:g} {self.currency} for an hour of a waiting requester, "
            f"whose work stands still for {self.blocked_share:.0%} of the wait"
            + (f" ({differing})" if differing else "")
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "hourly_cost": self.hourly_cost,
            "blocked_share": self.blocked_share,
            "blocked_shares": dict(self.blocked_shares),
            "currency": self.currency,
            "minutes": dict(self.minutes),
            "minutes_per_ticket": self.minutes_per_ticket,
        }


def costs(table: pd.DataFrame, assumptions: Assumptions) -> Floats:
    """What each ticket's waiting cost, in `assumptions.currency`; NaN where its queue time is unknown. Takes the table
    of `flow.measure`."""
    shares = {name.casefold(): share for name, share in assumptions.blocked_shares.items()}
    priorities = table["priority"].astype("str").str.casefold()
    blocked = priorities.map(shares).astype("float64").fillna(assumptions.blocked_share)
    hours = table["business_queue_hours"].to_numpy()
    return np.asarray(hours * assumptions.hourly_cost * blocked.to_numpy(), dtype=np.float64)


def costs_by_group(table: pd.DataFrame, assumptions: Assumptions, *, by: Grouping | None) -> dict[str, float]:
    """`costs` summed over each group of `summary.summarise`; NaN where no queue time of a group is known."""
    names, codes = grouped(table, by)
    each = costs(table, assumptions)
    known = np.bincount(codes[~np.isnan(each)], minlength=len(names))
    sums = np.bincount(codes, weights=np.nan_to_num(each), minlength=len(names))
    return {
        name: float(total) if count else float("nan") for name, total, count in zip(names, sums, known, strict=True)
    }


def touch_hours(table: pd.DataFrame, assumptions: Assumptions) -> tuple[Floats, Floats]:
    """Hands-on hours of each ticket, and 1.0 where they were measured (worklogs), 0.0 where assumed (minutes by
    type)."""
    measured = table["worklog_hours"].to_numpy()
    told = table["type"].astype("object").map(dict(assumptions.minutes)).astype("float64")
    assumed = told.fillna(assumptions.minutes_per_ticket).to_numpy() / 60.0
    is_measured = ~np.isnan(measured)
    return np.where(is_measured, measured, assumed), is_measured.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Load:
    """The TicketOps ratio: hours of servicing requests over hours of the team's capacity, of the `weeks` before
    `until`. `measured_share` is the part of these hours that worklogs tell; the others are assumed."""

    until: datetime
    weeks: int
    tickets: int
    servicing_hours: float
    capacity_hours: float
    measured_share: float

    definition = (
        "TicketOps ratio: hands-on hours of the tickets that people finished, over the team's capacity; above 50 % is "
        "an alarm"
    )

    @property
    def ratio(self) -> float:
        return self.servicing_hours / self.capacity_hours

    @property
    def is_alarming(self) -> bool:
        return self.ratio > ALARM


def load(
    table: pd.DataFrame,
    assumptions: Assumptions,
    *,
    capacity_hours: float,
    now: datetime,
    weeks: int = 4,
    automated: Collection[int] = (),
) -> Load:
    """Of the tickets finished in the last `weeks`, less those that the agent fulfilled (`automated`: their ids);
    `capacity_hours` are a week's. Raises ValueError where they or the weeks are not positive."""
    if weeks < 1:
        raise ValueError(f"a load is of at least one week, not {weeks}")
    if not capacity_hours > 0:
        raise ValueError(f"a team's capacity is more than 0 hours a week, not {capacity_hours}")
    since = pd.Timestamp(now - timedelta(weeks=weeks))
    finished = (table["finished_at"] > since) & ~table["ticket_id"].isin(list(automated))
    hours, is_measured = touch_hours(table[finished], assumptions)
    total = float(hours.sum())
    return Load(
        until=now,
        weeks=weeks,
        tickets=int(finished.sum()),
        servicing_hours=total,
        capacity_hours=capacity_hours * weeks,
        measured_share=float((hours * is_measured).sum()) / total if total else 0.0,
    )

"""What the golden paths saved: hands-on hours that people did not spend, and waiting that requesters did not do.

Two figures, never added. Each comes with an interval, and its lower bound is the headline. What was measured and what
was assumed stand apart; every fulfilled ticket counts once; a fulfilment that failed or was put right by a person
counts against us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from analytics.baselines import FEWEST, Baseline, Usual, redrawn_medians, usual_by_type
from analytics.calendars import Floats
from analytics.cost import Assumptions
from analytics.errors import BadFrame

FULFILLED: Final = "fulfilled"
FAILED: Final = frozenset({"failed", "uncertain"})
RESAMPLES: Final = 1000
_AT_ONCE: Final = 4_000_000  # hours that are held at once

# The frame `Outcomes`, a row per request of the agent. `ticket_id`: Jira's numeric id; `outcome`: "fulfilled"
# or another result; `applied_at`: ticket time, aware UTC, NaT where nothing was applied; `corrected`: a
# person had to put it right; `review_minutes`: people's minutes on approving or auditing it, 0 where none.
OUTCOMES: Final[Mapping[str, str]] = {
    "ticket_id": "int64",
    "request_type": "object",
    "outcome": "object",
    "applied_at": "datetime64[us, UTC]",
    "corrected": "bool",
    "review_minutes": "float64",
}

DEFINITIONS: Final[Mapping[str, str]] = {
    "ops_hours_saved": "hands-on hours of people that each fulfilled ticket did not take: the median of the work "
    "logged on tickets of its type that people handled (measured), else the configured minutes of its type "
    "(assumed); less reviews and approvals. One that failed, was corrected or reopened counts as that much time lost",
    "waiting_hours_avoided": "for each fulfilled ticket the median queue time of the tickets of its type that people "
    "handled in the year before the path went live, less its own, in business hours; of one that failed, was corrected "
    "or reopened only the waiting beyond that median counts, as lost",
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
class Amount:
    """Hours with the 95 % interval of a bootstrap over the tickets and over those that people took, whose median they
    are held against; `low` is the headline. `tickets` counted."""

    tickets: int
    hours: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Savings:
    """`measured` and `assumed` are the hands-on hours by where they come from, each ticket in one of them; `waiting`
    the hours that requesters did not wait, of the tickets with a baseline. `lost` counts those that failed, were
    corrected or reopened; `uncompared` those without a baseline, for which no waiting is claimed.
    """

    since: datetime | None
    fulfilled: int
    lost: int
    measured: Amount
    assumed: Amount
    waiting: Amount
    uncompared: int
    by_type: Mapping[str, int]
    baselines: tuple[Baseline, ...]
    notes: tuple[str, ...]

    @property
    def ops_hours_saved(self) -> float:
        """The headline: the lower bounds of what was measured and of what was assumed."""
        return self.measured.low + self.assumed.low

    @property
    def waiting_hours_avoided(self) -> float | None:
        """The headline: the lower bound; None where nothing can be compared."""
        return self.waiting.low if self.waiting.tickets else None

    @property
    def definition(self) -> Mapping[str, str]:
        return DEFINITIONS

    def to_json(self) -> dict[str, Any]:
        document = asdict(self)
        document["since"] = self.since.isoformat() if self.since else None
        document["baselines"] = [
            asdict(one) | {"since": one.since.isoformat(), "until": one.until.isoformat()} for one in self.baselines
        ]
        document |= {
            "ops_hours_saved": self.ops_hours_saved,
            "waiting_hours_avoided": self.waiting_hours_avoided,
            "by_type": dict(self.by_type),
            "notes": list(self.notes),
            "definition": dict(self.definition),
        }
        return document


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


def savings(
    outcomes: pd.DataFrame,
    table: pd.DataFrame,
    *,
    assumptions: Assumptions,
    since: datetime | None = None,
    seed: int = 0,
) -> Savings:
    """From `Outcomes` and the table of `flow.measure` with every ticket of the queue; `since` leaves fulfilments
    before it out. A type went live with what was first carried out. The same frames and seed give the same intervals.

    Raises BadFrame for outcomes that lack a column.
    """
    if missing := [column for column in OUTCOMES if column not in outcomes]:
        raise BadFrame(f"the outcomes lack {', '.join(missing)}")
    acted = outcomes[outcomes["outcome"].isin([FULFILLED, *FAILED])]
    usual = usual_by_type(acted, table)
    counted = _once(acted, outcomes, table)
    if since is not None:
        counted = counted[counted["at"] >= pd.Timestamp(since)]
    rows = _rows(counted, table, usual, assumptions)
    rng = np.random.default_rng(seed)
    is_measured = rows["usual_touch"].notna()
    compared = rows[rows["usual_wait"].notna() & rows["waited"].notna()]
    types = set(counted["request_type"])
    return Savings(
        since=since,
        fulfilled=int((counted["outcome"] == FULFILLED).sum()),
        lost=int(rows["is_lost"].sum()),
        measured=_amount(rows[is_measured], {name: one.logged for name, one in usual.items()}, _saved, rng),
        assumed=_amount(rows[~is_measured], {}, _saved, rng),
        waiting=_amount(compared, {name: one.waits for name, one in usual.items()}, _avoided, rng),
        uncompared=len(rows) - len(compared),
        by_type={str(name): int(n) for name, n in counted["request_type"].value_counts().sort_index().items()},
        baselines=tuple(one.baseline for name, one in usual.items() if name in types),
        notes=tuple(_notes(rows, len(rows) - len(compared), assumptions)),
    )


def _once(acted: pd.DataFrame, outcomes: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Each ticket with its last act (`at`; where nothing was applied its request). What was corrected once was
    corrected, and every review took its minutes, whatever came of it."""
    last = acted.sort_values("applied_at", kind="stable", na_position="first").drop_duplicates("ticket_id", keep="last")
    by_ticket = outcomes.groupby("ticket_id")
    requested = table.drop_duplicates("ticket_id").set_index("ticket_id")["requested_at"]
    return last.assign(
        corrected=last["ticket_id"].map(by_ticket["corrected"].any()).astype(bool),
        review_minutes=last["ticket_id"].map(by_ticket["review_minutes"].sum()).astype("float64"),
        # Not by map, which knows no instants where there are no tickets.
        at=last["applied_at"].fillna(pd.Series(requested.reindex(last["ticket_id"]).array, index=last.index)),
    )


def _rows(
    counted: pd.DataFrame, table: pd.DataFrame, usual: Mapping[str, Usual], assumptions: Assumptions
) -> pd.DataFrame:
    """What each ticket is held against and what it took, in hours; NaN where unknown."""
    own = table.drop_duplicates("ticket_id").set_index("ticket_id")
    seen = own.reindex(counted["ticket_id"])
    reopened = (seen["reopenings"].fillna(0) > 0).to_numpy()
    is_lost = (counted["outcome"].isin(FAILED) | counted["corrected"]).to_numpy() | reopened
    names = counted["request_type"].astype("object")
    lead = seen["business_lead_hours"].fillna(seen["business_age_hours"]).to_numpy()
    waits = {name: one.baseline.queue_hours for name, one in usual.items()}
    touches = {name: one.baseline.touch_hours for name, one in usual.items()}
    assumed = [assumptions.minutes.get(name, assumptions.minutes_per_ticket) / 60.0 for name in names]
    return pd.DataFrame(
        {
            "type": names.to_numpy(),
            "usual_touch": names.map(touches).astype("float64").to_numpy(),
            "usual_wait": names.map(waits).astype("float64").to_numpy(),
            "assumed_touch": np.array(assumed, dtype=np.float64),
            "review": counted["review_minutes"].to_numpy() / 60.0,
            "waited": np.where(is_lost, lead, seen["business_queue_hours"].to_numpy()),
            "is_lost": is_lost,
        }
    )


Columns = Mapping[str, Any]


def _saved(spared: Floats, ticket: Columns) -> Floats:
    return np.asarray(np.where(ticket["is_lost"], -spared, spared) - ticket["review"], dtype=np.float64)


def _avoided(usual: Floats, ticket: Columns) -> Floats:
    avoided = usual - ticket["waited"]
    return np.asarray(np.where(ticket["is_lost"], np.minimum(avoided, 0.0), avoided), dtype=np.float64)


def _amount(
    rows: pd.DataFrame,
    samples: Mapping[str, Floats],
    hours: Callable[[Floats, Columns], Floats],
    rng: np.random.Generator,
) -> Amount:
    """The sum of `hours` over the tickets, held against the median of their type's sample (of types without one: what
    is assumed), and the interval of such sums of tickets and medians drawn again."""
    if rows.empty:
        return Amount(0, 0.0, 0.0, 0.0)
    columns = {name: rows[name].to_numpy() for name in ("is_lost", "review", "waited", "assumed_touch")}
    codes, names = pd.factorize(rows["type"])
    told = [samples.get(name, np.empty(0)) for name in names]
    redrawn = [redrawn_medians(one, rng, RESAMPLES) if len(one) else np.full(RESAMPLES, np.nan) for one in told]
    medians, number = np.column_stack(redrawn), len(rows)

    def sums(against: Floats, which: Any) -> Floats:
        usual = against if samples else columns["assumed_touch"][which]
        return np.asarray(hours(usual, {name: column[which] for name, column in columns.items()}).sum(axis=-1))

    plain = np.array([np.median(one) if len(one) else np.nan for one in told])
    found, step = [], max(1, _AT_ONCE // number)
    for low in range(0, RESAMPLES, step):
        part = medians[low : low + step]
        which = rng.integers(0, number, size=(len(part), number))
        found.append(sums(np.take_along_axis(part, codes[which], axis=1), which))
    low_sum, high_sum = np.quantile(np.concatenate(found), (0.025, 0.975))
    return Amount(number, float(sums(plain[codes], slice(None))), float(low_sum), float(high_sum))


def _notes(rows: pd.DataFrame, uncompared: int, assumptions: Assumptions) -> list[str]:
    notes = []
    if len(rows) and not rows["review"].any():
        notes.append("no minutes of reviews and approvals are recorded: they count as 0")
    if rows["usual_touch"].isna().any():
        notes.append(
            f"assumed {assumptions.minutes_per_ticket:g} minutes of hands-on work for a request, unless set for its "
            "type; an interval does not cover how far an assumption is off"
        )
    if uncompared:
        notes.append(
            f"{uncompared} fulfilled tickets have fewer than {FEWEST} tickets of their type that people handled before "
            "the path went live, or an unknown wait of their own: no waiting avoided is claimed for them"
        )
    if len(rows) == 1:
        notes.append("of one ticket the interval tells only how far what people took may be off")
    return notes

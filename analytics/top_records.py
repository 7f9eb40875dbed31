"""What the top-3 report holds, and what each of its figures means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final, Literal

from analytics.cost import DEFINITION as COST_DEFINITION
from analytics.cost import Assumptions
from analytics.ranking import RESAMPLES, TIE
from analytics.trend import Trend

RankBy = Literal["waiting", "touch", "count"]
RANKINGS: Final[tuple[RankBy, ...]] = ("waiting", "touch", "count")
RankedBy = Literal["queue", "lead", "touch", "count"]
GroupedBy = Literal["request_type", "ticket_type"]
UNITS: Final[Mapping[RankedBy, str]] = {
    "queue": "business hours",
    "lead": "business hours",
    "touch": "hours",
    "count": "tickets",
}

DEFINITIONS: Final[Mapping[str, str]] = {
    "tickets": "tickets of the type that were requested in the period",
    "queue_business_hours": "hours of the business calendar from creation to the start (the first entry to a status "
    "that is no queue), summed over the tickets; tickets still in the queue count with their wait so far",
    "queue_hours_p50": "median of the tickets' queue times in hours of calendar time; tickets still in the queue "
    "count as waiting at least so long (Kaplan–Meier)",
    "queue_hours_p85": "85 % of the tickets waited no longer than this, in hours of calendar time; tickets still in "
    "the queue count as above",
    "share_of_queue": "this type's part of the queue_business_hours of all service requests",
    "lead_business_hours": "hours of the business calendar from creation to resolution, or to now where open, summed",
    "share_of_lead": "this type's part of the lead_business_hours of all service requests",
    "cost_of_waiting": COST_DEFINITION,
    "touch_hours": "hands-on hours, summed: the work logged on a ticket where there is any, else the assumed minutes "
    "of its type; tickets that the agent fulfilled took none",
    "share_of_touch": "this type's part of the touch_hours of all service requests",
    "share_of_tickets": "this type's part of all service requests",
    "probability_in_top": f"share of {RESAMPLES:,} rankings of randomly drawn weeks (whole weeks with a request, in "
    "pairs) in which the type is among the first ones listed here: how sure its place is if weeks like these come "
    "again",
    "rank_low": "95 % of these rankings give the type a rank from rank_low to rank_high",
    "tied_with": f"the neighbours in rank whose order is the other way round in more than {TIE:.0%} of these rankings: "
    "which of the two comes first is not known",
    "trend": "median queue time of the tickets requested in the last eight whole weeks less that of the eight before, "
    "whatever the report's period; called a change only where its 95 % interval leaves out zero",
    "weeks": "tickets requested in each week and their median queue time (tickets that wait count as above), of "
    "the last 26 weeks, whatever the report's period; the last one has only begun",
}


@dataclass(frozen=True, slots=True)
class Week:
    """`queue_hours_p50` is None where no ticket tells it, inf where it is not reached yet."""

    week: datetime
    tickets: int
    queue_hours_p50: float | None


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A ticket that waited long: business hours in the queue (of tickets without a history to the finish, or to
    now)."""

    site: str
    ticket_id: int
    key: str
    waited_business_hours: float | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class TopEntry:
    """One request type. Figures of the queue are None where no ticket of the type has a history: unknown, not
    zero. So are those of how sure its rank is (`probability_in_top` and what follows it) where there are too few weeks.

    `tickets` counts all of the type, `measured` those with a history, `open` the unfinished; `exemplars` are
    the keys of the tickets that waited longest (`longest` tells more of them); `handler` is the golden path that serves
    the type, or None; `touch_measured` the part of the touch hours that worklogs tell.
    """

    rank: int
    request_type: str
    tickets: int
    measured: int
    open: int
    predicted: int
    queue_business_hours: float | None
    queue_hours_p50: float | None
    queue_hours_p85: float | None
    share_of_queue: float | None
    lead_business_hours: float
    share_of_lead: float | None
    cost_of_waiting: float | None
    touch_hours: float
    touch_measured: float
    share_of_touch: float | None
    share_of_tickets: float
    handler: str | None
    exemplars: tuple[str, ...]
    longest: tuple[Exemplar, ...]
    trend: Trend
    weeks: tuple[Week, ...]
    probability_in_top: float | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    tied_with: tuple[int, ...] = ()

    def ranking_figure(self, ranked_by: RankedBy) -> tuple[float, float | None]:
        """What it is ranked by, and its share of all service requests."""
        return {
            "queue": (self.queue_business_hours or 0.0, self.share_of_queue),
            "lead": (self.lead_business_hours, self.share_of_lead),
            "touch": (self.touch_hours, self.share_of_touch),
            "count": (float(self.tickets), self.share_of_tickets),
        }[ranked_by]


@dataclass(frozen=True, slots=True)
class TopReport:
    """The ranking with its evidence. `ranked_by` is `lead` where waiting should rank and fewer than half of the service
    requests have a history; `grouped_by` is `ticket_type` where the tickets carry no request types. `apart` counts what
    is not ranked; `caveats` are sentences.
    """

    as_of: datetime
    since: datetime | None
    ranked_by: RankedBy
    grouped_by: GroupedBy
    entries: tuple[TopEntry, ...]
    request_types: int
    service_requests: int
    queue_business_hours: float | None
    queue_hours_p50: float | None
    queue_hours_p85: float | None
    cost_of_waiting: float | None
    touch_hours: float
    apart: Mapping[str, int]
    unclassified: int
    assumptions: Assumptions
    caveats: tuple[str, ...]

    @property
    def definition(self) -> Mapping[str, str]:
        """What each figure means, by its name."""
        return DEFINITIONS

    def to_json(self) -> dict[str, Any]:
        """Plain values: instants as ISO text in UTC; unknown figures, and percentiles that are not reached, as None."""
        document = asdict(self)
        document |= {"assumptions": self.assumptions.to_json(), "definition": dict(self.definition)}
        for entry in document["entries"]:
            entry["exemplar_tickets"] = entry.pop("longest")
        plain: dict[str, Any] = _plain(document)
        return plain


def _plain(value: Any) -> Any:
    """JSON knows no infinity, no NaN and no instants."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return None if isinstance(value, float) and not isfinite(value) else value

"""The report: which request types eat the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from analytics.catalogue import kind_of, type_of_ticket_type
from analytics.cost import DEFINITION as COST_DEFINITION
from analytics.cost import Assumptions, costs
from analytics.survival import percentiles
from tickets.ticket import Classification, RequestType

EXEMPLARS = 3
APART_NAMES = {"bug": "bugs", "incident": "incidents", "question": "questions", "project": "project work"}

DEFINITIONS = {
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
}


@dataclass(frozen=True, slots=True)
class TopEntry:
    """One request type. Figures of the queue are None where no ticket of the type has a history: unknown, not
    zero.

    `tickets` counts all of the type, `measured` those with a history, `open` the unfinished; `exemplars` are
    the keys of the tickets that waited longest; `handler` is the golden path that serves the type, or None.
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
    handler: str | None
    exemplars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopReport:
    """The ranking with its evidence. `ranked_by` is `lead` where fewer than half of the service requests have a
    history; `grouped_by` is `ticket_type` where the tickets carry no request types. `apart` counts what is not
    ranked; `caveats` are sentences.
    """

    as_of: datetime
    since: datetime | None
    ranked_by: Literal["queue", "lead"]
    grouped_by: Literal["request_type", "ticket_type"]
    entries: tuple[TopEntry, ...]
    request_types: int
    service_requests: int
    queue_business_hours: float | None
    queue_hours_p50: float | None
    queue_hours_p85: float | None
    cost_of_waiting: float | None
    apart: Mapping[str, int]
    unclassified: int
    assumptions: Assumptions
    caveats: tuple[str, ...]

    @property
    def definition(self) -> Mapping[str, str]:
        """What each figure means, by its name."""
        return DEFINITIONS

    def to_json(self) -> dict[str, Any]:
        """Plain values: instants as ISO text, unknown figures as None."""
        document = asdict(self)
        document |= {
            "as_of": self.as_of.astimezone(UTC).isoformat(),
            "since": self.since.astimezone(UTC).isoformat() if self.since else None,
            "apart": dict(self.apart),
            "assumptions": self.assumptions.to_json(),
            "caveats": list(self.caveats),
            "definition": dict(self.definition),
        }
        document["entries"] = [asdict(entry) | {"exemplars": list(entry.exemplars)} for entry in self.entries]
        for figures in (document, *document["entries"]):  # JSON knows no infinity: not reached is null
            for name in ("queue_hours_p50", "queue_hours_p85"):
                figures[name] = None if figures[name] == float("inf") else figures[name]
        return document


def top_requests(
    flow: pd.DataFrame,
    classifications: Sequence[Classification | None],
    *,
    handlers: Mapping[str, str],
    count: int = 3,
    now: datetime,
    since: datetime | None = None,
    assumptions: Assumptions | None = None,
    types: Mapping[str, RequestType] | None = None,
) -> TopReport:
    """Ranks service requests by their requesters' waiting: queue time in business hours, open tickets
    included.

    `flow` is what `flow.measure` gave; `classifications` has one entry for each of its rows, None where the
    type is not known. `handlers` maps a request type to the handler that serves it; `types` is a site's own
    catalogue, which says of what kind a type is. `since` leaves older tickets out. Raises ValueError where
    the lengths differ.
    """
    if len(flow) != len(classifications):
        raise ValueError(f"{len(flow)} tickets, but {len(classifications)} classifications")
    assumptions = assumptions or Assumptions()
    table = _typed(flow, classifications, types)
    if since is not None:
        table = table[table["requested_at"] >= since]
    grouped_by: Literal["request_type", "ticket_type"] = "request_type"
    if len(table) and not (table["kind"] == "request").any():
        table, grouped_by = _by_ticket_type(table), "ticket_type"
    requests = table[table["kind"] == "request"]
    measured = requests[requests["queue_hours"].notna()]
    ranked_by: Literal["queue", "lead"] = "queue" if len(measured) and 2 * len(measured) >= len(requests) else "lead"
    queue_total = _total(measured["business_queue_hours"])
    lead_total = float(requests["elapsed_business_hours"].sum())
    entries = [
        _entry(str(name), group, queue_total, lead_total, handlers, assumptions)
        for name, group in requests.groupby("type", sort=True)
    ]
    column = "queue_business_hours" if ranked_by == "queue" else "lead_business_hours"
    entries.sort(key=lambda entry: (-(getattr(entry, column) or 0.0), -entry.tickets, entry.request_type))
    return TopReport(
        as_of=now,
        since=since,
        ranked_by=ranked_by,
        grouped_by=grouped_by,
        entries=tuple(_ranked(entry, rank) for rank, entry in enumerate(entries[:count], start=1)),
        request_types=len(entries),
        service_requests=len(requests),
        queue_business_hours=queue_total,
        queue_hours_p50=percentile(measured, 0.50),
        queue_hours_p85=percentile(measured, 0.85),
        cost_of_waiting=None if queue_total is None else float(np.nansum(costs(measured, assumptions))),
        apart={name: int((table["kind"] == kind).sum()) for kind, name in APART_NAMES.items()},
        unclassified=int((table["kind"] == "unknown").sum()),
        assumptions=assumptions,
        caveats=tuple(_caveats(table, requests, measured, grouped_by, len(entries), count)),
    )


def _typed(
    flow: pd.DataFrame,
    classifications: Sequence[Classification | None],
    types: Mapping[str, RequestType] | None,
) -> pd.DataFrame:
    """The flow with `type`, `kind` and `source` of each ticket, and its business hours to the finish or to now."""
    table = flow.reset_index(drop=True)
    elapsed = table["business_lead_hours"].mask(table["is_open"], table["business_age_hours"])
    table["elapsed_business_hours"] = elapsed
    table["type"] = [entry.request_type if entry else "" for entry in classifications]
    table["kind"] = [kind_of(entry.request_type, types) if entry else "unknown" for entry in classifications]
    table["source"] = [entry.source if entry else "" for entry in classifications]
    return table


def _by_ticket_type(table: pd.DataFrame) -> pd.DataFrame:
    """Groups by the tickets' own types, and takes back what was only predicted: nothing was there to learn
    from.
    """
    names = table["ticket_type"].astype("object")
    known = {name: type_of_ticket_type(name) for name in names.unique()}
    kinds = {name: entry.kind if entry else "request" for name, entry in known.items()}
    return table.assign(type=names, kind=names.map(kinds), source="given")


def _entry(
    name: str,
    group: pd.DataFrame,
    queue_total: float | None,
    lead_total: float,
    handlers: Mapping[str, str],
    assumptions: Assumptions,
) -> TopEntry:
    measured = group[group["queue_hours"].notna()]
    queue = _total(measured["business_queue_hours"])
    lead = float(group["elapsed_business_hours"].sum())
    waits = (
        group["business_queue_hours"].fillna(-1.0) if len(measured) else group["elapsed_business_hours"].fillna(-1.0)
    )
    longest = group.assign(wait=waits).sort_values(["wait", "key"], ascending=[False, True])
    return TopEntry(
        rank=0,
        request_type=name,
        tickets=len(group),
        measured=len(measured),
        open=int(group["is_open"].sum()),
        predicted=int((group["source"] == "predicted").sum()),
        queue_business_hours=queue,
        queue_hours_p50=percentile(measured, 0.50),
        queue_hours_p85=percentile(measured, 0.85),
        share_of_queue=queue / queue_total if queue is not None and queue_total else None,
        lead_business_hours=lead,
        share_of_lead=lead / lead_total if lead_total else None,
        cost_of_waiting=None if queue is None else float(np.nansum(costs(group, assumptions))),
        handler=handlers.get(name),
        exemplars=tuple(str(key) for key in longest["key"].head(EXEMPLARS)),
    )


def _ranked(entry: TopEntry, rank: int) -> TopEntry:
    return TopEntry(**(asdict(entry) | {"rank": rank}))


def _caveats(
    table: pd.DataFrame,
    requests: pd.DataFrame,
    measured: pd.DataFrame,
    grouped_by: str,
    groups: int,
    count: int,
) -> list[str]:
    """What the figures cannot know, each as a sentence with its number."""
    found: list[str] = []
    if grouped_by == "ticket_type":
        found.append("no request types in this export; grouped by ticket type")
    if without := len(requests) - len(measured):
        found.append(f"no history in {without} of {len(requests)} tickets: queue time unknown")
    if 2 * len(measured) < len(requests):
        found.append(
            f"queue time is known for {len(measured)} of {len(requests)} tickets, so types are ranked by lead time "
            "(created to resolved, or to now where open)"
        )
    if waiting := int(measured["queue_is_open"].sum()):
        found.append(f"{waiting} tickets are still in the queue and count as waiting at least so long")
    if unknown := int(table["unknown_entries"].sum()):
        tickets = int((table["unknown_entries"] > 0).sum())
        found.append(
            f"{unknown} moves in {tickets} tickets lead to statuses of unknown category: they start and end nothing"
        )
    if unfinished := int(requests["elapsed_business_hours"].isna().sum()):
        found.append(f"{unfinished} finished tickets do not say when: their lead time is unknown")
    if predicted := int((requests["source"] == "predicted").sum()):
        found.append(f"the type of {predicted} of {len(requests)} service requests was predicted from their text")
    if unclassified := int((table["kind"] == "unknown").sum()):
        found.append(f"{unclassified} tickets carry no request type and are not ranked")
    if not len(requests):
        found.append("there are no service requests among these tickets")
    elif groups < count:
        found.append(f"there are only {groups} types of service requests")
    return found


def _total(hours: pd.Series) -> float | None:
    return float(hours.sum()) if len(hours) else None


def percentile(measured: pd.DataFrame, share: float) -> float | None:
    """Of the queue times; inf where so many still wait that it is not reached, None without tickets."""
    if measured.empty:
        return None
    hours, is_over = measured["queue_hours"].to_numpy(), ~measured["queue_is_open"].to_numpy()
    return float(percentiles(hours, is_over, shares=(share,), confidence=None).estimate[0, 0])

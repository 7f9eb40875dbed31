"""The report: which request types eat the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.calendars import Floats
from analytics.catalogue import kind_of, type_of_ticket_type
from analytics.cost import Assumptions, costs, touch_hours
from analytics.ranking import Ints, Standing, standings
from analytics.survival import percentiles
from analytics.top_caveats import caveats_of
from analytics.top_records import Exemplar, GroupedBy, RankBy, RankedBy, TopEntry, TopReport, Week
from analytics.trend import monday, trend
from analytics.weeks import week_numbers, weekly
from tickets.ticket import Classification, RequestType

EXEMPLARS = 3
WEEKS_TOLD = 26
APART_NAMES = {"bug": "bugs", "incident": "incidents", "question": "questions", "project": "project work"}
_AMOUNTS: Mapping[RankedBy, str] = {
    "queue": "business_queue_hours",
    "lead": "elapsed_business_hours",
    "touch": "touch_hours",
    "count": "one",
}


def top_requests(
    flow: pd.DataFrame,
    classifications: Sequence[Classification | None],
    *,
    handlers: Mapping[str, str],
    count: int = 3,
    now: datetime,
    since: datetime | None = None,
    rank_by: RankBy = "waiting",
    assumptions: Assumptions | None = None,
    types: Mapping[str, RequestType] | None = None,
    is_automated: npt.NDArray[np.bool_] | None = None,
) -> TopReport:
    """Ranks service requests: by their requesters' waiting (queue time in business hours, open tickets included), by
    hands-on hours, or by number.

    `flow` is what `flow.measure` gave; `classifications` has one entry for each of its rows, None where the
    type is not known, `is_automated` whether the agent fulfilled it. `handlers` maps a request type to the handler that
    serves it; `types` is a site's own catalogue, which says of what kind a type is. `since` leaves older tickets out of
    everything but the trends. Raises ValueError where the lengths differ.
    """
    assumptions = assumptions or Assumptions()
    whole, grouped_by = _grouped(_typed(flow, classifications, types), since)
    whole = _with_amounts(whole, assumptions, is_automated)
    table = _since(whole, since)
    requests = table[table["kind"] == "request"]
    measured = requests[requests["queue_hours"].notna()]
    ranked_by = _ranked_by(rank_by, requests, measured)
    types_ranked, entries = _entries(requests, whole, ranked_by, handlers, count, now)
    return TopReport(
        as_of=now,
        since=since,
        ranked_by=ranked_by,
        grouped_by=grouped_by,
        entries=entries,
        request_types=types_ranked,
        service_requests=len(requests),
        queue_business_hours=_total(measured["business_queue_hours"]),
        queue_hours_p50=percentile(measured, 0.50),
        queue_hours_p85=percentile(measured, 0.85),
        cost_of_waiting=_total(measured["cost"]),
        touch_hours=float(requests["touch_hours"].sum()),
        apart={name: int((table["kind"] == kind).sum()) for kind, name in APART_NAMES.items()},
        unclassified=int((table["kind"] == "unknown").sum()),
        assumptions=assumptions,
        caveats=tuple(caveats_of(table, requests, measured, grouped_by, ranked_by, types_ranked, count)),
    )


def _typed(
    flow: pd.DataFrame,
    classifications: Sequence[Classification | None],
    types: Mapping[str, RequestType] | None,
) -> pd.DataFrame:
    """The flow with `type`, `kind` and `source` of each ticket, and its business hours to the finish or to now."""
    if len(flow) != len(classifications):
        raise ValueError(f"{len(flow)} tickets, but {len(classifications)} classifications")
    table = flow.reset_index(drop=True)
    elapsed = table["business_lead_hours"].mask(table["is_open"], table["business_age_hours"])
    table["elapsed_business_hours"] = elapsed
    names = [entry.request_type if entry else "" for entry in classifications]
    kinds = {name: kind_of(name, types) if name else "unknown" for name in set(names)}
    table["type"] = names
    table["kind"] = [kinds[name] for name in names]
    table["source"] = [entry.source if entry else "" for entry in classifications]
    return table


def _grouped(table: pd.DataFrame, since: datetime | None) -> tuple[pd.DataFrame, GroupedBy]:
    """By request types; by the tickets' own types where the period has no service request among those."""
    kinds = _since(table, since)["kind"]
    if kinds.empty or (kinds == "request").any():
        return table, "request_type"
    return _by_ticket_type(table), "ticket_type"


def _by_ticket_type(table: pd.DataFrame) -> pd.DataFrame:
    """Groups by the tickets' own types, and takes back what was only predicted: nothing was there to learn
    from.
    """
    names = table["ticket_type"].astype("object")
    known = {name: type_of_ticket_type(name) for name in names.unique()}
    kinds = {name: entry.kind if entry else "request" for name, entry in known.items()}
    return table.assign(type=names, kind=names.map(kinds), source="given")


def _with_amounts(
    table: pd.DataFrame, assumptions: Assumptions, is_automated: npt.NDArray[np.bool_] | None
) -> pd.DataFrame:
    """What each ticket adds to its type's sums: hands-on hours and those of them that were measured, cost, itself."""
    hours, is_measured = touch_hours(table, assumptions)
    if is_automated is not None:
        hours = np.where(is_automated, 0.0, hours)
    return table.assign(
        touch_hours=hours, measured_touch_hours=hours * is_measured, cost=costs(table, assumptions), one=1.0
    )


def _since(table: pd.DataFrame, since: datetime | None) -> pd.DataFrame:
    return table if since is None else table[table["requested_at"] >= since]


def _ranked_by(rank_by: RankBy, requests: pd.DataFrame, measured: pd.DataFrame) -> RankedBy:
    if rank_by != "waiting":
        return rank_by
    return "queue" if len(measured) and 2 * len(measured) >= len(requests) else "lead"


def _in_order(requests: pd.DataFrame, ranked_by: RankedBy) -> tuple[list[str], Ints]:
    """The types, the one that weighs most first, and the place of each ticket's type among them."""
    codes, names = pd.factorize(requests["type"], sort=True)
    sums = np.bincount(codes, weights=_amounts(requests, ranked_by), minlength=len(names))
    tickets = np.bincount(codes, minlength=len(names))
    order = np.lexsort((np.arange(len(names)), -tickets, -sums))
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return [names[number] for number in order], place[codes]


def _amounts(requests: pd.DataFrame, ranked_by: RankedBy) -> Floats:
    return np.asarray(np.nan_to_num(requests[_AMOUNTS[ranked_by]].to_numpy(dtype=np.float64)))


def _standings(requests: pd.DataFrame, codes: Ints, ranked_by: RankedBy, number: int, count: int) -> list[Standing]:
    if requests.empty:
        return []
    weeks = week_numbers(requests["requested_at"])
    return standings(weeks, codes, _amounts(requests, ranked_by), number, top=count)


def _entries(
    requests: pd.DataFrame,
    whole: pd.DataFrame,
    ranked_by: RankedBy,
    handlers: Mapping[str, str],
    count: int,
    now: datetime,
) -> tuple[int, tuple[TopEntry, ...]]:
    """How many types there are, and the first of them."""
    names, codes = _in_order(requests, ranked_by)
    sure = _standings(requests, codes, ranked_by, len(names), count)
    entries = [
        _entry(rank, str(name), requests, requests[codes == rank - 1], whole, handlers, now)
        for rank, name in enumerate(names[:count], start=1)
    ]
    return len(names), tuple(_with_standing(entry, sure) for entry in entries)


def _with_standing(entry: TopEntry, sure: Sequence[Standing]) -> TopEntry:
    if not sure:
        return entry
    own = sure[entry.rank - 1]
    above = (entry.rank - 1,) if entry.rank > 1 and sure[entry.rank - 2].is_tied_with_next else ()
    below = (entry.rank + 1,) if own.is_tied_with_next else ()
    return replace(
        entry,
        probability_in_top=own.in_top,
        rank_low=own.rank_low,
        rank_high=own.rank_high,
        tied_with=(*above, *below),
    )


def _entry(
    rank: int,
    name: str,
    requests: pd.DataFrame,
    group: pd.DataFrame,
    whole: pd.DataFrame,
    handlers: Mapping[str, str],
    now: datetime,
) -> TopEntry:
    measured = group[group["queue_hours"].notna()]
    queue, lead = _total(measured["business_queue_hours"]), float(group["elapsed_business_hours"].sum())
    touch = float(group["touch_hours"].sum())
    longest = _longest(group)
    every = whole[(whole["type"] == name) & (whole["kind"] == "request")]
    return TopEntry(
        rank=rank,
        request_type=name,
        tickets=len(group),
        measured=len(measured),
        open=int(group["is_open"].sum()),
        predicted=int((group["source"] == "predicted").sum()),
        queue_business_hours=queue,
        queue_hours_p50=percentile(measured, 0.50),
        queue_hours_p85=percentile(measured, 0.85),
        share_of_queue=None if queue is None else _share(queue, float(requests["business_queue_hours"].sum())),
        lead_business_hours=lead,
        share_of_lead=_share(lead, float(requests["elapsed_business_hours"].sum())),
        cost_of_waiting=_total(measured["cost"]),
        touch_hours=touch,
        touch_measured=_share(float(group["measured_touch_hours"].sum()), touch) or 0.0,
        share_of_touch=_share(touch, float(requests["touch_hours"].sum())),
        share_of_tickets=len(group) / len(requests),
        handler=handlers.get(name),
        exemplars=tuple(one.key for one in longest),
        longest=longest,
        trend=trend(every, now=now),
        weeks=_weeks(every, now),
    )


def _longest(group: pd.DataFrame) -> tuple[Exemplar, ...]:
    """The tickets that waited longest."""
    waited = group["business_queue_hours"] if group["queue_hours"].notna().any() else group["elapsed_business_hours"]
    chosen = group.assign(wait=waited, order=waited.fillna(-1.0))
    rows = chosen.sort_values(["order", "key"], ascending=[False, True]).head(EXEMPLARS).to_dict("records")
    return tuple(
        Exemplar(
            site=str(row["site"]),
            ticket_id=int(row["ticket_id"]),
            key=str(row["key"]),
            waited_business_hours=None if pd.isna(row["wait"]) else float(row["wait"]),
            is_open=bool(row["is_open"]),
        )
        for row in rows
    )


def _weeks(every: pd.DataFrame, now: datetime) -> tuple[Week, ...]:
    """The last weeks before `now`; those without a request count none. Empty where none of them has any."""
    frame = weekly(every).set_index("week")
    last = pd.Timestamp(monday(now))
    mondays = pd.date_range(end=last, periods=WEEKS_TOLD, freq="7D", unit="us")
    told = frame.reindex(mondays)
    if not told["arrived"].sum():
        return ()
    return tuple(
        Week(
            week=week.to_pydatetime(),
            tickets=0 if pd.isna(arrived) else int(arrived),
            queue_hours_p50=None if pd.isna(median) else float(median),
        )
        for week, arrived, median in zip(mondays, told["arrived"], told["queue_hours_p50"], strict=True)
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _total(hours: pd.Series) -> float | None:
    return float(hours.sum()) if len(hours) else None


def percentile(measured: pd.DataFrame, share: float) -> float | None:
    """Of the queue times; inf where so many still wait that it is not reached, None without tickets."""
    if measured.empty:
        return None
    hours, is_over = measured["queue_hours"].to_numpy(), ~measured["queue_is_open"].to_numpy()
    return float(percentiles(hours, is_over, shares=(share,), confidence=None).estimate[0, 0])

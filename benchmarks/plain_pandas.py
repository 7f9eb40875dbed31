"""The same job in plain pandas, as somebody who knows pandas well writes it in a notebook: no loop over tickets.

It reads the Parquet files with categories instead of text, and takes business time from the edges of the calendar by
`np.interp`, as the product does: a day-by-day loop would make the comparison unfair. It is for one site, the usual
rules and complete histories, which makes it simpler and quicker than what has to do with any queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from tickets.history_folder import Kind

STARTING: Final = ("active", "requester", "blocked", "done")
COLUMNS: Final[Mapping[Kind, Sequence[str]]] = {
    "tickets": ("ticket_id", "request_type", "status", "reporter", "created_at", "resolved_at"),
    "changes": ("ticket_id", "at", "from_name", "to_name"),
    "comments": ("ticket_id", "at", "author", "kind", "is_public"),
}
CODED: Final = ("request_type", "status", "reporter", "from_name", "to_name", "author", "kind")
QUANTILES: Final = (0.50, 0.85, 0.95)
HOUR: Final = pd.Timedelta(hours=1)
DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Done:
    """What the job made. `tickets` has a row per ticket, `statuses` one per status, `weekly` one per week and request
    type, `cumulative` one per day, `ageing` one per ticket in progress, `efficiency` one per request type."""

    tickets: pd.DataFrame
    statuses: pd.DataFrame
    weekly: pd.DataFrame
    cumulative: pd.DataFrame
    ageing: pd.DataFrame
    efficiency: pd.Series


def measure(
    files: Callable[[Kind], list[Path]],
    class_of: Mapping[str, str],
    shifts: Sequence[tuple[datetime, datetime]],
    now: datetime,
) -> Done:
    """The whole job. `files` gives the files of a table, `class_of` the class of a status by its name, `shifts` the
    business calendar. All durations are hours."""
    tickets, changes, comments = (_read(files(kind), COLUMNS[kind]) for kind in ("tickets", "changes", "comments"))
    asof = pd.Timestamp(now)
    tickets = tickets.sort_values("ticket_id").set_index("ticket_id")
    entries = _entries(tickets, changes, class_of)
    _add_milestones(tickets, entries, class_of, asof)
    _add_stays(tickets, entries, _Business(shifts))
    by_status = entries.groupby("status", observed=True)
    statuses = by_status[["visits", "hours", "business_hours"]].sum()
    is_active = entries["class"] == "active"
    tickets["active_hours"] = entries[is_active].groupby("ticket_id")["hours"].sum()
    tickets["first_response_hours"] = _first_response(tickets, comments)
    return Done(
        tickets=tickets,
        statuses=statuses,
        weekly=_weekly(tickets),
        cumulative=_cumulative(entries, asof),
        ageing=_ageing(tickets, asof),
        efficiency=_efficiency(tickets),
    )


class _Business:
    """f(t): business hours until an instant."""

    def __init__(self, shifts: Sequence[tuple[datetime, datetime]]) -> None:
        edges = pd.DatetimeIndex([edge for shift in shifts for edge in shift]).as_unit("us").asi8
        lengths = np.diff(edges, prepend=edges[0])
        lengths[::2] = 0  # from a closing to the next opening
        self._edges, self._sums = edges.astype(np.float64), np.cumsum(lengths) / 3.6e9

    def hours_until(self, at: pd.Series) -> pd.Series:
        micros = at.dt.as_unit("us").astype("int64")
        return pd.Series(np.interp(micros, self._edges, self._sums), index=at.index).mask(at.isna())


def _read(files: list[Path], columns: Sequence[str]) -> pd.DataFrame:
    coded = [name for name in columns if name in CODED]
    return pd.read_parquet(
        files,
        engine="pyarrow",
        columns=list(columns),
        read_dictionary=coded,
        partitioning=None,
    )


def _entries(tickets: pd.DataFrame, changes: pd.DataFrame, class_of: Mapping[str, str]) -> pd.DataFrame:
    """A row per status that a ticket entered, by ticket and time: the files hold each ticket's changes in order."""
    statuses = pd.CategoricalDtype(sorted(class_of))
    began = changes.drop_duplicates("ticket_id").set_index("ticket_id")["from_name"].astype(statuses)
    began = began.reindex(tickets.index).fillna(tickets["status"].astype(statuses))
    created = pd.DataFrame({"ticket_id": tickets.index, "at": tickets["created_at"].array, "status": began.array})
    moved = changes[["ticket_id", "at"]].assign(status=changes["to_name"].astype(statuses))
    entries = pd.concat([created, moved], ignore_index=True)
    entries = entries.sort_values("ticket_id", kind="stable", ignore_index=True)
    classes = pd.Categorical([class_of[name] for name in entries["status"].cat.categories])
    entries["class"] = classes.take(entries["status"].cat.codes)
    entries["is_first"] = entries["ticket_id"] != entries["ticket_id"].shift()
    entries["is_last"] = entries["is_first"].shift(-1, fill_value=True)
    return entries


def _add_milestones(
    tickets: pd.DataFrame, entries: pd.DataFrame, class_of: Mapping[str, str], asof: pd.Timestamp
) -> None:
    """When each ticket started and finished. It finishes where the run of done statuses that it ends in begins."""
    is_over = entries["class"] == "done"
    begins_run = is_over & (~is_over.shift(fill_value=False) | entries["is_first"])
    runs = entries[begins_run].drop_duplicates("ticket_id", keep="last").set_index("ticket_id")["at"]
    starts = entries[entries["class"].isin(STARTING)].drop_duplicates("ticket_id").set_index("ticket_id")["at"]
    created = tickets["created_at"]
    tickets["is_open"] = tickets["status"].astype(object).map(class_of) != "done"
    ends_over = pd.Series(is_over[entries["is_last"]].to_numpy(), index=tickets.index)
    finished = runs.reindex(tickets.index).where(ends_over, tickets["resolved_at"].clip(created, asof))
    tickets["finished_at"] = finished.mask(tickets["is_open"])
    tickets["end"] = tickets["finished_at"].mask(tickets["is_open"], asof)
    started = starts.reindex(tickets.index).fillna(tickets["finished_at"])
    tickets["started_at"] = started.mask(started > tickets["end"], tickets["end"])
    tickets["queue_hours"] = (tickets["started_at"].mask(started.isna() & tickets["is_open"], asof) - created) / HOUR
    tickets["lead_hours"] = (tickets["finished_at"] - created) / HOUR
    tickets["cycle_hours"] = (tickets["finished_at"] - tickets["started_at"]) / HOUR


def _add_stays(tickets: pd.DataFrame, entries: pd.DataFrame, business: _Business) -> None:
    """How long each entry lasted; and the tickets' durations in business hours."""
    is_last = entries["is_last"]
    end = tickets["end"].reindex(entries["ticket_id"]).reset_index(drop=True)
    at = entries["at"].where(entries["at"] <= end, end)
    entries["visits"] = 1
    entries["hours"] = (at.shift(-1).mask(is_last, end) - at) / HOUR
    sums, ends = business.hours_until(at), business.hours_until(tickets["end"])
    until = sums.shift(-1)
    until[is_last] = ends.to_numpy()
    entries["business_hours"] = until - sums
    created = business.hours_until(tickets["created_at"])
    started = tickets["started_at"].mask(tickets["started_at"].isna() & tickets["is_open"], tickets["end"])
    tickets["queue_business_hours"] = business.hours_until(started) - created
    tickets["lead_business_hours"] = (ends - created).mask(tickets["is_open"])


def _first_response(tickets: pd.DataFrame, comments: pd.DataFrame) -> pd.Series:
    """Hours to the first public comment by a person who is not the reporter."""
    answers = comments[(comments["kind"] == "person") & comments["is_public"] & comments["author"].notna()]
    reporters = tickets["reporter"].cat.set_categories(answers["author"].cat.categories)  # the same codes
    asked_by = reporters.reindex(answers["ticket_id"]).cat.codes.to_numpy()
    answers = answers[answers["author"].cat.codes.to_numpy() != asked_by]
    first = answers.groupby("ticket_id")["at"].min().reindex(tickets.index)
    return (first - tickets["created_at"]).clip(lower=pd.Timedelta(0)) / HOUR


def _weekly(tickets: pd.DataFrame) -> pd.DataFrame:
    """Percentiles of the queue time by week of creation (its Monday) and request type, of those that started."""
    started = tickets[tickets["started_at"].notna()]
    days = started["created_at"].dt.normalize()
    week = (days - pd.to_timedelta(days.dt.day_of_week, unit="D")).rename("week")
    return started.groupby([week, "request_type"], observed=True)["queue_hours"].quantile(QUANTILES).unstack()


def _ageing(tickets: pd.DataFrame, asof: pd.Timestamp) -> pd.DataFrame:
    """Tickets in progress, the oldest first, each beside the cycle times of the finished tickets of its type."""
    usual = tickets.groupby("request_type", observed=True)["cycle_hours"].quantile(QUANTILES).unstack()
    in_progress = tickets[tickets["is_open"] & tickets["started_at"].notna()]
    aged = in_progress[["request_type"]].assign(wip_age_hours=(asof - in_progress["started_at"]) / HOUR)
    return aged.join(usual, on="request_type").sort_values("wip_age_hours", ascending=False)


def _efficiency(tickets: pd.DataFrame) -> pd.Series:
    """Time in statuses of work over lead time, both summed over the finished tickets of a type."""
    finished = tickets[~tickets["is_open"]].groupby("request_type", observed=True)
    sums = finished[["active_hours", "lead_hours"]].sum()
    return sums["active_hours"] / sums["lead_hours"]


def _cumulative(entries: pd.DataFrame, asof: pd.Timestamp) -> pd.DataFrame:
    """How many tickets were in each class at the end of each day."""
    day = entries["at"].dt.as_unit("us").astype("int64") // DAY  # whole numbers group faster than instants
    is_left = ~entries["is_last"]
    came = entries["class"].groupby([day, entries["class"]], observed=True).size().unstack(fill_value=0)
    left_on, left = day.shift(-1, fill_value=0)[is_left], entries["class"][is_left]
    gone = left.groupby([left_on, left], observed=True).size().unstack(fill_value=0)
    days = pd.RangeIndex(day.min(), int(asof.timestamp()) // 86_400 + 1)
    flow = came.sub(gone, fill_value=0).reindex(days).fillna(0).cumsum()
    return flow.set_index(pd.to_datetime(flow.index, unit="D", utc=True))


def figures(done: Done) -> dict[str, Any]:
    """What the benchmark compares with the product's, see `benchmarks.queue_job`."""
    totals = done.statuses
    weekly = {
        f"{week:%Y-%m-%d} {name}": list(map(float, row))
        for (week, name), row in zip(done.weekly.index, done.weekly.to_numpy(), strict=True)
    }
    return {
        "tickets": len(done.tickets),
        "open": int(done.tickets["is_open"].sum()),
        "totals": {str(name): list(map(float, row)) for name, row in zip(totals.index, totals.to_numpy(), strict=True)},
        "queue_hours": float(done.tickets["queue_hours"].sum()),
        "queue_business_hours": float(done.tickets["queue_business_hours"].sum()),
        "cycle_hours": float(done.tickets["cycle_hours"].sum()),
        "first_responses": int(done.tickets["first_response_hours"].count()),
        "first_response_hours": float(done.tickets["first_response_hours"].sum()),
        "weekly": weekly,
        "cumulative": {str(name): int(number) for name, number in done.cumulative.iloc[-1].items()},
        "wip": len(done.ageing),
        "wip_age_hours": float(done.ageing["wip_age_hours"].sum()),
        "beyond_p85": int((done.ageing["wip_age_hours"] > done.ageing[0.85]).sum()),
        "flow_efficiency": {str(name): float(share) for name, share in done.efficiency.items()},
    }

"""How long tickets waited: queue, lead and cycle time per ticket, and by week.

Definitions (the glossary's): a ticket is requested when it is created; it starts at its first entry to a
status of category In Progress; it finishes at its last entry to Done, and a reopening voids the earlier
finish. A ticket that went straight to Done starts when it finishes. Queue time is requested to started, cycle
time started to finished, lead time requested to finished. Tickets in the queue count with the time they have
waited so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl

from analytics.calendars import BusinessCalendar
from analytics.errors import BadFrame
from analytics.statuses import Categories
from tickets.ticket import Status, StatusCategory

NEW, IN_PROGRESS, DONE = StatusCategory.NEW.value, StatusCategory.IN_PROGRESS.value, StatusCategory.DONE.value
UNDEFINED = StatusCategory.UNDEFINED.value

KEPT = ("site", "ticket_id", "key", "project", "ticket_type", "request_type", "summary", "priority", "status")

DEFINITIONS = {
    "queue_hours": "created to the first entry to a status of category In Progress, in hours of calendar "
    "time; tickets "
    "still in the queue count with their wait so far; unknown without history",
    "queue_business_hours": "the same in hours of the business calendar",
    "lead_hours": "created to the last entry to Done, in hours of calendar time; finished tickets only",
    "cycle_hours": "first entry to In Progress to the last entry to Done, in hours of calendar time; "
    "finished tickets only",
    "elapsed_business_hours": "created to finished, or to now where open, in hours of the business calendar",
}


def measure(
    tickets: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    calendar: BusinessCalendar,
    now: datetime,
    statuses: Sequence[Status] = (),
) -> pd.DataFrame:
    """A row per ticket in the order given.

    Takes the frames of `ticket_frame` and `change_frame`. `statuses` is the site's catalogue; where it is
    empty the categories come from the tickets' present statuses, else from the words of a status' name.
    Returns what identifies the ticket (`KEPT`), then:

    - `status_category`: of the present status, so resolved; `is_open`, `has_history`: bool
    - `requested_at`, `started_at`, `finished_at`: aware UTC, NaT where it has not happened or is unknown
    - `queue_hours`, `queue_business_hours`: float, NaN without history; `queue_is_open`: still counting at
      `now`
    - `lead_hours`, `lead_business_hours`, `cycle_hours`: float, NaN unless finished (cycle: and with history)
    - `elapsed_business_hours`: float, to `finished_at` or `now`
    - `reopenings`: Int64, `<NA>` without history; `unknown_statuses`: moves to statuses of unknown category

    Times before the creation (imports keep old histories) count as the creation. Raises BadFrame for a
    missing column, ValueError for a naive `now`, CalendarRange where the calendar is too short.
    """
    if now.utcoffset() is None:
        raise ValueError(f"now ({now.isoformat()}) has no time zone")
    _require(tickets, ("site", "ticket_id", "status_id", "status", "status_category", "created_at", "resolved_at"))
    _require(changes, ("site", "ticket_id", "at", "from_id", "from_name", "to_id", "to_name"))
    categories = _categories(tickets, statuses)
    rows = (
        pl.from_pandas(tickets)
        .with_row_index("row")
        .with_columns(_category("status_id", "status", tickets, categories))
    )
    moves = _moves(changes, categories)
    flow = _with_milestones(rows, moves)
    return _with_durations(flow.sort("row").to_pandas(), calendar, now)


def weekly(flow: pd.DataFrame) -> pd.DataFrame:
    """Queue time by the week (Monday, UTC) in which tickets were requested; tickets without history are left
    out.

    Columns: `week` (aware UTC), `tickets` and `still_waiting` (int; their waits so far make the percentiles
    lower bounds), `queue_hours_p50`, `queue_hours_p85` (calendar hours, computed from the tickets, linear
    between ranks).
    """
    frame = pl.from_pandas(flow[["requested_at", "queue_hours", "queue_is_open"]]).filter(
        pl.col("queue_hours").is_not_null() & pl.col("queue_hours").is_not_nan()
    )
    return (
        frame.with_columns(week=pl.col("requested_at").dt.truncate("1w"))
        .group_by("week")
        .agg(
            tickets=pl.len().cast(pl.Int64),
            still_waiting=pl.col("queue_is_open").sum().cast(pl.Int64),
            queue_hours_p50=pl.col("queue_hours").quantile(0.50, "linear"),
            queue_hours_p85=pl.col("queue_hours").quantile(0.85, "linear"),
        )
        .sort("week")
        .to_pandas()
    )


def _require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    if missing := [column for column in columns if column not in frame]:
        raise BadFrame(f"the frame lacks {', '.join(missing)}; frames come from ticket_frame and change_frame")
    for column in columns:
        if column.endswith("at") and getattr(frame[column].dtype, "tz", None) is None:
            raise BadFrame(f"the times {column!r} have no time zone; instants are aware UTC")


def _categories(tickets: pd.DataFrame, statuses: Sequence[Status]) -> Categories:
    if statuses:
        return Categories(statuses)
    seen = tickets[["status_id", "status", "status_category"]].itertuples(index=False)
    return Categories(Status(str(key), str(name), StatusCategory(category)) for key, name, category in seen)


def _category(id_column: str, name_column: str, frame: pd.DataFrame, categories: Categories) -> pl.Expr:
    """An expression for the category of the status in these two columns."""
    pairs = frame[[id_column, name_column]].drop_duplicates().itertuples(index=False)
    known = {f"{key}\0{name}": categories.of(str(key), str(name)).value for key, name in pairs}
    pair = pl.concat_str(pl.col(id_column), pl.lit("\0"), pl.col(name_column))
    alias = "status_category" if id_column == "status_id" else id_column.replace("_id", "_category")
    return pair.replace_strict(known, default=UNDEFINED, return_dtype=pl.String).alias(alias)


def _moves(changes: pd.DataFrame, categories: Categories) -> pl.DataFrame:
    """Every change in order of time, with the categories it left and entered."""
    return (
        pl.from_pandas(changes[["site", "ticket_id", "at", "from_id", "from_name", "to_id", "to_name"]])
        .cast({"site": pl.String, "ticket_id": pl.Int64, "at": pl.Datetime("us", "UTC")})
        .cast(dict.fromkeys(("from_id", "from_name", "to_id", "to_name"), pl.String))
        .with_columns(
            _category("from_id", "from_name", changes, categories),
            _category("to_id", "to_name", changes, categories),
        )
        .sort("site", "ticket_id", "at", maintain_order=True)
    )


def _with_milestones(rows: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """Adds started_at, finished_at, reopenings and unknown_statuses to each ticket."""
    entered, left = pl.col("to_category"), pl.col("from_category")
    story = moves.group_by("site", "ticket_id", maintain_order=True).agg(
        first_category=left.first(),
        last_category=entered.last(),
        progress_at=pl.col("at").filter(entered == IN_PROGRESS).first(),
        done_at=pl.col("at").filter((entered == DONE) & (left != DONE)).last(),
        reopenings=((left == DONE) & entered.is_in([NEW, IN_PROGRESS])).sum().cast(pl.Int64),
        unknown_statuses=(entered == UNDEFINED).sum().cast(pl.Int64),
    )
    created, has_history = pl.col("created_at"), pl.col("has_history")
    category = pl.col("status_category")
    is_done = pl.when(category == UNDEFINED).then(pl.col("resolved_at").is_not_null()).otherwise(category == DONE)
    began_in = pl.coalesce("first_category", "status_category")
    ends_done = pl.coalesce("last_category", "status_category") == DONE
    entry = pl.coalesce("done_at", pl.when(began_in == DONE).then(created))
    # Where the history does not lead to the present status, the resolution date is the better witness.
    finish = pl.when(has_history & ends_done).then(pl.coalesce(entry, "resolved_at")).otherwise(pl.col("resolved_at"))
    start = pl.when(began_in == IN_PROGRESS).then(created).otherwise(pl.col("progress_at"))
    return (
        rows.join(story, on=["site", "ticket_id"], how="left", maintain_order="left")
        .with_columns(is_open=~is_done, finished_at=pl.when(is_done).then(_not_before(created, finish)))
        .with_columns(
            started_at=pl.when(has_history).then(_not_before(created, pl.coalesce(start, "finished_at"))),
            reopenings=pl.when(has_history).then(pl.col("reopenings").fill_null(0)),
            unknown_statuses=pl.col("unknown_statuses").fill_null(0) + (category == UNDEFINED).cast(pl.Int64),
        )
    )


def _not_before(created: pl.Expr, at: pl.Expr) -> pl.Expr:
    """`at`, or the creation where that is later; null where `at` is (max_horizontal alone would skip the
    null).
    """
    return pl.when(at.is_not_null()).then(pl.max_horizontal(created, at))


def _with_durations(flow: pd.DataFrame, calendar: BusinessCalendar, now: datetime) -> pd.DataFrame:
    asof = pd.Timestamp(now).tz_convert("UTC")
    result = flow[[column for column in KEPT if column in flow] + ["status_category", "is_open", "has_history"]].copy()
    requested, started, finished = flow["created_at"], flow["started_at"], flow["finished_at"]
    result["requested_at"], result["started_at"], result["finished_at"] = requested, started, finished
    is_waiting = flow["has_history"] & started.isna() & flow["is_open"]
    until = started.mask(is_waiting, _latest(requested, asof))
    result["queue_hours"] = _hours(requested, until)
    result["queue_business_hours"] = calendar.business_hours(requested, until)
    result["queue_is_open"] = is_waiting
    result["lead_hours"] = _hours(requested, finished)
    result["lead_business_hours"] = calendar.business_hours(requested, finished)
    result["cycle_hours"] = _hours(started, finished)
    elapsed_to = finished.mask(flow["is_open"], _latest(requested, asof))
    result["elapsed_business_hours"] = calendar.business_hours(requested, elapsed_to)
    result["reopenings"] = flow["reopenings"].astype("Int64")
    result["unknown_statuses"] = flow["unknown_statuses"].astype("int64")
    return result


def _latest(requested: pd.Series, asof: pd.Timestamp) -> pd.Series:
    """`asof`, or the request itself for tickets younger than that: a wait is never negative."""
    return requested.where(requested > asof, asof)


def _hours(starts: pd.Series, ends: pd.Series) -> np.ndarray:
    return ((ends - starts).dt.total_seconds() / 3600.0).to_numpy(dtype="float64")

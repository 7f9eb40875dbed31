"""A queue as frames: a row per ticket, per status change, per comment.

One `Log` is what every figure is computed from, wherever it came from: the ticket store, its Parquet history, or any
system's log of events in a notebook. It is built in columns and checked here, so that what reads it need not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from analytics.changes import ChangesRead
from analytics.codes import Pairs, coded
from analytics.errors import BadFrame
from analytics.parallel import on_each
from tickets.ticket import Status, StatusCategory, Ticket

AT: Final = pl.Datetime("us", "UTC")

# Declared once. All instants are aware UTC; a column that may be left out says what it then is.
TICKETS: Final[Mapping[str, Any]] = {
    "site": pl.String,
    "ticket_id": pl.Int64,
    "key": pl.String,
    "project": pl.String,
    "ticket_type": pl.String,
    "request_type": pl.String,  # null where none was given
    "priority": pl.String,
    "status_id": pl.String,
    "status": pl.String,
    "status_category": pl.String,
    "reporter": pl.String,  # account id, null where unknown
    "creator": pl.String,
    "assignee": pl.String,
    "created_at": AT,
    "updated_at": AT,
    "resolved_at": AT,
    "has_history": pl.Boolean,  # false: unknown, which is not the same as unmoved
    "worklog_seconds": pl.Int64,  # null where nobody logged work
    "hand_offs": pl.Int32,  # null without history
    "bounces": pl.Int32,
}
CHANGES: Final[Mapping[str, Any]] = {
    "site": pl.String,
    "ticket_id": pl.Int64,
    "at": AT,
    "from_id": pl.String,
    "from_name": pl.String,
    "to_id": pl.String,
    "to_name": pl.String,
    "author": pl.String,  # account id, null where the history lacks it
}
COMMENTS: Final[Mapping[str, Any]] = {
    "site": pl.String,
    "ticket_id": pl.Int64,
    "at": AT,
    "author": pl.String,
    "kind": pl.String,  # person, app, customer; null where unknown
    "is_public": pl.Boolean,
}
# What a frame of somebody else's must have; the rest is filled with nulls.
_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "tickets": ("site", "ticket_id", "status_id", "status", "status_category", "created_at"),
    "changes": ("site", "ticket_id", "at", "from_id", "from_name", "to_id", "to_name"),
    "comments": ("site", "ticket_id", "at", "author", "kind", "is_public"),
}
_SCHEMAS: Final = {"tickets": TICKETS, "changes": CHANGES, "comments": COMMENTS}
# What is read of a history's files; every other column costs time and feeds no figure.
SCANNED: Final[Mapping[str, Sequence[str]]] = {
    "tickets": tuple(name for name in TICKETS if name not in ("creator", "assignee", "updated_at")),
    "changes": tuple(name for name in CHANGES if name not in ("site", "author")),
    "comments": tuple(name for name in COMMENTS if name != "site"),
}
_CODED: Final = ("status_id", "status")
_TRIES: Final = 20
_PART: Final = 262_144  # events that are looked up at once

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Log:
    """The tickets of a queue with what happened to them.

    `tickets` and `comments` are frames as `TICKETS` and `COMMENTS`; `changes` has `site`, `ticket_id`, `at` and, as
    codes, the statuses `left` and `entered`: places in `pairs`, which holds (id, name) of each. Where all tickets are
    of one site, changes and comments may lack `site`. Both may be in any order and are read in order of time, where
    equal in the order given. `statuses` are what sites say of their statuses.
    """

    tickets: pl.DataFrame
    changes: pl.DataFrame
    comments: pl.DataFrame
    pairs: tuple[tuple[str, str], ...]
    statuses: tuple[Status, ...] = field(default=())

    @classmethod
    def of_tickets(cls, tickets: Iterable[Ticket], statuses: Sequence[Status] = ()) -> Log:
        """Sorted by site and id. Raises ValueError for a naive instant."""
        from tickets.history import tables_of  # pyarrow is slow to import

        tables = {kind: pl.DataFrame(pl.from_arrow(table)) for kind, table in tables_of(_with_zones(tickets)).items()}
        return cls._of(tables["tickets"], tables["changes"], tables["comments"], statuses)

    @classmethod
    def of_history(cls, folder: Path, statuses: Sequence[Status] = ()) -> Log:
        """What the Parquet history holds. Raises StoreError where there is none that is whole."""
        from tickets.errors import StoreError
        from tickets.history import current_files, generation
        from tickets.history_folder import REBUILD

        missing = ""
        for _ in range(_TRIES):
            before = generation(folder)
            if before is not None and before == missing:
                raise StoreError(f"the history {folder} lacks files: {REBUILD}")
            try:
                tickets = _scanned(current_files(folder, "tickets"), "tickets")
                site = ["site"] if tickets["site"].n_unique() > 1 else []
                comments = _scanned(current_files(folder, "comments"), "comments", [*site, *SCANNED["comments"]])
                changes, pairs = _read_changes(folder, [*site, *SCANNED["changes"]])
            except FileNotFoundError:
                missing = before or ""  # a sync has replaced it, or somebody has removed a file
                continue
            except pl.exceptions.PolarsError as error:
                said = str(error).splitlines()[0]
                raise StoreError(f"the history {folder} cannot be read ({said}): {REBUILD}") from error
            if generation(folder) == before:
                return cls(_shaped(tickets, "tickets"), changes, comments, pairs, tuple(statuses))
        raise StoreError(f"the history {folder} is replaced faster than it can be read: read it when no sync runs")

    @classmethod
    def of_frames(
        cls,
        tickets: pd.DataFrame,
        changes: pd.DataFrame,
        comments: pd.DataFrame | None = None,
        statuses: Sequence[Status] = (),
    ) -> Log:
        """From pandas frames with the columns of `TICKETS`, `CHANGES` and `COMMENTS`; columns that no row has are
        null. Raises BadFrame for a missing column, for times without a zone, for changes and comments without a time,
        for tickets that come twice and for ids that are no whole numbers."""
        given = {"tickets": tickets, "changes": changes, "comments": comments}
        frames = {
            kind: pl.DataFrame(schema=_SCHEMAS[kind]) if frame is None else _checked(frame, kind)
            for kind, frame in given.items()
        }
        return cls._of(frames["tickets"], frames["changes"], frames["comments"], statuses)

    @classmethod
    def _of(
        cls, tickets: pl.DataFrame, changes: pl.DataFrame, comments: pl.DataFrame, statuses: Sequence[Status]
    ) -> Log:
        pairs = Pairs()
        sides = [pairs.codes(coded(changes[f"{side}_id"]), coded(changes[f"{side}_name"])) for side in ("from", "to")]
        moves = changes.select("site", "ticket_id", "at").with_columns(map(pl.Series, ("left", "entered"), sides))
        return cls(_shaped(tickets, "tickets"), moves, comments, tuple(pairs), tuple(statuses))

    def where(self, is_chosen: pl.Expr) -> Log:
        """Only these tickets, with what belongs to them."""
        tickets = self.tickets.filter(is_chosen)
        if len(tickets) == len(self.tickets):
            return self
        by = [name for name in ("site", "ticket_id") if name in self.changes.columns]
        changes, comments = (
            frame.join(tickets.select(by), on=by, how="semi") for frame in (self.changes, self.comments)
        )
        return Log(tickets, changes, comments, self.pairs, self.statuses)

    def created_since(self, at: datetime) -> tuple[Log, list[str]]:
        """Only tickets created since, and the keys of the others."""
        others = self.tickets.filter(pl.col("created_at") < at)["key"].to_list()
        return (self.where(pl.col("created_at") >= at) if others else self), [str(key) for key in others]

    def catalogue(self) -> tuple[Status, ...]:
        """What is known of the statuses: the sites' word, else what the tickets' present statuses show."""
        if self.statuses:
            return self.statuses
        seen = self.tickets.group_by("status_id", "status", "status_category").len()
        return tuple(
            Status(key, name, StatusCategory(category))
            for key, name, category, votes in seen.iter_rows()
            for _ in range(votes if votes < 1000 else 1000)
        )


def rows_of(tickets: pl.DataFrame, events: pl.DataFrame, sizes: npt.NDArray[np.int64] | None = None) -> Rows:
    """For each event the number of its ticket's row. With `sizes`, each stands for so many of its ticket. Raises
    BadFrame for events of tickets that are not there."""
    if not len(events):
        return np.empty(0, dtype=np.int32)
    is_one = "site" not in events.columns or len({*tickets["site"].unique(), *events["site"].unique()}) == 1
    row = _rows_by_table(tickets, events) if is_one else None
    if row is None:
        by = ["ticket_id"] if is_one else ["site", "ticket_id"]
        known = tickets.select(by).with_row_index("row")
        found = events.select(by).join(known, on=by, how="left", maintain_order="left")["row"]
        row = found.cast(pl.Int32).fill_null(-1).to_numpy()
    if (is_lost := row < 0).any():
        lost = events["ticket_id"].to_numpy()[is_lost]
        number = len(lost) if sizes is None else sizes[is_lost].sum()
        raise BadFrame(f"{number:,} events belong to no ticket of the frame, such as one of the ticket {lost[0]}")
    return row


def _rows_by_table(tickets: pl.DataFrame, events: pl.DataFrame) -> Rows | None:
    """By a table over all ids: Jira counts its tickets, so they lie close together. None where they do not."""
    ids = tickets["ticket_id"].to_numpy()
    low, high = (int(ids.min()), int(ids.max())) if len(ids) else (0, -1)
    if high - low > 32 * len(ids) + 1_000_000:
        return None
    table = np.full(high - low + 2, -1, dtype=np.int32)  # the last stands for ids outside
    table[ids - low] = np.arange(len(ids))
    wanted = events["ticket_id"].to_numpy()
    is_inside = bool(len(ids)) and wanted.min() >= low and wanted.max() <= high
    row = np.empty(len(wanted), dtype=np.int32)

    def fill(start: int) -> None:
        """A part that fits the caches."""
        part = wanted[start : start + _PART]
        place = part - low if is_inside else np.where((part >= low) & (part <= high), part - low, high - low + 1)
        np.take(table, place, out=row[start : start + _PART], mode="clip")

    on_each(fill, range(0, len(wanted), _PART), rows=len(wanted))
    return row


def _with_zones(tickets: Iterable[Ticket]) -> Iterator[Ticket]:
    """The tickets as they come; pyarrow would take a naive instant for UTC without a word."""
    for ticket in tickets:
        instants = [ticket.created_at, ticket.updated_at, ticket.resolved_at]
        instants += [change.at for change in ticket.status_changes or ()]
        instants += [comment.created_at for comment in ticket.comments]
        for at in instants:
            if at is not None and at.tzinfo is None:
                raise ValueError(f"{ticket.key}: {at.isoformat()} has no time zone")
        yield ticket


def _scanned(files: Sequence[Path], kind: str, columns: Sequence[str] = ()) -> pl.DataFrame:
    wanted = list(columns) or list(SCANNED[kind])
    if not files:
        return pl.DataFrame(schema={name: _SCHEMAS[kind][name] for name in wanted})
    # Statuses are looked up by code: two columns are coded on two cores while they are read.
    codes = [pl.col(name).cast(pl.Categorical(pl.Categories.random())) for name in wanted if name in _CODED]
    return pl.scan_parquet(list(files)).select(wanted).with_columns(codes).collect()


def _read_changes(folder: Path, columns: Sequence[str]) -> tuple[pl.DataFrame, tuple[tuple[str, str], ...]]:
    from tickets.history import read_in_batches

    read = read_in_batches(folder, "changes", columns, ChangesRead)
    left, entered = read.sides()
    made = {"ticket_id": read.ticket_id, "at": pl.Series(read.at).cast(AT), "left": left, "entered": entered}
    if "site" in columns:
        sites = [pl.Series(texts, dtype=pl.String).gather(codes) for codes, texts in read.sites()]
        made = {"site": pl.concat([pl.Series(dtype=pl.String), *sites]), **made}
    return pl.DataFrame(made), tuple(read.pairs)


def _shaped(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The columns of the schema; those that are missing as nulls."""
    there = set(frame.columns)
    return frame.select(
        (pl.col(name) if name in there else pl.lit(None, dtype=dtype).alias(name))
        for name, dtype in _SCHEMAS[kind].items()
    )


def _checked(frame: pd.DataFrame, kind: str) -> pl.DataFrame:
    if missing := [name for name in _NEEDED[kind] if name not in frame]:
        raise BadFrame(f"the frame of {kind} lacks {', '.join(missing)}; it needs {', '.join(_NEEDED[kind])}")
    schema = {name: dtype for name, dtype in _SCHEMAS[kind].items() if name in frame}
    for name, dtype in schema.items():
        if dtype == AT and len(frame) and getattr(frame[name].dtype, "tz", None) is None and frame[name].notna().any():
            raise BadFrame(f"the times {name!r} have no time zone; instants are aware UTC")
    columns = {name: _column(frame[name], dtype) for name, dtype in schema.items()}
    shaped = _shaped(pl.DataFrame(columns), kind)
    at = "created_at" if kind == "tickets" else "at"
    for name in ("ticket_id", at):
        if lost := shaped[name].null_count():
            raise BadFrame(f"{lost:,} {kind} have no `{name}`: leave them out, or say it")
    return _checked_tickets(shaped) if kind == "tickets" else shaped


def _column(values: pd.Series, dtype: Any) -> pl.Series:
    try:
        return pl.Series(str(values.name), pl.from_pandas(values), strict=False).cast(dtype)
    except pl.exceptions.InvalidOperationError as error:
        said = str(error).splitlines()[0]
        raise BadFrame(f"the column {values.name!r} cannot be read as {dtype}: {said}") from None


def _checked_tickets(tickets: pl.DataFrame) -> pl.DataFrame:
    twice = len(tickets) - tickets.select("site", "ticket_id").n_unique()
    if twice:
        raise BadFrame(f"{twice:,} tickets stand in the frame more than once; each (site, ticket_id) may stand once")
    filled = tickets.with_columns(
        pl.col("has_history").fill_null(True),
        pl.col("status_category").fill_null(pl.lit(StatusCategory.UNDEFINED.value)),
    )
    allowed = [category.value for category in StatusCategory]
    if wrong := sorted({*filled["status_category"].cast(pl.String)} - {*allowed}):
        raise BadFrame(f"status_category holds {', '.join(map(repr, wrong))}; allowed: {', '.join(allowed)}")
    return filled

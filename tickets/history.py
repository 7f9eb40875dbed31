"""The history: Parquet files derived from the ticket store, for who reads many tickets at once.

The ticket store is the truth; all of this can be deleted and made anew. There are two tables, partitioned by site,
project and month of creation (UTC): a row per ticket, and a row per status change, each sorted by (ticket, time).

What is left out: descriptions, forms and comments (they are nearly all of the store's bytes, and no figure is computed
from them: what reads text decodes tickets from the store), names of persons (ids count as well, and a copy less holds
who did what), edits of other fields, labels and components. Tombstones are left out as everywhere.

Importing this module imports pyarrow, a third of a second: import it where it is used.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tickets.errors import StoreError
from tickets.history_folder import KINDS, REBUILD, DamagedList, Files, HistoryFolder, Kind, Listing, explain
from tickets.store import TicketStore
from tickets.sync_book import Partition
from tickets.ticket import StatusChange, Ticket

_AT, _TEXT = pa.timestamp("us", tz="UTC"), pa.string()

# Declared once; a field that may be null says so.
TICKETS = pa.schema(
    [
        pa.field("site", _TEXT, nullable=False),
        pa.field("ticket_id", pa.int64(), nullable=False),
        pa.field("key", _TEXT, nullable=False),
        pa.field("project", _TEXT, nullable=False),
        pa.field("ticket_type", _TEXT, nullable=False),
        pa.field("request_type", _TEXT, nullable=True),  # null where none was given
        pa.field("summary", _TEXT, nullable=False),
        pa.field("priority", _TEXT, nullable=False),
        pa.field("status_id", _TEXT, nullable=False),
        pa.field("status", _TEXT, nullable=False),
        pa.field("status_category", _TEXT, nullable=False),  # new, indeterminate, done, undefined
        pa.field("status_clock", _TEXT, nullable=True),  # what an importer was told; null where nobody said
        pa.field("reporter", _TEXT, nullable=True),  # account id, null where unknown
        pa.field("assignee", _TEXT, nullable=True),
        pa.field("created_at", _AT, nullable=False),
        pa.field("updated_at", _AT, nullable=False),
        pa.field("resolved_at", _AT, nullable=True),
        pa.field("has_history", pa.bool_(), nullable=False),  # false: unknown, which is not the same as unmoved
    ]
)
CHANGES = pa.schema(
    [
        pa.field("site", _TEXT, nullable=False),
        pa.field("ticket_id", pa.int64(), nullable=False),
        pa.field("change_id", _TEXT, nullable=False),
        pa.field("at", _AT, nullable=False),
        pa.field("author", _TEXT, nullable=True),  # account id, null where the history lacks it
        pa.field("from_id", _TEXT, nullable=False),
        pa.field("from_name", _TEXT, nullable=False),
        pa.field("to_id", _TEXT, nullable=False),
        pa.field("to_name", _TEXT, nullable=False),
    ]
)
SCHEMAS: Mapping[Kind, Any] = {"tickets": TICKETS, "changes": CHANGES}

_SORTED_BY: Mapping[Kind, tuple[str, ...]] = {"tickets": ("ticket_id",), "changes": ("ticket_id", "at")}
_ROUNDS = 3
_TRIES = 100


@dataclass(frozen=True, slots=True)
class HistoryProgress:
    """A partition is being written: how many of this run are done, and how many are known to be due."""

    partition: Partition
    done: int
    due: int


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What a run did. `written` and `removed` count partitions; `partitions`, `tickets` and `changes` what the history
    holds now; `left` the partitions that changed while they were written, for the next run."""

    written: int
    removed: int
    partitions: int
    tickets: int
    changes: int
    left: int


@dataclass(frozen=True, slots=True)
class History:
    """Both tables of one generation, as `TICKETS` and `CHANGES`."""

    generation: str
    tickets: pa.Table
    changes: pa.Table


# Writing


def write_history(
    store: TicketStore,
    folder: Path,
    *,
    rebuild: bool = False,
    progress: Callable[[HistoryProgress], None] = lambda _: None,
) -> HistoryReport:
    """Brings the folder up to date with the store: what changed, what is missing or damaged, what is no longer there;
    with `rebuild`, all of it. Holds one partition in memory at a time.

    Killed anywhere, the folder shows what it showed before or what it is to show, and the next run finds the rest.
    Partitions that change meanwhile are written again, `_ROUNDS` times at most, so that a ticket that moves between
    two is in one of them. The store remembers what changed for one folder: a second one needs `rebuild`. Raises
    StoreError.
    """
    home = HistoryFolder(folder)
    with home.writing():
        try:
            before = home.listing()
        except DamagedList:
            before = None  # it says nothing: all is made anew
        home.sweep(before)
        kept = {} if before is None or rebuild else dict(before.files)
        files = {at: found for at, found in kept.items() if home.is_intact(at, found)}
        written = _write_due(store, home, files, progress)
        after = Listing(secrets.token_hex(8), files)
        if before is None or after.files != before.files:
            home.publish(after, written)
            home.sweep(after)
        for partition, mark in written.items():
            if mark is not None:
                store.book.clean(partition, mark)
        return HistoryReport(
            written=len(written.keys() & files.keys()),
            removed=len((before.files if before else {}).keys() - files.keys()),
            partitions=len(files),
            tickets=after.rows("tickets"),
            changes=after.rows("changes"),
            left=len(store.book.dirty_partitions()),
        )


def _write_due(
    store: TicketStore,
    home: HistoryFolder,
    files: dict[Partition, Files],
    progress: Callable[[HistoryProgress], None],
) -> dict[Partition, int | None]:
    """Writes what is due and changes `files` accordingly; gives the mark at which each partition was written."""
    written: dict[Partition, int | None] = {}
    for _ in range(_ROUNDS):
        present = set(store.partitions())  # before the marks: what empties one meanwhile shows among them
        dirty = store.book.dirty_partitions()  # before the tickets: what changes after its mark stays dirty
        for gone in files.keys() - present:
            del files[gone]
        due = (present - files.keys()) | {at for at, mark in dirty.items() if at not in written or written[at] != mark}
        for index, partition in enumerate(sorted(due)):
            progress(HistoryProgress(partition, index, len(due)))
            written[partition] = dirty.get(partition)
            files.pop(partition, None)
            if found := _write_partition(home, partition, store.tickets_of(partition)):
                files[partition] = found
        if not due:
            break
    return written


def _write_partition(home: HistoryFolder, partition: Partition, tickets: Iterable[Ticket]) -> Files | None:
    tables = _tables(tickets)
    if not tables["tickets"].num_rows:
        return None
    name = secrets.token_hex(8)
    sizes: dict[Kind, int] = {}
    for kind, table in tables.items():
        order = [pq.SortingColumn(table.schema.get_field_index(column)) for column in _SORTED_BY[kind]]
        with home.new_file(partition, kind, name) as handle:
            pq.write_table(table, handle, compression="zstd", write_page_checksum=True, sorting_columns=order)
            sizes[kind] = handle.tell()
    return Files(name, {kind: table.num_rows for kind, table in tables.items()}, sizes)


def _tables(tickets: Iterable[Ticket]) -> dict[Kind, pa.Table]:
    ticket_rows: list[tuple[Any, ...]] = []
    change_rows: list[tuple[Any, ...]] = []
    for ticket in tickets:
        ticket_rows.append(_ticket_row(ticket))
        change_rows.extend(_change_row(ticket, change) for change in ticket.status_changes or ())
    ticket_rows.sort(key=itemgetter(1))
    change_rows.sort(key=itemgetter(1, 3))  # stable: changes of one instant keep the order of their history
    return {"tickets": _table(ticket_rows, TICKETS), "changes": _table(change_rows, CHANGES)}


def _table(rows: Sequence[tuple[Any, ...]], schema: Any) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [() for _ in schema]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _ticket_row(ticket: Ticket) -> tuple[Any, ...]:
    return (
        ticket.site,
        ticket.id,
        ticket.key,
        ticket.project,
        ticket.ticket_type,
        ticket.request_type,
        ticket.summary,
        ticket.priority,
        ticket.status.id,
        ticket.status.name,
        ticket.status.category.value,
        ticket.status.clock,
        ticket.reporter.id if ticket.reporter else None,
        ticket.assignee.id if ticket.assignee else None,
        ticket.created_at,
        ticket.updated_at,
        ticket.resolved_at,
        ticket.status_changes is not None,
    )


def _change_row(ticket: Ticket, change: StatusChange) -> tuple[Any, ...]:
    author = change.author.id if change.author else None
    names = (change.from_id, change.from_name, change.to_id, change.to_name)
    return (ticket.site, ticket.id, change.id, change.at, author, *names)


# Reading


def read_tickets(folder: Path, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The tickets as `TICKETS`, or these columns of it. Raises StoreError where there is no history that is whole."""
    return _read(folder, {"tickets": columns}).tickets


def read_changes(folder: Path, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The status changes as `CHANGES`, or these columns of it. Raises StoreError like `read_tickets`."""
    return _read(folder, {"changes": columns}).changes


def read_history(folder: Path) -> History:
    """Both tables of one generation, also while another process writes. Raises StoreError like `read_tickets`."""
    return _read(folder, {"tickets": None, "changes": None})


def _read(folder: Path, wanted: Mapping[Kind, Sequence[str] | None]) -> History:
    """Reads by the list, and by the newer one where a file was replaced while it was read."""
    home = HistoryFolder(folder)
    missing = ""
    for _ in range(_TRIES):
        listing = _listed(home)
        if listing.generation == missing:
            raise StoreError(f"the history {folder} lacks files: {REBUILD}")
        try:
            tables = {kind: _read_table(home, listing, kind, columns) for kind, columns in wanted.items()}
        except FileNotFoundError:
            missing = listing.generation
            continue
        empty = {kind: SCHEMAS[kind].empty_table() for kind in KINDS}
        return History(listing.generation, **(empty | tables))
    raise StoreError(f"the history {folder} is replaced faster than it can be read: read it when no sync runs")


def _listed(home: HistoryFolder) -> Listing:
    try:
        listing = home.listing()
    except DamagedList as error:
        raise StoreError(f"the history {home.path} cannot be read ({error}): {REBUILD}") from error
    if listing is None:
        raise StoreError(f"there is no history in {home.path} yet: `goldenpath sync` writes it")
    return listing


def _read_table(home: HistoryFolder, listing: Listing, kind: Kind, columns: Sequence[str] | None) -> pa.Table:
    """Raises FileNotFoundError where a listed file is gone."""
    schema = SCHEMAS[kind] if columns is None else pa.schema([SCHEMAS[kind].field(column) for column in columns])
    tables = [schema.empty_table()]
    for partition, files in sorted(listing.files.items(), key=itemgetter(0)):
        path = home.file(partition, kind, files)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                tables.append(file.read(columns=schema.names))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(explain(path, "read", error)) from error
        except pa.ArrowException as error:
            raise StoreError(f"the history {path} cannot be read ({error}): {REBUILD}") from error
    return pa.concat_tables(tables)

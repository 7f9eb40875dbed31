"""The history: Parquet files derived from the ticket store, for who reads many tickets at once.

The ticket store is the truth; all of this can be deleted and made anew. There are three tables, partitioned by site,
project and month of creation (UTC): a row per ticket, per status change and per comment, each sorted by (ticket, time).

What is left out: descriptions, forms and the words of comments (they are nearly all of the store's bytes, and no figure
is computed from them: what reads text decodes tickets from the store), names of persons (ids count as well, and a copy
less holds who did what), edits of other fields (of the assignee's, two counts are kept), labels and components.
Tombstones are left out as everywhere.

Importing this module imports pyarrow, a third of a second: import it where it is used.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from tickets.errors import StoreError
from tickets.history_folder import KINDS, REBUILD, DamagedList, Files, HistoryFolder, Kind, Listing, explain
from tickets.history_rows import CHANGES, COMMENTS, SCHEMAS, SORTED_BY, TICKETS, tables_of
from tickets.store import TicketStore
from tickets.sync_book import Partition
from tickets.ticket import Ticket

__all__ = [
    "CHANGES",
    "COMMENTS",
    "TICKETS",
    "History",
    "HistoryProgress",
    "HistoryReport",
    "current_files",
    "generation",
    "read_changes",
    "read_comments",
    "read_history",
    "read_in_batches",
    "read_tickets",
    "tables_of",
    "write_history",
]

# A history is read in one go and let go of soon: the system's allocator is quicker at that than Arrow's own, and gives
# the memory back.
pa.set_memory_pool(pa.system_memory_pool())

_ROUNDS = 3
_TRIES = 100

Made = TypeVar("Made")


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
    """The tables of one generation, as `TICKETS`, `CHANGES` and `COMMENTS`."""

    generation: str
    tickets: pa.Table
    changes: pa.Table
    comments: pa.Table


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
    tables = tables_of(tickets)
    if not tables["tickets"].num_rows:
        return None
    name = secrets.token_hex(8)
    sizes: dict[Kind, int] = {}
    for kind, table in tables.items():
        order = [pq.SortingColumn(table.schema.get_field_index(column)) for column in SORTED_BY[kind]]
        with home.new_file(partition, kind, name) as handle:
            pq.write_table(table, handle, compression="zstd", write_page_checksum=True, sorting_columns=order)
            sizes[kind] = handle.tell()
    return Files(name, {kind: table.num_rows for kind, table in tables.items()}, sizes)


# Reading


def read_tickets(folder: Path, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The tickets as `TICKETS`, or these columns of it. Raises StoreError where there is no history that is whole."""
    return _read(folder, {"tickets": columns}).tickets


def read_changes(folder: Path, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The status changes as `CHANGES`, or these columns of it. Raises StoreError like `read_tickets`."""
    return _read(folder, {"changes": columns}).changes


def read_comments(folder: Path, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The comments as `COMMENTS`, or these columns of it. Raises StoreError like `read_tickets`."""
    return _read(folder, {"comments": columns}).comments


def read_history(folder: Path) -> History:
    """The tables of one generation, also while another process writes. Raises StoreError like `read_tickets`."""
    return _read(folder, dict.fromkeys(KINDS))


class Reader(Protocol):
    """Takes a table batch by batch, on any thread; `since` is the place of the batch's first row in the table."""

    def take(self, batch: pa.RecordBatch, since: int) -> None: ...


Taken = TypeVar("Taken", bound=Reader)


def read_in_batches(folder: Path, kind: Kind, columns: Sequence[str], reader: Callable[[int], Taken]) -> Taken:
    """What `reader`, made for a number of rows, has taken of these columns. Texts are dictionaries, as the files hold
    them: quicker than making text of them. Nothing else is kept of what was read. Raises StoreError like
    `read_tickets`."""
    home = HistoryFolder(folder)

    def read(listing: Listing) -> Taken:
        taken = reader(listing.rows(kind))

        def take(table: pa.Table, since: int) -> None:
            for batch in table.to_batches():
                taken.take(batch, since)
                since += batch.num_rows

        _read_files(home, listing, kind, columns, take, coded=True)
        return taken

    return _of_current(home, read)


def current_files(folder: Path, kind: Kind) -> list[Path]:
    """The current files of a table in the order of their partitions, for who scans them himself; none where there are
    no tickets. A run that ends meanwhile removes them: who finds one gone asks again. Raises StoreError like
    `read_tickets`."""
    home = HistoryFolder(folder)
    return [home.file(partition, kind, files) for partition, files in _sorted(_listed(home))]


def generation(folder: Path) -> str | None:
    """The name of the run that wrote what is current; None where there is no history. Raises StoreError where its list
    cannot be read."""
    listing = _listing(HistoryFolder(folder))
    return None if listing is None else listing.generation


def _read(folder: Path, wanted: Mapping[Kind, Sequence[str] | None]) -> History:
    home = HistoryFolder(folder)

    def read(listing: Listing) -> History:
        tables = {kind: _read_table(home, listing, kind, columns) for kind, columns in wanted.items()}
        empty = {kind: SCHEMAS[kind].empty_table() for kind in KINDS}
        return History(listing.generation, **(empty | tables))

    return _of_current(home, read)


def _of_current(home: HistoryFolder, read: Callable[[Listing], Made]) -> Made:
    """Reads by the list, and by the newer one where a file was replaced while it was read."""
    missing = ""
    for _ in range(_TRIES):
        listing = _listed(home)
        if listing.generation == missing:
            raise StoreError(f"the history {home.path} lacks files: {REBUILD}")
        try:
            return read(listing)
        except FileNotFoundError:
            missing = listing.generation
    raise StoreError(f"the history {home.path} is replaced faster than it can be read: read it when no sync runs")


def _listing(home: HistoryFolder) -> Listing | None:
    try:
        return home.listing()
    except DamagedList as error:
        raise StoreError(f"the history {home.path} cannot be read ({error}): {REBUILD}") from error


def _listed(home: HistoryFolder) -> Listing:
    listing = _listing(home)
    if listing is None:
        raise StoreError(f"there is no history in {home.path} yet: `goldenpath sync` writes it")
    return listing


def _sorted(listing: Listing) -> list[tuple[Partition, Files]]:
    return sorted(listing.files.items(), key=itemgetter(0))


def _read_table(home: HistoryFolder, listing: Listing, kind: Kind, columns: Sequence[str] | None) -> pa.Table:
    wanted = SCHEMAS[kind].names if columns is None else list(columns)
    tables = _read_files(home, listing, kind, wanted, lambda table, _: table)
    return pa.concat_tables(tables) if tables else SCHEMAS[kind].empty_table().select(wanted)


def _read_files(
    home: HistoryFolder,
    listing: Listing,
    kind: Kind,
    columns: Sequence[str],
    work: Callable[[pa.Table, int], Made],
    *,
    coded: bool = False,
) -> list[Made]:
    """What `work` makes of each file in order, given the number of rows in those before it; on all cores. Raises
    FileNotFoundError where a listed file is gone."""
    texts = [name for name in columns if coded and pa.types.is_string(SCHEMAS[kind].field(name).type)]
    files = _sorted(listing)
    starts = accumulate((found.rows[kind] for _, found in files), initial=0)

    def read(partition: Partition, found: Files, since: int) -> Made:
        path = home.file(partition, kind, found)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=texts) as file:
                table = file.read(columns=list(columns), use_threads=False)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(explain(path, "read", error)) from error
        except pa.ArrowException as error:
            raise StoreError(f"the history {path} cannot be read ({error}): {REBUILD}") from error
        if table.num_rows != found.rows[kind]:
            raise StoreError(f"the history {path} has other rows than its list says: {REBUILD}")
        return work(table, since)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(read, *zip(*files, strict=True), starts)) if files else []

"""The ticket store: a rebuildable copy of the tickets in one SQLite file (WAL).

Every method raises StoreError, with a way out, when the file cannot be used. Writers take the file in turn; readers
never wait for them. One store may be used by several threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from tickets import schema
from tickets.codec import decode, encode, instant, microseconds
from tickets.errors import StoreError
from tickets.schema import rejections, sync_cursors
from tickets.schema import statuses as statuses_table
from tickets.schema import tickets as rows
from tickets.ticket import Rejection, Status, StatusCategory, Ticket

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """`oldest` is the earliest creation, `newest` the latest update; None in an empty store. `last_sync_at` is the
    start of the last complete sync, in ticket time; None where there was none."""

    tickets: int
    status_changes: int
    without_history: int
    oldest: datetime | None
    newest: datetime | None
    last_sync_at: datetime | None


class TicketStore:
    """Open with `TicketStore.open`; close it, or use it as a context manager."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path

    @classmethod
    def open(cls, path: Path | str, *, busy: timedelta = schema.BUSY) -> Self:
        """Creates or migrates the file when needed. `busy` is how long to wait for another writer."""
        path = Path(path)
        return cls(schema.open_database(path, busy=busy), path)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing

    def save(self, tickets: Sequence[Ticket], *, cursor: tuple[str, datetime] | None = None) -> tuple[int, ...]:
        """Keeps the tickets, and the cursor of a scope with them, in one transaction: all or nothing.

        Returns the ids of those that are new or differ from what was here. A ticket replaces the one of the same
        site and id, unless it is an older version of it, or the same version without the history that is already
        here. What was rejected of them is forgotten. Raises ValueError for naive instants; then nothing is kept.
        """
        values = [_row(ticket) for ticket in tickets]
        mark = None if cursor is None else {"scope": cursor[0], "at": microseconds(cursor[1])}
        with self._writing() as connection:
            before = _documents(connection, values)
            if values:
                connection.execute(_UPSERT, values)
                connection.execute(_READABLE, [{"a_site": v["site"], "an_id": v["ticket_id"]} for v in values])
            after = _documents(connection, values)
            if mark is not None:
                told = insert(sync_cursors)
                connection.execute(told.on_conflict_do_update(["scope"], set_={"at": told.excluded.at}), mark)
        return tuple(ticket_id for (site, ticket_id), kept in after.items() if before.get((site, ticket_id)) != kept)

    def save_statuses(self, site: str, statuses: Iterable[Status]) -> None:
        """What the site says its statuses are; replaces what it said before."""
        values = [{"site": site, "id": s.id, "name": s.name, "category": s.category.value} for s in statuses]
        unique = list({value["id"]: value for value in values}.values())
        with self._writing() as connection:
            connection.execute(statuses_table.delete().where(statuses_table.c.site == site))
            if unique:
                connection.execute(statuses_table.insert(), unique)

    def reject(self, rejected: Iterable[Rejection], *, file: Path | str | None = None) -> None:
        """Remembers what could not be read, one reason per source. With the `file` that was read to its end, they
        replace all that was rejected of it before."""
        values = [asdict(entry) for entry in rejected]
        if not values and file is None:
            return
        with self._writing() as connection:
            if file is not None:
                start = func.substr(rejections.c.source, 1, len(str(file)) + 1)
                connection.execute(rejections.delete().where(start.in_([f"{file}", f"{file}:", f"{file} "])))
            if values:
                connection.execute(_REJECT, values)

    def mark_considered(self, ticket: Ticket) -> None:
        """Remembers that this version of the ticket was considered."""
        with self._writing() as connection:
            connection.execute(
                update(rows)
                .where(rows.c.site == ticket.site, rows.c.ticket_id == ticket.id)
                .values(considered_at=microseconds(ticket.updated_at))
            )

    # Reading

    def cursor(self, scope: str) -> datetime | None:
        """Where the next sync of this scope starts from, or None where none has been complete."""
        with self._reading() as connection:
            at = connection.scalar(select(sync_cursors.c.at).where(sync_cursors.c.scope == scope))
        return None if at is None else instant(at)

    def get(self, ticket: str | int, *, site: str | None = None) -> Ticket | None:
        """A ticket by numeric id or by key (in any case); of several sites' the one updated last."""
        words = str(ticket).strip()
        by_id = words.isascii() and words.isdecimal() and len(words) <= 18
        query = select(rows.c.document).where(rows.c.ticket_id == int(words) if by_id else rows.c.key == words.upper())
        if site is not None:
            query = query.where(rows.c.site == site)
        with self._reading() as connection:
            document = connection.scalar(query.order_by(rows.c.updated_at.desc()).limit(1))
        return None if document is None else self._decoded(document)

    def tickets(self, *, projects: Collection[str] | None = None, open_only: bool = False) -> Iterator[Ticket]:
        """The tickets by creation, oldest first, decoded as they are asked for. `projects` None means all."""
        query = select(rows.c.document, rows.c.created_at, rows.c.ticket_id, rows.c.site)
        if projects is not None:
            query = query.where(rows.c.project.in_(list(projects)))
        if open_only:
            query = query.where(rows.c.is_open)
        yield from self._pages(query)

    def unconsidered(self, *, projects: Collection[str], created_since: datetime) -> list[Ticket]:
        """Open tickets of these projects, created since, that changed after they were last considered."""
        query = select(rows.c.document, rows.c.created_at, rows.c.ticket_id, rows.c.site).where(
            rows.c.is_open,
            rows.c.project.in_(list(projects)),
            rows.c.created_at >= microseconds(created_since),
            or_(rows.c.considered_at.is_(None), rows.c.considered_at < rows.c.updated_at),
        )
        return list(self._pages(query))

    def count(self) -> int:
        with self._reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(rows)) or 0)

    def statuses(self) -> tuple[Status, ...]:
        """The statuses that sites have told us, then those that only tickets show (imports), by the category that
        most tickets give them."""
        told = select(statuses_table.c.id, statuses_table.c.name, statuses_table.c.category)
        shown = select(rows.c.status_id, rows.c.status, rows.c.status_category, func.count().label("n"))
        with self._reading() as connection:
            known = {row.id: Status(row.id, row.name, StatusCategory(row.category)) for row in connection.execute(told)}
            votes = Counter(
                {
                    Status(row.status_id, row.status, StatusCategory(row.status_category)): row.n
                    for row in connection.execute(shown.group_by(*shown.selected_columns[:3]))
                }
            )
        for status, _ in votes.most_common():
            if status.id and status.category is not StatusCategory.UNDEFINED:
                known.setdefault(status.id, status)
        return tuple(known.values())

    def rejections(self) -> list[Rejection]:
        with self._reading() as connection:
            found = connection.execute(select(rejections).order_by(rejections.c.source))
            return [Rejection(row.source, row.reason, row.site, row.ticket_id) for row in found]

    def facts(self) -> StoreFacts:
        """Counts and extremes, by SQL; no ticket is decoded."""
        query = select(
            func.count(),
            func.coalesce(func.sum(rows.c.n_changes), 0),
            func.count().filter(rows.c.n_changes.is_(None)),
            func.min(rows.c.created_at),
            func.max(rows.c.updated_at),
        )
        with self._reading() as connection:
            count, changes, without, oldest, newest = connection.execute(query).one()
            last = connection.scalar(select(func.max(sync_cursors.c.at)))
        return StoreFacts(
            tickets=int(count),
            status_changes=int(changes),
            without_history=int(without),
            oldest=None if oldest is None else instant(oldest),
            newest=None if newest is None else instant(newest),
            last_sync_at=None if last is None else instant(last),
        )

    # Inside

    def _pages(self, query: Select[Any]) -> Iterator[Ticket]:
        """Page by page in short reads, so that a slow caller holds no snapshot open."""
        order = (rows.c.created_at, rows.c.ticket_id, rows.c.site)
        after: tuple[int, int, str] | None = None
        while True:
            page = query.order_by(*order).limit(_CHUNK)
            if after is not None:
                page = page.where(tuple_(*order) > after)
            with self._reading() as connection:
                found = connection.execute(page).all()
            for row in found:
                yield self._decoded(row.document)
            if len(found) < _CHUNK:
                return
            after = (found[-1].created_at, found[-1].ticket_id, found[-1].site)

    def _decoded(self, document: bytes) -> Ticket:
        try:
            return decode(document)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"the ticket store {self._path} holds a damaged ticket: move it away and sync or import again"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            schema.translated(self._path),
            self._engine.connect().execution_options(reading=True) as connection,
        ):
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with schema.translated(self._path), self._engine.begin() as connection:
            yield connection


def _row(ticket: Ticket) -> dict[str, Any]:
    return {
        "site": ticket.site,
        "ticket_id": ticket.id,
        "key": ticket.key,
        "project": ticket.project,
        "ticket_type": ticket.ticket_type,
        "request_type": ticket.request_type,
        "status_id": ticket.status.id,
        "status": ticket.status.name,
        "status_category": ticket.status.category.value,
        "is_open": ticket.is_open,
        "created_at": microseconds(ticket.created_at),
        "updated_at": microseconds(ticket.updated_at),
        "n_changes": None if ticket.status_changes is None else len(ticket.status_changes),
        "document": encode(ticket),
    }


def _documents(connection: Connection, values: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], bytes]:
    """What is kept of these tickets now, by site and id, in the order of the values."""
    kept: dict[tuple[str, int], bytes] = {}
    wanted: dict[str, list[int]] = {}
    for value in values:
        wanted.setdefault(value["site"], []).append(value["ticket_id"])
    for site, ids in wanted.items():
        for start in range(0, len(ids), _CHUNK):
            query = select(rows.c.ticket_id, rows.c.document).where(
                rows.c.site == site, rows.c.ticket_id.in_(ids[start : start + _CHUNK])
            )
            kept.update(((site, row.ticket_id), row.document) for row in connection.execute(query))
    return kept


def _upsert() -> Any:
    told = insert(rows)
    new = told.excluded
    kept = ("site", "ticket_id", "considered_at")
    changed = {column.name: new[column.name] for column in rows.c if column.name not in kept}
    is_newer = new.updated_at > rows.c.updated_at
    is_as_full = and_(new.updated_at == rows.c.updated_at, or_(new.n_changes.is_not(None), rows.c.n_changes.is_(None)))
    return told.on_conflict_do_update(["site", "ticket_id"], set_=changed, where=or_(is_newer, is_as_full))


_UPSERT = _upsert()
_REJECT = insert(rejections).on_conflict_do_update(
    ["source"], set_={name: insert(rejections).excluded[name] for name in ("reason", "site", "ticket_id")}
)
_READABLE = rejections.delete().where(
    rejections.c.site == bindparam("a_site"), rejections.c.ticket_id == bindparam("an_id")
)

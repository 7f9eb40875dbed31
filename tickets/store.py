"""The ticket store: a rebuildable copy of the tickets in one SQLite file (WAL), or in a schema of PostgreSQL.

Every method raises StoreError, with a way out, when it cannot be used. Writers take it in turn; readers never wait
for them. One store may be used by several threads.

A ticket that Jira no longer shows keeps its row under a tombstone: no method gives it unless its name says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Select, and_, bindparam, func, select, tuple_, update

from tickets import schema
from tickets.chains import Chain, check_chain
from tickets.codec import decode, instant, microseconds
from tickets.errors import StoreError
from tickets.place import Location
from tickets.rows import (
    CHUNK,
    LIVE,
    MONTH,
    bounds,
    chunks,
    documents,
    forget_rejections,
    is_news,
    kept_rows,
    newest,
    partition_of,
    reject,
    restate,
    row_of,
    soil,
    upsert,
)
from tickets.schema import Database, rejections, sync_cursors
from tickets.schema import members as members_table
from tickets.schema import statuses as statuses_table
from tickets.schema import tickets as rows
from tickets.sync_book import Partition, SyncBook, Window, keep_window
from tickets.ticket import Rejection, Status, StatusCategory, Ticket, Tombstone


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """`oldest` is the earliest creation, `newest` the latest update; None in an empty store. `last_sync_at` is the
    start of the last complete sync, in ticket time; None where there was none. `tombstones` counts what is kept and
    no longer counts: it is not among the `tickets`."""

    tickets: int
    status_changes: int
    without_history: int
    oldest: datetime | None
    newest: datetime | None
    last_sync_at: datetime | None
    tombstones: int = 0


@dataclass(frozen=True, slots=True)
class MonthCount:
    """The tickets of one project and month of creation: how many are kept, and how many histories are in each state
    (`without`: the source has none)."""

    site: str
    project: str
    month: str
    here: int
    chains: Mapping[Chain, int]
    without: int


class TicketStore:
    """Open with `TicketStore.open`; close it, or use it as a context manager. `book` is the sync's bookkeeping."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._place = database.place
        self.book = SyncBook(database)

    @classmethod
    def open(cls, place: Location | str, *, busy: timedelta = schema.BUSY) -> Self:
        """Creates or migrates the tables when needed; text is a file's path. `busy` is how long to wait for another
        writer."""
        return cls(Database(Path(place) if isinstance(place, str) else place, busy=busy))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing

    def save(
        self, tickets: Sequence[Ticket], *, rejected: Sequence[Rejection] = (), window: Window | None = None
    ) -> tuple[int, ...]:
        """Keeps the tickets, what was rejected beside them, and how far a backfill's window came, in one transaction.

        Returns the ids of those that are new or differ from what was here. A ticket replaces the one of the same
        site and id, unless it is an older version of it, or the same version without the history that is already
        here; a tombstone goes when its ticket comes back. What was rejected of the tickets before is forgotten.
        Raises ValueError for naive instants; then nothing is kept.
        """
        return self.save_rows([row_of(ticket) for ticket in tickets], rejected=rejected, window=window)

    def save_rows(
        self, found: Iterable[dict[str, Any]], *, rejected: Sequence[Rejection] = (), window: Window | None = None
    ) -> tuple[int, ...]:
        """The same for tickets that another process has turned into rows (`tickets.rows.row_of`)."""
        values = newest(found)
        with self._writing() as connection:
            kept = kept_rows(connection, values)
            changed = [value for key, value in values.items() if is_news(value, kept.get(key))]
            if changed:
                upsert(connection, changed)
                before = (kept.get((value["site"], value["ticket_id"])) for value in changed)
                soil(connection, {partition_of(row) for row in (*changed, *filter(None, before))})
            forget_rejections(connection, values)
            if rejected:
                reject(connection, [asdict(entry) for entry in rejected])
            if window is not None:
                keep_window(connection, window)
        return tuple(value["ticket_id"] for value in changed)

    def bury(self, site: str, found: Mapping[int, Tombstone], at: datetime) -> None:
        """These tickets are no longer shown by Jira, each for its reason, as was found at this ticket time."""
        values = [
            {"an_id": number, "a_stone": stone.value, "a_time": microseconds(at)} for number, stone in found.items()
        ]
        if not values:
            return
        stone = update(rows).where(rows.c.site == site, rows.c.ticket_id == bindparam("an_id"))
        with self._writing() as connection:
            for ids in chunks(list(found)):
                query = select(rows.c.site, rows.c.project, rows.c.created_at)
                buried = connection.execute(query.where(rows.c.site == site, rows.c.ticket_id.in_(ids))).mappings()
                soil(connection, {partition_of(row) for row in buried})
            connection.execute(stone.values(tombstone=bindparam("a_stone"), tombstoned_at=bindparam("a_time")), values)

    def save_statuses(self, site: str, statuses: Iterable[Status]) -> None:
        """What the site says its statuses are; replaces what it said before. Tickets in a status that has another name
        or category now are told so: nothing about them has changed at Jira, so no sync reads them again."""
        told = {s.id: s for s in statuses}
        values = {s.id: {"site": site, **asdict(s), "category": s.category.value} for s in told.values()}
        with self._writing() as connection:
            before = connection.execute(select(statuses_table).where(statuses_table.c.site == site)).all()
            known = {row.id: (row.name, row.category) for row in before}
            renamed = [s for s in told.values() if s.id in known and known[s.id] != (s.name, s.category.value)]
            for status in renamed:
                restate(connection, site, status)
            connection.execute(statuses_table.delete().where(statuses_table.c.site == site))
            if values:
                connection.execute(statuses_table.insert(), list(values.values()))

    def save_members(self, site: str, found: Mapping[str, Collection[str]]) -> None:
        """Who is in these groups (account ids by group id), in one transaction; replaces what was known of them. Of
        other groups nothing is said."""
        values = [
            {"site": site, "group_id": group, "account_id": account}
            for group, accounts in found.items()
            for account in set(accounts)
        ]
        with self._writing() as connection:
            for group in found:
                connection.execute(
                    members_table.delete().where(members_table.c.site == site, members_table.c.group_id == group)
                )
            if values:
                connection.execute(members_table.insert(), values)

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
                reject(connection, values)

    def forget_rejected(self, site: str, ids: Collection[int]) -> None:
        """These tickets, which could not be read, are no longer there."""
        with self._writing() as connection:
            forget_rejections(connection, {(site, number): {} for number in ids})

    def mark_considered(self, ticket: Ticket) -> None:
        """Remembers that this version of the ticket was considered; a newer one that came meanwhile was not."""
        with self._writing() as connection:
            connection.execute(
                update(rows)
                .where(rows.c.site == ticket.site, rows.c.ticket_id == ticket.id)
                .where(rows.c.updated_at <= microseconds(ticket.updated_at))
                .values(considered_at=microseconds(ticket.updated_at))
            )

    def forget_considered(self, ticket: Ticket) -> None:
        """The next cycle looks at it again, although it did not change: people have said what it asks for."""
        with self._writing() as connection:
            connection.execute(
                update(rows).where(rows.c.site == ticket.site, rows.c.ticket_id == ticket.id).values(considered_at=None)
            )

    def check_chains(self) -> None:
        """Checks the histories that an older Golden Path has kept without checking them."""
        unchecked = select(rows.c.site, rows.c.ticket_id).where(rows.c.chain.is_(None), rows.c.n_changes.is_not(None))
        one = and_(rows.c.site == bindparam("a_site"), rows.c.ticket_id == bindparam("an_id"))
        mark, look = update(rows).where(one).values(chain=bindparam("a_chain")), select(rows.c.document).where(one)
        with self._reading() as connection:
            found = [{"a_site": row.site, "an_id": row.ticket_id} for row in connection.execute(unchecked)]
        for names in (found[start : start + CHUNK] for start in range(0, len(found), CHUNK)):
            with self._writing() as connection:
                documents = [connection.execute(look, name).scalar_one() for name in names]
                chains = [check_chain(self._decoded(document)) for document in documents]
                connection.execute(
                    mark, [{**name, "a_chain": chain} for name, chain in zip(names, chains, strict=True)]
                )

    # Reading

    def get(self, ticket: str | int, *, site: str | None = None) -> Ticket | None:
        """A ticket by numeric id or by key (Jira's in any case); of several sites' the one updated last."""
        words = str(ticket).strip()
        by_id = words.isascii() and words.isdecimal() and len(words) <= 18
        by_key = rows.c.key.in_({words, words.upper()})
        query = select(rows.c.document).where(rows.c.ticket_id == int(words) if by_id else by_key)
        if site is not None:
            query = query.where(rows.c.site == site)
        with self._reading() as connection:
            document = connection.scalar(query.where(LIVE).order_by(rows.c.updated_at.desc()).limit(1))
        return None if document is None else self._decoded(document)

    def some(self, site: str, ids: Collection[int]) -> dict[int, Ticket]:
        """Those of these tickets of the site that are kept and still shown by Jira, by numeric id."""
        found: dict[int, Ticket] = {}
        with self._reading() as connection:
            for part in chunks(list(ids)):
                query = select(rows.c.ticket_id, rows.c.document).where(LIVE, rows.c.site == site)
                for number, document in connection.execute(query.where(rows.c.ticket_id.in_(part))):
                    found[number] = self._decoded(document)
        return found

    def tickets(self, *, projects: Collection[str] | None = None, open_only: bool = False) -> Iterator[Ticket]:
        """The tickets by creation, oldest first, decoded as they are asked for. `projects` None means all."""
        query = documents().where(LIVE)
        if projects is not None:
            query = query.where(rows.c.project.in_(list(projects)))
        if open_only:
            query = query.where(rows.c.is_open)
        yield from self._pages(query)

    def tickets_of(self, partition: Partition) -> Iterator[Ticket]:
        """The tickets of a partition by creation, decoded as they are asked for."""
        since, until = bounds(partition.month)
        yield from self._pages(
            documents().where(
                LIVE,
                rows.c.site == partition.site,
                rows.c.project == partition.project,
                rows.c.created_at >= since,
                rows.c.created_at < until,
            )
        )

    def partitions(self) -> list[Partition]:
        """Every partition that holds a ticket."""
        query = select(rows.c.site, rows.c.project, MONTH.label("month")).where(LIVE).distinct()
        with self._reading() as connection:
            return sorted(Partition(*row) for row in connection.execute(query))

    def tombstones(self, *, site: str | None = None) -> Iterator[tuple[Ticket, Tombstone, datetime]]:
        """What is kept for the audit alone: the ticket as it was last seen, why it went, and when that was found."""
        query = select(rows.c.document, rows.c.tombstone, rows.c.tombstoned_at).where(rows.c.tombstone.is_not(None))
        if site is not None:
            query = query.where(rows.c.site == site)
        with self._reading() as connection:
            found = connection.execute(query.order_by(rows.c.created_at, rows.c.ticket_id)).all()
        for row in found:
            yield self._decoded(row.document), Tombstone(row.tombstone), instant(row.tombstoned_at)

    def unconsidered(self, site: str, *, projects: Collection[str], created_since: datetime) -> list[Ticket]:
        """Open tickets of these projects of the site, created since, that changed after they were last considered."""
        query = documents().where(
            LIVE,
            rows.c.site == site,
            rows.c.is_open,
            rows.c.project.in_(list(projects)),
            rows.c.created_at >= microseconds(created_since),
            rows.c.considered_at.is_(None),
        )
        return list(self._pages(query))

    def count(self) -> int:
        with self._reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(rows).where(LIVE)) or 0)

    def ids(self, site: str, project: str) -> dict[int, str]:
        """The numeric ids of the project's tickets, each with its month of creation (UTC), like 2026-03."""
        query = select(rows.c.ticket_id, MONTH).where(LIVE, rows.c.site == site, rows.c.project == project)
        with self._reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def versions(self, site: str, ids: Collection[int]) -> dict[int, datetime]:
        """When those of these tickets that are kept, and still shown by Jira, were last updated."""
        found: dict[int, datetime] = {}
        with self._reading() as connection:
            for some in chunks(list(ids)):
                query = select(rows.c.ticket_id, rows.c.updated_at).where(LIVE, rows.c.site == site)
                for number, at in connection.execute(query.where(rows.c.ticket_id.in_(some))):
                    found[number] = instant(at)
        return found

    def rejected_ids(self, site: str) -> frozenset[int]:
        """The numeric ids of the site's tickets that could not be read."""
        query = select(rejections.c.ticket_id).where(rejections.c.site == site, rejections.c.ticket_id.is_not(None))
        with self._reading() as connection:
            return frozenset(connection.scalars(query))

    def month_counts(self) -> list[MonthCount]:
        """By site, project and month of creation; by SQL, no ticket is decoded."""
        by = (rows.c.site, rows.c.project, MONTH.label("month"))
        states = [func.count().filter(rows.c.chain == chain.value).label(chain.value) for chain in Chain]
        without = func.count().filter(rows.c.n_changes.is_(None)).label("without")
        query = select(*by, func.count().label("here"), without, *states).where(LIVE).group_by(*by).order_by(*by)
        with self._reading() as connection:
            return [
                MonthCount(
                    row["site"],
                    row["project"],
                    row["month"],
                    row["here"],
                    {chain: row[chain.value] for chain in Chain},
                    row["without"],
                )
                for row in connection.execute(query).mappings()
            ]

    def broken_chains(self, *, limit: int = 20) -> list[str]:
        """The keys of tickets whose history has a break that nothing explains, the newest first."""
        # The inner query is answered by the covering index; ordered there, it would read every document.
        identity = (rows.c.site, rows.c.ticket_id)
        broken = select(*identity).where(LIVE, rows.c.chain == Chain.BROKEN.value)
        query = select(rows.c.key).where(tuple_(*identity).in_(broken))
        with self._reading() as connection:
            return list(connection.scalars(query.order_by(rows.c.created_at.desc()).limit(limit)))

    def statuses(self) -> tuple[Status, ...]:
        """The statuses that sites have told us (several sites may use an id for different ones), then those that only
        tickets show (imports), by the category that most tickets give them."""
        told = select(statuses_table)
        shown = select(rows.c.status_id, rows.c.status, rows.c.status_category, func.count().label("n"))
        with self._reading() as connection:
            known = [
                Status(row.id, row.name, StatusCategory(row.category), row.clock) for row in connection.execute(told)
            ]
            votes = Counter(
                {
                    Status(row.status_id, row.status, StatusCategory(row.status_category)): row.n
                    for row in connection.execute(shown.where(LIVE).group_by(*shown.selected_columns[:3]))
                }
            )
        ids = {status.id for status in known}
        for status, _ in votes.most_common():
            if status.id and status.id not in ids and status.category is not StatusCategory.UNDEFINED:
                ids.add(status.id)
                known.append(status)
        return tuple(known)

    def members(self, site: str | None = None) -> Mapping[str, frozenset[str]]:
        """The account ids in each group that is known to have any, by group id; None means of all sites together."""
        query = select(members_table.c.group_id, members_table.c.account_id)
        if site is not None:
            query = query.where(members_table.c.site == site)
        found: dict[str, set[str]] = defaultdict(set)
        with self._reading() as connection:
            for group, account in connection.execute(query):
                found[group].add(account)
        return {group: frozenset(accounts) for group, accounts in found.items()}

    def rejections(self) -> list[Rejection]:
        with self._reading() as connection:
            found = connection.execute(select(rejections).order_by(rejections.c.source))
            return [Rejection(row.source, row.reason, row.site, row.ticket_id) for row in found]

    def facts(self) -> StoreFacts:
        """Counts and extremes, by SQL; no ticket is decoded."""
        query = select(
            func.count().filter(LIVE),
            func.coalesce(func.sum(rows.c.n_changes).filter(LIVE), 0),
            func.count().filter(LIVE, rows.c.n_changes.is_(None)),
            func.min(rows.c.created_at).filter(LIVE),
            func.max(rows.c.updated_at).filter(LIVE),
            func.count().filter(~LIVE),
        )
        with self._reading() as connection:
            count, changes, without, oldest, newest, buried = connection.execute(query).one()
            last = connection.scalar(select(func.max(sync_cursors.c.at)))
        return StoreFacts(
            tickets=int(count),
            status_changes=int(changes),
            without_history=int(without),
            oldest=None if oldest is None else instant(oldest),
            newest=None if newest is None else instant(newest),
            last_sync_at=None if last is None else instant(last),
            tombstones=int(buried),
        )

    # Inside

    def _pages(self, query: Select[Any]) -> Iterator[Ticket]:
        """Page by page in short reads, so that a slow caller holds no snapshot open."""
        order = (rows.c.created_at, rows.c.ticket_id, rows.c.site)
        after: tuple[int, int, str] | None = None
        while True:
            page = query.order_by(*order).limit(CHUNK)
            if after is not None:
                page = page.where(tuple_(*order) > after)
            with self._reading() as connection:
                found = connection.execute(page).all()
            for row in found:
                yield self._decoded(row.document)
            if len(found) < CHUNK:
                return
            after = (found[-1].created_at, found[-1].ticket_id, found[-1].site)

    def _decoded(self, document: bytes) -> Ticket:
        try:
            return decode(document)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"the ticket store {self._place} holds a damaged ticket: move it away and sync or import again"
            ) from error

    def _reading(self) -> AbstractContextManager[Connection]:
        return self._database.reading()

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._database.writing()

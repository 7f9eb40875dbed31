"""The ticket store's rows: what a ticket becomes, which row replaces which, and what each write leaves behind."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects import sqlite

from tickets.chains import check_chain
from tickets.codec import decode, encode, instant, microseconds
from tickets.schema import dirty_partitions, rejections
from tickets.schema import tickets as rows
from tickets.sync_book import Partition
from tickets.ticket import Status, Ticket
from tickets.upserts import month_of, upserting

CHUNK = 500
LIVE = rows.c.tombstone.is_(None)
MONTH = month_of(rows.c.created_at)

Key = tuple[str, int]
Row = Mapping[Any, Any]


def row_of(ticket: Ticket) -> dict[str, Any]:
    document = encode(ticket)  # refuses naive instants, before any is compared
    chain = check_chain(ticket)
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
        "document": document,
        "considered_at": None,  # what is written differs from what was considered
        "chain": None if chain is None else chain.value,
        "tombstone": None,
        "tombstoned_at": None,
    }


def newest(values: Iterable[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """By site and id, each ticket once."""
    found: dict[Key, dict[str, Any]] = {}
    for value in values:
        key = (value["site"], value["ticket_id"])
        if key not in found or is_as_new(value, found[key]):
            found[key] = value
    return found


def is_as_new(value: Row, old: Row) -> bool:
    """Whether it is a newer version, or the same without losing a history."""
    if value["updated_at"] != old["updated_at"]:
        return bool(value["updated_at"] > old["updated_at"])
    return value["n_changes"] is not None or old["n_changes"] is None


def is_news(value: Row, old: Row | None) -> bool:
    if old is None:
        return True
    return is_as_new(value, old) and (value["document"] != old["document"] or old["tombstone"] is not None)


def kept_rows(connection: Connection, keys: Collection[Key]) -> dict[Key, Row]:
    """What is kept of these tickets now, tombstones included."""
    kept: dict[Key, Row] = {}
    columns = ("site", "ticket_id", "document", "updated_at", "n_changes", "tombstone", "project", "created_at")
    for site in {site for site, _ in keys}:
        for ids in chunks([number for named, number in keys if named == site]):
            query = select(*(rows.c[name] for name in columns)).where(rows.c.site == site, rows.c.ticket_id.in_(ids))
            kept.update(((site, row["ticket_id"]), row) for row in connection.execute(query).mappings())
    return kept


def restate(connection: Connection, site: str, status: Status) -> None:
    """The tickets in this status get its new name and category."""
    query = select(rows.c.document, rows.c.tombstone, rows.c.tombstoned_at)
    where = (rows.c.site == site, rows.c.status_id == status.id)
    for kept in connection.execute(query.where(*where)).mappings().all():
        ticket = replace(decode(kept["document"]), status=status)
        value = {**row_of(ticket), "tombstone": kept["tombstone"], "tombstoned_at": kept["tombstoned_at"]}
        upsert(connection, [value])
        soil(connection, {partition_of(value)})


def forget_rejections(connection: Connection, keys: Collection[Key]) -> None:
    for site in {site for site, _ in keys}:
        known = set(
            connection.scalars(
                select(rejections.c.ticket_id).where(rejections.c.site == site, rejections.c.ticket_id.is_not(None))
            )
        )
        over = [number for named, number in keys if named == site and number in known]
        for ids in chunks(over):
            connection.execute(rejections.delete().where(rejections.c.site == site, rejections.c.ticket_id.in_(ids)))


def partition_of(row: Row) -> Partition:
    return Partition(row["site"], row["project"], f"{instant(row['created_at']):%Y-%m}")


def soil(connection: Connection, partitions: Collection[Partition]) -> None:
    """Their Parquet files are out of date; a new mark each time, so that a writer cannot clean what it did not see."""
    mark = secrets.randbits(62)
    values = [{**asdict(partition), "mark": mark} for partition in partitions]
    if values:
        connection.execute(upserting(connection.dialect.name, dirty_partitions, ("mark",)), values)


def reject(connection: Connection, values: list[dict[str, Any]]) -> None:
    connection.execute(upserting(connection.dialect.name, rejections, ("reason", "site", "ticket_id")), values)


def bounds(month: str) -> tuple[int, int]:
    """The first microsecond of the month and of the next."""
    start = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    return microseconds(start), microseconds((start + timedelta(days=31)).replace(day=1))


def documents() -> Select[Any]:
    return select(rows.c.document, rows.c.created_at, rows.c.ticket_id, rows.c.site)


def chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def upsert(connection: Connection, values: Iterable[Row]) -> None:
    """Writes rows of `row_of`."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(str(_UPSERT), [tuple(value[name] for name in _COLUMNS) for value in values])
    else:
        connection.execute(upserting(connection.dialect.name, rows, _CHANGED), list(values))


_CHANGED = tuple(c.name for c in rows.c if not c.primary_key)
# Written by the driver itself: for whole documents the binding of parameters by name costs more than the insert.
_UPSERT: Any = upserting("sqlite", rows, _CHANGED).compile(dialect=sqlite.dialect())
_COLUMNS = tuple(_UPSERT.positiontup or ())

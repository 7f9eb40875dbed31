"""The ledger database: its tables, how it is opened, and what its errors mean to a person.

The same SQLAlchemy Core serves SQLite (WAL, synchronous FULL) and PostgreSQL; on both, writing transactions follow
one another. Instants are kept as ISO 8601 text in UTC with microseconds, so that they sort and hash the same
everywhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Update,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from fulfilment.errors import LedgerError
from fulfilment.troubles import holds_words, sentence_of
from tickets import postgresql
from tickets.place import Location, Place
from tickets.write_ahead import switch_on

HEAD = "0003"
BUSY_MILLISECONDS = 10_000

__all__ = ["HEAD", "Connection", "Engine", "IntegrityError", "Update", "open_database", "translated"]


class Instant(TypeDecorator[datetime]):
    """An aware instant; a naive one raises ValueError."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else to_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def to_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"a naive datetime cannot be kept: {value!r}")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


metadata = MetaData()

requests = Table(
    "requests",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("site", Text),
    Column("ticket_id", BigInteger),
    Column("ticket_key", Text),
    Column("handler", Text),
    Column("generation", Integer),
    Column("state", Text),
    Column("epoch", Integer),
    Column("content_hash", String(64)),
    Column("request_type", Text),
    Column("type_source", Text),
    Column("score", Float),
    Column("certificate", Text),
    Column("requester", Text),
    Column("parameters", Text),
    Column("plan", Text),
    Column("resource", Text),
    Column("reason", Text),
    Column("context", Text),
    Column("lease_until", Instant),
    Column("lease_owner", Text),
    Column("applied_at", Instant),
    Column("next_check_at", Instant),  # ticket time before which the cycle leaves it alone
    Column("waiting_since", Instant),  # ticket time; null unless its last turn had to wait
    Column("lifetime_ends_at", Instant),  # ticket time
    Column("retirement", Text),  # the plan that takes away what was made
    Column("created_at", Instant),
    Column("updated_at", Instant),
)
approvals = Table(
    "approvals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("request_id", String(64)),
    Column("plan_digest", String(64)),
    Column("code", Text),
    Column("comment_id", Text),
    Column("comment_digest", Text),
    Column("posted_at", Instant),
    Column("expires_at", Instant),
    Column("approved_by", Text),
    Column("approval_comment_id", Text),
    Column("approved_at", Instant),
    Column("voided_at", Instant),
    Column("created_at", Instant),
)
intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("request_id", String(64)),
    Column("epoch", Integer),
    Column("phase", Text),  # apply, undo, retire
    Column("step", Integer),
    Column("operation", Text),
    Column("resource", Text),
    Column("observed", Text),
    Column("outcome", Text),
    Column("created_at", Instant),
    Column("settled_at", Instant),
)
reservations = Table(
    "reservations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("request_id", String(64)),
    Column("kind", Text),
    Column("name", Text),
    Column("amount", Float),
    Column("created_at", Instant),
    Column("released_at", Instant),
)
stops = Table(
    "stops",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text),
    Column("scope", Text),
    Column("ceiling", Text),
    Column("reason", Text),
    Column("author", Text),
    Column("created_at", Instant),
    Column("lifted_at", Instant),
)
# Each time that a person is needed: once per `subject`.
calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(64)),
    Column("request_id", String(64)),
    Column("ticket_id", BigInteger),
    Column("ticket_key", Text),
    Column("reason", Text),
    Column("look_at", Text),
    Column("ways", Text),  # those by which people were told already, parted by blanks
    Column("told_at", Instant),  # ticket time; null until every way that is configured was used
    Column("settled_at", Instant),  # ticket time; null while it waits for a person
    Column("created_at", Instant),
)
# When something last happened, by the database's clock: `cycle` is the end of the last good one.
marks = Table("marks", metadata, Column("name", Text, primary_key=True), Column("at", Instant))
ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32)),
    Column("recorded_at", String(32)),
    Column("request_id", String(64)),
    Column("ticket_id", BigInteger),
    Column("ticket_key", Text),
    Column("kind", Text),
    Column("detail", Text),
    Column("decision", String(64)),
    Column("payload_hash", String(64)),
    Column("previous", String(64)),
    Column("hash", String(64)),
)
payloads = Table("payloads", metadata, Column("hash", String(64), primary_key=True), Column("text", Text))
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger),
    Column("hash", String(64)),
)


def tables() -> tuple[Table, ...]:
    """Every table that the code knows."""
    return tuple(metadata.sorted_tables)


Clock = Callable[[], datetime]


def open_database(place: Location, *, clock: Clock | None = None) -> Engine:
    """An engine on an up-to-date database, created or migrated when needed. Raises LedgerError.

    `clock` is the time of leases and of `recorded_at`; None: the database's own.
    """
    engine = _engine_at(place)
    try:
        with translated(str(place)):
            _bring_up_to_date(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return engine if clock is None else engine.execution_options(clock=clock)


def is_there(place: Location) -> bool:
    """Whether there is a ledger yet. Raises LedgerError where that cannot be told."""
    if isinstance(place, Path):
        return place.exists()
    try:
        with translated(str(place)):
            return postgresql.has_tables(place)
    except ImportError:
        raise LedgerError(postgresql.DRIVER_MISSING) from None


def _engine_at(place: Location) -> Engine:
    if isinstance(place, Place):
        try:
            return postgresql.create_postgres_engine(place, busy=timedelta(milliseconds=BUSY_MILLISECONDS))
        except ImportError:
            raise LedgerError(postgresql.DRIVER_MISSING) from None
    if not place.parent.is_dir():
        raise LedgerError(f"the ledger's folder {place.parent} does not exist: create it, or name another in [store]")
    engine = create_engine(f"sqlite:///{place}", hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def database_now(connection: Connection) -> datetime:
    """The database's clock: leases and `recorded_at`. SQLite's is this machine's."""
    clock: Clock | None = connection.get_execution_options().get("clock")
    if clock is not None:
        return clock()
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    instant = connection.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(instant, datetime)  # noqa: S101  (the driver's own type)
    return instant.astimezone(UTC)


def driven(connection: Connection, words: str, values: Sequence[Any] = ()) -> tuple[list[tuple[Any, ...]], int]:
    """On SQLite only: by the driver itself, past SQLAlchemy, whose errors it raises all the same, without any value.
    What it returned, and how many rows were written."""
    driver: Any = connection.connection.driver_connection
    try:
        cursor: sqlite3.Cursor = driver.execute(words, values)
        return cursor.fetchall(), cursor.rowcount
    except sqlite3.IntegrityError as error:
        raise IntegrityError(words, None, error) from error
    except sqlite3.Error as error:
        raise DBAPIError(words, None, error) from error


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turns the driver's errors into a sentence; a violated constraint stays what it is."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        if postgresql.is_of_postgres(error):
            raise LedgerError(postgresql.sentence(f"the ledger {path}", error)) from error
        message = str(error.orig)
        raise LedgerError(sentence_of(path, message)) from (None if holds_words(message) else error)


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself: `_begin` does
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        switch_on(cursor, busy=timedelta(milliseconds=BUSY_MILLISECONDS))
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    driven(connection, "BEGIN" if reading else "BEGIN IMMEDIATE")


def _bring_up_to_date(engine: Engine, place: Location) -> None:
    with engine.execution_options(reading=True).connect() as connection:
        found = _revision(connection)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise LedgerError(f"the ledger {place} was written by a newer Golden Path (revision {found}): update this one")
    from alembic import command  # a second of imports that an up-to-date database does not pay
    from alembic.config import Config

    with engine.begin() as connection:
        if isinstance(place, Place):
            postgresql.make_schema(connection, place)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if connection.dialect.name == "postgresql":
        return postgresql.kept_revision(connection)
    if not inspect(connection).has_table("alembic_version"):
        return None
    value = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if value is None else str(value)

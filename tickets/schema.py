"""The ticket store's tables, and how its place is opened: created, migrated, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError

from tickets import postgresql
from tickets.errors import StoreError
from tickets.place import Location, Place
from tickets.write_ahead import switch_on

HEAD = "tickets_0003"
BUSY = timedelta(seconds=5)

_all = MetaData()
# Instants are epoch microseconds UTC, for order and comparison; `document` is the whole Ticket.
tickets = Table(
    "tickets",
    _all,
    Column("site", Text, primary_key=True),
    Column("ticket_id", BigInteger, primary_key=True),
    Column("key", Text),
    Column("project", Text),
    Column("ticket_type", Text),
    Column("request_type", Text),
    Column("status_id", Text),
    Column("status", Text),
    Column("status_category", Text),
    Column("is_open", Boolean),
    Column("created_at", BigInteger),
    Column("updated_at", BigInteger),
    Column("n_changes", Integer),  # status changes; null where the source has no history
    Column("considered_at", BigInteger),  # `updated_at` of the version that the agent last considered
    Column("document", LargeBinary),
    Column("chain", Text),  # `tickets.chains.Chain`; null without history, and where it was not checked yet
    Column("tombstone", Text),  # `tickets.ticket.Tombstone`: why Jira no longer shows it; null while it does
    Column("tombstoned_at", BigInteger),
)
sync_cursors = Table(
    "sync_cursors",
    _all,
    Column("site", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("at", BigInteger),
    Column("compared_at", BigInteger),  # what changed before is as Jira had it then: see `tickets.census`
)
# The parts of a backfill by creation, `since` ≤ created < `until` (null: no end); together they cover a project.
backfill_windows = Table(
    "backfill_windows",
    _all,
    Column("site", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("until", BigInteger),
    Column("reached", BigInteger),  # everything created before is here
    Column("is_done", Boolean),
    Column("expected", Integer),
    Column("planned_at", BigInteger),  # ticket time at which this project's backfill began
)
# The latest census of each project; `document` holds its `tickets.census.MonthIds` as JSON.
censuses = Table(
    "censuses",
    _all,
    Column("site", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("taken_at", BigInteger),
    Column("failure", Text),  # why it could not be taken; empty when it was
    Column("document", LargeBinary),
)
# What the Parquet history has not yet been told; `mark` changes with every change.
dirty_partitions = Table(
    "dirty_partitions",
    _all,
    Column("site", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("month", Text, primary_key=True),  # of creation in UTC, like 2026-03
    Column("mark", BigInteger),
)
statuses = Table(
    "statuses",
    _all,
    Column("site", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("category", Text),
    Column("clock", Text),  # what an importer was told; null from a Jira
)
# Who was in a group when it was last read. A group without a row is empty or was never read.
members = Table(
    "members",
    _all,
    Column("site", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),  # Data Center: the group's name
    Column("account_id", Text, primary_key=True),
)
rejections = Table(
    "rejections",
    _all,
    Column("source", Text, primary_key=True),
    Column("reason", Text),
    Column("site", Text),
    Column("ticket_id", BigInteger),  # with `site` the ticket that was rejected; null where its id cannot be read
)


class Database:
    """An open store. `reading` never waits for a writer; writers take the store in turn."""

    def __init__(self, place: Location, *, busy: timedelta = BUSY) -> None:
        """Creates or migrates the tables when needed; `busy` is how long to wait for another writer. Raises
        StoreError."""
        self.place = place
        self._engine = open_database(place, busy=busy)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with (
            translated(self.place),
            self._engine.connect().execution_options(reading=True) as connection,
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all or nothing."""
        with translated(self.place), self._engine.begin() as connection:
            yield connection


def open_database(place: Location, *, busy: timedelta = BUSY) -> Engine:
    """An engine on an up-to-date store, created or migrated when needed. Raises StoreError."""
    engine = _engine_at(place, busy)
    try:
        with translated(place):
            _bring_up_to_date(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return engine


def is_there(place: Location) -> bool:
    """Whether there is a store yet. Raises StoreError where that cannot be told."""
    if isinstance(place, Path):
        return place.exists()
    try:
        with translated(place):
            return postgresql.has_tables(place)
    except ImportError:
        raise StoreError(postgresql.DRIVER_MISSING) from None


def _engine_at(place: Location, busy: timedelta) -> Engine:
    if isinstance(place, Place):
        try:
            return postgresql.create_postgres_engine(place, busy=busy)
        except ImportError:
            raise StoreError(postgresql.DRIVER_MISSING) from None
    if place.is_dir():
        raise StoreError(f"the ticket store {place} is a folder: name a file in it")
    if not place.parent.is_dir():
        raise StoreError(
            f"the ticket store's folder {place.parent} does not exist: create it, or name another in [store]"
        )
    engine = create_engine(f"sqlite:///{place}", hide_parameters=True)
    event.listen(engine, "connect", lambda connection, _: _prepare(connection, busy))
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def translated(place: Location) -> Iterator[None]:
    """Turns what the driver raises into a StoreError with a way out."""
    try:
        yield
    except DBAPIError as error:
        if postgresql.is_of_postgres(error):
            raise StoreError(postgresql.sentence(f"the ticket store {place}", error)) from error
        message = str(error.orig)
        raise StoreError(_sentence(place, message)) from (None if _holds_words(message) else error)


def _sentence(path: Location, message: str) -> str:
    low = message.lower()
    if _holds_words(message):
        return (
            f"the ticket store {path} is damaged (a text in it is no UTF-8): move it away and sync or import again; "
            "everything in it comes from Jira"
        )
    if "locked" in low or "busy" in low:
        return f"the ticket store {path} is locked by another process: wait for it to end, then try again"
    if "readonly" in low or "read-only" in low:
        return (
            f"the ticket store {path} cannot be written: give this account write permission to the file and its folder"
        )
    if "not a database" in low or "malformed" in low or "corrupt" in low:
        return (
            f"the ticket store {path} is damaged or no ticket store ({message}): "
            "move it away and sync or import again; everything in it comes from Jira"
        )
    if "unable to open" in low:
        return (
            f"the ticket store {path} cannot be opened: check that it is a file which this account may read and write"
        )
    if "full" in low:
        return f"the ticket store {path} cannot grow: the disk is full"
    if "disk i/o" in low:
        return (
            f"the ticket store {path} cannot be read or written ({message}): look at the disk and what the system says "
            "of it; if it is well, move the file away and sync or import again"
        )
    return f"the ticket store {path} cannot be used ({message}): move it away and sync or import again"


def _holds_words(message: str) -> bool:
    """Whether the driver's message repeats what stands in a row: that belongs neither on a screen nor in a log."""
    return message.lower().startswith("could not decode to utf-8")


def _prepare(connection: Any, busy: timedelta) -> None:
    connection.isolation_level = None  # the driver must not begin by itself: `_begin` does
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {int(busy.total_seconds() * 1000)}")
        switch_on(cursor, busy=busy)
        cursor.execute("PRAGMA synchronous = NORMAL")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _bring_up_to_date(engine: Engine, place: Location) -> None:
    with engine.connect().execution_options(reading=True) as connection:
        found = _revision(connection, place)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise StoreError(f"the ticket store {place} was written by a newer Golden Path ({found}): update this one")
    from alembic import command  # a second of imports that an up-to-date store does not pay
    from alembic.config import Config

    with engine.begin() as connection:
        if isinstance(place, Place):
            postgresql.make_schema(connection, place)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection, place: Location) -> str | None:
    """The revision of a ticket store, None for an empty place; any other database is refused."""
    if isinstance(place, Place):
        found = postgresql.kept_revision(connection)
        if found is None:
            return None
    else:
        names = inspect(connection).get_table_names()
        if not names:
            return None
        is_marked = "alembic_version" in names
        found = connection.scalar(text("SELECT version_num FROM alembic_version")) if is_marked else None
    if found is None or not str(found).startswith("tickets_"):
        raise StoreError(f"{place} is a database, but no ticket store: name another in [store]")
    return str(found)

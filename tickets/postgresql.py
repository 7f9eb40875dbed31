"""How a schema of a PostgreSQL database is opened, used like a file of SQLite, and what its errors mean.

Writers take a schema in turn: what a transaction reads, no other changes before it ends. A reading transaction sees
one moment and waits for nobody. No waiting is without an end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from tickets.errors import StoreError
from tickets.place import Place

DRIVER_MISSING = "PostgreSQL needs its driver: pip install 'goldenpath[postgresql]'"
CONNECT_SECONDS = 10
STATEMENT_TIME = timedelta(minutes=5)
# A process that stands still in the middle of a transaction keeps others out no longer than that.
IDLE_TIME = timedelta(minutes=1)
# A machine that is gone says nothing: after some 40 s its connection counts as lost.
_CONNECT = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "goldenpath",
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 40_000,
}
# `synchronous_commit` is only ever raised: what counts as written outlives a crash of the server.
_SETTINGS = (
    "SELECT set_config('search_path', %s, false), set_config('lock_timeout', %s, false), "
    "set_config('statement_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false), "
    "set_config('default_transaction_isolation', 'read committed', false), set_config('synchronous_commit', "
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, "
    "false)"
)
_ASKED = text(
    "SELECT current_setting('fsync') = 'on', "
    "pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'"
)
_LOCKED = "55P03"
_BY_STATE = {
    _LOCKED: "is locked by another process: wait for it to end, then try again",
    "57014": f"did not answer within {STATEMENT_TIME.total_seconds() / 60:.0f} minutes: see what the server is doing",
    "40001": "was written by another process at the same moment, so nothing was written: try again",
    "40P01": "was written by another process at the same moment, so nothing was written: try again",
    "25006": "cannot be written: the server only lets it be read; name the primary server in store.database",
    "53100": "cannot grow: the disk of its server is full",
    "53300": "cannot be reached: its server takes no more connections; raise max_connections, or end some",
    "42501": "may not be used in this way by its role: docs/postgresql.md lists the rights that it needs",
}
_BY_WORDS = (
    ("password authentication failed", "cannot be opened: its server refuses the password or the role"),
    ("no password supplied", "cannot be opened: its server asks for a password; set GOLDENPATH_DATABASE_PASSWORD"),
    ("no pg_hba.conf entry", "cannot be opened: its server lets nobody in from here; add a line to its pg_hba.conf"),
    ("role ", "cannot be opened: its server does not know the role, or does not let it log in"),
    ("database ", "cannot be opened: there is no such database; create it, or name another in store.database"),
    ("resolve host", "cannot be reached: nobody knows its host; check the host in store.database"),
    ("translate host name", "cannot be reached: nobody knows its host; check the host in store.database"),
    ("timeout", "cannot be reached: its server did not answer in time; check the host and the network"),
    ("connection refused", "cannot be reached: no server answers there; start it, or check host and port"),
    ("no such file", "cannot be reached: no server answers there; start it, or check host and port"),
)
_LOST = "was cut off by its server; what was not finished was not written: try again"


def create_postgres_engine(place: Place, *, busy: timedelta) -> Engine:
    """Nothing is asked of the server yet. `busy` is how long to wait for another writer. Raises ImportError without a
    driver."""
    url = make_url(place.url).set(drivername="postgresql+psycopg")
    if place.password is not None:
        url = url.set(password=place.password)
    arguments = {name: value for name, value in _CONNECT.items() if name not in url.query}
    engine = create_engine(
        url, connect_args=arguments, pool_pre_ping=True, use_native_hstore=False, hide_parameters=True
    )
    times = [str(int(time.total_seconds() * 1000)) for time in (busy, STATEMENT_TIME, IDLE_TIME)]
    event.listen(engine, "connect", lambda connection, _: _prepare(connection, [place.schema, *times]))
    turn = int.from_bytes(hashlib.sha256(f"goldenpath {place.schema}".encode()).digest()[:8], signed=True)
    event.listen(engine, "begin", lambda connection: _begin(connection, turn))
    return engine


def kept_revision(connection: Connection) -> str | None:
    """The revision of the tables in the schema; None where there are none yet."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')::text")) is None:
        return None
    value = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if value is None else str(value)


def make_schema(connection: Connection, place: Place) -> None:
    """Only where it is missing: a role without the right to make one may use one that was made for it."""
    if connection.scalar(text("SELECT to_regnamespace(:name)::text"), {"name": place.schema}) is None:
        connection.exec_driver_sql(f"CREATE SCHEMA {place.schema}")


def has_tables(place: Place) -> bool:
    """Whether a room's tables are there. Raises DBAPIError, and ImportError without a driver."""
    engine = create_postgres_engine(place, busy=timedelta(seconds=CONNECT_SECONDS))
    try:
        with engine.connect().execution_options(reading=True) as connection:
            return kept_revision(connection) is not None
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class Look:
    """`is_locked`: another process has been writing for as long as was waited; `is_durable`: the server's fsync."""

    is_locked: bool
    is_read_only: bool
    is_durable: bool


def look(place: Place, *, busy: timedelta) -> Look:
    """Takes the turn of a writer and gives it back. Raises StoreError, and ImportError without a driver."""
    engine = create_postgres_engine(place, busy=busy)
    try:
        with engine.connect().execution_options(reading=True) as connection:
            is_durable, is_read_only = connection.execute(_ASKED).one()
        return Look(_is_locked(engine), is_read_only, is_durable)
    except DBAPIError as error:
        raise StoreError(sentence(str(place), error)) from error
    finally:
        engine.dispose()


def _is_locked(engine: Engine) -> bool:
    try:
        with engine.begin():
            return False
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCKED:
            return True
        raise


def is_of_postgres(error: DBAPIError) -> bool:
    return hasattr(error.orig, "sqlstate")


def sentence(what: str, error: DBAPIError) -> str:
    """What the server's error means. `what` names the room and its place."""
    state = getattr(error.orig, "sqlstate", None)
    if state in _BY_STATE:
        return f"{what} {_BY_STATE[state]}"
    message = str(error.orig).partition("\n")[0]
    low = message.lower()
    if state is None and isinstance(error, OperationalError) and not error.connection_invalidated:
        said = next((said for words, said in _BY_WORDS if words in low.rpartition("failed: ")[2]), None)
        return f"{what} {said}" if said else f"{what} cannot be reached: {message}"
    if error.connection_invalidated or (state or "")[:2] in ("08", "57") or state == "25P03":
        return f"{what} {_LOST}"
    return f"{what} cannot be used: {message}"


def _prepare(connection: Any, settings: list[str]) -> None:
    connection.autocommit = True
    connection.execute(_SETTINGS, settings)
    connection.autocommit = False


def _begin(connection: Connection, turn: int) -> None:
    if connection.get_execution_options().get("reading", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({turn})")

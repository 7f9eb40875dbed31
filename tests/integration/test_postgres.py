"""A whole installation on PostgreSQL, and what is said when the server does not do what was asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fulfilment import schema
from fulfilment.chain import Note
from fulfilment.errors import LedgerError
from fulfilment.ledger import Ledger
from sandbox.serve import serve_in_thread
from sandbox.site import empty_world
from tests import postgres as server
from tests.integration.sites import NOW, file_bucket, install
from tests.postgres import LOCKED_OUT, PASSWORD, Postgres, run
from tickets import postgresql
from tickets.errors import StoreError
from tickets.place import Location, Place
from tickets.store import TicketStore

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NOTE = Note(AT, "note", "something", ticket_id=1, ticket_key="OPS-1")


def goldenpath(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GOLDENPATH_", "PG"))}
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
    )


def ledger_of(url: str, password: str | None = None) -> Place:
    return Place(url, server.LEDGER, password)


def test_a_wish_is_fulfilled_by_the_command_line(postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.empty()
    name = server.name_of(database)
    postgres.run(database, f"GRANT CREATE ON DATABASE {name} TO {LOCKED_OUT}")
    with serve_in_thread(empty_world(NOW)) as site:
        install(site, tmp_path, database=postgres.url(name, user=LOCKED_OUT))
        issue = file_bucket(site, "payments-on-postgres")
        refused = goldenpath("once", folder=tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "asks for a password; set GOLDENPATH_DATABASE_PASSWORD" in " ".join(refused.stderr.split())
        done = goldenpath("once", "--json", folder=tmp_path, GOLDENPATH_DATABASE_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["outcomes"] == {"fulfilled": 1}
        assert site.world.statuses[issue.status].name == "Resolved"
        (tmp_path / "password").write_text(f"*:*:*:{LOCKED_OUT}:{PASSWORD}\n")
        (tmp_path / "password").chmod(0o600)
        verified = goldenpath("ledger", "verify", folder=tmp_path, PGPASSFILE=str(tmp_path / "password"))
        assert verified.stdout.startswith("whole: "), verified.stderr
        assert not list((tmp_path / ".goldenpath").glob("*.sqlite3"))
    assert PASSWORD not in done.stdout + done.stderr + refused.stderr + verified.stdout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pg: Place("postgresql://gp@nowhere.invalid/gp", "s"), "nobody knows its host"),
        (lambda pg: Place("postgresql://gp@127.0.0.1:1/gp", "s"), "no server answers there"),
        (lambda pg: Place("postgresql://gp@/gp?host=/nowhere", "s"), "no server answers there"),
        (lambda pg: ledger_of(pg.url("nothing")), "there is no such database"),
        (lambda pg: ledger_of(pg.url("postgres", user="stranger")), "does not know the role"),
        (lambda pg: ledger_of(pg.url("postgres", user=LOCKED_OUT)), "asks for a password"),
        (lambda pg: ledger_of(pg.url("postgres", user=LOCKED_OUT), f"not {PASSWORD}"), "refuses the password"),
        (lambda pg: ledger_of(pg.url("postgres", user=LOCKED_OUT), PASSWORD), "lists the rights that it needs"),
    ],
)
@pytest.mark.parametrize(("opened", "error"), [(Ledger.open, LedgerError), (TicketStore.open, StoreError)])
def test_a_place_that_cannot_be_opened_is_a_sentence(
    postgres: Postgres,
    change: Callable[[Postgres], Place],
    words: str,
    opened: Callable[[Location], Ledger | TicketStore],
    error: type[Exception],
) -> None:
    with pytest.raises(error, match=words) as raised:
        opened(change(postgres))
    assert PASSWORD not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_the_driver_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('no libpq')\n")
    (tmp_path / "goldenpath.toml").write_text('[store]\ndatabase = "postgresql://gp@db/gp"\n')
    for command in (("ledger", "verify"), ("report",)):
        done = goldenpath(*command, folder=tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")
        assert done.returncode == 1
        assert "pip install 'goldenpath[postgresql]'" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr


def test_a_connection_that_was_ended_while_idle_is_made_anew(database: str) -> None:
    with Ledger.open(ledger_of(database)) as ledger:
        ledger.note(NOTE)
        run(ledger_of(database), END_OTHERS)
        ledger.note(NOTE)
        assert ledger.verify().rows == 2


END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


def test_a_server_that_goes_in_the_middle_is_a_sentence_and_nothing_was_written(database: str) -> None:
    stop = {"scope": "all", "ceiling": "off", "reason": "", "author": "", "created_at": AT}
    with Ledger.open(ledger_of(database)) as ledger:
        with pytest.raises(LedgerError, match="cut off by its server"), ledger._writing() as connection:
            connection.execute(schema.stops.insert().values(stop))
            run(ledger_of(database), END_OTHERS)
            connection.execute(schema.ledger.select())
        with pytest.raises(LedgerError, match="cut off by its server"), ledger._writing() as connection:
            connection.execute(schema.stops.insert().values(stop))
            run(ledger_of(database), END_OTHERS)  # so that it is the commit that has no answer
        assert ledger.ceiling("storage-box") is None
        ledger.note(NOTE)


def test_a_server_that_is_only_read_says_so(database: str) -> None:
    with Ledger.open(ledger_of(database)) as ledger:
        run(ledger_of(database), f"ALTER DATABASE {server.name_of(database)} SET default_transaction_read_only = on")
        run(ledger_of(database), END_OTHERS)
        with pytest.raises(LedgerError, match="only lets it be read"):
            ledger.note(NOTE)
        assert ledger.verify().rows == 0
    look = postgresql.look(ledger_of(database), busy=timedelta(seconds=1))
    assert (look.is_locked, look.is_read_only, look.is_durable) == (False, True, False)


def test_who_stands_still_in_a_transaction_does_not_keep_others_out_for_ever(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE_TIME", timedelta(seconds=0.3))
    with Ledger.open(ledger_of(database)) as frozen, Ledger.open(ledger_of(database)) as other:
        with pytest.raises(LedgerError, match="cut off by its server"), frozen._writing() as connection:
            other.note(NOTE)  # waits until the server has ended the other's transaction
            connection.execute(schema.ledger.select())
        assert other.verify().rows == 1


def test_the_doctor_sees_who_writes(database: str) -> None:
    with Ledger.open(ledger_of(database)) as ledger, ledger._writing():
        assert postgresql.look(ledger_of(database), busy=timedelta(milliseconds=50)).is_locked


def test_a_chain_that_grows_while_it_is_checked_is_whole(database: str) -> None:
    ended = threading.Event()

    def write() -> None:
        with Ledger.open(ledger_of(database)) as writer:
            while not ended.is_set():
                writer.note(NOTE)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with Ledger.open(ledger_of(database)) as ledger:
            until = time.monotonic() + 1
            while time.monotonic() < until:
                assert ledger.verify().broken_at is None
    finally:
        ended.set()
        thread.join()


OPEN = """
import sys
from pathlib import Path
from fulfilment.chain import Note
from fulfilment.ledger import Ledger
from tickets.place import Place
from tickets.store import TicketStore
from datetime import UTC, datetime
import alembic.command, alembic.config
tickets, ledger = (Place(*words.split("|")) if "|" in words else Path(words) for words in sys.argv[1:])
print("ready", flush=True)
sys.stdin.readline()
TicketStore.open(tickets).close()
with Ledger.open(ledger) as opened:
    opened.note(Note(datetime.now(UTC), "note", "something"))
"""


@contextmanager
def waiting(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", OPEN, *arguments]
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_two_processes_that_open_an_empty_place_at_once_make_it_once(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    places: tuple[Location, Location] = tmp_path / "t.sqlite3", tmp_path / "l.sqlite3"
    words = [str(place) for place in places]
    if kind == "PostgreSQL":
        url = request.getfixturevalue("postgres").empty()
        places = Place(url, server.TICKETS), Place(url, server.LEDGER)
        words = [f"{place.url}|{place.schema}" for place in places]
    with waiting(*words) as one, waiting(*words) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.communicate(timeout=60)[1] for process in (one, two)] == ["", ""]
        assert (one.returncode, two.returncode) == (0, 0)
    with Ledger.open(places[1]) as ledger, TicketStore.open(places[0]) as store:
        assert (ledger.verify().rows, ledger.verify().broken_at, store.count()) == (2, None, 0)


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = "from tests import postgres; s = postgres.start(); print(s.pid, s.folder, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        pid, folder = process.stdout.readline().split()
        assert Path(folder).is_dir()
        process.kill()
    until = time.monotonic() + 10
    while Path(folder).exists() or Path(f"/proc/{pid}/stat").exists():
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.05)


def test_a_unit_of_work_leaves_no_connection_behind(database: str) -> None:
    with Ledger.open(ledger_of(database)) as ledger:
        ledger.note(NOTE)
    ours = "FROM pg_stat_activity WHERE application_name = 'goldenpath' AND datname = current_database()"
    assert run(ledger_of(database), f"SELECT count(*) {ours}") == [(0,)]

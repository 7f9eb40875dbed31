"""A ledger that cannot be used says so in a sentence that names the file and the way out; what was written stays."""

from __future__ import annotations

import io
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event

from fulfilment import schema
from fulfilment.chain import Note
from fulfilment.errors import LedgerError
from fulfilment.ledger import Ledger

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ROWS = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "ledger.sqlite3"
    with Ledger.open(path) as ledger:
        for number in range(ROWS):
            ledger.note(Note(AT, "note", f"row {number} " + "words " * 50, ticket_id=number, ticket_key="OPS-1"))
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Iterator[Path]:
    path = Path(shutil.copy(made, tmp_path))
    yield path
    path.chmod(0o644)


def pages_of(path: Path, table: str) -> list[int]:
    with closing(sqlite3.connect(path)) as file:
        (root,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    return [root, int(size)]


@pytest.mark.parametrize("table", ["ledger", "payloads", "head", "sqlite_autoindex_payloads_1"])
def test_random_bytes_over_a_page(path: Path, table: str) -> None:
    number, size = pages_of(path, table)
    with path.open("r+b") as file:
        file.seek((number - 1) * size)
        file.write(Random(7).randbytes(size))
    with Ledger.open(path) as ledger, pytest.raises(LedgerError, match=r"ledger\.sqlite3 is damaged .* backup"):
        ledger.verify()
        ledger.story("OPS-1")


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_a_truncated_file(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(LedgerError, match=r"ledger\.sqlite3 is damaged .* backup"), Ledger.open(path) as ledger:
        ledger.verify()


def test_a_changed_letter_is_found_by_the_chain(path: Path) -> None:
    """No page is damaged for the database: only the hash tells."""
    content = path.read_bytes()
    assert content.count(b"row 17 words") == 1
    path.write_bytes(content.replace(b"row 17 words", b"row 71 words"))
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert (report.broken_at, report.why) == (
        18,
        "the text of row 18 was altered: it does not give the hash that stands in the row",
    )


@pytest.mark.parametrize("change", ["UPDATE payloads SET text = 'x'", "UPDATE payloads SET text = '{}'"])
def test_a_text_that_cannot_be_shown_names_its_row(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(change)
    with Ledger.open(path) as ledger, pytest.raises(LedgerError, match=r"row 1 .* was altered .* ledger verify"):
        ledger.story("OPS-1")


def test_a_full_disk(path: Path) -> None:
    engine = schema.open_database(path)
    pages = path.stat().st_size // 4096

    @event.listens_for(engine, "begin")
    def _fill(connection: schema.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with Ledger(engine, str(path)) as ledger:
        with pytest.raises(LedgerError, match=r"ledger\.sqlite3 cannot grow: the disk is full"):
            for _ in range(100):
                ledger.note(Note(AT, "note", "words " * 1_000))
        report = ledger.verify()
    assert report.broken_at is None
    assert ROWS <= report.rows < ROWS + 100


@pytest.mark.parametrize("mode", [0o555, 0o755])
def test_a_folder_or_a_file_that_may_only_be_read(path: Path, mode: int) -> None:
    """What is there can still be verified, or a sentence says why not. Root may write everywhere: we become nobody."""
    path.chmod(0o444)
    path.parent.chmod(mode)
    for folder in path.parents[1:]:  # pytest's own are its user's only
        folder.chmod(0o755)
        if folder.name.startswith("pytest-of-"):
            break
    was_root = os.geteuid() == 0
    try:
        if was_root:
            os.seteuid(65534)
        with pytest.raises(LedgerError, match=r"ledger\.sqlite3 cannot be"), Ledger.open(path) as ledger:
            ledger.note(Note(AT, "note", "one more"))
    finally:
        if was_root:
            os.seteuid(0)
        path.parent.chmod(0o755)


def test_a_lock_is_waited_for_then_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_MILLISECONDS", 20)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder, Ledger.open(path) as ledger:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"ledger\.sqlite3 is locked by another process"):
            ledger.redact(1, reason="asked for", at=AT)
        assert ledger.verify().rows == ROWS  # reading goes on
        holder.execute("ROLLBACK")
        assert ledger.verify().redacted == 0


def test_a_full_disk_tells_the_log_nothing_of_what_was_written(tmp_path: Path) -> None:
    """As the cycle logs the turn of a ticket that failed: with the error and all that caused it."""
    log, said = logging.getLogger("goldenpath.test_full_disk"), io.StringIO()
    log.addHandler(logging.StreamHandler(said))
    log.propagate = False
    secret, path = "hunter" + "2", tmp_path / "ledger.sqlite3"
    engine = schema.open_database(path)

    @event.listens_for(engine, "begin")
    def _fill(connection: schema.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    with Ledger(engine, str(path)) as ledger:
        for write in (
            lambda: ledger.note(Note(AT, "note", secret * 10_000)),
            lambda: ledger.call("a subject", reason=secret * 10_000, look_at="", at=AT),
        ):
            try:
                write()
            except LedgerError:
                log.exception("OPS-1: its turn failed")
    assert said.getvalue().count("the disk is full") == 2
    assert "SQL: INSERT" in said.getvalue()
    assert secret not in said.getvalue()


def test_a_text_that_is_no_utf_8(path: Path) -> None:
    """The driver's message repeats the text: it is neither shown nor logged."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b"row 17 words", b"row \xff7 words").replace(b"OPS-1", b"OPS\xff1", 1))
    with Ledger.open(path) as ledger, pytest.raises(LedgerError, match=r"ledger\.sqlite3 is damaged .* backup") as told:
        ledger.verify()
    assert told.value.__suppress_context__
    assert "words" not in str(told.value)


def test_what_is_read_by_a_prepared_statement_is_told_too(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE head SET hash = CAST(X'ff41' AS TEXT)")
    with Ledger.open(path) as ledger, pytest.raises(LedgerError, match=r"ledger\.sqlite3 is damaged .* backup"):
        ledger.note(Note(AT, "note", "one more"))


@pytest.mark.parametrize("message", ["disk I/O error", "Could not decode to UTF-8 column 'text' with text 'hunter2'"])
def test_trouble_with_the_disk_has_a_way_out(path: Path, message: str) -> None:
    with pytest.raises(LedgerError, match=r"ledger\.sqlite3 .* restore the file") as told, schema.translated(str(path)):
        raise schema.DBAPIError("SELECT", None, sqlite3.OperationalError(message))
    assert "hunter2" not in str(told.value)

"""What `verify` finds, on real SQLite files that somebody altered behind the ledger's back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfilment import verification
from fulfilment.chain import HASHED, START, Note, canonical, digest, row_hash, row_text
from fulfilment.errors import LedgerError
from fulfilment.ledger import Ledger
from fulfilment.schema import ledger as table

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SECRET = "Ada's telephone number"

numbers = st.integers() | st.floats()
words = st.text(st.characters(codec=None))
values = st.none() | st.booleans() | numbers | words


@given(st.lists(values, min_size=len(HASHED), max_size=len(HASHED)))
def test_the_text_of_a_row_is_its_canonical_json(row: list[Any]) -> None:
    assert row_text(row) == canonical(dict(zip(HASHED, row, strict=True)))


def test_the_hash_of_a_row_is_what_it_always_was() -> None:
    row = {name: name for name in HASHED} | {"seq": 7, "ticket_id": None}
    assert row_hash(row) == digest(
        '{"at":"at","decision":"decision","detail":"detail","kind":"kind","payload_hash":"payload_hash",'
        '"previous":"previous","recorded_at":"recorded_at","request_id":"request_id","seq":7,"ticket_id":null,'
        '"ticket_key":"ticket_key"}'
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "ledger.sqlite3"
    with Ledger.open(path) as made:
        for number in range(1, 5):
            made.note(Note(AT, "note", f"row {number}", ticket_id=1, ticket_key="OPS-1"))
        made.redact(1, reason="asked for", at=AT)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """Five rows: the text of the first was taken out, which the fifth says."""
    return Path(shutil.copy(made, tmp_path))


@pytest.fixture
def file(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as an intruder opens it, without what refuses changes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.row_factory = sqlite3.Row
        for verb in ("update", "delete"):
            opened.execute(f"DROP TRIGGER ledger_refuses_{verb}")
        yield opened


def rechained(file: sqlite3.Connection, since: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Alters row `since`, then computes every later hash and the head anew: a thorough intruder."""
    rows = [dict(row) for row in file.execute("SELECT * FROM ledger ORDER BY seq")]
    previous = rows[since - 2]["hash"] if since > 1 else START
    change(rows[since - 1])
    for row in rows[since - 1 :]:
        row["previous"] = previous
        row["hash"] = previous = row_hash(row)
        sets = ", ".join(f"{name} = :{name}" for name in row)
        file.execute(f"UPDATE ledger SET {sets} WHERE seq = :seq", row)
    file.execute("UPDATE head SET seq = ?, hash = ?", (rows[-1]["seq"], rows[-1]["hash"]))


@pytest.mark.parametrize("batch", [1, 2, 1_000])
def test_texts_may_lie_in_any_order(
    path: Path, file: sqlite3.Connection, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_BATCH", batch)
    file.execute("INSERT INTO payloads SELECT 'an' || hash, text FROM payloads")
    texts = [tuple(row) for row in file.execute("SELECT hash, text FROM payloads")]
    with Ledger.open(path) as ledger:
        for seed in range(5):
            Random(seed).shuffle(texts)
            with closing(sqlite3.connect(path)) as other, other:
                other.execute("DELETE FROM payloads")
                other.executemany("INSERT INTO payloads (hash, text) VALUES (?, ?)", texts)
            assert ledger.verify().broken_at is None


def test_a_whole_record_is_whole(path: Path) -> None:
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert (report.rows, report.broken_at, report.redacted, report.why) == (5, None, 1, "")


BROKEN = [
    ("UPDATE ledger SET kind = 'x' WHERE seq = 2", 2, "row 2 was altered"),
    ("UPDATE ledger SET ticket_id = 1.5 WHERE seq = 2", 2, "row 2 was altered"),
    ("UPDATE ledger SET detail = x'00ff' WHERE seq = 2", 2, "row 2 was altered"),
    ("UPDATE ledger SET hash = x'00' WHERE seq = 2", 2, "row 2 was altered"),
    ("UPDATE ledger SET recorded_at = at WHERE seq = 3", 3, "row 3 was altered"),
    ("DELETE FROM ledger WHERE seq = 1", 1, "row 1 is missing: row 2 comes after row 0"),
    ("DELETE FROM ledger WHERE seq = 3", 3, "row 3 is missing"),
    ("DELETE FROM ledger WHERE seq = 5", 1, "the text of row 1 is missing"),
    ("DELETE FROM ledger", 1, "the rows end at 0, but the head stands at row 5"),
    ("UPDATE ledger SET seq = 9 WHERE seq = 5", 5, "row 5 is missing: row 9"),
    ("UPDATE ledger SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 ELSE seq END", 1, "row 1 is missing"),
    ("UPDATE payloads SET text = text || ' ' WHERE hash = {2}", 2, "the text of row 2 was altered"),
    ("UPDATE payloads SET text = x'00' WHERE hash = {2}", 2, "the text of row 2 was altered"),
    ("DELETE FROM payloads WHERE hash = {3}", 3, "no later row says that it was taken out"),
    ("UPDATE head SET hash = 'x'", 6, "the head was altered"),
    ("UPDATE head SET seq = 3", 6, "rows were added behind it"),
    ("UPDATE head SET seq = 'x'", 6, "the head stands at row x"),
    ("DELETE FROM head", 6, "the head is missing"),
]


@pytest.mark.parametrize(("statement", "broken_at", "why"), BROKEN)
def test_what_was_altered_is_found(
    path: Path, file: sqlite3.Connection, statement: str, broken_at: int, why: str
) -> None:
    for seq in (2, 3):
        (hash,) = file.execute("SELECT payload_hash FROM ledger WHERE seq = ?", (seq,)).fetchone()
        statement = statement.replace(f"{{{seq}}}", f"'{hash}'")
    file.execute(statement)
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert report.broken_at == broken_at
    assert why in report.why


def test_rows_in_another_order_are_found(path: Path, file: sqlite3.Connection) -> None:
    """Renumbered, each with the right hash for its new content: only what they name as the one before is wrong."""
    second, third = (
        dict(row) for row in file.execute("SELECT * FROM ledger WHERE seq IN (2, 3) ORDER BY seq").fetchall()
    )
    file.execute("DELETE FROM ledger WHERE seq IN (2, 3)")
    for row, seq in ((third, 2), (second, 3)):
        row["seq"] = seq
        row["hash"] = row_hash(row)
        file.execute(f"INSERT INTO ledger ({', '.join(row)}) VALUES ({', '.join(':' + name for name in row)})", row)
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert report.broken_at == 2
    assert "row 2 does not follow from row 1" in report.why


@pytest.mark.parametrize(
    ("detail", "broken_at", "why"),
    [
        ('{"payload":"x","row":1}', 1, "the text of row 1 is missing"),
        ('{"payload":"x","row":2}', 1, "the text of row 1 is missing"),
        ("no JSON", 1, "the text of row 1 is missing"),
    ],
)
def test_a_redaction_that_names_another_text_explains_nothing(
    path: Path, file: sqlite3.Connection, detail: str, broken_at: int, why: str
) -> None:
    rechained(file, 5, lambda row: row.update(detail=detail))
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert report.broken_at == broken_at
    assert why in report.why


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        ('{"payload":"x","row":2}', "names another text"),
        ('{"payload":"x","row":6}', "names no row before it"),
        ("[]", "names no row before it"),
    ],
)
def test_a_redaction_of_nothing_is_found(path: Path, file: sqlite3.Connection, detail: str, why: str) -> None:
    with Ledger.open(path) as ledger:
        ledger.note(Note(AT, "note", "the sixth"))
    rechained(file, 6, lambda row: row.update(kind="redacted", detail=detail))
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert report.broken_at == 6
    assert why in report.why


def test_a_redaction_whose_text_came_back_is_found(path: Path, file: sqlite3.Connection) -> None:
    kept = file.execute(
        "SELECT * FROM payloads WHERE hash = (SELECT payload_hash FROM ledger WHERE seq = 2)"
    ).fetchone()
    with Ledger.open(path) as ledger:
        ledger.redact(2, reason="asked for", at=AT)
    file.execute("INSERT INTO payloads (hash, text) VALUES (?, ?)", tuple(kept))
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert report.broken_at == 6
    assert "but it is there" in report.why


def test_a_text_is_taken_out_once(path: Path) -> None:
    with Ledger.open(path) as ledger, pytest.raises(LedgerError, match="was taken out before"):
        ledger.redact(1, reason="again", at=AT)


def test_nothing_of_a_text_that_was_taken_out_stays_in_the_files(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.note(Note(AT, "note", SECRET, ticket_id=1, ticket_key="OPS-1"))
        ledger.note(Note(AT, "note", "after it"))
        ledger.redact(6, reason="asked for", at=AT)
        assert not any(SECRET.encode() in found.read_bytes() for found in path.parent.iterdir())
        assert ledger.verify().broken_at is None


@pytest.mark.parametrize("statement", ["UPDATE ledger SET kind = kind", "DELETE FROM ledger", "REPLACE INTO ledger"])
def test_the_database_refuses_changes_of_rows(path: Path, statement: str) -> None:
    names = ", ".join(column.name for column in table.columns)
    if statement.startswith("REPLACE"):
        statement += f" ({names}) SELECT {names} FROM ledger WHERE seq = 2"
    with closing(sqlite3.connect(path)) as opened, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        opened.execute(statement)
    with Ledger.open(path) as ledger:
        assert ledger.verify().broken_at is None


def test_a_ledger_without_a_head_says_so(path: Path, file: sqlite3.Connection) -> None:
    file.execute("DELETE FROM head")
    with Ledger.open(path) as ledger, pytest.raises(LedgerError, match="lost its head"):
        ledger.note(Note(AT, "note", "one more"))

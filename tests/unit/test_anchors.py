"""An anchor outside finds what the chain alone cannot: rows cut off at the end, and a record written anew."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import config
from agent.cycle import is_anchored
from agent.tables import Store
from fulfilment.anchors import last_anchor, read_anchors
from fulfilment.chain import Note
from fulfilment.errors import ChainBroken, LedgerError
from fulfilment.ledger import Ledger

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anchors.jsonl"


def write(ledger: Ledger, rows: int, word: str = "row") -> None:
    for number in range(rows):
        ledger.note(Note(AT, "note", f"{word} {number}"))


def cut_off(path: Path, last: int) -> None:
    """The end of the ledger goes, and the head with it: the chain that is left is whole."""
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("DROP TRIGGER IF EXISTS ledger_refuses_delete")
        opened.execute("DELETE FROM ledger WHERE seq > ?", (last,))
        opened.execute("UPDATE head SET (seq, hash) = (SELECT seq, hash FROM ledger WHERE seq = ?)", (last,))


def test_the_head_is_anchored_once(ledger: Ledger, file: Path) -> None:
    assert ledger.anchor(file, at=AT) is None
    assert not file.exists()
    write(ledger, 3)
    first = ledger.anchor(file, at=AT)
    assert first is not None and first.seq == 3
    assert ledger.anchor(file, at=AT) is None
    write(ledger, 1)
    second = ledger.anchor(file, at=AT)
    assert second is not None
    assert read_anchors(file) == {3: [first], 4: [second]}
    assert last_anchor(file) == second
    assert ledger.verify(read_anchors(file)).anchored == 4


def test_rows_cut_off_are_found_up_to_the_last_anchor(ledger: Ledger, path: Path, file: Path) -> None:
    write(ledger, 5)
    ledger.anchor(file, at=AT)
    write(ledger, 2)
    cut_off(path, 5)
    assert ledger.verify(read_anchors(file)).broken_at is None  # nobody can know of the two that came after it
    cut_off(path, 3)
    assert ledger.verify().broken_at is None
    report = ledger.verify(read_anchors(file))
    assert report.broken_at == 4
    assert "the rows end at 3, but row 5 was anchored at 2026-11-02T09:00:00" in report.why
    with pytest.raises(ChainBroken, match="row 5 of the ledger is not the one that was anchored"):
        ledger.anchor(file, at=AT)


def test_a_record_written_anew_is_found(ledger: Ledger, path: Path, file: Path) -> None:
    write(ledger, 3)
    ledger.anchor(file, at=AT)
    cut_off(path, 1)
    write(ledger, 4, "another")
    assert ledger.verify().broken_at is None
    report = ledger.verify(read_anchors(file))
    assert report.broken_at == 3
    assert "written anew" in report.why
    before = file.read_bytes()
    with pytest.raises(ChainBroken):
        ledger.anchor(file, at=AT)
    assert file.read_bytes() == before


def test_an_anchor_that_was_changed_is_found_by_its_sibling(ledger: Ledger, file: Path) -> None:
    write(ledger, 3)
    ledger.anchor(file, at=AT)
    told = json.loads(file.read_text())
    with file.open("a") as lines:
        lines.write(json.dumps(told | {"hash": "0" * 64}) + "\n")
    assert ledger.verify(read_anchors(file)).broken_at == 3


@pytest.mark.parametrize("kept", [1, 8, 20, 100, 150])
def test_a_line_that_a_crash_cut_off_is_left_out(ledger: Ledger, file: Path, kept: int) -> None:
    write(ledger, 2)
    first = ledger.anchor(file, at=AT)
    line = file.read_bytes()
    file.write_bytes(line + line[: min(kept, len(line) - 2)])
    assert last_anchor(file) == first
    write(ledger, 1)
    second = ledger.anchor(file, at=AT)
    assert second is not None
    assert read_anchors(file) == {2: [first], 3: [second]}
    assert ledger.verify(read_anchors(file)).broken_at is None


def test_the_last_of_many_anchors_is_read_from_the_end(file: Path) -> None:
    lines = [json.dumps({"seq": number, "hash": f"{number:064x}", "at": AT.isoformat()}) for number in range(1, 500)]
    file.write_text("\n".join(lines) + "\n")
    last = last_anchor(file)
    assert last is not None and last.seq == 499


def test_the_ledger_itself_is_no_anchor_file(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    write(ledger, 1)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"ledger\.sqlite3 is no anchor file"):
        ledger.anchor(path, at=AT)
    assert path.read_bytes() == before
    with pytest.raises(LedgerError, match="is no anchor file, or was altered: line 1"):
        read_anchors(path)
    (tmp_path / "long").write_bytes(b"x" * 10_000)
    with pytest.raises(LedgerError, match="is no anchor file"):
        ledger.anchor(tmp_path / "long", at=AT)
    for place in (tmp_path, tmp_path / "nowhere" / "anchors.jsonl"):
        with pytest.raises(LedgerError, match="cannot be"):
            ledger.anchor(place, at=AT)
    with pytest.raises(LedgerError, match="cannot be read"):
        read_anchors(tmp_path / "none.jsonl")


def test_it_is_on_the_disk_when_it_returns(ledger: Ledger, file: Path) -> None:
    """Another process sees it, whole, through its own descriptor."""
    write(ledger, 1)
    ledger.anchor(file, at=AT)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        told = os.read(descriptor, 1_000)
    finally:
        os.close(descriptor)
    assert told.endswith(b"}\n") and json.loads(told)["seq"] == 1


def test_the_agent_anchors_at_the_end_of_a_cycle(ledger: Ledger, path: Path, file: Path) -> None:
    configuration = config.Configuration(store=Store(anchor_file=file))
    rooms = SimpleNamespace(configuration=configuration, ledger=ledger, client=SimpleNamespace(now=lambda: AT))
    write(ledger, 3)
    assert is_anchored(rooms)
    assert is_anchored(rooms)
    assert list(read_anchors(file)) == [3]
    cut_off(path, 1)
    assert not is_anchored(rooms)  # which counts as an error of the cycle
    assert is_anchored(SimpleNamespace(configuration=config.Configuration()))

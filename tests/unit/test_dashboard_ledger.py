"""A page on the ledger is read every few seconds; the whole chain is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import config
from dashboard import reading
from fulfilment.chain import Note
from fulfilment.ledger import Ledger

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / config.FILE_NAME).write_text("")
    monkeypatch.chdir(tmp_path)
    found = config.load().ledger_place
    assert isinstance(found, Path)
    found.parent.mkdir()
    reading.st.cache_data.clear()
    yield found
    reading.st.cache_data.clear()


def test_the_chain_is_verified_once_a_minute(place: Path) -> None:
    assert reading.ledger_report() is None
    reading.st.cache_data.clear()
    with Ledger.open(place) as ledger:
        ledger.note(Note(AT, "note", "one"))
        first = reading.ledger_report()
        ledger.note(Note(AT, "note", "two"))
    assert first is not None and first.rows == 1
    assert reading.ledger_report() == first
    with closing(sqlite3.connect(place)) as file, file:
        file.execute("UPDATE payloads SET text = 'x'")
    reading.fulfilments.clear()
    assert reading.fulfilments() == ()  # which looks at no row of the chain
    reading.st.cache_data.clear()
    found = reading.ledger_report()
    assert found is not None and found.broken_at == 1
    assert reading.CHAIN_SECONDS == 60

"""Whoever opens a new file at the same moment as others gets it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tickets.write_ahead import switch_on

BUSY = timedelta(seconds=20)


def test_four_at_once_get_a_new_file(tmp_path: Path) -> None:
    """Without asking again one of five such files is refused to somebody."""
    refused: list[str] = []

    def open_one(path: Path, together: threading.Barrier) -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY.total_seconds())) as connection:
            together.wait()
            try:
                switch_on(connection.cursor(), busy=BUSY)
                connection.execute("CREATE TABLE IF NOT EXISTS kept (a)")
            except sqlite3.OperationalError as error:
                refused.append(str(error))

    for number in range(60):
        together = threading.Barrier(4)
        about = (tmp_path / f"{number}.sqlite3", together)
        threads = [threading.Thread(target=open_one, args=about) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert refused == []


def test_a_lock_that_stays_is_told(tmp_path: Path) -> None:
    path = tmp_path / "held.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder, closing(sqlite3.connect(path)) as other:
        holder.execute("BEGIN EXCLUSIVE")
        other.execute("PRAGMA busy_timeout = 20")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            switch_on(other.cursor(), busy=timedelta(milliseconds=50))

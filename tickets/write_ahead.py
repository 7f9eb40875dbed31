"""SQLite's write-ahead log, switched on where several processes open a new file at once."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from time import monotonic, sleep

_PAUSE = 0.02  # seconds


def switch_on(cursor: sqlite3.Cursor, *, busy: timedelta) -> None:
    """While another connection switches the same new file, SQLite answers "locked" at once, whatever its busy time-out:
    so it is asked again, for as long as `busy`. Raises sqlite3.OperationalError."""
    deadline = monotonic() + busy.total_seconds()
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > deadline:
                raise
        sleep(_PAUSE)

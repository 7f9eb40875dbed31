"""What a sync must remember between runs: how far it came, what the last census found, what the history lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, func, select, update

from tickets.codec import instant, microseconds
from tickets.schema import Database, backfill_windows, censuses, dirty_partitions, sync_cursors
from tickets.upserts import upserting


@dataclass(frozen=True, slots=True)
class Window:
    """The tickets of a project with `since` ≤ created < `until` (None: no end). Everything created before `reached` is
    kept already; `expected` is Jira's estimate of how many there are; `planned_at` is ticket time."""

    site: str
    project: str
    since: datetime
    until: datetime | None
    reached: datetime
    is_done: bool
    expected: int
    planned_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """The tickets of a project that were created in one month (UTC), like 2026-03."""

    site: str
    project: str
    month: str


@dataclass(frozen=True, slots=True)
class CensusEntry:
    """The latest census of a project, in ticket time. `failure` says why it could not be taken; else it is empty and
    `counted` holds what it found."""

    project: str
    taken_at: datetime
    failure: str
    counted: Mapping[str, Any]

    @property
    def is_invisible(self) -> bool:
        """Whether the project could not be seen."""
        return bool(self.counted.get("invisible"))


class SyncBook:
    """The bookkeeping of the ticket store. Every method raises StoreError when the file cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # How far

    def cursors(self, site: str, projects: Collection[str]) -> dict[str, datetime]:
        """The start of the last complete sync of each project that had one, in ticket time."""
        query = select(sync_cursors).where(sync_cursors.c.site == site, sync_cursors.c.project.in_(list(projects)))
        with self._database.reading() as connection:
            return {row.project: instant(row.at) for row in connection.execute(query)}

    def finish(self, site: str, projects: Collection[str], at: datetime) -> None:
        """The sync that began at `at` is complete for these projects: their cursors move, their windows go."""
        with self._database.writing() as connection:
            moved = upserting(connection.dialect.name, sync_cursors, ("at",))
            for project in projects:
                windows = _of(backfill_windows, site, [project])
                planned = connection.scalar(select(func.min(backfill_windows.c.planned_at)).where(windows))
                began = microseconds(at) if planned is None else planned
                values = {"site": site, "project": project, "at": microseconds(at), "compared_at": began}
                connection.execute(moved, values)
                connection.execute(backfill_windows.delete().where(windows))

    def compared(self, site: str, projects: Collection[str]) -> dict[str, datetime]:
        """The ticket time before which every change of a project's tickets was seen for certain: the start of its
        backfill, then of each census."""
        query = select(sync_cursors).where(_of(sync_cursors, site, projects))
        with self._database.reading() as connection:
            return {row.project: instant(row.compared_at) for row in connection.execute(query)}

    def set_compared(self, site: str, projects: Collection[str], at: datetime) -> None:
        mark = update(sync_cursors).where(_of(sync_cursors, site, projects)).values(compared_at=microseconds(at))
        with self._database.writing() as connection:
            connection.execute(mark)

    def reach(self, site: str, projects: Collection[str], at: datetime) -> None:
        """An incremental sync that is under way has read all that changed before: if it ends here, the next one goes
        on from there."""
        mark = update(sync_cursors).where(_of(sync_cursors, site, projects), sync_cursors.c.at < microseconds(at))
        with self._database.writing() as connection:
            connection.execute(mark.values(at=microseconds(at)))

    def windows(self, site: str, project: str) -> list[Window]:
        """The backfill under way, oldest first; empty where there is none."""
        query = select(backfill_windows).where(_of(backfill_windows, site, [project]))
        with self._database.reading() as connection:
            return [_window(row) for row in connection.execute(query.order_by(backfill_windows.c.since))]

    def plan(self, windows: Sequence[Window]) -> None:
        """Remembers windows; one that begins where a known one does replaces it."""
        with self._database.writing() as connection:
            for window in windows:
                keep_window(connection, window)

    # Censuses

    def save_census(self, site: str, entry: CensusEntry) -> None:
        values = {
            "site": site,
            "project": entry.project,
            "taken_at": microseconds(entry.taken_at),
            "failure": entry.failure,
            "document": orjson.dumps(entry.counted),
        }
        with self._database.writing() as connection:
            changed = ("taken_at", "failure", "document")
            connection.execute(upserting(connection.dialect.name, censuses, changed), values)

    def censuses(self, site: str) -> dict[str, CensusEntry]:
        """The latest census of each project of the site."""
        with self._database.reading() as connection:
            rows = connection.execute(select(censuses).where(censuses.c.site == site)).all()
        return {
            row.project: CensusEntry(row.project, instant(row.taken_at), row.failure, orjson.loads(row.document))
            for row in rows
        }

    # The Parquet history

    def dirty_partitions(self) -> dict[Partition, int]:
        """What changed since it was last written, each with its mark."""
        with self._database.reading() as connection:
            rows = connection.execute(select(dirty_partitions).order_by(*dirty_partitions.primary_key)).all()
        return {Partition(row.site, row.project, row.month): row.mark for row in rows}

    def clean(self, partition: Partition, mark: int) -> None:
        """The partition was written as it stood at this mark; what changed after it stays dirty."""
        table = dirty_partitions
        with self._database.writing() as connection:
            connection.execute(
                table.delete().where(
                    table.c.site == partition.site,
                    table.c.project == partition.project,
                    table.c.month == partition.month,
                    table.c.mark == mark,
                )
            )


def keep_window(connection: Connection, window: Window) -> None:
    """In a transaction that saves the window's tickets too."""
    values = {
        "site": window.site,
        "project": window.project,
        "since": microseconds(window.since),
        "until": None if window.until is None else microseconds(window.until),
        "reached": microseconds(window.reached),
        "is_done": window.is_done,
        "expected": window.expected,
        "planned_at": microseconds(window.planned_at),
    }
    changed = ("until", "reached", "is_done", "expected")
    connection.execute(upserting(connection.dialect.name, backfill_windows, changed), values)


def _window(row: Any) -> Window:
    return Window(
        row.site,
        row.project,
        instant(row.since),
        None if row.until is None else instant(row.until),
        instant(row.reached),
        row.is_done,
        row.expected,
        instant(row.planned_at),
    )


def _of(table: Any, site: str, projects: Collection[str]) -> Any:
    return and_(table.c.site == site, table.c.project.in_(list(projects)))

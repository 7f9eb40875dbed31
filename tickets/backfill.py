"""Reads whole projects from their beginning: windows by creation, several in flight, resumable at any point.

A window that holds too many tickets is halved in time until it does not; every half is remembered before it is read,
and how far a window came is remembered with the tickets that it gave. So a run that is killed goes on there.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Final

from tickets.crew import Crew, Processes, Threads
from tickets.jira_client import JiraClient
from tickets.jira_records import BEGINNING, Search
from tickets.store import TicketStore
from tickets.sync_book import Window
from tickets.window_reader import Halved, Read

LARGEST: Final = 2000  # tickets of a window
SMALLEST: Final = 500
WORTH_PROCESSES: Final = 20_000  # tickets, from which on processes are worth their start
MOST_PROCESSES: Final = 4


class Backfill:
    """One run. `done` of about `expected` tickets are kept; `planned_at` is the ticket time at which each project's
    backfill began, in this run or an earlier one: what changed since is for the next incremental sync."""

    def __init__(
        self,
        client: JiraClient,
        store: TicketStore,
        projects: Sequence[str],
        *,
        started_at: datetime,
        in_flight: int,
        window: int | None = None,
        processes: int | None = None,
    ) -> None:
        """`window` is the most tickets of a window, `processes` how many parse (0: this one alone); by default both
        depend on how many tickets there are."""
        self._client = client
        self._store = store
        self._in_flight = in_flight
        self._windows = [window for project in projects for window in self._planned(project, started_at)]
        self.planned_at = {window.project: window.planned_at for window in self._windows}
        self.expected = sum(window.expected for window in self._windows)
        self._limit = window or min(max(self.expected // (2 * in_flight), SMALLEST), LARGEST)
        self._processes = processes
        self.done = sum(window.expected for window in self._windows if window.is_done)

    def run(self) -> Generator[tuple[Read, tuple[int, ...]], None, None]:
        """Each batch once it is kept, with the ids that it changed. Raises the first error of any window."""
        open_windows = [window for window in self._windows if not window.is_done]
        left = len(open_windows)
        if not left:
            return
        crew = self._crew()
        try:
            for window in open_windows:
                crew.give(window)
            while left:
                result = crew.take()
                if isinstance(result, BaseException):
                    raise result
                if isinstance(result, Halved):
                    self._store.book.plan((result.left, result.right))
                    crew.give(result.left)
                    crew.give(result.right)
                    left += 1
                    continue
                changed = self._store.save_rows(result.rows, rejected=result.rejected, window=result.window)
                left -= result.window.is_done
                self.done += len(result.rows) + len(result.rejected)
                yield result, changed
        finally:
            crew.dismiss()

    def _crew(self) -> Crew:
        wanted = self._processes
        if wanted is None:
            cores = min(os.cpu_count() or 1, MOST_PROCESSES, self._in_flight)
            wanted = cores if cores > 1 and self.expected - self.done >= WORTH_PROCESSES else 0
        if wanted:
            return Processes(self._client, self._limit, wanted, self._in_flight)
        return Threads(self._client, self._limit, self._in_flight)

    def _planned(self, project: str, started_at: datetime) -> list[Window]:
        """The windows of the run that was interrupted, else one over everything."""
        if known := self._store.book.windows(self._client.site, project):
            return known
        since = self._client.oldest(project) or BEGINNING
        expected = self._client.count(Search((project,), since=since))
        window = Window(self._client.site, project, since, None, since, False, expected, started_at)
        self._store.book.plan([window])
        return [window]

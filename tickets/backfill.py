"""Reads whole projects from their beginning: windows by creation, several in flight, resumable at any point.

A window that holds too many tickets is halved in time until it does not; every half is remembered before it is read,
and how far a window came is remembered with the tickets that it gave. So a run that is killed goes on there.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tickets.fetching import Batch, fields_of, read_batch
from tickets.jira_client import JiraClient
from tickets.jira_records import BEGINNING, Raw, Search
from tickets.store import TicketStore
from tickets.sync_book import Window

LARGEST: Final = 2000  # tickets of a window
SMALLEST: Final = 500
SHORTEST: Final = timedelta(seconds=2)
_PATIENCE: Final = 1.0  # seconds for a thread to end
_POLL: Final = 0.2  # seconds between two looks at whether to stop


@dataclass(frozen=True, slots=True)
class _Read:
    window: Window
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Halved:
    left: Window
    right: Window


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
    ) -> None:
        """`window` is the most tickets of a window; by default it depends on how many there are."""
        self._client = client
        self._store = store
        self._in_flight = in_flight
        self._fields = fields_of(client)
        self._windows = [window for project in projects for window in self._planned(project, started_at)]
        self._tasks: queue.SimpleQueue[Window | None] = queue.SimpleQueue()
        self._results: queue.Queue[_Read | _Halved | BaseException] = queue.Queue(maxsize=in_flight)
        self._stop = threading.Event()
        self.planned_at = {window.project: window.planned_at for window in self._windows}
        self.expected = sum(window.expected for window in self._windows)
        self._limit = window or min(max(self.expected // (2 * in_flight), SMALLEST), LARGEST)
        self.done = sum(window.expected for window in self._windows if window.is_done)

    def run(self) -> Generator[tuple[Batch, tuple[int, ...]], None, None]:
        """Each batch once it is kept, with the ids that it changed. Raises the first error of any window."""
        left = 0
        for window in self._windows:
            if not window.is_done:
                self._tasks.put(window)
                left += 1
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._in_flight if left else 0)]
        for thread in threads:
            thread.start()
        try:
            while left:
                result = self._results.get()
                if isinstance(result, BaseException):
                    raise result
                if isinstance(result, _Halved):
                    self._store.book.plan((result.left, result.right))
                    self._tasks.put(result.left)
                    self._tasks.put(result.right)
                    left += 1
                    continue
                batch = result.batch
                changed = self._store.save(batch.tickets, rejected=batch.rejected, window=result.window)
                left -= result.window.is_done
                self.done += len(batch.tickets) + len(batch.rejected)
                yield batch, changed
        finally:
            self._stop.set()
            for _ in threads:
                self._tasks.put(None)
            for thread in threads:  # one that waits for an answer, or because Jira asked for it, ends by itself
                thread.join(timeout=_PATIENCE)

    def _planned(self, project: str, started_at: datetime) -> list[Window]:
        """The windows of the run that was interrupted, else one over everything."""
        if known := self._store.book.windows(self._client.site, project):
            return known
        since = self._client.oldest(project) or BEGINNING
        expected = self._client.count(Search((project,), since=since))
        window = Window(self._client.site, project, since, None, since, False, expected, started_at)
        self._store.book.plan([window])
        return [window]

    # In the threads

    def _work(self) -> None:
        try:
            with self._client.twin(self._stop.is_set) as client:
                while not self._stop.is_set() and (window := self._tasks.get()) is not None:
                    for result in self._halve(client, window) or self._read(client, window):
                        self._hand_over(result)
                        if self._stop.is_set():
                            return
        except BaseException as error:  # it is raised again where the run was asked for
            self._hand_over(error)

    def _hand_over(self, result: _Read | _Halved | BaseException) -> None:
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._results.put(result, timeout=_POLL)
                break

    def _halve(self, client: JiraClient, window: Window) -> list[_Halved]:
        """Two windows in place of one that is too large and not yet begun; none where it is to be read as it is."""
        span = (window.until or window.planned_at) - window.since
        if window.expected <= self._limit or window.reached > window.since or span <= SHORTEST:
            return []
        middle = (window.since + span / 2).replace(microsecond=0)
        first = min(client.count(Search((window.project,), since=window.since, until=middle)), window.expected)
        return [
            _Halved(
                replace(window, until=middle, expected=first),
                replace(window, since=middle, reached=middle, expected=window.expected - first),
            )
        ]

    def _read(self, client: JiraClient, window: Window) -> Iterator[_Read]:
        held: list[Raw] = []
        for page in client.search(Search((window.project,), "created", window.reached, window.until), self._fields):
            held += page
            if len(held) >= client.batch:
                batch = read_batch(client, held)
                window = replace(window, reached=_reached(batch, window))
                yield _Read(window, batch)
                held = []
        batch = read_batch(client, held)
        yield _Read(replace(window, reached=_reached(batch, window), is_done=True), batch)


def _reached(batch: Batch, window: Window) -> datetime:
    """Where a later run begins: the last of these tickets is read again."""
    return max((ticket.created_at for ticket in batch.tickets), default=window.reached)

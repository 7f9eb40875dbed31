"""Reads one window of a backfill: halves it while it is too large, else gives its tickets batch by batch.

What it gives may cross from one process to another: rows as the store writes them, not tickets.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

from tickets.fetching import Batch, fields_of, read_batch
from tickets.jira_client import JiraClient
from tickets.jira_records import Raw, Search
from tickets.rows import row_of
from tickets.sync_book import Window
from tickets.ticket import Rejection

SHORTEST: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Read:
    """A batch of a window, and how far the window has come with it."""

    window: Window
    rows: list[dict[str, Any]]
    rejected: tuple[Rejection, ...]
    status_changes: int


@dataclass(frozen=True, slots=True)
class Halved:
    """Two windows in place of one."""

    left: Window
    right: Window


class WindowReader:
    """`limit` is the most tickets of a window that is read without being halved. Close it, or use it as a context
    manager: it has a thread and a client beside the given one."""

    def __init__(self, client: JiraClient, limit: int) -> None:
        self._client = client
        self._limit = limit
        self._fields = fields_of(client)
        self._second = client.twin()
        self._beside = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beside.shutdown(wait=True, cancel_futures=True)
        self._second.close()

    def turn(self, window: Window) -> Iterator[Read | Halved]:
        """Raises TicketsError."""
        span = (window.until or window.planned_at) - window.since
        if window.expected <= self._limit or window.reached > window.since or span <= SHORTEST:
            yield from self._read(window)
        else:
            yield self._halve(window, (window.since + span / 2).replace(microsecond=0))

    def _halve(self, window: Window, middle: datetime) -> Halved:
        counted = self._client.count(Search((window.project,), since=window.since, until=middle))
        first = min(counted, window.expected)
        return Halved(
            replace(window, until=middle, expected=first),
            replace(window, since=middle, reached=middle, expected=window.expected - first),
        )

    def _read(self, window: Window) -> Iterator[Read]:
        """The histories of a batch are fetched, and it is parsed, beside the pages that come after it."""
        held: list[Raw] = []
        pending: Future[Batch] | None = None
        search = Search((window.project,), "created", window.reached, window.until)
        for page in self._client.search(search, self._fields):
            held += page
            if len(held) < self._client.batch:
                continue
            if pending is not None:
                window = replace(window, reached=_reached(pending.result(), window))
                yield _told(window, pending.result())
            pending, held = self._beside.submit(read_batch, self._second, held), []
        if pending is not None:
            window = replace(window, reached=_reached(pending.result(), window))
            yield _told(window, pending.result())
        batch = read_batch(self._client, held)
        yield _told(replace(window, reached=_reached(batch, window), is_done=True), batch)


def _told(window: Window, batch: Batch) -> Read:
    return Read(window, [row_of(ticket) for ticket in batch.tickets], batch.rejected, batch.status_changes)


def _reached(batch: Batch, window: Window) -> datetime:
    """Where a later run begins: the last of these tickets is read again."""
    return max((ticket.created_at for ticket in batch.tickets), default=window.reached)

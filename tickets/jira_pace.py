"""How fast a site lets us go: what Jira asked for once holds for every thread that speaks with it.

Jira limits an endpoint (`jira-burst-based`) or the writes to one ticket (`jira-per-issue-on-write`). So the
instant before which nothing is sent is kept per endpoint and per ticket, and nobody else is slowed.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from typing import Final

_NAMES_ONE = re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+|[0-9]+", re.ASCII)
_WRITTEN_TICKET = re.compile(r"/rest/api/[0-9]+/issue/([A-Z][A-Z0-9_]+-[0-9]+|[0-9]+)(?:/|$)", re.ASCII)
_VERSION_AT: Final = 3  # in ["", "rest", "api", "3", …]

Place = str


class HeldTooLong(Exception):
    """The turn comes later than the caller may wait. Internal: the transport says it as a TicketsError."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Pace:
    """The not-before instants of one site, for all its clients; safe for threads.

    `clock` gives monotonic seconds, `sleep` waits that many. `patience` is how long a read waits in all for its turn,
    in seconds; `write_patience` the same for a write, whose reasons and lease age meanwhile; `tries` how often a
    read is sent when Jira is in trouble or silent.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 300.0,
        write_patience: float = 5.0,
        tries: int = 5,
    ) -> None:
        self.patience = patience
        self.write_patience = write_patience
        self.tries = tries
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._not_before: dict[Place, float] = {}

    def hold(self, place: Place, seconds: float) -> float:
        """Nothing is sent to `place` for so long from now. Gives the seconds that this adds to what held before."""
        with self._lock:
            now = self._clock()
            self._not_before = {held: until for held, until in self._not_before.items() if until > now}
            before = self._not_before.get(place, now)
            self._not_before[place] = max(before, now + seconds)
            return self._not_before[place] - before

    def wait(self, *places: Place, patience: float, spread: float = 0.0) -> float:
        """Returns when all of these are free, with the seconds that it waited; whoever had to wait goes `spread`
        seconds later still, so that not all threads start at once.

        Raises HeldTooLong, without having waited for it, when that is more than `patience` seconds away.
        """
        began = reached = self._clock()
        # A sleep that returns has brought us to its end: only what was asked for meanwhile is waited for again.
        while (until := self._free_at(places)) > reached:
            if until - began > patience:
                raise HeldTooLong(until - reached)
            self._sleep(until + spread - reached)
            reached = max(until + spread, self._clock())
        return reached - began

    def _free_at(self, places: tuple[Place, ...]) -> float:
        with self._lock:
            return max(self._not_before.get(place, -math.inf) for place in places)


def endpoint(method: str, path: str) -> Place:
    """What a burst limit counts: the method and the path without its query, ids and keys replaced."""
    parts = path.partition("?")[0].split("/")
    template = ["{}" if at > _VERSION_AT and _NAMES_ONE.fullmatch(part) else part for at, part in enumerate(parts)]
    return f"{method} {'/'.join(template)}"


def written_ticket(path: str) -> Place | None:
    """What a limit per ticket counts, for a write to this path: None where it changes no ticket that exists."""
    found = _WRITTEN_TICKET.match(path)
    return f"ticket {found[1]}" if found else None

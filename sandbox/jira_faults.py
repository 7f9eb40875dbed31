"""What goes wrong with the sandbox's Jira when it is told to: refusals, lost answers, odd pages, a lagging index."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

STATUSES = ("401", "403", "410", "429", "500", "502", "503")
WIRE = ("drop", "drop-after", "cut", "slow")
PAGES = ("repeat-token", "short")
HOWS = (*STATUSES, *WIRE, *PAGES, "html", "anonymous")
REASONS = ("", "jira-burst-based", "jira-per-issue-on-write")


@dataclass(frozen=True)
class Fault:
    """One failure to come.

    `how`: a status; `drop` (the connection is closed before the effect), `drop-after` (the effect is done, the answer
    lost), `cut` (the effect is done, the connection closed within the answer), `slow` (the body drips, a byte every
    `every` seconds); `repeat-token` (the page token that was sent is given again; a first page is passed over),
    `short` (a page of `rows` tickets, and a token even if none are left); `html` (200 with a page to log in),
    `anonymous` (200 as nobody, who sees half of the tickets).
    `retry_after` is the header's text; `retry_after_date` makes it an HTTP date so many seconds from the site's now.
    """

    operation: str
    how: str
    times: int | None = 1
    skip: int = 0
    retry_after: str | None = None
    retry_after_date: float | None = None
    reason: str = ""
    every: float = 0.05
    rows: int = 0


class Faults:
    """Switched by tests, or over HTTP. An operation is a path template of the endpoint table ("issue/{key}"), one with
    its method ("PUT issue/{key}"), or "*". Safe from any thread."""

    def __init__(self) -> None:
        self.index_lag = timedelta(0)
        # Ids of tickets that the site has and cannot give: 500 one by one, an error in bulk.
        self.broken_tickets: set[int] = set()
        self.seen: Counter[str] = Counter()
        self._generation = 0
        self._planned: list[Fault] = []
        self._hooks: list[tuple[str, Callable[[], object], int | None]] = []
        self._lock = threading.Lock()

    def fail(
        self,
        operation: str,
        how: str,
        *,
        times: int | None = 1,
        skip: int = 0,
        retry_after: str | int | None = None,
        retry_after_date: float | None = None,
        reason: str = "",
        every: float = 0.05,
        rows: int = 0,
    ) -> None:
        """The next `times` requests (None: all from now on) fail, after `skip` that do not. Raises ValueError."""
        if how not in HOWS:
            raise ValueError(f"how must be one of {', '.join(HOWS)}, not {how!r}")
        if reason not in REASONS:
            raise ValueError(f"reason must be one of {', '.join(REASONS[1:])}, not {reason!r}")
        if not operation or skip < 0 or rows < 0 or every <= 0 or (times is not None and times < 1):
            raise ValueError("operation, times, skip, every and rows must be given and positive")
        text = None if retry_after is None else str(retry_after)
        with self._lock:
            self._planned.append(Fault(operation, how, times, skip, text, retry_after_date, reason, every, rows))

    def on(self, operation: str, act: Callable[[], object], *, times: int | None = 1) -> None:
        """`act` runs in the server while such a request is answered, before its rows are read. It may change the
        state; it must not call the sandbox over HTTP."""
        with self._lock:
            self._hooks.append((operation, act, times))

    def clear(self) -> None:
        """No failures to come, no lag, no broken ticket, answers that drip end; `seen` is kept."""
        with self._lock:
            self.index_lag = timedelta(0)
            self.broken_tickets.clear()
            self._generation += 1
            self._planned.clear()
            self._hooks.clear()

    @property
    def generation(self) -> int:
        """Rises with `clear`."""
        return self._generation

    def take(self, method: str, path: str, *, has_token: bool) -> Fault | None:
        """Counts the request, and gives the failure that is its."""
        with self._lock:
            self.seen[path] += 1
            for place, fault in enumerate(self._planned):
                if not _matches(fault.operation, method, path) or (fault.how == "repeat-token" and not has_token):
                    continue
                if fault.skip:
                    self._planned[place] = replace(fault, skip=fault.skip - 1)
                    continue
                if fault.times == 1:
                    del self._planned[place]
                elif fault.times is not None:
                    self._planned[place] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def run_hooks(self, method: str, path: str) -> None:
        """Runs what was planned with `on` for this request."""
        with self._lock:
            due = [hook for hook in self._hooks if _matches(hook[0], method, path)]
            for hook in due:
                place = self._hooks.index(hook)
                operation, act, times = hook
                if times == 1:
                    del self._hooks[place]
                elif times is not None:
                    self._hooks[place] = (operation, act, times - 1)
        for _, act, _ in due:
            act()

    def plan(self, sent: Mapping[str, Any]) -> None:
        """As `POST /_sandbox/fail` asks: the arguments of `fail` by name, `index_lag` in seconds, `clear`.

        Raises ValueError, saying what is wrong.
        """
        known = {"clear", "index_lag", "operation", "how", "times", "skip"}
        known |= {"retry_after", "retry_after_date", "reason", "every", "rows"}
        if unknown := sorted(set(sent) - known):
            raise ValueError(f"{unknown[0]} is none of {', '.join(sorted(known))}")
        if sent.get("clear"):
            self.clear()
        if "index_lag" in sent:
            self.index_lag = timedelta(seconds=_number(sent, "index_lag", 0.0))
        if "operation" not in sent and "how" not in sent:
            return
        date = sent.get("retry_after_date")
        self.fail(
            str(sent.get("operation", "")),
            str(sent.get("how", "")),
            times=None if sent.get("times", 1) is None else int(_number(sent, "times", 1)),
            skip=int(_number(sent, "skip", 0)),
            retry_after=sent.get("retry_after"),
            retry_after_date=None if date is None else _number(sent, "retry_after_date", 0),
            reason=str(sent.get("reason", "")),
            every=_number(sent, "every", 0.05),
            rows=int(_number(sent, "rows", 0)),
        )


def _matches(operation: str, method: str, path: str) -> bool:
    return operation in ("*", path, f"{method} {path}")


def _number(sent: Mapping[str, Any], name: str, default: float) -> float:
    value = sent.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, not {value!r}")
    return float(value)

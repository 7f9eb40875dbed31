"""How we speak with a Jira over HTTP: what is sent again, what never twice, and how fast.

A read (every GET, and the POSTs that only look things up) is tried again when Jira is in trouble or silent, and waits
as long as Jira asks; a write is sent exactly once, and when its answer is lost the caller learns just that
(`AnswerUnknown`) and finds out by reading. Nothing here prints an answer's body or headers.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlencode

import orjson

from tickets.errors import AnswerUnknown, JiraUnreachable, MalformedAnswer
from tickets.jira_answers import Answer, Login, Meaning, read_date, told_account
from tickets.jira_pace import HeldTooLong, Pace, endpoint, written_ticket
from tickets.jira_settings import JiraSettings

__all__ = ["Answer", "Carrier", "Lost", "Transport", "Unanswered"]

log = logging.getLogger("goldenpath.jira")

FIRST_WAIT: Final = 0.5
LONGEST_BACK_OFF: Final = 30.0
LONG_WAIT: Final = 5.0  # seconds from which on a wait is worth a line that people see
FOREVER: Final = 1e9  # a Retry-After may have more digits than a float
PER_TICKET: Final = "jira-per-issue-on-write"

Unanswered = Literal["address", "refused", "certificate", "proxy", "connecting", "answering", "dropped"]

EXPLAINED: Final[Mapping[Unanswered, str]] = {
    "address": "its name cannot be resolved: check the url's spelling and this machine's DNS",
    "refused": "the connection is refused: check the url's host and port, and that Jira runs",
    "certificate": "its TLS certificate is not trusted here: check the url and this machine's certificates",
    "proxy": "the proxy does not let us through: check HTTPS_PROXY and NO_PROXY",
    "connecting": "connecting took too long: check the url, the network and the firewall",
    "answering": "the answer took too long: Jira or a proxy before it is overloaded; try again later",
    "dropped": "the connection was dropped before the whole answer came; try again, and check proxies",
}
NEVER_SENT: Final = frozenset({"address", "refused", "certificate", "proxy", "connecting"})


class Lost(Exception):
    """No answer. Internal: the transport says it as a TicketsError."""

    def __init__(self, why: Unanswered) -> None:
        super().__init__(why)
        self.why: Unanswered = why


class Carrier(Protocol):
    """Sends one request once. Raises `Lost`, nothing else; an error's status is an answer like any other.

    The whole exchange ends within the settings' deadline: a body that is still dripping then is `Lost("answering")`.
    """

    def send(self, method: str, path: str, body: bytes | None) -> Answer: ...

    def close(self) -> None: ...


class Transport:
    """Reads with patience, writes once, keeps ticket time. One for each thread; `pace` is the site's, for all threads.

    `sleep` waits that many seconds; `jitter` gives a factor from 0.5 to 1 for each wait.
    """

    def __init__(
        self,
        carrier: Carrier,
        settings: JiraSettings,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311 - spreads load
    ) -> None:
        self._carrier = carrier
        self._settings = settings
        self._pace = pace or Pace(sleep=sleep)
        self._sleep = sleep
        self._jitter = jitter
        self._meaning = Meaning(settings)
        self._clock: tuple[datetime, float] | None = None
        self._login: Login | None = None
        self._told: str | None = None
        self._is_reached = False
        self._stopped: Callable[[], bool] = lambda: False
        self.requests = 0

    def twin(self, carrier: Carrier, stopped: Callable[[], bool] | None = None) -> Transport:
        """For another thread: the same pace and the same pinned account, over a connection of its own. Once `stopped`
        says so, it sends nothing any more."""
        made = Transport(carrier, self._settings, pace=self._pace, sleep=self._sleep, jitter=self._jitter)
        made._login, made._clock, made._is_reached = self._login, self._clock, self._is_reached
        made._stopped = stopped or self._stopped
        return made

    @property
    def login(self) -> Login | None:
        """Who Jira takes us for, once that was pinned."""
        return self._login

    def adopt(self, login: Login | None, stopped: Callable[[], bool]) -> None:
        """Goes on as somebody who was pinned elsewhere."""
        self._login, self._stopped = login, stopped

    def close(self) -> None:
        self._carrier.close()

    def pin(self, account_id: str) -> None:
        """From now on an answer that was given to another account, or to nobody, is an error.

        To be called after the answer that told the account: when its headers named an account too, those of every
        later answer must name the same one.
        """
        self._login = Login(account_id, self._told)

    @property
    def url(self) -> str:
        """Where it goes, for sentences."""
        return self._settings.url

    @property
    def ticket_time(self) -> datetime | None:
        """The Date of the latest answer plus the time since; None before the first answer."""
        if self._clock is None:
            return None
        date, received = self._clock
        return date + timedelta(seconds=time.monotonic() - received)

    def read(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """The decoded JSON of a GET, or with a `body` of a POST that changes nothing. Raises TicketsError."""
        method = "GET" if body is None else "POST"
        target = f"{path}?{urlencode(query)}" if query else path
        payload = None if body is None else orjson.dumps(body)
        place = endpoint(method, path)
        status, patience = 429, self._pace.patience
        asked = troubles = 0
        while True:
            patience -= self._await_turn((place,), patience, status, asked)
            try:
                answer = self._send(method, target, payload)
            except Lost as lost:
                troubles += 1
                # A wrong address never gets better; a Jira that answered before may be restarting.
                is_hopeless = lost.why == "certificate" or (lost.why in NEVER_SENT and not self._is_reached)
                if troubles >= self._pace.tries or is_hopeless:
                    raise JiraUnreachable(self._silence(lost.why)) from None
                self._rest(f"{method} {path}: {lost.why}", troubles)
                continue
            status = answer.status
            if status != 429 and status < 500:
                return self._meaning.decode(self._checked(answer, method, path))
            troubles += status != 429  # being asked to wait is no trouble: only patience ends it
            if troubles >= self._pace.tries:
                raise self._busy(status, None)
            asked += 1
            if self._slow_down(place, answer, asked) is None:
                self._rest(f"{method} {path}: status {status}", troubles)

    def write(self, path: str, body: Mapping[str, Any] | None, method: str = "POST") -> Any:
        """Sends once, whatever comes of it; gives the decoded answer, None when it has no body.

        Raises AnswerUnknown when it may have been done, another TicketsError when it was not.
        """
        unknown = f"whether Jira did what {method} {path} asks is not known: read the ticket before asking again"
        place, ticket = endpoint(method, path), written_ticket(path)
        places = (place,) if ticket is None else (place, ticket)
        self._await_turn(places, self._pace.write_patience, 429, 0)
        try:
            answer = self._send(method, path, None if body is None else orjson.dumps(body))
        except Lost as lost:
            if lost.why in NEVER_SENT:
                raise JiraUnreachable(self._silence(lost.why)) from None
            raise AnswerUnknown(f"{self._silence(lost.why)}; {unknown}") from None
        if answer.status == 429 or answer.status >= 500:
            is_of_ticket = answer.headers.get("RateLimit-Reason", "").strip().lower() == PER_TICKET
            wait = self._slow_down(ticket if ticket and is_of_ticket else place, answer, 1)
            if answer.status == 429:
                raise self._busy(answer.status, wait)
            raise AnswerUnknown(f"Jira at {self._meaning.where} answered {answer.status}; {unknown}")
        if answer.status < 300 and (wrong := self._meaning.login_error(answer, self._login)):
            raise AnswerUnknown(f"{wrong}. It may have been done all the same: {unknown}")
        checked = self._checked(answer, method, path)
        try:
            return self._meaning.decode(checked) if checked.content else None
        except MalformedAnswer as malformed:
            raise AnswerUnknown(f"{malformed}; {unknown}") from None

    def _send(self, method: str, target: str, payload: bytes | None) -> Answer:
        if self._stopped():
            raise JiraUnreachable("stopped: nothing more is asked")
        self.requests += 1
        answer = self._carrier.send(method, target, payload)
        self._is_reached = True
        date = read_date(answer.headers.get("Date"))
        if date is not None:
            self._clock = (date, time.monotonic())
        if answer.status < 300:
            self._told = told_account(answer)
        return answer

    def _await_turn(self, places: tuple[str, ...], patience: float, status: int, asked: int) -> float:
        """Waits until Jira lets these go, and gives the seconds; says it instead when that is longer than `patience`.

        `status` is what made us wait, `asked` how often.
        """
        try:
            return self._pace.wait(*places, patience=patience, spread=self._step(asked) * (1 - self._jitter()))
        except HeldTooLong as held:
            raise self._busy(status, held.seconds) from None

    def _slow_down(self, place: str, answer: Answer, attempt: int) -> float | None:
        """Holds the place for as long as Jira asks, for every thread. None when it does not ask."""
        asked = self._retry_after(answer)
        if asked is None and answer.status != 429:
            return None
        # Even "0 seconds" is a wait: else it would be asked without end.
        seconds = max(asked or 0.0, self._step(attempt if asked is None else 1) * self._jitter())
        # What another thread was told a moment ago adds nothing, and is not said again.
        level = logging.WARNING if self._pace.hold(place, seconds) >= LONG_WAIT else logging.INFO
        log.log(level, "Jira asks us to slow down (%d): %s waits %.1f s", answer.status, place, seconds)
        return seconds

    def _rest(self, why: str, attempt: int) -> None:
        wait = self._step(attempt) * self._jitter()
        log.info("%s; try %d of %d in %.1f s", why, attempt + 1, self._pace.tries, wait)
        self._sleep(wait)

    @staticmethod
    def _step(attempt: int) -> float:
        """Seconds, doubled with each attempt."""
        return min(FIRST_WAIT * 2.0 ** max(0, min(attempt, 10) - 1), LONGEST_BACK_OFF)

    def _retry_after(self, answer: Answer) -> float | None:
        """The seconds that Retry-After asks for, as a number or as a date; None when it says nothing."""
        asked = answer.headers.get("Retry-After", "").strip()
        if asked.isascii() and asked.isdigit():
            return min(float(asked), FOREVER)
        until, now = read_date(asked), self.ticket_time
        if until is None or now is None or until <= now:
            return None
        return (until - now).total_seconds()

    def _silence(self, why: Unanswered) -> str:
        return f"no answer from Jira at {self._meaning.where}: {EXPLAINED[why]}"

    def _busy(self, status: int, wait: float | None) -> JiraUnreachable:
        later = "later" if wait is None else f"in {max(1, round(wait))} s"
        if status == 429:
            return JiraUnreachable(f"Jira at {self._meaning.where} asks us to slow down (429); try again {later}")
        return JiraUnreachable(f"Jira at {self._meaning.where} is in trouble (status {status}); try again {later}")

    def _checked(self, answer: Answer, method: str, path: str) -> Answer:
        """The answer when it is a good one, given to the account we are; else raises what to do about it."""
        # To nobody, a ticket that exists is "not found" too.
        is_told = (answer.status < 300 or answer.status == 404) and self._meaning.is_jiras_own(answer)
        if is_told and (wrong := self._meaning.login_error(answer, self._login)):
            raise wrong
        if answer.status >= 300:
            raise self._meaning.refusal(answer, f"{method} {path}")
        return answer

"""How we speak with a Jira over HTTP: what is sent again, what never twice, and what each answer means.

A read (every GET, and the POSTs that only look things up) is tried up to five times; a write is sent exactly
once, and when its answer is lost the caller learns just that (`AnswerUnknown`) and finds out by reading.
Nothing here prints an answer's body or headers: only Jira's own error messages, cut short, without the token.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlencode, urlsplit

import orjson

from tickets.errors import AnswerUnknown, Declined, JiraGone, JiraRefused, JiraUnreachable, MalformedAnswer, NotFound
from tickets.jira_settings import TOKEN_PAGE, JiraSettings

log = logging.getLogger("goldenpath.jira")

TRIES: Final = 5
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 300.0
FOREVER: Final = 1e9  # a Retry-After may have more digits than a float
WORTH_ANOTHER_TRY: Final = frozenset({429, 500, 502, 503, 504})
BROKEN_LOGIN: Final = frozenset({"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "OUT"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, undecoded. `headers` matches names in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


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
    """Sends one request once. Raises `Lost`, nothing else; an error's status is an answer like any other."""

    def send(self, method: str, path: str, body: bytes | None) -> Answer: ...

    def close(self) -> None: ...


class Transport:
    """Reads with patience, writes once, keeps ticket time. One for each thread.

    `sleep` waits that many seconds; `jitter` gives a factor from 0.5 to 1 for each wait.
    """

    def __init__(
        self,
        carrier: Carrier,
        settings: JiraSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311 - spreads load
    ) -> None:
        self._carrier = carrier
        self._settings = settings
        self._sleep = sleep
        self._jitter = jitter
        self._clock: tuple[datetime, float] | None = None
        self._pinned: str | None = None
        self._is_reached = False
        self.requests = 0

    def close(self) -> None:
        self._carrier.close()

    def pin(self, account_id: str) -> None:
        """From now on an answer that Jira says was given to another account is an error."""
        self._pinned = account_id

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
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._send(method, target, payload)
            except Lost as lost:
                why, wait = str(lost.why), self._back_off(attempt)
                # A wrong address never gets better; a Jira that answered before may be restarting.
                is_hopeless = lost.why == "certificate" or (lost.why in NEVER_SENT and not self._is_reached)
                if attempt == TRIES or is_hopeless:
                    raise JiraUnreachable(self._silence(lost.why)) from None
            else:
                if answer.status not in WORTH_ANOTHER_TRY:
                    return self._decode(self._checked(answer, method, path))
                why, wait = f"status {answer.status}", self._wait_asked(answer, attempt)
                if attempt == TRIES or wait > LONGEST_WAIT:
                    raise self._busy(answer, wait)
            log.info("%s %s: %s; try %d of %d in %.1f s", method, path, why, attempt + 1, TRIES, wait)
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def write(self, path: str, body: Mapping[str, Any]) -> Any:
        """Sends a POST exactly once; gives its decoded answer, None when it has no body.

        Raises AnswerUnknown when it may have been done, another TicketsError when it was not.
        """
        unknown = f"whether Jira did what POST {path} asks is not known: read the ticket before asking again"
        try:
            answer = self._send("POST", path, orjson.dumps(body))
        except Lost as lost:
            if lost.why in NEVER_SENT:
                raise JiraUnreachable(self._silence(lost.why)) from None
            raise AnswerUnknown(f"{self._silence(lost.why)}; {unknown}") from None
        if answer.status == 429:
            raise self._busy(answer, self._wait_asked(answer, 1))
        if answer.status >= 500:
            raise AnswerUnknown(f"Jira at {self._settings.url} answered {answer.status}; {unknown}")
        checked = self._checked(answer, "POST", path)
        try:
            return self._decode(checked) if checked.content else None
        except MalformedAnswer as malformed:
            raise AnswerUnknown(f"{malformed}; {unknown}") from None

    def _send(self, method: str, target: str, payload: bytes | None) -> Answer:
        self.requests += 1
        answer = self._carrier.send(method, target, payload)
        self._is_reached = True
        date = _read_date(answer.headers.get("Date"))
        if date is not None:
            self._clock = (date, time.monotonic())
        return answer

    def _back_off(self, attempt: int) -> float:
        return FIRST_WAIT * float(2 ** (attempt - 1)) * self._jitter()

    def _wait_asked(self, answer: Answer, attempt: int) -> float:
        """Seconds until the next try: never less than Retry-After says, which is a number or a date."""
        asked = answer.headers.get("Retry-After", "").strip()
        if asked.isascii() and asked.isdigit():
            return min(float(asked), FOREVER) + self._back_off(attempt)
        until, now = _read_date(asked), self.ticket_time
        if until is not None and now is not None:
            return max(0.0, (until - now).total_seconds()) + self._back_off(attempt)
        return self._back_off(attempt)

    def _silence(self, why: Unanswered) -> str:
        return f"no answer from Jira at {self._settings.url}: {EXPLAINED[why]}"

    def _busy(self, answer: Answer, wait: float) -> JiraUnreachable:
        url = self._settings.url
        if answer.status == 429:
            return JiraUnreachable(f"Jira at {url} asks us to slow down (429); try again in {max(1, round(wait))} s")
        return JiraUnreachable(f"Jira at {url} is in trouble (status {answer.status}); try again later")

    def _checked(self, answer: Answer, method: str, path: str) -> Answer:
        """The answer when it is a good one, given to the account we are; else raises what to do about it."""
        if answer.status >= 300:
            self._raise_refusal(answer, f"{method} {path}")
        if answer.headers.get("X-Seraph-LoginReason", "").upper() in BROKEN_LOGIN:
            raise JiraRefused(self._wrong_token())
        account = answer.headers.get("X-AACCOUNTID")
        if self._pinned is not None and account is not None and account != self._pinned:
            raise JiraRefused(f"Jira took us for another account than before. {self._wrong_token()}")
        return answer

    def _raise_refusal(self, answer: Answer, what: str) -> None:
        status, url, email = answer.status, self._settings.url, self._settings.email
        if status < 400:
            raise MalformedAnswer(
                f"Jira at {url} redirects to {_host(answer.headers.get('Location', ''))}: a log-in page, a "
                "proxy, or Jira has moved; set the url to the address where the browser ends"
            )
        if status == 401:
            raise JiraRefused(self._wrong_token())
        said = self._messages(answer)
        if status == 403:
            raise JiraRefused(
                f"Jira at {url} does not allow {email} to do this ({what}: 403){said}; give the account the "
                "permission, or its token the scope"
            )
        if status == 404:
            raise NotFound(f"Jira at {url} has nothing at {what}, or {email} may not see it{said}")
        if status == 410:
            raise JiraGone(f"Jira at {url} no longer offers {what} (410): update Golden Path")
        raise Declined(f"Jira at {url} refused {what} with status {status}{said}")

    def _wrong_token(self) -> str:
        return (
            f"Jira at {self._settings.url} does not accept the API token of {self._settings.email}: it is "
            f"wrong, expired or another account's; make a new one at {TOKEN_PAGE}"
        )

    def _messages(self, answer: Answer) -> str:
        """Jira's own sentences in an error's answer, cut short; empty when there are none."""
        try:
            document = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            return ""
        if not isinstance(document, dict):
            return ""
        listed, named = document.get("errorMessages"), document.get("errors")
        sentences = [str(one) for one in listed] if isinstance(listed, list) else []
        sentences += [f"{name}: {text}" for name, text in named.items()] if isinstance(named, dict) else []
        said = " ".join("; ".join(sentences).split()).replace(self._settings.token, "[token]")[:300]
        return f": {said}" if said else ""

    def _decode(self, answer: Answer) -> Any:
        content, url = answer.content.lstrip(), self._settings.url
        if content.startswith(b"<") or "html" in answer.headers.get("Content-Type", ""):
            raise MalformedAnswer(
                f"{url} answers with a web page instead of data: a log-in page or a proxy is in the way; "
                "open the url in a browser to see which, and check the configured url"
            )
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            raise MalformedAnswer(
                f"{url} answers with something that is not JSON; check that the url is Jira's and that no "
                "proxy changes or cuts its answers"
            ) from None


def _read_date(text: str | None) -> datetime | None:
    """An HTTP date as aware UTC; None when it is none."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC)  # HTTP dates are GMT by definition
    except ValueError:
        return None


def _host(location: str) -> str:
    return urlsplit(location).netloc.rpartition("@")[2] or "another page"

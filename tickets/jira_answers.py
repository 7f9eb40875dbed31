"""What an answer of Jira's means: its data, or the sentence that says what to do about it.

The sentences fit Jira Cloud (an e-mail and an API token, perhaps one with scopes) and Data Center (a personal
access token, which has no e-mail). Of an answer nothing is printed but Jira's own error messages, cut short,
without the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from tickets.errors import Declined, JiraError, JiraGone, JiraRefused, MalformedAnswer, NotFound
from tickets.jira_settings import TOKEN_PAGE, JiraSettings

GATEWAY: Final = "https://api.atlassian.com/ex/jira/CLOUDID"
CLOUD_HOSTS: Final = (".atlassian.net", ".jira.com")
BROKEN_LOGIN: Final = frozenset({"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "AUTHORISATION_FAILED", "OUT"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, undecoded. `headers` matches names in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Login:
    """Who Jira takes us for: `account` as we read it, `told` as its headers said it then (None: they say nothing)."""

    account: str
    told: str | None = None


def told_account(answer: Answer) -> str | None:
    """The account that an answer was given to: Cloud's id, Data Center's user name; None when it does not say."""
    told = answer.headers.get("X-AACCOUNTID") or answer.headers.get("X-AUSERNAME")
    return unquote(told) if told else None


def read_date(text: str | None) -> datetime | None:
    """An HTTP date as aware UTC; None when it is none."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC)  # HTTP dates are GMT by definition
    except (ValueError, OverflowError):  # a year or an offset may have more digits than a number
        return None


class Meaning:
    """Reads the answers that one log-in gets."""

    def __init__(self, settings: JiraSettings) -> None:
        self._settings = settings

    @property
    def where(self) -> str:
        """The site in a sentence, with the address that is called where that is another."""
        url, called = self._settings.url, self._settings.api_url
        return f"{url} (called at {called})" if called != url else url

    @property
    def _who(self) -> str:
        return self._settings.who

    def login_error(self, answer: Answer, login: Login | None) -> JiraRefused | None:
        """What to say when this answer was not given to the account that we are; None when it was.

        An answer to nobody shows a part of the tickets and looks like any other.
        """
        reasons = {reason.strip().upper() for reason in answer.headers.get("X-Seraph-LoginReason", "").split(",")}
        if reasons & BROKEN_LOGIN and "OK" not in reasons:
            return JiraRefused(self.wrong_token(answer))
        told = told_account(answer)
        if told == "anonymous" or (told is None and login is not None and login.told is not None):
            return JiraRefused(
                f"Jira at {self.where} answered as if nobody had logged in, and would show only a part of the "
                f"tickets. {self.wrong_token()}; or a proxy takes the Authorization header away"
            )
        if told is None or login is None:
            return None
        is_ours = told in (login.account, unquote(login.account)) if login.told is None else told == login.told
        return None if is_ours else JiraRefused(f"Jira took us for another account than before. {self.wrong_token()}")

    def refusal(self, answer: Answer, what: str) -> JiraError:
        """The error for a status from 300 to 499. `what` names the request."""
        status = answer.status
        if status < 400:
            return MalformedAnswer(
                f"Jira at {self.where} redirects to {_host(answer.headers.get('Location', ''))}: a log-in page, a "
                "proxy, or Jira has moved; set the url to the address where the browser ends"
            )
        if status == 401:
            return JiraRefused(self.wrong_token(answer))
        said = self._messages(answer)
        if status == 403:
            return JiraRefused(self._not_allowed(answer, what, said))
        if status == 404:
            return NotFound(f"Jira at {self.where} has nothing at {what}, or {self._who} may not see it{said}")
        if status == 410:
            return JiraGone(f"Jira at {self.where} no longer offers {what} (410): update Golden Path")
        return Declined(f"Jira at {self.where} refused {what} with status {status}{said}")

    def wrong_token(self, answer: Answer | None = None) -> str:
        """That the log-in is not accepted, and how to get a good one."""
        if answer is not None and _wants_captcha(answer):
            return f"{self._captcha()}; then try again"
        settings = self._settings
        if settings.is_bearer:
            if self._is_atlassians:
                return (
                    f"Jira at {self.where} does not accept a token without an e-mail: set jira.email to the "
                    f"account's, and use an API token of {TOKEN_PAGE}"
                )
            return (
                f"Jira at {self.where} does not accept the personal access token: it is wrong, expired or "
                f"revoked; make a new one at {settings.token_page} (an API token of Jira Cloud, and a password, "
                "need jira.email too)"
            )
        return (
            f"Jira at {self.where} does not accept the API token of {settings.email}: it is wrong, expired or "
            f"another account's; make a new one at {settings.token_page}{self._about_kinds()}"
        )

    def decode(self, answer: Answer) -> Any:
        """The JSON of an answer. Raises MalformedAnswer for a log-in page and for anything that is no JSON."""
        if _is_page(answer):
            raise MalformedAnswer(
                f"{self.where} answers with a web page instead of data: a log-in page or a proxy is in the way; "
                "open the url in a browser to see which, and check the configured url"
            )
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            raise MalformedAnswer(
                f"{self.where} answers with something that is not JSON; check that the url is Jira's and that no "
                "proxy changes or cuts its answers"
            ) from None

    def is_jiras_own(self, answer: Answer) -> bool:
        """Whether this comes from Jira itself, which says to whom, not from something before it."""
        return bool(self._messages(answer)) if answer.status >= 300 else not _is_page(answer)

    def _not_allowed(self, answer: Answer, what: str, said: str) -> str:
        if _wants_captcha(answer):
            return f"{self._captcha()}; then try again"
        scopes = "" if self._settings.is_bearer else f" or its token the scope ({self._about_scopes()}),"
        return (
            f"Jira at {self.where} does not allow {self._who} to do this ({what}: 403){said}; give the account the "
            f"permission,{scopes} and see whether the site allows only some IP addresses"
        )

    def _captcha(self) -> str:
        return (
            f"Jira at {self.where} wants a CAPTCHA after too many failed log-ins of {self._who}: log in once with a "
            "browser as this account"
        )

    @property
    def _is_atlassians(self) -> bool:
        return (urlsplit(self._settings.url).hostname or "").endswith(CLOUD_HOSTS)

    def _about_kinds(self) -> str:
        """Which token works where, as far as it may be the reason."""
        data_center = (
            "" if self._is_atlassians else "; a personal access token of Data Center needs an empty jira.email"
        )
        return f" ({self._about_scopes()}{data_center})"

    def _about_scopes(self) -> str:
        """Only Cloud's tokens have scopes, and one that has them works at the gateway alone."""
        if self._settings.api_url != self._settings.url:
            return "a token with scopes works only for the site whose cloud id stands in jira.api_url"
        return f"a token with scopes works only through jira.api_url: {GATEWAY}"

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


def _is_page(answer: Answer) -> bool:
    return answer.content.lstrip().startswith(b"<") or "html" in answer.headers.get("Content-Type", "")


def _wants_captcha(answer: Answer) -> bool:
    return (
        "CAPTCHA" in answer.headers.get("X-Authentication-Denied-Reason", "").upper()
        or answer.headers.get("X-Seraph-LoginReason", "").upper() == "AUTHENTICATION_DENIED"
    )


def _host(location: str) -> str:
    return urlsplit(location).netloc.rpartition("@")[2] or "another page"

"""Our Jira (Cloud REST v3) in the words of this room. The only module that knows the `jira` package.

Of the package we use the authenticated session alone: its own calls send a write again after a dropped
connection, read only the first page, and put whole answers into error texts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tickets import jira_pages as pages
from tickets.catalogue import FieldCatalogue
from tickets.errors import AnswerUnknown, Declined, JiraGone, JiraRefused, MalformedAnswer, NoTransition, Unreadable
from tickets.jira_pages import API, Raw, ticket_path
from tickets.jira_settings import TOKEN_PAGE, JiraSettings
from tickets.jira_transport import Answer, Lost, Transport, Unanswered
from tickets.jira_workflow import choose_transition
from tickets.reading import (
    CHANNEL_PROPERTY,
    PUBLIC_PROPERTY,
    read_comment,
    read_person,
    read_status,
    read_ticket,
)
from tickets.ticket import Comment, Person, Status, StatusCategory, Ticket

if TYPE_CHECKING:
    import requests

__all__ = ["JiraClient", "JiraSettings"]

Adf = dict[str, Any]


class JiraClient:
    """Speaks as one account; for one thread. Every error is a TicketsError, and a write is sent exactly once.

    `sleep` waits between the tries of a read, `jitter` spreads them (a factor from 0.5 to 1).
    """

    def __init__(
        self,
        settings: JiraSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311 - spreads load, keeps no secret
    ) -> None:
        self.settings = settings
        self.site = settings.site
        self._transport = Transport(_SessionCarrier(settings), settings, sleep=sleep, jitter=jitter)
        self._account: Person | None = None

    def __repr__(self) -> str:
        return f"JiraClient({self.settings.url}, {self.settings.email})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def requests(self) -> int:
        """How many requests were sent so far, tries counted."""
        return self._transport.requests

    def check(self) -> Person:
        """The account we are; from now on an answer for another is an error."""
        about = self._read_object(f"{API}/serverInfo")
        if about.get("deploymentType") not in (None, "Cloud"):
            raise JiraGone(
                f"{self.settings.url} is a Jira {about['deploymentType']}; only Jira Cloud can be read "
                "directly so far: export its tickets and use `goldenpath import`"
            )
        return self.confirm_account()

    def confirm_account(self) -> Person:
        """Asks Jira who we are. Raises JiraRefused when that is nobody or somebody else than before.

        A lost log-in shows fewer tickets and no error, so this comes before a sync.
        """
        raw = self._read_object(f"{API}/myself")
        person = read_person(raw) if raw.get("accountId") else None
        if person is None:
            raise JiraRefused(
                f"Jira at {self.settings.url} takes {self.settings.email} for anonymous and would show only "
                f"a part of the tickets: the API token is wrong or expired; make a new one at {TOKEN_PAGE}"
            )
        if self._account is not None and person.id != self._account.id:
            raise JiraRefused(
                f"Jira at {self.settings.url} now takes us for another account than before ({person.name}); "
                f"check the API token of {self.settings.email}"
            )
        self._account = person
        self._transport.pin(person.id)
        return person

    def account(self) -> Person:
        return self._account or self.check()

    def now(self) -> datetime:
        """Ticket time: the Date of Jira's latest answer plus the time since."""
        if self._transport.ticket_time is None:
            self._read_object(f"{API}/serverInfo")
        at = self._transport.ticket_time
        if at is None:
            raise MalformedAnswer(f"the answers of {self.settings.url} carry no Date; a proxy takes it away")
        return at

    def statuses(self) -> tuple[Status, ...]:
        return tuple(read_status(raw) for raw in self._read_objects(f"{API}/status"))

    @cached_property
    def _catalogue(self) -> FieldCatalogue:
        return FieldCatalogue.from_fields(self._read_objects(f"{API}/field"))

    def catalogue(self) -> FieldCatalogue:
        """The site's fields, read once by this client."""
        return self._catalogue

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[list[Raw]]:
        """Pages of at most 100 issues. The JQL must be bounded; times in it are epoch milliseconds."""
        return pages.read_search(self._transport, jql, fields, (CHANNEL_PROPERTY,))

    def changelogs(self, ids: Collection[int]) -> dict[int, list[Raw]]:
        """The whole history of each ticket."""
        return pages.read_changelogs(self._transport, ids)

    def list_comments(self, ticket_id: int) -> list[Raw]:
        """Every comment as Jira lists it: without properties."""
        return pages.read_comments(self._transport, ticket_id)

    def ticket(self, ticket: int | str) -> Ticket:
        """A fresh read by numeric id or key: the whole history, and the comments with their properties."""
        query = {"fields": "*all", "properties": CHANNEL_PROPERTY}
        issue = self._read_object(ticket_path(ticket), query)
        identity = pages.number(issue.get("id"), "id")
        listed = pages.embedded_comments(issue)
        if listed is None:
            listed = self.list_comments(identity)
        comments = pages.with_properties(self._transport, listed)
        # After the fields: an edit in between shows its author here, although its text is not yet used.
        histories = pages.read_changelog(self._transport, identity)
        catalogue = self.catalogue()
        try:
            return read_ticket(issue, site=self.site, catalogue=catalogue, histories=histories, comments=comments)
        except Unreadable as error:
            raise MalformedAnswer(f"ticket {ticket} of {self.settings.url} cannot be read: {error}") from None

    def groups_of(self, account_id: str) -> frozenset[str]:
        """Group ids of the account. Raises when Jira does not tell: never an empty set instead."""
        groups = self._read_objects(f"{API}/user/groups", {"accountId": account_id})
        ids = [group.get("groupId") for group in groups]
        if not all(isinstance(one, str) and one for one in ids):
            raise MalformedAnswer(f"Jira does not give the ids of the groups of account {account_id}")
        return frozenset(map(str, ids))

    def post_comment(self, ticket_id: int, body: Adf, *, properties: Mapping[str, Any], public: bool) -> Comment:
        """Posts once. `properties` mark the comment as ours; whether customers see it is always said."""
        marks = {**properties, PUBLIC_PROPERTY: {"internal": not public}}
        raw = self._transport.write(
            f"{ticket_path(ticket_id)}/comment",
            {"body": body, "properties": [{"key": key, "value": value} for key, value in marks.items()]},
        )
        try:
            comment = read_comment(raw if isinstance(raw, Mapping) else {})
        except Unreadable as error:
            raise AnswerUnknown(f"Jira took a comment on ticket {ticket_id}, but: {error}; read the ticket") from None
        return replace(comment, properties=marks, is_public=public)

    def move(self, ticket_id: int, *, to_status: str, resolution: str) -> None:
        """Transition to the status of this name, sent once. Already there: nothing is done.

        Raises NoTransition with what Jira permits; a ticket that is closed in another way stays so.
        """
        path = ticket_path(ticket_id)
        issue = self._read_object(path, {"fields": "status"})
        fields = issue.get("fields")
        current = read_status(fields.get("status") if isinstance(fields, Mapping) else None)
        if not current.name:
            raise MalformedAnswer(f"Jira does not tell the status of ticket {ticket_id}")
        if current.name.casefold() == to_status.casefold():
            return
        if current.category is StatusCategory.DONE:
            raise NoTransition(f"{issue.get('key')} is closed already ({current.name}); it is not moved to {to_status}")
        offered = pages.rows(self._read_object(f"{path}/transitions", {"expand": "transitions.fields"}), "transitions")
        body = choose_transition(offered, str(issue.get("key")), current.name, to_status, resolution)
        try:
            self._transport.write(f"{path}/transitions", body)
        except Declined as refused:
            raise NoTransition(f"{issue.get('key')} did not go from {current.name} to {to_status}: {refused}") from None

    def _read_object(self, path: str, query: Mapping[str, str | int] | None = None) -> Raw:
        answer = self._transport.read(path, query=query)
        if not isinstance(answer, Mapping):
            raise MalformedAnswer(f"{self.settings.url} does not answer {path} as Jira does; check the url")
        return answer

    def _read_objects(self, path: str, query: Mapping[str, str | int] | None = None) -> list[Raw]:
        answer = self._transport.read(path, query=query)
        if not isinstance(answer, list) or not all(isinstance(one, Mapping) for one in answer):
            raise MalformedAnswer(f"{self.settings.url} does not answer {path} as Jira does; check the url")
        return answer


class _SessionCarrier:
    """The package's authenticated session: one request at a time, never repeated, never redirected."""

    def __init__(self, settings: JiraSettings) -> None:
        from jira import JIRA  # slow to import: only who speaks with Jira pays for it

        self._url = settings.url
        self._jira = JIRA(
            options={"server": settings.url, "rest_api_version": "3"},
            basic_auth=(settings.email, settings.token),
            max_retries=0,
            timeout=(settings.connect_timeout, settings.read_timeout),
            get_server_info=False,
        )

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        import requests

        session = self._jira._session
        try:
            # The package's own `request` would turn an error's answer into an exception that prints it.
            response = requests.Session.request(
                session,
                method,
                f"{self._url}{path}",
                data=body,
                timeout=session.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            lost = Lost(_reason(error))
        else:
            return Answer(response.status_code, response.headers, response.content)
        raise lost

    def close(self) -> None:
        self._jira._session.close()


def _reason(error: requests.RequestException) -> Unanswered:
    import requests
    from urllib3.exceptions import NameResolutionError, NewConnectionError

    if isinstance(error, requests.exceptions.SSLError):
        # Anything else about TLS may happen after the request was sent.
        is_first = any(word in str(error) for word in ("CERTIFICATE", "WRONG_VERSION", "doesn't match"))
        return "certificate" if is_first else "dropped"
    if isinstance(error, requests.exceptions.ProxyError):
        return "proxy"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "connecting"
    if isinstance(error, requests.exceptions.Timeout):
        return "answering"
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, NameResolutionError):
        return "address"
    if isinstance(cause, NewConnectionError):
        return "refused"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        # A read time-out while the body streams arrives as a ConnectionError.
        return "answering" if "timed out" in str(error) else "dropped"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "dropped"
    return "address"  # what is left are addresses that requests cannot use

"""Our Jira in the words of this room. What differs between Jira Cloud and Data Center is in `jira_cloud` and
`jira_data_center`; how a request travels in `jira_transport` and `jira_session`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from tickets.catalogue import FieldCatalogue
from tickets.errors import (
    AnswerUnknown,
    Declined,
    JiraGone,
    JiraRefused,
    MalformedAnswer,
    NotFound,
    NoTransition,
    Unavailable,
    Unreadable,
)
from tickets.jira_answers import Login
from tickets.jira_cloud import Cloud
from tickets.jira_data_center import DataCenter
from tickets.jira_labels import add_label
from tickets.jira_pace import Pace
from tickets.jira_pages import embedded_comments, number, read_list, read_object, read_objects, rows, ticket_path
from tickets.jira_records import (
    AccountFacts,
    Audience,
    Deployment,
    Fetched,
    Offer,
    ProjectFacts,
    Raw,
    Search,
    SiteFacts,
    in_projects,
)
from tickets.jira_session import SessionCarrier
from tickets.jira_settings import JiraSettings
from tickets.jira_transport import Transport
from tickets.jira_workflow import choose_transition, read_offers
from tickets.reading import (
    CHANNEL_PROPERTY,
    PUBLIC_PROPERTY,
    read_comment,
    read_person,
    read_status,
    read_ticket,
)
from tickets.shapes import read_instant
from tickets.ticket import Comment, Person, Status, StatusCategory, Ticket

__all__ = ["JiraClient", "JiraSettings"]

Adf = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Portable:
    """All that a client in another process must be told, the token included: it goes through a pipe, never to disk."""

    settings: JiraSettings
    deployment: Deployment
    account: Person | None
    fields: FieldCatalogue | None
    login: Login | None


class JiraClient:
    """Speaks as one account; for one thread. Every error is a TicketsError, and a write is sent exactly once.

    It takes the site for a Jira Cloud until `check` finds what it is. `sleep` waits between the tries of a read,
    `jitter` spreads them (a factor from 0.5 to 1); `pace` is shared by all clients of a site.
    """

    def __init__(
        self,
        settings: JiraSettings,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311 - spreads load, keeps no secret
    ) -> None:
        transport = Transport(SessionCarrier(settings), settings, pace=pace, sleep=sleep, jitter=jitter)
        self._become(settings, transport, Cloud(transport), None)

    def _become(
        self, settings: JiraSettings, transport: Transport, dialect: Cloud | DataCenter, account: Person | None
    ) -> None:
        self.settings = settings
        self.site = settings.site
        self._transport = transport
        self._dialect = dialect
        self._account = account
        self._fields: FieldCatalogue | None = None

    def __repr__(self) -> str:
        return f"JiraClient({self.settings.url}, {self.settings.who})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def twin(self, stopped: Callable[[], bool] | None = None) -> Self:
        """The same account on the same site, for another thread; it asks nothing more once `stopped` says so (default:
        when this one does not)."""
        made = type(self).__new__(type(self))
        transport = self._transport.twin(SessionCarrier(self.settings), stopped)
        made._become(self.settings, transport, type(self._dialect)(transport), self._account)
        made._fields = self._fields
        return made

    def portable(self) -> Portable:
        """For a client in another process."""
        self.catalogue()
        return Portable(self.settings, self._dialect.deployment, self._account, self._fields, self._transport.login)

    @classmethod
    def of(cls, portable: Portable, stopped: Callable[[], bool]) -> JiraClient:
        """The same account on the same site; it asks nothing more once `stopped` says so."""
        made = cls(portable.settings)
        made._dialect = (DataCenter if portable.deployment == "Data Center" else Cloud)(made._transport)
        made._account, made._fields = portable.account, portable.fields
        made._transport.adopt(portable.login, stopped)
        return made

    @property
    def requests(self) -> int:
        """How many requests were sent so far, tries counted."""
        return self._transport.requests

    # Who and where

    def check(self) -> Person:
        """Finds out which Jira this is, and the account we are; from now on an answer for another is an error."""
        self._dialect = (DataCenter if self.facts().deployment == "Data Center" else Cloud)(self._transport)
        return self.confirm_account()

    def facts(self) -> SiteFacts:
        """What the site says about itself. Needs no log-in."""
        try:
            about = read_object(self._transport, f"{Cloud.api}/serverInfo")
        except (NotFound, JiraGone):  # Data Center has no version 3
            about = read_object(self._transport, f"{DataCenter.api}/serverInfo")
        kind = about.get("deploymentType")
        return SiteFacts(
            "Cloud" if kind in (None, "Cloud") else "Data Center",
            str(about.get("version") or "unknown"),
            str(about.get("serverTitle") or ""),
            str(about.get("baseUrl") or ""),
        )

    def confirm_account(self) -> Person:
        """Asks Jira who we are. Raises JiraRefused when that is nobody or somebody else than before.

        A lost log-in shows fewer tickets and no error, so this comes before a sync.
        """
        raw = self._myself()
        person = read_person(raw) if self._dialect.account_id(raw) else None
        if person is None:
            raise JiraRefused(
                f"Jira at {self.settings.url} takes {self.settings.who} for anonymous and would show only "
                f"a part of the tickets: the API token is wrong or expired; make a new one at "
                f"{self.settings.token_page}"
            )
        if self._account is not None and person.id != self._account.id:
            raise JiraRefused(
                f"Jira at {self.settings.url} now takes us for another account than before ({person.name}); "
                f"check the API token of {self.settings.who}"
            )
        self._account = person
        self._transport.pin(person.id)
        return person

    def account(self) -> Person:
        return self._account or self.check()

    def time_zone(self) -> str:
        """The account's, as an IANA name; empty where Jira does not tell. No search of ours depends on it."""
        return str(self._myself().get("timeZone") or "")

    def now(self) -> datetime:
        """Ticket time: the Date of Jira's latest answer plus the time since."""
        if self._transport.ticket_time is None:
            self.facts()
        at = self._transport.ticket_time
        if at is None:
            raise MalformedAnswer(f"the answers of {self.settings.url} carry no Date; a proxy takes it away")
        return at

    def projects(self) -> tuple[ProjectFacts, ...]:
        """Those that the account may browse."""
        return tuple(
            ProjectFacts(*(str(raw.get(name) or "") for name in ("id", "key", "name", "projectTypeKey")))
            for raw in self._dialect.projects(())
        )

    def visible(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these projects the account may browse."""
        return frozenset(str(raw.get("key")) for raw in self._dialect.projects(keys)) & frozenset(keys)

    def permissions(self, names: Collection[str], *, project: str = "") -> dict[str, bool]:
        """Which of these permissions the account has, in the project or (without one) on the site."""
        query: dict[str, str | int] = {"permissions": ",".join(names)}
        if project:
            query["projectKey"] = project
        told = read_object(self._transport, f"{self._dialect.api}/mypermissions", query).get("permissions")
        if not isinstance(told, Mapping):
            raise MalformedAnswer(f"{self.settings.url} does not tell what {self.settings.who} may do")
        return {name: _has(told.get(name)) for name in names}

    def statuses(self) -> tuple[Status, ...]:
        return tuple(read_status(raw) for raw in read_objects(self._transport, f"{self._dialect.api}/status"))

    def catalogue(self) -> FieldCatalogue:
        """The site's fields, read once by this client."""
        if self._fields is None:
            raw = read_objects(self._transport, f"{self._dialect.api}/field")
            self._fields = FieldCatalogue.from_fields(raw)
        return self._fields

    # Many tickets

    @property
    def batch(self) -> int:
        """How many tickets are best read together with their histories."""
        return self._dialect.batch

    def search(self, search: Search, fields: Sequence[str]) -> Iterator[list[Raw]]:
        """Pages of issues from the search's index, which may be minutes old."""
        return self._dialect.search(search, fields)

    def ids(self, search: Search) -> Iterator[list[int]]:
        """Pages of numeric ids, thousands at a time."""
        return self._dialect.ids(search)

    def count(self, search: Search) -> int:
        """How many tickets a search would find; on Cloud an estimate."""
        return self._dialect.count(search.restriction)

    def oldest(self, project: str) -> datetime | None:
        """When the project's first ticket was created; None where it has none."""
        issue = self._dialect.first(Search((project,)).jql, ["created"])
        fields = {} if issue is None else issue.get("fields")
        created = fields.get("created") if isinstance(fields, Mapping) else None
        return None if issue is None else read_instant(created, "the creation instant")

    def histories(self, ids: Collection[int]) -> dict[int, list[Raw] | Unavailable]:
        """The whole history of each ticket; one that has gone meanwhile may be absent."""
        return dict(self._dialect.histories(ids)) if ids else {}

    def fetch(self, ids: Collection[int], fields: Sequence[str]) -> Fetched:
        """The tickets as they are now, past the search's index."""
        return self._dialect.fetch(ids, fields)

    def list_comments(self, ticket_id: int) -> list[Raw]:
        """Every comment as Jira lists it: without properties."""
        return read_list(self._transport, f"{ticket_path(self._dialect.api, ticket_id)}/comment", "comments")

    # One ticket

    def ticket(self, ticket: int | str) -> Ticket:
        """A fresh read by numeric id or key: the whole history, and the comments with their properties."""
        issue = self._dialect.read_issue(ticket, {"fields": "*all", "properties": CHANNEL_PROPERTY})
        identity = number(issue.get("id"), "id")
        listed = embedded_comments(issue)
        if listed is None:
            listed = self.list_comments(identity)
        comments = self._dialect.with_properties(listed, self.account().id if listed else "")
        # After the fields: an edit in between shows its author here, although its text is not yet used.
        histories = self._dialect.history(identity)
        catalogue = self.catalogue()
        try:
            return read_ticket(issue, site=self.site, catalogue=catalogue, histories=histories, comments=comments)
        except Unreadable as error:
            raise MalformedAnswer(f"ticket {ticket} of {self.settings.url} cannot be read: {error}") from None

    def latest_open(self, project: str) -> Ticket | None:
        """The project's newest open ticket, read afresh; None where it has none."""
        jql = f"{in_projects([project])} AND statusCategory != Done ORDER BY created DESC"
        issue = self._dialect.first(jql, ["created"])
        return None if issue is None else self.ticket(number(issue.get("id"), "id"))

    def offers(self, ticket: int | str) -> tuple[Offer, ...]:
        """The transitions that Jira permits this account now."""
        return read_offers(self._transitions(ticket_path(self._dialect.api, ticket)))

    def groups_of(self, account_id: str) -> frozenset[str]:
        """The account's groups, by id (Data Center: by name). Raises when Jira does not tell: never an empty set
        instead."""
        groups = self._dialect.groups_of(account_id)
        if not all(isinstance(one, str) and one for one in groups):
            raise MalformedAnswer(f"Jira does not name the groups of account {account_id}")
        return frozenset(map(str, groups))

    def group_members(self, group: str) -> frozenset[str]:
        """The accounts in a group that is named by its id (Data Center: by its name), as `Person.id`. Raises JiraError;
        never a part of them, or an empty set, instead."""
        members = [read_person(raw) for raw in self._dialect.group_members(group)]
        if None in members:
            raise MalformedAnswer(f"Jira does not name every account in the group {group}")
        return frozenset(member.id for member in members if member is not None)

    def known_account(self, account: str) -> AccountFacts | None:
        """By account id (Data Center: by the user's name); None where the site does not know it, or not for us."""
        try:
            raw = self._dialect.user(account)
        except NotFound:
            return None
        person = read_person(raw)
        if person is None:
            raise MalformedAnswer(f"Jira does not name the account {account}")
        return AccountFacts(person, raw.get("active") is not False)

    def post_comment(
        self,
        ticket_id: int,
        body: Adf,
        *,
        properties: Mapping[str, Any],
        public: bool,
        only: Audience | None = None,
    ) -> Comment:
        """Posts once. `properties` mark the comment as ours; whether customers see it is always said. `only` restricts
        it: Jira declines an audience that it does not know, or that we are not part of."""
        marks = {**properties, PUBLIC_PROPERTY: {"internal": not public}}
        sent: dict[str, Any] = {
            "body": self._dialect.body(body),
            "properties": [{"key": key, "value": value} for key, value in marks.items()],
        }
        if only is not None:
            sent["visibility"] = self._dialect.visibility(only)
        raw = self._transport.write(f"{ticket_path(self._dialect.api, ticket_id)}/comment", sent)
        try:
            comment = read_comment(raw if isinstance(raw, Mapping) else {})
        except Unreadable as error:
            raise AnswerUnknown(f"Jira took a comment on ticket {ticket_id}, but: {error}; read the ticket") from None
        return replace(comment, properties=marks, is_public=public)

    def add_label(self, ticket_id: int, label: str) -> None:
        """Adds it, sent once. Already there: nothing is done. Raises AnswerUnknown when it cannot be told."""
        add_label(self._transport, ticket_path(self._dialect.api, ticket_id), label)

    def move(
        self, ticket_id: int, *, to_status: str, resolution: str, fence: Callable[[], None] = lambda: None
    ) -> None:
        """Transition to the status of this name, sent once, right after `fence`. Already there: nothing is done.

        Raises NoTransition with what Jira permits; a ticket that is closed in another way stays so.
        """
        path = ticket_path(self._dialect.api, ticket_id)
        issue = read_object(self._transport, path, {"fields": "status"})
        fields = issue.get("fields")
        current = read_status(fields.get("status") if isinstance(fields, Mapping) else None)
        if not current.name:
            raise MalformedAnswer(f"Jira does not tell the status of ticket {ticket_id}")
        if current.name.casefold() == to_status.casefold():
            return
        if current.category is StatusCategory.DONE:
            raise NoTransition(f"{issue.get('key')} is closed already ({current.name}); it is not moved to {to_status}")
        body = choose_transition(self._transitions(path), str(issue.get("key")), current.name, to_status, resolution)
        fence()
        try:
            self._transport.write(f"{path}/transitions", body)
        except Declined as refused:
            raise NoTransition(f"{issue.get('key')} did not go from {current.name} to {to_status}: {refused}") from None

    def _transitions(self, path: str) -> list[Raw]:
        found = read_object(self._transport, f"{path}/transitions", {"expand": "transitions.fields"})
        return rows(found, "transitions")

    def _myself(self) -> Raw:
        return read_object(self._transport, f"{self._dialect.api}/myself")


def _has(permission: object) -> bool:
    return isinstance(permission, Mapping) and permission.get("havePermission") is True

"""Brings the store up to date with Jira. A run that is killed repeats what it did and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tickets.catalogue import FieldCatalogue
from tickets.errors import Unreadable
from tickets.jira_client import JiraClient
from tickets.jira_pages import embedded_comments, epoch_milliseconds
from tickets.reading import identity_of, read_ticket
from tickets.store import TicketStore
from tickets.ticket import Rejection, Ticket

Raw = Mapping[str, Any]

# A ticket may reach Jira's index minutes after it was changed.
OVERLAP: Final = timedelta(minutes=10)
BEGINNING: Final = datetime(1971, 1, 1, tzinfo=UTC)
FIELDS: Final = [
    "summary",
    "description",
    "status",
    "priority",
    "issuetype",
    "project",
    "reporter",
    "creator",
    "assignee",
    "labels",
    "components",
    "created",
    "updated",
    "resolutiondate",
    "resolution",
    "comment",
]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync read. `changed` are the ids of the tickets that are new or really differ from the store's;
    `started_at` is ticket time, and the next sync begins there minus the overlap."""

    tickets: int
    status_changes: int
    rejected: int
    changed: tuple[int, ...]
    started_at: datetime


def sync(
    client: JiraClient,
    store: TicketStore,
    *,
    projects: Sequence[str],
    overlap: timedelta = OVERLAP,
    progress: Callable[[int], None] = lambda _: None,
) -> SyncReport:
    """Reads what changed in `projects` since the last complete sync of just these.

    `progress` gets the number of tickets so far. Raises TicketsError; what was saved until then stays, and
    the next run starts where this one did.
    """
    client.confirm_account()  # a lost log-in would show fewer tickets and no error
    store.save_statuses(client.site, client.statuses())
    catalogue = client.catalogue()
    started_at = client.now()
    scope = f"{client.site}:{','.join(sorted(projects))}"
    since = store.cursor(scope)
    tickets = changes = rejected = 0
    changed: dict[int, None] = {}
    for page in client.search(_jql(projects, since, overlap), [*FIELDS, *catalogue.field_ids()]):
        read, rejections = _read_page(client, page, catalogue)
        changed.update(dict.fromkeys(store.save(read)))
        store.reject(rejections)
        tickets += len(read)
        changes += sum(len(ticket.status_changes or ()) for ticket in read)
        rejected += len(rejections)
        progress(tickets)
    store.save((), cursor=(scope, started_at))
    return SyncReport(tickets, changes, rejected, tuple(changed), started_at)


def _jql(projects: Sequence[str], since: datetime | None, overlap: timedelta) -> str:
    """Without an upper bound: a ticket that changes meanwhile moves to the end and is not lost."""
    if not projects:
        raise ValueError("a sync needs at least one project")
    quoted = ", ".join(f'"{key}"' for key in projects)
    clock, after = ("created", BEGINNING) if since is None else ("updated", since - overlap)
    return f"project in ({quoted}) AND {clock} >= {epoch_milliseconds(after)} ORDER BY {clock} ASC, id ASC"


def _read_page(
    client: JiraClient, page: Sequence[Raw], catalogue: FieldCatalogue
) -> tuple[list[Ticket], list[Rejection]]:
    """The page's tickets with their whole history and all comments, and what could not be read."""
    ids = [identity for identity in map(identity_of, page) if identity is not None]
    histories = client.changelogs(ids) if ids else {}
    read: list[Ticket] = []
    rejections: list[Rejection] = []
    for issue in page:
        source = f"{client.settings.url} ticket {str(issue.get('key') or issue.get('id'))[:40]}"
        try:
            read.append(_read_issue(client, issue, histories, catalogue))
        except Unreadable as error:
            rejections.append(Rejection(source, str(error), client.site, identity_of(issue)))
    return read, rejections


def _read_issue(
    client: JiraClient, issue: Raw, histories: Mapping[int, Sequence[Raw]], catalogue: FieldCatalogue
) -> Ticket:
    identity, comments = identity_of(issue), embedded_comments(issue)
    if identity is None:
        raise Unreadable("the numeric id is missing or is no number")
    if comments is None:
        comments = client.list_comments(identity)
    return read_ticket(issue, site=client.site, catalogue=catalogue, histories=histories[identity], comments=comments)

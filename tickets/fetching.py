"""From Jira's issues to tickets: with their whole history and every comment, or with the reason why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tickets.errors import NotFound, Unavailable, Unreadable
from tickets.jira_client import JiraClient
from tickets.jira_pages import embedded_comments
from tickets.jira_records import Raw
from tickets.reading import identity_of, read_ticket
from tickets.shapes import mapping, read_instant, word
from tickets.store import TicketStore
from tickets.ticket import Rejection, Ticket

FIELDS: Final = (
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
    "security",
    "timespent",
    "comment",
)

FETCHED_TOGETHER: Final = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """`rejected` are those that could not be read, each with its reason; what has gone meanwhile is in neither."""

    tickets: tuple[Ticket, ...]
    rejected: tuple[Rejection, ...]

    @property
    def status_changes(self) -> int:
        return sum(len(ticket.status_changes or ()) for ticket in self.tickets)


def fields_of(client: JiraClient) -> list[str]:
    """What a read must ask for on this site."""
    return [*FIELDS, *client.catalogue().field_ids()]


def read_batch(client: JiraClient, issues: Sequence[Raw], *, known: Mapping[int, datetime] | None = None) -> Batch:
    """The tickets of these issues. Histories are read after the fields, so that a change in between shows.

    `known` tells, for issues that a search found, which of them are here and when those were last updated: an index
    may still show what was deleted, so a new one without any history is asked for once more. Without it, only those
    that were touched are.
    """
    ids = ids_of(issues)
    histories = _whole_histories(client, issues, ids, known) if ids else {}
    read: list[Ticket] = []
    rejected: list[Rejection] = []
    for issue in issues:
        identity = identity_of(issue)
        if identity is not None and identity not in histories:
            continue
        try:
            read.append(_read_issue(client, issue, identity, histories))
        except NotFound:  # it has gone between its fields and its comments
            continue
        except (Unreadable, Unavailable) as error:
            source = f"{client.settings.url} ticket {str(issue.get('key'))[:40]} (id {identity})"
            rejected.append(Rejection(source, str(error), client.site, identity))
    return Batch(tuple(read), tuple(rejected))


@dataclass(frozen=True, slots=True)
class Again:
    """What Jira has of the ids that were asked for again: the project of each; `untold` are those that it has and
    cannot give; `changed` those that are another version here now."""

    projects: dict[int, str]
    untold: frozenset[int]
    changed: frozenset[int]


def read_again(client: JiraClient, store: TicketStore, ids: Collection[int], projects: Collection[str]) -> Again:
    """Past the search's index, by id. Those of `projects` are kept."""
    there: dict[int, str] = {}
    untold: set[int] = set()
    changed: set[int] = set()
    fields, listed = fields_of(client), sorted(ids)
    for start in range(0, len(listed), FETCHED_TOGETHER):
        fetched = client.fetch(listed[start : start + FETCHED_TOGETHER], fields)
        untold.update(fetched.unavailable)
        there.update({number: project_of(one) for one in fetched.issues if (number := identity_of(one)) is not None})
        batch = read_batch(client, [issue for issue in fetched.issues if project_of(issue) in projects])
        changed.update(store.save(batch.tickets, rejected=batch.rejected))
    return Again(there, frozenset(untold), frozenset(changed))


def ids_of(issues: Sequence[Raw]) -> list[int]:
    return [number for issue in issues if (number := identity_of(issue)) is not None]


def project_of(issue: Raw) -> str:
    return word(mapping(mapping(issue.get("fields")).get("project")).get("key"))


def _whole_histories(
    client: JiraClient, issues: Sequence[Raw], ids: Sequence[int], known: Mapping[int, datetime] | None
) -> dict[int, list[Raw] | Unavailable]:
    """Jira leaves out the histories of what it does not show in that moment as it does those of what never changed: an
    empty one of a ticket that was touched is asked for again, and belongs to nobody where the ticket is not shown."""
    histories = client.histories(ids)
    touched = {identity_of(issue) for issue in issues if _is_touched(issue) or not _is_known(issue, known)}
    doubtful = [identity for identity, history in histories.items() if not history and identity in touched]
    if doubtful:
        shown = client.fetch(doubtful, ["updated"])
        again = client.histories(ids_of(shown.issues))
        for identity in doubtful:
            del histories[identity]
        histories |= {**again, **shown.unavailable}
    return histories


def _is_touched(issue: Raw) -> bool:
    fields = mapping(issue.get("fields"))
    return fields.get("updated") != fields.get("created")


def _is_known(issue: Raw, known: Mapping[int, datetime] | None) -> bool:
    """Whether this version of it is here already, or need not be."""
    if known is None:
        return True
    identity, fields = identity_of(issue), mapping(issue.get("fields"))
    try:
        return identity is not None and known.get(identity) == read_instant(fields.get("updated"), "the update instant")
    except Unreadable:
        return False


def _read_issue(
    client: JiraClient, issue: Raw, identity: int | None, histories: Mapping[int, Sequence[Raw] | Unavailable]
) -> Ticket:
    if identity is None:
        raise Unreadable("the numeric id is missing or is no number")
    history = histories[identity]
    if isinstance(history, Unavailable):
        raise history
    comments = embedded_comments(issue)
    if comments is None:
        comments = client.list_comments(identity)
    return read_ticket(issue, site=client.site, catalogue=client.catalogue(), histories=history, comments=comments)

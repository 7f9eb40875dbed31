"""The sandbox's world set against the store, ticket by ticket and change by change. Nothing of the product's reading
is used on the world's side: what a ticket must look like is said here once more, from the world's own records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.world import FORM_FIELDS, REQUEST_TYPE_FIELD, History, HistoryItem, Issue, World, WorldComment
from tests.truth.people import People
from tests.truth.wording import kept, read
from tickets.history import read_history
from tickets.proof import read_proof
from tickets.store import TicketStore
from tickets.ticket import Person, Ticket

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the synced account may see of the site, and so what the store must hold."""

    world: World
    people: People
    deployment: str

    def is_live(self, issue: Issue) -> bool:
        return issue.project in self.people.synced and self.is_visible(issue)

    def is_visible(self, issue: Issue) -> bool:
        return not self.people.is_project_hidden(issue.project) and not self.people.is_hidden(issue)

    @property
    def is_data_center(self) -> bool:
        """Its comments do not say whether customers see them: then they count as public."""
        return self.deployment == "Data Center"

    def name(self, account_id: str | None) -> str | None:
        """What the site calls an account: Data Center by its key."""
        if account_id is None or not self.is_data_center:
            return account_id
        return self.world.accounts[account_id].user_key

    def live(self) -> dict[int, Issue]:
        return {number: issue for number, issue in self.world.issues.items() if self.is_live(issue)}

    def stone(self, last_seen: Ticket) -> set[str]:
        """Why Jira does not show a ticket now that the store once held: one reason; two where a ticket is out of a
        project that is hidden, and the store need not ask for it."""
        issue = self.world.issues.get(last_seen.id)
        is_hidden = self.people.is_project_hidden(last_seen.project)
        if issue is not None and self.is_visible(issue):
            return {"moved", "hidden"} if is_hidden else {"moved"}
        return {"hidden" if is_hidden or last_seen.security else "gone"}


class Fates:
    """Why tickets that were held are no longer shown: every reason that held while a census was taken. A census says
    what it found; it does not look at a tombstone again."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.once_held: set[int] = set()
        self._versions: dict[int, datetime] = {}
        self._reasons: dict[int, set[str]] = {}

    def note(self, store: TicketStore, read: Collection[str]) -> None:
        """To be called before, after and, whenever something happens, during each turn of the machine in which it
        reads these projects."""
        live = {number for number, issue in self.truth.live().items() if issue.project in read}
        held = list(store.tickets(projects=read))
        self.once_held |= {ticket.id for ticket in held}
        buried = [ticket for ticket, _, _ in store.tombstones()]
        for ticket in held + buried:
            if ticket.id not in live:
                self._reasons.setdefault(ticket.id, set()).update(self.truth.stone(ticket))
        for ticket in held:
            if ticket.id in live:
                self._reasons.pop(ticket.id, None)

    def never_so(self, store: TicketStore) -> list[str]:
        """What may not be at any time: a ticket without a part of the history that it had, or with one that it never
        had, or in an older version than before."""
        found = []
        for ticket in store.tickets():
            found += [f"{ticket.key} ({ticket.id}): {line}" for line in self._torn(ticket)]
            if ticket.updated_at < self._versions.get(ticket.id, ticket.updated_at):
                found.append(f"{ticket.key} ({ticket.id}) went back to its version of {ticket.updated_at}")
            self._versions[ticket.id] = ticket.updated_at
        return found

    def _torn(self, ticket: Ticket) -> Iterator[str]:
        issue = self.truth.world.issues.get(ticket.id) or self.truth.people.deleted.get(ticket.id)
        if issue is None:
            yield "never existed"
            return
        had = {str(history.id): history.created for history in issue.histories}
        held = {change.id for change in ticket.field_changes} | {change.id for change in ticket.status_changes or ()}
        lacking = {number for number, at in had.items() if at <= ticket.updated_at} - held
        if lacking or held - set(had):
            yield f"lacks the changes {sorted(lacking)}, invents {sorted(held - set(had))}"

    def reasons(self, number: int) -> set[str]:
        return self._reasons.get(number, set())


def differences(truth: Truth, store: TicketStore, fates: Fates) -> list[str]:
    """Every way in which the store does not say what Jira would, as sentences."""
    live = truth.live()
    held = {ticket.id: ticket for ticket in store.tickets()}
    found = [f"{issue.key} ({number}) is missing" for number, issue in sorted(live.items()) if number not in held]
    for number, ticket in sorted(held.items()):
        if number in live:
            told = told_of(truth, live[number])
            found += [f"{live[number].key} ({number}): {line}" for line in unlike(told, held_of(ticket))]
        else:
            found.append(f"{ticket.key} ({number}) is kept although {_fate(truth, number)}")
    return [*found, *_wrong_stones(truth, store, fates), *_rejected(store)]


def missed(truth: Truth, store: TicketStore) -> list[str]:
    """What a sync alone should have found: every change of a ticket that never went out of sight. One that the store
    itself says it could not read is for the next census."""
    held = {ticket.id: ticket for ticket in store.tickets()}
    aside = {rejection.ticket_id for rejection in store.rejections()}
    found: list[str] = []
    for number, issue in sorted(truth.live().items()):
        if number in truth.people.disturbed | aside:
            continue
        lines = unlike(told_of(truth, issue), held_of(held[number])) if number in held else ["is missing"]
        found += [f"the sync alone: {issue.key} ({number}): {line}" for line in lines]
    return found


def _fate(truth: Truth, number: int) -> str:
    issue = truth.world.issues.get(number)
    if issue is None:
        return "it was deleted"
    if not truth.is_visible(issue):
        return f"{issue.key} is hidden"
    return f"it moved to {issue.key}, which is not synced"


def _wrong_stones(truth: Truth, store: TicketStore, fates: Fates) -> Iterator[str]:
    live = truth.live()
    stones = {ticket.id: (ticket.key, stone.value) for ticket, stone, _ in store.tombstones()}
    for number in sorted(fates.once_held - set(live) - set(stones)):
        yield f"{number} has no tombstone although it was kept and {_fate(truth, number)}"
    for number, (key, stone) in sorted(stones.items()):
        allowed = fates.reasons(number)
        if number in live:
            yield f"{key} ({number}) is under the tombstone {stone!r} although Jira shows it"
        elif number not in truth.people.once_inside:
            yield f"{key} ({number}) is under a tombstone although it never was in a synced project"
        elif stone not in allowed:
            words = " or ".join(map(repr, sorted(allowed)))
            yield f"{key} ({number}) is under {stone!r}, not {words}: {_fate(truth, number)}"


def proof_differences(truth: Truth, store: TicketStore, site: str) -> list[str]:
    """Whether the proof says complete just where it is: a project that is not visible is not proven."""
    proof = read_proof(store, site=site, projects=sorted(truth.people.synced))
    found = []
    for project in proof.projects:
        is_hidden = truth.people.is_project_hidden(project.project)
        if project.is_complete == is_hidden:
            found.append(f"the proof of {project.project} says {project.gaps or 'complete'}, hidden: {is_hidden}")
        shown = sum(issue.project == project.project for issue in truth.live().values())
        if not is_hidden and (project.total("at_jira"), project.total("here")) != (shown, shown):
            found.append(f"the proof of {project.project} counts {project.total('here')} of {shown} tickets")
    return found


def history_differences(truth: Truth, folder: Path) -> list[str]:
    """The same of the Parquet history, as far as it goes."""
    read = read_history(folder)
    names = ("ticket_id", "key", "project", "status_id", "priority", "created_at", "updated_at", "resolved_at")
    live = truth.live().values()
    told = {
        (i.id, i.key, i.project, i.status, i.priority, i.created, i.updated, i.resolved, kept(i.summary)) for i in live
    }
    held = {tuple(row[name] for name in (*names, "summary")) for row in read.tickets.to_pylist()}
    found = [f"the history {'lacks' if row in told else 'invents'} {row}" for row in sorted(told ^ held, key=str)]
    moves = {(i.id, *change) for i in live for change in _status_changes(truth, i)}
    columns = ("ticket_id", "change_id", "at", "author", "from_id", "from_name", "to_id", "to_name")
    kept_moves = {tuple(row[name] for name in columns) for row in read.changes.to_pylist()}
    found += [f"the history {'lacks' if row in moves else 'invents'} {row}" for row in moves ^ kept_moves]
    said = Counter(
        (i.id, c.created, truth.name(c.author), c.public or truth.is_data_center) for i, c in _comments(live)
    )
    columns = ("ticket_id", "at", "author", "is_public")
    kept_comments = Counter(tuple(row[name] for name in columns) for row in read.comments.to_pylist())
    return found if said == kept_comments else [*found, f"the history tells comments {kept_comments}, not {said}"]


def _comments(issues: Iterable[Issue]) -> Iterator[tuple[Issue, WorldComment]]:
    return ((issue, comment) for issue in issues for comment in issue.comments)


def _rejected(store: TicketStore) -> Iterator[str]:
    for rejection in store.rejections():
        yield f"{rejection.source} was rejected: {rejection.reason}"


def unlike(told: Facts, held: Facts) -> Iterator[str]:
    """The facts that differ, a sentence each."""
    for name, value in told.items():
        if held[name] == value:
            continue
        if isinstance(value, list) and isinstance(held[name], list):
            yield f"{name}: {_list_difference(value, list(held[name]))}"  # type: ignore[call-overload]
        else:
            yield f"{name} is {held[name]!r}, in Jira {value!r}"


def _list_difference(told: list[object], held: list[object]) -> str:
    missing = [entry for entry in told if entry not in held]
    invented = [entry for entry in held if entry not in told]
    if not missing and not invented:
        return f"another order or number, {len(held)} here and {len(told)} in Jira"
    return f"{len(missing)} missing {missing[:2]}, {len(invented)} invented {invented[:2]}"


def told_of(truth: Truth, issue: Issue) -> Facts:
    """What the world says of a ticket, as the store must hold it."""
    world = truth.world
    status = world.statuses[issue.status]
    kind = world.projects[issue.project].request_types.get(issue.request_type or "")
    return {
        "key": issue.key,
        "project": issue.project,
        "type": issue.issue_type,
        "request type": kind.lower().replace(" ", "-") if kind else None,
        "status": (status.id, status.name, status.category),
        "summary": kept(issue.summary),
        "description": read(issue.description, truth.deployment),
        "people": tuple(map(truth.name, (issue.reporter, issue.creator, issue.assignee))),
        "priority": issue.priority,
        "labels": list(issue.labels),
        "components": list(issue.components),
        "created": issue.created,
        "updated": issue.updated,
        "resolved": issue.resolved,
        "worklog": issue.time_spent,
        "form": sorted((name, FORM_FIELDS[name], kept(text)) for name, text in issue.custom.items() if text),
        "status changes": _status_changes(truth, issue),
        "field changes": [_field_change(truth, *entry) for entry in _items(issue) if entry[1].field != "status"],
        "comments": [
            (
                str(c.id),
                truth.name(c.author),
                c.created,
                c.updated,
                truth.name(c.update_author),
                read(c.body, truth.deployment),
                c.public or truth.is_data_center,
            )
            for c in sorted(issue.comments, key=lambda comment: (comment.created, comment.id))
        ],
    }


def _items(issue: Issue) -> list[tuple[History, HistoryItem]]:
    ordered = sorted(issue.histories, key=lambda history: (history.created, history.id))
    return [(history, item) for history in ordered for item in history.items]


def _status_changes(truth: Truth, issue: Issue) -> list[tuple[Any, ...]]:
    return [
        (str(h.id), h.created, truth.name(h.author), item.from_id, item.from_string, item.to_id, item.to_string)
        for h, item in _items(issue)
        if item.field == "status"
    ]


def _field_change(truth: Truth, history: History, item: HistoryItem) -> tuple[Any, ...]:
    field = item.field_id or item.field
    sides = [
        kept(number if text is None else text)
        for number, text in ((item.from_id, item.from_string), (item.to_id, item.to_string))
    ]
    named = "request_type" if field == REQUEST_TYPE_FIELD else field
    return (str(history.id), history.created, truth.name(history.author), named, *sides)


def held_of(ticket: Ticket) -> Facts:
    """The same of a ticket in the store."""
    return {
        "key": ticket.key,
        "project": ticket.project,
        "type": ticket.ticket_type,
        "request type": ticket.request_type,
        "status": (ticket.status.id, ticket.status.name, ticket.status.category.value),
        "summary": ticket.summary,
        "description": ticket.description,
        "people": (_id(ticket.reporter), _id(ticket.creator), _id(ticket.assignee)),
        "priority": ticket.priority,
        "labels": list(ticket.labels),
        "components": list(ticket.components),
        "created": ticket.created_at,
        "updated": ticket.updated_at,
        "resolved": ticket.resolved_at,
        "worklog": ticket.worklog_seconds,
        "form": sorted((part.id, part.name, part.value) for part in ticket.form),
        "status changes": [
            (c.id, c.at, _id(c.author), c.from_id, c.from_name, c.to_id, c.to_name) for c in ticket.status_changes or ()
        ]
        if ticket.status_changes is not None
        else None,
        "field changes": [(c.id, c.at, _id(c.author), c.field, c.from_value, c.to_value) for c in ticket.field_changes],
        "comments": [
            (c.id, _id(c.author), c.created_at, c.updated_at, _id(c.last_editor), c.text, c.is_public)
            for c in ticket.comments
        ],
    }


def _id(person: Person | None) -> str | None:
    return None if person is None else person.id

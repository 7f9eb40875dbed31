"""May this ticket be worked on by itself: is it untouched by people, and may all its authors ask?

Nothing here writes. A look-up that fails is "cannot tell": never yes, and never a lasting no.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from fulfilment.guardrails import Verdict
from fulfilment.policy import Policy, Team
from tickets.errors import TicketsError
from tickets.ticket import REQUEST_TYPE, Comment, FormField, Person, Ticket

GroupsOf = Callable[[str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """`teams`: the requester's teams that may use the handler, of which every author is a member.

    `authors` are account ids. `is_certain` is False when a look-up failed: look again later.
    """

    verdict: Verdict
    teams: tuple[Team, ...] = ()
    authors: frozenset[str] = frozenset()
    replies: tuple[Comment, ...] = ()
    is_certain: bool = True


def eligible(
    ticket: Ticket,
    *,
    handler: str,
    policy: Policy,
    account: Person,
    now: datetime,
    groups_of: GroupsOf,
    fields: Collection[FormField],
    asked_at: datetime | None = None,
    codes: Collection[str] = (),
    only_replies: Collection[str] | None = None,
) -> Eligibility:
    """`fields` are those that fill slots; `asked_at` when our question was posted; `codes` the ones that we
    issued.

    `only_replies` limits the replies to the comments (ids) that a plan was made from.
    """
    standing = [*check_standing(ticket, policy=policy, now=now), *check_origin(ticket, policy)]
    if standing:
        return Eligibility(Verdict(False, tuple(standing)))
    try:
        teams = _teams_of(_requester(ticket), handler, policy, groups_of)
        authors, unknown = authors_of(ticket, policy=policy, fields=fields)
        mates = _Mates(teams, groups_of)
        replies = usable_replies(ticket, account=account, asked_at=asked_at, may_reply=mates.has, only=only_replies)
        reasons = [*unknown, *_check_authors(ticket, authors, teams, handler, mates)]
    except TicketsError as error:
        sentence = f"cannot tell who may ask: {error}"
        return Eligibility(Verdict(False, (sentence,)), is_certain=False)
    excused = frozenset(reply.id for reply in replies)
    reasons += check_untouched(ticket, account=account, policy=policy, excused=excused, codes=codes)
    ids = frozenset(authors) | {reply.author.id for reply in replies if reply.author}
    if reasons:
        return Eligibility(Verdict(False, tuple(reasons)), authors=ids)
    common = tuple(team for team in teams if all(mates.is_in(team, person) for person in ids))
    if not common:
        return Eligibility(Verdict(False, ("its authors have no team in common that may ask for this",)), authors=ids)
    return Eligibility(Verdict(True), common, ids, replies)


def check_standing(ticket: Ticket, *, policy: Policy, now: datetime) -> list[str]:
    """Why the ticket is not one to start with: closed, in another project, or too old."""
    if not ticket.is_open:
        return [f"it is closed ({ticket.status.name})"]
    if ticket.project not in policy.projects:
        return [f"project {ticket.project} is not one that the agent works in"]
    age = now - ticket.created_at
    if age > policy.maximum_age:
        return [f"it is {age.days} days old; only tickets up to {policy.maximum_age.days} days are worked on"]
    return []


def check_origin(ticket: Ticket, policy: Policy) -> list[str]:
    """Why its origin carries no authority: mail, an unknown reporter, or somebody filing for another."""
    if ticket.via_mail:
        return ["it came by mail, which proves nobody's identity"]
    if ticket.reporter is None or ticket.creator is None:
        return ["Jira does not say who filed it"]
    if ticket.status_changes is None:
        return ["its history is unknown, so nobody can say who worked on it"]
    if ticket.creator.id != ticket.reporter.id and ticket.creator.id not in policy.intake_accounts:
        return [f"{ticket.creator.name} filed it for {ticket.reporter.name}; only configured intake accounts may"]
    return []


def check_untouched(
    ticket: Ticket,
    *,
    account: Person,
    policy: Policy,
    excused: Collection[str] = (),
    codes: Collection[str] = (),
) -> list[str]:
    """Who works on it already: an assignee, a move or a comment by a person other than the requester.

    `excused` are comment ids that filled slots. A comment that tries to approve is not work on the ticket.
    """
    ours = {account.id} | policy.bots | policy.intake_accounts
    requesters = {person.id for person in (ticket.reporter, ticket.creator) if person}
    reasons = []
    assignee = ticket.assignee
    if assignee is not None and assignee.id not in policy.queue_assignees | {account.id}:
        reasons.append(f"{assignee.name} is assigned to it")
    elif (
        assignee is not None and assignee.id != account.id and any(c.field == "assignee" for c in ticket.field_changes)
    ):
        reasons.append(f"{assignee.name} was assigned to it after it was filed")
    for change in ticket.status_changes or ():
        if change.author is None:
            reasons.append(f"somebody unknown moved it to {change.to_name}")
        elif change.author.kind != "app" and change.author.id not in ours | requesters:
            reasons.append(f"{change.author.name} moved it to {change.to_name}")
    for comment in ticket.comments:
        if comment.id in excused or is_attempt(comment.text, codes):
            continue
        if comment.author is None:
            reasons.append("somebody unknown commented on it")
        elif comment.author.kind != "app" and comment.author.id not in ours | requesters:
            reasons.append(f"{comment.author.name} commented on it")
    return list(dict.fromkeys(reasons))


def is_attempt(text: str, codes: Collection[str]) -> bool:
    """Does a comment try to approve: `approve` with one word behind it, or words around a code that we
    issued?"""
    words = text.casefold().split()
    if len(words) == 2 and words[0] == "approve":
        return True
    return "approve" in words and any(code.casefold() in words for code in codes)


# Whoever changes one of these decides what is asked, or for whom, as much as whoever fills a slot.
_AUTHORED = {
    "summary": "summary",
    "description": "description",
    "reporter": "reporter",
    REQUEST_TYPE: "request type",
}


def authors_of(ticket: Ticket, *, policy: Policy, fields: Iterable[FormField]) -> tuple[dict[str, Person], list[str]]:
    """Everybody whose words the request consists of, by account id; and the sentences about those who are
    unknown."""
    authors: dict[str, Person] = {}
    unknown: list[str] = []
    for person in (ticket.reporter, ticket.creator):
        if person is not None and person.id not in policy.intake_accounts:
            authors[person.id] = person
    names = {field.id: field.name for field in fields} | _AUTHORED
    for change in ticket.field_changes:
        if change.field not in names:
            continue
        if change.author is None:
            unknown.append(f"its {names[change.field]} was changed by an unknown account")
        elif change.author.id in policy.intake_accounts:
            continue
        elif change.author.kind == "app":
            unknown.append(f"its {names[change.field]} was changed by the app {change.author.name}, which may not ask")
        else:
            authors[change.author.id] = change.author
    return authors, list(dict.fromkeys(unknown))


def usable_replies(
    ticket: Ticket,
    *,
    account: Person,
    asked_at: datetime | None,
    may_reply: Callable[[str], bool],
    only: Collection[str] | None = None,
) -> tuple[Comment, ...]:
    """Public comments, never edited, that may fill slots: the requester's, and after our question those of
    anybody who
    may ask. Oldest first."""
    requester = _requester(ticket).id
    found = []
    for comment in sorted(ticket.comments, key=lambda c: (c.created_at, c.id)):
        author = comment.author
        if author is None or author.kind == "app" or author.id == account.id:
            continue
        if comment.is_edited or not comment.is_public or is_attempt(comment.text, ()):
            continue
        if only is not None and comment.id not in only:
            continue
        is_answer = asked_at is not None and comment.created_at > asked_at
        if author.id == requester or (is_answer and may_reply(author.id)):
            found.append(comment)
    return tuple(found)


class _Mates:
    """Team membership, looked up once per account."""

    def __init__(self, teams: tuple[Team, ...], groups_of: GroupsOf) -> None:
        self._teams = teams
        self._groups_of = groups_of
        self._known: dict[str, frozenset[str]] = {}

    def is_in(self, team: Team, account_id: str) -> bool:
        if account_id not in self._known:
            self._known[account_id] = self._groups_of(account_id)
        return bool(team.groups & self._known[account_id])

    def has(self, account_id: str) -> bool:
        return any(self.is_in(team, account_id) for team in self._teams)


def _requester(ticket: Ticket) -> Person:
    if ticket.reporter is None:
        raise ValueError(f"{ticket.key} has no reporter")
    return ticket.reporter


def _teams_of(person: Person, handler: str, policy: Policy, groups_of: GroupsOf) -> tuple[Team, ...]:
    groups = groups_of(person.id)
    return tuple(team for _, team in sorted(policy.teams.items()) if team.groups & groups and handler in team.handlers)


def _check_authors(
    ticket: Ticket, authors: dict[str, Person], teams: tuple[Team, ...], handler: str, mates: _Mates
) -> list[str]:
    if not teams:
        return [f"{_requester(ticket).name} is in no team that may ask for {handler}"]
    return [
        f"{person.name} wrote a part of it and is in no team of the requester's that may ask for {handler}"
        for person in authors.values()
        if not mates.has(person.id)
    ]

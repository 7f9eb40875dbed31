"""An approval: a comment whose whole text is `approve CODE`, by somebody who may, about a plan that still
stands."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

from fulfilment.records import Proposal
from tickets.ticket import Comment, Person, Ticket

# Without letters and digits that look alike; 8 of 28 are 38 bits, and a code is good for one plan only.
_ALPHABET = "ACDEFGHJKMNPQRTUVWXY3479"
_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved, and by which comment."""

    by: Person
    comment_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`approval` when there is one. `altered`: why no approval can count any more. `ignored`: comment id
    and why, of
    each comment that tried."""

    approval: Approval | None = None
    altered: str | None = None
    ignored: tuple[tuple[str, str], ...] = ()


def new_code() -> str:
    """Random and single-use."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def find_approval(
    ticket: Ticket,
    proposal: Proposal,
    *,
    account: Person,
    approvers: Collection[str],
    groups_of: Callable[[str], frozenset[str]],
    excluded: Collection[str],
) -> Finding:
    """`approvers` are group ids; `excluded` the account ids of the requester and every author.

    Raises TicketsError when it cannot be looked up whether somebody is an approver: then nothing is approved.
    """
    plan = next((comment for comment in ticket.comments if comment.id == proposal.comment_id), None)
    altered = _altered(plan, proposal, account)
    if plan is None or altered:
        return Finding(altered=altered or "the plan's comment was deleted")
    ignored: list[tuple[str, str]] = []
    for comment in sorted(ticket.comments, key=lambda c: (c.created_at, c.id)):
        if comment.id == plan.id or proposal.code.casefold() not in comment.text.casefold():
            continue
        why = _why_not(comment, plan, proposal, excluded)
        author = comment.author
        if why is None and author is not None:
            if groups_of(author.id) & frozenset(approvers):
                return Finding(Approval(author, comment.id), ignored=tuple(ignored))
            why = f"{author.name} is not an approver of this"
        ignored.append((comment.id, why or "its author is unknown"))
    return Finding(ignored=tuple(ignored))


def _altered(plan: Comment | None, proposal: Proposal, account: Person) -> str | None:
    if plan is None:
        return "the plan's comment was deleted"
    if plan.author is None or plan.author.id != account.id:
        return "the plan's comment is not ours"
    if plan.last_editor is not None and plan.last_editor.id != account.id:
        return f"the plan's comment was edited by {plan.last_editor.name}"
    if plan.is_edited or plan.digest != proposal.comment_digest:
        return "the plan's comment is not as it was posted"
    return None


def _why_not(comment: Comment, plan: Comment, proposal: Proposal, excluded: Collection[str]) -> str | None:
    if comment.text.casefold().split() != ["approve", proposal.code.casefold()]:
        return "an approval's whole text must be `approve CODE`"
    if comment.author is None:
        return "its author is unknown"
    if comment.created_at <= plan.created_at:
        return "it was written before the plan was posted"
    if proposal.expires_at is not None and comment.created_at > proposal.expires_at:
        return "it was written after the plan had lapsed"
    if comment.is_edited:
        return "it was edited"
    if comment.author.kind != "person":
        return f"{comment.author.name} is not a person of this organisation"
    if comment.author.id in excluded:
        return f"{comment.author.name} asked for it, so another must approve"
    return None

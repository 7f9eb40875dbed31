"""Whether a ticket's status history is whole: each change must begin where the one before it ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final

from tickets.ticket import FieldChange, Ticket


class Chain(StrEnum):
    """`moved` and `migrated` chains have breaks, all of them explained: by a move to another project, or by a change of
    the workflow, both of which Jira writes into the history while it may change the status without a word."""

    WHOLE = "whole"
    MOVED = "moved"
    MIGRATED = "migrated"
    BROKEN = "broken"


_MOVES: Final = frozenset({"project", "key"})
_MIGRATIONS: Final = frozenset({"workflow"})


def check_chain(ticket: Ticket) -> Chain | None:
    """The state of the ticket's history from its first change to its present status; None where it has no history.

    Of several breaks the worst counts. What stood before the first change cannot be checked: nothing tells it.
    """
    if ticket.status_changes is None:
        return None
    worst = Chain.WHOLE
    for before, after in _breaks(ticket):
        explained = _explanation(ticket.field_changes, before, after)
        if explained is Chain.BROKEN:
            return Chain.BROKEN
        worst = explained if worst is Chain.WHOLE else worst
    return worst


def _breaks(ticket: Ticket) -> Iterator[tuple[datetime, datetime | None]]:
    """Between which instants the status changed without an entry; no second one for the last entry and today."""
    changes = ticket.status_changes or ()
    for one, following in pairwise(changes):
        if not _is_same(one.to_id, one.to_name, following.from_id, following.from_name):
            yield one.at, following.at
    # The history may have been read after the fields: what is newer than them says nothing about their status.
    last = next((change for change in reversed(changes) if change.at <= ticket.updated_at), None)
    if last and not _is_same(last.to_id, last.to_name, ticket.status.id, ticket.status.name):
        yield last.at, None


def _is_same(one_id: str, one_name: str, other_id: str, other_name: str) -> bool:
    """By id, as statuses are renamed; by name where an export has blanked an id."""
    return one_id == other_id if one_id and other_id else one_name.casefold() == other_name.casefold()


def _explanation(changes: tuple[FieldChange, ...], since: datetime, until: datetime | None) -> Chain:
    fields = {c.field.casefold() for c in changes if since <= c.at and (until is None or c.at <= until)}
    if fields & _MOVES:
        return Chain.MOVED
    return Chain.MIGRATED if fields & _MIGRATIONS else Chain.BROKEN

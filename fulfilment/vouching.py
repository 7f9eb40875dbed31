"""What a classification is still worth: what vouched for it holds for the ticket as it stood, not for other words."""

from __future__ import annotations

from dataclasses import replace

from fulfilment.records import Audit
from fulfilment.request import Request
from fulfilment.rows import classification_of
from tickets.ticket import Classification, Ticket

_WORDS = frozenset({"summary", "description"})


def vouched(
    classification: Classification, classified: Ticket | int | str, fresh: Ticket, said: Audit | None
) -> Classification:
    """`classified` is the ticket whose words were classified, `fresh` as it stands, `said` the newest audit of it.

    A certificate counts only for the very words that were classified; a correction only until they are edited.
    """
    if classification.source == "corrected":
        return classification if said is None or not _is_edited_since(fresh, said) else _unvouched(classification)
    if classification.source != "predicted" or classification.certificate is None:
        return classification
    is_same = isinstance(classified, Ticket) and _words(classified) == _words(fresh)
    return classification if is_same else _unvouched(classification)


def remembered(request: Request, ticket: Ticket, *, is_unchanged: bool) -> Classification:
    """The classification that a request was decided on. A given type holds while it stands on the ticket; a predicted
    or corrected one while nothing of the request was edited, else it is a guess."""
    kept = classification_of(request)
    if kept.source == "given":
        if request.request_type == ticket.request_type:
            return replace(kept, score=1.0, certificate=None)
        return Classification(request.request_type, "predicted", 0.0)
    return kept if is_unchanged else _unvouched(kept)


def _unvouched(classification: Classification) -> Classification:
    return replace(classification, source="predicted", certificate=None)


def _is_edited_since(ticket: Ticket, said: Audit) -> bool:
    return any(change.field.casefold() in _WORDS and change.at > said.at for change in ticket.field_changes)


def _words(ticket: Ticket) -> tuple[str, ...]:
    """All that a model reads of a ticket."""
    return (ticket.summary, ticket.description, *ticket.components)

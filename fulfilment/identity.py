"""Who a request is: its identity, the mark of what it makes, and the hash of what was asked."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Iterable

from tickets.ticket import Comment, FormField, Ticket

PROPERTY = "goldenpath"


def request_identity(secret: bytes, *, site: str, ticket_id: int, handler: str, generation: int) -> str:
    """HMAC-SHA256 (hex) of the request: unique, and not to be guessed without the installation's secret."""
    return _hmac(secret, ["request", site, ticket_id, handler, generation])


def resource_mark(secret: bytes, request_id: str) -> str:
    """What makes a resource ours. Derived apart from the identity, which our comments show before anything
    is made."""
    return _hmac(secret, ["mark", request_id])


def slot_fields(ticket: Ticket, field_names: Collection[str]) -> tuple[FormField, ...]:
    """The form fields that fill slots, by their names on the site."""
    wanted = {name.casefold() for name in field_names}
    return tuple(field for field in ticket.form if field.name.casefold() in wanted)


def content_hash(ticket: Ticket, *, fields: Iterable[FormField], replies: Iterable[Comment]) -> str:
    """SHA-256 (hex) of all that was asked: not of status, labels, or anything that we did ourselves."""
    content = {
        "project": ticket.project,
        "ticket_type": ticket.ticket_type,
        "request_type": ticket.request_type,
        "reporter": ticket.reporter.id if ticket.reporter else None,
        "summary": ticket.summary,
        "description": ticket.description,
        "fields": sorted([field.id, field.value] for field in fields),
        "replies": sorted([reply.id, reply.digest] for reply in replies),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def our_comments(ticket: Ticket, account_id: str, *, purpose: str | None = None) -> list[Comment]:
    """Comments of our own account that carry our marker, oldest first. Anybody else's marker is only text."""
    found = []
    for comment in ticket.comments:
        marker = comment.properties.get(PROPERTY)
        if comment.author is None or comment.author.id != account_id or not isinstance(marker, dict):
            continue
        if purpose is None or marker.get("purpose") == purpose:
            found.append(comment)
    return sorted(found, key=lambda comment: (comment.created_at, comment.id))


def _hmac(secret: bytes, parts: list[object]) -> str:
    return hmac.new(secret, json.dumps(parts).encode(), hashlib.sha256).hexdigest()

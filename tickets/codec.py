"""A ticket as bytes and back, exactly: JSON of the whole record, as the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from tickets.ticket import (
    Comment,
    FieldChange,
    FormField,
    Person,
    Status,
    StatusCategory,
    StatusChange,
    Ticket,
)

Raw = Mapping[str, Any]


def encode(ticket: Ticket) -> bytes:
    """The ticket as JSON. Raises ValueError for a naive instant or for properties that JSON cannot hold."""
    for at in _instants(ticket):
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{ticket.key} holds {at.isoformat()}, an instant without a time zone")
    try:
        return orjson.dumps(ticket)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"{ticket.key} cannot be kept: {error}") from error


def decode(document: bytes) -> Ticket:
    """The ticket that `encode` was given. Raises ValueError or KeyError for anything else."""
    raw = orjson.loads(document)
    status, changes = raw["status"], raw["status_changes"]
    return Ticket(
        site=raw["site"],
        id=raw["id"],
        key=raw["key"],
        project=raw["project"],
        ticket_type=raw["ticket_type"],
        request_type=raw["request_type"],
        summary=raw["summary"],
        description=raw["description"],
        status=Status(status["id"], status["name"], StatusCategory(status["category"]), status.get("clock")),
        priority=raw["priority"],
        reporter=_person(raw["reporter"]),
        creator=_person(raw["creator"]),
        assignee=_person(raw["assignee"]),
        labels=tuple(raw["labels"]),
        components=tuple(raw["components"]),
        form=tuple(FormField(part["id"], part["name"], part["value"]) for part in raw["form"]),
        created_at=_instant(raw["created_at"]),
        updated_at=_instant(raw["updated_at"]),
        resolved_at=_instant(raw["resolved_at"]) if raw["resolved_at"] else None,
        status_changes=None if changes is None else tuple(map(_status_change, changes)),
        field_changes=tuple(map(_field_change, raw["field_changes"])),
        comments=tuple(map(_comment, raw["comments"])),
        via_mail=raw["via_mail"],
        security=raw.get("security", ""),
        worklog_seconds=raw.get("worklog_seconds"),
    )


def microseconds(at: datetime) -> int:
    """Epoch microseconds of an aware instant, exact. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(value: int) -> datetime:
    """The aware UTC instant of epoch microseconds; the inverse of `microseconds`."""
    seconds, rest = divmod(value, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instants(ticket: Ticket) -> list[datetime | None]:
    known: list[datetime | None] = [ticket.created_at, ticket.updated_at, ticket.resolved_at]
    known.extend(change.at for change in ticket.status_changes or ())
    known.extend(change.at for change in ticket.field_changes)
    for comment in ticket.comments:
        known += (comment.created_at, comment.updated_at)
    return known


def _instant(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


def _person(raw: Raw | None) -> Person | None:
    return None if raw is None else Person(raw["id"], raw["name"], raw["kind"])


def _status_change(raw: Raw) -> StatusChange:
    return StatusChange(
        raw["id"],
        _instant(raw["at"]),
        _person(raw["author"]),
        raw["from_id"],
        raw["from_name"],
        raw["to_id"],
        raw["to_name"],
    )


def _field_change(raw: Raw) -> FieldChange:
    return FieldChange(
        raw["id"],
        _instant(raw["at"]),
        _person(raw["author"]),
        raw["field"],
        raw["from_value"],
        raw["to_value"],
    )


def _comment(raw: Raw) -> Comment:
    return Comment(
        id=raw["id"],
        author=_person(raw["author"]),
        created_at=_instant(raw["created_at"]),
        updated_at=_instant(raw["updated_at"]),
        last_editor=_person(raw["last_editor"]),
        text=raw["text"],
        digest=raw["digest"],
        is_public=raw["is_public"],
        properties=raw["properties"],
    )

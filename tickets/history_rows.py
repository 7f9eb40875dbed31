"""The rows of the history: what each table holds, and what a ticket becomes in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import pyarrow as pa

from tickets.assignments import holdings
from tickets.history_folder import Kind
from tickets.ticket import Comment, StatusChange, Ticket

Row = tuple[Any, ...]
_AT, _TEXT = pa.timestamp("us", tz="UTC"), pa.string()

# Declared once; a field that may be null says so.
TICKETS = pa.schema(
    [
        pa.field("site", _TEXT, nullable=False),
        pa.field("ticket_id", pa.int64(), nullable=False),
        pa.field("key", _TEXT, nullable=False),
        pa.field("project", _TEXT, nullable=False),
        pa.field("ticket_type", _TEXT, nullable=False),
        pa.field("request_type", _TEXT, nullable=True),  # null where none was given
        pa.field("summary", _TEXT, nullable=False),
        pa.field("priority", _TEXT, nullable=False),
        pa.field("status_id", _TEXT, nullable=False),
        pa.field("status", _TEXT, nullable=False),
        pa.field("status_category", _TEXT, nullable=False),  # new, indeterminate, done, undefined
        pa.field("status_clock", _TEXT, nullable=True),  # what an importer was told; null where nobody said
        pa.field("reporter", _TEXT, nullable=True),  # account id, null where unknown
        pa.field("creator", _TEXT, nullable=True),
        pa.field("assignee", _TEXT, nullable=True),
        pa.field("created_at", _AT, nullable=False),
        pa.field("updated_at", _AT, nullable=False),
        pa.field("resolved_at", _AT, nullable=True),
        pa.field("has_history", pa.bool_(), nullable=False),  # false: unknown, which is not the same as unmoved
        pa.field("worklog_seconds", pa.int64(), nullable=True),  # null where nobody logged work, or nobody says
        pa.field("hand_offs", pa.int32(), nullable=True),  # both as `tickets.assignments`, null without history
        pa.field("bounces", pa.int32(), nullable=True),
    ]
)
CHANGES = pa.schema(
    [
        pa.field("site", _TEXT, nullable=False),
        pa.field("ticket_id", pa.int64(), nullable=False),
        pa.field("change_id", _TEXT, nullable=False),
        pa.field("at", _AT, nullable=False),
        pa.field("author", _TEXT, nullable=True),  # account id, null where the history lacks it
        pa.field("from_id", _TEXT, nullable=False),
        pa.field("from_name", _TEXT, nullable=False),
        pa.field("to_id", _TEXT, nullable=False),
        pa.field("to_name", _TEXT, nullable=False),
    ]
)
COMMENTS = pa.schema(
    [
        pa.field("site", _TEXT, nullable=False),
        pa.field("ticket_id", pa.int64(), nullable=False),
        pa.field("at", _AT, nullable=False),
        pa.field("author", _TEXT, nullable=True),  # account id, null where unknown
        pa.field("kind", _TEXT, nullable=True),  # the author's: person, app, customer
        pa.field("is_public", pa.bool_(), nullable=False),
    ]
)
SCHEMAS: Mapping[Kind, Any] = {"tickets": TICKETS, "changes": CHANGES, "comments": COMMENTS}
SORTED_BY: Mapping[Kind, tuple[str, ...]] = {
    "tickets": ("ticket_id",),
    "changes": ("ticket_id", "at"),
    "comments": ("ticket_id", "at"),
}


def tables_of(tickets: Iterable[Ticket]) -> Mapping[Kind, pa.Table]:
    """The tables of these tickets as `SCHEMAS`, each sorted by site, ticket and time."""
    ticket_rows: list[Row] = []
    change_rows: list[Row] = []
    comment_rows: list[Row] = []
    for ticket in tickets:
        ticket_rows.append(_ticket_row(ticket))
        if ticket.status_changes:
            change_rows.extend(_change_row(ticket, change) for change in ticket.status_changes)
        if ticket.comments:
            comment_rows.extend(_comment_row(ticket, comment) for comment in ticket.comments)
    ticket_rows.sort(key=itemgetter(0, 1))
    change_rows.sort(key=itemgetter(0, 1, 3))  # stable: changes of one instant keep the order of their history
    comment_rows.sort(key=itemgetter(0, 1, 2))
    found: dict[Kind, list[Row]] = {"tickets": ticket_rows, "changes": change_rows, "comments": comment_rows}
    return {kind: _table(rows, SCHEMAS[kind]) for kind, rows in found.items()}


def _table(rows: Sequence[Row], schema: Any) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [() for _ in schema]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _ticket_row(ticket: Ticket) -> Row:
    held = None if ticket.status_changes is None else holdings(ticket.field_changes)
    return (
        ticket.site,
        ticket.id,
        ticket.key,
        ticket.project,
        ticket.ticket_type,
        ticket.request_type,
        ticket.summary,
        ticket.priority,
        ticket.status.id,
        ticket.status.name,
        ticket.status.category.value,
        ticket.status.clock,
        ticket.reporter.id if ticket.reporter else None,
        ticket.creator.id if ticket.creator else None,
        ticket.assignee.id if ticket.assignee else None,
        ticket.created_at,
        ticket.updated_at,
        ticket.resolved_at,
        ticket.status_changes is not None,
        ticket.worklog_seconds,
        held.hand_offs if held else None,
        held.bounces if held else None,
    )


def _change_row(ticket: Ticket, change: StatusChange) -> Row:
    author = change.author.id if change.author else None
    names = (change.from_id, change.from_name, change.to_id, change.to_name)
    return (ticket.site, ticket.id, change.id, change.at, author, *names)


def _comment_row(ticket: Ticket, comment: Comment) -> Row:
    author = comment.author
    who, kind = (author.id, author.kind) if author else (None, None)
    return (ticket.site, ticket.id, comment.created_at, who, kind, comment.is_public)

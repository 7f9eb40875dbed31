"""Tickets as frames: a row per ticket, a row per status change. Built in columns, handed out as pandas."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd
import polars as pl

from tickets.ticket import StatusChange, Ticket

_AT = pl.Datetime("us", "UTC")

# Declared once; the README of a metric is its schema here. All instants are aware UTC.
TICKETS: dict[str, Any] = {
    "site": pl.String,
    "ticket_id": pl.Int64,
    "key": pl.String,
    "project": pl.String,
    "ticket_type": pl.String,
    "request_type": pl.String,  # null where none was given
    "summary": pl.String,
    "text": pl.String,
    "priority": pl.String,
    "status_id": pl.String,
    "status": pl.String,
    "status_category": pl.String,
    "reporter": pl.String,  # account id, null where unknown
    "assignee": pl.String,
    "created_at": _AT,
    "updated_at": _AT,
    "resolved_at": _AT,
    "has_history": pl.Boolean,
}

CHANGES: dict[str, Any] = {
    "site": pl.String,
    "ticket_id": pl.Int64,
    "at": _AT,
    "from_id": pl.String,
    "from_name": pl.String,
    "to_id": pl.String,
    "to_name": pl.String,
    "author": pl.String,  # account id, null where the history lacks it
}


def ticket_frame(tickets: Iterable[Ticket]) -> pd.DataFrame:
    """A row per ticket in the order given, columns as `TICKETS`. Raises ValueError for a naive instant."""
    return _to_pandas([_ticket_row(ticket) for ticket in tickets], TICKETS)


def change_frame(tickets: Iterable[Ticket]) -> pd.DataFrame:
    """A row per status change, by ticket in the order given, columns as `CHANGES`; `at` is aware UTC.

    A ticket without history and a ticket that never moved have no rows: `has_history` of the ticket tells
    them apart. Raises ValueError for a naive instant.
    """
    rows = [_change_row(ticket, change) for ticket in tickets for change in ticket.status_changes or ()]
    return _to_pandas(rows, CHANGES)


def _to_pandas(rows: list[tuple[Any, ...]], schema: dict[str, Any]) -> pd.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row").to_pandas()


def _ticket_row(ticket: Ticket) -> tuple[Any, ...]:
    for at in (ticket.created_at, ticket.updated_at, ticket.resolved_at):
        _check_aware(ticket.key, at)
    return (
        ticket.site,
        ticket.id,
        ticket.key,
        ticket.project,
        ticket.ticket_type,
        ticket.request_type,
        ticket.summary,
        ticket.text,
        ticket.priority,
        ticket.status.id,
        ticket.status.name,
        ticket.status.category.value,
        ticket.reporter.id if ticket.reporter else None,
        ticket.assignee.id if ticket.assignee else None,
        ticket.created_at,
        ticket.updated_at,
        ticket.resolved_at,
        ticket.status_changes is not None,
    )


def _change_row(ticket: Ticket, change: StatusChange) -> tuple[Any, ...]:
    _check_aware(ticket.key, change.at)
    author = change.author.id if change.author else None
    return (
        ticket.site,
        ticket.id,
        change.at,
        change.from_id,
        change.from_name,
        change.to_id,
        change.to_name,
        author,
    )


def _check_aware(key: str, at: datetime | None) -> None:
    if at is not None and at.utcoffset() is None:
        raise ValueError(f"{key}: {at.isoformat()} has no time zone")

"""Tickets and frames from tables drawn in a test, so that a reader can check the figures by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tickets.ticket import Status, StatusCategory, StatusChange, Ticket

CATEGORIES = {
    "Open": StatusCategory.NEW,
    "Working": StatusCategory.IN_PROGRESS,
    "Review": StatusCategory.IN_PROGRESS,
    "Fixed": StatusCategory.DONE,
    "Closed": StatusCategory.DONE,
}
STATUSES = tuple(Status(str(n), name, category) for n, (name, category) in enumerate(CATEGORIES.items(), start=1))


def moment(text: str) -> datetime:
    """`5 09:30` is the 5th of January 2026, half past nine UTC (the 5th is a Monday)."""
    day, clock = text.split()
    hour, minute = clock.split(":")
    return datetime(2026, 1, int(day), int(hour), int(minute), tzinfo=UTC)


def rows(table: str) -> Iterator[list[str]]:
    for line in table.strip().splitlines():
        yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def status(name: str) -> Status:
    return next((s for s in STATUSES if s.name == name), Status(f"x-{name}", name, StatusCategory.UNDEFINED))


def ticket(
    number: int,
    *,
    request_type: str | None = None,
    ticket_type: str = "Service Request",
    summary: str = "",
    description: str = "",
    created: str = "5 09:00",
    resolved: str | None = None,
    present: str = "Open",
    changes: tuple[StatusChange, ...] | None = (),
) -> Ticket:
    at = moment(created)
    return Ticket(
        site="jira.test",
        id=number,
        key=f"OPS-{number}",
        project="OPS",
        ticket_type=ticket_type,
        request_type=request_type,
        summary=summary,
        description=description,
        status=status(present),
        priority="Medium",
        reporter=None,
        creator=None,
        assignee=None,
        labels=(),
        components=(),
        form=(),
        created_at=at,
        updated_at=at,
        resolved_at=moment(resolved) if resolved else None,
        status_changes=changes,
    )


def drawn_tickets(table: str) -> list[Ticket]:
    """Columns: created | request type | resolved | history. A history is `Open, 5 10:00 Working, 5 12:00
    Fixed`: the first
    status, then each move; `?Fixed` is a ticket in that status without any history; `-` in a cell is
    nothing."""
    return [_drawn(number, cells) for number, cells in enumerate(rows(table), start=1)]


def _drawn(number: int, cells: list[str]) -> Ticket:
    created, request_type, resolved, story = cells
    given = None if request_type == "-" else request_type
    done_at = None if resolved == "-" else resolved
    if story.startswith("?"):
        return ticket(number, request_type=given, created=created, resolved=done_at, present=story[1:], changes=None)
    first, *moves = [part.strip() for part in story.split(",")]
    here, changes = first, []
    for move in moves:
        day, clock, name = move.split(" ", 2)
        left, entered = status(here), status(name)
        at = moment(f"{day} {clock}")
        changes.append(StatusChange(str(len(changes)), at, None, left.id, left.name, entered.id, entered.name))
        here = name
    return ticket(number, request_type=given, created=created, resolved=done_at, present=here, changes=tuple(changes))

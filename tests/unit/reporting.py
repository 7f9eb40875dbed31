"""A small queue in a real store, and what the report tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent import bootstrap, config
from agent.operations import QueueView, view_queue
from tests.unit.drawn import status, ticket
from tickets.ticket import FormField, StatusChange, Ticket

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
SITE = "jira.test"
JIRA = f'[jira]\nurl = "https://{SITE}"\nemail = "a@acme.example"\nprojects = ["OPS"]\n'


def request(
    number: int,
    kind: str | None,
    *,
    week: int = 0,
    waited: float | None = 4.0,
    summary: str = "please",
    description: str = "",
    form: tuple[FormField, ...] = (),
    worked: float | None = None,
    **fields: Any,
) -> Ticket:
    """Requested on the Monday of the week, started after so many hours (None: not yet); `worked` hours are logged."""
    at = MONDAY + timedelta(weeks=week)
    left, entered = status("Open"), status("Working")
    moves: tuple[StatusChange, ...] = ()
    if waited is not None:
        moves = (StatusChange("1", at + timedelta(hours=waited), None, left.id, left.name, entered.id, entered.name),)
    drawn = ticket(number, request_type=kind, summary=summary, description=description, changes=moves)
    return replace(
        drawn,
        status=left if waited is None else entered,
        created_at=at,
        updated_at=moves[-1].at if moves else at,
        form=form,
        worklog_seconds=None if worked is None else int(worked * 3600),
        **fields,
    )


def queue(kinds: Sequence[tuple[str, float]], *, weeks: int = 10, each: int = 2) -> list[Ticket]:
    """Tickets of these types that wait so many hours, `each` of them a week."""
    return [
        request(1 + number, kind, week=week, waited=hours)
        for number, (week, kind, hours) in enumerate(
            (week, kind, hours) for week in range(weeks) for kind, hours in kinds for _ in range(each)
        )
    ]


def view_of(folder: Path, tickets: Iterable[Ticket], *, toml: str = JIRA, **options: Any) -> QueueView:
    """What `goldenpath report` shows of these tickets."""
    file = folder / config.FILE_NAME
    file.write_text(toml, encoding="utf-8")
    configuration = config.load(file)
    with bootstrap.open_store(configuration) as store:
        store.save(list(tickets))
    return view_queue(configuration, **({"with_details": True} | options))

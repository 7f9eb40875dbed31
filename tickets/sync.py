"""Brings the store up to date with Jira. A run that is killed goes on where it stopped and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from tickets.backfill import Backfill
from tickets.collector import collecting_rarely
from tickets.fetching import fields_of, ids_of, read_again, read_batch
from tickets.jira_client import JiraClient
from tickets.jira_records import Search
from tickets.store import TicketStore
from tickets.ticket import Rejection

# A ticket may reach Jira's index minutes after it was changed.
OVERLAP: Final = timedelta(minutes=10)
IN_FLIGHT: Final = 8
TRIED_AGAIN: Final = 100  # tickets that were set aside, in each sync; a census tries all of them


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tickets were read, of about how many (None: nobody knows)."""

    stage: Literal["backfill", "changes", "census"]
    done: int
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync read. `changed` are the ids of the tickets that are new or really differ from the store's;
    `started_at` is ticket time, and the next sync begins there minus the overlap; `invisible` are the projects that
    this account does not see, which were left as they are."""

    tickets: int
    status_changes: int
    rejected: int
    changed: tuple[int, ...]
    started_at: datetime
    invisible: tuple[str, ...] = ()


@dataclass
class _Tally:
    tickets: int = 0
    status_changes: int = 0
    rejected: dict[str, int | None] = field(default_factory=dict)  # by source, its id
    changed: dict[int, None] = field(default_factory=dict)

    def add(self, tickets: int, status_changes: int, rejected: Sequence[Rejection], changed: Sequence[int]) -> None:
        self.tickets += tickets
        self.status_changes += status_changes
        self.rejected.update((rejection.source, rejection.ticket_id) for rejection in rejected)
        self.changed.update(dict.fromkeys(changed))


def sync(
    client: JiraClient,
    store: TicketStore,
    *,
    projects: Sequence[str],
    overlap: timedelta = OVERLAP,
    in_flight: int = IN_FLIGHT,
    window: int | None = None,
    processes: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> SyncReport:
    """Reads the projects that are new here from their beginning, `in_flight` windows at a time, and of the others what
    changed since their last complete sync. `window` is the most tickets of one, `processes` how many parse (0: this one
    alone); by default both depend on how many tickets there are.
    Raises TicketsError; what was saved until then stays.
    """
    if not projects:
        raise ValueError("a sync needs at least one project")
    client.confirm_account()  # a lost log-in would show fewer tickets and no error
    visible = client.visible(projects)
    readable = [project for project in projects if project in visible]
    store.save_statuses(client.site, client.statuses())
    started_at, tally = client.now(), _Tally()
    cursors = store.book.cursors(client.site, readable)
    fresh = [project for project in readable if project not in cursors]
    if fresh:
        backfill = Backfill(
            client,
            store,
            fresh,
            started_at=started_at,
            in_flight=in_flight,
            window=window,
            processes=processes,
        )
        with collecting_rarely(), closing(backfill.run()) as kept:
            for read, changed in kept:
                tally.add(len(read.rows), read.status_changes, read.rejected, changed)
                progress(Progress("backfill", backfill.done, backfill.expected))
        cursors |= backfill.planned_at
        for project, at in backfill.planned_at.items():
            store.book.finish(client.site, [project], at)
    for since in sorted(set(cursors.values()) - {started_at}):
        group = tuple(project for project, at in cursors.items() if at == since)
        # Without an upper bound: a ticket that changes meanwhile moves to the end and is not lost.
        for page in client.search(Search(group, "updated", since - overlap), fields_of(client)):
            batch = read_batch(client, page, known=store.versions(client.site, ids_of(page)))
            changed = store.save(batch.tickets, rejected=batch.rejected)
            tally.add(len(batch.tickets), batch.status_changes, batch.rejected, changed)
            if batch.tickets:
                store.book.reach(client.site, group, min(batch.tickets[-1].updated_at, started_at))
            progress(Progress("changes", tally.tickets))
    store.book.finish(client.site, readable, started_at)
    # One bad answer may be over: no change of theirs brings these back.
    set_aside = sorted(store.rejected_ids(client.site) - set(tally.rejected.values()))[-TRIED_AGAIN:]
    if set_aside:
        tally.changed.update(dict.fromkeys(read_again(client, store, set_aside, readable).changed))
    return SyncReport(
        tally.tickets,
        tally.status_changes,
        len(tally.rejected),
        tuple(tally.changed),
        started_at,
        tuple(project for project in projects if project not in visible),
    )

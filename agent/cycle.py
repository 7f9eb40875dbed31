"""One cycle: sync, look at what is new or unfinished, act, remember."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from agent.calling import deliver
from agent.errors import AgentError
from agent.said import said_in
from agent.syncing import refresh
from analytics.errors import AnalyticsError
from fulfilment.errors import FulfilmentError
from fulfilment.request import Outcome, Request, Result
from tickets.errors import TicketsError
from tickets.sync import Progress, SyncReport
from tickets.ticket import Classification, Ticket

if TYPE_CHECKING:
    from agent.bootstrap import Rooms

log = logging.getLogger("goldenpath.cycle")


@dataclass(frozen=True, slots=True)
class CycleReport:
    """`outcomes` holds one entry for each ticket or request that was looked at; `errors` counts the tickets whose turn
    failed unexpectedly (they are looked at again in the next cycle), and the failed tries to call a person; `obstacles`
    are the projects in which nothing was done, because the copy of them is not provably whole, each with the reason."""

    started_at: datetime
    seconds: float
    synced: SyncReport
    outcomes: tuple[Outcome, ...]
    errors: int
    obstacles: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(outcome.result.value for outcome in self.outcomes))


def run_cycle(
    rooms: Rooms,
    *,
    on_sync: Callable[[Progress], None] = lambda _: None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> CycleReport:
    """Raises TicketsError when Jira cannot be read; what fails for one ticket stays with that ticket. Once
    `is_stopping`, no further ticket is looked at: the next cycle does."""
    start = monotonic()
    fresh_copy = refresh(rooms.configuration, rooms.client, rooms.store, progress=on_sync)
    synced, obstacles = fresh_copy.synced, fresh_copy.obstacles
    outcomes: list[Outcome] = []
    errors = 0
    rooms.engine.record_modes()
    due = [request for request in rooms.engine.due() if project_of(rooms, request) not in obstacles]
    turns: list[tuple[str, Callable[[], Outcome | None]]] = [
        (request.ticket_key, partial(rooms.engine.advance, request)) for request in due
    ]
    unfinished = {request.ticket_id for request in due}
    fresh = [t for t in new_tickets(rooms) if t.id not in unfinished and t.project not in obstacles]
    try:
        told = classify(rooms, fresh)
    except (AgentError, AnalyticsError, FulfilmentError) as error:  # what is begun goes on; the rest waits
        errors += 1
        fresh, told = [], []
        log.error("no new ticket is looked at in this cycle: %s", error)
    for ticket, classification in zip(fresh, told, strict=True):
        turns.append((ticket.key, partial(consider, rooms, ticket, classification)))
    for key, turn in turns:
        if is_stopping():
            break
        try:
            outcome = turn()
        except TicketsError as error:
            errors += 1
            log.warning("%s: Jira could not be used: %s", key, error)
        except Exception:  # the border: one ticket's trouble must not stop the others
            errors += 1
            log.exception("%s: its turn failed; it is looked at again in the next cycle", key)
        else:
            if outcome is not None:
                outcomes.append(outcome)
                on_outcome(outcome)
    errors += deliver(rooms)
    errors += not is_anchored(rooms)
    rooms.ledger.mark_cycle(is_good=not errors, obstacles=obstacles)
    return CycleReport(synced.started_at, monotonic() - start, synced, tuple(outcomes), errors, obstacles)


def is_anchored(rooms: Rooms) -> bool:
    """Keeps the ledger's head where the configuration says; False, and logged, where that failed."""
    file = rooms.configuration.anchor_file
    if file is not None:
        try:
            rooms.ledger.anchor(file, at=rooms.client.now())
        except FulfilmentError as error:
            log.error("the ledger was not anchored: %s", error)
            return False
    return True


def project_of(rooms: Rooms, request: Request) -> str:
    """Of the request's ticket, which may have moved since."""
    ticket = rooms.store.get(request.ticket_id, site=rooms.client.site)
    return ticket.project if ticket else request.ticket_key.rpartition("-")[0]


def new_tickets(rooms: Rooms) -> list[Ticket]:
    """Open tickets, young enough, that have changed since they were last considered."""
    oldest = rooms.client.now() - rooms.policy.maximum_age
    return rooms.store.unconsidered(rooms.client.site, projects=tuple(rooms.policy.projects), created_since=oldest)


def consider(rooms: Rooms, ticket: Ticket, classification: Classification | None) -> Outcome | None:
    """Lets the engine decide, then remembers that this version of the ticket was decided about."""
    if classification is None:
        reason = "no request type was chosen on a form, and none can be told from its words"
        outcome = rooms.engine.leave(ticket, reason)
    else:
        outcome = rooms.engine.consider(ticket, classification)
    if outcome.result is not Result.UNCERTAIN:  # "cannot tell" is no decision: the next cycle asks again
        rooms.store.mark_considered(ticket)
    return outcome


def classify(rooms: Rooms, tickets: list[Ticket]) -> list[Classification | None]:
    """What people said, given types, then the model's with what vouches for them; None where no model can be had."""
    if not tickets:
        return []
    from agent import learning, model

    said = said_in(rooms.ledger.evidence)
    live = model.load_or_train(rooms.configuration, rooms.store.tickets(), said)
    if live is None:
        return model.classify(None, tickets, said)
    live = learning.maintain(rooms.configuration, live, rooms.store, rooms.ledger, at=rooms.client.now())
    return model.classify(live, tickets, said_in(rooms.ledger.evidence))

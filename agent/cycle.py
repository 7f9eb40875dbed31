"""One cycle: sync, look at what is new or unfinished, act, remember."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from agent import bootstrap
from agent.errors import AgentError
from fulfilment.request import Outcome, Result
from tickets.errors import TicketsError
from tickets.sync import SyncReport, sync
from tickets.ticket import Classification, Ticket

if TYPE_CHECKING:
    from agent.bootstrap import Rooms
    from analytics.classify import Classifier

log = logging.getLogger("goldenpath.cycle")


@dataclass(frozen=True, slots=True)
class CycleReport:
    """`outcomes` holds one entry for each ticket or request that was looked at; `errors` counts the tickets whose turn
    failed unexpectedly (they are looked at again in the next cycle)."""

    started_at: datetime
    seconds: float
    synced: SyncReport
    outcomes: tuple[Outcome, ...]
    errors: int

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(outcome.result.value for outcome in self.outcomes))


def run_cycle(
    rooms: Rooms,
    *,
    on_sync: Callable[[int], None] = lambda _: None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> CycleReport:
    """Raises TicketsError when Jira cannot be read; what fails for one ticket stays with that ticket."""
    start = monotonic()
    synced = sync(rooms.client, rooms.store, projects=tuple(rooms.policy.projects), progress=on_sync)
    outcomes: list[Outcome] = []
    errors = 0
    due = rooms.engine.due()
    turns: list[tuple[str, Callable[[], Outcome | None]]] = [
        (request.ticket_key, lambda request=request: rooms.engine.advance(request)) for request in due  # type: ignore[misc]
    ]
    unfinished = {request.ticket_id for request in due}
    fresh = [ticket for ticket in new_tickets(rooms) if ticket.id not in unfinished]
    for ticket, classification in zip(fresh, classify(rooms, fresh), strict=True):
        turns.append((ticket.key, lambda t=ticket, c=classification: consider(rooms, t, c)))  # type: ignore[misc]
    for key, turn in turns:
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
    return CycleReport(synced.started_at, monotonic() - start, synced, tuple(outcomes), errors)


def new_tickets(rooms: Rooms) -> list[Ticket]:
    """Open tickets, young enough, that have changed since they were last considered."""
    oldest = rooms.client.now() - rooms.policy.maximum_age
    return rooms.store.unconsidered(projects=tuple(rooms.policy.projects), created_since=oldest)


def consider(rooms: Rooms, ticket: Ticket, classification: Classification | None) -> Outcome | None:
    """Lets the engine decide, then remembers that this version of the ticket was looked at."""
    if classification is None:
        reason = "no request type was chosen on a form, and there are too few labelled tickets to learn types from"
        outcome = Outcome(ticket.key, Result.LEFT_TO_PEOPLE, (reason,))
    else:
        outcome = rooms.engine.consider(ticket, classification)
    rooms.store.mark_considered(ticket)
    return outcome


def classify(rooms: Rooms, tickets: list[Ticket]) -> list[Classification | None]:
    """Given types as they are; the others by the model, or None where no model can be had."""
    if not tickets:
        return []
    classifier = load_or_train(rooms) if any(ticket.request_type is None for ticket in tickets) else None
    if classifier is not None:
        return list(classifier.classify(tickets))
    return [Classification(t.request_type, "given", 1.0) if t.request_type else None for t in tickets]


def load_or_train(rooms: Rooms) -> Classifier | None:
    """The stored model; trained from the store's own labels when there is none. None: too few labels."""
    from analytics.classify import Classifier
    from analytics.errors import ModelRefused, NotEnoughLabels

    folder = bootstrap.model_folder(rooms.configuration)
    if folder.exists():
        try:
            return Classifier.load(folder)
        except ModelRefused as error:
            raise AgentError(f"{error} Delete {folder} to train anew from the store.") from None
    try:
        classifier = Classifier.train(list(rooms.store.tickets()))
    except NotEnoughLabels as error:
        log.info("no model yet: %s", error)
        return None
    classifier.save(folder)
    return classifier

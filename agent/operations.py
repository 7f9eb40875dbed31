"""What people can look at or do, each once: the command line and the dashboard both come here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent import bootstrap
from agent.config import Configuration
from agent.errors import AgentError
from fulfilment.chain import Entry
from fulfilment.engine import Rehearsal
from fulfilment.handler import discover
from fulfilment.request import Request
from tickets.proof import Proof, read_proof
from tickets.store import StoreFacts, TicketStore
from tickets.ticket import Ticket

if TYPE_CHECKING:
    import pandas as pd

    from analytics.calendars import BusinessCalendar
    from analytics.savings import Saved
    from analytics.top_requests import TopReport


@dataclass(frozen=True, slots=True)
class QueueView:
    """Everything the report and the pages show of the queue. `flow` has a row per ticket, `weekly` one per week of
    service requests."""

    facts: StoreFacts
    as_of: datetime
    since: datetime | None
    flow: pd.DataFrame
    weekly: pd.DataFrame
    report: TopReport
    saved: Saved
    proof: Proof


def view_queue(
    configuration: Configuration, *, since: timedelta | None = None, count: int = 3, may_train: bool = False
) -> QueueView:
    """Measures the stored tickets. Raises AgentError when there are none.

    `may_train` lets it train and store a model where there is none yet; without one, tickets whose type was not chosen
    on a form are not ranked, and the report says so.
    """
    from agent import model
    from analytics import flow as flow_of
    from analytics.catalogue import kind_of
    from analytics.cost import Assumptions
    from analytics.frames import change_frame, ticket_frame
    from analytics.savings import assumed, outcomes_frame
    from analytics.top_requests import top_requests

    with bootstrap.open_store(configuration, must_exist=True) as store:
        facts = store.facts()
        tickets = list(store.tickets())
        statuses = store.statuses()
        proof = prove(configuration, store)
    if not tickets:
        raise AgentError("the ticket store is empty: `goldenpath sync` or `goldenpath import FILE` fills it")
    as_of = max(filter(None, (facts.last_sync_at, facts.newest)))
    start = as_of - since if since else None
    chosen = [ticket for ticket in tickets if start is None or ticket.created_at >= start]
    flow = flow_of.measure(
        ticket_frame(chosen),
        change_frame(chosen),
        calendar=calendar_of(configuration, tickets, as_of),
        now=as_of,
        statuses=statuses,
    )
    known = model.load_or_train(configuration, tickets) if may_train else model.load(configuration)
    types = model.classify(known, chosen)
    money = configuration.assumptions
    assumptions = Assumptions(hourly_cost=money.hourly_cost, blocked_share=money.blocked_share, currency=money.currency)
    report = top_requests(
        flow, types, handlers=handlers_by_type(), count=count, now=as_of, since=start, assumptions=assumptions
    )
    saved = assumed(
        outcomes_frame(outcome_rows(configuration, {ticket.id for ticket in chosen})),
        flow,
        types,
        minutes=money.minutes,
        default_minutes=money.minutes_per_ticket,
    )
    is_request = [kind is not None and kind_of(kind.request_type) == "request" for kind in types]
    return QueueView(facts, as_of, start, flow, flow_of.weekly(flow[is_request]), report, saved, proof)


def prove(configuration: Configuration, store: TicketStore) -> Proof:
    """What the store can prove of the configured projects; empty where no Jira is configured."""
    jira = configuration.jira
    return read_proof(
        store,
        site=(urlsplit(jira.url).hostname or "") if jira else "",
        projects=jira.projects if jira else (),
    )


def view_proof(configuration: Configuration) -> Proof | None:
    """None where there are no tickets yet."""
    if not bootstrap.store_path(configuration).exists():
        return None
    with bootstrap.open_store(configuration) as store:
        return prove(configuration, store)


def outcome_rows(
    configuration: Configuration, tickets: Collection[int]
) -> list[tuple[int, str, str, datetime | None, bool, float]]:
    """What came of each request of these tickets, for the savings. None of them reviewed: 0 minutes."""
    if not bootstrap.ledger_path(configuration).exists():
        return []
    with bootstrap.open_ledger(configuration) as ledger:
        return [
            (
                o.ticket_id,
                o.request_type,
                o.result.value,
                o.applied_at,
                o.is_corrected,
                o.review_minutes or 0.0,
            )
            for o in ledger.outcomes()
            if o.ticket_id in tickets
        ]


def calendar_of(configuration: Configuration, tickets: Iterable[Ticket], as_of: datetime) -> BusinessCalendar:
    """The configured working hours, over all the time that the tickets span."""
    from analytics.calendars import office_hours

    hours = configuration.calendar
    oldest = min((ticket.created_at for ticket in tickets), default=as_of)
    return office_hours(
        zone=hours.time_zone,
        start=hours.start,
        end=hours.end,
        weekdays=tuple(day - 1 for day in hours.weekdays),
        holidays=frozenset(hours.holidays),
        first=(oldest - timedelta(days=7)).date(),
        last=(as_of + timedelta(days=7)).date(),
    )


def handlers_by_type() -> dict[str, str]:
    """Request type → the handler that serves it."""
    return {kind: name for name, handler in sorted(discover().items()) for kind in handler.request_types}


def rehearse(rooms: bootstrap.Rooms, key: str) -> Rehearsal:
    """What would be done with this ticket now; reads only."""
    from agent.cycle import classify

    ticket = rooms.client.ticket(key)
    classification = classify(rooms, [ticket])[0]
    if classification is None:
        raise AgentError(
            f"{key} has no request type from a form, and there are too few labelled tickets to learn types from"
        )
    return rooms.engine.rehearse(ticket, classification)


@dataclass(frozen=True, slots=True)
class Fulfilments:
    """Every request with its story, newest first; `whole` is whether the ledger's chain holds."""

    requests: tuple[Request, ...]
    whole: bool


def view_fulfilments(configuration: Configuration) -> Fulfilments | None:
    """None where there is no ledger yet."""
    if not bootstrap.ledger_path(configuration).exists():
        return None
    with bootstrap.open_ledger(configuration) as ledger:
        requests = sorted(ledger.requests(), key=lambda request: request.updated_at, reverse=True)
        return Fulfilments(tuple(requests), ledger.verify().broken_at is None)


def view_story(configuration: Configuration, key: str) -> list[Entry]:
    with bootstrap.open_ledger(configuration, must_exist=True) as ledger:
        return ledger.story(key)

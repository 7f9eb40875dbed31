"""What people can look at or do, each once: the command line and the dashboard both come here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent import bootstrap
from agent.config import Configuration
from agent.errors import AgentError
from agent.report_view import Detail, details_of
from fulfilment.chain import Entry, VerifyReport
from fulfilment.engine import Rehearsal
from fulfilment.handler import discover
from fulfilment.request import Request
from tickets.proof import Proof, read_proof
from tickets.store import StoreFacts, TicketStore

if TYPE_CHECKING:
    import pandas as pd

    from agent.flow_view import FlowView, SavingsView
    from analytics.savings import Savings
    from analytics.summary import Grouping
    from analytics.top_records import RankBy, TopReport


@dataclass(frozen=True, slots=True)
class QueueView:
    """Everything the report and the pages show of the queue. `flow` has a row per ticket, `weekly` one per week of
    service requests. `details` has what was read in the words of the tickets, by type; empty where nobody asked."""

    facts: StoreFacts
    as_of: datetime
    since: datetime | None
    flow: pd.DataFrame
    weekly: pd.DataFrame
    report: TopReport
    saved: Savings
    proof: Proof
    details: Mapping[str, Detail] = field(default_factory=dict)


def view_queue(
    configuration: Configuration,
    *,
    since: timedelta | None = None,
    count: int = 3,
    rank_by: RankBy = "waiting",
    may_train: bool = False,
    with_details: bool = False,
) -> QueueView:
    """Measures the stored tickets. Raises AgentError when there are none.

    `may_train` lets it train and store a model where there is none yet; without one, tickets whose type was not chosen
    on a form are not ranked, and the report says so.
    """
    from agent.measuring import assumptions_of, measure_store
    from analytics.catalogue import kind_of
    from analytics.savings import FULFILLED, outcomes_frame, savings
    from analytics.top_requests import top_requests
    from analytics.weeks import since_week, weekly

    assumptions = assumptions_of(configuration)
    outcomes = outcomes_frame(outcome_rows(configuration))
    fulfilled = outcomes.loc[outcomes["outcome"] == FULFILLED, "ticket_id"]
    with bootstrap.open_store(configuration, must_exist=True) as store:
        measured = measure_store(configuration, store, may_train=may_train)
        proof = prove(configuration, store)
        table, start = measured.table, measured.as_of - since if since else None
        own = own_site(configuration, table)
        report = top_requests(
            table,
            measured.types,
            handlers=handlers_by_type(),
            count=count,
            now=measured.as_of,
            since=start,
            rank_by=rank_by,
            assumptions=assumptions,
            types=measured.kinds,
            is_automated=table.index.isin(own.index[own["ticket_id"].isin(fulfilled)]),
        )
        flow = table if start is None else table[table["requested_at"] >= start]
        details = _details(configuration, store, flow, report) if with_details else {}
    saved = savings(outcomes, own, assumptions=assumptions, since=start)
    is_request = [
        told is not None and kind_of(told.request_type, measured.kinds) == "request" for told in measured.types
    ]
    weeks = since_week(weekly(table[is_request]), start)
    return QueueView(measured.facts, measured.as_of, start, flow, weeks, report, saved, proof, details)


def _details(
    configuration: Configuration, store: TicketStore, flow: pd.DataFrame, report: TopReport
) -> Mapping[str, Detail]:
    jira_url = configuration.jira.url if configuration.jira else ""
    modes = {name: table.mode for name, table in configuration.handlers.items()}
    return details_of(store, flow, report, jira_url=jira_url, modes=modes)


def own_site(configuration: Configuration, table: pd.DataFrame) -> pd.DataFrame:
    """The tickets of the Jira that the agent works in: an imported log may have the same numbers."""
    if configuration.jira is None:
        return table
    return table[(table["site"].astype("str") == urlsplit(configuration.jira.url).hostname).to_numpy()]


def view_weeks(configuration: Configuration, *, since: timedelta | None = None) -> tuple[pd.DataFrame, datetime] | None:
    """Service requests by week, and as of when: of what a sync has kept, in a tenth of a second also of a million
    tickets. None where nothing is kept: then `view_queue` has it."""
    from agent.measuring import mark_of
    from analytics.kept import kept

    folder = bootstrap.history_folder(configuration)
    if not folder.exists():
        return None
    with bootstrap.open_store(configuration, must_exist=True) as store:
        mark = mark_of(configuration, store)
    found = kept(folder, mark=mark) if mark else None
    if found is None:
        return None
    return found.weeks(since=found.as_of - since if since else None, requests_only=True), found.as_of


def view_flow(configuration: Configuration, *, by: Grouping | None = None, since: timedelta | None = None) -> FlowView:
    """Measures the stored queue, and tells what is wrong with its data. Raises AgentError when there are no tickets."""
    import pandas as pd

    from agent.flow_view import FlowView, calendar_sentences
    from agent.measuring import assumptions_of, measure_store
    from analytics.cost import costs_by_group, load
    from analytics.quality import quality
    from analytics.summary import summarise
    from analytics.trend import trend
    from analytics.weeks import ageing, since_week, weekly

    with bootstrap.open_store(configuration, must_exist=True) as store:
        measured = measure_store(configuration, store)
        proof = prove(configuration, store)
    table, walk, now = measured.table, measured.walk, measured.as_of
    start = now - since if since else None
    chosen = table if start is None else table[table["requested_at"] >= pd.Timestamp(start)].reset_index(drop=True)
    assumptions = assumptions_of(configuration)

    def summary(grouping: Grouping | None) -> pd.DataFrame:
        frame = summarise(chosen, by=grouping)
        return frame.assign(cost_of_waiting=frame["group"].map(costs_by_group(chosen, assumptions, by=grouping)))

    capacity = configuration.assumptions.capacity_hours
    automated = {row[0] for row in outcome_rows(configuration) if row[2] == "fulfilled"}
    days, mine = walk.cumulative(), own_site(configuration, table)
    return FlowView(
        facts=measured.facts,
        as_of=now,
        since=start,
        by=by,
        groups=summary(by),
        everything=summary(None),
        weeks=since_week(weekly(table), start),
        days=days if start is None else days[days["day"] >= pd.Timestamp(start).floor("D")],
        ageing=ageing(table),
        statuses=walk.status_summary(chosen),
        trend=trend(table, now=now),
        business_trend=trend(table, now=now, business=True),
        load=load(mine, assumptions, capacity_hours=capacity, now=now, automated=automated) if capacity else None,
        quality=quality(walk, table),
        rules=tuple(walk.clocks.sentences()),
        calendars=calendar_sentences(configuration),
        assumptions=assumptions,
        proof=proof,
    )


def view_savings(configuration: Configuration, *, since: timedelta | None = None) -> SavingsView:
    """What the golden paths saved, of the tickets fulfilled since. Raises AgentError when there are no tickets."""
    from agent.flow_view import SavingsView
    from agent.measuring import assumptions_of, measure_store
    from analytics.catalogue import kind_of
    from analytics.effects import effect
    from analytics.savings import FULFILLED, outcomes_frame, savings

    with bootstrap.open_store(configuration, must_exist=True) as store:
        measured = measure_store(configuration, store)
        proof = prove(configuration, store)
    table, now = measured.table, measured.as_of
    start = now - since if since else None
    rows = outcome_rows(configuration)
    assumptions = assumptions_of(configuration)
    live: dict[str, datetime] = {}
    served = handlers_by_type()
    for _, kind, outcome, applied_at, _, _ in rows:
        if outcome == FULFILLED and applied_at is not None and kind in served:
            live[served[kind]] = min(applied_at, live.get(served[kind], applied_at))
    known = {str(name) for name in table["type"].dropna().unique()}
    manual = {name for name in known if kind_of(name, measured.kinds) == "request" and served.get(name) not in live}
    effects = tuple(
        effect(
            table,
            path=path,
            types={kind for kind, handler in served.items() if handler == path},
            manual=manual,
            live_since=live_since,
            now=now,
        )
        for path, live_since in sorted(live.items())
    )
    saved = savings(outcomes_frame(rows), own_site(configuration, table), assumptions=assumptions, since=start)
    return SavingsView(now, start, saved, effects, assumptions, proof)


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
    if not bootstrap.has_store(configuration):
        return None
    with bootstrap.open_store(configuration) as store:
        return prove(configuration, store)


def outcome_rows(configuration: Configuration) -> list[tuple[int, str, str, datetime | None, bool, float]]:
    """What came of each request, for the savings. None of them reviewed: 0 minutes."""
    if not bootstrap.has_ledger(configuration):
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
        ]


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
            f"{key} has no request type from a form, and none can be told from its words: `goldenpath types explain "
            f"{key}` shows what the model knows of them"
        )
    return rooms.engine.rehearse(ticket, classification)


def view_fulfilments(configuration: Configuration) -> tuple[Request, ...] | None:
    """Every request, newest first; None where there is no ledger yet."""
    if not bootstrap.has_ledger(configuration):
        return None
    with bootstrap.open_ledger(configuration) as ledger:
        return tuple(sorted(ledger.requests(), key=lambda request: request.updated_at, reverse=True))


def verify_ledger(configuration: Configuration) -> VerifyReport | None:
    """Reads every row of it: some 15 seconds for a million. None where there is no ledger yet."""
    if not bootstrap.has_ledger(configuration):
        return None
    with bootstrap.open_ledger(configuration) as ledger:
        return ledger.verify()


def view_story(configuration: Configuration, key: str) -> list[Entry]:
    with bootstrap.open_ledger(configuration, must_exist=True) as ledger:
        return ledger.story(key)

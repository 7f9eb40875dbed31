"""People say what tickets ask for: whom to ask about which, what they said, and what a ticket is taken for."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime
from typing import Any

from agent import model
from agent.config import Configuration
from agent.discovering import unknown_type
from agent.errors import AgentError
from agent.learning import certify, newest_untyped, types_of, untaught_opinions
from agent.model import LiveModel
from agent.said import Said, operator, said_at, said_in
from fulfilment.handler import discover
from fulfilment.ledger import Ledger
from fulfilment.records import Audit, AuditQuestion
from tickets.store import TicketStore
from tickets.ticket import Ticket

Told = tuple[str | None, float | None, str | None]  # what was predicted, with which score, by which model


def ask(
    configuration: Configuration,
    store: TicketStore,
    ledger: Ledger,
    *,
    count: int,
    request_type: str | None,
    at: datetime,
) -> list[tuple[AuditQuestion, Ticket]]:
    """The tickets that people should say the type of: those asked before and not answered, then a random sample of the
    newest ones without a given type, `count` in all. Raises AgentError where there is no model or no such type."""
    live = _required(configuration)
    said = said_in(ledger.evidence)
    wanted = None if request_type is None else _known(request_type, types_of(live, said), said)
    newest = {(ticket.site, ticket.id): ticket for ticket in newest_untyped(store.tickets(), without=said.audits)}
    opinions = untaught_opinions(configuration, live, list(newest.values()), said)
    pool = {
        key: AuditQuestion(ticket.site, ticket.id, ticket.key, *opinion, live.sha256)
        for (key, ticket), opinion in zip(newest.items(), opinions, strict=True)
        if opinion is not None
    }
    asked = {(one.site, one.ticket_id): one for one in ledger.evidence.asked()}
    # Of tickets that an older model was asked about, the opinion of the live one is shown and counted.
    before = [pool.get(key, one) for key, one in asked.items() if key in newest]
    questions = [one for one in before if wanted in (None, one.predicted)][:count]
    fresh = [one for key, one in pool.items() if key not in asked and wanted in (None, one.predicted)]
    dice = random.Random(f"{live.sha256} {len(asked)}")  # noqa: S311 - a sample, no secret: the same call asks the same
    drawn = dice.sample(fresh, min(max(count - len(questions), 0), len(fresh)))
    drawn.sort(key=lambda one: (one.site, one.ticket_id))  # as the ledger gives them back
    ledger.evidence.ask(drawn, at)
    return [(one, newest[one.site, one.ticket_id]) for one in (*questions, *drawn)]


def say(
    configuration: Configuration,
    store: TicketStore,
    ledger: Ledger,
    key: str,
    request_type: str,
    *,
    by: str | None,
    at: datetime,
) -> dict[str, Any]:
    """Keeps what a person says that a ticket asks for, counts the certificates anew, and lets the next cycle look at
    the ticket again. Raises AgentError for a ticket or a type that nobody knows, naming near ones."""
    ticket = _found(store, key)
    live, evidence = model.load(configuration), ledger.evidence
    said = said_in(evidence)
    name = _known(request_type, _sayable(configuration, store, live, said), said)
    asked = next((one for one in evidence.asked() if (one.site, one.ticket_id) == (ticket.site, ticket.id)), None)
    predicted, score, told_by = _told(configuration, live, ticket, said, asked)
    audit = Audit(
        site=ticket.site,
        ticket_id=ticket.id,
        ticket_key=ticket.key,
        request_type=name,
        source="correction" if asked is None else "audit",
        author=by or operator(),
        at=ticket.updated_at,  # of the words that were read, by Jira's clock: a later edit voids what is said
        predicted=predicted,
        score=score,
        model=told_by,
    )
    is_new = evidence.audit(audit)
    store.forget_considered(ticket)
    if live is not None:
        certify(configuration, live, ledger, at=at)
    return {
        "ticket": ticket.key,
        "request_type": name,
        "predicted": predicted,
        "score": score,
        "source": audit.source,
        "is_new": is_new,
    }


def explain(configuration: Configuration, store: TicketStore, key: str) -> dict[str, Any]:
    """What a ticket is taken to ask for, why, and which words spoke for and against it."""
    ticket = _found(store, key)
    live, said = _required(configuration), said_at(configuration)
    told = model.classify(live, [ticket], said)[0]
    opinion = model.predict(live, [ticket], said)[0]
    return {
        "ticket": ticket.key,
        "request_type": told.request_type if told else None,
        "source": told.source if told else None,
        "predicted": opinion.request_type if opinion else None,
        "score": opinion.score if opinion else None,
        "certificate": opinion.certificate if opinion else None,
        "words": [{"term": word.term, "weight": round(word.weight, 3)} for word in live.classifier.explain(ticket)],
    }


def _found(store: TicketStore, key: str) -> Ticket:
    ticket = store.get(key)
    if ticket is None:
        projects = ", ".join(sorted({one.project for one in store.partitions()})) or "no project"
        raise AgentError(
            f"the store has no ticket {key}: `goldenpath sync` fetches new ones, or the key is misspelt; it holds "
            f"tickets of {projects}"
        )
    return ticket


def _known(name: str, known: Collection[str], said: Said) -> str:
    """What stands for the type. Raises AgentError naming near ones."""
    if (root := said.root(name)) in known:
        return root
    raise AgentError(unknown_type(name, known))


def _sayable(configuration: Configuration, store: TicketStore, live: LiveModel | None, said: Said) -> set[str]:
    """The types that the model knows, that people named, that golden paths are for, and that say what is no request."""
    from analytics.catalogue import APART

    handlers = discover()
    paths = {name for handler in configuration.handlers for name in handlers[handler].request_types}
    taught = types_of(live, said) if live else {one.request_type for one in store.tickets() if one.request_type}
    return {*taught, *said.kinds, *paths, *APART}


def _told(
    configuration: Configuration, live: LiveModel | None, ticket: Ticket, said: Said, asked: AuditQuestion | None
) -> Told:
    """What a model said of the ticket before anybody told it: the live one, whose certificates it counts for, else the
    one that people were asked about."""
    opinion = untaught_opinions(configuration, live, [ticket], said)[0] if live else None
    if live is not None and opinion is not None:
        return (*opinion, live.sha256)
    return (None, None, None) if asked is None else (asked.predicted, asked.score, asked.model)


def _required(configuration: Configuration) -> LiveModel:
    live = model.load(configuration)
    if live is None:
        raise AgentError("there is no model yet: `goldenpath train` makes one from the stored tickets")
    return live

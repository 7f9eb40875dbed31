"""Request types in operation: learned from the store, certified, watched for drift, and asked about.

A new model goes live only if it is no worse than the old one on the newest tickets, of which neither had learned.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent import bootstrap, model
from agent.config import Configuration
from agent.errors import AgentError
from agent.model import LiveModel
from agent.said import Identity, Said, operator, read_discovered, said_at, said_in
from fulfilment.ledger import Ledger
from fulfilment.records import Audit, AuditQuestion, Certificate
from tickets.store import TicketStore
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from analytics.audited import Audited
    from analytics.classify import Classifier

log = logging.getLogger("goldenpath.learning")

NEWEST = 400  # tickets without a given type: what drift and audits look at


BETWEEN_LOOKS = timedelta(hours=1)
LOOKED_FILE = "learning.json"


@dataclass(frozen=True, slots=True)
class Looked:
    """When the schedule last looked after its model, and how many labels it had learned from, or tried to."""

    at: datetime
    labelled: int


@dataclass(frozen=True, slots=True)
class Trained:
    """`is_live` is whether the new model replaced the old one; `compared` newest tickets were shown to both, of which
    the new one named `right` right and the old one `right_before`."""

    classifier: Classifier
    is_live: bool
    compared: int
    right: int
    right_before: int
    certificates: tuple[Certificate, ...]


def train(configuration: Configuration, store: TicketStore, ledger: Ledger, *, at: datetime) -> Trained:
    """Learns from the stored tickets, and goes live where that is no worse. Raises NotEnoughLabels."""
    from analytics import model_file

    said = said_in(ledger.evidence)
    tickets = [ticket for ticket in store.tickets() if ticket.text]
    fresh = teach(configuration, tickets, said)
    try:
        live = model.load(configuration)
    except AgentError as error:
        log.warning("the stored model is replaced: %s", error)
        live = None
    compared, right, before = _compared(live, fresh, tickets)
    is_live = right >= before
    if is_live:
        folder = bootstrap.model_folder(configuration)
        live = LiveModel(fresh, model_file.save(fresh, folder))
    certificates = certify(configuration, live, ledger, at=at) if live else []
    return Trained(fresh, is_live, compared, right, before, tuple(certificates))


def teach(configuration: Configuration, tickets: Sequence[Ticket], said: Said) -> Classifier:
    """A model of these tickets: what people said of them, what their forms say, what was discovered."""
    from analytics.classify import Classifier, label_of

    discovered = read_discovered(configuration)
    labels: dict[Identity, str] = {}
    for ticket in tickets:
        key = (ticket.site, ticket.id)
        if (found := discovered.get(key)) is not None and label_of(ticket) is None:
            labels[key] = said.root(found)
    bots = frozenset(configuration.agent.bots)
    audited = {
        (ticket.site, ticket.id) for ticket in tickets if ticket.request_type and is_closed_by_people(ticket, bots)
    }
    return Classifier.train(tickets, labels=labels | said.labels(), audited=audited)


def is_closed_by_people(ticket: Ticket, bots: Iterable[str]) -> bool:
    """Whether a person other than who asked worked it to the end, so that its type had a second pair of eyes."""
    if ticket.is_open or not ticket.status_changes:
        return False
    author = ticket.status_changes[-1].author
    if author is None or author.kind != "person" or author.id in bots:
        return False
    return ticket.reporter is None or author.id != ticket.reporter.id


def certify(configuration: Configuration, live: LiveModel, ledger: Ledger, *, at: datetime) -> list[Certificate]:
    """Counts the audited tickets anew and issues what they carry; what stands afterwards, by type."""
    from analytics.catalogue import kind_of

    evidence = ledger.evidence
    said, settings = said_in(evidence), configuration.types
    audited = audited_by(live, said)
    names = [name for name in types_of(live, said) if kind_of(name, said.kinds) == "request"]
    found = audited.certificates(names, target=settings.target, confidence=settings.confidence)
    issued = [
        Certificate(
            request_type=name,
            target=one.target,
            confidence=one.confidence,
            threshold=one.threshold,
            audited=one.audited,
            wrong=one.wrong,
            coverage=one.coverage,
            needed=one.needed,
        )
        for name, one in found.items()
    ]
    return evidence.issue(issued, model=live.sha256, at=at)


def audited_by(live: LiveModel, said: Said) -> Audited:
    """Every ticket of which this model, or one before it that knew less, had an opinion before a person told it."""
    from analytics.audited import Asked, audited_of

    later = [
        Asked(key, audit.predicted, audit.score, audit.request_type)
        for key, audit in said.audits.items()
        if audit.model == live.sha256 and audit.predicted is not None and audit.score is not None
    ]
    return audited_of(live.classifier.sample, said.labels(), later, said.stands_for)


def types_of(live: LiveModel, said: Said) -> list[str]:
    return sorted({said.root(name) for name in live.classifier.classes})


def watch(
    configuration: Configuration, live: LiveModel, ledger: Ledger, newest: Sequence[Ticket], *, at: datetime
) -> dict[str, str]:
    """Suspends certificates where the newest tickets without a given type are unlike the audited ones, and lifts its
    own suspensions where they are alike again; the types that drifted with the reason."""
    import numpy as np

    from analytics.drift import FEWEST, Opinions, drifted

    said, settings = said_in(ledger.evidence), configuration.types
    opinions = [opinion for opinion in model.predict(live, newest, said) if opinion is not None]
    if len(opinions) < FEWEST:
        return {}
    names = np.array([opinion.request_type for opinion in opinions], dtype=object)
    scores = np.array([opinion.score for opinion in opinions])
    counted_on = audited_by(live, said).opinions(
        types_of(live, said), target=settings.target, confidence=settings.confidence
    )
    found = dict(drifted(counted_on, Opinions(names, scores)))
    for certificate in ledger.evidence.certificates():
        if certificate.request_type in found:
            ledger.evidence.suspend(certificate.request_type, found[certificate.request_type], at)
        elif certificate.suspended_at is not None:
            ledger.evidence.restore(certificate.request_type, at)
    return found


def maintain(
    configuration: Configuration, live: LiveModel, store: TicketStore, ledger: Ledger, *, at: datetime
) -> LiveModel:
    """What a cycle does for its model before it asks it, at most once an hour: learns anew where enough labels came
    since, and compares the newest tickets with the audited ones. Certificates of this very model stand afterwards.
    Returns the model to ask."""
    looked = _read_looked(configuration)
    standing = ledger.evidence.certificates()
    if not standing or any(certificate.model != live.sha256 for certificate in standing):
        certify(configuration, live, ledger, at=at)
    elif looked is not None and at - looked.at < BETWEEN_LOOKS:
        return live
    said, tickets = said_in(ledger.evidence), [ticket for ticket in store.tickets() if ticket.text]
    labelled = _labelled(configuration, tickets, said)
    tried = max(live.classifier.report.tickets, looked.labelled if looked else 0)
    if labelled - tried >= configuration.types.retrain_labels:
        done = train(configuration, store, ledger, at=at)
        log.info("learned anew from %d labelled tickets: %s", labelled, "live" if done.is_live else "the old one stays")
        live, tried = model.load(configuration) or live, labelled
    watch(configuration, live, ledger, newest_untyped(tickets, said), at=at)
    _write_looked(configuration, Looked(at, tried))
    return live


def _labelled(configuration: Configuration, tickets: Iterable[Ticket], said: Said) -> int:
    from analytics.classify import label_of

    known = read_discovered(configuration).keys() | said.audits.keys()
    return sum(label_of(ticket) is not None or (ticket.site, ticket.id) in known for ticket in tickets)


def _read_looked(configuration: Configuration) -> Looked | None:
    """None also where the file cannot be read: it only saves work."""
    try:
        raw = json.loads((configuration.folder / LOOKED_FILE).read_text(encoding="utf-8"))
        return Looked(datetime.fromisoformat(raw["at"]), int(raw["labelled"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_looked(configuration: Configuration, looked: Looked) -> None:
    raw = {"at": looked.at.isoformat(), "labelled": looked.labelled}
    (configuration.folder / LOOKED_FILE).write_text(json.dumps(raw), encoding="utf-8")


def newest_untyped(tickets: Iterable[Ticket], said: Said, *, count: int = NEWEST) -> list[Ticket]:
    """The newest tickets whose type nobody gave: what certificates are for."""
    from analytics.classify import label_of

    found = [
        ticket
        for ticket in tickets
        if ticket.text and label_of(ticket) is None and said.corrected((ticket.site, ticket.id)) is None
    ]
    return sorted(found, key=lambda ticket: (ticket.created_at, ticket.site, ticket.id))[-count:]


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
    newest ones without a given type, `count` in all. Raises AgentError where there is no model."""
    live = _required(configuration)
    said = said_in(ledger.evidence)
    asked = {(one.site, one.ticket_id): one for one in ledger.evidence.asked()}
    newest = {(ticket.site, ticket.id): ticket for ticket in newest_untyped(store.tickets(), said)}
    questions = [
        one
        for key, one in asked.items()
        if key in newest and one.model == live.sha256 and request_type in (None, one.predicted)
    ][:count]
    fresh = [ticket for key, ticket in newest.items() if key not in asked]
    pool = [
        AuditQuestion(ticket.site, ticket.id, ticket.key, *opinion, live.sha256)
        for ticket, opinion in zip(fresh, _untaught_opinions(configuration, live, fresh, said), strict=True)
        if opinion is not None and request_type in (None, opinion[0])
    ]
    dice = random.Random(f"{live.sha256} {len(asked)}")  # noqa: S311 - a sample, no secret: the same call asks the same
    drawn = dice.sample(pool, min(max(count - len(questions), 0), len(pool)))
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
    """Keeps what a person says that a ticket asks for, and counts the certificates anew. Raises AgentError for a ticket
    or a type that nobody knows, naming those that there are."""
    from analytics.catalogue import APART

    ticket = store.get(key)
    if ticket is None:
        raise AgentError(f"the store has no ticket {key}: `goldenpath sync` fetches new ones, or the key is misspelt")
    live, evidence = _required(configuration), ledger.evidence
    said = said_in(evidence)
    known = sorted({*types_of(live, said), *said.kinds, *APART})
    if said.root(request_type) not in known:
        raise AgentError(f"there is no request type {request_type!r}; known: {', '.join(known)}")
    asked = next((one for one in evidence.asked() if (one.site, one.ticket_id) == (ticket.site, ticket.id)), None)
    if asked is None:
        opinion = _untaught_opinions(configuration, live, [ticket], said)[0]
        told = (*opinion, live.sha256) if opinion else (None, None, None)
    else:
        told = (asked.predicted, asked.score, asked.model)
    is_new = evidence.audit(
        Audit(
            site=ticket.site,
            ticket_id=ticket.id,
            ticket_key=ticket.key,
            request_type=said.root(request_type),
            source="correction" if asked is None else "audit",
            author=by or operator(),
            at=at,
            predicted=told[0],
            score=told[1],
            model=told[2],
        )
    )
    certify(configuration, live, ledger, at=at)
    return {
        "ticket": key,
        "request_type": said.root(request_type),
        "predicted": told[0],
        "score": told[1],
        "source": "correction" if asked is None else "audit",
        "is_new": is_new,
    }


def explain(configuration: Configuration, store: TicketStore, key: str) -> dict[str, Any]:
    """What a ticket is taken to ask for, why, and which words spoke for and against it."""
    ticket = store.get(key)
    if ticket is None:
        raise AgentError(f"the store has no ticket {key}: `goldenpath sync` fetches new ones, or the key is misspelt")
    live, said = _required(configuration), said_at(configuration)
    told = model.classify(live, [ticket], said)[0]
    opinion = model.predict(live, [ticket], said)[0]
    return {
        "ticket": key,
        "request_type": told.request_type if told else None,
        "source": told.source if told else None,
        "predicted": opinion.request_type if opinion else None,
        "score": opinion.score if opinion else None,
        "certificate": opinion.certificate if opinion else None,
        "words": [{"term": word.term, "weight": round(word.weight, 3)} for word in live.classifier.explain(ticket)],
    }


def _untaught_opinions(
    configuration: Configuration, live: LiveModel, tickets: Sequence[Ticket], said: Said
) -> list[tuple[str, float] | None]:
    """For each ticket what a model says of it that had not learned from it, with its score: the sample's where the live
    model has learned from it since; None where there is none, or the text is unlike anything seen."""
    from analytics.classify import label_of

    sample, discovered = live.classifier.sample, read_discovered(configuration)
    rows = {key: row for row, key in enumerate(sample.keys)}
    found: list[tuple[str, float] | None] = []
    for ticket, opinion in zip(tickets, model.predict(live, tickets, said), strict=True):
        key = (ticket.site, ticket.id)
        is_taught = label_of(ticket) is not None or key in discovered or key in said.audits
        if key in rows and not sample.is_novel[rows[key]]:
            found.append((said.root(str(sample.predicted[rows[key]])), float(sample.scores[rows[key]])))
        elif is_taught or opinion is None:
            found.append(None)
        else:
            found.append((opinion.request_type, opinion.score))
    return found


def _required(configuration: Configuration) -> LiveModel:
    live = model.load(configuration)
    if live is None:
        raise AgentError("there is no model yet: `goldenpath train` makes one from the stored tickets")
    return live


def _compared(live: LiveModel | None, fresh: Classifier, tickets: Sequence[Ticket]) -> tuple[int, int, int]:
    """Of the newest labelled tickets that neither had learned from: how many, right by the new model, right by the
    old."""
    if live is None or live.classifier.newest_at is None:
        return 0, 0, 0
    by_key = {(ticket.site, ticket.id): ticket for ticket in tickets}
    sample = fresh.sample
    rows = [row for row, key in enumerate(sample.keys) if by_key[key].created_at > live.classifier.newest_at]
    old = live.classifier.predict([by_key[sample.keys[row]] for row in rows])
    right = sum(bool(sample.predicted[row] == sample.labels[row]) for row in rows)
    before = sum(
        opinion is not None and opinion.request_type == sample.labels[row]
        for row, opinion in zip(rows, old, strict=True)
    )
    return len(rows), right, before

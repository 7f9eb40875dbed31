"""Request types in operation: learned from the store, certified, watched for drift.

A new model goes live only if it is no worse than the old one on the newest tickets, of which neither had learned.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent import model
from agent.config import Configuration
from agent.errors import AgentError
from agent.model import LiveModel
from agent.said import Identity, Said, fulfilled, read_discovered, said_in
from fulfilment.ledger import Ledger
from fulfilment.records import Certificate
from tickets.store import TicketStore
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from analytics.audited import Audited
    from analytics.classify import Classifier
    from analytics.drift import Opinions

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
    said = said_in(ledger.evidence)
    tickets = [ticket for ticket in store.tickets() if ticket.text]
    fresh = teach(configuration, tickets, said)
    try:
        live = model.load(configuration)
    except AgentError as error:
        log.warning("the stored model is replaced: %s", error)
        live = None
    compared, right, before = _compared(live, fresh, tickets, said)
    is_live = right >= before
    if is_live and not (live and model.is_same(live.classifier, fresh)):  # a suspension ends with its model
        live = model.keep(configuration, fresh)
    certificates = certify(configuration, live, ledger, at=at) if live else []
    if live:  # else a new model would act on what an old one was suspended for until the schedule looks again
        watch(configuration, live, ledger, newest_untyped(tickets), at=at)
        certificates = ledger.evidence.certificates()
    return Trained(fresh, is_live, compared, right, before, tuple(certificates))


def teach(configuration: Configuration, tickets: Sequence[Ticket], said: Said) -> Classifier:
    """A model of these tickets: what people said of them, what their forms say, what was discovered."""
    from analytics.classify import Classifier, label_of

    discovered = read_discovered(configuration)
    labels: dict[Identity, str] = {}
    for ticket in tickets:
        key = (ticket.site, ticket.id)
        if (found := label_of(ticket) or discovered.get(key)) is not None:
            labels[key] = said.root(found)
    bots, ours = frozenset(configuration.agent.bots), fulfilled(configuration)
    audited = {
        (ticket.site, ticket.id)
        for ticket in tickets
        if ticket.request_type and (ticket.site, ticket.id) not in ours and is_closed_by_people(ticket, bots)
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
    asked = {key for key, audit in said.audits.items() if audit.source == "audit"}
    return audited_of(live.classifier.sample, said.labels(), later, said.stands_for, asked=asked)


def types_of(live: LiveModel, said: Said) -> list[str]:
    return sorted({said.root(name) for name in live.classifier.classes})


def watch(
    configuration: Configuration, live: LiveModel, ledger: Ledger, newest: Sequence[Ticket], *, at: datetime
) -> dict[str, str]:
    """Suspends certificates where the newest tickets without a given type are unlike the audited ones, and lifts
    suspensions where enough of them are alike again; the types that drifted with the reason."""
    import numpy as np

    from analytics.drift import FEWEST, FEWEST_OF_TYPE, Opinions, drifted

    said, settings = said_in(ledger.evidence), configuration.types
    opinions = [one for one in untaught_opinions(configuration, live, newest, said) if one is not None]
    if len(opinions) < FEWEST:
        return {}
    names = np.array([name for name, _ in opinions], dtype=object)
    scores = np.array([score for _, score in opinions])
    counted_on = audited_by(live, said).opinions(
        types_of(live, said), target=settings.target, confidence=settings.confidence
    )
    found = dict(drifted(counted_on, Opinions(names, scores), held_out=_held_out(live, said)))
    for certificate in ledger.evidence.certificates():
        if certificate.request_type in found:
            ledger.evidence.suspend(certificate.request_type, found[certificate.request_type], at)
        elif certificate.suspended_at is not None and (names == certificate.request_type).sum() >= FEWEST_OF_TYPE:
            ledger.evidence.restore(certificate.request_type, at)  # too few of them would be no proof
    return found


def _held_out(live: LiveModel, said: Said) -> Opinions:
    """What was said of the newest labelled tickets before they were learned from. People may be asked about one type
    more than about others, so those that they were asked about tell nothing of the mix."""
    import numpy as np

    from analytics.drift import Opinions

    sample = live.classifier.sample
    is_told = np.array([key in said.audits for key in sample.keys], np.bool_)
    kept = ~sample.is_novel if not sample.keys else ~sample.is_novel & ~is_told
    names = [said.root(str(name)) for name in sample.predicted[kept]]
    return Opinions(np.array(names, dtype=object), sample.scores[kept])


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
        live, tried = _learned_anew(configuration, live, store, ledger, at=at), labelled
    watch(configuration, live, ledger, newest_untyped(tickets), at=at)
    _write_looked(configuration, Looked(at, tried))
    return live


def _learned_anew(
    configuration: Configuration, live: LiveModel, store: TicketStore, ledger: Ledger, *, at: datetime
) -> LiveModel:
    from analytics.errors import NotEnoughLabels

    try:
        done = train(configuration, store, ledger, at=at)
    except NotEnoughLabels as error:  # types were merged until one was left
        log.warning("the model before stays: %s", error)
        return live
    log.info("learned anew: %s", "live" if done.is_live else "the model before stays, it is better")
    return model.load(configuration) or live


def _labelled(configuration: Configuration, tickets: Iterable[Ticket], said: Said) -> int:
    """How many labels there are; what a person says counts also where it replaces one."""
    from analytics.classify import label_of

    discovered = read_discovered(configuration)
    known = sum(label_of(ticket) is not None or (ticket.site, ticket.id) in discovered for ticket in tickets)
    return known + len(said.audits)


def _read_looked(configuration: Configuration) -> Looked | None:
    """None also where the file cannot be read: it only saves work."""
    try:
        raw = json.loads((configuration.folder / LOOKED_FILE).read_text(encoding="utf-8"))
        at = datetime.fromisoformat(raw["at"])
        return Looked(at, int(raw["labelled"])) if at.tzinfo else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_looked(configuration: Configuration, looked: Looked) -> None:
    raw = {"at": looked.at.isoformat(), "labelled": looked.labelled}
    try:
        (configuration.folder / LOOKED_FILE).write_text(json.dumps(raw), encoding="utf-8")
    except OSError as error:
        log.warning("%s cannot be written: %s", LOOKED_FILE, error.strerror)


def newest_untyped(tickets: Iterable[Ticket], *, without: Container[Identity] = ()) -> list[Ticket]:
    """The newest tickets whose type no form says: what certificates are for."""
    from analytics.classify import label_of

    found = [
        ticket
        for ticket in tickets
        if ticket.text and label_of(ticket) is None and (ticket.site, ticket.id) not in without
    ]
    return sorted(found, key=lambda ticket: (ticket.created_at, ticket.site, ticket.id))[-NEWEST:]


def untaught_opinions(
    configuration: Configuration, live: LiveModel, tickets: Sequence[Ticket], said: Said
) -> list[tuple[str, float] | None]:
    """For each ticket what the live model, or one before it that knew less, said of it before it was told, with its
    score; None where there is no such opinion, or the text is unlike anything seen."""
    sample = live.classifier.sample
    rows = {key: row for row, key in enumerate(sample.keys)}
    found: list[tuple[str, float] | None] = []
    for ticket, opinion in zip(tickets, model.predict(live, tickets, said), strict=True):
        key = (ticket.site, ticket.id)
        row, audit = rows.get(key), said.audits.get(key)
        if row is not None:
            told = (said.root(str(sample.predicted[row])), float(sample.scores[row]))
            found.append(None if sample.is_novel[row] else told)
        elif audit is not None and audit.predicted is not None and audit.score is not None:
            found.append((said.root(audit.predicted), audit.score) if audit.model == live.sha256 else None)
        elif audit is not None or key in live.classifier.learned or opinion is None:
            found.append(None)
        else:
            found.append((opinion.request_type, opinion.score))
    return found


def _compared(live: LiveModel | None, fresh: Classifier, tickets: Sequence[Ticket], said: Said) -> tuple[int, int, int]:
    """Of the newest labelled tickets that neither had learned from: how many, right by the new model, right by the
    old. Nothing said of a text unlike anything seen is right by neither."""
    if live is None or live.classifier.newest_at is None:
        return 0, 0, 0
    by_key = {(ticket.site, ticket.id): ticket for ticket in tickets}
    sample = fresh.sample
    rows = [row for row, key in enumerate(sample.keys) if by_key[key].created_at > live.classifier.newest_at]
    old = model.predict(live, [by_key[sample.keys[row]] for row in rows], said)
    right = sum(bool(sample.predicted[row] == sample.labels[row]) and not sample.is_novel[row] for row in rows)
    before = sum(
        opinion is not None and opinion.request_type == sample.labels[row]
        for row, opinion in zip(rows, old, strict=True)
    )
    return len(rows), right, before

"""What people say that tickets ask for, and which tickets they were asked about. Part of a transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from fulfilment import schema
from fulfilment.ceilings import demote_in
from fulfilment.chain import Note, append
from fulfilment.evidence_tables import audit_sample, audits
from fulfilment.policy import Mode
from fulfilment.records import Audit, AuditQuestion
from fulfilment.request import State
from fulfilment.schema import Connection, database_now
from fulfilment.statements import NEWEST_AUDIT
from fulfilment.type_names import roots

WRONG = "wrong_fulfilment"
# Effects were begun, and what came of them is a fulfilment or still may be.
_BEGUN = frozenset({State.APPLYING, State.WAITING_ON_PROVIDER, State.UNCERTAIN})


def audit(connection: Connection, said: Audit) -> bool:
    """False when the same person said the same of the same prediction before, and it is the newest."""
    newest = newest_audit(connection, said.site, said.ticket_id)
    if newest is not None and replace(newest, at=said.at, ticket_key=said.ticket_key) == said:
        return False
    values = {f.name: getattr(said, f.name) for f in fields(Audit)}
    connection.execute(audits.insert().values(**values, created_at=database_now(connection)))
    thought = f", the model {said.predicted}" if said.predicted else ""
    detail = {
        "type": said.request_type,
        "predicted": said.predicted,
        "score": said.score,
        "model": said.model,
        "source": said.source,
        "by": said.author,
    }
    sentence = f"a person says that it is {said.request_type}{thought}"
    append(connection, Note(said.at, "audited", sentence, said.ticket_id, said.ticket_key, detail=detail))
    _report_wrong(connection, said)
    return True


def newest_audit(connection: Connection, site: str, ticket_id: int) -> Audit | None:
    row = NEWEST_AUDIT.first(connection, site=site, ticket=ticket_id)
    return None if row is None else _audit(row)


def newest_audits(connection: Connection) -> list[Audit]:
    """One per ticket, in the order of site and ticket."""
    rows = connection.execute(audits.select().order_by(audits.c.id)).all()
    newest = {(row.site, row.ticket_id): row for row in rows}
    return [_audit(newest[ticket]) for ticket in sorted(newest)]


def ask(connection: Connection, questions: Sequence[AuditQuestion], at: datetime) -> int:
    """Returns how many of the tickets nobody was asked about before."""
    known = {(asked.site, asked.ticket_id) for asked in asked_tickets(connection)}
    count = 0
    for question in questions:
        if (question.site, question.ticket_id) in known:
            continue
        known.add((question.site, question.ticket_id))
        values = {f.name: getattr(replace(question, asked_at=at), f.name) for f in fields(AuditQuestion)}
        connection.execute(audit_sample.insert().values(**values))
        detail = {"predicted": question.predicted, "score": question.score, "model": question.model}
        sentence = "people are asked what it asks for"
        append(connection, Note(at, "audit_asked", sentence, question.ticket_id, question.ticket_key, detail=detail))
        count += 1
    return count


def asked_tickets(connection: Connection) -> list[AuditQuestion]:
    table = audit_sample
    query = table.select().order_by(table.c.asked_at, table.c.site, table.c.ticket_id)
    names = [f.name for f in fields(AuditQuestion)]
    return [AuditQuestion(**{name: getattr(row, name) for name in names}) for row in connection.execute(query)]


def _report_wrong(connection: Connection, said: Audit) -> None:
    """A fulfilment of another type than the person says: told once per request, and its handler is demoted."""
    table, told = schema.requests, schema.ledger
    stands_for = roots(connection)
    rows = connection.execute(table.select().where(table.c.site == said.site, table.c.ticket_id == said.ticket_id))
    for row in rows.all():
        is_begun = row.applied_at is not None or State(row.state) in _BEGUN
        right, done = (stands_for.get(name, name) for name in (said.request_type, row.request_type))
        if not is_begun or right == done:
            continue
        query = told.select().where(told.c.ticket_id == said.ticket_id, told.c.request_id == row.id)
        if connection.execute(query.where(told.c.kind == WRONG)).first() is not None:
            continue
        reason = f"{said.ticket_key} was fulfilled as {done}, and a person says that it is {right}"
        append(connection, Note(said.at, WRONG, reason, said.ticket_id, said.ticket_key, request_id=row.id))
        demote_in(connection, row.handler, Mode.SUPERVISED, reason, said.at)


def _audit(row: Any) -> Audit:
    return Audit(**{f.name: getattr(row, f.name) for f in fields(Audit)})

"""Certificates in the database: issued, suspended, restored, withdrawn. Every function is part of a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from fulfilment.chain import Note, append
from fulfilment.errors import UnknownRequestType
from fulfilment.evidence_tables import certificates as table
from fulfilment.records import Certificate
from fulfilment.schema import Connection, database_now
from fulfilment.type_names import roots

_TOLD = ("model", "target", "confidence", "threshold", "audited", "wrong", "coverage", "needed")


def issue(connection: Connection, certificates: Sequence[Certificate], *, model: str, at: datetime) -> None:
    given = {certificate.request_type: replace(certificate, model=model) for certificate in certificates}
    if len(given) < len(certificates):
        raise ValueError("one model has at most one certificate per request type")
    _refuse_merged(connection, given)
    standing = {certificate.request_type: certificate for certificate in standing_certificates(connection)}
    for old in standing.values():
        if old.model != model and old.request_type not in given:
            _withdraw(connection, old, "another model replaced the one that it is of", at)
    for certificate in given.values():
        before = standing.get(certificate.request_type)
        if before is not None and _content(before) == _content(certificate):
            continue
        if before is not None:
            _withdraw(connection, before, "a newer certificate replaced it", at)
        _insert(connection, certificate, before, at)


def suspend(connection: Connection, request_type: str, reason: str, at: datetime) -> bool:
    found = _standing(connection, request_type)
    if found is None or (found.suspended_at is not None and found.suspended_reason == reason):
        return False
    found = replace(found, suspended_at=at, suspended_reason=reason)
    _update(connection, found, suspended_at=at, suspended_reason=reason)
    append(connection, _note(found, "certificate_suspended", f"suspended for {request_type}: {reason}", at))
    return True


def restore(connection: Connection, request_type: str, at: datetime) -> bool:
    found = _standing(connection, request_type)
    if found is None or found.suspended_at is None:
        return False
    found = replace(found, suspended_at=None, suspended_reason=None)
    _update(connection, found, suspended_at=None, suspended_reason=None)
    append(connection, _note(found, "certificate_restored", f"in force again for {request_type}", at))
    return True


def withdraw(connection: Connection, request_types: Iterable[str], reason: str, at: datetime) -> None:
    """What stands for these types, if anything."""
    for request_type in request_types:
        found = _standing(connection, request_type)
        if found is not None:
            _withdraw(connection, found, reason, at)


def standing_certificates(connection: Connection) -> list[Certificate]:
    """Those that were not withdrawn, granted or not: at most one per type, in the order of the types."""
    query = table.select().where(table.c.withdrawn_at.is_(None)).order_by(table.c.request_type)
    return [_certificate(row) for row in connection.execute(query)]


def certificate_of(connection: Connection, request_type: str) -> Certificate | None:
    """The one that stands for the type, else the one that was withdrawn last."""
    found = _standing(connection, request_type)
    if found is not None:
        return found
    query = table.select().where(table.c.request_type == request_type).order_by(table.c.created_at.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else _certificate(row)


def _standing(connection: Connection, request_type: str) -> Certificate | None:
    row = connection.execute(
        table.select().where(table.c.request_type == request_type, table.c.withdrawn_at.is_(None))
    ).first()
    return None if row is None else _certificate(row)


def _refuse_merged(connection: Connection, request_types: Iterable[str]) -> None:
    stands_for = roots(connection)
    for request_type in request_types:
        root = stands_for.get(request_type, request_type)
        if root != request_type:
            raise UnknownRequestType(f"{request_type} was merged into {root}: train anew, then certify {root}")


def _insert(connection: Connection, certificate: Certificate, before: Certificate | None, at: datetime) -> None:
    """A suspension outlives a new count of the same model: only `restore` or another model ends it."""
    is_held = before is not None and before.model == certificate.model
    issued = replace(
        certificate,
        id=secrets.token_hex(16),
        issued_at=at,
        suspended_at=before.suspended_at if before and is_held else None,
        suspended_reason=before.suspended_reason if before and is_held else None,
        withdrawn_at=None,
    )
    values = {f.name: getattr(issued, f.name) for f in fields(Certificate)}
    connection.execute(table.insert().values(**values, created_at=database_now(connection)))
    kind = "certificate_not_granted" if issued.threshold is None else "certificate_issued"
    append(connection, _note(issued, kind, _sentence(issued), at))


def _withdraw(connection: Connection, certificate: Certificate, reason: str, at: datetime) -> None:
    _update(connection, certificate, withdrawn_at=at)
    sentence = f"withdrawn for {certificate.request_type}: {reason}"
    append(connection, _note(certificate, "certificate_withdrawn", sentence, at))


def _update(connection: Connection, certificate: Certificate, **values: Any) -> None:
    connection.execute(table.update().where(table.c.id == certificate.id).values(**values))


def _note(certificate: Certificate, kind: str, sentence: str, at: datetime) -> Note:
    told = {name: getattr(certificate, name) for name in _TOLD}
    identity = {"certificate": certificate.id, "type": certificate.request_type}
    is_suspended = {"is_suspended": certificate.suspended_at is not None}
    return Note(at, kind, sentence, detail={**identity, **told, **is_suspended})


def _sentence(certificate: Certificate) -> str:
    counted = f"{certificate.wrong} of {certificate.audited} audited tickets were wrong"
    if certificate.threshold is None:
        return f"no certificate for {certificate.request_type}: {counted}; {certificate.lacks}"
    return (
        f"{certificate.request_type}: with scores from {certificate.threshold:.4g} wrong in at most "
        f"{certificate.target:.2%} at {certificate.confidence:.2%} confidence; {counted}; "
        f"it covers {certificate.coverage:.1%}" + (f"; still {certificate.lacks}" if certificate.lacks else "")
    )


def _content(certificate: Certificate) -> tuple[object, ...]:
    return tuple(getattr(certificate, name) for name in _TOLD)


def _certificate(row: Any) -> Certificate:
    return Certificate(**{f.name: getattr(row, f.name) for f in fields(Certificate)})

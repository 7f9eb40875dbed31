"""Rows of requests and what hangs on them: how they are read, compared, reserved and let go."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from fulfilment.chain import Note
from fulfilment.errors import QuotaUsedUp, StaleRequest
from fulfilment.records import RESULTS, Intent, Proposal, RequestOutcome
from fulfilment.request import Request, Result, State
from fulfilment.schema import Connection, IntegrityError
from fulfilment.statements import ADD_RESERVATION, OWN_QUOTA, QUOTA, QUOTA_TAKEN, RELEASE, VOID_ALL, VOID_UNUSED
from tickets.ticket import Classification

_REQUEST, _PROPOSAL, _INTENT = ([f.name for f in fields(record)] for record in (Request, Proposal, Intent))
_SOURCES: dict[str, Literal["given", "predicted", "corrected"]] = {"given": "given", "corrected": "corrected"}


def unmoved(request: Request) -> dict[str, Any]:
    """The request as the caller knows it, in the names of the statements."""
    return {"request": request.id, "was": request.state.value, "was_epoch": request.epoch}


def about(request: Request, note: Note) -> Note:
    return replace(
        note,
        request_id=request.id,
        ticket_id=request.ticket_id,
        ticket_key=note.ticket_key or request.ticket_key,
    )


def take(connection: Connection, request: Request, name: str, at: datetime) -> None:
    try:
        ADD_RESERVATION.write(connection, request_id=request.id, kind="resource", name=name, amount=1.0, created_at=at)
    except IntegrityError:
        raise StaleRequest(f"another request is working on {name} at this moment") from None


def take_quota(connection: Connection, request: Request, at: datetime, limit: int) -> None:
    """One of the requester's requests of this day (UTC, ticket time); it is not given back. The caller holds the head
    of the chain, so no two agents count at once. Raises QuotaUsedUp when there is none left."""
    taken = quota_taken(connection, request.requester, at, request.id)
    if taken >= limit:
        raise QuotaUsedUp(f"its requester has had {taken} requests today; the limit is {limit} a day")
    name = _quota_name(request.requester, at)
    if not OWN_QUOTA.rows(connection, quota=name, request=request.id):  # begun anew, it counts once
        ADD_RESERVATION.write(connection, request_id=request.id, kind=QUOTA, name=name, amount=1.0, created_at=at)


def quota_taken(connection: Connection, requester: str, at: datetime, without: str) -> int:
    """How many requests this account has had begun on the day (UTC), not counting the one of id `without`."""
    (found,) = QUOTA_TAKEN.rows(connection, quota=_quota_name(requester, at), request=without)
    return int(found.count)


def _quota_name(requester: str, at: datetime) -> str:
    return f"{requester}/{at.astimezone(UTC):%Y-%m-%d}"


def release(connection: Connection, request: Request, at: datetime) -> None:
    RELEASE.write(connection, request=request.id, released_at=at)


def void(connection: Connection, request: Request, at: datetime, *, used: bool = False) -> None:
    """The codes that nobody used; `used`: those too that were."""
    (VOID_ALL if used else VOID_UNUSED).write(connection, request=request.id, voided_at=at)


def classification_of(request: Request) -> Classification:
    """The one that the request was decided on. A source that nobody knows counts as predicted."""
    source = _SOURCES.get(request.type_source, "predicted")
    return Classification(request.request_type, source, request.score or 0.0, request.certificate)


def row_of(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in _REQUEST} | {"state": request.state.value}


def request_of(row: Any) -> Request:
    return Request(**{name: getattr(row, name) for name in _REQUEST} | {"state": State(row.state)})


def proposal_of(row: Any) -> Proposal:
    return Proposal(**{name: getattr(row, name) for name in _PROPOSAL})


def intent_of(row: Any) -> Intent:
    return Intent(**{name: getattr(row, name) for name in _INTENT})


def outcome_of(row: Any, *, is_corrected: bool) -> RequestOutcome:
    state = State(row.state)
    is_applied = state is State.HANDED_OVER and row.applied_at is not None
    return RequestOutcome(
        request_id=row.id,
        ticket_id=row.ticket_id,
        ticket=row.ticket_key,
        handler=row.handler,
        request_type=row.request_type,
        result=Result.FULFILLED if is_applied else RESULTS[state],
        applied_at=row.applied_at,
        resource=row.resource,
        reason=row.reason,
        is_corrected=is_corrected,
    )

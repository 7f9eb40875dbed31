"""Rows of requests and what hangs on them: how they are read, compared, reserved and let go."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from fulfilment import schema
from fulfilment.chain import Note
from fulfilment.errors import QuotaUsedUp, StaleRequest
from fulfilment.records import RESULTS, Proposal, RequestOutcome
from fulfilment.request import Request, Result, State
from fulfilment.schema import Connection, IntegrityError
from fulfilment.statements import QUOTA, RELEASE, VOID_ALL, VOID_UNUSED
from tickets.ticket import Classification

_SOURCES: dict[str, Literal["given", "predicted", "corrected"]] = {"given": "given", "corrected": "corrected"}


def unmoved(request: Request) -> tuple[Any, ...]:
    table = schema.requests
    return (table.c.id == request.id, table.c.state == request.state.value, table.c.epoch == request.epoch)


def about(request: Request, note: Note) -> Note:
    return replace(
        note,
        request_id=request.id,
        ticket_id=request.ticket_id,
        ticket_key=note.ticket_key or request.ticket_key,
    )


def take(connection: Connection, request: Request, name: str, at: datetime) -> None:
    values = {"request_id": request.id, "kind": "resource", "name": name, "amount": 1.0, "created_at": at}
    try:
        connection.execute(schema.reservations.insert().values(**values))
    except IntegrityError:
        raise StaleRequest(f"another request is working on {name} at this moment") from None


def take_quota(connection: Connection, request: Request, at: datetime, limit: int) -> None:
    """One of the requester's requests of this day (UTC, ticket time); it is not given back. The caller holds the head
    of the chain, so no two agents count at once. Raises QuotaUsedUp when there is none left."""
    table = schema.reservations
    name = quota_name(request.requester, at)
    taken = connection.execute(
        table.select().where(table.c.kind == QUOTA, table.c.name == name, table.c.request_id != request.id)
    ).all()
    if len(taken) >= limit:
        raise QuotaUsedUp(f"its requester has had {len(taken)} requests today; the limit is {limit} a day")
    values = {"request_id": request.id, "kind": QUOTA, "name": name, "amount": 1.0, "created_at": at}
    connection.execute(table.insert().values(**values))


def quota_name(requester: str, at: datetime) -> str:
    return f"{requester}/{at.astimezone(UTC):%Y-%m-%d}"


def release(connection: Connection, request: Request, at: datetime) -> None:
    connection.execute(RELEASE, {"request": request.id, "released_at": at})


def void(connection: Connection, request: Request, at: datetime, *, used: bool = False) -> None:
    """The codes that nobody used; `used`: those too that were."""
    connection.execute(VOID_ALL if used else VOID_UNUSED, {"request": request.id, "voided_at": at})


def classification_of(request: Request) -> Classification:
    """The one that the request was decided on. A source that nobody knows counts as predicted."""
    source = _SOURCES.get(request.type_source, "predicted")
    return Classification(request.request_type, source, request.score or 0.0, request.certificate)


def row_of(request: Request) -> dict[str, Any]:
    return {f.name: getattr(request, f.name) for f in fields(Request)} | {"state": request.state.value}


def request_of(row: Any) -> Request:
    return Request(**{f.name: getattr(row, f.name) for f in fields(Request)} | {"state": State(row.state)})


def proposal_of(row: Any) -> Proposal:
    return Proposal(**{f.name: getattr(row, f.name) for f in fields(Proposal)})


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

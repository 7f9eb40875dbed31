"""The ledger database: requests and how they move, approvals, intents, reservations, stops, and the record
of it all.

Every method is one transaction; a write that moves a request compares (state, epoch), raises the epoch and
carries its
ledger row. Errors: `LedgerError` with the way out, `StaleRequest` when somebody else moved the request.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fulfilment import schema
from fulfilment.chain import Entry, Note, VerifyReport, append, append_once, canonical, check, read_entries
from fulfilment.errors import LedgerError, StaleRequest
from fulfilment.policy import Mode
from fulfilment.records import RESULTS, Intent, Proposal, RequestOutcome
from fulfilment.request import ARROWS, UNFINISHED, Request, Result, State
from fulfilment.schema import Connection, Engine, IntegrityError, database_now, translated
from tickets.ticket import Comment

__all__ = ["Entry", "Intent", "Ledger", "Note", "Proposal", "RequestOutcome", "VerifyReport"]

# Effects may still be under way or unknown in these: what they reserved stays reserved.
_HOLDS = frozenset({State.APPLYING, State.WAITING_ON_PROVIDER, State.APPLIED, State.VERIFIED, State.UNCERTAIN})
# What an exit leaves behind no longer binds: codes that nobody used are void.
_VOIDS = frozenset({State.MATCHED, State.CANCELLED, State.EXPIRED, State.HANDED_OVER, State.REFUSED, State.CONFLICT})


class Ledger:
    def __init__(self, engine: Engine, path: str) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reading=True)
        self._path = path
        self._owner = secrets.token_hex(8)

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Creates or migrates the database when needed. Raises LedgerError."""
        return cls(schema.open_database(path), str(path))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- requests

    def create(self, request: Request, note: Note, *, context: Mapping[str, Any], lease_time: timedelta) -> Request:
        """Writes a new request, claimed by the caller. Raises StaleRequest when somebody else created it
        first."""
        with self._writing() as connection:
            values = _row(request) | {
                "context": canonical(context),
                "lease_until": database_now(connection) + lease_time,
                "lease_owner": self._owner,
            }
            try:
                connection.execute(schema.requests.insert().values(**values))
            except IntegrityError:
                raise StaleRequest(f"{request.ticket_key} was taken up by another process") from None
            append(connection, _about(request, note))
        return request

    def claim(self, request: Request, *, lease_time: timedelta) -> Request:
        """Takes the lease by the database's clock and raises the epoch, which fences off whoever had it
        before."""
        table = schema.requests
        with self._writing() as connection:
            now = database_now(connection)
            claimed = connection.execute(
                table.update()
                .where(*_unmoved(request), table.c.lease_until.is_(None) | (table.c.lease_until < now))
                .values(epoch=request.epoch + 1, lease_until=now + lease_time, lease_owner=self._owner)
            )
            if claimed.rowcount != 1:
                raise StaleRequest(f"another process is working on {request.ticket_key}")
        return replace(request, epoch=request.epoch + 1)

    def release(self, request_id: str) -> None:
        """Gives the lease back; nothing happens when it is no longer ours."""
        table = schema.requests
        with self._writing() as connection:
            connection.execute(
                table.update()
                .where(table.c.id == request_id, table.c.lease_owner == self._owner)
                .values(lease_until=None, lease_owner=None)
            )

    def move(
        self,
        request: Request,
        to: State,
        note: Note,
        *,
        content_hash: str | None = None,
        parameters: str | None = None,
        plan: str | None = None,
        resource: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Request:
        """One arrow of the request's life with its ledger row. None leaves a column as it is.

        Raises StaleRequest, and ValueError for an arrow that does not exist.
        """
        moved = replace(
            request,
            content_hash=request.content_hash if content_hash is None else content_hash,
            parameters=request.parameters if parameters is None else parameters,
            plan=request.plan if plan is None else plan,
            resource=request.resource if resource is None else resource,
        )
        with self._writing() as connection:
            return self._move(connection, request, moved, to, note, context=context)

    def begin(self, request: Request, note: Note, *, reserve: str, least: Mode) -> Request:
        """The arrow to APPLYING: checks the stops and reserves the resource in the same transaction.

        Raises StaleRequest (nothing written) when a stop holds the handler below `least` or another request
        holds
        the resource.
        """
        with self._writing() as connection:
            held = _ceiling(connection, request.handler)
            if held is not None and held[0] < least:
                raise StaleRequest(f"{request.handler} is held at {held[0].label}: {held[1]}")
            moved = self._move(connection, request, request, State.APPLYING, note)
            _reserve(connection, moved, reserve, note.at)
            return moved

    def await_approval(
        self, request: Request, note: Note, proposal: Proposal, *, comment: Comment, expires_at: datetime
    ) -> Request:
        """The arrow to AWAITING_APPROVAL; only this comment, unaltered, makes an approval count."""
        table = schema.approvals
        with self._writing() as connection:
            connection.execute(
                table.update()
                .where(table.c.id == proposal.id)
                .values(
                    comment_id=comment.id,
                    comment_digest=comment.digest,
                    posted_at=comment.created_at,
                    expires_at=expires_at,
                )
            )
            return self._move(connection, request, request, State.AWAITING_APPROVAL, note)

    def approve(self, request: Request, note: Note, proposal: Proposal, *, by: str, comment_id: str | None) -> Request:
        """The arrow to APPROVED; uses up the code."""
        table = schema.approvals
        with self._writing() as connection:
            used = connection.execute(
                table.update()
                .where(table.c.id == proposal.id, table.c.approved_at.is_(None), table.c.voided_at.is_(None))
                .values(approved_by=by, approval_comment_id=comment_id, approved_at=note.at)
            )
            if used.rowcount != 1:
                raise StaleRequest(f"the code of {request.ticket_key} was used or voided meanwhile")
            return self._move(connection, request, request, State.APPROVED, note)

    def get(self, request_id: str) -> Request | None:
        return self._one(schema.requests.c.id == request_id)

    def latest(self, site: str, ticket_id: int) -> Request | None:
        """The newest request of a ticket, whatever its handler."""
        table = schema.requests
        return self._one(table.c.site == site, table.c.ticket_id == ticket_id)

    def generations(self, site: str, ticket_id: int, handler: str) -> int:
        """How many generations of this ticket's request there are; the next one's number."""
        table = schema.requests
        query = table.select().where(table.c.site == site, table.c.ticket_id == ticket_id, table.c.handler == handler)
        with self._reading() as connection:
            return len(connection.execute(query).all())

    def context(self, request: Request) -> dict[str, Any]:
        """What the engine needs to remember about a request besides its columns."""
        table = schema.requests
        with self._reading() as connection:
            row = connection.execute(table.select().where(table.c.id == request.id)).one()
        found: dict[str, Any] = json.loads(row.context)
        return found

    def requests(self, *, state: State | None = None, key: str | None = None) -> list[Request]:
        """Oldest first, all unless narrowed."""
        table = schema.requests
        query = table.select().order_by(table.c.created_at, table.c.generation)
        if state is not None:
            query = query.where(table.c.state == state.value)
        if key is not None:
            query = query.where(table.c.ticket_key == key)
        with self._reading() as connection:
            return [_request(row) for row in connection.execute(query)]

    def unfinished(self) -> list[Request]:
        """Requests that go on without the ticket having changed, oldest first."""
        table = schema.requests
        query = table.select().where(table.c.state.in_([state.value for state in UNFINISHED]))
        with self._reading() as connection:
            return [_request(row) for row in connection.execute(query.order_by(table.c.created_at))]

    def open_requests(self, handler: str, team: str, without: str) -> int:
        """How many unfinished requests of this handler a team has, not counting the one of id `without`."""
        table = schema.requests
        query = table.select().where(
            table.c.handler == handler,
            table.c.id != without,
            table.c.state.in_([state.value for state in UNFINISHED]),
        )
        with self._reading() as connection:
            return sum(json.loads(row.context).get("team") == team for row in connection.execute(query))

    def outcomes(self) -> list[RequestOutcome]:
        """A row per request, oldest first; a request voided by an edit is cancelled, its successor counts."""
        table = schema.requests
        with self._reading() as connection:
            rows = connection.execute(table.select().order_by(table.c.created_at, table.c.generation)).all()
        return [_outcome(row) for row in rows]

    # --- approvals

    def propose(self, request: Request, plan_digest: str, code: str, note: Note) -> Proposal:
        """Issues a code for this plan, or gives the one that was issued for it and never posted or voided."""
        table = schema.approvals
        with self._writing() as connection:
            self._update(connection, request, {})
            row = connection.execute(
                table.select().where(
                    table.c.request_id == request.id,
                    table.c.plan_digest == plan_digest,
                    table.c.voided_at.is_(None),
                )
            ).first()
            if row is None:
                values = {
                    "request_id": request.id,
                    "plan_digest": plan_digest,
                    "code": code,
                    "created_at": note.at,
                }
                connection.execute(table.insert().values(**values))
                row = connection.execute(table.select().where(table.c.code == code)).one()
                append(connection, _about(request, note))
        return _proposal(row)

    def proposal(self, request: Request) -> Proposal | None:
        """The code in force for the request's plan."""
        table = schema.approvals
        query = table.select().where(table.c.request_id == request.id, table.c.voided_at.is_(None))
        with self._reading() as connection:
            row = connection.execute(query.order_by(table.c.id.desc())).first()
        return None if row is None else _proposal(row)

    def codes(self, site: str, ticket_id: int) -> tuple[str, ...]:
        """Every code that was ever issued for a ticket."""
        table, requests = schema.approvals, schema.requests
        query = table.select().where(
            table.c.request_id == requests.c.id, requests.c.site == site, requests.c.ticket_id == ticket_id
        )
        with self._reading() as connection:
            return tuple(row.code for row in connection.execute(query))

    # --- intents

    def intend(self, request: Request, *, step: int, operation: str, resource: str, observed: str, note: Note) -> int:
        """Makes an intent durable before its effect. Returns its id."""
        table = schema.intents
        with self._writing() as connection:
            self._update(connection, request, {})
            result = connection.execute(
                table.insert().values(
                    request_id=request.id,
                    epoch=request.epoch,
                    step=step,
                    operation=operation,
                    resource=resource,
                    observed=observed,
                    created_at=note.at,
                )
            )
            append(connection, _about(request, note))
            key = result.inserted_primary_key
        if key is None:
            raise LedgerError(f"the ledger {self._path} did not say under which id an intent was kept")
        return int(key[0])

    def settle(self, request: Request, intent_id: int, outcome: str, note: Note) -> None:
        """Records what came of an intent."""
        table = schema.intents
        with self._writing() as connection:
            self._update(connection, request, {})
            connection.execute(
                table.update().where(table.c.id == intent_id).values(outcome=outcome, settled_at=note.at)
            )
            append(connection, _about(request, note))

    def intents(self, request: Request) -> list[Intent]:
        table = schema.intents
        with self._reading() as connection:
            rows = connection.execute(table.select().where(table.c.request_id == request.id).order_by(table.c.id))
            return [Intent(**{f.name: getattr(row, f.name) for f in fields(Intent)}) for row in rows]

    # --- stops

    def stop(self, scope: str, *, reason: str, by: str, at: datetime, ceiling: Mode = Mode.OFF) -> None:
        """Holds a handler (`scope` its name, or `all`) at or below a mode until it is lifted."""
        with self._writing() as connection:
            connection.execute(
                schema.stops.insert().values(
                    scope=scope, ceiling=ceiling.label, reason=reason, author=by, created_at=at
                )
            )
            sentence = f"{scope} is held at {ceiling.label}: {reason}"
            append(connection, Note(at, "stopped", sentence, detail={"scope": scope, "by": by}))

    def resume(self, scope: str, *, by: str, at: datetime) -> None:
        with self._writing() as connection:
            table = schema.stops
            connection.execute(
                table.update().where(table.c.scope == scope, table.c.lifted_at.is_(None)).values(lifted_at=at)
            )
            append(connection, Note(at, "resumed", f"{scope} may work again", detail={"scope": scope, "by": by}))

    def ceiling(self, handler: str) -> tuple[Mode, str] | None:
        """The lowest mode that a stop in force allows this handler, with its reason; None without a stop."""
        with self._reading() as connection:
            return _ceiling(connection, handler)

    # --- the record

    def note(self, note: Note) -> None:
        with self._writing() as connection:
            append(connection, note)

    def decide(self, note: Note, *, ever: bool = False) -> bool:
        """A decision; False when it is already the newest about its ticket (`ever`: was ever written)."""
        with self._writing() as connection:
            return append_once(connection, note, ever=ever)

    def story(self, key: str) -> list[Entry]:
        """What was decided and done about a ticket, oldest first; empty when it was never considered."""
        with self._reading() as connection:
            return read_entries(connection, key)

    def verify(self) -> VerifyReport:
        with self._reading() as connection:
            return check(connection)

    def redact(self, seq: int, *, reason: str, at: datetime) -> None:
        """Deletes the sentence of one row and appends a row that says so. Raises LedgerError for an unknown
        row."""
        table, texts = schema.ledger, schema.payloads
        with self._writing() as connection:
            row = connection.execute(table.select().where(table.c.seq == seq)).first()
            if row is None:
                raise LedgerError(f"the ledger has no row {seq}")
            connection.execute(texts.delete().where(texts.c.hash == row.payload_hash))
            append(
                connection,
                Note(
                    at,
                    "redacted",
                    f"the text of row {seq} was taken out: {reason}",
                    ticket_id=row.ticket_id,
                    ticket_key=row.ticket_key,
                    request_id=row.request_id,
                    detail={"row": seq, "payload": row.payload_hash},
                ),
            )

    # --- inside

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translated(self._path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._path), self._reader.connect() as connection:
            yield connection

    def _one(self, *conditions: Any) -> Request | None:
        table = schema.requests
        query = table.select().where(*conditions).order_by(table.c.created_at.desc(), table.c.generation.desc())
        with self._reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _request(row)

    def _move(
        self,
        connection: Connection,
        request: Request,
        moved: Request,
        to: State,
        note: Note,
        *,
        context: Mapping[str, Any] | None = None,
    ) -> Request:
        if to not in ARROWS[request.state]:
            raise ValueError(f"a request cannot go from {request.state} to {to}")
        moved = replace(
            moved,
            state=to,
            epoch=request.epoch + 1,
            ticket_key=note.ticket_key or request.ticket_key,
            reason=note.sentence,
            updated_at=note.at,
        )
        values = _row(moved)
        if context is not None:
            values["context"] = canonical(context)
        if to is State.APPLIED:
            values["applied_at"] = note.at
        self._update(connection, request, values)
        if to not in _HOLDS:
            _release(connection, moved, note.at)
        if to in _VOIDS:
            _void(connection, moved, note.at)
        append(connection, _about(moved, note))
        return moved

    def _update(self, connection: Connection, request: Request, values: Mapping[str, Any]) -> None:
        """Fenced by (state, epoch); without values only checks."""
        table = schema.requests
        changes = dict(values) or {"epoch": request.epoch}
        moved = connection.execute(table.update().where(*_unmoved(request)).values(**changes))
        if moved.rowcount != 1:
            raise StaleRequest(f"the request of {request.ticket_key} was moved by another process")


def _unmoved(request: Request) -> tuple[Any, ...]:
    table = schema.requests
    return (table.c.id == request.id, table.c.state == request.state.value, table.c.epoch == request.epoch)


def _about(request: Request, note: Note) -> Note:
    return replace(
        note,
        request_id=request.id,
        ticket_id=request.ticket_id,
        ticket_key=note.ticket_key or request.ticket_key,
    )


def _reserve(connection: Connection, request: Request, name: str, at: datetime) -> None:
    values = {"request_id": request.id, "kind": "resource", "name": name, "amount": 1.0, "created_at": at}
    try:
        connection.execute(schema.reservations.insert().values(**values))
    except IntegrityError:
        raise StaleRequest(f"another request is working on {name} at this moment") from None


def _release(connection: Connection, request: Request, at: datetime) -> None:
    table = schema.reservations
    connection.execute(
        table.update().where(table.c.request_id == request.id, table.c.released_at.is_(None)).values(released_at=at)
    )


def _void(connection: Connection, request: Request, at: datetime) -> None:
    table = schema.approvals
    unused = (table.c.approved_at.is_(None), table.c.voided_at.is_(None))
    connection.execute(table.update().where(table.c.request_id == request.id, *unused).values(voided_at=at))


def _ceiling(connection: Connection, handler: str) -> tuple[Mode, str] | None:
    table = schema.stops
    rows = connection.execute(
        table.select().where(table.c.scope.in_([handler, "all"]), table.c.lifted_at.is_(None))
    ).all()
    return min(((Mode[row.ceiling.upper()], str(row.reason)) for row in rows), default=None)


def _row(request: Request) -> dict[str, Any]:
    return {f.name: getattr(request, f.name) for f in fields(Request)} | {"state": request.state.value}


def _request(row: Any) -> Request:
    return Request(**{f.name: getattr(row, f.name) for f in fields(Request)} | {"state": State(row.state)})


def _proposal(row: Any) -> Proposal:
    return Proposal(**{f.name: getattr(row, f.name) for f in fields(Proposal)})


def _outcome(row: Any) -> RequestOutcome:
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
    )

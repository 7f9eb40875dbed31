"""The ledger database: requests and how they move, approvals, intents, reservations, stops, and the record of it all.

Every method is one transaction; a write that moves a request compares (state, epoch), raises the epoch and carries its
ledger row. Errors: `LedgerError` with the way out, `StaleRequest` when somebody else moved the request.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fulfilment import schema
from fulfilment.calls import Calls
from fulfilment.ceilings import Ceilings, stop_of
from fulfilment.chain import Entry, Note, VerifyReport, append, canonical
from fulfilment.errors import Held, LedgerError, StaleRequest
from fulfilment.evidence import Evidence
from fulfilment.modes import EffectiveMode, effective_mode_in, require_mode
from fulfilment.policy import Mode
from fulfilment.queries import Queries
from fulfilment.record import Record
from fulfilment.records import EVIDENCE, Intent, Proposal, RequestOutcome
from fulfilment.request import ARROWS, Request, State
from fulfilment.rows import about, proposal_of, release, row_of, take, unmoved, void
from fulfilment.schema import Connection, Engine, IntegrityError, database_now
from tickets.place import Location
from tickets.ticket import Classification, Comment

__all__ = ["Entry", "Intent", "Ledger", "Note", "Proposal", "RequestOutcome", "VerifyReport"]

LEASE_TIME = timedelta(minutes=10)
# Longer than the time-outs of any single call to Jira or to a provider.
CALL_TIME = timedelta(minutes=1)
CLOCK_TOLERANCE = timedelta(minutes=5)
# Effects may still be under way or unknown in these: what they reserved stays reserved.
_HOLDS = frozenset({State.APPLYING, State.WAITING_ON_PROVIDER, State.APPLIED, State.VERIFIED, State.UNCERTAIN})
# An approval binds to the plan as it was approved: what is planned or proposed anew needs another.
_ANEW = frozenset({State.MATCHED, State.PLANNED})
# What an exit leaves behind no longer binds: codes that nobody used are void.
_VOIDS = _ANEW | {State.CANCELLED, State.EXPIRED, State.HANDED_OVER, State.REFUSED, State.CONFLICT}


class Ledger(Calls, Ceilings, Queries, Record):
    """One agent's view of it: leases are its own. A lease that no write has renewed ends after `lease_time`."""

    def __init__(self, engine: Engine, path: str, *, lease_time: timedelta = LEASE_TIME) -> None:
        super().__init__(engine, path)
        self._owner = secrets.token_hex(8)
        self._lease_time = lease_time

    @classmethod
    def open(cls, place: Location, *, lease_time: timedelta = LEASE_TIME, clock: schema.Clock | None = None) -> Ledger:
        """Creates or migrates the database when needed. `clock` is the time of leases; None: the database's own.
        Raises LedgerError."""
        return cls(schema.open_database(place, clock=clock), str(place), lease_time=lease_time)

    @property
    def evidence(self) -> Evidence:
        """On the same database: certificates, request types that people name, audits."""
        return Evidence(self._engine, self._path)

    # --- requests

    def create(self, request: Request, note: Note, *, context: Mapping[str, Any]) -> Request:
        """Writes a new request, claimed by the caller. Raises StaleRequest when somebody else created it
        first."""
        with self._writing() as connection:
            values = row_of(request) | {
                "context": canonical(context),
                "lease_until": database_now(connection) + self._lease_time,
                "lease_owner": self._owner,
            }
            try:
                connection.execute(schema.requests.insert().values(**values))
            except IntegrityError:
                raise StaleRequest(f"{request.ticket_key} was taken up by another process") from None
            append(connection, about(request, note))
        return request

    def claim(self, request: Request) -> Request:
        """Takes the lease by the database's clock and raises the epoch, which fences off whoever had it before.

        A lease that ends later than any could is of a clock that was wrong, and is taken too.
        """
        table = schema.requests
        with self._writing() as connection:
            now = database_now(connection)
            ended = table.c.lease_until.is_(None) | (table.c.lease_until < now)
            impossible = table.c.lease_until > now + max(self._lease_time, LEASE_TIME) + CLOCK_TOLERANCE
            claimed = connection.execute(
                table.update()
                .where(*unmoved(request), ended | impossible)
                .values(epoch=request.epoch + 1, lease_until=now + self._lease_time, lease_owner=self._owner)
            )
            if claimed.rowcount != 1:
                raise StaleRequest(f"another process is working on {request.ticket_key}")
        return replace(request, epoch=request.epoch + 1)

    def require_lease(self, request: Request) -> None:
        """Right before a call to the outside. Raises StaleRequest unless the request stands as the caller knows it, and
        the lease is ours and outlives any time-out; raises Held when a person's stop holds the handler."""
        table = schema.requests
        with self._reading() as connection:
            found = connection.execute(
                table.select().where(
                    *unmoved(request),
                    table.c.lease_owner == self._owner,
                    table.c.lease_until > database_now(connection) + CALL_TIME,
                )
            ).first()
            stop = stop_of(connection, request.handler)
        if found is None:
            raise StaleRequest(f"{request.ticket_key} is no longer held by this process: nothing is sent")
        if stop is not None:
            raise Held(stop.sentence)

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
        classification: Classification | None = None,
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
        if classification is not None:
            moved = replace(
                moved,
                request_type=classification.request_type,
                type_source=classification.source,
                score=classification.score,
                certificate=classification.certificate,
            )
        with self._writing() as connection:
            return self._move(connection, request, moved, to, note, context=context)

    def begin(self, request: Request, note: Note, *, reserve: str, least: Mode) -> Request:
        """The arrow to APPLYING: checks stops, demotions and the evidence, and reserves the resource, in the same
        transaction.

        `least` is AUTONOMOUS for what the evidence approved. Raises StaleRequest (nothing written) when the handler is
        held below it, when the certificate that the request was decided on is no longer in force, or when another
        request holds the resource.
        """
        with self._writing() as connection:
            require_mode(connection, request, least)
            moved = self._move(connection, request, request, State.APPLYING, note)
            take(connection, moved, reserve, note.at)
            return moved

    def effective_mode(
        self, configured: Mode, *, handler: str, site: str, ticket_id: int, classification: Classification
    ) -> EffectiveMode:
        """The lowest of the configured mode, stops and demotions, and what the evidence carries at this moment."""
        with self._reading() as connection:
            return effective_mode_in(
                connection,
                configured,
                handler=handler,
                site=site,
                ticket_id=ticket_id,
                classification=classification,
            )

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
        """The arrow to APPROVED; uses up the code. Where nobody but the evidence approves, it is read in the same
        transaction. Raises StaleRequest, with nothing written."""
        table = schema.approvals
        with self._writing() as connection:
            if by == EVIDENCE:
                require_mode(connection, request, Mode.AUTONOMOUS)
            used = connection.execute(
                table.update()
                .where(table.c.id == proposal.id, table.c.approved_at.is_(None), table.c.voided_at.is_(None))
                .values(approved_by=by, approval_comment_id=comment_id, approved_at=note.at)
            )
            if used.rowcount != 1:
                raise StaleRequest(f"the code of {request.ticket_key} was used or voided meanwhile")
            return self._move(connection, request, request, State.APPROVED, note)

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
                append(connection, about(request, note))
        return proposal_of(row)

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
            append(connection, about(request, note))
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
            append(connection, about(request, note))

    # --- inside

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
        values = row_of(moved)
        if context is not None:
            values["context"] = canonical(context)
        if to is State.APPLIED:
            values["applied_at"] = note.at
        self._update(connection, request, values)
        if to not in _HOLDS:
            release(connection, moved, note.at)
        if to in _VOIDS:
            void(connection, moved, note.at, used=to in _ANEW)
        append(connection, about(moved, note))
        return moved

    def _update(self, connection: Connection, request: Request, values: Mapping[str, Any]) -> None:
        """Fenced by (state, epoch), and renews the lease; without values that is all."""
        table = schema.requests
        changes = {"epoch": request.epoch, **values, "lease_until": database_now(connection) + self._lease_time}
        moved = connection.execute(table.update().where(*unmoved(request)).values(**changes))
        if moved.rowcount != 1:
            raise StaleRequest(f"the request of {request.ticket_key} was moved by another process")

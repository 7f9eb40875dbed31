"""The ledger database: requests and how they move, approvals, intents, reservations, stops, and the record of it all.

Every method is one transaction; a write that moves a request compares (state, epoch), raises the epoch and carries its
ledger row. Errors: `LedgerError` with the way out, `StaleRequest` when somebody else moved the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fulfilment import schema
from fulfilment.calls import Calls, call_in, settle_in
from fulfilment.ceilings import Ceilings
from fulfilment.chain import Entry, Note, VerifyReport, append, canonical, digest, hold_head
from fulfilment.codes import Codes
from fulfilment.errors import StaleRequest
from fulfilment.evidence import Evidence
from fulfilment.leases import LEASE_TIME, Leases
from fulfilment.modes import EffectiveMode, effective_mode_in, require_mode
from fulfilment.plan import Plan
from fulfilment.policy import Mode
from fulfilment.queries import Queries, latest_of
from fulfilment.record import Record
from fulfilment.records import EVIDENCE, Intent, Phase, Proposal, RequestOutcome
from fulfilment.request import ARROWS, Request, State
from fulfilment.rows import about, release, row_of, take, take_quota, void
from fulfilment.schema import Connection, IntegrityError, database_now
from fulfilment.statements import ADD_INTENT, ADD_REQUEST, SETTLE_INTENT
from tickets.place import Location
from tickets.ticket import Classification, Comment

__all__ = ["Entry", "Intent", "Ledger", "Note", "Proposal", "RequestOutcome", "VerifyReport"]

# The owner is reminded so long before what was made is to be taken away.
REMINDER = timedelta(days=7)
# Effects may still be under way or unknown in these: what they reserved stays reserved.
_HOLDS = frozenset({State.APPLYING, State.WAITING_ON_PROVIDER, State.APPLIED, State.VERIFIED, State.UNCERTAIN})
# An approval binds to the plan as it was approved: what is planned or proposed anew needs another.
_ANEW = frozenset({State.MATCHED, State.PLANNED})
# What an exit leaves behind no longer binds: codes that nobody used are void.
_VOIDS = _ANEW | {State.CANCELLED, State.EXPIRED, State.HANDED_OVER, State.REFUSED, State.CONFLICT}


class Ledger(Codes, Leases, Calls, Ceilings, Queries, Record):
    """One agent's view of it."""

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

    def create(
        self, request: Request, note: Note, *, context: Mapping[str, Any], after: Request | None = None
    ) -> Request:
        """Writes a new request, claimed by the caller. Raises StaleRequest when somebody else created it first, or has
        moved the ticket's latest one (`after`) since the caller decided."""
        with self._writing() as connection:
            hold_head(connection)
            now = latest_of(connection, request.site, request.ticket_id)
            if (now and (now.id, now.epoch)) != (after and (after.id, after.epoch)):
                raise StaleRequest(f"{request.ticket_key} was taken up by another process")
            request = replace(request, context=canonical(context))
            values = row_of(request) | {
                "lease_until": database_now(connection) + self._lease_time,
                "lease_owner": self._owner,
            }
            try:
                ADD_REQUEST.write(connection, **values)
            except IntegrityError:
                raise StaleRequest(f"{request.ticket_key} was taken up by another process") from None
            append(connection, about(request, note))
        return request

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
        retirement: str | None = None,
        classification: Classification | None = None,
        context: Mapping[str, Any] | None = None,
        next_check_at: datetime | None = None,
        look_at: str | None = None,
    ) -> Request:
        """One arrow of the request's life with its ledger row. None leaves a column as it is, but `next_check_at`.

        `look_at` calls a person in the same transaction. Raises StaleRequest, and ValueError for an arrow that does not
        exist.
        """
        moved = replace(
            request,
            content_hash=request.content_hash if content_hash is None else content_hash,
            parameters=request.parameters if parameters is None else parameters,
            plan=request.plan if plan is None else plan,
            resource=request.resource if resource is None else resource,
            retirement=request.retirement if retirement is None else retirement,
            next_check_at=next_check_at,
            context=request.context if context is None else canonical(context),
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
            moved = self._move(connection, request, moved, to, note)
            if look_at is not None:
                _call(connection, moved, note, look_at)
            return moved

    def begin(self, request: Request, note: Note, *, reserve: str, least: Mode, daily_limit: int) -> Request:
        """The arrow to APPLYING: checks stops, demotions and the evidence, and reserves the resource and one of the
        requester's `daily_limit` requests of this day (UTC), in the same transaction.

        `least` is AUTONOMOUS for what the evidence approved. Raises StaleRequest (nothing written) when the handler is
        held below it, when the certificate that the request was decided on is no longer in force, when another request
        holds the resource, or when the day's requests are used up.
        """
        with self._writing() as connection:
            require_mode(connection, request, least)
            take_quota(connection, request, note.at, daily_limit)
            moved = self._move(connection, request, replace(request, next_check_at=None), State.APPLYING, note)
            take(connection, moved, reserve, note.at)
            return moved

    def finish(self, request: Request, note: Note, plan: Plan) -> Request:
        """The arrow to CLOSED; what was made for a limited time is looked at again when that nears its end."""
        moved = replace(request, next_check_at=None)
        if plan.lifetime_days is not None:
            ends_at = note.at + timedelta(days=plan.lifetime_days)
            moved = replace(request, lifetime_ends_at=ends_at, next_check_at=max(note.at, ends_at - REMINDER))
        with self._writing() as connection:
            return self._move(connection, request, moved, State.CLOSED, note)

    def postpone(self, request: Request, until: datetime | None, *, waiting_since: datetime | None = None) -> Request:
        """The cycle leaves it alone until then, and knows since when it has had to wait (ticket time)."""
        with self._writing() as connection:
            self._update(connection, request, {"next_check_at": until, "waiting_since": waiting_since})
        return replace(request, next_check_at=until, waiting_since=waiting_since)

    def hasten(self, request: Request, note: Note) -> Request:
        """A person lets it go on: the next cycle looks at it. What called for a person is settled."""
        at = request.updated_at if request.state in (State.FAILED, State.CLOSED) else None
        with self._writing() as connection:
            self._update(connection, request, {"next_check_at": at})
            if request.state is State.CLOSED:  # that it may be taken away is asked anew
                void(connection, request, note.at, used=True)
            settle_in(connection, note.at, request_id=request.id)
            append(connection, about(request, note))
        return replace(request, next_check_at=at)

    def summon(self, request: Request, note: Note, *, look_at: str, is_last: bool = False) -> bool:
        """Calls a person about a request that stays where it is; False when that call is open already. `is_last`: the
        cycle does not look at it any more."""
        with self._writing() as connection:
            self._update(connection, request, {"next_check_at": None, "reason": note.sentence} if is_last else {})
            if is_last:
                release(connection, request, note.at)
            return _call(connection, request, note, look_at, with_row=True)

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
        with self._writing() as connection:
            self._post(connection, proposal, comment, expires_at)
            return self._move(connection, request, request, State.AWAITING_APPROVAL, note)

    def approve(self, request: Request, note: Note, proposal: Proposal, *, by: str, comment_id: str | None) -> Request:
        """The arrow to APPROVED; uses up the code. Where nobody but the evidence approves, it is read in the same
        transaction. Raises StaleRequest, with nothing written."""
        with self._writing() as connection:
            if by == EVIDENCE:
                require_mode(connection, request, Mode.AUTONOMOUS)
            self._use(connection, request, proposal, by=by, comment_id=comment_id, at=note.at)
            return self._move(connection, request, request, State.APPROVED, note)

    # --- intents

    def intend(
        self,
        request: Request,
        *,
        step: int,
        operation: str,
        resource: str,
        observed: str,
        note: Note,
        phase: Phase = "apply",
    ) -> int:
        """Makes an intent durable before its effect. Returns its id."""
        with self._writing() as connection:
            self._update(connection, request, {})
            (intent,) = ADD_INTENT.rows(
                connection,
                request_id=request.id,
                epoch=request.epoch,
                phase=phase,
                step=step,
                operation=operation,
                resource=resource,
                observed=observed,
                created_at=note.at,
            )
            append(connection, about(request, note))
        return int(intent.id)

    def settle(self, request: Request, intent_id: int, outcome: str, note: Note) -> None:
        """Records what came of an intent."""
        with self._writing() as connection:
            self._update(connection, request, {})
            SETTLE_INTENT.write(connection, intent=intent_id, outcome=outcome, settled_at=note.at)
            append(connection, about(request, note))

    # --- inside

    def _move(
        self,
        connection: Connection,
        request: Request,
        moved: Request,
        to: State,
        note: Note,
    ) -> Request:
        if to not in ARROWS[request.state]:
            raise ValueError(f"a request cannot go from {request.state} to {to}")
        moved = replace(
            moved,
            state=to,
            epoch=request.epoch + 1,
            waiting_since=None,
            ticket_key=note.ticket_key or request.ticket_key,
            reason=note.sentence,
            updated_at=note.at,
        )
        before = row_of(request)
        values = {name: value for name, value in row_of(moved).items() if value != before[name]}
        if to is State.APPLIED:
            values["applied_at"] = note.at
        self._update(connection, request, values)
        if to not in _HOLDS and not (to is State.FAILED and moved.is_unfinished):
            release(connection, moved, note.at)
        if to in _VOIDS:
            void(connection, moved, note.at, used=to in _ANEW)
        settle_in(connection, note.at, request_id=request.id)
        append(connection, about(moved, note))
        return moved


def _call(connection: Connection, request: Request, note: Note, look_at: str, *, with_row: bool = False) -> bool:
    """One call for each request and state."""
    subject = digest(canonical(["request", request.id, request.state.value]))
    return call_in(connection, subject, about(request, note), look_at=look_at, with_row=with_row)

"""The statements of a request's life."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import bindparam, func, or_

from fulfilment.evidence_tables import audits, request_types
from fulfilment.policy import Mode
from fulfilment.prepared import Prepared
from fulfilment.request import UNFINISHED, State
from fulfilment.schema import (
    approvals,
    calls,
    head,
    intents,
    ledger,
    payloads,
    requests,
    reservations,
    stops,
)

QUOTA: Final = "quota"
EVERY: Final = "all"

# --- the record

READ_HEAD: Final = Prepared(head.select().where(head.c.id == 1).with_for_update())
# Only from where the caller found it: `was`.
MOVE_HEAD: Final = Prepared(head.update().where(head.c.id == 1, head.c.seq == bindparam("was")))
ADD_PAYLOAD: Final = Prepared(payloads.insert())
ADD_ROW: Final = Prepared(ledger.insert())

# --- requests

# Only as the caller knows it: `request`, `was`, `was_epoch`; beside them, the columns that change.
_UNMOVED: Final = (
    requests.c.id == bindparam("request"),
    requests.c.state == bindparam("was"),
    requests.c.epoch == bindparam("was_epoch"),
)
_OLDEST_FIRST: Final = (requests.c.created_at, requests.c.generation)
_NEWEST_FIRST: Final = (requests.c.created_at.desc(), requests.c.generation.desc())
_OF_TICKET: Final = requests.select().where(
    requests.c.site == bindparam("site"), requests.c.ticket_id == bindparam("ticket")
)
ADD_REQUEST: Final = Prepared(requests.insert())
MOVE_REQUEST: Final = Prepared(requests.update().where(*_UNMOVED))
UNMOVED_REQUEST: Final = Prepared(requests.select().where(*_UNMOVED).with_for_update())
# Ours (`owner`), and for longer than until `until`.
HELD_REQUEST: Final = Prepared(
    requests.select()
    .with_only_columns(requests.c.id)
    .where(*_UNMOVED, requests.c.lease_owner == bindparam("owner"), requests.c.lease_until > bindparam("until"))
)
GIVE_BACK: Final = Prepared(
    requests.update().where(requests.c.id == bindparam("request"), requests.c.lease_owner == bindparam("owner"))
)
REQUEST: Final = Prepared(requests.select().where(requests.c.id == bindparam("request")))
LATEST_REQUEST: Final = Prepared(_OF_TICKET.order_by(*_NEWEST_FIRST).limit(1))
GENERATIONS: Final = Prepared(
    _OF_TICKET.where(requests.c.handler == bindparam("handler")).with_only_columns(func.count().label("count"))
)
OPEN_REQUESTS: Final = Prepared(
    requests.select()
    .with_only_columns(requests.c.context)
    .where(
        requests.c.handler == bindparam("handler"),
        requests.c.id != bindparam("request"),
        or_(*(requests.c.state == state.value for state in sorted(UNFINISHED - {State.RETIRING}))),
    )
)

# --- what a request reserved

ADD_RESERVATION: Final = Prepared(reservations.insert())
# Of all requests but this one.
QUOTA_TAKEN: Final = Prepared(
    reservations.select()
    .with_only_columns(func.count().label("count"))
    .where(
        reservations.c.kind == QUOTA,
        reservations.c.name == bindparam("quota"),
        reservations.c.request_id != bindparam("request"),
    )
)
OWN_QUOTA: Final = Prepared(
    reservations.select()
    .with_only_columns(reservations.c.id)
    .where(
        reservations.c.kind == QUOTA,
        reservations.c.name == bindparam("quota"),
        reservations.c.request_id == bindparam("request"),
    )
)
# `request` and the instant that is written. A day's requests are not given back.
RELEASE: Final = Prepared(
    reservations.update().where(
        reservations.c.request_id == bindparam("request"),
        reservations.c.released_at.is_(None),
        reservations.c.kind != QUOTA,
    )
)

# --- approvals

_IN_FORCE: Final = (approvals.c.request_id == bindparam("request"), approvals.c.voided_at.is_(None))
_UNUSED: Final = approvals.c.approved_at.is_(None)
ADD_PROPOSAL: Final = Prepared(approvals.insert())
PROPOSAL: Final = Prepared(approvals.select().where(*_IN_FORCE).order_by(approvals.c.id.desc()).limit(1))
PROPOSAL_OF_PLAN: Final = Prepared(
    approvals.select().where(*_IN_FORCE, approvals.c.plan_digest == bindparam("plan")).order_by(approvals.c.id)
)
CODES: Final = Prepared(
    approvals.select()
    .with_only_columns(approvals.c.code)
    .where(
        approvals.c.request_id == requests.c.id,
        requests.c.site == bindparam("site"),
        requests.c.ticket_id == bindparam("ticket"),
    )
)
CHANGE_PROPOSAL: Final = Prepared(approvals.update().where(approvals.c.id == bindparam("proposal")))
USE_PROPOSAL: Final = Prepared(
    approvals.update().where(approvals.c.id == bindparam("proposal"), _UNUSED, approvals.c.voided_at.is_(None))
)
VOID_ALL: Final = Prepared(approvals.update().where(*_IN_FORCE))
VOID_UNUSED: Final = Prepared(approvals.update().where(*_IN_FORCE, _UNUSED))

# --- intents

ADD_INTENT: Final = Prepared(intents.insert().returning(intents.c.id))
SETTLE_INTENT: Final = Prepared(intents.update().where(intents.c.id == bindparam("intent")))
INTENTS: Final = Prepared(intents.select().where(intents.c.request_id == bindparam("request")).order_by(intents.c.id))

# --- what holds a handler down, and what people said

_STANDING: Final[Any] = (
    or_(stops.c.scope == bindparam("handler"), stops.c.scope == EVERY),
    stops.c.lifted_at.is_(None),
)
STOPS: Final = Prepared(stops.select().where(*_STANDING).order_by(stops.c.id))
# A person's, under which nothing may be sent.
HOLDING_STOP: Final = Prepared(
    stops.select()
    .where(
        *_STANDING,
        stops.c.kind == "stop",
        or_(*(stops.c.ceiling == mode.label for mode in Mode if mode < Mode.SUPERVISED)),
    )
    .order_by(stops.c.id)
    .limit(1)
)
NEWEST_AUDIT: Final = Prepared(
    audits.select()
    .where(audits.c.site == bindparam("site"), audits.c.ticket_id == bindparam("ticket"))
    .order_by(audits.c.id.desc())
    .limit(1)
)
MERGED_TYPES: Final = Prepared(
    request_types.select().with_only_columns(request_types.c.id, request_types.c.merged_into)
)

# --- calls for a person: of one request, of one subject

SETTLE_REQUEST: Final = Prepared(
    calls.update().where(calls.c.request_id == bindparam("request"), calls.c.settled_at.is_(None))
)
SETTLE_SUBJECT: Final = Prepared(
    calls.update().where(calls.c.subject == bindparam("about"), calls.c.settled_at.is_(None))
)

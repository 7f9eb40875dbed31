"""The frozen records that the ledger answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fulfilment.request import Result, State

_FULFILLED = frozenset({State.APPLIED, State.VERIFIED, State.ANSWERED, State.CLOSED, State.RETIRING, State.RETIRED})
RESULTS: dict[State, Result] = {
    State.MATCHED: Result.UNCERTAIN,
    State.NEEDS_INFORMATION: Result.ASKED,
    State.PLANNED: Result.UNCERTAIN,
    State.AWAITING_APPROVAL: Result.AWAITING_APPROVAL,
    State.APPROVED: Result.UNCERTAIN,
    State.APPLYING: Result.UNCERTAIN,
    State.WAITING_ON_PROVIDER: Result.UNCERTAIN,
    State.REFUSED: Result.REFUSED,
    State.CANCELLED: Result.CANCELLED,
    State.HANDED_OVER: Result.LEFT_TO_PEOPLE,
    State.EXPIRED: Result.EXPIRED,
    State.CONFLICT: Result.CONFLICT,
    State.UNCERTAIN: Result.UNCERTAIN,
    State.FAILED: Result.FAILED,
    State.COMPENSATED: Result.FAILED,
    **dict.fromkeys(_FULFILLED, Result.FULFILLED),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A row of `approvals`: the code issued for exactly one plan, where it was posted, and who used it."""

    id: int
    request_id: str
    plan_digest: str
    code: str
    comment_id: str | None
    comment_digest: str | None
    posted_at: datetime | None
    expires_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Intent:
    """What was about to be done, durable before it was. `outcome`: done, adopted, refused, not_done, or
    None (open).

    `step` counts from 0. `observed` is what was seen before: absent, or unmarked for a step that creates
    nothing.
    """

    id: int
    request_id: str
    step: int
    operation: str
    observed: str
    outcome: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """What came of one request. `applied_at` is ticket time; `review_minutes` is None until somebody
    measures it."""

    request_id: str
    ticket_id: int
    ticket: str
    handler: str
    request_type: str
    result: Result
    applied_at: datetime | None
    resource: str | None
    reason: str
    is_corrected: bool = False
    review_minutes: float | None = None

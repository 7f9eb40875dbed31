"""A request's life: its states, and the arrows between them, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    MATCHED = "matched"
    NEEDS_INFORMATION = "needs_information"
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    APPLYING = "applying"
    WAITING_ON_PROVIDER = "waiting_on_provider"
    APPLIED = "applied"
    VERIFIED = "verified"
    ANSWERED = "answered"
    CLOSED = "closed"
    RETIRING = "retiring"
    RETIRED = "retired"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    HANDED_OVER = "handed_over"
    EXPIRED = "expired"
    CONFLICT = "conflict"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    COMPENSATED = "compensated"


_S = State
# Before the first effect a request can be refused, taken over, cancelled or left to lapse.
_LEAVES = frozenset({_S.REFUSED, _S.CANCELLED, _S.HANDED_OVER, _S.EXPIRED})

ARROWS: dict[State, frozenset[State]] = {
    _S.MATCHED: _LEAVES | {_S.NEEDS_INFORMATION, _S.PLANNED, _S.CONFLICT, _S.FAILED},
    _S.NEEDS_INFORMATION: _LEAVES | {_S.MATCHED},
    _S.PLANNED: _LEAVES | {_S.AWAITING_APPROVAL, _S.APPROVED, _S.CONFLICT, _S.MATCHED},
    _S.AWAITING_APPROVAL: _LEAVES | {_S.APPROVED, _S.MATCHED},
    # Back to PLANNED when the evidence that approved it no longer carries it.
    _S.APPROVED: _LEAVES | {_S.APPLYING, _S.PLANNED, _S.MATCHED, _S.CONFLICT},
    # From here on a request is handed over only when its ticket is gone and no intent is open.
    _S.APPLYING: frozenset({_S.WAITING_ON_PROVIDER, _S.APPLIED, _S.CONFLICT, _S.UNCERTAIN, _S.FAILED, _S.HANDED_OVER}),
    _S.WAITING_ON_PROVIDER: frozenset({_S.APPLYING, _S.UNCERTAIN, _S.FAILED, _S.HANDED_OVER}),
    _S.APPLIED: frozenset({_S.VERIFIED, _S.UNCERTAIN, _S.FAILED, _S.HANDED_OVER}),
    _S.VERIFIED: frozenset({_S.ANSWERED, _S.UNCERTAIN, _S.HANDED_OVER}),
    _S.ANSWERED: frozenset({_S.CLOSED, _S.HANDED_OVER}),
    _S.CLOSED: frozenset({_S.RETIRING}),
    _S.RETIRING: frozenset({_S.RETIRED, _S.UNCERTAIN, _S.FAILED}),
    _S.RETIRED: frozenset(),
    _S.REFUSED: frozenset({_S.MATCHED}),
    _S.CANCELLED: frozenset(),
    _S.HANDED_OVER: frozenset({_S.MATCHED}),
    _S.EXPIRED: frozenset({_S.MATCHED}),
    _S.CONFLICT: frozenset({_S.MATCHED}),
    _S.UNCERTAIN: frozenset({_S.APPLYING, _S.HANDED_OVER, _S.FAILED}),
    _S.FAILED: frozenset({_S.COMPENSATED, _S.MATCHED, _S.HANDED_OVER}),
    _S.COMPENSATED: frozenset({_S.MATCHED}),
}

# States that the cycle looks at again by itself, without the ticket having changed.
UNFINISHED = frozenset(
    {_S.MATCHED, _S.PLANNED, _S.AWAITING_APPROVAL, _S.APPROVED, _S.APPLYING, _S.WAITING_ON_PROVIDER}
    | {_S.APPLIED, _S.VERIFIED, _S.ANSWERED}
)


@dataclass(frozen=True, slots=True)
class Request:
    """A row of `requests`. `id` is the HMAC identity (hex); writes compare (state, epoch) and raise the epoch.

    `score` and `certificate` are those of the classification that it was decided on. The cycle leaves it alone before
    `next_check_at`; what was made lives until `lifetime_ends_at` (both ticket time), and `retirement` is the plan that
    takes it away.
    """

    id: str
    site: str
    ticket_id: int
    ticket_key: str
    handler: str
    generation: int
    state: State
    epoch: int
    content_hash: str
    request_type: str
    type_source: str
    requester: str
    parameters: str
    plan: str | None
    resource: str | None
    reason: str
    created_at: datetime
    updated_at: datetime
    score: float | None = None
    certificate: str | None = None
    next_check_at: datetime | None = None
    lifetime_ends_at: datetime | None = None
    retirement: str | None = None


class Result(StrEnum):
    """What came of looking at a ticket; the keys of `outcomes` in the reports."""

    FULFILLED = "fulfilled"
    ASKED = "needs_information"
    SPLIT = "asked_to_split"
    AWAITING_APPROVAL = "awaiting_approval"
    REFUSED = "refused"
    LEFT_TO_PEOPLE = "left_to_people"
    SHADOWED = "shadowed"
    SUGGESTED = "suggested"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done with a ticket and why, in sentences."""

    ticket: str
    result: Result
    reasons: tuple[str, ...]
    handler: str | None = None
    resource: str | None = None

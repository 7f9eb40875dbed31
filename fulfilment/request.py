"""A request's life: its states, and the arrows between them, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


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
    _S.PLANNED: _LEAVES | {_S.AWAITING_APPROVAL, _S.APPROVED},
    _S.AWAITING_APPROVAL: _LEAVES | {_S.APPROVED},
    # Back to PLANNED when the evidence that approved it no longer carries it.
    _S.APPROVED: _LEAVES | {_S.APPLYING, _S.PLANNED},
    # From here on a request is handed over only when its ticket is gone and no intent is open, or by a person. Back to
    # APPROVED when a later turn finds that nothing was done: everything is checked again.
    _S.APPLYING: frozenset(
        {_S.APPROVED, _S.WAITING_ON_PROVIDER, _S.APPLIED, _S.CONFLICT, _S.UNCERTAIN, _S.FAILED, _S.HANDED_OVER}
    ),
    _S.WAITING_ON_PROVIDER: frozenset({_S.APPLYING, _S.UNCERTAIN, _S.HANDED_OVER}),
    _S.APPLIED: frozenset({_S.VERIFIED, _S.UNCERTAIN, _S.FAILED, _S.HANDED_OVER}),
    _S.VERIFIED: frozenset({_S.ANSWERED, _S.UNCERTAIN, _S.HANDED_OVER}),
    _S.ANSWERED: frozenset({_S.CLOSED, _S.HANDED_OVER}),
    _S.CLOSED: frozenset({_S.RETIRING}),
    # Back to CLOSED when nobody approved that it is taken away, or somebody uses it.
    _S.RETIRING: frozenset({_S.RETIRED, _S.CLOSED, _S.UNCERTAIN, _S.HANDED_OVER}),
    _S.RETIRED: frozenset(),
    _S.REFUSED: frozenset({_S.MATCHED}),
    _S.CANCELLED: frozenset(),
    _S.HANDED_OVER: frozenset({_S.MATCHED}),
    _S.EXPIRED: frozenset(),
    _S.CONFLICT: frozenset({_S.MATCHED}),
    # A person decides: it goes on where it was, or is theirs.
    _S.UNCERTAIN: frozenset({_S.APPLYING, _S.RETIRING, _S.HANDED_OVER}),
    _S.FAILED: frozenset({_S.COMPENSATED, _S.MATCHED, _S.HANDED_OVER, _S.UNCERTAIN}),
    _S.COMPENSATED: frozenset(),
}

MEANINGS: dict[State, str] = {
    _S.MATCHED: "a golden path serves the ticket; it is being judged",
    _S.NEEDS_INFORMATION: "a question of ours waits for the requester",
    _S.PLANNED: "what would be done is frozen, with a digest",
    _S.AWAITING_APPROVAL: "the plan and its code stand in the ticket; an approver has to say yes",
    _S.APPROVED: "approved, and not begun",
    _S.APPLYING: "steps are carried out, each with an intent before it",
    _S.WAITING_ON_PROVIDER: "the provider works on a step; nobody holds the request, it is looked at again",
    _S.APPLIED: "every step is done",
    _S.VERIFIED: "read back: all is as planned",
    _S.ANSWERED: "the answer stands in the ticket",
    _S.CLOSED: "the ticket is moved; done",
    _S.RETIRING: "its time is over: an approver is asked whether it may be taken away",
    _S.RETIRED: "taken away",
    _S.REFUSED: "a guardrail said no; the ticket says why",
    _S.CANCELLED: "a person took or closed the ticket, or edited it after the plan",
    _S.HANDED_OVER: "left to people",
    _S.EXPIRED: "nobody approved it in time",
    _S.CONFLICT: "it exists already and is somebody else's",
    _S.UNCERTAIN: "nobody can tell what was done: a person decides",
    _S.FAILED: "it failed; what was made is being taken away, or a person is called",
    _S.COMPENSATED: "it failed, and what was made was taken away",
}


def diagram() -> str:
    """The states and arrows as a Mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.MATCHED.value}"]
    for state in State:
        lines += [f"    {state.value} --> {to.value}" for to in State if to in ARROWS[state]]
        if not ARROWS[state]:
            lines.append(f"    {state.value} --> [*]")
    return "\n".join(lines)


# States that the cycle looks at again by itself, without the ticket having changed; in the others only what has a
# `next_check_at`: a failed request that has something to take away, a closed one that lives for a limited time.
UNFINISHED = frozenset(
    {_S.MATCHED, _S.PLANNED, _S.AWAITING_APPROVAL, _S.APPROVED, _S.APPLYING, _S.WAITING_ON_PROVIDER}
    | {_S.APPLIED, _S.VERIFIED, _S.ANSWERED, _S.RETIRING}
)


LONGEST_PAUSE = timedelta(days=1)


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
    waiting_since: datetime | None = None
    lifetime_ends_at: datetime | None = None
    retirement: str | None = None
    context: str = "{}"

    @property
    def memory(self) -> dict[str, Any]:
        """What later turns need: whose words and which replies it consists of, for which team it is, what was
        understood."""
        found: dict[str, Any] = json.loads(self.context)
        return found

    @property
    def is_unfinished(self) -> bool:
        """Whether the cycle goes on with it by itself, now or later: also when it failed and has to be undone."""
        return self.state in UNFINISHED or (self.state is State.FAILED and self.next_check_at is not None)

    def is_due(self, now: datetime) -> bool:
        """Whether the cycle looks at it now. What is to be looked at later than ever is of a clock that was wrong."""
        if not self.is_unfinished and self.next_check_at is None:
            return False
        far = self.lifetime_ends_at or now
        return self.next_check_at is None or not now < self.next_check_at <= max(now, far) + LONGEST_PAUSE


class Result(StrEnum):
    """What came of looking at a ticket; the keys of `outcomes` in the reports."""

    FULFILLED = "fulfilled"
    ASKED = "needs_information"
    SPLIT = "asked_to_split"
    AWAITING_APPROVAL = "awaiting_approval"
    REFUSED = "refused"
    LEFT_TO_PEOPLE = "left_to_people"
    WAITING_ON_PROVIDER = "waiting_on_provider"
    SHADOWED = "shadowed"
    SUGGESTED = "suggested"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    RETIRED = "retired"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done with a ticket and why, in sentences."""

    ticket: str
    result: Result
    reasons: tuple[str, ...]
    handler: str | None = None
    resource: str | None = None

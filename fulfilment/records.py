"""The frozen records that the ledger answers with."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fulfilment.policy import Mode
from fulfilment.request import Result, State

EVIDENCE = "evidence"  # the author of what no person did
Kind = Literal["request", "incident", "bug", "question", "project"]
Phase = Literal["apply", "undo", "retire"]
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SAMPLE = 500

_FULFILLED = frozenset({State.APPLIED, State.VERIFIED, State.ANSWERED, State.CLOSED, State.RETIRING, State.RETIRED})
RESULTS: dict[State, Result] = {
    State.MATCHED: Result.UNCERTAIN,
    State.NEEDS_INFORMATION: Result.ASKED,
    State.PLANNED: Result.UNCERTAIN,
    State.AWAITING_APPROVAL: Result.AWAITING_APPROVAL,
    State.APPROVED: Result.UNCERTAIN,
    State.APPLYING: Result.UNCERTAIN,
    State.WAITING_ON_PROVIDER: Result.WAITING_ON_PROVIDER,
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

    def approves(self, plan_digest: str) -> bool:
        """Whether somebody said yes, and to exactly this plan."""
        return self.approved_at is not None and self.plan_digest == plan_digest


@dataclass(frozen=True, slots=True)
class Intent:
    """What was about to be done, durable before it was. `outcome`: done, adopted, ready, refused, not_done, or None
    (open).

    `step` counts from 0 in the plan; a step of it is applied, undone when the plan failed half-way, or retired.
    `observed` is what was seen before: absent, or unmarked for a step that creates nothing.
    """

    id: int
    request_id: str
    phase: Phase
    step: int
    operation: str
    observed: str
    outcome: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """A person is needed: why, and what to look at. Told once by every way that is configured (`ways` are those that
    were used); it waits until `settled_at`."""

    id: int
    subject: str
    request_id: str | None
    ticket_id: int | None
    ticket_key: str | None
    reason: str
    look_at: str
    told_at: datetime | None
    settled_at: datetime | None
    created_at: datetime
    ways: frozenset[str] = frozenset()

    @property
    def occasion(self) -> str:
        """SHA-256 (hex): the same for each telling of this call, another when its subject calls again."""
        return hashlib.sha256(f"{self.subject} {self.created_at.isoformat()}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pulse:
    """When a cycle last ended without an error, and what the latest one left out. Both instants are the database's
    clock; `good_at` is None before the first good cycle. `obstacles` are keys of projects."""

    now: datetime
    good_at: datetime | None
    obstacles: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The mode that a person's stop, or a demotion, allows a handler at most, and why."""

    mode: Mode
    reason: str
    is_demotion: bool = False

    @property
    def sentence(self) -> str:
        if self.is_demotion:
            return f"demoted to {self.mode.label}: {self.reason}"
        return f"a stop holds it at {self.mode.label}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """With scores of `threshold` and above, the type is wrong in at most `target` of the cases, at this confidence.

    `threshold` is None where it was not granted; `needed` then says how many more audited tickets it takes.
    `coverage` is the share of the type's tickets that it covers. What follows `needed` is the ledger's to fill in.
    Learn-Then-Test: Angelopoulos et al. 2021.
    """

    request_type: str
    target: float
    confidence: float
    threshold: float | None
    audited: int
    wrong: int
    coverage: float
    needed: int | None = None
    model: str = ""
    id: str = ""
    issued_at: datetime | None = None
    suspended_at: datetime | None = None
    suspended_reason: str | None = None
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        shares = (self.target, self.confidence, self.coverage, 0.0 if self.threshold is None else self.threshold)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"target, confidence, threshold and coverage are shares from 0 to 1: {shares}")
        if not 0 <= self.wrong <= self.audited:
            raise ValueError(f"{self.wrong} of {self.audited} audited tickets cannot be wrong")

    @property
    def lacks(self) -> str | None:
        """Why it lets nothing act, in a sentence; None when it is in force."""
        if self.withdrawn_at is not None:
            return "withdrawn: a newer model, certificate or merge of request types replaced it"
        if self.threshold is None:
            if self.needed:
                return f"{self.needed} more audited tickets needed"
            return f"not granted: {self.wrong} of {self.audited} audited tickets were wrong"
        if self.suspended_at is not None:
            return f"suspended: {self.suspended_reason}"
        return None


@dataclass(frozen=True, slots=True)
class KnownRequestType:
    """A request type that was discovered in the queue or named by a person. `members` are some of its tickets as
    `site:id`, at most 500. `merged_into` is the type that stands for it, however many merges later."""

    id: str
    name: str
    kind: Kind
    origin: Literal["discovered", "named"] = "discovered"
    words: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    size: int = 0
    merged_into: str | None = None

    def __post_init__(self) -> None:
        check_slug(self.id)
        object.__setattr__(self, "members", self.members[:_SAMPLE])


@dataclass(frozen=True, slots=True)
class Audit:
    """What a person says that a ticket asks for; `author` is an account id. `predicted`, `score` and `model` are what
    the model said when the person was asked."""

    site: str
    ticket_id: int
    ticket_key: str
    request_type: str
    source: Literal["correction", "audit"]
    author: str
    at: datetime
    predicted: str | None = None
    score: float | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        check_slug(self.request_type)


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """A ticket that people are asked about. `asked_at` is the ledger's to fill in."""

    site: str
    ticket_id: int
    ticket_key: str
    predicted: str
    score: float
    model: str
    asked_at: datetime | None = None


def check_slug(name: str) -> None:
    """Raises ValueError unless it is kebab-case."""
    if not _SLUG.fullmatch(name):
        raise ValueError(f"{name!r} is no id of a request type: small letters and digits in words joined by hyphens")

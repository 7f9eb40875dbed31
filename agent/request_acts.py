"""What a person does about a request: look at those that wait, let one go on, take one over; and what nobody owns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.errors import AgentError
from fulfilment.applying import made_by
from fulfilment.chain import Note
from fulfilment.errors import HandlerError, ProviderError
from fulfilment.executor import Workshop
from fulfilment.handler import Handler, Marked
from fulfilment.handler_work import HandlerWork
from fulfilment.identity import resource_mark
from fulfilment.ledger import REMINDER, Ledger
from fulfilment.plan import Plan
from fulfilment.policy import Policy
from fulfilment.records import Intent
from fulfilment.request import ARROWS, Request, State

_SHORTEST = 6


def find(ledger: Ledger, name: str) -> Request:
    """By its id, the beginning of it (6 characters or more), or the key of its ticket: then the newest. Raises
    AgentError."""
    by_key = ledger.requests(key=name.upper())
    if by_key:
        return by_key[-1]
    found = [one for one in ledger.requests() if one.id.startswith(name)] if len(name) >= _SHORTEST else []
    if not found:
        raise AgentError(f"there is no request {name}; `goldenpath requests` lists them")
    if len(found) > 1:
        raise AgentError(f"{len(found)} requests begin with {name}: give more of its characters")
    return found[0]


def resume(ledger: Ledger, name: str, *, by: str, at: datetime) -> Request:
    """Lets it go on in the next cycle, which looks first what was done. Raises AgentError where nothing can go on."""
    request = find(ledger, name)
    to = _way_on(ledger, request, at)
    held = ledger.claim(request, at)
    try:
        note = Note(at, "resumed", f"{by} lets it go on", detail={"by": by})
        return ledger.hasten(held, note) if to is None else ledger.move(held, to, note)
    finally:
        ledger.release(request.id)


def _way_on(ledger: Ledger, request: Request, at: datetime) -> State | None:
    """The state that it goes back to; None where it goes on from where it stands. Raises AgentError."""
    if request.state is State.UNCERTAIN:
        return State.APPLYING if request.retirement is None else State.RETIRING
    if request.state is State.FAILED:
        return _out_of_failure(request, ledger.intents(request))
    is_called = any(call.request_id == request.id for call in ledger.calls())
    if request.is_unfinished and (is_called or request.next_check_at is not None):
        return None
    ends_at = request.lifetime_ends_at
    if request.state is State.CLOSED and ends_at is not None and at >= ends_at - REMINDER:
        return None
    raise AgentError(f"the request of {request.ticket_key} is {request.state.value}: there is nothing to resume")


def _out_of_failure(request: Request, intents: Sequence[Intent]) -> State | None:
    if not intents:
        return State.MATCHED
    if request.is_unfinished or made_by(Plan.from_json(request.plan or ""), intents):
        return None
    unknown = ", ".join(one.operation for one in intents if one.outcome is None)
    found = f"nobody knows whether {unknown} was carried out, so look for it" if unknown else "nothing of it is left"
    raise AgentError(
        f"the request of {request.ticket_key} failed, and {found}: `goldenpath requests abandon {request.id[:12]}` "
        "leaves it to people, and a new ticket is served anew"
    )


def abandon(ledger: Ledger, name: str, *, by: str, at: datetime) -> Request:
    """Leaves it to people for good: its context says who took it. Raises AgentError for what has ended."""
    request = find(ledger, name)
    if State.HANDED_OVER not in ARROWS[request.state]:
        raise AgentError(
            f"the request of {request.ticket_key} is {request.state.value}: it cannot be abandoned; "
            "`goldenpath settle` ends a call about it"
        )
    held = ledger.claim(request, at)
    try:
        note = Note(at, State.HANDED_OVER.value, f"{by} takes it over", detail={"by": by})
        return ledger.move(held, State.HANDED_OVER, note, context=held.memory | {"abandoned_by": by})
    finally:
        ledger.release(request.id)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A resource with a mark like ours that nothing looks after; `why` in a sentence."""

    environment: str
    handler: str
    found: Marked
    why: str


@dataclass(frozen=True, slots=True)
class Orphans:
    """`looked_at` counts the resources with a mark; `unread` are the places that could not be looked at, and why."""

    orphans: tuple[Orphan, ...]
    looked_at: int
    unread: tuple[str, ...]


def find_orphans(
    ledger: Ledger, policy: Policy, handlers: dict[str, Handler], workshop: Workshop, secret: bytes
) -> Orphans:
    """Looks in every environment and region for what carries a mark, and asks the ledger whose it is."""
    marked: list[tuple[str, str, Marked]] = []
    unread: list[str] = []
    for environment in policy.environments.values():
        for name, handler in handlers.items():
            for region in environment.regions:
                try:
                    found = HandlerWork(handler).marked(region, workshop.reader(environment.name, handler))
                except (ProviderError, HandlerError) as error:
                    unread.append(f"{name} in {environment.name} ({region}): {error}")
                    continue
                marked += [(environment.name, name, one) for one in found]
    # After the marks: a request that was begun meanwhile owns what it has made.
    owners = {resource_mark(secret, request.id): request for request in ledger.requests()}
    orphans = [
        Orphan(environment_name, name, one, why)
        for environment_name, name, one in marked
        if (why := _why_orphan(ledger, one, owners.get(one.mark))) is not None
    ]
    return Orphans(tuple(orphans), len(marked), tuple(unread))


def _why_orphan(ledger: Ledger, found: Marked, owner: Request | None) -> str | None:
    if owner is None:
        return "no request of this ledger has its mark"
    intents = ledger.intents(owner)
    plan = Plan.from_json(owner.plan) if owner.plan else None
    made = () if plan is None else made_by(plan, intents)
    begun = () if plan is None else tuple(plan.steps[one.step] for one in intents if one.outcome is None)
    standing = f"the request of {owner.ticket_key} is {owner.state.value}"
    if not any(step.resource == found.resource for step in (*begun, *(step for _, step in made))):
        return f"{standing}, and no row says that it made this"
    return None if _looks_after(owner) else f"{standing}, and nothing looks after this any more"


def _looks_after(owner: Request) -> bool:
    """Whether it goes on with what it made, a person was called about that, or its requester has it."""
    if owner.state is State.HANDED_OVER:  # fulfilled, and only the ticket could not be moved
        return owner.resource is not None and "abandoned_by" not in owner.memory
    return owner.is_unfinished or owner.state in (State.CLOSED, State.UNCERTAIN)

"""What a person does about a request: look at those that wait, let one go on, take one over; and what nobody owns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agent.errors import AgentError
from fulfilment.applying import made_by
from fulfilment.chain import Note
from fulfilment.errors import ProviderError
from fulfilment.executor import Workshop
from fulfilment.handler import Handler, Marked
from fulfilment.handler_work import HandlerWork
from fulfilment.identity import resource_mark
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan
from fulfilment.policy import Policy
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
    """Lets it go on in the next cycle, which looks first what was done. Raises AgentError where nothing waits."""
    request = find(ledger, name)
    is_waiting = request.is_unfinished and request.next_check_at is not None
    if request.state not in (State.UNCERTAIN, State.FAILED) and not is_waiting:
        raise AgentError(f"the request of {request.ticket_key} is {request.state.value}: there is nothing to resume")
    held = ledger.claim(request, at)
    try:
        note = Note(at, "resumed", f"{by} lets it go on", detail={"by": by})
        if held.state is not State.UNCERTAIN:
            return ledger.hasten(held, note)
        return ledger.move(held, State.APPLYING if held.retirement is None else State.RETIRING, note)
    finally:
        ledger.release(request.id)


def abandon(ledger: Ledger, name: str, *, by: str, at: datetime) -> Request:
    """Leaves it to people for good. Raises AgentError for what has ended."""
    request = find(ledger, name)
    if State.HANDED_OVER not in ARROWS[request.state]:
        raise AgentError(f"the request of {request.ticket_key} is {request.state.value}: it cannot be abandoned")
    held = ledger.claim(request, at)
    try:
        note = Note(at, State.HANDED_OVER.value, f"{by} takes it over", detail={"by": by})
        return ledger.move(held, State.HANDED_OVER, note)
    finally:
        ledger.release(request.id)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A resource with a mark like ours that no row of the ledger owns; `why` in a sentence."""

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
    owners = {resource_mark(secret, request.id): request for request in ledger.requests()}
    orphans: list[Orphan] = []
    unread: list[str] = []
    looked_at = 0
    for environment in policy.environments.values():
        for name, handler in handlers.items():
            for region in environment.regions:
                try:
                    found = HandlerWork(handler).marked(region, workshop.reader(environment.name, handler))
                except ProviderError as error:
                    unread.append(f"{name} in {environment.name} ({region}): {error}")
                    continue
                looked_at += len(found)
                for one in found:
                    why = _why_orphan(ledger, one, owners.get(one.mark))
                    if why is not None:
                        orphans.append(Orphan(environment.name, name, one, why))
    return Orphans(tuple(orphans), looked_at, tuple(unread))


def _why_orphan(ledger: Ledger, found: Marked, owner: Request | None) -> str | None:
    if owner is None:
        return "no request of this ledger has its mark"
    intents = ledger.intents(owner)
    plan = Plan.from_json(owner.plan) if owner.plan else None
    made = () if plan is None else made_by(plan, intents)
    if any(step.resource == found.resource for _, step in made) or any(one.outcome is None for one in intents):
        return None
    return f"the request of {owner.ticket_key} is {owner.state.value}, and no row says that it made this"

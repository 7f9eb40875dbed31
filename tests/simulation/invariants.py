"""What must hold however a play went. Each function is an invariant by its name, and yields a sentence for each breach.

The ledger's file is read past the product: what the product says of itself is no proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fulfilment.identity import PROPERTY, resource_mark
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan
from tests.fakes import SECRET
from tests.simulation.points import Call
from tests.simulation.world import THEIRS, World

# A request may stay in these: it ended, or it waits for somebody who knows.
RESTING = frozenset({"closed", "retired", "cancelled", "expired", "refused", "conflict", "handed_over", "compensated"})
WITH_PEOPLE = frozenset({"uncertain", "failed"})
WAITING = frozenset({"needs_information", "awaiting_approval"})
NOT_DONE = ("refused", "not_done")
# Kinds of rows that lead a request on.
STEPS = frozenset(
    {"matched", "planned", "proposal", "proposed", "approved", "applying", "intent", "applied", "verified", "answered"}
)
AT_REST = RESTING | WITH_PEOPLE | WAITING
HOLDING = frozenset({"applying", "waiting_on_provider", "applied", "verified", "uncertain"})


@dataclass
class Books:
    """Everything that was written down, in the ledger and in the world. `slept_before` names the sendings before which
    a process slept for longer than its lease: nothing can stop a call that was checked already and is sent after that.
    """

    world: World
    slept_before: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.requests = self.world.read("SELECT * FROM requests ORDER BY created_at, generation")
        self.intents = self.world.read("SELECT * FROM intents ORDER BY id")
        self.reservations = self.world.read("SELECT * FROM reservations")
        self.called = {row["request_id"] for row in self.world.read("SELECT * FROM calls WHERE settled_at IS NULL")}
        self.decided = {row["ticket_id"] for row in self.world.read("SELECT DISTINCT ticket_id FROM ledger")}

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(row["state"] for row in self.requests)


def at_most_one_resource_per_request(books: Books) -> Iterator[str]:
    if "creation" in books.slept_before:
        return
    made = Counter(effect.request for effect in books.world.effects if effect.creates)
    for request, count in made.items():
        if count > 1:
            yield f"{count} creations took effect for request {str(request)[:8]}"


def what_is_not_ours_is_never_changed(books: Books) -> Iterator[str]:
    yield from books.world.provider.abused


def at_most_one_transition(books: Books) -> Iterator[str]:
    for ticket in books.world.jira.tickets.values():
        ours = [
            change
            for change in ticket.status_changes or ()
            if change.author and change.author.id == books.world.jira.account().id
        ]
        if len(ours) > 1:
            yield f"we moved {ticket.key} {len(ours)} times"


def no_comment_stands_twice(books: Books) -> Iterator[str]:
    if "desk.post_comment" in books.slept_before:
        return
    for ticket in books.world.jira.tickets.values():
        said = Counter(
            (marker["purpose"], marker["about"])
            for comment in books.world.jira.ours(ticket.id)
            if (marker := comment.properties[PROPERTY])
        )
        for (purpose, _), count in said.items():
            if count > 1:
                yield f"{ticket.key} holds the same {purpose} {count} times"


def exactly_one_result_where_it_is_fulfilled(books: Books) -> Iterator[str]:
    for row in books.requests:
        results = [
            comment
            for comment in books.world.jira.ours(row["ticket_id"], "result")
            if comment.properties[PROPERTY]["request"] == row["id"]
        ]
        if row["state"] in ("answered", "closed", "retiring", "retired") and not results:
            yield f"{row['ticket_key']} is {row['state']} without an answer"
        if results and row["applied_at"] is None:
            yield f"{row['ticket_key']} was told that it is done, and its request is {row['state']}"


def what_is_fulfilled_stands(books: Books) -> Iterator[str]:
    if books.world.provider.forgives and "creation" in books.slept_before:
        return
    for row in books.requests:
        if row["state"] not in ("applied", "verified", "answered", "closed"):
            continue
        box = books.world.provider.boxes.get(row["resource"] or "")
        if box is None or box["mark"] != resource_mark(SECRET, row["id"]) or not box["locked"]:
            yield f"{row['ticket_key']} is {row['state']}, and the provider has {box}"


def what_stands_is_known(books: Books) -> Iterator[str]:
    """Of every box that we made a request tells: it is fulfilled, or people have it and know."""
    if "creation" in books.slept_before:
        return
    known = {resource_mark(SECRET, row["id"]): row for row in books.requests}
    for name, box in books.world.provider.boxes.items():
        if box["mark"] == THEIRS:
            continue
        row = known.get(box["mark"])
        if row is None or (row["state"] not in ("closed", "handed_over") and row["id"] not in books.called):
            yield f"box {name} is ours, and its request is {row['state'] if row else 'unknown'}"


def the_record_of_effects_is_true(books: Books) -> Iterator[str]:
    happened = {(effect.request, effect.kind) for effect in books.world.effects}
    for row in books.intents:
        is_so = (row["request_id"], row["operation"]) in happened
        if row["outcome"] in ("done", "adopted", "ready") and row["phase"] == "apply" and not is_so:
            yield f"{row['operation']} is recorded as {row['outcome']} and never happened"
    owned = {(row["request_id"], row["operation"]) for row in books.intents if row["outcome"] not in NOT_DONE}
    for _, operation in sorted(happened - owned - {(None, kind) for _, kind in happened}):
        yield f"{operation} took effect, and every record of it says that it did not"


def nothing_is_stuck(books: Books) -> Iterator[str]:
    for row in books.requests:
        is_undoing = row["state"] == "failed" and row["next_check_at"] is not None
        if row["id"] not in books.called and (is_undoing or row["state"] not in RESTING | WAITING):
            yield f"{row['ticket_key']} stays {row['state']}, and nobody was called: {row['reason']}"
        ticket = books.world.jira.tickets[row["ticket_id"]]
        if row["state"] == "awaiting_approval" and not ticket.is_open:
            yield f"{row['ticket_key']} is closed, and its request still waits for an approval"


def what_is_closed_stays_closed(books: Books) -> Iterator[str]:
    """No scenario here makes something for a limited time, so closed is the end."""
    closed: set[str] = set()
    for row in books.world.read("SELECT request_id, kind, ticket_key FROM ledger ORDER BY seq"):
        if row["request_id"] in closed and row["kind"] in STEPS:
            yield f"the request of {row['ticket_key']} was closed, and then {row['kind']}"
        if row["kind"] == "closed":
            closed.add(row["request_id"])


def no_open_ticket_is_left_without_a_decision(books: Books) -> Iterator[str]:
    for ticket in books.world.jira.tickets.values():
        if ticket.is_open and ticket.id not in books.decided:
            yield f"nothing was decided about {ticket.key}"


def no_quota_is_exceeded(books: Books) -> Iterator[str]:
    """By the effects themselves: each requester's requests that made something on one day."""
    made = {effect.request for effect in books.world.effects if effect.creates}
    limit = books.world.memory.get("requests_per_day", 20)
    begun = {
        row["request_id"]: row["at"][:10]
        for row in books.world.read("SELECT request_id, min(at) AS at FROM ledger WHERE kind = 'applying' GROUP BY 1")
    }
    days = Counter((row["requester"], begun.get(row["id"], "never")) for row in books.requests if row["id"] in made)
    for (requester, day), count in days.items():
        if count > limit:
            yield f"{requester} got {count} on {day}"


def what_ended_reserves_nothing(books: Books) -> Iterator[str]:
    states = {row["id"]: row["state"] for row in books.requests}
    for row in books.reservations:
        is_held = states[row["request_id"]] in HOLDING or row["request_id"] in books.called
        if row["released_at"] is None and row["kind"] != "quota" and not is_held:
            yield f"{row['name']} is still reserved by a request that is {states[row['request_id']]}"


INVARIANTS: tuple[Callable[[Books], Iterator[str]], ...] = (
    at_most_one_resource_per_request,
    what_is_not_ours_is_never_changed,
    at_most_one_transition,
    no_comment_stands_twice,
    exactly_one_result_where_it_is_fulfilled,
    what_is_fulfilled_stands,
    what_stands_is_known,
    the_record_of_effects_is_true,
    nothing_is_stuck,
    what_is_closed_stays_closed,
    no_open_ticket_is_left_without_a_decision,
    no_quota_is_exceeded,
    what_ended_reserves_nothing,
)


def check(books: Books) -> list[str]:
    return [f"{invariant.__name__}: {line}" for invariant in INVARIANTS for line in invariant(books)]


def check_ledger(ledger: Ledger) -> list[str]:
    broken = ledger.verify().broken_at
    return [] if broken is None else [f"the_chain_is_whole: row {broken} does not follow"]


def check_sending(world: World, call: Call, *, has_slept: bool) -> None:
    """When a call that changes the provider is sent: it was approved, its intent stands, and no cancel was seen. Of a
    sleeper's intent another may have found out what came of it."""
    step = call.step
    assert step is not None
    (row,) = world.read("SELECT * FROM requests WHERE id = ?", call.request)
    plan = Plan.from_json(row["plan"]) if row["plan"] else None
    approved = {
        found["plan_digest"]
        for found in world.read(
            "SELECT plan_digest FROM approvals WHERE request_id = ? AND approved_at IS NOT NULL AND voided_at IS NULL",
            call.request,
        )
    }
    if plan is None or plan.digest not in approved:
        world.wrong.append(f"nothing_without_an_approval: {step.sentence}")
    elif step.removes:
        if not any(made.creates and made.resource == step.resource for made in plan.steps):
            world.wrong.append(f"nothing_without_an_approval: {step.sentence} takes away what no step of its plan made")
    elif step not in plan.steps:
        world.wrong.append(f"nothing_without_an_approval: {step.sentence} is no step of the approved plan")
    intents = world.read(
        "SELECT outcome FROM intents WHERE request_id = ? AND operation = ?", call.request, step.operation
    )
    if not any(intent["outcome"] is None or has_slept for intent in intents):
        world.wrong.append(f"an_intent_before_each_effect: {step.sentence}")
    if step.creates and call.life.cancelled.get(row["ticket_id"]):
        world.wrong.append(f"nothing_is_made_after_a_cancel_was_seen: {step.sentence}")

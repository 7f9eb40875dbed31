"""What is asked for, and what the people of it do between two cycles when nobody troubles them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fulfilment.policy import Mode, Policy
from tests.fakes import ADA, DANA, MATE, OLGA, OTTO, BoxHandler, SlowBoxHandler, form, policy
from tests.simulation.world import World


@dataclass(frozen=True)
class Scenario:
    """`begin` files the tickets, the first of which is the one that people meddle with.

    `is_steady`: whether it comes to the same end however long it is held up.
    """

    name: str
    begin: Callable[[World], None]
    mode: Mode = Mode.AUTONOMOUS
    people: Callable[[World], None] = lambda _: None
    changes: dict[str, Any] = field(default_factory=dict)
    handler: type[BoxHandler] = BoxHandler
    is_steady: bool = True

    @property
    def policy(self) -> Policy:
        return policy(self.mode, **self.changes)


def _file(world: World) -> None:
    world.jira.file()


def _file_incomplete(world: World) -> None:
    world.jira.file(form=form(region=""))


def _file_two(world: World) -> None:
    world.jira.file()
    world.jira.file(form=form(name="payments-invoices"))


def _file_two_of_one(world: World) -> None:
    world.memory["requests_per_day"] = 1
    _file_two(world)


def _file_two_alike(world: World) -> None:
    world.jira.file()
    world.jira.file(by=MATE)


def _rival_first(world: World) -> None:
    world.jira.file()
    world.provider.rival("payments-receipts")


def _refuse_lock(world: World) -> None:
    world.jira.file()
    world.provider.refuses.add("box:PutLock")


def _forgive(world: World) -> None:
    world.jira.file()
    world.provider.forgives = True


def _approve_once(world: World) -> None:
    if "approved" not in world.memory and approve(world):
        world.memory["approved"] = True


def _reply_once(world: World) -> None:
    ticket = first(world)
    if "replied" not in world.memory and world.jira.ours(ticket, "question"):
        world.jira.comment(ticket, DANA, "AWS region: eu-west-1")
        world.memory["replied"] = True


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("autonomous", _file),
        Scenario("supervised", _file, Mode.SUPERVISED, _approve_once),
        Scenario("question", _file_incomplete, people=_reply_once),
        Scenario("conflict", _rival_first),
        Scenario("refused", _refuse_lock),
        Scenario("forgiving", _forgive),
        Scenario("two", _file_two),
        Scenario("alike", _file_two_alike),
        Scenario("quota", _file_two_of_one, changes={"requests_per_day": 1}, is_steady=False),
        Scenario("slow", _file, handler=SlowBoxHandler),
        Scenario("suggest", _file, Mode.SUGGEST),
        Scenario("shadow", _file, Mode.SHADOW),
    )
}


# --- what people do at a point


def first(world: World) -> int:
    return min(world.jira.tickets)


def code(world: World, ticket: int) -> str | None:
    """The one that stands in the newest plan that we posted there."""
    found = [re.search(r"approve (\w+)", comment.text) for comment in world.jira.ours(ticket, "proposal")]
    return found[-1][1] if found and found[-1] else None


def approve(world: World) -> bool:
    word = code(world, first(world))
    if word is not None:
        world.jira.comment(first(world), ADA, f"approve {word}")
    return word is not None


def _tamper(world: World, ticket: int) -> None:
    for comment in world.jira.ours(ticket, "proposal"):
        world.jira.edit_comment(ticket, comment.id, OTTO, comment.text.replace("box", "big box"))


def _close(world: World, ticket: int) -> None:
    if world.jira.tickets[ticket].is_open:
        world.jira.set_status(ticket, OTTO, "Done")


def _work(world: World, ticket: int) -> None:
    if world.jira.tickets[ticket].is_open:
        world.jira.set_status(ticket, OTTO, "In Progress")


def _swap(world: World, ticket: int) -> None:
    """Somebody who may write the ledger's file, and nothing else."""
    world.read("UPDATE requests SET plan = replace(plan, 'payments-receipts', 'payments-wallets')")


ACTS: dict[str, Callable[[World, int], object]] = {
    "close": _close,
    "assign": lambda world, ticket: world.jira.assign(ticket, OTTO),
    "work": _work,
    "summary": lambda world, ticket: world.jira.edit(ticket, DANA, summary="Please create a storage box for receipts"),
    "field": lambda world, ticket: world.jira.fill(ticket, DANA, "Box name", "payments-refunds"),
    "mate": lambda world, ticket: world.jira.fill(ticket, MATE, "Box name", "payments-payouts"),
    "stranger": lambda world, ticket: world.jira.edit(ticket, OLGA, summary="Please create a storage box at once"),
    "outsider": lambda world, ticket: world.jira.comment(ticket, OTTO, "I have a look at it"),
    "approve": lambda world, ticket: approve(world),
    "guess": lambda world, ticket: world.jira.comment(ticket, ADA, "approve WRONG123"),
    "tamper": _tamper,
    "withdraw": lambda world, ticket: world.jira.comment(ticket, DANA, "Please cancel this"),
    "swap": _swap,
    "rival": lambda world, ticket: world.provider.rival("payments-receipts"),
}

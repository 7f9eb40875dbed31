"""A real agent that works for one cycle and may kill itself at a named point.

`python -m tests.crash.agent CONFIGURATION` shows the points; with `POINT SIDE` it dies there. Without arguments it is a
prepared process: for each order, a line of JSON on its standard input, it forks such an agent, which costs no imports,
and tells how that ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import boto3
import psycopg
import sqlalchemy.dialects.postgresql
import sqlalchemy.dialects.sqlite
from sqlalchemy import event

import analytics.classify
from agent import bootstrap, config
from agent.bootstrap import Rooms
from agent.cycle import run_cycle
from fulfilment import schema
from fulfilment.clients import Workshop
from fulfilment.desk import Desk
from fulfilment.ledger import Ledger
from tests.simulation.points import writing_methods
from tickets.jira_client import JiraClient

T = TypeVar("T")
Side = Literal["before", "commit", "after"]
# What a forked agent would load by itself otherwise.
PREPARED = (boto3, psycopg, analytics.classify, sqlalchemy.dialects.postgresql, sqlalchemy.dialects.sqlite)
CALLS = {
    "ledger": writing_methods(),
    "desk": {name for name in vars(Desk) if not name.startswith("_")} - {"now", "account"},
    "workshop": {"reader", "executor"},
    "reader": {"read"},
    "executor": {"perform"},
}


@dataclass(frozen=True, slots=True)
class Order:
    """Where to die: before, after, or right before the COMMIT within the call `at`, counted from 1; or `after_seconds`.
    `by` is the signal: one that stops makes it sleep there. The clock of leases goes `ahead_seconds` before the
    machine's. What was done is told in the file `report`."""

    configuration: str
    report: str
    at: int = 0
    side: Side = "before"
    after_seconds: float | None = None
    ahead_seconds: float = 0
    by: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Report:
    """`points` are the calls by name; `commits` the numbers of those that write to the ledger's database."""

    points: tuple[str, ...]
    commits: frozenset[int]
    errors: int
    outcomes: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Report:
        told = json.loads(path.read_text())
        return cls(tuple(told["points"]), frozenset(told["commits"]), told["errors"], tuple(told["outcomes"]))


class Watch:
    """Counts the calls, and sends this process its signal at the one it was told."""

    def __init__(self, order: Order) -> None:
        self.points: list[str] = []
        self.commits: set[int] = set()
        self._target = order.at, order.side
        self._signal = order.by
        self._inside = 0

    def call(self, name: str, do: Callable[[], T]) -> T:
        self.points.append(name)
        here = len(self.points)
        self._reach(here, "before")
        self._inside = here
        try:
            return do()
        finally:  # also after what was refused
            self._inside = 0
            self._reach(here, "after")

    def commit(self, _: object) -> None:
        if not self._inside:
            self.points.append("a write of the ledger that is no call of the engine")
        here = self._inside or len(self.points)
        self.commits.add(here)
        self._reach(here, "commit")

    def _reach(self, here: int, side: Side) -> None:
        if (here, side) == self._target:
            os.kill(os.getpid(), self._signal)


class Watched:
    """A port whose calls are points, by what the port is; all else of it is as it was."""

    def __init__(self, port: object, kind: str, watch: Watch) -> None:
        self._port = port
        self._kind = kind
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in CALLS[self._kind]:
            return found

        def call(*args: Any, **named: Any) -> Any:
            told = args[0].operation if name == "perform" else ":".join(args[:2]) if name == "read" else name
            answer = self._watch.call(f"{self._kind}.{told}", lambda: found(*args, **named))
            return Watched(answer, name, self._watch) if self._kind == "workshop" else answer

        return call


def work(order: Order) -> None:
    """One cycle, as `goldenpath once`."""
    configuration = config.load(Path(order.configuration))
    watch = Watch(order)
    place = configuration.ledger_place

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=order.ahead_seconds)

    with ExitStack() as stack:
        client = stack.enter_context(bootstrap.connect(configuration))
        store = stack.enter_context(bootstrap.open_store(configuration))
        engine = schema.open_database(place, clock=now)
        ledger = stack.enter_context(Ledger(engine, str(place)))
        event.listen(engine, "commit", watch.commit)
        workshop = Workshop(config.build_policy(configuration).environments)
        rooms = bootstrap.assemble(
            configuration,
            cast(JiraClient, Watched(client, "desk", watch)),
            store,
            cast(Ledger, Watched(ledger, "ledger", watch)),
            cast(Workshop, Watched(workshop, "workshop", watch)),
        )
        tell(order, watch, rooms)


def tell(order: Order, watch: Watch, rooms: Rooms) -> None:
    done = run_cycle(rooms)
    outcomes = [f"{one.ticket} {one.result.value}: {'; '.join(one.reasons)}" for one in done.outcomes]
    told = {"points": watch.points, "commits": sorted(watch.commits), "errors": done.errors, "outcomes": outcomes}
    Path(order.report).write_text(json.dumps(told))


def obey() -> None:
    """The prepared process. It has neither threads nor connections, so that a fork of it is whole. What it prints of an
    agent has no exit code while the agent sleeps."""
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = order["wake"] if "wake" in order else _fork(Order(**order))
        if "wake" in order:
            os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, os.WUNTRACED)
        code = None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        print(json.dumps({"pid": child, "code": code}), flush=True)


def _fork(order: Order) -> int:
    child = os.fork()
    if not child:
        _be_the_agent(order)
    if order.after_seconds is not None:
        time.sleep(order.after_seconds)
        os.kill(child, signal.SIGKILL)
    return child


def _be_the_agent(order: Order) -> None:
    code = 1
    try:
        work(order)
        code = 0
    except BaseException:  # a fork must end here, whatever comes
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(words: list[str]) -> None:
    if words:
        at, side = (int(words[1]), words[2]) if words[1:] else (0, "before")
        work(Order(words[0], "/dev/stdout", at, cast(Side, side)))
    else:
        obey()


if __name__ == "__main__":
    main(sys.argv[1:])

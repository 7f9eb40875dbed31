"""Watched ports: every call of the desk and the provider, and every write of the ledger, is a point with a name and an
ordinal at which a schedule may let something go wrong.

The wrappers are passed in by the constructors. Once a process is dead, nothing that it still tries (a `finally`, say)
reaches the world.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from fulfilment.executor import Executor, Workshop
from fulfilment.handler import Handler, Reader
from fulfilment.ledger import Ledger
from fulfilment.plan import Step
from tests.fakes import Killed
from tests.simulation.tape import Reel

T = TypeVar("T")


class Kind(StrEnum):
    """Which faults a point can have depends on this."""

    DESK_READ = "desk read"
    DESK_WRITE = "desk write"
    PROVIDER_READ = "provider read"
    PROVIDER_WRITE = "provider write"
    SESSION = "session"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Point:
    """`at` counts the calls of a play from 1, of all its processes together."""

    at: int
    name: str
    kind: Kind


@dataclass
class Life:
    """One process. `cancelled` is what it saw last of each ticket that it read."""

    name: str
    is_dead: bool = False
    cancelled: dict[int, bool] = field(default_factory=dict)

    def die(self) -> None:
        self.is_dead = True
        raise Killed(f"{self.name} dies")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is about to be made: `do` makes it and gives its answer; `about` is what it is about."""

    point: Point
    life: Life
    do: Callable[[], Any]
    ticket: int | None = None
    request: str | None = None
    step: Step | None = None


Watch = Callable[[str, Kind, Life, Callable[[], Any], dict[str, Any]], Any]


class WatchedDesk:
    """Whatever does not read is a write, about the ticket that it names first."""

    READS = frozenset({"ticket", "groups_of"})
    AT_HAND = frozenset({"now", "account"})  # no call goes out for these

    def __init__(self, desk: Any, watch: Watch, life: Life) -> None:
        self._desk = desk
        self._watch = watch
        self._life = life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._desk, name)
        if name in self.AT_HAND:
            return found
        kind = Kind.DESK_READ if name in self.READS else Kind.DESK_WRITE

        def call(*args: Any, **named: Any) -> Any:
            about = {"ticket": args[0]} if kind is Kind.DESK_WRITE else {}
            return self._watch(f"desk.{name}", kind, self._life, lambda: found(*args, **named), about)

        return call


class WatchedWorkshop:
    def __init__(self, workshop: Workshop, watch: Watch, life: Life) -> None:
        self._workshop = workshop
        self._watch = watch
        self._life = life

    def reader(self, environment: str, handler: Handler) -> Reader:
        found: Reader = self._watch(
            "provider.reader", Kind.SESSION, self._life, lambda: self._workshop.reader(environment, handler), {}
        )
        return WatchedReader(found, self._watch, self._life)

    def executor(self, environment: str, *, ticket: str, request: str, operations: Collection[str]) -> Executor:
        found: Executor = self._watch(
            "provider.executor",
            Kind.SESSION,
            self._life,
            lambda: self._workshop.executor(environment, ticket=ticket, request=request, operations=operations),
            {},
        )
        return WatchedExecutor(found, self._watch, self._life, request)


class WatchedReader:
    def __init__(self, reader: Reader, watch: Watch, life: Life) -> None:
        self._reader = reader
        self._watch = watch
        self._life = life

    def read(self, service: str, method: str, *, region: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._watch(
            f"provider.{service}:{method}",
            Kind.PROVIDER_READ,
            self._life,
            lambda: self._reader.read(service, method, region=region, arguments=arguments),
            {},
        )
        return found


class WatchedExecutor:
    def __init__(self, executor: Executor, watch: Watch, life: Life, request: str) -> None:
        self._executor = executor
        self._watch = watch
        self._life = life
        self._request = request

    def perform(self, step: Step) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._watch(
            f"provider.{step.operation}",
            Kind.PROVIDER_WRITE,
            self._life,
            lambda: self._executor.perform(step),
            {"request": self._request, "step": step},
        )
        return found


class WatchedLedger:
    """Writes are points; all that is asked of the ledger goes over the tape."""

    def __init__(self, ledger: Ledger, reel: Reel, watch: Watch, life: Life) -> None:
        self._ledger = ledger
        self._reel = reel
        self._watch = watch
        self._life = life

    @property
    def evidence(self) -> Any:
        return TapedReads(self._ledger.evidence, self._reel)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        is_write = name in writing_methods()

        def ask(*args: Any, **named: Any) -> Any:
            def do() -> Any:
                return self._reel.ask(name, found, args, named)

            return self._watch(f"ledger.{name}", Kind.LEDGER, self._life, do, {}) if is_write else do()

        return ask


class TapedReads:
    def __init__(self, reads: object, reel: Reel) -> None:
        self._reads = reads
        self._reel = reel

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reads, name)
        return lambda *args, **named: self._reel.ask(name, found, args, named)


@cache
def writing_methods() -> frozenset[str]:
    """Public methods of the ledger that open a writing transaction, by their source: none is left out for being new."""
    methods = inspect.getmembers(Ledger, inspect.isfunction)
    return frozenset(
        name for name, method in methods if not name.startswith("_") and "._writing()" in inspect.getsource(method)
    )

"""What a golden path declares. A handler is a class in a module of its own under `fulfilment/handlers/`."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from fulfilment.plan import Plan, Step
from fulfilment.policy import Environment, Team


class Reader(Protocol):
    """Read-only calls: `read("s3", "head_bucket", region="eu-west-1", Bucket="x")`.

    Refuses any operation that is not in the handler's `reads` (`UndeclaredOperation`). Returns the answer as plain
    data; a provider's "not found" is None.
    """

    def read(
        self, service: str, method: str, *, region: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, for whom, where, under which identity: what a plan may depend on besides the parameters.

    `mark` is our identity of the request (hex HMAC): the only thing that makes a resource ours.
    """

    ticket: str
    request: str
    mark: str
    team: Team
    environment: Environment


@dataclass(frozen=True, slots=True)
class Undo:
    """The call that takes away what a step made; without one `hindrance` says why it cannot be taken away."""

    step: Step | None = None
    hindrance: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """A resource that carries a mark like ours, where it is, and the mark."""

    resource: str
    region: str
    mark: str


@dataclass(frozen=True, slots=True)
class Never:
    """A dangerous wish that a handler does not offer: `patterns` (regular expressions, lower case, over the
    NFKC-normalised text) recognise it, `reason` says why not, `instead` the compliant change."""

    id: str
    patterns: tuple[str, ...]
    reason: str
    instead: str


class Handler(ABC):
    """`request_types` are the catalogue ids it serves; `operations` every mutating `service:Operation` it may plan;
    `undoes` those that take away what it made; `reads` every reading one; `never` what it will not do; `examples`
    tickets it is meant for."""

    name: ClassVar[str]
    title: ClassVar[str]
    request_types: ClassVar[tuple[str, ...]]
    operations: ClassVar[frozenset[str]]
    undoes: ClassVar[frozenset[str]] = frozenset()
    reads: ClassVar[frozenset[str]]
    never: ClassVar[tuple[Never, ...]]
    examples: ClassVar[tuple[str, ...]]
    Parameters: ClassVar[type[BaseModel]]
    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: BaseModel) -> None:
        self.settings = settings

    @abstractmethod
    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        """The steps that would bring about what is asked, from read calls only. Empty steps: already there."""

    @abstractmethod
    def observe(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        """`absent`, `ours` (carries our mark) or `foreign`, of the resource that a step makes or takes away.

        `unmarked` of one that exists where its kind can carry no mark: then nobody can tell whose it is.
        """

    @abstractmethod
    def verify(self, plan: Plan, asked: Asked, reader: Reader) -> tuple[str, ...]:
        """Reads back; the sentences of what is not as planned (empty: all is)."""

    def readiness(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        """Of a step that waits: `ready`, `pending` while the provider works on it, or `failed`."""
        return "ready"

    def undo(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> Undo:
        """How to take away what a creating step made, only where nobody uses it."""
        return Undo(hindrance=f"{self.title} cannot be taken away by this path")

    def marked(self, region: str, reader: Reader) -> tuple[Marked, ...]:
        """Everything of its kind in a region that carries a mark like ours."""
        return ()


def discover() -> dict[str, type[Handler]]:
    """Every handler class under `fulfilment/handlers/`, by name. A new file is enough."""
    package = importlib.import_module("fulfilment.handlers")
    found: dict[str, type[Handler]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"fulfilment.handlers.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, Handler) and value.__module__ == loaded.__name__:
                found[value.name] = value
    return found

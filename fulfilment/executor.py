"""Who carries out a step. Shadow, suggest and live differ only in which of these is wired.

`fulfilment.clients.LiveExecutor` is the one that changes the world; it lives with the client library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from fulfilment.errors import UndeclaredOperation
from fulfilment.handler import Handler, Reader
from fulfilment.plan import Step


class Executor(Protocol):
    """`perform` makes the step's call exactly once and returns the provider's answer as plain data.

    Raises `UndeclaredOperation` for an operation outside the declared ones, `ProviderRefused` and `ProviderBusy`
    when nothing was done, `AnswerLost` when that is not known: then observe, never repeat.
    """

    def perform(self, step: Step) -> Mapping[str, Any]: ...


class Workshop(Protocol):
    """Opens sessions at the provider: one that reads, one that may change things for one request."""

    def reader(self, environment: str, handler: Handler) -> Reader: ...

    def executor(self, environment: str, *, ticket: str, request: str, operations: Collection[str]) -> Executor:
        """Raises a ProviderError when there is none; nothing was done then."""


def check_declared(step: Step, operations: Collection[str]) -> None:
    """Raises `UndeclaredOperation` unless the handler declares the step's operation."""
    if step.operation not in operations:
        declared = ", ".join(sorted(operations)) or "none"
        raise UndeclaredOperation(f"{step.operation} is not declared by the handler; declared: {declared}.")

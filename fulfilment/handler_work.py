"""A handler's own code, called so that whatever it does ends in a plan or in a HandlerError.

A handler is the one part that a site may bring along: it may raise anything, never come back, or answer nonsense.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from fulfilment.errors import FulfilmentError, HandlerError
from fulfilment.handler import Asked, Handler, Marked, Reader, Undo
from fulfilment.plan import Plan, Step

# A handler reads a few times; each read has a time-out of its own.
DEADLINE = 120.0
SEEN = frozenset({"absent", "ours", "foreign", "unmarked"})
READINESS = frozenset({"ready", "pending", "failed"})
T = TypeVar("T")
log = logging.getLogger("goldenpath.handlers")


@dataclass(frozen=True)
class HandlerWork:
    """Each method is the handler's of that name, ended after `deadline` seconds. Raises what the reader raises, and
    HandlerError for anything else."""

    handler: Handler
    deadline: float = DEADLINE

    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        found = self._call("plan", lambda: self.handler.plan(parameters, asked, reader))
        return self._checked("plan", found, Plan)

    def observe(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        found = self._call("observe", lambda: self.handler.observe(plan, step, asked, reader))
        return self._word("observe", found, SEEN)

    def readiness(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        found = self._call("readiness", lambda: self.handler.readiness(plan, step, asked, reader))
        return self._word("readiness", found, READINESS)

    def verify(self, plan: Plan, asked: Asked, reader: Reader) -> tuple[str, ...]:
        found = self._call("verify", lambda: self.handler.verify(plan, asked, reader))
        return tuple(self._checked("verify", one, str) for one in self._checked("verify", found, tuple))

    def undo(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> Undo:
        """Its step is one that takes away exactly what `step` made."""
        found = self._checked("undo", self._call("undo", lambda: self.handler.undo(plan, step, asked, reader)), Undo)
        away = found.step
        if away is None:
            return found
        if not away.removes or away.creates or away.resource != step.resource:
            raise HandlerError(f"{self.handler.name}.undo took something else for what {step.operation} made")
        if away.operation not in self.handler.undoes:
            raise HandlerError(f"{self.handler.name} does not declare {away.operation} among what it undoes")
        return found

    def marked(self, region: str, reader: Reader) -> tuple[Marked, ...]:
        found = self._call("marked", lambda: self.handler.marked(region, reader))
        return tuple(self._checked("marked", one, Marked) for one in self._checked("marked", found, tuple))

    def _call(self, name: str, work: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)  # to be raised where it is waited for

        threading.Thread(target=run, name=f"{self.handler.name}.{name}", daemon=True).start()
        try:
            return answer.result(self.deadline)
        except FulfilmentError:
            raise
        except TimeoutError:
            if answer.done():
                raise HandlerError(f"{self.handler.name}.{name} raised TimeoutError") from None
            sentence = f"{self.handler.name}.{name} did not come back within {self.deadline:g} seconds"
            raise HandlerError(sentence) from None
        except Exception as error:  # the border to code that is not ours
            last = traceback.extract_tb(error.__traceback__)[-1]  # where; its words may hold anything
            place = f"{Path(last.filename).name}:{last.lineno}"
            log.error("%s.%s raised %s at %s", self.handler.name, name, type(error).__name__, place)
            raise HandlerError(f"{self.handler.name}.{name} raised {type(error).__name__}") from error

    def _checked(self, name: str, found: object, kind: type[T]) -> T:
        if not isinstance(found, kind):
            raise HandlerError(f"{self.handler.name}.{name} answered {type(found).__name__} instead of {kind.__name__}")
        return found

    def _word(self, name: str, found: object, allowed: frozenset[str]) -> str:
        if not isinstance(found, str) or found not in allowed:
            raise HandlerError(f"{self.handler.name}.{name} answered none of {', '.join(sorted(allowed))}")
        return found

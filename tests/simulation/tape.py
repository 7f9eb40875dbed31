"""What the ledger answered in a run without faults, so that a play need not ask it again up to its first fault.

Until then a play is that run: the engine, Jira, the provider and the people work as ever, and each question to the
ledger must be the one on the tape, argument for argument. From the first fault on the ledger itself is asked, with the
database as it stood at that point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fulfilment.errors import FulfilmentError
from fulfilment.ledger import Ledger


class Strayed(BaseException):
    """A play was not what the tape says before anything had gone wrong: it is not deterministic."""


@dataclass(frozen=True, slots=True)
class Answer:
    name: str
    args: tuple[Any, ...]
    named: Mapping[str, Any]
    found: Any = None
    error: FulfilmentError | None = None


@dataclass
class Tape:
    """`stands` is the database before each point, by ordinal. `ledger` is the one that was recorded: the leases in the
    database are its own."""

    ledger: Ledger
    answers: list[Answer] = field(default_factory=list)
    stands: dict[int, bytes] = field(default_factory=dict)


class How(StrEnum):
    RECORDING = "recording"
    PLAYING = "playing"
    LIVE = "live"


@dataclass
class Reel:
    """One play's use of a tape."""

    tape: Tape
    how: How
    position: int = 0

    def ask(self, name: str, do: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        if self.how is How.LIVE:
            return do(*args, **named)
        if self.how is How.RECORDING:
            return self._record(name, do, args, named)
        answer = self.tape.answers[self.position] if self.position < len(self.tape.answers) else None
        if answer is None or (answer.name, answer.args, answer.named) != (name, args, named):
            raise Strayed(f"{name} at {self.position} is not what was recorded")
        self.position += 1
        if answer.error is not None:
            raise answer.error
        return answer.found

    def _record(self, name: str, do: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        try:
            found = do(*args, **named)
        except FulfilmentError as error:
            self.tape.answers.append(Answer(name, args, named, error=error))
            raise
        self.tape.answers.append(Answer(name, args, named, found))
        return found

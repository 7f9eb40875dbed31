"""What the ledger answered in a run without faults, so that a play need not ask it again while nothing is different.

The engine, Jira, the provider and the people of a play work as ever. As long as each question to the ledger is the one
on the tape, argument for argument and at the same instant, its answer is the one on the tape. From the first other
question on, or once another process is there, the ledger itself is asked, with the database as it stood there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from fulfilment.errors import FulfilmentError
from fulfilment.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Answer:
    """`stand` is the database before the question."""

    at: datetime
    name: str
    args: tuple[Any, ...]
    named: Mapping[str, Any]
    stand: bytes
    found: Any = None
    error: FulfilmentError | None = None


@dataclass
class Tape:
    """`ledger` is the one that was recorded: the leases in the database are its own. `end` is the database at the
    end."""

    ledger: Ledger
    answers: list[Answer] = field(default_factory=list)
    end: bytes = b""


class How(StrEnum):
    RECORDING = "recording"
    PLAYING = "playing"
    LIVE = "live"


@dataclass
class Reel:
    """One play's use of a tape. `now` is the time, `stand` gives the database as it is, `install` puts one there."""

    tape: Tape
    how: How
    now: Callable[[], datetime]
    stand: Callable[[], bytes]
    install: Callable[[bytes], None]
    position: int = 0

    def ask(self, name: str, do: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        if self.how is How.RECORDING:
            return self._record(name, do, args, named)
        if self.how is How.PLAYING:
            answer = self.tape.answers[self.position] if self.position < len(self.tape.answers) else None
            asked = (self.now(), name, args, named)
            if answer is not None and (answer.at, answer.name, answer.args, answer.named) == asked:
                self.position += 1
                if answer.error is not None:
                    raise answer.error
                return answer.found
            self.go_live()
        return do(*args, **named)

    def go_live(self) -> None:
        """The database is needed from here on."""
        if self.how is How.PLAYING:
            self.how = How.LIVE
            is_over = self.position >= len(self.tape.answers)
            self.install(self.tape.end if is_over else self.tape.answers[self.position].stand)

    def _record(self, name: str, do: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        at, stand = self.now(), self.stand()
        try:
            found = do(*args, **named)
        except FulfilmentError as error:
            self.tape.answers.append(Answer(at, name, args, named, stand, error=error))
            raise
        finally:
            self.tape.end = self.stand()
        self.tape.answers.append(Answer(at, name, args, named, stand, found))
        return found

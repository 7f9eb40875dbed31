"""Jira and the provider in memory with one time, what truly happened in them, and a ledger file for each play.

Effects are noted where they happen, not where they were asked for: an answer may be lost, an effect may land late.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fulfilment import schema
from fulfilment.errors import ProviderRefused
from fulfilment.ledger import Ledger
from fulfilment.plan import Step
from tests.fakes import FakeDesk, FakeProvider
from tests.simulation.tape import How, Reel, Tape
from tickets.ticket import Ticket

THEIRS = "theirs"  # the mark of what somebody else made
CALL_SECONDS = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Effect:
    """What happened in the world by an act of ours. `call` is the ordinal of the call that asked for it."""

    call: int
    kind: str
    request: str | None = None
    creates: bool = False


@dataclass
class World:
    """`wrong` collects what was broken at the moment it was; the rest is found at the end."""

    bench: Bench
    jira: Any = field(default_factory=FakeDesk)
    provider: Any = field(default_factory=lambda: Provider())
    cut: Callable[[Any], None] = lambda call: None  # loses the answer of such a call on the wire, where there is one
    effects: list[Effect] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    considered: dict[int, datetime] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)  # what the people of a scenario have done
    _late: list[tuple[datetime, str, Callable[[], object]]] = field(default_factory=list)
    _codes: int = 0

    def now(self) -> datetime:
        return self.jira.clock

    def pass_time(self, time: timedelta) -> None:
        """Both clocks go on, and what was on its way lands in its order."""
        end = self.jira.clock + time
        for due, _, land in sorted(self._late, key=lambda late: late[0]):
            if due <= end:
                self.jira.clock = max(self.jira.clock, due)
                self._late = [late for late in self._late if late[2] is not land]
                land()
        self.jira.clock = max(self.jira.clock, end)

    def later(self, delay: timedelta, what: str, land: Callable[[], object]) -> None:
        self._late.append((self.now() + delay, what, land))

    @property
    def is_waiting_for_effects(self) -> bool:
        return bool(self._late)

    def unconsidered(self) -> list[Ticket]:
        """Open tickets that changed since they were last decided about."""
        tickets = self.jira.tickets.values()
        return [ticket for ticket in tickets if ticket.is_open and self.considered.get(ticket.id) != ticket.updated_at]

    def new_code(self) -> str:
        self._codes += 1
        return f"CODE{self._codes:04}"

    def books(self) -> tuple[int, frozenset[str]]:
        """How many rows the record has, and the states of the requests that no person was called about; `undoing` is a
        failed one that the agent goes on with."""
        (head,) = self.read("SELECT seq FROM head")
        rows = self.read(
            "SELECT DISTINCT CASE WHEN state = 'failed' AND next_check_at IS NOT NULL THEN 'undoing' ELSE state END "
            "AS state FROM requests WHERE id NOT IN "
            "(SELECT request_id FROM calls WHERE settled_at IS NULL AND request_id IS NOT NULL)"
        )
        return head["seq"], frozenset(row["state"] for row in rows)

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """From the ledger's file, past the product's own reading."""
        return self.bench.book.execute(query, values).fetchall()


class Provider(FakeProvider):
    """Boxes whose names are unique, as a provider's are. `refuses` are operations that are always refused. One that
    `forgives` makes our own box anew when it is asked again, unlocked, as S3 does in one region."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: set[str] = set()
        self.forgives = False
        self.changes = 0
        self.abused: list[str] = []

    def rival(self, name: str) -> None:
        """Somebody else makes a box of this name, unless there is one."""
        if name not in self.boxes:
            self.boxes[name] = {"mark": THEIRS, "locked": False}
            self.changes += 1

    def perform(self, step: Step) -> Mapping[str, object]:
        name = str(step.arguments["Name"])
        if step.operation in self.refuses:
            raise ProviderRefused(f"{step.operation} is not permitted here", code="AccessDenied")
        is_theirs = self.boxes.get(name, {}).get("mark") == THEIRS
        if step.operation == "box:CreateBox" and name in self.boxes and (is_theirs or not self.forgives):
            raise ProviderRefused(f"a box named {name} exists", code="AlreadyExists")
        if step.operation != "box:CreateBox" and name not in self.boxes:
            raise ProviderRefused(f"there is no box named {name}", code="NotFound")
        if is_theirs:
            self.abused.append(f"{step.operation} changed the box {name} of somebody else")
        self.changes += 1
        return super().perform(step)


class Bench:
    """One ledger file that every play of this process starts anew. `book` reads it past the product."""

    world: World
    book: sqlite3.Connection

    def __init__(self, folder: Path) -> None:
        empty = folder / "empty.sqlite3"
        Ledger.open(empty).close()
        self.empty = empty.read_bytes()
        self.path = folder / "ledger.sqlite3"
        self.path.write_bytes(self.empty)
        self._engine = schema.open_database(self.path, clock=lambda: self.world.now())
        self.book = self._connect()
        self._stand = -1, b""

    def new_world(self, **changes: Any) -> World:
        self.world = World(self, **changes)
        return self.world

    def stand(self) -> bytes:
        """The database as it is; the same object while it is the same."""
        (seq,) = self.book.execute("PRAGMA data_version").fetchone()
        if self._stand[0] != seq:
            self._stand = seq, self.book.serialize()
        return self._stand[1]

    def install(self, database: bytes) -> None:
        self._engine.dispose()
        self.book.close()
        for end in ("-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        self.path.write_bytes(database)
        self.book = self._connect()
        self._stand = -1, b""

    def reel(self, tape: Tape, how: How) -> Reel:
        return Reel(tape, how, self.world.now, self.stand, self.install)

    def open_ledger(self) -> Ledger:
        """As a process of its own opens it: leases are its own."""
        return Ledger(self._engine, str(self.path))

    def _connect(self) -> sqlite3.Connection:
        book = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        book.row_factory = sqlite3.Row
        return book


@cache
def bench() -> Bench:
    """In memory where the machine offers that."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Bench(folder)


def is_cancelled(world: World, ticket: Ticket) -> bool:
    """Closed, or given to a person: what we may not go on making things for."""
    is_taken = ticket.assignee is not None and ticket.assignee.id != world.jira.account().id
    return is_taken or not ticket.is_open

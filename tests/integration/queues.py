"""A queue in a store, with a ledger beside it, whose tickets a test draws: with and without forms, hour by hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent import asking, bootstrap, config, learning, model
from agent.model import LiveModel
from agent.said import said_in
from analytics.model_file import hash_of
from fulfilment.ledger import Ledger
from fulfilment.records import Audit, Certificate
from tests.unit.test_classify import labelled
from tickets.store import TicketStore
from tickets.ticket import Person, Status, StatusCategory, StatusChange, Ticket

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class Queue:
    """The clock stands until a test moves it."""

    configuration: config.Configuration
    store: TicketStore
    ledger: Ledger
    now: datetime = NOW
    tickets: int = 0

    def file(
        self,
        count: int,
        *,
        has_form: bool = True,
        seed: int = 1,
        truth: Callable[[str], str] = lambda name: name,
        drawn: Callable[[Ticket], Ticket] = lambda ticket: ticket,
    ) -> list[Ticket]:
        """Newer ones than before, an hour apart. `truth` turns what the words say into what the form says."""
        made = []
        for one in labelled(count, seed=seed):
            self.tickets += 1
            at = START + timedelta(hours=self.tickets)
            name = truth(one.request_type or "") if has_form else None
            kind = "Service Request" if has_form else "Task"
            numbered = replace(one, id=self.tickets, key=f"OPS-{self.tickets}", created_at=at, updated_at=at)
            made.append(drawn(replace(numbered, request_type=name, ticket_type=kind)))
        self.store.save(made)
        return made

    def train(self) -> learning.Trained:
        return learning.train(self.configuration, self.store, self.ledger, at=self.now)

    def maintain(self) -> LiveModel:
        """As a cycle does, an hour later."""
        self.now += timedelta(hours=1)
        return learning.maintain(self.configuration, self.live, self.store, self.ledger, at=self.now)

    @property
    def live(self) -> LiveModel:
        found = model.load(self.configuration)
        assert found is not None
        return found

    def say(self, ticket: Ticket, request_type: str) -> dict[str, object]:
        return asking.say(self.configuration, self.store, self.ledger, ticket.key, request_type, by="olli", at=self.now)

    def confirm(self, tickets: list[Ticket]) -> None:
        """A person says of each what the model says."""
        told = learning.untaught_opinions(self.configuration, self.live, tickets, said_in(self.ledger.evidence))
        for one, opinion in zip(tickets, told, strict=True):
            if opinion is not None:
                name, score = opinion
                said = Audit(one.site, one.id, one.key, name, "audit", "olli", self.now, name, score, self.live_sha)
                self.ledger.evidence.audit(said)
        learning.certify(self.configuration, self.live, self.ledger, at=self.now)

    @property
    def live_sha(self) -> str:
        return hash_of(bootstrap.model_folder(self.configuration))

    def ask(self, count: int, request_type: str | None = None) -> list[str]:
        asked = asking.ask(
            self.configuration, self.store, self.ledger, count=count, request_type=request_type, at=self.now
        )
        return [question.ticket_key for question, _ in asked]

    def certificates(self) -> Mapping[str, Certificate]:
        return {one.request_type: one for one in self.ledger.evidence.certificates()}

    def watch(self, newest: list[Ticket]) -> dict[str, str]:
        return learning.watch(self.configuration, self.live, self.ledger, newest, at=self.now)

    def predicted(self, tickets: list[Ticket]) -> list[str | None]:
        said = said_in(self.ledger.evidence)
        return [one.request_type if one else None for one in model.classify(self.live, tickets, said)]


@contextmanager
def open_queue(folder: Path, settings: str = "") -> Iterator[Queue]:
    (folder / "goldenpath.toml").write_text(settings)
    configuration = config.load(folder / "goldenpath.toml")
    with bootstrap.open_store(configuration) as store, bootstrap.open_ledger(configuration) as ledger:
        yield Queue(configuration, store, ledger)
        assert ledger.verify().broken_at is None


def closed_by(author: str) -> Callable[[Ticket], Ticket]:
    """Worked to the end by this account."""

    def close(ticket: Ticket) -> Ticket:
        done = Status("5", "Closed", StatusCategory.DONE)
        change = StatusChange("1", ticket.created_at, Person(author, author), "1", "Open", done.id, done.name)
        return replace(ticket, status=done, status_changes=(change,), resolved_at=ticket.created_at)

    return close

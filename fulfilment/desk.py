"""What the engine needs of Jira and of the words it answers with. `tickets.jira_client.JiraClient` is a `Desk`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from fulfilment.plan import Plan
from tickets.jira_records import Audience
from tickets.ticket import Comment, Person, Ticket

Adf = dict[str, Any]
RESOLVED_AS: Final = "Done"  # the resolution of a fulfilled ticket, where its transition asks for one


@dataclass(frozen=True, slots=True)
class Reading:
    """A value that text gave for a slot: the value, the words it came from, and the rule that read it."""

    slot: str
    value: str
    words: str
    rule: str


class Desk(Protocol):
    """Every error is a `tickets.errors.TicketsError`; a write is sent exactly once."""

    def now(self) -> datetime:
        """Ticket time: the site's clock, aware UTC."""

    def account(self) -> Person:
        """The account we are."""

    def ticket(self, ticket: int | str) -> Ticket:
        """A fresh read by numeric id or key: whole history, comments with their properties."""

    def groups_of(self, account_id: str) -> frozenset[str]:
        """Ids of the account's groups. A look-up that fails raises: it is never an empty set."""

    def post_comment(
        self,
        ticket_id: int,
        body: Adf,
        *,
        properties: Mapping[str, Any],
        public: bool,
        only: Audience | None = None,
    ) -> Comment:
        """`public` False makes it internal in a service desk; `only` restricts it anywhere."""

    def add_label(self, ticket_id: int, label: str) -> None:
        """Leaves the others as they are. Already there: nothing is done."""

    def move(
        self, ticket_id: int, *, to_status: str, resolution: str, fence: Callable[[], None] = lambda: None
    ) -> None:
        """Transition to the status of this name, filling required fields. Already there: nothing is done. `fence` is
        called right before it is sent, and raises where nothing may be sent any more. Raises `NoTransition` when no
        permitted transition leads there."""


class Replies(Protocol):
    """The words of every answer, in one file (`agent.replies`). Each returns an ADF document of our own nodes."""

    def question(
        self,
        understood: Sequence[Reading],
        missing: Mapping[str, str],
        contradictions: Mapping[str, Sequence[str]],
        invalid: Mapping[str, str],
    ) -> Adf:
        """`missing`: slot title → what is allowed, to copy. `invalid`: slot title → what is wrong, in a sentence."""

    def split(self, wishes: Sequence[str]) -> Adf: ...

    def proposal(self, plan: Plan, understood: Sequence[Reading], code: str, approvers: str, why: str) -> Adf:
        """A plan that waits for a person: the whole text `approve CODE` approves it."""

    def suggestion(self, plan: Plan, understood: Sequence[Reading]) -> Adf: ...

    def refusal(self, reasons: Sequence[str], instead: Sequence[str]) -> Adf: ...

    def result(self, plan: Plan, understood: Sequence[Reading]) -> Adf: ...

    def voided(self, why: str) -> Adf: ...

    def undone(self, resource: str) -> Adf:
        """What a plan made before it failed was taken away again."""

    def reminder(self, plan: Plan, ends_at: datetime) -> Adf:
        """What was made for a limited time nears its end."""

    def retirement(self, plan: Plan, code: str, approvers: str) -> Adf:
        """A plan that takes away what was made waits for a person: the whole text `approve CODE` approves it."""

    def retired(self, plan: Plan) -> Adf: ...

    def trouble(self, sentence: str) -> Adf:
        """Something failed; people look at it. Without internals."""

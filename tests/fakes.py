"""Stateful stand-ins behind the ports of `fulfilment`: a desk with tickets and people, a provider with boxes.

They keep state that tests ask, and can be told to fail once at a certain call; they are not mocks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from fulfilment.desk import Adf, Reading
from fulfilment.errors import ProviderRefused
from fulfilment.handler import Asked, Handler, Never, Reader, Undo
from fulfilment.plan import Plan, Step
from fulfilment.policy import Environment, HandlerPolicy, Mode, Policy, Team
from tickets.errors import NotFound, NoTransition
from tickets.jira_records import Audience
from tickets.ticket import (
    Comment,
    FieldChange,
    FormField,
    Person,
    Status,
    StatusCategory,
    StatusChange,
    Ticket,
)

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
AGENT = Person("agent", "Golden Path")
DANA = Person("dana", "Dana Developer")
MATE = Person("mate", "Mia Mate")
OLGA = Person("olga", "Olga Outsider")
ADA = Person("ada", "Ada Approver")
OTTO = Person("otto", "Otto Ops")
SECRET = b"s" * 32

OPEN = Status("1", "Open", StatusCategory.NEW)
WORKING = Status("2", "In Progress", StatusCategory.IN_PROGRESS)
DONE = Status("3", "Done", StatusCategory.DONE)
STATUSES = {status.name: status for status in (OPEN, WORKING, DONE)}


class Killed(BaseException):
    """The process ends here: nothing of ours may catch it."""


class FakeDesk:
    """A Jira in memory. `fail_next` maps a method's name to what its next call raises before doing anything,
    `fail_after` after doing it, `fail_after_writes` when it is next called after a write."""

    def __init__(self) -> None:
        self.clock = START
        self.tickets: dict[int, Ticket] = {}
        self.groups: dict[str, frozenset[str]] = {
            DANA.id: frozenset({"g-payments"}),
            MATE.id: frozenset({"g-payments"}),
            OLGA.id: frozenset(),
            ADA.id: frozenset({"g-approvers"}),
            OTTO.id: frozenset({"g-ops"}),
        }
        self.fail_next: dict[str, BaseException] = {}
        self.fail_after: dict[str, BaseException] = {}
        self.fail_after_writes: dict[str, BaseException] = {}
        self.writes: list[str] = []
        self._serial = 100
        self._aside = 0

    # --- the port

    def now(self) -> datetime:
        return self.clock

    def account(self) -> Person:
        return AGENT

    def ticket(self, ticket: int | str) -> Ticket:
        self._may_fail("ticket")
        for found in self.tickets.values():
            if ticket in (found.id, found.key):
                return found
        raise NotFound(f"no ticket {ticket}")

    def groups_of(self, account_id: str) -> frozenset[str]:
        self._may_fail("groups_of")
        return self.groups.get(account_id, frozenset())

    def post_comment(
        self,
        ticket_id: int,
        body: Adf,
        *,
        properties: Mapping[str, Any],
        public: bool,
        only: Audience | None = None,
    ) -> Comment:
        self._may_fail("post_comment")
        self.writes.append("comment")
        comment = self.comment(ticket_id, AGENT, body["text"], properties=properties, public=public)
        self._wrote("post_comment")
        return comment

    def add_label(self, ticket_id: int, label: str) -> None:
        self._may_fail("add_label")
        if label not in self.tickets[ticket_id].labels:
            self.writes.append("label")
            self._change(ticket_id, labels=(*self.tickets[ticket_id].labels, label))

    def move(
        self, ticket_id: int, *, to_status: str, resolution: str, fence: Callable[[], None] = lambda: None
    ) -> None:
        self._may_fail("move")
        current = self.tickets[ticket_id].status
        if current.name == to_status:
            return
        if current.category is StatusCategory.DONE:
            raise NoTransition(f"it is closed already ({current.name})")
        fence()
        self.writes.append("move")
        self.set_status(ticket_id, AGENT, to_status)
        self._wrote("move")

    # --- what people do

    def file(self, summary: str = "Please create a storage box", by: Person = DANA, **changes: Any) -> Ticket:
        """A complete ticket on the form unless `changes` say otherwise."""
        self._tick()
        self._serial += 1
        ticket = Ticket(
            site="fake",
            id=self._serial,
            key=f"OPS-{self._serial}",
            project="OPS",
            ticket_type="Service Request",
            request_type="storage-box",
            summary=summary,
            description="",
            status=OPEN,
            priority="Medium",
            reporter=by,
            creator=by,
            assignee=None,
            labels=(),
            components=(),
            form=form(),
            created_at=self.clock,
            updated_at=self.clock,
            resolved_at=None,
            status_changes=(),
        )
        self.tickets[ticket.id] = replace(ticket, **changes)
        return self.tickets[ticket.id]

    def comment(
        self,
        ticket_id: int,
        by: Person,
        text: str,
        *,
        properties: Mapping[str, Any] | None = None,
        public: bool = True,
        at: datetime | None = None,
    ) -> Comment:
        self._tick()
        self._serial += 1
        instant = at or self.clock
        digest = hashlib.sha256(text.encode()).hexdigest()
        comment = Comment(str(self._serial), by, instant, instant, by, text, digest, public, dict(properties or {}))
        self._change(ticket_id, comments=(*self.tickets[ticket_id].comments, comment))
        return comment

    def edit_comment(self, ticket_id: int, comment_id: str, by: Person, text: str) -> None:
        self._tick()
        changed = tuple(
            replace(
                comment,
                text=text,
                digest=hashlib.sha256(text.encode()).hexdigest(),
                updated_at=self.clock,
                last_editor=by,
            )
            if comment.id == comment_id
            else comment
            for comment in self.tickets[ticket_id].comments
        )
        self._change(ticket_id, comments=changed)

    def edit(self, ticket_id: int, by: Person | None, *, summary: str) -> None:
        self._tick()
        old = self.tickets[ticket_id]
        self._serial += 1
        change = FieldChange(str(self._serial), self.clock, by, "summary", old.summary, summary)
        self._change(ticket_id, summary=summary, field_changes=(*old.field_changes, change))

    def fill(self, ticket_id: int, by: Person, name: str, value: str) -> None:
        """Edits a field of the form."""
        self._tick()
        old = self.tickets[ticket_id]
        self._serial += 1
        field_id = next(entry.id for entry in form() if entry.name == name)
        change = FieldChange(str(self._serial), self.clock, by, field_id, "", value)
        kept = tuple(entry for entry in old.form if entry.name != name)
        self._change(
            ticket_id,
            form=(*kept, FormField(field_id, name, value)),
            field_changes=(*old.field_changes, change),
        )

    def assign(self, ticket_id: int, to: Person | None) -> None:
        self._tick()
        self._change(ticket_id, assignee=to)

    def set_status(self, ticket_id: int, by: Person | None, name: str) -> None:
        self._tick()
        old, status = self.tickets[ticket_id], STATUSES[name]
        self._serial += 1
        change = StatusChange(str(self._serial), self.clock, by, old.status.id, old.status.name, status.id, status.name)
        resolved_at = self.clock if status is DONE else None
        self._change(
            ticket_id,
            status=status,
            resolved_at=resolved_at,
            status_changes=(*(old.status_changes or ()), change),
        )

    def aside(self, act: Callable[[], object]) -> None:
        """Something that people do at this instant: neither the time nor the ids of what comes later change by it."""
        clock, serial = self.clock, self._serial
        self._aside += 1
        self._serial += 10_000 * self._aside
        act()
        self.clock, self._serial = clock, serial

    def ours(self, ticket_id: int, purpose: str | None = None) -> list[Comment]:
        """The agent's comments, by the purpose in their marker."""
        found = [c for c in self.tickets[ticket_id].comments if c.author == AGENT]
        return [c for c in found if purpose in (None, c.properties["goldenpath"]["purpose"])]

    def _change(self, ticket_id: int, **changes: Any) -> None:
        self.tickets[ticket_id] = replace(self.tickets[ticket_id], updated_at=self.clock, **changes)

    def _tick(self) -> None:
        self.clock += timedelta(seconds=1)

    def _wrote(self, method: str) -> None:
        self.fail_next |= self.fail_after_writes
        self.fail_after_writes.clear()
        if method in self.fail_after:
            raise self.fail_after.pop(method)

    def _may_fail(self, method: str) -> None:
        if method in self.fail_next:
            raise self.fail_next.pop(method)


def form(**changes: str) -> tuple[FormField, ...]:
    """The fields of the storage box's form; a value of "" leaves the field out."""
    values = {"name": "payments-receipts", "region": "eu-west-1", "environment": "dev"} | changes
    titles = {"name": "Box name", "region": "AWS region", "environment": "Environment"}
    return tuple(
        FormField(f"customfield_{number}", titles[slot], values[slot])
        for number, slot in enumerate(titles, start=1)
        if values[slot]
    )


class PlainReplies:
    """Every answer as plain words in an ADF-like document."""

    def question(
        self,
        understood: Sequence[Reading],
        missing: Mapping[str, str],
        contradictions: Mapping[str, Sequence[str]],
        invalid: Mapping[str, str],
    ) -> Adf:
        return _body("question", sorted({*missing, *invalid}), sorted(contradictions))

    def split(self, wishes: Sequence[str]) -> Adf:
        return _body("split", list(wishes))

    def proposal(self, plan: Plan, understood: Sequence[Reading], code: str, approvers: str, why: str) -> Adf:
        return _body("proposal", plan.summary, f"approve {code}", approvers, why)

    def suggestion(self, plan: Plan, understood: Sequence[Reading]) -> Adf:
        return _body("suggestion", plan.summary)

    def refusal(self, reasons: Sequence[str], instead: Sequence[str]) -> Adf:
        return _body("refusal", list(reasons), list(instead))

    def result(self, plan: Plan, understood: Sequence[Reading]) -> Adf:
        return _body("result", plan.resource, [reading.slot for reading in understood])

    def voided(self, why: str) -> Adf:
        return _body("voided", why)

    def undone(self, resource: str) -> Adf:
        return _body("undone", resource)

    def reminder(self, plan: Plan, ends_at: datetime) -> Adf:
        return _body("reminder", plan.resource, ends_at.isoformat())

    def retirement(self, plan: Plan, code: str, approvers: str) -> Adf:
        return _body("retirement", plan.summary, f"approve {code}", approvers)

    def retired(self, plan: Plan) -> Adf:
        return _body("retired", plan.resource)

    def trouble(self, sentence: str) -> Adf:
        return _body("trouble", sentence)


def _body(*parts: object) -> Adf:
    return {"type": "doc", "text": json.dumps(parts)}


class BoxParameters(BaseModel):
    name: str = Field(title="Box name", pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+){1,7}$")
    region: Literal["eu-west-1", "us-east-1"] = Field(title="AWS region")
    environment: Literal["dev", "prod"] = Field(title="Environment")
    team: str = Field(title="Owning team")

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **named: Any) -> dict[str, Any]:
        """Always the same; thousands of plays ask for it."""
        return super().model_json_schema(*args, **named)


class BoxSettings(BaseModel):
    pass


class BoxHandler(Handler):
    """Makes a box and locks it: one creating step, one that converges."""

    name: ClassVar[str] = "storage-box"
    title: ClassVar[str] = "Storage box"
    request_types: ClassVar[tuple[str, ...]] = ("storage-box",)
    operations: ClassVar[frozenset[str]] = frozenset({"box:CreateBox", "box:PutLock"})
    undoes: ClassVar[frozenset[str]] = frozenset({"box:DeleteBox"})
    reads: ClassVar[frozenset[str]] = frozenset({"box:GetBox"})
    never: ClassVar[tuple[Never, ...]] = (
        Never("public", (r"\bpublic\b",), "a box is never public", "a private box for your team"),
    )
    examples: ClassVar[tuple[str, ...]] = ("Please create a storage box",)
    Parameters: ClassVar[type[BaseModel]] = BoxParameters
    Settings: ClassVar[type[BaseModel]] = BoxSettings

    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        if not isinstance(parameters, BoxParameters):
            raise TypeError("not the parameters of a box")
        found = self._box(parameters.name, parameters.region, reader)
        is_foreign = found is not None and found["mark"] != asked.mark
        tags = {"mark": asked.mark, "ticket": asked.ticket, "team": asked.team.name}
        name = parameters.name
        steps = (
            Step("box:CreateBox", name, {"Name": name, "Tags": tags}, f"create box {name}", creates=True),
            Step("box:PutLock", name, {"Name": name}, f"lock box {name}"),
        )
        return Plan(
            handler=self.name,
            environment=asked.environment.name,
            region=parameters.region,
            resource=name,
            parameters=parameters.model_dump(),
            steps=steps,
            monthly_cost=1.0,
            summary=f"box {name}, locked",
            usage=("open it",),
            conflict=f"a box named {name} exists already" if is_foreign else None,
        )

    def observe(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        found = self._box(step.resource, plan.region, reader)
        if found is None:
            return "absent"
        return "ours" if found["mark"] == asked.mark else "foreign"

    def verify(self, plan: Plan, asked: Asked, reader: Reader) -> tuple[str, ...]:
        found = self._box(plan.resource, plan.region, reader)
        return () if found is not None and found["locked"] else (f"box {plan.resource} is not locked",)

    def undo(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> Undo:
        found = self._box(step.resource, plan.region, reader)
        if found is not None and found.get("items"):
            return Undo(hindrance=f"box {step.resource} holds {found['items']} things")
        name = step.resource
        return Undo(Step("box:DeleteBox", name, {"Name": name}, f"take box {name} away", removes=True))

    def _box(self, name: str, region: str, reader: Reader) -> Mapping[str, Any] | None:
        return reader.read("box", "get_box", region=region, arguments={"Name": name})


class SlowBoxHandler(BoxHandler):
    """Boxes on which the provider works until they were looked at `LOOKS` times."""

    LOOKS: ClassVar[int] = 5

    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        plan = super().plan(parameters, asked, reader)
        create, lock = plan.steps
        return replace(plan, steps=(replace(create, waits=True), lock))

    def readiness(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        found = self._box(step.resource, plan.region, reader)
        if found is None:
            return "failed"
        return "ready" if found["looked"] >= self.LOOKS else "pending"


@dataclass
class FakeProvider:
    """Boxes by name. `before` and `after` map an operation to what its next call raises: before or after
    its effect."""

    boxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, BaseException] = field(default_factory=dict)
    after: dict[str, BaseException] = field(default_factory=dict)
    created: int = 0
    deleted: int = 0

    # --- the workshop, the reader and the executor are one object

    def reader(self, environment: str, handler: Handler) -> FakeProvider:
        return self

    def executor(self, environment: str, *, ticket: str, request: str, operations: Collection[str]) -> FakeProvider:
        return self

    def read(self, service: str, method: str, *, region: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if "read" in self.before:
            raise self.before.pop("read")
        box = self.boxes.get(arguments["Name"])
        if box is not None:
            box["looked"] = box.get("looked", 0) + 1
        return box

    def perform(self, step: Step) -> Mapping[str, object]:
        if step.operation in self.before:
            raise self.before.pop(step.operation)
        name = step.arguments["Name"]
        if step.operation == "box:CreateBox":
            self.created += 1
            self.boxes[name] = {"mark": step.arguments["Tags"]["mark"], "locked": False, "looked": 0, "items": 0}
        elif step.operation == "box:DeleteBox":
            if self.boxes[name]["items"]:
                raise ProviderRefused("the box is not empty", code="BoxNotEmpty")
            del self.boxes[name]
            self.deleted += 1
        else:
            self.boxes[name]["locked"] = True
        if step.operation in self.after:
            raise self.after.pop(step.operation)
        return {}


def policy(mode: Mode = Mode.AUTONOMOUS, **changes: Any) -> Policy:
    """One team that may ask for boxes in dev; approvers are the group `g-approvers`."""
    made = Policy(
        site="fake",
        projects={"OPS": "Done"},
        teams={
            "payments": Team(
                "payments",
                frozenset({"g-payments"}),
                handlers=frozenset({"storage-box"}),
                environments=frozenset({"dev"}),
            )
        },
        environments={"dev": Environment("dev", "123456789012", "plan", "apply", ("eu-west-1",))},
        handlers={"storage-box": HandlerPolicy("storage-box", mode, frozenset({"g-approvers"}))},
    )
    return replace(made, **changes)

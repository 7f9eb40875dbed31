"""Every golden path keeps to what it declares, against the sandbox's AWS: a new handler is held to it unasked."""

from __future__ import annotations

import ast
import inspect
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from fulfilment.clients import Workshop
from fulfilment.errors import UndeclaredOperation
from fulfilment.extract import extract
from fulfilment.guardrails import check_plan
from fulfilment.handler import Asked, Handler, discover
from fulfilment.plan import Plan, Step
from fulfilment.policy import Environment, Team
from sandbox.aws_app import RunningAws, serve_aws
from tickets.ticket import Person, Status, StatusCategory, Ticket

ACCOUNT = "123456789012"
TEAM = Team(
    "payments",
    frozenset({"g-payments"}),
    principals=(f"arn:aws:iam::{ACCOUNT}:role/payments",),
    security_groups=("sg-0123456789abcdef0",),
    secret_prefix="payments/",
    cost_centre="CC-410",
)
MOST_LINES = 200
_QUICK = hypothesis.settings(phases=(hypothesis.Phase.generate,), database=None)
_OPERATION = re.compile(r"[a-z0-9-]+:(?P<verb>[A-Z][a-z]+)[A-Za-z]*")
_READING = {"Get", "Head", "List", "Describe"}
_DESTROYING = {"Delete", "Remove", "Terminate", "Stop", "Reboot", "Revoke", "Detach", "Disable", "Deregister"}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningAws]:
    aws = serve_aws()
    yield aws
    aws.stop()


@pytest.fixture(scope="module")
def workshop(running: RunningAws) -> Workshop:
    roles = (f"arn:aws:iam::{ACCOUNT}:role/goldenpath-plan", f"arn:aws:iam::{ACCOUNT}:role/goldenpath-apply")
    regions = ("eu-west-1", "eu-central-1", "us-east-1")
    return Workshop({"dev": Environment("dev", ACCOUNT, *roles, regions, endpoint_url=running.url)})


@pytest.fixture
def aws(running: RunningAws) -> RunningAws:
    requests.post(f"{running.url}/moto-api/reset", timeout=5).raise_for_status()
    return running


@pytest.fixture(params=sorted(discover()))
def handler(request: pytest.FixtureRequest) -> Handler:
    kind = discover()[request.param]
    return kind(kind.Settings())


@pytest.fixture
def parameters(handler: Handler) -> BaseModel:
    return valid(type(handler))


@pytest.fixture
def asked(running: RunningAws) -> Asked:
    roles = (f"arn:aws:iam::{ACCOUNT}:role/goldenpath-plan", f"arn:aws:iam::{ACCOUNT}:role/goldenpath-apply")
    regions = ("eu-west-1", "eu-central-1", "us-east-1")
    environment = Environment("dev", ACCOUNT, *roles, regions, endpoint_url=running.url)
    return Asked("OPS-1", "a" * 64, "b" * 64, TEAM, environment)


@cache
def valid(kind: type[Handler]) -> BaseModel:
    """Parameters made from nothing but the handler's own schema."""
    properties = kind.Parameters.model_json_schema()["properties"]
    values = {name: _one(raw) for name, raw in properties.items()}
    return kind.Parameters.model_validate({**values, "environment": "dev"} if "environment" in values else values)


def _one(raw: Mapping[str, Any]) -> Any:
    if "enum" in raw or "const" in raw:
        return raw.get("enum", [raw.get("const")])[0]
    if raw.get("type") == "string":
        strategy = st.from_regex(re.compile(raw.get("pattern", "[a-z]+"), re.ASCII), fullmatch=True)
        least = max(raw.get("minLength", 1), 12)
        return hypothesis.find(strategy, lambda value: len(value) >= least, settings=_QUICK, random=random.Random(7))
    if raw.get("type") in ("integer", "number"):
        return raw.get("minimum", 1)
    assert "default" in raw, f"a parameter without an example: {raw}"
    return raw["default"]


def plan_of(handler: Handler, asked: Asked, workshop: Workshop) -> Plan:
    return handler.plan(valid(type(handler)), asked, workshop.reader("dev", handler))


def apply(steps: tuple[Step, ...], handler: Handler, workshop: Workshop) -> None:
    executor = workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=handler.operations)
    for step in steps:
        executor.perform(step)


def writes(aws: RunningAws) -> list[str]:
    reading = (*_READING, "AssumeRole")
    return [call.operation for call in aws.app.calls if not call.operation.startswith(reading)]


def test_declaration_is_whole(handler: Handler) -> None:
    assert handler.name == handler.name.lower()
    assert handler.title
    assert handler.request_types
    for operation in handler.operations | handler.reads:
        assert _OPERATION.fullmatch(operation), operation
    verbs = {_OPERATION.fullmatch(one)["verb"] for one in handler.operations}  # type: ignore[index]
    assert not verbs & (_DESTROYING | _READING)
    assert {_OPERATION.fullmatch(one)["verb"] for one in handler.reads} <= _READING  # type: ignore[index]
    assert len(handler.examples) >= 5
    for never in handler.never:
        assert never.id
        assert never.reason.endswith(".")
        assert never.instead.endswith(".")
        for pattern in never.patterns:
            assert re.compile(pattern)
            assert pattern == pattern.lower() or "\\" in pattern
    for name, field in handler.Parameters.model_fields.items():
        assert field.title, f"{name} has no form label"
        assert field.description, f"{name} does not say what is allowed"


def test_file_is_short_and_imports_no_client(handler: Handler) -> None:
    path = Path(inspect.getfile(type(handler)))
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    nodes = list(ast.walk(ast.parse(text)))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    assert not modules & {"fulfilment.clients", "fulfilment.executor", "boto3", "botocore", "requests", "os"}


def test_examples_are_understood(handler: Handler) -> None:
    for number, example in enumerate(handler.examples, start=1):
        found = extract(_ticket(number, example), handler, fields={}, team_names=["payments"], replies=())
        assert found.has_intent, example
        assert found.is_complete, (example, found.missing, found.invalid, found.contradictions)
        assert not (found.other_wishes or found.forbidden), (example, found.other_wishes, found.forbidden)


def _ticket(number: int, text: str) -> Ticket:
    at, anna = datetime(2026, 11, 2, tzinfo=UTC), Person("acc-anna", "Anna")
    return Ticket(
        site="example.test", id=number, key=f"OPS-{number}", project="OPS", ticket_type="Service Request",
        request_type=None, summary="Request", description=text, status=Status("1", "Open", StatusCategory.NEW),
        priority="Medium", reporter=anna, creator=anna, assignee=None, labels=(), components=(), form=(),
        created_at=at, updated_at=at, resolved_at=None, status_changes=(),
    )  # fmt: skip


def test_planning_is_repeatable_and_changes_nothing(
    handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop
) -> None:
    first, second = (plan_of(handler, asked, workshop) for _ in range(2))
    assert first == second
    assert first.digest == second.digest
    assert first.steps
    assert first.conflict is None
    assert writes(aws) == []


def test_plan_keeps_to_the_declaration(handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop) -> None:
    plan = plan_of(handler, asked, workshop)
    assert Plan.from_json(plan.to_json()) == plan
    assert (plan.handler, plan.environment) == (handler.name, "dev")
    assert {step.operation for step in plan.steps} <= handler.operations
    assert [step.creates for step in plan.steps].count(True) == 1
    assert plan.summary
    assert plan.usage
    verdict = check_plan(plan, handler, asked.environment)
    assert verdict.allowed, verdict.reasons
    for step in plan.steps:
        plain = step.sentence.replace("S3's", "its")
        assert re.fullmatch(r"[A-Z][^\n]*[^.\s]\.", plain), step.sentence
        assert plain.count(". ") == 0, step.sentence
        assert asked.mark not in step.sentence


def test_plan_is_empty_after_applying(handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop) -> None:
    plan = plan_of(handler, asked, workshop)
    reader = workshop.reader("dev", handler)
    creating = next(step for step in plan.steps if step.creates)
    assert handler.observe(plan, creating, asked, reader) == "absent"
    assert handler.verify(plan, asked, reader) != ()
    apply(plan.steps, handler, workshop)
    assert handler.verify(plan, asked, reader) == ()
    assert handler.observe(plan, creating, asked, reader) == "ours"
    assert plan_of(handler, asked, workshop).steps == ()


def test_plan_goes_on_after_any_step(handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop) -> None:
    """Wherever a crash was, planning anew leads to the same end, creating nothing twice."""
    count = len(plan_of(handler, asked, workshop).steps)
    for done in range(1, count):
        requests.post(f"{aws.url}/moto-api/reset", timeout=5).raise_for_status()
        plan = plan_of(handler, asked, workshop)
        apply(plan.steps[:done], handler, workshop)
        rest = plan_of(handler, asked, workshop)
        assert not any(step.creates for step in rest.steps)
        apply(rest.steps, handler, workshop)
        assert handler.verify(plan, asked, workshop.reader("dev", handler)) == ()


def test_anothers_resource_is_a_conflict(handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop) -> None:
    """Also one that carries every tag of ours but the mark."""
    plan = plan_of(handler, replace(asked, mark="c" * 64), workshop)
    apply(plan.steps, handler, workshop)
    ours = plan_of(handler, asked, workshop)
    assert ours.steps == ()
    assert ours.conflict is not None
    assert ours.conflict.endswith(".")
    reader = workshop.reader("dev", handler)
    creating = next(step for step in plan.steps if step.creates)
    assert handler.observe(plan, creating, asked, reader) == "foreign"
    assert handler.verify(plan, asked, reader) != ()


def test_undeclared_operations_are_refused(handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop) -> None:
    step = replace(plan_of(handler, asked, workshop).steps[0], operation="s3:DeleteBucket")
    executor = workshop.executor("dev", ticket="OPS-1", request="r" * 32, operations=handler.operations)
    with pytest.raises(UndeclaredOperation):
        executor.perform(step)
    assert writes(aws) == []


def test_what_was_made_is_found_and_taken_away_again(
    handler: Handler, asked: Asked, aws: RunningAws, workshop: Workshop
) -> None:
    """Exactly that, by a declared call, and only once."""
    plan, reader = plan_of(handler, asked, workshop), workshop.reader("dev", handler)
    apply(plan.steps, handler, workshop)
    made = [step for step in plan.steps if step.creates]
    assert {(one.resource, one.mark) for one in handler.marked(plan.region, reader)} == {
        (step.resource, asked.mark) for step in made
    }
    undone = [handler.undo(plan, step, asked, reader) for step in reversed(made)]
    steps = tuple(undo.step for undo in undone if undo.step)
    assert [step.resource for step in steps] == [step.resource for step in reversed(made)]
    assert all(step.removes and not step.creates and step.operation in handler.undoes for step in steps)
    assert not handler.undoes & handler.operations
    executor = workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=handler.undoes)
    for step in steps:
        assert handler.observe(plan, step, asked, reader) == "ours"
        executor.perform(step)
        assert handler.observe(plan, step, asked, reader) == "absent"
    assert handler.marked(plan.region, reader) == ()
    with pytest.raises(UndeclaredOperation):
        executor.perform(plan.steps[0])


_HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            *("", " ", "*", "a", "A-B", "orders-archive\n", "orders-archive\x00", "orders-\u0430rchive", "../x-y"),
            *("orders-\uff11", "orders-\u0660", "orders--archive", "orders-archive-", "-orders", "a-" * 40 + "a"),
            *("arn:aws:s3:::orders-archive", "orders-archive; rm -rf", "orders-archive?acl", "orders.archive"),
            *("192-168", "{{7*7}}", "eu-west-1 ", "DEV", "\u202eorders-archive"),
        ]
    ),
    st.none() | st.booleans() | st.integers() | st.lists(st.text(max_size=3), max_size=3),
)


@hypothesis.given(hostile=_HOSTILE, which=st.integers(min_value=0, max_value=50))
@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_hostile_parameters_are_refused(handler: Handler, parameters: BaseModel, hostile: Any, which: int) -> None:
    """A value is either inside the closed list or the ASCII pattern, or refused."""
    schema = handler.Parameters.model_json_schema()["properties"]
    slot = sorted(schema)[which % len(schema)]
    raw = schema[slot]
    allowed = hostile in raw["enum"] if "enum" in raw else _is_fitting(raw, hostile)
    values = {**parameters.model_dump(), slot: hostile}
    if allowed:
        handler.Parameters.model_validate(values)
    else:
        with pytest.raises(ValidationError):
            handler.Parameters.model_validate(values)


def _is_fitting(raw: Mapping[str, Any], value: Any) -> bool:
    if raw.get("type") != "string" or not isinstance(value, str):
        return isinstance(value, int) and raw.get("type") in ("integer", "number")
    assert "pattern" in raw, "free text is no parameter"
    fits = re.fullmatch(raw["pattern"], value, re.ASCII) is not None and not value.endswith("\n")
    return fits and raw.get("minLength", 0) <= len(value) <= raw.get("maxLength", 255)


def test_unknown_parameters_and_settings_are_refused(handler: Handler) -> None:
    values = valid(type(handler)).model_dump()
    with pytest.raises(ValidationError):
        handler.Parameters.model_validate({**values, "public": True})
    with pytest.raises(ValidationError):
        handler.Settings.model_validate({"allow_public": True})
    with pytest.raises(ValidationError):
        setattr(handler.Parameters.model_validate(values), next(iter(values)), "x")


def test_reader_refuses_what_is_not_declared(handler: Handler, workshop: Workshop) -> None:
    reader = workshop.reader("dev", handler)
    for service, method in (("s3", "create_bucket"), ("s3", "get_object"), ("iam", "create_user")):
        with pytest.raises(UndeclaredOperation):
            reader.read(service, method, region="eu-west-1", arguments={})

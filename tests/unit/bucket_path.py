"""A golden path of the tests' own, in the shape of the S3 one, and tickets for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fulfilment.extract import Extraction, extract
from fulfilment.handler import Asked, Handler, Never, Reader
from fulfilment.plan import Plan, Step
from fulfilment.policy import Environment, Team
from tickets.ticket import Comment, FormField, Person, Status, StatusCategory, Ticket

NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+){1,7}$"
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANNA = Person("acc-anna", "Anna")


class BucketParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(title="Bucket name", pattern=NAME, min_length=3, max_length=63)]
    region: Annotated[Literal["eu-west-1", "eu-central-1", "us-east-1"], Field(title="AWS region")]
    data_class: Annotated[Literal["internal", "confidential", "restricted"], Field(title="Data class")]
    environment: Annotated[Literal["dev", "prod"], Field(title="Environment")]


class Settings(BaseModel):
    pass


class BucketPath(Handler):
    name = "s3-bucket"
    title = "S3 bucket"
    request_types = ("s3-bucket",)
    operations = frozenset({"s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutPublicAccessBlock", "s3:PutBucketTagging"})
    reads = frozenset({"s3:HeadBucket"})
    never = (
        Never(
            "public",
            (r"\bpublic(?:ly)?\b", r"\bworld[- ]readable\b", r"\banonymous\b", r'"principal"\s*:\s*"\*"'),
            "A bucket of this path is never public.",
            "A private bucket, granted to your team.",
        ),
        Never(
            "cross-account",
            (r"\bother accounts?\b", r"\bcross[- ]account\b"),
            "No other account.",
            "Your team.",
        ),
    )
    examples = ("Please create an S3 bucket",)
    Parameters = BucketParameters
    Settings = Settings

    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        values = parameters.model_dump()
        return Plan(
            self.name,
            asked.environment.name,
            values["region"],
            values["name"],
            values,
            (),
            0.0,
            "A bucket",
            (),
        )

    def observe(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        found = reader.read("s3", "head_bucket", region=plan.region, arguments={"Bucket": plan.resource})
        return "absent" if found is None else "foreign"

    def verify(self, plan: Plan, asked: Asked, reader: Reader) -> tuple[str, ...]:
        return () if self.observe(plan, plan.steps[0], asked, reader) != "absent" else ("not there",)


HANDLER = BucketPath(Settings())
TEAM = Team("payments", frozenset({"g-payments"}), handlers=frozenset({"s3-bucket"}), environments=frozenset({"dev"}))
ENVIRONMENT = Environment(
    name="dev",
    account="123456789012",
    plan_role_arn="arn:aws:iam::123456789012:role/goldenpath-plan",
    apply_role_arn="arn:aws:iam::123456789012:role/goldenpath-apply",
    regions=("eu-west-1", "eu-central-1"),
)


def ticket(
    summary: str, description: str = "", *, given: str | None = None, form: Mapping[str, str] | None = None
) -> Ticket:
    fields = tuple(FormField(f"customfield_{n}", name, value) for n, (name, value) in enumerate((form or {}).items()))
    return Ticket(
        site="example.test",
        id=1,
        key="OPS-1",
        project="OPS",
        ticket_type="Service Request",
        request_type=given,
        summary=summary,
        description=description,
        status=Status("1", "Open", StatusCategory.NEW),
        priority="Medium",
        reporter=ANNA,
        creator=ANNA,
        assignee=None,
        labels=(),
        components=(),
        form=fields,
        created_at=AT,
        updated_at=AT,
        resolved_at=None,
        status_changes=(),
    )


def reply(text: str, *, minutes: int = 1) -> Comment:
    at = AT + timedelta(minutes=minutes)
    return Comment(str(minutes), ANNA, at, at, ANNA, text, "0" * 64)


def read(
    summary: str,
    description: str = "",
    *,
    given: str | None = None,
    form: Mapping[str, str] | None = None,
    replies: Sequence[str] = (),
    teams: Sequence[str] = ("payments",),
    fields: Mapping[str, str] | None = None,
) -> Extraction:
    comments = [reply(text, minutes=number) for number, text in enumerate(replies, start=1)]
    found = ticket(summary, description, given=given, form=form)
    return extract(found, HANDLER, fields=fields or {}, team_names=teams, replies=comments)


def values(found: Extraction) -> dict[str, str]:
    """The values without the team, which comes from the requester's groups."""
    return {slot: reading.value for slot, reading in found.values.items() if slot != "team"}

"""Every rule: what it allows, what it refuses, and the words of the refusal."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fulfilment.guardrails import MOST_OPEN_REQUESTS, PLAN_RULES, REQUEST_RULES, check_plan, check_request
from fulfilment.plan import Plan, Step
from tests.unit.bucket_path import ENVIRONMENT, HANDLER, TEAM, BucketParameters

PARAMETERS = BucketParameters(name="orders-db", region="eu-west-1", data_class="internal", environment="dev")
TAGS = [
    {"Key": "goldenpath:mark", "Value": "ab12"},
    {"Key": "goldenpath:ticket", "Value": "OPS-1"},
    {"Key": "goldenpath:team", "Value": "payments"},
]
CREATE = Step(
    "s3:CreateBucket",
    "arn:aws:s3:::orders-db",
    {
        "Bucket": "orders-db",
        "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1", "Tags": TAGS},
    },
    "Create the bucket orders-db",
    creates=True,
)
BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
CLOSED = Step(
    "s3:PutPublicAccessBlock",
    "orders-db",
    {"Bucket": "orders-db", "PublicAccessBlockConfiguration": BLOCK},
    "Close it to the public",
)
PLAN = Plan("s3-bucket", "dev", "eu-west-1", "orders-db", {}, (CREATE, CLOSED), 1.0, "A bucket", ())


def policy(**statement: Any) -> Step:
    document = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], **statement}]}
    return Step("s3:PutBucketPolicy", "orders-db", {"Policy": json.dumps(document)}, "Grant the team")


def test_a_good_request_and_a_good_plan_pass() -> None:
    assert check_request(PARAMETERS, handler=HANDLER, team=TEAM, environment=ENVIRONMENT).allowed
    granted = policy(Principal={"AWS": ["arn:aws:iam::123456789012:role/payments"]})
    denied = policy(Effect="Deny", Principal="*", Action="s3:*")
    verdict = check_plan(replace(PLAN, steps=(CREATE, CLOSED, granted, denied)), HANDLER, ENVIRONMENT)
    assert verdict.reasons == ()
    assert verdict.allowed
    assert check_plan(replace(PLAN, steps=()), HANDLER, ENVIRONMENT).allowed


def test_rules_are_declared_once_and_explained() -> None:
    for rules in (REQUEST_RULES, PLAN_RULES):
        ids = [rule.id for rule in rules]
        assert len(ids) == len(set(ids))
        assert all(rule.help for rule in rules)


REFUSED_REQUESTS = [
    ({"team": replace(TEAM, handlers=frozenset())}, "may not ask for “S3 bucket”", None),
    (
        {"team": replace(TEAM, environments=frozenset({"prod"}))},
        "may not ask for anything in dev",
        "Environment: prod",
    ),
    ({"environment": replace(ENVIRONMENT, name="prod")}, "environment dev, but prod", None),
    (
        {"environment": replace(ENVIRONMENT, regions=("eu-central-1",))},
        "eu-west-1 is not open in dev; open: eu-central-1",
        "AWS region: eu-central-1",
    ),
    (
        {"parameters": PARAMETERS.model_copy(update={"name": "aws-logs"})},
        "begins with “aws”",
        "payments-archive",
    ),
    (
        {"open_requests": MOST_OPEN_REQUESTS},
        "has 5 unfinished requests for “S3 bucket”; the limit is 5",
        "Ask again",
    ),
]


@pytest.mark.parametrize(("change", "reason", "instead"), REFUSED_REQUESTS)
def test_a_request_is_refused_with_number_and_limit(change: dict[str, Any], reason: str, instead: str | None) -> None:
    facts: dict[str, Any] = {
        "parameters": PARAMETERS,
        "team": TEAM,
        "environment": ENVIRONMENT,
        "open_requests": 0,
        **change,
    }
    verdict = check_request(
        facts["parameters"],
        handler=HANDLER,
        team=facts["team"],
        environment=facts["environment"],
        open_requests=facts["open_requests"],
    )
    assert not verdict.allowed
    assert any(reason in one for one in verdict.reasons)
    assert instead is None or any(instead in one for one in verdict.instead)


def with_step(step: Step) -> Plan:
    return replace(PLAN, steps=(*PLAN.steps, step))


def step(operation: str, **arguments: Any) -> Step:
    return Step(operation, "orders-db", arguments, "a step")


REFUSED_PLANS = [
    (with_step(step("s3:PutBucketAcl", ACL="private")), "s3:PutBucketAcl, which s3-bucket does not declare"),
    (with_step(step("s3:DeleteBucket")), "destroys or takes away"),
    (with_step(step("ec2:TerminateInstances")), "destroys or takes away"),
    (with_step(step("iam:RemoveRoleFromInstanceProfile")), "destroys or takes away"),
    (replace(PLAN, handler="other"), "is one of other, not of s3-bucket"),
    (replace(PLAN, environment="prod"), "for prod, but dev was checked"),
    (replace(PLAN, region="us-east-1"), "works in us-east-1; open in dev: eu-central-1, eu-west-1"),
    (with_step(step("s3:PutBucketPolicy", Role="arn:aws:iam::999999999999:role/x")), "account 999999999999"),
    (
        with_step(step("s3:PutBucketTagging", Key="arn:aws:kms:us-east-1:123456789012:key/x")),
        "region us-east-1",
    ),
    (replace(PLAN, steps=(CLOSED,) * 21), "has 21 steps; the limit is 20"),
    (replace(PLAN, steps=(CREATE, CREATE)), "create 2 resources; the limit is 1"),
    (replace(PLAN, monthly_cost=501.0), "cost 501.00 US dollars a month; the limit is 500.00"),
    (replace(PLAN, monthly_cost=float("nan")), "the limit is 500.00"),
    (replace(PLAN, monthly_cost=-1.0), "the limit is 500.00"),
    (
        replace(PLAN, steps=(replace(CREATE, arguments={"Bucket": "orders-db"}),)),
        "without the tags mark, ticket, team",
    ),
    (with_step(policy(Principal="*")), "allow everybody"),
    (with_step(policy(Principal={"AWS": "*"})), "allow everybody"),
    (with_step(policy(NotPrincipal={"AWS": "x"})), "allow everybody"),
    (with_step(policy(Principal={"AWS": "x"}, Action="s3:*")), "allow every action"),
    (with_step(step("s3:PutBucketPolicy", Policy="not json")), "allow everybody"),
    (
        with_step(step("s3:PutBucketPolicy", Policy={"Statement": {"Effect": "Allow", "Principal": "*"}})),
        "allow everybody",
    ),
    (
        with_step(
            step(
                "s3:PutPublicAccessBlock",
                PublicAccessBlockConfiguration={**BLOCK, "BlockPublicPolicy": False},
            )
        ),
        "leaves public access open (BlockPublicPolicy)",
    ),
    (with_step(step("s3:CreateBucket", ACL="public-read")), "access list public-read"),
    (
        with_step(step("ec2:AuthorizeSecurityGroupIngress", IpRanges=[{"CidrIp": "0.0.0.0/0"}])),
        "opens the network",
    ),
    (with_step(step("rds:CreateDBInstance", PubliclyAccessible=True)), "reachable from the internet"),
]


@pytest.mark.parametrize(("plan", "reason"), REFUSED_PLANS, ids=[reason for _, reason in REFUSED_PLANS])
def test_a_plan_is_refused_with_the_reason(plan: Plan, reason: str) -> None:
    verdict = check_plan(plan, HANDLER, ENVIRONMENT)
    assert not verdict.allowed
    assert any(reason in one for one in verdict.reasons), verdict.reasons

"""The sandbox's AWS behaves as AWS does where moto alone does not."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError

from sandbox.aws_app import RunningAws, serve_aws

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/goldenpath-"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningAws]:
    aws = serve_aws()
    yield aws
    aws.stop()


@pytest.fixture
def aws(running: RunningAws) -> RunningAws:
    requests.post(f"{running.url}/moto-api/reset", timeout=5).raise_for_status()
    return running


@cache
def _session() -> Any:
    return boto3.session.Session()


def client(
    aws: RunningAws, service: str = "s3", *, region: str = "eu-west-1", keys: dict[str, str] | None = None
) -> Any:
    config = Config(
        retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5, s3={"addressing_style": "path"}
    )
    given = keys or {"AccessKeyId": "admin", "SecretAccessKey": "admin", "SessionToken": ""}
    return _session().client(
        service,
        region_name=region,
        endpoint_url=aws.url,
        config=config,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"] or None,
    )


def assume(aws: RunningAws, role: str) -> dict[str, str]:
    answer = client(aws, "sts").assume_role(
        RoleArn=ROLE + role, RoleSessionName="test", Tags=[{"Key": "ticket", "Value": "OPS-1"}]
    )
    given: dict[str, str] = answer["Credentials"]
    return given


def create(s3: Any, name: str = "orders-archive", **more: Any) -> None:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name, **more})


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    code: str = caught.value.response["Error"]["Code"]
    return code


def fail(aws: RunningAws, **what: Any) -> int:
    return requests.post(f"{aws.url}/_sandbox/fail", json=what, timeout=5).status_code


def test_starts_quickly_and_stops() -> None:
    began = time.monotonic()
    aws = serve_aws()
    took = time.monotonic() - began
    client(aws).list_buckets()
    aws.stop()
    assert took < 1.5
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(aws.url.rsplit(":", 1)[1])), timeout=1)


def test_busy_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve_aws(taken.getsockname()[1])


def test_bucket_is_born_tagged(aws: RunningAws) -> None:
    s3 = client(aws)
    create(s3, Tags=[{"Key": "goldenpath:mark", "Value": "abc & <d>"}, {"Key": "owner", "Value": "payments"}])
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket="orders-archive")["TagSet"]}
    assert tags == {"goldenpath:mark": "abc & <d>", "owner": "payments"}


def test_bucket_is_born_tagged_in_us_east_1_without_a_location(aws: RunningAws) -> None:
    s3 = client(aws, region="us-east-1")
    tag = {"Key": "owner", "Value": "search"}
    s3.create_bucket(Bucket="search-dumps", CreateBucketConfiguration={"Tags": [tag]})
    assert s3.get_bucket_tagging(Bucket="search-dumps")["TagSet"] == [tag]


def test_bucket_is_born_closed(aws: RunningAws) -> None:
    s3 = client(aws)
    create(s3)
    block = s3.get_public_access_block(Bucket="orders-archive")["PublicAccessBlockConfiguration"]
    rules = s3.get_bucket_encryption(Bucket="orders-archive")["ServerSideEncryptionConfiguration"]["Rules"]
    owner = s3.get_bucket_ownership_controls(Bucket="orders-archive")["OwnershipControls"]["Rules"]
    assert set(block.values()) == {True}
    assert len(block) == 4
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert refused(s3.put_bucket_acl, Bucket="orders-archive", ACL="public-read") == "AccessControlListNotSupported"


def policy(principal: Any, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::orders-archive/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": principal, **more}]})


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::123456789012:role/a", "*"]}])
def test_public_policy_is_refused(aws: RunningAws, principal: Any) -> None:
    s3 = client(aws)
    create(s3)
    assert refused(s3.put_bucket_policy, Bucket="orders-archive", Policy=policy(principal)) == "AccessDenied"
    narrowed = policy(principal, Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})
    s3.put_bucket_policy(Bucket="orders-archive", Policy=narrowed)
    s3.put_bucket_policy(Bucket="orders-archive", Policy=policy(principal, Effect="Deny"))
    s3.delete_public_access_block(Bucket="orders-archive")
    s3.put_bucket_policy(Bucket="orders-archive", Policy=policy(principal))


def test_private_policy_is_kept_and_no_policy_refused(aws: RunningAws) -> None:
    s3 = client(aws)
    create(s3)
    text = policy({"AWS": f"arn:aws:iam::{ACCOUNT}:role/payments"})
    s3.put_bucket_policy(Bucket="orders-archive", Policy=text)
    assert json.loads(s3.get_bucket_policy(Bucket="orders-archive")["Policy"]) == json.loads(text)
    assert refused(s3.put_bucket_policy, Bucket="orders-archive", Policy="{") == "MalformedPolicy"
    assert refused(s3.put_bucket_policy, Bucket="orders-archive", Policy="[]") == "MalformedPolicy"


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "Orders-Archive", "orders_archive", "-orders", "orders-", "or..ders", "192.168.0.1", "a" * 64),
        *("xn--orders", "sthree-orders", "amzn-s3-demo-orders", "orders-s3alias", "orders--ol-s3"),
    ],
)
def test_bad_bucket_name_is_refused(aws: RunningAws, name: str) -> None:
    assert refused(create, s3=client(aws), name=name) == "InvalidBucketName"


def test_own_bucket_again(aws: RunningAws) -> None:
    s3 = client(aws)
    create(s3, Tags=[{"Key": "owner", "Value": "payments"}])
    assert refused(create, s3=s3, Tags=[{"Key": "owner", "Value": "thief"}]) == "BucketAlreadyOwnedByYou"
    assert s3.get_bucket_tagging(Bucket="orders-archive")["TagSet"][0]["Value"] == "payments"


def test_own_bucket_again_in_us_east_1_keeps_its_properties(aws: RunningAws) -> None:
    s3 = client(aws, region="us-east-1")
    for owner in ("payments", "thief"):
        tags = [{"Key": "owner", "Value": owner}]
        s3.create_bucket(Bucket="orders-archive", CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket="orders-archive")["TagSet"][0]["Value"] == "payments"


def test_bucket_of_another_account_is_closed(aws: RunningAws) -> None:
    headers = {"x-moto-account-id": "999999999999"}
    requests.put(f"{aws.url}/orders-archive", headers=headers, timeout=5).raise_for_status()
    s3 = client(aws, region="us-east-1")
    assert refused(s3.head_bucket, Bucket="orders-archive") == "403"
    assert refused(s3.get_bucket_tagging, Bucket="orders-archive") == "AccessDenied"
    assert refused(s3.create_bucket, Bucket="orders-archive") == "BucketAlreadyExists"


def test_expected_owner_is_compared(aws: RunningAws) -> None:
    s3 = client(aws)
    create(s3)
    s3.head_bucket(Bucket="orders-archive", ExpectedBucketOwner=ACCOUNT)
    assert refused(s3.head_bucket, Bucket="orders-archive", ExpectedBucketOwner="999999999999") == "403"


@pytest.mark.parametrize("role", ["plan", "apply"])
def test_role_is_assumed_in_the_account(aws: RunningAws, role: str) -> None:
    keys = assume(aws, role)
    identity = client(aws, "sts", keys=keys).get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/goldenpath-{role}/test"
    session = aws.app.sessions[keys["AccessKeyId"]]
    assert (session.role, session.name, session.tags) == (role, "test", {"ticket": "OPS-1"})


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:role/admin",
        "arn:aws:iam::999999999999:role/goldenpath-plan",
        ROLE + "plan2",
        f"arn:aws:iam::{ACCOUNT}:role/x/goldenpath-plan",
    ],
)
def test_unknown_role_is_refused(aws: RunningAws, arn: str) -> None:
    sts = client(aws, "sts")
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="test") == "AccessDenied"


def test_planning_role_reads_only_and_neither_deletes(aws: RunningAws) -> None:
    plan, apply = (client(aws, keys=assume(aws, role)) for role in ("plan", "apply"))
    assert refused(create, s3=plan) == "AccessDenied"
    create(apply)
    plan.head_bucket(Bucket="orders-archive")
    assert refused(plan.put_bucket_tagging, Bucket="orders-archive", Tagging={"TagSet": []}) == "AccessDenied"
    assert refused(apply.delete_bucket_tagging, Bucket="orders-archive") == "AccessDenied"
    apply.delete_bucket(Bucket="orders-archive")
    assert [(call.caller, call.operation, call.status) for call in aws.app.calls if call.bucket] == [
        ("plan", "CreateBucket", 403),
        ("apply", "CreateBucket", 200),
        ("plan", "HeadBucket", 200),
        ("plan", "PutBucketTagging", 403),
        ("apply", "DeleteBucketTagging", 403),
        ("apply", "DeleteBucket", 204),
    ]


def test_objects_pass_through(aws: RunningAws) -> None:
    s3 = client(aws)
    create(s3)
    s3.put_object(Bucket="orders-archive", Key="a/b.txt", Body=b"hello")
    assert s3.get_object(Bucket="orders-archive", Key="a/b.txt")["Body"].read() == b"hello"
    assert aws.app.calls[-1].operation == "GetObject"


@pytest.mark.parametrize("how", ["slow", "nonsense"])
def test_a_late_answer_and_nonsense_come_after_it_was_done(aws: RunningAws, how: str) -> None:
    s3 = client(aws)
    fail(aws, operation="CreateBucket", how=how, seconds=0.2)
    start = time.monotonic()
    with contextlib.suppress(ResponseParserError):
        create(s3)
    assert (time.monotonic() - start >= 0.2) == (how == "slow")
    s3.head_bucket(Bucket="orders-archive")


@pytest.mark.parametrize(
    ("how", "code"),
    [("AccessDenied", "AccessDenied"), ("Throttling", "SlowDown"), ("InternalError", "InternalError")],
)
def test_failures_on_demand(aws: RunningAws, how: str, code: str) -> None:
    s3 = client(aws)
    assert fail(aws, operation="CreateBucket", times=2, how=how) == 204
    assert refused(create, s3=s3) == code
    assert refused(create, s3=s3) == code
    create(s3)


def test_throttling_of_other_services_has_their_code(aws: RunningAws) -> None:
    fail(aws, operation="GetCallerIdentity", how="Throttling")
    assert refused(client(aws, "sts").get_caller_identity) == "Throttling"


def test_dropped_call_is_carried_out_without_an_answer(aws: RunningAws) -> None:
    s3 = client(aws)
    fail(aws, operation="CreateBucket", how="drop")
    with pytest.raises(ConnectionClosedError):
        create(s3)
    s3.head_bucket(Bucket="orders-archive")


@pytest.mark.parametrize(
    "what", [{}, {"operation": "CreateBucket", "how": "explode"}, {"operation": "X", "how": "drop", "times": -1}]
)
def test_unknown_failure_is_refused(aws: RunningAws, what: dict[str, Any]) -> None:
    assert fail(aws, **what) == 400

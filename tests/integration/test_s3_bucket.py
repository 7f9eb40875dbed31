"""The bucket path and the way to AWS, against the sandbox's AWS."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from fulfilment.buckets import BucketParameters
from fulfilment.clients import Workshop
from fulfilment.dangers import forbidden
from fulfilment.errors import (
    AnswerLost,
    HandlerError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    UndeclaredOperation,
    WrongAccount,
)
from fulfilment.handler import Asked
from fulfilment.handlers.s3_bucket import BucketSettings, S3Bucket
from fulfilment.plan import Plan, Step
from fulfilment.policy import Environment, Team
from sandbox.aws_app import RunningAws, serve_aws

ACCOUNT = "123456789012"
MARK, NAME = "b" * 64, "orders-archive"
HANDLER = S3Bucket(BucketSettings())
PRINCIPALS = (f"arn:aws:iam::{ACCOUNT}:role/payments", f"arn:aws:iam::{ACCOUNT}:user/anna")
TEAM = Team("payments", frozenset({"g-payments"}), principals=PRINCIPALS, cost_centre="CC-410")


def environment(url: str, **changes: Any) -> Environment:
    plain = Environment(
        "dev",
        ACCOUNT,
        f"arn:aws:iam::{ACCOUNT}:role/goldenpath-plan",
        f"arn:aws:iam::{ACCOUNT}:role/goldenpath-apply",
        ("eu-west-1", "eu-central-1", "us-east-1"),
        endpoint_url=url,
    )
    return replace(plain, **changes)


def parameters(**changes: Any) -> BucketParameters:
    values = {"name": NAME, "region": "eu-west-1", "data_class": "internal", "environment": "dev"}
    return BucketParameters.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def running() -> Iterator[RunningAws]:
    aws = serve_aws()
    yield aws
    aws.stop()


@pytest.fixture(scope="module")
def workshop(running: RunningAws) -> Workshop:
    return Workshop({"dev": environment(running.url)})


@pytest.fixture
def aws(running: RunningAws) -> RunningAws:
    requests.post(f"{running.url}/moto-api/reset", timeout=5).raise_for_status()
    return running


@pytest.fixture
def asked(running: RunningAws) -> Asked:
    return Asked("OPS-1", "a" * 64, MARK, TEAM, environment(running.url))


@pytest.fixture(scope="module")
def admin(running: RunningAws) -> Any:
    return boto3.session.Session().client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=running.url,
        aws_access_key_id="admin",
        aws_secret_access_key="admin",
        config=Config(s3={"addressing_style": "path"}),
    )


def plan(workshop: Workshop, asked: Asked, **changes: Any) -> Plan:
    return HANDLER.plan(parameters(**changes), asked, workshop.reader("dev", HANDLER))


def apply(workshop: Workshop, steps: tuple[Step, ...]) -> None:
    executor = workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=HANDLER.operations)
    for step in steps:
        executor.perform(step)


def fail(aws: RunningAws, operation: str, how: str, times: int = 1) -> None:
    what = {"operation": operation, "times": times, "how": how}
    requests.post(f"{aws.url}/_sandbox/fail", json=what, timeout=5).raise_for_status()


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_makes_the_bucket_that_is_promised(
    aws: RunningAws, workshop: Workshop, asked: Asked, admin: Any, region: str
) -> None:
    made = plan(workshop, asked, region=region)
    apply(workshop, made.steps)
    assert [step.operation for step in made.steps] == [
        "s3:CreateBucket",
        "s3:PutPublicAccessBlock",
        "s3:PutBucketEncryption",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketVersioning",
        "s3:PutBucketPolicy",
    ]
    assert admin.head_bucket(Bucket=NAME)["BucketRegion"] == region
    assert admin.get_bucket_versioning(Bucket=NAME)["Status"] == "Enabled"
    tags = {tag["Key"]: tag["Value"] for tag in admin.get_bucket_tagging(Bucket=NAME)["TagSet"]}
    assert tags == {
        "goldenpath:mark": MARK,
        "goldenpath:request": "a" * 64,
        "goldenpath:ticket": "OPS-1",
        "goldenpath:team": "payments",
        "owner": "payments",
        "cost-centre": "CC-410",
        "environment": "dev",
        "data-class": "internal",
    }
    tls, lists, objects = json.loads(admin.get_bucket_policy(Bucket=NAME)["Policy"])["Statement"]
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert lists["Principal"] == objects["Principal"] == {"AWS": sorted(PRINCIPALS)}
    assert objects["Action"] == ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    assert objects["Resource"] == f"arn:aws:s3:::{NAME}/*"
    assert HANDLER.verify(made, asked, workshop.reader("dev", HANDLER)) == ()


def test_mark_stays_out_of_what_people_read(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    made = plan(workshop, asked)
    assert MARK not in " ".join((made.summary, *made.usage, *(step.sentence for step in made.steps)))
    assert f"aws s3 cp FILE s3://{NAME}/ --region eu-west-1" in " ".join(made.usage)
    assert made.monthly_cost == 2.5


ALTERATIONS: dict[str, Callable[[Any], object]] = {
    "public-access block": lambda s3: s3.put_public_access_block(
        Bucket=NAME, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "IgnorePublicAcls": True}
    ),
    "encryption": lambda s3: s3.delete_bucket_encryption(Bucket=NAME),
    "ownership": lambda s3: s3.put_bucket_ownership_controls(
        Bucket=NAME, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    ),
    "versioning": lambda s3: s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Suspended"}),
    "set of tags": lambda s3: s3.put_bucket_tagging(
        Bucket=NAME,
        Tagging={"TagSet": [{"Key": "goldenpath:mark", "Value": MARK}, {"Key": "kept", "Value": "yes"}]},
    ),
    "access policy": lambda s3: s3.delete_bucket_policy(Bucket=NAME),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_each_alteration_is_found_and_mended(
    aws: RunningAws, workshop: Workshop, asked: Asked, admin: Any, what: str
) -> None:
    made = plan(workshop, asked)
    apply(workshop, made.steps)
    ALTERATIONS[what](admin)
    reader = workshop.reader("dev", HANDLER)
    assert HANDLER.verify(made, asked, reader) == (f"The {what} of bucket {NAME} is not as planned.",)
    mending = plan(workshop, asked)
    assert len(mending.steps) == 1
    apply(workshop, mending.steps)
    assert HANDLER.verify(made, asked, reader) == ()
    tags = {tag["Key"] for tag in admin.get_bucket_tagging(Bucket=NAME)["TagSet"]}
    assert ("kept" in tags) == (what == "set of tags")


def test_lost_mark_is_found(aws: RunningAws, workshop: Workshop, asked: Asked, admin: Any) -> None:
    made = plan(workshop, asked)
    apply(workshop, made.steps)
    admin.delete_bucket_tagging(Bucket=NAME)
    told = HANDLER.verify(made, asked, workshop.reader("dev", HANDLER))
    assert told == (f"The bucket {NAME} does not carry the mark of this request.",)


@pytest.mark.parametrize("tags", [[], [{"Key": "goldenpath:mark", "Value": "c" * 64}]])
def test_name_of_a_bucket_without_our_mark(
    aws: RunningAws, workshop: Workshop, asked: Asked, admin: Any, tags: list[dict[str, str]]
) -> None:
    admin.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "eu-west-1", "Tags": tags})
    found = plan(workshop, asked)
    assert (found.steps, found.conflict) == (
        (),
        f"A bucket named {NAME} exists already and is not of this request.",
    )


def test_name_of_a_bucket_in_another_account(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    headers = {"x-moto-account-id": "999999999999"}
    requests.put(f"{aws.url}/{NAME}", headers=headers, timeout=5).raise_for_status()
    assert plan(workshop, asked).conflict is not None


def test_own_bucket_in_another_region(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    apply(workshop, plan(workshop, asked).steps)
    assert plan(workshop, asked, region="us-east-1").conflict is not None


@pytest.mark.parametrize(
    "principals",
    [
        (),
        ("*",),
        (f"arn:aws:iam::{ACCOUNT}:role/*",),
        (f"arn:aws:iam::{ACCOUNT}:root",),
        (*PRINCIPALS, "arn:aws:iam::999999999999:role/payments"),
    ],
)
def test_principals_are_the_accounts_own(
    aws: RunningAws, workshop: Workshop, asked: Asked, principals: tuple[str, ...]
) -> None:
    found = plan(workshop, replace(asked, team=replace(TEAM, principals=principals)))
    assert found.steps == ()
    assert "principals" in str(found.conflict)


def test_settings_narrow(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    reader = workshop.reader("dev", HANDLER)
    narrow = S3Bucket(BucketSettings(name_pattern=r"acme(-[a-z]+)+", regions=("eu-central-1",)))
    assert "does not fit" in str(narrow.plan(parameters(), asked, reader).conflict)
    named = parameters(name="acme-orders")
    assert "not offered in eu-west-1" in str(narrow.plan(named, asked, reader).conflict)
    assert "reserved" not in str(HANDLER.plan(parameters(name="sthree-orders"), asked, reader).steps)
    assert HANDLER.plan(parameters(name="sthree-orders"), asked, reader).conflict is not None
    with pytest.raises(ValueError, match="regular expression"):
        BucketSettings(name_pattern="(")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Make it public please", ["public-access"]),
        ("the bucket must be publicly readable", ["public-access"]),
        ("with public-read access", ["public-access"]),
        ("it should be open to everyone", ["public-access"]),
        ("readable by the whole world", ["public-access"]),
        ("static website hosting", ["public-access"]),
        ("leave it unencrypted", ["unencrypted"]),
        ("without any encryption", ["unencrypted"]),
        ("set an acl for the vendor", ["access-lists"]),
        ("please delete the old bucket", ["deletion"]),
        ("grant another aws account access", ["foreign-principals"]),
        ('{"principal": {"aws": "*"}}', ["foreign-principals"]),
        ("a bucket for public keys of our partners", []),
        ("bucket name: public-holidays-data", []),
        ("it must not be public", []),
        ("public access must stay blocked", []),
        ("never readable by everyone", []),
        ("an encrypted bucket in eu-west-1", []),
    ],
)
def test_what_is_never_done(text: str, ids: list[str]) -> None:
    assert [never.id for never in forbidden(HANDLER.never, [text])] == ids


# --- the way to AWS ---


def test_client_library_is_loaded_on_first_use_only() -> None:
    code = (
        "import sys, fulfilment.clients, fulfilment.handler as h; h.discover();"
        "sys.exit(any(m in sys.modules for m in ('boto3', 'botocore')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sessions_are_of_boto3_and_share_one_loader_that_does_not_grow(aws: RunningAws) -> None:
    door = Workshop({"dev": environment(aws.url)})._door("dev")
    sessions = [door.session(None) for _ in range(3)]
    assert all(isinstance(session, boto3.session.Session) for session in sessions)
    (loader,) = {session._session.get_component("data_loader") for session in sessions}
    assert len(loader.search_paths) == len(set(loader.search_paths))


def test_sessions_are_few_tagged_and_of_two_roles(aws: RunningAws, asked: Asked) -> None:
    aws.app.sessions.clear()
    workshop = Workshop({"dev": environment(aws.url, external_id="xyz")})
    for _ in range(3):
        plan(workshop, asked)
    apply(workshop, plan(workshop, asked).steps)
    planning, applying = aws.app.sessions.values()
    assert (planning.role, planning.external_id, planning.tags) == ("plan", "xyz", {})
    assert (applying.role, applying.name, applying.external_id) == ("apply", "goldenpath-OPS-1", "xyz")
    assert applying.tags == {"ticket": "OPS-1", "request": "a" * 64}
    first = next(call for call in aws.app.calls if call.caller == "apply")
    assert first.operation == "GetCallerIdentity"
    assert {call.caller for call in aws.app.calls if call.operation.startswith(("Create", "Put"))} == {"apply"}


def test_wrong_account_does_nothing(aws: RunningAws, asked: Asked) -> None:
    workshop = Workshop({"dev": environment(aws.url, account="210987654321")})
    with pytest.raises(WrongAccount, match="210987654321 is configured"):
        workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=HANDLER.operations)
    with pytest.raises(WrongAccount):
        plan(workshop, asked)
    assert not [call for call in aws.app.calls if call.bucket]


def test_role_that_may_not_be_assumed_is_named(aws: RunningAws, asked: Asked) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/other"
    workshop = Workshop({"dev": environment(aws.url, plan_role_arn=arn)})
    with pytest.raises(ProviderRefused, match=r"does not let the agent assume role .*/other.*trust policy"):
        plan(workshop, asked)


@pytest.mark.parametrize(
    ("how", "error", "is_made"),
    [("AccessDenied", ProviderRefused, False), ("Throttling", ProviderBusy, False), ("drop", AnswerLost, True)],
)
def test_write_is_sent_exactly_once(
    aws: RunningAws,
    workshop: Workshop,
    asked: Asked,
    how: str,
    error: type[ProviderError],
    is_made: bool,
) -> None:
    made = plan(workshop, asked)
    fail(aws, "CreateBucket", how)
    with pytest.raises(error, match="s3:CreateBucket") as caught:
        apply(workshop, made.steps[:1])
    assert caught.value.code
    assert [call.operation for call in aws.app.calls].count("CreateBucket") == 1
    seen = HANDLER.observe(made, made.steps[0], asked, workshop.reader("dev", HANDLER))
    assert seen == ("ours" if is_made else "absent")


def test_refusal_says_operation_role_and_way_out(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    fail(aws, "PutBucketPolicy", "AccessDenied")
    with pytest.raises(ProviderRefused) as caught:
        apply(workshop, plan(workshop, asked).steps)
    told = str(caught.value)
    assert "goldenpath-apply" in told
    assert "Add s3:PutBucketPolicy to the role's policy" in told
    assert caught.value.code == "AccessDenied"


def test_reads_are_repeated_and_then_busy(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    fail(aws, "HeadBucket", "drop", times=1)
    assert plan(workshop, asked).conflict is None
    fail(aws, "HeadBucket", "drop", times=3)
    with pytest.raises(ProviderBusy):
        plan(workshop, asked)


def test_nobody_listens(asked: Asked) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    workshop = Workshop({"dev": environment(f"http://127.0.0.1:{port}")})
    with pytest.raises(ProviderBusy, match="cannot be reached for sts:AssumeRole in environment dev"):
        plan(workshop, asked)


def test_silent_aws_times_out_and_the_answer_is_lost(aws: RunningAws, asked: Asked) -> None:
    workshop = Workshop({"dev": environment(aws.url)}, read_timeout=0.3)
    made = plan(workshop, asked)
    executor = workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=HANDLER.operations)
    with aws.app.held(), pytest.raises(AnswerLost, match="s3:CreateBucket"):
        executor.perform(made.steps[0])


def test_executor_keeps_to_what_is_declared(aws: RunningAws, workshop: Workshop) -> None:
    executor = workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=frozenset({"s3:CreateBucket"}))
    tagging = {"region": "eu-west-1", "Bucket": NAME, "Tagging": {"TagSet": []}}
    with pytest.raises(UndeclaredOperation, match="s3:PutBucketTagging is not declared"):
        executor.perform(Step("s3:PutBucketTagging", NAME, tagging, ""))
    with pytest.raises(HandlerError, match="ap-south-1"):
        executor.perform(Step("s3:CreateBucket", NAME, {"region": "ap-south-1", "Bucket": NAME}, ""))
    with pytest.raises(ProviderRefused, match="was not sent"):
        executor.perform(Step("s3:CreateBucket", NAME, {"region": "eu-west-1", "Nonsense": 1}, ""))
    with pytest.raises(HandlerError, match="no environment 'stage'"):
        workshop.reader("stage", HANDLER)


def test_settings_of_this_machine_do_not_matter_on_loopback(
    aws: RunningAws, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-no-such-profile")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALKEY")
    assert plan(Workshop({"dev": environment(aws.url)}), asked).conflict is None


def test_credentials_that_are_missing_are_named(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    workshop = Workshop({"dev": environment("http://aws.invalid:1")})
    with pytest.raises(ProviderRefused, match="no usable AWS credentials"):
        plan(workshop, asked)
    monkeypatch.setenv("AWS_PROFILE", "there-is-no-such-profile")
    with pytest.raises(ProviderRefused, match="there-is-no-such-profile"):
        plan(Workshop({"dev": environment("http://aws.invalid:1")}), asked)


def test_concurrent_creation_makes_one_bucket(aws: RunningAws, workshop: Workshop, asked: Asked) -> None:
    made = plan(workshop, asked)
    ended: list[str] = []

    def create() -> None:
        try:
            apply(workshop, made.steps[:1])
            ended.append("made")
        except ProviderRefused as refusal:
            ended.append(refusal.code)

    threads = [threading.Thread(target=create) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["BucketAlreadyOwnedByYou", "BucketAlreadyOwnedByYou", "made"]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_bucket_that_was_ever_used_is_not_taken_away(
    workshop: Workshop, asked: Asked, aws: RunningAws, admin: Any, is_deleted: bool
) -> None:
    made = plan(workshop, asked)
    apply(workshop, tuple(step for step in made.steps if step.operation != "s3:PutBucketPolicy"))  # which wants TLS
    admin.put_object(Bucket=NAME, Key="a", Body=b"1")
    if is_deleted:  # an old version of it stays
        admin.delete_object(Bucket=NAME, Key="a")
    undo = HANDLER.undo(made, made.steps[0], asked, workshop.reader("dev", HANDLER))
    assert (undo.step, undo.hindrance) == (None, f"the bucket {NAME} holds objects")
    way = Step("s3:DeleteBucket", NAME, {"region": "eu-west-1", "Bucket": NAME}, "delete it", removes=True)
    executor = workshop.executor("dev", ticket="OPS-1", request="a" * 64, operations=HANDLER.undoes)
    with pytest.raises(ProviderRefused) as refused:  # nor would AWS
        executor.perform(way)
    assert refused.value.code == "BucketNotEmpty"

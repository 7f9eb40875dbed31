"""The main job, end to end, on real components over HTTP."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from agent import bootstrap, printing
from agent.cycle import run_cycle
from fulfilment.request import Result, State
from tests.acceptance.conftest import Worked


def search(worked: Worked, words: str) -> str:
    """The key of the one open demo ticket whose summary holds these words."""
    with bootstrap.open_store(worked.demo.configuration) as store:
        keys = [t.key for t in store.tickets(open_only=True) if words.lower() in t.summary.lower()]
    assert len(keys) == 1, f"{words!r}: {keys}"
    return keys[0]


def aws(worked: Worked, service: str):  # type: ignore[no-untyped-def]
    return boto3.client(
        service,
        endpoint_url=worked.demo.sandbox.aws_url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def jira(worked: Worked, method: str, path: str, persona: str, body: object = None) -> requests.Response:
    who = worked.demo.sandbox.personas[persona]
    answer = requests.request(
        method,
        f"{worked.demo.sandbox.jira_url}/rest/api/3/{path}",
        auth=(who.email, who.token),
        json=body,
        timeout=10,
    )
    answer.raise_for_status()
    return answer


def comments_of(worked: Worked, key: str) -> list[str]:
    with bootstrap.open_rooms(worked.demo.configuration) as rooms:
        return [comment.text for comment in rooms.client.ticket(key).comments]


def cycle(worked: Worked):  # type: ignore[no-untyped-def]
    with bootstrap.open_rooms(worked.demo.configuration) as rooms:
        return run_cycle(rooms)


def test_the_document_has_every_documented_key(worked: Worked) -> None:
    document = json.loads(json.dumps(worked.document, default=str))
    for key in (
        "tickets_synced",
        "status_changes",
        "top_requests",
        "outcomes",
        "fulfilled",
        "refused",
        "needs_information",
        "queue_hours_p50",
        "seconds",
    ):
        assert key in document
    assert document["tickets_synced"] >= 3000
    assert len(document["top_requests"]) == 3
    for entry in document["top_requests"]:
        assert {"request_type", "tickets", "queue_hours_p50", "queue_hours_p85", "share_of_queue", "handler"} <= set(
            entry
        )
        assert entry["tickets"] > 0
        assert 0 < entry["queue_hours_p50"] <= entry["queue_hours_p85"]
    assert worked.cycle.errors == 0


def test_complete_form_requests_are_fulfilled_and_answered(worked: Worked) -> None:
    done = worked.document["fulfilled"]
    assert len(done) >= 2  # type: ignore[arg-type]
    s3 = aws(worked, "s3")
    for entry in done:  # type: ignore[attr-defined]
        bucket = entry["resource"].rsplit(":", 1)[-1]
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(block.values()) and len(block) == 4
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
        assert entry["ticket"] in tags.values()
        with bootstrap.open_ledger(worked.demo.configuration) as ledger:
            (request,) = ledger.requests(key=entry["ticket"])
        assert tags["goldenpath:team"] in worked.demo.configuration.teams
        assert tags["owner"] == tags["goldenpath:team"]
        assert tags["goldenpath:request"] == request.id
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(public_policy(bucket)))
        with bootstrap.open_rooms(worked.demo.configuration) as rooms:
            ticket = rooms.client.ticket(entry["ticket"])
        assert ticket.status.name == "Resolved"
        assert sum(bucket in comment.text for comment in ticket.comments) == 1


def public_policy(bucket: str) -> dict[str, object]:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_each_open_ticket_of_the_demo_ends_as_designed(worked: Worked) -> None:
    counts = worked.cycle.counts
    assert counts[Result.AWAITING_APPROVAL] >= 1
    assert counts[Result.ASKED] >= 1
    assert counts[Result.REFUSED] >= 1
    assert counts[Result.SPLIT] == 1
    assert counts[Result.LEFT_TO_PEOPLE] >= 4
    assert not {Result.FAILED, Result.UNCERTAIN, Result.CONFLICT} & {Result(name) for name in counts}


def test_only_what_was_fulfilled_exists_in_aws(worked: Worked) -> None:
    buckets = {bucket["Name"] for bucket in aws(worked, "s3").list_buckets()["Buckets"]}
    with bootstrap.open_ledger(worked.demo.configuration) as ledger:
        made = {r.resource.rsplit(":", 1)[-1] for r in ledger.requests() if r.resource and r.state is State.CLOSED}
    assert buckets == made


def test_the_ledger_is_whole_and_tells_every_story(worked: Worked) -> None:
    with bootstrap.open_ledger(worked.demo.configuration) as ledger:
        assert ledger.verify().broken_at is None
        for outcome in worked.cycle.outcomes:
            assert ledger.story(outcome.ticket), f"{outcome.ticket} was decided without a ledger row"


def test_a_prose_request_is_fulfilled_after_an_approver_approves_it(worked: Worked) -> None:
    waiting = next(o for o in worked.cycle.outcomes if o.result is Result.AWAITING_APPROVAL)
    proposal = next(text for text in comments_of(worked, waiting.ticket) if "approve " in text)
    code = next(line.strip() for line in proposal.splitlines() if line.strip().startswith("approve "))
    for persona in ("developer", "outsider"):  # neither the requester nor a stranger may
        jira(worked, "POST", f"issue/{waiting.ticket}/comment", persona, {"body": adf(code)})
    assert not [o for o in cycle(worked).outcomes if o.ticket == waiting.ticket and o.result is Result.FULFILLED]


def test_a_second_cycle_repeats_nothing(worked: Worked) -> None:
    before = {o.ticket: len(comments_of(worked, o.ticket)) for o in worked.cycle.outcomes if o.handler}
    cycle(worked)
    cycle(worked)
    assert {key: len(comments_of(worked, key)) for key in before} == before


def adf(text: str) -> dict[str, object]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }


def file_bucket_ticket(worked: Worked, persona: str, name: str) -> str:
    body = {
        "fields": {
            "project": {"key": "OPS"},
            "issuetype": {"name": "Service Request"},
            "summary": "New bucket please",
            "description": adf("For the nightly exports."),
            "customfield_10010": "S3 bucket",
            "customfield_10050": name,
            "customfield_10051": {"value": "eu-central-1"},
            "customfield_10052": {"value": "internal"},
            "customfield_10053": {"value": "dev"},
        }
    }
    return str(jira(worked, "POST", "issue", persona, body).json()["key"])


def test_a_ticket_filed_by_hand_is_answered_in_one_cycle(worked: Worked) -> None:
    key = file_bucket_ticket(worked, "developer", "payments-nightly-exports")
    outcome = next(o for o in cycle(worked).outcomes if o.ticket == key)
    assert outcome.result is Result.FULFILLED
    assert any("payments-nightly-exports" in text for text in comments_of(worked, key))


def test_a_cycle_with_nothing_new_is_quick(worked: Worked) -> None:
    cycle(worked)
    cycle(worked)
    start = time.monotonic()
    done = cycle(worked)
    assert time.monotonic() - start < 2
    assert printing.cycle_document(done)["errors"] == 0


def test_no_secret_reaches_the_stores(worked: Worked) -> None:
    folder: Path = worked.demo.configuration.folder
    token = worked.demo.sandbox.personas["agent"].token.encode()
    for path in folder.rglob("*"):
        if path.is_file():
            assert token not in path.read_bytes(), path


def make_aws_fail(worked: Worked, operation: str, how: str, times: int = 1) -> None:
    order = {"operation": operation, "times": times, "how": how}
    requests.post(f"{worked.demo.sandbox.aws_url}/_sandbox/fail", json=order, timeout=10).raise_for_status()


def test_a_refusal_of_aws_becomes_one_sentence_in_the_ticket(worked: Worked) -> None:
    make_aws_fail(worked, "CreateBucket", "AccessDenied")
    key = file_bucket_ticket(worked, "developer", "payments-denied-here")
    other = file_bucket_ticket(worked, "developer", "payments-allowed-here")
    outcomes = {o.ticket: o.result for o in cycle(worked).outcomes}
    assert (outcomes[key], outcomes[other]) == (Result.FAILED, Result.FULFILLED)
    told, called = comments_of(worked, key)
    assert "goldenpath requests" in called  # a person is called, where only the team sees it
    assert "AccessDenied" not in told + called
    assert "arn:aws" not in told + called
    with bootstrap.open_ledger(worked.demo.configuration) as ledger:
        story = " ".join(f"{entry.sentence} {entry.detail}" for entry in ledger.story(key))
    assert "AccessDenied" in story or "may not" in story, story


def test_a_lost_answer_of_aws_is_observed_and_nothing_is_made_twice(worked: Worked) -> None:
    make_aws_fail(worked, "CreateBucket", "drop")
    key = file_bucket_ticket(worked, "developer", "payments-lost-answer")
    seen = [o.result for _ in range(3) for o in cycle(worked).outcomes if o.ticket == key]
    assert seen[-1] is Result.FULFILLED, seen
    names = [bucket["Name"] for bucket in aws(worked, "s3").list_buckets()["Buckets"]]
    assert names.count("payments-lost-answer") == 1
    assert sum("payments-lost-answer" in text for text in comments_of(worked, key)) == 1
    with bootstrap.open_ledger(worked.demo.configuration) as ledger:
        assert ledger.verify().broken_at is None


def test_throttling_waits_for_the_next_cycle(worked: Worked) -> None:
    make_aws_fail(worked, "CreateBucket", "Throttling", times=1)
    key = file_bucket_ticket(worked, "developer", "payments-throttled-once")
    seen = [o.result for _ in range(3) for o in cycle(worked).outcomes if o.ticket == key]
    assert seen[-1] is Result.FULFILLED, seen


def test_what_could_not_be_told_is_looked_at_again(worked: Worked) -> None:
    key = file_bucket_ticket(worked, "developer", "payments-told-later")
    make_aws_fail(worked, "AssumeRole", "Throttling", times=100)
    first = [o.result for o in cycle(worked).outcomes if o.ticket == key]
    make_aws_fail(worked, "AssumeRole", "Throttling", times=0)
    later = [o.result for _ in range(2) for o in cycle(worked).outcomes if o.ticket == key]
    assert first == [Result.UNCERTAIN]
    assert later[0] is Result.FULFILLED


def test_the_record_has_a_row_before_and_after_each_step_and_no_free_text_in_its_details(worked: Worked) -> None:
    with bootstrap.open_ledger(worked.demo.configuration) as ledger:
        rows = [json.loads(line) for line in ledger.copy("jsonl")][:-1]
    steps: dict[str, list[str]] = {}
    for row in rows:
        if row["kind"] in ("intent", "step"):
            steps.setdefault(row["request_id"], []).append(row["kind"])
        for name, value in json.loads(row["detail"]).items():
            assert value is None or not isinstance(value, str) or re.fullmatch(r"[\w.:-]{1,64}", value), (name, value)
    assert steps
    for kinds in steps.values():
        assert kinds == ["intent", "step"] * (len(kinds) // 2)
    assert {row["request_id"] for row in rows if row["kind"] == "applied"} <= steps.keys()
    assert all(row["decision"] for row in rows if row["kind"] == "decision")

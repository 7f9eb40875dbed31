"""The sandbox's answers against Atlassian's own contract (OpenAPI of the Cloud platform, JSON schema of ADF)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from jira import JIRA
from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend

from sandbox.history import year
from sandbox.serve import ThreadedSandbox, serve_in_thread

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ADF = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "words"}]}]}


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(year(3, NOW, 400), aws=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    path = SPECS / "jira-cloud-platform-v3.json.gz"
    if not path.exists():
        pytest.skip("the vendor's contract is not part of the project: ../shared/specs is absent")
    return dict(json.loads(gzip.decompress(path.read_bytes())))


@pytest.fixture(scope="module")
def adf_schema() -> Draft4Validator:
    path = SPECS / "atlassian-document-format.json"
    if not path.exists():
        pytest.skip("the vendor's contract is not part of the project: ../shared/specs is absent")
    return Draft4Validator(json.loads(path.read_text()))


def nullable(validator: Any, types: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """OpenAPI 3.0 says `nullable` where JSON Schema says type null; Jira leaves it out and answers null anyway."""
    if instance is None:
        return
    yield from Draft4Validator.VALIDATORS["type"](validator, types, instance, schema)


OpenApi = extend(Draft4Validator, {"type": nullable})


def check(contract: dict[str, Any], method: str, path: str, answer: requests.Response) -> None:
    """Raises ValidationError, or fails for a status or a path that the contract does not know."""
    operation = contract["paths"][f"/rest/api/3/{path}"][method]
    responses = operation["responses"]
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code} is not in the contract"
    content = responses[str(answer.status_code)].get("content")
    if content is None or "schema" not in content.get("application/json", {}):
        assert answer.content == b"" or answer.status_code >= 400
        return
    schema = {**content["application/json"]["schema"], "components": contract["components"]}
    OpenApi(schema).validate(answer.json())


def call(
    running: ThreadedSandbox, method: str, path: str, body: object = None, persona: str = "agent"
) -> requests.Response:
    who = running.personas[persona]
    url = f"{running.jira_url}/rest/api/3/{path}"
    return requests.request(method, url, auth=(who.email, who.token), json=body, timeout=10)


def some_key(running: ThreadedSandbox) -> str:
    return next(i.key for i in running.world.issues.values() if i.histories and i.comments and i.description)


def test_reading_answers_follow_the_contract(running: ThreadedSandbox, contract: dict[str, Any]) -> None:
    key = some_key(running)
    issue = running.state.find(key)
    search = {
        "jql": "project = OPS and updated >= 0 ORDER BY updated ASC, id ASC",
        "fields": ["*all"],
        "maxResults": 50,
    }
    ids = [str(issue.id)]
    for method, template, path, body in (
        ("get", "serverInfo", "serverInfo", None),
        ("get", "myself", "myself", None),
        ("get", "field", "field", None),
        ("get", "status", "status", None),
        ("get", "project/search", "project/search", None),
        ("get", "user", "user?accountId=developer", None),
        ("get", "user/groups", "user/groups?accountId=developer", None),
        ("post", "search/jql", "search/jql", search),
        ("get", "search/jql", "search/jql?jql=project%20%3D%20OPS&fields=summary,status", None),
        ("get", "issue/{issueIdOrKey}", f"issue/{key}", None),
        ("get", "issue/{issueIdOrKey}/changelog", f"issue/{key}/changelog", None),
        ("get", "issue/{issueIdOrKey}/comment", f"issue/{key}/comment", None),
        ("get", "issue/{issueIdOrKey}/transitions", f"issue/{key}/transitions?expand=transitions.fields", None),
        ("post", "changelog/bulkfetch", "changelog/bulkfetch", {"issueIdsOrKeys": ids}),
        ("post", "comment/list", "comment/list?expand=properties", {"ids": [c.id for c in issue.comments]}),
    ):
        answer = call(running, method, path, body)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        check(contract, method, template, answer)


def test_writing_answers_follow_the_contract(running: ThreadedSandbox, contract: dict[str, Any]) -> None:
    fields = {
        "project": {"key": "OPS"},
        "issuetype": {"name": "Service Request"},
        "summary": "a bucket",
        "description": ADF,
        "customfield_10010": "S3 bucket",
        "customfield_10050": "payments-x",
    }
    created = call(running, "post", "issue", {"fields": fields}, persona="developer")
    assert created.status_code == 201
    check(contract, "post", "issue", created)
    path = f"issue/{created.json()['key']}"
    edited = call(running, "put", path, {"fields": {"summary": "another bucket"}})
    assert edited.status_code == 204
    comment = {"body": ADF, "properties": [{"key": "sd.public.comment", "value": {"internal": False}}]}
    commented = call(running, "post", f"{path}/comment", comment)
    assert commented.status_code == 201
    check(contract, "post", "issue/{issueIdOrKey}/comment", commented)
    refused = call(running, "post", f"{path}/transitions", {"transition": {"id": "41"}})
    assert refused.status_code == 400
    check(contract, "post", "issue/{issueIdOrKey}/transitions", refused)
    assert refused.json()["errors"] == {"resolution": "Resolution is required."}
    moved = call(
        running, "post", f"{path}/transitions", {"transition": {"id": "41"}, "fields": {"resolution": {"name": "Done"}}}
    )
    assert moved.status_code == 204
    history = call(running, "get", f"{path}/changelog").json()["values"]
    assert [[item["field"] for item in entry["items"]] for entry in history] == [["summary"], ["status", "resolution"]]
    assert {entry["author"]["accountId"] for entry in history} == {"agent"}


def test_every_body_is_valid_adf(running: ThreadedSandbox, adf_schema: Draft4Validator) -> None:
    bodies = [issue.description for issue in running.world.issues.values() if issue.description]
    bodies += [comment.body for issue in running.world.issues.values() for comment in issue.comments[:1]]
    for body in bodies[:60]:
        adf_schema.validate(body)


def test_a_broken_answer_is_caught(running: ThreadedSandbox, contract: dict[str, Any]) -> None:
    answer = call(running, "get", "myself")
    answer._content = json.dumps({**answer.json(), "active": "yes"}).encode()
    with pytest.raises(ValidationError):
        check(contract, "get", "myself", answer)


def test_refusals(running: ThreadedSandbox) -> None:
    wrong = requests.get(f"{running.jira_url}/rest/api/3/myself", auth=("agent@sandbox.example", "x"), timeout=10)
    assert wrong.status_code == 401
    assert call(running, "get", "search?jql=project=OPS").status_code == 410
    assert call(running, "post", "search/jql", {"jql": "ORDER BY created"}).status_code == 400
    assert call(running, "post", "search/jql", {"jql": "project = OPS", "startAt": 5}).status_code == 400
    assert call(running, "get", "issue/OPS-999999").status_code == 404
    assert call(running, "post", f"issue/{some_key(running)}/comment", {"body": "plain"}).status_code == 400


def test_token_paging_gives_every_ticket_once(running: ThreadedSandbox) -> None:
    token, seen = None, []
    while True:
        body = {"jql": "created >= 0 ORDER BY created ASC, id ASC", "maxResults": 37, "fields": ["id"]}
        page = call(running, "post", "search/jql", {**body, **({"nextPageToken": token} if token else {})}).json()
        seen += [issue["id"] for issue in page["issues"]]
        token = page.get("nextPageToken")
        if token is None:
            break
    assert len(seen) == len(set(seen)) == len(running.world.issues)


def test_the_unmodified_jira_package_talks_to_it(running: ThreadedSandbox) -> None:
    who = running.personas["developer"]
    options = {"server": running.jira_url, "rest_api_version": "3"}
    client = JIRA(options=options, basic_auth=(who.email, who.token), max_retries=0, timeout=10)
    assert client.myself()["accountId"] == "developer"
    assert any(field["name"] == "Request Type" for field in client.fields())
    fields = {"project": {"key": "PLAT"}, "issuetype": {"name": "Task"}, "summary": "hello", "description": ADF}
    issue = client.create_issue(fields=fields)
    assert client.issue(issue.key).fields.summary == "hello"
    client.add_comment(issue.key, ADF)
    assert len(client.comments(issue.key)) == 1
    names = {transition["name"]: transition["id"] for transition in client.transitions(issue)}
    client.transition_issue(issue, names["Close"], fields={"resolution": {"name": "Done"}})
    assert client.issue(issue.key).fields.status.name == "Done"
    assert len(client.enhanced_search_issues("project = PLAT ORDER BY created DESC", maxResults=20)) == 20
    client.close()

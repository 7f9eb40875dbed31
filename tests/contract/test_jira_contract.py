"""The sandbox's Jira against Atlassian's own descriptions, and against the `jira` package as it is.

Every endpoint that the sandbox has is called here; its answer (and what we sent) must fit the OpenAPI description of
Jira Cloud, every body the schema of Atlassian documents.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.jira_adf import is_document, paragraphs
from sandbox.jira_app import ENDPOINTS
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import SLA_SCHEMA as SLA

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
API = "/rest/api/3/"
NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
# Jira itself sends null here, which its description forgets to say.
ALSO_NULL = {"ChangeDetails": ("from", "fromString", "to", "toString")}

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z"))
FORMATS.checks("uri")(lambda text: bool(urlsplit(text).scheme and urlsplit(text).netloc))


def read_spec(name: str) -> Any:
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine: Atlassian's descriptions are needed to compare with")
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)


class Description:
    """Atlassian's OpenAPI description as JSON Schema."""

    def __init__(
        self, document: dict[str, Any], also_null: Mapping[str, tuple[str, ...]] = MappingProxyType(ALSO_NULL)
    ) -> None:
        for name, properties in also_null.items():
            for entry in properties:
                document["components"]["schemas"][name]["properties"][entry]["nullable"] = True
        self.document = with_nulls(document)
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource("urn:jira", resource)

    def check(self, instance: object, pointer: str) -> None:
        """Raises ValidationError where the instance is not what stands at the pointer."""
        schema = {"$ref": f"urn:jira#{pointer}"}
        Draft202012Validator(schema, registry=self._registry, format_checker=FORMATS).validate(instance)

    def operation(self, method: str, path: str) -> dict[str, Any]:
        names = {re.sub(r"\{[^}]*\}", "{}", known): known for known in self.document["paths"]}
        found: dict[str, Any] = self.document["paths"][names[re.sub(r"\{[^}]*\}", "{}", API + path)]][method.lower()]
        return found

    def check_call(self, method: str, path: str, query: Mapping[str, str], body: object) -> None:
        operation = self.operation(method, path)
        assert set(query) <= {parameter["name"] for parameter in operation.get("parameters", ())}
        if body is not None:
            media = operation["requestBody"]["content"]["application/json"]
            self.check(body, media["schema"]["$ref"].removeprefix("#"))

    def check_answer(self, method: str, path: str, answer: requests.Response) -> None:
        responses = self.operation(method, path)["responses"]
        assert str(answer.status_code) in responses, f"{method} {path} is not said to answer {answer.status_code}"
        media = responses[str(answer.status_code)].get("content", {}).get("application/json", {})
        schema = media.get("schema", {})
        if answer.status_code == 204:
            assert answer.content == b""
        elif answer.status_code >= 400:
            self.check(answer.json(), "/components/schemas/ErrorCollection")
        elif schema.get("type") == "array":
            assert answer.json(), "an empty list shows nothing"
            for entry in answer.json():
                self.check(entry, schema["items"]["$ref"].removeprefix("#"))
        else:
            self.check(answer.json(), schema["$ref"].removeprefix("#"))


def with_nulls(schema: Any) -> Any:
    """OpenAPI's `nullable` in JSON Schema's words."""
    if isinstance(schema, list):
        return [with_nulls(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_nulls(entry) for name, entry in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@pytest.fixture(scope="module")
def description() -> Description:
    return Description(read_spec("jira-cloud-platform-v3.json.gz"))


@pytest.fixture(scope="module")
def adf_schema() -> Draft4Validator:
    return Draft4Validator(read_spec("atlassian-document-format.json"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False) as running:
        yield running


class Site:
    """Calls the sandbox as a persona; where a description is given, both ways are held against it."""

    def __init__(self, sandbox: ThreadedSandbox, description: Description | None = None) -> None:
        self.sandbox = sandbox
        self.description = description
        self.answers: list[requests.Response] = []

    def call(
        self,
        method: str,
        path: str,
        *values: object,
        query: Mapping[str, str] | None = None,
        body: object = None,
        who: str = "agent",
    ) -> requests.Response:
        """`path` is a template; `values` fill it in order."""
        filled = iter(values)
        target = re.sub(r"\{[^}]*\}", lambda _: str(next(filled)), path)
        persona = self.sandbox.personas[who]
        answer = requests.request(
            method,
            self.sandbox.jira_url + API + target,
            params=query,
            json=body,
            auth=(persona.email, persona.token),
            timeout=10,
        )
        self.answers.append(answer)
        if self.description is not None and path != "search":
            self.description.check_answer(method, path, answer)
            if answer.ok:
                self.description.check_call(method, path, query or {}, body)
        return answer

    def file(self, summary: str = "Bucket please", who: str = "developer", **fields: object) -> str:
        sent = {
            "project": {"key": "OPS"},
            "issuetype": {"name": "Service Request"},
            "summary": summary,
            "description": paragraphs("For `exports`.\n\n```\naws s3 ls\n```"),
            "customfield_10010": "S3 bucket",
            "customfield_10050": "payments-exports",
            "customfield_10051": {"value": "eu-west-1"},
        }
        answer = self.call("POST", "issue", body={"fields": {**sent, **fields}}, who=who)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def comment(self, key: str, text: str = "hello", who: str = "agent", internal: bool = False) -> str:
        properties = [
            {"key": "sd.public.comment", "value": {"internal": internal}},
            {"key": "goldenpath", "value": {"n": 1}},
        ]
        body = {"body": paragraphs(text), "properties": properties}
        return str(self.call("POST", "issue/{key}/comment", key, body=body, who=who).json()["id"])

    def change(self, key: str) -> None:
        self.call("PUT", "issue/{key}", key, body={"fields": {"summary": f"{key} again", "labels": ["a", "b"]}})
        assert (
            self.call("PUT", "issue/{key}", key, body={"fields": {"labels": ["c"]}}, who="developer").status_code == 204
        )


def example_transition(site: Site) -> None:
    key = site.file()
    for moved, fields in (("11", None), ("41", {"resolution": {"name": "Done"}}), ("51", None)):
        body = {"transition": {"id": moved}, **({"fields": fields} if fields else {})}
        assert site.call("POST", "issue/{key}/transitions", key, body=body).status_code == 204
    site.call("GET", "issue/{key}/changelog", key)


def example_bulk_changelogs(site: Site) -> None:
    keys = [site.file(), site.file()]
    for key in keys:
        site.change(key)
    body: dict[str, object] = {"issueIdsOrKeys": keys, "maxResults": 3}
    first = site.call("POST", "changelog/bulkfetch", body=body).json()
    second = site.call("POST", "changelog/bulkfetch", body={**body, "nextPageToken": first["nextPageToken"]}).json()
    assert "nextPageToken" not in second
    pages = [log for page in (first, second) for log in page["issueChangeLogs"]]
    assert sum(len(log["changeHistories"]) for log in pages) == 4


def example_get_issue(site: Site) -> None:
    key = site.file(priority={"id": "2"}, labels=["x"])
    site.comment(key)
    site.change(key)
    site.call("GET", "issue/{key}", key, query={"fields": "*all", "expand": "changelog", "properties": "a"})


def example_search(site: Site) -> None:
    site.file()
    site.file()
    body = {"jql": "project = OPS ORDER BY id", "fields": ["*all"], "maxResults": 1, "expand": "changelog"}
    page = site.call("POST", "search/jql", body=body).json()
    assert site.call("POST", "search/jql", body={**body, "nextPageToken": page["nextPageToken"]}).json()["issues"]


def example_bulk_fetch(site: Site) -> None:
    keys = [site.file(), site.file()]
    site.change(keys[0])
    site.sandbox.state.relocate(site.sandbox.world.accounts["agent"], site.sandbox.state.find(keys[1]), "PLAT")
    body = {"issueIdsOrKeys": [*keys, "OPS-999999"], "fields": ["*all"], "expand": ["changelog"], "properties": ["a"]}
    fetched = site.call("POST", "issue/bulkfetch", body=body).json()
    assert [entry["key"].partition("-")[0] for entry in fetched["issues"]] == ["OPS", "PLAT"]
    assert [entry["changelog"]["total"] for entry in fetched["issues"]] == [2, 1]


def example_count(site: Site) -> None:
    site.file()
    answer = site.call("POST", "search/approximate-count", body={"jql": "project = OPS"})
    assert answer.json()["count"] == sum(issue.project == "OPS" for issue in site.sandbox.world.issues.values())


def example_delete(site: Site) -> None:
    key = site.file()
    assert site.call("DELETE", "issue/{key}", key).status_code == 204
    assert key not in {issue.key for issue in site.sandbox.world.issues.values()}


def example_comments(site: Site) -> None:
    key = site.file()
    identity = site.comment(key)
    assert site.call("GET", "issue/{key}/comment", key).json()["total"] == 1
    site.call("PUT", "issue/{key}/comment/{c}", key, identity, body={"body": paragraphs("edited")})
    got = site.call("GET", "issue/{key}/comment/{c}", key, identity, query={"expand": "properties"}).json()
    assert got["updated"] > got["created"] and got["properties"]
    listed = site.call("POST", "comment/list", query={"expand": "properties"}, body={"ids": [int(identity)]}).json()
    assert listed["values"][0]["properties"][1] == {"key": "goldenpath", "value": {"n": 1}}
    assert site.call("GET", "comment/{c}/properties/{p}", identity, "goldenpath").json()["value"] == {"n": 1}


def example_members(site: Site) -> None:
    query = {"groupId": "g-payments", "includeInactiveUsers": "true", "maxResults": "5"}
    first = site.call("GET", "group/member", query=query).json()
    second = site.call("GET", "group/member", query={**query, "startAt": "5"}).json()
    assert ([page["isLast"] for page in (first, second)], len(first["values"])) == ([False, True], 5)
    accounts = {entry["accountId"] for page in (first, second) for entry in page["values"]}
    known = site.sandbox.world.accounts.values()
    assert accounts == {account.account_id for account in known if "g-payments" in account.groups}


def example_edit(site: Site) -> None:
    key = site.file(labels=["mine"])
    for label in ("needs-a-person", "needs-a-person"):
        site.call("PUT", "issue/{key}", key, body={"update": {"labels": [{"add": label}]}})
    assert site.call("GET", "issue/{key}", key).json()["fields"]["labels"] == ["mine", "needs-a-person"]
    site.change(key)


def get(path: str, **query: str) -> Callable[[Site], object]:
    return lambda site: site.call("GET", path, query=query)


EXAMPLES: dict[tuple[str, str], Callable[[Site], object]] = {
    ("GET", "serverInfo"): get("serverInfo"),
    ("GET", "myself"): get("myself"),
    ("GET", "mypermissions"): get("mypermissions", permissions="BROWSE_PROJECTS,ADMINISTER", projectKey="OPS"),
    ("GET", "field"): get("field"),
    ("GET", "status"): get("status"),
    ("GET", "project/search"): get("project/search", maxResults="2"),
    ("GET", "project/{key}"): lambda site: site.call("GET", "project/{key}", "OPS"),
    ("GET", "user"): get("user", accountId="developer", expand="groups"),
    ("GET", "user/groups"): get("user/groups", accountId="developer"),
    ("GET", "group/member"): example_members,
    ("GET", "search"): get("search", jql="project = OPS"),
    ("POST", "search"): lambda site: site.call("POST", "search", body={"jql": "project = OPS"}),
    ("GET", "search/jql"): get("search/jql", jql="project = OPS", fields="summary,status"),
    ("POST", "search/jql"): example_search,
    ("POST", "search/approximate-count"): example_count,
    ("POST", "changelog/bulkfetch"): example_bulk_changelogs,
    ("POST", "comment/list"): example_comments,
    ("GET", "comment/{comment}/properties/{name}"): example_comments,
    ("POST", "issue"): lambda site: site.file(),
    ("POST", "issue/bulkfetch"): example_bulk_fetch,
    ("DELETE", "issue/{key}"): example_delete,
    ("GET", "issue/{key}"): example_get_issue,
    ("PUT", "issue/{key}"): example_edit,
    ("PUT", "issue/{key}/assignee"): lambda site: site.call(
        "PUT", "issue/{key}/assignee", site.file(), body={"accountId": "mara-lindqvist"}
    ),
    ("GET", "issue/{key}/changelog"): example_transition,
    ("GET", "issue/{key}/transitions"): lambda site: site.call(
        "GET", "issue/{key}/transitions", site.file(), query={"expand": "transitions.fields"}
    ),
    ("POST", "issue/{key}/transitions"): example_transition,
    ("GET", "issue/{key}/comment"): example_comments,
    ("POST", "issue/{key}/comment"): lambda site: site.comment(site.file()),
    ("GET", "issue/{key}/comment/{comment}"): example_comments,
    ("PUT", "issue/{key}/comment/{comment}"): example_comments,
}


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ENDPOINTS])
def test_every_endpoint_answers_as_described(
    sandbox: ThreadedSandbox, description: Description, method: str, path: str
) -> None:
    site = Site(sandbox, description)
    EXAMPLES[method, path](site)
    pattern = re.compile(API + re.sub(r"\{[^}]*\}", "[^/]+", path))
    own = [a for a in site.answers if a.request.method == method and pattern.fullmatch(urlsplit(a.url).path)]
    assert own, "the example never calls the endpoint"
    assert all(answer.status_code == 410 if path == "search" else answer.ok for answer in own)


def test_refusals_are_described_too(sandbox: ThreadedSandbox, description: Description) -> None:
    site = Site(sandbox, description)
    key = site.file()
    body = {"transition": {"id": "41"}}
    assert site.call("POST", "issue/{key}/transitions", key, body=body).json()["errors"]["resolution"]
    assert site.call("POST", "issue", body={"fields": {"project": {"key": "OPS"}}}).status_code == 400
    assert site.call("GET", "issue/{key}", "OPS-999999").status_code == 404
    assert site.call("POST", "issue/{key}/comment", key, body={"body": "text"}).status_code == 400
    assert site.call("GET", "search/jql", query={"jql": "order by id"}).status_code == 400


def test_restricted_comments_are_as_described(sandbox: ThreadedSandbox, description: Description) -> None:
    """Named by a group's id or name, or a role; only who is in it sees it."""
    site = Site(sandbox, description)
    key, body = site.file(project={"key": "PLAT"}, issuetype={"name": "Task"}, customfield_10010=None), paragraphs("x")
    for visibility in (
        {"type": "group", "identifier": "g-on-call"},
        {"type": "group", "value": "golden-path-on-call"},
        {"type": "role", "value": "Operations"},
    ):
        sent = {"body": body, "visibility": visibility}
        answer = site.call("POST", "issue/{key}/comment", key, body=sent)
        assert (answer.status_code, answer.json()["visibility"]["type"]) == (201, visibility["type"])
    totals = [site.call("GET", "issue/{key}/comment", key, who=who).json()["total"] for who in ("agent", "developer")]
    assert totals == [3, 0]
    for refused in (
        {"type": "group", "identifier": "g-ops"},
        {"type": "role", "value": "Administrators"},
        {"type": "x"},
    ):
        answer = site.call("POST", "issue/{key}/comment", key, body={"body": body, "visibility": refused})
        assert answer.status_code == 400


def test_permissions_are_refused_as_described(sandbox: ThreadedSandbox, description: Description) -> None:
    site = Site(sandbox, description)
    for query, status in (
        ({}, 400),
        ({"permissions": "BROWSE"}, 400),
        ({"permissions": "BROWSE_PROJECTS", "projectKey": "NONE"}, 404),
        ({"permissions": "BROWSE_PROJECTS", "issueKey": "OPS-999999"}, 404),
    ):
        assert site.call("GET", "mypermissions", query=query).status_code == status


def test_a_relocated_ticket_tells_it_as_described(sandbox: ThreadedSandbox, description: Description) -> None:
    site = Site(sandbox, description)
    agent, key = sandbox.world.accounts["agent"], site.file()
    sandbox.state.relocate(agent, sandbox.state.find(key), "PLAT")
    (history,) = site.call("GET", "issue/{key}/changelog", key).json()["values"]
    assert [item["field"] for item in history["items"]] == ["project", "Key", "Request Type", "Workflow", "status"]
    assert "fieldId" not in history["items"][1]
    described = site.call("POST", "changelog/bulkfetch", body={"issueIdsOrKeys": [key]}).json()
    assert described["issueChangeLogs"][0]["changeHistories"] == [history]


def test_service_level_agreements_are_as_described(sandbox: ThreadedSandbox) -> None:
    desk = Description(read_spec("jira-service-management-cloud.json.gz"), also_null={})
    site = Site(sandbox)
    key = site.file(priority={"name": "Highest"})
    for moved, fields in (("41", {"resolution": {"name": "Done"}}), ("51", None), ("11", None), ("21", None)):
        body = {"transition": {"id": moved}, **({"fields": fields} if fields else {})}
        assert site.call("POST", "issue/{key}/transitions", key, body=body).status_code == 204
    found = [entry["id"] for entry in site.call("GET", "field").json() if entry.get("schema", {}).get("custom") == SLA]
    fields = site.call("GET", "issue/{key}", key).json()["fields"]
    for identity in found:
        desk.check(fields[identity], "/components/schemas/SlaInformationDTO")
    (response, resolution) = (fields[identity] for identity in found)
    assert len(response["completedCycles"]) == len(resolution["completedCycles"]) == 1
    assert "ongoingCycle" not in response
    assert resolution["ongoingCycle"]["paused"] is True
    assert (
        site.call(
            "GET", "issue/{key}", site.file(project={"key": "PLAT"}, issuetype={"name": "Task"}, customfield_10010=None)
        ).json()["fields"][found[0]]
        is None
    )


def test_the_gateway_takes_scoped_tokens_only(sandbox: ThreadedSandbox, description: Description) -> None:
    agent = sandbox.world.accounts["agent"]
    about = requests.get(f"{sandbox.jira_url}/_edge/tenant_info", timeout=10).json()
    gateway = f"{sandbox.jira_url}/ex/jira/{about['cloudId']}"
    for base, token, status in (
        (gateway, agent.scoped_token, 200),
        (gateway, agent.token, 401),
        (sandbox.jira_url, agent.scoped_token, 401),
        (sandbox.jira_url, agent.token, 200),
        (f"{sandbox.jira_url}/ex/jira/another", agent.scoped_token, 404),
    ):
        answer = requests.get(f"{base}{API}myself", auth=(agent.email, token), timeout=10)
        assert answer.status_code == status, (base, token)
        if answer.ok:
            description.check_answer("GET", "myself", answer)
            assert answer.json()["self"].startswith(base)
    info = requests.get(f"{gateway}{API}serverInfo", auth=(agent.email, agent.scoped_token), timeout=10).json()
    assert info["baseUrl"] == sandbox.jira_url


def bodies_in(document: object) -> Iterator[object]:
    if isinstance(document, dict):
        yield from ([document] if document.get("type") == "doc" else [])
        for entry in document.values():
            yield from bodies_in(entry)
    elif isinstance(document, list):
        for entry in document:
            yield from bodies_in(entry)


def test_every_body_is_an_atlassian_document(sandbox: ThreadedSandbox, adf_schema: Draft4Validator) -> None:
    site = Site(sandbox)
    key = site.file(description=paragraphs("Hello,\n\nplease:\n- a\n\n```\ncode\n```\n\nthanks\nDana"))
    site.comment(key, "one\ntwo\n\nthree")
    found = list(bodies_in(site.call("GET", "issue/{key}", key).json()))
    assert len(found) == 2
    for body in found:
        adf_schema.validate(body)


BROKEN_DOCUMENTS: list[Any] = [
    "text",
    {"type": "doc", "content": []},
    {"type": "doc", "version": 2, "content": []},
    {"type": "doc", "version": 1, "content": [], "wiki": "h1. smuggled"},
    {"type": "doc", "version": 1, "content": [1]},
    {"type": "doc", "version": 1, "content": [{"type": "text", "text": "loose"}]},
    {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}]},
    {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "shout", "text": "x"}]}]},
    {"type": "doc", "version": 1, "content": [{"type": "bulletList", "content": [{"type": "paragraph"}]}]},
]


@pytest.mark.parametrize("body", BROKEN_DOCUMENTS, ids=repr)
def test_what_the_schema_refuses_the_sandbox_refuses(adf_schema: Draft4Validator, body: Any) -> None:
    assert not adf_schema.is_valid(body)
    assert not is_document(body)


def test_a_broken_answer_would_be_caught(sandbox: ThreadedSandbox, description: Description) -> None:
    sound = Site(sandbox, description).call("GET", "myself").json()
    pointer = "/components/schemas/User"
    description.check(sound, pointer)
    for broken in ({"accountId": 7}, {"accountType": "robot"}, {"self": "not an address"}, {"surprise": 1}):
        with pytest.raises(ValidationError):
            description.check({**sound, **broken}, pointer)
    with pytest.raises(ValidationError):
        description.check({"id": "1", "created": "2026-03-04 10:30"}, "/components/schemas/Changelog")


def test_the_jira_package_as_it_is_works_with_it(sandbox: ThreadedSandbox) -> None:
    from jira import JIRA

    agent = sandbox.personas["agent"]
    client = JIRA(
        sandbox.jira_url,
        options={"rest_api_version": "3"},
        basic_auth=(agent.email, agent.token),
        max_retries=0,
        timeout=10,
    )
    try:
        assert client.myself()["accountId"] == agent.account_id
        assert {"Bucket name", "Request Type"} <= {field["name"] for field in client.fields()}
        made = client.create_issue(
            fields={
                "project": {"key": "PLAT"},
                "issuetype": {"name": "Task"},
                "summary": "From the package",
                "description": paragraphs("As it is."),
            }
        )
        assert client.issue(made.key).fields.status.name == "To Do"
        client.add_comment(made.key, paragraphs("seen"))
        assert len(client.comments(made.key)) == 1
        client.transition_issue(made.key, "Close", fields={"resolution": {"name": "Done"}})
        again = client.issue(made.key)
        assert (again.fields.status.name, again.fields.resolution.name) == ("Done", "Done")
        found = client.enhanced_search_issues(f"project = PLAT AND key = {made.key}", fields="summary")
        assert [issue.key for issue in found] == [made.key]
    finally:
        client.close()


def test_the_date_is_the_sites_own(sandbox: ThreadedSandbox) -> None:
    for path in ("/rest/api/3/serverInfo", "/", "/nowhere"):
        answer = requests.get(sandbox.jira_url + path, timeout=10)
        assert timedelta(0) <= parsedate_to_datetime(answer.headers["Date"]) - NOW < timedelta(minutes=5)

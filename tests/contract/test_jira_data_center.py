"""The sandbox as a Jira Data Center: the `jira` package as it is, in server mode, and what REST v2 is known to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from jira import JIRA, JIRAError

from sandbox.history import year
from sandbox.jira_app import ENDPOINTS
from sandbox.serve import ThreadedSandbox, serve_in_thread, start
from sandbox.server_app import OPEN, SERVER_ENDPOINTS
from sandbox.site import empty_world
from sandbox.world import Account, Issue

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MARKUP = "h1. Hello\r\n\r\n*bold* [~agent] {code:sql}select 1{code}\r\n|a|b|\n  trailing  "
PERSON = {"self", "key", "name", "emailAddress", "avatarUrls", "displayName", "active", "timeZone"}


@pytest.fixture(scope="module")
def site() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False, deployment="Data Center") as running:
        yield running


@contextmanager
def package(site: ThreadedSandbox, **log_in: Any) -> Iterator[JIRA]:
    client = JIRA(site.jira_url, max_retries=0, timeout=10, **log_in)
    try:
        yield client
    finally:
        client.close()


def who(site: ThreadedSandbox, name: str = "developer") -> Account:
    return site.world.accounts[name]


def file(site: ThreadedSandbox, project: str = "OPS") -> Issue:
    fields: dict[str, Any] = {"project": {"key": project}, "issuetype": {"name": "Incident"}, "summary": "It is down"}
    return site.state.create(who(site), fields)


def call(
    site: ThreadedSandbox, method: str, path: str, body: object = None, *, name: str = "agent", **query: object
) -> requests.Response:
    headers = {"Authorization": f"Bearer {who(site, name).token}"}
    url, params = f"{site.jira_url}/rest/api/2/{path}", {key: str(value) for key, value in query.items()}
    return requests.request(method, url, json=body, params=params, headers=headers, timeout=10)


# The package


@pytest.mark.parametrize("kind", ["token", "password"])
def test_the_jira_package_as_it_is_works_with_it(site: ThreadedSandbox, kind: str) -> None:
    agent = who(site, "agent")
    log_in = {"token_auth": agent.token} if kind == "token" else {"basic_auth": (agent.account_id, agent.token)}
    with package(site, **log_in) as client:
        about = client.server_info()
        assert (about["deploymentType"], about["version"].partition(".")[0]) == ("Server", "9")
        assert client.myself()["name"] == "agent"
        assert [project.key for project in client.projects()] == ["OPS", "DATA", "PLAT", "WEB"]
        assert {"Bucket name", "Request Type"} <= {field["name"] for field in client.fields()}
        assert client.my_permissions(projectKey="OPS")["permissions"]["BROWSE_PROJECTS"]["havePermission"]
        made = client.create_issue(
            project="OPS",
            issuetype={"name": "Service Request"},
            summary="From the package",
            description=MARKUP,
            customfield_10010="ops/s3-bucket",
            reporter={"name": "developer"},
        )
        assert (made.fields.description, made.fields.reporter.name) == (MARKUP, "developer")
        assert made.fields.customfield_10010 == "ops/s3-bucket"
        client.add_comment(made.key, MARKUP)
        assert [comment.body for comment in client.comments(made.key)] == [MARKUP]
        client.transition_issue(made.key, "Resolve", fields={"resolution": {"name": "Done"}})
        again = client.issue(made.key, expand="changelog")
        assert (again.fields.status.name, again.fields.resolution.name) == ("Resolved", "Done")
        assert [item.field for history in again.changelog.histories for item in history.items] == [
            "status",
            "resolution",
        ]
        found = client.search_issues(f"key = {made.key}", fields="summary")
        assert [issue.key for issue in found] == [made.key]
        made.delete()
        with pytest.raises(JIRAError) as gone:
            client.issue(made.key)
        assert gone.value.status_code == 404


def test_the_package_reads_every_page() -> None:
    with serve_in_thread(year(7, NOW, 300), aws=False, deployment="Data Center") as site:
        agent = who(site, "agent")
        with package(site, token_auth=agent.token) as client:
            found = client.search_issues("created >= 0 ORDER BY id", maxResults=False, fields="summary,description")
    assert {issue.key for issue in found} == {issue.key for issue in site.world.issues.values()}
    assert {type(issue.fields.description) for issue in found} <= {str, type(None)}
    assert any("\r\n" in (issue.fields.description or "") for issue in found)


# Who is who


def test_log_in_is_by_token_or_by_name_and_password(site: ThreadedSandbox) -> None:
    agent, url = who(site, "agent"), f"{site.jira_url}/rest/api/2/myself"
    for login in (None, (agent.email, agent.token), (agent.account_id, "wrong"), ("", ""), ("", agent.token)):
        answer = requests.get(url, auth=login, timeout=10)
        assert answer.status_code == 401
        assert answer.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
    assert requests.get(url, headers={"Authorization": "Bearer "}, timeout=10).status_code == 401
    answer = requests.get(url, auth=(agent.account_id, agent.token), timeout=10)
    assert (answer.headers["X-AUSERNAME"], answer.headers["X-Seraph-LoginReason"]) == ("agent", "OK")
    assert "X-AACCOUNTID" not in answer.headers


def test_the_servers_information_needs_no_log_in(site: ThreadedSandbox) -> None:
    answer = requests.get(f"{site.jira_url}/rest/api/2/serverInfo", timeout=10)
    assert (answer.json()["baseUrl"], answer.headers["X-AUSERNAME"]) == (site.jira_url, "anonymous")


def test_people_have_a_name_and_a_key_and_no_account_id(site: ThreadedSandbox) -> None:
    developer = who(site)
    by_name = call(site, "GET", "user", username="developer", expand="groups").json()
    assert call(site, "GET", "user", key=developer.user_key, expand="groups").json() == by_name
    assert by_name["groups"]["items"][0]["name"] == "developers-payments"
    assert set(call(site, "GET", f"issue/{file(site).key}").json()["fields"]["reporter"]) == PERSON
    assert developer.user_key != developer.account_id
    assert len({account.user_key for account in site.world.accounts.values()}) == len(site.world.accounts)
    for query in ({"accountId": "developer"}, {"username": developer.user_key}, {"key": "developer"}, {}):
        assert call(site, "GET", "user", **query).status_code == 404


def test_a_group_has_a_name_and_no_id(site: ThreadedSandbox) -> None:
    query: dict[str, object] = {"groupname": "developers-payments", "maxResults": 5, "includeInactiveUsers": "true"}
    first, second = (call(site, "GET", "group/member", **query, startAt=start).json() for start in (0, 5))
    assert ([page["isLast"] for page in (first, second)], len(first["values"])) == ([False, True], 5)
    assert all(set(person) == PERSON for page in (first, second) for person in page["values"])
    assert {person["key"] for page in (first, second) for person in page["values"]} == {
        account.user_key for account in site.world.accounts.values() if "g-payments" in account.groups
    }
    assert call(site, "GET", "group/member", groupId="g-payments").status_code == 400
    assert call(site, "GET", "group/member", groupname="g-payments").status_code == 404


def test_nothing_of_the_cloud_answers(site: ThreadedSandbox) -> None:
    cloud = {(method, path) for method, path, _ in ENDPOINTS}
    server = {(method, path) for method, path, _ in (*OPEN, *SERVER_ENDPOINTS)}
    missing = {path for _, path in cloud - server}
    assert {"search/jql", "changelog/bulkfetch", "issue/{key}/changelog", "comment/list"} <= missing
    key = file(site).key
    for method, path in cloud - server:
        filled = path.replace("{key}", key).replace("{comment}", "1").replace("{name}", "x")
        assert call(site, method, filled, {}).status_code in (404, 405), path
    for address in ("/rest/api/3/myself", "/_edge/tenant_info", f"/ex/jira/{site.world.cloud_id}/rest/api/3/myself"):
        assert requests.get(site.jira_url + address, auth=("agent", "x"), timeout=10).status_code == 404


def walk(document: object) -> Iterator[tuple[str, object]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield name, value
            yield from walk(value)
    elif isinstance(document, list):
        for entry in document:
            yield from walk(entry)


def test_no_answer_holds_an_account_id_or_a_document() -> None:
    with serve_in_thread(year(7, NOW, 200), aws=False, deployment="Data Center") as site:
        answers = [call(site, "GET", path) for path in ("field", "status", "project", "myself")]
        query = {"jql": "created >= 0", "maxResults": 1000, "expand": "changelog", "fields": "*all"}
        found = call(site, "GET", "search", **query).json()
        key = found["issues"][0]["key"]
        answers += [
            call(site, "GET", f"issue/{key}/{path}") for path in ("comment", "transitions?expand=transitions.fields")
        ]
    assert len(found["issues"]) == len(site.world.issues)
    for name, value in walk([found, *(answer.json() for answer in answers)]):
        assert name not in ("accountId", "accountType", "fieldId", "groupId", "jsdPublic")
        assert "/rest/api/3" not in str(value)
        assert not (isinstance(value, dict) and value.get("type") == "doc")


# Searching


def test_a_page_says_how_many_there_are(site: ThreadedSandbox) -> None:
    keys = [file(site, "DATA").key for _ in range(3)]
    page = call(
        site, "GET", "search", jql="project = DATA ORDER BY id", startAt=1, maxResults=1, fields="summary"
    ).json()
    assert (page["startAt"], page["maxResults"], page["total"]) == (1, 1, 3)
    assert [entry["key"] for entry in page["issues"]] == keys[1:2]
    assert call(site, "GET", "search", jql="project = DATA", maxResults=0).json()["issues"] == []
    body = {"jql": "project = DATA ORDER BY id", "fields": ["summary"], "expand": ["changelog"], "validateQuery": True}
    posted = call(site, "POST", "search", body).json()
    assert [entry["key"] for entry in posted["issues"]] == keys
    assert posted["issues"][0]["changelog"]["histories"] == []


def test_a_page_is_at_most_a_thousand_and_says_so(site: ThreadedSandbox) -> None:
    page = call(site, "POST", "search", {"jql": "project = OPS", "maxResults": 5000}).json()
    assert page["maxResults"] == 1000


@pytest.mark.parametrize(
    "body",
    [
        {"jql": "project = OPS", "fields": "summary"},
        {"jql": "project = OPS", "expand": "changelog"},
        {"jql": "project = OPS", "nextPageToken": "x"},
        {"jql": "project = OPS", "startAt": 9_999, "maxResults": 2},
        {"jql": "project = OPS", "startAt": 10_000, "maxResults": 1},
        {"jql": "project = NONE"},
        {"jql": ""},
    ],
    ids=repr,
)
def test_search_refuses(site: ThreadedSandbox, body: object) -> None:
    assert call(site, "POST", "search", body).status_code == 400


def test_the_last_row_of_the_window_is_reached(site: ThreadedSandbox) -> None:
    assert call(site, "POST", "search", {"jql": "project = OPS", "startAt": 9_000, "maxResults": 1000}).ok


def test_rows_move_between_pages_when_tickets_change(site: ThreadedSandbox) -> None:
    issues = [file(site, "WEB") for _ in range(4)]
    jql = "project = WEB ORDER BY updated ASC, id ASC"
    first = call(site, "GET", "search", jql=jql, maxResults=2).json()
    site.state.edit(who(site), issues[0], {"summary": "changed"})
    second = call(site, "GET", "search", jql=jql, startAt=2, maxResults=2).json()
    seen = [entry["key"] for page in (first, second) for entry in page["issues"]]
    assert issues[2].key not in seen and seen.count(issues[0].key) == 2


def test_a_quoted_date_is_on_the_accounts_clock(site: ThreadedSandbox) -> None:
    issue = file(site, "PLAT")
    account = who(site, "approver")
    before, account.time_zone = account.time_zone, "Asia/Tokyo"
    try:
        for query, found in (('"2026-11-23 18:29"', [issue.key]), ('"2026-11-23 18:31"', [])):
            page = call(site, "GET", "search", jql=f"project = PLAT AND updated >= {query}", name="approver").json()
            assert [entry["key"] for entry in page["issues"]] == found
        assert call(site, "GET", "myself", name="approver").json()["timeZone"] == "Asia/Tokyo"
    finally:
        account.time_zone = before


# Tickets


def test_an_embedded_changelog_is_complete_and_old_first(site: ThreadedSandbox) -> None:
    issue = file(site)
    for number in range(130):
        site.state.edit(who(site), issue, {"summary": f"change {number}"})
    for path in (f"issue/{issue.key}?expand=changelog", f"search?jql=key={issue.key}&expand=changelog"):
        document = call(site, "GET", path).json()
        log = document.get("changelog") or document["issues"][0]["changelog"]
        assert (log["total"], log["maxResults"], len(log["histories"])) == (130, 130, 130)
        assert [history["items"][0]["toString"] for history in log["histories"][:2]] == ["change 0", "change 1"]


def test_history_names_people_by_key(site: ThreadedSandbox) -> None:
    key, mara = file(site).key, who(site, "mara-lindqvist")
    assert call(site, "PUT", f"issue/{key}/assignee", {"name": "mara-lindqvist"}).status_code == 204
    assert call(site, "PUT", f"issue/{key}/assignee", {"name": None}).status_code == 204
    assert call(site, "PUT", f"issue/{key}/assignee", {"name": mara.user_key}).status_code == 400
    histories = call(site, "GET", f"issue/{key}", expand="changelog").json()["changelog"]["histories"]
    assert [[(item["from"], item["to"]) for item in history["items"]] for history in histories] == [
        [(None, mara.user_key)],
        [(mara.user_key, None)],
    ]
    assert set(histories[0]["author"]) == PERSON


def test_bodies_are_strings_and_come_back_as_they_were(site: ThreadedSandbox) -> None:
    sent = {"project": {"key": "OPS"}, "issuetype": {"name": "Question"}, "summary": "x", "description": MARKUP}
    key = call(site, "POST", "issue", {"fields": sent}).json()["key"]
    assert call(site, "GET", f"issue/{key}").json()["fields"]["description"] == MARKUP
    assert call(site, "PUT", f"issue/{key}", {"fields": {"description": "plain"}}).status_code == 204
    (history,) = call(site, "GET", f"issue/{key}", expand="changelog").json()["changelog"]["histories"]
    assert (history["items"][0]["fromString"], history["items"][0]["toString"]) == (MARKUP, "plain")
    made = call(site, "POST", f"issue/{key}/comment", {"body": MARKUP}).json()
    assert (made["body"], set(made["author"])) == (MARKUP, PERSON)
    edited = call(site, "PUT", f"issue/{key}/comment/{made['id']}", {"body": "  shorter"}, name="developer").json()
    assert (edited["body"], edited["updateAuthor"]["name"]) == ("  shorter", "developer")
    document = {"type": "doc", "version": 1, "content": []}
    for body in (document, "", "  ", None, 7):
        assert call(site, "POST", f"issue/{key}/comment", {"body": body}).status_code == 400
    assert call(site, "PUT", f"issue/{key}", {"fields": {"description": document}}).status_code == 400


def test_comments_tell_their_properties_only_when_asked(site: ThreadedSandbox) -> None:
    key = file(site).key
    properties = [{"key": "sd.public.comment", "value": {"internal": True}}, {"key": "mark", "value": {"n": 1}}]
    made = call(site, "POST", f"issue/{key}/comment", {"body": "hidden", "properties": properties}).json()
    shown = call(site, "GET", f"issue/{key}/comment/{made['id']}", expand="properties").json()
    assert not {"properties", "jsdPublic"} & (set(made) | set(shown))
    listed = call(site, "GET", f"comment/{made['id']}/properties").json()
    assert [entry["key"] for entry in listed["keys"]] == ["sd.public.comment", "mark"]
    assert call(site, "GET", f"comment/{made['id']}/properties/mark").json() == {"key": "mark", "value": {"n": 1}}
    assert call(site, "GET", f"issue/{key}/comment", name="developer").json()["comments"] == []
    assert call(site, "GET", f"comment/{made['id']}/properties", name="developer").status_code == 404


def test_comments_come_all_at_once_unless_paged(site: ThreadedSandbox) -> None:
    key = file(site).key
    for number in range(60):
        call(site, "POST", f"issue/{key}/comment", {"body": f"comment {number}"})
    assert len(call(site, "GET", f"issue/{key}/comment").json()["comments"]) == 60
    page = call(site, "GET", f"issue/{key}/comment", startAt=58, maxResults=10).json()
    assert ([entry["body"] for entry in page["comments"]], page["total"]) == (["comment 58", "comment 59"], 60)


@pytest.mark.parametrize(
    "fields",
    [
        {"reporter": {"accountId": "developer"}},
        {"assignee": {"id": "developer"}},
        {"customfield_10010": "S3 bucket"},
        {"customfield_10010": "data/s3-bucket"},
        {"customfield_10060": {"id": "1"}},
    ],
    ids=repr,
)
def test_what_only_the_cloud_takes_is_refused(site: ThreadedSandbox, fields: dict[str, object]) -> None:
    sound = {"project": {"key": "OPS"}, "issuetype": {"name": "Question"}, "summary": "x"}
    answer = call(site, "POST", "issue", {"fields": {**sound, **fields}})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, set(fields))


def test_a_child_can_be_a_data_center() -> None:
    with start(tickets=100, deployment="Data Center") as running:
        agent = running.personas["agent"]
        login = (agent.account_id, agent.token)
        answer = requests.get(f"{running.jira_url}/rest/api/2/project", auth=login, timeout=10)
    assert [project["key"] for project in answer.json()] == ["OPS", "DATA", "PLAT", "WEB"]

"""The sandbox's Jira as a site with rules: who is who, workflows, history, comments, the page, the process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.jira_adf import is_document, paragraphs, plain_text, to_html
from sandbox.jira_file import StateFileError, load
from sandbox.serve import SandboxError, ThreadedSandbox, serve_in_thread, start
from sandbox.site import empty_world
from sandbox.world import Issue

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False) as running:
        yield running


def call(
    sandbox: ThreadedSandbox, method: str, path: str, body: object = None, *, who: str = "agent"
) -> requests.Response:
    account = sandbox.world.accounts[who]
    url = f"{sandbox.jira_url}/rest/api/3/{path}"
    return requests.request(method, url, json=body, auth=(account.email, account.token), timeout=10)


def file(sandbox: ThreadedSandbox, *, project: str = "OPS", who: str = "developer", **fields: object) -> str:
    sent = {"project": {"key": project}, "issuetype": {"name": "Service Request"}, "summary": "A bucket", **fields}
    answer = call(sandbox, "POST", "issue", {"fields": sent}, who=who)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def issue(sandbox: ThreadedSandbox, key: str) -> Issue:
    return sandbox.state.find(key)


def errors(answer: requests.Response) -> Mapping[str, str]:
    assert answer.status_code == 400, answer.text
    found: dict[str, str] = answer.json()["errors"]
    return found


# Who is who


def test_a_wrong_token_or_none_is_refused_everywhere(sandbox: ThreadedSandbox) -> None:
    agent, other = sandbox.personas["agent"], sandbox.personas["developer"]
    for login in (None, (agent.email, "wrong"), (agent.email, other.token), ("nobody@sandbox.example", agent.token)):
        for path in ("myself", "serverInfo", "search/jql?jql=project=OPS", "issue/OPS-1"):
            answer = requests.get(f"{sandbox.jira_url}/rest/api/3/{path}", auth=login, timeout=10)
            assert answer.status_code == 401
    garbled = requests.get(f"{sandbox.jira_url}/rest/api/3/myself", headers={"Authorization": "Basic %%%"}, timeout=10)
    assert garbled.status_code == 401


def test_every_persona_is_itself(sandbox: ThreadedSandbox) -> None:
    for persona in sandbox.personas.values():
        answer = call(sandbox, "GET", "myself", who=persona.account_id)
        assert answer.json()["accountId"] == answer.headers["X-AACCOUNTID"] == persona.account_id


@pytest.mark.parametrize(
    ("account", "groups"),
    [
        ("developer", {"g-payments"}),
        ("approver", {"g-approvers"}),
        ("outsider", set()),
        ("agent", {"g-ops-bots", "g-on-call"}),
    ],
)
def test_groups(sandbox: ThreadedSandbox, account: str, groups: set[str]) -> None:
    answer = call(sandbox, "GET", f"user/groups?accountId={account}")
    assert {group["groupId"] for group in answer.json()} == groups


def test_the_groups_of_nobody_are_an_error(sandbox: ThreadedSandbox) -> None:
    assert call(sandbox, "GET", "user/groups?accountId=nobody").status_code == 404
    assert call(sandbox, "GET", "group/member?groupId=none").status_code == 404


def test_who_may_not_browse_people_is_told_no_members(sandbox: ThreadedSandbox) -> None:
    sandbox.state.sight.deny("agent", "USER_PICKER")
    try:
        assert call(sandbox, "GET", "group/member?groupId=g-ops").status_code == 403
    finally:
        sandbox.state.sight.allow("agent", "USER_PICKER")
    assert call(sandbox, "GET", "group/member?groupId=g-ops").status_code == 200


# Filing and editing


def test_a_filed_ticket_is_its_reporters(sandbox: ThreadedSandbox) -> None:
    before = sandbox.state.now()
    made = issue(sandbox, file(sandbox, customfield_10010="S3 bucket", customfield_10051={"value": "eu-west-1"}))
    assert (made.reporter, made.creator, made.request_type) == ("developer", "developer", "101")
    assert made.custom == {"customfield_10051": "eu-west-1"}
    assert before <= made.created == made.updated <= sandbox.state.now()
    shown = call(sandbox, "GET", f"issue/{made.key}").json()["fields"]
    assert shown["customfield_10010"]["requestType"]["name"] == "S3 bucket"
    assert shown["customfield_10051"]["value"] == "eu-west-1"
    assert shown["customfield_10050"] is None


def test_only_the_desk_files_in_somebodys_name(sandbox: ThreadedSandbox) -> None:
    made = issue(sandbox, file(sandbox, who="agent", reporter={"accountId": "developer"}))
    assert (made.reporter, made.creator) == ("developer", "agent")
    forged = {"project": {"key": "OPS"}, "issuetype": {"name": "Question"}, "summary": "x"}
    answer = call(sandbox, "POST", "issue", {"fields": {**forged, "reporter": {"id": "developer"}}}, who="outsider")
    assert set(errors(answer)) == {"reporter"}


@pytest.mark.parametrize(
    "fields",
    [
        {"summary": ""},
        {"summary": "two\nlines"},
        {"summary": "x" * 256},
        {"summary": 7},
        {"description": "plain text"},
        {"description": {"type": "doc", "version": 1, "content": [5]}},
        {"issuetype": {"name": "Epic"}},
        {"issuetype": "Question"},
        {"priority": {"name": "Soon"}},
        {"labels": "x"},
        {"labels": ["two words"]},
        {"assignee": {"accountId": "nobody"}},
        {"customfield_10010": "Espresso"},
        {"customfield_10010": {"id": "101"}},
        {"customfield_10051": {"value": "mars-north-1"}},
        {"customfield_10050": ["a"]},
        {"customfield_99999": "x"},
        {"status": {"name": "Resolved"}},
        {"created": "2020-01-01"},
    ],
    ids=repr,
)
def test_a_wrong_field_is_named_and_nothing_happens(sandbox: ThreadedSandbox, fields: dict[str, object]) -> None:
    sound = {"project": {"key": "OPS"}, "issuetype": {"name": "Question"}, "summary": "x"}
    before = len(sandbox.world.issues)
    assert set(errors(call(sandbox, "POST", "issue", {"fields": {**sound, **fields}}))) == set(fields)
    assert len(sandbox.world.issues) == before
    key = file(sandbox)
    assert set(errors(call(sandbox, "PUT", f"issue/{key}", {"fields": {"summary": "y", **fields}}))) == set(fields)
    assert (issue(sandbox, key).summary, issue(sandbox, key).histories) == ("A bucket", [])


@pytest.mark.parametrize("body", [None, [], "x", {"fields": None}, {"fields": {"project": "OPS"}}, {"fields": {}}])
def test_a_malformed_body_is_a_refusal(sandbox: ThreadedSandbox, body: object) -> None:
    assert call(sandbox, "POST", "issue", body).status_code == 400


ODDITIES: tuple[object, ...] = (True, 7, 1.5, "x", [], [[]], [{}], {}, {"name": []}, {"id": {}}, {"accountId": []})
ODDITIES += ({"value": []}, {"type": []}, {"type": "doc", "version": 1, "content": [{"type": []}]})
MARKED = {"type": "text", "text": "x", "marks": [{"type": []}]}


@pytest.mark.parametrize(
    "name",
    [
        "summary",
        "description",
        "issuetype",
        "project",
        "priority",
        "labels",
        "components",
        "assignee",
        "reporter",
        "customfield_10010",
        "customfield_10050",
        "customfield_10051",
        "nothing",
        "comment",
        "resolution",
    ],
)
def test_no_oddity_breaks_it(sandbox: ThreadedSandbox, name: str) -> None:
    sound = {"project": {"key": "OPS"}, "issuetype": {"name": "Question"}, "summary": "x"}
    key = file(sandbox)
    for odd in (*ODDITIES, {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [MARKED]}]}):
        assert call(sandbox, "POST", "issue", {"fields": {**sound, name: odd}}).status_code in (201, 400)
        assert call(sandbox, "PUT", f"issue/{key}", {"fields": {name: odd}}).status_code in (204, 400)
        assert call(sandbox, "POST", f"issue/{key}/comment", {"body": odd, "properties": odd}).status_code in (201, 400)
        moved = call(sandbox, "POST", f"issue/{key}/transitions", {"transition": odd, "fields": {name: odd}})
        assert moved.status_code == 400


def test_an_edit_is_written_down_as_the_editors(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox, customfield_10051={"value": "eu-west-1"}, description=paragraphs("old"))
    fields = {
        "summary": "Another bucket",
        "description": paragraphs("new"),
        "customfield_10051": {"value": "us-east-1"},
        "priority": {"name": "High"},
        "assignee": {"accountId": "mara-lindqvist"},
    }
    assert call(sandbox, "PUT", f"issue/{key}", {"fields": fields}, who="outsider").status_code == 204
    assert call(sandbox, "PUT", f"issue/{key}", {"fields": fields}, who="approver").status_code == 204
    (history,) = call(sandbox, "GET", f"issue/{key}/changelog").json()["values"]
    assert history["author"]["accountId"] == "outsider"
    told = {item["fieldId"]: (item["field"], item["fromString"], item["toString"]) for item in history["items"]}
    assert told == {
        "summary": ("summary", "A bucket", "Another bucket"),
        "description": ("description", "old", "new"),
        "customfield_10051": ("AWS region", "eu-west-1", "us-east-1"),
        "priority": ("priority", "Medium", "High"),
        "assignee": ("assignee", None, "Mara Lindqvist"),
    }


# Workflows


def offered(sandbox: ThreadedSandbox, key: str) -> dict[str, str]:
    answer = call(sandbox, "GET", f"issue/{key}/transitions?expand=transitions.fields").json()
    return {transition["to"]["name"]: transition["id"] for transition in answer["transitions"]}


def test_resolving_needs_a_resolution_and_reopening_takes_it_away(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox)
    path = f"issue/{key}/transitions"
    resolve = {"transition": {"id": offered(sandbox, key)["Resolved"]}}
    assert "resolution" in errors(call(sandbox, "POST", path, resolve))
    assert "resolution" in errors(call(sandbox, "POST", path, {**resolve, "fields": {"resolution": {"name": "Meh"}}}))
    assert issue(sandbox, key).histories == []
    done = {**resolve, "fields": {"resolution": {"name": "Done"}}}
    assert call(sandbox, "POST", path, done).status_code == 204
    assert issue(sandbox, key).resolved is not None
    assert call(sandbox, "POST", path, done).status_code == 400
    assert call(sandbox, "POST", path, {"transition": {"id": offered(sandbox, key)["Reopened"]}}).status_code == 204
    assert (issue(sandbox, key).resolution, issue(sandbox, key).resolved) == (None, None)
    items = [[item.field for item in history.items] for history in issue(sandbox, key).histories]
    assert items == [["status", "resolution"], ["status", "resolution"]]


def test_a_field_that_is_not_on_the_screen_is_refused(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox)
    body = {"transition": {"id": "11"}, "fields": {"resolution": {"name": "Done"}}}
    assert "resolution" in errors(call(sandbox, "POST", f"issue/{key}/transitions", body))


def test_a_comment_sent_with_a_transition_is_dropped(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox)
    body = {"transition": {"id": "11"}, "update": {"comment": [{"add": {"body": paragraphs("x")}}]}}
    assert call(sandbox, "POST", f"issue/{key}/transitions", body).status_code == 204
    assert issue(sandbox, key).comments == []


# Reading


def test_pages_neither_lose_nor_repeat_what_changes_meanwhile(sandbox: ThreadedSandbox) -> None:
    keys = {file(sandbox, project="DATA") for _ in range(5)}
    query: dict[str, Any] = {"jql": "project = DATA ORDER BY updated", "fields": ["summary"], "maxResults": 2}
    seen: list[str] = []
    while True:
        page = call(sandbox, "POST", "search/jql", query).json()
        seen += [entry["key"] for entry in page["issues"]]
        call(sandbox, "PUT", f"issue/{seen[0]}", {"fields": {"summary": f"after {len(seen)}"}})
        if "nextPageToken" not in page:
            break
        query["nextPageToken"] = page["nextPageToken"]
    assert sorted(seen) == sorted(keys)


def test_search_gives_ids_alone_unless_asked(sandbox: ThreadedSandbox) -> None:
    file(sandbox)
    page = call(sandbox, "POST", "search/jql", {"jql": "project = OPS", "maxResults": 1}).json()
    assert [set(entry) for entry in page["issues"]] == [{"id"}]


@pytest.mark.parametrize(
    "body",
    [
        {"jql": ""},
        {"jql": 7},
        {"jql": "project = OPS", "startAt": 0},
        {"jql": "project = OPS", "maxResults": -1},
        {"jql": "project = OPS", "fields": "summary"},
        {"jql": "project = OPS", "nextPageToken": "made-up"},
    ],
    ids=repr,
)
def test_search_refuses(sandbox: ThreadedSandbox, body: object) -> None:
    assert call(sandbox, "POST", "search/jql", body).status_code == 400


def test_the_old_search_is_gone(sandbox: ThreadedSandbox) -> None:
    assert call(sandbox, "GET", "search?jql=project=OPS").status_code == 410


def test_a_bulk_changelog_has_everything_page_by_page(sandbox: ThreadedSandbox) -> None:
    keys = [file(sandbox) for _ in range(3)]
    for key in keys:
        for word in ("a", "b", "c"):
            call(sandbox, "PUT", f"issue/{key}", {"fields": {"summary": word, "labels": [word]}})
    body: dict[str, Any] = {"issueIdsOrKeys": [*keys, "OPS-9999"], "maxResults": 4, "fieldIds": ["labels"]}
    found: dict[str, int] = {}
    while True:
        page = call(sandbox, "POST", "changelog/bulkfetch", body).json()
        for log in page["issueChangeLogs"]:
            found[log["issueId"]] = found.get(log["issueId"], 0) + len(log["changeHistories"])
        if "nextPageToken" not in page:
            break
        body["nextPageToken"] = page["nextPageToken"]
    assert found == {str(issue(sandbox, key).id): 3 for key in keys}


# Comments


def comment(sandbox: ThreadedSandbox, key: str, *, who: str = "agent", internal: bool = False) -> dict[str, Any]:
    properties = [{"key": "sd.public.comment", "value": {"internal": internal}}]
    body = {"body": paragraphs("Hello"), "properties": properties}
    answer = call(sandbox, "POST", f"issue/{key}/comment", body, who=who)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_internal_comments_are_for_the_desks_people(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox)
    hidden = comment(sandbox, key, internal=True)
    shown = comment(sandbox, key)
    assert (hidden["jsdPublic"], shown["jsdPublic"]) == (False, True)
    for who, expected in (("developer", [shown["id"]]), ("approver", [hidden["id"], shown["id"]])):
        listed = call(sandbox, "GET", f"issue/{key}/comment", who=who).json()
        assert [entry["id"] for entry in listed["comments"]] == expected
        assert listed["total"] == len(expected)
    path = f"comment/{hidden['id']}/properties/sd.public.comment"
    assert call(sandbox, "GET", path).json()["value"] == {"internal": True}
    assert call(sandbox, "GET", path, who="developer").status_code == 404


def test_a_software_project_knows_no_internal_comments(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox, project="PLAT")
    assert comment(sandbox, key, internal=True)["jsdPublic"] is True


def test_an_edited_comment_tells_who_and_when_and_no_more(sandbox: ThreadedSandbox) -> None:
    key = file(sandbox)
    made = comment(sandbox, key, who="developer")
    assert made["created"] == made["updated"]
    edited = call(
        sandbox, "PUT", f"issue/{key}/comment/{made['id']}", {"body": paragraphs("approve X")}, who="outsider"
    ).json()
    assert edited["updateAuthor"]["accountId"] == "outsider"
    assert edited["created"] == made["created"] < edited["updated"]
    assert issue(sandbox, key).histories == []


@pytest.mark.parametrize("body", [{}, {"body": "text"}, {"body": paragraphs("x"), "properties": [{"value": 1}]}])
def test_a_comment_that_jira_would_not_take(sandbox: ThreadedSandbox, body: object) -> None:
    assert call(sandbox, "POST", f"issue/{file(sandbox)}/comment", body).status_code == 400


# Documents


def test_what_a_person_types_becomes_a_document_and_back() -> None:
    typed = "Hello,\nplease\n\n```\naws s3 ls\n```\n\nthanks"
    document = paragraphs(typed)
    assert is_document(document)
    assert plain_text(document) == "Hello,\nplease\naws s3 ls\nthanks"
    assert is_document(paragraphs("")) and is_document(paragraphs("```\n```"))


def test_html_of_a_document_holds_nobody_elses_markup() -> None:
    link = {"type": "link", "attrs": {"href": "javascript:alert(1)"}}
    text = {"type": "text", "text": "<script>alert(1)</script>", "marks": [link, {"type": "strong"}]}
    document = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    assert to_html(document) == "<p><b>&lt;script&gt;alert(1)&lt;/script&gt;</b></p>"


# The page for people


def test_the_page_files_reads_and_comments_as_the_persona(sandbox: ThreadedSandbox) -> None:
    with requests.Session() as session:
        session.post(f"{sandbox.jira_url}/page/persona", data={"persona": "outsider"}, timeout=10)
        hostile = "<img src=x onerror=alert(1)> $title"
        form = {"project": "OPS", "summary": hostile, "description": hostile, "type": "S3 bucket"}
        form |= {"customfield_10050": "payments-x", "customfield_10051": "eu-west-1", "customfield_10057": "small"}
        page = session.post(f"{sandbox.jira_url}/page/new", data=form, timeout=10)
        key = page.url.rpartition("/")[2]
        session.post(f"{sandbox.jira_url}/page/comment/{key}", data={"text": hostile}, timeout=10)
        shown = session.get(page.url, timeout=10).text
        listed = session.get(f"{sandbox.jira_url}/?project=OPS&show=mine", timeout=10).text
    made = issue(sandbox, key)
    assert (made.reporter, made.comments[0].author, made.request_type) == ("outsider", "outsider", "101")
    assert made.custom == {"customfield_10050": "payments-x", "customfield_10051": "eu-west-1"}
    assert "<img" not in shown + listed
    assert shown.count("&lt;img src=x onerror=alert(1)&gt; $title") == 3
    assert key in listed


def test_the_page_refuses_in_words(sandbox: ThreadedSandbox) -> None:
    url = sandbox.jira_url
    assert requests.post(f"{url}/page/new", data={"project": "OPS", "summary": " "}, timeout=10).status_code == 400
    assert requests.get(f"{url}/browse/OPS-9999", timeout=10).status_code == 404
    assert requests.post(f"{url}/page/persona", data={"persona": "agent"}, timeout=10).status_code == 400
    elsewhere = {"Origin": "http://evil.example"}
    assert requests.post(f"{url}/page/new", data={}, headers=elsewhere, timeout=10).status_code == 403
    back = {"persona": "developer", "back": "//evil.example"}
    answer = requests.post(f"{url}/page/persona", data=back, allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == "/"


def test_only_our_script_may_run(sandbox: ThreadedSandbox) -> None:
    answer = requests.get(sandbox.jira_url, timeout=10)
    nonce = re.search(r"script-src 'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in answer.text


# The file and the process


def test_a_state_file_brings_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "jira.json"
    with serve_in_thread(empty_world(NOW), aws=False, state_file=path) as sandbox:
        key = file(sandbox, customfield_10051={"value": "eu-west-1"})
        comment(sandbox, key)
        call(sandbox, "POST", f"issue/{key}/transitions", {"transition": {"id": "11"}})
        kept = sandbox.world
    again = load(path, NOW - timedelta(days=1))
    assert (again.issues, again.accounts, again.next_id) == (kept.issues, kept.accounts, kept.next_id)
    assert again.now >= issue(sandbox, key).updated
    assert os.listdir(tmp_path) == ["jira.json"]


@pytest.mark.parametrize("content", ["", "{}", '{"now": "2026-01-01T00:00:00Z"', "\x00"])
def test_a_file_that_is_no_state_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "jira.json"
    path.write_text(content)
    with pytest.raises(StateFileError, match=r"jira\.json"):
        load(path, NOW)
    assert path.read_text() == content


def test_a_busy_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports in ({"jira_port": port}, {"aws_port": port}):
            with (
                pytest.raises(SandboxError, match=str(port)) as refused,
                serve_in_thread(empty_world(NOW), **ports),
            ):
                pass
            assert refused.value.exit_code == 2
        with pytest.raises(SandboxError, match=str(port)) as refused:
            start(jira_port=port, tickets=100)
        assert refused.value.exit_code == 2


def test_a_child_serves_keeps_its_state_and_ends_when_closed(tmp_path: Path) -> None:
    path = tmp_path / "jira.json"
    with start(tickets=100, state_file=path) as running:
        developer = running.personas["developer"]
        login = (developer.email, developer.token)
        answer = requests.get(f"{running.jira_url}/rest/api/3/myself", auth=login, timeout=10)
        assert answer.json()["accountId"] == developer.account_id
        assert requests.get(running.aws_url, timeout=10).ok
        pid = running.pid
    assert not is_alive(pid)
    assert len(load(path, NOW).issues) == 100


def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time; from sandbox.serve import start; r = start(tickets=100); "
        "print(r.pid, r.jira_url, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        assert is_alive(pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_a_terminated_child_saves_first(tmp_path: Path) -> None:
    path = tmp_path / "jira.json"
    running = start(tickets=100, state_file=path)
    try:
        developer = running.personas["developer"]
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Question"}, "summary": "the last one"}
        url, login = f"{running.jira_url}/rest/api/3/issue", (developer.email, developer.token)
        assert requests.post(url, json={"fields": fields}, auth=login, timeout=10).status_code == 201
        os.kill(running.pid, signal.SIGTERM)
        assert running.process.wait(timeout=10) == 0
    finally:
        running.close()
    assert "the last one" in {found["summary"] for found in json.loads(path.read_text())["issues"].values()}


def is_alive(pid: int) -> bool:
    """A process that has ended but was not waited for yet counts as ended."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False

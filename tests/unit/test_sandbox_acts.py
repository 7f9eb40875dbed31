"""What happens to a ticket beyond editing: it is deleted, moved, hidden; its workflow changes; permissions are lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from sandbox.jira_adf import is_document, paragraphs
from sandbox.jira_fields import Refused
from sandbox.jira_file import StateFile, load
from sandbox.jira_sla import sla
from sandbox.jira_state import JiraState
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.server_text import from_wiki, to_wiki, without_source
from sandbox.site import empty_world
from sandbox.world import SLA_FIELDS, Account, Issue

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
RESPONSE, RESOLUTION = SLA_FIELDS


@pytest.fixture
def site() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False) as running:
        yield running


@pytest.fixture
def state() -> JiraState:
    return JiraState(empty_world(NOW))


def who(state: JiraState, name: str = "developer") -> Account:
    return state.world.accounts[name]


def file(state: JiraState, project: str = "OPS", **more: object) -> Issue:
    fields: dict[str, Any] = {"project": {"key": project}, "issuetype": {"name": "Incident"}, "summary": "It is down"}
    return state.create(who(state), {**fields, **more})


def call(
    site: ThreadedSandbox, method: str, path: str, body: object = None, *, name: str = "agent"
) -> requests.Response:
    account = site.world.accounts[name]
    url = f"{site.jira_url}/rest/api/3/{path}"
    return requests.request(method, url, json=body, auth=(account.email, account.token), timeout=10)


def found(site: ThreadedSandbox, jql: str, name: str = "agent") -> list[str]:
    answer = call(site, "POST", "search/jql", {"jql": jql, "fields": ["summary"]}, name=name)
    assert answer.status_code == 200, answer.text
    return [entry["key"] for entry in answer.json()["issues"]]


# Deleting


def test_a_deleted_ticket_leaves_no_trace_and_its_key_is_never_given_again(site: ThreadedSandbox) -> None:
    kept, gone = file(site.state), file(site.state)
    comment = site.state.comment(who(site.state), gone, paragraphs("x"), properties={"mark": 1}, public=True)
    assert call(site, "DELETE", f"issue/{gone.key}").status_code == 204
    for path in (gone.key, str(gone.id), f"{gone.key}/comment", f"{gone.key}/changelog", f"{gone.key}/transitions"):
        assert call(site, "GET", f"issue/{path}").status_code == 404
    assert call(site, "GET", f"comment/{comment.id}/properties/mark").status_code == 404
    assert call(site, "POST", "comment/list", {"ids": [comment.id]}).json()["values"] == []
    assert found(site, "project = OPS") == [kept.key]
    assert file(site.state).key == "OPS-3"


# Moving to another project


def test_a_relocated_ticket_keeps_its_id_and_is_found_by_both_keys(site: ThreadedSandbox) -> None:
    file(site.state, "PLAT")
    issue = file(site.state)
    site.state.relocate(who(site.state), issue, "PLAT")
    assert (issue.project, issue.key, issue.status) == ("PLAT", "PLAT-2", "10011")
    for name in ("OPS-1", "PLAT-2", issue.id):
        told = call(site, "GET", f"issue/{name}").json()
        assert (told["id"], told["key"]) == (str(issue.id), "PLAT-2")
    assert found(site, "key = OPS-1") == found(site, "project = PLAT AND key = PLAT-2") == ["PLAT-2"]
    assert found(site, "project = OPS") == []
    assert file(site.state).key == "OPS-2"


def items_of(issue: Issue) -> list[tuple[str, str | None, str | None]]:
    return [(item.field, item.from_string, item.to_string) for item in issue.histories[-1].items]


def test_the_history_tells_the_move(state: JiraState) -> None:
    issue = file(state, issuetype={"name": "Service Request"}, customfield_10010="S3 bucket")
    before = issue.updated
    state.advance(timedelta(seconds=5))
    state.relocate(who(state, "agent"), issue, "DATA")
    assert items_of(issue) == [
        ("project", "DevOps service desk", "Data platform desk"),
        ("Key", "OPS-1", "DATA-1"),
        ("Request Type", "S3 bucket", "S3 bucket"),
    ]
    assert (issue.request_type, issue.histories[-1].author) == ("201", "agent")
    assert issue.updated == issue.histories[-1].created > before
    state.relocate(who(state), issue, "WEB")
    assert items_of(issue)[2:] == [
        ("Request Type", "S3 bucket", None),
        ("Workflow", "service-desk", "software"),
        ("status", "Waiting for support", "To Do"),
    ]
    with pytest.raises(Refused):
        state.relocate(who(state), issue, "WEB")
    with pytest.raises(Refused):
        state.relocate(who(state), issue, "NONE")


def test_a_type_that_the_new_project_lacks_changes(state: JiraState) -> None:
    issue = file(state, "PLAT", issuetype={"name": "Bug"})
    state.relocate(who(state), issue, "OPS")
    assert ("issuetype", "Bug", "Service Request") in items_of(issue)
    assert issue.issue_type == "Service Request"


# Another workflow


@pytest.mark.parametrize("touch", [True, False])
def test_a_workflow_migration_is_in_every_tickets_history(state: JiraState, touch: bool) -> None:
    issues = [file(state) for _ in range(3)]
    other, before = file(state, "DATA"), [issue.updated for issue in issues]
    state.move(who(state), issues[1], "11", {})
    state.move(who(state), issues[2], "41", {"resolution": {"name": "Done"}})
    before = [issue.updated for issue in issues]
    state.advance(timedelta(seconds=5))
    state.migrate_workflow("OPS", "software", touch=touch)
    assert [items_of(issue)[1:] for issue in issues] == [
        [("status", "Waiting for support", "To Do")],
        [("status", "In progress", "In Progress")],
        [("status", "Resolved", "Done")],
    ]
    assert all(issue.histories[-1].author is None for issue in issues)
    assert [issue.updated != old for issue, old in zip(issues, before, strict=True)] == [touch] * 3
    assert other.histories == []
    assert [step.name for step in state.transitions(issues[0])] == ["Start", "Close"]


# Hiding


def test_a_hidden_ticket_is_not_there(site: ThreadedSandbox) -> None:
    state = site.state
    hidden, shown = file(state), file(state)
    comment = state.comment(who(state), hidden, paragraphs("x"), properties={"mark": 1}, public=True)
    state.hide(hidden, "agent")
    assert found(site, "project = OPS") == [shown.key]
    assert sorted(found(site, "project = OPS", "developer")) == [hidden.key, shown.key]
    for method, path, body in (
        ("GET", f"issue/{hidden.id}", None),
        ("PUT", f"issue/{hidden.key}", {"fields": {"summary": "x"}}),
        ("DELETE", f"issue/{hidden.key}", None),
        ("POST", f"issue/{hidden.key}/comment", {"body": paragraphs("x")}),
        ("GET", f"comment/{comment.id}/properties/mark", None),
    ):
        assert call(site, method, path, body).status_code == 404, path
    ids = [str(hidden.id), str(shown.id)]
    fetched = call(site, "POST", "issue/bulkfetch", {"issueIdsOrKeys": ids}).json()
    assert ([entry["id"] for entry in fetched["issues"]], fetched["issueErrors"]) == ([str(shown.id)], [])
    assert call(site, "POST", "comment/list", {"ids": [comment.id]}).json()["values"] == []
    assert call(site, "POST", "search/approximate-count", {"jql": "project = OPS"}).json() == {"count": 1}
    state.show(hidden, "agent")
    assert sorted(found(site, "project = OPS")) == [hidden.key, shown.key]
    assert state.world.hidden == {}


def test_what_is_hidden_between_two_pages_is_not_on_the_second(site: ThreadedSandbox) -> None:
    issues = [file(site.state) for _ in range(3)]
    query = {"jql": "project = OPS ORDER BY id", "maxResults": 1, "fields": ["summary"]}
    token = call(site, "POST", "search/jql", query).json()["nextPageToken"]
    site.state.hide(issues[1], "agent")
    page = call(site, "POST", "search/jql", {**query, "maxResults": 5, "nextPageToken": token}).json()
    assert [entry["key"] for entry in page["issues"]] == [issues[2].key]


def test_a_hidden_project_is_not_there(site: ThreadedSandbox) -> None:
    state = site.state
    inside, outside = file(state, "DATA"), file(state)
    state.hide_project("DATA", "agent")
    assert call(site, "GET", f"issue/{inside.key}").status_code == 404
    assert found(site, "created >= 0") == [outside.key]
    refused = call(site, "POST", "search/jql", {"jql": "project in (OPS, DATA)"})
    assert (refused.status_code, refused.json()["errorMessages"]) == (
        400,
        ["The value 'DATA' does not exist for the field 'project'."],
    )
    listed = call(site, "GET", "project/search").json()
    assert [project["key"] for project in listed["values"]] == ["OPS", "PLAT", "WEB"]
    assert call(site, "GET", "project/DATA").status_code == 404
    assert call(site, "GET", "mypermissions?permissions=BROWSE_PROJECTS&projectKey=DATA").status_code == 404
    sent = {"project": {"key": "DATA"}, "issuetype": {"name": "Incident"}, "summary": "x"}
    assert call(site, "POST", "issue", {"fields": sent}).json()["errors"] == {
        "project": "Specify a valid project ID or key"
    }
    assert found(site, "project = DATA", "developer") == [inside.key]
    state.show_project("DATA", "agent")
    assert found(site, "project = DATA") == [inside.key]


def test_the_page_shows_nobody_what_is_hidden(site: ThreadedSandbox) -> None:
    hidden = file(site.state)
    site.state.hide(hidden, "developer")
    assert hidden.key not in requests.get(site.jira_url, timeout=10).text
    assert requests.get(f"{site.jira_url}/browse/{hidden.key}", timeout=10).status_code == 404


# Permissions


def test_a_permission_that_is_taken_away_is_refused_and_told(site: ThreadedSandbox) -> None:
    issue, sight = file(site.state), site.state.sight
    acts: dict[str, tuple[str, str, object]] = {
        "ADD_COMMENTS": ("POST", f"issue/{issue.key}/comment", {"body": paragraphs("x")}),
        "EDIT_ISSUES": ("PUT", f"issue/{issue.key}", {"fields": {"summary": "x"}}),
        "ASSIGN_ISSUES": ("PUT", f"issue/{issue.key}/assignee", {"accountId": "agent"}),
        "TRANSITION_ISSUES": ("POST", f"issue/{issue.key}/transitions", {"transition": {"id": "11"}}),
        "CREATE_ISSUES": ("POST", "issue", {"fields": {"project": {"key": "OPS"}}}),
        "DELETE_ISSUES": ("DELETE", f"issue/{issue.key}", None),
    }
    sight.deny("agent", *acts)
    for permission, (method, path, body) in acts.items():
        assert call(site, method, path, body).status_code == 403, permission
    assert call(site, "GET", f"issue/{issue.key}/transitions").json()["transitions"] == []
    told = call(site, "GET", f"mypermissions?permissions=BROWSE_PROJECTS,{','.join(acts)}").json()["permissions"]
    assert {key: entry["havePermission"] for key, entry in told.items()} == {
        "BROWSE_PROJECTS": True,
        **dict.fromkeys(acts, False),
    }
    sight.allow("agent", *acts)
    assert call(site, *acts["ADD_COMMENTS"]).status_code == 201
    sight.deny("agent", "BROWSE_PROJECTS")
    assert call(site, "GET", f"issue/{issue.key}").status_code == 404
    assert call(site, "GET", "project/search").json()["values"] == []
    with pytest.raises(ValueError, match="FLY: no such permission"):
        sight.deny("agent", "FLY")


# Service level agreements


def told(state: JiraState, issue: Issue, field_id: str) -> Any:
    return sla(state.world, issue, field_id, "http://jira", state.now())


def hours(duration: dict[str, Any]) -> float:
    return round(float(duration["millis"]) / 3_600_000, 2)


def test_the_time_to_resolution_rests_while_the_customer_is_asked(state: JiraState) -> None:
    issue, mara = file(state, priority={"name": "High"}), who(state, "mara-lindqvist")
    for after, move in ((1, "11"), (2, "21"), (10, "31"), (3, "41")):
        state.advance(timedelta(hours=after))
        state.move(mara, issue, move, {"resolution": {"name": "Done"}} if move == "41" else {})
    (cycle,) = told(state, issue, RESOLUTION)["completedCycles"]
    assert (hours(cycle["elapsedTime"]), hours(cycle["remainingTime"]), cycle["breached"]) == (6.0, 18.0, False)
    state.advance(timedelta(hours=1))
    state.move(mara, issue, "51", {})
    state.advance(timedelta(hours=30))
    ongoing = told(state, issue, RESOLUTION)["ongoingCycle"]
    assert (hours(ongoing["elapsedTime"]), ongoing["breached"], ongoing["paused"]) == (30.0, True, False)
    assert ongoing["remainingTime"]["friendly"].startswith("-6h")


def test_the_first_response_is_the_desks_first_public_comment(state: JiraState) -> None:
    issue, mara = file(state), who(state, "mara-lindqvist")
    for author, public in ((who(state), True), (mara, False)):
        state.advance(timedelta(hours=1))
        state.comment(author, issue, paragraphs("x"), properties={}, public=public)
        assert "ongoingCycle" in told(state, issue, RESPONSE)
    state.advance(timedelta(hours=1))
    state.comment(mara, issue, paragraphs("x"), properties={}, public=True)
    (cycle,) = told(state, issue, RESPONSE)["completedCycles"]
    assert hours(cycle["elapsedTime"]) == 3.0
    assert told(state, file(state, "PLAT"), RESPONSE) is None


def test_an_agreement_is_told_anew_when_it_changes(site: ThreadedSandbox) -> None:
    issue, mara = file(site.state), who(site.state, "mara-lindqvist")

    def cycles() -> int:
        value = call(site, "GET", f"issue/{issue.key}").json()["fields"][RESOLUTION]
        return len(value["completedCycles"])

    done = {"resolution": {"name": "Done"}}
    for move, expected in (("41", 1), ("51", 1), ("41", 2)):
        site.state.move(mara, issue, move, done if move == "41" else {})
        assert cycles() == expected == cycles()


# The clock, the file, the words


def test_the_sites_clock_goes_on_and_never_back(state: JiraState) -> None:
    before = state.now()
    state.advance(timedelta(days=1))
    assert timedelta(days=1) <= state.now() - before < timedelta(days=1, minutes=1)
    with pytest.raises(ValueError, match="does not go back"):
        state.advance(timedelta(seconds=-1))


def test_everything_that_happened_is_in_the_file(tmp_path: Path, state: JiraState) -> None:
    issues = [file(state) for _ in range(3)]
    state.delete(who(state), issues[2])
    state.relocate(who(state), issues[1], "DATA")
    state.hide(issues[0], "agent")
    state.hide_project("WEB", "agent")
    state.sight.deny("agent", "ADD_COMMENTS")
    state.edit(who(state), issues[0], {"description": "h1. wiki"}, "Data Center")
    StateFile(tmp_path / "jira.json", state).save()
    again = JiraState(load(tmp_path / "jira.json", NOW))
    assert again.find("OPS-2").key == "DATA-1"
    assert file(again).key == "OPS-4"
    assert to_wiki(again.find("OPS-1").description) == "h1. wiki"
    assert not again.sight.is_seen(again.find("OPS-1"), who(again, "agent"))
    assert not again.sight.is_open("WEB", who(again, "agent"))
    assert not again.sight.has("ADD_COMMENTS", who(again, "agent"))


def test_a_file_of_an_older_sandbox_still_loads(tmp_path: Path, state: JiraState) -> None:
    file(state)
    path = tmp_path / "jira.json"
    StateFile(path, state).save()
    document = orjson.loads(path.read_bytes())
    for name in ("cloud_id", "numbers", "former_keys", "hidden", "hidden_projects", "denied"):
        del document[name]
    for account in document["accounts"].values():
        del account["scoped_token"]
    for identity in SLA_FIELDS:
        del document["fields"][identity]
    path.write_bytes(orjson.dumps(document))
    again = load(path, NOW)
    assert again.accounts == state.world.accounts
    assert again.fields.keys() == state.world.fields.keys()
    assert file(JiraState(again)).key == "OPS-2"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1))
def test_wiki_markup_comes_back_as_it_was(text: str) -> None:
    document = from_wiki(text)
    assert to_wiki(document) == text
    plain = without_source(document)
    assert plain is not None and is_document(plain) and not is_document(document)


def test_a_document_is_rendered_as_a_browser_would_have_sent_it() -> None:
    cell = {"type": "tableCell", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "a"}]}]}
    item = {"type": "listItem", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "one"}]}]}
    nested = {"type": "listItem", "content": [*item["content"], {"type": "orderedList", "content": [item]}]}
    marked = [{"type": "text", "text": "x", "marks": [{"type": "strong"}, {"type": "code"}]}, {"type": "hardBreak"}]
    link = {"type": "text", "text": "here", "marks": [{"type": "link", "attrs": {"href": "https://a.example"}}]}
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "Title"}]},
            {"type": "paragraph", "content": [*marked, link]},
            {"type": "bulletList", "content": [item, nested]},
            {"type": "codeBlock", "content": [{"type": "text", "text": "aws s3 ls"}]},
            {"type": "table", "content": [{"type": "tableRow", "content": [cell, cell]}]},
        ],
    }
    assert to_wiki(document) == "\r\n\r\n".join(
        [
            "h3. Title",
            "{{*x*}}\r\n[here|https://a.example]",
            "* one\r\n* one\r\n*# one",
            "{code}\r\naws s3 ls\r\n{code}",
            "|a|a|",
        ]
    )
    assert to_wiki(None) is None

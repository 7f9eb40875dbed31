"""The sandbox's Jira that fails when it is told to: on the wire, in its answers, in its pages, in its index."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from sandbox.jira_adf import paragraphs
from sandbox.serve import ThreadedSandbox, serve_in_thread, start
from sandbox.site import empty_world
from sandbox.world import Account, Issue

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LAG = timedelta(minutes=1)
LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def site(capfd: pytest.CaptureFixture[str]) -> Iterator[ThreadedSandbox]:
    """Whatever happens, the server itself has nothing to say about it."""
    with serve_in_thread(empty_world(NOW), aws=False) as running:
        yield running
    assert capfd.readouterr() == ("", "")


def who(site: ThreadedSandbox, name: str = "developer") -> Account:
    return site.world.accounts[name]


def file(site: ThreadedSandbox, count: int = 1, project: str = "OPS") -> list[Issue]:
    fields: dict[str, Any] = {"project": {"key": project}, "issuetype": {"name": "Incident"}, "summary": "It is down"}
    return [site.state.create(who(site), fields) for _ in range(count)]


def call(site: ThreadedSandbox, method: str, path: str, body: object = None, *, wait: float = 10) -> requests.Response:
    agent = site.personas["agent"]
    url = f"{site.jira_url}/rest/api/3/{path}"
    return requests.request(method, url, json=body, auth=(agent.email, agent.token), timeout=wait)


def search(site: ThreadedSandbox, jql: str = "project = OPS ORDER BY id", **more: object) -> dict[str, Any]:
    answer = call(site, "POST", "search/jql", {"jql": jql, "fields": ["summary"], **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def keys(page: dict[str, Any]) -> list[str]:
    return [entry["key"] for entry in page["issues"]]


def comment(site: ThreadedSandbox, issue: Issue) -> requests.Response:
    return call(site, "POST", f"issue/{issue.key}/comment", {"body": paragraphs("Hello")})


# On the wire


@pytest.mark.parametrize(("how", "posted"), [("drop", 0), ("drop-after", 1), ("cut", 1)])
def test_a_connection_is_cut_before_or_after_the_effect(site: ThreadedSandbox, how: str, posted: int) -> None:
    (issue,) = file(site)
    site.state.faults.fail("POST issue/{key}/comment", how)
    with pytest.raises(LOST):
        comment(site, issue)
    assert len(issue.comments) == posted
    assert comment(site, issue).status_code == 201


def test_a_cut_connection_takes_nobody_elses_with_it(site: ThreadedSandbox) -> None:
    (issue,) = file(site)
    agent = site.personas["agent"]
    with requests.Session() as session:
        session.auth = (agent.email, agent.token)
        address = f"{site.jira_url}/rest/api/3/issue/{issue.key}"
        assert session.get(address, timeout=10).ok
        site.state.faults.fail("issue/{key}", "drop")
        with pytest.raises(LOST):
            call(site, "GET", f"issue/{issue.key}")
        assert session.get(address, timeout=10).ok


def test_a_slow_body_drips_byte_by_byte(site: ThreadedSandbox) -> None:
    (issue,) = file(site)
    site.state.faults.fail("issue/{key}/assignee", "slow", every=0.002)
    site.state.faults.fail("serverInfo", "slow", every=0.002)
    begun = time.monotonic()
    answer = call(site, "GET", "serverInfo")
    assert answer.json()["serverTitle"] == "Sandbox Jira"
    assert time.monotonic() - begun >= 0.002 * len(answer.content)
    assert call(site, "PUT", f"issue/{issue.key}/assignee", {"accountId": "agent"}).status_code == 204


def test_a_body_that_drips_for_ever_ends_with_the_reader_or_the_sandbox(site: ThreadedSandbox) -> None:
    site.state.faults.fail("serverInfo", "slow", every=60, times=2)
    with pytest.raises(LOST):
        call(site, "GET", "serverInfo", wait=0.2)
    ended: list[str] = []

    def read() -> None:
        with pytest.raises(LOST):
            call(site, "GET", "serverInfo", wait=60)
        ended.append("lost")

    reader = threading.Thread(target=read)
    reader.start()
    while site.state.faults.seen["serverInfo"] < 2:
        time.sleep(0.01)
    site.state.faults.clear()
    reader.join(timeout=10)
    assert ended == ["lost"]


# In the answer


def test_a_rate_limit_says_when_and_why(site: ThreadedSandbox) -> None:
    faults = site.state.faults
    faults.fail("search/jql", "429", retry_after=2, reason="jira-burst-based", times=2)
    faults.fail("search/jql", "503", retry_after_date=30)
    for _ in range(2):
        answer = call(site, "GET", "search/jql?jql=project=OPS")
        assert answer.status_code == 429
        assert (answer.headers["Retry-After"], answer.headers["RateLimit-Reason"]) == ("2", "jira-burst-based")
    answer = call(site, "GET", "search/jql?jql=project=OPS")
    assert answer.status_code == 503
    apart = parsedate_to_datetime(answer.headers["Retry-After"]) - parsedate_to_datetime(answer.headers["Date"])
    assert timedelta(seconds=29) <= apart <= timedelta(seconds=31)
    assert call(site, "GET", "search/jql?jql=project=OPS").status_code == 200


@pytest.mark.parametrize("how", ["401", "403", "410", "500", "502"])
def test_a_status_is_answered_before_anything_happens(site: ThreadedSandbox, how: str) -> None:
    (issue,) = file(site)
    site.state.faults.fail("*", how)
    answer = comment(site, issue)
    assert (answer.status_code, issue.comments) == (int(how), [])
    assert ("X-Seraph-LoginReason" in answer.headers) == (how == "401")


def test_a_page_to_log_in_comes_with_200(site: ThreadedSandbox) -> None:
    site.state.faults.fail("myself", "html")
    answer = call(site, "GET", "myself")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_nobody_sees_fewer_tickets_and_may_do_nothing(site: ThreadedSandbox) -> None:
    issues = file(site, 4)
    site.state.faults.fail("*", "anonymous", times=None)
    answer = call(site, "POST", "search/jql", {"jql": "project = OPS", "fields": ["summary"]})
    assert sorted(keys(answer.json())) == [issue.key for issue in issues if issue.id % 2 == 0]
    assert not {"X-AACCOUNTID", "X-Seraph-LoginReason"} & set(answer.headers)
    assert call(site, "GET", f"issue/{issues[0].id | 1}").status_code == 404
    assert call(site, "GET", "myself").status_code == 401
    assert comment(site, issues[0]).status_code == 401
    assert issues[0].comments == []


def test_only_the_named_operation_fails_and_only_so_often(site: ThreadedSandbox) -> None:
    (issue,) = file(site)
    site.state.faults.fail("PUT issue/{key}", "500", skip=1, times=2)
    edit = {"fields": {"summary": "again"}}
    statuses = [call(site, "PUT", f"issue/{issue.key}", edit).status_code for _ in range(4)]
    assert statuses == [204, 500, 500, 204]
    assert call(site, "GET", f"issue/{issue.key}").status_code == 200
    assert site.state.faults.seen == {"issue/{key}": 5}


# In the pages


def test_a_page_token_may_be_the_one_that_was_sent(site: ThreadedSandbox) -> None:
    file(site, 3)
    site.state.faults.fail("search/jql", "repeat-token")
    first = search(site, maxResults=1)
    again = search(site, maxResults=1, nextPageToken=first["nextPageToken"])
    assert again["nextPageToken"] == first["nextPageToken"]
    assert keys(again) == ["OPS-2"]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_short_page_loses_nothing(site: ThreadedSandbox, rows: int) -> None:
    filed = [issue.key for issue in file(site, 4)]
    site.state.faults.fail("search/jql", "short", rows=rows, times=2)
    first = search(site, maxResults=3)
    second = search(site, maxResults=3, nextPageToken=first["nextPageToken"])
    assert [len(keys(page)) for page in (first, second)] == [rows, rows]
    found, token = [*keys(first), *keys(second)], second["nextPageToken"]
    while token:
        page = search(site, maxResults=3, nextPageToken=token)
        found, token = [*found, *keys(page)], page.get("nextPageToken")
    assert found == filed


def test_the_last_page_may_be_empty(site: ThreadedSandbox) -> None:
    file(site, 2)
    site.state.faults.fail("search/jql", "short", rows=2)
    first = search(site, maxResults=5)
    assert len(first["issues"]) == 2
    last = search(site, maxResults=5, nextPageToken=first["nextPageToken"])
    assert (last["issues"], "nextPageToken" in last) == ([], False)


def test_something_happens_while_pages_are_read(site: ThreadedSandbox) -> None:
    issues = file(site, 3)

    def meanwhile() -> None:
        site.state.delete(who(site), issues[2])
        site.state.edit(who(site), issues[1], {"summary": "changed between two pages"})

    first = search(site, maxResults=1)
    site.state.faults.on("search/jql", meanwhile)
    second = search(site, maxResults=5, nextPageToken=first["nextPageToken"])
    assert [entry["fields"]["summary"] for entry in second["issues"]] == ["changed between two pages"]
    assert search(site)["issues"] and len(issues[1].histories) == 1


# In the index


def count(site: ThreadedSandbox) -> int:
    answer = call(site, "POST", "search/approximate-count", {"jql": "project = OPS"})
    return int(answer.json()["count"])


def test_the_index_hears_of_a_creation_later(site: ThreadedSandbox) -> None:
    file(site)
    site.state.faults.index_lag = LAG
    (late,) = file(site)
    assert (keys(search(site)), count(site)) == (["OPS-1"], 1)
    assert call(site, "GET", f"issue/{late.id}").json()["key"] == "OPS-2"
    assert keys(search(site, reconcileIssues=[late.id])) == ["OPS-1", "OPS-2"]
    site.state.advance(LAG)
    assert (keys(search(site)), count(site)) == (["OPS-1", "OPS-2"], 2)


def test_the_index_shows_old_words_and_the_deleted(site: ThreadedSandbox) -> None:
    edited, gone, moved = file(site, 3)
    before = edited.updated
    site.state.faults.index_lag = LAG
    site.state.edit(who(site), edited, {"summary": "one"})
    site.state.advance(LAG / 2)
    site.state.edit(who(site), edited, {"summary": "two"})
    site.state.delete(who(site), gone)
    site.state.relocate(who(site), moved, "DATA")
    page = search(site, fields=["summary", "updated"])
    assert [(entry["key"], entry["fields"]["summary"]) for entry in page["issues"]] == [
        ("OPS-1", "It is down"),
        ("OPS-2", "It is down"),
        ("OPS-3", "It is down"),
    ]
    assert page["issues"][0]["fields"]["updated"].startswith(f"{before:%Y-%m-%dT%H:%M:%S}")
    assert call(site, "GET", f"issue/{gone.id}").status_code == 404
    fetched = call(site, "POST", "issue/bulkfetch", {"issueIdsOrKeys": [str(edited.id), str(gone.id)]}).json()
    assert [entry["fields"]["summary"] for entry in fetched["issues"]] == ["two"]
    site.state.advance(LAG / 2)
    assert search(site)["issues"][0]["fields"]["summary"] == "one"
    site.state.advance(LAG / 2)
    assert keys(search(site)) == ["OPS-1"]
    assert keys(search(site, "project = DATA")) == ["DATA-1"]
    assert search(site)["issues"][0]["fields"]["summary"] == "two"


def test_the_index_without_lag_is_current(site: ThreadedSandbox) -> None:
    site.state.faults.index_lag = LAG
    (issue,) = file(site)
    site.state.edit(who(site), issue, {"summary": "one"})
    site.state.faults.index_lag = timedelta(0)
    site.state.edit(who(site), issue, {"summary": "two"})
    assert [entry["fields"]["summary"] for entry in search(site)["issues"]] == ["two"]


# From another process


def test_a_child_is_told_over_http() -> None:
    with start(tickets=100) as running:
        agent = running.personas["agent"]
        switch, login = f"{running.jira_url}/_sandbox/fail", (agent.email, agent.token)
        sent = {"operation": "myself", "how": "429", "retry_after": 7, "times": 2}
        assert requests.post(switch, json=sent, timeout=10).status_code == 204
        answer = requests.get(f"{running.jira_url}/rest/api/3/myself", auth=login, timeout=10)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        assert requests.post(switch, json={"clear": True, "index_lag": 60}, timeout=10).status_code == 204
        assert requests.get(f"{running.jira_url}/rest/api/3/myself", auth=login, timeout=10).ok
        assert requests.get(f"{running.jira_url}/_sandbox/seen", timeout=10).json() == {"myself": 2}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"operation": "myself", "how": "explode"}, "how must be one of 401"),
        ({"operation": "", "how": "429"}, "must be given"),
        ({"operation": "myself", "how": "429", "times": "two"}, "times must be a number"),
        ({"operation": "myself", "how": "429", "times": 0}, "must be given and positive"),
        ({"operation": "myself", "how": "429", "reason": "mood"}, "reason must be one of"),
        ({"operation": "myself", "how": "429", "wait": 1}, "wait is none of"),
        ({"index_lag": "long"}, "index_lag must be a number"),
        ([], "must be a JSON object"),
    ],
    ids=repr,
)
def test_a_switch_that_makes_no_sense_is_refused(site: ThreadedSandbox, sent: object, words: str) -> None:
    answer = requests.post(f"{site.jira_url}/_sandbox/fail", json=sent, timeout=10)
    assert answer.status_code == 400
    assert words in answer.text
    assert call(site, "GET", "myself").ok


def test_no_page_of_a_browser_may_switch(site: ThreadedSandbox) -> None:
    headers = {"Origin": "http://evil.example"}
    sent = {"operation": "*", "how": "500"}
    assert requests.post(f"{site.jira_url}/_sandbox/fail", json=sent, headers=headers, timeout=10).status_code == 403
    assert call(site, "GET", "myself").ok

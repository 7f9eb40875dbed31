"""The client's manners towards the sandbox's Jira when it limits, stumbles, drops, drips, or takes us for nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Issue
from tests.integration.sites import NOW, file, paragraphs
from tickets.errors import AnswerUnknown, JiraError, JiraGone, JiraRefused, JiraUnreachable, MalformedAnswer, NotFound
from tickets.jira_client import JiraClient, JiraSettings
from tickets.jira_pace import Pace
from tickets.jira_records import Search

Deployment = Literal["Cloud", "Data Center"]
BODY = paragraphs("done")
SEARCH = {"Cloud": "search/jql", "Data Center": "search"}


@pytest.fixture(params=["Cloud", "Data Center"])
def site(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False, deployment=request.param) as running:
        yield running


def connect(site: ThreadedSandbox, *, token: str = "", read_timeout: float = 5.0, **options: Any) -> JiraClient:
    """Impatient in what tests must not wait for."""
    agent = site.personas["agent"]
    email = agent.email if site.deployment == "Cloud" else ""
    settings = JiraSettings(site.jira_url, email, token or agent.token, read_timeout=read_timeout)
    return JiraClient(settings, jitter=lambda: 0.5, **options)


@pytest.fixture
def client(site: ThreadedSandbox) -> Iterator[JiraClient]:
    with connect(site) as connected:
        connected.check()
        yield connected


@pytest.fixture
def issue(site: ThreadedSandbox) -> Issue:
    return file(site)[0]


def found(client: JiraClient) -> list[int]:
    return [identity for page in client.ids(Search(("OPS",))) for identity in page]


# Reads come through


@pytest.mark.parametrize("how", ["500", "502", "503", "drop", "cut", "429"])
def test_reads_survive_what_passes(site: ThreadedSandbox, client: JiraClient, issue: Issue, how: str) -> None:
    site.state.faults.fail("*", how, times=2, **({"retry_after": 0} if how == "429" else {}))
    assert found(client) == [issue.id]
    assert client.ticket(issue.id).key == issue.key


def test_a_body_that_drips_too_slowly_is_asked_for_again(site: ThreadedSandbox, issue: Issue) -> None:
    with connect(site, read_timeout=0.3) as client:
        client.check()
        site.state.faults.fail(SEARCH[site.deployment], "slow", every=2.0)
        assert found(client) == [issue.id]


@pytest.mark.parametrize(("how", "asked"), [("429", {"retry_after": 1}), ("503", {"retry_after_date": 2.0})])
def test_what_one_thread_is_told_all_threads_keep_to(
    site: ThreadedSandbox, client: JiraClient, issue: Issue, how: str, asked: dict[str, Any]
) -> None:
    """A date has whole seconds, so two of them are at least one."""
    site.state.faults.fail(SEARCH[site.deployment], how, **asked)
    began = time.monotonic()
    told = threading.Event()
    arrived: list[float] = []

    def first() -> None:
        with client.twin() as mine:
            threading.Timer(0.3, told.set).start()
            assert found(mine) == [issue.id]
            arrived.append(time.monotonic() - began)

    def second() -> None:
        told.wait(5)
        with client.twin() as mine:
            mine.statuses()
            assert time.monotonic() - began < 0.95, "another endpoint was slowed"
            assert found(mine) == [issue.id]
            arrived.append(time.monotonic() - began)

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(arrived) == 2
    assert min(arrived) >= 1.0
    assert site.state.faults.seen[SEARCH[site.deployment]] == 3


def test_what_takes_too_long_is_said_with_how_long(site: ThreadedSandbox, issue: Issue) -> None:
    with connect(site, pace=Pace(patience=2)) as client:
        client.check()
        site.state.faults.fail(SEARCH[site.deployment], "429", retry_after=40)
        for one in (client, client.twin()):
            with one, pytest.raises(JiraUnreachable, match=r"slow down \(429\); try again in (40|39) s"):
                found(one)
    assert site.state.faults.seen[SEARCH[site.deployment]] == 1


# Writes are sent once


@pytest.mark.parametrize(("how", "posted"), [("drop", 0), ("drop-after", 1), ("cut", 1), ("500", 0), ("503", 0)])
def test_a_write_is_never_repeated(
    site: ThreadedSandbox, client: JiraClient, issue: Issue, how: str, posted: int
) -> None:
    site.state.faults.fail("issue/{key}/comment", how)
    with pytest.raises(AnswerUnknown, match="read the ticket"):
        client.post_comment(issue.id, BODY, properties={}, public=True)
    assert len(issue.comments) == posted
    assert site.state.faults.seen["issue/{key}/comment"] == 1


def test_writes_to_one_ticket_wait_their_turn(site: ThreadedSandbox, client: JiraClient, issue: Issue) -> None:
    (other,) = file(site)
    site.state.faults.fail("issue/{key}/comment", "429", retry_after=1, reason="jira-per-issue-on-write")
    with pytest.raises(JiraUnreachable, match="in 1 s"):
        client.post_comment(issue.id, BODY, properties={}, public=True)
    began = time.monotonic()
    client.post_comment(other.id, BODY, properties={}, public=True)
    assert time.monotonic() - began < 0.9
    client.post_comment(issue.id, BODY, properties={}, public=True)
    assert time.monotonic() - began >= 0.9
    assert (len(issue.comments), len(other.comments)) == (1, 1)


def test_a_write_that_would_wait_long_is_not_sent(site: ThreadedSandbox, client: JiraClient, issue: Issue) -> None:
    site.state.faults.fail("issue/{key}/comment", "429", retry_after=30, reason="jira-per-issue-on-write")
    for _ in range(2):
        with pytest.raises(JiraUnreachable, match=r"in (30|29) s"):
            client.post_comment(issue.id, BODY, properties={}, public=True)
    assert site.state.faults.seen["issue/{key}/comment"] == 1


# What must be loud


def test_an_answer_given_to_nobody_is_loud(site: ThreadedSandbox, client: JiraClient) -> None:
    """It would hold half of the tickets, and look like any other."""
    issues = file(site, 6)
    assert len(found(client)) == len(issues)
    for one in (client, client.twin()):
        site.state.faults.fail(SEARCH[site.deployment], "anonymous")
        with pytest.raises(JiraRefused, match="as if nobody had logged in"):
            found(one)


def test_a_ticket_that_nobody_may_see_is_not_taken_for_deleted(site: ThreadedSandbox, client: JiraClient) -> None:
    odd = next(one for one in file(site, 2) if one.id % 2)
    site.state.faults.fail("issue/{key}", "anonymous")
    with pytest.raises(JiraRefused, match="as if nobody had logged in"):
        client.ticket(odd.id)
    with pytest.raises(NotFound):
        client.ticket("OPS-999")


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("401", JiraRefused, "does not accept"),
        ("403", JiraRefused, "permission"),
        ("410", JiraGone, "update Golden Path"),
        ("html", MalformedAnswer, "log-in page"),
    ],
)
def test_a_refusal_is_said_at_once(
    site: ThreadedSandbox, client: JiraClient, how: str, error: type[JiraError], said: str
) -> None:
    site.state.faults.fail(SEARCH[site.deployment], how)
    with pytest.raises(error, match=said):
        found(client)
    assert site.state.faults.seen[SEARCH[site.deployment]] == 1


def test_a_wrong_token_names_the_cure_of_its_deployment(site: ThreadedSandbox) -> None:
    with connect(site, token="not-the-token") as client, pytest.raises(JiraRefused) as caught:
        client.check()
    page = "id.atlassian.com" if site.deployment == "Cloud" else "Personal Access Tokens"
    assert page in str(caught.value)
    assert "not-the-token" not in str(caught.value)

"""The client against the sandbox's Jira, and against a stub that fails in every way a Jira or a proxy does."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Account, Issue
from tickets.adf import doc, paragraph, text
from tickets.errors import (
    AnswerUnknown,
    JiraError,
    JiraGone,
    JiraRefused,
    JiraUnreachable,
    MalformedAnswer,
    NotFound,
    NoTransition,
    TicketsError,
)
from tickets.jira_client import JiraClient, JiraSettings
from tickets.jira_records import Search, epoch_milliseconds
from tickets.ticket import StatusCategory

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TOKEN = "very-secret-token-1234"
EMAIL = "agent@team.example"


def paragraphs(words: str) -> dict[str, Any]:
    return doc(paragraph(text(words)))


BODY = paragraphs("done")


# A Jira that does as it is told


@dataclass
class Reply:
    """`fault`: "drop" closes the connection without an answer, "cut" in the middle of one, "close" after
    one; "slow" answers too late."""

    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass
class Stub:
    url: str
    script: list[Reply]
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def count(self, method: str) -> int:
        return sum(1 for called, _, _ in self.calls if called == method)


@contextmanager
def stub(*script: Reply) -> Iterator[Stub]:
    """Gives the replies in turn, the last one again and again."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            running.calls.append((self.command, self.path, json.loads(sent) if sent else None))
            reply = running.script.pop(0) if len(running.script) > 1 else running.script[0]
            if reply.fault == "drop":
                self.close_connection = True
                return
            if reply.fault == "slow":
                time.sleep(0.6)
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)
            headers = {"Date": format_datetime(NOW, usegmt=True), "Content-Type": "application/json", **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) + (50 if reply.fault == "cut" else 0)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = self.close_connection or reply.fault in ("cut", "close")

        do_GET = do_POST = do

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Stub(f"http://127.0.0.1:{server.server_port}", list(script))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client_of(url: str, waits: list[float] | None = None, **settings: Any) -> Iterator[JiraClient]:
    """A client that never really waits: what it would have waited goes into `waits`."""
    taken = waits if waits is not None else []
    given = {"email": EMAIL, "token": TOKEN, "read_timeout": 0.3, **settings}
    with JiraClient(JiraSettings(url, **given), sleep=taken.append, jitter=lambda: 1.0) as client:
        yield client


# The sandbox


@pytest.fixture
def site() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False) as running:
        yield running


@pytest.fixture
def client(site: ThreadedSandbox) -> Iterator[JiraClient]:
    agent = site.personas["agent"]
    with client_of(site.jira_url, email=agent.email, token=agent.token, read_timeout=10.0) as connected:
        yield connected


def account(site: ThreadedSandbox, name: str = "developer") -> Account:
    return site.world.accounts[name]


def filed(site: ThreadedSandbox, **fields: Any) -> Issue:
    given = {
        "project": {"key": "OPS"},
        "issuetype": {"name": "Service Request"},
        "summary": "A bucket please",
        **fields,
    }
    return site.state.create(account(site), given)


# Who we are


def test_check_tells_the_account_and_pins_it(site: ThreadedSandbox, client: JiraClient) -> None:
    assert client.check().id == "agent"
    assert client.account().name == "Golden Path"
    agent, developer = account(site, "agent"), account(site, "developer")
    agent.token, developer.email, developer.token = "changed", agent.email, agent.token  # the site gives it away
    with pytest.raises(JiraRefused):
        client.confirm_account()


def test_a_wrong_token_is_named_with_its_cure_and_without_itself(site: ThreadedSandbox) -> None:
    email = site.personas["agent"].email
    with client_of(site.jira_url, email=email) as wrong, pytest.raises(JiraRefused) as caught:
        wrong.check()
    message = str(caught.value)
    assert email in message and site.jira_url in message and "id.atlassian.com" in message
    assert TOKEN not in message


def test_an_anonymous_downgrade_is_loud() -> None:
    with (
        stub(Reply({"deploymentType": "Cloud"}), Reply({"displayName": "Anonymous"})) as jira,
        client_of(jira.url) as us,
        pytest.raises(JiraRefused, match="anonymous"),
    ):
        us.check()
    with (
        stub(Reply([], headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})) as jira,
        client_of(jira.url) as us,
        pytest.raises(JiraRefused, match="does not accept the API token"),
    ):
        us.statuses()


def test_an_answer_given_to_another_account_is_refused() -> None:
    me = Reply({"accountId": "a1", "displayName": "Agent"})
    with stub(Reply({}), me, Reply([], headers={"X-AACCOUNTID": "somebody"})) as jira, client_of(jira.url) as us:
        us.check()
        with pytest.raises(JiraRefused, match="another account"):
            us.statuses()


def test_a_data_center_is_found_where_cloud_has_nothing() -> None:
    """Version 3 is not there: what version 2 says decides, and from then on it is spoken."""
    about = {"deploymentType": "Server", "version": "9.12.15"}
    me = {"key": "JIRAUSER1", "name": "agent", "displayName": "Agent"}
    with stub(Reply({}, 404), Reply(about), Reply(me), Reply([])) as jira, client_of(jira.url) as us:
        assert us.check().id == "JIRAUSER1"
        us.statuses()
    assert [path for _, path, _ in jira.calls] == [
        "/rest/api/3/serverInfo",
        "/rest/api/2/serverInfo",
        "/rest/api/2/myself",
        "/rest/api/2/status",
    ]


def test_ticket_time_is_the_sites(client: JiraClient, site: ThreadedSandbox) -> None:
    assert abs(client.now() - site.state.now()) < timedelta(seconds=2)
    first = client.now()
    time.sleep(0.02)
    assert timedelta(0) < client.now() - first < timedelta(seconds=2)
    assert first.tzinfo is UTC


@pytest.mark.parametrize(
    "url", ["", "team.atlassian.net", "ftp://jira", "https://", "https://me:secret@jira.example", "https://jira?x=1"]
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(JiraUnreachable) as caught:
        JiraSettings(url, EMAIL, TOKEN)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", f" {TOKEN}", f"{TOKEN}\n", f"{TOKEN}…"])
def test_a_token_that_cannot_be_one_is_refused(token: str) -> None:
    with pytest.raises(JiraRefused) as caught:
        JiraSettings("https://jira.example", EMAIL, token)
    assert TOKEN not in str(caught.value)


# Reads


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_tried_again(status: int) -> None:
    waits: list[float] = []
    with stub(Reply(status=status), Reply(status=status), Reply([])) as jira, client_of(jira.url, waits) as us:
        assert us.statuses() == ()
    assert len(jira.calls) == 3
    assert waits == pytest.approx([0.5, 1.0], abs=0.05)


def test_a_post_that_only_reads_is_tried_again() -> None:
    with stub(Reply(status=503), Reply(fault="drop"), Reply({"issues": []})) as jira, client_of(jira.url) as us:
        assert list(us.search(Search(("OPS",)), ["summary"])) == [[]]
    assert jira.count("POST") == 3


@pytest.mark.parametrize("fault", ["drop", "cut", "slow"])
def test_a_read_survives_a_lost_answer(fault: str) -> None:
    with stub(Reply([], fault=fault), Reply([])) as jira, client_of(jira.url) as us:
        assert us.statuses() == ()
    assert len(jira.calls) == 2


def test_five_tries_are_enough() -> None:
    waits: list[float] = []
    with (
        stub(Reply(status=503)) as jira,
        client_of(jira.url, waits) as us,
        pytest.raises(JiraUnreachable, match="503"),
    ):
        us.statuses()
    assert len(jira.calls) == 5
    assert waits == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("asked", ["7", format_datetime(NOW + timedelta(seconds=7), usegmt=True)])
def test_retry_after_is_honoured_in_seconds_and_as_a_date(asked: str) -> None:
    waits: list[float] = []
    with stub(Reply(status=429, headers={"Retry-After": asked}), Reply([])) as jira, client_of(jira.url, waits) as us:
        us.statuses()
    assert len(waits) == 1
    assert 6.9 <= waits[0] <= 8


@pytest.mark.parametrize(
    "asked", ["soon", "-7", "1.5", "", "Mon, 99 Foo 2026 25:61:00 GMT", "Wed, 01 Jan 2020 00:00:00 GMT"]
)
def test_a_retry_after_that_says_nothing_is_a_short_wait(asked: str) -> None:
    waits: list[float] = []
    with stub(Reply(status=503, headers={"Retry-After": asked}), Reply([])) as jira, client_of(jira.url, waits) as us:
        us.statuses()
    assert waits == [0.5]


def test_a_retry_after_beyond_all_numbers_is_said() -> None:
    with (
        stub(Reply(status=429, headers={"Retry-After": "9" * 400})) as jira,
        client_of(jira.url) as us,
        pytest.raises(JiraUnreachable, match="slow down"),
    ):
        us.statuses()


def test_a_very_long_retry_after_is_said_instead_of_slept() -> None:
    waits: list[float] = []
    with (
        stub(Reply(status=429, headers={"Retry-After": "3600"})) as jira,
        client_of(jira.url, waits) as us,
        pytest.raises(JiraUnreachable, match="try again in 36"),
    ):
        us.statuses()
    assert waits == []
    assert len(jira.calls) == 1


def test_nobody_there_is_said_at_once() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    waits: list[float] = []
    with client_of(url, waits) as us, pytest.raises(JiraUnreachable, match="refused") as caught:
        us.check()
    assert url in str(caught.value)
    assert waits == []


def test_an_unknown_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with client_of("http://no-such-jira.invalid") as us, pytest.raises(JiraUnreachable, match="cannot be resolved"):
        us.check()


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (Reply({"errorMessages": ["No."]}, 403), JiraRefused, "permission"),
        (Reply({"errorMessages": ["gone"]}, 410), JiraGone, "update Golden Path"),
        (Reply({}, 404), NotFound, "may not see it"),
        (Reply({"errorMessages": ["Field 'x' is wrong"]}, 400), JiraRefused, "Field 'x' is wrong"),
        (Reply({"errorMessages": None, "errors": 7}, 400), JiraRefused, "status 400"),
        (Reply([1], 409), JiraRefused, "status 409"),
        (
            Reply(b"<!DOCTYPE html><title>Log in</title>", headers={"Content-Type": "text/html"}),
            MalformedAnswer,
            "log-in",
        ),
        (Reply(b"\n <html>"), MalformedAnswer, "web page"),
        (Reply(b'{"half": '), MalformedAnswer, "not JSON"),
        (Reply({"an": "object"}), MalformedAnswer, "check the url"),
        (
            Reply(b"", 302, {"Location": "https://u:p@sso.example/login?x=y"}),
            MalformedAnswer,
            "redirects to sso.example:",
        ),
    ],
)
def test_every_answer_has_its_sentence(reply: Reply, error: type[TicketsError], said: str) -> None:
    with stub(reply) as jira, client_of(jira.url) as us, pytest.raises(error) as caught:
        us.statuses()
    assert said in str(caught.value)
    assert jira.url in str(caught.value)
    assert len(jira.calls) == 1


def test_search_follows_tokens_over_short_and_empty_pages() -> None:
    script = [
        Reply({"issues": [{"id": "1"}], "nextPageToken": "a", "isLast": True}),
        Reply({"issues": [], "nextPageToken": "b"}),
        Reply({"issues": [{"id": "2"}], "isLast": False}),
    ]
    with stub(*script) as jira, client_of(jira.url) as us:
        pages = list(us.search(Search(("OPS",)), ["summary"]))
    assert [[issue["id"] for issue in page] for page in pages] == [["1"], [], ["2"]]
    assert [body.get("nextPageToken") for _, _, body in jira.calls] == [None, "a", "b"]


def test_a_repeated_token_ends_in_an_error_not_in_a_circle() -> None:
    with (
        stub(Reply({"issues": [], "nextPageToken": "a"})) as jira,
        client_of(jira.url) as us,
        pytest.raises(MalformedAnswer, match="twice"),
    ):
        list(us.search(Search(("OPS",)), ["summary"]))
    assert len(jira.calls) == 2


def test_a_repeated_token_of_the_histories_is_an_error_too() -> None:
    with (
        stub(Reply({"issueChangeLogs": [], "nextPageToken": "a"})) as jira,
        client_of(jira.url) as us,
        pytest.raises(MalformedAnswer, match="twice"),
    ):
        us.histories([1])


def test_a_search_that_jira_has_removed_is_loud_and_never_an_empty_page() -> None:
    with (
        stub(Reply({"errorMessages": ["removed"]}, 410)) as jira,
        client_of(jira.url) as us,
        pytest.raises(JiraGone, match="search/jql"),
    ):
        list(us.search(Search(("OPS",)), ["summary"]))
    assert len(jira.calls) == 1


@pytest.mark.parametrize("at", [NOW, NOW + timedelta(microseconds=999), NOW.astimezone(timezone(timedelta(hours=9)))])
def test_instants_in_jql_are_epoch_milliseconds(at: datetime) -> None:
    assert epoch_milliseconds(at) == 1_795_426_200_000
    with pytest.raises(ValueError, match="naive"):
        epoch_milliseconds(at.replace(tzinfo=None))


def test_changelogs_join_a_history_that_is_split_over_pages() -> None:
    first = {"issueChangeLogs": [{"issueId": "1", "changeHistories": [{"id": "10"}]}], "nextPageToken": "a"}
    second = {"issueChangeLogs": [{"issueId": "1", "changeHistories": [{"id": "11"}]}]}
    with stub(Reply(first), Reply(second)) as jira, client_of(jira.url) as us:
        found = us.histories([1, 2])
    assert [history["id"] for history in found[1]] == ["10", "11"]
    assert found[2] == []


def test_a_list_that_is_shorter_than_it_says_is_an_error() -> None:
    with (
        stub(Reply({"comments": [], "total": 3})) as jira,
        client_of(jira.url) as us,
        pytest.raises(MalformedAnswer, match="3 entries"),
    ):
        us.list_comments(17)


@pytest.mark.parametrize(
    "name", ["A-1/../../myself", "OPS-1?x=y", "ops-1", "OPS-", "", "1/2", "-1", "OPS-١", "OPS-1\n"]
)
def test_only_keys_and_ids_get_into_a_path(name: str) -> None:
    with (
        stub(Reply()) as jira,
        client_of(jira.url) as us,
        pytest.raises(NotFound),
    ):
        us.ticket(name)
    assert jira.calls == []


def test_a_ticket_is_read_whole(site: ThreadedSandbox, client: JiraClient) -> None:
    """More comments and changes than fit on a page, and the properties that a listing lacks."""
    issue = filed(site, description=paragraphs("With words"))
    for number in range(120):
        site.state.edit(account(site), issue, {"summary": f"A bucket, take {number}"})
        site.state.comment(
            account(site, "agent" if number % 2 else "developer"),
            issue,
            paragraphs(f"comment {number}"),
            properties={"mark": {"n": number}},
            public=number % 3 != 0,
        )
    for ticket in (client.ticket(issue.key), client.ticket(issue.id)):
        assert (ticket.id, ticket.key, ticket.site) == (issue.id, issue.key, "127.0.0.1")
        assert ticket.summary == "A bucket, take 119"
        assert len(ticket.field_changes) == 120
        assert [comment.text for comment in ticket.comments] == [f"comment {n}" for n in range(120)]
        assert [comment.properties["mark"]["n"] for comment in ticket.comments] == list(range(120))
        assert [comment.is_public for comment in ticket.comments] == [n % 3 != 0 for n in range(120)]


def test_what_is_not_there_is_not_found(client: JiraClient) -> None:
    with pytest.raises(NotFound):
        client.ticket("OPS-404")


def test_groups_are_ids_and_never_an_empty_set_by_mistake(client: JiraClient) -> None:
    assert client.groups_of("developer") == {"g-payments"}
    assert client.groups_of("outsider") == frozenset()
    with pytest.raises(TicketsError):
        client.groups_of("nobody&accountId=developer")
    with stub(Reply([{"name": "developers"}])) as jira, client_of(jira.url) as us, pytest.raises(MalformedAnswer):
        us.groups_of("developer")


def test_the_sites_own_words(site: ThreadedSandbox, client: JiraClient) -> None:
    assert {(s.id, s.name, s.category.value) for s in client.statuses()} == {
        (s.id, s.name, s.category) for s in site.world.statuses.values()
    }
    catalogue = client.catalogue()
    assert catalogue.request_type == "customfield_10010"
    assert catalogue.custom["customfield_10050"] == "Bucket name"


# Writes


def test_a_comment_is_posted_with_its_marks(site: ThreadedSandbox, client: JiraClient) -> None:
    issue = filed(site)
    posted = client.post_comment(issue.id, BODY, properties={"goldenpath": {"request": "r1"}}, public=False)
    assert posted.properties["goldenpath"] == {"request": "r1"}
    assert not posted.is_public
    stored = issue.comments[0]
    assert stored.properties == {"goldenpath": {"request": "r1"}, "sd.public.comment": {"internal": True}}
    assert client.ticket(issue.id).comments == (posted,)
    client.post_comment(issue.id, BODY, properties={}, public=True)
    assert issue.comments[1].properties == {"sd.public.comment": {"internal": False}}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(fault="drop"),
        Reply(fault="cut", status=201),
        Reply(fault="slow"),
        Reply(status=500),
        Reply(status=503),
        Reply(b"<html>", 200),
        Reply({}, 201),
    ],
)
def test_a_write_whose_answer_is_lost_is_sent_once_and_said(reply: Reply) -> None:
    with stub(reply) as jira, client_of(jira.url) as us, pytest.raises(AnswerUnknown, match="read"):
        us.post_comment(17, BODY, properties={}, public=True)
    assert jira.count("POST") == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [(Reply(status=429), JiraUnreachable), (Reply(status=401), JiraRefused), (Reply({}, 404), NotFound)],
)
def test_a_write_that_was_not_done_is_sent_once_too(reply: Reply, error: type[TicketsError]) -> None:
    with stub(reply) as jira, client_of(jira.url) as us, pytest.raises(error) as caught:
        us.post_comment(17, BODY, properties={}, public=True)
    assert not isinstance(caught.value, AnswerUnknown)
    assert jira.count("POST") == 1


def test_a_write_that_could_not_be_sent_is_known_to_be_undone() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with client_of(url) as us, pytest.raises(JiraUnreachable) as caught:
        us.post_comment(17, BODY, properties={}, public=True)
    assert not isinstance(caught.value, AnswerUnknown)


def test_a_connection_that_the_server_closed_meanwhile_costs_no_comment() -> None:
    """Closed without a word after an answer: the next write opens a new connection and goes once."""
    answer = {"id": "1", "created": "2026-11-23T09:30:00.000+0000", "body": BODY}
    with stub(Reply([], fault="close"), Reply(answer, 201)) as jira, client_of(jira.url) as us:
        us.statuses()
        time.sleep(0.05)
        assert us.post_comment(17, BODY, properties={}, public=True).id == "1"
    assert jira.count("POST") == 1


def test_move_fills_what_the_screen_asks_for(site: ThreadedSandbox, client: JiraClient) -> None:
    issue = filed(site)
    client.move(issue.id, to_status="resolved", resolution="done")
    assert site.world.statuses[issue.status].name == "Resolved"
    assert issue.resolution == "Done"
    ticket = client.ticket(issue.id)
    assert ticket.status.category is StatusCategory.DONE
    assert ticket.status_changes is not None
    assert [(c.to_name, c.author and c.author.id) for c in ticket.status_changes] == [("Resolved", "agent")]


def test_move_leaves_alone_what_is_there_already(site: ThreadedSandbox, client: JiraClient) -> None:
    issue = filed(site)
    before = client.requests
    client.move(issue.id, to_status="Waiting for support", resolution="Done")
    assert client.requests - before == 1
    assert issue.histories == []


def test_move_never_reopens(site: ThreadedSandbox, client: JiraClient) -> None:
    issue = filed(site)
    client.move(issue.id, to_status="Resolved", resolution="Done")
    with pytest.raises(NoTransition, match="closed already"):
        client.move(issue.id, to_status="Reopened", resolution="Done")
    assert len(issue.histories) == 1


def test_move_says_what_is_permitted(site: ThreadedSandbox, client: JiraClient) -> None:
    issue = filed(site)
    with pytest.raises(NoTransition, match="Start work → In progress"):
        client.move(issue.id, to_status="Waiting for customer", resolution="Done")
    with pytest.raises(NoTransition, match="only Done, Won't Do"):
        client.move(issue.id, to_status="Resolved", resolution="Magic")
    assert issue.histories == []


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_transition_that_jira_refuses_is_no_transition(status: int) -> None:
    script = [
        Reply({"key": "OPS-1", "fields": {"status": {"id": "1", "name": "Open"}}}),
        Reply({"transitions": [{"id": "5", "name": "Close", "to": {"id": "2", "name": "Done"}, "fields": {}}]}),
        Reply({"errors": {"approval": "An approval is missing."}}, status),
    ]
    with stub(*script) as jira, client_of(jira.url) as us, pytest.raises(NoTransition, match="approval is missing"):
        us.move(1, to_status="Done", resolution="Done")
    assert jira.count("POST") == 1
    assert jira.calls[-1][2] == {"transition": {"id": "5"}}


def test_a_transition_that_asks_for_more_is_passed_over() -> None:
    fields = {"customfield_1": {"name": "Root cause", "required": True}}
    offered = [{"id": "5", "name": "Close", "to": {"name": "Done"}, "fields": fields}]
    status = Reply({"key": "OPS-1", "fields": {"status": {"id": "1", "name": "Open"}}})
    with (
        stub(status, Reply({"transitions": offered})) as jira,
        client_of(jira.url) as us,
        pytest.raises(NoTransition, match="also asks for Root cause"),
    ):
        us.move(1, to_status="Done", resolution="Done")
    with (
        stub(status, Reply({"transitions": []})) as jira,
        client_of(jira.url) as us,
        pytest.raises(NoTransition, match="permits this account none"),
    ):
        us.move(1, to_status="Done", resolution="Done")


@pytest.mark.parametrize(
    "offered",
    [
        7,
        [7],
        [{"to": None}],
        [{"name": "Close", "to": {"name": 7}, "fields": []}],
        [{"to": {"name": "Done"}, "fields": {"resolution": {"required": True, "allowedValues": [7]}}}],
        [{"to": {"name": "Done"}, "fields": {"customfield_1": {"required": True}, "resolution": None}}],
    ],
)
def test_transitions_that_are_none_move_nothing(offered: object) -> None:
    status = Reply({"key": "OPS-1", "fields": {"status": {"id": "1", "name": "Open"}}})
    with stub(status, Reply({"transitions": offered})) as jira, client_of(jira.url) as us, pytest.raises(JiraError):
        us.move(1, to_status="Done", resolution="Done")
    assert jira.count("POST") == 0


# What must never be seen


@pytest.mark.parametrize(
    "call", [lambda c: c.statuses(), lambda c: c.post_comment(1, BODY, properties={}, public=True)]
)
@pytest.mark.parametrize(
    "reply",
    [
        *(Reply({"errorMessages": [f"bad {TOKEN}"]}, status) for status in (400, 401, 403, 404, 410, 429, 500)),
        Reply(f"<html>{TOKEN}".encode()),
        Reply(b"{" + TOKEN.encode()),
        Reply(fault="drop"),
        Reply(b"", 302, {"Location": f"https://x/{TOKEN}"}),
    ],
)
def test_the_token_is_in_no_error(
    reply: Reply, call: Callable[[JiraClient], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with stub(reply) as jira, client_of(jira.url) as us, pytest.raises(TicketsError) as caught:
        call(us)
    shown: BaseException | None = caught.value
    while shown is not None:
        assert TOKEN not in f"{shown}{shown!r}"
        shown = shown.__cause__ or shown.__context__
    assert TOKEN not in f"{us!r}{us.settings!r}{us.settings}"
    assert TOKEN not in caplog.text


def test_importing_the_client_costs_nothing() -> None:
    """Only who speaks with Jira pays for the package and for requests."""
    code = "import sys, tickets.jira_client; print([m for m in ('jira', 'requests', 'urllib3') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

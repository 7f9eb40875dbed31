"""The server that the benchmarks measure against answers as a Jira does, so that what is measured is a sync."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.archive import BEGINNING, SPAN, Archive
from benchmarks.pages import Jira, Refused, ServedPages
from benchmarks.stories import PROJECT
from tickets.chains import Chain, check_chain
from tickets.jira_client import JiraClient
from tickets.jira_settings import JiraSettings
from tickets.shapes import read_instant
from tickets.store import TicketStore
from tickets.sync import sync

SIZE = 230
ARCHIVE = Archive(SIZE)
moments = st.none() | st.integers(BEGINNING - 1000, BEGINNING + SPAN * 2)


@pytest.fixture(scope="module")
def pages() -> Iterator[ServedPages]:
    with ServedPages(SIZE) as served:
        yield served


def client_of(served: ServedPages) -> JiraClient:
    client = JiraClient(JiraSettings(served.url, "bench@example.org", "token", site="bench"))
    client.check()
    return client


def at(number: int, clock: str) -> int:
    told = orjson.loads(ARCHIVE.issue(number))["fields"][clock]
    return round(read_instant(told, clock).timestamp() * 1000)


@given(moments, moments, st.sampled_from(["created", "updated"]))
def test_bounds_give_just_the_tickets_between_them(since: int | None, until: int | None, clock: str) -> None:
    found = (ARCHIVE.created if clock == "created" else ARCHIVE.updated)(since, until)
    expected = [
        number
        for number in range(SIZE)
        if (since is None or at(number, clock) >= since) and (until is None or at(number, clock) < until)
    ]
    assert list(found) == sorted(expected, key=lambda number: (at(number, clock), number))


def test_what_it_does_not_know_is_refused() -> None:
    jira = Jira(ARCHIVE)
    for jql in ("assignee = me", 'created >= "2026-01-01"', "created >= 1 AND updated >= 1", "created <= 5"):
        with pytest.raises(Refused):
            jira.answer("/rest/api/3/search/approximate-count", {"jql": jql})
    with pytest.raises(Refused):
        jira.answer("/rest/api/3/user", {})


def test_a_sync_reads_all_of_it_with_whole_histories_and_then_what_changed(pages: ServedPages, tmp_path: Path) -> None:
    with TicketStore.open(tmp_path / "tickets.sqlite3") as store:
        with client_of(pages) as client:
            assert sync(client, store, projects=[PROJECT]).tickets == SIZE
        kept = list(store.tickets())
        assert [ticket.id for ticket in kept] == [ARCHIVE.identity(number) for number in range(SIZE)]
        assert {check_chain(ticket) for ticket in kept} == {Chain.WHOLE}
        assert {len((*ticket.status_changes, *ticket.field_changes)) for ticket in kept} >= {3, 4, 5, 6}
        assert all(ticket.comments and ticket.description for ticket in kept)
        pages.touch(7)
        with client_of(pages) as client:
            changed = sync(client, store, projects=[PROJECT]).changed
        assert len(changed) == 7
        edited = store.get(changed[0])
        assert edited is not None
        assert edited.summary.endswith("(edit 1)")
        assert edited.field_changes[-1].to_value == "after edit 1"


def test_the_package_finds_as_many_on_the_same_pages(pages: ServedPages) -> None:
    from jira import JIRA

    package = JIRA(options={"server": pages.url, "rest_api_version": "3"}, basic_auth=("a", "b"), max_retries=0)
    found = package.enhanced_search_issues(f'project in ("{PROJECT}") AND created >= 0', maxResults=0)
    assert len({issue.id for issue in found}) == SIZE
    assert found[0].fields.comment.comments[0].author.displayName
    package.close()


def test_histories_come_in_pages_of_whole_tickets() -> None:
    jira, ids, found = Jira(ARCHIVE), [ARCHIVE.identity(number) for number in range(50)], []
    sent = {"issueIdsOrKeys": list(map(str, ids)), "maxResults": 20}
    while True:
        page = orjson.loads(jira.answer("/rest/api/3/changelog/bulkfetch", sent))
        assert sum(len(entry["changeHistories"]) for entry in page["issueChangeLogs"]) <= 20
        found += [int(entry["issueId"]) for entry in page["issueChangeLogs"]]
        if "nextPageToken" not in page:
            break
        sent["nextPageToken"] = page["nextPageToken"]
    assert found == ids


def test_an_answer_waits_for_the_delay() -> None:
    with ServedPages(10, delay=0.2) as served:
        started = time.perf_counter()
        served.seen()
        assert time.perf_counter() - started >= 0.2


def test_nobody_touched_a_ticket_without_histories() -> None:
    untouched = Archive(20, histories=False)
    for number in range(20):
        fields = orjson.loads(untouched.issue(number))["fields"]
        assert fields["created"] == fields["updated"]
        assert orjson.loads(untouched.histories(number))["changeHistories"] == []

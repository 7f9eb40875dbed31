"""The sync against the sandbox over HTTP: the store holds exactly what the Jira holds, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import pytest

from sandbox.history import year
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Issue, World
from tickets.adf import doc, paragraph, text
from tickets.errors import JiraRefused
from tickets.jira_client import JiraClient, JiraSettings
from tickets.store import TicketStore
from tickets.sync import sync
from tickets.ticket import Ticket

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PROJECTS = ("OPS", "DATA", "PLAT", "WEB")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TicketStore]:
    with TicketStore.open(tmp_path / "tickets.sqlite3") as opened:
        yield opened


@pytest.fixture
def site() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False) as running:
        yield running


@pytest.fixture
def client(site: ThreadedSandbox) -> Iterator[JiraClient]:
    with connect(site) as connected:
        yield connected


def connect(site: ThreadedSandbox) -> JiraClient:
    agent = site.personas["agent"]
    return JiraClient(JiraSettings(site.jira_url, agent.email, agent.token))


def file(site: ThreadedSandbox, count: int = 1, project: str = "OPS") -> list[Issue]:
    fields: dict[str, Any] = {"project": {"key": project}, "issuetype": {"name": "Incident"}, "summary": "It is down"}
    return [site.state.create(site.world.accounts["developer"], fields) for _ in range(count)]


def change(site: ThreadedSandbox, issue: Issue, summary: str) -> None:
    site.state.edit(site.world.accounts["developer"], issue, {"summary": summary})


def paragraphs(words: str) -> dict[str, Any]:
    return doc(paragraph(text(words)))


def milliseconds(at: datetime) -> datetime:
    """As Jira tells it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def held(ticket: Ticket) -> dict[str, object]:
    assert ticket.status_changes is not None
    return {
        "key": ticket.key,
        "status": ticket.status.name,
        "created": ticket.created_at,
        "updated": ticket.updated_at,
        "resolved": ticket.resolved_at,
        "reporter": ticket.reporter and ticket.reporter.id,
        "assignee": ticket.assignee and ticket.assignee.id,
        "moves": [(c.at, c.author and c.author.id, c.from_id, c.to_id) for c in ticket.status_changes],
        "comments": [(c.id, c.author and c.author.id, c.created_at) for c in ticket.comments],
        "form": {field.id for field in ticket.form},
    }


def told(world: World, issue: Issue) -> dict[str, object]:
    moves = [
        (milliseconds(h.created), h.author, item.from_id, item.to_id)
        for h in issue.histories
        for item in h.items
        if item.field == "status"
    ]
    return {
        "key": issue.key,
        "status": world.statuses[issue.status].name,
        "created": milliseconds(issue.created),
        "updated": milliseconds(issue.updated),
        "resolved": issue.resolved and milliseconds(issue.resolved),
        "reporter": issue.reporter,
        "assignee": issue.assignee,
        "moves": sorted(moves, key=lambda move: move[0]),
        "comments": [(str(c.id), c.author, milliseconds(c.created)) for c in issue.comments],
        "form": {name for name, text in issue.custom.items() if text},
    }


def test_the_store_holds_exactly_what_the_jira_holds(store: TicketStore) -> None:
    """A year of history, four projects, compared ticket by ticket."""
    world = year(7, NOW, 600)
    with serve_in_thread(world, aws=False) as site, connect(site) as client:
        report = sync(client, store, projects=PROJECTS)
        assert {t.id: held(t) for t in store.tickets()} == {i.id: told(world, i) for i in world.issues.values()}
        assert report.tickets == store.count() == len(world.issues)
        assert report.rejected == 0
        assert set(report.changed) == set(world.issues)
        assert report.status_changes == store.facts().status_changes > 0
        assert {s.id for s in store.statuses()} == set(world.statuses)
        newest = max(world.issues.values(), key=lambda issue: issue.updated)
        stored = store.get(newest.key)
        assert stored is not None
        assert held(client.ticket(newest.id)) == held(stored)


def test_only_the_projects_asked_for_are_read(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    file(site, 2, "OPS")
    other = file(site, 3, "WEB")
    assert sync(client, store, projects=("OPS",)).tickets == 2
    # A project that is added later is read from its beginning, although the others were synced before.
    site.state.world.now += timedelta(days=1)
    assert set(sync(client, store, projects=("OPS", "WEB")).changed) == {issue.id for issue in other}
    assert store.count() == 5


def test_one_edit_is_one_change(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issues = file(site, 5)
    sync(client, store, projects=PROJECTS)
    change(site, issues[3], "It is still down")
    site.state.comment(site.world.accounts["developer"], issues[3], paragraphs("help"), properties={}, public=True)
    report = sync(client, store, projects=PROJECTS)
    assert report.changed == (issues[3].id,)
    stored = store.get(issues[3].id)
    assert stored is not None
    assert stored.summary == "It is still down"
    assert [comment.text for comment in stored.comments] == ["help"]


def test_the_overlap_reads_again_and_changes_nothing(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    file(site, 5)
    first = sync(client, store, projects=PROJECTS)
    before = list(store.tickets())
    second = sync(client, store, projects=PROJECTS)
    assert second.tickets == 5
    assert second.changed == ()
    assert list(store.tickets()) == before
    assert store.facts().last_sync_at == second.started_at >= first.started_at


def test_what_the_index_shows_late_is_found_by_the_overlap(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """A ticket changed before the last sync began, but visible only after it."""
    sync(client, store, projects=PROJECTS)
    late = file(site)[0]
    late.created = late.updated = NOW - timedelta(minutes=8)
    assert sync(client, store, projects=PROJECTS).changed == (late.id,)


def test_a_run_that_is_killed_repeats_and_loses_nothing(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    issues = file(site, 250)

    def die(tickets: int) -> None:
        if tickets >= 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(client, store, projects=PROJECTS, progress=die)
    assert store.count() == 200
    assert store.facts().last_sync_at is None
    site.state.world.now += timedelta(days=3)  # much later than any overlap
    report = sync(client, store, projects=PROJECTS)
    assert report.tickets == 250
    assert set(report.changed) == {issue.id for issue in issues[200:]}
    assert {ticket.id for ticket in store.tickets()} == {issue.id for issue in issues}


def test_a_killed_incremental_run_starts_where_it_did(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    first = file(site, 3)
    sync(client, store, projects=PROJECTS)
    site.state.world.now += timedelta(days=1)
    change(site, first[0], "changed")
    fresh = file(site, 120)

    def die(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(client, store, projects=PROJECTS, progress=die)
    site.state.world.now += timedelta(days=1)
    sync(client, store, projects=PROJECTS)
    assert {ticket.id for ticket in store.tickets()} == {issue.id for issue in [*first, *fresh]}


def test_more_comments_than_a_page_embeds(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issue = file(site)[0]
    for number in range(230):
        body = paragraphs(f"comment {number}")
        site.state.comment(site.world.accounts["developer"], issue, body, properties={}, public=True)
    sync(client, store, projects=PROJECTS)
    stored = store.get(issue.id)
    assert stored is not None
    assert [comment.text for comment in stored.comments] == [f"comment {n}" for n in range(230)]


def test_a_ticket_that_cannot_be_read_is_kept_aside(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    good, bad = file(site, 2)
    bad.key = "no key at all"
    report = sync(client, store, projects=PROJECTS)
    assert (report.tickets, report.rejected, report.changed) == (1, 1, (good.id,))
    assert ["no key at all" in rejection.source for rejection in store.rejections()] == [True]
    bad.key = "OPS-99"
    assert sync(client, store, projects=PROJECTS).rejected == 0
    assert store.rejections() == []


def test_instants_are_asked_for_as_bare_milliseconds_without_an_upper_bound(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quoted date would be read in the account's time zone; a bound would lose what changes meanwhile."""
    asked: list[str] = []
    search = client.search
    monkeypatch.setattr(client, "search", lambda jql, fields: asked.append(jql) or search(jql, fields))
    report = sync(client, store, projects=("OPS",))
    sync(client, store, projects=("OPS",))
    since = int((report.started_at - timedelta(minutes=10)).timestamp() * 1000)
    assert asked == [
        'project in ("OPS") AND created >= 31536000000 ORDER BY created ASC, id ASC',
        f'project in ("OPS") AND updated >= {since} ORDER BY updated ASC, id ASC',
    ]


def test_a_moved_ticket_stays_the_same_ticket(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issue = file(site)[0]
    sync(client, store, projects=PROJECTS)
    issue.key, issue.project, issue.updated = "WEB-900", "WEB", site.state.now()
    assert sync(client, store, projects=PROJECTS).changed == (issue.id,)
    assert [(ticket.id, ticket.key) for ticket in store.tickets()] == [(issue.id, "WEB-900")]


def test_a_lost_log_in_leaves_the_store_as_it_was(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    file(site, 2)
    report = sync(client, store, projects=PROJECTS)
    site.world.accounts["agent"].token = "expired"
    with pytest.raises(JiraRefused):
        sync(client, store, projects=PROJECTS)
    assert store.count() == 2
    assert store.facts().last_sync_at == report.started_at


def test_nothing_new_is_cheap(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    file(site, 20)
    sync(client, store, projects=PROJECTS)
    for days in (0, 1):  # with the overlap's tickets, and without
        site.state.world.now += timedelta(days=days)
        before, started, own = client.requests, perf_counter(), process_time()
        assert sync(client, store, projects=PROJECTS).changed == ()
        assert client.requests - before <= 5
        assert perf_counter() - started < 3
        assert process_time() - own < 0.3

"""The sync against the sandbox over HTTP: the store holds exactly what the Jira holds, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter, process_time

import pytest

from sandbox.history import year
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Deployment
from tests.integration.sites import NOW, PROJECTS, change, connect, file, held, paragraphs, told
from tickets.errors import JiraRefused
from tickets.jira_client import JiraClient, JiraSettings
from tickets.store import TicketStore
from tickets.sync import Progress, sync


def test_the_store_holds_exactly_what_the_jira_holds(store: TicketStore, deployment: Deployment) -> None:
    """A year of history, four projects, compared ticket by ticket."""
    world = year(7, NOW, 600)
    with serve_in_thread(world, aws=False, deployment=deployment) as site, connect(site) as client:
        report = sync(client, store, projects=PROJECTS)
        assert {t.id: held(t) for t in store.tickets()} == {i.id: told(site, i) for i in world.issues.values()}
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
    assert store.facts().last_sync_at == second.started_at
    assert second.started_at > first.started_at - timedelta(seconds=1)  # Jira's Date knows only seconds


def test_what_the_index_shows_late_is_found_by_the_overlap(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """A ticket changed before the last sync began, but visible only after it."""
    sync(client, store, projects=PROJECTS)
    late = file(site)[0]
    late.created = late.updated = NOW - timedelta(minutes=8)
    assert sync(client, store, projects=PROJECTS).changed == (late.id,)


def test_a_killed_incremental_run_starts_where_it_did(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    first = file(site, 3)
    sync(client, store, projects=PROJECTS)
    site.state.world.now += timedelta(days=1)
    change(site, first[0], "changed")
    fresh = file(site, 120)

    def die(_: Progress) -> None:
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


def test_a_moved_ticket_stays_the_same_ticket(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issue = file(site)[0]
    sync(client, store, projects=PROJECTS)
    site.state.relocate(site.world.accounts["developer"], issue, "WEB")
    assert sync(client, store, projects=PROJECTS).changed == (issue.id,)
    assert [(ticket.id, ticket.key) for ticket in store.tickets()] == [(issue.id, "WEB-1")]


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
    one_by_one = 20 if site.deployment == "Data Center" else 0  # histories
    for days in (0, 1):  # with the overlap's tickets, and without
        site.state.world.now += timedelta(days=days)
        before, started, own = site.state.faults.seen.total(), perf_counter(), process_time()
        assert sync(client, store, projects=PROJECTS).changed == ()
        assert site.state.faults.seen.total() - before <= 5 + one_by_one
        assert perf_counter() - started < 3
        assert process_time() - own < 0.3


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu"])
def test_the_accounts_time_zone_does_not_matter(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore, zone: str
) -> None:
    """Jira reads a quoted date in it: hours of tickets would be missing, and nothing would say so."""
    site.world.accounts["agent"].time_zone = zone
    first = file(site, 5)
    sync(client, store, projects=PROJECTS)
    site.state.advance(timedelta(minutes=30))
    change(site, first[0], "changed")
    late = file(site)
    assert set(sync(client, store, projects=PROJECTS).changed) == {first[0].id, late[0].id}
    assert store.count() == 6


def test_a_scoped_token_syncs_through_the_gateway(store: TicketStore) -> None:
    """The site's own address refuses it; tickets are filed under the site's name all the same."""
    with serve_in_thread(empty_world(NOW), aws=False) as site:
        agent = site.world.accounts["agent"]
        issues = file(site, 3)
        gateway = f"{site.jira_url}/ex/jira/{site.world.cloud_id}"
        assert agent.scoped_token
        with (
            JiraClient(JiraSettings(site.jira_url, agent.email, agent.scoped_token)) as direct,
            pytest.raises(JiraRefused, match="api_url"),
        ):
            direct.check()
        settings = JiraSettings(site.jira_url, agent.email, agent.scoped_token, api_url=gateway)
        with JiraClient(settings) as client:
            client.check()
            sync(client, store, projects=PROJECTS)
        assert {ticket.id: held(ticket) for ticket in store.tickets()} == {i.id: told(site, i) for i in issues}
        assert {ticket.site for ticket in store.tickets()} == {"127.0.0.1"}

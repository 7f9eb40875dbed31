"""What no search for changes shows, the census finds; and what it cannot prove, stops the agent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.history import year
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Deployment
from tests.integration.sites import NOW, PROJECTS, change, connect, file
from tickets.census import take_census
from tickets.errors import JiraError
from tickets.jira_client import JiraClient
from tickets.proof import Proof, read_obstacles, read_proof
from tickets.store import TicketStore
from tickets.sync import sync
from tickets.ticket import Tombstone

SEARCH = {"Cloud": "search/jql", "Data Center": "search"}


def quick(client: JiraClient) -> JiraClient:
    """The same account, without waiting between tries."""
    made = JiraClient(client.settings, sleep=lambda _: None)
    made.check()
    return made


def proof_of(store: TicketStore, client: JiraClient, *projects: str) -> Proof:
    return read_proof(store, site=client.site, projects=projects or PROJECTS)


def buried(store: TicketStore) -> dict[int, Tombstone]:
    return {ticket.id: stone for ticket, stone, _ in store.tombstones()}


def test_a_quiet_site_is_complete(deployment: Deployment, store: TicketStore) -> None:
    """Every figure by project and month, against the world's own."""
    world = year(7, NOW, 600)
    with serve_in_thread(world, aws=False, deployment=deployment) as site, connect(site) as client:
        sync(client, store, projects=PROJECTS)
        report = take_census(client, store, projects=PROJECTS)
        assert (report.at_jira, report.late, report.buried, report.missing) == (600, (), {}, ())
        proof = proof_of(store, client)
    assert proof.is_complete
    assert proof.gaps == ()
    assert "Complete: all 600 tickets" in proof.sentences(NOW)[1]
    for project in proof.projects:
        for month in project.months:
            real = [
                i for i in world.issues.values() if i.project == project.project and f"{i.created:%Y-%m}" == month.month
            ]
            assert month.at_jira == month.here == len(real) == month.whole
            assert (month.missing, month.set_aside, month.broken, month.without) == (0, 0, 0, 0)
    assert sum(project.total("at_jira") for project in proof.projects) == 600


def test_a_deleted_ticket_is_gone_and_counts_no_longer(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    issues = file(site, 5)
    sync(client, store, projects=PROJECTS)
    site.state.delete(site.world.accounts["developer"], issues[2])
    sync(client, store, projects=PROJECTS)
    assert store.count() == 5  # a search for changes shows no deletion
    assert take_census(client, store, projects=PROJECTS).buried == {issues[2].id: Tombstone.GONE}
    assert store.count() == 4
    assert store.get(issues[2].id) is None
    assert issues[2].id not in {ticket.id for ticket in store.tickets()}
    assert buried(store) == {issues[2].id: Tombstone.GONE}
    assert store.facts().tombstones == 1
    assert proof_of(store, client).is_complete


def test_a_move_to_a_project_that_is_not_synced(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issues = file(site, 3)
    sync(client, store, projects=("OPS",))
    site.state.relocate(site.world.accounts["developer"], issues[0], "WEB")
    sync(client, store, projects=("OPS",))
    assert take_census(client, store, projects=("OPS",)).buried == {issues[0].id: Tombstone.MOVED}
    site.state.relocate(site.world.accounts["developer"], issues[0], "OPS")
    assert sync(client, store, projects=("OPS",)).changed == (issues[0].id,)
    assert buried(store) == {}
    assert take_census(client, store, projects=("OPS",)).buried == {}


def test_a_ticket_behind_a_security_level_is_hidden_and_comes_back(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    issues = file(site, 3)
    sync(client, store, projects=PROJECTS)
    site.state.hide(issues[1], "agent")
    assert take_census(client, store, projects=PROJECTS).buried == {issues[1].id: Tombstone.GONE}  # 404 means either
    site.state.show(issues[1], "agent")
    site.state.advance(timedelta(days=2))
    take_census(client, store, projects=("WEB",))
    report = take_census(client, store, projects=PROJECTS)
    assert report.late == (issues[1].id,)  # without any change that a sync could have seen
    assert buried(store) == {}
    assert store.count() == 3


def test_a_project_that_disappears_is_hidden_and_stops_acting_there(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    here, there = file(site, 3, "OPS"), file(site, 2, "WEB")
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    site.state.hide_project("WEB", "agent")
    report = sync(client, store, projects=PROJECTS)
    assert report.invisible == ("WEB",)
    take_census(client, store, projects=PROJECTS)
    assert buried(store) == {issue.id: Tombstone.HIDDEN for issue in there}
    assert {ticket.id for ticket in store.tickets()} == {issue.id for issue in here}
    obstacles = read_obstacles(store, site=client.site, projects=PROJECTS)
    assert list(obstacles) == ["WEB"]
    assert "Browse projects" in obstacles["WEB"]
    proof = proof_of(store, client)
    assert not proof.is_complete
    assert "The agent does nothing in WEB" in proof.sentences(NOW)[1]
    site.state.show_project("WEB", "agent")
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    assert store.count() == 5
    assert proof_of(store, client).is_complete


def test_a_ticket_indexed_later_than_the_overlap_is_read_by_the_census(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    sync(client, store, projects=PROJECTS)
    site.state.faults.index_lag = timedelta(hours=2)
    late = file(site)[0]
    site.state.advance(timedelta(hours=1))
    sync(client, store, projects=PROJECTS)
    site.state.advance(timedelta(hours=1, minutes=1))
    assert sync(client, store, projects=PROJECTS).changed == ()  # an hour past the overlap
    assert take_census(client, store, projects=PROJECTS).late == (late.id,)
    assert store.count() == 1
    assert proof_of(store, client).is_complete


def test_an_edit_behind_a_security_level_is_seen_when_the_level_goes(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """Hidden, edited, and shown again between two censuses: no sync ever saw the edit, and the id was never gone."""
    issue = file(site)[0]
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    site.state.advance(timedelta(hours=1))
    site.state.hide(issue, "agent")
    change(site, issue, "edited in the dark")
    site.state.advance(timedelta(hours=1))
    sync(client, store, projects=PROJECTS)
    site.state.show(issue, "agent")
    site.state.advance(timedelta(hours=1))
    assert sync(client, store, projects=PROJECTS).changed == ()
    assert take_census(client, store, projects=PROJECTS).late == (issue.id,)
    stored = store.get(issue.id)
    assert stored is not None
    assert stored.summary == "edited in the dark"


def test_a_history_that_hides_while_it_is_read_is_no_empty_history(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """The ticket is found, then hidden before its changes are read: it is left out, not kept as never changed."""
    hidden, shown = file(site, 2)
    site.state.advance(timedelta(seconds=5))
    for issue in (hidden, shown):
        site.state.move(site.world.accounts["agent"], issue, "11", {})
    operation = "changelog/bulkfetch" if site.deployment == "Cloud" else "issue/{key}"
    site.state.faults.on(operation, lambda: site.state.hide(hidden, "agent"), times=1)
    sync(client, store, projects=PROJECTS)
    assert {ticket.id for ticket in store.tickets()} == {shown.id}
    site.state.show(hidden, "agent")
    take_census(client, store, projects=PROJECTS)
    stored = store.get(hidden.id)
    assert stored is not None
    assert len(stored.status_changes or ()) == 1


def test_the_index_is_not_believed(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    """It still shows what was deleted, and does not yet show what is here: neither is taken for the truth."""
    kept, deleted = file(site, 2)
    sync(client, store, projects=PROJECTS)
    site.state.faults.index_lag = timedelta(hours=2)
    fresh = file(site)[0]
    store.save([client.ticket(fresh.id)])
    site.state.delete(site.world.accounts["developer"], deleted)
    take_census(client, store, projects=PROJECTS)
    assert buried(store) == {}
    assert {ticket.id for ticket in store.tickets()} >= {kept.id, fresh.id}
    assert proof_of(store, client).is_complete


def test_a_census_that_fails_stops_acting_and_says_why(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    file(site, 3)
    sync(client, store, projects=PROJECTS)
    assert "no census" in read_obstacles(store, site=client.site, projects=("OPS",))["OPS"]
    take_census(client, store, projects=PROJECTS)
    assert read_obstacles(store, site=client.site, projects=PROJECTS) == {}
    site.state.faults.fail(SEARCH[site.deployment], "403", times=None)
    with pytest.raises(JiraError):
        take_census(client, store, projects=PROJECTS)
    obstacles = read_obstacles(store, site=client.site, projects=PROJECTS)
    assert set(obstacles) == set(PROJECTS)
    assert all("403" in reason for reason in obstacles.values())
    assert not proof_of(store, client).is_complete
    assert proof_of(store, client).projects[0].total("here") == 3  # the report goes on with what is here
    site.state.faults.clear()
    take_census(client, store, projects=PROJECTS)
    assert read_obstacles(store, site=client.site, projects=PROJECTS) == {}


def test_an_anonymous_downgrade_buries_nothing(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    file(site, 6)
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    site.state.faults.fail(SEARCH[site.deployment], "anonymous", times=None)
    with pytest.raises(JiraError):
        take_census(client, store, projects=PROJECTS)
    assert buried(store) == {}
    assert store.count() == 6


def test_a_ticket_that_cannot_be_read_is_set_aside_and_told(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    _, bad = file(site, 2)
    bad.key = "no key at all"
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    proof = proof_of(store, client, "OPS")
    month = proof.projects[0].months[0]
    assert (month.at_jira, month.here, month.set_aside, month.missing) == (2, 1, 1, 0)
    assert not proof.is_complete
    assert proof.gaps == ("1 could not be read and were set aside: goldenpath sync --verify says why",)
    assert read_obstacles(store, site=client.site, projects=("OPS",)) == {}
    del site.world.issues[bad.id]
    take_census(client, store, projects=PROJECTS)
    assert store.rejections() == []
    assert proof_of(store, client, "OPS").is_complete


def test_a_newer_version_that_cannot_be_read_is_not_whole(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """An older version is kept; it is no proof, and the census tries again each time."""
    _, bad = file(site, 2)
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    key, bad.key, bad.updated = bad.key, "no key", site.state.now()
    sync(client, store, projects=PROJECTS)
    assert not proof_of(store, client).is_complete  # before any census
    assert take_census(client, store, projects=PROJECTS).late == ()
    month = proof_of(store, client, "OPS").projects[0].months[0]
    assert (month.at_jira, month.here, month.set_aside) == (2, 1, 1)
    bad.key = key
    take_census(client, store, projects=PROJECTS)
    assert proof_of(store, client).is_complete


def test_what_was_set_aside_is_tried_again_by_every_sync(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """The trouble was Jira's and is over: nothing about the ticket has changed, and no census is due."""
    _, bad = file(site, 2)
    key, bad.key = bad.key, "no key"
    sync(client, store, projects=PROJECTS)
    site.state.advance(timedelta(hours=2))
    assert sync(client, store, projects=PROJECTS).changed == ()
    bad.key = key
    site.state.advance(timedelta(hours=2))
    assert sync(client, store, projects=PROJECTS).changed == (bad.id,)
    assert store.rejections() == []


def test_two_that_cannot_be_read_are_two(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    for issue in file(site, 2):
        issue.key = "the same"
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    assert len(proof_of(store, client).set_aside) == 2
    assert read_obstacles(store, site=client.site, projects=PROJECTS) == {}


def test_a_ticket_that_goes_while_it_is_read_is_not_missing(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    sync(client, store, projects=PROJECTS)
    site.state.advance(timedelta(days=1))
    site.state.faults.index_lag = timedelta(hours=1)
    doomed = file(site)[0]
    site.state.advance(timedelta(hours=1, minutes=1))
    site.state.faults.index_lag = timedelta(0)
    histories = "changelog/bulkfetch" if site.deployment == "Cloud" else "issue/{key}"
    site.state.faults.on(histories, lambda: site.state.delete(site.world.accounts["developer"], doomed), times=1)
    take_census(client, store, projects=PROJECTS)
    assert read_obstacles(store, site=client.site, projects=PROJECTS) == {}


def test_what_was_deleted_does_not_come_back_from_the_index(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """Filed and deleted at once, while searches still show it: it was never changed, so its history is empty."""
    sync(client, store, projects=PROJECTS)
    site.state.advance(timedelta(minutes=30))
    ghost = file(site)[0]
    site.state.faults.index_lag = timedelta(hours=1)
    site.state.delete(site.world.accounts["developer"], ghost)
    assert sync(client, store, projects=PROJECTS).changed == ()
    take_census(client, store, projects=PROJECTS)
    assert store.count() == 0


def test_one_ticket_that_jira_cannot_give_is_set_aside(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """One of them fails for ever: the others go on, and nothing is concluded about it."""
    good, bad, known = file(site, 3)
    site.state.faults.broken_tickets.add(bad.id)
    sync(quick(client), store, projects=PROJECTS)
    site.state.faults.broken_tickets.add(known.id)
    site.state.hide(known, "agent")
    site.state.advance(timedelta(minutes=1))
    report = take_census(quick(client), store, projects=PROJECTS)
    assert read_obstacles(store, site=client.site, projects=PROJECTS) == {}
    kept = {ticket.id for ticket in store.tickets()}
    if site.deployment == "Data Center":  # each history is a request of its own
        assert kept == {good.id}
        assert [rejection.ticket_id for rejection in store.rejections()] == [bad.id]
        assert "Jira cannot give it" in store.rejections()[0].reason
    else:
        assert kept == {good.id, bad.id}
    assert set(report.buried) == {known.id}  # 404, whatever else is wrong with it


def test_breaks_are_counted_and_explained(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    """A workflow migration and a project move explain a gap; a change that vanished does not."""
    whole, migrated, lossy = file(site, 3)
    agent = site.world.accounts["agent"]
    for issue in (whole, lossy):
        for wanted in ("11", "21", "31"):
            site.state.move(agent, issue, wanted, {})
    del lossy.histories[1]
    site.state.move(agent, migrated, "11", {})
    site.state.relocate(agent, migrated, "PLAT")
    sync(client, store, projects=PROJECTS)
    take_census(client, store, projects=PROJECTS)
    proof = proof_of(store, client)
    assert proof.broken == (lossy.key,)
    assert sum(project.total("broken") for project in proof.projects) == 1
    assert sum(project.total("whole") + project.total("moved") for project in proof.projects) == 2
    assert "of the histories of OPS 1 have a break that nothing explains" in proof.gaps
    assert read_obstacles(store, site=client.site, projects=PROJECTS) == {}


def test_two_sites_with_the_same_key_stay_apart(client: JiraClient, site: ThreadedSandbox, store: TicketStore) -> None:
    mine = file(site, 2)
    sync(client, store, projects=PROJECTS)
    with serve_in_thread(empty_world(NOW), aws=False, deployment=site.deployment) as other:
        theirs = file(other, 1)
        with connect(other, name="other.example") as elsewhere:
            sync(elsewhere, store, projects=PROJECTS)
            assert mine[0].key == theirs[0].key
            assert store.count() == 3
            change(other, theirs[0], "over there")
            sync(elsewhere, store, projects=PROJECTS)
            other.state.delete(other.world.accounts["developer"], theirs[0])
            assert take_census(elsewhere, store, projects=PROJECTS).buried == {theirs[0].id: Tombstone.GONE}
    take_census(client, store, projects=PROJECTS)
    assert {(ticket.site, ticket.key) for ticket in store.tickets()} == {(client.site, i.key) for i in mine}

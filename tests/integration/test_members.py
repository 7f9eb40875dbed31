"""Who is in the teams' groups: every page, the ids that tickets name people by, and no sync that fails over it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.syncing import refresh
from sandbox.serve import ThreadedSandbox
from sandbox.site import GROUPS
from sandbox.world import Account
from tests.integration.sites import PROJECTS, file, install
from tests.integration.test_jira_client import Reply, client_of, stub
from tickets.errors import JiraRefused, MalformedAnswer, NotFound
from tickets.jira_client import JiraClient
from tickets.store import TicketStore
from tickets.sync import sync


def crowd(site: ThreadedSandbox, count: int) -> None:
    """So many more people who may search."""
    for number in range(count):
        name = f"person-{number}"
        site.world.accounts[name] = Account(name, f"{name}@sandbox.example", name, name, groups={"g-search"})


def name_of(site: ThreadedSandbox, group: str) -> str:
    """What this Jira calls the group."""
    return group if site.deployment == "Cloud" else GROUPS[group]


def told(site: ThreadedSandbox, *groups: str) -> Mapping[str, frozenset[str]]:
    """What the world knows, in the words of this Jira."""
    return {
        name_of(site, group): frozenset(
            account.account_id if site.deployment == "Cloud" else account.user_key
            for account in site.world.accounts.values()
            if group in account.groups
        )
        for group in groups
    }


@pytest.mark.parametrize("count", [0, 42, 43, 120])  # with the 7 that are there: a page but one, a page, several
def test_every_member_of_a_group_is_read(site: ThreadedSandbox, client: JiraClient, count: int) -> None:
    crowd(site, count)
    name = name_of(site, "g-search")
    assert client.group_members(name) == told(site, "g-search")[name]
    assert len(client.group_members(name)) == 7 + count


def test_members_have_the_ids_that_tickets_name_people_by(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    file(site)
    sync(client, store, projects=PROJECTS)
    [ticket] = store.tickets()
    assert ticket.reporter is not None
    assert ticket.reporter.id in client.group_members(name_of(site, "g-payments"))


def test_a_group_that_is_not_there_or_not_shown_is_no_empty_group(site: ThreadedSandbox, client: JiraClient) -> None:
    for unknown in ("nobodys", "g-search&groupId=g-ops", ""):
        with pytest.raises((NotFound, JiraRefused)):
            client.group_members(unknown)
    site.state.sight.deny("agent", "USER_PICKER")
    with pytest.raises(JiraRefused):
        client.group_members(name_of(site, "g-search"))


ADA = {"accountId": "5b10", "displayName": "Ada"}


@pytest.mark.parametrize(
    "pages",
    [
        [{"values": [ADA]}],
        [{"values": [ADA], "isLast": "yes"}],
        [{"isLast": True}],
        [{"values": [], "isLast": False}],
        [{"values": [ADA], "isLast": False}] * 3,
        [{"values": [{"displayName": "Nobody"}], "isLast": True}],
    ],
)
def test_an_answer_that_is_not_whole_is_no_list(pages: list[dict[str, object]]) -> None:
    with stub(*map(Reply, pages)) as jira, client_of(jira.url) as client, pytest.raises(MalformedAnswer):
        client.group_members("g")


# With a sync


def test_a_sync_with_a_census_reads_the_groups_of_all_teams_once(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore, tmp_path: Path
) -> None:
    configuration = install(site, tmp_path)
    teams = {name_of(site, "g-payments"), name_of(site, "g-search")}
    assert set(configuration.team_groups()) == teams
    refresh(configuration, client, store)
    assert store.members(client.site) == told(site, "g-payments", "g-search")
    assert site.state.faults.seen["group/member"] == 2
    refresh(configuration, client, store)
    assert site.state.faults.seen["group/member"] == 2
    site.world.accounts["developer"].groups.clear()
    refresh(configuration, client, store, census_now=True)
    assert store.members(client.site) == told(site, "g-payments", "g-search")


def test_a_group_that_cannot_be_read_keeps_what_was_known_and_stops_nothing(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = install(site, tmp_path)
    refresh(configuration, client, store)
    known = store.members()
    site.state.sight.deny("agent", "USER_PICKER")
    [issue] = file(site)
    with caplog.at_level(logging.WARNING, "goldenpath.sync"):
        done = refresh(configuration, client, store, census_now=True)
    assert (done.failure, done.synced.changed, done.census is not None) == ("", (issue.id,), True)
    assert store.members() == known
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    for group, sentence in zip(configuration.team_groups(), said, strict=True):
        assert f"the members of group {group} cannot be read" in sentence
        assert "Browse users and groups" in sentence


def test_a_jira_that_does_not_answer_is_not_asked_for_every_group(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = install(site, tmp_path)
    site.state.faults.fail("group/member", "drop", times=None)
    with JiraClient(client.settings, sleep=lambda _: None) as impatient:
        impatient.check()
        assert refresh(configuration, impatient, store).failure == ""
    assert len([record for record in caplog.records if "cannot be read" in record.getMessage()]) == 1
    assert store.members() == {}

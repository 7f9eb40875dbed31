"""Keeps the ticket store equal to Jira: what changed, a census when it is due, history files for large sites."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from agent.bootstrap import history_folder
from agent.config import Configuration
from agent.errors import AgentError
from agent.measuring import keep_measured
from agent.needs import SEES_GROUPS
from analytics.errors import AnalyticsError
from tickets.census import CensusReport, take_census
from tickets.errors import JiraError, JiraUnreachable
from tickets.jira_client import JiraClient
from tickets.proof import read_obstacles
from tickets.store import TicketStore
from tickets.sync import Progress, SyncReport, sync

log = logging.getLogger("goldenpath.sync")

# What stands in the way of acting is looked at again so much later.
RETRY = timedelta(minutes=10)
# Below so many tickets everything reads the store itself fast enough.
WORTH_A_HISTORY = 100_000


@dataclass(frozen=True, slots=True)
class Refreshed:
    """`census` is None where none was due or it failed (`failure` says why); `obstacles` are the projects for which
    nothing may be done, each with the reason; `rewritten` counts the partitions of the history that were written."""

    synced: SyncReport
    census: CensusReport | None
    failure: str
    obstacles: Mapping[str, str]
    rewritten: int


def refresh(
    configuration: Configuration,
    client: JiraClient,
    store: TicketStore,
    *,
    census_now: bool = False,
    rebuild_history: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Refreshed:
    """Raises TicketsError when Jira cannot be read; a census that fails is remembered and stops acting instead."""
    projects, settings = configuration.require_jira().projects, configuration.sync
    overlap = timedelta(minutes=settings.overlap_minutes)
    synced = sync(
        client,
        store,
        projects=projects,
        overlap=overlap,
        in_flight=settings.in_flight,
        progress=progress,
    )
    census, failure = None, ""
    store.check_chains()
    if census_now or is_census_due(configuration, client.site, store, synced):
        try:
            census = take_census(
                client, store, projects=projects, overlap=overlap, progress=lambda n: progress(Progress("census", n))
            )
            read_members(configuration, client, store)
        except JiraError as error:
            failure = str(error)
            log.warning("the census failed: %s", failure)
    rewritten = _write_history(configuration, store, rebuild=rebuild_history)
    obstacles = read_obstacles(store, site=client.site, projects=projects)
    return Refreshed(synced, census, failure, obstacles, rewritten)


def is_census_due(configuration: Configuration, site: str, store: TicketStore, synced: SyncReport) -> bool:
    """Where a project had none yet or the last one is older than the configuration allows; where a project has
    disappeared or come back; and from time to time where the last one found a reason not to act."""
    projects, entries = configuration.require_jira().projects, store.book.censuses(site)
    if any(project not in entries for project in projects):
        return True
    taken = {project: entries[project].taken_at for project in projects}
    if min(taken.values()) < synced.started_at - timedelta(hours=configuration.sync.census_hours):
        return True
    if {project for project in projects if entries[project].is_invisible} != set(synced.invisible):
        return True
    obstacles = read_obstacles(store, site=site, projects=projects)
    return any(taken[project] < synced.started_at - RETRY for project in obstacles)


def read_members(configuration: Configuration, client: JiraClient, store: TicketStore) -> None:
    """Who is in the groups of the configured teams, asked as often as a census is taken: it decides nothing, and tells
    only whose working hours count. A group that cannot be read keeps what was known of it."""
    found: dict[str, frozenset[str]] = {}
    for group in configuration.team_groups():
        try:
            found[group] = client.group_members(group)
        except JiraError as error:
            log.warning(
                "the members of group %s cannot be read, so what was known of it stays; "
                "this account needs the permission %s: %s",
                group,
                SEES_GROUPS,
                error,
            )
            if isinstance(error, JiraUnreachable):  # each of the others would wait as long
                break
    store.save_members(client.site, found)


def _write_history(configuration: Configuration, store: TicketStore, *, rebuild: bool) -> int:
    """Only where it is worth its files, or where somebody has asked for it once."""
    folder = history_folder(configuration)
    if not (rebuild or folder.exists() or store.count() >= WORTH_A_HISTORY):
        return 0
    from tickets.history import write_history  # pyarrow is slow to import

    written = write_history(store, folder, rebuild=rebuild).written
    try:
        keep_measured(configuration, store)
    except (AgentError, AnalyticsError) as error:  # it is derived: a page is slower without it, and nothing is lost
        log.warning("the figures of the history were not kept for the pages: %s", error)
    return written

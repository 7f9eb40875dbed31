"""The sandbox's JQL: what it finds, in which order, and what it refuses as Jira does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.jira_state import JiraState
from sandbox.jql import Asker, JqlError, parse
from sandbox.site import empty_world
from sandbox.world import World

NOW = datetime(2026, 3, 4, 10, 30, 0, 123_000, tzinfo=UTC)
MILLISECONDS = 1_772_620_200_123


@pytest.fixture(scope="module")
def world() -> World:
    """OPS-1 (created at NOW, resolved), PLAT-1 (an hour later, in progress), OPS-2 (two hours later, new)."""
    world = empty_world(NOW)
    state = JiraState(world)
    for hours, (project, issue_type, status) in enumerate(
        [("OPS", "Service Request", "10004"), ("PLAT", "Task", "10012"), ("OPS", "Service Request", "10001")]
    ):
        fields = {"project": {"key": project}, "issuetype": {"name": issue_type}, "summary": "x"}
        issue = state.create(world.accounts["developer"], fields)
        issue.created = issue.updated = NOW + timedelta(hours=hours)
        issue.status = status
    return world


def found(world: World, query: str) -> list[str]:
    return [issue.key for issue in parse(query, world).select(world.issues.values())]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("project = OPS ORDER BY key", ["OPS-1", "OPS-2"]),
        ('project in ("OPS", PLAT) ORDER BY created ASC, id ASC', ["OPS-1", "PLAT-1", "OPS-2"]),
        ('project = "DevOps service desk" order by created desc', ["OPS-2", "OPS-1"]),
        ("project not in (OPS)", ["PLAT-1"]),
        ("project != PLAT AND statusCategory != Done", ["OPS-2"]),
        ("statusCategory in ('To Do', \"In Progress\") ORDER BY id DESC", ["OPS-2", "PLAT-1"]),
        ("key in (ops-2, PLAT-1) ORDER BY key", ["OPS-2", "PLAT-1"]),
        ("id = 100000", ["OPS-1"]),
        ("key = OPS-99", []),
        (f"updated >= {MILLISECONDS} ORDER BY updated", ["OPS-1", "PLAT-1", "OPS-2"]),
        (f"updated > {MILLISECONDS} ORDER BY updated", ["PLAT-1", "OPS-2"]),
        (f"created = {MILLISECONDS}", ["OPS-1"]),
        (f"created<={MILLISECONDS} and project=OPS", ["OPS-1"]),
        ("project = OPS", ["OPS-2", "OPS-1"]),
    ],
)
def test_finds(world: World, query: str, keys: list[str]) -> None:
    assert found(world, query) == keys


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "Unbounded"),
        ("ORDER BY created", "Unbounded"),
        ("project = NONE", "does not exist for the field 'project'"),
        ("reporter = developer", "Field 'reporter' does not exist"),
        ('updated >= "2026-03-04 10:30:15"', "is invalid. Valid formats"),
        ("updated >= yesterday", "is invalid. Valid formats"),
        ("updated in (1)", "not supported by the 'updated'"),
        ("project > OPS", "not supported by the 'project'"),
        ("project = OPS OR key = OPS-1", "expected AND"),
        ("project =", "middle of a clause"),
        ("project in", "middle of a clause"),
        ("project in ()", "expected a value"),
        ("project in (OPS", "middle of a clause"),
        ("project in (OPS PLAT)", "expected ',' or ')'"),
        ("project in OPS", "expected '('"),
        ('project = "OPS', "is not expected"),
        ("project = OPS ORDER created", "expected BY"),
        ("project = OPS ORDER BY", "expected BY"),
        ("project = OPS ORDER BY rank", "Not able to sort"),
        ("project = OPS ORDER BY id sideways", "expected ASC or DESC"),
        ("statusCategory = Open", "does not exist for the field 'statusCategory'"),
        ("project not OPS", "middle of a clause"),
    ],
)
def test_refuses(world: World, query: str, reason: str) -> None:
    with pytest.raises(JqlError, match=reason.replace("(", r"\(").replace(")", r"\)")):
        parse(query, world)


@pytest.mark.parametrize(
    ("zone", "query", "keys"),
    [
        ("Etc/UTC", 'updated >= "2026-03-04 10:31" ORDER BY id', ["PLAT-1", "OPS-2"]),
        ("Etc/UTC", 'updated >= "2026-03-04 10:30" ORDER BY id', ["OPS-1", "PLAT-1", "OPS-2"]),
        ("Etc/UTC", "updated < '2026/03/04 11:31'", ["PLAT-1", "OPS-1"]),
        ("America/New_York", 'updated >= "2026-03-04 06:31"', ["OPS-2"]),
        ("America/New_York", 'created < "2026/03/04" ORDER BY id', []),
        ("Asia/Tokyo", 'updated >= "2026-03-04 20:31"', ["OPS-2"]),
        ("Asia/Tokyo", "updated >= 2026-03-04 AND updated < 2026-03-05 ORDER BY id", ["OPS-1", "PLAT-1", "OPS-2"]),
    ],
)
def test_a_date_is_read_in_the_accounts_time_zone(world: World, zone: str, query: str, keys: list[str]) -> None:
    assert [issue.key for issue in parse(query, world, Asker(zone)).select(world.issues.values())] == keys


def test_a_project_that_is_hidden_does_not_exist(world: World) -> None:
    with pytest.raises(JqlError, match="'OPS' does not exist for the field 'project'"):
        parse("project = OPS", world, Asker(hidden_projects=["OPS"]))
    assert [
        issue.key
        for issue in parse("project = PLAT", world, Asker(hidden_projects=["OPS"])).select(world.issues.values())
    ] == ["PLAT-1"]

"""The agent acts only in projects whose copy is provably whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent import bootstrap, config, operations
from agent.cycle import CycleReport, run_cycle
from fulfilment.request import Result
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Issue
from tests.integration.sites import NOW, file, file_bucket, install


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW)) as site:
        yield site


@pytest.fixture
def installed(running: ThreadedSandbox, tmp_path: Path) -> config.Configuration:
    running.state.faults.clear()
    return install(running, tmp_path)


def cycle(installed: config.Configuration) -> CycleReport:
    with bootstrap.open_rooms(installed) as rooms:
        return run_cycle(rooms)


def outcomes(done: CycleReport, issue: Issue) -> list[Result]:
    return [outcome.result for outcome in done.outcomes if outcome.ticket == issue.key]


def test_a_failed_census_stops_acting_until_one_succeeds(
    running: ThreadedSandbox, installed: config.Configuration
) -> None:
    doomed = file(running, 1, "WEB")[0]
    assert cycle(installed).obstacles == {}
    running.state.delete(running.world.accounts["developer"], doomed)
    running.state.advance(timedelta(hours=25))  # a census is due again
    running.state.faults.fail("issue/bulkfetch", "403", times=None)
    wish = file_bucket(running, "payments-first-wish")
    running.state.edit(running.world.accounts["developer"], wish, {"labels": ["soon"]})  # the sync needs no bulkfetch
    blocked = cycle(installed)
    assert set(blocked.obstacles) == {"OPS", "DATA", "PLAT", "WEB"}
    assert all("403" in reason for reason in blocked.obstacles.values())
    assert outcomes(blocked, wish) == []
    assert "does nothing in OPS" in " ".join(operations.view_queue(installed).proof.sentences(NOW))
    running.state.faults.clear()
    assert set(cycle(installed).obstacles) == set(blocked.obstacles)  # not at once in every cycle
    running.state.advance(timedelta(minutes=11))
    done = cycle(installed)  # but long before the next one is due
    assert done.obstacles == {}
    assert outcomes(done, wish) == [Result.FULFILLED]


def test_only_the_project_that_is_not_whole_stands_still(
    running: ThreadedSandbox, installed: config.Configuration
) -> None:
    cycle(installed)
    running.state.hide_project("WEB", "agent")
    wish = file_bucket(running, "payments-second-wish")
    done = cycle(installed)
    assert set(done.obstacles) == {"WEB"}  # although no census was due
    assert "not visible" in done.obstacles["WEB"]
    assert outcomes(done, wish) == [Result.FULFILLED]
    running.state.show_project("WEB", "agent")
    assert cycle(installed).obstacles == {}

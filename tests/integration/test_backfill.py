"""A first sync: windows by creation, several at once, and whatever stops it, it goes on where it was."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from sandbox.history import year
from sandbox.serve import ThreadedSandbox, serve_in_thread
from tests.integration.sites import NOW, change, file, held, install, told
from tickets.errors import JiraError
from tickets.jira_client import JiraClient
from tickets.store import TicketStore
from tickets.sync import Progress, sync
from tickets.sync_book import Window


def spread(site: ThreadedSandbox, count: int, *, days: float, project: str = "OPS") -> None:
    """Tickets whose creation lies anywhere in the last days, three of them always together."""
    rng = Random(count)
    for number, issue in enumerate(file(site, count, project)):
        if number % 3 == 0:
            at = NOW - timedelta(days=rng.uniform(0, days))
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        issue.created = issue.updated = at


def assert_equal(store: TicketStore, site: ThreadedSandbox) -> None:
    assert {t.id: held(t) for t in store.tickets()} == {i.id: told(site, i) for i in site.world.issues.values()}


def test_windows_together_cover_everything_once(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    spread(site, 400, days=300)
    report = sync(client, store, projects=("OPS",), in_flight=4, window=20)
    assert report.tickets == 400  # none was read twice, although windows meet at instants where tickets stand
    assert site.state.faults.seen["search/jql"] + site.state.faults.seen["search"] > 20
    assert_equal(store, site)


def test_a_crowd_in_one_instant_is_one_window(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    """An import gives a thousand tickets the same instant: no halving of time takes them apart."""
    spread(site, 6, days=300)
    crowd = file(site, 150)
    for issue in crowd:
        issue.created = issue.updated = NOW - timedelta(days=30)
    assert sync(client, store, projects=("OPS",), window=20).tickets == 156
    assert_equal(store, site)


def test_what_was_kept_is_not_read_again_after_a_failure(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    spread(site, 400, days=300)
    kept: list[int] = []
    for stop_at in (40, 150, 300):

        def die(at: Progress, stop_at: int = stop_at) -> None:
            if at.done >= stop_at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sync(client, store, projects=("OPS",), window=20, in_flight=3, progress=die)
        kept.append(store.count())
        assert store.facts().last_sync_at is None
    assert 0 < kept[0] < kept[1] < kept[2] < 400
    site.state.advance(timedelta(days=3))  # much later than any overlap
    changed = store.get(next(iter(store.ids(client.site, "OPS"))))
    assert changed is not None
    change(site, site.world.issues[changed.id], "edited while the backfill lay still")
    last = sync(client, store, projects=("OPS",))
    assert last.tickets < 400 - kept[2] + 60
    assert_equal(store, site)
    assert store.book.windows(client.site, "OPS") == []


def test_an_error_in_one_window_ends_the_run_and_loses_nothing(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    spread(site, 300, days=300)
    histories = "changelog/bulkfetch" if site.deployment == "Cloud" else "issue/{key}"
    site.state.faults.fail(histories, "403", skip=2)
    with pytest.raises(JiraError, match="403"):
        sync(client, store, projects=("OPS",), window=20, in_flight=3)
    site.state.faults.clear()
    sync(client, store, projects=("OPS",))
    assert_equal(store, site)


def test_a_project_that_comes_later_is_read_from_its_beginning(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    spread(site, 30, days=100)
    spread(site, 30, days=100, project="WEB")
    sync(client, store, projects=("OPS",))
    site.state.advance(timedelta(days=30))
    report = sync(client, store, projects=("OPS", "WEB"))
    assert report.tickets == 30
    assert_equal(store, site)


def test_windows_survive_in_the_book(store: TicketStore) -> None:
    left = Window("site", "OPS", NOW - timedelta(days=9), NOW, NOW - timedelta(days=4), False, 70, NOW)
    right = Window("site", "OPS", NOW, None, NOW, True, 30, NOW)
    other = Window("other", "OPS", NOW, None, NOW, False, 1, NOW)
    store.book.plan([left, right, other])
    assert store.book.windows("site", "OPS") == [left, right]
    store.book.finish("site", ["OPS"], NOW)
    assert store.book.windows("site", "OPS") == []
    assert store.book.windows("other", "OPS") == [other]


def test_nothing_is_asked_any_more_after_an_error(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    """The workers stop where they are: no thread goes on with its window."""
    spread(site, 400, days=300)
    histories = "changelog/bulkfetch" if site.deployment == "Cloud" else "issue/{key}"
    site.state.faults.on(histories, lambda: time.sleep(0.01), times=None)

    def die(at: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(client, store, projects=("OPS",), in_flight=4, window=20, progress=die)
    time.sleep(0.1)
    seen = site.state.faults.seen.total()
    time.sleep(0.3)
    assert site.state.faults.seen.total() == seen


def test_a_scheduled_run_ends_in_the_middle_of_a_first_sync(tmp_path: Path) -> None:
    with serve_in_thread(year(3, NOW, 1000), aws=False) as site:
        site.state.faults.on("search/jql", lambda: time.sleep(0.2), times=None)
        install(site, tmp_path)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", "run"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        )
        while site.state.faults.seen["search/jql"] < 8 and process.poll() is None:
            time.sleep(0.01)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert time.monotonic() - began < 8
        assert process.returncode == 0
        assert "goes on where it was" in said
        with TicketStore.open(tmp_path / ".goldenpath" / "tickets.sqlite3") as store:
            assert store.facts().last_sync_at is None


def test_processes_read_the_same(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    spread(site, 400, days=300)
    spread(site, 20, days=300, project="WEB")
    bad = file(site)[0]
    bad.key = "no key"
    report = sync(client, store, projects=("OPS", "WEB"), in_flight=4, window=50, processes=2)
    assert (report.tickets, report.rejected) == (420, 1)
    del site.world.issues[bad.id]
    assert_equal(store, site)
    assert multiprocessing.active_children() == []


def test_an_error_in_another_process_is_told_here(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    spread(site, 300, days=300)
    histories = "changelog/bulkfetch" if site.deployment == "Cloud" else "issue/{key}"
    site.state.faults.fail(histories, "403", skip=2)
    with pytest.raises(JiraError, match="403"):
        sync(client, store, projects=("OPS",), window=50, processes=2)
    assert multiprocessing.active_children() == []
    site.state.faults.clear()
    sync(client, store, projects=("OPS",), window=50, processes=2)
    assert_equal(store, site)


def test_a_process_that_dies_ends_the_run_with_a_sentence(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    spread(site, 300, days=300)

    def kill(at: Progress) -> None:
        multiprocessing.active_children()[0].kill()

    with pytest.raises(JiraError, match="goes on where it was"):
        sync(client, store, projects=("OPS",), in_flight=2, window=20, processes=2, progress=kill)
    sync(client, store, projects=("OPS",))
    assert_equal(store, site)


def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    with serve_in_thread(year(3, NOW, 600), aws=False) as site:
        site.state.faults.on("search/jql", lambda: time.sleep(0.3), times=None)
        agent = site.personas["agent"]
        code = (
            "import sys\n"
            "from tickets.jira_client import JiraClient, JiraSettings\n"
            "from tickets.store import TicketStore\n"
            "from tickets.sync import sync\n"
            "if __name__ == '__main__':\n"
            f"    client = JiraClient(JiraSettings({site.jira_url!r}, {agent.email!r}, {agent.token!r}))\n"
            "    client.check()\n"
            "    sync(client, TicketStore.open(sys.argv[1]), projects=['OPS'], window=20, processes=2)\n"
        )
        script = tmp_path / "script.py"
        script.write_text(code)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "t.sqlite3")], env=environment)
        while site.state.faults.seen["search/jql"] < 4 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
        time.sleep(2)
        seen = site.state.faults.seen["search/jql"]
        time.sleep(1)
        assert site.state.faults.seen["search/jql"] == seen, "somebody still asks"


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_real_process_is_killed_three_times(tmp_path: Path, seed: int) -> None:
    """kill -9 in the middle of the command, each time a little later; then it ends, and everything is there."""
    world = year(seed, datetime(2026, 11, 23, 9, 30, tzinfo=UTC), 1500)
    rng = Random(seed)
    with serve_in_thread(world, aws=False) as site:
        for place in ("search/jql", "changelog/bulkfetch"):  # slow enough to be caught in the act
            site.state.faults.on(place, lambda: time.sleep(0.03), times=None)
        install(site, tmp_path)
        command = [sys.executable, "-m", "agent", "sync", "--verify"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment.pop("GOLDENPATH_CONFIG", None)
        for _ in range(3):
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            seen = site.state.faults.seen["search/jql"]
            while site.state.faults.seen["search/jql"] < seen + rng.randint(3, 12) and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "complete: yes" in done.stdout
        with TicketStore.open(tmp_path / ".goldenpath" / "tickets.sqlite3") as store:
            assert_equal(store, site)

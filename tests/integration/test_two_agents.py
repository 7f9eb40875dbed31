"""Two agents, each a process of its own, on one store: every request is fulfilled once, and the work is shared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent import bootstrap
from fulfilment.request import State
from sandbox.serve import serve_in_thread
from sandbox.site import empty_world
from tests.integration.sites import NOW, file_bucket, install

ROOT = Path(__file__).parents[2]


def work_together(toml: Path, *, agents: int, rounds: int) -> list[dict[str, object]]:
    """What each of them printed."""
    command = [sys.executable, "-m", "tests.agents", str(toml), str(rounds)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))  # type: ignore[call-overload]
            for _ in range(agents)
        ]
        for process in started:
            stack.callback(process.kill)
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        told = []
        for process in started:
            out, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
            assert "Traceback" not in errors
            told.append(json.loads(out))
    return told


@pytest.mark.parametrize(
    ("kind", "wishes", "agents"),
    [
        pytest.param("SQLite", 3, 2, marks=pytest.mark.soak),
        ("PostgreSQL", 3, 2),
        pytest.param("SQLite", 40, 4, marks=pytest.mark.soak),
        pytest.param("PostgreSQL", 40, 4, marks=pytest.mark.soak),
    ],
)
def test_agents_share_the_work_and_do_nothing_twice(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, wishes: int, agents: int
) -> None:
    database = request.getfixturevalue("database") if kind == "PostgreSQL" else ""
    with serve_in_thread(empty_world(NOW)) as site:
        installed = install(site, tmp_path, database=database)
        issues = [file_bucket(site, f"payments-{kind.lower()}-{wishes}-{number}") for number in range(wishes)]
        told = work_together(tmp_path / "goldenpath.toml", agents=agents, rounds=20)
        said = [set(one["fulfilled"]) for one in told]
        assert set().union(*said) == {issue.key for issue in issues}
        # Who comes to a ticket that was done meanwhile says so too.
        assert all(said.count(one) == 1 and one for one in said), "one of them did all the work"
        assert [one["errors"] for one in told] == [0] * agents
        agent = site.world.accounts["agent"].account_id
        for issue in issues:
            assert len([one for one in issue.comments if one.author == agent]) == 1
            assert site.world.statuses[issue.status].name == "Resolved"
    with bootstrap.open_ledger(installed) as ledger:
        assert Counter(one.state for one in ledger.requests()) == {State.CLOSED: wishes}
        assert ledger.verify().broken_at is None
        kinds = Counter(entry.kind for issue in issues for entry in ledger.story(issue.key))
        assert kinds["applying"] == kinds["answered"] == kinds["closed"] == wishes
        assert kinds["intent"] == kinds["step"]

"""`goldenpath run` as a process: stopped in the middle of its work, and standing still for a while."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from agent import bootstrap, config
from agent.cycle import run_cycle
from fulfilment.request import State
from sandbox.aws_app import AwsApp
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from tests.acceptance.test_processes import goldenpath, read_until
from tests.integration.sites import NOW, file_bucket, install

EVERY = 0.01  # minutes, the least that there is
PAUSE = 3.0  # seconds: five cycles


@pytest.fixture
def site() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW)) as running:
        yield running


def until(is_so: Callable[[], object], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def cycles(site: ThreadedSandbox) -> int:
    return site.state.faults.seen["myself"]


def test_a_pause_and_then_sigterm_in_the_middle_of_a_fulfilment(site: ThreadedSandbox, tmp_path: Path) -> None:
    """After several intervals asleep one cycle comes, not all that were missed; what grew too old meanwhile is left
    alone. On SIGTERM the step under way is finished, and the lease given back."""
    assert site.aws is not None
    installed = install(site, tmp_path)
    variables = {"GOLDENPATH_CONFIG": str(installed.source)}
    with goldenpath("run", "--every", str(EVERY), folder=tmp_path, variables=variables) as process:
        read_until(process, "working every")
        until(lambda: cycles(site) >= 3)
        process.send_signal(signal.SIGSTOP)
        old = file_bucket(site, "payments-too-old")
        site.state.advance(timedelta(days=installed.agent.maximum_age_days, hours=1))
        time.sleep(PAUSE)
        before, start = cycles(site), time.monotonic()
        process.send_signal(signal.SIGCONT)
        until(lambda: cycles(site) > before + 1)
        took = time.monotonic() - start
        assert cycles(site) - before <= 3 + took / (EVERY * 60), "missed cycles are made up for"
        new = file_bucket(site, "payments-just-right")
        requests.post(
            f"{site.aws_url}/_sandbox/fail",
            json={"operation": "PutBucketVersioning", "how": "slow", "seconds": 1.5},
            timeout=5,
        ).raise_for_status()
        until(lambda: "PutBucketVersioning" in made(site.aws))
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    _goes_on_at_once(site, config.load(installed.source), old.key, new.key)


def _goes_on_at_once(site: ThreadedSandbox, installed: config.Configuration, old: str, new: str) -> None:
    assert site.aws is not None
    with bootstrap.open_rooms(installed) as rooms:
        (request,) = rooms.ledger.requests()
        assert (request.ticket_key, request.state) == (new, State.APPLYING)
        assert [one.outcome for one in rooms.ledger.intents(request)] == ["done"] * 5
        run_cycle(rooms)
        assert [one.state for one in rooms.ledger.requests()] == [State.CLOSED]
        kinds = [entry.kind for entry in rooms.ledger.story(new)]
        assert kinds.count("recovered") == 0
        assert kinds.count("intent") == kinds.count("step") == 6
        assert not rooms.ledger.story(old)
        assert rooms.ledger.verify().broken_at is None
    assert made(site.aws).count("CreateBucket") == 1
    assert made(site.aws).count("PutBucketVersioning") == 1


def made(aws: AwsApp | None) -> list[str]:
    """What the agent changed at AWS."""
    assert aws is not None
    return [call.operation for call in list(aws.calls) if call.caller == "apply" and call.bucket]

"""Every test of the sync runs against a Jira Cloud and against a Data Center."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.serve import Deployment, ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from tests.integration.sites import NOW, connect
from tickets.jira_client import JiraClient
from tickets.store import TicketStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TicketStore]:
    with TicketStore.open(tmp_path / "tickets.sqlite3") as opened:
        yield opened


@pytest.fixture(params=["Cloud", "Data Center"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    found: Deployment = request.param
    return found


@pytest.fixture
def site(deployment: Deployment) -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), aws=False, deployment=deployment) as running:
        yield running


@pytest.fixture
def client(site: ThreadedSandbox) -> Iterator[JiraClient]:
    with connect(site) as connected:
        yield connected

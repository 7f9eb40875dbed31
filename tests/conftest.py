"""Where everything is installed, no test may skip unseen; and both databases, for tests that must hold on each."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tickets.place import Location, Place

if TYPE_CHECKING:
    from tests.postgres import Postgres

# What a landing may lack: OpenTofu, and the folder of real data and vendors' contracts beside the project.
MAY_BE_ABSENT = ("tofu", "/shared/")


# The whole engine on PostgreSQL takes a minute; the ledger's own tests run on it every time.
IN_SOAK_ON_POSTGRESQL = ("test_engine.py", "test_evidence.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in IN_SOAK_ON_POSTGRESQL and "PostgreSQL" in item.name:
            item.add_marker(pytest.mark.soak)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With GOLDENPATH_REQUIRE_ALL a skip is a failure, unless its reason names what may be absent."""
    report = yield
    if report.skipped and os.environ.get("GOLDENPATH_REQUIRE_ALL"):
        reason = str(report.longrepr)
        if not any(name in reason for name in MAY_BE_ABSENT):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not skip here: {reason}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    from tests import postgres  # only tests that need a server pay for its imports

    server = postgres.start()
    yield server
    postgres.stop(server)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The address of a database with an empty ticket store and an empty ledger."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def ledger_place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Where a test's ledger is: a file that does not exist yet, or a schema with an empty ledger."""
    if request.param == "SQLite":
        return tmp_path / "ledger.sqlite3"
    return Place(request.getfixturevalue("database"), "goldenpath_ledger")


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Where a test's ticket store is: a file that does not exist yet, or a schema with an empty store."""
    if request.param == "SQLite":
        return tmp_path / "tickets.sqlite3"
    return Place(request.getfixturevalue("database"), "goldenpath_tickets")

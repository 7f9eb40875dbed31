"""An agent that stands still for longer than its lease, while another finishes its work, wakes up and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.house import Death, Town, town
from tests.crash.test_killed import ENDS, Stories, spread
from tests.postgres import Postgres


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    with town(tmp_path_factory.mktemp("frozen")) as running:
        yield Stories(running)


def quiet(stories: Stories, story: str) -> list[Death]:
    """Where nothing is under way: not within a transaction, nor between the last look at the lease and the sending."""
    (report, *_) = stories.recording(story).reports
    assert report is not None
    sending = ("executor.", "desk.post", "desk.move", "desk.add")
    first = report.points.index("ledger.create") + 2
    last = report.points.index("ledger.release")
    return [Death(1, at) for at in range(first, last) if not report.points[at - 1].startswith(sending)]


def all_hold(town: Town, story: str, asleep: list[Death], postgres: Postgres | None = None) -> None:
    wrong = []
    for where in asleep:
        database = postgres.fresh() if postgres else ""
        ended = town.house(story, database=database).play_asleep(where)
        changes = [call for call in ended.calls if call.startswith("apply ") and "GetCallerIdentity" not in call]
        if ended.wrong or ended.states != ENDS[story] or changes:
            wrong.append(f"asleep before call {where.at}: {ended}")
        if postgres:
            postgres.drop(database)
    assert not wrong, "\n\n".join(wrong)


def test_who_wakes_up_sends_nothing(stories: Stories) -> None:
    all_hold(stories.town, "autonomous", spread(quiet(stories, "autonomous"), 2))


@pytest.mark.soak
@pytest.mark.parametrize("story", ["autonomous", "undone"])
@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_who_wakes_up_anywhere_sends_nothing(
    request: pytest.FixtureRequest, stories: Stories, kind: str, story: str
) -> None:
    postgres = request.getfixturevalue("postgres") if kind == "PostgreSQL" else None
    all_hold(stories.town, story, quiet(stories, story), postgres)

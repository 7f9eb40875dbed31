"""The real agent dies by kill -9 at a named point, on both databases, and is started anew: nothing is done twice,
nothing is lost, and it comes to the end that it would have come to. One that sleeps too long sends nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

import pytest

from tests.crash.house import STORIES, Death, Ended, Town, town
from tests.postgres import Postgres

KINDS = ("SQLite", "PostgreSQL")
ENDS = {"autonomous": ("closed",), "supervised": ("closed",), "undone": ("compensated",)}
MOMENTS = 40
PARTS = 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("crash")) as running:
        yield running


class Stories:
    """What each story's agent calls when nobody kills it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.recording = cache(self._record)

    def _record(self, story: str) -> Ended:
        ended = self.town.house(story).play()
        assert not ended.wrong, str(ended)
        assert ended.states == ENDS[story]
        return ended

    def deaths(self, story: str) -> list[Death]:
        """Every point of every cycle: before each call, after each that writes, and right before each COMMIT."""
        found = []
        for cycle, report in enumerate(self.recording(story).reports, start=1):
            assert report is not None
            for at, name in enumerate(report.points, start=1):
                found.append(Death(cycle, at, "before"))
                if at in report.commits:
                    found.append(Death(cycle, at, "commit"))
                if at in report.commits or name.startswith(("executor.", "desk.post", "desk.move", "desk.add")):
                    found.append(Death(cycle, at, "after"))
        return found

    def name(self, story: str, death: Death) -> str:
        report = self.recording(story).reports[death.cycle - 1]
        assert report is not None
        return f"{death.side} {report.points[death.at - 1]} ({story}, cycle {death.cycle}, call {death.at})"


@pytest.fixture(scope="module")
def stories(place: Town) -> Stories:
    return Stories(place)


def spread(found: list[Death], number: int) -> list[Death]:
    """So many, over the whole of it."""
    return [found[(2 * n + 1) * len(found) // (2 * number)] for n in range(number)]


def all_hold(stories: Stories, story: str, deaths: list[Death], postgres: Postgres | None = None) -> None:
    wrong = []
    for death in deaths:
        database = postgres.fresh() if postgres else ""
        ended = stories.town.house(story, database=database).play(death)
        assert ended.reports[death.cycle - 1] is None, f"it did not die {stories.name(story, death)}"
        if ended.wrong or ended.states != ENDS[story]:
            wrong.append(f"killed {stories.name(story, death)}: {ended}")
        if postgres:
            postgres.drop(database)
    assert not wrong, f"{len(wrong)} of {len(deaths)}\n" + "\n\n".join(wrong)


@pytest.mark.parametrize(("story", "number"), [("autonomous", 3), ("undone", 2)])
def test_killed_at_some_points(stories: Stories, story: str, number: int) -> None:
    all_hold(stories, story, spread(stories.deaths(story), number))


def test_killed_at_some_points_on_postgresql(stories: Stories, postgres: Postgres) -> None:
    all_hold(stories, "autonomous", spread(stories.deaths("autonomous"), 2), postgres)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_every_point(
    request: pytest.FixtureRequest, stories: Stories, kind: str, story: str, part: int
) -> None:
    postgres = request.getfixturevalue("postgres") if kind == "PostgreSQL" else None
    all_hold(stories, story, stories.deaths(story)[part::PARTS], postgres)


@pytest.mark.soak
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_moment(request: pytest.FixtureRequest, place: Town, kind: str, story: str) -> None:
    """By the clock. The first cycle does nearly everything, or nearly all up to the approval."""
    postgres = request.getfixturevalue("postgres") if kind == "PostgreSQL" else None
    random = Random(f"{kind} {story}")
    wrong = []
    for _ in range(MOMENTS):
        cycle = random.choice((1, 2)) if story == "supervised" else 1
        death = Death(cycle, 0, after_seconds=random.uniform(0, 1.5))
        database = postgres.fresh() if postgres else ""
        ended = place.house(story, database=database).play(death)
        if ended.wrong or ended.states != ENDS[story]:
            wrong.append(f"killed in cycle {cycle} after {death.after_seconds:.3f} s: {ended}")
        if postgres:
            postgres.drop(database)
    assert not wrong, "\n\n".join(wrong)


# --- one that sleeps for longer than its lease, while another finishes its work


def quiet(stories: Stories, story: str) -> list[Death]:
    """Where nothing is under way: not within a transaction, nor between the last look at the lease and the sending."""
    (report, *_) = stories.recording(story).reports
    assert report is not None
    sending = ("executor.", "desk.post", "desk.move", "desk.add")
    first = report.points.index("ledger.create") + 2
    last = report.points.index("ledger.release")
    return [Death(1, at) for at in range(first, last) if not report.points[at - 1].startswith(sending)]


def none_stirs(town: Town, story: str, asleep: list[Death], postgres: Postgres | None = None) -> None:
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
    none_stirs(stories.town, "autonomous", spread(quiet(stories, "autonomous"), 1))


@pytest.mark.soak
@pytest.mark.parametrize("story", ["autonomous", "undone"])
@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_who_wakes_up_anywhere_sends_nothing(
    request: pytest.FixtureRequest, stories: Stories, kind: str, story: str
) -> None:
    postgres = request.getfixturevalue("postgres") if kind == "PostgreSQL" else None
    none_stirs(stories.town, story, quiet(stories, story), postgres)

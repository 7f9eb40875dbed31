"""The same faults over loopback: the engine with the real client, bucket path and AWS session, and the invariants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.simulation.points import Point
from tests.simulation.schedules import SENT, Fault, Schedule, singles
from tests.simulation.site import Site, serve

FEW, MANY = 15, 120


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def points(site: Site) -> Sequence[Point]:
    played = site.play(Schedule("site"), trace=True)
    assert not played.wrong, str(played)
    assert played.states == ("closed",)
    return played.points


def test_faults_over_loopback(site: Site, points: Sequence[Point]) -> None:
    _all_hold(site, _spread(points, FEW))


@pytest.mark.soak
def test_more_faults_over_loopback(site: Site, points: Sequence[Point]) -> None:
    _all_hold(site, _spread(points, MANY))


def _spread(points: Sequence[Point], number: int) -> list[Schedule]:
    """A part of the single faults, and each answer lost on the wire."""
    wire = [Schedule("site", (Fault(point.at, "wire"),)) for point in points if point.kind in SENT]
    single = list(singles("site", points))
    left = number - len(wire)
    return wire + [single[len(single) * n // left] for n in range(left)]


def _all_hold(site: Site, schedules: Sequence[Schedule]) -> None:
    wrong = [played for one in schedules if (played := site.play(one, trace=True)).wrong]
    assert not wrong, "\n\n".join(map(str, wrong))

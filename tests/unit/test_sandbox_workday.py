"""Office hours on the local clock: exact over changes of the clocks, closed at weekends and on holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from sandbox.workday import BERLIN, NEW_YORK, WorkingTime, office


def test_hours_are_those_of_the_place() -> None:
    friday_evening = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
    monday_eleven = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    assert BERLIN.seconds(monday_eleven) - BERLIN.seconds(friday_evening) == 2 * 3600
    assert NEW_YORK.seconds(monday_eleven) - NEW_YORK.seconds(friday_evening) == 3 * 3600
    assert BERLIN.instant(BERLIN.seconds(monday_eleven)) == monday_eleven
    assert BERLIN.after(friday_evening, 0) == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        (BERLIN, (3, 27, 8), (3, 30, 7)),
        (BERLIN, (10, 23, 7), (10, 26, 8)),
        (NEW_YORK, (3, 6, 14), (3, 9, 13)),
    ],
)
def test_the_clocks_change_and_a_day_stays_eight_hours(
    place: WorkingTime, before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    """`before` and `after`: month, day and hour (UTC) at which it opens."""
    opens, opens_again = datetime(2026, *before, tzinfo=UTC), datetime(2026, *after, tzinfo=UTC)
    assert place.is_open(opens) and not place.is_open(opens - timedelta(seconds=1))
    assert place.after(opens, 8 * 3600) == opens_again
    assert place.is_open(opens_again + timedelta(hours=8)) and not place.is_open(opens_again + timedelta(hours=8.01))


@pytest.mark.parametrize(
    ("day", "is_german", "is_american"),
    [
        (date(2026, 10, 2), False, False),
        (date(2026, 5, 1), True, False),
        (date(2026, 7, 3), False, True),  # Independence Day falls on a Saturday
        (date(2026, 11, 26), False, True),
        (date(2026, 12, 25), True, True),
        (date(2027, 3, 29), True, False),
    ],
)
def test_holidays_are_those_of_the_country(day: date, is_german: bool, is_american: bool) -> None:
    for place, is_holiday in ((BERLIN, is_german), (NEW_YORK, is_american)):
        assert place.is_holiday(day) == is_holiday
        assert place.is_workday(day) != is_holiday
        assert place.is_open(datetime(day.year, day.month, day.day, 15, 0, tzinfo=UTC)) != is_holiday


@pytest.mark.parametrize("place", [BERLIN, NEW_YORK])
def test_instant_is_the_inverse_and_time_never_runs_back(place: WorkingTime) -> None:
    rng, last = Random(3), 0.0
    for at in sorted(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.random() * 1e8) for _ in range(2_000)):
        seconds = place.seconds(at)
        back = place.instant(seconds)
        assert seconds >= last and place.is_open(back)
        assert back >= at - timedelta(microseconds=2)
        assert not place.is_open(at) or abs(back - at) <= timedelta(microseconds=2)
        last = seconds


def test_what_it_cannot_know_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        BERLIN.seconds(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="before 2000"):
        BERLIN.seconds(datetime(1999, 12, 31, tzinfo=UTC))
    with pytest.raises(KeyError):
        office("Asia/Tokyo")

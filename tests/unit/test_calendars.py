"""Business time against an oracle that walks minute by minute, and by hand around the clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.calendars import EPOCH, MICROSECOND, BusinessCalendar, office_hours, public_holidays
from analytics.errors import BadFrame, CalendarRange

TWO_SHIFTS = {day: ((time(8), time(12)), (time(13), time(17, 30))) for day in range(5)} | {5: ((time(9), time(11)),)}
HOLIDAYS = frozenset({date(2026, 4, 3), date(2026, 10, 26)})
BERLIN = BusinessCalendar("Europe/Berlin", TWO_SHIFTS, HOLIDAYS, date(2026, 3, 1), date(2026, 11, 30))


def is_working(at: datetime) -> bool:
    """The oracle: what a person reads off the clock on the wall."""
    local = at.astimezone(ZoneInfo("Europe/Berlin"))
    if local.date() in HOLIDAYS:
        return False
    return any(opens <= local.time() < closes for opens, closes in TWO_SHIFTS.get(local.weekday(), ()))


def walked_minutes(start: datetime, end: datetime) -> int:
    minutes = int((end - start).total_seconds() // 60)
    return sum(is_working(start + timedelta(minutes=minute)) for minute in range(minutes))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-26T00:00", "2026-04-02T00:00"),  # the clocks go forward on 29 March
        ("2026-04-01T06:17", "2026-04-07T15:03"),  # over a holiday
        ("2026-10-22T11:59", "2026-10-29T12:01"),  # the clocks go back on 25 October, a holiday follows
        ("2026-07-04T06:00", "2026-07-04T10:00"),  # a Saturday
    ],
)
def test_equals_walking_minute_by_minute(start: str, end: str) -> None:
    expected = walked_minutes(at(start), at(end)) * 60
    assert BERLIN.business_seconds_between(at(start), at(end)) == expected


@given(
    start=st.integers(0, 60 * 24 * 270),
    length=st.integers(0, 60 * 24 * 3),
)
def test_equals_walking_anywhere(start: int, length: int) -> None:
    begin = at("2026-03-01T00:00") + timedelta(minutes=start)
    end = begin + timedelta(minutes=length)
    assert BERLIN.business_seconds_between(begin, end) == walked_minutes(begin, end) * 60


@given(st.lists(st.integers(0, 86_400 * 270), min_size=3, max_size=3))
def test_is_additive_and_never_runs_backwards(seconds: list[int]) -> None:
    a, b, c = (at("2026-03-01T00:00") + timedelta(seconds=second) for second in sorted(seconds))
    between = BERLIN.business_seconds_between
    assert between(a, b) + between(b, c) == pytest.approx(between(a, c), abs=1e-6)
    assert 0 <= between(a, b) <= (b - a).total_seconds()


def test_a_night_shift_is_as_long_as_the_night() -> None:
    nights = BusinessCalendar(
        "Europe/Berlin",
        {6: ((time(22), time(6)),), 5: ((time(22), time(6)),)},
        (),
        date(2026, 3, 1),
        date(2026, 11, 1),
    )
    # Saturday 22:00 to Sunday 06:00: seven hours in spring, nine in autumn, eight in between.
    for night, hours in (("2026-03-28", 7), ("2026-06-27", 8), ("2026-10-24", 9)):
        noon = at(f"{night}T12:00")
        assert nights.business_seconds_between(noon, noon + timedelta(hours=22)) == hours * 3600


def test_two_working_days_are_sixteen_hours() -> None:
    hours = office_hours(first=date(2026, 1, 1), last=date(2026, 1, 31))
    # Friday 9:00 to Monday 17:00, UTC
    starts = pd.Series(pd.to_datetime(["2026-01-09T09:00Z", None], utc=True))
    ends = pd.Series(pd.to_datetime(["2026-01-12T17:00Z", "2026-01-12T17:00Z"], utc=True))
    got = hours.business_hours(starts, ends)
    assert got[0] == 16.0
    assert np.isnan(got[1])


def test_accepts_other_zones_and_numpy() -> None:
    hours = office_hours("America/New_York", first=date(2026, 1, 1), last=date(2026, 1, 31))
    series = pd.Series(pd.to_datetime(["2026-01-12T09:00"])).dt.tz_localize("America/New_York")
    assert hours.business_seconds(series, series + pd.Timedelta(hours=3)).tolist() == [3 * 3600]
    utc = np.array(["2026-01-12T14:00"], dtype="datetime64[ns]")
    assert hours.business_seconds(utc, utc + np.timedelta64(3, "h")).tolist() == [3 * 3600]


@pytest.mark.parametrize("moment", ["2026-02-28T22:59:59", "2026-11-30T23:00:01", "1999-01-01T00:00"])
def test_refuses_what_lies_outside(moment: str) -> None:
    with pytest.raises(CalendarRange, match=r"covers 2026-03-01 to 2026-11-30 \(Europe/Berlin\), not"):
        BERLIN.business_seconds_between(at("2026-05-01T00:00"), at(moment))


def test_reaches_from_midnight_to_midnight_of_its_zone() -> None:
    assert BERLIN.business_seconds_between(at("2026-02-28T23:00"), at("2026-11-30T23:00")) > 0


def test_refuses_times_without_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        BERLIN.business_seconds_between(datetime(2026, 5, 1), at("2026-05-02T00:00"))  # noqa: DTZ001
    naive = pd.Series(pd.to_datetime(["2026-05-01"]), name="created_at")
    with pytest.raises(BadFrame, match="'created_at' have no time zone"):
        BERLIN.business_seconds(naive, naive)


def test_no_shift_is_no_time() -> None:
    empty = BusinessCalendar("UTC", {}, (), date(2026, 1, 1), date(2026, 1, 2))
    assert empty.business_seconds_between(at("2026-01-01T00:00"), at("2026-01-02T12:00")) == 0
    assert empty.shifts() == []


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ({0: ((time(8), time(12)), (time(11), time(13)))}, "two shifts overlap on Monday at 11:00"),
        ({6: ((time(20), time(4)),), 0: ((time(3), time(9)),)}, "two shifts overlap on Monday at 03:00"),
        ({3: ((time(9), time(9)),), 4: ((time(8), time(9)),)}, "two shifts overlap on Friday at 08:00"),
        ({7: ((time(8), time(12)),)}, "weekdays are 0"),
    ],
)
def test_refuses_nonsense(hours: dict[int, tuple[tuple[time, time], ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BusinessCalendar("UTC", hours, (), date(2026, 1, 1), date(2026, 1, 31))


def test_refuses_to_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        office_hours(first=date(2026, 1, 2), last=date(2026, 1, 1))


# Monday, 5 January 2026, to Sunday
SHIFTS = {
    0: ((time(8), time(12)), (time(13), time(17))),
    1: ((time(6), time(14)), (time(14), time(22)), (time(22), time(6))),  # round the clock
    2: ((time(8), time(12)),),
    4: ((time(22), time(6)),),  # into Saturday
}
HALF_DAYS = {date(2026, 1, 7): ((time(8), time(9)), (time(11), time(12))), date(2026, 1, 8): ((time(9), time(13)),)}


def january(
    *, holidays: tuple[date, ...] = (), days: dict[date, tuple[tuple[time, time], ...]] | None = None
) -> BusinessCalendar:
    return BusinessCalendar("UTC", SHIFTS, holidays, date(2026, 1, 1), date(2026, 1, 31), days=days)


def hours_between(calendar: BusinessCalendar, start: str, end: str) -> float:
    return calendar.business_seconds_between(at(f"2026-01-{start}"), at(f"2026-01-{end}")) / 3600


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("05T00:00", "06T00:00", 8),  # two shifts
        ("05T11:00", "05T14:00", 2),  # the break between them
        ("06T00:00", "07T00:00", 18),  # from six to midnight
        ("06T00:00", "08T00:00", 28),  # to six the next day, then Wednesday's four
        ("08T00:00", "09T00:00", 0),
        ("09T23:00", "10T05:00", 6),  # the night belongs to the day that it begins on
        ("10T00:00", "12T00:00", 6),
    ],
)
def test_shifts_of_a_week(start: str, end: str, hours: float) -> None:
    assert hours_between(january(), start, end) == hours


def test_half_days_stand_instead_of_the_weekdays_shifts() -> None:
    halved = january(days=HALF_DAYS)
    assert hours_between(halved, "07T06:00", "08T00:00") == 2
    assert hours_between(halved, "08T00:00", "09T00:00") == 4  # a Thursday, on which nobody works otherwise
    assert hours_between(halved, "14T06:00", "15T00:00") == 4
    assert hours_between(january(days={date(2026, 1, 9): ()}), "09T00:00", "11T00:00") == 0


def test_a_holiday_beats_a_half_day() -> None:
    free = january(holidays=(date(2026, 1, 7), date(2026, 1, 9)), days=HALF_DAYS)
    assert hours_between(free, "07T06:00", "08T00:00") == 0
    assert hours_between(free, "09T00:00", "11T00:00") == 0  # no shift begins
    assert hours_between(january(holidays=(date(2026, 1, 10),)), "10T00:00", "10T12:00") == 6  # one that began runs on


def test_an_overlap_of_a_half_day_is_named_by_its_date() -> None:
    with pytest.raises(ValueError, match="two shifts overlap on 2026-01-08 at 10:30"):
        january(days={date(2026, 1, 8): ((time(9), time(11)), (time(10, 30), time(12)))})


def test_clocks_that_push_a_shift_into_the_next_merge_them() -> None:
    # 02:30 does not exist on that Sunday: it is 03:30, half an hour into the next shift.
    shifts = {6: ((time(1), time(2, 30)), (time(3), time(5)))}
    sundays = BusinessCalendar("Europe/Berlin", shifts, (), date(2026, 3, 1), date(2026, 4, 30))
    between = sundays.business_seconds_between
    assert between(at("2026-03-22T00:00"), at("2026-03-23T00:00")) == 3.5 * 3600
    assert between(at("2026-03-28T12:00"), at("2026-03-29T12:00")) == 3 * 3600  # 01:00 to 05:00, an hour skipped
    assert between(at("2026-03-29T01:00"), at("2026-03-29T01:30")) == 0.5 * 3600
    opens = [opened for opened, _ in sundays.shifts()]
    assert opens == sorted(opens)


def test_elapsed_is_the_function_that_all_else_is_read_from() -> None:
    moments = [at("2026-03-01T00:00"), at("2026-03-02T07:00"), at("2026-03-02T09:30"), at("2026-11-30T22:59")]
    told = BERLIN.elapsed(np.array([(moment - EPOCH) // MICROSECOND for moment in moments]))
    begin = at("2026-02-28T23:00")
    assert told.tolist() == [BERLIN.business_seconds_between(begin, moment) for moment in moments]
    assert told[:3].tolist() == [0, 0, 2.5 * 3600]
    with pytest.raises(CalendarRange, match="not 1970-01-01"):
        BERLIN.elapsed(np.array([0]))


@pytest.mark.parametrize(
    ("early", "late"),
    [("2026-02-28T22:59:59", "2026-05-01T00:00"), ("2026-05-01T00:00", "2026-11-30T23:00:01")],
)
def test_an_instant_outside_is_not_moved_to_the_end(early: str, late: str) -> None:
    # It would be with np.interp, and a wait that began before the calendar would be too short without a word.
    for start, end in ((early, late), (late, early)):
        with pytest.raises(CalendarRange):
            BERLIN.business_seconds_between(at(start), at(end))


def test_unknown_instants_lie_outside_of_nothing() -> None:
    unknown = np.array(["NaT", "2026-05-04T06:00"], dtype="datetime64[us]")
    assert np.isnan(BERLIN.business_seconds(unknown, unknown[::-1])).all()
    assert BERLIN.business_seconds(unknown[:0], unknown[:0]).tolist() == []


@pytest.mark.parametrize("years", [1, 40])
def test_short_breaks_of_a_long_calendar(years: int) -> None:
    day = [(time(0), time(9)), (time(9), time(11, 59)), (time(12), time(12, 1)), (time(12, 2), time(23, 59))]
    calendar = BusinessCalendar(
        "Europe/Berlin", dict.fromkeys(range(7), day), (), date(2020, 1, 1), date(2020 + years, 1, 1)
    )
    edges = np.array([[edge.timestamp() for edge in shift] for shift in calendar.shifts()])
    sums = np.cumsum(edges[:, 1] - edges[:, 0])
    before = np.stack([sums - (edges[:, 1] - edges[:, 0]), sums], axis=1)
    random = np.random.default_rng(1)
    around = (edges.ravel()[:, None] + [-1, 0, 1]).ravel()
    seconds = np.append(around, random.integers(int(edges.min()), int(edges.max()), 10_000)).clip(
        edges.min(), edges.max()
    )
    told = calendar.elapsed((seconds * 1e6).astype(np.int64))
    assert np.abs(told - np.interp(seconds, edges.ravel(), before.ravel())).max() < 1e-6


def test_public_holidays_of_a_country_and_of_a_part() -> None:
    first, last = date(2025, 6, 1), date(2026, 6, 30)
    germany, bavaria = public_holidays("DE", None, first, last), public_holidays("DE", "BY", first, last)
    assert {date(2025, 10, 3), date(2026, 1, 1), date(2026, 4, 3)} <= set(germany)  # both years whole
    assert set(bavaria) - set(germany) >= {date(2026, 1, 6), date(2026, 11, 1)}
    assert all(bavaria.values())
    assert date(2026, 11, 26) in public_holidays("US", None, first, last)  # Thanksgiving


def test_a_place_without_known_holidays_is_named_with_what_is_allowed() -> None:
    days = date(2026, 1, 1), date(2026, 12, 31)
    with pytest.raises(ValueError, match="of 'XX'; allowed: two letters of a country, like DE"):
        public_holidays("XX", None, *days)
    with pytest.raises(ValueError, match=r"of DE-XX; parts of DE: .*BW, BY"):
        public_holidays("DE", "XX", *days)

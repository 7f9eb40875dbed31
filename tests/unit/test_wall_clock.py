"""Dates as exports write them: which instants they name, and what is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tickets.errors import ExportError, Unreadable
from tickets.wall_clock import WallClock, is_in_numbers

IN_UTC = WallClock(ZoneInfo("UTC"))
BERLIN = WallClock(ZoneInfo("Europe/Berlin"))
THIRD = datetime(2026, 2, 3, 9, 41, tzinfo=UTC)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@pytest.mark.parametrize(
    "text",
    [
        "03/Feb/26 9:41 AM",
        "03/Feb/26 09:41",
        "3/Feb/2026 9:41 am",
        "03/Feb/26 9:41\u202fAM",
        "03/Feb/26 9:41 a. m.",
        "03/Feb./26 9:41 AM",
        "03/févr./26 9:41",
        "3 février 2026 09:41",
        "3-Feb-2026 09:41:00",
        "2026-02-03 09:41",
        " 2026-02-03T09:41 ",
        "2026-02-03T10:41:00.000+0100",
        "2026-02-03 10:41:00 +01:00",
        "2026-02-03T09:41:00Z",
        "2026-02-03 09:41:00 UTC",
        "2026/2/3 9:41",
        "03.02.2026 09:41",
        "1770111660",
        "1770111660000",
        "1770111660.0",
    ],
)
def test_every_way_of_writing_it(text: str) -> None:
    assert IN_UTC.read(text, "it") == THIRD
    assert IN_UTC.read(text, "it").tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("03/Mär/26 9:41", 3),
        ("03/Mai/26 9:41", 5),
        ("03/Okt/26 9:41", 10),
        ("03/Dez/26 9:41", 12),
        ("03/août/26 9:41", 8),
        ("03/déc./26 9:41", 12),
        ("03/ene/26 9:41", 1),
        ("03/abr/26 9:41", 4),
        ("03/dic/26 9:41", 12),
        ("03/SEPT/26 9:41", 9),
    ],
)
def test_months_of_other_languages(text: str, month: int) -> None:
    assert IN_UTC.read(text, "it").month == month


@pytest.mark.parametrize(("text", "hour"), [("12:05 AM", 0), ("12:05 PM", 12), ("1:05 PM", 13), ("11:05 pm", 23)])
def test_half_days(text: str, hour: int) -> None:
    assert IN_UTC.read(f"03/Feb/26 {text}", "it").hour == hour


def test_the_clock_on_the_wall_hangs_in_its_zone() -> None:
    assert BERLIN.read("03/Feb/26 9:41 AM", "it") == datetime(2026, 2, 3, 8, 41, tzinfo=UTC)
    assert BERLIN.read("03/Aug/26 9:41 AM", "it") == datetime(2026, 8, 3, 7, 41, tzinfo=UTC)
    assert BERLIN.read("2026-02-03T09:41:00Z", "it") == THIRD  # an offset outweighs the wall


def test_the_hour_that_the_clocks_repeat_is_its_first_and_the_one_they_skip_is_none() -> None:
    assert BERLIN.read("25/Oct/26 2:30 AM", "it") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    with pytest.raises(Unreadable, match=r"skipped.*--time-zone"):
        BERLIN.read("29/Mar/26 2:30 AM", "it")
    assert IN_UTC.read("29/Mar/26 2:30 AM", "it").hour == 2


@pytest.mark.parametrize("text", ["25/3/2016 10:00", "3/4/2016 10:00", "3-4-16 10:00 AM"])
def test_numbers_are_not_guessed_at(text: str) -> None:
    assert is_in_numbers(text)
    with pytest.raises(ExportError, match="--dayfirst or --monthfirst"):
        IN_UTC.read(text, "it")


def test_numbers_in_the_order_that_was_said() -> None:
    by_day, by_month = (WallClock(ZoneInfo("UTC"), order) for order in ("day", "month"))
    assert by_day.read("3/4/2016 10:00", "it").month == 4
    assert by_month.read("3/4/2016 10:00", "it").month == 3
    assert by_day.read("25/3/2016 10:00", "it").day == 25
    with pytest.raises(ExportError, match=r"'25/3/2016 10:00' has no month 25, but --monthfirst was said"):
        by_month.read("25/3/2016 10:00", "it")
    with pytest.raises(ExportError, match="say --monthfirst"):
        by_day.read("3/25/2016 10:00", "it")


def test_full_stops_put_the_day_first_unless_told() -> None:
    assert not is_in_numbers("3.4.2016 10:00")
    assert IN_UTC.read("3.4.2016 10:00", "it").month == 4
    assert WallClock(ZoneInfo("UTC"), "month").read("3.4.2016 10:00", "it").month == 3
    with pytest.raises(ExportError, match="full stops"):
        IN_UTC.read("3.25.2016 10:00", "it")


# fmt: off
NO_INSTANTS = [
    "", " ", "today", "2026-02-03", "03/Feb/26", "20260203", "42429.05", "09:41", "2026-02-30 09:41",
    "31/Apr/26 9:41", "03/Feb/26 13:41 PM", "03/Feb/26 0:41 AM", "03/Feb/26 24:00", "03/Feb/26 9:61",
    "03/二月/26 9:41", "03/Foo/26 9:41", "45/45/2016 10:00", "32/1/2016 10:00", "2026-02-03 09:41 +2500",
    "2026-02-03 09:41 CET", "٣/Feb/26 9:41", "0001-01-01T00:00:00+14:00", "9999-12-31 23:59:59-12:00",
    "2026-02-03 09:41 and more", "2026-13-03 09:41", "1" * 40,
]
# fmt: on


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_what_is_no_instant_is_named(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^the creation is ") as raised:
        IN_UTC.read(text, "the creation")
    assert len(str(raised.value)) < 250


@given(st.text(max_size=40), st.sampled_from([None, "day", "month"]))
def test_no_text_raises_anything_else(text: str, order: object) -> None:
    clock = WallClock(ZoneInfo("America/New_York"), order)  # type: ignore[arg-type]
    try:
        assert clock.read(text, "it").tzinfo is UTC
    except (Unreadable, ExportError) as error:
        assert str(error)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2069, 12, 31)),  # noqa: DTZ001 - a wall clock's
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_what_was_written_is_read(wall: datetime, zone: str) -> None:
    """By name, by number in both orders, and with the year first, in any zone, to the minute."""
    wall = wall.replace(second=0, microsecond=0, fold=0)
    at = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assume(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == wall)  # not skipped
    half = f"{wall:%I:%M %p}".lstrip("0")
    by_day, by_month = (WallClock(ZoneInfo(zone), order) for order in ("day", "month"))
    for clock, text in (
        (WallClock(ZoneInfo(zone)), f"{wall.day:02d}/{MONTHS[wall.month - 1]}/{wall:%y} {half}"),
        (WallClock(ZoneInfo(zone)), f"{wall:%Y-%m-%d %H:%M}"),
        (by_day, f"{wall.day}/{wall.month}/{wall:%Y} {wall:%H:%M}"),
        (by_month, f"{wall.month}/{wall.day}/{wall:%Y} {half}"),
    ):
        assert clock.read(text, "it") == at
        assert clock.read(text, "it") == at  # remembered

"""The oracle's business hours against days worked out by hand, and its walk against itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, time, timedelta
from itertools import pairwise

import pytest

from tests.oracle.by_hand import OFFICE, figures, hours, on
from tests.oracle.oracle import CLASSES, MINUTE, Shop, micros, steps
from tests.oracle.stories import STRIDE, stories
from tests.oracle.telling import differences, flat, report, told


def test_the_day_that_the_clocks_go_forward() -> None:
    nights = Shop("Europe/Berlin", dict.fromkeys(range(7), ((time(1), time(5)),)))
    # 29 March: 01:00 to 05:00 are three hours, of which the first two end at 01:00 and 02:00 UTC.
    got = figures("Open, 2026-03-29T01:30 Work", created="2026-03-28T12:00", now="2026-03-29T12:00", shop=nights)
    assert hours(got, "business_age", "business_queue", "business_in_active", "age") == [3, 1.5, 1.5, 24]


def test_the_day_that_the_clocks_go_back() -> None:
    nights = Shop("Europe/Berlin", dict.fromkeys(range(7), ((time(1), time(5)),)))
    got = figures("Open, 2026-10-25T01:30 Work", created="2026-10-24T12:00", now="2026-10-25T12:00", shop=nights)
    assert hours(got, "business_age", "business_queue", "business_in_active") == [5, 2.5, 2.5]


@pytest.mark.parametrize(
    ("shift", "day", "expected"),
    [
        ((time(2, 30), time(6)), "2026-03-29", 2.5),  # 02:30 is skipped and means 03:30
        ((time(2, 30), time(6)), "2026-10-25", 4.5),  # 02:30 comes twice: it opens at the first
        ((time(1), time(2, 30)), "2026-10-25", 1.5),  # and closes at the first
        ((time(2, 30), time(3)), "2026-03-29", 0),  # closes before it opens
    ],
)
def test_times_that_the_clocks_skip_or_repeat(shift: tuple[time, time], day: str, expected: float) -> None:
    shop = Shop("Europe/Berlin", {6: (shift,)})
    start = on(f"{day}T00:00") - timedelta(hours=2)
    got = figures("Open", created=start.isoformat()[:16], now=f"{day}T12:00", shop=shop)
    assert hours(got, "business_age") == [expected]


def test_clocks_that_change_by_half_an_hour() -> None:
    # Lord Howe goes back from 02:00 to 01:30 on 5 April, which is 15:00 UTC of the 4th.
    shop = Shop("Australia/Lord_Howe", dict.fromkeys(range(7), ((time(0), time(4)),)))
    got = figures("Open", created="2026-04-04T06:00", now="2026-04-05T06:00", shop=shop)
    assert hours(got, "business_age") == [4.5]


def test_a_zone_off_by_three_quarters() -> None:
    shop = Shop("Asia/Kathmandu", {0: ((time(9), time(17)),)})  # 03:15 to 11:15 UTC
    assert hours(figures("Open, 5 03:30 Work", created="5 00:00", shop=shop), "business_queue") == [0.25]


def test_a_night_shift_ends_the_next_day() -> None:
    nights = Shop("UTC", {4: ((time(22), time(6)),)})  # Friday night
    got = figures("Open, 10 03:00 Work", created="9 20:00", now="11 12:00", shop=nights)
    assert hours(got, "business_queue", "business_age") == [5, 8]
    saturday_off = Shop("UTC", {4: ((time(22), time(6)),)}, frozenset({date(2026, 1, 10)}))
    friday_off = Shop("UTC", {4: ((time(22), time(6)),)}, frozenset({date(2026, 1, 9)}))
    for shop, expected in ((saturday_off, 8), (friday_off, 0)):
        assert hours(figures("Open", created="9 20:00", now="11 12:00", shop=shop), "business_age") == [expected]


def test_a_shift_from_midnight_to_midnight_is_a_day() -> None:
    shop = Shop("UTC", {0: ((time(0), time(0)),)})
    assert hours(figures("Open", created="4 00:00", now="8 00:00", shop=shop), "business_age") == [24]


def test_a_half_day_and_a_holiday() -> None:
    days: Mapping[date, tuple[tuple[time, time], ...]] = {
        date(2026, 1, 6): ((time(9), time(13)),),
        date(2026, 1, 10): ((time(10), time(12)),),  # a Saturday on which it opens
    }
    shop = Shop("UTC", OFFICE.hours, frozenset({date(2026, 1, 7)}), days)
    got = figures("Open, 6 16:00 Work, 8 10:00 Stuck", now="11 09:00", shop=shop)
    # Monday 8, Tuesday 4, Wednesday 0, Thursday 8 (1 of them in Work), Friday 8, Saturday 2
    assert hours(got, "business_queue", "business_in_active", "business_in_blocked") == [12, 1, 17]
    assert hours(got, "business_age", "business_wait") == [30, 29]


def test_two_shifts_and_a_lunch_between() -> None:
    shop = Shop("UTC", {0: ((time(8), time(12)), (time(13), time(17, 30)))})
    got = figures("Open, 5 11:30 Work, 5 12:30 Ask, 5 17:00 Done", created="5 07:00", shop=shop)
    assert hours(got, "business_queue", "business_lead", "business_active") == [3.5, 8, 0.5]
    assert hours(got, "business_in_requester", "business_wait") == [4, 7.5]
    assert got.business_flow_efficiency == 0.5 / 8


def test_a_shop_that_never_opens_has_no_efficiency() -> None:
    got = figures("Open, 5 10:00 Work, 5 12:00 Done", shop=Shop("UTC", {}))
    assert hours(got, "lead", "business_lead") == [3, 0]
    assert (got.flow_efficiency, got.business_flow_efficiency) == (2 / 3, None)


def test_steps_are_short_and_stop_at_every_edge() -> None:
    begin, until = micros(on("5 08:59:30")), micros(on("5 17:00:30"))
    walked = list(steps({begin, until, micros(on("5 09:10"))}, OFFICE, STRIDE))
    assert [walked[0][0], walked[-1][1]] == [begin, until]
    assert all(before[1] == after[0] for before, after in pairwise(walked))
    assert {micros(on(f"5 {clock}")) for clock in ("09:00", "09:10", "17:00")} <= {at for at, _ in walked}
    assert all(0 < after - at <= STRIDE for at, after in walked)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_long_strides_lose_nothing(seed: int) -> None:
    for case in stories(seed, 40):
        assert flat(case.expected(stride=STRIDE)) == flat(case.expected(stride=MINUTE))


@pytest.mark.parametrize("seed", range(6))
def test_the_parts_are_the_whole(seed: int) -> None:
    for case in stories(seed, 50):
        got = case.expected()
        for prefix in ("", "business_"):
            parts = [got.seconds[f"{prefix}in_{kind}"] for kind in CLASSES]
            whole = got.seconds[f"{prefix}age"] if got.is_open else got.seconds[f"{prefix}lead"]
            if got.has_history and whole is not None:
                assert sum(part or 0 for part in parts) == pytest.approx(whole, abs=1e-5)
            else:
                assert parts == [None] * len(parts)
            queue, cycle, lead = (got.seconds[prefix + name] for name in ("queue", "cycle", "lead"))
            if cycle is not None:
                assert queue + cycle == pytest.approx(lead, abs=1e-5)


def test_a_difference_is_told_with_its_story() -> None:
    case = next(case for case in stories(0, 50) if case.expected().seconds["lead"])
    right = flat(case.expected())
    assert not report([case], [right])
    wrong = right | {"lead": right["lead"] + 0.01, "started_at": None, "reopenings": None}
    lines = differences(case.expected(), wrong)
    assert [line.split()[0] for line in lines] == ["started_at", "reopenings", "lead"]
    shown = report([case], [wrong])
    assert told(case) in shown and lines[-1] in shown
    assert report([case], []) == "1 tickets were measured, 0 came back"


def test_the_stories_are_wide() -> None:
    """Whatever can be said of a ticket is said of some, and of some it is not."""
    seen: Counter[str] = Counter()
    kinds = set()
    for seed in range(12):
        cases = stories(seed, 50)
        kinds.add(cases[0].world.shop.zone)
        for case in cases:
            got = case.expected()
            seen.update(name for name, value in flat(got).items() if value)
            seen.update(f"no {name}" for name, value in flat(got).items() if not value)
            seen["finished at an unknown time"] += not got.is_open and got.finished_at is None
    assert min(seen[name] for name in flat(got) if name != "requested_at") >= 10
    assert min(seen[f"no {name}"] for name in flat(got) if name != "requested_at") >= 10
    assert seen["finished at an unknown time"] >= 3
    assert len(kinds) >= 5

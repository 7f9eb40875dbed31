"""Whether the queue got shorter: on queues that did, on queues that did not, and on queues that stopped."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.resampling import drawn_weeks, interval
from analytics.trend import Trend, trend
from tests.unit.tables import waiting_table

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)  # a Wednesday
LAST = 2.5 * 24  # hours of the week that has begun
WEEKS = 16


def queue(
    seed: int, *, number: int = 240, median: float = 20.0, factor: float = 1.0, spread: float = 0.0, memory: float = 0.0
) -> pd.DataFrame:
    """Sixteen whole weeks of waits around a median, in the last eight of it times `factor`. Each week has a log-normal
    effect of its own, of that `spread`, which keeps `memory` of the week before."""
    rng = np.random.default_rng(seed)
    effects = np.empty(WEEKS)
    level = rng.normal()
    for week in range(WEEKS):
        effects[week] = spread * level
        level = memory * level + (1 - memory**2) ** 0.5 * rng.normal()
    ago = rng.uniform(0, WEEKS * 168, number)
    week = (ago // 168).astype(int)
    waits = median * np.exp(rng.normal(0, 1.0, number) + effects[week]) * np.where(week < 8, factor, 1.0)
    return waiting_table(ago + LAST, waits, now=NOW)


def verdict(table: pd.DataFrame, **settings: Any) -> str:
    return trend(table, now=NOW, **{"resamples": 500} | settings).verdict


def false_alarms(**queues: float) -> float:
    return sum(verdict(queue(seed, **queues)) != "no change shown" for seed in range(200)) / 200  # type: ignore[arg-type]


def test_a_clear_drop_is_shorter() -> None:
    found = trend(queue(1, factor=0.3), now=NOW)
    assert found.verdict == "shorter"
    assert found.low < found.change < found.high < 0
    assert found.change == found.recent - found.before


def test_a_clear_rise_is_longer() -> None:
    found = trend(queue(1, factor=3.0), now=NOW)
    assert found.verdict == "longer"
    assert 0 < found.low < found.change < found.high


def test_noise_is_not_called_a_change() -> None:
    """The interval promises one in twenty; a plain percentile bootstrap would err in one of seven."""
    assert false_alarms() <= 0.08


def test_nor_is_noise_of_whole_weeks() -> None:
    assert false_alarms(spread=0.4) <= 0.08


def test_weeks_that_remember_the_last_one_are_called_a_change_more_often() -> None:
    """A queue whose weeks drift looks like one that changed: with 0.4 of each week's excess kept, one in eight to
    twelve is called so. Longer blocks would not help: eight weeks hold too few of them."""
    assert false_alarms(spread=0.4, memory=0.4) <= 0.13


def test_most_of_what_changed_is_found() -> None:
    halved = [verdict(queue(seed, number=800, factor=0.5, spread=0.2)) for seed in range(30)]
    assert halved.count("shorter") >= 24
    assert "longer" not in halved


def test_who_still_waits_counts() -> None:
    """Every second recent ticket is left lying. Those that started did so as soon as ever."""
    table = queue(3, number=600)
    ago = (pd.Timestamp(NOW) - table["requested_at"]) / pd.Timedelta(hours=1)
    is_left = (ago < 8 * 168 + LAST) & (table["ticket_id"] % 5 < 2)
    table.loc[is_left, "queue_hours"] = ago[is_left]
    table.loc[is_left, "queue_is_open"] = True
    assert verdict(table) == "longer"
    assert verdict(table[~table["queue_is_open"]]) == "no change shown"


def test_a_queue_that_stopped_is_longer() -> None:
    """Nobody has started anything for eight weeks: there is no median, and yet it is beyond doubt longer."""
    table = queue(4)
    ago = (pd.Timestamp(NOW) - table["requested_at"]) / pd.Timedelta(hours=1)
    is_recent = ago < 8 * 168 + LAST
    table.loc[is_recent, "queue_hours"] = ago[is_recent]
    table.loc[is_recent, "queue_is_open"] = True
    found = trend(table, now=NOW)
    assert (found.recent, found.change, found.high) == (np.inf, np.inf, np.inf)
    assert found.verdict == "longer"
    assert 0 < found.low < 8 * 168


def test_a_median_that_is_not_reached_and_proves_nothing() -> None:
    table = queue(4)
    found = trend(table.assign(queue_is_open=True), now=NOW)
    assert found.verdict == "too little known"
    assert np.isnan([found.change, found.low, found.high]).all()


@pytest.mark.parametrize(
    "table",
    [
        queue(5, number=30),
        queue(5)[lambda table: table.index % 2 == 0].head(0),
        queue(5).assign(queue_hours=np.nan),
        pd.concat([queue(5)] * 4)[lambda table: table["requested_at"] < pd.Timestamp(NOW) - pd.Timedelta(weeks=9)],
        pd.concat([queue(5)] * 4)[lambda table: table["requested_at"] > pd.Timestamp(NOW) - pd.Timedelta(weeks=11)],
    ],
    ids=["few tickets", "none", "no history", "none recent", "few weeks before"],
)
def test_too_little_known(table: pd.DataFrame) -> None:
    found = trend(table, now=NOW)
    assert found.verdict == "too little known"
    assert np.isnan([found.change, found.low, found.high]).all()


def test_whole_weeks_before_the_week_that_has_begun() -> None:
    table = queue(6)
    found = trend(table, now=NOW)
    assert found.until == datetime(2026, 6, 1, tzinfo=UTC)
    assert found.tickets_before + found.tickets_recent == len(table)
    this_week = table.head(50).assign(requested_at=pd.Timestamp(2026, 6, 2, tz="UTC"), queue_hours=1e6)
    assert trend(pd.concat([table, this_week]), now=NOW) == found
    assert trend(table, now=datetime(2026, 6, 1, tzinfo=UTC)) == found  # its own midnight begins a week
    assert trend(table, now=datetime(2026, 5, 31, 23, tzinfo=UTC)).until == datetime(2026, 5, 25, tzinfo=UTC)


def test_in_business_hours() -> None:
    calendar, business = (trend(queue(7, factor=0.3), now=NOW, business=flag) for flag in (False, True))
    assert (business.before, business.recent) == (
        pytest.approx(calendar.before / 3),
        pytest.approx(calendar.recent / 3),
    )
    assert business.verdict == "shorter"


def test_the_same_table_and_seed_give_the_same() -> None:
    table = queue(8)
    assert asdict(trend(table, now=NOW)) == asdict(trend(table.sample(frac=1, random_state=1), now=NOW))
    assert trend(table, now=NOW, seed=1) != trend(table, now=NOW)


def test_fewer_weeks_may_be_asked_for() -> None:
    found = trend(queue(9, number=600, factor=0.2), now=NOW, weeks=4)
    assert (found.weeks, found.verdict) == (4, "no change shown")  # the last eight weeks were all alike
    assert trend(queue(9, number=600), now=NOW, weeks=3).verdict == "too little known"


def test_resamples_have_as_many_weeks_in_blocks_of_two() -> None:
    times = drawn_weeks(np.random.default_rng(0), 5, 400)
    assert times.shape == (400, 5)
    assert (times.sum(axis=1) == 5).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)
    pairs = drawn_weeks(np.random.default_rng(0), 2, 10)
    assert (pairs == 1).all()  # one block is all there is


def test_few_blocks_widen_the_interval() -> None:
    values = np.arange(10001.0)
    assert interval(values, values, 800, 800) == pytest.approx((250, 9750), abs=10)
    low, high = interval(values, values, 8, 8)
    # Student's t with 6 degrees of freedom is 2.447, times √(4/3): 2.825 deviations, 0.24 % at each end.
    assert (low, high) == pytest.approx((23.6, 9976.4), abs=1)


def test_a_trend_says_what_it_is() -> None:
    assert "block bootstrap over weeks" in Trend.definition

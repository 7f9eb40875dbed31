"""What a golden path did to the waiting, beside the types that stayed manual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.effects import Effect, effect
from tests.unit.tables import waiting_table

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIVE = NOW - timedelta(weeks=12)


def queue(
    seed: int, *, number: int = 600, path: float = 1.0, all_types: float = 1.0, own: float = 0.0, common: float = 0.0
) -> pd.DataFrame:
    """Twenty-four weeks of waits around 60 hours (20 in business time) of two types, in the last twelve times a factor:
    `path` for the path's type, `all_types` for both. Each week has effects of the spreads `own` and `common`."""
    rng = np.random.default_rng(seed)
    ago, kind = rng.uniform(0, 24 * 168, number), rng.integers(0, 2, number)
    week = (ago // 168).astype(int)
    shocks = common * rng.normal(size=24)[week] + own * rng.normal(size=(2, 24))[kind, week]
    factor = np.where(week < 12, all_types * np.where(kind == 0, path, 1.0), 1.0)
    return waiting_table(ago, 60.0 * np.exp(rng.normal(0, 1.0, number) + shocks) * factor, now=NOW, type=kind)


def of(table: pd.DataFrame, **settings: Any) -> Effect:
    names = table["type"].map({0: "s3", 1: "vpn"})
    options = {"types": ["s3"], "manual": ["vpn"], "live_since": LIVE, "now": NOW} | settings
    return effect(table.assign(type=names), path="s3-bucket", **options)


def test_a_real_drop_is_an_effect() -> None:
    found = of(queue(1, path=0.2))
    assert found.is_shown
    assert found.low < found.effect < found.high < 0
    assert found.effect == pytest.approx(-16, abs=5)
    assert sum(found.tickets) == 600


def test_a_drop_of_all_types_is_none() -> None:
    """The path's type waits a third of what it did, and so does what nobody automated."""
    found = of(queue(2, all_types=0.33))
    assert found.after < 0.5 * found.before
    assert not found.is_shown
    assert found.effect == (found.after - found.before) - (found.manual_after - found.manual_before)


def test_a_path_that_makes_it_worse_shows_too() -> None:
    found = of(queue(3, path=4.0))
    assert found.is_shown and found.low > 0


def test_noise_is_no_effect() -> None:
    assert sum(of(queue(seed)).is_shown for seed in range(60)) <= 5


def test_nor_is_noise_of_whole_weeks() -> None:
    """Of tickets drawn one by one a third more than promised would be called an effect."""
    assert sum(of(queue(seed, own=0.4, common=0.4)).is_shown for seed in range(60)) <= 5


def test_who_still_waits_counts() -> None:
    """Every second ticket of the path's type is left lying since it lives."""
    table = queue(4, number=1000)
    ago = (pd.Timestamp(NOW) - table["requested_at"]) / pd.Timedelta(hours=1)
    is_left = (ago < 12 * 168) & (table["type"] == 0) & (table["ticket_id"] % 5 < 2)
    table.loc[is_left, "business_queue_hours"] = ago[is_left] / 3
    table.loc[is_left, "queue_is_open"] = True
    assert of(table).effect > 0 and of(table).is_shown
    assert not of(table[~table["queue_is_open"]]).is_shown


def test_too_few_is_no_effect() -> None:
    few = queue(5, number=600)
    is_path = (few["type"] == 0).to_numpy()
    few = pd.concat([few[~is_path], few[is_path].head(4)])
    found = of(few)
    assert np.isnan([found.effect, found.low, found.high]).all()
    assert not found.is_shown
    none = of(few.head(0))
    assert none.tickets == (0, 0, 0, 0) and np.isnan(none.before)


def test_a_path_of_a_few_weeks_has_no_interval_yet() -> None:
    found = of(queue(6, path=0.2), live_since=NOW - timedelta(weeks=3))
    assert np.isfinite(found.effect)
    assert np.isnan([found.low, found.high]).all() and not found.is_shown
    assert of(queue(6), live_since=NOW + timedelta(weeks=1)).tickets[1] == 0  # lives from next week


def test_a_median_that_is_not_reached_is_no_effect() -> None:
    table = queue(7)
    found = of(table.assign(queue_is_open=table["type"] == 0))
    assert found.after == np.inf
    assert np.isnan([found.effect, found.low, found.high]).all()


def test_unknown_queue_times_and_other_types_are_left_out() -> None:
    table = queue(8)
    found = of(table)
    unknown = table.head(100).assign(business_queue_hours=np.nan)
    others = table.head(100).assign(type=2)
    assert of(pd.concat([table, unknown, others], ignore_index=True)) == found


def test_the_weeks_are_those_around_the_start() -> None:
    found = of(queue(9, number=2400), weeks=6, live_since=LIVE)
    assert found.tickets[0] == pytest.approx(300, rel=0.2)
    assert found.tickets[1] == pytest.approx(300, rel=0.2)


def test_the_same_table_and_seed_give_the_same() -> None:
    assert of(queue(10)) == of(queue(10))
    assert of(queue(10)).effect == of(queue(10), seed=1).effect
    assert "less the same of the types that stayed manual" in Effect.definition

"""Kaplan–Meier percentiles: against a published example, against scipy, and against the truth of simulated queues."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from analytics import survival
from analytics.survival import SHARES, Percentiles, percentiles

# The 6-MP arm of Freireich et al. 1963 as Cox & Oakes print it: weeks in remission, + where it still lasted.
REMISSIONS = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"


def of(text: str, **settings: Any) -> Percentiles:
    """`5 7+` is a wait of 5 hours that is over and one of 7 that is not."""
    waits = text.split()
    hours = np.array([float(wait.rstrip("+")) for wait in waits])
    return percentiles(hours, np.array([not wait.endswith("+") for wait in waits], dtype=bool), **settings)


def random_waits(rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole hours, so that many are equal; a third still waits."""
    return rng.integers(0, 15, number).astype(float), rng.random(number) < 2 / 3


def first_at_most(times: np.ndarray, curve: np.ndarray, left: float) -> float:
    reached = np.flatnonzero(curve <= left + 1e-12)
    return float(times[reached[0]]) if len(reached) else float("inf")


def by_scipy(hours: np.ndarray, is_over: np.ndarray) -> list[tuple[float, float, float]]:
    """Estimate, low and high of each share, read from scipy's curves."""
    survival = ecdf(CensoredData(uncensored=hours[is_over], right=hours[~is_over])).sf
    with warnings.catch_warnings():  # scipy divides by the nobody that is left at the end
        warnings.simplefilter("ignore")
        bounds = survival.confidence_interval(0.95, method="log-log")
    times = survival.quantiles
    # It draws no bounds where the curve is at 1 or ends at 0.
    low = np.where(survival.probabilities >= 1, 1.0, np.nan_to_num(bounds.low.probabilities, nan=0.0))
    high = np.nan_to_num(bounds.high.probabilities, nan=1.0)
    curves = (survival.probabilities, low, high)
    told = [tuple(first_at_most(times, curve, 1 - share) for curve in curves) for share in SHARES]
    return [(estimate, low, high) for estimate, low, high in told]


def test_the_remissions_of_1963() -> None:
    found = of(REMISSIONS)
    assert found.estimate[0, 0] == 23
    assert (found.low[0, 0], found.high[0, 0]) == (13, np.inf)
    assert (found.counts[0], found.waiting[0]) == (21, 12)
    assert found.over_only[0, 0] == 10  # of the nine that are over: less than half of the truth


@pytest.mark.parametrize("seed", range(60))
def test_as_scipy_draws_the_curve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hours, is_over = random_waits(rng, int(rng.integers(2, 60)))
    if is_over.all():
        is_over[hours.argmax()] = False
    if not is_over.any():
        is_over[hours.argmin()] = True
    found = percentiles(hours, is_over)
    ours = list(zip(found.estimate[0], found.low[0], found.high[0], strict=True))
    assert ours == by_scipy(hours, is_over)


def test_an_interval_ends_where_its_bound_first_falls() -> None:
    """A bound that rests on few rises again: here where one of the last two starts, and where nobody is left."""
    rises = np.array([*range(1, 601), *([600.5] * 398), 601, 602], dtype=float)
    is_over = np.array([True] * 600 + [False] * 398 + [True, False])
    found = percentiles(rises, is_over, shares=(0.56,))
    assert found.estimate[0, 0] == 560
    assert found.high[0, 0] == 591  # by the log-log formula without the last two: n = 1000, S = 0.409
    ends = percentiles(np.arange(1.0, 101), np.arange(100) != 3, shares=(0.5,))
    assert ends.high[0, 0] == by_scipy(np.arange(1.0, 101), np.arange(100) != 3)[0][2]


@pytest.mark.parametrize("part", [100, 500, 1_000_000])
def test_many_groups_at_once_are_each_as_alone(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survival, "_PART", part)
    rng = np.random.default_rng(5)
    hours, is_over = random_waits(rng, 4000)
    groups = rng.integers(-1, 300, len(hours))
    groups[groups == 17] = 18  # a group of nobody
    together = percentiles(hours, is_over, groups, 301)
    for group in range(301):
        alone = percentiles(hours[groups == group], is_over[groups == group])
        for name in ("estimate", "low", "high", "over_only"):
            np.testing.assert_array_equal(getattr(together, name)[group], getattr(alone, name)[0])
        assert together.counts[group] == alone.counts[0] and together.waiting[group] == alone.waiting[0]


def test_sums_over_very_many_groups_blur_no_rank() -> None:
    """Two of four are over in each, so half is reached exactly, which a sum over a million tickets must still see."""
    number = 300_000
    hours, is_over = np.tile([1.0, 2.0, 3.0, 4.0], number), np.tile([True, True, False, False], number)
    ends = np.where(np.arange(len(hours)) % 8 < 4, is_over, True)  # every second group ends at nothing
    found = percentiles(hours, ends, np.repeat(np.arange(number), 4), number, shares=(0.5,))
    assert np.unique(found.estimate[::2]).tolist() == [2.0]


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=50))
def test_where_nobody_waits_it_is_the_plain_percentile(values: list[float]) -> None:
    hours = np.array(values)
    found = percentiles(hours, np.ones(len(hours), dtype=bool))
    np.testing.assert_allclose(found.estimate[0], np.percentile(hours, [50, 85, 95]), rtol=1e-12)
    np.testing.assert_allclose(found.estimate[0], pd.Series(hours).quantile(list(SHARES)), rtol=1e-12)
    np.testing.assert_array_equal(found.estimate, found.over_only)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40))
def test_an_interval_holds_its_estimate(waits: list[tuple[int, bool]]) -> None:
    hours = np.array([float(wait) for wait, _ in waits])
    found = percentiles(hours, np.array([is_over for _, is_over in waits], dtype=bool))
    assert (found.low <= found.estimate).all()
    assert (found.estimate <= found.high).all()
    assert (np.diff(found.estimate[0][np.isfinite(found.estimate[0])]) >= 0).all()


def test_nobody_has_started() -> None:
    found = of("3+ 5+ 9+")
    assert np.isinf([found.estimate, found.low, found.high]).all()
    assert np.isnan(found.over_only).all()


def test_no_tickets() -> None:
    for found in (of(""), percentiles(np.array([np.nan]), np.array([True]))):
        assert found.counts.tolist() == found.waiting.tolist() == [0]
        for name in ("estimate", "low", "high", "over_only"):
            assert np.isnan(getattr(found, name)).all()
    none = percentiles(np.empty(0), np.empty(0, dtype=bool), np.empty(0, dtype=np.int64), 0)
    assert none.estimate.shape == (0, 3)


def test_one_ticket() -> None:
    assert of("7").estimate.tolist() == [[7, 7, 7]]
    assert of("7").high.tolist() == [[np.inf] * 3]  # one ticket bounds nothing from above
    assert of("7+").estimate.tolist() == [[np.inf] * 3]


def test_started_at_once() -> None:
    found = of("0 0 0 4+")
    assert found.estimate.tolist() == [[0, np.inf, np.inf]]
    assert of("0 0").estimate.tolist() == [[0, 0, 0]]


def test_a_wait_that_is_cut_off_when_another_ends_was_longer() -> None:
    assert of("4 4+", shares=(0.5,)).estimate[0, 0] == 4
    assert of("4+ 4", shares=(0.5,)).estimate[0, 0] == 4


def test_unknown_waits_and_tickets_of_no_group_are_left_out() -> None:
    hours, is_over = np.array([1.0, np.nan, 3.0, 99.0]), np.array([True, True, True, False])
    found = percentiles(hours, is_over, np.array([0, 0, 0, -1]), 1)
    assert (found.counts[0], found.waiting[0], found.estimate[0, 0]) == (2, 0, 2)


def test_intervals_may_be_left_out() -> None:
    found, whole = of(REMISSIONS, confidence=None), of(REMISSIONS)
    np.testing.assert_array_equal(found.estimate, whole.estimate)
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


def test_the_interval_covers_the_truth_and_the_plain_median_misses_it() -> None:
    """2000 queues of 80 tickets, a third of which still wait; the true median is 8 hours."""
    rng = np.random.default_rng(7)
    queues, size, truth = 2000, 80, 8.0
    waits = rng.exponential(truth / np.log(2), (queues, size))
    until_now = rng.uniform(0, 3.5 * truth, (queues, size))
    hours, is_over = np.minimum(waits, until_now).ravel(), (waits <= until_now).ravel()
    assert 0.6 < is_over.mean() < 0.7
    found = percentiles(hours, is_over, np.repeat(np.arange(queues), size), queues, shares=(0.5,))
    is_covered = (found.low <= truth) & (truth <= found.high)
    assert 0.92 <= is_covered.mean() <= 0.98
    assert np.median(found.estimate) == pytest.approx(truth, rel=0.02)
    assert np.median(found.over_only) < 0.65 * truth

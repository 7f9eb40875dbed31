"""How sure a ranking is: known answers, what must hold of any, and that the shares mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.ranking import FEWEST_WEEKS, RESAMPLES, Standing, standings

Sums = npt.NDArray[np.float64]


def of_sums(by_week: Sums, *, top: int, seed: int = 0) -> list[Standing]:
    """From a table of weeks and types, each cell a ticket; the types are put in order first."""
    ordered = by_week[:, np.argsort(-by_week.sum(axis=0), kind="stable")]
    weeks, types = np.indices(ordered.shape)
    return standings(weeks.ravel(), types.ravel(), ordered.ravel(), ordered.shape[1], top=top, seed=seed)


def test_a_type_that_leads_every_week_leads_for_sure() -> None:
    rng = np.random.default_rng(1)
    first, second, third = of_sums(np.column_stack([rng.uniform(90, 110, 20), rng.uniform(1, 50, (20, 2))]), top=1)
    assert first == Standing(1.0, 1, 1, False)
    assert (second.in_top, third.in_top) == (0.0, 0.0)


def test_two_equal_types_are_tied_and_share_the_place() -> None:
    same = np.random.default_rng(2).uniform(1, 9, 30)
    first, second, third = of_sums(np.column_stack([same, same, same / 100]), top=1)
    assert first.in_top + second.in_top == pytest.approx(1)
    assert first.in_top == pytest.approx(0.5, abs=0.06)
    assert (first.is_tied_with_next, second.is_tied_with_next) == (True, False)
    assert [(one.rank_low, one.rank_high) for one in (first, second, third)] == [(1, 2), (1, 2), (3, 3)]


def test_two_alike_that_differ_by_chance_are_tied_and_far_ones_are_not() -> None:
    rng = np.random.default_rng(3)
    alike = rng.exponential(10, (26, 2))
    told = of_sums(np.column_stack([alike, rng.exponential(1, (26, 1))]), top=2)
    assert [one.is_tied_with_next for one in told] == [True, False, False]
    assert [one.in_top for one in told] == [1.0, 1.0, 0.0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 15), st.integers(FEWEST_WEEKS, 60))
def test_the_shares_add_up_to_the_places(seed: int, top: int, number: int, weeks: int) -> None:
    rng = np.random.default_rng(seed)
    told = of_sums(rng.exponential(1, (weeks, number)) * rng.integers(0, 2, (weeks, number)), top=top)
    assert sum(one.in_top for one in told) == pytest.approx(min(top, number))
    for one in told:
        assert 0 <= one.in_top <= 1
        assert 1 <= one.rank_low <= one.rank_high <= number


def test_the_same_tickets_and_seed_give_the_same() -> None:
    sums = np.random.default_rng(4).exponential(1, (12, 6))
    assert of_sums(sums, top=3) == of_sums(sums, top=3)
    assert of_sums(sums, top=3) != of_sums(sums, top=3, seed=1)


def test_of_few_weeks_nothing_is_said() -> None:
    assert of_sums(np.ones((FEWEST_WEEKS - 1, 3)), top=2) == []
    assert len(of_sums(np.ones((FEWEST_WEEKS, 3)), top=2)) == 3


def test_many_types_are_ranked_in_parts() -> None:
    told = of_sums(np.random.default_rng(5).exponential(1, (FEWEST_WEEKS, 4100)), top=3)
    assert sum(one.in_top for one in told) == pytest.approx(3)
    assert RESAMPLES * 4100 > 4_000_000


def test_a_share_means_what_it_says() -> None:
    """Of types said to be in the top 3 with so much certainty, so many truly are: queues with known means, half a
    year of weeks that vary, tickets that vary. Whatever is called an order is one in nine of ten cases."""
    rng = np.random.default_rng(6)
    sure, true, called = [], [], []
    for _ in range(150):
        means = np.exp(rng.normal(0, 0.6, 12))
        arrived = rng.poisson(3 * means * np.exp(rng.normal(-0.18, 0.6, (26, 12))))
        sums = rng.gamma(np.maximum(arrived, 1e-9), 1.0)
        order = np.argsort(-sums.sum(axis=0), kind="stable")
        rank = np.empty(12, dtype=int)
        rank[np.argsort(-means)] = np.arange(1, 13)
        told = of_sums(sums, top=3)
        sure += [one.in_top for one in told]
        true += [rank[place] <= 3 for place in order]
        called += [rank[order[n]] < rank[order[n + 1]] for n in range(11) if not told[n].is_tied_with_next]
    shares, hits = np.array(sure), np.array(true)
    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.95)):
        chosen = (shares >= low) & (shares < high)
        assert hits[chosen].mean() == pytest.approx(shares[chosen].mean(), abs=0.1)
    assert hits[shares >= 0.95].mean() > 0.95
    assert np.mean(called) > 0.9

"""The benchmark of request types: what it prints where the real tickets are absent, and its arithmetic."""

from __future__ import annotations

import pytest

from benchmarks.promises import POOLED, Kept, most_broken, promises, worlds
from benchmarks.topics import Automated, Quality, mean, mean_automated, most_wrong


def test_each_world_and_all_together() -> None:
    kept = promises(0.05, repetitions=6)
    assert list(kept) == [*worlds(0.05), POOLED]
    assert all(0 <= share <= 1 for one in kept.values() for share in (one.granted, one.broken, one.naive))
    assert all(one.broken <= one.granted for one in kept.values())
    assert promises(0.05, repetitions=6) == kept
    assert isinstance(kept[POOLED], Kept)


def test_three_standard_errors() -> None:
    assert most_broken(1_900) == pytest.approx(0.05 + 3 * 0.005)
    assert most_wrong(0.05, 1_900) == pytest.approx(0.05 + 3 * 0.005)
    assert most_wrong(0.05, 0) == pytest.approx(0.05 + 3 * 0.05**0.5 * 0.95**0.5)


def test_means_over_the_draws() -> None:
    one, other = Quality(0.8, 0.7, 0.02, 10, 1_000), Quality(0.9, 0.9, 0.04, 20, 3_000)
    assert mean([one, other]).accuracy == pytest.approx(0.85)
    assert mean([one, other]).speed == 2_000
    assert mean_automated([Automated(0.5, 0.1, 10), Automated(0.7, 0.0, 30)]) == Automated(0.6, 0.025, 40)
    assert mean_automated([Automated(0.0, 0.0, 0)]) == Automated(0.0, 0.0, 0)

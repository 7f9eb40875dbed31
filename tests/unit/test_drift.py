"""When the newest tickets are unlike the audited ones, and when they only look so by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from analytics.drift import Opinions, drifted


def opinions(drawn: Mapping[str, Sequence[float]]) -> Opinions:
    """`{"s3-bucket": (0.9, 0.8)}` is two tickets that were called buckets."""
    names = [name for name, scores in drawn.items() for _ in scores]
    scores = [score for scores in drawn.values() for score in scores]
    return Opinions(np.array(names, dtype=object), np.array(scores, dtype=np.float64))


def test_a_mix_that_moved_suspends_every_type_and_says_by_how_much() -> None:
    audited = opinions({"s3-bucket": [0.9] * 80, "vpn-access": [0.9] * 120})
    newest = opinions({"s3-bucket": [0.9] * 90, "vpn-access": [0.9] * 10})
    sentence = "the mix of tickets changed: s3-bucket is 90% of the newest 100, and was 40% of the audited ones"
    assert drifted(audited, newest) == {"s3-bucket": sentence, "vpn-access": sentence}


def test_a_type_that_nobody_audited_can_move_the_mix() -> None:
    audited = opinions({"s3-bucket": [0.9] * 200})
    newest = opinions({"s3-bucket": [0.9] * 60, "dns-record": [0.9] * 40})
    assert "dns-record is 40% of the newest 100, and was 0% of" in drifted(audited, newest)["s3-bucket"]


def test_scores_that_fell_suspend_their_type_alone() -> None:
    high, low = np.linspace(0.9, 0.98, 101).tolist(), np.linspace(0.5, 0.7, 50).tolist()
    audited = opinions({"s3-bucket": high, "vpn-access": high})
    newest = opinions({"s3-bucket": low, "vpn-access": high[::2]})
    assert drifted(audited, newest) == {
        "s3-bucket": "its scores changed: half of the newest 50 are below 0.60, of the audited ones below 0.94"
    }


@pytest.mark.parametrize(("share", "is_told"), [(0.50, False), (0.69, False), (0.72, True)])
def test_a_small_move_of_the_mix_is_none_however_sure(share: float, is_told: bool) -> None:
    count = 10_000
    audited = opinions({"a": [0.9] * (count // 2), "b": [0.9] * (count // 2)})
    newest = opinions({"a": [0.9] * round(count * share), "b": [0.9] * round(count * (1 - share))})
    assert bool(drifted(audited, newest)) is is_told


def test_too_few_of_the_newest_say_nothing() -> None:
    audited = opinions({"a": [0.95] * 100})
    assert drifted(audited, opinions({"b": [0.1] * 49})) == {}
    assert drifted(audited, opinions({"b": [0.1] * 50})) != {}
    assert drifted(opinions({}), opinions({"b": [0.1] * 50})) == {}
    assert drifted(opinions({}), opinions({})) == {}


def test_too_few_of_one_type_say_nothing_of_its_scores() -> None:
    audited = opinions({"a": [0.95] * 100, "b": [0.95] * 30})
    assert drifted(audited, opinions({"a": [0.95] * 60, "b": [0.5] * 19})) == {}
    assert set(drifted(audited, opinions({"a": [0.95] * 60, "b": [0.5] * 20}))) == {"b"}


def test_equal_distributions_alarm_in_at_most_one_draw_of_a_hundred() -> None:
    alarms = 0
    for seed in range(1_000):
        dice = np.random.default_rng(seed)
        audited, newest = (
            Opinions(dice.choice(["a", "b", "c", "d"], n, p=[0.5, 0.3, 0.15, 0.05]).astype(object), dice.beta(8, 1, n))
            for n in (150, 60)
        )
        alarms += bool(drifted(audited, newest))
    assert alarms <= 10


@pytest.mark.parametrize("moved", ["mix", "scores"])
def test_a_large_move_is_seen_in_nine_draws_of_ten(moved: str) -> None:
    seen = 0
    for seed in range(50):
        dice = np.random.default_rng(seed)
        audited = Opinions(dice.choice(["a", "b"], 300, p=[0.6, 0.4]).astype(object), dice.beta(8, 1, 300))
        shares, shape = ([0.2, 0.8], 8) if moved == "mix" else ([0.6, 0.4], 2)
        newest = Opinions(dice.choice(["a", "b"], 200, p=shares).astype(object), dice.beta(shape, 1, 200))
        seen += bool(drifted(audited, newest))
    assert seen >= 45

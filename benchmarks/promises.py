"""Whether certificates keep their promise, on tickets whose true risk is known, beside the naive threshold.

A world draws scores and says how likely each score is right; so the true share of wrong ones at or above a threshold
is known from a million draws. In every repetition some tickets are audited and a threshold is certified; the promise is
broken when the true share there exceeds the target. A certificate allows that in one repetition of twenty.

The naive threshold is the lowest at which the audited tickets themselves were wrong no more often than the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.certify import GRID, certify

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
DRAWS: Final = 1_000_000
AUDITED: Final = (200, 600, 2_000)  # tickets of each world, in turn
POOLED: Final = "pooled"


@dataclass(frozen=True, slots=True)
class World:
    """Scores are drawn from a beta distribution; `is_right` gives the probability that a ticket so scored is right."""

    shape: tuple[float, float]
    is_right: Callable[[Floats], Floats]

    def draw(self, rng: np.random.Generator, number: int) -> tuple[Floats, Floats]:
        scores = rng.beta(*self.shape, number)
        return scores, np.clip(self.is_right(scores), 0, 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """Shares of the repetitions: a threshold was granted; the truth there exceeded the target; and for the naive
    threshold."""

    granted: float
    broken: float
    naive: float


def worlds(target: float) -> Mapping[str, World]:
    """The last two are made to break it: the best scores are the worst, and every threshold is just too risky."""
    return {
        "calibrated": World((20, 1), lambda scores: scores),
        "overconfident": World((50, 0.7), lambda scores: scores * (1 - target)),
        "underconfident": World((8, 1), lambda scores: 1 - 0.3 * (1 - scores)),
        "sharp": World((8, 0.5), lambda scores: np.where(scores > 0.85, 1 - 0.02 * target, 0.5)),
        "upside down": World((20, 1), lambda scores: np.where(scores > 0.97, 1 - 1.5 * target, 1 - 0.4 * target)),
        "borderline": World((20, 1), lambda scores: np.full(len(scores), 1 - 1.02 * target)),
    }


def promises(target: float, *, repetitions: int = 1_000, seed: int = 0) -> dict[str, Kept]:
    """By world, as if each were a request type; and `pooled`, one threshold for all of them together."""
    rng = np.random.default_rng(seed)
    drawn_from = worlds(target)
    risks = _risks(drawn_from, rng)
    found: dict[str, list[tuple[bool, bool, bool]]] = {name: [] for name in risks}
    for repetition in range(repetitions):
        drawn, audited = {}, AUDITED[repetition % len(AUDITED)]
        for name, world in drawn_from.items():
            scores, chance = world.draw(rng, audited)
            drawn[name] = scores, rng.random(audited) >= chance
        drawn[POOLED] = tuple(np.concatenate(parts) for parts in zip(*drawn.values(), strict=True))
        for name, (scores, is_wrong) in drawn.items():
            found[name].append(_tried(scores, is_wrong, risks[name], target))
    return {name: Kept(*np.mean(tried, axis=0).tolist()) for name, tried in found.items()}


def _risks(drawn_from: Mapping[str, World], rng: np.random.Generator) -> dict[str, Floats]:
    """The true share of wrong tickets at or above each threshold of the grid."""
    drawn = {name: world.draw(rng, DRAWS) for name, world in drawn_from.items()}
    sums = {name: (_above(scores), _above(scores, 1 - chance)) for name, (scores, chance) in drawn.items()}
    risks = {name: wrong / np.maximum(number, 1) for name, (number, wrong) in sums.items()}
    number, wrong = (np.sum([each[part] for each in sums.values()], axis=0) for part in (0, 1))
    return {**risks, POOLED: wrong / np.maximum(number, 1)}


def _above(scores: Floats, weights: Floats | None = None) -> Floats:
    """The number of tickets (or the sum of their weights) at or above each threshold of the grid."""
    step = np.searchsorted(-GRID, -scores, side="left")
    return np.cumsum(np.bincount(step, weights=weights, minlength=len(GRID) + 1)[: len(GRID)]).astype(np.float64)


def _tried(scores: Floats, is_wrong: Bools, risks: Floats, target: float) -> tuple[bool, bool, bool]:
    threshold = certify(scores, is_wrong, request_type="any", target=target).threshold
    number, wrong = _above(scores), _above(scores, is_wrong.astype(np.float64))
    passing = np.flatnonzero((number > 0) & (wrong <= target * number))
    is_broken = threshold is not None and bool(risks[np.flatnonzero(threshold == GRID)[0]] > target)
    return threshold is not None, is_broken, len(passing) > 0 and bool(risks[passing[-1]] > target)


def most_broken(repetitions: int) -> float:
    """The share of broken promises beyond which chance is no excuse: three standard errors above one in twenty."""
    return float(0.05 + 3 * np.sqrt(0.05 * 0.95 / repetitions))

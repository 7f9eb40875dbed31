"""How sure a ranking of request types is, from resamples of whole weeks.

A ranking of a period's sums looks exact and is not: had other weeks been looked at, neighbours might have changed
places. Tickets of one week come and wait together, so weeks are what is resampled, in blocks of two that follow each
other (`resampling`), and what a few blocks vary too little is made up for by widening each resample's deviation from
the sums themselves (Hesterberg 2015, section 5.3). Ranks of resamples were proposed by Goldstein & Spiegelhalter 1996,
"League Tables and Their Limitations".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.calendars import Floats
from analytics.resampling import BLOCK, drawn_weeks

RESAMPLES: Final = 1000
FEWEST_WEEKS: Final = 8
TIE: Final = 0.10
_LEVEL: Final = 0.95
_AT_ONCE: Final = 4_000_000  # sums that are held at once

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one type: the share of resamples in which it is among the first ones asked for, the interval in which 95 % of
    its ranks lie, and whether it is tied with the next in rank: their order flips in more than `TIE` of the resamples
    (where both are equal it flips in half)."""

    in_top: float
    rank_low: int
    rank_high: int
    is_tied_with_next: bool


def standings(weeks: Ints, types: Ints, amounts: Floats, number: int, *, top: int, seed: int = 0) -> list[Standing]:
    """One for each of `number` types (at least one), numbered in the order of the ranking, from the week, the type and
    the amount of each ticket. Empty where the tickets are of fewer than `FEWEST_WEEKS` weeks: then nothing can be said.

    The shares of all types add up to `top` where there are so many. The same tickets and seed give the same.
    """
    known, week = np.unique(weeks, return_inverse=True)
    if len(known) < FEWEST_WEEKS:
        return []
    cells = np.bincount(week * number + types, weights=amounts, minlength=len(known) * number)
    by_week = cells.reshape(len(known), number)
    rng = np.random.default_rng(seed)
    times = drawn_weeks(rng, len(known), RESAMPLES)
    among, flips = np.zeros(number), np.zeros(number)
    ranks = np.empty((RESAMPLES, number), dtype=np.int32)
    step = max(1, _AT_ONCE // number)
    for low in range(0, RESAMPLES, step):
        sums = _widened(times[low : low + step] @ by_week, by_week.sum(axis=0), len(known))
        part = _ranks(sums, rng)
        ranks[low : low + step] = part
        among += (part <= top).sum(axis=0)
        before, after = sums[:, :-1], sums[:, 1:]
        flips[:-1] += (before < after).sum(axis=0) + 0.5 * (before == after).sum(axis=0)
    tail = (1 - _LEVEL) / 2
    lowest = np.quantile(ranks, tail, axis=0, method="lower")
    highest = np.quantile(ranks, 1 - tail, axis=0, method="higher")
    return [
        Standing(float(among[n]) / RESAMPLES, int(lowest[n]), int(highest[n]), bool(flips[n] > TIE * RESAMPLES))
        for n in range(number)
    ]


def _widened(sums: Floats, whole: Floats, weeks: int) -> Floats:
    blocks = weeks / BLOCK
    # Rounded, or types that are equal week by week would differ by how floats add up.
    return np.asarray(np.round(whole + (sums - whole) * (blocks / (blocks - 1)) ** 0.5, 6))


def _ranks(sums: Floats, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """From 1, the largest first; of equals each is the first one as often."""
    order = np.lexsort((rng.random(sums.shape), -sums), axis=1)
    ranks = np.empty(sums.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, sums.shape[1] + 1)[None, :], axis=1)
    return ranks

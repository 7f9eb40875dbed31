"""Percentiles of waits of which some are not over yet (Kaplan & Meier 1958), with their intervals, for many groups.

Leaving out who still waits makes a queue look better the longer it gets; counting their waits as if they were over
does the same to a lesser degree. The estimator counts them as what they are: at least so long.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.calendars import Floats
from analytics.parallel import on_each

SHARES: Final = (0.50, 0.85, 0.95)
_NEARLY: Final = 1e-9  # a share that rounding has moved past is reached
_PART: Final = 32_768  # durations that are sorted at once, so that they fit the caches

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Arrays of shape (groups, shares), in the unit of the durations. NaN where a group has no duration at all; inf
    where so many still wait that the share is not reached yet.

    `estimate`: Kaplan–Meier, the least t by which the share is over; where nobody waits any more the plain percentile,
    linear between ranks. `low` and `high`: its interval, by the log-log transform (Brookmeyer & Crowley 1982).
    `over_only`: the plain percentile of what is over, which is what a report shows that forgets who still waits.
    `counts` and `waiting` have shape (groups,).
    """

    shares: tuple[float, ...]
    estimate: Floats
    low: Floats
    high: Floats
    over_only: Floats
    counts: npt.NDArray[np.int64]
    waiting: npt.NDArray[np.int64]


def percentiles(
    durations: Floats,
    is_over: Flags,
    groups: Codes | None = None,
    number: int = 1,
    *,
    shares: tuple[float, ...] = SHARES,
    confidence: float | None = 0.95,
    is_sorted: bool = False,
) -> Percentiles:
    """Of the durations (NaN: unknown, left out) in each of `number` groups; `groups` holds each one's number, negative
    for none of them. With `confidence` None the intervals are NaN. `is_sorted` promises that the durations are sorted
    and, where equal, those that are over come first."""
    codes = np.zeros(len(durations), dtype=np.int16) if groups is None else groups
    kept = ~np.isnan(durations) & (codes >= 0)
    if not kept.all():
        durations, is_over, codes = durations[kept], is_over[kept], codes[kept]
    small = codes.astype(np.int16) if number < 2**15 else codes  # sorted by radix
    order = np.argsort(small, kind="stable")
    durations, is_over = durations[order], is_over[order]
    counts = np.bincount(small, minlength=number)
    bounds = np.append(0, np.cumsum(counts))

    def part(of: slice) -> Percentiles:
        rows = slice(int(bounds[of.start]), int(bounds[of.stop]))
        return _of_groups(durations[rows], is_over[rows], counts[of], shares, confidence, is_sorted=is_sorted)

    return _joined(shares, on_each(part, _parts(bounds), rows=len(durations)))


def _parts(bounds: npt.NDArray[np.int64]) -> list[slice]:
    """Runs of groups, each of some `_PART` rows or of one large group; `bounds` are those of the groups' rows."""
    cuts = np.searchsorted(bounds, np.arange(_PART, bounds[-1], _PART)).tolist()
    return [slice(low, high) for low, high in pairwise(dict.fromkeys([0, *cuts, len(bounds) - 1]))] or [slice(0, 0)]


def _joined(shares: tuple[float, ...], parts: list[Percentiles]) -> Percentiles:
    names = ("estimate", "low", "high", "over_only", "counts", "waiting")
    return Percentiles(shares, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _of_groups(
    durations: Floats,
    is_over: Flags,
    counts: npt.NDArray[np.int64],
    shares: tuple[float, ...],
    confidence: float | None,
    *,
    is_sorted: bool,
) -> Percentiles:
    """Of groups that stand one after another, each with so many."""
    number = len(counts)
    codes: Codes = np.repeat(np.arange(number, dtype=np.int16 if number < 2**15 else np.int64), counts)
    if not is_sorted and is_over.all():  # there is nothing to move with them, and to sort values is the quicker way
        durations = durations.copy()
        for low, high in pairwise(np.append(0, np.cumsum(counts)).tolist()):
            durations[low:high].sort()
    elif not is_sorted:
        order = np.argsort(durations)
        if number > 1:
            order = order[np.argsort(codes[order], kind="stable")]  # by radix
        durations, is_over = durations[order], is_over[order]
    over = np.bincount(codes[is_over], minlength=number)
    over_only = _plain(durations[is_over], over, shares)
    estimate, low, high = over_only, *(np.full((number, len(shares)), np.nan) for _ in range(2))
    if confidence is not None or not is_over.all():
        curve = _Curve(durations, is_over, codes, counts, is_sorted=is_sorted)
        estimate = np.where((over == counts)[:, None], over_only, curve.reached(curve.survival(), shares))
        if confidence is not None:
            low, high = (curve.reached(bound, shares) for bound in curve.bounds(confidence))
    return Percentiles(shares, estimate, low, high, over_only, counts, counts - over)


def _plain(durations: Floats, counts: npt.NDArray[np.int64], shares: tuple[float, ...]) -> Floats:
    """Linear between ranks (type 7 of Hyndman & Fan 1996, as numpy and pandas have it); sorted by group and size."""
    starts = np.cumsum(counts) - counts
    found = np.full((len(counts), len(shares)), np.nan)
    some = counts > 0
    for column, share in enumerate(shares):
        rank = (counts[some] - 1) * share
        below = np.floor(rank).astype(np.int64)
        base = durations[starts[some] + below]
        above = durations[starts[some] + np.minimum(below + 1, counts[some] - 1)]
        found[some, column] = base + (above - base) * (rank - below)
    return found


class _Curve:
    """The survival curves of all groups, one value behind each duration, and their pointwise bounds. Takes what is
    sorted by group and duration."""

    def __init__(
        self, durations: Floats, is_over: Flags, codes: Codes, counts: npt.NDArray[np.int64], *, is_sorted: bool
    ) -> None:
        self._durations, self._is_over, self._codes, self._counts = durations, is_over, codes, counts
        self._starts = np.cumsum(counts) - counts
        left = np.repeat(self._starts + counts, counts) - np.arange(len(codes))  # where each begins
        at_risk = left if is_sorted else left + self._behind()
        self._is_last = is_over & (at_risk == 1)  # nobody is left: the curve ends, and its upper bound stays open
        self._is_step = is_over & ~self._is_last
        self._at_risk = np.maximum(at_risk, 2)
        step = np.where(self._is_step, np.log1p(-1.0 / self._at_risk), 0.0)
        self._log_survival = self._within(np.cumsum(step), step)

    def survival(self) -> Floats:
        return np.where(self._is_last, 0.0, np.exp(self._log_survival))

    def bounds(self, confidence: float) -> tuple[Floats, Floats]:
        """Lower and upper, by Greenwood's variance and the log-log transform."""
        log_survival = self._log_survival
        # Greenwood's sum, event by event: equal times sum to the same as all at once.
        term = np.where(self._is_step, 1.0 / (self._at_risk * (self._at_risk - 1.0)), 0.0)
        spread = np.sqrt(self._within(np.cumsum(term), term))
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            width = z * spread / np.abs(log_survival)
            low = np.where(log_survival < 0, np.exp(log_survival * np.exp(width)), 1.0)
            high = np.where(log_survival < 0, np.exp(log_survival * np.exp(-width)), 1.0)
        # Within equal times there is no curve yet; bounds may fall there and be higher behind them.
        is_within = np.zeros(len(low), dtype=bool)
        same = (self._durations[1:] == self._durations[:-1]) & (self._codes[1:] == self._codes[:-1])
        is_within[:-1] = same
        low = np.where(is_within, np.nan, np.where(self._is_last, 0.0, low))
        return low, np.where(is_within | self._is_last, np.nan, high)

    def _behind(self) -> npt.NDArray[np.int64]:
        """How many of the same duration stand before each and are not over: they are still left with it."""
        place = np.arange(len(self._codes))
        is_new = np.ones(len(place), dtype=bool)
        is_new[1:] = (self._durations[1:] != self._durations[:-1]) | (self._codes[1:] != self._codes[:-1])
        first = np.maximum.accumulate(np.where(is_new, place, 0))
        waiting = np.cumsum(~self._is_over)
        return np.asarray(waiting - waiting[first] + ~self._is_over[first] - ~self._is_over)

    def _within(self, sums: Floats, values: Floats) -> Floats:
        """Running sums that begin anew with each group."""
        some = self._counts > 0
        before = np.zeros(len(self._counts))
        before[some] = sums[self._starts[some]] - values[self._starts[some]]
        return np.asarray(sums - before[self._codes])

    def reached(self, curve: Floats, shares: tuple[float, ...]) -> Floats:
        """For each group and share the least duration at which the curve is down to what is left of the share.

        A bound may rise again behind it, where few are left; the estimate never does.
        """
        found = np.full((len(self._counts), len(shares)), np.nan)
        some = self._counts > 0
        starts, ends = self._starts[some], (self._starts + self._counts)[some]
        durations = np.append(self._durations, np.inf)
        for column, share in enumerate(shares):
            down = np.append(np.flatnonzero(curve <= (1 - share) * (1 + _NEARLY)), len(self._durations))
            first = down[np.searchsorted(down, starts)]
            found[some, column] = np.where(first < ends, durations[first], np.inf)
        return found

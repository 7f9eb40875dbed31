"""Intervals of median queue times, from resamples of whole weeks.

Tickets of one week wait behind each other, so tickets are no independent draws: weeks are what is resampled, in blocks
of two that follow each other (circular block bootstrap, Politis & Romano 1992). A few blocks vary less than what they
were drawn from, so the interval is the expanded one (Hesterberg 2015, "What Teachers Should Know About the Bootstrap",
section 5.3): without it one of seven queues that did not change would be said to have, with it one of twenty. Where
weeks drift it is more, one of eight where each keeps 0.4 of the last one's excess: a drift of weeks and a change are
hard to tell apart in sixteen of them.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.calendars import Floats
from analytics.survival import percentiles

BLOCK: Final = 2
FEWEST_WEEKS: Final = 4
_LEVEL: Final = 0.975
_AT_ONCE: Final = 4_000_000  # weights that are held at once


class Waits:
    """The known queue times (hours, in `column`) of tickets requested in the `weeks` weeks from `since`, sorted."""

    def __init__(self, table: pd.DataFrame, column: str, since: pd.Timestamp, weeks: int) -> None:
        requested = table["requested_at"]
        until = since + pd.Timedelta(weeks=weeks)
        chosen = table[(requested >= since) & (requested < until) & table[column].notna()]
        hours, is_over = chosen[column].to_numpy(), ~chosen["queue_is_open"].to_numpy()
        order = np.lexsort((~is_over, hours))
        self._hours, self._is_over = hours[order], is_over[order]
        week = (chosen["requested_at"] - since) // pd.Timedelta(weeks=1)
        self._week = week.to_numpy(dtype=np.int64)[order]
        self.tickets = len(chosen)
        self.weeks = len(np.unique(self._week))

    def median(self) -> float:
        """Kaplan–Meier; NaN without tickets, inf where so many still wait that it is not reached."""
        return float(percentiles(self._hours, self._is_over, shares=(0.5,), confidence=None).estimate[0, 0])

    def medians(self, times: Floats) -> tuple[Floats, Floats]:
        """The least and the greatest that each resample's median can be; `times` says how often it has each week.
        They differ where so many still wait that the median is not reached: it is then beyond the longest wait."""
        step = max(1, _AT_ONCE // max(1, self.tickets))
        parts = [self._weighted(times[low : low + step]) for low in range(0, len(times), step)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _weighted(self, times: Floats) -> tuple[Floats, Floats]:
        weights = times[:, self._week]
        at_risk = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
        ended = np.where(self._is_over, weights, 0.0)
        left = np.divide(at_risk - ended, at_risk, out=np.ones_like(at_risk), where=at_risk > 0)
        is_above: npt.NDArray[np.bool_] = np.cumprod(left, axis=1) > 0.5 + 1e-9
        reached = is_above.sum(axis=1)
        longest = np.where(weights > 0, self._hours, 0.0).max(axis=1, initial=0.0)
        highest = np.append(self._hours, np.inf)[reached]
        return np.where(np.isinf(highest), longest, highest), highest


def drawn_weeks(rng: np.random.Generator, weeks: int, resamples: int) -> Floats:
    """How often each of the weeks is in each resample, of as many weeks: shape (resamples, weeks)."""
    starts = rng.integers(0, weeks, size=(resamples, -(-weeks // BLOCK)))
    chosen = (starts[:, :, None] + np.arange(BLOCK)) % weeks
    chosen = chosen.reshape(resamples, -1)[:, :weeks]
    times = np.zeros((resamples, weeks))
    np.add.at(times, (np.arange(resamples)[:, None], chosen), 1.0)
    return times


def interval(lowest: Floats, highest: Floats, *weeks: int) -> tuple[float, float]:
    """The 95 % interval of a difference between periods of so many `weeks` (at least FEWEST_WEEKS), from its
    resamples, each known to lie from `lowest` to `highest`."""
    from scipy.special import stdtrit  # slow to import

    blocks = [number / BLOCK for number in weeks]
    fewest = min(blocks)
    quantile = (fewest / (fewest - 1)) ** 0.5 * float(stdtrit(sum(blocks) - len(blocks), _LEVEL))
    share = NormalDist().cdf(-quantile)
    place = int(share * (len(lowest) - 1))
    return float(np.sort(lowest)[place]), float(np.sort(highest)[len(highest) - 1 - place])

"""Whether the newest tickets are still like the audited ones that certificates were made from.

A certificate is about tickets like those it was counted on. Where the mix of types or the scores of a type have moved,
it says nothing of the newest tickets. A move must be both unlikely to be chance (p < 0.001) and large: with thousands
of tickets every difference is significant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2_contingency, ks_2samp

FEWEST: Final = 50  # of the newest tickets, before anything is said
FEWEST_OF_TYPE: Final = 20
CHANCE: Final = 0.001
MOVED_MIX: Final = 0.2  # total variation distance: so large a share of the tickets is of other types than before
MOVED_SCORES: Final = 0.25  # Kolmogorov–Smirnov distance


@dataclass(frozen=True, slots=True)
class Opinions:
    """What models said of n tickets: `names` the likeliest types, `scores` their probabilities."""

    names: npt.NDArray[Any]
    scores: npt.NDArray[np.float64]


def drifted(audited: Opinions, newest: Opinions, *, held_out: Opinions | None = None) -> Mapping[str, str]:
    """The types whose certificates say nothing of the newest tickets, each with the reason in a sentence. Empty also
    where there are too few of the newest to tell.

    People may be asked about one type more than about others, so the mix of the audited tickets may be of their own
    making: where `held_out` ones (what was said of the newest labelled tickets) are mixed like the newest, it has not
    moved.
    """
    if len(newest.names) < FEWEST or not len(audited.names):
        return {}
    types = sorted({*map(str, audited.names), *map(str, newest.names)})
    if _is_mix_moved(audited, newest) and (held_out is None or _is_mix_moved(held_out, newest)):
        return dict.fromkeys(types, _mix_sentence(types, _counts(audited, types), _counts(newest, types)))
    return {name: told for name in types if (told := _scores_sentence(name, audited, newest))}


def _is_mix_moved(audited: Opinions, newest: Opinions) -> bool:
    types = sorted({*map(str, audited.names), *map(str, newest.names)})
    if not len(audited.names) or len(types) < 2:
        return not len(audited.names)
    before, now = _counts(audited, types), _counts(newest, types)
    moved = np.abs(before / before.sum() - now / now.sum()).sum() / 2
    return bool(moved > MOVED_MIX and chi2_contingency([before, now]).pvalue < CHANCE)


def _counts(said: Opinions, types: list[str]) -> npt.NDArray[Any]:
    return np.array([(said.names == name).sum() for name in types])


def _mix_sentence(types: list[str], before: npt.NDArray[Any], now: npt.NDArray[Any]) -> str:
    shares = before / before.sum(), now / now.sum()
    most = int(np.abs(shares[1] - shares[0]).argmax())
    return (
        f"the mix of tickets changed: {types[most]} is {shares[1][most]:.0%} of the newest {now.sum():,}, and was "
        f"{shares[0][most]:.0%} of the audited ones"
    )


def _scores_sentence(name: str, audited: Opinions, newest: Opinions) -> str | None:
    before, now = audited.scores[audited.names == name], newest.scores[newest.names == name]
    if len(now) < FEWEST_OF_TYPE or len(before) < FEWEST_OF_TYPE:
        return None
    found = ks_2samp(before, now)
    if found.pvalue >= CHANCE or found.statistic <= MOVED_SCORES:
        return None
    return (
        f"its scores changed: half of the newest {len(now):,} are below {np.median(now):.2f}, of the audited ones "
        f"below {np.median(before):.2f}"
    )

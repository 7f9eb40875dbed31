"""How often a classification is wrong, promised: a threshold for each request type, with a certificate.

A certificate says: of the tickets that are classified as this type with a score of at least `threshold`, at most
`target` are wrong; the audited tickets would have looked this good with a probability of at most 1 - `confidence` if it
were not so. It is found by fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then
Test"): thresholds of a grid that was fixed beforehand are tested from the strictest down, each by the exact binomial
tail, and the first failure ends it. So the last threshold that passed may be used at the full confidence, however many
were tried.

The sequence starts where the scores alone, without looking at what was right, make a pass likely: a start that is too
strict leaves too few tickets to prove anything and would end everything at its first step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TARGET: Final = 0.02
CONFIDENCE: Final = 0.95
TARGETS: Final = (0.01, 0.02, 0.05)
# Fixed before any ticket is seen; the strictest first. None is below 0.7: where the audited tickets are all worded
# alike and all right, a lower threshold would pass too, and would let in what they say nothing about.
GRID: Final[Floats] = np.round(1 - np.geomspace(0.001, 0.3, 60), 5)
LIKELY: Final = 0.8


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of one request type. Not granted: `threshold` is None, and `needed` says how many more audited tickets at or
    above the strictest threshold worth testing (`tested`), all of them right, would earn it; None where the audited
    ones are wrong too often for more of them to help.

    `audited` tickets reached `threshold` (else `tested`), `wrong` of them were of another type; `coverage` is their
    share of all audited tickets that were classified as this type.
    """

    request_type: str
    target: float
    confidence: float
    threshold: float | None
    tested: float
    audited: int
    wrong: int
    coverage: float
    needed: int | None

    def __str__(self) -> str:
        if self.threshold is not None:
            return (
                f"wrong ≤ {self.target:.3g} at {self.confidence:.0%} confidence, covers {self.coverage:.0%}, "
                f"from {self.audited:,} audited tickets"
            ).replace(f"{self.target:.3g}", f"{self.target * 100:.3g} %")
        if self.needed is not None:
            return f"{self.needed:,} more audited tickets needed"
        return (
            f"{self.wrong:,} of {self.audited:,} audited tickets were wrong: more audits will not help, "
            "clearer labels or fewer types may"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"sentence": str(self)}


def certify(
    scores: Floats, is_wrong: Bools, *, request_type: str, target: float = TARGET, confidence: float = CONFIDENCE
) -> Certificate:
    """From the audited tickets that were classified as this type: their scores (0 to 1), and whether the type was
    wrong.

    The scores must come from models that had not learned from these tickets. Raises ValueError where the two differ in
    length or a share is none.
    """
    if len(scores) != len(is_wrong):
        raise ValueError(f"{len(scores)} scores, but {len(is_wrong)} audited tickets")
    if not (0 < target < 1 and 0 < confidence < 1):
        raise ValueError(f"target {target} and confidence {confidence} must lie between 0 and 1")
    doubt = 1 - confidence
    counts = np.array([(scores >= threshold).sum() for threshold in GRID])
    wrong = np.array([is_wrong[scores >= threshold].sum() for threshold in GRID])
    start = _start(scores, counts, target, doubt)
    last = start - 1
    for step in range(start, len(GRID)):
        if binom.cdf(wrong[step], counts[step], target) > doubt:
            break
        last = step
    at, is_granted = max(last, start), last >= start
    return Certificate(
        request_type=request_type,
        target=target,
        confidence=confidence,
        threshold=float(GRID[at]) if is_granted else None,
        tested=float(GRID[at]),
        audited=int(counts[at]),
        wrong=int(wrong[at]),
        coverage=float(counts[at] / len(scores)) if len(scores) else 0.0,
        needed=None if is_granted else _needed(int(counts[at]), int(wrong[at]), target, doubt),
    )


def certify_types(
    names: npt.NDArray[Any],
    scores: Floats,
    is_wrong: Bools,
    *,
    types: tuple[str, ...],
    target: float = TARGET,
    confidence: float = CONFIDENCE,
) -> Mapping[str, Certificate]:
    """A certificate, granted or not, for each of `types`; `names` are what the audited tickets were classified as."""
    return {
        name: certify(
            scores[names == name], is_wrong[names == name], request_type=name, target=target, confidence=confidence
        )
        for name in types
    }


def fewest_audited(wrong: int, target: float, confidence: float = CONFIDENCE) -> int:
    """How many audited tickets certify `target` where `wrong` of them are wrong, for a threshold fixed beforehand: 149
    for none wrong of at most 2 % at 95 %."""
    low, high = wrong, max(64, 2 * wrong)
    while binom.cdf(wrong, high, target) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if binom.cdf(wrong, middle, target) <= 1 - confidence else (middle, high)
    return high


def _start(scores: Floats, counts: npt.NDArray[np.int64], target: float, doubt: float) -> int:
    """The strictest step at which a pass is likely if the scores mean what they say; where none is, the likeliest.

    It looks at scores alone, so what follows is as good as fixed beforehand.
    """
    expected = np.array([(1 - scores[scores >= threshold]).sum() for threshold in GRID])
    allowed = binom.ppf(doubt, counts, target) - (binom.cdf(binom.ppf(doubt, counts, target), counts, target) > doubt)
    chance = np.where(allowed >= 0, binom.cdf(allowed, counts, np.clip(expected / np.maximum(counts, 1), 0, 1)), 0.0)
    likely = np.flatnonzero((chance >= LIKELY) & (counts > 0))
    if len(likely):
        return int(likely[0])
    return int(chance.argmax()) if chance.any() else len(GRID) - 1


def _needed(audited: int, wrong: int, target: float, doubt: float) -> int | None:
    if wrong and wrong / audited > target:
        return None
    return max(fewest_audited(wrong, target, 1 - doubt) - audited, 1)

"""How often a classification is wrong, promised: a threshold for each request type, with a certificate.

A certificate says: of the tickets that are classified as this type with a score of at least `threshold`, at most
`target` are wrong; the audited tickets would have looked this good with a probability of at most 1 - `confidence` if it
were not so. It is found by fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then
Test"): thresholds of a grid that was fixed beforehand are tested from the strictest down, each by the exact binomial
tail, and the first failure ends it. So the last threshold that passed may be used at the full confidence, however many
were tried.

The sequence starts where the scores alone, without looking at what was right, make a pass likely: a start that is too
strict leaves too few tickets to prove anything and would end everything at its first step. For that purpose the scores
are not believed where they claim fewer than a quarter of what is allowed to be wrong: a few wrong labels would make the
start too strict as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr
from scipy.stats import binom

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TARGET: Final = 0.02
CONFIDENCE: Final = 0.95
TARGETS: Final = (0.01, 0.02, 0.05)
# Fixed before any ticket is seen; the strictest first. None is below 0.7: where the audited tickets are all worded
# alike and all right, a lower threshold would pass too, and would let in what they say nothing about.
GRID: Final[Floats] = np.round(1 - np.geomspace(0.001, 0.3, 60), 5)
LIKELY: Final = 0.8
BELIEVED: Final = 0.25  # of the target
MOST_NEEDED: Final = 100_000  # more than anybody audits


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
                f"wrong ≤ {self.target * 100:.3g} % at {self.confidence * 100:.4g} % confidence, "
                f"covers {self.coverage * 100:.0f} %, from {self.audited:,} audited tickets"
            )
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

    The scores must come from models that had not learned from these tickets. A laxer target may start at a stricter
    step; where that one fails, which is rare, it is refused what a stricter target was granted. Raises ValueError where
    the two differ in length, or a share or a score does not lie between 0 and 1.
    """
    if len(scores) != len(is_wrong):
        raise ValueError(f"{len(scores)} scores, but {len(is_wrong)} audited tickets")
    if not (0 < target < 1 and 0 < confidence < 1):
        raise ValueError(f"target {target} and confidence {confidence} must lie between 0 and 1")
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("a score is not between 0 and 1")
    doubt = 1 - confidence
    at, is_granted, counts, wrong = _walk(scores, is_wrong, target, doubt)
    audited, mistaken = int(counts[at]), int(wrong[at])
    return Certificate(
        request_type=request_type,
        target=target,
        confidence=confidence,
        threshold=float(GRID[at]) if is_granted else None,
        tested=float(GRID[at]),
        audited=audited,
        wrong=mistaken,
        coverage=audited / len(scores) if len(scores) else 0.0,
        needed=None if is_granted or mistaken > target * audited else _needed(scores, is_wrong, at, target, doubt),
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
    while bdtr(wrong, high, target) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bdtr(wrong, middle, target) <= 1 - confidence else (middle, high)
    return high


def _walk(scores: Floats, is_wrong: Bools, target: float, doubt: float) -> tuple[int, bool, Ints, Ints]:
    """The last step that passed, else the first; whether it passed; at each step the tickets, and those wrong."""
    order = np.argsort(-scores, kind="stable")
    counts = np.searchsorted(-scores[order], -GRID, side="right")
    wrong = np.concatenate([[0], np.cumsum(is_wrong[order])])[counts]
    claimed = np.concatenate([[0.0], np.cumsum(1 - scores[order])])[counts]
    start = _start(counts, claimed, target, doubt)
    fails = np.flatnonzero(bdtr(wrong[start:], counts[start:], target) > doubt)
    passed = int(fails[0]) if len(fails) else len(GRID) - start
    return start + max(passed - 1, 0), passed > 0, counts, wrong


def _start(counts: Ints, claimed: Floats, target: float, doubt: float) -> int:
    """The strictest step at which a pass is likely if the scores mean what they say; where none is, the likeliest.

    It looks at scores alone, so what follows is as good as fixed beforehand.
    """
    risk = np.clip(claimed / np.maximum(counts, 1), BELIEVED * target, 1)
    most = binom.ppf(doubt, counts, target)
    allowed = most - (bdtr(most, counts, target) > doubt)
    chance = np.where(allowed >= 0, bdtr(np.maximum(allowed, 0), counts, risk), 0.0)
    likely = np.flatnonzero((chance >= LIKELY) & (counts > 0))
    if len(likely):
        return int(likely[0])
    return int(chance.argmax()) if chance.any() else len(GRID) - 1


def _needed(scores: Floats, is_wrong: Bools, at: int, target: float, doubt: float) -> int | None:
    """More tickets may move the start of the sequence: what is told has been tried, with the scores at or above the
    step coming again in turn."""
    above = scores >= GRID[at]
    alike = scores[above] if above.any() else GRID[at : at + 1]
    more = max(fewest_audited(int(is_wrong[above].sum()), target, 1 - doubt) - int(above.sum()), 1)
    while more <= MOST_NEEDED:
        again = np.concatenate([scores, np.resize(alike, more)])
        if _walk(again, np.concatenate([is_wrong, np.zeros(more, np.bool_)]), target, doubt)[1]:
            return more
        more += more // 4 + 1
    return None

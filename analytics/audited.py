"""The audited tickets of a model: what was said of them before anybody told it, and what people say they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.certify import Certificate, certify, fewest_audited
from analytics.drift import Opinions
from analytics.learning import Sample

Identity = tuple[str, int]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """A ticket that a live model had an opinion of before a person said what it is."""

    key: Identity
    predicted: str
    score: float
    truth: str


@dataclass(frozen=True, slots=True)
class Audited:
    """Of n tickets: what was `predicted`, with which `scores`, what they are (`truth`), and whether a random sample
    asked about the very ticket (`is_asked`)."""

    predicted: npt.NDArray[Any]
    scores: npt.NDArray[np.float64]
    truth: npt.NDArray[Any]
    is_asked: Bools

    def of(self, request_type: str, *, target: float, confidence: float) -> Audited:
        """Those that were classified as this type. Where people were asked about enough of them, only those: tickets
        that come without a form are what a certificate is for, and may be worded otherwise than those with one."""
        is_type = self.predicted == request_type
        asked = is_type & self.is_asked
        rows = asked if asked.sum() >= fewest_audited(0, target, confidence) else is_type
        return Audited(self.predicted[rows], self.scores[rows], self.truth[rows], self.is_asked[rows])

    def opinions(self, types: Sequence[str], *, target: float, confidence: float) -> Opinions:
        """What certificates of these types are counted on."""
        parts = [self.of(name, target=target, confidence=confidence) for name in types]
        names = [part.predicted for part in parts] or [np.empty(0, object)]
        return Opinions(np.concatenate(names), np.concatenate([part.scores for part in parts] or [np.empty(0)]))

    def certificates(self, types: Sequence[str], *, target: float, confidence: float) -> Mapping[str, Certificate]:
        """One for each type, granted or not."""
        found = {}
        for name in types:
            part = self.of(name, target=target, confidence=confidence)
            is_wrong = np.asarray(part.predicted != part.truth, np.bool_)
            found[name] = certify(part.scores, is_wrong, request_type=name, target=target, confidence=confidence)
        return found


def audited_of(
    sample: Sample,
    said: Mapping[Identity, str],
    later: Sequence[Asked],
    stands_for: Mapping[str, str],
    *,
    asked: Collection[Identity],
) -> Audited:
    """Of a model's sample, without texts unlike anything seen, which get no type; and of tickets told about since. A
    sample without keys, as of a file, holds no audited ticket.

    `said` is what people say of tickets by (site, id), and counts for more than a label; `asked` are those that a
    random sample asked about; `stands_for` maps a type that was merged to what stands for it. Where nobody was asked,
    and the person only says that the guess was right, it does not count: people would pick the easy ones.
    """

    def root(name: str) -> str:
        return stands_for.get(name, name)

    def counts(row: Asked) -> bool:
        return row.key in asked or root(row.predicted) != root(row.truth)

    sampled = (
        [
            (Asked(key, str(predicted), float(score), said.get(key, str(label))), bool(is_audited))
            for key, predicted, score, label, is_novel, is_audited in zip(
                sample.keys,
                sample.predicted,
                sample.scores,
                sample.labels,
                sample.is_novel,
                sample.is_audited,
                strict=True,
            )
            if not is_novel and (is_audited or key in said)
        ]
        if sample.keys
        else []
    )
    rows = [row for row, is_audited in sampled if is_audited or counts(row)]
    known = {row.key for row, _ in sampled}
    rows += [row for row in later if row.key not in known and counts(row)]

    return Audited(
        np.array([root(row.predicted) for row in rows], dtype=object),
        np.array([row.score for row in rows], dtype=np.float64),
        np.array([root(row.truth) for row in rows], dtype=object),
        np.array([row.key in asked for row in rows], dtype=np.bool_),
    )

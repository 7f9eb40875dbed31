"""The audited tickets of a model: what was said of them before anybody told it, and what people say they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Of n tickets: what was `predicted`, with which `scores`, what they are (`truth`), and whether a person was asked
    about the very ticket (`is_asked`) rather than having worked on it as its form said."""

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
    sample: Sample, said: Mapping[Identity, str], later: Sequence[Asked], stands_for: Mapping[str, str]
) -> Audited:
    """Of a model's sample, without texts unlike anything seen, which get no type; and of tickets asked about since.

    `said` is what people say of tickets by (site, id), and counts for more than a label; `stands_for` maps a type that
    was merged to what stands for it.
    """
    keys: Sequence[Identity | None] = sample.keys or [None] * len(sample.rows)
    rows = [
        Asked(key or ("", 0), str(predicted), float(score), said.get(key, str(label)) if key else str(label))
        for key, predicted, score, label, is_novel, is_audited in zip(
            keys, sample.predicted, sample.scores, sample.labels, sample.is_novel, sample.is_audited, strict=True
        )
        if not is_novel and (is_audited or key in said)
    ]
    known = {row.key for row in rows if row.key[0]}
    rows += [asked for asked in later if asked.key not in known]

    def root(name: str) -> str:
        return stands_for.get(name, name)

    return Audited(
        np.array([root(row.predicted) for row in rows], dtype=object),
        np.array([row.score for row in rows], dtype=np.float64),
        np.array([root(row.truth) for row in rows], dtype=object),
        np.array([row.key in said for row in rows], dtype=np.bool_),
    )

"""Learning in the order of time: what is older teaches, what is newer examines.

The labelled tickets are cut at half, 65 % and 82.5 %. A model of the first half is asked about the next part: there the
candidates compete and the winner's probabilities are calibrated. Then a model of everything before each of the last two
parts is asked about it: what it says is the *sample* that reports and certificates are made from. No model is ever
asked about a ticket that it has learned from. The model that goes live learns from all; that it is no worse than the
models of the sample, which knew less, is an assumption (`docs/request-types.md`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from analytics.errors import NotEnoughLabels
from analytics.features import Reader, dropped

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[Any]

CUTS: Final = (0.5, 0.65, 0.825, 1.0)
FEWEST_TO_CALIBRATE: Final = 30
BINS: Final = 15
# A text that is less familiar than all but one in a hundred of the newest labelled ones is unlike anything seen; but a
# text of which seven words in ten are known never is.
NOVEL: Final = 0.01
FAMILIAR: Final = 0.7
# From so many labelled tickets on, every way of asking has been seen often enough.
MANY_WAYS: Final = 20_000
# By the inverse strength of their regularisation, as scikit-learn counts it.
CANDIDATES: Final = ("logistic 3", "logistic 8", "logistic 20", "svm 0.3")


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Of one class in the sample: tickets that are of it, that were called it, and both."""

    tickets: int
    predicted: int
    right: int

    @property
    def precision(self) -> float | None:
        """The share of those called it that are it; None where none was."""
        return self.right / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """The share of those that are it that were called it; None where there are none."""
        return self.right / self.tickets if self.tickets else None


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """`tickets` were learned from in the end; `held_out` (the newest 35 %) judged by models of older ones: `accuracy`
    and `macro_f1` are theirs, `calibration_error` the expected one over 15 bins of probability (all None: too few to
    hold out). `temperature` 1.0 means not calibrated. `novelty` is how familiar a text must be (the lower bound of the
    share of its words that are known). `candidates` maps each model that competed to its log loss.
    """

    tickets: int
    held_out: int
    accuracy: float | None
    macro_f1: float | None
    calibration_error: float | None
    temperature: float
    is_calibrated: bool
    novelty: float
    model: str
    candidates: Mapping[str, float]
    classes: Mapping[str, ClassScore]

    definition = "share of the newest 35 % of the labelled tickets that a model of the older ones named right"


@dataclass(frozen=True, slots=True)
class Sample:
    """What models said about tickets that they had not learned from. All of length n, in the order of time: `rows` of
    the labelled tickets, `predicted` names, `scores`, `labels` as they were when it was learned, `is_novel`; `keys`
    names the tickets where they have names."""

    rows: Ints
    predicted: Labels
    scores: Floats
    labels: Labels
    is_novel: Bools
    is_audited: Bools
    keys: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    pipeline: Pipeline
    report: TrainingReport
    sample: Sample


@dataclass(frozen=True, slots=True)
class Lesson:
    """Labelled tickets in the order of time. `features` are as they are; `plain` as if nobody had filled a form: that
    is how a ticket comes whose type is asked for. `seed` draws whatever is drawn."""

    features: pd.DataFrame
    plain: pd.DataFrame
    labels: Labels
    seed: int

    def is_enough(self, end: int) -> bool:
        """Whether the rows before `end` have two labels to tell apart and a word to tell them by."""
        read = zip(self.features["text"][:end], self.features["context"][:end], strict=True)
        return len(set(self.labels[:end])) >= 2 and any(re.search(r"\w", text + context) for text, context in read)

    def until(self, end: int) -> tuple[pd.DataFrame, Labels]:
        """What is learned from the rows before `end`. A small queue has seen few ways of asking: there every ticket is
        also read with half of its words missing, so that a model does not hang on any one."""
        parts, rows = [self.features[:end]], [np.arange(end)]
        filled = np.flatnonzero((self.features["text"] != self.plain["text"])[:end])
        if len(filled):
            parts, rows = [*parts, self.plain.iloc[filled]], [*rows, filled]
        if len(self.labels) < MANY_WAYS:
            parts, rows = [*parts, dropped(self.plain[:end], self.seed)], [*rows, np.arange(end)]
        return pd.concat(parts, ignore_index=True), self.labels[np.concatenate(rows)]


def learn(features: pd.DataFrame, labels: Labels, *, plain: pd.DataFrame | None = None, seed: int = 0) -> Learned:
    """From at least two different labels, in the order of time; `plain` are the same tickets without their forms.

    Raises NotEnoughLabels where they hold no word to tell them apart by.
    """
    lesson = Lesson(features, features if plain is None else plain, labels, seed)
    if not lesson.is_enough(len(labels)):
        told = f"the {len(labels):,} labelled texts hold no word: there is nothing to tell their types apart by"
        raise NotEnoughLabels(f"{told}. Check that summaries and descriptions were imported.")
    ends = [round(len(labels) * cut) for cut in CUTS]
    name, temperature, novelty, losses = _compete(lesson, ends)
    parts = []
    for start, end in pairwise(ends[1:]):
        if end > start and lesson.is_enough(start):
            parts.append(_asked(_fit(name, lesson, start, temperature), lesson, start, end, novelty))
    sample = _joined(parts)
    pipeline = _fit(name, lesson, len(labels), temperature)
    is_calibrated = ends[1] - ends[0] >= FEWEST_TO_CALIBRATE and bool(losses)
    return Learned(pipeline, _report(sample, len(labels), temperature, is_calibrated, novelty, name, losses), sample)


def _compete(lesson: Lesson, ends: list[int]) -> tuple[str, float, float, dict[str, float]]:
    """The candidate with the least log loss, its temperature, how familiar a text must be, and all losses."""
    start, end = ends[0], ends[1]
    newer = lesson.labels[start:end]
    is_taught = np.isin(newer, lesson.labels[:start])
    if end - start < FEWEST_TO_CALIBRATE or not is_taught.any() or not lesson.is_enough(start):
        return CANDIDATES[1], 1.0, 0.0, {}
    reader, matrix, told = _read(lesson, start)
    asked, familiar = reader.read(lesson.plain[start:end])
    found: dict[str, tuple[float, float]] = {}
    for name in CANDIDATES:
        model = _estimator(name, len(told), lesson.seed).fit(matrix, told)
        logits = _logits(model.decision_function(asked[is_taught]))
        found[name] = _temperature(logits, np.searchsorted(model.classes_, newer[is_taught]))
    best = min(found, key=lambda name: found[name][0])
    novelty = min(float(np.quantile(familiar, NOVEL)), FAMILIAR)
    return best, found[best][1], novelty, {name: round(loss, 5) for name, (loss, _) in found.items()}


def _fit(name: str, lesson: Lesson, end: int, temperature: float) -> Pipeline:
    """A calibrated pipeline of the rows before `end`. Dividing the weights is dividing the logits, so it stays a plain
    one, and any linear model becomes a logistic regression of its weights."""
    reader, matrix, told = _read(lesson, end)
    fitted = _estimator(name, len(told), lesson.seed).fit(matrix, told)
    model = LogisticRegression(fit_intercept=False)
    model.classes_ = fitted.classes_
    model.coef_ = (fitted.coef_ / temperature).astype(np.float32)
    model.intercept_ = np.zeros(len(model.coef_), np.float32)
    model.n_features_in_ = matrix.shape[1]
    return Pipeline([("features", reader), ("model", model)])


def _read(lesson: Lesson, end: int) -> tuple[Reader, Any, Labels]:
    """A reader trained on the rows before `end`, what it reads there, and the labels."""
    features, told = lesson.until(end)
    reader = Reader()
    return reader, reader.fit_transform(features, told.tolist()), told


def _estimator(name: str, rows: int, seed: int) -> Any:
    family, strength = name.split()
    if family == "svm":
        return LinearSVC(C=float(strength), fit_intercept=False, random_state=seed)
    penalty = 1 / (float(strength) * rows)
    return SGDClassifier(loss="log_loss", alpha=penalty, fit_intercept=False, random_state=seed, max_iter=100, tol=1e-3)


def _logits(decision: Any) -> Floats:
    """Of shape (rows, classes), also where two classes share one column."""
    decision = np.asarray(decision, np.float64)
    return np.column_stack([-decision / 2, decision / 2]) if decision.ndim == 1 else decision


def _temperature(logits: Floats, truth: Ints) -> tuple[float, float]:
    """The log loss and the divisor of the logits under which the truth is likeliest.

    The truth gets the weight (n + 1) / (n + 2) as in Platt 1999, so that a faultless hold-out of n tickets cannot claim
    certainty.
    """
    if not len(truth):
        return float("inf"), 1.0
    doubt, rows = 1.0 / (len(truth) + 2), np.arange(len(truth))

    def loss(temperature: float) -> float:
        scaled = log_softmax(logits / temperature, axis=1)
        return float(-((1 - doubt) * scaled[rows, truth] + doubt * scaled.mean(axis=1)).mean())

    best = min(np.geomspace(0.02, 10.0, 120), key=loss)
    return loss(best), float(best)


def judge(model: Pipeline, features: pd.DataFrame, novelty: float) -> tuple[Labels, Floats, Bools]:
    """The likeliest type of each row, its calibrated probability, and whether the text is unlike anything seen."""
    matrix, known = model[0].read(features)
    probabilities = model[-1].predict_proba(matrix)
    best = probabilities.argmax(axis=1)
    return model.classes_[best], probabilities[np.arange(len(best)), best].astype(np.float64), known < novelty


def _asked(model: Pipeline, lesson: Lesson, start: int, end: int, novelty: float) -> Sample:
    predicted, scores, is_novel = judge(model, lesson.plain[start:end], novelty)
    labels = lesson.labels[start:end].astype(object)
    return Sample(
        np.arange(start, end), predicted.astype(object), scores, labels, is_novel, np.zeros(end - start, np.bool_)
    )


def _joined(parts: list[Sample]) -> Sample:
    if not parts:
        nobody = np.empty(0, object)
        return Sample(np.empty(0, np.int64), nobody, np.empty(0), nobody, np.empty(0, np.bool_), np.empty(0, np.bool_))

    def together(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    rows, predicted, scores = map(together, ("rows", "predicted", "scores"))
    labels, is_novel, is_audited = map(together, ("labels", "is_novel", "is_audited"))
    return Sample(rows, predicted, scores, labels, is_novel, is_audited)


def class_scores(predicted: Labels, truth: Labels) -> dict[str, ClassScore]:
    names = sorted({*map(str, predicted), *map(str, truth)})
    both = truth[predicted == truth]
    return {
        name: ClassScore(int((truth == name).sum()), int((predicted == name).sum()), int((both == name).sum()))
        for name in names
    }


def macro_f1(classes: Mapping[str, ClassScore]) -> float:
    """The mean over the classes of 2 right / (tickets + predicted)."""
    return float(np.mean([2 * one.right / max(one.tickets + one.predicted, 1) for one in classes.values()]))


def calibration_error(scores: Floats, is_right: Bools) -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al. 2017)."""
    place = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    number = np.bincount(place, minlength=BINS)
    gap = np.bincount(place, weights=scores, minlength=BINS) - np.bincount(place, weights=is_right, minlength=BINS)
    return float(np.abs(gap).sum() / max(number.sum(), 1))


def _report(
    sample: Sample,
    tickets: int,
    temperature: float,
    is_calibrated: bool,
    novelty: float,
    name: str,
    losses: Mapping[str, float],
) -> TrainingReport:
    is_right = sample.predicted == sample.labels
    classes = class_scores(sample.predicted, sample.labels)
    is_held_out = len(sample.rows) > 0
    return TrainingReport(
        tickets=tickets,
        held_out=len(sample.rows),
        accuracy=float(is_right.mean()) if is_held_out else None,
        macro_f1=macro_f1(classes) if is_held_out else None,
        calibration_error=calibration_error(sample.scores, is_right) if is_held_out else None,
        temperature=temperature,
        is_calibrated=is_calibrated,
        novelty=novelty,
        model=name,
        candidates=losses,
        classes=classes,
    )

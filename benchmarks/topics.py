"""Real IT tickets by topic: accuracy, calibration, certificates and speed, beside plain models on the same work.

The tickets lie beside the project (`../shared/data/it_tickets_labelled.csv.gz`); a clone has none. They carry no dates,
so their order is drawn. Peers are what somebody writes in three lines of scikit-learn; their probabilities are the
softmax of what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from analytics.certify import certify, certify_types
from analytics.classify import Classifier
from analytics.features import features_of_texts
from analytics.learning import calibration_error, class_scores, macro_f1

DATA: Final = Path(__file__).parents[2] / "shared" / "data" / "it_tickets_labelled.csv.gz"
SEEDS: Final = (0, 1, 2, 3, 4)  # chosen before anything was measured
TARGETS: Final = (0.01, 0.02, 0.05)
SINGLES: Final = 50
Floats = npt.NDArray[np.float64]
Names = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Split:
    learned: list[str]
    labels: list[str]
    asked: list[str]
    truth: Names


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one model on a fifth of the tickets; `fit` in seconds of processor time, `speed` in predictions a second."""

    accuracy: float
    macro_f1: float
    calibration_error: float
    fit: float
    speed: float


@dataclass(frozen=True, slots=True)
class Automated:
    """What certificates let through of the tickets asked for: its share of them, and the share of it that is wrong."""

    share: float
    error: float
    number: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """`pooled` by one certificate for all types, `by_type` by one for each; both by target. `single` is the median time
    for one ticket, in milliseconds."""

    quality: Quality
    single: float
    pooled: Mapping[float, Automated]
    by_type: Mapping[float, Automated]


def split(seed: int) -> Split:
    """Four fifths to learn from, one to be asked about. Raises FileNotFoundError where the tickets are absent."""
    tickets = pd.read_csv(DATA)
    order = np.random.default_rng(seed).permutation(len(tickets))
    texts, topics = tickets["text"].astype(str).to_numpy()[order], tickets["topic"].to_numpy()[order]
    cut = round(0.8 * len(order))
    return Split(texts[:cut].tolist(), topics[:cut].tolist(), texts[cut:].tolist(), topics[cut:])


def ours(work: Split) -> Learnt:
    features, asked = features_of_texts(work.learned), features_of_texts(work.asked)
    start = process_time()
    model = Classifier.of_texts(features, work.labels)
    fit = process_time() - start
    start = process_time()
    names, scores, _ = model.judge(asked)
    speed = len(asked) / (process_time() - start)
    right = names == work.truth
    quality = Quality(*_judged(names, scores, work.truth), fit, speed)
    return Learnt(
        quality,
        _single(model, work.asked),
        {target: _automated(scores >= _threshold(model, target), right) for target in TARGETS},
        {target: _automated(_certain(model, names, scores, target), right) for target in TARGETS},
    )


def peers() -> Mapping[str, Callable[[], Any]]:
    return {
        "svm": lambda: make_pipeline(_tfidf(), LinearSVC(C=0.5, random_state=0)),
        "sgd": lambda: make_pipeline(_tfidf(), SGDClassifier(loss="log_loss", alpha=2e-6, random_state=0)),
    }


def peer(make: Callable[[], Any], work: Split) -> Quality:
    start = process_time()
    model = make().fit(work.learned, work.labels)
    fit = process_time() - start
    start = process_time()
    probabilities = softmax(model.decision_function(work.asked), axis=1)
    speed = len(work.asked) / (process_time() - start)
    names = model.classes_[probabilities.argmax(axis=1)]
    return Quality(*_judged(names, probabilities.max(axis=1), work.truth), fit, speed)


def mean(runs: Sequence[Quality]) -> Quality:
    return Quality(*(float(np.mean([getattr(run, name) for run in runs])) for name in Quality.__slots__))


def mean_automated(runs: Sequence[Automated]) -> Automated:
    """The mean share, and the error of all that was let through."""
    number = sum(run.number for run in runs)
    wrong = sum(run.error * run.number for run in runs)
    return Automated(float(np.mean([run.share for run in runs])), wrong / max(number, 1), number)


def most_wrong(target: float, number: int) -> float:
    """Three standard errors above the target."""
    return target + 3 * float(np.sqrt(target * (1 - target) / max(number, 1)))


def _tfidf() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2))


def _judged(names: Names, scores: Floats, truth: Names) -> tuple[float, float, float]:
    right = names == truth
    return float(right.mean()), macro_f1(class_scores(names, truth)), calibration_error(scores, right)


def _single(model: Classifier, texts: Sequence[str]) -> float:
    times = []
    for text in texts[:SINGLES]:
        start = perf_counter()
        model.judge(features_of_texts([text]))
        times.append(perf_counter() - start)
    return float(np.median(times)) * 1000


def _threshold(model: Classifier, target: float) -> float:
    sample = model.sample
    found = certify(sample.scores, sample.predicted != sample.labels, request_type="all", target=target)
    return np.inf if found.threshold is None else found.threshold


def _certain(model: Classifier, names: Names, scores: Floats, target: float) -> npt.NDArray[np.bool_]:
    sample = model.sample
    is_wrong = sample.predicted != sample.labels
    found = certify_types(sample.predicted, sample.scores, is_wrong, types=model.classes, target=target)
    thresholds = {name: np.inf if one.threshold is None else one.threshold for name, one in found.items()}
    return np.asarray(scores >= np.array([thresholds[name] for name in names]))


def _automated(is_certain: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> Automated:
    number = int(is_certain.sum())
    return Automated(float(is_certain.mean()), float((~right[is_certain]).mean()) if number else 0.0, number)

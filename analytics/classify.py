"""What a ticket asks for: the type chosen on its form, else the most likely one by its words.

The model is a scikit-learn pipeline of stock parts: TF-IDF of words (one and two) and of the summary's
character groups, then a logistic regression without intercept, so that a text of unknown words gets the same
low probability for every type. Its probabilities are calibrated by temperature scaling (Guo et al. 2017, "On
Calibration of Modern Neural Networks") on the newest fifth of the labelled tickets, by a model that saw only
the older ones.

The ticket type is no feature: labels such as "bug" come from it, and a model that reads its own answer learns
nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from analytics.catalogue import type_of_ticket_type
from analytics.errors import ModelRefused, NotEnoughLabels
from tickets.ticket import Classification, RequestType, Ticket

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
FORMAT = 1
# What a stored model may hold beyond the plain types that skops trusts by itself. Fixed here, never read from
# a file.
TRUSTED_TYPES: tuple[str, ...] = ()

TEXT_LIMIT = 4000  # characters of a text that are read; logs pasted below a request say nothing about its type
HOLD_OUT = 0.2
FEWEST_TO_CALIBRATE = 30


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Of one class in the hold-out: tickets that are of it, that were called it, and both."""

    tickets: int
    predicted: int
    right: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """`accuracy` on the newest fifth of the labelled tickets by a model of the older ones (None: too few to
    hold out); `tickets` were learned from in the end, `held_out` judged; `temperature` 1.0 means not
    calibrated.
    """

    tickets: int
    held_out: int
    accuracy: float | None
    temperature: float
    is_calibrated: bool
    classes: Mapping[str, ClassScore]

    definition = "share of the newest fifth of the labelled tickets that a model of the older four fifths named right"


def given(ticket: Ticket, kinds: Mapping[str, RequestType] | None = None) -> Classification | None:
    """The type that people chose: on a form, else by a ticket type that says it ("Bug"); None where neither
    does.

    `kinds` maps more names of ticket types (casefolded) to what they mean on this site.
    """
    label = label_of(ticket, kinds)
    return Classification(label, "given", 1.0) if label else None


def label_of(ticket: Ticket, kinds: Mapping[str, RequestType] | None = None) -> str | None:
    if ticket.request_type:
        return ticket.request_type
    entry = (kinds or {}).get(ticket.ticket_type.casefold()) or type_of_ticket_type(ticket.ticket_type)
    return entry.id if entry else None


class Classifier:
    """A trained model with its report. Made by `train` or `load`; `classes` are the request types it
    knows.
    """

    def __init__(self, pipeline: Pipeline, report: TrainingReport, kinds: Mapping[str, RequestType]) -> None:
        self._pipeline = pipeline
        self._kinds = dict(kinds)
        self.report = report

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(str(name) for name in self._pipeline.classes_)

    @classmethod
    def train(
        cls, tickets: Sequence[Ticket], *, kinds: Mapping[str, RequestType] | None = None, seed: int = 0
    ) -> Classifier:
        """Learns from the tickets that carry a label. The same tickets and seed give the same model.

        Raises NotEnoughLabels when they carry fewer than two different ones.
        """
        labelled = [(ticket, label) for ticket in tickets if (label := label_of(ticket, kinds))]
        labelled.sort(key=lambda pair: (pair[0].created_at, pair[0].site, pair[0].id))
        if len({label for _, label in labelled}) < 2:
            raise NotEnoughLabels(
                f"{len(labelled)} of {len(tickets)} tickets carry a request type, and of fewer than two "
                f"kinds: there is nothing "
                "to tell apart. Types come from forms (request types) or ticket types such as Bug."
            )
        texts = _features(ticket for ticket, _ in labelled)
        labels = np.array([label for _, label in labelled])
        report = _judge(texts, labels, seed)
        pipeline = _pipeline(seed).fit(texts, labels)
        for vectoriser in pipeline[0].named_transformers_.values():
            # numpy's integers would be stored as a file each: seconds instead of milliseconds.
            vectoriser.vocabulary_ = {str(term): int(index) for term, index in vectoriser.vocabulary_.items()}
        # Dividing the weights is dividing the logits: the calibrated model stays a plain pipeline.
        pipeline[-1].coef_ /= report.temperature
        return cls(pipeline, report, kinds or {})

    def classify(self, tickets: Sequence[Ticket]) -> list[Classification]:
        """One per ticket in order: the given type (score 1.0), else the likeliest with its calibrated
        probability.
        """
        result = [given(ticket, self._kinds) for ticket in tickets]
        unknown = [ticket for ticket, known in zip(tickets, result, strict=True) if known is None]
        predicted = iter(self.predict(unknown))
        return [known or next(predicted) for known in result]

    def predict(self, tickets: Sequence[Ticket]) -> list[Classification]:
        """The model's own opinion, whatever was given."""
        if not tickets:
            return []
        probabilities = self._pipeline.predict_proba(_features(tickets))
        best = probabilities.argmax(axis=1)
        names = self.classes
        return [
            Classification(names[index], "predicted", float(row[index]))
            for index, row in zip(best, probabilities, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Writes the model and, last, the manifest that carries its hash: a folder without one is refused on
        loading.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST_FILE).unlink(missing_ok=True)
        content = skops.io.dumps(self._pipeline)
        (folder / MODEL_FILE).write_bytes(content)
        manifest = {
            "format": FORMAT,
            "sha256": hashlib.sha256(content).hexdigest(),
            "report": asdict(self.report),
            "kinds": {name: asdict(entry) for name, entry in self._kinds.items()},
        }
        partial = folder / f"{MANIFEST_FILE}.partial"
        partial.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        partial.replace(folder / MANIFEST_FILE)

    @classmethod
    def load(cls, folder: Path, *, sha256: str | None = None) -> Classifier:
        """Reads what `save` wrote. `sha256` is the hash the caller trusts, where it keeps one apart from the
        folder.

        Raises ModelRefused for a folder that is incomplete, altered, of another format or holds other types
        than ours.
        """
        try:
            manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
            content = (folder / MODEL_FILE).read_bytes()
            expected, version = manifest["sha256"], manifest["format"]
            report = _read_report(manifest["report"])
            kinds = {name: RequestType(**entry) for name, entry in manifest["kinds"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelRefused(f"the model in {folder} is incomplete or damaged ({type(error).__name__}).") from None
        if version != FORMAT:
            raise ModelRefused(f"the model in {folder} has format {version}, not {FORMAT}.")
        actual = hashlib.sha256(content).hexdigest()
        if actual != expected or (sha256 is not None and actual != sha256):
            raise ModelRefused(f"the model in {folder} was altered: {MODEL_FILE} has not the hash it was stored with.")
        return cls(_read_pipeline(content, folder), report, kinds)


def _pipeline(seed: int) -> Pipeline:
    words = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        max_features=20_000,
        token_pattern=r"\w+(?:[.-]\w+)*",  # noqa: S106 (words, not passwords)
        dtype=np.float32,
    )
    shapes = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=10_000, dtype=np.float32
    )
    # Character groups help with typos and languages without spaces, but every text shares some: hence their
    # small weight.
    features = ColumnTransformer(
        [("words", words, "text"), ("shapes", shapes, "summary")], transformer_weights={"shapes": 0.4}
    )
    model = LogisticRegression(C=10.0, fit_intercept=False, max_iter=1000, random_state=seed)
    return Pipeline([("features", features), ("model", model)])


def _features(tickets: Iterable[Ticket]) -> pd.DataFrame:
    """Columns `summary` and `text`; a word stands in for texts without any, so that a vocabulary is never
    empty.
    """
    rows = [(ticket.summary, " ".join((*ticket.components, ticket.text[:TEXT_LIMIT]))) for ticket in tickets]
    filled = [tuple(text if re.search(r"\w", text) else "wordless" for text in row) for row in rows]
    return pd.DataFrame(filled, columns=["summary", "text"], dtype=object)


def _judge(texts: pd.DataFrame, labels: np.ndarray[Any, Any], seed: int) -> TrainingReport:
    """Learns from the older tickets, is asked about the newest, and reports how that went."""
    cut = len(labels) - round(len(labels) * HOLD_OUT)
    older, newer = labels[:cut], labels[cut:]
    if not len(newer) or len(set(older)) < 2:
        return TrainingReport(len(labels), 0, None, 1.0, False, {})
    model = _pipeline(seed).fit(texts[:cut], older)
    names = model.classes_
    logits = np.log(np.clip(model.predict_proba(texts[cut:]), 1e-12, None))
    predicted = names[logits.argmax(axis=1)]
    of, called, right = Counter(newer), Counter(predicted), Counter(newer[predicted == newer])
    classes = {str(n): ClassScore(of[n], called[n], right[n]) for n in sorted(set(of) | set(called))}
    known = np.isin(newer, names)
    is_calibrated = int(known.sum()) >= FEWEST_TO_CALIBRATE
    temperature = _temperature(logits[known], np.searchsorted(names, newer[known])) if is_calibrated else 1.0
    accuracy = float((predicted == newer).mean())
    return TrainingReport(len(labels), len(newer), accuracy, temperature, is_calibrated, classes)


def _temperature(logits: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    """The divisor of the logits under which the truth is likeliest.

    The truth gets the weight (n + 1) / (n + 2) as in Platt 1999, so that a faultless hold-out of n tickets
    cannot claim certainty.
    """
    doubt = 1.0 / (len(truth) + 2)
    rows = np.arange(len(truth))

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        return float(-((1 - doubt) * scaled[rows, truth] + doubt * scaled.mean(axis=1)).mean())

    return float(min(np.geomspace(0.2, 10.0, 200), key=loss))


def _read_pipeline(content: bytes, folder: Path) -> Pipeline:
    try:
        pipeline = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise ModelRefused(f"the model in {folder} holds types that are not ours: {error}") from None
    except (BadZipFile, KeyError, ValueError) as error:
        raise ModelRefused(f"the model in {folder} is damaged ({type(error).__name__}).") from None
    if not isinstance(pipeline, Pipeline):
        raise ModelRefused(f"the model in {folder} is a {type(pipeline).__name__}, not a pipeline.")
    return pipeline


def _read_report(raw: Mapping[str, Any]) -> TrainingReport:
    classes = {name: ClassScore(**score) for name, score in raw["classes"].items()}
    return TrainingReport(**{**raw, "classes": classes})

"""Texts and labels of a CSV file: to learn from, to be judged on, to discover types in. Needs no Jira and no store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.errors import AgentError, ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from analytics.certify import Certificate

POOLED = "all types"


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """`texts` in the order of the file; `labels` beside them, without blanks at their ends (None: not asked for);
    `unlabelled` rows were left out."""

    texts: list[str]
    labels: list[str] | None
    unlabelled: int


def read_labelled(path: Path, *, text: str, label: str | None) -> LabelledFile:
    """A CSV file in UTF-8, also gzipped. Rows without a label are left out where one is asked for.

    Raises ConfigurationError naming the file, the column and what is there instead.
    """
    frame = _read_table(path)
    for option, name in (("--text", text), ("--label", label)):
        if name is not None:
            _check_column(path, frame, option, name)
    if label is None:
        return LabelledFile(frame[text].tolist(), None, 0)
    labels = frame[label].str.strip()
    is_labelled = labels != ""
    if not is_labelled.any():
        raise ConfigurationError(f"{path}: column {label!r} (--label) is empty in all {len(frame):,} rows")
    return LabelledFile(frame[text][is_labelled].tolist(), labels[is_labelled].tolist(), int((~is_labelled).sum()))


def _read_table(path: Path) -> pd.DataFrame:
    """Its columns are called as the file calls them, also where two are called the same."""
    import zlib

    import pandas as pd

    packing: Literal["gzip"] | None = "gzip" if path.suffix == ".gz" else None
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8", compression=packing)
        names = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8", compression=packing, header=None, nrows=1
        ).iloc[0]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error):
        raise ConfigurationError(f"{path} is no whole gzip file: its end is missing or damaged") from None
    except ValueError as error:  # also what pandas raises for what is no table, and for what is not UTF-8
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{path} is no CSV file in UTF-8 with a line of headings: {reason}") from None
    if not isinstance(frame.index, pd.RangeIndex) or len(names) != len(frame.columns):
        raise ConfigurationError(f"{path} is no CSV file: its rows have more cells than its {len(names)} headings")
    return frame.set_axis(names.astype(str).tolist(), axis="columns")


def _check_column(path: Path, frame: pd.DataFrame, option: str, name: str) -> None:
    """Raises ConfigurationError unless it is there once, with rows, and texts have words."""
    names = list(frame.columns)
    if names.count(name) != 1:
        what = f"{names.count(name)} columns {name!r}" if name in names else f"no column {name!r}"
        raise ConfigurationError(f"{path} has {what} ({option}); it has: {', '.join(names)}")
    if not len(frame):
        raise ConfigurationError(f"{path} has headings and no rows")
    if option == "--text" and not frame[name].str.contains(r"\w").any():
        raise ConfigurationError(f"{path}: column {name!r} ({option}) holds no word in any of {len(frame):,} rows")


def train_file(path: Path, *, text: str, label: str, into: Path, is_ordered: bool) -> dict[str, Any]:
    """Learns from the file and writes the model with certificates at each target into a folder; what it learned.

    The rows are taken to be in no order, and shuffled the same way each time, unless `is_ordered` says that they are in
    the order of time.
    """
    import numpy as np

    from analytics import model_file
    from analytics.certify import TARGETS, certify, certify_types
    from analytics.classify import Classifier
    from analytics.features import features_of_texts

    read = read_labelled(path, text=text, label=label)
    labels = read.labels or []
    order = np.arange(len(labels)) if is_ordered else np.random.default_rng(0).permutation(len(labels))
    model = Classifier.of_texts(features_of_texts([read.texts[row] for row in order]), [labels[row] for row in order])
    sample = model.sample
    kept = ~sample.is_novel
    names, scores = sample.predicted[kept], sample.scores[kept]
    is_wrong = np.asarray(names != sample.labels[kept], np.bool_)
    certificates: dict[str, Certificate] = {}
    for target in TARGETS:
        certificates[f"{POOLED} {target}"] = certify(scores, is_wrong, request_type=POOLED, target=target)
        for name, one in certify_types(names, scores, is_wrong, types=model.classes, target=target).items():
            certificates[f"{name} {target}"] = one
    try:
        digest = model_file.save(model, into, certificates=certificates)
    except OSError as error:
        raise AgentError(f"the model cannot be written into {into}: {error.strerror or error}") from None
    return {
        "model": str(into),
        "sha256": digest,
        "texts": len(labels),
        "without_label": read.unlabelled,
        "labels": len(model.classes),
        "held_out": model.report.held_out,
        "accuracy": model.report.accuracy,
        "macro_f1": model.report.macro_f1,
        "ece": model.report.calibration_error,
        "estimator": model.report.model,
        "candidates": dict(model.report.candidates),
        "certificates": [one.to_json() for one in certificates.values()],
    }


def evaluate_file(folder: Path, path: Path, *, text: str, label: str) -> dict[str, Any]:
    """How a stored model does on a file that it has not seen. Raises ModelRefused, ConfigurationError."""
    from time import perf_counter

    import numpy as np

    from analytics import model_file
    from analytics.certify import TARGETS
    from analytics.features import features_of_texts
    from analytics.learning import calibration_error, class_scores, macro_f1

    model, certificates = model_file.load(folder), model_file.certificates_in(folder)
    read = read_labelled(path, text=text, label=label)
    truth = np.array(read.labels, dtype=object)
    start = perf_counter()
    names, scores, is_novel = model.judge(features_of_texts(read.texts))
    seconds = perf_counter() - start
    names = names.astype(object)
    classes = class_scores(names, truth)
    is_right = np.asarray(names == truth, np.bool_)

    def automated(target: float, *, pooled: bool) -> dict[str, Any]:
        limits = {
            name: one.threshold
            for name in (*model.classes, POOLED)
            if (one := certificates.get(f"{name} {target}")) is not None and one.threshold is not None
        }
        least = np.array([limits.get(POOLED if pooled else str(name), np.inf) for name in names])
        acts = (scores >= least) & ~is_novel
        return {"share": float(acts.mean()), "error": float((~is_right[acts]).mean()) if acts.any() else None}

    return {
        "texts": len(truth),
        "without_label": read.unlabelled,
        "accuracy": float(is_right.mean()),
        "macro_f1": macro_f1(classes),
        "ece": calibration_error(scores, is_right),
        "novel": int(is_novel.sum()),
        "per_class": {
            name: {"precision": one.precision, "recall": one.recall, "support": one.tickets}
            for name, one in classes.items()
        },
        "automated_share": {
            str(target): {
                "pooled": automated(target, pooled=True),
                "per_type": automated(target, pooled=False),
            }
            for target in TARGETS
        },
        "predictions_per_second": round(len(truth) / max(seconds, 1e-9)),
    }

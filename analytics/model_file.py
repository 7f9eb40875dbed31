"""A trained model in a folder: `model.skops`, `sample.npz` and a manifest with their hashes and its own.

Nothing here is ever unpickled: skops builds only the types listed here, and numpy's arrays hold numbers and text.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from analytics.certify import Certificate
from analytics.classify import Classifier
from analytics.errors import ModelOutdated, ModelRefused
from analytics.learning import ClassScore, Sample, TrainingReport
from tickets.ticket import RequestType

MODEL_FILE: Final = "model.skops"
SAMPLE_FILE: Final = "sample.npz"
MANIFEST_FILE: Final = "manifest.json"
FORMAT: Final = 2
# What a stored model may hold beyond the plain types that skops trusts by itself. Fixed here, never read from a file.
TRUSTED_TYPES: Final = ("analytics.features.Reader", "analytics.terms.Terms")
# What readers of damaged files raise.
DAMAGE: Final = (
    ArithmeticError,
    AttributeError,
    BadZipFile,
    EOFError,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)
WAY_OUT: Final = "Train it anew: `goldenpath train`."


def save(model: Classifier, folder: Path, *, certificates: Mapping[str, Certificate] | None = None) -> str:
    """Writes the model and, last, its manifest; the manifest's hash, by which the model is known. `certificates` are
    kept with a model that is trained from a file; those of an installation stand in its ledger.

    Raises OSError where it cannot write, ModelRefused for a folder with a manifest that is none of ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MANIFEST_FILE).exists() and not (folder / MODEL_FILE).exists():
        raise ModelRefused(f"{folder} holds a {MANIFEST_FILE} of something else: name another folder for the model.")
    (folder / MANIFEST_FILE).unlink(missing_ok=True)  # a folder without one is refused: half a model is none
    files = {MODEL_FILE: skops.io.dumps(model.pipeline), SAMPLE_FILE: _packed(model.sample, model.learned)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "newest_at": model.newest_at.isoformat() if model.newest_at else None,
        "report": asdict(model.report),
        "kinds": {name: asdict(entry) for name, entry in model.kinds.items()},
        "certificates": {name: asdict(one) for name, one in (certificates or {}).items()},
    }
    manifest["sha256"] = _own_hash(manifest)
    partial = folder / f"{MANIFEST_FILE}.{os.getpid()}"
    partial.write_bytes(_told(manifest).encode())
    partial.replace(folder / MANIFEST_FILE)
    return str(manifest["sha256"])


def load(folder: Path, *, sha256: str | None = None) -> Classifier:
    """Reads what `save` wrote. `sha256` is the hash the caller trusts, where it keeps one apart from the folder.

    Raises ModelRefused for a folder that is incomplete, altered, of another format or holds other types than ours.
    """
    manifest = _manifest(folder)
    if sha256 is not None and manifest["sha256"] != sha256:
        raise ModelRefused(f"the model in {folder} is not the one that was kept: its hash is another. {WAY_OUT}")
    contents = {name: _whole(folder, name, manifest) for name in (MODEL_FILE, SAMPLE_FILE)}
    try:
        raw = manifest["report"]
        classes = {name: ClassScore(**score) for name, score in raw["classes"].items()}
        report = TrainingReport(**{**raw, "classes": classes})
        kinds = {name: RequestType(**entry) for name, entry in manifest["kinds"].items()}
        sample, learned = _unpacked(contents[SAMPLE_FILE])
        newest_at = datetime.fromisoformat(manifest["newest_at"]) if manifest["newest_at"] else None
    except DAMAGE as error:
        raise ModelRefused(f"the model in {folder} is damaged ({type(error).__name__}). {WAY_OUT}") from None
    return Classifier(_pipeline(contents[MODEL_FILE], folder), report, sample, kinds, newest_at, learned)


def certificates_in(folder: Path) -> dict[str, Certificate]:
    """Those that were kept with the model, by request type and target: `s3-bucket 0.02`. Raises ModelRefused."""
    manifest = _manifest(folder)
    try:
        return {name: Certificate(**one) for name, one in manifest["certificates"].items()}
    except DAMAGE as error:
        raise ModelRefused(f"the model in {folder} is damaged ({type(error).__name__}). {WAY_OUT}") from None


def hash_of(folder: Path) -> str:
    """By which the model is known. Raises ModelRefused."""
    return str(_manifest(folder)["sha256"])


def _manifest(folder: Path) -> dict[str, Any]:
    """Whole, and of this format."""
    path = folder / MANIFEST_FILE
    try:
        text = path.read_bytes().decode("utf-8")
        manifest = json.loads(text)
        version, own = manifest["format"], manifest.get("sha256")
    except FileNotFoundError:
        raise ModelRefused(f"there is no whole model in {folder}: {MANIFEST_FILE} is missing. {WAY_OUT}") from None
    except DAMAGE as error:
        raise ModelRefused(
            f"the model in {folder} is incomplete or damaged ({type(error).__name__}). {WAY_OUT}"
        ) from None
    if version != FORMAT:
        raise ModelOutdated(f"the model in {folder} has format {version}, this Golden Path reads {FORMAT}. {WAY_OUT}")
    if own != _own_hash(manifest) or text != _told(manifest):  # also where only a blank or a last digit is another
        raise ModelRefused(f"the model in {folder} was altered: {MANIFEST_FILE} has not its own hash. {WAY_OUT}")
    return dict(manifest)


def _told(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=1, sort_keys=True)


def _own_hash(manifest: Mapping[str, Any]) -> str:
    told = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _whole(folder: Path, name: str, manifest: Mapping[str, Any]) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ModelRefused(f"the model in {folder} is incomplete: {name}: {error.strerror}. {WAY_OUT}") from None
    files = manifest.get("files")
    if not isinstance(files, dict) or hashlib.sha256(content).hexdigest() != files.get(name):
        raise ModelRefused(f"the model in {folder} was altered: {name} has not the hash it was stored with. {WAY_OUT}")
    return content


def _pipeline(content: bytes, folder: Path) -> Pipeline:
    try:
        pipeline = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise ModelRefused(f"the model in {folder} holds types that are not ours: {error}. {WAY_OUT}") from None
    except DAMAGE as error:
        raise ModelRefused(f"the model in {folder} is damaged ({type(error).__name__}). {WAY_OUT}") from None
    if not isinstance(pipeline, Pipeline):
        raise ModelRefused(f"the model in {folder} is a {type(pipeline).__name__}, not a pipeline. {WAY_OUT}")
    return pipeline


def _packed(sample: Sample, learned: Collection[tuple[str, int]]) -> bytes:
    buffer = io.BytesIO()
    known = sorted(learned)
    np.savez_compressed(
        buffer,
        rows=sample.rows,
        scores=sample.scores,
        is_novel=sample.is_novel,
        is_audited=sample.is_audited,
        predicted=sample.predicted.astype(str),
        labels=sample.labels.astype(str),
        sites=np.array([site for site, _ in sample.keys], dtype=str),
        ids=np.array([number for _, number in sample.keys], dtype=np.int64),
        learned_sites=np.array([site for site, _ in known], dtype=str),
        learned_ids=np.array([number for _, number in known], dtype=np.int64),
    )
    return buffer.getvalue()


def _unpacked(content: bytes) -> tuple[Sample, list[tuple[str, int]]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        sample = Sample(
            rows=held["rows"],
            predicted=held["predicted"].astype(object),
            scores=held["scores"],
            labels=held["labels"].astype(object),
            is_novel=held["is_novel"],
            is_audited=held["is_audited"],
            keys=tuple(zip(held["sites"].tolist(), held["ids"].tolist(), strict=True)),
        )
        learned = list(zip(held["learned_sites"].tolist(), held["learned_ids"].tolist(), strict=True))
    lengths = {
        len(part)
        for part in (sample.rows, sample.predicted, sample.scores, sample.labels, sample.is_novel, sample.is_audited)
    }
    if len(lengths | ({len(sample.keys)} if sample.keys else set())) > 1:
        raise ValueError("the parts of the sample differ in length")
    return sample, learned

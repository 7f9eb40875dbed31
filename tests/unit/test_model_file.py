"""What a stored model must survive: it answers the same, or it is refused with the way out."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import pickle
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from analytics import model_file
from analytics.certify import certify_types
from analytics.classify import Classifier
from analytics.errors import ModelRefused
from analytics.model_file import FORMAT, MANIFEST_FILE, MODEL_FILE, SAMPLE_FILE
from tests.unit.drawn import ticket
from tests.unit.test_classify import WISHES, labelled
from tickets.ticket import RequestType

FILES = (MODEL_FILE, SAMPLE_FILE, MANIFEST_FILE)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.train(labelled(300), kinds={"störfall": RequestType("incident", "Störfall", "incident")})


@pytest.fixture(scope="module")
def stored(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model_file.save(classifier, folder)
    return folder


@pytest.fixture
def copy(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "copy"))


def refused(folder: Path, message: str) -> None:
    """With the way out."""
    with pytest.raises(ModelRefused, match=message) as told:
        model_file.load(folder)
    assert "Train it anew: `goldenpath train`" in str(told.value)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """A file with a fitting hash, in a manifest with a fitting one: by somebody who can do that too."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    change(folder, files=manifest["files"] | {name: hashlib.sha256(content).hexdigest()})


def change(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST_FILE).read_text()) | changes
    del manifest["sha256"]
    own = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest | {"sha256": own}, indent=1, sort_keys=True))


def test_a_stored_model_answers_the_same(classifier: Classifier, stored: Path) -> None:
    loaded = model_file.load(stored)
    asked = [ticket(n, ticket_type="Task", summary=wish) for n, wish in enumerate(itertools.chain(*WISHES.values()))]
    assert loaded.predict(asked) == classifier.predict(asked)
    assert [loaded.explain(one) for one in asked] == [classifier.explain(one) for one in asked]
    assert (loaded.report, loaded.kinds, loaded.classes) == (classifier.report, classifier.kinds, classifier.classes)
    assert loaded.sample.keys == classifier.sample.keys
    for name in ("rows", "predicted", "scores", "labels", "is_novel"):
        np.testing.assert_array_equal(getattr(loaded.sample, name), getattr(classifier.sample, name))


def test_stored_again_it_is_the_same(stored: Path, tmp_path: Path) -> None:
    model_file.save(model_file.load(stored), tmp_path / "again")
    again, once = (model_file.load(folder) for folder in (tmp_path / "again", stored))
    assert again.report == once.report
    assert (again.pipeline[-1].coef_ == once.pipeline[-1].coef_).all()


def test_certificates_are_kept(classifier: Classifier, tmp_path: Path) -> None:
    sample = classifier.sample
    found = certify_types(
        sample.predicted, sample.scores, sample.predicted != sample.labels, types=classifier.classes, target=0.2
    )
    kept = {f"{name} 0.2": one for name, one in found.items()}
    model_file.save(classifier, tmp_path, certificates=kept)
    assert any(one.threshold is not None for one in kept.values())
    assert model_file.certificates_in(tmp_path) == kept


def test_a_small_model_without_sample_or_names(tmp_path: Path) -> None:
    tiny = Classifier.train([ticket(1, request_type="a", summary="one"), ticket(2, request_type="b", summary="two")])
    model_file.save(tiny, tmp_path)
    loaded = model_file.load(tmp_path)
    assert loaded.report == tiny.report
    assert len(loaded.sample.rows) == len(tiny.sample.rows)
    assert model_file.certificates_in(tmp_path) == {}


def test_its_hash_is_what_it_is_known_by(classifier: Classifier, stored: Path, copy: Path) -> None:
    kept = model_file.hash_of(stored)
    assert kept == json.loads((stored / MANIFEST_FILE).read_text())["sha256"]
    model_file.load(stored, sha256=kept)
    with pytest.raises(ModelRefused, match="its hash is another"):
        model_file.load(stored, sha256="0" * 64)
    change(copy, kinds={})
    with pytest.raises(ModelRefused, match="its hash is another"):
        model_file.load(copy, sha256=kept)
    assert model_file.save(classifier, copy) == model_file.hash_of(copy)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_altered_byte_anywhere_is_refused(
    stored: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(FILES))
    content = bytearray((stored / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    folder = tmp_path_factory.getbasetemp() / "altered"
    shutil.copytree(stored, folder, dirs_exist_ok=True)
    (folder / name).write_bytes(content)
    refused(folder, ".")
    if name == MANIFEST_FILE:
        for read in (model_file.hash_of, model_file.certificates_in):
            with pytest.raises(ModelRefused):
                read(folder)


@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True))
@settings(max_examples=30, deadline=None)
def test_a_file_cut_short_is_refused(
    stored: Path, tmp_path_factory: pytest.TempPathFactory, name: str, share: float
) -> None:
    folder = tmp_path_factory.getbasetemp() / "cut"
    shutil.copytree(stored, folder, dirs_exist_ok=True)
    content = (stored / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    refused(folder, ".")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(copy: Path, name: str) -> None:
    (copy / name).unlink()
    refused(copy, name)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "there is no whole model")
    refused(tmp_path, "there is no whole model")
    (tmp_path / MANIFEST_FILE).mkdir()
    refused(tmp_path, "incomplete or damaged")


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '"x"', "\\xff", '{"format": 2', "[" * 100_000])
def test_a_manifest_that_is_none(copy: Path, text: str) -> None:
    (copy / MANIFEST_FILE).write_text(text)
    refused(copy, "incomplete or damaged")


@pytest.mark.parametrize("version", [1, 99, None, "2"])
def test_another_format(copy: Path, version: object) -> None:
    change(copy, format=version)
    refused(copy, f"has format {version}, this Golden Path reads {FORMAT}")


def test_the_former_format_as_it_was_written(copy: Path) -> None:
    """Its manifest had the hash of the model alone."""
    manifest = {"format": 1, "sha256": hashlib.sha256((copy / MODEL_FILE).read_bytes()).hexdigest(), "report": {}}
    (copy / MANIFEST_FILE).write_text(json.dumps(manifest))
    refused(copy, "has format 1, this Golden Path reads 2")


@pytest.mark.parametrize(
    "changes",
    [
        {"report": None},
        {"report": {}},
        {"report": {"classes": []}},
        {"kinds": [1]},
        {"kinds": {"a": {"id": 1}}},
        {"files": []},
        {"files": {}},
    ],
)
def test_a_manifest_that_lacks_something(copy: Path, changes: dict[str, Any]) -> None:
    change(copy, **changes)
    refused(copy, "damaged|altered")


@pytest.mark.parametrize("certificates", [None, [1], {"a": 1}, {"a": {"target": 1}}])
def test_certificates_that_are_none(copy: Path, certificates: object) -> None:
    change(copy, certificates=certificates)
    with pytest.raises(ModelRefused, match="damaged"):
        model_file.certificates_in(copy)


class Stowaway(LogisticRegression):  # type: ignore[misc]
    """A type that no stored model of ours holds."""


@pytest.mark.parametrize(("content", "message"), [(Stowaway(), "types that are not ours"), ([1], "not a pipeline")])
def test_other_types_are_refused_even_with_fitting_hashes(copy: Path, content: object, message: str) -> None:
    rewrite(copy, MODEL_FILE, skops.io.dumps(content))
    refused(copy, message)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("exploded").touch, ())


def packed(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def zipped(schema: bytes) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as file:
        file.writestr("schema.json", schema)
    return buffer.getvalue()


@pytest.mark.parametrize("name", [MODEL_FILE, SAMPLE_FILE])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        pickle.dumps(Bomb()),
        packed(rows=np.array([Bomb()], dtype=object)),
        packed(rows=np.arange(3)),
        zipped(pickle.dumps(Bomb())),
        zipped(b"[]"),
        zipped(b"{}"),
        zipped(b'{"__loader__": "ReduceNode", "__module__": "os", "__class__": "system"}'),
    ],
)
def test_garbage_and_pickles_with_fitting_hashes(
    copy: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.chdir(copy)
    rewrite(copy, name, content)
    refused(copy, "damaged|not ours|not a pipeline")
    assert not (copy / "exploded").exists()


def test_a_sample_whose_parts_differ_in_length(copy: Path) -> None:
    with np.load(copy / SAMPLE_FILE) as held:
        arrays = dict(held)
    rewrite(copy, SAMPLE_FILE, packed(**arrays | {"scores": arrays["scores"][:-1]}))
    refused(copy, "damaged")


def test_a_blank_more_in_the_manifest_is_refused(stored: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stored, tmp_path / "model"))
    told = (folder / MANIFEST_FILE).read_text()
    (folder / MANIFEST_FILE).write_text(told.replace('": ', '":  ', 1))
    refused(folder, "altered")


def test_a_folder_of_something_else_is_left_alone(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text('{"name": "a web site"}')
    with pytest.raises(ModelRefused, match="of something else"):
        model_file.save(classifier, tmp_path)
    assert (tmp_path / MANIFEST_FILE).read_text() == '{"name": "a web site"}'

"""The templates: two sets without a sentence in common, and enough of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import pytest

from sandbox.demand import DEMANDS
from sandbox.phrasings import Phrasing, SetName, frames, phrasings, phrasings_of
from sandbox.phrasings.wording import CHOICE

MAJOR = ("new-repository", "database", "s3-bucket", "ci-secret", "access-grant")


def _words(template: str) -> str:
    """A template without what does not matter: case, slots' names, punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", re.sub(r"\{[a-z_]+\}", " ", template.lower())).strip()


def _sentences(phrasing: Phrasing) -> Iterator[str]:
    """Every wording of the summary and of each sentence, the choices one by one."""
    for part in (phrasing.summary, *re.split(r"\n|(?<=[.?!]) ", phrasing.description)):
        match = CHOICE.search(part)
        options = [part] if match is None else [CHOICE.sub(o, part, 1) for o in match.group(1).split("|")]
        yield from (_words(option) for option in options)


def test_the_two_sets_of_phrasings_are_disjoint_even_normalised() -> None:
    train, test = phrasings("train"), phrasings("test")
    assert {p.id for p in train}.isdisjoint(p.id for p in test)
    for part in ("summary", "description"):
        assert {_words(getattr(p, part)) for p in train}.isdisjoint({_words(getattr(p, part)) for p in test})
    of_train = {sentence for p in train for sentence in _sentences(p)}
    of_test = {sentence for p in test for sentence in _sentences(p)}
    shared = {sentence for sentence in of_train & of_test if len(sentence.split()) > 2}
    assert not shared
    around = frames()
    for lines in (around.greetings, around.closings):
        assert {_words(line) for line in lines["train"]}.isdisjoint({_words(line) for line in lines["test"]})


def test_every_type_has_phrasings_in_both_sets_and_the_major_ones_many() -> None:
    for name in DEMANDS:
        assert len(phrasings_of(name, "train")) >= (12 if name in MAJOR else 6)
        assert len(phrasings_of(name, "test")) >= (6 if name in MAJOR else 4)
    assert {phrasing.request_type for phrasing in phrasings("train")} == set(DEMANDS)
    with pytest.raises(ValueError, match="only train and test"):
        phrasings(cast(SetName, "other"))

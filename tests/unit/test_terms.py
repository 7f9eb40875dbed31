"""Words and pairs of words: the same as scikit-learn's, weights and familiarity by hand, odd texts."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer

from analytics.terms import DOUBT, FLOOR, WORD, Terms

WORDS = (
    "bucket",
    "s3-bucket",
    "eu-west-1",
    "Привет",
    "Ёлка",
    "請開倉庫",
    "数据库",
    "🚀",
    "\x00",
    "v1.2",
    "É",
    "ß",
    "İ",
    "a_b",
    "-",
    "…",
)
TEXTS = st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=8).map(" ".join), max_size=12)


def counts_of(terms: Terms, texts: list[str]) -> dict[str, list[int]]:
    """How often each term stands in each text: the weights undone, before rows get the length 1."""
    read = terms.transform(texts)
    assert read.shape == (len(texts), len(terms.names()))
    return dict(zip(terms.names(), (read.toarray() > 0).T.astype(int).tolist(), strict=True))


def found_in(terms: Terms, texts: list[str]) -> list[set[str]]:
    names = np.array(terms.names(), dtype=object)
    return [set(names[row > 0]) for row in terms.transform(texts).toarray()]


@given(TEXTS, st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_the_same_terms_as_scikit_learn(texts: list[str], fewest: int) -> None:
    """Both must stand in so many texts. scikit-learn counts pairs of any words, here both must be frequent: a pair that
    is frequent has words that are."""
    peer = CountVectorizer(ngram_range=(1, 2), min_df=fewest, token_pattern=WORD)
    try:
        counted = peer.fit_transform(texts)
        theirs = dict(zip(peer.get_feature_names_out().tolist(), counted.toarray().T.tolist(), strict=True))
    except ValueError:  # it refuses an empty vocabulary
        theirs = {}
    terms = Terms(fewest=fewest).fit(texts)
    assert sorted(terms.names()) == sorted(theirs)
    assert counts_of(terms, texts) == {term: [min(n, 1) for n in column] for term, column in theirs.items()}
    expected = np.array([theirs[term] for term in terms.names()], float).reshape(len(theirs), len(texts)).T
    expected[expected > 0] = 1 + np.log(expected[expected > 0])
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
    np.testing.assert_allclose(terms.transform(texts).toarray(), expected, rtol=1e-5)


@given(TEXTS, st.data())
@settings(max_examples=80, deadline=None)
def test_fit_transform_is_fit_and_then_transform(texts: list[str], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from("abc"), min_size=len(texts), max_size=len(texts)))
    one, other = Terms(), Terms()
    np.testing.assert_array_equal(
        one.fit_transform(texts, labels).toarray(), other.fit(texts, labels).transform(texts).toarray()
    )
    assert one.names() == other.names()


@given(TEXTS, TEXTS)
@settings(max_examples=80, deadline=None)
def test_familiarity_lies_between_nothing_and_all(texts: list[str], asked: list[str]) -> None:
    matrix, familiar = Terms().fit(texts).read(asked)
    assert matrix.shape[0] == len(familiar) == len(asked)
    assert ((familiar >= -1e-12) & (familiar < 1)).all()
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    assert np.isclose(lengths, 1, rtol=1e-4).sum() + (lengths == 0).sum() == len(asked)


def test_weights_by_hand() -> None:
    """Two tickets of a, two of b. `please` stands in all: it tells nothing. `bucket` stands in both of a and none of b;
    half a ticket of each type is imagined: shares (2 + .5) / 2 and .5 / 2, that is 5 : 1."""
    texts = ["please bucket", "bucket please", "please cache", "please please"]
    terms = Terms(pairs=False).fit(texts, ["a", "a", "b", "b"])
    entropy = -(5 / 6 * np.log2(5 / 6) + 1 / 6 * np.log2(1 / 6))
    once = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))  # cache: .5 / 2 and 1.5 / 2
    assert DOUBT == 0.5
    weights = dict(zip(terms.names(), terms.weights_.tolist(), strict=True))
    assert weights == pytest.approx(
        {"bucket": np.sqrt(1 - entropy) + FLOOR, "cache": np.sqrt(1 - once) + FLOOR, "please": FLOOR}, rel=1e-5
    )
    row = terms.transform(["bucket please please"]).toarray()[0]
    expected = np.array([weights["bucket"], 0, (1 + np.log(2)) * weights["please"]])
    np.testing.assert_allclose(row, expected / np.linalg.norm(expected), rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "known", "words"),
    [
        ("a b c d", 4, 4),
        ("a b x y", 2, 4),
        ("x y", 0, 2),
        ("", 0, 0),
        ("a x-1 v2.3 10.0.0.1 x_y", 1, 1),
        ("a " * 9, 9, 9),
    ],
)
def test_familiarity_by_hand(text: str, known: int, words: int) -> None:
    """Wilson 1927 with z = 1: the lesser p that is one standard error from the share, |k/n - p| = sqrt(p (1 - p) / n).
    Names with digits, dots, dashes count nowhere."""
    familiar = float(Terms().fit(["a b c d"]).read([text])[1][0])
    if not known:
        assert familiar == pytest.approx(0, abs=1e-12)
    else:
        assert familiar < known / words
        assert known / words - familiar == pytest.approx(np.sqrt(familiar * (1 - familiar) / words))


def test_the_commonest_are_kept() -> None:
    texts = ["a b c", "a b", "a", "z"]
    assert Terms(pairs=False, most=2).fit(texts).names() == ["a", "b"]
    assert Terms(most=2).fit(texts).names() == ["a", "b"]
    assert Terms(most=3).fit(texts).names() == ["a", "b", "a b"]
    assert Terms(most=4).fit(texts).names() == ["a", "b", "c", "a b"]
    assert Terms(most=5).fit(texts).names() == ["a", "b", "c", "z", "a b"]
    assert Terms(fewest=2).fit(texts).names() == ["a", "b", "a b"]


@given(TEXTS, st.integers(0, 12))
@settings(max_examples=80, deadline=None)
def test_no_kept_term_is_rarer_than_one_that_is_not(texts: list[str], most: int) -> None:
    terms, all_terms = Terms(most=most).fit(texts), Terms().fit(texts)
    often = dict(zip(all_terms.names(), (all_terms.transform(texts).toarray() > 0).sum(axis=0), strict=True))
    kept = terms.names()
    assert len(kept) == min(most, len(often))
    assert sorted(often[term] for term in kept) == sorted(often.values())[len(often) - len(kept) :]
    expected = np.array([[term in found for term in kept] for found in found_in(all_terms, texts)])
    np.testing.assert_array_equal(terms.transform(texts).toarray() > 0, expected.reshape(len(texts), len(kept)))


@pytest.mark.parametrize("texts", [[], [""], ["", "…"], ["\x00"]])
def test_nothing_to_read(texts: list[str]) -> None:
    terms = Terms()
    assert terms.fit_transform(texts).shape == (len(texts), 0)
    assert terms.names() == []
    matrix, familiar = terms.read(["a b", ""])
    assert matrix.shape == (2, 0)
    assert familiar.tolist() == [0, 0]
    assert Terms().fit(["a"]).transform([]).shape == (0, 1)


def test_a_pair_does_not_reach_over_an_unknown_word_or_the_end_of_a_text() -> None:
    terms = Terms().fit(["a b", "b a"])
    assert terms.names() == ["a", "b", "a b", "b a"]
    assert terms.transform(["a x b", "b", "a"]).toarray()[:, 2:].sum() == 0


def test_a_megabyte_is_read() -> None:
    long = "bucket " * 75_000 + "x" * 500_000
    start = process_time()
    terms = Terms().fit([long, "a cache"], ["a", "b"])
    assert terms.transform([long]).nnz == 4  # both words, both pairs
    assert process_time() - start < 2


def test_labels_and_texts_differ_in_number() -> None:
    with pytest.raises(ValueError, match="2 texts, but 1 labels"):
        Terms().fit(["a", "b"], ["x"])


def test_manners_of_scikit_learn() -> None:
    terms = Terms(r"\S+", pairs=False, fewest=2, most=7)
    assert terms.get_params() == {"pattern": r"\S+", "pairs": False, "fewest": 2, "most": 7}
    fitted = clone(terms).fit(["a b", "a"])
    assert fitted.get_params() == terms.get_params()
    assert not hasattr(clone(fitted), "words_")
    assert fitted.set_params(fewest=1).fit(["c"]).names() == ["c"]
    assert fitted.fit(["c"]) is fitted


def test_not_fitted() -> None:
    with pytest.raises(NotFittedError):
        Terms().transform(["a"])


@pytest.mark.parametrize("is_used", [False, True])
def test_stored_and_read_again(is_used: bool) -> None:
    texts = ["请 开 仓库", "a b a", "\x00 b 🚀"]
    terms = Terms().fit(texts, ["x", "y", "z"])
    if is_used:
        terms.transform(texts)
    again = skops.io.loads(skops.io.dumps(terms), trusted=["analytics.terms.Terms"])
    assert again.names() == terms.names()
    np.testing.assert_array_equal(again.transform(texts).toarray(), terms.transform(texts).toarray())


def test_learned_anew_forgets_what_it_knew() -> None:
    terms = Terms().fit(["a b"])
    terms.transform(["a b"])
    terms.fit(["c d"])
    assert terms.read(["c d", "a b"])[1][1] == 0

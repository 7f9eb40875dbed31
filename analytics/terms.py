"""Words and pairs of words as weighted columns, for texts by the ten thousand.

A term weighs what it tells about the types: one minus the entropy of the types among the tickets that hold it, over the
most that it could be (Largeron, Moulin and Géry 2011, "Entropy based feature selection for text categorization"),
square-rooted. A word that every type uses weighs next to nothing; without labels every term weighs the same.

scikit-learn's vectoriser would do; it looks at each pair of words in Python, and that was four fifths of a prediction.
Here Python looks at each word once, and numpy at the pairs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

Ints = npt.NDArray[np.int64]

WORD = r"\w+(?:[.-]\w+)*"
FLOOR = 0.02  # of a term's weight: what is spread evenly still tells texts apart a little
STRANGE, NAME = -1, -2  # in place of a word's number: unknown, and unknown but a name of something
DOUBT = 0.5  # of a ticket of each type is imagined for every term: a term seen once proves little


class Terms(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts (n) to a CSR matrix (n, terms) of float32, rows of length 1 (all zeros where no term is known).

    `fewest` texts must hold a term; at most `most` terms are kept, the commonest. Learned: `words_` (one per line),
    `pairs_` (codes of pairs of words, sorted), `weights_` (one per term: words first, then pairs).
    """

    def __init__(self, pattern: str = WORD, *, pairs: bool = True, fewest: int = 1, most: int = 200_000) -> None:
        self.pattern = pattern
        self.pairs = pairs
        self.fewest = fewest
        self.most = most

    def fit(self, texts: Sequence[str], labels: Sequence[str] | None = None) -> Self:
        """Raises ValueError where `labels` and `texts` differ in number."""
        self.fit_transform(texts, labels)
        return self

    def fit_transform(self, texts: Sequence[str], labels: Sequence[str] | None = None) -> sp.csr_matrix:
        """`fit` and then `transform` of the same texts, which are read once."""
        if labels is not None and len(labels) != len(texts):
            raise ValueError(f"{len(texts)} texts, but {len(labels)} labels")
        vocabulary: dict[str, int] = defaultdict()
        vocabulary.default_factory = vocabulary.__len__  # type: ignore[attr-defined]
        rows, words = _read(texts, self.pattern, lambda found: map(vocabulary.__getitem__, found))
        names = np.array(list(vocabulary), dtype=object)
        kept, words = self._choose(rows, words, names)
        self.words_ = "\n".join(names[kept])
        self.__dict__.pop("_numbers", None)
        counts = self._counted(rows, words, len(texts), len(kept))
        self.weights_ = np.ones(counts.shape[1], np.float32) if labels is None else _told(counts, np.asarray(labels))
        return self._weighed(counts)

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[sp.csr_matrix, npt.NDArray[np.float64]]:
        """What `transform` gives, and how familiar each text is: the share of its words that are known, its lower bound
        (Wilson 1927, one standard error), as few words prove little; 0 for a text without any.

        Only words of letters count: names of things with digits, dots and dashes are new in every ticket.
        """
        rows, words = self._look_up(texts)
        is_known = words >= 0
        is_plain = np.where(is_known, self._plain[words], words == STRANGE)
        number = np.maximum(np.bincount(rows[is_plain], minlength=len(texts)), 1)
        share = np.bincount(rows[is_plain & is_known], minlength=len(texts)) / number
        spread = np.sqrt(share * (1 - share) / number + 1 / (4 * number**2))
        familiar = (share + 1 / (2 * number) - spread) / (1 + 1 / number)
        return self._weighed(self._counted(rows, words, len(texts), len(self._vocabulary()))), familiar

    def names(self) -> list[str]:
        """The terms in the order of the columns; a pair with a blank between its words."""
        words = self._words()
        first, second = np.divmod(self.pairs_, max(len(words), 1))
        return words + [f"{words[one]} {words[other]}" for one, other in zip(first, second, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name not in ("_numbers", "_plain")}

    def _words(self) -> list[str]:
        return self.words_.split("\n") if self.words_ else []

    def _vocabulary(self) -> dict[str, int]:
        """Made once: for a single text it costs more than all the rest."""
        if not hasattr(self, "_numbers"):
            check_is_fitted(self, "words_")
            self._numbers = {word: number for number, word in enumerate(self._words())}
            self._plain = np.array([*map(str.isalpha, self._numbers), False, False], np.bool_)  # STRANGE, NAME
        return self._numbers

    def _look_up(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        vocabulary = self._vocabulary()

        def look_up(found: list[str]) -> list[int]:
            numbers = list(map(vocabulary.get, found, repeat(STRANGE)))
            if STRANGE in numbers:
                for place, number in enumerate(numbers):
                    if number == STRANGE and not found[place].isalpha():
                        numbers[place] = NAME
            return numbers

        return _read(texts, self.pattern, look_up)

    def _counted(self, rows: Ints, words: Ints, texts: int, number: int) -> sp.csr_matrix:
        """How often each of the terms stands in each text, of its words (-1: unknown)."""
        is_known = words >= 0
        at, terms = [rows[is_known]], [words[is_known]]
        if len(self.pairs_):
            where, codes = _pairs_of(rows, words, number)
            place = np.minimum(np.searchsorted(self.pairs_, codes), len(self.pairs_) - 1)
            is_pair = self.pairs_[place] == codes
            at.append(where[is_pair])
            terms.append(place[is_pair] + number)
        ones = np.ones(sum(map(len, at)), np.float32)
        shape = (texts, number + len(self.pairs_))
        return sp.csr_matrix((ones, (np.concatenate(at), np.concatenate(terms))), shape=shape)

    def _weighed(self, counts: sp.csr_matrix) -> sp.csr_matrix:
        if not counts.nnz:  # scikit-learn refuses a matrix without rows or columns
            return counts
        counts.data = (1 + np.log(counts.data)) * self.weights_[counts.indices]
        return normalize(counts, copy=False)

    def _choose(self, rows: Ints, words: Ints, names: npt.NDArray[Any]) -> tuple[Ints, Ints]:
        """Which words are kept, sorted; and the words of the texts by their numbers among those. Learns the pairs."""
        often = _distinct_per_row(rows, words, len(names))
        kept = np.flatnonzero(often >= self.fewest)
        kept = kept[np.argsort(names[kept])]
        words = _renumbered(words, kept, len(names))
        pairs, pairs_often = self._frequent_pairs(rows, words, len(kept))
        order = np.argsort(-np.concatenate([often[kept], pairs_often]), kind="stable")[: self.most]
        chosen = np.sort(order[order < len(kept)])
        # A pair is no commoner than its words, which come first among equals: they are chosen with it.
        first, second = np.divmod(pairs[np.sort(order[order >= len(kept)]) - len(kept)], max(len(kept), 1))
        first, second = (_renumbered(each, chosen, len(kept)) for each in (first, second))
        self.pairs_ = first * len(chosen) + second
        return kept[chosen], _renumbered(words, chosen, len(kept))

    def _frequent_pairs(self, rows: Ints, words: Ints, number: int) -> tuple[Ints, Ints]:
        """The codes of pairs, sorted, and in how many texts each stands."""
        if not self.pairs:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        where, codes = _pairs_of(rows, words, number)
        found, place = _sorted_distinct(codes)
        often = _distinct_per_row(where, place, len(found))
        enough = often >= self.fewest
        return found[enough], often[enough]


def _renumbered(words: Ints, kept: Ints, number: int) -> Ints:
    """Words of a vocabulary of `number` by their places among the kept ones; -1 for the others."""
    new = np.full(number + 1, -1, np.int64)  # the last is for -1
    new[kept] = np.arange(len(kept))
    return new[words]


def _sorted_distinct(codes: Ints) -> tuple[Ints, Ints]:
    """The distinct codes in order, and the place of each code among them. numpy.unique hashes, four times slower."""
    order = np.argsort(codes, kind="stable")
    is_new = np.diff(codes[order], prepend=-1) != 0
    place = np.empty(len(codes), np.int64)
    place[order] = np.cumsum(is_new) - 1
    return codes[order][is_new], place


def _read(texts: Sequence[str], pattern: str, look_up: Callable[[list[str]], Iterable[int]]) -> tuple[Ints, Ints]:
    """The row and the number of each word, in the order of the texts."""
    find = re.compile(pattern).findall
    words: list[int] = []
    ends = np.empty(len(texts), np.int64)
    for row, text in enumerate(texts):
        words.extend(look_up(find(text.lower())))
        ends[row] = len(words)
    rows = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
    return rows, np.fromiter(words, np.int64, len(words))


def _pairs_of(rows: Ints, words: Ints, number: int) -> tuple[Ints, Ints]:
    """The row and the code of each two known words that stand side by side in one text."""
    if len(words) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first, second = words[:-1], words[1:]
    beside = (rows[:-1] == rows[1:]) & (first >= 0) & (second >= 0)
    return rows[:-1][beside], first[beside] * number + second[beside]


def _distinct_per_row(rows: Ints, terms: Ints, number: int) -> Ints:
    """In how many rows each of `number` terms stands."""
    if not len(terms):
        return np.zeros(number, np.int64)
    cells = np.sort(rows * number + terms)
    return np.bincount(cells[np.diff(cells, prepend=-1) != 0] % number, minlength=number)


def _told(counts: sp.csr_matrix, labels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    types, place = np.unique(labels, return_inverse=True)
    if len(types) < 2:
        return np.ones(counts.shape[1], np.float32)
    member = sp.csr_matrix((np.ones(len(place), np.float32), (place, np.arange(len(place)))))
    held = counts.copy()
    held.data = np.ones_like(held.data)
    share = (np.asarray((member @ held).todense()) + DOUBT) / np.bincount(place)[:, None]
    share /= share.sum(axis=0)
    entropy = -(share * np.log(share)).sum(axis=0) / np.log(len(types))
    return np.asarray(np.sqrt(np.clip(1 - entropy, 0, 1)) + FLOOR, np.float32)

"""The words of texts, counted: what the discovery of types looks at."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from analytics.fillers import FILLERS

TEXT_LIMIT: Final = 4000  # characters that are read, as classify reads them
MOST_WORDS: Final = 8000

# Letters, marks and digits of all scripts; a class of its own because Python's \w parts words of Hindi at their vowels.
_LETTERS: Final = (
    r"0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3041-\ud7ff\uf900-\ufdff\uff10-\uffdc"
)
TOKEN: Final = rf"[{_LETTERS}]{{2,}}"
# Scripts that part no words: Chinese, Japanese, Thai, Lao.
_UNPARTED: Final = r"\u0e01-\u0eff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Addresses and host names are values of a request; every team has its own.
_ADDRESS: Final = re.compile(r"\S+@\S+|\w+://\S+|[\w*-]+(?:\.[\w-]+){2,}")
_RUN: Final = re.compile(rf"[{_UNPARTED}]+")
_TOKEN: Final = re.compile(TOKEN)

Matrix = Any  # scipy.sparse.csr_matrix, which has no types
Strings = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Words:
    """`counts` (texts x terms, float32, sparse) is how often each term stands in each text; a term is a word anywhere
    in it, or a word of its summary. `terms` (object) holds the words: once, or twice where it is also a summary's."""

    counts: Matrix
    terms: Strings


def cleaned(text: str) -> str:
    """What is read of a text: its beginning, composed; scripts without spaces as overlapping pairs of characters."""
    text = text[:TEXT_LIMIT]
    if "." in text or "@" in text or "://" in text:
        text = _ADDRESS.sub(" ", text)
    return text if text.isascii() else _RUN.sub(_pairs, unicodedata.normalize("NFC", text))


def _pairs(run: re.Match[str]) -> str:
    signs = run.group()
    return f" {' '.join(signs[n : n + 2] for n in range(max(1, len(signs) - 1)))} "


def tokens(text: str) -> Iterator[str]:
    """The words of a cleaned text in order, cased as they stand."""
    return (found.group() for found in _TOKEN.finditer(text))


def count(texts: Sequence[str], summaries: Sequence[str] | None) -> Words:
    """The counts of words that at least two texts have, at most ten must; without fillers and mere numbers.

    `texts` and `summaries` are cleaned. The summary's words count once more, apart: it names what is asked for.
    """
    parts = [part for part in (_counted(texts), _counted(summaries or ())) if part is not None]
    if not parts:
        return Words(sp.csr_matrix((len(texts), 0), dtype=np.float32), np.empty(0, dtype=object))
    terms: Strings = np.concatenate([terms for _, terms in parts])
    return Words(sp.hstack([counts for counts, _ in parts], format="csr"), terms)


def _counted(texts: Sequence[str]) -> tuple[Matrix, Strings] | None:
    fewest = max(2, min(10, round(len(texts) / 1000)))
    vectoriser = CountVectorizer(
        token_pattern=TOKEN,  # words, not passwords
        min_df=fewest,
        max_features=MOST_WORDS,
        dtype=np.float32,
    )
    try:
        counts = vectoriser.fit_transform(texts)
    except ValueError:  # no text has a word, or no two texts the same: scikit-learn knows no empty vocabulary
        return None
    terms: Strings = vectoriser.get_feature_names_out()
    says = np.array([term not in FILLERS and not term.isdigit() for term in terms], dtype=bool)
    return counts[:, says].tocsr(), terms[says]

"""What a classifier reads of a ticket, and how it becomes numbers.

The ticket type is no feature: labels such as "bug" come from it, and a model that reads its own answer learns nothing.
Nor is the project: where only some projects have forms, the labels of the others are bugs and stories, and a model that
sees the project calls every request there a bug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from analytics.terms import Terms
from tickets.ticket import Ticket

TEXT_LIMIT: Final = 4000  # characters of a text that are read; logs pasted below a request say nothing about its type
COLUMNS: Final = ("summary", "text", "context")
# From so many texts on, a term must stand in three of them: rarer ones are names and typing errors.
MANY: Final = 5000
FRAGMENT: Final = "…"  # before and after a group of characters
CONTEXT_WEIGHT: Final = 0.3
SHAPES_WEIGHT: Final = 0.4


def features_of(tickets: Iterable[Ticket], *, with_form: bool = True) -> pd.DataFrame:
    """One row per ticket, columns of text: `summary`; `text` (summary, description, what was filled in a form);
    `context` (components and the names of form fields, each one word)."""
    rows = [(ticket.summary[:TEXT_LIMIT], _text(ticket, with_form), _context(ticket, with_form)) for ticket in tickets]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def features_of_texts(texts: Sequence[str]) -> pd.DataFrame:
    """The same of bare texts, which have neither summary nor context."""
    cut = [text[:TEXT_LIMIT] for text in texts]
    return pd.DataFrame({"summary": "", "text": cut, "context": ""}, columns=list(COLUMNS), dtype=object)


def dropped(features: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same tickets with half of their words left out, and no context: what is left of a ticket whose writer used
    other words. The same seed leaves out the same words."""
    rng = np.random.default_rng(seed)

    def half(text: str) -> str:
        words = text.split()
        return " ".join(word for word, is_kept in zip(words, rng.random(len(words)) < 0.5, strict=True) if is_kept)

    return features.assign(summary=features["summary"].map(half), text=features["text"].map(half), context="")


class Reader(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features (n rows) to a CSR matrix of float32: terms of the text, words of the context, groups of characters of
    the summary, each part of length 1 times its weight. Columns that say nothing while it learns make no part.

    scikit-learn's ColumnTransformer takes longer for one ticket than all the rest together.
    """

    def fit(self, features: pd.DataFrame, labels: Sequence[str]) -> Self:
        self.fit_transform(features, labels)
        return self

    def fit_transform(self, features: pd.DataFrame, labels: Sequence[str]) -> sp.csr_matrix:
        fewest = 3 if len(features) >= MANY else 1
        self.words_ = Terms(fewest=fewest)
        read = [self.words_.fit_transform(features["text"].tolist(), labels)]
        if not self.words_.words_ and fewest > 1:
            self.words_ = Terms()
            read = [self.words_.fit_transform(features["text"].tolist(), labels)]
        self.context_ = self.shapes_ = None
        if features["context"].str.strip().any():
            self.context_ = Terms(r"\S+", pairs=False)
            read.append(self.context_.fit_transform(features["context"].tolist(), labels) * CONTEXT_WEIGHT)
        if features["summary"].str.contains(r"\w").any():
            # Groups of characters help with typing errors and with languages that write no blanks, but every text
            # shares some.
            self.shapes_ = TfidfVectorizer(
                analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=10_000, dtype=np.float32
            )
            read.append(self.shapes_.fit_transform(features["summary"].tolist()) * SHAPES_WEIGHT)
            # Numpy's integers in a vocabulary would be stored as a file each.
            self.shapes_.vocabulary_ = {str(term): int(at) for term, at in self.shapes_.vocabulary_.items()}
        return sp.hstack(read, "csr")

    def transform(self, features: pd.DataFrame) -> sp.csr_matrix:
        return self.read(features)[0]

    def read(self, features: pd.DataFrame) -> tuple[sp.csr_matrix, npt.NDArray[np.float64]]:
        """The matrix, and the share of each text's words that were seen while learning (n)."""
        matrix, known = self.words_.read(features["text"].tolist())
        read = [matrix]
        if self.context_ is not None:
            read.append(self.context_.transform(features["context"].tolist()) * CONTEXT_WEIGHT)
        if self.shapes_ is not None:
            read.append(self.shapes_.transform(features["summary"].tolist()) * SHAPES_WEIGHT)
        return (sp.hstack(read, "csr") if len(read) > 1 else matrix), known

    def names(self) -> list[str]:
        """What each column is, as people would call it; groups of characters between dots."""
        names = self.words_.names()
        if self.context_ is not None:
            names += self.context_.names()
        if self.shapes_ is not None:
            names += [f"{FRAGMENT}{term}{FRAGMENT}" for term in self.shapes_.get_feature_names_out()]
        return names


def _text(ticket: Ticket, with_form: bool) -> str:
    answers = [field.value for field in ticket.form] if with_form else []
    return "\n".join((ticket.text[:TEXT_LIMIT], *answers))[: 2 * TEXT_LIMIT]


def _context(ticket: Ticket, with_form: bool) -> str:
    fields = [field.name for field in ticket.form] if with_form else []
    told = (("component", ticket.components), ("field", fields))
    return " ".join(f"{kind}:{_one_word(name)}" for kind, names in told for name in names)


def _one_word(name: str) -> str:
    return re.sub(r"\s+", "_", name.casefold())

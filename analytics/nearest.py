"""Which handler a request type is nearest to by its tickets' words, where none serves it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

# On the sandbox's tickets a type that a handler serves reaches 0.65, the most alike of the others 0.15.
NEAR: Final = 0.25
_TEXT_LIMIT: Final = 2000  # characters of a text that are read
_WORDS: Final = re.compile(r"\b[^\W\d_][\w-]+\b")

DEFINITION: Final = (
    "nearest handler: the one whose examples use the most alike words as the type's newest tickets (cosine of the mean "
    f"TF-IDF vectors, 0 to 1); below {NEAR:g} there is none"
)


@dataclass(frozen=True, slots=True)
class Nearest:
    """`likeness` is the cosine of the mean TF-IDF vectors, 0 to 1."""

    handler: str
    likeness: float


def nearest(
    texts: Mapping[str, Sequence[str]], examples: Mapping[str, Sequence[str]], *, others: Sequence[str] = ()
) -> dict[str, Nearest | None]:
    """For each type of `texts` the handler of `examples` that its texts are most alike, None where none is near.

    `others` are texts of other tickets: what stands in all of them tells nothing apart. Equals go by name.
    """
    found: dict[str, Nearest | None] = dict.fromkeys(texts)
    cut = {
        name: [text[:_TEXT_LIMIT] for text in some if _WORDS.search(text[:_TEXT_LIMIT])] for name, some in texts.items()
    }
    shown = {name: list(some) for name, some in sorted(examples.items()) if any(map(_WORDS.search, some))}
    known = [text[:_TEXT_LIMIT] for text in others]
    if not shown or not any(cut.values()):
        return found
    vectoriser = TfidfVectorizer(sublinear_tf=True, token_pattern=_WORDS.pattern, dtype=np.float64)
    vectoriser.fit([*known, *(text for some in (*cut.values(), *shown.values()) for text in some)])
    names = list(shown)
    handlers = np.vstack([_mean(vectoriser, shown[name]) for name in names])
    for name, some in cut.items():
        if some:
            likeness = handlers @ _mean(vectoriser, some)
            best = int(np.argmax(likeness))
            if likeness[best] >= NEAR:
                found[name] = Nearest(names[best], round(float(likeness[best]), 3))
    return found


def _mean(vectoriser: TfidfVectorizer, texts: Sequence[str]) -> Any:
    """The direction of the mean vector."""
    mean = np.asarray(vectoriser.transform(texts).mean(axis=0)).ravel()
    length = float(np.linalg.norm(mean))
    return mean / length if length else mean

"""What a discovered type is called: its distinctive words, and a phrase of its own tickets made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from analytics.fillers import COURTESIES
from analytics.grouping import Floats
from analytics.wording import Strings, tokens
from tickets.reading import kebab

TOP_WORDS: Final = 10
NAMING_WORDS: Final = 30
LONGEST_PHRASE: Final = 3
TITLE: Final = 120  # characters of a text's first line, where it has no summary

Weights = list[tuple[str, float]]


def distinctive(weights: Floats, terms: Strings) -> Weights:
    """Words by weight, heaviest first (ties by the alphabet), the first with weight 1; at most NAMING_WORDS.

    A word's weights in the text and in the summary are added.
    """
    sums: dict[str, float] = defaultdict(float)
    for place in np.flatnonzero(weights > 0):
        sums[str(terms[place])] += float(weights[place])
    ranked = sorted(sums.items(), key=lambda pair: (-round(pair[1], 6), pair[0]))[:NAMING_WORDS]
    return [(word, round(weight / ranked[0][1], 4)) for word, weight in ranked]


def title(text: str) -> str:
    return text.lstrip().split("\n", 1)[0][:TITLE]


def name_of(titles: Sequence[str], words: Weights) -> str:
    """The phrase of up to three words that most of the titles share and that is made of the most distinctive words.

    A phrase of one word has the next distinctive one in brackets; where no title has any, words stand alone.
    """
    weight = dict(words)
    shared, spelt = _phrases(titles, weight)
    ranked = sorted(
        ((count * sum(weight.get(word, 0.0) for word in phrase), phrase) for phrase, count in shared.items()),
        key=lambda pair: (-round(pair[0], 6), pair[1]),
    )
    chosen = ranked[0][1] if ranked else tuple(word for word, _ in words[:1])
    name = _written(spelt[chosen]) if chosen in spelt else " ".join(chosen)
    other = next((word for word, _ in words if not _is_like(word, chosen)), None)
    if len(chosen) == 1 and other:
        name = f"{name} ({_usual(spelt, other)})"
    return name[:1].upper() + name[1:]


def _phrases(
    titles: Iterable[str], weight: dict[str, float]
) -> tuple[Counter[tuple[str, ...]], dict[tuple[str, ...], Counter[tuple[str, ...]]]]:
    """How many titles have each phrase that begins and ends with a weighty word; and the ways it is spelt."""
    shared: Counter[tuple[str, ...]] = Counter()
    spelt: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for one in titles:
        cased = list(tokens(one))
        plain = [word.lower() for word in cased]
        seen = set()
        starts = (place for place, word in enumerate(plain) if word in weight)
        for start in starts:
            for end in range(start + 1, min(start + LONGEST_PHRASE, len(plain)) + 1):
                phrase = tuple(plain[start:end])
                if phrase[-1] in weight and len(set(phrase)) == len(phrase) and COURTESIES.isdisjoint(phrase):
                    seen.add(phrase)
                    spelt[phrase][tuple(cased[start:end])] += 1
        shared.update(seen)
    return shared, spelt


def _written(spellings: Counter[tuple[str, ...]]) -> str:
    """The most usual spelling, in capitals where a third has them ("VPN", not "vpn"); pairs of characters that overlap
    are one run again."""
    words = min(spellings, key=lambda one: (-spellings[one] * (3 if any(map(str.isupper, one)) else 1), one))
    text = words[0]
    for before, after in pairwise(words):
        is_run = not after.isascii() and len(before) == len(after) == 2 and before[-1] == after[0]
        text += after[1:] if is_run else f" {after}"
    return text


def _usual(spelt: dict[tuple[str, ...], Counter[tuple[str, ...]]], word: str) -> str:
    return _written(spelt[(word,)]) if (word,) in spelt else word


def _is_like(word: str, phrase: tuple[str, ...]) -> bool:
    """Whether a word would repeat the phrase: one of its words, or another form of one."""
    return any(word[:4] == one[:4] or word in one or one in word for one in phrase)


def unique(names: Sequence[str], words: Sequence[Weights], taken: set[str]) -> tuple[list[str], list[str]]:
    """Names and ids, in order; one that is taken gets the next of its distinctive words, else a number."""
    ids: list[str] = []
    shown: list[str] = []
    used = set(taken)
    for name, weights in zip(names, words, strict=True):
        id = kebab(name) or "type"
        for word, _ in weights:
            if id not in used:
                break
            if kebab(word) not in id.split("-"):
                name, id = f"{name}, {word}", f"{id}-{kebab(word)}"
        number = 2
        while id in used:
            id = f"{kebab(name) or 'type'}-{number}"
            number += 1
        used.add(id)
        ids.append(id)
        shown.append(name or id)
    return shown, ids

"""What a discovered type shows for itself: its typical and its doubtful texts, and whether it is found again."""

from __future__ import annotations

from typing import Final

import numpy as np

from analytics.grouping import Floats, Numbers, Profiles, grouped, present_of, settled, share_of_words
from analytics.wording import Matrix

EXEMPLARS: Final = 5
NAMED_FROM: Final = 100
RESAMPLES: Final = 8
RESAMPLE_SHARE: Final = 0.7
RESAMPLE_MOST: Final = 3000


def weights_of(profiles: Profiles, present: Matrix, types: Numbers, number: int) -> Floats:
    """How distinctive each word is of each of `number` types: its profile, or its words where nothing sets it apart."""
    shares = share_of_words(present, types, number)
    own = profiles.profile(shares)
    has_own = own.any(axis=1, keepdims=True)
    return np.where(has_own, own, np.sqrt(shares) * profiles.rarity)


def exemplars(
    scores: Floats, types: Numbers, number: int, rows: Numbers
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Of a type the texts most typical of it (up to 100, best first), those of it nearest to another type, and those
    nearest to it that are not of it. Texts are given by their places `rows`; equals in the order of the input."""
    own = scores[:, number]
    others = np.delete(scores, number, axis=1).max(axis=1, initial=0.0)
    inside, outside = np.flatnonzero(types == number), np.flatnonzero(types != number)
    typical = inside[np.argsort(-own[inside], kind="stable")][:NAMED_FROM]
    doubtful = inside[np.argsort((own - others)[inside], kind="stable")][:EXEMPLARS]
    near = outside[np.argsort(-own[outside], kind="stable")][:EXEMPLARS]
    return _places(rows, typical), _places(rows, doubtful), _places(rows, near)


def _places(rows: Numbers, chosen: Numbers) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[chosen])


def stability_of(counts: Matrix, points: Floats, types: Numbers, number: int, seed: int) -> Floats:
    """The mean Jaccard index of each of `number` types with its nearest group, over groupings of random parts.

    The directions of the whole queue are kept, as finding them takes longest. Nothing known from before is used: a
    type that only its past holds together shows it here.
    """
    size = min(RESAMPLE_MOST, round(RESAMPLE_SHARE * len(types)))
    if size < 2:
        return np.zeros(number)
    rng = np.random.default_rng(seed)
    nearest = []
    for turn in range(RESAMPLES):
        part = np.sort(rng.choice(len(types), size, replace=False))
        unknown = np.full(size, -1, dtype=np.int64)
        found, profiles = grouped(counts[part], points[part], unknown, seed + turn)
        scores = profiles.scores(present_of(counts[part]), found, int(found.max()) + 1)
        nearest.append(_jaccard(types[part], settled(scores, found, unknown, 1), number))
    is_here = np.isfinite(nearest)
    return np.where(is_here, nearest, 0.0).sum(axis=0) / np.maximum(is_here.sum(axis=0), 1)  # type: ignore[no-any-return]


def _jaccard(types: Numbers, found: Numbers, number: int) -> Floats:
    """Of each of `number` types the greatest Jaccard index with a group of `found`; NaN where none of it is here."""
    table = np.zeros((number + 1, int(found.max(initial=-1)) + 2))
    np.add.at(table, (types, found), 1)  # -1, none, is the last row and the last column
    of_types, of_found = table[:-1].sum(axis=1, keepdims=True), table[:, :-1].sum(axis=0, keepdims=True)
    shared = table[:-1, :-1]
    index = np.divide(shared, of_types + of_found - shared, out=np.zeros_like(shared), where=shared > 0)
    return np.where(of_types[:, 0] > 0, index.max(axis=1, initial=0.0), np.nan)

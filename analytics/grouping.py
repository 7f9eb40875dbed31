"""Groups of texts that ask for the same, and how many there are.

Two steps. First many small groups (one for eight texts, at most 200) by k-means on the leading directions of the
TF-IDF matrix (latent semantic analysis), each about one way to word a request. Then groups are joined by what is
*distinctive* in them: the share of a group's texts that have a word, less the mean share over all groups. Names,
services and signatures are spread over all groups and vanish; the words that the wordings of one request have in common
stay. The profile of a group is the square root of these differences (so that cosines compare distributions, as
Hellinger's distance does), weighted by how few groups have the word; profiles are joined by average linkage.

How many: as many as joining at more than chance leaves. Chance is a parallel analysis (Horn 1965, "A Rationale and
Test for the Number of Factors in Factor Analysis"): the same profiles with every word dealt anew among the groups keep
each word's frequency and lose what words have to do with each other; joined in the same way, they tell how alike
groups that have nothing in common are. Joining stops at the similarity that a share of CHANCE of
those joins reach: beyond it, groups are hardly more alike than chance has them. Nothing in the rule depends on the
queue; the number is bounded by MOST_TYPES. A type that holds more than a fifth of a large queue is looked into once
more by itself, because its words are measured better against each other than against the rest (long letters beside
short notes would else be one type).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from analytics.wording import Matrix

WORDINGS: Final = 200  # and an eighth of the texts, so that what a group has in common outweighs its names
FEWEST_WORDINGS: Final = 8
MOST_TYPES: Final = 60
DIRECTIONS: Final = 30
TRIALS: Final = 4
SAMPLE: Final = 8000  # texts that the centres of small groups are learned from
CHANCE: Final = 0.4  # between keeping wordings of one request apart (more) and joining unlike ones (less)
DOMINANT: Final = 0.2  # share of the queue above which a type of at least FEWEST_TO_PART texts is looked into again
FEWEST_TO_PART: Final = 500
STAY: Final = 0.25  # similarity that tickets of one known type gain, and of two lose

Floats = npt.NDArray[np.floating[Any]]
Numbers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def directions(counts: Matrix, seed: int) -> Floats:
    """Every text as a point of length 1 (texts x at most 30, float32)."""
    size = min(DIRECTIONS, counts.shape[0] - 1, counts.shape[1] - 1)
    tfidf = weighted(counts)
    if size < 2:
        return normalize(np.asarray(tfidf.todense(), dtype=np.float32))  # type: ignore[no-any-return]
    model = TruncatedSVD(size, n_iter=2, random_state=seed)
    return normalize(model.fit_transform(tfidf).astype(np.float32))  # type: ignore[no-any-return]


def weighted(counts: Matrix) -> Matrix:
    """TF-IDF with logarithmic counts, rows of length 1."""
    texts = counts.shape[0]
    rarity = np.log((1 + texts) / np.maximum(counts.getnnz(axis=0), 1)).astype(np.float32)
    result = counts.copy()
    result.data = (1 + np.log(result.data)) * rarity[result.indices]
    return normalize(result, copy=False)


def wordings(points: Floats, seed: int) -> Numbers:
    """The number of each text's small group."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(points), SAMPLE, replace=False)) if len(points) > SAMPLE else np.arange(len(points))
    different, same = np.unique(points[chosen].round(5), axis=0, return_inverse=True)
    size = min(WORDINGS, max(FEWEST_WORDINGS, len(points) // 8), len(different))
    if size == len(different) and len(chosen) == len(points):
        return same.reshape(-1).astype(np.int64)
    model = KMeans(size, init=_spread(points[chosen], size, rng), n_init=1, max_iter=20).fit(points[chosen])
    return np.unique(model.predict(points), return_inverse=True)[1].astype(np.int64)


def _spread(points: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Starting centres far from each other: greedy k-means++ (Arthur & Vassilvitskii 2007), which on points of
    length 1 takes a fraction of the time of scikit-learn's."""
    chosen = [int(rng.integers(len(points)))]
    apart = 1.0 - points @ points[chosen[0]]
    for _ in range(size - 1):
        cumulated = np.cumsum(apart.clip(min=0), dtype=np.float64)
        drawn = np.searchsorted(cumulated, rng.random(TRIALS) * cumulated[-1], side="right")
        tried = np.minimum(drawn, len(points) - 1)
        left = np.minimum(apart, 1.0 - points[tried] @ points.T)
        best = int(left.sum(axis=1).argmin())
        apart = left[best]
        apart[tried[best]] = 0.0
        chosen.append(int(tried[best]))
    return points[chosen]


def share_of_words(present: Matrix, groups: Numbers, size: int) -> Floats:
    """Of every one of `size` groups (rows, from 0; -1 is none) the share of its texts that have each word (columns)."""
    texts = np.flatnonzero(groups >= 0)
    ones = np.ones(len(texts), dtype=np.float32)
    members = sp.csr_matrix((ones, (groups[texts], texts)), shape=(size, len(groups)))
    sizes = np.maximum(np.bincount(groups[texts], minlength=size), 1)
    return np.asarray((members @ present).todense()) / sizes[:, None]


class Profiles:
    """What is distinctive in groups of texts, measured against the mean over `groups`.

    `rarity` (words) weighs a word by how few groups have it; `usual` (words) is its mean share.
    """

    def __init__(self, present: Matrix, groups: Numbers) -> None:
        shares = share_of_words(present, groups, int(groups.max()) + 1)
        self.usual = shares.mean(axis=0)
        self.rarity = np.log((1 + len(shares)) / np.maximum(0.5 + np.sqrt(shares).sum(axis=0), 1e-9)).clip(min=0)
        self.of_groups = self.profile(shares)

    def profile(self, shares: Floats) -> Floats:
        """Groups x words, float32, rows of any length: a row of zeros has nothing of its own."""
        return (np.sqrt((shares - self.usual).clip(min=0)) * self.rarity).astype(np.float32)  # type: ignore[no-any-return]

    def scores(self, present: Matrix, groups: Numbers, number: int) -> Floats:
        """How much each text (rows) is of each of `number` groups: the cosine of its words with the group's profile."""
        texts = present.copy()
        texts.data = self.rarity.astype(np.float32)[texts.indices]
        profiles = normalize(self.profile(share_of_words(present, groups, number)))
        return np.asarray(normalize(texts, copy=False) @ profiles.T, dtype=np.float32)

    def likeness(self, present: Matrix, sides: Numbers) -> float:
        """The cosine of the profiles of the texts numbered 0 and of those numbered 1."""
        one, other = normalize(self.profile(share_of_words(present, sides, 2)))
        return float(one @ other)


def joined(profiles: Floats, gains: Floats | None, seed: int) -> Numbers:
    """Which groups (rows of `profiles`) are one type: a number for each, from 0.

    `gains` (groups x groups) is added to the similarities: what is known before.
    """
    if len(profiles) < 3:
        return np.arange(len(profiles))
    similar = _similar(profiles)
    by_chance = np.random.default_rng(seed).permuted(profiles, axis=0)
    stop = float(np.quantile(_tree(_similar(by_chance))[:, 2], 1 - CHANCE))
    tree = _tree(similar if gains is None else similar + gains)
    types = fcluster(tree, stop, "distance")
    if types.max() > MOST_TYPES:
        types = fcluster(tree, MOST_TYPES, "maxclust")
    return np.unique(types, return_inverse=True)[1].astype(np.int64)


def _similar(profiles: Floats) -> Floats:
    unit = normalize(profiles)
    return unit @ unit.T  # type: ignore[no-any-return]


def _tree(similar: Floats) -> Floats:
    apart = (1.0 - similar.astype(np.float64)).clip(min=0)
    apart = (apart + apart.T) / 2
    np.fill_diagonal(apart, 0)
    return linkage(squareform(apart, checks=False), "average")  # type: ignore[no-any-return]


def gains_of(groups: Numbers, labels: Numbers) -> Floats | None:
    """What groups gain (most of both is of the same known type) or lose (of different ones); None where nothing is
    known. `labels` (texts) numbers the known type of each text, -1 where it has none."""
    if (labels < 0).all():
        return None
    table = np.zeros((int(groups.max()) + 1, int(labels.max()) + 2))
    np.add.at(table, (groups, labels), 1)  # -1, none, is the last column
    most = table.argmax(axis=1)
    is_known = most < table.shape[1] - 1
    same = most[:, None] == most
    return np.where(np.outer(is_known, is_known), np.where(same, STAY, -STAY), 0.0)


def grouped(counts: Matrix, points: Floats, labels: Numbers, seed: int) -> tuple[Numbers, Profiles]:
    """The type of each text, numbered from 0, and what the profiles of its types are measured against."""
    types, profiles = _grouped_once(counts, points, labels, seed)
    for one, size in enumerate(np.bincount(types)):
        if size >= max(FEWEST_TO_PART, DOMINANT * len(types)):
            inside = np.flatnonzero(types == one)
            parts, _ = _grouped_once(counts[inside], directions(counts[inside], seed), labels[inside], seed)
            types[inside] = int(types.max()) + 1 + parts
    return np.unique(types, return_inverse=True)[1].astype(np.int64), profiles


def _grouped_once(counts: Matrix, points: Floats, labels: Numbers, seed: int) -> tuple[Numbers, Profiles]:
    small = wordings(points, seed)
    present = present_of(counts)
    profiles = Profiles(present, small)
    gains = gains_of(small, extended(labels, present, profiles))
    return joined(profiles.of_groups, gains, seed)[small], profiles


def extended(labels: Numbers, present: Matrix, profiles: Profiles) -> Numbers:
    """The labels, and for texts without one the known type that they fit as well as all but the worst tenth of it."""
    known = labels >= 0
    if known.all() or not known.any():
        return labels
    scores = profiles.scores(present, labels, int(labels.max()) + 1)
    best = scores.argmax(axis=1)
    fit = scores[np.arange(len(labels)), best]
    own = scores[known, labels[known]]
    floors = np.array([_low(own[labels[known] == one], 0.1) for one in range(scores.shape[1])])
    return np.where(known, labels, np.where((fit > 0) & (fit >= floors[best]), best, -1))


def _low(scores: Floats, share: float) -> float:
    return float(np.quantile(scores, share)) if len(scores) else 1.0


def present_of(counts: Matrix) -> Matrix:
    present = counts.copy()
    present.data = np.ones_like(present.data)
    return present


def settled(scores: Floats, types: Numbers, homes: Numbers, fewest: int) -> Numbers:
    """Every text moves to the type that its words fit best; -1 where they fit none.

    `scores` (texts x types) is of `types`; `homes` (texts) is the type that a text was of before, or -1: it counts
    double there, so that a text on the border does not change sides. Types of fewer than `fewest` texts are dissolved,
    and what was in them joins another only where it fits as well as all but the worst twentieth there.
    """
    rows, sizes = np.arange(len(types)), np.bincount(types, minlength=scores.shape[1])
    if scores.shape[1] == 1:
        return types if sizes[0] >= fewest else np.full_like(types, -1)
    own = scores[rows, types]
    is_large = sizes >= fewest
    floors = np.array([_low(own[types == one], 0.05) for one in range(len(sizes))])
    biased = np.where(is_large, scores, -1.0)
    at_home = homes >= 0
    biased[rows[at_home], homes[at_home]] *= 2
    best = biased.argmax(axis=1)
    fits = (scores[rows, best] > 0) & is_large[best] & (is_large[types] | (scores[rows, best] >= floors[best]))
    return np.where(fits, best, -1)

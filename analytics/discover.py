"""Request types found in the words of a queue that has none.

Texts that ask for the same are grouped (`grouping`: how, and how many), each group gets a name of its own words
(`type_names`) and an id that stays when the queue grows (`type_ids`). What fits no type is `other`, and counted: texts
without words, texts like no others, groups of fewer than five tickets (or one in a thousand; three or four where the
queue has fewer than fifty).

The same texts give the same answer, whatever the number of threads: all of it runs in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from analytics.errors import TooFewTexts
from analytics.grouping import (
    Bools,
    Floats,
    Numbers,
    Profiles,
    directions,
    extended,
    grouped,
    present_of,
    settled,
)
from analytics.type_evidence import EXEMPLARS, exemplars, stability_of, weights_of
from analytics.type_ids import KnownType, Lineage
from analytics.type_names import TOP_WORDS, distinctive, name_of, title, unique
from analytics.wording import Matrix, Words, cleaned, count

__all__ = ["DiscoveredType", "Discovery", "KnownType", "discover"]

FEWEST_TEXTS: Final = 10
SMALLEST: Final = 5
SMALLEST_SHARE: Final = 0.001
ALIKE: Final = 0.6  # likeness of a known type and the one around it at which they are one type


@dataclass(frozen=True, slots=True)
class DiscoveredType:
    """A type with its evidence. `words` are its distinctive words with their weight (the first has 1).

    `central`, `borderline` and `counter_examples` are places of texts in the input (at most five): the most typical of
    it, those of it that are nearest to another type, and those nearest to it that are not of it. `stability` (0 to 1)
    is the mean Jaccard index of the type and its nearest group when discovery is repeated on random parts of the
    texts (Hennig 2007, "Cluster-wise assessment of cluster stability"): below 0.6 it should not be trusted.
    `merged_from` are the ids of known types that are now inside it.
    """

    id: str
    name: str
    words: tuple[tuple[str, float], ...]
    size: int
    central: tuple[int, ...]
    borderline: tuple[int, ...]
    counter_examples: tuple[int, ...]
    stability: float
    merged_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """`assignments` has a type's id for every text in order, None where it is other; `types` are sorted by size, the
    largest first; `other` counts the texts of no type."""

    assignments: tuple[str | None, ...]
    types: tuple[DiscoveredType, ...]
    other: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; tuples as lists."""
        types = [{name: _plain(value) for name, value in asdict(one).items()} for one in self.types]
        return {"assignments": list(self.assignments), "types": types, "other": self.other}


def discover(
    texts: Sequence[str],
    *,
    summaries: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    known: Sequence[KnownType] = (),
    seed: int = 0,
) -> Discovery:
    """The types in `texts`, of which the first 4,000 characters are read.

    `summaries` (what each text's ticket is titled) are read again for themselves, and name the types. `keys` are the
    tickets' keys, by which types are recognised that are `known` from an earlier run: their ids stay, their tickets
    keep together, and types that people merged are one.

    Raises TooFewTexts for fewer than ten texts, ValueError where the lengths differ or `known` comes without `keys`.
    """
    if len(texts) < FEWEST_TEXTS:
        raise TooFewTexts(
            f"{len(texts)} tickets are too few to discover types in: at least {FEWEST_TEXTS}. Sync or import more, or "
            "choose a longer period."
        )
    for name, others in (("summaries", summaries), ("keys", keys)):
        if others is not None and len(others) != len(texts):
            raise ValueError(f"{len(texts)} texts, but {len(others)} {name}")
    if known and keys is None:
        raise ValueError("known types are recognised by their tickets' keys: give the keys of the texts too")
    with threadpool_limits(limits=1):
        return _discover([cleaned(text) for text in texts], summaries, Lineage(known, keys or [""] * len(texts)), seed)


def _discover(texts: list[str], summaries: Sequence[str] | None, lineage: Lineage, seed: int) -> Discovery:
    short = None if summaries is None else [cleaned(summary) for summary in summaries]
    words = count(texts, short)
    rows = np.flatnonzero(words.counts.getnnz(axis=1))
    fewest = max(min(SMALLEST, len(texts) // 10 + 1), round(SMALLEST_SHARE * len(texts)))
    queue = _Queue(words, rows, fewest, seed)
    types = np.full(len(texts), -1, dtype=np.int64)
    if len(rows) >= 2:
        types[rows] = queue.grouped_as_known(lineage, len(texts))
    types, ids = _with_ids(types, lineage, fewest)
    if not ids:
        return Discovery((None,) * len(texts), (), len(texts))
    return _described(queue, types, ids, lineage, [title(text) for text in (short or texts)])


class _Queue:
    """The texts that have words, as numbers: `rows` are their places in the input."""

    def __init__(self, words: Words, rows: Numbers, fewest: int, seed: int) -> None:
        self.words, self.rows, self.fewest, self.seed = words, rows, fewest, seed
        self.counts: Matrix = words.counts[rows]
        self.present: Matrix = present_of(self.counts)
        self.profiles: Profiles | None = None
        self.points: Floats = directions(self.counts, seed) if len(rows) >= 2 else np.zeros((0, 0))

    def grouped_as_known(self, lineage: Lineage, total: int) -> Numbers:
        """The type of each row, -1 where it is other. What people merged is one type; known types do not vanish."""
        roots = lineage.roots[self.rows]
        found, profiles = grouped(self.counts, self.points, roots, self.seed)
        self.profiles = profiles
        everywhere = np.full(total, -1, dtype=np.int64)
        everywhere[self.rows] = found
        everywhere, owners = _merged_by_people(everywhere, lineage.owners(everywhere))
        types, homes = everywhere[self.rows], {id: number for number, id in owners.items()}
        roots = extended(roots, self.present, profiles)
        for number, id in enumerate(lineage.root_ids):
            its_own = roots == number
            if id not in homes and its_own.sum() >= self.fewest and not self._is_inside(profiles, types, its_own):
                homes[id] = int(types.max()) + 1
                types = np.where(its_own, homes[id], types)
        of_root = np.array([*(homes.get(id, -1) for id in lineage.root_ids), -1], dtype=np.int64)
        scores = profiles.scores(self.present, types, int(types.max()) + 1)
        return settled(scores, types, of_root[roots], self.fewest)

    def _is_inside(self, profiles: Profiles, types: Numbers, its_own: Bools) -> bool:
        """Whether a known type is like the rest of the type that most of its tickets (`its_own`) are in now."""
        around = int(np.bincount(types[its_own]).argmax())
        sides = np.where(its_own, 0, np.where(types == around, 1, -1))
        if (sides == 1).sum() < self.fewest:
            return False
        return profiles.likeness(self.present, sides) >= ALIKE


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _merged_by_people(types: Numbers, owners: dict[int, str]) -> tuple[Numbers, dict[int, str]]:
    """Types of one id are joined."""
    first: dict[str, int] = {}
    into = np.arange(int(types.max(initial=-1)) + 1)
    for number in sorted(owners):
        into[number] = first.setdefault(owners[number], number)
    merged = np.append(into, -1)[types]
    kept, types = np.unique(merged, return_inverse=True)
    types = types.astype(np.int64) - int(kept[0] == -1)
    places = {int(number): place - int(kept[0] == -1) for place, number in enumerate(kept)}
    return types, {places[number]: id for id, number in first.items()}


def _with_ids(types: Numbers, lineage: Lineage, fewest: int) -> tuple[Numbers, list[str | None]]:
    """Types that are large enough or named by people, renumbered by size, with the ids that are known (else None)."""
    types, owners = _merged_by_people(types, lineage.owners(types))
    for id, places in lineage.kept():
        if id not in owners.values() and len(places):
            owners[int(types.max(initial=-1)) + 1] = id
            types[places] = int(types.max(initial=-1)) + 1
    named = {id for id, _ in lineage.kept()}
    sizes = np.bincount(types[types >= 0], minlength=1)
    stay = [n for n, size in enumerate(sizes) if size and (size >= fewest or owners.get(n) in named)]
    stay.sort(key=lambda number: (-sizes[number], int(np.argmax(types == number))))
    places_of = np.full(len(sizes) + 1, -1, dtype=np.int64)
    places_of[stay] = np.arange(len(stay))
    return places_of[types], [owners.get(number) for number in stay]


def _described(
    queue: _Queue, types: Numbers, ids: list[str | None], lineage: Lineage, titles: Sequence[str]
) -> Discovery:
    here = types[queue.rows]
    profiles = queue.profiles or Profiles(queue.present, np.zeros(len(queue.rows), dtype=np.int64))
    weights = [distinctive(row, queue.words.terms) for row in weights_of(profiles, queue.present, here, len(ids))]
    scores = profiles.scores(queue.present, here, len(ids))
    places = [exemplars(scores, here, number, queue.rows) for number in range(len(ids))]
    names = [
        name_of([titles[row] for row in typical], heavy) for (typical, *_), heavy in zip(places, weights, strict=True)
    ]
    shown, given = unique(names, weights, lineage.ids)
    kept = [id or new for id, new in zip(ids, given, strict=True)]
    merged = lineage.merged_into(types, kept)
    stability = stability_of(queue.counts, queue.points, here, len(ids), queue.seed)
    found = tuple(
        DiscoveredType(
            id=kept[number],
            name=shown[number],
            words=tuple(weights[number][:TOP_WORDS]),
            size=int((types == number).sum()),
            central=typical[:EXEMPLARS],
            borderline=borderline,
            counter_examples=counter,
            stability=round(float(stability[number]), 4),
            merged_from=merged.get(kept[number], ()),
        )
        for number, (typical, borderline, counter) in enumerate(places)
    )
    return Discovery(tuple(kept[n] if n >= 0 else None for n in types), found, int((types < 0).sum()))

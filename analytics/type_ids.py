"""Ids that stay: which discovered types are the ones known from before, and what was merged into what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from analytics.grouping import Numbers

LEAST_OVERLAP: Final = 0.3  # of a known type's tickets, in the type that is to keep its id
MERGED: Final = 0.5  # of a known type's tickets, in the type that it was merged into


@dataclass(frozen=True, slots=True)
class KnownType:
    """A type of an earlier run. `keys` are keys of tickets known to be of it, perhaps only a sample; `merged_into` is
    the id of the type that people merged it into. `is_named`: a person has named it, so it keeps its id and its
    known tickets as long as one of them is in the queue, however few they are and whatever they look like."""

    id: str
    keys: frozenset[str]
    merged_into: str | None = None
    is_named: bool = False


class Lineage:
    """The known types seen from the tickets of this run. Numbers are places in `known`, sorted by id.

    `labels` (tickets) is the known type of each ticket, `roots` (tickets) the place in `root_ids` of what people merged
    that into; -1 where a ticket's key is in no known type. A key in two types is taken as of the first by id.
    """

    def __init__(self, known: Iterable[KnownType], keys: Sequence[str]) -> None:
        self.known = sorted(known, key=lambda one: one.id)
        into = {one.id: one.merged_into for one in self.known if one.merged_into}
        self.root_of = [_root(one.id, into) for one in self.known]
        self.root_ids = sorted(set(self.root_of))
        places: dict[str, int] = {}
        for place, one in enumerate(self.known):
            for key in one.keys:
                places.setdefault(key, place)
        self.labels: Numbers = np.array([places.get(key, -1) for key in keys], dtype=np.int64)
        number = {name: place for place, name in enumerate(self.root_ids)}
        of_root = np.array([*(number[name] for name in self.root_of), -1], dtype=np.int64)
        self.roots: Numbers = of_root[self.labels]

    @property
    def ids(self) -> set[str]:
        """All that are taken, by types that no longer show too."""
        return {one.id for one in self.known} | set(self.root_ids)

    def overlap(self, types: Numbers) -> Numbers:
        """Known types x types (numbered from 0, -1 is none): tickets that are of both."""
        table = np.zeros((len(self.known), max(int(types.max(initial=-1)) + 1, 1)), dtype=np.int64)
        shared = (self.labels >= 0) & (types >= 0)
        np.add.at(table, (self.labels[shared], types[shared]), 1)
        return table

    def owners(self, types: Numbers) -> dict[int, str]:
        """The id that each type keeps: the assignment that shares most tickets, of at least LEAST_OVERLAP of the known
        type's own. Types of one id were merged by people."""
        table = self.overlap(types)
        own = np.bincount(self.labels[self.labels >= 0], minlength=len(self.known))
        pairs = zip(*linear_sum_assignment(table, maximize=True), strict=True) if self.known else ()
        return {
            int(column): self.root_of[row]
            for row, column in pairs
            if table[row, column] and table[row, column] >= LEAST_OVERLAP * own[row]
        }

    def merged_into(self, types: Numbers, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By the id of a type, the ids of the known ones that are now inside it: put there by people, or by the data
        where their own id is no type's any more and most of their tickets are in it."""
        table = self.overlap(types)
        own = np.bincount(self.labels[self.labels >= 0], minlength=len(self.known))
        found: dict[str, list[str]] = {}
        for place, one in enumerate(self.known):
            if self.root_of[place] != one.id:
                found.setdefault(self.root_of[place], []).append(one.id)
            elif one.id not in ids and own[place] and table[place].max() > MERGED * own[place]:
                found.setdefault(ids[int(table[place].argmax())], []).append(one.id)
        return {name: tuple(sorted(merged)) for name, merged in found.items()}

    def kept(self) -> list[tuple[str, Numbers]]:
        """The ids that people have named, with the places of their tickets."""
        named = sorted({root for one, root in zip(self.known, self.root_of, strict=True) if one.is_named})
        return [(name, np.flatnonzero(self.roots == self.root_ids.index(name))) for name in named]


def _root(name: str, into: dict[str, str]) -> str:
    """Where the merges of people lead; a circle ends at its first id by the alphabet."""
    seen = [name]
    while (after := into.get(seen[-1])) is not None:
        if after in seen:
            return min(seen[seen.index(after) :])
        seen.append(after)
    return seen[-1]

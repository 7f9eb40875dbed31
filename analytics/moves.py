"""The changes of a log in the order in which they are walked: one ticket's after another's, each by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.frames import Log, Rows, rows_of
from analytics.legend import Legend
from analytics.parallel import on_each
from analytics.stays import Codes, Flags, Ints

_PART: Final = 131_072  # changes that are looked at once


@dataclass(frozen=True, slots=True)
class Moves:
    """When, and the codes of the statuses left and entered, by the rows of the tickets; `counts`: how many each ticket
    has."""

    counts: Ints
    at: Ints
    came_from: Codes
    went_to: Codes

    def rows(self) -> Rows:
        """The row of each change's ticket."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int32), self.counts)


def in_order(log: Log, legend: Legend) -> Moves:
    """Changes of one instant keep the order of their history. Raises BadFrame for changes of tickets that are not in
    the log."""
    changes, number = log.changes, len(log.tickets)
    at = changes["at"].to_physical().to_numpy()
    is_head = _heads(log)
    heads = np.flatnonzero(is_head)
    sizes = np.diff(heads, append=len(at))
    row = rows_of(log.tickets, changes.drop("at", "left", "entered")[heads], sizes)
    if bool((np.diff(row) > 0).all()) and _is_in_time(at, is_head):
        counts = np.zeros(number, dtype=np.int64)
        counts[row] = sizes
        return Moves(counts, at, *legend.moves)
    row = np.repeat(row, sizes)
    order = np.lexsort((at, row))  # stable
    counts = np.bincount(row, minlength=number)
    return Moves(counts, at[order], *(codes[order] for codes in legend.moves))


def _heads(log: Log) -> Flags:
    """Whether the changes of another ticket begin with each."""
    changes = log.changes
    is_head = np.zeros(len(changes), dtype=bool)
    if "site" in changes.columns:
        is_head |= changes["site"].ne_missing(changes["site"].shift()).to_numpy()
    is_head[:1] = True
    ids = changes["ticket_id"].to_numpy()

    def compare(start: int) -> None:
        part = slice(start, start + _PART)
        is_head[1:][part] |= ids[1:][part] != ids[:-1][part]

    on_each(compare, range(0, len(ids), _PART), rows=len(ids))
    return is_head


def _is_in_time(at: Ints, is_head: Flags) -> bool:
    """Whether no change comes before the one in front of it, but where another ticket's begin."""

    def is_ordered(start: int) -> bool:
        part = slice(start, start + _PART)
        return bool((is_head[1:][part] | (at[1:][part] >= at[:-1][part])).all())

    return all(on_each(is_ordered, range(0, len(at), _PART), rows=len(at)))

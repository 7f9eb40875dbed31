"""The statuses of a log as codes: each distinct meaning once, whatever ids and names history gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.clocks import CLASSES, Clocks, Meaning
from analytics.codes import Pairs, by_text, coded, labelled, looked_up
from analytics.frames import Log
from analytics.stays import Codes, Statuses


@dataclass(frozen=True, slots=True)
class Legend:
    """`entries`: the meaning of each code under the default rules; `statuses`: what each code means under every set of
    rules. `present`: the code of each ticket's status; `moves`: the codes that each change left and entered; `rules`:
    which set applies to each ticket."""

    entries: tuple[Meaning, ...]
    statuses: Statuses
    present: Codes
    moves: tuple[Codes, Codes]
    rules: Codes

    def names(self, codes: npt.NDArray[Any]) -> pd.Categorical:
        """Today's name of each."""
        names = list(dict.fromkeys(entry.name for entry in self.entries))
        place = {name: number for number, name in enumerate(names)}
        of_code = np.array([place[entry.name] for entry in self.entries], dtype=np.int64)
        return labelled(of_code[codes], names)


def legend_of(log: Log, clocks: Clocks) -> Legend:
    """Looks every distinct status of the log up once."""
    pairs = Pairs()
    present = pairs.codes(coded(log.tickets["status_id"]), coded(log.tickets["status"]))
    projects = ["", *sorted(clocks.projects)]
    code_of: dict[tuple[Meaning, ...], int] = {}

    def code(pair: tuple[str, str]) -> int:
        told = tuple(clocks.meaning(project, *pair) for project in projects)
        return code_of.setdefault(told, len(code_of))

    for pair in sorted({*pairs, *log.pairs}):  # threads number them as they come
        code(pair)
    narrow = np.uint8 if len(code_of) < 256 else np.uint32
    of_present, of_moves = (np.array([code(pair) for pair in some] or [0], dtype=narrow) for some in (pairs, log.pairs))
    return Legend(
        entries=tuple(one[0] for one in code_of),
        statuses=_statuses(list(code_of), projects, clocks),
        present=looked_up(of_present, present),
        moves=(
            looked_up(of_moves, log.changes["left"].to_numpy()),
            looked_up(of_moves, log.changes["entered"].to_numpy()),
        ),
        rules=_rules(log, projects),
    )


def _rules(log: Log, projects: list[str]) -> Codes:
    if len(projects) == 1:
        return np.zeros(len(log.tickets), dtype=np.int64)
    return by_text(log.tickets["project"], lambda key: projects.index(key) if key in projects[1:] else 0, empty=0)


def _statuses(entries: list[tuple[Meaning, ...]], projects: list[str], clocks: Clocks) -> Statuses:
    shape = (len(projects), len(entries))
    by_rules = [[entry[number] for entry in entries] for number in range(len(projects))]
    clock = [[CLASSES.index(meaning.clock) for meaning in row] for row in by_rules]
    starts = [[clocks.starts(key, one) for one in row] for key, row in zip(projects, by_rules, strict=True)]
    finishes = [[clocks.finishes(key, one) for one in row] for key, row in zip(projects, by_rules, strict=True)]
    return Statuses(
        np.array(clock, dtype=np.uint8).reshape(shape),
        np.array(starts, dtype=bool).reshape(shape),
        np.array(finishes, dtype=bool).reshape(shape),
    )

"""What is wrong with the data, and what that does to the figures: counts, shares, examples, and the figure without.

Nothing is repaired here. A history with holes still has a queue time; who reads the figure sees how far it may be off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.clocks import CLASSES, folded
from analytics.flow import Walk
from analytics.survival import percentiles
from tickets.codec import microseconds

EXAMPLES: Final = 3
BULK: Final = 20  # tickets that enter one status in one minute
_MINUTE: Final = 60_000_000

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Finding:
    """`share` is of all tickets; `examples` are keys. `with_them` and `without` are the median queue time in hours of
    all tickets and of the others (None where there is none)."""

    name: str
    says: str
    count: int
    share: float
    examples: tuple[str, ...]
    effect: str
    with_them: float | None
    without: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"examples": list(self.examples)}


@dataclass(frozen=True, slots=True)
class UnmappedStatus:
    """A status that nobody mapped: how many tickets were in it, and for how long (hours)."""

    name: str
    tickets: int
    hours: float
    affects: str = "queue, active and wait time, flow efficiency: this time counts as none of them"


@dataclass(frozen=True, slots=True)
class Quality:
    """`findings` with at least one ticket, the most frequent first; `misnamed` are names in the rules for starting and
    finishing, or in the map of statuses, that no ticket was ever in."""

    tickets: int
    findings: tuple[Finding, ...]
    unmapped: tuple[UnmappedStatus, ...]
    misnamed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "tickets": self.tickets,
            "findings": [finding.to_json() for finding in self.findings],
            "unmapped_statuses": [asdict(one) for one in self.unmapped],
            "misnamed_statuses": list(self.misnamed),
        }


def quality(walk: Walk, table: pd.DataFrame) -> Quality:
    """Of a walked log; `table` is its `tickets()`, in the order of the log."""
    checks = _checks(walk, table)
    hours, is_over = table["queue_hours"].to_numpy(), ~table["queue_is_open"].to_numpy()
    whole = _median(hours, is_over)
    found = []
    for name, says, effect, flags in checks:
        if not (count := int(flags.sum())):
            continue
        examples = tuple(str(key) for key in table.loc[flags, "key"].head(EXAMPLES))
        without = _median(hours[~flags], is_over[~flags])
        found.append(Finding(name, says, count, count / len(table), examples, effect, whole, without))
    found.sort(key=lambda finding: (-finding.count, finding.name))
    return Quality(len(table), tuple(found), _unmapped(walk), _misnamed(walk))


def _checks(walk: Walk, table: pd.DataFrame) -> Sequence[tuple[str, str, str, Flags]]:
    is_open, has_history = table["is_open"].to_numpy(), table["has_history"].to_numpy()
    facts = _Facts(walk)
    began = table["started_at"].notna() & (table["started_at"] == table["finished_at"])
    no_time = "counts at the creation or at now instead: durations may be short"
    return (
        ("without_history", "came without a history", "no queue time: left out of it", ~has_history),
        (
            "finished_without_start",
            "went straight from the queue to done",
            "queue time runs to the finish and cycle time is 0",
            (began & ~table["is_open"]).to_numpy(),
        ),
        (
            "finish_unknown",
            "finished, and nothing says when",
            "left out of lead and cycle time",
            (~is_open & table["finished_at"].isna().to_numpy()),
        ),
        (
            "broken_history",
            "have a history in which a change does not begin where the one before it ended",
            "time in statuses may be counted for the wrong one",
            facts.is_broken,
        ),
        (
            "torn_history",
            "have a history that does not end in the present status",
            "the resolution date tells the finish instead",
            table["is_torn"].to_numpy(),
        ),
        ("before_creation", "were changed before they were created (imports, clock skew)", no_time, facts.is_early),
        ("in_the_future", "have changes later than now (clock skew)", no_time, facts.is_future),
        ("repeated_changes", "hold a change twice", "counted once in time, twice in reopenings", facts.is_repeated),
        (
            "bulk_edits",
            f"entered a status together with {BULK} or more others in the same minute",
            "starts and finishes of a clean-up say nothing about the work",
            facts.is_bulk(BULK),
        ),
        (
            "parked",
            "left the queue for a wait (blocked, waiting on the requester) before anybody worked on them",
            "their queue time ends at the parking; the time parked counts as wait time",
            facts.is_parked,
        ),
        ("without_type", "carry no request type", "form the group (none)", table["type"].isna().to_numpy()),
        (
            "without_requester",
            "name no requester",
            "count in the default calendar",
            table["reporter"].isna().to_numpy(),
        ),
    )


class _Facts:
    """What is odd about the changes of each ticket; arrays with one flag per ticket."""

    def __init__(self, walk: Walk) -> None:
        self._walk, self._moves, self._number = walk, walk.moves, len(walk.log.tickets)
        self._now = microseconds(walk.now)
        self._row = row = walk.moves.rows()
        self._follows = np.flatnonzero(row[1:] == row[:-1]) + 1  # changes that come after another of their ticket

    def _tickets(self, changes: npt.NDArray[Any]) -> Flags:
        """Those that own these changes (flags or places)."""
        flags = np.zeros(self._number, dtype=bool)
        flags[self._row[changes]] = True
        return flags

    @property
    def is_broken(self) -> Flags:
        moves, later = self._moves, self._follows
        return self._tickets(later[moves.came_from[later] != moves.went_to[later - 1]])

    @property
    def is_early(self) -> Flags:
        return self._tickets(self._moves.at < self._walk.table.created[self._row])

    @property
    def is_future(self) -> Flags:
        return self._tickets(self._moves.at > self._now) | (self._walk.table.created > self._now)

    @property
    def is_repeated(self) -> Flags:
        later, moves = self._follows, self._moves
        columns = (moves.at, moves.came_from, moves.went_to)
        same = np.logical_and.reduce([column[later] == column[later - 1] for column in columns])
        return self._tickets(later[same])

    def is_bulk(self, fewest: int) -> Flags:
        width = len(self._walk.legend.entries) + 1
        keys = self._moves.at // _MINUTE * width + self._moves.went_to
        _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return self._tickets(counts[place] > fewest)

    @property
    def is_parked(self) -> Flags:
        """Whether it was created in the queue, and the first change that leaves that leads to a wait."""
        moves, rules = self._moves, self._walk.table.rules
        clock = self._walk.legend.statuses.clock[rules[self._row], moves.went_to]
        leaving = np.flatnonzero((clock != CLASSES.index("queue")) & (clock != CLASSES.index("unknown")))
        rows = self._row[leaving]
        first = leaving[np.append(True, rows[1:] != rows[:-1])] if len(leaving) else leaving
        waits = [CLASSES.index("requester"), CLASSES.index("blocked")]
        begun = self._walk.legend.statuses.clock[rules, self._walk.table.first]
        is_queued = np.isin(begun, [CLASSES.index("queue"), CLASSES.index("unknown")])
        return self._tickets(first[np.isin(clock[first], waits)]) & is_queued


def _median(hours: npt.NDArray[np.float64], is_over: Flags) -> float | None:
    value = float(percentiles(hours, is_over, shares=(0.5,), confidence=None).estimate[0, 0])
    return value if np.isfinite(value) else None


def _unmapped(walk: Walk) -> tuple[UnmappedStatus, ...]:
    statuses = walk.statuses()
    unknown = statuses[statuses["class"] == "unknown"]
    groups = unknown.groupby("status", observed=True)["hours"].agg(["size", "sum"])
    groups = groups.sort_values("sum", ascending=False)
    return tuple(UnmappedStatus(str(name), int(row["size"]), float(row["sum"])) for name, row in groups.iterrows())


def _misnamed(walk: Walk) -> tuple[str, ...]:
    seen = {folded(entry.name) for entry in walk.legend.entries}
    # A map may call a renamed status by its old name; the rules for starting and finishing may not.
    rules = (walk.clocks.rules, *walk.clocks.projects.values())
    called = {folded(name) for _, name in walk.log.pairs}
    seen |= called & {folded(name) for one in rules for name in one.statuses}
    return tuple(name for name in walk.clocks.named() if folded(name) not in seen)

"""The walk itself: from tickets and status changes as arrays to milestones, stays and daily counts.

A ticket is a sequence of entries: the status it was created in, then one for every change. Everything is computed on
the entries of many tickets at once, as they stand one after another. All instants are microseconds since 1970 (UTC) as
int64; all durations are seconds as float64. docs/how-the-numbers-are-made.md has the definitions in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.calendars import BusinessCalendar, Floats
from analytics.clocks import CLASSES

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

NEVER: Final = np.iinfo(np.int64).min
DAY: Final = 86_400_000_000
SECOND: Final = 1e6
_DONE: Final = CLASSES.index("done")
_UNKNOWN: Final = CLASSES.index("unknown")
_CLOCK, _BEGINS, _FINISHES, _OVER = np.uint8(7), np.uint8(8), np.uint8(16), np.uint8(32)


@dataclass(frozen=True, slots=True)
class Statuses:
    """What each status code means, for each set of rules: arrays of shape (rules, codes). `clock` indexes CLASSES."""

    clock: npt.NDArray[np.uint8]
    starts: Flags
    finishes: Flags

    def bits(self) -> npt.NDArray[np.uint8]:
        """All of it in one number, so that it is looked up once: the clock, and whether the status starts or finishes,
        finishes, and is over (done, or what the rules call finished)."""
        over = self.finishes | (self.clock == _DONE)
        flags = (self.starts | self.finishes) * _BEGINS + self.finishes * _FINISHES + over * _OVER
        return np.asarray(self.clock | flags.astype(np.uint8))


@dataclass(frozen=True, slots=True)
class Tickets:
    """One entry per ticket. `status`: code of the present one; `first`: of the one it was created in; `resolved`:
    NEVER where it has no such date; `responded`: the first answer, or NEVER; `rules` and `calendar` index what applies;
    `counts`: its changes."""

    created: Ints
    resolved: Ints
    responded: Ints
    status: Codes
    first: Codes
    has_history: Flags
    rules: Codes
    calendar: Codes
    counts: Ints

    def part(self, low: int, high: int) -> Tickets:
        return Tickets(*(getattr(self, name)[low:high] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of tickets: an entry for each. Instants NEVER and durations NaN where something has not happened or is
    unknown. `business_…` are seconds from the creation to the start, the finish, the first answer and now; `in_class`
    and `business_in_class` have shape (tickets, CLASSES), seconds."""

    started: Ints
    finished: Ints
    is_finished: Flags
    business_queue: Floats
    business_lead: Floats
    business_first_response: Floats
    business_age: Floats
    in_class: Floats
    business_in_class: Floats
    reopenings: npt.NDArray[np.int32]
    unknown_entries: npt.NDArray[np.int32]
    is_torn: Flags

    @classmethod
    def blank(cls, number: int) -> Outcomes:
        """To be filled part by part: arrays of all tickets get the large pages that those of a part would not."""
        shapes = {"in_class": (number, len(CLASSES)), "business_in_class": (number, len(CLASSES))}
        kinds = {"started": np.int64, "finished": np.int64, "is_finished": np.bool_, "is_torn": np.bool_}
        kinds |= {"reopenings": np.int32, "unknown_entries": np.int32}
        names: Sequence[str] = cls.__slots__
        return cls(*(np.empty(shapes.get(name, (number,)), kinds.get(name, np.float64)) for name in names))

    def part(self, low: int, high: int) -> Outcomes:
        return Outcomes(*(getattr(self, name)[low:high] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Sums:
    """What came of some tickets together. `stays` are rows of (ticket number, status code, visits, seconds, business
    seconds), empty unless wanted; `totals` has shape (statuses, 3), the same summed over the tickets; `daily` has shape
    (days, CLASSES): the change of the number of tickets in each class on each day; `arrived` and `finished` have shape
    (days,): how many did on each day."""

    stays: tuple[npt.NDArray[Any], ...]
    totals: Floats
    daily: Ints
    arrived: Ints
    finished: Ints


@dataclass(frozen=True, slots=True)
class Ground:
    """What holds for all tickets. `bits` are those of `Statuses`; `first_day` is the day (since 1970) at which daily
    counts begin, `days` how many."""

    bits: npt.NDArray[np.uint8]
    calendars: Sequence[BusinessCalendar]
    now: int
    first_day: int
    days: int
    wants_stays: bool


def walk(tickets: Tickets, at: Ints, came_from: Codes, went_to: Codes, ground: Ground, into: Outcomes) -> Sums:
    """`at`, `came_from` and `went_to` are the changes of these tickets in order, one ticket's after another's; fills
    `into`. Raises CalendarRange."""
    entries = _Entries(tickets, at, went_to, ground)
    into.finished[:], into.is_finished[:] = entries.finishes()
    end = np.where(into.is_finished, into.finished, ground.now)
    into.started[:] = entries.starts(into.finished, end)
    into.reopenings[:] = entries.reopenings(came_from)
    into.unknown_entries[:] = entries.unknown()
    into.is_torn[:] = entries.torn()
    stays = _Stays(entries, end, ground)
    stays.tell_milestones(into)
    stays.tell_classes(into.in_class, stays.seconds)
    stays.tell_classes(into.business_in_class, stays.business)
    return Sums(
        stays=stays.by_status() if ground.wants_stays else (),
        totals=stays.totals(),
        daily=entries.daily(),
        arrived=entries.by_day(tickets.created),
        finished=entries.by_day(into.finished[into.finished != NEVER]),
    )


class _Entries:
    """The entries of all tickets, one after another; `head` and `last` are each ticket's first and last."""

    def __init__(self, tickets: Tickets, at: Ints, went_to: Codes, ground: Ground) -> None:
        self.tickets, self.ground = tickets, ground
        number = len(tickets.created)
        self.sizes = tickets.counts + 1
        self.last = np.cumsum(self.sizes) - 1
        self.head = self.last - tickets.counts
        self.row = np.repeat(np.arange(number), self.sizes)
        self.created = np.minimum(tickets.created, ground.now)
        self.is_change = np.ones(len(self.row), dtype=bool)
        self.is_change[self.head] = False
        # Changes before the creation (imports keep old histories) count as the creation, later ones than now as now.
        earliest = np.repeat(self.created, self.sizes)
        self.at = earliest.copy()
        self.at[self.is_change] = np.minimum(at, ground.now)
        np.maximum(self.at, earliest, out=self.at)
        self.status = np.empty(len(self.row), dtype=tickets.first.dtype)
        self.status[self.head] = tickets.first
        self.status[self.is_change] = went_to
        self.bits = self._meaning(self.status, self.row)
        self.clock = self.bits & _CLOCK
        self.present = self._meaning(tickets.status, None)

    def _meaning(self, status: Codes, row: Codes | None) -> npt.NDArray[np.uint8]:
        bits, rules = self.ground.bits, self.tickets.rules
        if len(bits) == 1:
            return np.asarray(bits[0].take(status))
        return np.asarray(bits[rules if row is None else rules[row], status])

    def finishes(self) -> tuple[Ints, Flags]:
        """The finish of each ticket, and whether it is finished: the first entry to a finishing status in the run of
        done statuses that its history ends in."""
        tickets, present, resolved = self.tickets, self.present, self.tickets.resolved
        is_not_over = (self.bits & _OVER) == 0
        run = np.append(-1, np.flatnonzero(is_not_over))[_before(is_not_over)[self.last + 1]] + 1
        first, is_there = self._first(_FINISHES, np.maximum(run, self.head))
        is_told = is_there & tickets.has_history
        is_done = ((present & _OVER) != 0) & (((present & _FINISHES) != 0) | is_told)
        is_finished = np.where((present & _CLOCK) != _UNKNOWN, is_done, resolved != NEVER)
        witness = np.where(resolved == NEVER, NEVER, np.clip(resolved, self.created, self.ground.now))
        finished = np.where(is_told, self.at[first], witness)
        return np.where(is_finished, finished, NEVER), is_finished

    def starts(self, finished: Ints, end: Ints) -> Ints:
        """The first entry that starts or finishes; where there is none, the finish."""
        first, is_there = self._first(_BEGINS, self.head)
        started = np.where(is_there, self.at[first], finished)
        started = np.where((started != NEVER) & (end != NEVER), np.minimum(started, end), started)
        return np.where(self.tickets.has_history, started, NEVER)

    def _first(self, bit: np.uint8, since: Ints) -> tuple[Ints, Flags]:
        """The first entry with this bit of each ticket from its entry `since` on; whether there is one."""
        is_flagged = (self.bits & bit) != 0
        flagged = np.append(np.flatnonzero(is_flagged), len(self.bits))
        found = flagged[_before(is_flagged)[since]]
        is_there = found <= self.last
        return np.where(is_there, found, 0), is_there

    def reopenings(self, came_from: Codes) -> npt.NDArray[np.int32]:
        changed = self.row[self.is_change] if len(self.ground.bits) > 1 else None
        left = self._meaning(came_from, changed)
        is_reopened = ((left & _FINISHES) != 0) & ((self.bits[self.is_change] & _OVER) == 0)
        row = np.searchsorted(np.cumsum(self.tickets.counts), np.flatnonzero(is_reopened), side="right")
        return np.bincount(row, minlength=len(self.sizes)).astype(np.int32)

    def unknown(self) -> npt.NDArray[np.int32]:
        """How many entries lead to statuses that nobody mapped; the present status counts where it is one."""
        of_history = np.bincount(self.row[self.clock == _UNKNOWN], minlength=len(self.sizes))
        found = np.where(self.tickets.has_history, of_history, (self.present & _CLOCK) == _UNKNOWN)
        return found.astype(np.int32)

    def torn(self) -> Flags:
        """Whether the history does not end in the present status."""
        return np.asarray(self.tickets.has_history & (self.status[self.last] != self.tickets.status))

    def by_day(self, at: Ints) -> Ints:
        """How many of these instants are on each day; later ones count on the last."""
        days = self.ground.days
        return np.bincount(np.minimum(at // DAY - self.ground.first_day, days - 1), minlength=days)

    def daily(self) -> Ints:
        """By day and class: entries less departures. Tickets without history are left out."""
        width, shape = len(CLASSES), (self.ground.days, len(CLASSES))
        into = (self.at // DAY - self.ground.first_day) * width
        out = into.copy()
        out[1:] += self.clock[:-1]
        into += self.clock
        heads = out[self.head]
        if not self.tickets.has_history.all():
            known = self.tickets.has_history[self.row]
            into, out, heads = into[known], out[known], heads[self.tickets.has_history]
        came, gone, never_left = (np.bincount(cells, minlength=shape[0] * width) for cells in (into, out, heads))
        return np.asarray((came - gone + never_left).reshape(shape))


class _Stays:
    """How long each entry lasted, in `seconds` and `business` seconds; NaN ends are handled at the tickets."""

    def __init__(self, entries: _Entries, end: Ints, ground: Ground) -> None:
        self.entries, self.ground = entries, ground
        self.is_known = entries.tickets.has_history & (end != NEVER)
        self.end = np.where(end == NEVER, entries.at[entries.last], end)
        # What was entered after the end (a second done status, a history past the resolution) lasts no time.
        at = np.minimum(entries.at, np.repeat(self.end, entries.sizes))
        self.seconds = self._lasting(at, self.end) / SECOND
        self.calendar = entries.tickets.calendar
        sums = self._business(at, self.calendar[entries.row] if len(ground.calendars) > 1 else None)
        self.sums_at_end = self._business(self.end, self.calendar)
        self.sums_at_start = sums[entries.head]
        self.business = self._lasting(sums, self.sums_at_end)
        self.class_key = entries.row * len(CLASSES) + entries.clock

    def _lasting(self, since: npt.NDArray[Any], end: npt.NDArray[Any]) -> npt.NDArray[Any]:
        until = np.empty_like(since)
        until[:-1] = since[1:]
        until[self.entries.last] = end
        return np.asarray(until - since)

    def _business(self, at: Ints, which: Codes | None) -> Floats:
        """f(t) of each instant in the calendar that applies to it."""
        calendars = self.ground.calendars
        if which is None or len(calendars) == 1:
            return calendars[0].elapsed(at)
        sums = np.empty(len(at), dtype=np.float64)
        for index in np.unique(which):
            chosen = which == index
            sums[chosen] = calendars[index].elapsed(at[chosen])
        return sums

    def tell_classes(self, table: Floats, seconds: Floats) -> None:
        table[:] = np.bincount(self.class_key, weights=seconds, minlength=table.size).reshape(table.shape)
        table[~self.is_known] = np.nan

    def totals(self) -> Floats:
        entries, width = self.entries, self.ground.bits.shape[1]
        status, seconds, business = entries.status, self.seconds, self.business
        if not self.is_known.all():
            kept = self.is_known[entries.row]
            status, seconds, business = status[kept], seconds[kept], business[kept]
        sums = [np.bincount(status, weights=weights, minlength=width) for weights in (None, seconds, business)]
        return np.stack(sums, axis=1).astype(np.float64)

    def by_status(self) -> tuple[npt.NDArray[Any], ...]:
        entries, width = self.entries, self.ground.bits.shape[1]
        key = entries.row * width + entries.status
        size = len(self.end) * width
        visits = np.bincount(key, minlength=size)
        seen = np.flatnonzero(visits > 0)
        row = seen // width
        status = seen - row * width
        kept = self.is_known[row]
        seconds = np.bincount(key, weights=self.seconds, minlength=size)[seen]
        business = np.bincount(key, weights=self.business, minlength=size)[seen]
        return (
            row[kept],
            status[kept].astype(np.int32),
            visits[seen][kept].astype(np.int32),
            seconds[kept],
            business[kept],
        )

    def tell_milestones(self, into: Outcomes) -> None:
        now = np.array([calendar.elapsed(np.array([self.ground.now]))[0] for calendar in self.ground.calendars])
        into.business_queue[:] = self._since_creation(into.started)
        into.business_lead[:] = np.where(into.finished != NEVER, self.sums_at_end - self.sums_at_start, np.nan)
        into.business_first_response[:] = self._since_creation(self.entries.tickets.responded)
        into.business_age[:] = now[self.calendar] - self.sums_at_start

    def _since_creation(self, at: Ints) -> Floats:
        known = at != NEVER
        sums = self._business(np.where(known, at, self.entries.created), self.calendar)
        return np.where(known, sums - self.sums_at_start, np.nan)


def _before(flags: Flags) -> npt.NDArray[np.int32]:
    """How many are set before each; the last says how many in all."""
    found = np.zeros(len(flags) + 1, dtype=np.int32)
    np.cumsum(flags.view(np.uint8), out=found[1:])
    return found

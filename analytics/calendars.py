"""Business time: one function f(t) per calendar, exact across daylight saving.

f(t) is the number of business seconds from the calendar's first midnight to t. Around each shift it stands still, rises
from the opening to the closing, and stands still again; which shift is next to an instant is read from a table of even
steps, twice as quick as searching for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from analytics.errors import BadFrame, CalendarRange

Instants = npt.NDArray[np.datetime64] | pd.Series | pd.DatetimeIndex
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_NOT_A_TIME, _LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_MOST_STEPS = 2**16  # half a megabyte of table
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class BusinessCalendar:
    """Working shifts of a time zone, from the midnight that begins `first` to the one that ends `last`.

    `hours` maps a weekday (0 = Monday) to its shifts as (open, close) local times. A shift that closes at or
    before its opening ends on the next day. `holidays` are the local dates on which no shift begins; `days` maps
    local dates to the shifts that they have instead of their weekday's (half days). A local time that the clocks
    skip counts as the same time after the jump; one that they repeat counts the first time (PEP 495, fold 0).

    Raises ValueError for shifts that overlap, a weekday outside 0–6, or `last` before `first`.
    """

    def __init__(
        self,
        zone: str,
        hours: Mapping[int, Sequence[tuple[time, time]]],
        holidays: Collection[date],
        first: date,
        last: date,
        *,
        days: Mapping[date, Sequence[tuple[time, time]]] | None = None,
    ) -> None:
        if last < first:
            raise ValueError(f"a calendar cannot end ({last}) before it begins ({first})")
        if wrong := sorted(day for day in hours if day not in range(7)):
            raise ValueError(f"weekdays are 0 (Monday) to 6 (Sunday), not {wrong}")
        self.zone = zone
        self.hours = {day: tuple(shifts) for day, shifts in hours.items()}
        self.holidays = frozenset(holidays)
        self.days = {day: tuple(shifts) for day, shifts in (days or {}).items()}
        self.first = first
        self.last = last
        _refuse_overlaps(self.hours, self.days)
        self._zone = ZoneInfo(zone)
        self._begin = self._instant(first, time(0))
        self._end = self._instant(last + timedelta(days=1), time(0))
        self._shifts = self._build()
        self._table = _Table(self._shifts, self._begin, self._end) if len(self._shifts) else None

    def business_seconds(self, starts: Instants, ends: Instants) -> Floats:
        """Business seconds from each start to its end: float64, negative where the end comes first, NaN for
        NaT.

        Takes datetime64 arrays (UTC, as numpy has no zones) or pandas values with a time zone. Raises
        BadFrame for pandas values without one, CalendarRange for an instant outside the calendar.
        """
        return self._read(_microseconds(ends)) - self._read(_microseconds(starts))

    def business_hours(self, starts: Instants, ends: Instants) -> Floats:
        """As `business_seconds`, in hours."""
        return self.business_seconds(starts, ends) / 3600.0

    def elapsed(self, at: Ints) -> Floats:
        """f(t): business seconds from the calendar's beginning to each instant, given as microseconds since 1970
        (UTC). Raises CalendarRange."""
        if at.size and (at.min() < self._begin or at.max() > self._end):
            culprit = EPOCH + int(at[(at < self._begin) | (at > self._end)][0]) * MICROSECOND
            raise CalendarRange(
                f"the business calendar covers {self.first} to {self.last} ({self.zone}), not "
                f"{culprit.isoformat()}; "
                "build it over all the time that the tickets span"
            )
        return np.zeros(at.shape) if self._table is None else self._table.seconds_until(at)

    def business_seconds_between(self, start: datetime, end: datetime) -> float:
        """As `business_seconds`, for two instants. Raises ValueError for a naive one."""
        low, high = self.elapsed(np.array([_aware(start), _aware(end)], dtype=np.int64))
        return float(high - low)

    def shifts(self) -> Sequence[tuple[datetime, datetime]]:
        """Every shift as (opens, closes) in UTC, in order, cut at the ends of the calendar."""
        return [(EPOCH + opens * MICROSECOND, EPOCH + closes * MICROSECOND) for opens, closes in self._shifts.tolist()]

    def _read(self, at: Ints) -> Floats:
        """f(t), NaN for NaT."""
        is_known = at != _NOT_A_TIME
        return np.where(is_known, self.elapsed(np.where(is_known, at, self._begin)), np.nan)

    def _build(self) -> Ints:
        """Shape (shifts, 2): openings and closings in microseconds since 1970."""
        spans: list[tuple[int, int]] = []
        day = self.first - timedelta(days=1)  # its night shift may reach into the first day
        while day <= self.last:
            shifts = () if day in self.holidays else self.days.get(day, self.hours.get(day.weekday(), ()))
            spans.extend(self._span(day, shift) for shift in shifts)
            day += timedelta(days=1)
        merged: list[tuple[int, int]] = []
        for opened, closed in sorted(spans):  # clocks that are changed can push one shift into the next
            if merged and opened < merged[-1][1]:
                opened = merged[-1][1]
            merged.append((opened, max(opened, closed)))
        cut = [(max(opened, self._begin), min(closed, self._end)) for opened, closed in merged]
        return np.array([span for span in cut if span[0] < span[1]], dtype=np.int64).reshape(-1, 2)

    def _span(self, day: date, shift: tuple[time, time]) -> tuple[int, int]:
        opens, closes = shift
        end_day = day + timedelta(days=1) if closes <= opens else day
        return self._instant(day, opens), self._instant(end_day, closes)

    def _instant(self, day: date, at: time) -> int:
        local = datetime.combine(day, at, tzinfo=self._zone)
        return (local.astimezone(UTC) - EPOCH) // MICROSECOND


class _Table:
    """f(t) around each shift: the instant, held between the opening and the closing, plus an offset. From the closing
    before it to the opening after it this gives the same for both neighbours."""

    def __init__(self, shifts: Ints, begin: int, end: int) -> None:
        opens, closes = (np.ascontiguousarray(column) for column in shifts.T)
        self._begin, self._opens, self._closes = begin, opens, closes
        self._offsets = np.cumsum(closes - opens) - closes
        self._next_opens = np.append(opens[1:], _LATEST)
        shortest = int((opens[1:] - closes[:-1]).min(initial=end - begin))
        # Steps no longer than the shortest break touch one shift each, unless the table would be too long.
        self._shift = max(max(shortest, 1).bit_length() - 1, ((end - begin) // _MOST_STEPS).bit_length())
        starts = begin + (np.arange(((end - begin) >> self._shift) + 1) << self._shift)
        self._first = np.minimum(np.searchsorted(closes, starts, side="right"), len(opens) - 1)
        ends = np.searchsorted(opens, starts + (1 << self._shift)) - 1
        self._further = int((ends - self._first).max(initial=0))

    def seconds_until(self, at: Ints) -> Floats:
        """Of instants within the calendar."""
        step = at - self._begin
        step >>= self._shift
        place = self._first.take(step, mode="clip")
        for _ in range(self._further):
            place += at > self._next_opens.take(place, mode="clip")
        held = np.maximum(at, self._opens.take(place, mode="clip"))
        np.minimum(held, self._closes.take(place, mode="clip"), out=held)
        held += self._offsets.take(place, mode="clip")
        return np.asarray(held / 1e6)


def _refuse_overlaps(
    hours: Mapping[int, Sequence[tuple[time, time]]], days: Mapping[date, Sequence[tuple[time, time]]]
) -> None:
    """Raises ValueError where shifts overlap on the wall clock; a night shift may run into the next day's."""

    def placed(day: int, shifts: Sequence[tuple[time, time]]) -> list[tuple[int, int]]:
        starts = [(day * 1440 + opens.hour * 60 + opens.minute, opens, closes) for opens, closes in shifts]
        return [
            (at, at + ((closes.hour - opens.hour) * 60 + closes.minute - opens.minute - 1) % 1440 + 1)
            for at, opens, closes in starts
        ]

    week = [span for day, shifts in hours.items() for span in placed(day, shifts)]
    week += [(opened + 7 * 1440, closed + 7 * 1440) for opened, closed in week if opened < 1440]
    for date_of, spans in ((None, week), *((day, placed(0, shifts)) for day, shifts in days.items())):
        for (_, closed), (opened, _) in pairwise(sorted(spans)):
            if opened < closed:
                day, minute = divmod(opened, 1440)
                where = date_of or _WEEKDAYS[day % 7]
                raise ValueError(f"two shifts overlap on {where} at {minute // 60:02}:{minute % 60:02}")


def office_hours(
    zone: str = "UTC",
    start: time = time(9),
    end: time = time(17),
    weekdays: Collection[int] = (0, 1, 2, 3, 4),
    holidays: Collection[date] = frozenset(),
    *,
    first: date,
    last: date,
) -> BusinessCalendar:
    """One shift on each of `weekdays` (0 = Monday): eight hours from nine unless told otherwise."""
    return BusinessCalendar(zone, dict.fromkeys(weekdays, ((start, end),)), holidays, first, last)


def public_holidays(country: str, subdivision: str | None, first: date, last: date) -> dict[date, str]:
    """The public holidays of a country (ISO 3166-1 alpha-2) or of a part of it, with their names, from the
    `holidays` package, for the years that `first` to `last` touch. Raises ValueError for a place that it does not
    know, saying what it does."""
    import holidays

    known = holidays.list_supported_countries()
    if country not in known:
        raise ValueError(f"no holidays are known of {country!r}; allowed: two letters of a country, like DE, US or IN")
    if subdivision is not None and subdivision not in known[country]:
        allowed = ", ".join(sorted(known[country])) or "none: leave it out"
        raise ValueError(f"no holidays are known of {country}-{subdivision}; parts of {country}: {allowed}")
    return dict(holidays.country_holidays(country, subdiv=subdivision, years=range(first.year, last.year + 1)))


def _aware(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return (at - EPOCH) // MICROSECOND


def _microseconds(at: Any) -> Ints:
    """Microseconds since 1970."""
    if isinstance(at, pd.Series | pd.DatetimeIndex):
        if getattr(at.dtype, "tz", None) is None:
            raise BadFrame(f"the times {at.name!r} have no time zone; instants are aware UTC")
        naive = at.dt.tz_convert("UTC").dt.tz_localize(None) if isinstance(at, pd.Series) else at.tz_convert(None)
        at = naive.to_numpy(dtype="datetime64[us]")
    return np.asarray(at, dtype="datetime64[us]").astype(np.int64)

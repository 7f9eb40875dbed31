"""Business time: one function f(t) per calendar, exact across daylight saving.

f(t) is the number of business seconds from the calendar's first midnight to t. It is piecewise linear between
the opening and closing edges, so it is held as those edges (UTC) with their prefix sums and read by
`np.interp`.
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

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
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
        self._edges, self._sums = self._build()

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

    def elapsed(self, at: npt.NDArray[np.int64]) -> Floats:
        """f(t): business seconds from the calendar's beginning to each instant, given as microseconds since 1970
        (UTC). Raises CalendarRange."""
        return self._read(at.astype(np.float64))

    def business_seconds_between(self, start: datetime, end: datetime) -> float:
        """As `business_seconds`, for two instants. Raises ValueError for a naive one."""
        both = np.array([_aware(start), _aware(end)], dtype=np.float64)
        low, high = self._read(both)
        return float(high - low)

    def shifts(self) -> Sequence[tuple[datetime, datetime]]:
        """Every shift as (opens, closes) in UTC, in order, cut at the ends of the calendar."""
        instants = [EPOCH + int(edge) * MICROSECOND for edge in self._edges]
        return list(zip(instants[0::2], instants[1::2], strict=True))

    def _read(self, at: Floats) -> Floats:
        # NaN compares as false: what is unknown lies outside of nothing.
        if at.size and (np.fmin.reduce(at) < self._begin or np.fmax.reduce(at) > self._end):
            outside = (at < self._begin) | (at > self._end)
            culprit = EPOCH + int(at[outside][0]) * MICROSECOND
            raise CalendarRange(
                f"the business calendar covers {self.first} to {self.last} ({self.zone}), not "
                f"{culprit.isoformat()}; "
                "build it over all the time that the tickets span"
            )
        if not len(self._edges):
            return np.where(np.isnan(at), np.nan, 0.0)
        return np.asarray(np.interp(at, self._edges, self._sums), dtype=np.float64)

    def _build(self) -> tuple[Floats, Floats]:
        """Edges in microseconds since 1970 (open, close, open, …) and the business seconds before
        each.
        """
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
        edges = np.array([span for span in cut if span[0] < span[1]], dtype=np.float64)
        if not len(edges):
            return np.empty(0), np.empty(0)
        lengths = edges[:, 1] - edges[:, 0]
        sums = np.empty_like(edges)
        sums[:, 1] = np.cumsum(lengths)
        sums[:, 0] = sums[:, 1] - lengths
        return edges.ravel(), sums.ravel() / 1e6

    def _span(self, day: date, shift: tuple[time, time]) -> tuple[int, int]:
        opens, closes = shift
        end_day = day + timedelta(days=1) if closes <= opens else day
        return self._instant(day, opens), self._instant(end_day, closes)

    def _instant(self, day: date, at: time) -> int:
        local = datetime.combine(day, at, tzinfo=self._zone)
        return (local.astimezone(UTC) - EPOCH) // MICROSECOND


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


def _microseconds(at: Any) -> Floats:
    """Microseconds since 1970 as float64 (exact until the year 2255), NaN for NaT."""
    if isinstance(at, pd.Series | pd.DatetimeIndex):
        if getattr(at.dtype, "tz", None) is None:
            raise BadFrame(f"the times {at.name!r} have no time zone; instants are aware UTC")
        naive = at.dt.tz_convert("UTC").dt.tz_localize(None) if isinstance(at, pd.Series) else at.tz_convert(None)
        at = naive.to_numpy(dtype="datetime64[us]")
    values = np.asarray(at, dtype="datetime64[us]")
    return np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))

"""When people work: office hours on their own clock, without weekends and public holidays."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from holidays import country_holidays

from sandbox.site import HOLIDAYS_OF

FIRST_YEAR = 2000
EPOCH = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
OPENS, CLOSES = time(9), time(17)


class WorkingTime:
    """Monday to Friday, 09:00 to 17:00 of a time zone, on no public holiday of the country.

    The table of shifts grows year by year with what is asked. Dates before FIRST_YEAR raise ValueError.
    """

    def __init__(self, zone: str, country: str) -> None:
        self.zone = ZoneInfo(zone)
        self._country = country
        self._holidays: set[date] = set()
        self._opens: list[float] = []  # seconds since EPOCH
        self._closes: list[float] = []
        self._before: list[float] = []  # working seconds until the shift opens
        self._worked = 0.0
        self._years = FIRST_YEAR

    def is_holiday(self, day: date) -> bool:
        while self._years <= day.year:
            self._add_year()
        return day in self._holidays

    def is_workday(self, day: date) -> bool:
        return day.weekday() < 5 and not self.is_holiday(day)

    def is_open(self, at: datetime) -> bool:
        """Whether people are at work; the moment of closing counts."""
        shift, since = self._shift(at)
        return shift >= 0 and since <= self._closes[shift]

    def seconds(self, at: datetime) -> float:
        """Working seconds from FIRST_YEAR to `at`. ValueError if it is naive or earlier."""
        shift, since = self._shift(at)
        if shift < 0:
            return 0.0
        return self._before[shift] + min(since, self._closes[shift]) - self._opens[shift]

    def instant(self, seconds: float) -> datetime:
        """When so many working seconds have passed, aware UTC; at the end of a shift the next one's opening."""
        while self._worked <= seconds:
            self._add_year()
        shift = bisect_right(self._before, seconds) - 1
        return EPOCH + timedelta(seconds=self._opens[shift] + seconds - self._before[shift])

    def after(self, at: datetime, seconds: float) -> datetime:
        """The instant so many working seconds after `at`; with 0 the next moment of work."""
        return self.instant(self.seconds(at) + seconds)

    def at(self, day: date, of_day: time) -> datetime:
        """That time on that day's local clock, aware UTC."""
        return datetime.combine(day, of_day, self.zone).astimezone(UTC)

    def _shift(self, at: datetime) -> tuple[int, float]:
        """The last shift that has opened (-1: none), and the seconds from EPOCH to `at`."""
        if at.tzinfo is None:
            raise ValueError(f"{at!r} has no time zone")
        if at < EPOCH:
            raise ValueError(f"{at} is before {FIRST_YEAR}: the sandbox's calendars begin there")
        while self._years <= at.year + 1:
            self._add_year()
        since = (at - EPOCH).total_seconds()
        return bisect_right(self._opens, since) - 1, since

    def _add_year(self) -> None:
        year, self._years = self._years, self._years + 1
        self._holidays.update(country_holidays(self._country, years=year))
        for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
            day = date(year, 1, 1) + timedelta(days=number)
            if day.weekday() >= 5 or day in self._holidays:
                continue
            opens, closes = ((self.at(day, of_day) - EPOCH).total_seconds() for of_day in (OPENS, CLOSES))
            self._opens.append(opens)
            self._closes.append(closes)
            self._before.append(self._worked)
            self._worked += closes - opens


@cache
def office(zone: str) -> WorkingTime:
    """The working time of one of the sandbox's places. Raises KeyError for another one."""
    return WorkingTime(zone, HOLIDAYS_OF[zone])


BERLIN = office("Europe/Berlin")
NEW_YORK = office("America/New_York")

"""Dates as exports write them: by the clock on somebody's wall, mostly without a time zone.

Read are the year first (`2026-02-03 09:41`, `2026-02-03T09:41:00.000+0100`), a month's name (`03/Feb/26 9:41 AM`, also
in Dutch, French, German, Italian, Portuguese and Spanish), numbers only (`3/2/2026 9:41`: which of them is the day
must be known), and epoch seconds or milliseconds. A day without its time is no instant and is refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from re import Match
from typing import Literal
from zoneinfo import ZoneInfo

from tickets.errors import ExportError, Unreadable
from tickets.shapes import read_instant

Order = Literal["day", "month"]

# Folded: no accents, no case, no full stop. A line per month.
_MONTHS = {
    word: number
    for number, words in enumerate(
        """jan january januar janv janvier ene enero gen gennaio janeiro januari
        feb february februar fevr fevrier febrero febbraio fev fevereiro februari
        mar march marz mrz mars marzo marco mrt maart
        apr april avr avril abr abril aprile
        may mai mayo mag maggio maio mei
        jun june juni juin junio giu giugno junho
        jul july juli juil juillet julio lug luglio julho
        aug august aout ago agosto augustus
        sep sept september septembre septiembre set settembre setembro
        oct october okt oktober octobre octubre ott ottobre out outubro
        nov november novembre noviembre novembro
        dec december dez dezember decembre dic diciembre dicembre dezembro""".splitlines(),
        start=1,
    )
    for word in words.split()
}
_GAP = r"(?u:\s)"  # Java writes a narrow no-break space before AM; everything else is ASCII
_TIME = (
    rf"[T ,]{_GAP}*(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{{1,9}}))?)?"
    rf"{_GAP}*(?P<half>[AaPp]\.?{_GAP}?[Mm]\.?)?{_GAP}*(?P<offset>Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?"
)
_YEAR = r"(?P<year>\d{4}|\d\d)"
_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_TIME}", re.ASCII
)
_NAMED = re.compile(rf"(?P<day>\d{{1,2}})[-/. ]{{1,2}}(?P<name>(?u:[^\W\d_]{{1,12}}))\.?[-/. ]{_YEAR}{_TIME}", re.ASCII)
_NUMBERS = re.compile(rf"(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark){_YEAR}{_TIME}", re.ASCII)
_EPOCH = re.compile(r"\d{9,10}(?:\.\d{1,9})?|\d{12,13}", re.ASCII)
_EXAMPLES = "write it like 2026-02-03 09:41, 03/Feb/26 9:41 AM or epoch seconds"


@dataclass(frozen=True)
class WallClock:
    """`zone` is the clock's, for times that name no offset; an hour that the clocks repeat counts as its first.

    `order` says which number comes first where dates are numbers only and nothing but a full stop tells (`3.2.2026`
    is the day first). None: then such a date raises instead of being guessed.
    """

    zone: ZoneInfo
    order: Order | None = None
    _known: dict[str, datetime] = field(default_factory=dict, repr=False, compare=False)

    def read(self, text: str, what: str) -> datetime:
        """The aware UTC instant that the text names. Raises Unreadable, naming `what`, for anything else, and
        ExportError (the whole file is in doubt) where the order of day and month is unknown or contradicted."""
        words = text.strip()
        known = self._known.get(words)
        if known is None:
            known = self._instant(words, what)
            if len(self._known) >= 1 << 16:  # dates repeat near each other
                self._known.clear()
            self._known[words] = known
        return known

    def _instant(self, words: str, what: str) -> datetime:
        if not words:
            raise Unreadable(f"{what} is missing")
        if _EPOCH.fullmatch(words):
            return read_instant(float(words) if "." in words else int(words), what)
        try:
            return self._placed(*_parts(words, self.order), words, what)
        except ValueError as error:  # no such day, hour or month
            raise Unreadable(f"{what} is {words[:60]!r}, which is no date that can be read: {error}") from error

    def _placed(self, wall: datetime, offset: str | None, words: str, what: str) -> datetime:
        if offset is None and self.zone.key == "UTC":
            return wall.replace(tzinfo=UTC)
        zone = self.zone if offset is None else _fixed(offset)
        try:
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            back = at.astimezone(zone).replace(tzinfo=None)
        except OverflowError as error:
            raise ValueError("its year is out of range") from error
        if back != wall:
            raise Unreadable(
                f"{what} is {words!r}, an hour that {self.zone.key} skipped when its clocks went forward: "
                "name the right one with --time-zone"
            )
        return at


def is_in_numbers(text: str) -> bool:
    """Whether this is a date whose day and month only their order tells apart."""
    found = _NUMBERS.fullmatch(text.strip())
    return found is not None and found["mark"] != "."


def _parts(words: str, order: Order | None) -> tuple[datetime, str | None]:
    """The naive time and the offset's text. Raises ValueError with the reason."""
    if found := _YEAR_FIRST.fullmatch(words):
        day, month = int(found["day"]), int(found["month"])
    elif found := _NAMED.fullmatch(words):
        day, month = int(found["day"]), _month(found["name"])
    elif found := _NUMBERS.fullmatch(words):
        day, month = _by_order(found, words, order)
    else:
        raise ValueError(_EXAMPLES)
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    second = int(found["second"] or 0)
    wall = datetime(_year(found["year"]), month, day, _hour(found), int(found["minute"]), second, int(fraction or 0))  # noqa: DTZ001 - the caller places it
    return wall, found["offset"]


def _month(name: str) -> int:
    number = _MONTHS.get(_folded(name.casefold()))
    if number is None:
        raise ValueError(f"the month {name!r} is not known; export with an English profile")
    return number


@lru_cache(maxsize=256)
def _folded(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter))


def _by_order(found: Match[str], words: str, order: Order | None) -> tuple[int, int]:
    one, two = int(found["one"]), int(found["two"])
    if max(one, two) > 31 or min(one, two) > 12:
        raise ValueError("it has no month")
    told = order or ("day" if found["mark"] == "." else None)
    if told is None:
        hint = "" if max(one, two) <= 12 else f" (here: --{'dayfirst' if one > 12 else 'monthfirst'})"
        raise ExportError(f"the date {words!r} may be read two ways: say --dayfirst or --monthfirst{hint}")
    day, month = (one, two) if told == "day" else (two, one)
    if month > 12:
        said = f"--{told}first was said" if order else "a date with full stops has the day first"
        raise ExportError(
            f"the date {words!r} has no month {month}, but {said}: "
            f"say --{'monthfirst' if told == 'day' else 'dayfirst'}, if the file has one order throughout"
        )
    return day, month


def _year(words: str) -> int:
    year = int(words)
    return year if len(words) == 4 else year + (2000 if year < 70 else 1900)


def _hour(found: Match[str]) -> int:
    hour, half = int(found["hour"]), found["half"]
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"the hour {hour} has no {half}")
    return hour % 12 + (12 if half[0] in "pP" else 0)


def _fixed(offset: str) -> timezone:
    if offset in ("Z", "UTC", "GMT"):
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    if int(digits[:2]) > 14 or int(digits[2:]) > 59:
        raise ValueError(f"no place on Earth is {offset} off")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-ahead if offset[0] == "-" else ahead)

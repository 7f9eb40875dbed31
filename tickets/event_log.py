"""Reads a log of status changes of any ticket system: a CSV whose rows say ticket, status and time.

A row is a snapshot of its ticket at its time. A change of status is what differs between consecutive rows of a ticket,
so rows may repeat a status, stand anywhere in the files, and come twice. Memory holds three numbers per row and one
record per ticket, never the rows.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from tickets.codec import instant, microseconds
from tickets.content import opened
from tickets.delimited import Fault, Row, Table, folded
from tickets.errors import ExportError, Unreadable
from tickets.reading import kebab, read_person
from tickets.redact import redact
from tickets.ticket import Clock, Person, Rejection, Status, StatusCategory, StatusChange, Ticket
from tickets.wall_clock import WallClock

FORMATS = "a table (CSV) that has a row per event; also gzipped or zipped"
CATEGORIES: Final[Mapping[Clock, StatusCategory]] = {
    "queue": StatusCategory.NEW,
    "active": StatusCategory.IN_PROGRESS,
    "requester": StatusCategory.IN_PROGRESS,
    "blocked": StatusCategory.IN_PROGRESS,
    "done": StatusCategory.DONE,
}
MAXIMUM_STATUSES = 1000  # more are no statuses
_MISSING = frozenset({"", "?", "null"})
_KEY = re.compile(r"([A-Z][A-Z0-9_]*)-[1-9][0-9]*")
_PLAIN_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_TOLD_EVERY = 10_000  # rows between two words about progress
_WIDTH = 3  # numbers per event: microseconds, status, hash of the row


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Names of columns. The last five may be empty; of a ticket's rows the latest that says something counts, for the
    assignee the latest at all."""

    ticket: str
    status: str
    at: str
    summary: str = ""
    kind: str = ""
    priority: str = ""
    assignee: str = ""
    requester: str = ""

    def named(self) -> dict[str, str]:
        """Which column says what."""
        return {part: name for part in self.__slots__ if (name := getattr(self, part))}


@dataclass(slots=True)
class _Case:
    """A ticket under way. `told` has (microseconds, text) per part; `is_whole` unless a row of it was rejected."""

    events: array[int] = field(default_factory=lambda: array("q"))
    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    is_whole: bool = True

    def settle(self) -> int:
        """Puts the events in order of time, as the files have them where times are equal; without those that came
        twice, whose number it returns."""
        at_of = self.events.__getitem__
        starts = sorted(range(0, len(self.events), _WIDTH), key=at_of)
        kept, seen, now = array("q"), set[tuple[int, ...]](), None
        for start in starts:
            event = tuple(self.events[start : start + _WIDTH])
            if event[0] != now:
                seen, now = set(), event[0]
            if event not in seen:
                seen.add(event)
                kept.extend(event)
        repeated = (len(self.events) - len(kept)) // _WIDTH
        self.events = kept
        return repeated


class EventLog:
    """The files, read as one log: `take` each, then `settle`, then ask. `progress` is told how many rows were read."""

    def __init__(
        self,
        columns: EventColumns,
        *,
        site: str,
        clock: WallClock,
        meanings: Mapping[str, Clock],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`meanings` says what a status means, by its name: case and blanks do not count."""
        self.site = site
        self.rejections: list[Rejection] = []
        self.seen: Counter[str] = Counter()  # events per status, without those that came twice
        self.repeated = 0
        self._columns = columns
        self._extras = [part for part in columns.named() if part not in ("ticket", "status", "at")]
        self._clock = clock
        self._meanings = {folded(name): meaning for name, meaning in meanings.items()}
        self._progress = progress
        self._paths: list[Path] = []
        self._rows = 0
        self._cases: dict[str, _Case] = {}
        self._statuses: dict[str, int] = {}

    def take(self, path: Path) -> None:
        """Reads one file. Raises ExportError where it is no table, lacks a column, or contradicts the order of day
        and month: then nothing of it can be trusted."""
        self._paths.append(path)
        named = self._columns.named()
        with opened(path, FORMATS) as content:
            table = Table(content.chunks(), path, list(named.values()))
            if problem := lacking(path, table.header, self._columns):
                raise ExportError(problem)
            header = list(map(folded, table.header))
            places = {part: header.index(folded(name)) for part, name in named.items()}
            for record in table.records():
                if content.cut and table.ends_mid_line:
                    break
                self._take(record, places, path)
            if content.cut:
                reason = f"{content.cut}: what comes after is missing; export it again"
                self.rejections.append(Rejection(f"{path}:{table.last_line + 1}", reason))
        self._progress(self._rows)

    def settle(self) -> None:
        """Ends the reading. Raises ExportError where the files hold no event at all."""
        names = list(self._statuses)
        for case in self._cases.values():
            self.repeated += case.settle()
            self.seen.update(names[status] for status in case.events[1::_WIDTH])
        if not self.seen:
            first = f" ({self.rejections[0].source} {self.rejections[0].reason})" if self.rejections else ""
            names_of_files = " and ".join(map(str, self._paths))
            raise ExportError(
                f"there is no event in {names_of_files}{first}: check which columns --ticket, --status and --at name"
            )

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Every status that occurs; without a clock and `undefined` where nothing says what it means."""
        return tuple(map(self._status, self._statuses))

    def tickets(self) -> Iterator[Ticket]:
        """Each ticket once, in the order in which the files first name them."""
        statuses = self.statuses
        for key, case in self._cases.items():
            if case.events:
                yield self._ticket(key, case, statuses)

    def _take(self, record: Row | Fault, places: Mapping[str, int], path: Path) -> None:
        self._rows += 1
        if self._rows % _TOLD_EVERY == 0:
            self._progress(self._rows)
        if isinstance(record, Fault):
            self.rejections.append(Rejection(f"{path}:{record.line}", record.reason))
            return
        key = _said(record.cells[places["ticket"]])
        case = self._cases.get(key) or self._cases.setdefault(key, _Case()) if key else None
        try:
            if case is None:
                raise Unreadable(f"names no ticket in the column {self._columns.ticket}")
            self._add(case, record.cells, places)
        except Unreadable as error:
            self.rejections.append(Rejection(f"{path}:{record.line}", str(error), self.site))
            if case is not None:
                case.is_whole = False
        except ExportError as error:
            raise ExportError(f"{path}:{record.line}: {error}") from None

    def _add(self, case: _Case, cells: Sequence[str], places: Mapping[str, int]) -> None:
        name = _said(cells[places["status"]])
        if not name:
            raise Unreadable(f"names no status in the column {self._columns.status}")
        at = microseconds(self._clock.read(cells[places["at"]], f"the time in the column {self._columns.at}"))
        status = self._statuses.setdefault(name, len(self._statuses))
        if len(self._statuses) > MAXIMUM_STATUSES:
            raise ExportError(
                f"the column {self._columns.status} holds more than {MAXIMUM_STATUSES} different statuses: "
                "name the column of the status with --status"
            )
        case.events.extend((at, status, hash(tuple(cells))))
        for part in self._extras:
            words = _said(cells[places[part]])
            if (words or part == "assignee") and (part not in case.told or at >= case.told[part][0]):
                case.told[part] = (at, words)

    def _status(self, name: str) -> Status:
        meaning = self._meanings.get(folded(name))
        return Status(name, name, CATEGORIES[meaning] if meaning else StatusCategory.UNDEFINED, meaning)

    def _ticket(self, key: str, case: _Case, statuses: Sequence[Status]) -> Ticket:
        told = {part: words for part, (_, words) in case.told.items()}
        events = list(zip(case.events[0::_WIDTH], (statuses[n] for n in case.events[1::_WIDTH]), strict=True))
        changes = tuple(
            StatusChange(str(number), instant(at), None, before.id, before.name, after.id, after.name)
            for number, (before, (at, after)) in enumerate(
                ((was, now) for (_, was), now in pairwise(events) if was != now[1]), start=1
            )
        )
        kind = told.get("kind", "")
        prefix = _KEY.fullmatch(key)
        return Ticket(
            site=self.site,
            id=identity_of(key),
            key=key,
            project=prefix[1] if prefix else self.site,
            ticket_type=kind,
            request_type=kebab(kind) or None,
            summary=redact(told.get("summary", "")),
            description="",
            status=events[-1][1],
            priority=told.get("priority", ""),
            reporter=_person(told.get("requester", "")),
            creator=None,
            assignee=_person(told.get("assignee", "")),
            labels=(),
            components=(),
            form=(),
            created_at=instant(events[0][0]),
            updated_at=instant(events[-1][0]),
            resolved_at=_resolved_at(events),
            status_changes=changes if case.is_whole else None,
        )


def _resolved_at(events: Sequence[tuple[int, Status]]) -> datetime | None:
    """When the ticket entered the done statuses that it ends in."""
    entered = None
    for at, status in events:
        is_done = status.category is StatusCategory.DONE
        entered = (at if entered is None else entered) if is_done else None
    return None if entered is None else instant(entered)


def identity_of(key: str) -> int:
    """The ticket's number: the key itself where it is a plain number, else 60 bits of its SHA-256, always the same."""
    if _PLAIN_NUMBER.fullmatch(key):
        return int(key)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 4


def header_of(path: Path, columns: EventColumns) -> tuple[str, ...]:
    """The names of the file's columns. Raises ExportError where it is no table."""
    with opened(path, FORMATS) as content:
        return Table(content.chunks(), path, list(columns.named().values())).header


def lacking(path: Path, header: Sequence[str], columns: EventColumns) -> str:
    """A sentence that names the columns the header lacks, and those it has; empty where it lacks none."""
    there = set(map(folded, header))
    missing = [name for name in columns.named().values() if folded(name) not in there]
    if not missing:
        return ""
    return f"{path} has no column {' and '.join(map(repr, missing))}; it has {', '.join(header)}"


def _said(cell: str) -> str:
    """The text of a cell; empty where it marks that there is none."""
    words = cell.strip()
    return "" if len(words) < 5 and words.casefold() in _MISSING else words


def _person(name: str) -> Person | None:
    return read_person({"accountId": name}) if name else None

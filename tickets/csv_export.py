"""Reads Jira's own CSV ("Export CSV (all fields)") into tickets, through the one reader of Jira's records.

The header repeats a column for each further value (`Labels`, `Comment`, `Custom field (X)`). Dates carry no time zone:
a `WallClock` places them. There is no history in it: `status_changes` is None. Cells are plain text, whatever a
spreadsheet would make of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tickets.adf_digest import digest
from tickets.catalogue import FieldCatalogue
from tickets.content import Content
from tickets.delimited import Fault, Row, Table, folded
from tickets.errors import ExportError, Unreadable
from tickets.reading import identity_of, read_ticket
from tickets.ticket import Rejection, StatusCategory, Ticket
from tickets.wall_clock import WallClock, is_in_numbers

NEEDED = {"key": "Issue key", "id": "Issue id", "status": "Status", "created": "Created"}
_ALL_FIELDS = 'in Jira choose "Export CSV (all fields)"'
_NAMES = {
    "issue key": "key",
    "work item key": "key",
    "key": "key",
    "issue id": "id",
    "work item id": "id",
    "issue type": "type",
    "work type": "type",
    "work item type": "type",
    "project key": "project",
    "summary": "summary",
    "description": "description",
    "status": "status",
    "status category": "category",
    "priority": "priority",
    "assignee": "assignee",
    "assignee id": "assignee id",
    "reporter": "reporter",
    "reporter id": "reporter id",
    "creator": "creator",
    "creator id": "creator id",
    "created": "created",
    "updated": "updated",
    "resolved": "resolved",
    "labels": "labels",
    "security level": "security",
    "time spent": "time spent",
    "component/s": "components",
    "components": "components",
    "comment": "comment",
    "comments": "comment",
    "request type": "request type",
    "custom field (request type)": "request type",
}
_TELLING = frozenset({"issue key", "issue id", "work item key", "issue type", "work type", "project key", "summary"})
_CATEGORIES = {
    "to do": StatusCategory.NEW,
    "new": StatusCategory.NEW,
    "in progress": StatusCategory.IN_PROGRESS,
    "done": StatusCategory.DONE,
    "complete": StatusCategory.DONE,
}
_DATES = {"created": "the creation instant", "updated": "the update instant", "resolved": "the resolution instant"}
_PEOPLE = ("assignee", "reporter", "creator")
_CUSTOM = re.compile(r"custom field \((.+)\)", re.IGNORECASE)
_PORTAL_KEY = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")  # Data Center: the portal's key, then the request type's
# Fields of apps that nobody fills on a form, and the way Java prints an object that has no text.
_MACHINERY = re.compile(r"rank|development|approvals|sprint|flagged|epic .+|issue colou?r|\[chart\] .+|.+ forms", re.I)
_OBJECT = re.compile(r"[a-z]\w*(?:\.\w+)+@[0-9a-f]{4,16}|\{\}")

Again = Callable[[], Iterable[bytes]]


def looks_like_export(line: str) -> bool:
    """Whether a file's first line is a header of Jira's."""
    return any(
        len(_TELLING.intersection(folded(cell.strip('"')) for cell in line.split(mark))) > 1
        for mark in (",", ";", "\t")
    )


class CsvExport:
    """One pass over one export. `again` gives the content once more: the order of day and month is checked over the
    whole file before anything is read with it."""

    def __init__(
        self, content: Content, chunks: Iterable[bytes], again: Again, path: Path, site: str, clock: WallClock
    ) -> None:
        """Raises ExportError where the header lacks what a ticket cannot be without."""
        self._content, self._again, self._path, self._site, self._clock = content, again, path, site, clock
        self._table = Table(chunks, path, _NAMES)
        self._places, custom = _places(self._table.header)
        self._check_header()
        self._custom = {f"Custom field ({name})": places for name, places in custom.items()}
        self._catalogue = FieldCatalogue(
            request_type="request type", custom=dict(zip(self._custom, custom, strict=True))
        )
        self._is_checked = False

    def records(self) -> Iterator[Ticket | Rejection]:
        """Every record as a ticket, or as a rejection that names the file and the line it begins on."""
        is_empty = True
        for record in self._table.records():
            is_empty = False
            if self._content.cut and self._table.ends_mid_line:
                break  # told below
            if isinstance(record, Fault):
                yield Rejection(f"{self._path}:{record.line}", record.reason)
            else:
                yield self._ticket(record)
        if self._content.cut:
            reason = f"{self._content.cut}: what comes after is missing; export it again"
            yield Rejection(f"{self._path}:{self._table.last_line + 1}", reason)
        elif is_empty:
            reason = "is a header without any ticket: widen the search, then export it again"
            yield Rejection(str(self._path), reason)

    def _ticket(self, row: Row) -> Ticket | Rejection:
        source, identity = f"{self._path}:{row.line}", self._one(row.cells, "id")
        if not self._is_checked and any(map(is_in_numbers, self._dates(row.cells))):
            self._check_order()
        try:
            if not identity:
                raise Unreadable(f"the cell `Issue id` is empty, and only it stays when a ticket moves: {_ALL_FIELDS}")
            raw = self._raw(row.cells)
            ticket = read_ticket(raw, site=self._site, catalogue=self._catalogue)
            order = {comment["id"]: place for place, comment in enumerate(raw["fields"]["comment"]["comments"])}
            # Comments of one minute stay in the order of the export.
            comments = sorted(ticket.comments, key=lambda comment: (comment.created_at, order[comment.id]))
            return replace(ticket, comments=tuple(comments))
        except Unreadable as error:
            return Rejection(source, str(error), self._site, identity_of({"id": identity}))

    def _raw(self, cells: list[str]) -> dict[str, Any]:
        """The record as Jira's REST API would say it. Raises Unreadable."""
        dates = {
            name: self._clock.read(text, what).isoformat()
            for name, what in _DATES.items()
            if (text := self._one(cells, name))
        }
        category = _CATEGORIES.get(folded(self._one(cells, "category")), StatusCategory.UNDEFINED)
        fields: dict[str, Any] = {
            "summary": self._one(cells, "summary"),
            "description": self._one(cells, "description"),
            "created": dates.get("created"),
            "updated": dates.get("updated"),
            "resolutiondate": dates.get("resolved"),
            "status": {"name": self._one(cells, "status"), "statusCategory": {"key": category.value}},
            "project": {"key": self._one(cells, "project")},
            "issuetype": {"name": self._one(cells, "type")},
            "priority": {"name": self._one(cells, "priority")},
            "labels": [label for cell in self._all(cells, "labels") for label in cell.split()],
            "security": {"name": self._one(cells, "security")},
            "timespent": self._one(cells, "time spent"),
            "components": [{"name": name} for name in self._all(cells, "components")],
            "comment": {"comments": self._comments(cells)},
            "request type": _request_type(self._one(cells, "request type")),
        }
        for who in _PEOPLE:
            fields[who] = _person(self._one(cells, who), self._one(cells, f"{who} id"))
        for column, places in self._custom.items():
            fields[column] = ", ".join(filter(_is_filled, (cells[place].strip() for place in places)))
        return {"id": self._one(cells, "id"), "key": self._one(cells, "key"), "fields": fields}

    def _comments(self, cells: list[str]) -> list[dict[str, Any]]:
        """Comments stand as `date;author;text`; their ids, which the export lacks, derive from that."""
        names = {self._one(cells, f"{who} id"): self._one(cells, who) for who in _PEOPLE}
        seen: Counter[str] = Counter()
        comments = []
        for cell in self._all(cells, "comment"):
            date, *rest = cell.split(";", 2)
            if len(rest) < 2:
                raise Unreadable(f"a comment is {cell[:40]!r}, and not `date;author;text`")
            mark = digest(cell)[:16]
            seen[mark] += 1
            comments.append(
                {
                    "id": f"csv-{mark}-{seen[mark]}",
                    "created": self._clock.read(date, "the creation of a comment").isoformat(),
                    "author": _person(names.get(rest[0].strip(), ""), rest[0].strip()),
                    "body": rest[1],
                }
            )
        return comments

    def _one(self, cells: list[str], field: str) -> str:
        """The first filled cell of these columns."""
        return next(iter(self._all(cells, field)), "")

    def _all(self, cells: list[str], field: str) -> list[str]:
        return [text for place in self._places[field] if (text := cells[place].strip())]

    def _dates(self, cells: list[str]) -> Iterator[str]:
        for name in _DATES:
            yield self._one(cells, name)
        for comment in self._all(cells, "comment"):
            yield comment.partition(";")[0]

    def _check_header(self) -> None:
        missing = [name for field, name in NEEDED.items() if not self._places[field]]
        if missing:
            names = list(dict.fromkeys(filter(None, self._table.header)))
            there = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
            raise ExportError(
                f"{self._path} is a table (CSV) without the column {' and '.join(missing)}: it has {there}. "
                f"Needed are {', '.join(NEEDED.values())}: {_ALL_FIELDS}, with English as the language of your "
                "profile. The log of another system is read with --events"
            )

    def _check_order(self) -> None:
        """Reads every date that is numbers only. Raises ExportError where one contradicts the order that was said."""
        self._is_checked = True
        for record in Table(self._again(), self._path, _NAMES).records():
            if isinstance(record, Row):
                for text in filter(is_in_numbers, self._dates(record.cells)):
                    try:
                        with suppress(Unreadable):  # told when the record is read
                            self._clock.read(text, "")
                    except ExportError as error:
                        raise ExportError(f"{self._path}:{record.line}: {error}") from None


def _places(header: Iterable[str]) -> tuple[Mapping[str, list[int]], dict[str, list[int]]]:
    """Where each field stands, and each custom field that a person may have filled."""
    known: dict[str, list[int]] = defaultdict(list)
    custom: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(header):
        if field := _NAMES.get(folded(name)):
            known[field].append(place)
        elif (found := _CUSTOM.fullmatch(name)) and not _MACHINERY.fullmatch(found[1].strip()):
            custom[found[1].strip()].append(place)
    return known, dict(custom)


def _person(name: str, identity: str) -> dict[str, str]:
    """An account; where the export gives no ids, the name stands for it. An address is never a name of ours."""
    return {"accountId": identity or name, "displayName": "" if "@" in name else name}


def _request_type(name: str) -> object:
    return name if _PORTAL_KEY.fullmatch(name) else {"requestType": {"name": name}}


def _is_filled(text: str) -> bool:
    return bool(text) and not _OBJECT.fullmatch(text)

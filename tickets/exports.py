"""Reads a file that Jira gave: JSON (a record per line, an array, or a search answer) or Jira's CSV; plain, gzipped
or zipped, told by content.

JSON lines and CSV are read one record at a time in flat memory; an array or a pretty-printed answer is one value and is
read whole. What cannot be read becomes a Rejection that names file and line (or place in the array); the rest is still
read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import orjson

from tickets.catalogue import FieldCatalogue
from tickets.content import Content, described, opened
from tickets.csv_export import CsvExport, looks_like_export
from tickets.errors import ExportError, Unreadable
from tickets.reading import identity_of, read_ticket
from tickets.ticket import Rejection, Ticket
from tickets.wall_clock import WallClock

FORMATS = (
    "Jira's JSON (a ticket per line, an array of tickets, or a search answer with `issues`) or Jira's CSV of all "
    "fields; also gzipped or zipped"
)
MAXIMUM_LINE = 256 << 20  # bytes of one record
MAXIMUM_WHOLE = 1 << 30  # bytes of one array or answer
UNNAMED = "import"  # the site of records that name none
_START = 4 << 20  # bytes that are looked at to tell what a file is
_BOMS = (b"\xff\xfe", b"\xfe\xff")

Line = tuple[int, bytes]


def read_export(
    path: Path | str, *, site: str | None = None, clock: WallClock | None = None
) -> Iterator[Ticket | Rejection]:
    """Every record of the file as a ticket, or as a rejection of what could not be read.

    `site` defaults to the host of each record's `self` address, or `import`. `clock` places the dates of a CSV
    (default: UTC). Raises ExportError when the file cannot be opened, is empty, or holds nothing that could be an
    export.
    """
    path = Path(path)
    with opened(path, FORMATS) as content:
        start, chunks = _start(content)
        if not _is_table(start):
            yield from _Reading(path, site, content, chunks).records()
            return
        placed = clock or WallClock(ZoneInfo("UTC"))
        yield from CsvExport(content, chunks, partial(_whole, path), path, site or UNNAMED, placed).records()


def kind_of(path: Path | str) -> Literal["json", "table"]:
    """What the file holds, as `read_export` will take it. Raises ExportError when it cannot be opened."""
    with opened(Path(path), FORMATS) as content:
        return "table" if _is_table(_start(content)[0]) else "json"


def _whole(path: Path) -> Iterator[bytes]:
    with opened(path, FORMATS) as content:
        yield from content.chunks()


def _start(content: Content) -> tuple[bytes, Iterator[bytes]]:
    """The first lines, and all of the content from its beginning."""
    chunks, start = content.chunks(), b""
    while len(start) < _START and start.strip().count(b"\n") < 2 and (chunk := next(chunks, b"")):
        start += chunk
    return start, chain([start] if start else [], chunks)


def _is_table(start: bytes) -> bool:
    lines = [line.strip() for line in start.removeprefix(b"\xef\xbb\xbf").splitlines()]
    first, second = (*filter(None, lines), b"", b"")[:2]
    if first[:1] in (b"{", b"["):
        return False
    if looks_like_export(first.decode("utf-8", "replace")):
        return True
    return described(first) == "a table (CSV)" and second[:1] not in (b"{", b"[")


class _Reading:
    """One pass over one file of JSON."""

    def __init__(self, path: Path, site: str | None, content: Content, chunks: Iterator[bytes]) -> None:
        self._path = path
        self._site = site
        self._content = content
        self._chunks = chunks
        self._catalogues: dict[bytes, FieldCatalogue] = {}
        self._last_line = 0

    def records(self) -> Iterator[Ticket | Rejection]:
        is_empty = True
        for record in self._records():
            is_empty = False
            yield record
        if is_empty:
            yield Rejection(str(self._path), "is an answer without any ticket: widen the search, then export it again")

    def _records(self) -> Iterator[Ticket | Rejection]:
        lines = self._lines(self._chunks)
        head = self._head(lines)
        if self._is_one_value(head):
            yield from self._value(b"\n".join(line for _, line in chain(head, self._bounded(lines))))
        else:
            for number, line in chain(head, lines):
                yield from self._line(number, line)
        if self._content.cut:
            yield Rejection(
                f"{self._path}:{self._last_line + 1}",
                f"{self._content.cut}: what comes after is missing; export it again",
            )

    # What the file is

    def _head(self, lines: Iterator[Line]) -> list[Line]:
        """The first two lines that are not blank. Raises ExportError where they cannot be an export's."""
        head = list(islice(lines, 2))
        if not head:
            raise ExportError(f"{self._path} is empty, so there is no ticket in it: export it again")
        start = head[0][1]
        if start.startswith(_BOMS):
            raise ExportError(f"{self._path} is written in UTF-16: save it as UTF-8")
        if not any(line[:1] in (b"{", b"[") for _, line in head):
            raise ExportError(f"{self._path} is {described(start)}, no export of Jira: name a file with {FORMATS}")
        return head

    def _is_one_value(self, head: list[Line]) -> bool:
        """Whether the lines together are one value: the first does not end its own, and the next begins none."""
        if head[0][1][:1] not in (b"{", b"["):
            return False
        if _parsed(head[0][1]) is not None:
            return False
        if head[0][1] in (b"{", b"[") or len(head) == 1:
            return True
        return not isinstance(_parsed(head[1][1]), Mapping)

    # Records

    def _line(self, number: int, line: bytes) -> Iterator[Ticket | Rejection]:
        source = f"{self._path}:{number}"
        value = _parsed(line)
        if value is None:
            if not self._content.cut:  # the cut line is told of at the end
                yield Rejection(source, "is not a whole line of JSON")
            return
        items = _items(value)
        if items is None:
            yield self._ticket(value, source, {})
            return
        for place, item in enumerate(items, start=1):
            yield self._ticket(item, f"{source} (ticket {place})", value if isinstance(value, Mapping) else {})

    def _value(self, data: bytes) -> Iterator[Ticket | Rejection]:
        value = _parsed(data)
        if value is None:
            yield from self._salvaged(data)
            return
        items = _items(value)
        if items is None:
            yield self._ticket(value, str(self._path), {})
            return
        for place, item in enumerate(items, start=1):
            yield self._ticket(item, f"{self._path} (ticket {place})", value if isinstance(value, Mapping) else {})

    def _salvaged(self, data: bytes) -> Iterator[Ticket | Rejection]:
        """The whole tickets at the start of a broken array or answer, then a rejection that says where it breaks."""
        text = data.decode("utf-8", "replace")
        at = 0 if text.startswith("[") else text.find('"issues"')
        at = text.find("[", at) + 1 if at >= 0 else 0
        if not at:
            line = text.count("\n") + 1
            yield Rejection(f"{self._path}:{line}", "is not whole JSON: export it again")
            return
        decoder, place = json.JSONDecoder(), 0
        while True:
            start = at = _next(text, at)
            try:
                _, at = decoder.raw_decode(text, start)
            except (ValueError, RecursionError):
                break
            place += 1
            # Read again as strictly as everything else: Python's own reader lets half surrogates and NaN through.
            yield self._ticket(_parsed(text[start:at].encode()), f"{self._path} (ticket {place})", {})
        if not self._content.cut:
            reason = f"is not JSON after the first {place} tickets: what follows is missing; export it again"
            yield Rejection(f"{self._path}:{text.count(chr(10), 0, at) + 1}", reason)

    def _ticket(self, raw: Any, source: str, answer: Mapping[str, Any]) -> Ticket | Rejection:
        if not isinstance(raw, Mapping):
            return Rejection(source, "is no ticket: not a JSON object")
        if not isinstance(raw.get("fields"), Mapping):
            return Rejection(source, "is no ticket of Jira's: it has no `fields`")
        site = self._site or _host(raw)
        try:
            return read_ticket(raw, site=site, catalogue=self._catalogue(raw, answer))
        except Unreadable as error:
            return Rejection(source, str(error), site, identity_of(raw))

    def _catalogue(self, raw: Mapping[str, Any], answer: Mapping[str, Any]) -> FieldCatalogue:
        """From `expand=names,schema`, which stand beside the ticket or beside the `issues`; else empty."""
        names, schema = (raw.get(part) or answer.get(part) for part in ("names", "schema"))
        if not isinstance(names, Mapping) or not isinstance(schema, Mapping):
            return FieldCatalogue()
        try:
            told = orjson.dumps([names, schema])
        except orjson.JSONEncodeError:  # nested deeper than any schema is
            return FieldCatalogue()
        if told not in self._catalogues:
            self._catalogues[told] = FieldCatalogue.from_fields(
                {"id": identity, "name": name, "schema": schema.get(identity)} for identity, name in names.items()
            )
        return self._catalogues[told]

    # Bytes

    def _lines(self, chunks: Iterator[bytes]) -> Iterator[Line]:
        """Lines that are not blank, numbered from 1, without a byte order mark at the start."""
        number, parts, size = 1, list[bytes](), 0
        for chunk in chunks:
            *whole, rest = chunk.split(b"\n")
            for piece in whole:
                yield from self._stripped(number, b"".join([*parts, piece]))
                number, parts, size = number + 1, [], 0
            parts.append(rest)
            size += len(rest)
            if size > MAXIMUM_LINE:
                raise ExportError(
                    f"{self._path}:{number} is longer than {MAXIMUM_LINE >> 20} MiB: export a ticket per line"
                )
        yield from self._stripped(number, b"".join(parts))

    def _stripped(self, number: int, line: bytes) -> Iterator[Line]:
        line = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if line:
            self._last_line = number
            yield number, line

    def _bounded(self, lines: Iterator[Line]) -> Iterator[Line]:
        size = 0
        for number, line in lines:
            size += len(line)
            if size > MAXIMUM_WHOLE:
                raise ExportError(f"{self._path} is one value of more than 1 GiB: export a ticket per line")
            yield number, line


def _parsed(data: bytes) -> Any:
    """The JSON value; None for null and for what is no JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _items(value: Any) -> list[Any] | None:
    """The tickets of an array or a search answer; None for a value that should be a ticket itself."""
    if isinstance(value, list):
        return value
    issues = value.get("issues") if isinstance(value, Mapping) else None
    return issues if isinstance(issues, list) else None


def _next(text: str, at: int) -> int:
    """Past blanks and one comma."""
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _host(raw: Mapping[str, Any]) -> str:
    address = raw.get("self")
    try:
        return (urlsplit(address).hostname if isinstance(address, str) else None) or UNNAMED
    except ValueError:
        return UNNAMED

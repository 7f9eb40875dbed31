"""Tables of delimited text (CSV): records with the line that each begins on, and a fault for each that is none.

A record may span lines inside quotes. Where one does not add up (a quote that never closes, cells too many or too few)
the lines after its first are tried again as records of their own, so that no quote swallows the rest of a file.
Memory holds one record.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tickets.content import described
from tickets.errors import ExportError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAXIMUM_RECORD = 64 << 20  # characters of one record
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is the physical line that the record begins on, from 1."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """What begins on this line is no record of the table."""

    line: int
    reason: str


class Table:
    """The header as it stands, and one pass over the records."""

    def __init__(self, chunks: Iterable[bytes], path: Path, wanted: Collection[str]) -> None:
        """`wanted` are names of columns: the delimiter is the one that yields most of them. Raises ExportError where
        there is no header in UTF-8."""
        csv.field_size_limit(MAXIMUM_RECORD)  # the module's own limit is for all tables of a process
        self._lines = _Lines(chunks)
        self._delimiter = ","
        self._header = self._read_header(path, set(map(folded, wanted)))
        self._cells = self._reader(self._delimiter)

    @property
    def header(self) -> tuple[str, ...]:
        return self._header

    @property
    def last_line(self) -> int:
        """The last physical line that was read."""
        return self._lines.number

    @property
    def ends_mid_line(self) -> bool:
        """Whether the last line that was read has no end: in a file that was cut, it is not whole."""
        return bool(self._lines.taken) and not self._lines.taken[-1].endswith(("\n", "\r"))

    def records(self) -> Iterator[Row | Fault]:
        """Every record with as many cells as the header, and a fault for everything else but blank lines."""
        while (found := self._record()) is not None:
            if isinstance(found, Row):
                if found.cells:
                    yield found
            elif len(self._lines.taken) == 1:
                yield found
            else:
                yield from self._recovered(found)

    def _recovered(self, fault: Fault) -> Iterator[Row | Fault]:
        """The fault, then whatever records begin on the other lines it took, up to the first that is whole."""
        last = self._lines.number
        while True:
            self._keep_one_line()
            found = self._next_start(last)
            until = found.line - 1 if found else last
            lines = f" (lines {fault.line} to {until})" if until > fault.line else ""
            yield Fault(fault.line, fault.reason + lines)
            if not isinstance(found, Fault):
                break
            fault, last = found, max(last, self._lines.number)
        if found:
            yield found

    def _next_start(self, last: int) -> Row | Fault | None:
        """What begins next, on a line up to `last`: a whole record, or a fault with cells enough to have been one."""
        while self._lines.number < last:
            found = self._record()
            if isinstance(found, Row) and found.cells:
                return found
            if isinstance(found, Fault) and self._lines.taken[0].count(self._delimiter) * 2 >= len(self._header):
                return found
            self._keep_one_line()
        return None

    def _keep_one_line(self) -> None:
        self._lines.give_back(len(self._lines.taken) - 1)

    def _record(self) -> Row | Fault | None:
        """The next record; without cells where the line is blank; None at the end."""
        self._lines.begin()
        line = self._lines.number + 1
        try:
            cells = next(self._cells, None)
        except csv.Error as error:
            self._cells = self._reader(self._delimiter)  # one that failed holds what it could not end
            return Fault(line, _reason(error))
        except _TooLong:
            self._cells = self._reader(self._delimiter)
            return Fault(line, f"is longer than {MAXIMUM_RECORD >> 20} MiB: a quote may open in it and not close")
        if cells is None:
            return None
        if not any(map(str.strip, cells)):
            return Row(line, [])
        if problem := _problem("".join(self._lines.taken)):
            return Fault(line, problem)
        if len(cells) != len(self._header):
            return Fault(line, f"has {len(cells)} cells where the header has {len(self._header)}: export it again")
        return Row(line, cells)

    def _reader(self, delimiter: str) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=delimiter, strict=True)

    def _read_header(self, path: Path, wanted: set[str]) -> tuple[str, ...]:
        """The first record that is not blank, and what delimits it: most wanted columns, then most columns."""
        found: list[tuple[int, int, str]] = []
        for delimiter in _DELIMITERS:
            self._lines.begin()
            try:
                names = next(filter(any, self._reader(delimiter)), [])
                found.append((len(wanted.intersection(map(folded, names))), len(names), delimiter))
            except (csv.Error, _TooLong):
                pass  # quotes that fit another delimiter
            _check_header("".join(self._lines.taken), path)
            self._lines.give_back(len(self._lines.taken))
        if not found:
            raise ExportError(f"{path} begins with a line whose quotes do not close: export it again")
        self._delimiter = max(found, key=lambda told: told[:2])[2]
        self._lines.begin()
        return tuple(map(str.strip, next(filter(any, self._reader(self._delimiter)))))


def folded(name: str) -> str:
    """A column's name as it is compared: case and blanks do not count."""
    return " ".join(name.casefold().split())


class _TooLong(Exception):
    """A record outgrew `MAXIMUM_RECORD`."""


class _Lines:
    """Physical lines with their ends, one by one; those taken since `begin` can be given back."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        raw = io.BufferedReader(_Stream(chunks), 1 << 20)
        self._text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._waiting: deque[str] = deque()
        self._size = 0
        self.taken: list[str] = []
        self.number = 0

    def begin(self) -> None:
        self.taken, self._size = [], 0

    def give_back(self, count: int) -> None:
        """The last `count` lines that were taken will be read again."""
        if count > 0:
            self._waiting.extendleft(reversed(self.taken[-count:]))
            del self.taken[-count:]
            self.number -= count

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._text.readline(MAXIMUM_RECORD + 1)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.number += 1
        self._size += len(line)
        if self._size > MAXIMUM_RECORD:
            raise _TooLong
        return line


class _Stream(io.RawIOBase):
    """Chunks as a file that can be read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        into = memoryview(buffer).cast("B")
        count = min(len(into), len(self._rest))
        into[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _reason(error: csv.Error) -> str:
    words = str(error)
    if "end of data" in words:
        return "opens a quote that never closes: export it again"
    if "expected after" in words:
        return "has a quote inside a cell, or one that never closes: export it again"
    return f"is no record of the table ({words}): export it again"


def _problem(text: str) -> str:
    """Why the text of a record cannot be kept; empty where it can."""
    if "\0" in text:
        return "holds a NUL byte: the file is damaged, export it again"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "is not UTF-8: save the file as CSV in UTF-8"
    return ""


def _check_header(text: str, path: Path) -> None:
    start = text.encode("utf-8", "surrogateescape")
    if not text.strip():
        raise ExportError(f"{path} is empty, so there is no ticket in it: export it again")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
        raise ExportError(f"{path} is {described(start)}, no table: save it as CSV in UTF-8")
    if problem := _problem(text):
        raise ExportError(f"{path} begins with a header that {problem}")

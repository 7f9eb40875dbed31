"""A copy of the record to hand on. JSON lines carry all that is needed to verify it elsewhere; CSV is for reading.

JSON lines: a row each, with the ledger's columns as they are and `payload`, the text whose hash stands in the row (null
once it was taken out); the last line holds the head.
"""

from __future__ import annotations

import csv
import json
import string
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from fulfilment.chain import REDACTED, VerifyReport
from fulfilment.errors import LedgerError
from fulfilment.schema import Connection, ledger, to_text
from fulfilment.verification import COLUMNS, Anchors, Head, Redactions, Row, examine, read_head, read_rows

Format = Literal["jsonl", "csv"]
CELLS: Final = (
    *("seq", "at", "recorded_at", "ticket_key", "kind", "sentence", "detail", "request_id", "ticket_id"),
    *("decision", "payload_hash", "previous", "hash"),
)
_KEYS: Final = tuple("payload" if name == "text" else name for name in COLUMNS)
_HARMLESS: Final = frozenset(string.ascii_letters + string.digits + "{[")
_BEGINNINGS: Final = frozenset({"=", "+", "-", "@", "\N{MINUS SIGN}"})


def write_copy(connection: Connection, form: Format, since: datetime | None) -> Iterator[str]:
    """The text of it, a line at a time; from the first row on that was recorded at `since` or later. Raises
    LedgerError where there is none."""
    rows = read_rows(connection, since=None if since is None else _first_row(connection, since))
    if form == "csv":
        yield from _csv(rows)
        return
    for row in rows:
        yield json.dumps(dict(zip(_KEYS, row, strict=True))) + "\n"
    last = read_head(connection)
    if last is not None:
        yield json.dumps({"head": {"seq": last.seq, "hash": last.hash}}) + "\n"


def check_copy(file: Path, anchors: Anchors) -> VerifyReport:
    """Verifies JSON lines, without the ledger. Anchors of rows after its end do not count: it may be older than they.
    Raises LedgerError where the file cannot be read, or is something else."""
    claims: list[tuple[Any, Any]] = []
    first: dict[str, Any] | None = None
    last = None
    for line in _read(file):
        if isinstance(line, Head):
            last = line
            continue
        told = dict(zip(COLUMNS, line, strict=True))
        first = first or told
        if told["kind"] == "redacted":
            claims.append((told["seq"], told["detail"]))
    # The first row of all has to name what every first row names.
    is_part = first is not None and isinstance(first["seq"], int) and first["seq"] > 1
    begins = Head(first["seq"] - 1, first["previous"]) if first is not None and is_part else None
    within = {seq: of for seq, of in anchors.items() if last is not None and seq <= last.seq}
    rows = (line for line in _read(file) if not isinstance(line, Head))
    return examine(rows, Redactions(claims), last, within, begins=begins)


def _first_row(connection: Connection, since: datetime) -> int:
    query = ledger.select().with_only_columns(ledger.c.seq).where(ledger.c.recorded_at >= to_text(since))
    found = connection.execute(query.order_by(ledger.c.seq).limit(1)).scalar()
    if found is None:
        raise LedgerError(f"the ledger has no row that was recorded since {since:%Y-%m-%d %H:%M} UTC")
    return int(found)


def _read(file: Path) -> Iterator[Row | Head]:
    """The rows in the order of COLUMNS, and the head where it stands."""
    is_over = False
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                read = _line(line)
                if read is None or is_over:
                    raise LedgerError(f"line {number} of {file} is no row of an export: `ledger export` writes one")
                is_over = isinstance(read, Head)
                yield read
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise LedgerError(f"the export {file} cannot be read: {reason}") from None


def _line(line: str) -> Row | Head | None:
    try:
        told = json.loads(line)
        if told.keys() == {"head"}:
            last = Head(told["head"]["seq"], told["head"]["hash"])
            return last if isinstance(last.seq, int) else None
        return tuple([told[key] for key in _KEYS])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


# --- CSV


class _Echo:
    """A file that gives back what is written to it, as `csv.writer` does in its turn."""

    def write(self, line: str) -> str:
        return line


def _csv(rows: Iterable[Row]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    line: Any = writer.writerow(CELLS)
    yield line
    for row in rows:
        told = dict(zip(COLUMNS, row, strict=True))
        told["sentence"] = REDACTED if told["text"] is None else _sentence(told["text"])
        line = writer.writerow([harmless(told[name]) for name in CELLS])
        yield line


def _sentence(payload: str) -> str:
    try:
        return str(json.loads(payload)["sentence"])
    except (ValueError, TypeError, KeyError):  # an altered one is for `verify` to name
        return payload


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: one that begins like one, after blanks and in any of Unicode's
    forms, gets an apostrophe before it. Numbers stay numbers."""
    if not isinstance(value, str) or not value or value[0] in _HARMLESS:
        return value
    shown = next((letter for letter in value if unicodedata.category(letter)[0] not in "ZC"), "")
    first = unicodedata.normalize("NFKC", shown)[:1]
    is_formula = first in _BEGINNINGS or value[0] in "\t\r\n"
    return f"'{value}" if is_formula else value

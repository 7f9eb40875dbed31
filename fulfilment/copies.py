"""A copy of the record to hand on. JSON lines carry all that is needed to verify it elsewhere; CSV is for reading.

JSON lines: a row each, with the ledger's columns as they are and `payload`, the text whose hash stands in the row (null
once it was taken out); the last line holds the head, and when the copy was written.
"""

from __future__ import annotations

import csv
import json
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from fulfilment.chain import REDACTED, VerifyReport
from fulfilment.errors import LedgerError
from fulfilment.schema import Connection, database_now, ledger, to_text
from fulfilment.verification import COLUMNS, Anchors, Head, Redactions, Row, examine, read_head, read_rows

Format = Literal["jsonl", "csv"]
CELLS: Final = (
    *("seq", "at", "recorded_at", "ticket_key", "kind", "sentence", "detail", "request_id", "ticket_id"),
    *("decision", "payload_hash", "previous", "hash"),
)
_KEYS: Final = tuple("payload" if name == "text" else name for name in COLUMNS)
_END: Final = {"seq", "hash", "at"}
_CLOCKS: Final = timedelta(minutes=5)  # by which the clocks of the anchors and of the ledger may differ
_HARMLESS: Final = frozenset(string.ascii_letters + string.digits + "{[")
_BEGINNINGS: Final = frozenset({"=", "+", "-", "@", "\N{MINUS SIGN}"})
_SEPARATORS: Final = re.compile(r"[,;\t\r\n]")
_PART: Final = re.compile(r"[^,;\t\r\n]*")


@dataclass(frozen=True, slots=True)
class _End:
    """The last line. `written_at` is None in an export that does not say it."""

    head: Head
    written_at: str | None


def write_copy(connection: Connection, form: Format, since: datetime | None) -> Iterator[str]:
    """The text of it, a line at a time; from the first row on that was recorded at `since` or later. Raises
    LedgerError where there is none."""
    written_at = to_text(database_now(connection))
    rows = read_rows(connection, since=None if since is None else _first_row(connection, since))
    if form == "csv":
        yield from _csv(rows)
        return
    for row in rows:
        yield json.dumps(dict(zip(_KEYS, row, strict=True))) + "\n"
    last = read_head(connection)
    if last is not None:
        yield json.dumps({"head": {"seq": last.seq, "hash": last.hash, "at": written_at}}) + "\n"


def check_copy(file: Path, anchors: Anchors) -> VerifyReport:
    """Verifies JSON lines, without the ledger. An anchor of a row after its end is a remark, and a fault where it is
    older than the file says of itself. Raises LedgerError where the file cannot be read, or is something else."""
    claims: list[tuple[Any, Any]] = []
    first: dict[str, Any] | None = None
    last, written_at = None, None
    for line in _read(file):
        if isinstance(line, _End):
            last, written_at = line.head, line.written_at
            continue
        told = dict(zip(COLUMNS, line, strict=True))
        first = first or told
        if told["kind"] == "redacted":
            claims.append((told["seq"], told["detail"]))
    # The first row of all has to name what every first row names.
    is_part = first is not None and isinstance(first["seq"], int) and first["seq"] > 1
    begins = Head(first["seq"] - 1, first["previous"]) if first is not None and is_part else None
    beyond = {seq: of for seq, of in anchors.items() if last is None or seq > last.seq}
    earlier = {seq: of for seq, of in beyond.items() if any(_is_before(one.at, written_at) for one in of)}
    counted = {seq: of for seq, of in anchors.items() if seq not in beyond or seq in earlier}
    rows = (line for line in _read(file) if not isinstance(line, _End))
    found = examine(rows, Redactions(claims), last, counted, begins=begins)
    return replace(found, remark=_remark(beyond)) if found.broken_at is None else found


def _is_before(anchored_at: str, written_at: str | None) -> bool:
    """False where that cannot be told."""
    try:
        return datetime.fromisoformat(anchored_at) < datetime.fromisoformat(written_at or "") - _CLOCKS
    except (ValueError, TypeError):
        return False


def _remark(beyond: Anchors) -> str:
    if not beyond:
        return ""
    one = beyond[max(beyond)][0]
    return f"anchors go on to row {one.seq} (at {one.at}): rows are missing at the end, or the export is older"


def _first_row(connection: Connection, since: datetime) -> int:
    query = ledger.select().with_only_columns(ledger.c.seq).where(ledger.c.recorded_at >= to_text(since))
    found = connection.execute(query.order_by(ledger.c.seq).limit(1)).scalar()
    if found is None:
        raise LedgerError(f"the ledger has no row that was recorded since {since:%Y-%m-%d %H:%M} UTC")
    return int(found)


def _read(file: Path) -> Iterator[Row | _End]:
    """The rows in the order of COLUMNS, and the end where it stands."""
    is_over = False
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                read = _line(line)
                if read is None or is_over:
                    raise LedgerError(f"line {number} of {file} is no row of an export: `ledger export` writes one")
                is_over = isinstance(read, _End)
                yield read
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise LedgerError(f"the export {file} cannot be read: {reason}") from None


def _line(line: str) -> Row | _End | None:
    """None for anything but what is written: what else stands there, nobody vouches for."""
    try:
        told = json.loads(line, object_pairs_hook=_once_each)
        if told.keys() == {"head"}:
            head = told["head"]
            is_known = head.keys() <= _END and isinstance(head["seq"], int)
            return _End(Head(head["seq"], head["hash"]), head.get("at")) if is_known else None
        return tuple([told[key] for key in _KEYS]) if len(told) == len(_KEYS) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a key stands there twice")
    return told


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
    """A cell that no spreadsheet takes for a formula, nor a part of it where `;`, a comma, a tab or a line break
    separates cells: what begins like one, after blanks and in any of Unicode's forms, gets an apostrophe before it.
    Numbers stay numbers."""
    if not isinstance(value, str) or not value:
        return value
    parted = _SEPARATORS.sub(lambda found: _before_part(value, found), value)
    is_formula = value[0] in "\t\r\n" or (value[0] not in _HARMLESS and _begins_formula(value))
    return f"'{parted}" if is_formula else parted


def _before_part(cell: str, found: re.Match[str]) -> str:
    part = _PART.match(cell, found.end())
    text = part[0] if part else ""
    # A cell with a comma is quoted; cut elsewhere, its quotation marks no longer hold it together.
    ignored = "" if found[0] == "," else '"'
    return f"{found[0]}'" if _begins_formula(text, ignored) else found[0]


def _begins_formula(text: str, ignored: str = "") -> bool:
    shown = (letter for letter in text if letter not in ignored and unicodedata.category(letter)[0] not in "ZC")
    return unicodedata.normalize("NFKC", next(shown, ""))[:1] in _BEGINNINGS

"""The record of it all: rows are added and read; a sentence may be taken out, which adds a row that says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fulfilment import schema
from fulfilment.anchors import anchor_head
from fulfilment.book import Book
from fulfilment.chain import REDACTED, Entry, Note, VerifyReport, append, append_once, read_entries, read_request
from fulfilment.copies import Format, write_copy
from fulfilment.errors import LedgerError
from fulfilment.verification import Anchor, Anchors, check

STILL_THERE: Final = (
    "a reader keeps it in the file or its log: end what reads the ledger (the dashboard, an export), then give the "
    "same command again, which then only empties the log"
)


class Record(Book):
    def note(self, note: Note) -> None:
        with self._writing() as connection:
            append(connection, note)

    def decide(self, note: Note, *, ever: bool = False) -> datetime:
        """A decision, unless it is already the newest about its ticket (`ever`: was ever written). Since when it has
        stood (ticket time)."""
        with self._writing() as connection:
            return append_once(connection, note, ever=ever)

    def story(self, key: str) -> list[Entry]:
        """What was decided and done about a ticket, oldest first; empty when it was never considered."""
        with self._reading() as connection:
            return read_entries(connection, key)

    def story_of_request(self, prefix: str) -> list[Entry]:
        """The same about one request, by the beginning of its id; empty without one. Raises LedgerError where several
        begin so."""
        with self._reading() as connection:
            return read_request(connection, prefix)

    def verify(self, anchors: Anchors | None = None) -> VerifyReport:
        """Checks every row, and what anchors bear witness to; what it holds in memory does not grow with the rows."""
        with self._reading() as connection:
            return check(connection, anchors)

    def anchor(self, file: Path, *, at: datetime) -> Anchor | None:
        """Appends the head to the file; None when it is there already. Raises ChainBroken, with nothing written, where
        the row that was anchored last is not in the ledger any more."""
        with self._reading() as connection:
            return anchor_head(connection, file, schema.to_text(at))

    def copy(self, form: Format, *, since: datetime | None = None) -> Iterator[str]:
        """Lines to hand on: `jsonl` can be verified elsewhere, `csv` is for reading."""
        with self._reading() as connection:
            yield from write_copy(connection, form, since)

    def redact(self, seq: int, *, reason: str, at: datetime) -> bool:
        """Deletes the sentence of one row, also where its request and calls repeat it, and appends a row that says so.
        False where a reader keeps SQLite from deleting it on the disk too. Raises LedgerError for an unknown row, and
        for one whose sentence was taken out before: what a reader kept is then deleted."""
        table, texts = schema.ledger, schema.payloads
        with self._writing() as connection:
            if connection.dialect.name == "sqlite":  # which else only marks the place as free
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            row = connection.execute(table.select().where(table.c.seq == seq)).first()
            if row is None:
                raise LedgerError(f"the ledger has no row {seq}")
            text = connection.scalar(texts.select().with_only_columns(texts.c.text).where(_of(row)))
            if text is not None:
                connection.execute(texts.delete().where(_of(row)))
                _take_out_copies(connection, row.request_id, text)
                append(connection, _redaction_of(row, reason, at))
        is_gone = self._empty_log()
        if text is None:
            kept = "" if is_gone else f"; {STILL_THERE}"
            raise LedgerError(f"the text of row {seq} is not there: it was taken out before{kept}")
        return is_gone

    def _empty_log(self) -> bool:
        """SQLite's log of writes still holds what was deleted, until it is written back: False where a reader keeps it
        from being so."""
        if self._engine.dialect.name != "sqlite":
            return True
        with schema.translated(self._path), closing(self._engine.raw_connection()) as opened:
            cursor = opened.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_busy, *_ = cursor.fetchone() or (0,)
        return not is_busy


def _of(row: Any) -> Any:
    return schema.payloads.c.hash == row.payload_hash


def _redaction_of(row: Any, reason: str, at: datetime) -> Note:
    return Note(
        at,
        "redacted",
        f"the text of row {row.seq} was taken out: {reason}",
        ticket_id=row.ticket_id,
        ticket_key=row.ticket_key,
        request_id=row.request_id,
        detail={"row": row.seq, "payload": row.payload_hash},
    )


def _take_out_copies(connection: schema.Connection, request_id: str | None, text: str) -> None:
    """What people see of a request and of a call is a row's sentence, or begins with it."""
    try:
        sentence = str(json.loads(text)["sentence"])
    except (ValueError, TypeError, KeyError):  # an altered one is for `verify` to name
        return
    for table, of in ((schema.requests, schema.requests.c.id), (schema.calls, schema.calls.c.request_id)):
        for copy in connection.execute(table.select().where(of == request_id)).all():
            if sentence and sentence in copy.reason:
                connection.execute(table.update().where(table.c.id == copy.id).values(reason=REDACTED))

"""The record of it all: rows are added and read; a sentence may be taken out, which adds a row that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from fulfilment import schema
from fulfilment.anchors import anchor_head
from fulfilment.book import Book
from fulfilment.chain import Entry, Note, VerifyReport, append, append_once, read_entries, read_request
from fulfilment.copies import Format, write_copy
from fulfilment.errors import LedgerError
from fulfilment.verification import Anchor, Anchors, check


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

    def redact(self, seq: int, *, reason: str, at: datetime) -> None:
        """Deletes the sentence of one row and appends a row that says so. Raises LedgerError for an unknown row, and
        for one whose sentence is gone."""
        table, texts = schema.ledger, schema.payloads
        with self._writing() as connection:
            if connection.dialect.name == "sqlite":  # which else only marks the place as free
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            row = connection.execute(table.select().where(table.c.seq == seq)).first()
            if row is None:
                raise LedgerError(f"the ledger has no row {seq}")
            if connection.execute(texts.delete().where(texts.c.hash == row.payload_hash)).rowcount != 1:
                raise LedgerError(f"the text of row {seq} is not there: it was taken out before")
            append(
                connection,
                Note(
                    at,
                    "redacted",
                    f"the text of row {seq} was taken out: {reason}",
                    ticket_id=row.ticket_id,
                    ticket_key=row.ticket_key,
                    request_id=row.request_id,
                    detail={"row": seq, "payload": row.payload_hash},
                ),
            )
        self._empty_log()

    def _empty_log(self) -> None:
        """SQLite's log of writes still holds what was deleted, until it is written back."""
        if self._engine.dialect.name == "sqlite":
            with schema.translated(self._path), closing(self._engine.raw_connection()) as opened:
                opened.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

"""The record of it all: rows are added and read; a sentence may be taken out, which adds a row that says so."""

from __future__ import annotations

from datetime import datetime

from fulfilment import schema
from fulfilment.book import Book
from fulfilment.chain import Entry, Note, VerifyReport, append, append_once, check, read_entries
from fulfilment.errors import LedgerError


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

    def verify(self) -> VerifyReport:
        with self._reading() as connection:
            return check(connection)

    def redact(self, seq: int, *, reason: str, at: datetime) -> None:
        """Deletes the sentence of one row and appends a row that says so. Raises LedgerError for an unknown row."""
        table, texts = schema.ledger, schema.payloads
        with self._writing() as connection:
            row = connection.execute(table.select().where(table.c.seq == seq)).first()
            if row is None:
                raise LedgerError(f"the ledger has no row {seq}")
            connection.execute(texts.delete().where(texts.c.hash == row.payload_hash))
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

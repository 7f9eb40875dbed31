"""When a person is needed: written with the decision that needs one, told afterwards, open until it is settled."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from fulfilment import schema
from fulfilment.chain import Note, append, digest
from fulfilment.marks import Marks
from fulfilment.records import Call
from fulfilment.schema import Connection, Update
from fulfilment.statements import SETTLE_REQUEST, SETTLE_SUBJECT


class Calls(Marks):
    def call(self, subject: str, *, reason: str, look_at: str, at: datetime) -> bool:
        """Calls a person about something that is no request; False when this subject was called about already and
        that is not settled."""
        with self._writing() as connection:
            return call_in(connection, digest(subject), Note(at, "called", reason), look_at=look_at)

    def calls(self, *, untold: bool = False) -> list[Call]:
        """Those that wait for a person, oldest first; `untold`: only those that were not told yet."""
        table = schema.calls
        query = table.select().where(table.c.settled_at.is_(None)).order_by(table.c.id)
        if untold:
            query = query.where(table.c.told_at.is_(None))
        with self._reading() as connection:
            return [_call_of(row) for row in connection.execute(query)]

    def told_by(self, call: Call, way: str, *, at: datetime) -> Call:
        """One way was used, and is not used for this call again."""
        used = replace(call, ways=call.ways | {way})
        with self._writing() as connection:
            connection.execute(_still(call).values(ways=" ".join(sorted(used.ways))))
            append(connection, _about(call, Note(at, "call_told_by", f"told by {way}: {call.reason}")))
        return used

    def told(self, call: Call, *, how: str, at: datetime) -> None:
        """Every configured way was used."""
        with self._writing() as connection:
            connection.execute(_still(call).values(told_at=at))
            append(connection, _about(call, Note(at, "call_told", f"people were told ({how}): {call.reason}")))

    def settle_call(self, call: Call, *, by: str, at: datetime) -> None:
        """A person has looked at it."""
        with self._writing() as connection:
            settle_in(connection, at, subject=call.subject)
            append(connection, _about(call, Note(at, "call_settled", f"{by} settled it: {call.reason}")))


def call_in(connection: Connection, subject: str, note: Note, *, look_at: str, with_row: bool = True) -> bool:
    """Calls a person in the caller's transaction, with a row in the record unless the caller writes it; False when that
    call is open already."""
    table = schema.calls
    values = {
        "request_id": note.request_id,
        "ticket_id": note.ticket_id,
        "ticket_key": note.ticket_key,
        "reason": note.sentence,
        "look_at": look_at,
        "told_at": None,
        "ways": None,
        "settled_at": None,
        "created_at": note.at,
    }
    row = connection.execute(table.select().where(table.c.subject == subject)).first()
    if row is not None and row.settled_at is None:
        return False
    if row is None:
        connection.execute(table.insert().values(subject=subject, **values))
    else:
        connection.execute(table.update().where(table.c.id == row.id).values(**values))
    if with_row:
        append(connection, note)
    return True


def settle_in(
    connection: Connection, at: datetime, *, subject: str | None = None, request_id: str | None = None
) -> None:
    """Closes what waits for a person, of one subject or of one request."""
    if subject is not None:
        SETTLE_SUBJECT.write(connection, about=subject, settled_at=at)
    else:
        SETTLE_REQUEST.write(connection, request=request_id, settled_at=at)


def _about(call: Call, note: Note) -> Note:
    return Note(
        note.at, note.kind, note.sentence, call.ticket_id, call.ticket_key, call.request_id, {"call": call.subject}
    )


def _still(call: Call) -> Update:
    """An update of this call, and not of a later one about the same subject."""
    table = schema.calls
    return table.update().where(table.c.id == call.id, table.c.created_at == call.created_at)


def _call_of(row: Any) -> Call:
    values = {f.name: getattr(row, f.name) for f in fields(Call)}
    return Call(**values | {"ways": frozenset((row.ways or "").split())})

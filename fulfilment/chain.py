"""The append-only record: rows that each follow from the one before, and how that is checked.

A row holds ids and digests. Its sentence stands in `payloads` with a random nonce, so that after a
redaction the hash
that stays in the row tells nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fulfilment.errors import ChainBroken
from fulfilment.schema import Connection, database_now, head, ledger, payloads, to_text

REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class Note:
    """A row to be written. `at` is ticket time. `decision` marks a row that may not be repeated: see
    `append_once`."""

    at: datetime
    kind: str
    sentence: str
    ticket_id: int | None = None
    ticket_key: str | None = None
    request_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as a person reads it: when by both clocks, what kind of row, and the sentence."""

    seq: int
    at: datetime
    recorded_at: datetime
    kind: str
    sentence: str
    ticket: str | None
    request_id: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`broken_at` is the first row that does not follow, or None; `redacted` counts payloads taken out on
    purpose."""

    rows: int
    broken_at: int | None
    redacted: int = 0


def hold_head(connection: Connection) -> tuple[int, str]:
    """Row number and hash of the head, held until the transaction ends.

    Held before anything is checked that another transaction may change: PostgreSQL would else let both through.
    """
    last = connection.execute(head.select().where(head.c.id == 1).with_for_update()).one()
    return int(last.seq), str(last.hash)


def append(connection: Connection, note: Note) -> int:
    """Writes the row and moves the head, in the caller's transaction. Returns the row's number."""
    seq, previous = hold_head(connection)
    payload = canonical({"nonce": secrets.token_hex(16), "sentence": note.sentence})
    row: dict[str, Any] = {
        "seq": seq + 1,
        "at": to_text(note.at),
        "recorded_at": to_text(database_now(connection)),
        "request_id": note.request_id,
        "ticket_id": note.ticket_id,
        "ticket_key": note.ticket_key,
        "kind": note.kind,
        "detail": canonical(note.detail),
        "decision": note.decision,
        "payload_hash": digest(payload),
        "previous": previous,
    }
    row["hash"] = row_hash(row)
    connection.execute(payloads.insert().values(hash=row["payload_hash"], text=payload))
    connection.execute(ledger.insert().values(**row))
    moved = connection.execute(
        head.update().where(head.c.id == 1, head.c.seq == seq).values(seq=row["seq"], hash=row["hash"])
    )
    if moved.rowcount != 1:
        raise ChainBroken(f"the ledger's head moved while row {row['seq']} was written: nothing was written")
    return int(row["seq"])


def append_once(connection: Connection, note: Note, *, ever: bool = False) -> datetime:
    """Writes a decision unless it is the newest decision about its ticket (`ever`: unless it was ever
    written). Since when it has stood."""
    if note.decision is None:
        raise ValueError("a note that must not be repeated needs its decision digest")
    query = ledger.select().where(ledger.c.ticket_id == note.ticket_id)
    if ever:
        query = query.where(ledger.c.decision == note.decision)
    else:
        query = query.where(ledger.c.decision.is_not(None), ledger.c.kind == note.kind)
    newest = connection.execute(query.order_by(ledger.c.seq.desc()).limit(1)).first()
    if newest is not None and newest.decision == note.decision:
        return datetime.fromisoformat(newest.at)
    append(connection, note)
    return note.at


def read_entries(connection: Connection, key: str) -> list[Entry]:
    """Every row about the ticket that has, or once had, this key; oldest first."""
    ids = connection.scalars(
        ledger.select().with_only_columns(ledger.c.ticket_id).where(ledger.c.ticket_key == key).distinct()
    ).all()
    rows = connection.execute(
        ledger.select()
        .add_columns(payloads.c.text)
        .select_from(ledger.outerjoin(payloads, payloads.c.hash == ledger.c.payload_hash))
        .where(ledger.c.ticket_id.in_(ids))
        .order_by(ledger.c.seq)
    )
    return [_entry(row) for row in rows]


def check(connection: Connection) -> VerifyReport:
    """Recomputes the whole chain: every row, its payload, and the head."""
    texts = {row.hash: row.text for row in connection.execute(payloads.select())}
    redacted = {
        json.loads(row.detail)["payload"]
        for row in connection.execute(ledger.select().where(ledger.c.kind == "redacted"))
    }
    previous, seq, hidden = "0" * 64, 0, 0
    for row in connection.execute(ledger.select().order_by(ledger.c.seq)).mappings():
        seq += 1
        follows = row["seq"] == seq and row["previous"] == previous and row["hash"] == row_hash(dict(row))
        text = texts.get(row["payload_hash"])
        if text is None and row["payload_hash"] in redacted:
            hidden += 1
        elif text is None or digest(text) != row["payload_hash"]:
            follows = False
        if not follows:
            return VerifyReport(_count(connection), seq, hidden)
        previous = row["hash"]
    last = connection.execute(head.select()).one()
    if (last.seq, last.hash) != (seq, previous):
        return VerifyReport(seq, seq + 1, hidden)
    return VerifyReport(seq, None, hidden)


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of everything in the row but the hash itself."""
    return digest(canonical({name: value for name, value in row.items() if name != "hash"}))


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _count(connection: Connection) -> int:
    return len(connection.execute(ledger.select().with_only_columns(ledger.c.seq)).all())


def _entry(row: Any) -> Entry:
    return Entry(
        seq=row.seq,
        at=datetime.fromisoformat(row.at),
        recorded_at=datetime.fromisoformat(row.recorded_at),
        kind=row.kind,
        sentence=REDACTED if row.text is None else json.loads(row.text)["sentence"],
        ticket=row.ticket_key,
        request_id=row.request_id,
        detail=json.loads(row.detail),
    )

"""The append-only record: rows that each follow from the one before. `verification` checks them.

A row holds ids and digests. Its sentence stands in `payloads` with a random nonce, so that after a redaction the hash
that stays in the row tells nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from fulfilment.errors import ChainBroken, LedgerError
from fulfilment.schema import Connection, database_now, ledger, payloads, requests, to_text
from fulfilment.statements import ADD_PAYLOAD, ADD_ROW, MOVE_HEAD, READ_HEAD

REDACTED: Final = "[redacted]"
START: Final = "0" * 64  # what the first row names as the one before it
HASHED: Final = tuple(sorted(column.name for column in ledger.columns if column.name != "hash"))


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
    """`broken_at` is the first row that does not stand as it was written, or None; `why` says so in a sentence.

    `rows` counts those that are there, `redacted` the payloads taken out on purpose; what was checked begins at row
    `first`; `anchored` is the last row that an anchor bears witness to, 0 without anchors. `remark` is what may
    be wrong, and cannot be told from what is at hand.
    """

    rows: int
    broken_at: int | None
    redacted: int = 0
    why: str = ""
    first: int = 1
    anchored: int = 0
    remark: str = ""


def hold_head(connection: Connection) -> tuple[int, str]:
    """Row number and hash of the head, held until the transaction ends.

    Held before anything is checked that another transaction may change: PostgreSQL would else let both through.
    """
    last = READ_HEAD.first(connection)
    if last is None:
        raise ChainBroken(
            "the ledger has lost its head: restore it from a backup; `goldenpath ledger verify` says more"
        )
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
    ADD_PAYLOAD.write(connection, hash=row["payload_hash"], text=payload)
    ADD_ROW.write(connection, **row)
    if MOVE_HEAD.write(connection, was=seq, seq=row["seq"], hash=row["hash"]) != 1:
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
    return _entries(connection, ledger.c.ticket_id.in_(ids))


def read_request(connection: Connection, prefix: str) -> list[Entry]:
    """Every row about the request whose id begins so; oldest first. Raises LedgerError where several do."""
    begun = [requests.c.id >= prefix, requests.c.id < prefix + "g"]  # an id is hexadecimal
    found = connection.execute(requests.select().where(*begun).order_by(requests.c.id).limit(2)).all()
    if len(found) > 1:
        raise LedgerError(
            f"several requests begin with {prefix}: {found[0].id} and {found[1].id}, say; give more of it"
        )
    if not found:
        return []
    return _entries(connection, ledger.c.ticket_id == found[0].ticket_id, ledger.c.request_id == found[0].id)


def _entries(connection: Connection, *which: Any) -> list[Entry]:
    rows = connection.execute(
        ledger.select()
        .add_columns(payloads.c.text)
        .select_from(ledger.outerjoin(payloads, payloads.c.hash == ledger.c.payload_hash))
        .where(*which)
        .order_by(ledger.c.seq)
    )
    return [_entry(row) for row in rows]


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of everything in the row but the hash itself."""
    return digest(row_text([row[name] for name in HASHED]))


def row_text(values: Sequence[Any]) -> str:
    """`canonical` of a row, from its values in the order of HASHED; several times as fast."""
    return _TEMPLATE % tuple([_WORDS.get(type(value), _unusual)(value) for value in values])


def _unusual(value: Any) -> str:
    """What no row of ours holds, bytes say, must give some text too: it is the wrong one."""
    return json.dumps(value, default=repr)


_WORDS: Final[Mapping[type, Callable[[Any], str]]] = {
    str: encode_basestring_ascii,
    int: str,
    type(None): {None: "null"}.__getitem__,
}
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_TEMPLATE: Final = "{" + ",".join(f'"{name}":%s' for name in HASHED) + "}"


def canonical(value: object) -> str:
    return _ENCODER.encode(value)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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

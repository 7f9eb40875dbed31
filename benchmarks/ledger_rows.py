"""A ledger of any size, whole and of the shape that an agent writes: ten rows to a ticket, a fifth of them about
tickets of long ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from fulfilment.chain import HASHED, START, canonical, digest, row_text
from fulfilment.ledger import Ledger

_FIRST: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_LIFE: Final = (
    ("matched", "matched to s3-bucket", {"generation": 1}),
    ("planned", "Create the bucket acme-payments-reports in eu-west-1, encrypted, private.", {"plan": "d" * 64}),
    ("proposal", "a code was issued for plan dddddddddddd", {"plan": "d" * 64}),
    ("proposed", "waits for an approval: Create the bucket acme-payments-reports.", {"plan": "d" * 64}),
    ("approved", "approved by Ada Lovelace", {"account": "5b10a2844c20165700ede21g"}),
    ("applying", "begins: Create the bucket acme-payments-reports in eu-west-1.", {"plan": "d" * 64}),
    ("intent", "about to: create the bucket", {"observed": "absent", "operation": "s3:CreateBucket", "step": 0}),
    ("step", "done: create the bucket", {"intent": 1, "operation": "s3:CreateBucket", "outcome": "done"}),
    ("applied", "every step is done", {"plan": "d" * 64}),
    ("decision", "no golden path is switched on for laptop", {"handler": None, "result": "left_to_people"}),
)
_SEQ, _PAYLOAD = HASHED.index("seq"), HASHED.index("payload_hash")
_BATCH: Final = 50_000
_MIXED: Final = 5  # every so many tickets, a row goes to one of long ago


def write_ledger(path: Path, rows: int) -> None:
    Ledger.open(path).close()
    columns = (*HASHED, "hash")
    marks = ", ".join("?" * len(columns))
    made = _rows(rows)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -262144"):
            file.execute(f"PRAGMA {pragma}")
        while batch := list(islice(made, _BATCH)):
            file.execute("BEGIN")
            file.executemany(
                f"INSERT INTO ledger ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
                (row for row, _ in batch),
            )
            file.executemany(
                "INSERT INTO payloads (hash, text) VALUES (?, ?)", ((row[_PAYLOAD], text) for row, text in batch)
            )
            last = batch[-1][0]
            file.execute("UPDATE head SET seq = ?, hash = ? WHERE id = 1", (last[_SEQ], last[-1]))
            file.execute("COMMIT")


def _rows(count: int) -> Iterator[tuple[tuple[object, ...], str]]:
    """Each row in the order of its columns, with its payload."""
    previous = START
    for seq in range(1, count + 1):
        ticket, step = divmod(seq - 1, len(_LIFE))
        kind, sentence, detail = _LIFE[step]
        number = ticket // 2 if ticket % _MIXED == 0 else ticket
        at = (_FIRST + timedelta(seconds=7 * seq)).isoformat(timespec="microseconds")
        text = canonical({"nonce": f"{seq:032x}", "sentence": sentence})
        values = {
            "at": at,
            "decision": digest(str(seq)) if kind == "decision" else None,
            "detail": canonical(detail),
            "kind": kind,
            "payload_hash": digest(text),
            "previous": previous,
            "recorded_at": at,
            "request_id": None if kind == "decision" else digest(f"request {number}"),
            "seq": seq,
            "ticket_id": 10_000 + number,
            "ticket_key": f"OPS-{number + 1}",
        }
        row = tuple([values[name] for name in HASHED])
        previous = digest(row_text(row))
        yield (*row, previous), text

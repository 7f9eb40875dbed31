"""Whether the record still stands as it was written. It is read once, row by row; nothing is kept but what redactions
and anchors claim.

The chain shows that no row was altered, removed or put elsewhere. It cannot show that rows are missing at its end, nor
that it was computed anew by somebody who can write the whole database: an anchor outside shows both, up to its row.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fulfilment.chain import HASHED, START, VerifyReport, digest, row_text
from fulfilment.schema import Connection, head, ledger, payloads

# What is checked of a row, in this order: its hash, its payload's text or None, the values that the hash is made of.
COLUMNS: Final = ("hash", "text", *HASHED)
_SEQ, _PREVIOUS, _PAYLOAD = (HASHED.index(name) for name in ("seq", "previous", "payload_hash"))
_BATCH: Final = 1_000

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the ledger at an instant: kept outside, it bears witness to all rows up to it."""

    seq: int
    hash: str
    at: str


@dataclass(frozen=True, slots=True)
class Head:
    seq: Any
    hash: Any


Anchors = Mapping[int, Sequence[Anchor]]


def check(connection: Connection, anchors: Anchors | None = None) -> VerifyReport:
    """Recomputes every row, its payload, redactions and the head, in one reading transaction."""
    taken = connection.execute(
        ledger.select().with_only_columns(ledger.c.seq, ledger.c.detail).where(ledger.c.kind == "redacted")
    )
    redactions = Redactions((row.seq, row.detail) for row in taken)
    return examine(_rows_with_texts(connection), redactions, read_head(connection), anchors or {})


def read_rows(connection: Connection, *, since: int | None = None) -> Iterator[Row]:
    """All rows, or those from number `since` on, in the order of COLUMNS, as a stream."""
    columns = [ledger.c.hash, payloads.c.text, *(ledger.c[name] for name in HASHED)]
    query = (
        ledger.select()
        .with_only_columns(*columns)
        .select_from(ledger.outerjoin(payloads, payloads.c.hash == ledger.c.payload_hash))
        .order_by(ledger.c.seq)
    )
    if since is not None:
        query = query.where(ledger.c.seq >= since)
    return _stream(connection, query)


def _rows_with_texts(connection: Connection) -> Iterator[Row]:
    """All rows, like `read_rows`, twice as fast: texts mostly lie in the order of their rows, so that both tables are
    read side by side. A text that does not lie there is looked up; those in its way are kept until their row comes."""
    query = ledger.select().with_only_columns(ledger.c.hash, *(ledger.c[name] for name in HASHED))
    texts = _stream(connection, payloads.select().with_only_columns(payloads.c.hash, payloads.c.text))
    found, text = next(texts, (None, None))
    passed: dict[Any, Any] = {}
    for hash, *values in _stream(connection, query.order_by(ledger.c.seq)):
        wanted = values[_PAYLOAD]
        if wanted == found:
            yield (hash, text, *values)
            found, text = next(texts, (None, None))
            continue
        if wanted in passed:
            yield (hash, passed.pop(wanted), *values)
            continue
        looked_up = connection.execute(payloads.select().where(payloads.c.hash == wanted)).first()
        yield (hash, looked_up and looked_up.text, *values)
        while looked_up and found not in (wanted, None) and len(passed) < _BATCH:
            passed[found] = text
            found, text = next(texts, (None, None))
        if found == wanted:
            found, text = next(texts, (None, None))


def _stream(connection: Connection, query: Any) -> Iterator[Row]:
    with connection.execute(query, execution_options={"yield_per": _BATCH}) as result:
        for rows in result.partitions():
            yield from rows


def read_head(connection: Connection) -> Head | None:
    last = connection.execute(head.select().where(head.c.id == 1)).first()
    return None if last is None else Head(last.seq, last.hash)


class Redactions:
    """What rows of the kind `redacted` claim: that the text of an earlier row was taken out on purpose."""

    def __init__(self, claims: Iterable[tuple[Any, str]]) -> None:
        self._of: dict[int, list[tuple[int, Any]]] = defaultdict(list)
        self._wrong: dict[int, str] = {}
        for seq, detail in claims:
            if not isinstance(seq, int):
                continue  # the row itself is out of sequence
            try:
                claim = json.loads(detail)
                row, payload = claim["row"], claim["payload"]
            except (TypeError, ValueError, KeyError):
                row, payload = None, None
            if not (isinstance(row, int) and row < seq):
                self._wrong[seq] = f"row {seq} says that a text was taken out, but names no row before it"
            else:
                self._of[row].append((seq, payload))

    def fault(self, seq: int, hash: Any, text: Any) -> str:
        """Why a missing payload is not explained, or a redaction is untrue; empty when all is well."""
        if seq in self._wrong:
            return self._wrong[seq]
        claims = self._of.get(seq, ())
        for by, payload in claims:
            if payload != hash:
                self._wrong[by] = f"row {by} says that the text of row {seq} was taken out, but names another text"
            elif text is not None:
                self._wrong[by] = f"row {by} says that the text of row {seq} was taken out, but it is there"
        if text is None and not any(by not in self._wrong for by, _ in claims):
            return f"the text of row {seq} is missing, and no later row says that it was taken out"
        return ""

    def __bool__(self) -> bool:
        return bool(self._of or self._wrong)


def examine(
    rows: Iterable[Row], redactions: Redactions, last: Head | None, anchors: Anchors, *, begins: Head | None = None
) -> VerifyReport:
    """`begins` is what stands before the first row: where only a part of the record is at hand, it is taken as given.
    `last` is the head."""
    begins = begins or Head(0, START)
    seq, previous, hidden, anchored = begins.seq, begins.hash, 0, 0
    rows = iter(rows)
    for row in rows:
        seq += 1
        hash, text, *values = row
        why = _fault(seq, hash, values, previous) or _text_fault(seq, text, values[_PAYLOAD])
        if not why and (text is None or redactions):
            why = redactions.fault(seq, values[_PAYLOAD], text)
        if not why and seq in anchors:
            why = _unlike(anchors[seq], hash)
            anchored = seq
        if why:
            count = seq - begins.seq + sum(1 for _ in rows)
            return VerifyReport(count, seq, hidden, why, begins.seq + 1)
        hidden += text is None
        previous = hash
    why = _end_fault(seq, previous, last, anchors)
    broken_at = (seq + 1) if why else None
    return VerifyReport(seq - begins.seq, broken_at, hidden, why, begins.seq + 1, anchored)


def _fault(seq: int, hash: Any, values: Sequence[Any], previous: str) -> str:
    """What is wrong with the row itself; empty when nothing is."""
    if values[_SEQ] != seq:
        return f"row {seq} is missing: row {values[_SEQ]} comes after row {seq - 1}"
    if digest(row_text(values)) != hash:
        return f"row {seq} was altered: its content does not give its hash"
    if values[_PREVIOUS] != previous:
        return f"row {seq} does not follow from row {seq - 1}: rows were taken out, put in or put in another order"
    return ""


def _text_fault(seq: int, text: Any, payload: Any) -> str:
    if text is None or (isinstance(text, str) and digest(text) == payload):
        return ""
    return f"the text of row {seq} was altered: it does not give the hash that stands in the row"


def _unlike(anchors: Sequence[Anchor], hash: str) -> str:
    for one in anchors:
        if one.hash != hash:
            anew = "the chain was written anew, from there or from before"
            return f"row {one.seq} is not the one that was anchored at {one.at}: {anew}"
    return ""


def _end_fault(seq: int, hash: str, last: Head | None, anchors: Anchors) -> str:
    beyond = max((number for number in anchors if number > seq), default=None)
    if beyond is not None:
        (one, *_) = anchors[beyond]
        return f"the rows end at {seq}, but row {beyond} was anchored at {one.at}: rows were cut off at the end"
    if last is None:
        return "the head is missing: it says which row is the last one"
    if not isinstance(last.seq, int) or last.seq > seq:
        return f"the rows end at {seq}, but the head stands at row {last.seq}: rows were cut off at the end"
    if last.seq < seq:
        return f"the rows end at {seq}, but the head stands at row {last.seq}: rows were added behind it"
    return "" if last.hash == hash else f"the head was altered: it does not carry the hash of row {seq}"

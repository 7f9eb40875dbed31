"""What the ledger costs: a durable change beside what nobody can avoid, verifying, and reading a story among many rows;
and the engine on it, for a whole fulfilment.

In a temporary folder in TMPDIR, else in this folder: it has to be a real disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

from benchmarks.engine import SMALL, append_durably, measure_engine
from benchmarks.ledger_rows import write_ledger
from benchmarks.verdicts import Number, Sizes
from fulfilment.chain import Note
from fulfilment.ledger import Ledger
from fulfilment.request import Request, State

AT: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LIFE: Final = (
    *(State.PLANNED, State.AWAITING_APPROVAL, State.APPROVED, State.APPLYING),
    *(State.APPLIED, State.VERIFIED, State.ANSWERED, State.CLOSED),
)
STORIES: Final = 50


def measure_ledger(sizes: Sizes) -> list[Number]:
    with _folder() as folder:
        change = _change(folder, sizes.ledger_changes)
        path = folder / "many.sqlite3"
        write_ledger(path, sizes.ledger)
        with Ledger.open(path) as ledger:
            found = [change, *_verify(ledger, sizes), _show(ledger, sizes)]
        return [*found, *measure_engine(folder, sizes.fulfilments)]


MEASURES: Final[Mapping[str, Callable[[Sizes], list[Number]]]] = {"ledger": measure_ledger}


def _change(folder: Path, changes: int) -> Number:
    """Every arrow of many requests' lives, in turn with an append. The first fifth is not counted: SQLite's log grows
    until it has gone round once."""
    moves, appends = [], []
    descriptor = os.open(folder / "small", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Ledger.open(folder / "change.sqlite3") as ledger:
        for number in range(max(1, changes // len(LIFE))):
            moved = ledger.create(_request(number), Note(AT, "matched", "matched to s3-bucket"), context={})
            for state in LIFE:
                note = Note(AT, state.value, "Create the bucket acme-payments-reports in eu-west-1, private.")
                start = perf_counter()
                moved = ledger.move(moved, state, note)
                moves.append(perf_counter() - start)
                appends.append(append_durably(descriptor))
    os.close(descriptor)
    settled = len(moves) // 5
    move, append = median(moves[settled:]), median(appends[settled:])
    small = f"fdatasync of {len(SMALL)} bytes {append * 1e3:.2f} ms"
    says = f"a durable change of a request with its row {move * 1e3:.2f} ms; {small}"
    return Number("ledger-change", says, move / append, "times", 5.0, is_most=True)


def _verify(ledger: Ledger, sizes: Sizes) -> Iterator[Number]:
    used, passed = [], []
    for _ in range(sizes.ledger_rounds):
        processor, clock = process_time(), perf_counter()
        report = ledger.verify()
        used.append(process_time() - processor)
        passed.append(perf_counter() - clock)
        if (report.rows, report.broken_at) != (sizes.ledger, None):
            raise RuntimeError(f"the ledger that is measured is not whole: {report}")
    says = f"rows verified in a second of one core, of {sizes.ledger:,}; {median(passed):.1f} s by the clock"
    raw = {"processor_seconds": used, "seconds": passed}
    yield Number("ledger-verify", says, sizes.ledger / median(used), "rows/s", 50_000, raw=raw)


def _show(ledger: Ledger, sizes: Sizes) -> Number:
    tickets = max(1, sizes.ledger // 10)
    taken = []
    for ticket in range(0, tickets, max(1, tickets // STORIES)):
        start = perf_counter()
        ledger.story(f"OPS-{ticket + 1}")
        taken.append(perf_counter() - start)
    slowest = f"the slowest of {len(taken)} {max(taken) * 1e3:.1f} ms"
    says = f"the story of a ticket among {sizes.ledger:,} rows; {slowest}"
    return Number("ledger-show", says, median(taken) * 1e3, "ms", 50, is_most=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ledger-bench-", dir=os.environ.get("TMPDIR", ".")) as folder:
        yield Path(folder)


def _request(number: int) -> Request:
    return Request(
        id=f"{number:064x}",
        site="bench",
        ticket_id=number,
        ticket_key=f"OPS-{number}",
        handler="s3-bucket",
        generation=1,
        state=State.MATCHED,
        epoch=1,
        content_hash="c" * 64,
        request_type="s3-bucket",
        type_source="given",
        requester="dana",
        parameters="{}",
        plan=None,
        resource=None,
        reason="",
        created_at=AT,
        updated_at=AT,
    )

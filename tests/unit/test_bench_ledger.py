"""The ledger that is measured is one that the product finds whole; measuring works at any size."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from benchmarks.ledger import measure_ledger
from benchmarks.ledger_rows import write_ledger
from benchmarks.verdicts import Sizes
from fulfilment.ledger import Ledger


def test_every_figure_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    numbers = measure_ledger(Sizes(ledger=200, ledger_changes=8, ledger_rounds=1, fulfilments=5))
    names = ["ledger-change", "ledger-verify", "ledger-show", "engine", "engine-processor"]
    assert [number.name for number in numbers] == names
    assert all(number.value > 0 for number in numbers)
    assert [number.name for number in numbers if number.target is None] == ["engine-processor"]
    assert numbers[3].raw["rows"] == 9 + 2 * 6  # arrows of a request's life; an intent and its end for each step
    assert list(tmp_path.iterdir()) == []


@pytest.mark.soak
def test_verifying_does_not_need_more_memory_for_more_rows(tmp_path: Path) -> None:
    peaks = []
    for rows in (5_000, 50_000):
        path = tmp_path / f"{rows}.sqlite3"
        write_ledger(path, rows)
        with Ledger.open(path) as ledger:
            tracemalloc.start()
            assert ledger.verify().broken_at is None
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]

"""What is handed on can be verified elsewhere, and is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfilment.anchors import read_anchors
from fulfilment.chain import Note, VerifyReport
from fulfilment.copies import check_copy, harmless
from fulfilment.errors import LedgerError
from fulfilment.ledger import Ledger
from fulfilment.schema import to_text
from fulfilment.verification import Anchor

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Four rows, one recorded each day; the text of the second was taken out."""
    days = iter(range(100))
    with Ledger.open(tmp_path / "ledger.sqlite3", clock=lambda: AT + timedelta(days=next(days))) as made:
        made.note(Note(AT, "note", "=HYPERLINK(0)", ticket_id=7, ticket_key="OPS-7", detail={"plan": "d"}))
        made.note(Note(AT, "note", "a secret"))
        made.redact(2, reason="asked for", at=AT)
        made.note(Note(AT, "decision", "ünïcode, \u2028 and\nlines", decision="d" * 64))
        yield made


@pytest.fixture
def copy(ledger: Ledger, tmp_path: Path) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_text("".join(ledger.copy("jsonl")), encoding="utf-8")
    return path


def test_json_lines_hold_all_that_verifying_needs(copy: Path) -> None:
    first, second, *_, head = map(json.loads, copy.read_text().splitlines())
    assert (first["seq"], first["ticket_key"], json.loads(first["payload"])["sentence"]) == (
        1,
        "OPS-7",
        "=HYPERLINK(0)",
    )
    assert second["payload"] is None
    assert head["head"]["seq"] == 4
    report = check_copy(copy, {})
    assert (report.rows, report.broken_at, report.redacted, report.first) == (4, None, 1, 1)


def changed(lines: list[dict[str, Any]], row: int, **values: Any) -> list[dict[str, Any]]:
    return [line | values if line.get("seq") == row else line for line in lines]


@pytest.mark.parametrize(
    ("change", "broken_at", "why"),
    [
        (lambda lines: changed(lines, 1, kind="x"), 1, "row 1 was altered"),
        (lambda lines: changed(lines, 1, seq=[]), 1, "row 1 is missing"),
        (lambda lines: changed(lines, 1, previous="f" * 64), 1, "row 1 was altered"),
        (lambda lines: changed(lines, 3, seq=[]), 2, "the text of row 2 is missing"),
        (lambda lines: changed(lines, 3, payload=None), 3, "is missing"),
        (lambda lines: changed(lines, 3, payload="{}"), 3, "text of row 3 was altered"),
        (lambda lines: changed(lines, 2, payload="{}"), 2, "text of row 2 was altered"),
        (lambda lines: [*lines[:1], *lines[2:]], 2, "row 2 is missing"),
        (lambda lines: lines[:-1], 5, "the head is missing"),
        (lambda lines: [*lines[:-2], lines[-1]], 4, "the head stands at row 4"),
    ],
)
def test_what_was_altered_on_the_way_is_found(
    copy: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], broken_at: int, why: str
) -> None:
    lines = change([json.loads(line) for line in copy.read_text().splitlines()])
    copy.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = check_copy(copy, {})
    assert report.broken_at == broken_at
    assert why in report.why


def test_a_part_is_verified_from_its_first_row_on(ledger: Ledger, tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl"
    part.write_text("".join(ledger.copy("jsonl", since=AT + timedelta(days=1))))
    report = check_copy(part, {})
    assert (report.rows, report.first, report.broken_at) == (3, 2, None)
    with pytest.raises(LedgerError, match="no row that was recorded since 2027"):
        list(ledger.copy("csv", since=AT + timedelta(days=300)))


def test_anchors_bear_witness_to_a_copy_too(ledger: Ledger, copy: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.jsonl"
    ledger.anchor(anchors, at=AT)
    ledger.note(Note(AT, "note", "after the copy"))
    ledger.anchor(anchors, at=AT)
    assert check_copy(copy, read_anchors(anchors)).anchored == 4
    anchors.write_text(json.dumps({"seq": 3, "hash": "0" * 64, "at": "then"}) + "\n")
    assert check_copy(copy, read_anchors(anchors)).broken_at == 3


def test_a_line_with_more_than_an_export_writes_is_refused(copy: Path) -> None:
    """Somebody else may read the key that `verify` passed over."""
    for number in (1, 5):
        lines = [json.loads(line) for line in copy.read_text().splitlines()]
        (lines[number - 1].get("head") or lines[number - 1])["sentence"] = "forged"
        changed_copy = copy.with_name(f"{number}.jsonl")
        changed_copy.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(LedgerError, match=f"line {number} of .* is no row of an export"):
            check_copy(changed_copy, {})
    copy.write_text(copy.read_text().replace('{"hash"', '{"payload": "forged", "hash"', 1))
    with pytest.raises(LedgerError, match=r"line 1 of .* is no row of an export"):
        check_copy(copy, {})


def cut_to(copy: Path, rows: int, at: str | None) -> Path:
    """The first rows with a head that fits them, as somebody may write it."""
    lines = [json.loads(line) for line in copy.read_text().splitlines()][:rows]
    head = {"seq": rows, "hash": lines[-1]["hash"]} | ({} if at is None else {"at": at})
    cut = copy.with_name("cut.jsonl")
    cut.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"head": head}]))
    return cut


def test_rows_that_an_anchor_knows_and_a_copy_lacks(ledger: Ledger, copy: Path) -> None:
    """Whether rows are missing or the copy is older, the time of writing in it tells, as far as it can be believed."""
    last = json.loads(copy.read_text().splitlines()[3])
    written = datetime.fromisoformat(json.loads(copy.read_text().splitlines()[4])["head"]["at"])

    def checked(file: Path, anchored: datetime) -> VerifyReport:
        return check_copy(file, {4: [Anchor(4, last["hash"], to_text(anchored))]})

    assert checked(copy, written).remark == ""
    before = checked(cut_to(copy, 3, to_text(written)), written - timedelta(hours=1))
    assert (before.broken_at, before.rows) == (4, 3)
    assert "row 4 was anchored at" in before.why
    for at, anchored in ((to_text(written), written + timedelta(hours=1)), (None, written), ("soon", written)):
        older = checked(cut_to(copy, 3, at), anchored)
        assert older.broken_at is None
        assert older.remark.startswith(f"anchors go on to row 4 (at {to_text(anchored)}): rows are missing")


@pytest.mark.parametrize(
    "text", ["no JSON\n", "[]\n", "{}\n", '{"head": {}}\n', '{"head": 1}\n', "[" * 100_000, "null"]
)
def test_what_is_no_export_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text(text)
    with pytest.raises(LedgerError, match=r"line 1 of .*export\.jsonl is no row of an export"):
        check_copy(path, {})
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LedgerError, match="not a text file"):
        check_copy(path, {})
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(LedgerError, match="cannot be read"):
            check_copy(place, {})


def test_csv_is_for_reading(ledger: Ledger) -> None:
    rows = list(csv.DictReader(io.StringIO("".join(ledger.copy("csv")), newline="")))
    assert [row["sentence"] for row in rows] == [
        "'=HYPERLINK(0)",
        "[redacted]",
        "the text of row 2 was taken out: asked for",
        "ünïcode, \u2028 and\nlines",
    ]
    assert (rows[0]["seq"], rows[0]["ticket_id"], rows[0]["ticket_key"]) == ("1", "7", "OPS-7")


@pytest.mark.parametrize(
    "cell",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t1", "\r1", "\n1", "  =1", "\u00a0=1", "\u200b=1", "\ufeff@x", "\x00=1"),
        *("＝1", "＋1", "－1", "＠x", "﹣1", "\u22121", "⁼1", " \u2003 ＝1"),
    ],
)
def test_a_cell_that_begins_like_a_formula_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "made"),
    [
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        (" \t ＝1", "' \t' ＝1"),
        ("one\n- two\n  @three", "one\n'- two\n'  @three"),
        ('a;"=1', "a;'\"=1"),
        ("a\r\n=1", "a\r\n'=1"),
        ("a;;=1", "a;;'=1"),
        ("a, -1; b=1; 2-1", "a,' -1; b=1; 2-1"),
        ('["a","-1"]', '["a","-1"]'),
    ],
)
def test_so_is_one_that_another_separator_cuts(cell: str, made: str) -> None:
    """A spreadsheet of another country takes `;` for the end of a cell, and so does one that was told to."""
    assert harmless(cell) == made


LETTERS = st.text(st.sampled_from(list("=+-@＝;,\t\r\n\"' \u200bab1{")), max_size=12)


@given(st.lists(LETTERS, min_size=1, max_size=3), st.sampled_from(",;\t"))
def test_no_separator_makes_a_formula(cells: list[str], separator: str) -> None:
    safe = [harmless(cell) for cell in cells]
    for cell in safe:
        assert not any(part.lstrip(" \u200b")[:1] in set("=+-@＝") for part in re.split("[,;\t\r\n]", cell))
    written = io.StringIO(newline="")
    csv.writer(written).writerow([1, *safe])
    with suppress(csv.Error):
        for row in csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=separator):
            assert not any(part.lstrip(" \u200b")[:1] in set("=+-@＝") for part in row), row


@pytest.mark.parametrize("cell", ["", "plain", "a=b", "1-2", -1, 0, None, "'=1", "(=1)", " plain", "é=1", "\u200b"])
def test_other_cells_stay_as_they_are(cell: Any) -> None:
    assert harmless(cell) == cell

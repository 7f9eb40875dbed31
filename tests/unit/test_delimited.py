"""Tables: every record with its line, and no quote that swallows what follows."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.delimited import Fault, Row, Table
from tickets.errors import ExportError

WHERE = Path("x.csv")


def read(data: bytes, *wanted: str) -> tuple[list[tuple[int, list[str]]], list[Fault]]:
    records = list(Table([data], WHERE, wanted).records())
    rows = [(record.line, record.cells) for record in records if isinstance(record, Row)]
    return rows, [record for record in records if isinstance(record, Fault)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
def test_delimiters_line_ends_and_starts(mark: str, end: str, start: str) -> None:
    lines = [mark.join(cells) for cells in (["one", '"t,w;o"', "three"], ["1", '"a""b"', "c"], ["", "2", "🎉 שלום"])]
    table = Table([(start + end.join(lines)).encode()], WHERE, ["one", "t,w;o"])
    assert table.header == ("one", "t,w;o", "three")
    first = 2 + start.count("\n")
    assert [(r.line, r.cells) for r in table.records() if isinstance(r, Row)] == [
        (first, ["1", 'a"b', "c"]),
        (first + 1, ["", "2", "🎉 שלום"]),
    ]


def test_the_delimiter_is_the_one_that_yields_the_wanted_columns() -> None:
    assert Table([b"a,b,c,d;status\n"], WHERE, ["STATUS "]).header == ("a,b,c,d", "status")
    assert Table([b"a,b,c,d;status\n"], WHERE, []).header == ("a", "b", "c", "d;status")


def test_a_line_is_the_physical_one_where_the_record_begins() -> None:
    rows, faults = read(b'a,b\r\n1,"x\r\ny\n\nz"\r\n\r\n  \n2,3\n')
    assert [(line, cells[0]) for line, cells in rows] == [(2, "1"), (8, "2")]
    assert faults == []


def test_too_many_and_too_few_cells() -> None:
    rows, faults = read(b"a,b\n1\n2,3\n4,5,6\n7,8\n")
    assert [line for line, _ in rows] == [3, 5]
    assert [(fault.line, fault.reason[:42]) for fault in faults] == [
        (2, "has 1 cells where the header has 2: export"),
        (4, "has 3 cells where the header has 2: export"),
    ]


@pytest.mark.parametrize(
    ("body", "good", "bad"),
    [
        ('1,"open\n2,b\n3,c\n', [3, 4], [2]),  # closes nowhere
        ('1,"open\n2,b\n3,"c"\n4,d\n', [3, 4, 5], [2]),  # the next quote would close it
        ('1,"open\n2,b\n3,"c\nc"\n4,d\n', [3, 4, 6], [2]),
        ('0,z\n1,"a"b\n2,c\n', [2, 4], [3]),  # a quote in the middle
        ('0,z\n1,"a', [2], [3]),  # the file ends inside
        ('1,2,"a\nb\nc"\n3,d\n', [5], [2]),  # three lines with a cell too many are one fault
        ('1,"open\n2,"open\n3,c\n', [4], [2, 3]),
    ],
)
def test_a_quote_that_goes_wrong_costs_its_own_record(body: str, good: list[int], bad: list[int]) -> None:
    rows, faults = read(f"a,b\n{body}".encode())
    assert [line for line, _ in rows] == good
    assert [fault.line for fault in faults] == bad


def test_a_fault_of_several_lines_names_them() -> None:
    _, faults = read(b'a,b\n1,2,"x\ny\nz"\n3,4\n')
    assert faults[0].reason.endswith("(lines 2 to 4)")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        ("a,b\n1,2".encode("utf-16"), "UTF-16"),
        ("a,b\n1,2".encode("utf-16-le"), "binary data"),
        (b"\0" * 5000, "binary data"),
        ("größe,b\n".encode("latin-1"), "UTF-8"),
        (b'"a,b\n1,2\n', "quotes do not close"),
    ],
)
def test_what_has_no_header_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ExportError, match=words) as raised:
        Table([data] if data else [], WHERE, ["a"])
    assert str(WHERE) in str(raised.value)


def test_bytes_that_are_no_text_cost_their_own_record() -> None:
    rows, faults = read(b"a,b\n1,\xe9\n2,x\0y\n3,\xc3\xa9\n")
    assert rows == [(4, ["3", "é"])]
    assert [(fault.line, fault.reason.split(":")[0]) for fault in faults] == [
        (2, "is not UTF-8"),
        (3, "holds a NUL byte"),
    ]


def test_a_record_beyond_the_limit_is_a_fault_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tickets.delimited.MAXIMUM_RECORD", 1000)
    body = "".join(f'{n},"{"x" * 90}"\n' for n in range(20))
    rows, faults = read(f'a,b\n0,"open\n{body.replace(chr(34), "")}'.encode())
    assert [line for line, _ in rows] == list(range(3, 23))
    assert [(fault.line, "longer than" in fault.reason) for fault in faults] == [(2, True)]


def test_memory_holds_one_record() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"a,b\n"
        for number in range(1500):
            yield b'%d,"' % number + (b"x" * 2000 + b"\n") * 10 + b'"\n'

    tracemalloc.start()
    try:
        count = sum(isinstance(record, Row) for record in Table(chunks(), WHERE, []).records())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 1500
    assert peak < 8 << 20


def test_many_open_quotes_take_no_time() -> None:
    rows, faults = read(b"a,b\n" + b'1,"open\n2,b\n' * 20_000)
    assert len(rows) == 20_000
    assert len(faults) == 20_000


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8), st.sampled_from([",", ";"]), st.integers(1, 40))
def test_what_was_written_is_read(rows: list[tuple[str, ...]], mark: str, size: int) -> None:
    """Whatever the cells hold (quotes, line ends, delimiters), however the bytes come in."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *rows])
    data = text.getvalue().encode()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    records = list(Table(chunks, WHERE, ["one", "two"]).records())
    assert all(isinstance(record, Row) for record in records)
    assert [tuple(record.cells) for record in records if isinstance(record, Row)] == [
        row for row in rows if any(cell.strip() for cell in row)
    ]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_raise_anything_but_an_export_error(data: bytes, size: int) -> None:
    try:
        table = Table([data[start : start + size] for start in range(0, len(data), size)], WHERE, ["a"])
    except ExportError as error:
        assert str(WHERE) in str(error)
        return
    lines = [record.line for record in table.records()]
    assert lines == sorted(set(lines))
    assert all(line > 1 for line in lines)

"""Files as people have them: lines, arrays, answers, packed, cut, broken, or no export at all."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.codec import decode, encode
from tickets.errors import ExportError
from tickets.exports import kind_of, read_export
from tickets.ticket import Rejection, Ticket


def issue(number: int, **more: Any) -> dict[str, Any]:
    fields = {"created": "2024-03-01T09:00:00.000+0000", "summary": f"number {number} ✓"}
    return {"id": str(number), "key": f"OPS-{number}", "self": "https://jira.example.org/i/1", "fields": fields} | more


def lines(count: int) -> bytes:
    return b"".join(json.dumps(issue(n), ensure_ascii=False).encode() + b"\n" for n in range(1, count + 1))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "export.json"
    path.write_bytes(data)
    return path


def outcome(path: Path) -> tuple[list[int], list[Rejection]]:
    records = list(read_export(path))
    tickets = [record.id for record in records if isinstance(record, Ticket)]
    return tickets, [record for record in records if isinstance(record, Rejection)]


ISSUES = [issue(1), issue(2)]
ANSWER = {"expand": "names", "startAt": 0, "issues": ISSUES}


@pytest.mark.parametrize(
    "data",
    [
        lines(2),
        lines(2).replace(b"\n", b"\r\n\r\n"),
        b"\xef\xbb\xbf" + lines(2),
        lines(2).rstrip(b"\n"),
        json.dumps(ISSUES).encode(),
        json.dumps(ISSUES, indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(ISSUES, indent=2).encode(),
        json.dumps(ANSWER).encode(),
        json.dumps(ANSWER, indent=2).encode(),
        b"\n".join(json.dumps({"issues": [one]}).encode() for one in ISSUES),
        b"[\n" + b",\n".join(json.dumps(one).encode() for one in ISSUES) + b"\n]\n",
    ],
    ids=["lines", "crlf", "bom", "no-end", "array", "pretty", "pretty-bom", "answer", "pretty-answer", "pages", "rows"],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_every_format_plain_and_packed(tmp_path: Path, data: bytes, is_packed: bool) -> None:
    path = written(tmp_path, gzip.compress(data) if is_packed else data)
    assert outcome(path) == ([1, 2], [])


def test_one_ticket_alone(tmp_path: Path) -> None:
    assert outcome(written(tmp_path, json.dumps(issue(5), indent=1).encode())) == ([5], [])
    assert outcome(written(tmp_path, json.dumps(issue(5)).encode())) == ([5], [])


def test_packed_files_one_after_another(tmp_path: Path) -> None:
    data = lines(2)
    middle = len(data) // 3
    assert outcome(written(tmp_path, gzip.compress(data[:middle]) + gzip.compress(data[middle:]))) == ([1, 2], [])


def test_a_zip_of_one_file_told_by_content(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tickets.jsonl", lines(2))
    path = written(tmp_path, packed.getvalue())
    assert kind_of(path) == "json"
    assert outcome(path) == ([1, 2], [])
    path.write_bytes(packed.getvalue()[:-30])
    with pytest.raises(ExportError, match="damaged zip"):
        list(read_export(path))


def test_a_bad_line_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    good = json.dumps(issue(1))
    text = "\n".join(
        [good, "", good[:50], '{"id": "2"}', "[]", "7", json.dumps(issue(3) | {"id": "x"}), json.dumps(issue(4))]
    )
    path = written(tmp_path, text.encode())
    tickets, rejections = outcome(path)
    assert tickets == [1, 4]
    assert [rejection.source for rejection in rejections] == [f"{path}:{number}" for number in (3, 4, 6, 7)]
    assert all(rejection.reason for rejection in rejections)


def test_a_bad_first_line_does_not_hide_the_others(tmp_path: Path) -> None:
    for first in (b'{"id": "9", "fie', b"oops"):
        path = written(tmp_path, first + b"\n" + lines(2))
        tickets, rejections = outcome(path)
        assert (tickets, [rejection.source for rejection in rejections]) == ([1, 2], [f"{path}:1"])


def test_packed_data_cut_anywhere_gives_what_is_whole_and_says_so(tmp_path: Path) -> None:
    data = gzip.compress(lines(300))
    whole, rejections = outcome(written(tmp_path, data))
    assert (len(whole), rejections) == (300, [])
    for end in (len(data) - 4, len(data) // 2, len(data) - 9):
        tickets, rejections = outcome(written(tmp_path, data[:end]))
        assert tickets == whole[: len(tickets)]
        assert len(tickets) == 300 if end > len(data) - 9 else 0 < len(tickets) <= 300
        assert len(rejections) == 1
        assert "too early" in rejections[0].reason
        assert rejections[0].source.rpartition(":")[2].isdecimal()


def test_packed_data_damaged_in_the_middle_says_so(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(lines(3000)))
    data[len(data) // 2] ^= 0xFF
    tickets, rejections = outcome(written(tmp_path, bytes(data)))
    assert 0 < len(tickets) <= 3000
    assert any("damaged" in rejection.reason for rejection in rejections)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "value", [[issue(1), issue(2), issue(3)], {"total": 3, "issues": [issue(1), issue(2), issue(3)]}]
)
def test_half_an_array_gives_its_whole_tickets(tmp_path: Path, value: Any, indent: int | None) -> None:
    data = json.dumps(value, indent=indent).encode()
    path = written(tmp_path, data[: data.index(b"OPS-3")])
    tickets, rejections = outcome(path)
    assert tickets == [1, 2]
    assert len(rejections) == 1
    assert rejections[0].source.startswith(f"{path}:")
    assert "after the first 2" in rejections[0].reason


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\x1f\x8b", "too early"),
        (b"\x1f\x8bnot gzip at all, really not", "damaged gzip"),
        (bytes(range(256)) * 50, "binary data"),
        (b"\x00" * 9000, "binary data"),
        (b"Key,Summary,Status,Created\nOPS-1,x,Open,today\n", "CSV"),
        (b"<!DOCTYPE html><html>log in</html>", "HTML"),
        (b"hello there\nhow are you", "some other text"),
        (lines(1).decode().encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_export_is_refused_with_a_way_out(tmp_path: Path, data: bytes, words: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(ExportError, match=words) as raised:
        list(read_export(path))
    assert str(path) in str(raised.value)


def test_no_file_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ExportError, match="cannot be read"):
            list(read_export(path))


@pytest.mark.parametrize("data", [b"[]", b'{"issues": []}', b"[\n]"])
def test_an_answer_without_tickets_says_so(tmp_path: Path, data: bytes) -> None:
    tickets, rejections = outcome(written(tmp_path, data))
    assert tickets == []
    assert [rejection.reason[:30] for rejection in rejections] == ["is an answer without any ticke"]


def test_the_site_is_the_host_unless_told(tmp_path: Path) -> None:
    odd = [issue(1), issue(2, self=""), issue(3, self="http://[bad"), issue(4, self=7)]
    path = written(tmp_path, json.dumps(odd).encode())
    sites = [record.site for record in read_export(path) if isinstance(record, Ticket)]
    assert sites == ["jira.example.org", "import", "import", "import"]
    assert {record.site for record in read_export(path, site="s") if isinstance(record, Ticket)} == {"s"}


def test_names_in_the_answer_name_the_form(tmp_path: Path) -> None:
    told = {
        "names": {"customfield_2": "Bucket name", "summary": "Summary"},
        "schema": {
            "customfield_2": {"type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield"}
        },
        "issues": [issue(1)],
    }
    told["issues"][0]["fields"]["customfield_2"] = "logs"  # type: ignore[index]
    (ticket,) = read_export(written(tmp_path, json.dumps(told).encode()))
    assert isinstance(ticket, Ticket)
    assert [(field.name, field.value) for field in ticket.form] == [("Bucket name", "logs")]


def test_nesting_beyond_reason_is_one_rejection(tmp_path: Path) -> None:
    deep = b'{"id": "1", "key": "A-1", "fields": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path = written(tmp_path, deep + b"\n" + lines(1))
    tickets, rejections = outcome(path)
    assert (tickets, [rejection.source for rejection in rejections]) == ([1], [f"{path}:1"])
    tickets, rejections = outcome(written(tmp_path, b"[" + deep + b"," + lines(1).strip() + b"]"))
    assert (tickets, len(rejections)) == ([], 1)


def test_memory_stays_flat_over_lines(tmp_path: Path) -> None:
    path = tmp_path / "large.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(1, 4001):
            file.write(json.dumps(issue(number, padding="x" * 10_000)).encode() + b"\n")
    tracemalloc.start()
    try:
        count = sum(isinstance(record, Ticket) for record in read_export(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 4000
    assert peak < 16 << 20


# Hostile content

FINE = json.dumps(issue(9))
DEEP = "[" * 1000 + "]" * 1000
HUGE = "9" * 5000


def with_field(name: str, value: str) -> str:
    return FINE.replace('"summary"', f'"{name}": {value}, "summary"')


HOSTILE = {
    "raw NUL": FINE.replace("number", "num\0ber"),
    "escaped NUL": with_field("priority", '{"name": "\\u0000"}'),
    "half surrogate": FINE.replace("number", "\\ud800"),
    "half surrogate in the site": FINE.replace("jira.example.org", "\\ud800"),
    "half surrogate in the names": FINE.replace("{", '{"names": {"\\ud800": "x"}, "schema": {"\\ud800": {}}, ', 1),
    "not a number": with_field("updated", "NaN"),
    "infinite": with_field("updated", "Infinity"),
    "huge number": with_field("updated", "1e400"),
    "number of 5000 digits": with_field("updated", HUGE),
    "id of 5000 digits": FINE.replace('"9"', f'"{HUGE}"'),
    "comment id of 5000 digits": with_field(
        "comment", f'{{"comments": [{{"id": "{HUGE}", "created": "2024-03-01T09:00:00Z"}}]}}'
    ),
    "numbers for strings": '{"id": 9, "key": 9, "fields": {"created": "x", "summary": 9}}',
    "lists for objects": '{"id": [], "key": {}, "fields": {"created": [], "status": [[]], "reporter": [1]}}',
    "before all time": with_field("updated", '"0001-01-01T00:00:00+23:00"'),
    "after all time": with_field("updated", '"9999-12-31T23:59:59-23:00"'),
    "deep instant": with_field("updated", DEEP),
    "deep text": with_field(
        "description",
        f'{{"type": "doc", "content": [{{"type": {DEEP}}}, {{"type": "mention", "attrs": {{"text": {DEEP}}}}}]}}',
    ),
    "deep schema": FINE.replace("{", f'{{"names": {{"a": {DEEP}}}, "schema": {{"a": {DEEP}}}, ', 1),
    "no object": "7",
    "fields of another kind": '{"id": "9", "key": "OPS-9", "fields": [1]}',
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "shape", ["{0}\n{1}\n", "[{1},\n{0}]", "[{1},{0},", '{{"issues": [{1}, {0}]}}', '{{\n"issues": [{1}, {0}, {{"a']
)
def test_one_hostile_ticket_costs_no_other(tmp_path: Path, hostile: str, shape: str) -> None:
    """It is a ticket or a rejection that names the file; what is read can be kept and given back."""
    path = written(tmp_path, shape.format(hostile, json.dumps(issue(1))).encode())
    records = list(read_export(path))
    tickets = [record for record in records if isinstance(record, Ticket)]
    assert 1 in {ticket.id for ticket in tickets}
    assert len(records) >= 2
    for ticket in tickets:
        assert decode(encode(ticket)) == ticket
    for rejection in (record for record in records if isinstance(record, Rejection)):
        assert rejection.source.startswith(str(path))
        assert 0 < len(rejection.reason.encode()) < 300


def test_a_rejected_ticket_is_named_where_it_can_be(tmp_path: Path) -> None:
    undated = FINE.replace("2024-03-01T09:00:00.000+0000", "then")
    _, rejections = outcome(written(tmp_path, f'{undated}\n{{"fields": {{}}}}\nbroken\n'.encode()))
    assert [(entry.site, entry.ticket_id) for entry in rejections] == [
        ("jira.example.org", 9),
        ("import", None),
        ("", None),
    ]


def test_the_same_ticket_twice_is_given_twice_and_left_to_the_store(tmp_path: Path) -> None:
    assert outcome(written(tmp_path, lines(1) * 2)) == ([1, 1], [])


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tickets.exports.MAXIMUM_LINE", 3 << 20)
    path = written(tmp_path, lines(2) + b'{"id": "' + b"x" * (5 << 20))
    with pytest.raises(ExportError, match=f"{path}:3 is longer than 3 MiB"):
        list(read_export(path))


# fmt: off
NAMES = [
    "id", "key", "self", "fields", "issues", "names", "schema", "created", "updated", "summary", "description",
    "status", "statusCategory", "name", "comment", "comments", "body", "author", "accountId", "changelog",
    "histories", "items", "field", "from", "properties", "value", "type", "content", "attrs", "text", "timestamp",
    "resolutiondate", "customfield_1", "custom",
]
# fmt: on
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
TICKETLIKE = st.fixed_dictionaries(
    {
        "id": st.just("7") | ANY,
        "key": st.just("OPS-7") | ANY,
        "fields": st.fixed_dictionaries(
            {"created": st.just("2024-03-01T09:00:00Z")},
            optional=dict.fromkeys(
                ("updated", "summary", "description", "status", "reporter", "labels", "components"), ANY
            )
            | {"comment": st.fixed_dictionaries({"comments": st.lists(ANY, max_size=2)}), "customfield_1": ANY},
        ),
    },
    optional={"self": ANY, "names": ANY, "schema": ANY, "changelog": ANY, "properties": ANY},
)


@given(st.lists(ANY | TICKETLIKE, min_size=1, max_size=3), st.sampled_from(["\n", ",", ""]), st.integers(0, 3))
def test_no_json_raises_anything_but_an_export_error(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], between: str, cut: int
) -> None:
    told = between.join(json.dumps(value) for value in values)
    data = f"[{told}]" if between == "," else told
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data.encode()[: len(data) - cut])
    try:
        records = list(read_export(path))
    except ExportError as error:
        assert str(path) in str(error)
        return
    assert records
    for record in records:
        if isinstance(record, Ticket):
            assert decode(encode(record)) == record
        else:
            assert record.source.startswith(str(path))
            assert record.reason.encode()

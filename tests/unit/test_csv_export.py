"""Jira's own CSV as people have it: repeated columns, dates without a zone, translated, resaved, cut, broken."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.codec import decode, encode
from tickets.errors import ExportError
from tickets.exports import kind_of, read_export
from tickets.store import TicketStore
from tickets.ticket import Person, Rejection, Status, StatusCategory, Ticket
from tickets.wall_clock import WallClock

HEADER = [
    "Summary",
    "Issue key",
    "Issue id",
    "Issue Type",
    "Status",
    "Project key",
    "Priority",
    "Resolution",
    "Assignee",
    "Assignee Id",
    "Reporter",
    "Reporter Id",
    "Creator",
    "Creator Id",
    "Created",
    "Updated",
    "Resolved",
    "Labels",
    "Labels",
    "Description",
    "Component/s",
    "Component/s",
    "Attachment",
    "Custom field (Bucket name)",
    "Custom field (Region)",
    "Custom field (Region)",
    "Custom field (Rank)",
    "Custom field (Approvals)",
    "Custom field (Request Type)",
    "Comment",
    "Comment",
    "Status Category",
    "Time Spent",
    "Total Time Spent",
]
FULL = {
    "Summary": "A bucket for logs",
    "Issue key": "OPS-7",
    "Issue id": "10007",
    "Issue Type": "Service Request",
    "Status": "Resolved",
    "Project key": "OPS",
    "Priority": "High",
    "Assignee": "Ann Lee",
    "Assignee Id": "712020:ann",
    "Reporter": "Bo Chen",
    "Reporter Id": "712020:bo",
    "Creator": "Bo Chen",
    "Creator Id": "712020:bo",
    "Created": "03/Feb/26 9:41 AM",
    "Updated": "04/Feb/26 10:00 PM",
    "Resolved": "04/Feb/26 9:59 PM",
    "Labels": ["storage", "urgent"],
    "Description": 'please,\n"soon"\r\nпривет שלום 🎉',
    "Component/s": ["AWS", "Data platform"],
    "Attachment": "03/Feb/26 9:41 AM;712020:bo;a.png;https://example.org/a.png",
    "Custom field (Bucket name)": "logs-prod",
    "Custom field (Region)": ["eu-west-1", "eu-west-2"],
    "Custom field (Rank)": "0|i02m2f:",
    "Custom field (Approvals)": "com.atlassian.servicedesk.ApprovalsCFValue@21c2fe6f",
    "Custom field (Request Type)": "Get an S3 bucket",
    "Comment": ["03/Feb/26 9:50 AM;712020:ann;which region; and why?\nthanks", "03/Feb/26 9:50 AM;;eu-west-1"],
    "Status Category": "Done",
    "Time Spent": "5400",
    "Total Time Spent": "7200",
}
Values = dict[str, str | list[str]]


def row(values: Values, header: Sequence[str] = HEADER) -> list[str]:
    left = {name: [value] if isinstance(value, str) else list(value) for name, value in values.items()}
    return [left[name].pop(0) if left.get(name) else "" for name in header]


def text(*rows: Values, header: Sequence[str] = HEADER, mark: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=mark).writerows([header, *(row(values, header) for values in rows)])
    return out.getvalue()


def one(**more: str | list[str]) -> Values:
    named = {name.replace("_", " "): value for name, value in more.items()}
    return {"Issue key": "OPS-1", "Issue id": "1", "Status": "Open", "Created": "03/Feb/26 9:41 AM"} | named


def written(folder: Path, data: str | bytes) -> Path:
    path = folder / "jira.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def outcome(path: Path, clock: WallClock | None = None) -> tuple[list[Ticket], list[Rejection]]:
    records = list(read_export(path, clock=clock))
    tickets = [record for record in records if isinstance(record, Ticket)]
    return tickets, [record for record in records if isinstance(record, Rejection)]


def test_a_whole_ticket(tmp_path: Path) -> None:
    (ticket,), rejections = outcome(written(tmp_path, text(FULL)))
    ann, bo = Person("712020:ann", "Ann Lee"), Person("712020:bo", "Bo Chen")
    assert rejections == []
    assert (ticket.site, ticket.id, ticket.key, ticket.project) == ("import", 10007, "OPS-7", "OPS")
    assert (ticket.ticket_type, ticket.request_type, ticket.priority) == ("Service Request", "get-an-s3-bucket", "High")
    assert ticket.status == Status("", "Resolved", StatusCategory.DONE)
    assert (ticket.assignee, ticket.reporter, ticket.creator) == (ann, bo, bo)
    assert ticket.summary == "A bucket for logs"
    assert ticket.description == 'please,\n"soon"\nпривет שלום 🎉'
    assert (ticket.labels, ticket.components) == (("storage", "urgent"), ("AWS", "Data platform"))
    assert ticket.created_at == datetime(2026, 2, 3, 9, 41, tzinfo=UTC)
    assert ticket.updated_at == datetime(2026, 2, 4, 22, 0, tzinfo=UTC)
    assert ticket.resolved_at == datetime(2026, 2, 4, 21, 59, tzinfo=UTC)
    assert ticket.status_changes is None
    assert ticket.worklog_seconds == 5400
    assert [(field.name, field.value) for field in ticket.form] == [
        ("Bucket name", "logs-prod"),
        ("Region", "eu-west-1, eu-west-2"),
    ]
    assert [(comment.author, comment.text) for comment in ticket.comments] == [
        (ann, "which region; and why?\nthanks"),
        (None, "eu-west-1"),
    ]
    assert not ticket.is_open
    assert decode(encode(ticket)) == ticket


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("packed", ["", "gzip", "zip"])
def test_every_wrapping(tmp_path: Path, mark: str, start: str, packed: str) -> None:
    data = (start + text(FULL, one(), mark=mark)).encode()
    if packed == "gzip":
        data = gzip.compress(data)
    if packed == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/jira.csv", data)
            archive.writestr("__MACOSX/folder/._jira.csv", "x")
        data = out.getvalue()
    path = written(tmp_path, data)
    assert kind_of(path) == "table"
    tickets, rejections = outcome(path)
    assert ([ticket.key for ticket in tickets], rejections) == (["OPS-7", "OPS-1"], [])


def test_a_summary_that_looks_like_json_is_a_summary(tmp_path: Path) -> None:
    path = written(tmp_path, "\n\n" + text(one(Summary='[{"PROD"}] down')))
    assert kind_of(path) == "table"
    assert [ticket.summary for ticket in outcome(path)[0]] == ['[{"PROD"}] down']


def test_the_least_a_ticket_needs_and_the_new_names_of_columns(tmp_path: Path) -> None:
    header = ["Work item key", "WORK ITEM ID", "status", "Created", "Components", "Request type", "Work type"]
    values: Values = {
        "Work item key": "A-1",
        "WORK ITEM ID": "5",
        "status": "Open",
        "Created": "2026-02-03 09:41",
        "Components": "x",
        "Request type": "portal/new-repo",
        "Work type": "Task",
    }
    (ticket,), _ = outcome(written(tmp_path, text(values, header=header)))
    assert (ticket.id, ticket.key, ticket.project, ticket.ticket_type) == (5, "A-1", "A", "Task")
    assert (ticket.components, ticket.request_type) == (("x",), "new-repo")  # Data Center names the key
    assert ticket.updated_at == ticket.created_at == datetime(2026, 2, 3, 9, 41, tzinfo=UTC)
    assert ticket.status.category is StatusCategory.UNDEFINED
    assert ticket.is_open


def test_a_status_without_category_is_open_until_resolved(tmp_path: Path) -> None:
    tickets, _ = outcome(written(tmp_path, text(one(), one(Issue_id="2", Resolved="04/Feb/26 9:41 AM"))))
    assert [ticket.is_open for ticket in tickets] == [True, False]


def test_names_stand_for_people_without_ids_and_addresses_for_nobody(tmp_path: Path) -> None:
    values = one(Reporter="bo.chen", Assignee="ann@example.org", Creator="Cy", Creator_Id="712020:cy")
    (ticket,), _ = outcome(written(tmp_path, text(values)))
    assert ticket.reporter == Person("bo.chen", "bo.chen")
    assert ticket.creator == Person("712020:cy", "Cy")
    assert ticket.assignee is not None
    assert "@" not in ticket.assignee.id + ticket.assignee.name


def test_dates_are_placed_by_the_time_zone(tmp_path: Path) -> None:
    path = written(tmp_path, text(one(Comment="03/Feb/26 9:50 AM;x;y")))
    (ticket,), _ = outcome(path, WallClock(ZoneInfo("Europe/Berlin")))
    assert ticket.created_at == datetime(2026, 2, 3, 8, 41, tzinfo=UTC)
    assert ticket.comments[0].created_at == datetime(2026, 2, 3, 8, 50, tzinfo=UTC)


def test_secrets_and_formulas(tmp_path: Path) -> None:
    header = [*HEADER, "Custom field (Password)"]
    values = one(Summary="=HYPERLINK(A1)", Description="+1\npassword: hunter22", Comment="03/Feb/26 9:50 AM;x;@SUM(A1)")
    values |= {"Custom field (Password)": "Tr0ub4dor"}
    (ticket,), _ = outcome(written(tmp_path, text(values, header=header)))
    assert ticket.summary == "=HYPERLINK(A1)"
    assert ticket.comments[0].text == "@SUM(A1)"
    assert ticket.description == "+1\npassword: [redacted: password]"
    assert [field.value for field in ticket.form] == ["[redacted: password]"]


def test_comments_have_stable_ids_that_differ(tmp_path: Path) -> None:
    same = "03/Feb/26 9:50 AM;x;ping"
    first, _ = outcome(written(tmp_path, text(one(Comment=[same, same]))))
    again, _ = outcome(written(tmp_path, text(one(Comment=[same, same]))))
    assert first == again
    assert len({comment.id for comment in first[0].comments}) == 2


# What is wrong


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (one(Issue_id=""), 'Export CSV (all fields)"'),
        (one(Issue_id="abc"), "the numeric id is 'abc'"),
        (one(Issue_key="nokey"), "no ticket key"),
        (one(Created=""), "the creation instant is missing"),
        (one(Created="03/二月/26 9:41 上午"), "which is no date that can be read"),
        (one(Updated="31/Feb/26 9:41 AM"), "the update instant is '31/Feb/26 9:41 AM'"),
        (one(Comment="no date here"), "a comment is 'no date here'"),
        (one(Comment="never;x;y"), "the creation of a comment is 'never'"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_read(tmp_path: Path, values: Values, reason: str) -> None:
    path = written(tmp_path, text(FULL, values, one(Issue_key="OPS-3", Issue_id="3")))
    tickets, (rejection,) = outcome(path)
    assert [ticket.key for ticket in tickets] == ["OPS-7", "OPS-3"]
    assert rejection.source == f"{path}:6"  # the first row has four lines
    assert reason in rejection.reason


def test_an_open_quote_and_a_shifted_row_cost_themselves_only(tmp_path: Path) -> None:
    whole = text(FULL, one(), one(Issue_id="2", Issue_key="OPS-2"), one(Issue_id="3", Issue_key="OPS-3"))
    path = written(tmp_path, whole.replace(",OPS-1,1,", ',OPS-1,"1,').replace(",OPS-2,", ",extra,OPS-2,"))
    tickets, rejections = outcome(path)
    assert [ticket.key for ticket in tickets] == ["OPS-7", "OPS-3"]
    assert [rejection.source for rejection in rejections] == [f"{path}:6", f"{path}:7"]
    assert "35 cells where the header has 34" in rejections[1].reason


def test_a_rejected_row_is_over_once_it_can_be_read(tmp_path: Path) -> None:
    path = written(tmp_path, text(one(Created="then")))
    with TicketStore.open(tmp_path / "t.sqlite3") as store:
        _, rejections = outcome(path)
        store.reject(rejections, file=path)
        assert [(entry.site, entry.ticket_id) for entry in store.rejections()] == [("import", 1)]
        other = tmp_path / "other.csv"
        other.write_text(text(one()))
        store.save(outcome(other)[0])
        assert store.rejections() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("Summary,Issue key,Issue id,Status\nx,A-1,1,Open\n", "without the column Created"),
        ("Summary,Issue key,Status,Created\nx,A-1,Open,x\n", r"Issue id: it has Summary.*all fields"),
        ("Zusammenfassung,Vorgangsschlüssel,Vorgangs-ID,Status,Erstellt\n", "English.*profile"),
        ("number;state;at;x;y\n1;2;3;4;5\n", "--events"),
        (text(one()).encode("utf-16"), "UTF-16"),
        (("Größe," + text(one())).encode("latin-1"), "UTF-8"),
        (b"Summary,Issue key,Issue id,Status,Created\0\n", "binary data"),
    ],
)
def test_a_table_that_is_no_export_is_refused_with_a_way_out(tmp_path: Path, data: str | bytes, words: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(ExportError, match=words) as raised:
        list(read_export(path))
    assert str(path) in str(raised.value)


def test_a_header_alone_says_so(tmp_path: Path) -> None:
    tickets, (rejection,) = outcome(written(tmp_path, text()))
    assert tickets == []
    assert "header without any ticket" in rejection.reason


def test_letters_of_another_encoding_cost_their_row(tmp_path: Path) -> None:
    rows = one(Issue_id="1"), one(Issue_id="2", Summary="größer"), one(Issue_id="3")
    tickets, (rejection,) = outcome(written(tmp_path, text(*rows).encode("latin-1")))
    assert [ticket.id for ticket in tickets] == [1, 3]
    assert "UTF-8" in rejection.reason


def test_a_cut_file_gives_what_is_whole_and_says_so(tmp_path: Path) -> None:
    rows = [one(Issue_key=f"OPS-{n}", Issue_id=f"{n}", Summary=f"number {n} " + "x" * 50) for n in range(1, 500)]
    data = text(*rows).encode()
    packed = gzip.compress(data)
    for end in (len(packed) // 3, len(packed) // 2, len(packed) - 9):
        tickets, (rejection,) = outcome(written(tmp_path, packed[:end]))
        assert [ticket.id for ticket in tickets] == list(range(1, len(tickets) + 1))
        assert all(ticket.summary.endswith("x" * 50) for ticket in tickets)
        assert "too early" in rejection.reason
    tickets, (rejection,) = outcome(written(tmp_path, data[: len(data) - 20]))
    assert len(tickets) == 498
    assert "cells where the header has" in rejection.reason


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds 0 files"),
        ({"a.csv": b"x", "b.csv": b"y"}, r"holds 2 files \(a.csv, b.csv\)"),
        ({"[Content_Types].xml": b"x", "xl/workbook.xml": b""}, "spreadsheet.*save it as CSV"),
    ],
)
def test_a_zip_that_holds_something_else(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    if not files:
        path.write_bytes(b"PK\x03\x04" + path.read_bytes())
    with pytest.raises(ExportError, match=words):
        list(read_export(path))


def test_dates_in_numbers_are_checked_over_the_whole_file_before_any_is_read(tmp_path: Path) -> None:
    rows = [one(Issue_id=f"{n}", Created=f"{n}/3/2026 10:00") for n in range(1, 32)]
    path = written(tmp_path, text(*rows))
    by_day = WallClock(ZoneInfo("UTC"), "day")
    tickets, _ = outcome(path, by_day)
    assert [ticket.created_at.day for ticket in tickets] == list(range(1, 32))
    for clock, words in (
        (None, "--dayfirst or --monthfirst"),
        (WallClock(ZoneInfo("UTC"), "month"), ":14: .*13/3/2026"),
    ):
        records = read_export(path, clock=clock)
        with pytest.raises(ExportError, match=words):
            next(records)


# At size


def test_a_cell_of_any_length_and_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.csv.gz"
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(HEADER)
        for number in range(1, 1001):
            long = f'a line, with "quotes" {"x" * 2980}\n' * 10  # in a column that no ticket keeps
            values = one(Issue_key=f"OPS-{number}", Issue_id=f"{number}", Attachment=long)
            csv.writer(file).writerow(row(values))
    tracemalloc.start()
    try:
        count = sum(isinstance(record, Ticket) for record in read_export(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 1000
    assert peak < 16 << 20
    huge = written(tmp_path, text(one(Description="y" * 3_000_000), one(Issue_id="2")))
    assert [len(ticket.description) for ticket in outcome(huge)[0]] == [3_000_000, 0]


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), max_size=4), st.sampled_from([",", ";"]))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, ...]], mark: str
) -> None:
    """Whatever a summary, a form field, a status and a comment hold, each row is one ticket that can be kept."""
    rows = [
        one(
            Issue_id=f"{number}",
            Summary=summary,
            Status=status,
            Comment=f"03/Feb/26 9:50 AM;x;{comment}",
            **{"Custom field (Region)": region},
        )
        for number, (summary, region, status, comment) in enumerate(drawn, start=1)
    ]
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text(*rows, mark=mark), encoding="utf-8", newline="")
    if not rows:
        return
    tickets, rejections = outcome(path)
    assert rejections == []
    assert [ticket.id for ticket in tickets] == list(range(1, len(rows) + 1))
    for ticket, (_, _, status, _) in zip(tickets, drawn, strict=True):
        assert ticket.status.name == status.strip()
        assert decode(encode(ticket)) == ticket


@given(st.lists(st.sampled_from(HEADER) | WORDS, max_size=8))
def test_no_header_raises_anything_but_an_export_error(
    tmp_path_factory: pytest.TempPathFactory, header: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "header.csv"
    out = io.StringIO()
    csv.writer(out).writerows([["Summary", "Issue key", *header], ["x"] * (len(header) + 2)])
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    try:
        records = list(read_export(path))
    except ExportError as error:
        assert str(path) in str(error)
        return
    assert records

"""Logs of status changes: snapshots in any order become each ticket's story."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.codec import decode, encode
from tickets.errors import ExportError
from tickets.event_log import EventColumns, EventLog, identity_of
from tickets.ticket import Clock, Person, Rejection, StatusCategory, Ticket
from tickets.wall_clock import WallClock

COLUMNS = EventColumns("case", "state", "at")
MEANINGS: Mapping[str, Clock] = {
    "New": "queue",
    "Active": "active",
    "Awaiting caller": "requester",
    "On hold": "blocked",
    "Resolved": "done",
    "Closed": "done",
}
START = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


def written(folder: Path, rows: Sequence[Sequence[str]], header: str = "case,state,at", name: str = "log.csv") -> Path:
    path = folder / name
    out = io.StringIO()
    csv.writer(out).writerows([header.split(","), *rows])
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    return path


def minute(number: int) -> str:
    return f"{START + timedelta(minutes=number):%Y-%m-%d %H:%M}"


def read(
    *paths: Path,
    columns: EventColumns = COLUMNS,
    meanings: Mapping[str, Clock] = MEANINGS,
    clock: WallClock | None = None,
    site: str = "desk",
) -> EventLog:
    log = EventLog(columns, site=site, clock=clock or WallClock(ZoneInfo("UTC")), meanings=meanings)
    for path in paths:
        log.take(path)
    log.settle()
    return log


def moves(ticket: Ticket) -> list[tuple[int, str, str]]:
    assert ticket.status_changes is not None
    return [
        (round((change.at - START) / timedelta(minutes=1)), change.from_name, change.to_name)
        for change in ticket.status_changes
    ]


def test_snapshots_become_changes(tmp_path: Path) -> None:
    rows = [
        ("INC1", "New", minute(0)),
        ("INC1", "New", minute(1)),
        ("INC1", "Active", minute(2)),
        ("INC1", "Active", minute(3)),
        ("INC1", "Awaiting caller", minute(4)),
        ("INC1", "Active", minute(5)),
        ("INC1", "Resolved", minute(6)),
        ("INC1", "Closed", minute(9)),
        ("INC1", "Closed", minute(10)),
    ]
    log = read(written(tmp_path, rows))
    (ticket,) = log.tickets()
    assert (ticket.site, ticket.key, ticket.project) == ("desk", "INC1", "desk")
    assert moves(ticket) == [
        (2, "New", "Active"),
        (4, "Active", "Awaiting caller"),
        (5, "Awaiting caller", "Active"),
        (6, "Active", "Resolved"),
        (9, "Resolved", "Closed"),
    ]
    assert ticket.created_at == START
    assert ticket.updated_at == START + timedelta(minutes=10)
    assert ticket.resolved_at == START + timedelta(minutes=6)  # when it entered the done statuses it ends in
    assert (ticket.status.name, ticket.status.category, ticket.status.clock) == ("Closed", StatusCategory.DONE, "done")
    assert not ticket.is_open
    assert decode(encode(ticket)) == ticket
    assert (dict(log.seen), log.repeated, log.rejections) == (
        {"New": 2, "Active": 3, "Awaiting caller": 1, "Resolved": 1, "Closed": 2},
        0,
        [],
    )


def test_events_anywhere_in_any_order_and_twice(tmp_path: Path) -> None:
    first = written(tmp_path, [("7", "Resolved", minute(9)), ("8", "New", minute(1)), ("7", "New", minute(0))])
    second = written(
        tmp_path,
        [("8", "New", minute(1)), ("7", "Active", minute(3)), ("7", "Resolved", minute(9)), ("7", "New", minute(0))],
        name="more.csv",
    )
    log = read(first, second)
    seven, eight = log.tickets()
    assert moves(seven) == [(3, "New", "Active"), (9, "Active", "Resolved")]
    assert moves(eight) == []
    assert log.repeated == 3
    assert (seven.id, eight.id) == (7, 8)


def test_events_of_one_minute_keep_the_order_of_the_file(tmp_path: Path) -> None:
    header = "case,state,at,version"
    rows = [("1", name, minute(0), f"{n}") for n, name in enumerate(["New", "Active", "New", "On hold"])]
    (ticket,) = read(written(tmp_path, rows, header)).tickets()
    assert [change.to_name for change in ticket.status_changes or ()] == ["Active", "New", "On hold"]


def test_a_reopened_ticket_is_open(tmp_path: Path) -> None:
    rows = [("1", name, minute(n)) for n, name in enumerate(["New", "Closed", "Active"])]
    (ticket,) = read(written(tmp_path, rows)).tickets()
    assert ticket.is_open
    assert ticket.resolved_at is None


def test_what_the_map_says_and_what_it_does_not(tmp_path: Path) -> None:
    rows = [("1", "  NEW ", minute(0)), ("1", "-100", minute(1)), ("2", "On  hold", minute(0))]
    log = read(written(tmp_path, rows))
    assert [(status.id, status.name, status.category.value, status.clock) for status in log.statuses] == [
        ("NEW", "NEW", "new", "queue"),
        ("-100", "-100", "undefined", None),
        ("On  hold", "On  hold", "indeterminate", "blocked"),
    ]
    unknown, held = log.tickets()
    assert unknown.status.category is StatusCategory.UNDEFINED
    assert unknown.is_open
    assert held.status.clock == "blocked"


def test_optional_columns_tell_what_the_latest_rows_say(tmp_path: Path) -> None:
    header = "case,state,at,title,kind,urgency,owner,caller"
    rows = [
        ("OPS-4", "New", minute(0), "a bucket, password: hunter22", "S3 bucket", "3", "?", "bo@example.org"),
        ("OPS-4", "Closed", minute(9), "", "?", "2", "?", "NULL"),
        ("OPS-4", "Active", minute(5), "", "", "1", "Ann", ""),
    ]
    columns = EventColumns("case", "state", "at", "title", "kind", "urgency", "owner", "caller")
    (ticket,) = read(written(tmp_path, rows, header), columns=columns).tickets()
    assert ticket.project == "OPS"
    assert ticket.summary == "a bucket, password: [redacted: password]"
    assert (ticket.ticket_type, ticket.request_type, ticket.priority) == ("S3 bucket", "s3-bucket", "2")
    assert ticket.assignee is None  # the last row has none
    assert ticket.reporter is not None
    assert "@" not in ticket.reporter.id + ticket.reporter.name
    (ticket,) = read(written(tmp_path, rows[2:], header), columns=columns).tickets()
    assert ticket.assignee == Person("Ann", "Ann")


@pytest.mark.parametrize(("key", "number"), [("7", 7), ("9" * 18, 10**18 - 1)])
def test_plain_numbers_are_their_own_ids(key: str, number: int) -> None:
    assert identity_of(key) == number


@pytest.mark.parametrize("key", ["INC0000045", "007", "0", "-3", "9" * 19, "٣", "inc 1 ✓"])
def test_other_keys_get_sixty_bits_that_stay(key: str) -> None:
    assert identity_of(key) == identity_of(key)
    assert 0 <= identity_of(key) < 1 << 60
    assert identity_of(key) != identity_of(f"{key} ")


def test_the_number_of_a_key_is_the_same_in_every_process() -> None:
    assert identity_of("INC0000045") == 456175323583384410


# What is wrong


def test_bad_rows_are_named_and_their_ticket_has_no_history(tmp_path: Path) -> None:
    rows = [
        ("1", "New", minute(0)),
        ("1", "Active", "yesterday"),
        ("1", "Closed", minute(9)),
        ("2", "New", minute(0)),
        ("?", "New", minute(0)),
        ("2", "", minute(1)),
        ("2", "New"),
        ("3", "New", minute(0)),
        ("4", "New", ""),
    ]
    path = written(tmp_path, rows)
    log = read(path)
    assert [entry.source for entry in log.rejections] == [f"{path}:{line}" for line in (3, 6, 7, 8, 10)]
    assert [entry.reason.split(",")[0] for entry in log.rejections] == [
        "the time in the column at is 'yesterday'",
        "names no ticket in the column case",
        "names no status in the column state",
        "has 2 cells where the header has 3: export it again",
        "the time in the column at is missing",
    ]
    known = {ticket.key: ticket for ticket in log.tickets()}
    assert {key: ticket.status_changes is None for key, ticket in known.items()} == {"1": True, "2": True, "3": False}


def test_the_order_of_day_and_month(tmp_path: Path) -> None:
    path = written(tmp_path, [("1", "New", "3/2/2026 9:00"), ("1", "Closed", "25/2/2026 9:00")])
    by_day = WallClock(ZoneInfo("UTC"), "day")
    (ticket,) = read(path, clock=by_day).tickets()
    assert ticket.updated_at - ticket.created_at == timedelta(days=22)
    with pytest.raises(ExportError, match=f"{path}:2: .*say --dayfirst or --monthfirst"):
        read(path)
    with pytest.raises(ExportError, match=f"{path}:3: .*25/2/2026.*no month 25.*say --dayfirst"):
        read(path, clock=WallClock(ZoneInfo("UTC"), "month"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"case,state,at\n", "no event in "),
        (b"PK\3\4 and no more", "damaged zip"),
        (gzip.compress(b"case,state,at\n", mtime=0)[:8], "too early"),
        (b"case,state,at\n1,New,soon\n", r"no event in .* \(.*:2 .*soon"),
        (b"case;status;when\n", "no column 'state' and 'at'; it has case, status, when"),
        (b"\0\1\2" * 900, "binary data"),
        ("case,state,at\n".encode("utf-16"), "UTF-16"),
        ("größe,state,at\n".encode("latin-1"), "UTF-8"),
        (
            b"case,state,at\n" + b"".join(b"1,s%d,2026-02-02 09:00\n" % n for n in range(1001)),
            "1000 different statuses",
        ),
    ],
)
def test_what_is_no_log_is_refused_with_a_way_out(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    with pytest.raises(ExportError, match=words) as raised:
        read(path)
    assert str(path) in str(raised.value)


def test_a_cut_log_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, [(f"{n}", "New", minute(n)) for n in range(1, 2000)])
    packed = gzip.compress(path.read_bytes())
    path.write_bytes(packed[: len(packed) // 2])
    log = read(path)
    assert 0 < len(list(log.tickets())) < 2000
    (entry,) = log.rejections
    assert "too early" in entry.reason
    assert isinstance(entry, Rejection)


# Against a plain reading of the same rows

NAMES = st.sampled_from([*MEANINGS, "-100"])
EVENTS = st.lists(st.tuples(st.sampled_from(["1", "2", "INC3"]), NAMES, st.integers(0, 12)), min_size=1, max_size=25)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(0, 3))
def test_any_log_in_any_order_tells_the_same_story(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str, int]], random: object, copies: int
) -> None:
    unique = list({(key, at): (key, name, at) for key, name, at in events}.values())  # a status per minute
    shuffled = [*unique, *unique[:copies]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    rows = [(key, name, minute(at)) for key, name, at in shuffled]
    path = written(tmp_path_factory.getbasetemp(), rows)
    log = read(path)
    assert log.repeated == len(shuffled) - len(unique)
    known = {ticket.key: ticket for ticket in log.tickets()}
    for key, group in groupby(sorted(unique, key=lambda event: (event[0], event[2])), key=lambda event: event[0]):
        story = [(at, name) for _, name, at in group]
        expected = [(at, was, name) for (_, was), (at, name) in pairwise(story) if was != name]
        ticket = known.pop(key)
        assert moves(ticket) == expected
        assert ticket.created_at == START + timedelta(minutes=story[0][0])
        assert ticket.updated_at == START + timedelta(minutes=story[-1][0])
        done = [MEANINGS.get(name) == "done" for _, name in story]
        assert (ticket.resolved_at is not None) == done[-1]
        if done[-1]:
            since = max((n + 1 for n, is_done in enumerate(done) if not is_done), default=0)
            assert ticket.resolved_at == START + timedelta(minutes=story[since][0])
    assert known == {}


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_an_export_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"case,state,at\n1,New,2026-02-02 09:00\n" + data)
    try:
        log = read(path)
    except ExportError as error:
        assert str(error)
        return
    assert list(log.tickets())

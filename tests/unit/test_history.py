"""The Parquet history equals the store, whoever is killed, and whoever reads meanwhile."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.unit.test_store import ADA, START, ticket, whole_tickets, without_privileges
from tickets.assignments import holdings
from tickets.errors import StoreError
from tickets.history import (
    CHANGES,
    COMMENTS,
    TICKETS,
    History,
    HistoryProgress,
    HistoryReport,
    current_files,
    generation,
    read_changes,
    read_comments,
    read_history,
    read_tickets,
    tables_of,
    write_history,
)
from tickets.store import TicketStore
from tickets.sync_book import Partition
from tickets.ticket import Comment, FieldChange, Person, Status, StatusCategory, StatusChange, Ticket, Tombstone

SITE = "example.atlassian.net"
KINDS = ("changes", "comments", "tickets")
MONTHS = [datetime(2024, month, 3, 9, tzinfo=UTC) for month in range(1, 13)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TicketStore]:
    with TicketStore.open(tmp_path / "tickets.sqlite3") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "history"


def month_of(found: Ticket) -> str:
    return found.created_at.strftime("%Y-%m")


def expected(tickets: Sequence[Ticket]) -> tuple[list[dict[str, Any]], ...]:
    """The rows that the tickets are to give, in order."""
    in_order = sorted(tickets, key=lambda found: (found.site, found.project, month_of(found), found.id))
    changes = [
        {
            "site": found.site,
            "ticket_id": found.id,
            "change_id": change.id,
            "at": change.at,
            "author": change.author and change.author.id,
            "from_id": change.from_id,
            "from_name": change.from_name,
            "to_id": change.to_id,
            "to_name": change.to_name,
        }
        for found in in_order
        for change in sorted(found.status_changes or (), key=lambda change: change.at)
    ]
    comments = [
        {
            "site": found.site,
            "ticket_id": found.id,
            "at": comment.created_at,
            "author": comment.author and comment.author.id,
            "kind": comment.author and comment.author.kind,
            "is_public": comment.is_public,
        }
        for found in in_order
        for comment in sorted(found.comments, key=lambda comment: comment.created_at)
    ]
    return [ticket_row(found) for found in in_order], changes, comments


def ticket_row(found: Ticket) -> dict[str, Any]:
    same = ("site", "key", "project", "ticket_type", "request_type", "summary", "priority", "worklog_seconds")
    held = holdings(found.field_changes) if found.status_changes is not None else None
    return {name: getattr(found, name) for name in same} | {
        "ticket_id": found.id,
        "status_id": found.status.id,
        "status": found.status.name,
        "status_category": str(found.status.category),
        "status_clock": found.status.clock,
        "reporter": found.reporter and found.reporter.id,
        "creator": found.creator and found.creator.id,
        "assignee": found.assignee and found.assignee.id,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "resolved_at": found.resolved_at,
        "has_history": found.status_changes is not None,
        "hand_offs": held and held.hand_offs,
        "bounces": held and held.bounces,
    }


def check_equal(history: History, store: TicketStore) -> None:
    assert history.tickets.schema == TICKETS
    assert history.changes.schema == CHANGES
    assert history.comments.schema == COMMENTS
    assert rows_of(history) == expected(list(store.tickets()))


def rows_of(history: History) -> tuple[list[dict[str, Any]], ...]:
    return tuple(table.to_pylist() for table in (history.tickets, history.changes, history.comments))


def parquet_files(folder: Path) -> list[str]:
    return sorted(re.sub(r"\.[0-9a-f]{16}\.", ".", str(p.relative_to(folder))) for p in folder.rglob("*.parquet*"))


# What is written


def test_a_row_per_ticket_and_per_change(store: TicketStore, folder: Path) -> None:
    def change(number: int, hours: int, author: Any = ADA) -> StatusChange:
        return StatusChange(str(number), START + timedelta(hours=hours), author, "1", "Open", "3", "Doing")

    imported = Status("9", "On hold", StatusCategory.UNDEFINED, "blocked")
    store.save(
        [
            ticket(2, status_changes=(change(3, 9), change(1, 5), change(2, 5, None)), created_at=START),
            ticket(1, status_changes=None, status=imported, request_type=None, reporter=None, assignee=ADA),
            ticket(3, status_changes=(), created_at=START + timedelta(days=40), resolved_at=START),
        ]
    )
    assert write_history(store, folder) == HistoryReport(2, 0, 2, 3, 3, 0)
    history = read_history(folder)
    check_equal(history, store)
    assert history.changes["change_id"].to_pylist() == ["1", "2", "3"]
    assert history.tickets["status_clock"].to_pylist() == ["blocked", None, None]
    assert history.tickets["created_at"].type == TICKETS.field("created_at").type
    assert read_tickets(folder).equals(history.tickets)
    assert read_changes(folder).equals(history.changes)
    assert read_tickets(folder, columns=["key"]).to_pydict() == {"key": ["OPS-1", "OPS-2", "OPS-3"]}
    place = "site=example.atlassian.net/project=OPS/month=2024-0"
    assert parquet_files(folder) == [f"{place}{n}/{kind}.parquet" for n in (3, 4) for kind in KINDS]


@settings(max_examples=25, deadline=None)
@given(st.lists(whole_tickets, max_size=5, unique_by=lambda found: (found.site, found.id)))
def test_every_ticket_is_written_exactly(tickets: list[Ticket]) -> None:
    with tempfile.TemporaryDirectory() as name, TicketStore.open(Path(name) / "tickets.sqlite3") as store:
        tickets = [
            replace(found, created_at=min(found.created_at, datetime(9999, 11, 1, tzinfo=UTC))) for found in tickets
        ]
        store.save(tickets)
        write_history(store, Path(name) / "history")
        check_equal(read_history(Path(name) / "history"), store)


def test_comments_say_when_and_who_and_no_word(store: TicketStore, folder: Path) -> None:
    def said(number: int, hours: int, author: Person | None, *, is_public: bool = True) -> Comment:
        at = START + timedelta(hours=hours)
        return Comment(str(number), author, at, at, author, "the secret plan", "0" * 64, is_public)

    bot, customer = Person("b", "Bot", "app"), Person("c", "Cy", "customer")
    store.save(
        [
            ticket(2, comments=(said(4, 3, None), said(5, 1, bot, is_public=False)), created_at=START),
            ticket(1, comments=(said(1, 9, ADA), said(2, 2, customer)), created_at=START),
        ]
    )
    write_history(store, folder)
    check_equal(read_history(folder), store)
    assert read_comments(folder, columns=["ticket_id", "author", "kind", "is_public"]).to_pydict() == {
        "ticket_id": [1, 1, 2, 2],
        "author": ["c", ADA.id, "b", None],
        "kind": ["customer", "person", "app", None],
        "is_public": [True, True, False, True],
    }
    assert not any(b"secret" in path.read_bytes() for path in folder.rglob("*.parquet"))


def test_hand_offs_are_counted_where_there_is_a_history(store: TicketStore, folder: Path) -> None:
    given = [("", "Ann"), ("Ann", "Bo"), ("Bo", "Ann")]
    changes = tuple(FieldChange(str(n), START, ADA, "assignee", *names) for n, names in enumerate(given))
    store.save(
        [
            ticket(1, field_changes=changes, worklog_seconds=5400),
            ticket(2),
            ticket(3, field_changes=changes, status_changes=None),
        ]
    )
    write_history(store, folder)
    columns = ["hand_offs", "bounces", "worklog_seconds"]
    assert read_tickets(folder, columns=columns).to_pydict() == {
        "hand_offs": [2, 0, None],
        "bounces": [1, 0, None],
        "worklog_seconds": [5400, None, None],
    }


def test_the_tables_are_the_same_without_a_folder(store: TicketStore, folder: Path) -> None:
    store.save([ticket(number, created_at=START) for number in (3, 1, 2)])
    write_history(store, folder)
    made, history = tables_of(store.tickets()), read_history(folder)
    for kind in KINDS:
        assert made[kind].equals(getattr(history, kind))
    assert {kind: table.num_rows for kind, table in tables_of(()).items()} == dict.fromkeys(KINDS, 0)


def test_tickets_of_two_sites_with_one_id_are_not_mixed() -> None:
    tickets = [ticket(1, site="b.example"), ticket(1, site="a.example"), ticket(2, site="a.example")]
    made = tables_of(tickets)
    for kind in KINDS:
        assert made[kind]["site"].to_pylist() == ["a.example", "a.example", "b.example"]


def test_who_scans_the_files_himself_gets_those_that_are_current(store: TicketStore, folder: Path) -> None:
    store.save([ticket(number, created_at=at) for number, at in enumerate(MONTHS, 1)])
    write_history(store, folder)
    before, old = current_files(folder, "comments"), generation(folder)
    assert old == read_history(folder).generation
    assert [path.parent.name for path in before] == [f"month={month:%Y-%m}" for month in MONTHS]
    store.save([ticket(4, created_at=MONTHS[3], updated_at=START + timedelta(days=300), summary="edited")])
    write_history(store, folder)
    after = current_files(folder, "comments")
    assert [old_path == path for old_path, path in zip(before, after, strict=True)] == [n != 3 for n in range(12)]
    assert generation(folder) not in (None, old)
    for kind in KINDS:
        scanned = [pq.read_table(path, partitioning=None) for path in current_files(folder, kind)]
        assert pa.concat_tables(scanned).equals(getattr(read_history(folder), kind))


def test_only_what_changed_is_written_again(store: TicketStore, folder: Path) -> None:
    store.save([ticket(number, created_at=at) for number, at in enumerate(MONTHS, 1)])
    assert write_history(store, folder) == HistoryReport(12, 0, 12, 12, 12, 0)
    first = {path.parent.name: path.name for path in folder.rglob("tickets.*")}
    generation = read_history(folder).generation
    assert write_history(store, folder) == HistoryReport(0, 0, 12, 12, 12, 0)
    assert read_history(folder).generation == generation
    store.save([ticket(4, created_at=MONTHS[3], updated_at=START + timedelta(days=300), summary="edited")])
    seen: list[HistoryProgress] = []
    assert write_history(store, folder, progress=seen.append) == HistoryReport(1, 0, 12, 12, 12, 0)
    assert seen == [HistoryProgress(Partition(SITE, "OPS", "2024-04"), 0, 1)]
    second = {path.parent.name: path.name for path in folder.rglob("tickets.*")}
    assert {month for month in first if first[month] != second[month]} == {"month=2024-04"}
    check_equal(read_history(folder), store)
    assert write_history(store, folder, rebuild=True) == HistoryReport(12, 0, 12, 12, 12, 0)
    assert not {path.name for path in folder.rglob("tickets.*")} & {*first.values(), *second.values()}


def test_partitions_that_became_empty_go(store: TicketStore, folder: Path) -> None:
    store.save([ticket(1), ticket(2, project="WEB", key="WEB-2"), ticket(3, created_at=MONTHS[0])])
    write_history(store, folder)
    store.save([ticket(2, project="OPS", key="OPS-9", updated_at=START + timedelta(days=1))])
    store.bury(SITE, {3: Tombstone.GONE}, START)
    assert write_history(store, folder) == HistoryReport(1, 2, 1, 2, 2, 0)
    check_equal(read_history(folder), store)
    assert [path.name for path in folder.glob("*/*")] == ["project=OPS"]
    store.bury(SITE, {1: Tombstone.GONE, 2: Tombstone.GONE}, START)
    assert write_history(store, folder) == HistoryReport(0, 1, 0, 0, 0, 0)
    assert sorted(path.name for path in folder.iterdir()) == ["history.json", "history.lock"]
    assert read_tickets(folder).num_rows == read_changes(folder).num_rows == 0
    store.save([ticket(1, updated_at=START + timedelta(days=9))])
    assert write_history(store, folder) == HistoryReport(1, 0, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("site", "project"),
    [
        ("../../outside", "../.."), ("..", "."), ("/etc", "a/b\\c"), ("", ""), ("a=b", "c%2Fd"), ("ünï☃", "*?[x]"),
        ("x" * 400, "y" * 3000), ("x" * 300 + "é" * 90, "NUL\0"),
    ],
)  # fmt: skip
def test_no_name_leaves_the_folder(tmp_path: Path, store: TicketStore, site: str, project: str) -> None:
    folder = tmp_path / "deep" / "history"
    twin = ticket(2, site=site + "z", project=project + "z")
    store.save([ticket(1, site=site, project=project), twin, ticket(3, site=site, project=project.upper())])
    write_history(store, folder)
    check_equal(read_history(folder), store)
    assert {path.name for path in tmp_path.iterdir()} - {"deep", "history"} == {
        name for name in ("tickets.sqlite3", "tickets.sqlite3-shm", "tickets.sqlite3-wal") if (tmp_path / name).exists()
    }
    for path in folder.rglob("*.parquet"):
        assert [part.split("=")[0] for part in path.relative_to(folder).parts[:-1]] == ["site", "project", "month"]
    assert write_history(store, folder).written == 0


def test_what_is_not_ours_is_left_alone(store: TicketStore, folder: Path) -> None:
    theirs = [folder / "site=x/project=y/month=2024-01/notes.parquet", folder / "mine" / "tickets.0.parquet"]
    theirs += [folder / "site=example.atlassian.net/project=OPS/month=2024-03/tickets.parquet"]
    for path in theirs:
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    store.save([ticket(1)])
    write_history(store, folder)
    store.bury(SITE, {1: Tombstone.GONE}, START)
    write_history(store, folder, rebuild=True)
    assert [path.read_text() for path in theirs] == ["mine"] * 3


def test_another_reader_finds_plain_files(store: TicketStore, folder: Path) -> None:
    """A file says by itself what it holds, how it is sorted, and can be checked."""
    store.save([ticket(number) for number in range(1, 50)])
    write_history(store, folder)
    [path] = folder.rglob("changes.*.parquet")
    meta = pq.ParquetFile(path).metadata
    assert meta.num_rows == 49
    assert [column.column_index for column in meta.row_group(0).sorting_columns] == [1, 3]
    assert meta.row_group(0).column(1).compression == "ZSTD"


# Kills


class Killed(BaseException):
    """The process ends here: nothing of ours may catch it."""


def killer(after: int) -> Callable[[HistoryProgress], None]:
    left = [after]

    def kill(_: HistoryProgress) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    return kill


class Life(RuleBasedStateMachine):
    """Saves, moves and burials at random; runs that are killed, files that are damaged: a run that ends is right."""

    numbers = st.integers(1, 12)

    def __init__(self) -> None:
        super().__init__()
        self._home = Path(tempfile.mkdtemp())
        self.store = TicketStore.open(self._home / "tickets.sqlite3")
        self.folder = self._home / "history"
        self.now = START + timedelta(days=500)
        self.shown: tuple[Any, Any] | None = None  # what a reader saw last

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self._home)

    @rule(
        numbers=st.lists(numbers, min_size=1, max_size=6), project=st.sampled_from(["A", "B"]), moves=st.integers(0, 3)
    )
    def save(self, numbers: list[int], project: str, moves: int) -> None:
        self.now += timedelta(hours=1)
        changes = tuple(StatusChange(str(n), self.now, ADA, "1", "Open", "3", "Doing") for n in range(moves))
        self.store.save(
            [
                ticket(n, project=project, created_at=MONTHS[n % 3], updated_at=self.now, status_changes=changes)
                for n in numbers
            ]
        )

    @rule(numbers=st.lists(numbers, max_size=4))
    def bury(self, numbers: list[int]) -> None:
        self.store.bury(SITE, dict.fromkeys(numbers, Tombstone.GONE), self.now)

    @rule(rebuild=st.booleans())
    def write(self, rebuild: bool) -> None:
        write_history(self.store, self.folder, rebuild=rebuild)
        check_equal(read_history(self.folder), self.store)
        assert self.store.book.dirty_partitions() == {}
        assert {path.name.split(".")[1] for path in self.folder.rglob("*.parquet*")} == listed(self.folder)
        self.shown = tables(self.folder)

    @rule(after=st.integers(0, 4), rebuild=st.booleans())
    def killed(self, after: int, rebuild: bool) -> None:
        try:
            write_history(self.store, self.folder, rebuild=rebuild, progress=killer(after))
        except Killed:
            return
        self.shown = tables(self.folder)

    @rule(choice=st.randoms(use_true_random=False), how=st.sampled_from(["lost", "short", "list"]))
    def damage(self, choice: random.Random, how: str) -> None:
        files = [
            path for path in sorted(self.folder.rglob("*.parquet")) if path.name.split(".")[1] in listed(self.folder)
        ]
        if not files:
            return
        victim = self.folder / "history.json" if how == "list" else choice.choice(files)
        if how == "lost":
            victim.unlink()
        else:
            victim.write_bytes(victim.read_bytes()[:-5])
        with pytest.raises(StoreError, match="rebuild-history"):
            read_history(self.folder)
        write_history(self.store, self.folder)
        check_equal(read_history(self.folder), self.store)
        self.shown = tables(self.folder)

    @invariant()
    def a_reader_sees_what_the_last_whole_run_wrote(self) -> None:
        if self.shown is not None:
            assert tables(self.folder) == self.shown


def listed(folder: Path) -> set[str]:
    path = folder / "history.json"
    return {entry["name"] for entry in json.loads(path.read_bytes())["partitions"]} if path.exists() else set()


def tables(folder: Path) -> tuple[list[dict[str, Any]], ...]:
    return rows_of(read_history(folder))


def test_the_history_equals_the_store_whatever_happens() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=20, stateful_step_count=12, deadline=None))


WRITER = """
import sys
from pathlib import Path
from tickets.history import write_history
from tickets.store import TicketStore
with TicketStore.open(sys.argv[1]) as store:
    write_history(store, Path(sys.argv[2]), rebuild=sys.argv[3] == "rebuild")
"""


FORKING = """
import os, sys
from pathlib import Path
from tickets.history import write_history
from tickets.store import TicketStore
for line in sys.stdin:
    if pid := os.fork():
        print(f"\\n{os.waitpid(pid, 0)[1]}", flush=True)  # 9: killed
        continue
    print(os.getpid(), flush=True)
    sign = lambda _: os.write(1, b".")
    with TicketStore.open(sys.argv[1]) as store:
        write_history(store, Path(sys.argv[2]), rebuild=line == "rebuild\\n", progress=sign)
    os._exit(0)
"""


def test_what_a_killed_run_left_goes_with_the_next(store: TicketStore, folder: Path) -> None:
    store.save([ticket(number, created_at=at) for number, at in enumerate(MONTHS, 1)])
    write_history(store, folder)
    with pytest.raises(Killed):
        write_history(store, folder, rebuild=True, progress=killer(5))
    (folder / "site=new" / "project=P" / "month=2024-01").mkdir(parents=True)
    (folder / "site=new" / "project=P" / "month=2024-01" / f"tickets.{'0' * 16}.parquet.part").write_bytes(b"half")
    assert len(parquet_files(folder)) == 36 + 15 + 1
    assert write_history(store, folder).written == 0
    assert len(parquet_files(folder)) == 36
    assert not (folder / "site=new").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_lost", [True, False])
def test_a_damaged_file_is_made_anew(store: TicketStore, folder: Path, kind: str, is_lost: bool) -> None:
    store.save([ticket(number, created_at=at) for number, at in enumerate(MONTHS, 1)])
    write_history(store, folder)
    victim = sorted(folder.rglob(f"{kind}.*"))[4]
    if is_lost:
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:-5])
    with pytest.raises(StoreError, match="rebuild-history"):
        read_history(folder)
    assert write_history(store, folder).written == 1
    check_equal(read_history(folder), store)


def child(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.soak
def test_a_process_that_is_killed_anywhere_leaves_a_history_that_is_whole(store: TicketStore, tmp_path: Path) -> None:
    folder, chance = tmp_path / "history", random.Random(7)
    many = [ticket(n, created_at=MONTHS[n % 4], project="AB"[n % 2], key=f"X-{n}") for n in range(1, 200)]
    store.save(many)
    write_history(store, folder)
    process = child(FORKING, tmp_path / "tickets.sqlite3", folder)
    assert process.stdin is not None
    assert process.stdout is not None
    killed_within = 0
    for number in range(16):
        before = read_history(folder)
        at = START + timedelta(days=400 + number)
        store.save([replace(old, project=chance.choice("ABC"), updated_at=at) for old in chance.sample(many, 60)])
        store.bury(SITE, {chance.randint(1, 199): Tombstone.GONE}, START)
        process.stdin.write("rebuild\n" if number % 2 else "\n")
        process.stdin.flush()
        writer = int(process.stdout.readline())
        process.stdout.read(chance.randint(0, 8))  # a sign for each partition; then anywhere within the next
        time.sleep(chance.choice([0.001, 0.003, 0.01, 0.03]) * chance.random())
        os.kill(writer, signal.SIGKILL)
        process.stdout.readline()
        killed_within += process.stdout.readline() == "9\n"
        after = read_history(folder)
        assert after == before or tables(folder) == expected(list(store.tickets()))
        write_history(store, folder)
        check_equal(read_history(folder), store)
        assert not list(folder.rglob("*.part"))
    _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert killed_within >= 10


def test_a_full_disk_leaves_the_history_as_it_was(store: TicketStore, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    store.save([ticket(number) for number in range(1, 400)])
    write_history(store, folder)
    before = tables(folder)
    store.save([ticket(1, summary="new", updated_at=START + timedelta(days=9))])
    (path,) = folder.rglob("changes.*.parquet")
    limit = path.stat().st_size // 2
    process = child(
        WRITER,
        tmp_path / "tickets.sqlite3",
        folder,
        "",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    _, errors = process.communicate(timeout=60)
    assert "StoreError: the history" in errors
    assert "cannot be written" in errors or "locked" in errors
    assert tables(folder) == before
    assert write_history(store, folder).written == 1
    check_equal(read_history(folder), store)


# Readers and writers at once

READER = """
import sys
from collections import Counter
from pathlib import Path
import pyarrow.parquet as pq
from tickets.history import read_history
folder, count = Path(sys.argv[1]), int(sys.argv[2])
seen, reads = set(), 0
print("go", flush=True)
while not Path(sys.argv[3]).exists():
    history = read_history(folder)
    tickets = dict(zip(history.tickets["ticket_id"].to_pylist(), history.tickets["summary"].to_pylist()))
    assert len(tickets) == history.tickets.num_rows == count, f"{len(tickets)} of {history.tickets.num_rows}"
    changes = Counter(history.changes["ticket_id"].to_pylist())
    wrong = [(n, said, changes[n]) for n, said in tickets.items() if changes[n] != int(said)]
    assert not wrong, f"tickets and changes of two generations: {wrong[:3]}"
    for path in folder.rglob("*.parquet"):
        try:
            pq.ParquetFile(path).read()
        except FileNotFoundError:
            pass
    seen.add(history.generation)
    reads += 1
print(len(seen), reads, flush=True)
"""


def version(number: int, edits: int, project: str) -> Ticket:
    """A ticket that says in its summary how many changes it has."""
    at = START + timedelta(days=300, hours=edits)
    changes = tuple(StatusChange(str(n), at, ADA, "1", "Open", "3", "Doing") for n in range(edits))
    return ticket(
        number,
        project=project,
        summary=str(edits),
        created_at=MONTHS[number % 3],
        updated_at=at,
        status_changes=changes,
    )


def test_a_reader_sees_one_generation_and_no_half_file(store: TicketStore, tmp_path: Path) -> None:
    folder, chance = tmp_path / "history", random.Random(3)
    store.save([version(number, 1, "A") for number in range(1, 301)])
    write_history(store, folder)
    process = child(READER, folder, 300, tmp_path / "stop")
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    until = time.monotonic() + 4
    edits = 2
    while time.monotonic() < until and process.poll() is None:
        store.save([version(n, edits, chance.choice("ABC")) for n in chance.sample(range(1, 301), 40)])
        write_history(store, folder, rebuild=edits % 5 == 0)
        edits += 1
    (tmp_path / "stop").touch()
    out, errors = process.communicate(timeout=60)
    assert errors == ""
    generations, reads = map(int, out.split())
    assert generations >= 5
    assert reads >= 10


def test_what_changes_while_it_is_written_is_in_it_or_left(store: TicketStore, folder: Path) -> None:
    store.save([version(number, 1, "A") for number in range(1, 10)])
    moved = iter([version(3, 2, "B"), version(4, 3, "B"), version(5, 4, "B")])

    def move(_: HistoryProgress) -> None:
        with suppress(StopIteration):
            store.save([next(moved)])

    report = write_history(store, folder, progress=move)
    assert report.left == 0
    check_equal(read_history(folder), store)

    edits = iter(range(10, 100))

    def restless(_: HistoryProgress) -> None:
        store.save([version(1, next(edits), "A")])

    report = write_history(store, folder, rebuild=True, progress=restless)
    assert report.left >= 1
    assert read_tickets(folder).num_rows == 9
    assert write_history(store, folder).left == 0
    check_equal(read_history(folder), store)


def test_two_writers_take_turns(store: TicketStore, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    store.save([version(number, 1, "A") for number in range(1, 200)])
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(4):
                write_history(store, folder, rebuild=True)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(3)]
    other = child(WRITER, tmp_path / "tickets.sqlite3", folder, "rebuild")
    for thread in threads:
        thread.start()
    _, errors = other.communicate(timeout=60)
    for thread in threads:
        thread.join()
    assert failures == []
    assert errors == ""
    check_equal(read_history(folder), store)
    assert len(parquet_files(folder)) == 9


def test_a_writer_waits_while_another_holds_the_lock(store: TicketStore, folder: Path) -> None:
    store.save([ticket(1)])
    entered, go_on = threading.Event(), threading.Event()

    def hold(_: HistoryProgress) -> None:
        entered.set()
        assert go_on.wait(30)

    first = threading.Thread(target=lambda: write_history(store, folder, progress=hold))
    second = threading.Thread(target=lambda: write_history(store, folder))
    first.start()
    assert entered.wait(30)
    second.start()
    second.join(0.3)
    assert second.is_alive()
    go_on.set()
    first.join(30)
    second.join(30)
    check_equal(read_history(folder), store)


# What goes wrong


def test_there_is_none_yet(tmp_path: Path, store: TicketStore, folder: Path) -> None:
    assert generation(folder) is None
    for read in (read_tickets, read_changes, read_comments, read_history, lambda path: current_files(path, "tickets")):
        with pytest.raises(StoreError, match="yet: `goldenpath sync` writes it"):
            read(folder)
    assert write_history(store, folder) == HistoryReport(0, 0, 0, 0, 0, 0)
    assert read_tickets(folder).num_rows == 0
    assert not folder.joinpath("..", "elsewhere").exists()


def test_a_flipped_byte_is_noticed(store: TicketStore, folder: Path) -> None:
    store.save([ticket(number) for number in range(1, 200)])
    write_history(store, folder)
    [path] = folder.rglob("tickets.*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x40
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="rebuild-history") as raised:
        read_tickets(folder)
    assert str(path) in str(raised.value)
    assert read_changes(folder).num_rows == 199
    write_history(store, folder, rebuild=True)
    check_equal(read_history(folder), store)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"null", b'{"format": 2}', b'{"format": 99, "partitions": []}', b"\xff"]
)
def test_a_list_that_says_nothing_is_made_anew(store: TicketStore, folder: Path, document: bytes) -> None:
    store.save([ticket(1)])
    write_history(store, folder)
    (folder / "history.json").write_bytes(document)
    with pytest.raises(StoreError, match="rebuild-history"):
        read_history(folder)
    assert write_history(store, folder).written == 1
    check_equal(read_history(folder), store)
    assert len(parquet_files(folder)) == 3


def test_a_list_that_counts_other_rows_is_not_believed(store: TicketStore, folder: Path) -> None:
    store.save([ticket(1)])
    write_history(store, folder)
    document = json.loads((folder / "history.json").read_bytes())
    document["partitions"][0]["rows"]["changes"] += 1
    (folder / "history.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="other rows than its list says: `goldenpath sync --rebuild-history`"):
        read_changes(folder)


def test_a_history_of_the_first_format_is_made_anew(store: TicketStore, folder: Path) -> None:
    """Its files are whole and nothing has changed, but they lack what is asked of them now."""
    store.save([ticket(1)])
    write_history(store, folder)
    document = json.loads((folder / "history.json").read_bytes())
    document["format"] = 1
    for entry in document["partitions"]:
        del entry["rows"]["comments"], entry["bytes"]["comments"]
    (folder / "history.json").write_text(json.dumps(document))
    for path in folder.rglob("comments.*"):
        path.unlink()
    for look in (read_history, generation):
        with pytest.raises(StoreError, match="format is 1, not 2"):
            look(folder)
    assert write_history(store, folder).written == 1
    check_equal(read_history(folder), store)


def test_a_folder_that_cannot_be_used(store: TicketStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "history"):
        with pytest.raises(StoreError, match="no folder"):
            write_history(store, path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "history"
        store.save([ticket(1)])
        write_history(store, folder)
        store.save([ticket(1, updated_at=START + timedelta(days=9))])
        folder.chmod(0o555)
        Path(name).chmod(0o755)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            with pytest.raises(StoreError, match="permission"), without_privileges():
                write_history(store, folder)
            with without_privileges():
                assert read_tickets(folder).num_rows == 1
        finally:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)
    assert len(store.book.dirty_partitions()) == 1


def test_another_store_s_history_is_replaced(store: TicketStore, tmp_path: Path, folder: Path) -> None:
    store.save([ticket(number, created_at=at) for number, at in enumerate(MONTHS, 1)])
    write_history(store, folder)
    with TicketStore.open(tmp_path / "other.sqlite3") as other:
        other.save([ticket(1, created_at=MONTHS[0], summary="another"), ticket(50, project="WEB")])
        assert write_history(other, folder) == HistoryReport(2, 11, 2, 2, 2, 0)
        check_equal(read_history(folder), other)


def test_what_another_store_lacks_goes_though_nothing_changed(store: TicketStore, tmp_path: Path, folder: Path) -> None:
    tickets = [ticket(number, created_at=at) for number, at in enumerate(MONTHS, 1)]
    store.save(tickets)
    write_history(store, folder)
    with TicketStore.open(tmp_path / "other.sqlite3") as other:
        other.save(tickets[:3])
        write_history(other, tmp_path / "elsewhere")
        assert write_history(other, folder) == HistoryReport(0, 9, 3, 3, 3, 0)
        check_equal(read_history(folder), other)


def test_what_the_commands_import_does_not_wait_for_pyarrow() -> None:
    code = "import sys, agent.cli, agent.bootstrap, tickets.history_folder; print('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

"""What is kept comes back exactly, on SQLite and on PostgreSQL; what goes wrong with the file is one sentence."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from tests.postgres import at_revision, run
from tickets import schema
from tickets.chains import Chain
from tickets.codec import decode, encode, instant, microseconds
from tickets.errors import StoreError
from tickets.place import Location, Place
from tickets.store import StoreFacts, TicketStore
from tickets.sync_book import Partition
from tickets.ticket import (
    Comment,
    FieldChange,
    FormField,
    Person,
    Rejection,
    Status,
    StatusCategory,
    StatusChange,
    Ticket,
    Tombstone,
)

START = datetime(2024, 3, 1, 9, tzinfo=UTC)
SITE = "example.atlassian.net"
ADA = Person("5b10", "Ada")
OPEN = Status("1", "Open", StatusCategory.NEW)
DONE = Status("5", "Done", StatusCategory.DONE)
LATER = ("security", "worklog_seconds")  # what documents of the first version lack


def ticket(number: int = 1, **changes: object) -> Ticket:
    at = START + timedelta(hours=number)
    plain = Ticket(
        site="example.atlassian.net",
        id=number,
        key=f"OPS-{number}",
        project="OPS",
        ticket_type="Service Request",
        request_type="s3-bucket",
        summary=f"Bucket {number}",
        description="for logs",
        status=OPEN,
        priority="High",
        reporter=ADA,
        creator=ADA,
        assignee=None,
        labels=("a",),
        components=(),
        form=(FormField("customfield_2", "Bucket name", "payments-logs"),),
        created_at=at,
        updated_at=at,
        resolved_at=None,
        status_changes=(StatusChange("1", at, ADA, "1", "Open", "3", "Doing"),),
        field_changes=(FieldChange("1", at, None, "summary", "a", "b"),),
        comments=(Comment("1", ADA, at, at, ADA, "hello", "0" * 64, False, {"mark": {"n": [1, None]}}),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(store_place: Location) -> Iterator[TicketStore]:
    with TicketStore.open(store_place) as opened:
        yield opened


def path_of(folder: Path) -> Path:
    return folder / "tickets.sqlite3"


# What is kept comes back


texts = st.text(st.characters(codec="utf-8"), max_size=12)
instants = st.integers(0, 253_370_764_800_000_000).map(instant)  # 1970 to 9999, to the microsecond
people = st.none() | st.builds(Person, texts, texts, st.sampled_from(["person", "app", "customer"]))
properties = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
status_changes = st.builds(StatusChange, texts, instants, people, texts, texts, texts, texts)
field_changes = st.builds(FieldChange, texts, instants, people, texts, texts, texts)
comments = st.builds(
    Comment,
    texts,
    people,
    instants,
    instants,
    people,
    texts,
    texts,
    st.booleans(),
    st.dictionaries(texts, properties, max_size=2),
)
tuples = st.lists(texts, max_size=2).map(tuple)
whole_tickets = st.builds(
    Ticket,
    site=texts,
    id=st.integers(1, 10**18),
    key=texts,
    project=texts,
    ticket_type=texts,
    request_type=st.none() | texts,
    summary=texts,
    description=texts,
    status=st.builds(Status, texts, texts, st.sampled_from(StatusCategory)),
    priority=texts,
    reporter=people,
    creator=people,
    assignee=people,
    labels=tuples,
    components=tuples,
    form=st.lists(st.builds(FormField, texts, texts, texts), max_size=2).map(tuple),
    created_at=instants,
    updated_at=instants,
    resolved_at=st.none() | instants,
    status_changes=st.none() | st.lists(status_changes, max_size=2).map(tuple),
    field_changes=st.lists(field_changes, max_size=2).map(tuple),
    comments=st.lists(comments, max_size=2).map(tuple),
    via_mail=st.booleans(),
    worklog_seconds=st.none() | st.integers(1, 2**53),
)


@given(whole_tickets)
def test_every_ticket_comes_back_exactly(whole: Ticket) -> None:
    back = decode(encode(whole))
    assert back == whole
    assert back.created_at.tzinfo is UTC


@given(instants)
def test_microseconds_are_exact(at: datetime) -> None:
    assert at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(at))
    assert instant(microseconds(at)) == at


def test_a_ticket_comes_back_by_id_and_by_key(store: TicketStore) -> None:
    assert store.save([ticket(1), ticket(2)]) == (1, 2)
    for name in (2, "2", "OPS-2", " ops-2 "):
        assert store.get(name) == ticket(2)
    assert store.get("OPS-3") is None
    assert store.get("") is None
    assert store.get(2, site="elsewhere") is None
    assert store.count() == 2


def test_a_second_save_tells_only_what_differs(store: TicketStore) -> None:
    store.save([ticket(1), ticket(2)])
    edited = ticket(2, summary="other", updated_at=START + timedelta(days=1))
    assert store.save([ticket(1), edited, ticket(3)]) == (2, 3)
    assert store.save([ticket(1), edited, ticket(3)]) == ()
    assert store.get(2) == edited
    assert store.count() == 3


def test_a_ticket_that_moved_keeps_its_identity(store: TicketStore) -> None:
    store.save([ticket(1)])
    store.save([ticket(1, key="WEB-9", project="WEB")])
    assert store.count() == 1
    assert store.get("OPS-1") is None
    assert store.get("WEB-9") is not None


def test_the_same_id_on_two_sites_is_two_tickets(store: TicketStore) -> None:
    other = ticket(1, site="other", updated_at=START + timedelta(days=9))
    store.save([ticket(1), other])
    assert store.count() == 2
    assert store.get(1) == other
    assert store.get(1, site="example.atlassian.net") == ticket(1)


def test_an_older_or_poorer_version_does_not_replace(store: TicketStore) -> None:
    store.save([ticket(1)])
    assert store.save([ticket(1, summary="old", updated_at=START)]) == ()
    assert store.save([ticket(1, summary="same time", status_changes=None)]) == ()
    assert store.get(1) == ticket(1)
    newer = ticket(1, status_changes=None, updated_at=START + timedelta(days=1))
    assert store.save([newer]) == (1,)
    assert store.get(1) == newer


def test_naive_instants_raise_and_nothing_is_kept(store: TicketStore) -> None:
    naive = datetime(2024, 3, 1)  # noqa: DTZ001
    change = StatusChange("1", naive, None, "1", "a", "2", "b")
    for wrong in (ticket(2, created_at=naive), ticket(2, status_changes=(change,)), ticket(2, resolved_at=naive)):
        with pytest.raises(ValueError, match="time zone"):
            store.save([ticket(1), wrong])
    with pytest.raises(ValueError, match="time zone"):
        store.book.finish("site", ["OPS"], naive)
    assert store.count() == 0


def test_other_zones_are_kept_as_the_same_instant(store: TicketStore) -> None:
    there = timezone(timedelta(hours=8))
    store.save([ticket(1, created_at=START.astimezone(there))])
    found = store.get(1)
    assert found is not None
    assert (found.created_at, found.created_at.tzinfo) == (START, UTC)


def test_tickets_come_in_order_of_creation_and_filtered(store: TicketStore) -> None:
    late, early = ticket(1, created_at=START + timedelta(days=2)), ticket(2, created_at=START)
    elsewhere = ticket(3, project="WEB", key="WEB-3")
    closed = ticket(4, status=DONE, resolved_at=START)
    store.save([late, elsewhere, early, closed])
    assert [found.id for found in store.tickets()] == [2, 3, 4, 1]
    assert [found.id for found in store.tickets(projects=["WEB"])] == [3]
    assert [found.id for found in store.tickets(projects=[])] == []
    assert [found.id for found in store.tickets(open_only=True)] == [2, 3, 1]


def test_more_than_a_page_of_equal_instants(store: TicketStore) -> None:
    store.save([ticket(number, created_at=START) for number in range(1, 1202)])
    assert [found.id for found in store.tickets()] == list(range(1, 1202))


def test_one_may_write_while_reading(store: TicketStore) -> None:
    store.save([ticket(number) for number in range(1, 601)])
    reading = store.tickets()
    next(reading)
    store.save([ticket(700)])
    assert len(list(reading)) >= 599


def test_what_was_considered_returns_only_when_it_changes(store: TicketStore) -> None:
    store.save([ticket(1), ticket(2, status=DONE), ticket(3, project="WEB"), ticket(4)])

    def fresh() -> list[int]:
        return [found.id for found in store.unconsidered(SITE, projects=["OPS"], created_since=START)]

    assert fresh() == [1, 4]
    assert [t.id for t in store.unconsidered(SITE, projects=["OPS"], created_since=ticket(4).created_at)] == [4]
    store.mark_considered(ticket(1))
    assert fresh() == [4]
    store.save([ticket(1)])
    assert fresh() == [4]
    store.save([ticket(1, updated_at=START + timedelta(days=1))])
    assert fresh() == [1, 4]
    store.mark_considered(ticket(1))  # the version of before: the newer one is still to be looked at
    assert fresh() == [1, 4]


def test_cursors_are_by_project_and_site(store: TicketStore, store_place: Location) -> None:
    later = START + timedelta(days=1, microseconds=1)
    assert store.book.cursors(SITE, ["A", "B"]) == {}
    store.book.finish(SITE, ["A", "B"], START)
    store.book.finish(SITE, ["B"], later)
    store.book.finish("elsewhere", ["A"], START - timedelta(days=1))
    with TicketStore.open(store_place) as again:
        assert again.book.cursors(SITE, ["A", "B", "C"]) == {"A": START, "B": later}
        assert again.facts().last_sync_at == later
        assert again.book.compared(SITE, ["A", "B"]) == {"A": START, "B": START}
        again.book.reach(SITE, ["A", "B"], START + timedelta(hours=1))  # never back
        assert again.book.cursors(SITE, ["A", "B"]) == {"A": START + timedelta(hours=1), "B": later}
        again.book.set_compared(SITE, ["B"], later)
        assert again.book.compared(SITE, ["A", "B"]) == {"A": START, "B": later}


def test_statuses_are_the_sites_and_then_the_tickets(store: TicketStore) -> None:
    assert store.statuses() == ()
    store.save([ticket(1), ticket(2, status=DONE), ticket(3, status=Status("8", "?", StatusCategory.UNDEFINED))])
    assert set(store.statuses()) == {OPEN, DONE}
    named = Status("1", "Open (renamed)", StatusCategory.IN_PROGRESS)
    store.save_statuses("example.atlassian.net", [named, DONE, DONE])
    assert set(store.statuses()) == {named, DONE}
    store.save_statuses("example.atlassian.net", [named])
    assert set(store.statuses()) == {named, DONE}


def test_members_of_groups_are_replaced_group_by_group(store: TicketStore) -> None:
    assert store.members() == {}
    store.save_members(SITE, {"g-1": ["ann", "bo", "ann"], "g-2": {"cy"}})
    store.save_members("other.example", {"g-1": ["dee"]})
    assert store.members(SITE) == {"g-1": {"ann", "bo"}, "g-2": {"cy"}}
    assert store.members() == {"g-1": {"ann", "bo", "dee"}, "g-2": {"cy"}}
    store.save_members(SITE, {"g-1": ["bo"], "g-3": []})
    assert store.members(SITE) == {"g-1": {"bo"}, "g-2": {"cy"}}
    store.save_members(SITE, {"g-2": frozenset()})
    store.save_members(SITE, {})
    assert store.members(SITE) == {"g-1": {"bo"}}
    assert store.members("other.example") == {"g-1": {"dee"}}


def test_members_are_replaced_whole_or_not_at_all(store: TicketStore) -> None:
    store.save_members(SITE, {"g-1": ["ann"]})
    with pytest.raises(StoreError):
        store.save_members(SITE, {"g-1": ["bo"], "g-2": [object()]})  # type: ignore[list-item]
    assert store.members() == {"g-1": {"ann"}}


def test_rejections_are_kept_once_with_their_latest_reason(store: TicketStore) -> None:
    one, two = Rejection("x.json:1", "is no ticket"), Rejection("x.json:2", "is no ticket")
    store.reject([one, two])
    store.reject([replace(one, reason="has no key")])
    store.reject([])
    assert store.rejections() == [replace(one, reason="has no key"), two]


def test_a_ticket_that_can_be_read_again_is_no_longer_rejected(store: TicketStore) -> None:
    site = ticket(1).site
    elsewhere = Rejection("b ticket OPS-1", "the creation instant is missing", "other.example", 1)
    another = Rejection("a ticket OPS-2", "the key is missing", site, 2)
    nameless = Rejection("a ticket ?", "the numeric id is missing", site)
    store.reject(
        [Rejection("a ticket OPS-1", "the creation instant is missing", site, 1), elsewhere, another, nameless]
    )
    store.save([])
    assert len(store.rejections()) == 4
    store.save([ticket(1), ticket(3)])
    assert store.rejections() == [nameless, another, elsewhere]


def test_a_file_read_again_replaces_its_own_rejections_only(store: TicketStore) -> None:
    mine = [Rejection(f"a_b.json{place}", "is no ticket") for place in ("", ":7", " (ticket 3)")]
    others = [Rejection(f"{name}:7", "is no ticket") for name in ("a.json", "a_b.jsonl", "axb.json", "x/a_b.json")]
    store.reject([*mine, *others])
    store.reject([mine[1]], file=Path("a_b.json"))
    assert set(store.rejections()) == {mine[1], *others}
    store.reject([], file="a_b.json")
    assert set(store.rejections()) == set(others)


def test_facts(store: TicketStore) -> None:
    assert store.facts() == StoreFacts(0, 0, 0, None, None, None)
    newest = START + timedelta(days=3)
    store.save([ticket(1), ticket(2, status_changes=None), ticket(3, status_changes=(), updated_at=newest)])
    assert store.facts() == StoreFacts(3, 1, 1, ticket(1).created_at, newest, None)


def test_the_migrations_make_the_tables_that_the_store_uses(store_place: Location) -> None:
    engine = schema.open_database(store_place)
    where = store_place.schema if isinstance(store_place, Place) else None
    look = inspect(engine)
    made = {
        name: {c["name"] for c in look.get_columns(name, schema=where)} for name in look.get_table_names(schema=where)
    }
    engine.dispose()
    used = {table.name: {column.name for column in table.columns} for table in schema.tickets.metadata.sorted_tables}
    assert made == used | {"alembic_version": {"version_num"}}


def test_a_store_of_the_first_version_is_taken_over(store_place: Location) -> None:
    """Its tickets stay and their histories are checked; the next sync reads every project from its beginning."""
    if isinstance(store_place, Place):
        run(store_place, f"DROP SCHEMA {store_place.schema} CASCADE")
    at_revision(store_place, Path(schema.__file__).parent / "migrations", "tickets_0001")
    old = ticket(1)
    document = orjson.dumps({k: v for k, v in orjson.loads(encode(old)).items() if k not in LATER})
    values = (SITE, 1, old.key, "OPS", "", "1", "Open", "new", True, 0, 0, 1, document)
    names = "site, ticket_id, key, project, ticket_type, status_id, status, status_category, is_open, created_at"
    marks = ", ".join("?" * len(values))
    run(
        store_place,
        f"INSERT INTO tickets ({names}, updated_at, n_changes, document) VALUES ({marks})",
        values=values,
    )
    run(store_place, "INSERT INTO sync_cursors VALUES ('example:OPS', 5)")
    with TicketStore.open(store_place) as store:
        assert list(store.tickets()) == [old]
        assert store.book.cursors(SITE, ["OPS"]) == {}
        assert [count.chains[Chain.BROKEN] for count in store.month_counts()] == [0]
        store.check_chains()
        assert [count.chains[Chain.BROKEN] for count in store.month_counts()] == [1]  # ends in Doing, stands in Open
        assert store.broken_chains() == [old.key]


def test_a_store_of_the_second_version_keeps_what_it_has(store_place: Location) -> None:
    with TicketStore.open(store_place) as store:
        store.save([ticket(1)])
        store.book.finish(SITE, ["OPS"], START)
    run(store_place, "DROP TABLE members", "UPDATE alembic_version SET version_num = 'tickets_0002'")
    with TicketStore.open(store_place) as store:
        assert list(store.tickets()) == [ticket(1)]
        assert store.book.cursors(SITE, ["OPS"]) == {"OPS": START}
        assert store.members() == {}
        store.save_members(SITE, {"g-1": ["ann"]})


# What Jira no longer shows


def test_a_tombstone_leaves_every_figure_and_goes_when_the_ticket_returns(store: TicketStore) -> None:
    store.save([ticket(1), ticket(2), ticket(3, project="WEB")])
    store.bury(SITE, {1: Tombstone.GONE, 3: Tombstone.MOVED}, START)
    assert [kept.id for kept in store.tickets()] == [2]
    assert [kept.id for kept in store.tickets(projects=["OPS"], open_only=True)] == [2]
    assert [kept.id for kept in store.unconsidered(SITE, projects=["OPS", "WEB"], created_since=START)] == [2]
    assert (store.get(1), store.get("OPS-1"), store.count()) == (None, None, 1)
    assert store.ids(SITE, "OPS") == {2: "2024-03"}
    assert (store.facts().tickets, store.facts().tombstones, store.facts().status_changes) == (1, 2, 1)
    assert sum(count.here for count in store.month_counts()) == 1
    assert store.partitions() == [Partition(SITE, "OPS", "2024-03")]
    assert [status.name for status in store.statuses()] == ["Open"]
    assert list(store.tombstones()) == [
        (ticket(1), Tombstone.GONE, START),
        (ticket(3, project="WEB"), Tombstone.MOVED, START),
    ]
    assert list(store.tombstones(site="elsewhere")) == []
    assert store.save([ticket(1)]) == (1,)  # the same version: what is new is that it is there again
    assert store.save([ticket(1)]) == ()
    assert [kept.id for kept in store.tickets()] == [1, 2]


def test_only_the_sites_own_tickets_are_considered(store: TicketStore) -> None:
    """An import may hold the same ids and keys: they are other tickets."""
    store.save([ticket(1), ticket(2, site="old.example")])
    assert [kept.id for kept in store.unconsidered(SITE, projects=["OPS"], created_since=START)] == [1]


def test_another_content_of_the_same_instant_is_considered_again(store: TicketStore) -> None:
    store.save([ticket(1)])
    store.mark_considered(ticket(1))
    assert store.unconsidered(SITE, projects=["OPS"], created_since=START) == []
    store.save([ticket(1, summary="another")])
    assert len(store.unconsidered(SITE, projects=["OPS"], created_since=START)) == 1


def test_a_status_that_means_something_else_now_does_so_in_every_ticket(store: TicketStore) -> None:
    store.save_statuses(SITE, [OPEN])
    store.save([ticket(1), ticket(2, status=DONE), ticket(3, site="old.example")])
    store.bury(SITE, {1: Tombstone.GONE}, START)
    store.save([ticket(4)])
    settled = Status(OPEN.id, "Settled", StatusCategory.DONE)
    store.save_statuses(SITE, [settled])
    assert {kept.id: kept.status for kept in store.tickets()} == {2: DONE, 3: OPEN, 4: settled}
    assert [kept.id for kept in store.tickets(open_only=True)] == [3]
    assert [(kept.status, stone) for kept, stone, _ in store.tombstones()] == [(settled, Tombstone.GONE)]


def test_statuses_of_two_sites_are_not_mixed(store: TicketStore) -> None:
    theirs = Status(OPEN.id, "Closed", StatusCategory.DONE)
    store.save_statuses(SITE, [OPEN])
    store.save_statuses("other.example", [theirs])
    assert set(store.statuses()) == {OPEN, theirs}


def test_what_changes_makes_its_partition_dirty(store: TicketStore) -> None:
    march, april = Partition(SITE, "OPS", "2024-03"), Partition(SITE, "OPS", "2024-04")
    later = ticket(2, created_at=START + timedelta(days=40))
    store.save([ticket(1), later])
    marks = store.book.dirty_partitions()
    assert set(marks) == {march, april}
    assert [kept.id for kept in store.tickets_of(april)] == [2]
    for partition, mark in marks.items():
        store.book.clean(partition, mark)
    assert store.book.dirty_partitions() == {}
    store.save([ticket(1), later])  # nothing differs
    assert store.book.dirty_partitions() == {}
    store.save([ticket(1, project="WEB", updated_at=START + timedelta(days=2))])  # it leaves one and enters another
    assert set(store.book.dirty_partitions()) == {march, Partition(SITE, "WEB", "2024-03")}
    mark = store.book.dirty_partitions()[march]
    store.bury(SITE, {2: Tombstone.GONE}, START)
    store.save([ticket(3)])  # while somebody writes what stood at `mark`
    store.book.clean(march, mark)
    assert set(store.book.dirty_partitions()) == {march, april, Partition(SITE, "WEB", "2024-03")}


# Speed


def test_a_year_of_tickets_is_kept_and_read_quickly(store: TicketStore, store_place: Location) -> None:
    change = ticket(1).status_changes or ()
    year = [ticket(number, description="word " * 200, status_changes=change * 6) for number in range(1, 3201)]
    started = time.process_time()
    store.save(year)
    saved = time.process_time()
    assert sum(1 for _ in store.tickets()) == 3200
    read = time.process_time()
    assert saved - started < 2
    assert read - saved < 1
    times = []
    for _ in range(3):
        started = time.perf_counter()
        TicketStore.open(store_place).close()
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05


def test_an_up_to_date_store_opens_without_the_migrations(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    TicketStore.open(path).close()
    code = (
        "import sys; from tickets.store import TicketStore; TicketStore.open(sys.argv[1]).close();"
        "print([name for name in ('alembic', 'jira', 'pandas', 'requests') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


# What goes wrong with the file


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="move it away") as raised:
        TicketStore.open(path)
    assert str(path) in str(raised.value)
    assert path.read_bytes() == before


def test_a_damaged_store(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    with TicketStore.open(path) as store:
        store.save([ticket(number, description="x" * 500) for number in range(1, 300)])
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="move it away"), TicketStore.open(path) as store:
        list(store.tickets())


def test_a_damaged_ticket(store: TicketStore, store_place: Location) -> None:
    store.save([ticket(1)])
    run(store_place, "UPDATE tickets SET document = '{}'")
    with pytest.raises(StoreError, match="damaged ticket"):
        store.get(1)


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE alembic_version (version_num TEXT)")
    for version in (None, "0001"):
        if version:
            raw.execute("INSERT INTO alembic_version VALUES (?)", [version])
        raw.commit()
        with pytest.raises(StoreError, match="no ticket store"):
            TicketStore.open(path)
    assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    raw.close()


def test_a_store_of_a_newer_version(store_place: Location) -> None:
    TicketStore.open(store_place).close()
    run(store_place, "UPDATE alembic_version SET version_num = 'tickets_9999'")
    with pytest.raises(StoreError, match="newer"):
        TicketStore.open(store_place)


def test_a_locked_store(store_place: Location) -> None:
    with TicketStore.open(store_place, busy=timedelta(milliseconds=50)) as store:
        other = schema.Database(store_place)
        with other.writing():
            with pytest.raises(StoreError, match="locked by another process"):
                store.save([ticket(1)])
            assert store.count() == 0
        other.close()
        assert store.save([ticket(1)]) == (1,)


@contextmanager
def without_privileges() -> Iterator[None]:
    """As nobody, where the tests run as root: root may write anything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_store_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with TicketStore.open(path_of(folder)) as store:
            store.save([ticket(1)])
        path_of(folder).chmod(0o444)
        folder.chmod(0o555)
        try:
            refused = pytest.raises(StoreError, match=r"cannot be (written|opened)")
            with without_privileges(), refused, TicketStore.open(path_of(folder)) as store:
                store.save([ticket(2)])
        finally:
            folder.chmod(0o755)
        with TicketStore.open(path_of(folder)) as store:
            assert store.count() == 1


def test_no_folder_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        TicketStore.open(tmp_path / "none" / "tickets.sqlite3")
    with pytest.raises(StoreError, match="is a folder"):
        TicketStore.open(tmp_path)


def test_two_create_it_at_once(store_place: Location) -> None:
    if isinstance(store_place, Place):
        run(store_place, f"DROP SCHEMA {store_place.schema} CASCADE")
    errors: list[StoreError] = []

    def create(number: int) -> None:
        try:
            with TicketStore.open(store_place) as store:
                store.save([ticket(number)])
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with TicketStore.open(store_place) as store:
        assert store.count() == 4


@pytest.mark.parametrize("message", ["disk I/O error", "Could not decode to UTF-8 column 'key' with text 'a secret'"])
def test_trouble_with_the_disk_has_a_way_out_and_tells_no_words(tmp_path: Path, message: str) -> None:
    place = tmp_path / "tickets.sqlite3"
    with pytest.raises(StoreError, match=r"tickets\.sqlite3 .* sync or import again") as told, schema.translated(place):
        raise DBAPIError("SELECT", None, sqlite3.OperationalError(message))
    assert "a secret" not in "".join(traceback.format_exception(told.value))


def test_a_full_disk_tells_the_log_nothing_of_what_was_written(tmp_path: Path) -> None:
    secret, database = "a " + "secret", schema.Database(tmp_path / "tickets.sqlite3")
    with closing(database), pytest.raises(StoreError, match="disk is full") as told, database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.execute(schema.rejections.insert().values(source=secret * 10_000, reason="", site=""))
    assert secret not in "".join(traceback.format_exception(told.value))

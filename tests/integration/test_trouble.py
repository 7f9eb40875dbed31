"""Trouble in the middle of a request: it ends in a named state or a clear error, the others go on, and nothing is done
twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from fulfilment import schema
from fulfilment.buckets import MARK
from fulfilment.errors import LedgerError
from fulfilment.identity import request_identity, resource_mark
from sandbox.aws_calls import AwsRequest
from tests.crash.house import Ended, House, Town, town
from tests.fakes import SECRET

READS = ("HeadBucket", "GetBucketTagging", "GetPublicAccessBlock", "GetBucketEncryption", "GetBucketOwnershipControls")
READS += ("GetBucketVersioning", "GetBucketPolicy", "AssumeRole", "GetCallerIdentity")
WRITES = ("CreateBucket", "PutPublicAccessBlock", "PutBucketEncryption", "PutBucketOwnershipControls")
WRITES += ("PutBucketVersioning", "PutBucketPolicy")
HOWS = ("slow", "nonsense", "InternalError", "drop", "Throttling")
QUICK = {"read_timeout": 0.25}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("trouble"), has_agents=False) as running:
        yield running


@pytest.fixture
def house(place: Town) -> Iterator[House]:
    yield place.house("autonomous")
    place.running.state.faults.clear()
    for operation in (*READS, *WRITES):
        place.fail(operation, 0)


def at(house: House, operation: str, act: Callable[[], object]) -> None:
    """Acts once, when this call arrives at AWS."""
    assert house.town.running.aws is not None
    noticed, done = house.town.running.aws.on_write, []

    def notice(request: AwsRequest) -> None:
        noticed(request)
        if request.operation == operation and not done:
            done.append(act())

    house.town.running.aws.on_write = notice


def is_done(house: House, *, count: int = 1) -> None:
    ended = house.settle_here()
    assert not ended.wrong, str(ended)
    assert ended.states == ("closed",) * count, str(ended)
    assert len([one for one in house.effects if one.creates]) == count
    assert len(house.effects) <= 6 * count + 1  # a setting may be sent again when nobody knows what became of it


# --- the ledger's disk


TROUBLES = {
    "full": ("PRAGMA max_page_count = 1", "the disk is full"),
    "read-only": ("PRAGMA query_only = ON", "cannot be written"),
}


@pytest.mark.parametrize("what", ["full", pytest.param("read-only", marks=pytest.mark.soak)])
def test_a_disk_that_takes_nothing_more(house: House, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """From the middle of the first request on: each turn fails, or the whole cycle, with a sentence."""
    pragma, told = TROUBLES[what]
    begun: list[bool] = []
    at(house, "PutBucketEncryption", lambda: begun.append(True))
    house.jira.file()
    house.jira.file()

    def prepare(engine: Any) -> None:
        @event.listens_for(engine, "begin")
        def _(connection: schema.Connection) -> None:
            if begun:
                connection.exec_driver_sql(pragma)

    for _ in range(3):
        try:
            assert house.cycle_here(prepare=prepare).errors
        except LedgerError as error:
            assert told in str(error)
    assert told in caplog.text
    is_done(house, count=2)


def test_a_lock_that_outlasts_the_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schema, "BUSY_MILLISECONDS", 30)
    house.jira.file()
    ledger = house.configuration.ledger_place
    assert isinstance(ledger, Path)
    with ExitStack() as stack:
        holder = stack.enter_context(closing(sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)))
        at(house, "PutBucketEncryption", lambda: holder.execute("BEGIN IMMEDIATE"))
        with pytest.raises(LedgerError, match="is locked by another process"):
            house.cycle_here()
        holder.execute("ROLLBACK")
    is_done(house)


def test_a_damaged_ledger_stops_all_until_it_is_restored(house: House) -> None:
    house.jira.file()
    house.town.fail("PutBucketEncryption", 1, "Throttling")
    house.cycle_here()
    ledger = house.configuration.ledger_place
    assert isinstance(ledger, Path)
    kept, done = ledger.read_bytes(), len(house.effects)
    ledger.write_bytes(kept[:4096] + Random(7).randbytes(len(kept) - 4096))
    with pytest.raises(LedgerError, match=r"is damaged .* backup"):
        house.cycle_here()
    assert len(house.effects) == done
    ledger.write_bytes(kept)
    is_done(house)


# --- clocks


SOAK = pytest.mark.soak
HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


@pytest.mark.parametrize(
    ("jump", "way"), [(YEAR, 1), (HOUR, -1), pytest.param(HOUR, 1, marks=SOAK), pytest.param(YEAR, -1, marks=SOAK)]
)
def test_the_lease_clock_jumps(house: House, jump: timedelta, way: int) -> None:
    house.jira.file()
    off = [timedelta(0)]
    at(house, "PutBucketEncryption", lambda: off.append(way * jump))
    for _ in range(2):
        house.cycle_here(clock=lambda: datetime.now(UTC) + off[-1])
    is_done(house)


@pytest.mark.parametrize("jump", [YEAR, pytest.param(HOUR, marks=SOAK)])
def test_ticket_time_jumps(house: House, jump: timedelta) -> None:
    house.jira.file()
    at(house, "PutBucketEncryption", lambda: house.town.running.state.advance(jump))
    is_done(house)


# --- AWS


def passes(house: House, operation: str, how: str) -> None:
    house.jira.file()
    house.town.fail(operation, 3 if operation in READS else 1, how, seconds=0.6)
    house.cycle_here(**QUICK)
    house.town.fail(operation, 0)
    if (
        operation in READS and operation != "AssumeRole" and how == "nonsense"
    ):  # a page that is well-formed is read as an answer without any values
        _is_in_good_hands(house, house.settle_here())
    else:
        is_done(house)


def _is_in_good_hands(house: House, ended: Ended) -> None:
    """Done, taken away again, or a person was called. What could not be taken away stays reserved."""
    called = house.read("SELECT * FROM calls WHERE settled_at IS NULL")
    assert called or ended.states in (("closed",), ("compensated",), ("conflict",), ()), str(ended)
    wrong = [one for one in ended.wrong if not (called and one.startswith("what_ended_reserves_nothing"))]
    assert not wrong, str(ended)


def lasts(house: House, operation: str, how: str) -> None:
    """It is never as it should be: a person is called, or what was made is taken away."""
    house.jira.file()
    house.town.fail(operation, 10_000, how, seconds=0.6)
    ended = house.settle_here(every=timedelta(minutes=25), cycles=8, **QUICK)
    _is_in_good_hands(house, ended)


SOME = [("CreateBucket", "slow"), ("PutBucketPolicy", "nonsense"), ("AssumeRole", "nonsense")]
# A page with status 200 is a good answer to HEAD, which has no body: there seems to be a bucket without our mark.
ALL = [(one, how) for one in (*READS, *WRITES) for how in HOWS if (one, how) != ("HeadBucket", "nonsense")]


@pytest.mark.parametrize(("operation", "how"), SOME)
def test_aws_fails_once(house: House, operation: str, how: str) -> None:
    passes(house, operation, how)


@pytest.mark.parametrize(("operation", "how"), [("PutBucketVersioning", "nonsense")])
def test_aws_fails_for_ever(house: House, operation: str, how: str) -> None:
    lasts(house, operation, how)


def test_a_page_in_place_of_an_answer_to_head_makes_nothing(house: House) -> None:
    house.jira.file()
    house.town.fail("HeadBucket", 1, "nonsense")
    ended = house.settle_here()
    assert (ended.states, ended.wrong, house.effects) == (("conflict",), (), [])


@pytest.mark.soak
@pytest.mark.parametrize(("operation", "how"), ALL)
def test_aws_fails_once_everywhere(house: House, operation: str, how: str) -> None:
    passes(house, operation, how)


@pytest.mark.soak
@pytest.mark.parametrize(("operation", "how"), ALL)
def test_aws_fails_for_ever_everywhere(house: House, operation: str, how: str) -> None:
    lasts(house, operation, how)


# --- a bucket that somebody else made


def _tagged(house: House, mark: str) -> None:
    name = house.jira.names[-1]
    place = {"LocationConstraint": "eu-central-1", "Tags": [{"Key": MARK, "Value": mark}]}
    house.town.admin.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    house.provider.rivals[name] = house.provider._settings(name)


def _own_mark(house: House, ticket_id: int) -> str:
    identity = {"ticket_id": ticket_id, "handler": "s3-bucket", "generation": 1}
    return resource_mark(SECRET, request_identity(SECRET, site=house.jira.client.site, **identity))  # type: ignore[arg-type]


def test_a_bucket_with_a_mark_of_another_request(house: House) -> None:
    house.jira.file()
    _tagged(house, "c" * 64)
    ended = house.settle_here()
    assert (ended.states, ended.wrong) == (("conflict",), ())


def test_a_bucket_with_our_very_mark_before_our_intent(house: House) -> None:
    """Made between the plan and the first effect: only our record tells that it cannot be ours."""
    ticket = house.jira.file()
    made: list[bool] = []

    def prepare(engine: Any) -> None:
        @event.listens_for(engine, "commit")
        def _(connection: schema.Connection) -> None:
            state = connection.exec_driver_sql("SELECT state FROM requests").scalar()
            if state == "applying" and not made:
                made.append(True)
                _tagged(house, _own_mark(house, ticket.id))

    house.cycle_here(prepare=prepare)
    assert made
    ended = house.settle_here()
    assert ended.states == ("uncertain",)
    assert not ended.wrong
    assert len(house.read("SELECT * FROM calls WHERE settled_at IS NULL")) == 1


# --- Jira, for one ticket


@pytest.mark.parametrize("path", ["comment", pytest.param("transitions", marks=SOAK)])
def test_jira_refuses_one_ticket_and_the_other_goes_on(house: House, path: str) -> None:
    house.jira.file()
    house.jira.file()
    house.town.running.state.faults.fail(f"POST issue/{{key}}/{path}", "403", times=1)
    done = house.cycle_here()
    assert sorted(done.counts.items()) != [("fulfilled", 2)]
    assert done.counts["fulfilled"] >= 1
    ended = house.settle_here()
    assert not ended.wrong, str(ended)
    assert set(ended.states) <= {"closed", "handed_over"}


@pytest.mark.parametrize("path", [pytest.param("comment", marks=SOAK), "transitions"])
def test_jira_refuses_for_ever(house: House, path: str) -> None:
    house.jira.file()
    house.town.running.state.faults.fail(f"POST issue/{{key}}/{path}", "403", times=None)
    for _ in range(5):
        house.cycle_here()
        house.town.running.state.advance(timedelta(minutes=25))
    assert house.read("SELECT * FROM calls WHERE settled_at IS NULL")
    assert len([one for one in house.effects if one.creates]) == 1

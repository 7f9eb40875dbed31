"""How fast we go: real threads in virtual time, against holds and against a Jira that counts what it gets."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.errors import AnswerUnknown, JiraUnreachable
from tickets.jira_pace import HeldTooLong, Pace, endpoint, written_ticket
from tickets.jira_settings import JiraSettings
from tickets.jira_transport import Answer, Lost, Transport

SETTINGS = JiraSettings("https://jira.example", "agent@team.example", "a-token")
SEARCH = "/rest/api/3/search/jql"
EVER = 1e6


class VirtualTime:
    """A clock that goes on when every thread of `run` sleeps, straight to whoever wakes first."""

    def __init__(self) -> None:
        self._now = 0.0
        self._awake = 0
        self._wakes: dict[int, float] = {}
        self._changed = threading.Condition()

    def clock(self) -> float:
        with self._changed:
            return self._now

    def sleep(self, seconds: float) -> None:
        me = threading.get_ident()
        with self._changed:
            self._wakes[me] = self._now + seconds
            self._rest()
            self._changed.wait_for(lambda: me not in self._wakes)

    def run(self, *jobs: Callable[[], object]) -> None:
        errors: list[BaseException] = []

        def work(job: Callable[[], object]) -> None:
            try:
                job()
            except BaseException as error:
                errors.append(error)
            finally:
                with self._changed:
                    self._rest()

        self._awake = len(jobs)
        threads = [threading.Thread(target=work, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive(), "time stands still"
        if errors:
            raise errors[0]

    def _rest(self) -> None:
        self._awake -= 1
        if self._awake == 0 and self._wakes:
            self._now = max(self._now, min(self._wakes.values()))
            for thread in [one for one, at in self._wakes.items() if at <= self._now]:
                del self._wakes[thread]
                self._awake += 1
            self._changed.notify_all()


# Schedules of threads and limits


@dataclass(frozen=True)
class Turn:
    """A thread thinks, sends to an endpoint, and may be told to wait."""

    think: float
    place: str
    hold: float | None


@dataclass(frozen=True)
class Sent:
    place: str
    came: float
    at: float


@dataclass(frozen=True)
class Held:
    place: str
    at: float
    until: float


seconds = st.floats(min_value=0.001, max_value=60, allow_nan=False)
turns = st.builds(Turn, st.floats(0, 30), st.sampled_from("abcd"), st.none() | seconds)


def play(schedule: list[list[Turn]], spread: float) -> tuple[list[Sent], list[Held]]:
    time = VirtualTime()
    pace = Pace(clock=time.clock, sleep=time.sleep)
    sent: list[Sent] = []
    held: list[Held] = []

    def thread(own: list[Turn]) -> Callable[[], None]:
        def work() -> None:
            for turn in own:
                time.sleep(turn.think)
                came = time.clock()
                pace.wait(turn.place, patience=EVER, spread=spread)
                sent.append(Sent(turn.place, came, time.clock()))
                if turn.hold is not None:
                    at = time.clock()
                    pace.hold(turn.place, turn.hold)
                    held.append(Held(turn.place, at, at + turn.hold))

        return work

    time.run(*(thread(own) for own in schedule))
    return sent, held


@given(st.lists(st.lists(turns, max_size=6), min_size=1, max_size=5), st.sampled_from([0.0, 0.25]))
def test_nobody_sends_before_the_instant_and_nobody_else_is_slowed(schedule: list[list[Turn]], spread: float) -> None:
    sent, held = play(schedule, spread)
    assert len(sent) == sum(map(len, schedule))
    for one in sent:
        mine = [hold for hold in held if hold.place == one.place]
        # What is asked for at the very instant of sending may come a moment too late.
        assert all(one.at >= hold.until - 1e-6 for hold in mine if hold.at < one.at), one
        reasons = [hold.until for hold in mine if hold.at <= one.at and hold.until > one.came]
        assert one.at <= max([one.came, *(until + spread for until in reasons)]) + 1e-6, one


@given(st.lists(st.tuples(st.sampled_from("ab"), seconds), max_size=8), seconds)
def test_the_longest_hold_counts_and_patience_ends_it(holds: list[tuple[str, float]], patience: float) -> None:
    time = VirtualTime()
    pace = Pace(clock=time.clock, sleep=time.sleep)
    longest = max((wait for place, wait in holds if place == "a"), default=0.0)

    def work() -> None:
        added = [pace.hold(place, wait) for place, wait in holds]
        assert sum(one for one, (place, _) in zip(added, holds, strict=True) if place == "a") == pytest.approx(longest)
        if longest > patience:
            with pytest.raises(HeldTooLong) as caught:
                pace.wait("a", patience=patience)
            assert caught.value.seconds == pytest.approx(longest)
            assert time.clock() == 0
        else:
            assert pace.wait("a", patience=patience) == pytest.approx(longest)
            assert time.clock() == pytest.approx(longest)

    time.run(work)


def test_a_hold_that_grows_while_one_waits_is_waited_for_too() -> None:
    time = VirtualTime()
    pace = Pace(clock=time.clock, sleep=time.sleep)

    def waits() -> None:
        pace.hold("a", 10)
        assert pace.wait("a", patience=100) == pytest.approx(25)

    def asks_for_more() -> None:
        time.sleep(5)
        assert pace.hold("a", 20) == pytest.approx(15)
        assert pace.hold("a", 3) == 0

    time.run(waits, asks_for_more)


@pytest.mark.parametrize(
    ("method", "path", "place"),
    [
        ("GET", "/rest/api/3/issue/OPS-12/comment?startAt=0", "GET /rest/api/3/issue/{}/comment"),
        ("GET", "/rest/api/2/issue/10001", "GET /rest/api/2/issue/{}"),
        ("POST", "/rest/api/3/search/jql", "POST /rest/api/3/search/jql"),
        ("GET", "/rest/api/2/comment/77/properties/goldenpath", "GET /rest/api/2/comment/{}/properties/goldenpath"),
    ],
)
def test_an_endpoint_is_its_path_without_ids(method: str, path: str, place: str) -> None:
    assert endpoint(method, path) == place


def test_a_write_to_a_ticket_is_known() -> None:
    assert written_ticket("/rest/api/3/issue/10001/comment") == written_ticket("/rest/api/2/issue/10001")
    assert written_ticket("/rest/api/3/issue/OPS-1/transitions") == "ticket OPS-1"
    assert written_ticket("/rest/api/3/issue") is None
    assert written_ticket("/rest/api/3/issue/bulkfetch") is None


# A Jira that limits


@dataclass
class LimitingJira:
    """Gives each endpoint `burst` answers in a window of `seconds`, then 429 with what is left of it; counts who does
    not wait for it. `script` comes before that, one entry for each request."""

    time: VirtualTime
    burst: int = 1_000_000
    seconds: float = 1.0
    script: list[Answer | Lost] = field(default_factory=list)
    limited: str = SEARCH
    answered: Counter[str] = field(default_factory=Counter)
    sent: list[tuple[float, str, str]] = field(default_factory=list)
    too_early: int = 0
    _used: int = 0
    _until: float = -1.0
    _told_at: float = -1.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        with self._lock:
            now = self.time.clock()
            self.sent.append((now, method, path))
            if self.script:
                scripted = self.script.pop(0)
                if isinstance(scripted, Lost):
                    raise scripted
                return scripted
            if path != self.limited:
                return self._answer(path)
            if now >= self._until:
                self._used, self._until = 0, now + self.seconds
                self._told_at = -1.0
            self.too_early += -1.0 < self._told_at < now
            self._used += 1
            if self._used <= self.burst:
                return self._answer(path)
            self._told_at = now if self._told_at < 0 else self._told_at
            return limit(f"{math.ceil(self._until - now)}")

    def _answer(self, path: str) -> Answer:
        self.answered[path] += 1
        return Answer(200, {}, b"{}")

    def close(self) -> None:
        """Nothing is open."""


def limit(seconds: str | None, reason: str = "jira-burst-based", status: int = 429) -> Answer:
    headers = {"RateLimit-Reason": reason} | ({} if seconds is None else {"Retry-After": seconds})
    return Answer(status, headers, b"")


def transports(jira: LimitingJira, count: int, **options: Any) -> list[Transport]:
    pace = Pace(clock=jira.time.clock, sleep=jira.time.sleep, **options)
    first = Transport(jira, SETTINGS, pace=pace, sleep=jira.time.sleep)
    return [first, *(first.twin(jira) for _ in range(count - 1))]


@given(
    threads=st.integers(1, 6),
    reads=st.integers(1, 8),
    burst=st.integers(1, 5),
    window=st.sampled_from([1.0, 7.0, 30.0]),
)
def test_threads_share_a_limit_and_all_of_them_arrive(threads: int, reads: int, burst: int, window: float) -> None:
    """Far more refusals than tries: being asked to wait is no failure. The other endpoint never waits."""
    jira = LimitingJira(VirtualTime(), burst, window)
    waited: list[float] = []

    def thread(transport: Transport) -> Callable[[], None]:
        def work() -> None:
            for _ in range(reads):
                transport.read(SEARCH, body={})
                before = jira.time.clock()
                transport.read("/rest/api/3/myself")
                waited.append(jira.time.clock() - before)

        return work

    jira.time.run(*map(thread, transports(jira, threads, patience=1e5)))
    assert jira.answered[SEARCH] == threads * reads
    assert set(waited) == {0.0}
    assert jira.too_early == 0


def run_one(jira: LimitingJira, job: Callable[[Transport], object], **options: Any) -> None:
    (transport,) = transports(jira, 1, **options)
    jira.time.run(lambda: job(transport))


def test_what_one_thread_is_told_holds_for_another() -> None:
    jira = LimitingJira(VirtualTime(), script=[limit("20")])
    first, second = transports(jira, 2)

    def later() -> None:
        jira.time.sleep(1)
        second.read(SEARCH, body={})

    jira.time.run(lambda: first.read(SEARCH, body={}), later)
    at = [when for when, _, _ in jira.sent]
    assert at[0] == 0
    assert len(at) == 3
    assert all(20 <= when <= 20.5 for when in at[1:])


def test_a_thread_that_would_wait_too_long_says_so_without_asking() -> None:
    jira = LimitingJira(VirtualTime(), script=[limit("3600")])
    first, second = transports(jira, 2)

    def work() -> None:
        for transport in (first, second):
            with pytest.raises(JiraUnreachable, match=r"slow down.*in 3600 s"):
                transport.read(SEARCH, body={})

    jira.time.run(work)
    assert len(jira.sent) == 1
    assert jira.time.clock() == 0


def test_patience_is_for_all_waits_of_a_read_together() -> None:
    jira = LimitingJira(VirtualTime(), script=[limit("100")] * 9)

    def work(transport: Transport) -> None:
        with pytest.raises(JiraUnreachable, match="in 100 s"):
            transport.read(SEARCH, body={})

    run_one(jira, work)
    assert len(jira.sent) == 3
    assert 200 <= jira.time.clock() <= 202


@pytest.mark.parametrize("asked", ["0", "", "soon", "Wed, 01 Jan 2020 00:00:00 GMT"])
def test_a_limit_without_a_length_ends_too(asked: str) -> None:
    jira = LimitingJira(VirtualTime(), script=[limit(asked)] * 2000)

    def work(transport: Transport) -> None:
        with pytest.raises(JiraUnreachable, match="slow down"):
            transport.read(SEARCH, body={})

    run_one(jira, work)
    assert 5 < len(jira.sent) < 1300
    assert 250 <= jira.time.clock() <= 330


def test_a_503_with_a_wait_holds_everybody_and_ends_after_five_tries() -> None:
    jira = LimitingJira(VirtualTime(), script=[limit("10", status=503)] * 5)

    def work(transport: Transport) -> None:
        with pytest.raises(JiraUnreachable, match="503"):
            transport.read(SEARCH, body={})

    run_one(jira, work)
    assert len(jira.sent) == 5
    assert jira.time.clock() >= 40


def test_trouble_of_every_kind_shares_the_tries() -> None:
    troubles = [Lost("dropped"), Answer(503, {}, b""), Lost("answering"), Answer(500, {}, b"<html>")]
    jira = LimitingJira(VirtualTime(), script=list(troubles))
    run_one(jira, lambda transport: transport.read(SEARCH, body={}))
    assert len(jira.sent) == 5
    again = LimitingJira(VirtualTime(), script=[*troubles, Answer(504, {}, b"")])

    def work(transport: Transport) -> None:
        with pytest.raises(JiraUnreachable, match="504"):
            transport.read(SEARCH, body={})

    run_one(again, work)


@pytest.mark.parametrize("trouble", [Lost("dropped"), Lost("answering"), Answer(500, {}, b""), Answer(503, {}, b"")])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_is_sent_once_by_any_method(trouble: Answer | Lost, method: str) -> None:
    jira = LimitingJira(VirtualTime(), script=[trouble])

    def work(transport: Transport) -> None:
        with pytest.raises(AnswerUnknown, match=f"{method} .*read the ticket"):
            transport.write("/rest/api/2/issue/1", {}, method=method)

    run_one(jira, work)
    assert [method for _, method, _ in jira.sent] == [method]


PER_TICKET = "jira-per-issue-on-write"


def test_writes_to_one_ticket_are_spaced_and_other_tickets_are_not() -> None:
    jira = LimitingJira(VirtualTime(), script=[limit("4", PER_TICKET)])

    def work(transport: Transport) -> None:
        with pytest.raises(JiraUnreachable, match="in 4 s"):
            transport.write("/rest/api/3/issue/1/comment", {})
        transport.write("/rest/api/3/issue/2/comment", {})
        transport.read("/rest/api/3/issue/1")
        assert jira.time.clock() == 0
        transport.write("/rest/api/3/issue/1/transitions", {})
        assert 4 <= jira.time.clock() <= 4.5

    run_one(jira, work)
    assert len(jira.sent) == 4


def test_a_write_that_would_wait_long_is_not_sent() -> None:
    jira = LimitingJira(VirtualTime(), script=[limit("60", PER_TICKET), limit("60")])

    def work(transport: Transport) -> None:
        for path in ("/rest/api/3/issue/1/comment", "/rest/api/3/issue/2/comment"):
            for _ in range(3):
                with pytest.raises(JiraUnreachable, match="in 60 s"):
                    transport.write(path, {})
        transport.write("/rest/api/3/issue/3/transitions", {})
        with pytest.raises(JiraUnreachable, match="in 60 s"):  # the endpoint's limit is everybody's
            transport.write("/rest/api/3/issue/3/comment", {})

    run_one(jira, work)
    assert len(jira.sent) == 3
    assert jira.time.clock() == 0


def test_a_long_wait_is_told_once_with_how_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "goldenpath.jira")
    jira = LimitingJira(VirtualTime(), script=[limit("42"), limit("1"), limit("7")])
    run_one(jira, lambda transport: transport.read(SEARCH, body={}))
    told = [(record.levelname, record.message.partition(": ")[2]) for record in caplog.records]
    place = "POST /rest/api/3/search/jql"
    assert told == [
        ("WARNING", f"{place} waits 42.0 s"),
        ("INFO", f"{place} waits 1.0 s"),
        ("WARNING", f"{place} waits 7.0 s"),
    ]


def test_threads_that_are_told_the_same_say_it_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "goldenpath.jira")
    jira = LimitingJira(VirtualTime(), burst=0, seconds=42)
    together = threading.Barrier(4)
    send = jira.send

    class Together:
        """All four are on their way before the first is answered."""

        def send(self, method: str, path: str, body: bytes | None) -> Answer:
            if jira.time.clock() == 0:
                together.wait(20)
            else:
                jira.burst = 100
            return send(method, path, body)

        def close(self) -> None:
            """Nothing is open."""

    pace = Pace(clock=jira.time.clock, sleep=jira.time.sleep)
    four = [Transport(Together(), SETTINGS, pace=pace, sleep=jira.time.sleep) for _ in range(4)]
    jira.time.run(*(partial(transport.read, SEARCH, body={}) for transport in four))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert len(jira.sent) == 8

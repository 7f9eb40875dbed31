"""The schedule: first at once, one at a time, failures survived, a clean stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from agent.scheduler import Schedule


def test_works_at_once_and_again() -> None:
    third = threading.Event()
    runs: list[float] = []

    def job() -> None:
        runs.append(time.monotonic())
        if len(runs) == 3:
            third.set()

    schedule = Schedule(job, seconds=0.05)
    schedule.start()
    assert third.wait(5)
    schedule.stop()
    done = len(runs)
    time.sleep(0.2)
    assert len(runs) == done


def test_a_slow_job_is_never_run_twice_at_once_and_stop_waits_for_it() -> None:
    inside = 0
    most = 0
    started, finished = threading.Event(), threading.Event()

    def job() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        started.set()
        time.sleep(0.3)
        inside -= 1
        finished.set()

    schedule = Schedule(job, seconds=0.05)
    schedule.start()
    assert started.wait(5)
    time.sleep(0.2)
    schedule.stop()
    assert finished.is_set()
    assert most == 1


def test_a_failing_job_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    again = threading.Event()
    runs = 0

    def job() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise RuntimeError("boom")
        again.set()

    schedule = Schedule(job, seconds=0.05)
    schedule.start()
    assert again.wait(5)
    schedule.stop()
    assert schedule.failures == 1
    assert "the next one runs as planned" in caplog.text


@pytest.fixture
def not_for_long() -> Iterator[None]:
    """A signal that nobody heard is sent again, and again, so that nothing hangs."""
    again = threading.Timer(5, os.kill, (os.getpid(), signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    again.start()
    yield
    again.cancel()
    again.join()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("not_for_long")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_job_under_way(number: signal.Signals) -> None:
    finished = threading.Event()

    def job() -> None:
        os.kill(os.getpid(), number)
        time.sleep(0.2)
        finished.set()

    before = signal.getsignal(number)
    Schedule(job, seconds=60).run_until_signal()
    assert finished.is_set()
    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("not_for_long")
def test_no_signal_is_missed() -> None:
    """Also one that comes just when the main thread goes to sleep: one in two hundred did."""
    for _ in range(200):
        start = time.monotonic()
        Schedule(lambda: os.kill(os.getpid(), signal.SIGINT), seconds=60).run_until_signal()
        assert time.monotonic() - start < 4


def test_jobs_follow_each_other_and_one_that_fails_stops_no_other() -> None:
    told: list[str] = []
    twice = threading.Event()

    def fail() -> None:
        told.append("first")
        raise RuntimeError("boom")

    def second() -> None:
        told.append("second")
        if len(told) >= 4:
            twice.set()

    schedule = Schedule(fail, second, seconds=0.05)
    schedule.start()
    assert twice.wait(5)
    schedule.stop()
    assert told[:4] == ["first", "second", "first", "second"]
    assert schedule.failures >= 2


def test_after_a_stop_no_job_follows() -> None:
    told: list[str] = []
    inside = threading.Event()

    def first() -> None:
        told.append("first")
        inside.set()
        while not schedule.is_stopping:
            time.sleep(0.01)

    schedule = Schedule(first, lambda: told.append("second"), seconds=60)
    schedule.start()
    assert inside.wait(5)
    schedule.stop()
    assert told == ["first"]

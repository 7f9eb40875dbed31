"""Runs cycles on a schedule: one at a time, missed ones folded into one, a signal finishing the one under way."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger("goldenpath.scheduler")

_ENDING = frozenset({signal.SIGINT, signal.SIGTERM})


class Schedule:
    """Calls the `jobs` one after another every `seconds`, the first time at once, until `stop`.

    A job that raises is logged and counted in `failures`; the next one runs as planned. `stop` waits for the job
    under way, and leaves out those that would follow it.
    """

    def __init__(self, *jobs: Callable[[], object], seconds: float) -> None:
        self.failures = 0
        self._jobs = jobs
        self._seconds = seconds
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def start(self) -> None:
        self._scheduler.add_job(
            self._run,
            IntervalTrigger(seconds=self._seconds, timezone="UTC"),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            id="cycle",
        )
        self._scheduler.start()
        self._scheduler.modify_job("cycle", next_run_time=datetime.now(UTC))

    @property
    def is_stopping(self) -> bool:
        """Whether somebody has asked for the end: long work that can go on later should break off."""
        return self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def run_until_signal(self) -> None:
        """Blocks until SIGINT or SIGTERM, then stops cleanly. Main thread only."""
        heard, told = socket.socketpair()
        with heard, told:
            told.setblocking(False)
            # Python would not wake for a signal that comes at the moment in which the main thread goes to sleep.
            fd = signal.set_wakeup_fd(told.fileno())
            before = {number: signal.signal(number, lambda *_: None) for number in _ENDING}
            try:
                self.start()
                while _ENDING.isdisjoint(heard.recv(64)):
                    pass
            finally:
                self.stop()
                for number, handler in before.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(fd)

    def _run(self) -> None:
        for number, job in enumerate(self._jobs):
            if number and self.is_stopping:
                return
            try:
                job()
            except Exception:  # the border: a failed job must not end the schedule
                self.failures += 1
                log.exception("this cycle failed; the next one runs as planned")

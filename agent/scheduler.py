"""Runs cycles on a schedule: one at a time, missed ones folded into one, a signal finishing the one under way."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger("goldenpath.scheduler")


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

        def ask(_number: int, _frame: FrameType | None) -> None:
            self._stopping.set()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start()
            self._stopping.wait()
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _run(self) -> None:
        for number, job in enumerate(self._jobs):
            if number and self.is_stopping:
                return
            try:
                job()
            except Exception:  # the border: a failed job must not end the schedule
                self.failures += 1
                log.exception("this cycle failed; the next one runs as planned")

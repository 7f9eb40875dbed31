"""The hands of a backfill: threads of this process; for many tickets, processes of threads.

Parsing holds Python's lock, so threads alone keep one core busy, however many wait for Jira. A process is worth its
start from some ten thousand tickets on. Each has a pace of its own: what Jira asks of one, the others learn themselves.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection
from typing import Any, Final, Protocol

from tickets.collector import collecting_rarely
from tickets.errors import JiraUnreachable, TicketsError
from tickets.jira_client import JiraClient, Portable
from tickets.sync_book import Window
from tickets.window_reader import Halved, Read, WindowReader

PATIENCE: Final = 1.0  # seconds for a thread or a process to end
POLL: Final = 0.2  # seconds between two looks at whether to stop

Result = Read | Halved | BaseException


class Flag(Protocol):
    def is_set(self) -> bool: ...


class Threads:
    """`count` threads, each with a client of its own. `give` a window, `take` what came of any."""

    def __init__(self, client: JiraClient, limit: int, count: int) -> None:
        self._tasks: queue.SimpleQueue[Window | None] = queue.SimpleQueue()
        self._results: queue.Queue[Result] = queue.Queue(maxsize=count)
        self._stop = threading.Event()
        client.catalogue()  # once, for all of them
        self._threads = _start(
            lambda: client.twin(self._stop.is_set), limit, count, self._tasks, self._results, self._stop
        )

    def give(self, window: Window) -> None:
        self._tasks.put(window)

    def take(self) -> Result:
        return self._results.get()

    def dismiss(self) -> None:
        self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:  # one that waits for an answer, or because Jira asked for it, ends by itself
            thread.join(timeout=PATIENCE)


class Processes:
    """`count` processes that share `in_flight` threads. They end with the one that started them, however that ends."""

    def __init__(self, client: JiraClient, limit: int, count: int, in_flight: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._tasks: Any = context.Queue()
        self._results: Any = context.Queue(maxsize=in_flight)
        self._stop = context.Event()
        arguments = (client.portable(), limit, -(-in_flight // count), self._tasks, self._results, self._stop)
        self._processes = [context.Process(target=_serve, args=arguments, daemon=True) for _ in range(count)]
        for process in self._processes:
            process.start()

    def give(self, window: Window) -> None:
        self._tasks.put(window)

    def take(self) -> Result:
        while True:
            with suppress(queue.Empty):
                found: Result = self._results.get(timeout=POLL)
                return found
            for process in self._processes:
                if process.exitcode is not None:
                    raise JiraUnreachable(
                        f"a process of the first sync ended ({process.exitcode}); goldenpath sync goes on where it was"
                    )

    def dismiss(self) -> None:
        self._stop.set()
        for process in self._processes:
            process.join(timeout=PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()
        for used in (self._tasks, self._results):
            used.cancel_join_thread()
            used.close()


Crew = Threads | Processes


def _serve(portable: Portable, limit: int, count: int, tasks: Any, results: Any, stop: Any) -> None:
    """A process of the crew. Ctrl-C is for the one that started it; its death is ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    with collecting_rarely():
        _start(lambda: JiraClient.of(portable, stop.is_set), limit, count, tasks, results, stop)
        while not stop.is_set():
            if parent is None or connection.wait([parent.sentinel], timeout=POLL):
                break
    results.cancel_join_thread()
    os._exit(0)  # without waiting for threads that wait for Jira


def _start(
    connect: Callable[[], JiraClient], limit: int, count: int, tasks: Any, results: Any, stop: Flag
) -> list[threading.Thread]:
    threads = [
        threading.Thread(target=_work, args=(connect, limit, tasks, results, stop), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads


def _work(connect: Callable[[], JiraClient], limit: int, tasks: Any, results: Any, stop: Flag) -> None:
    try:
        with connect() as client, WindowReader(client, limit) as reader:
            while not stop.is_set() and (window := tasks.get()) is not None:
                for found in reader.turn(window):
                    _hand_over(found, results, stop)
                    if stop.is_set():
                        return
    except TicketsError as error:
        _hand_over(error, results, stop)
    except BaseException as error:  # it is raised again where the work was asked for, in words that can travel there
        _hand_over(RuntimeError(f"{type(error).__name__}: {error}"), results, stop)


def _hand_over(found: Result, results: Any, stop: Flag) -> None:
    while not stop.is_set():
        with suppress(queue.Full):
            results.put(found, timeout=POLL)
            break

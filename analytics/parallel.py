"""The same work on many parts: on all cores where it is worth it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

# Below so many rows, threads wait for each other longer than they work.
WORTH_THREADS: Final = 200_000

Part = TypeVar("Part")
Made = TypeVar("Made")


def on_each(work: Callable[[Part], Made], parts: Iterable[Part], *, rows: int) -> list[Made]:
    """What `work` makes of each part, in order. Threads help as numpy, polars and Arrow let go of Python's lock;
    `rows` says how much there is to do."""
    if rows < WORTH_THREADS:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, parts))


@contextmanager
def beside(work: Callable[..., Made], *arguments: Any, rows: int) -> Iterator[Callable[[], Made]]:
    """Begins the work beside what the block does; calling what it gives waits for the result."""
    if rows < WORTH_THREADS:
        yield lambda: work(*arguments)
        return
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(work, *arguments)
        yield begun.result

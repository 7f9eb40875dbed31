"""How fast the figures of a queue are made, beside the same job in plain pandas and beside merely reading the columns.

A history of made-up tickets is written once; every run is a process of its own. The three alternate, and the medians
of several rounds count. Ours and the pandas version must agree on the figures, or there is nothing to compare.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.process_tree import run_watched
from benchmarks.verdicts import Number, Sizes

ROOT: Final = Path(__file__).parents[1]
RELATIVE: Final = 1e-6  # sums of a million floats in another order
ABSOLUTE: Final = 1e-6
Figures = dict[str, Any]


def measure_job(sizes: Sizes) -> list[Number]:
    """The whole job at full size: beside the scan, beside pandas."""
    history = _history(sizes.queue)
    runs = _alternate(("scan", "ours", "pandas"), history, sizes.queue_rounds)
    check_agreement(runs["ours"][0]["figures"], runs["pandas"][0]["figures"])
    scan, ours, pandas = (_seconds(runs[driver]) for driver in ("scan", "ours", "pandas"))
    raw = {driver: sorted(round(one["seconds"], 3) for one in figures) for driver, figures in runs.items()}
    of = f"of {sizes.queue:,} tickets"
    return [
        Number(
            "queue-scan",
            f"every figure {of} in {ours:.2f} s; reading the columns alone {scan:.2f} s",
            ours / scan,
            "times",
            3.0,
            is_most=True,
            raw=raw,
        ),
        Number("queue-pandas", f"plain pandas takes {pandas:.2f} s for the same figures", pandas / ours, "times", 3.5),
    ]


def measure_memory(sizes: Sizes) -> list[Number]:
    """Peak memory of the job at full size, in a run that is watched: watching costs time, so it is not timed."""
    figures = drive("ours", _history(sizes.queue), is_watched=True)
    says = f"peak of the process that makes every figure of {sizes.queue:,} tickets"
    return [Number("queue-memory", says, figures["peak_mb"], "MB", 1_300, is_most=True)]


def measure_growth(sizes: Sizes) -> list[Number]:
    """How the time of the job grows with the queue: 1 is in proportion."""
    few, many = (_history(number) for number in (sizes.queue_few, sizes.queue))
    runs: dict[Path, list[Figures]] = {few: [], many: []}
    for _ in range(sizes.queue_rounds):
        for history, figures in runs.items():
            figures.append(drive("ours", history))
    short, long = _seconds(runs[few]), _seconds(runs[many])
    exponent = math.log(long / short) / math.log(sizes.queue / sizes.queue_few)
    says = f"{sizes.queue_few:,} tickets {short:.2f} s, {sizes.queue:,} tickets {long:.2f} s: exponent of the growth"
    return [Number("queue-growth", says, exponent, "", 1.0, is_most=True)]


def measure_page(sizes: Sizes) -> list[Number]:
    """What a page of the dashboard does with the data before it draws."""
    drive("keep", _history(sizes.queue))
    runs = [drive("page", _history(sizes.queue)) for _ in range(sizes.queue_rounds)]
    says = f"data of a dashboard page over {sizes.queue:,} tickets"
    raw = {"milliseconds": sorted(round(one["seconds"] * 1000) for one in runs)}
    return [Number("queue-page", says, _seconds(runs) * 1000, "ms", 150, is_most=True, raw=raw)]


MEASURES: Final[Mapping[str, Callable[[Sizes], list[Number]]]] = {
    "queue": measure_job,
    "queue-memory": measure_memory,
    "queue-growth": measure_growth,
    "queue-page": measure_page,
}


def drive(driver: str, history: Path, *, is_watched: bool = False) -> Figures:
    """One run in a process of its own. Raises RuntimeError with what it printed when it fails."""
    command = [sys.executable, "-m", "benchmarks.queue_job", driver, "--history", str(history)]
    watched = 0.0
    if is_watched:
        code, printed, complaints, watched = run_watched(command, ROOT)
    else:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        code, printed, complaints = ended.returncode, ended.stdout, ended.stderr
    if code:
        raise RuntimeError(f"{driver} ended with {code}: {complaints[-2000:]}")
    figures: Figures = json.loads(printed)
    return {**figures, "peak_mb": max(watched, figures["peak_mb"])}


def check_agreement(ours: Figures, theirs: Figures) -> None:
    """Raises RuntimeError, naming them, where two sets of figures differ by more than rounding."""
    differing = list(_differences("", ours, theirs))
    if differing:
        shown = "; ".join(differing[:5])
        raise RuntimeError(f"the product and plain pandas disagree on {len(differing)} figures: {shown}")


def _differences(name: str, ours: Any, theirs: Any) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from _differences(f"{name}/{key}", ours.get(key), theirs.get(key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(f"{name}/{place}", one, other)
    elif not (
        isinstance(ours, int | float)
        and isinstance(theirs, int | float)
        and math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    ):
        yield f"{name}: {ours} and {theirs}"


def _alternate(drivers: tuple[str, ...], history: Path, rounds: int) -> dict[str, list[Figures]]:
    runs: dict[str, list[Figures]] = {driver: [] for driver in drivers}
    drive(drivers[0], history)  # the first to read the files would pay for the disk
    for _ in range(rounds):
        for driver in drivers:
            runs[driver].append(drive(driver, history))
    return runs


def _seconds(runs: list[Figures]) -> float:
    return median(one["seconds"] for one in runs)


def _history(tickets: int) -> Path:
    return Path(_written(tickets).name)


@cache
def _written(tickets: int) -> TemporaryDirectory[str]:
    """A history for all measures; it goes when this process ends."""
    folder = TemporaryDirectory(prefix="goldenpath-bench-")
    command = [sys.executable, "-m", "benchmarks.queue_log", "--tickets", str(tickets), "--into", folder.name]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder

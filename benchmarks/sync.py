"""How fast a sync is, beside the jira package on the same pages, and how much memory it takes.

Each figure has a target and a verdict. Every measurement runs in a process of its own against a server of rendered
pages in another one; ours and the package's alternate, and the medians of several rounds count.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.drivers import Figures
from benchmarks.pages import ServedPages
from benchmarks.process_tree import run_watched
from benchmarks.verdicts import Number, Sizes

ROOT: Final = Path(__file__).parents[1]
DELAY: Final = 0.15  # seconds before each answer, where waiting is measured
IN_FLIGHT: Final = 8
PAGE: Final = 100


def measure_server(sizes: Sizes) -> list[Number]:
    """What is measured against must be quicker than what is measured."""
    with ServedPages(sizes.speed) as pages:
        best = max((drive("wire", pages.url) for _ in range(sizes.rounds)), key=lambda figures: figures["per_second"])
    return [Number("server", "pages read and thrown away", best["per_second"], "tickets/s", 30_000, raw=best)]


def measure_speed(sizes: Sizes) -> list[Number]:
    """A whole sync beside the package's search, on tickets that nobody touched since: no histories to fetch."""
    with ServedPages(sizes.speed, histories=False) as pages:
        runs = _alternate(("peer", "objects", "ours"), pages.url, sizes.rounds)
    ratio = _rate(runs["ours"]) / _rate(runs["peer"])
    built = _rate(runs["ours"]) / _rate(runs["objects"])
    says = (
        f"fetch, parse and store {_rate(runs['ours']):,.0f}/s; the jira package's search {_rate(runs['peer']):,.0f}/s"
    )
    return [
        Number("speed", says, ratio, "times", 3.0, raw=_raw(runs)),
        Number("speed-objects", f"beside its objects alone, {_rate(runs['objects']):,.0f}/s", built, "times"),
    ]


def measure_histories(sizes: Sizes) -> list[Number]:
    """The same with three to seven history entries for each ticket, which the package does not read."""
    with ServedPages(sizes.speed) as pages:
        runs = _alternate(("peer", "ours"), pages.url, sizes.rounds)
    ratio = _rate(runs["ours"]) / _rate(runs["peer"])
    says = f"{_rate(runs['ours']):,.0f} tickets/s with their histories, the package without {_rate(runs['peer']):,.0f}"
    return [Number("speed-histories", says, ratio, "times", raw=_raw(runs))]


def measure_waiting(sizes: Sizes) -> list[Number]:
    """How much of the time that nobody can avoid: a page takes DELAY seconds, IN_FLIGHT of them wait at once."""
    numbers = []
    for name, has_histories, target in (("waiting", False, 0.65), ("waiting-histories", True, None)):
        with ServedPages(sizes.waiting, delay=DELAY, histories=has_histories) as pages, _folder() as folder:
            figures = drive("ours", pages.url, folder / "tickets.sqlite3")
            asked = pages.seen()
        limit = IN_FLIGHT * PAGE / DELAY
        says = (
            f"{figures['per_second']:,.0f} tickets/s of the {limit:,.0f} that {IN_FLIGHT} pages of {PAGE} "
            f"every {DELAY * 1000:.0f} ms are"
        )
        raw = {**figures, "requests": asked}
        numbers.append(Number(name, says, figures["per_second"] / limit, "of limit", target, raw=raw))
    return numbers


def measure_size(sizes: Sizes) -> list[Number]:
    """Peak memory of a first sync of few and of many tickets, with histories; then a sync of the few that changed."""
    with _folder() as folder:
        with ServedPages(sizes.few) as pages:
            few = drive("ours", pages.url, folder / "few.sqlite3")
        with ServedPages(sizes.many) as pages:
            many = drive("ours", pages.url, folder / "many.sqlite3")
            pages.touch(sizes.changed)
            again = drive("ours", pages.url, folder / "many.sqlite3")
    if again["changed"] != sizes.changed:
        raise RuntimeError(f"{sizes.changed} tickets were edited and the sync found {again['changed']}")
    growth = f"peak at {sizes.many:,} tickets beside that at {sizes.few:,} ({few['peak_mb']:,.0f} MB)"
    changes = f"{sizes.changed:,} changes among {sizes.many:,} tickets ({again['cpu_seconds']:.2f} s of it CPU)"
    return [
        Number(
            "memory",
            f"peak of all its processes at {sizes.many:,} tickets",
            many["peak_mb"],
            "MB",
            400,
            is_most=True,
            raw=many,
        ),
        Number("memory-growth", growth, many["peak_mb"] / few["peak_mb"], "times", 1.25, is_most=True, raw=few),
        Number("increment", changes, again["seconds"] + again["opening_seconds"], "s", 3.0, is_most=True, raw=again),
    ]


MEASURES: Final[Mapping[str, Callable[[Sizes], list[Number]]]] = {
    "server": measure_server,
    "speed": measure_speed,
    "histories": measure_histories,
    "waiting": measure_waiting,
    "size": measure_size,
}


def drive(driver: str, url: str, store: Path | None = None) -> Figures:
    """One run in a process of its own. Raises RuntimeError with what it printed when it fails."""
    command = [sys.executable, "-m", "benchmarks.drivers", driver, "--url", url, "--in-flight", str(IN_FLIGHT)]
    if store is not None:
        command += ["--store", str(store)]
    code, printed, complaints, peak = run_watched(command, ROOT)
    if code:
        raise RuntimeError(f"{driver} ended with {code}: {complaints[-2000:]}")
    figures: Figures = json.loads(printed)
    return {**figures, "peak_mb": peak or figures["peak_mb"]}


def _alternate(drivers: tuple[str, ...], url: str, rounds: int) -> dict[str, list[Figures]]:
    runs: dict[str, list[Figures]] = {driver: [] for driver in drivers}
    for _ in range(rounds):
        for driver in drivers:
            with _folder() as folder:
                runs[driver].append(drive(driver, url, folder / "tickets.sqlite3"))
    return runs


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="goldenpath-bench-") as name:
        yield Path(name)


def _rate(runs: list[Figures]) -> float:
    return median(figures["per_second"] for figures in runs)


def _raw(runs: dict[str, list[Figures]]) -> dict[str, Any]:
    return {
        driver: {
            "per_second": sorted(round(one["per_second"]) for one in figures),
            "cpu_us_per_ticket": round(median(one["cpu_seconds"] / one["tickets"] for one in figures) * 1e6),
            "peak_mb": round(median(one["peak_mb"] for one in figures)),
        }
        for driver, figures in runs.items()
    }

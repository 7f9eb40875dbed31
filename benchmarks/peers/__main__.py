"""`python -m benchmarks.peers`: our job beside two programs that also compute times from a ticket's history.

Run by hand; it needs a package index and some minutes. Each peer gets an environment of its own in a folder (default
`build/peers`, kept for the next time), the versions that are known to work, and the same made-up tickets as our job.
Only calculations are timed, neither reading nor making objects: theirs as below, ours with the milestones, all
durations and the time in each status, in calendar and in business hours. Each run is a process of its own.

- `jira-agile-metrics` 0.24 (MIT): one date per column of a board and the days from the first to the last, from
  tickets of the jira package with their changelogs. No hours, no business time, no time per status.
- `pm4py` 2.7.23.11 (AGPL-3.0; it is installed for the comparison and nothing of it is used elsewhere): the duration
  of every case in business hours, and the times between statuses, from a table of events.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl

from benchmarks.queue import drive
from benchmarks.queue_log import write_queue
from benchmarks.queue_world import STATUSES
from benchmarks.verdicts import Number
from tickets.history import current_files

HERE: Final = Path(__file__).parent
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """A package with its version, the script that times it, and the least that ours must be quicker."""

    name: str
    requirements: tuple[str, ...]
    script: str
    tickets: int
    target: float


AGILE: Final = Peer(
    "agile-metrics", ("jira-agile-metrics==0.24", "jira==3.10.5", "pandas==3.1.1"), "agile_metrics.py", 10_000, 100
)
MINING: Final = Peer("pm4py", ("pm4py==2.7.23.11", "pandas==3.1.1"), "process_mining.py", 100_000, 60)


def environment(peer: Peer, folder: Path) -> Path:
    """The Python of an environment that has the peer; made where it is not there yet."""
    python = folder / peer.name / "bin" / "python"
    made = folder / peer.name / "made-for"
    if not made.exists() or made.read_text() != " ".join(peer.requirements):
        print(f"installing {' '.join(peer.requirements)} into {folder / peer.name}", flush=True)
        venv.create(folder / peer.name, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *peer.requirements]
        subprocess.run(install, check=True)
        made.write_text(" ".join(peer.requirements))
    return python


def write_tickets(history: Path, into: Path) -> None:
    """Every ticket with its changes, as JSON, for what reads tickets."""
    tickets, changes = (pl.read_parquet(current_files(history, kind)) for kind in ("tickets", "changes"))
    written = "%Y-%m-%dT%H:%M:%S%.3f%z"
    by_ticket: dict[int, list[tuple[str, str, str]]] = {number: [] for number in tickets["ticket_id"]}
    rows = changes.select("ticket_id", pl.col("at").dt.strftime(written), "from_name", "to_name").iter_rows()
    for number, at, came_from, went_to in rows:
        by_ticket[number].append((at, came_from, went_to))
    instants = (pl.col(name).dt.strftime(written) for name in ("created_at", "resolved_at"))
    told = tickets.select("ticket_id", "key", "status", *instants).to_dicts()
    document = {
        "statuses": {name: place.clock for name, place in STATUSES.items()},
        "first": next(iter(STATUSES)),
        "last": [name for name, place in STATUSES.items() if place.clock == "done"][-1],
        "tickets": [{**ticket, "changes": by_ticket[ticket["ticket_id"]]} for ticket in told],
    }
    into.write_text(json.dumps(document))


def write_events(history: Path, into: Path) -> None:
    """Every entry to a status, as CSV, for what reads events."""
    tickets, changes = (pl.read_parquet(current_files(history, kind)) for kind in ("tickets", "changes"))
    first = changes.group_by("ticket_id", maintain_order=True).agg(status=pl.col("from_name").first())
    began = tickets.join(first, on="ticket_id", how="left", suffix="_first").select(
        "ticket_id", pl.coalesce("status_first", "status").alias("status"), pl.col("created_at").alias("at")
    )
    moved = changes.select("ticket_id", pl.col("to_name").alias("status"), "at")
    pl.concat([began, moved]).sort("ticket_id", maintain_order=True).write_csv(into)


WRITERS: Final = {AGILE.name: (write_tickets, "tickets.json"), MINING.name: (write_events, "events.csv")}


def compare(peer: Peer, folder: Path) -> list[Number]:
    python = environment(peer, folder)
    with TemporaryDirectory(prefix="goldenpath-bench-") as name:
        history, events = Path(name) / "history", Path(name) / WRITERS[peer.name][1]
        write_queue(history, peer.tickets)
        WRITERS[peer.name][0](history, events)
        ours: list[float] = []
        theirs: list[dict[str, Any]] = []
        for _ in range(ROUNDS):
            ours.append(drive("calculation", history)["seconds"])
            command = [str(python), str(HERE / peer.script), str(events)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            theirs.append(json.loads(printed))
    parts = {part: median(one["parts"][part] for one in theirs) for part in theirs[0]["parts"]}
    seconds = sum(parts.values())
    told = ", ".join(f"{part} {taken:.2f} s" for part, taken in parts.items())
    says = f"{peer.requirements[0]}: {told}; ours {median(ours):.3f} s, {peer.tickets:,} tickets"
    return [Number(peer.name, says, seconds / median(ours), "times", peer.target, raw={"theirs": theirs})]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Our job beside two peers.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/peers"), help="default build/peers")
    folder: Path = parser.parse_args().folder.resolve()
    numbers = []
    for peer in (AGILE, MINING):
        for number in compare(peer, folder):
            numbers.append(number)
            print(number.line(), flush=True)
    return 0 if all(number.is_met for number in numbers) else 1


if __name__ == "__main__":
    sys.exit(main())

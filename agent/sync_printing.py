"""How a sync and what it proves look on a terminal, and as JSON documents."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from agent.syncing import Refreshed
from tickets.proof import Proof
from tickets.sync import Progress

SHOWN: Final = 10  # reasons that are printed one by one


def console() -> Console:
    """As wide as the terminal; in a pipe wide enough that no line is broken."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


class SyncBar:
    """A bar on standard error with an estimate of the time left; silent where nobody looks."""

    _WORDS: Final = {"backfill": "first sync", "changes": "changes", "census": "census"}

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        self._bar = ProgressBar(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("connecting", total=None, told="")
        self._stage = ""

    def __enter__(self) -> SyncBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, at: Progress) -> None:
        if at.stage != self._stage:
            self._stage = at.stage
            self._bar.reset(self._task, description=self._WORDS[at.stage], told="")
        told = f"{at.done:,} tickets" if at.expected is None else f"{at.done:,} of about {at.expected:,} tickets"
        self._bar.update(self._task, completed=at.done, total=at.expected, told=told)


def sync_document(done: Refreshed, stored: int, proof: Proof, *, verify: bool) -> dict[str, Any]:
    census = done.census
    return {
        "tickets": done.synced.tickets,
        "status_changes": done.synced.status_changes,
        "changed": len(done.synced.changed),
        "rejected": done.synced.rejected,
        "stored": stored,
        "not_visible": list(done.synced.invisible),
        "census": None
        if census is None
        else {
            "at_jira": census.at_jira,
            "read_late": list(census.late),
            "no_longer_shown": {str(number): stone.value for number, stone in census.buried.items()},
            "missing": list(census.missing),
        },
        "census_failure": done.failure,
        "complete": proof.is_complete,
        "gaps": list(proof.gaps),
        **({"proof": proof.to_json()} if verify else {}),
    }


def print_sync(done: Refreshed, stored: int, proof: Proof, *, verify: bool) -> None:
    out, synced = console(), done.synced
    out.print(f"read {synced.tickets:,} tickets, {len(synced.changed):,} of them new or changed; {stored:,} are stored")
    if synced.rejected:
        words = f"set aside, because they cannot be read: {synced.rejected:,} (goldenpath sync --verify says why)"
        out.print(Text(words, style="yellow"))
    if done.census and done.census.late:
        out.print(f"found by the census, shown by no search for changes: {len(done.census.late):,}")
    if done.census and done.census.buried:
        out.print(f"no longer shown by Jira, found by the census: {len(done.census.buried):,}")
    if done.rewritten:
        out.print(f"{done.rewritten:,} partitions of the history were written")
    if verify:
        print_proof(proof)
    else:
        print_proof_line(proof)


def print_proof_line(proof: Proof) -> None:
    """The age and the completeness of the data, above what is made of it."""
    style = "dim" if proof.is_complete else "bold yellow"
    console().print(Text(" ".join(proof.sentences(datetime.now(UTC))), style=style))


def print_proof(proof: Proof) -> None:
    """Two figures per project and month: ids and histories."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    names = ("at Jira", "here", "missing", "set aside", "whole", "moved", "migrated", "broken")
    for heading in ("project", "month", *names):
        table.add_column(heading, justify="left" if heading in ("project", "month") else "right")
    for project in proof.projects:
        for month in project.months:
            ids = (month.at_jira, month.here, month.missing, month.set_aside)
            chains = (month.whole, month.moved, month.migrated, month.broken)
            row = [Text("?" if n is None else f"{n:,}", style="" if n else "dim") for n in (*ids, *chains)]
            table.add_row(project.project, month.month, *row)
    out = console()
    out.print(table)
    for project in proof.projects:
        if project.missing_ids:
            out.print(Text(f"missing in {project.project}: {', '.join(map(str, project.missing_ids))}", style="red"))
    for rejection in proof.set_aside[:SHOWN]:
        out.print(Text(f"set aside: {rejection.source}: {rejection.reason}", style="yellow"))
    if len(proof.set_aside) > SHOWN:
        out.print(Text(f"and {len(proof.set_aside) - SHOWN:,} more", style="yellow"))
    if proof.broken:
        out.print(Text(f"broken histories: {', '.join(proof.broken)}", style="yellow"))
    if proof.tombstones:
        out.print(Text(f"{proof.tombstones:,} tickets are no longer shown by Jira: kept for the audit, not counted"))
    out.print(Text(f"complete: {'yes' if proof.is_complete else 'no'}", style="bold"))
    print_proof_line(proof)

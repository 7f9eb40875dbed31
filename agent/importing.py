"""Reads exports and event logs into the ticket store, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from agent import bootstrap
from agent.config import Configuration
from agent.errors import ConfigurationError
from agent.status_map import EventMeanings
from tickets.delimited import folded
from tickets.event_log import EventColumns, EventLog, header_of, lacking
from tickets.exports import kind_of, read_export
from tickets.store import TicketStore
from tickets.ticket import Clock, Rejection, Ticket
from tickets.wall_clock import WallClock

BATCH = 500
EXAMPLES = 5  # rejections that are shown
OPTIONAL_COLUMNS = ("summary", "type", "priority", "assignee", "requester")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """`changed` are the tickets that are new or differ from what was stored; `notes` say what was assumed."""

    tickets: int
    changed: int
    status_changes: int
    rejected: int
    without_history: int
    examples: tuple[Rejection, ...]
    notes: tuple[str, ...] = ()
    meanings: EventMeanings | None = None


class _Keeping:
    """Saves records batch by batch and counts them."""

    def __init__(self, store: TicketStore, progress: Callable[[str], None]) -> None:
        self._store, self._progress = store, progress
        self.tickets = self.changed = self.status_changes = self.rejected = self.without_history = 0
        self.examples: list[Rejection] = []

    def keep(self, records: Iterable[Ticket | Rejection], file: Path) -> None:
        """Everything of one file; what was rejected of it before is forgotten."""
        batch: list[Ticket] = []
        refused: list[Rejection] = []
        for record in records:
            if isinstance(record, Rejection):
                refused.append(record)
                continue
            batch.append(record)
            self.tickets += 1
            self.status_changes += len(record.status_changes or ())
            self.without_history += record.status_changes is None
            if len(batch) >= BATCH:
                self._save(batch)
                batch = []
        self._save(batch)
        self._store.reject(refused, file=file)
        self.rejected += len(refused)
        self.examples.extend(refused[: EXAMPLES - len(self.examples)])

    def _save(self, batch: list[Ticket]) -> None:
        self.changed += len(self._store.save(batch))
        self._progress(f"{self.tickets:,} tickets")

    def report(self, notes: Iterable[str], meanings: EventMeanings | None = None) -> ImportReport:
        return ImportReport(
            self.tickets,
            self.changed,
            self.status_changes,
            self.rejected,
            self.without_history,
            tuple(self.examples),
            tuple(notes),
            meanings,
        )


def import_exports(
    configuration: Configuration,
    paths: Sequence[Path],
    *,
    site: str | None = None,
    clock: WallClock | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ImportReport:
    """Reads Jira's exports into the ticket store; what cannot be read is kept aside and counted.

    `site` names the Jira where the records do not; `clock` (default: UTC) places dates of CSV. `progress` is told in
    words. Raises TicketsError where a file is no export, or the store cannot be used.
    """
    clock = clock or wall_clock("UTC")
    is_table = False
    with bootstrap.open_store(configuration) as store:
        keeping = _Keeping(store, progress)
        for path in paths:
            is_table |= path.is_file() and kind_of(path) == "table"  # a pipe can be read only once
            keeping.keep(read_export(path, site=site, clock=clock), path)
    return keeping.report([_placed(clock)] if is_table else [])


def import_events(
    configuration: Configuration,
    paths: Sequence[Path],
    columns: EventColumns,
    *,
    site: str | None = None,
    clock: WallClock | None = None,
    meanings: Mapping[str, Clock] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ImportReport:
    """Reads files as one event log into the ticket store. `site` defaults to the file's name without its endings.

    Raises ConfigurationError for several files without a site and for a column that is not there, TicketsError as
    `import_exports` does.
    """
    if site is None and len(paths) > 1:
        raise ConfigurationError("several files are read as one event log, which needs a name: --site NAME")
    for path in paths:
        # A pipe can be read only once; what it lacks is told when it is.
        if path.is_file() and (problem := lacking(path, header_of(path, columns), columns)):
            raise ConfigurationError(problem)
    clock, meanings = clock or wall_clock("UTC"), meanings or {}
    told = {folded(name): meaning for name, meaning in meanings.items()}
    site = site or paths[0].name.partition(".")[0] or "import"
    log = EventLog(columns, site=site, clock=clock, meanings=meanings, progress=lambda n: progress(f"{n:,} events"))
    for path in paths:
        log.take(path)
    log.settle()
    with bootstrap.open_store(configuration) as store:
        keeping = _Keeping(store, progress)
        tickets: Iterable[Ticket] = log.tickets()
        for path in paths:
            refused = (entry for entry in log.rejections if entry.source.startswith(f"{path}:"))
            keeping.keep(chain(tickets, refused), path)
            tickets = ()
        store.save_statuses(site, log.statuses)
    given = {name: meaning for name in log.seen if (meaning := told.get(folded(name)))}
    unused = tuple(name for name in meanings if folded(name) not in set(map(folded, log.seen)))
    return keeping.report([_placed(clock)], EventMeanings(dict(log.seen.most_common()), given, unused, log.repeated))


def columns_of(named: Mapping[str, str], *, is_log: bool) -> EventColumns | None:
    """The columns of an event log from the options that name them; None where no log is read.

    Raises ConfigurationError where one that is needed is missing, or where there is one and no log.
    """
    if not is_log:
        if extra := [f"--{part}" for part, name in named.items() if name]:
            raise ConfigurationError(f"{' and '.join(extra)} goes with --events")
        return None
    if missing := [f"--{part} COL" for part in ("ticket", "status", "at") if not named[part]]:
        raise ConfigurationError(f"--events needs {' and '.join(missing)}: the names of columns in the log")
    known = {part: name for part, name in named.items() if part in ("ticket", "status", "at", *OPTIONAL_COLUMNS)}
    return EventColumns(kind=known.pop("type"), **known)


def wall_clock(time_zone: str, *, is_day_first: bool | None = None) -> WallClock:
    """The clock of an export's dates. Raises ConfigurationError for a time zone that is none."""
    if time_zone not in available_timezones():
        raise ConfigurationError(f"--time-zone {time_zone!r} is no IANA time zone; they look like Europe/Berlin or UTC")
    return WallClock(ZoneInfo(time_zone), None if is_day_first is None else "day" if is_day_first else "month")


def document(done: ImportReport) -> dict[str, Any]:
    """The report as JSON."""
    told = {
        "tickets": done.tickets,
        "changed": done.changed,
        "status_changes": done.status_changes,
        "rejected": done.rejected,
        "without_history": done.without_history,
        "rejections": [{"source": entry.source, "reason": entry.reason} for entry in done.examples],
        "notes": list(done.notes),
    }
    if done.meanings:
        told |= {
            "events": sum(done.meanings.seen.values()),
            "repeated_events": done.meanings.repeated,
            "unmapped": done.meanings.unmapped,
            "proposed": done.meanings.proposals(),
            "unused": list(done.meanings.unused),
        }
    return told


def sentences(done: ImportReport) -> Iterator[str]:
    """The report in lines for people."""
    yield (
        f"{done.tickets:,} tickets ({done.changed:,} new or changed) with {done.status_changes:,} status changes; "
        f"{done.rejected:,} records rejected"
    )
    if done.without_history:
        yield f"{done.without_history:,} tickets came without a history: their queue time is unknown, not zero"
    yield from done.notes
    if done.meanings:
        yield from _on_meanings(done.meanings)
    yield from (f"  rejected {entry.source}: {entry.reason}" for entry in done.examples)
    if done.rejected > len(done.examples):
        yield f"  and {done.rejected - len(done.examples):,} more"


def _on_meanings(told: EventMeanings) -> Iterator[str]:
    repeated = f"; {told.repeated:,} that came twice count once" if told.repeated else ""
    yield f"{sum(told.seen.values()):,} events{repeated}"
    if told.unused:
        yield f"in the status map, but in no event: {', '.join(map(repr, told.unused))}"
    if told.unmapped:
        yield f"statuses without a meaning, in which waiting is not known as such: {len(told.unmapped)}"
        yield from (f"  {count:>9,} events  {name}" for name, count in told.unmapped.items())
        yield "check this, put it into a file, and import again with --status-map FILE:"
        yield ""
        yield told.to_toml()


def _placed(clock: WallClock) -> str:
    return f"times that name no zone were read as {clock.zone.key}; --time-zone names another"

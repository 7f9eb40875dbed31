"""`goldenpath run` writes the top-3 report to a folder, once a day or a week. What is due is decided from the files
that are there, so that a restart neither forgets a report nor writes one twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.config import Configuration
from agent.errors import AgentError
from agent.report_files import ENDINGS, Format, rendered, write
from agent.tables import ReportTable, duration
from tickets.errors import TicketsError

log = logging.getLogger("goldenpath.report")


def due_day(table: ReportTable, now: datetime, time_zone: str) -> datetime:
    """The last day (local midnight) whose report should have been written by `now`: that of the last `hour` of a day,
    or of the `weekday`."""
    local = now.astimezone(ZoneInfo(time_zone))
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    back = 0 if table.every == "day" else (day.isoweekday() - table.weekday) % 7
    if not back and local.hour < table.hour:
        back = 1 if table.every == "day" else 7
    return day - timedelta(days=back)


def missing_files(table: ReportTable, folder: Path, now: datetime, time_zone: str) -> list[tuple[Path, Format]]:
    """The files of the last report that are not there yet, each with its format."""
    name = f"top-requests-{due_day(table, now, time_zone):%Y-%m-%d}"
    wanted = [(folder / f"{name}{ENDINGS[form]}", form) for form in dict.fromkeys(table.formats)]
    return [(file, form) for file, form in wanted if not file.exists()]


class ReportSchedule:
    """Call it after each cycle. What fails is logged, counted in `failures` and tried again after the next cycle."""

    def __init__(self, configuration: Configuration, *, clock: Callable[[], datetime]) -> None:
        self.failures = 0
        self._configuration = configuration
        self._clock = clock

    def __call__(self) -> list[Path]:
        """Writes what is due; the files that it wrote."""
        try:
            return self._write_due()
        except (AgentError, TicketsError) as error:
            self.failures += 1
            log.warning("no report was written, the next cycle tries again: %s", error)
            return []

    def _write_due(self) -> list[Path]:
        from agent import operations

        configuration, table = self._configuration, self._configuration.report
        if table is None:
            return []
        folder, now = configuration.root / table.folder, self._clock()
        missing = missing_files(table, folder, now, configuration.calendar.time_zone)
        if not missing:
            return []
        view = operations.view_queue(
            configuration,
            since=duration(table.since) if table.since else None,
            count=table.top,
            rank_by=table.rank_by,
            may_train=True,
            with_details=True,
        )
        texts = {file: rendered(view, form, now=now) for file, form in missing}
        make_folder(folder)
        for file, text in texts.items():
            write(file, text)
            log.info("wrote %s", file)
        return list(texts)


def make_folder(folder: Path) -> None:
    """Only the last part: a folder above it that is missing was probably misspelt."""
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise AgentError(f"report.folder {folder}: there is no folder {folder.parent}") from None
    except OSError as error:
        raise AgentError(f"report.folder {folder} cannot be made: {error.strerror or error}") from None

"""Where an export of the ledger is written: whole or not at all, and never over another file unasked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import AgentError, ConfigurationError
from agent.tables import duration

if TYPE_CHECKING:
    from fulfilment.copies import Format


def format_of(named: str | None, out: Path | None) -> Format:
    """The format that was named, else the one that the file's name says, else JSON lines."""
    if named is None:
        return "csv" if out is not None and out.suffix.lower() == ".csv" else "jsonl"
    if named == "csv":
        return "csv"
    if named != "jsonl":
        raise ConfigurationError(f"--format {named!r} is no format; allowed: jsonl, csv")
    return "jsonl"


def instant_of(since: str, *, now: datetime) -> datetime:
    """`90d` before now, or the beginning of a day in UTC. Raises ConfigurationError naming what is allowed."""
    try:
        return datetime.combine(date.fromisoformat(since), time(), UTC)
    except ValueError:
        pass
    try:
        return now - duration(since)
    except ValueError:
        raise ConfigurationError(
            f"--since {since!r} is neither a date nor a duration; allowed: like 2026-10-01, 90d or 12w"
        ) from None


def check_place(file: Path, *, force: bool) -> None:
    """Told before the work, not after it. Raises ConfigurationError."""
    if os.path.isdir(file):  # a Path raises where the name is too long
        raise ConfigurationError(f"the export cannot be written to {file}: it is a folder; name a file in it")
    if not os.path.isdir(file.parent):
        raise ConfigurationError(f"the export cannot be written to {file}: there is no folder {file.parent}")
    if os.path.exists(file) and not force:
        raise ConfigurationError(f"{file} exists already; --force replaces it")


def write(file: Path, lines: Iterable[str], *, force: bool) -> int:
    """How many lines were written, readable by their owner only: they hold what people wrote. Raises AgentError, and
    ConfigurationError where a file came into being meanwhile."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        try:
            number = _write(partial, lines)
            if force:
                partial.replace(file)
            else:
                os.link(partial, file)
        finally:
            partial.unlink(missing_ok=True)
    except FileExistsError:
        raise ConfigurationError(f"{file} exists already; --force replaces it") from None
    except OSError as error:
        raise AgentError(f"the export cannot be written to {file}: {error.strerror or error}") from None
    return number


def _write(partial: Path, lines: Iterable[str]) -> int:
    number = 0
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as written:
        for line in lines:
            written.write(line)
            number += 1
        written.flush()
        os.fsync(written.fileno())
    return number

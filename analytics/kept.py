"""The measured table kept in a file, so that a page can ask for weeks of a million tickets many times a minute.

It is derived, like the history beside which it lies: made by whoever syncs, read by whoever shows. The rows lie sorted
by queue time, so that percentiles of any part of them need no sorting.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl

from analytics.errors import BadFrame
from analytics.summary import Grouping
from analytics.weeks import since_week, week_numbers, weekly

MARK: Final = "flow.json"
FORMAT: Final = 1
# What weeks are made of: which week (`weeks.week_numbers`) instead of which instant, which is a quarter of the bytes.
WEEKS: Final = ("requested", "started", "finished")
COLUMNS: Final = ("queue_hours", "queue_is_open", "is_open", "type", "project", "team", "priority")


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept table. `as_of`: the instant at which it was measured."""

    path: Path
    as_of: datetime

    def weeks(
        self, *, by: Grouping | None = None, since: datetime | None = None, requests_only: bool = False
    ) -> pd.DataFrame:
        """`weeks.weekly` from the week of `since` on (all where None); of service requests only, if told so."""
        wanted = [f"{name}_week" for name in WEEKS] + ["queue_hours", "queue_is_open", "is_open"]
        rows = pl.scan_parquet(self.path)
        if requests_only:
            rows = rows.filter("is_request")
        if by == "week":
            raise BadFrame("weeks are grouped by something else than weeks")
        table = rows.select(wanted + ([by] if by else [])).collect().to_pandas()
        return since_week(weekly(table, by=by, is_sorted=True), since)


def keep(table: pd.DataFrame, folder: Path, *, mark: str, as_of: datetime) -> None:
    """Keeps the table of `flow.measure`, with a flag `is_request`, for what `mark` names; replaces what was kept
    before, all at once. Raises OSError where the folder cannot be written."""
    name = f"flow.{secrets.token_hex(8)}.parquet"
    columns = table[[*COLUMNS, "is_request"]].assign(
        **{f"{name}_week": week_numbers(table[f"{name}_at"]).astype("int32") for name in WEEKS}
    )
    rows = pl.from_pandas(columns).sort("queue_hours", "queue_is_open", nulls_last=True)
    rows.write_parquet(folder / name, compression="zstd", row_group_size=250_000)
    partial = folder / f"{MARK}.{os.getpid()}"
    partial.write_text(
        json.dumps({"format": FORMAT, "mark": mark, "as_of": as_of.isoformat(), "file": name}), encoding="utf-8"
    )
    partial.replace(folder / MARK)
    for old in folder.glob("flow.*.parquet"):
        if old.name != name:
            old.unlink(missing_ok=True)


def kept(folder: Path, *, mark: str) -> Kept | None:
    """What was kept for `mark`; None where there is nothing, or something else."""
    try:
        told = json.loads((folder / MARK).read_text(encoding="utf-8"))
        path, as_of = folder / str(told["file"]), datetime.fromisoformat(told["as_of"])
        is_ours = told["format"] == FORMAT and told["mark"] == mark and path.is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is made anew by the next sync
    return Kept(path, as_of) if is_ours else None

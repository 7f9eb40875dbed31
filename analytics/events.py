"""Any system's log of events as a `Log`: for a notebook, without a Jira and without a store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import pandas as pd

from analytics.clocks import CLOCKS, folded, suggested
from analytics.errors import BadFrame
from analytics.frames import Log
from tickets.ticket import Clock, Status, StatusCategory

_CATEGORIES: Mapping[Clock, StatusCategory] = {
    "queue": StatusCategory.NEW,
    "done": StatusCategory.DONE,
    "active": StatusCategory.IN_PROGRESS,
    "requester": StatusCategory.IN_PROGRESS,
    "blocked": StatusCategory.IN_PROGRESS,
}
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
SITE = "events"


def from_events(
    frame: pd.DataFrame,
    *,
    ticket: str,
    status: str,
    at: str,
    type: str | None = None,
    priority: str | None = None,
    project: str | None = None,
    requester: str | None = None,
    clocks: Mapping[str, Clock] | None = None,
) -> Log:
    """A row of `frame` says that a ticket was in a status at an instant; the columns are named by the arguments.

    A change of status is what differs between consecutive rows of one ticket, so rows may repeat a status, come twice
    and stand in any order; those of one instant keep the frame's. A ticket is created at its first row. Of the other
    columns the last value that is not missing counts. `clocks` says what statuses mean (queue, active, requester,
    blocked, done), by name; the words of the other names suggest their meaning, and what suggests nothing is unknown.

    Raises BadFrame for a missing column, for times without a zone or that cannot be read, for rows that lack a
    ticket, a status or a time, and for a meaning in `clocks` that is none.
    """
    if wrong := sorted({str(clock) for clock in (clocks or {}).values()} - _CATEGORIES.keys()):
        raise BadFrame(f"clocks holds {', '.join(map(repr, wrong))}; allowed: {', '.join(CLOCKS)}")
    extra = {"request_type": type, "priority": priority, "project": project, "reporter": requester}
    named = {"ticket": ticket, "status": status, "at": at} | {name: it for name, it in extra.items() if it is not None}
    rows = _checked(frame, named)
    rows["order"] = range(len(rows))
    rows = rows.sort_values(["ticket", "at", "order"], kind="stable", ignore_index=True)
    is_first = rows["ticket"] != rows["ticket"].shift()
    before = rows["status"].shift()
    moved = ~is_first & (rows["status"] != before)
    known = {folded(name): clock for name, clock in (clocks or {}).items()}
    statuses = tuple(_status(str(name), known) for name in rows["status"].unique())
    category = {one.name: one.category.value for one in statuses}
    tickets = rows.loc[is_first, ["ticket", "at"]].rename(columns={"ticket": "key", "at": "created_at"})
    latest = rows.groupby("ticket", sort=True).last()  # of each column what is not missing
    tickets = tickets.assign(
        site=SITE,
        ticket_id=[_identity(key) for key in tickets["key"]],
        status=latest["status"].to_numpy(),
        status_id=latest["status"].to_numpy(),
        status_category=latest["status"].map(category).to_numpy(),
        updated_at=latest["at"].array,
        resolved_at=pd.Series(pd.NaT, index=tickets.index, dtype="datetime64[us, UTC]"),
        has_history=True,
        **{name: latest[name].to_numpy() for name in extra if name in rows},
    )
    if project is None:
        tickets["project"] = SITE
    changes = pd.DataFrame(
        {
            "site": SITE,
            "ticket_id": rows["ticket"].map(dict(zip(tickets["key"], tickets["ticket_id"], strict=True))),
            "at": rows["at"],
            **dict.fromkeys(("from_id", "from_name"), before),
            **dict.fromkeys(("to_id", "to_name"), rows["status"]),
        }
    )[moved]
    return Log.of_frames(tickets, changes, statuses=statuses)


def _checked(frame: pd.DataFrame, named: Mapping[str, str]) -> pd.DataFrame:
    if missing := [column for column in named.values() if column not in frame]:
        raise BadFrame(f"the frame has no column {', '.join(map(repr, missing))}; it has {', '.join(map(str, frame))}")
    rows = pd.DataFrame({name: frame[column] for name, column in named.items()})
    if getattr(rows["at"].dtype, "tz", None) is None:
        raise BadFrame(
            f"the times {named['at']!r} are {rows['at'].dtype}, not instants with one time zone; "
            f"read them first, like pd.to_datetime(frame[{named['at']!r}], dayfirst=True).dt.tz_localize('UTC'), "
            "or with utc=True where they name their zones"
        )
    rows["at"] = rows["at"].dt.tz_convert("UTC").dt.as_unit("us")
    for name in ("ticket", "status", "at"):
        if lost := int(rows[name].isna().sum()):
            row = rows.index[rows[name].isna()][0]
            raise BadFrame(f"{lost:,} rows have no {name} in {named[name]!r}, such as row {row}: leave them out first")
    for name in ("ticket", "status", *(set(named) - {"ticket", "status", "at"})):
        rows[name] = rows[name].astype("str").where(rows[name].notna())
    return rows.reset_index(drop=True)


def _status(name: str, known: Mapping[str, Clock]) -> Status:
    clock = known.get(folded(name))
    if clock is None:
        suggestion = suggested(name)
        return Status(name, name, _CATEGORIES[suggestion] if suggestion else StatusCategory.UNDEFINED)
    return Status(name, name, _CATEGORIES[clock], clock)


def _identity(key: str) -> int:
    """The number itself where the key is one; else 60 bits of its SHA-256, always the same."""
    if _NUMBER.fullmatch(key):
        return int(key)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 4

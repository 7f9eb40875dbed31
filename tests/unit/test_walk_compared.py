"""The walk against another computation, with pandas, on histories that are as tangled as real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analytics.clocks import CLASSES
from tests.unit.flowing import CLASS_OF, NOW, tangled, walk_of
from tickets.ticket import Ticket

QUARTER = pd.Timedelta(minutes=15)
BEGIN = pd.Timestamp(2026, 1, 1, tz="UTC")


def entries_of(tickets: list[Ticket]) -> pd.DataFrame:
    """A row per entry, clipped to its ticket's life: what happened until `end`, NaT where that is unknown."""
    rows = []
    for one in tickets:
        if one.status_changes is None:
            continue
        born = min(one.created_at, NOW)
        first = one.status_changes[0].from_name if one.status_changes else one.status.name
        story = [(one.created_at, first), *((change.at, change.to_name) for change in one.status_changes)]
        for at, name in story:
            rows.append((one.id, max(born, min(at, NOW)), name))
    frame = pd.DataFrame(rows, columns=["ticket_id", "at", "status"])
    frame["class"] = frame["status"].map(CLASS_OF)
    is_over = frame["class"] == "done"
    frame["run"] = (~is_over).groupby(frame["ticket_id"]).cumsum()
    last_run = frame.groupby("ticket_id")["run"].transform("last")
    told = frame[is_over & (frame["run"] == last_run)].groupby("ticket_id")["at"].first()
    frame["end"] = frame["ticket_id"].map({one.id: end_of(one, told) for one in tickets})
    return frame


def end_of(one: Ticket, told: pd.Series) -> pd.Timestamp:
    present, resolved = CLASS_OF[one.status.name], one.resolved_at
    if not (present == "done" or (present == "unknown" and resolved is not None)):
        return pd.Timestamp(NOW)
    if one.id in told.index:
        return told[one.id]
    return pd.NaT if resolved is None else pd.Timestamp(max(min(one.created_at, NOW), min(resolved, NOW)))


def stays_of(tickets: list[Ticket]) -> pd.DataFrame:
    entries = entries_of(tickets).dropna(subset="end")
    until = entries.groupby("ticket_id")["at"].shift(-1).fillna(entries["end"])
    entries["low"] = entries[["at", "end"]].min(axis=1)
    entries["high"] = pd.concat([until, entries["end"]], axis=1).min(axis=1)
    entries["hours"] = (entries["high"] - entries["low"]) / pd.Timedelta(hours=1)
    # A quarter of an hour is worked or not: business time is their number.
    quarters = pd.date_range(BEGIN, periods=31 * 96, freq=QUARTER)
    is_worked = (quarters.day_of_week < 5) & (quarters.hour >= 9) & (quarters.hour < 17)
    worked = np.concatenate([[0], np.cumsum(is_worked)]) / 4
    low, high = (((entries[name] - BEGIN) // QUARTER).to_numpy() for name in ("low", "high"))
    entries["business_hours"] = worked[high] - worked[low]
    return entries


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_times_in_statuses_equal_another_computation(seed: int) -> None:
    tickets = tangled(seed)
    expected = stays_of(tickets).groupby(["ticket_id", "status", "class"])
    expected = expected.agg(visits=("at", "size"), hours=("hours", "sum"), business_hours=("business_hours", "sum"))
    given = walk_of(tickets).statuses().astype({"status": "object", "class": "object"})
    given = given.set_index(["ticket_id", "status", "class"]).sort_index()
    assert len(given) > 500
    pd.testing.assert_frame_equal(
        given[["visits", "hours", "business_hours"]], expected.sort_index(), check_dtype=False, check_index_type=False
    )


@pytest.mark.parametrize("seed", [4, 5])
def test_times_in_statuses_add_up_to_those_of_the_classes(seed: int) -> None:
    walked = walk_of(tangled(seed))
    flow, by = walked.tickets().set_index("ticket_id"), ["ticket_id", "class"]
    sums = walked.statuses().groupby(by, observed=True)[["hours", "business_hours"]].sum()
    for prefix in ("", "business_"):
        wide = sums[f"{prefix}hours"].unstack(fill_value=0.0)
        for name in CLASSES:
            told = flow.loc[wide.index, f"{prefix}in_{name}_hours"]
            assert told.tolist() == pytest.approx(wide[name].tolist(), abs=1e-9)


def test_tickets_by_day_equal_another_computation() -> None:
    tickets = tangled(6)
    entries, days = entries_of(tickets), walk_of(tickets).cumulative()
    assert len(days) == (NOW.date() - min(one.created_at for one in tickets).date()).days + 1
    for row in days.to_dict("records"):
        there = entries[entries["at"] < row["day"] + pd.Timedelta(days=1)].groupby("ticket_id")["class"].last()
        expected = there.value_counts().reindex(list(CLASSES), fill_value=0)
        assert {name: row[name] for name in CLASSES} == expected.to_dict(), row["day"]

"""A queue by week, on tickets drawn by hand and against the same figures computed the slow way."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from analytics.summary import summarise
from analytics.weeks import ageing, weekly
from tests.unit.drawn import drawn_tickets, moment, ticket
from tests.unit.tables import cells, table_drawn, table_of
from tickets.ticket import StatusChange

# fmt: off
QUEUE = """
| 5 09:00  | s3  | - | Open, 5 10:00 Working, 6 10:00 Fixed   |
| 6 09:00  | s3  | - | Open, 6 12:00 Working                  |
| 9 09:00  | vpn | - | Open, 12 09:00 Working, 13 09:00 Fixed |
| 12 09:00 | s3  | - | Open, 12 14:00 Working                 |
| 12 12:00 | s3  | - | Open                                   |
| 12 12:00 | s3  | - | ?Open                                  |
"""
# fmt: on


def test_a_row_per_week() -> None:
    frame = weekly(table_drawn(QUEUE))
    assert frame["week"].tolist() == [pd.Timestamp("2026-01-05", tz="UTC"), pd.Timestamp("2026-01-12", tz="UTC")]
    assert str(frame["week"].dt.tz) == "UTC"
    assert frame["group"].tolist() == ["all", "all"]
    assert frame["arrived"].tolist() == [3, 3]
    assert frame["started"].tolist() == [2, 2]
    assert frame["finished"].tolist() == [1, 1]
    assert frame["wip"].tolist() == [1, 2]
    assert frame["waiting"].tolist() == [0, 1]


def test_queue_times_are_of_the_tickets_that_arrived() -> None:
    frame = weekly(table_drawn(QUEUE))
    # 1, 3 and 72 hours; then 5 hours and one that waits since 48.
    assert cells(frame, "queue_hours_p50") == [3, 5]
    assert cells(frame, "queue_hours_p85") == pytest.approx([3 + 0.7 * 69, np.inf])
    assert cells(frame, "queue_hours_p95") == pytest.approx([3 + 0.9 * 69, np.inf])
    assert cells(frame, "queue_hours_p85_started_only") == pytest.approx([3 + 0.7 * 69, 5])


def test_by_type_each_week_has_each() -> None:
    frame = weekly(table_drawn(QUEUE), by="type")
    assert frame["group"].tolist() == ["s3", "vpn", "s3", "vpn"]
    assert frame["arrived"].tolist() == [2, 1, 3, 0]
    assert frame["finished"].tolist() == [1, 0, 0, 1]
    assert frame["wip"].tolist() == [1, 0, 2, 0]
    assert cells(frame, "queue_hours_p50") == [2, 72, 5, None]


def test_weeks_in_which_nothing_happened_are_left_out() -> None:
    frame = weekly(
        table_drawn(
            """
            | 5 09:00  | s3 | - | Open, 20 10:00 Working |
            | 6 09:00  | s3 | - | Open                   |
            """,
            now=moment("30 12:00"),
        )
    )
    assert frame["week"].dt.day.tolist() == [5, 19]
    assert frame["arrived"].tolist() == [2, 0]
    assert frame["wip"].tolist() == [0, 1]
    assert np.isnan(frame["queue_hours_p50"].iloc[1])


def test_work_that_ended_nobody_knows_when_is_not_in_progress() -> None:
    """A finished ticket whose history lost its end."""
    change = StatusChange("1", moment("5 10:00"), None, "1", "Open", "2", "Working")
    table = table_of([ticket(1, present="Closed", changes=(change,)), *drawn_tickets(QUEUE)[1:2]])
    assert weekly(table)["wip"].tolist() == [1] == summarise(table)["wip"].tolist()


def test_no_tickets() -> None:
    frame = weekly(table_drawn(QUEUE).head(0))
    assert frame.empty and {"week", "group", "arrived", "wip", "queue_hours_p95"} <= set(frame)
    assert weekly(table_drawn(QUEUE).head(0), by="type").empty


def random_rows(rng: np.random.Generator) -> pd.DataFrame:
    """Everything has a history; some wait, some are in progress, some are finished."""
    number, now = 300, pd.Timestamp(datetime(2026, 6, 1, 12, tzinfo=UTC))
    requested = pd.Series(now - pd.to_timedelta(rng.integers(0, 20 * 168 * 60, number), unit="min"))
    started = requested + pd.to_timedelta(rng.integers(0, 600 * 60, number), unit="min")
    finished = started + pd.to_timedelta(rng.integers(0, 400 * 60, number), unit="min")
    is_waiting = started > now
    return pd.DataFrame(
        {
            "type": pd.Categorical(rng.choice(["a", "b", "c"], number)),
            "requested_at": requested,
            "started_at": started.where(~is_waiting),
            "finished_at": finished.where(finished <= now),
            "is_open": finished > now,
            "queue_is_open": is_waiting,
            "queue_hours": (started.where(~is_waiting, now) - requested) / pd.Timedelta(hours=1),
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_as_pandas_counts(seed: int) -> None:
    table = random_rows(np.random.default_rng(seed))
    frame = weekly(table, by="type").set_index(["week", "group"])

    def monday(at: pd.Series) -> pd.Series:
        return at.dt.tz_localize(None).dt.to_period("W-SUN").dt.start_time.dt.tz_localize("UTC")

    for (week, group), row in frame.iterrows():
        own = table[table["type"] == group]
        ends = week + pd.Timedelta(weeks=1)
        assert row["arrived"] == (monday(own["requested_at"]) == week).sum()
        assert row["started"] == (monday(own["started_at"]) == week).sum()
        assert row["finished"] == (monday(own["finished_at"]) == week).sum()
        assert row["wip"] == ((own["started_at"] < ends) & ~(own["finished_at"] < ends)).sum()
        arrived = own[monday(own["requested_at"]) == week]
        assert row["waiting"] == arrived["queue_is_open"].sum()
        begun = arrived.loc[~arrived["queue_is_open"], "queue_hours"]
        for share in (50, 85, 95):
            plain = begun.quantile(share / 100)
            np.testing.assert_allclose(row[f"queue_hours_p{share}_started_only"], plain)
            if not arrived["queue_is_open"].any():
                np.testing.assert_allclose(row[f"queue_hours_p{share}"], plain)
    assert frame["arrived"].sum() == len(table)


def test_ageing_is_told_by_what_the_type_took() -> None:
    table = table_drawn(
        """
        | 5 09:00  | s3  | - | Open, 5 10:00 Working, 5 20:00 Fixed   |
        | 5 09:00  | s3  | - | Open, 5 10:00 Working, 6 06:00 Fixed   |
        | 13 08:00 | s3  | - | Open, 13 21:00 Working                 |
        | 13 08:00 | s3  | - | Open, 13 09:00 Review                  |
        | 13 08:00 | s3  | - | Open, 14 11:00 Working                 |
        | 13 08:00 | vpn | - | Open, 13 10:00 Working                 |
        | 13 08:00 | s3  | - | Open                                   |
        """
    )
    frame = ageing(table)
    assert frame["key"].tolist() == ["OPS-4", "OPS-6", "OPS-3", "OPS-5"]
    assert frame["wip_age_hours"].tolist() == [27, 26, 15, 1]
    assert frame["business_wip_age_hours"].tolist() == [11, 10, 3, 1]
    assert frame["age_hours"].tolist() == [28] * 4
    assert frame["status"].tolist() == ["Review", "Working", "Working", "Working"]
    assert set(frame["status_class"]) == {"active"}
    assert cells(frame, "cycle_hours_p50") == [15, None, 15, 15]
    assert cells(frame, "cycle_hours_p85") == [18.5, None, 18.5, 18.5]
    assert frame["beyond"].tolist() == ["p95", "", "", ""]  # as old as usual is not beyond it
    assert ageing(table.head(2)).empty

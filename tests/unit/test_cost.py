"""What waiting costs and how much of a team's time requests take, with what is assumed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.cost import Assumptions, Load, costs, load, touch_hours
from tests.unit.drawn import moment
from tests.unit.tables import NOW, cells, table_drawn

MONEY = Assumptions(hourly_cost=100.0, blocked_share=0.5, currency="EUR", blocked_shares={"High": 1.0, "low": 0.0})


def test_two_working_days_are_sixteen_hours() -> None:
    """From Thursday morning to Monday morning: 96 hours of which two days are worked."""
    table = table_drawn("| 8 09:00 | s3 | - | Open, 12 09:00 Working |")
    assert cells(table, "queue_hours") == [96]
    assert costs(table, Assumptions(hourly_cost=1.0, blocked_share=1.0)).tolist() == [16]
    assert costs(table, Assumptions()).tolist() == [16 * 75 * 0.3]


def test_how_much_of_the_wait_blocks_goes_by_priority() -> None:
    table = table_drawn(
        "| 5 09:00 | s3 | - | Open, 5 13:00 Working |\n" * 5, priority=["High", "HIGH", "Low", "Odd", ""]
    )
    assert costs(table, MONEY).tolist() == [400, 400, 0, 200, 200]
    nobody = table.assign(priority=pd.Categorical([None] * 5, categories=["High"]))
    assert costs(nobody, MONEY).tolist() == [200] * 5


def test_who_still_waits_costs_so_far_and_unknown_stays_unknown() -> None:
    table = table_drawn(
        """
        | 14 09:00 | s3 | - | Open   |
        | 14 09:00 | s3 | - | ?Open  |
        | 5 09:00  | s3 | - | ?Fixed |
        """
    )
    found = costs(table, Assumptions(hourly_cost=10.0, blocked_share=1.0))
    assert found[0] == 30
    assert np.isnan(found[1:]).all()
    assert costs(table.head(0), MONEY).shape == (0,)


def test_what_is_assumed_is_said() -> None:
    assert str(Assumptions()) == (
        "assumed: 75 USD for an hour of a waiting requester, whose work stands still for 30% of the wait"
    )
    assert str(MONEY).endswith("(100% where the priority is High, 0% where the priority is low)")
    assert MONEY.to_json() == {
        "hourly_cost": 100.0,
        "blocked_share": 0.5,
        "blocked_shares": {"High": 1.0, "low": 0.0},
        "currency": "EUR",
        "minutes": {},
        "minutes_per_ticket": 30.0,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hourly_cost": -1.0}, "hourly_cost must be a number that is not negative, and is -1"),
        ({"hourly_cost": float("nan")}, "hourly_cost"),
        ({"hourly_cost": float("inf")}, "hourly_cost"),
        ({"blocked_share": 1.5}, "blocked_share is a part between 0 and 1, and is 1.5"),
        ({"blocked_shares": {"High": -0.1}}, "High is a part between 0 and 1"),
        ({"minutes_per_ticket": -5.0}, "minutes of minutes_per_ticket must be a number that is not negative"),
        ({"minutes": {"s3": -5.0}}, "minutes of s3 must be a number that is not negative"),
        ({"minutes": {"s3": float("inf")}}, "minutes of s3"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Assumptions(**values)


# fmt: off
DONE = """
| 5 09:00 | s3  | - | Open, 5 10:00 Working, 13 12:00 Fixed |
| 5 09:00 | s3  | - | Open, 5 10:00 Working, 13 12:00 Fixed |
| 5 09:00 | vpn | - | Open, 5 10:00 Working, 13 12:00 Fixed |
| 5 09:00 | vpn | - | Open, 5 10:00 Working, 7 11:00 Fixed  |
| 5 09:00 | vpn | - | Open, 5 10:00 Working                 |
"""
# fmt: on
MINUTES = Assumptions(minutes={"vpn": 90.0}, minutes_per_ticket=15.0)


def test_hands_on_hours_are_logged_or_assumed() -> None:
    table = table_drawn(DONE, worklog_seconds=[7200, None, None, 0, None])
    hours, is_measured = touch_hours(table, MINUTES)
    assert hours.tolist() == [2, 0.25, 1.5, 0, 1.5]
    assert is_measured.tolist() == [1, 0, 0, 1, 0]


def test_the_ticketops_ratio() -> None:
    table = table_drawn(DONE, worklog_seconds=[7200, None, None, 3600, None])
    week = load(table, MINUTES, capacity_hours=6.0, now=NOW, weeks=1)
    assert (week.tickets, week.servicing_hours, week.capacity_hours) == (3, 3.75, 6)
    assert week.measured_share == pytest.approx(2 / 3.75)
    assert week.ratio == 0.625
    assert week.is_alarming
    longer = load(table, MINUTES, capacity_hours=6.0, now=NOW, weeks=2)
    assert (longer.tickets, longer.servicing_hours, longer.capacity_hours) == (4, 4.75, 12)
    assert not longer.is_alarming


def test_half_of_the_time_is_no_alarm_yet() -> None:
    table = table_drawn(DONE)
    assert not load(table.head(2), MINUTES, capacity_hours=1.0, now=NOW, weeks=1).is_alarming
    assert load(table.head(2), MINUTES, capacity_hours=0.99, now=NOW, weeks=1).is_alarming


def test_what_the_agent_fulfilled_took_nobodys_time() -> None:
    found = load(table_drawn(DONE), MINUTES, capacity_hours=6.0, now=NOW, weeks=1, automated=[1, 3])
    assert (found.tickets, found.servicing_hours) == (1, 0.25)


def test_nothing_finished_is_no_load() -> None:
    found = load(table_drawn(DONE), MINUTES, capacity_hours=6.0, now=moment("6 12:00"), weeks=1, automated=range(9))
    assert (found.tickets, found.ratio, found.measured_share) == (0, 0, 0)
    assert "above 50 %" in Load.definition


@pytest.mark.parametrize("capacity", [0.0, -1.0, float("nan")])
def test_a_team_has_hours(capacity: float) -> None:
    with pytest.raises(ValueError, match="capacity is more than 0 hours a week"):
        load(table_drawn(DONE), MINUTES, capacity_hours=capacity, now=NOW)


def test_a_period_has_weeks() -> None:
    with pytest.raises(ValueError, match="at least one week, not 0"):
        load(table_drawn(DONE), MINUTES, capacity_hours=6.0, now=NOW, weeks=0)

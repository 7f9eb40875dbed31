"""Milestones and durations on histories drawn by hand. Working hours are 9 to 17 UTC; the 5th is a Monday; now is
Wednesday the 14th, noon."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pandas as pd
import pytest

from analytics.calendars import office_hours
from analytics.clocks import CLASSES, Clocks
from analytics.errors import CalendarRange
from analytics.flow import measure
from analytics.flow_table import DURATIONS
from analytics.frames import Log
from tests.unit.drawn import STATUSES, drawn_tickets, moment, ticket
from tests.unit.flowing import CALENDAR, NOW, cells, flow_drawn, flow_of
from tickets.ticket import StatusChange

# fmt: off
STORIES = """
| 5 09:00  | s3 | -       | Open, 5 11:00 Working, 5 16:00 Fixed                                             |
| 5 09:00  | s3 | -       | Open, 6 10:00 Fixed                                                              |
| 5 09:00  | s3 | -       | Open, 5 10:00 Working, 5 11:00 Fixed, 5 12:00 Open, 6 09:00 Review, 6 11:00 Fixed|
| 5 09:00  | s3 | -       | Open, 5 10:00 Working, 5 11:00 Fixed, 9 11:00 Closed                             |
| 5 09:00  | s3 | -       | Open, 5 10:00 Working, 5 11:00 Fixed, 6 09:00 Open                               |
| 13 15:00 | s3 | -       | Open                                                                             |
| 5 09:00  | s3 | 6 09:00 | ?Fixed                                                                           |
| 5 09:00  | s3 | -       | ?Open                                                                            |
| 5 09:00  | s3 | -       | Working, 5 10:00 Fixed                                                           |
| 9 16:00  | s3 | -       | Open, 12 10:00 Working                                                           |
"""
# fmt: on


def test_stories_told_in_hours() -> None:
    flow = flow_drawn(STORIES)
    #                                           1    2    3    4    5      6   7     8     9    10
    assert cells(flow, "queue_hours") == [2, 25, 1, 1, 1, 21, None, None, 0, 66]
    assert cells(flow, "business_queue_hours") == [2, 9, 1, 1, 1, 5, None, None, 0, 2]
    assert cells(flow, "lead_hours") == [7, 25, 26, 2, None, None, 24, None, 1, None]
    assert cells(flow, "cycle_hours") == [5, 0, 25, 1, None, None, None, None, 1, None]
    assert cells(flow, "reopenings") == [0, 0, 1, 0, 1, 0, None, None, 0, 0]
    assert flow["is_open"].tolist() == [False] * 4 + [True] * 2 + [False, True, False, True]
    assert flow["queue_is_open"].tolist() == [False] * 5 + [True] + [False] * 4
    # 14 January noon: 7 working days (56 h) and 3 h after the 5th 9:00; 2 + 3 h after the 13th 15:00.
    assert cells(flow, "business_lead_hours") == [7, 9, 10, 2, None, None, 8, None, 1, None]
    assert cells(flow, "business_age_hours") == [None, None, None, None, 59, 5, None, 59, None, 20]


def test_milestones_are_the_glossarys() -> None:
    flow = flow_drawn(STORIES)
    assert flow["requested_at"].iloc[0] == moment("5 09:00")
    assert flow["started_at"].iloc[1] == flow["finished_at"].iloc[1] == moment("6 10:00")
    assert flow["started_at"].iloc[2] == moment("5 10:00")  # the first entry stays, whatever is reopened
    assert flow["finished_at"].iloc[2] == moment("6 11:00")  # the last entry counts
    assert flow["finished_at"].iloc[3] == moment("5 11:00")  # Fixed to Closed is a move within Done
    assert pd.isna(flow["finished_at"].iloc[4])
    assert flow["finished_at"].iloc[6] == moment("6 09:00")
    for column in ("requested_at", "started_at", "finished_at"):
        assert str(flow[column].dtype.tz) == "UTC"


def test_a_row_per_ticket_by_site_and_id() -> None:
    flow = flow_of(drawn_tickets(STORIES)[::-1])
    assert flow["key"].tolist() == [f"OPS-{n}" for n in range(1, 11)]


def test_the_same_id_on_two_sites_is_two_tickets() -> None:
    (one,) = drawn_tickets("| 5 09:00 | s3 | - | Open, 5 11:00 Working |")
    other = ticket(1)
    flow = flow_of([replace(other, site="other.test"), one])
    assert flow["site"].tolist() == ["jira.test", "other.test"]
    assert flow["queue_is_open"].tolist() == [False, True]


def test_unknown_statuses_start_and_end_nothing_and_are_counted() -> None:
    flow = flow_drawn("| 5 09:00 | s3 | - | Open, 5 11:00 Xyzzy, 5 13:00 Working |")
    assert cells(flow, "queue_hours") == [4]
    assert flow["unknown_entries"].tolist() == [1]


def test_a_done_ticket_whose_history_lost_its_end_trusts_the_resolution_date() -> None:
    change = StatusChange("1", moment("5 10:00"), None, "1", "Open", "2", "Working")
    gap = ticket(1, present="Closed", resolved="6 09:00", changes=(change,))
    nameless = ticket(2, present="Closed", changes=(change,))
    flow = flow_of([gap, nameless])
    assert cells(flow, "lead_hours") == [24, None]
    assert cells(flow, "queue_hours") == [1, 1]
    assert flow["is_open"].tolist() == [False, False]
    assert cells(flow, "business_lead_hours") == [8, None]
    assert flow["is_torn"].tolist() == [True, True]


def test_a_move_before_the_creation_counts_as_the_creation() -> None:
    flow = flow_drawn("| 7 09:00 | s3 | - | Open, 5 11:00 Working |")
    assert cells(flow, "queue_hours") == [0]


def test_without_a_catalogue_present_statuses_tell() -> None:
    tickets = drawn_tickets(
        """
        | 5 09:00 | s3 | - | Open, 5 10:00 Review, 5 11:00 Fixed |
        | 5 09:00 | s3 | - | Open, 5 12:00 Review                |
        """
    )
    assert cells(flow_of(tickets, statuses=()), "queue_hours") == [1, 3]


# Where the time went

# fmt: off
EVERY_CLASS = """
| 5 09:00  | s3 | -       | Open, 5 11:00 Working, 5 14:00 Waiting for customer, 6 10:00 Working, 6 12:00 On hold, 6 15:00 Xyzzy, 6 16:00 Review, 6 17:00 Fixed |
| 12 09:00 | s3 | -       | Open, 12 13:00 Working, 13 09:00 On hold                                          |
| 5 09:00  | s3 | -       | Open, 5 10:00 Working, 5 11:00 Fixed, 5 12:00 Open, 6 09:00 Review, 6 11:00 Fixed |
| 13 15:00 | s3 | -       | Open                                                                              |
| 5 09:00  | s3 | 6 09:00 | ?Fixed                                                                            |
| 5 09:00  | s3 | -       | Fixed                                                                             |
"""  # noqa: E501
# fmt: on


def test_time_in_each_class() -> None:
    flow = flow_drawn(EVERY_CLASS)
    #                                        1   2   3   4   5     6
    assert cells(flow, "in_queue_hours") == [2, 4, 22, 21, None, 0]
    assert cells(flow, "in_active_hours") == [6, 20, 3, 0, None, 0]
    assert cells(flow, "in_requester_hours") == [20, 0, 0, 0, None, 0]
    assert cells(flow, "in_blocked_hours") == [3, 27, 0, 0, None, 0]
    assert cells(flow, "in_done_hours") == [0, 0, 1, 0, None, 0]  # done and reopened is no work and no wait
    assert cells(flow, "in_unknown_hours") == [1, 0, 0, 0, None, 0]
    assert cells(flow, "wait_hours") == [25, 31, 22, 21, None, 0]
    assert cells(flow, "active_hours") == [6, 20, 3, 0, None, 0]


def test_the_same_in_business_hours() -> None:
    flow = flow_drawn(EVERY_CLASS)
    assert cells(flow, "business_in_queue_hours") == [2, 4, 6, 5, None, 0]
    assert cells(flow, "business_in_active_hours") == [6, 4, 3, 0, None, 0]
    assert cells(flow, "business_in_requester_hours") == [4, 0, 0, 0, None, 0]
    assert cells(flow, "business_in_blocked_hours") == [3, 11, 0, 0, None, 0]
    assert cells(flow, "business_in_done_hours") == [0, 0, 1, 0, None, 0]
    assert cells(flow, "business_in_unknown_hours") == [1, 0, 0, 0, None, 0]
    assert cells(flow, "business_wait_hours") == [9, 15, 6, 5, None, 0]
    assert cells(flow, "business_active_hours") == [6, 4, 3, 0, None, 0]


def test_the_classes_add_up_to_the_ticket() -> None:
    flow = flow_drawn(EVERY_CLASS)
    flow = flow[flow["has_history"]]
    for prefix in ("", "business_"):
        whole = flow[f"{prefix}lead_hours"].fillna(flow[f"{prefix}age_hours"])
        parts = flow[[f"{prefix}in_{name}_hours" for name in CLASSES]].sum(axis=1)
        assert parts.tolist() == pytest.approx(whole.tolist())


def test_flow_efficiency_is_of_finished_tickets_that_took_time() -> None:
    flow = flow_drawn(EVERY_CLASS)
    assert cells(flow, "flow_efficiency") == [round(6 / 32, 9), None, round(3 / 26, 9), None, None, None]
    assert flow["business_flow_efficiency"].iloc[[0, 2]].tolist() == pytest.approx([6 / 16, 3 / 10])


def test_ages_are_of_open_tickets() -> None:
    flow = flow_drawn(EVERY_CLASS)
    assert cells(flow, "age_hours") == [None, 51, None, 21, None, None]
    assert cells(flow, "business_age_hours") == [None, 19, None, 5, None, None]
    assert cells(flow, "wip_age_hours") == [None, 47, None, None, None, None]
    assert cells(flow, "business_wip_age_hours") == [None, 15, None, None, None, None]


def test_declared_durations_are_the_columns() -> None:
    flow = flow_drawn(EVERY_CLASS)
    for name in DURATIONS:
        assert flow[name].dtype == flow[f"business_{name}"].dtype == "float64"
    hours = {name.removeprefix("business_") for name in flow if name.endswith("_hours")}
    assert hours == {*DURATIONS, "worklog_hours"}


def test_worklogs_and_missing_values() -> None:
    logged = replace(ticket(1), worklog_seconds=5400)
    flow = flow_of([logged, ticket(2), ticket(3, changes=None)])
    assert cells(flow, "worklog_hours") == [1.5, None, None]
    for name in ("reopenings", "hand_offs", "bounces"):
        assert str(flow[name].dtype) == "Int64"
        assert cells(flow, name) == [0, 0, None]


def test_types_are_chosen_on_a_form_or_said_by_the_ticket_type() -> None:
    flow = flow_of([ticket(1, request_type="s3"), ticket(2, ticket_type="Bug"), ticket(3, ticket_type="Task")])
    assert flow["type"].astype("object").fillna("-").tolist() == ["s3", "bug", "-"]
    assert flow["ticket_type"].tolist() == ["Service Request", "Bug", "Task"]


def test_refusals() -> None:
    log, clocks = Log.of_tickets(drawn_tickets(STORIES)), Clocks(STATUSES)
    with pytest.raises(ValueError, match=r"now \(2026-01-14T00:00:00\) has no time zone"):
        measure(log, clocks=clocks, calendar=CALENDAR, now=datetime(2026, 1, 14))  # noqa: DTZ001
    short = office_hours(first=date(2026, 1, 6), last=date(2026, 1, 31))
    with pytest.raises(CalendarRange, match="not 2026-01-05T09:00:00"):
        measure(log, clocks=clocks, calendar=short, now=NOW)
    with pytest.raises(CalendarRange, match="not 2026-01-14T12:00:00"):
        measure(log, clocks=clocks, calendar=office_hours(first=date(2026, 1, 1), last=date(2026, 1, 13)), now=NOW)


@pytest.mark.parametrize("name", ["created_at", "updated_at", "resolved_at"])
def test_a_naive_ticket_is_refused(name: str) -> None:
    naive = replace(ticket(1), **{name: datetime(2026, 1, 5)})  # noqa: DTZ001
    with pytest.raises(ValueError, match="OPS-1: 2026-01-05T00:00:00 has no time zone"):
        Log.of_tickets([naive])


def test_a_naive_change_is_refused() -> None:
    moved = StatusChange("1", datetime(2026, 1, 5), None, "1", "Open", "2", "Working")  # noqa: DTZ001
    with pytest.raises(ValueError, match="OPS-1: 2026-01-05T00:00:00 has no time zone"):
        Log.of_tickets([ticket(1, changes=(moved,))])


def test_measuring_is_walking() -> None:
    log = Log.of_tickets(drawn_tickets(EVERY_CLASS))
    measured = measure(log, clocks=Clocks(STATUSES), calendar=CALENDAR, now=NOW)
    pd.testing.assert_frame_equal(measured, flow_of(log))

"""When tickets start and finish by rules that boards really have, and what is made of histories that are not whole."""

from __future__ import annotations

from dataclasses import replace

from analytics.clocks import CLASSES, Rules
from tests.unit.drawn import drawn_tickets, moment, ticket
from tests.unit.flowing import NOW, cells, flow_drawn, flow_of
from tickets.ticket import StatusChange

# Starts and finishes that boards really have


def test_straight_to_done_starts_there_even_if_reopened() -> None:
    flow = flow_drawn(
        """
        | 5 09:00 | s3 | - | Open, 6 10:00 Fixed, 7 09:00 Open                  |
        | 5 09:00 | s3 | - | Open, 6 10:00 Fixed, 7 09:00 Open, 8 10:00 Working |
        | 5 09:00 | s3 | - | Open, 6 10:00 Fixed, 7 09:00 Open, 8 10:00 Fixed   |
        """
    )
    assert flow["started_at"].tolist() == [moment("6 10:00")] * 3
    assert cells(flow, "queue_hours") == [25, 25, 25]
    assert flow["queue_is_open"].tolist() == [False] * 3
    assert cells(flow, "wip_age_hours") == [194, 194, None]
    assert cells(flow, "cycle_hours") == [None, None, 48]
    assert cells(flow, "reopenings") == [1, 1, 1]


def test_a_finish_rule_that_names_one_of_two_done_statuses() -> None:
    stories = """
        | 5 09:00 | s3 | -       | Open, 5 10:00 Working, 5 11:00 Fixed, 9 11:00 Closed                 |
        | 5 09:00 | s3 | -       | Open, 5 10:00 Working, 5 11:00 Fixed                                 |
        | 5 09:00 | s3 | -       | Open, 5 10:00 Working, 5 11:00 Closed, 5 12:00 Fixed                 |
        | 5 09:00 | s3 | -       | Open, 5 11:00 Fixed, 5 12:00 Working, 5 13:00 Closed, 5 14:00 Review |
        | 5 09:00 | s3 | -       | Open, 5 11:00 Fixed                                                  |
        | 5 09:00 | s3 | 6 09:00 | ?Fixed                                                               |
    """
    flow = flow_drawn(stories, rules=Rules(finish=("Closed",)))
    #                                     1   2     3  4     5     6
    assert cells(flow, "lead_hours") == [98, None, 2, None, None, None]
    assert flow["is_open"].tolist() == [False, True, False, True, True, True]
    assert cells(flow, "queue_hours") == [1, 1, 1, 3, 219, None]  # Fixed starts nothing either
    assert cells(flow, "in_done_hours") == [96, 217, 0, 2, 217, None]
    assert cells(flow, "reopenings") == [0, 0, 0, 1, 0, None]


def test_a_finish_rule_may_name_a_status_of_work() -> None:
    flow = flow_drawn(
        """
        | 5 09:00 | s3 | - | Open, 5 10:00 Working, 5 12:00 Review, 5 13:00 Fixed                  |
        | 5 09:00 | s3 | - | Open, 5 10:00 Working, 5 12:00 Review, 5 13:00 Working, 5 15:00 Review|
        | 5 09:00 | s3 | - | Open, 5 10:00 Working, 5 13:00 Fixed                                  |
        """,
        rules=Rules(finish=("review",)),
    )
    assert cells(flow, "lead_hours") == [3, 6, None]
    assert cells(flow, "active_hours") == [2, 5, 3]
    assert cells(flow, "reopenings") == [0, 1, 0]


def test_rules_of_one_project_by_names_of_statuses() -> None:
    story = "| 5 09:00 | s3 | - | Open, 5 10:00 Triage, 5 12:00 Working, 5 15:00 Review, 5 16:00 Fixed |"
    (one,) = drawn_tickets(story)
    tickets = [one, replace(one, id=2, key="WEB-2", project="WEB"), replace(one, id=3, key="DEV-3", project="DEV")]
    own = {
        "WEB": Rules(start=("Triage",), finish=("Review",)),
        "DEV": Rules(statuses={"working": "blocked", "Triage": "active"}),
    }
    flow = flow_of(tickets, projects=own)
    assert cells(flow, "queue_hours") == [3, 1, 1]
    assert cells(flow, "lead_hours") == [7, 6, 7]
    assert cells(flow, "in_queue_hours") == [3, 3, 1]
    assert cells(flow, "active_hours") == [4, 3, 3]
    assert cells(flow, "in_blocked_hours") == [0, 0, 3]


def test_the_rules_of_a_project_reach_its_present_statuses() -> None:
    (one,) = drawn_tickets("| 5 09:00 | s3 | 6 09:00 | ?Review |")
    flow = flow_of([one, replace(one, id=2, project="WEB")], projects={"WEB": Rules(finish=("Review",))})
    assert flow["is_open"].tolist() == [True, False]
    assert cells(flow, "lead_hours") == [None, 24]
    assert flow["status_class"].tolist() == ["active", "active"]


# Histories that are not whole


def test_a_history_that_does_not_end_in_the_present_status() -> None:
    left = (StatusChange("1", moment("5 10:00"), None, "1", "Open", "4", "Fixed"),)
    flow = flow_of(
        [
            ticket(1, present="Working", resolved="6 09:00", changes=left),
            ticket(2, present="Xyzzy", resolved="5 12:00", changes=left),
            ticket(3, present="Xyzzy", changes=left),
        ]
    )
    assert flow["is_torn"].tolist() == [True, True, True]
    assert flow["is_open"].tolist() == [True, False, True]  # of an unknown status the resolution tells
    assert cells(flow, "lead_hours") == [None, 1, None]  # but the run of done statuses tells when
    assert cells(flow, "in_done_hours") == [218, 0, 218]
    assert cells(flow, "queue_hours") == [1, 1, 1]


def test_without_an_end_no_time_in_statuses_is_known() -> None:
    lost = (StatusChange("1", moment("5 10:00"), None, "1", "Open", "2", "Working"),)
    flow = flow_of([ticket(1, present="Closed", changes=lost)])
    for name in CLASSES:
        assert cells(flow, f"in_{name}_hours") == cells(flow, f"business_in_{name}_hours") == [None]
    assert cells(flow, "wait_hours") == cells(flow, "cycle_hours") == cells(flow, "age_hours") == [None]


def test_what_lies_in_the_future_counts_as_now() -> None:
    flow = flow_drawn(
        """
        | 20 09:00 | s3 | -        | Open                                      |
        | 13 15:00 | s3 | -        | Open, 20 09:00 Working                    |
        | 13 15:00 | s3 | 20 09:00 | ?Fixed                                    |
        | 13 15:00 | s3 | -        | Open, 13 16:00 Working, 20 09:00 Fixed    |
        | 20 09:00 | s3 | -        | Open, 21 09:00 Working, 22 09:00 Fixed    |
        """
    )
    assert cells(flow, "queue_hours") == [0, 21, None, 1, 0]
    assert cells(flow, "lead_hours") == [None, None, 21, 21, 0]
    assert cells(flow, "age_hours") == [0, 21, None, None, None]
    assert flow["started_at"].iloc[1] == NOW
    assert flow["queue_is_open"].tolist() == [True, False, False, False, False]
    assert flow["requested_at"].iloc[0] == moment("20 09:00")  # shown as it came
    assert cells(flow, "flow_efficiency") == [None, None, None, round(20 / 21, 9), None]


def test_changes_of_one_instant_keep_the_order_of_their_history() -> None:
    flow = flow_drawn(
        """
        | 5 09:00 | s3 | - | Open, 5 11:00 Working, 5 11:00 Open, 5 12:00 Fixed |
        | 5 09:00 | s3 | - | Open, 5 11:00 Fixed, 5 11:00 Closed, 5 11:00 Open  |
        """
    )
    assert cells(flow, "queue_hours") == [2, 2]
    assert cells(flow, "in_queue_hours") == [3, 219]
    assert cells(flow, "reopenings") == [0, 1]

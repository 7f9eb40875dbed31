"""Queue, lead and cycle time on histories drawn by hand. Working hours are 9 to 17 UTC; the 5th is a
Monday."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd
import pytest

from analytics.calendars import office_hours
from analytics.errors import BadFrame, CalendarRange
from analytics.flow import measure, weekly
from analytics.frames import CHANGES, TICKETS, change_frame, ticket_frame
from analytics.statuses import Categories
from tests.unit.drawn import STATUSES, drawn_tickets, moment, ticket
from tickets.ticket import Status, StatusCategory, StatusChange, Ticket

CALENDAR = office_hours(first=date(2026, 1, 1), last=date(2026, 1, 31))
NOW = moment("14 12:00")


def flow_of(tickets: Sequence[Ticket], statuses: Sequence[Status] = STATUSES) -> pd.DataFrame:
    return measure(ticket_frame(tickets), change_frame(tickets), calendar=CALENDAR, now=NOW, statuses=statuses)


def flow_drawn(table: str) -> pd.DataFrame:
    return flow_of(drawn_tickets(table))


def cells(frame: pd.DataFrame, column: str) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in frame[column]]


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
    assert cells(flow, "queue_business_hours") == [2, 9, 1, 1, 1, 5, None, None, 0, 2]
    assert cells(flow, "lead_hours") == [7, 25, 26, 2, None, None, 24, None, 1, None]
    assert cells(flow, "cycle_hours") == [5, 0, 25, 1, None, None, None, None, 1, None]
    assert cells(flow, "reopenings") == [0, 0, 1, 0, 1, 0, None, None, 0, 0]
    assert flow["is_open"].tolist() == [False] * 4 + [True] * 2 + [False, True, False, True]
    assert flow["queue_is_open"].tolist() == [False] * 5 + [True] + [False] * 4
    # 14 January noon: 7 working days (56 h) and 3 h after the 5th 9:00; 2 + 3 h after the 13th 15:00.
    assert cells(flow, "elapsed_business_hours") == [7, 9, 10, 2, 59, 5, 8, 59, 1, 20]


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


def test_a_row_per_ticket_in_order() -> None:
    flow = flow_drawn(STORIES)
    assert flow["key"].tolist() == [f"OPS-{n}" for n in range(1, 11)]


def test_moves_in_any_order_are_sorted_by_time() -> None:
    (one,) = drawn_tickets("| 5 09:00 | s3 | - | Open, 5 11:00 Working, 5 16:00 Fixed |")
    assert one.status_changes is not None
    changes = change_frame([one]).iloc[::-1]
    flow = measure(ticket_frame([one]), changes, calendar=CALENDAR, now=NOW, statuses=STATUSES)
    assert cells(flow, "queue_hours") == [2]


def test_the_same_id_on_two_sites_is_two_tickets() -> None:
    (one,) = drawn_tickets("| 5 09:00 | s3 | - | Open, 5 11:00 Working |")
    other = ticket(1)
    moved = Ticket(**{name: getattr(other, name) for name in other.__slots__} | {"site": "other.test"})
    flow = flow_of([one, moved])
    assert flow["queue_is_open"].tolist() == [False, True]


def test_unknown_statuses_start_and_end_nothing_and_are_counted() -> None:
    flow = flow_drawn("| 5 09:00 | s3 | - | Open, 5 11:00 Xyzzy, 5 13:00 Working |")
    assert cells(flow, "queue_hours") == [4]
    assert flow["unknown_statuses"].tolist() == [1]


def test_a_done_ticket_whose_history_lost_its_end_trusts_the_resolution_date() -> None:
    change = StatusChange("1", moment("5 10:00"), None, "1", "Open", "2", "Working")
    gap = ticket(1, present="Closed", resolved="6 09:00", changes=(change,))
    nameless = ticket(2, present="Closed", changes=(change,))
    flow = flow_of([gap, nameless])
    assert cells(flow, "lead_hours") == [24, None]
    assert cells(flow, "queue_hours") == [1, 1]
    assert flow["is_open"].tolist() == [False, False]
    assert cells(flow, "elapsed_business_hours") == [8, None]


def test_a_move_before_the_creation_counts_as_the_creation() -> None:
    flow = flow_drawn("| 7 09:00 | s3 | - | Open, 5 11:00 Working |")
    assert cells(flow, "queue_hours") == [0]


def test_categories_come_from_the_catalogue_then_the_tickets_then_the_words() -> None:
    twice = Categories(
        [
            Status("3", "In Progress", StatusCategory.IN_PROGRESS),
            Status("9", "已完成", StatusCategory.NEW),
            Status("9", "已完成", StatusCategory.DONE),
            Status("9", "已完成", StatusCategory.DONE),
            Status("7", "Open", StatusCategory.DONE),
        ]
    )
    assert twice.of("3", "In Development") is StatusCategory.IN_PROGRESS  # renamed since
    assert twice.of("9", "已完成") is StatusCategory.DONE  # most tickets say so
    assert twice.of("1", "open") is StatusCategory.DONE  # the site's own word, whatever it usually means
    assert twice.of("5", "已关闭") is StatusCategory.DONE
    assert twice.of("5", "IN  ARBEIT") is StatusCategory.IN_PROGRESS
    assert twice.of("5", "待办") is StatusCategory.NEW
    assert twice.of("5", "Xyzzy") is StatusCategory.UNDEFINED


def test_without_a_catalogue_present_statuses_tell() -> None:
    tickets = drawn_tickets(
        """
        | 5 09:00 | s3 | - | Open, 5 10:00 Review, 5 11:00 Fixed |
        | 5 09:00 | s3 | - | Open, 5 12:00 Review                |
        """
    )
    assert cells(flow_of(tickets, statuses=()), "queue_hours") == [1, 3]


def test_weeks_are_computed_from_tickets() -> None:
    flow = flow_drawn(
        """
        | 5 09:00  | s3 | - | Open, 5 10:00 Working  |
        | 6 09:00  | s3 | - | Open, 6 12:00 Working  |
        | 11 09:00 | s3 | - | Open, 11 14:00 Working |
        | 12 12:00 | s3 | - | Open                   |
        | 12 12:00 | s3 | - | ?Open                  |
        """
    )
    weeks = weekly(flow)
    assert weeks["week"].tolist() == [
        pd.Timestamp("2026-01-05", tz="UTC"),
        pd.Timestamp("2026-01-12", tz="UTC"),
    ]
    assert weeks["tickets"].tolist() == [3, 1]
    assert weeks["still_waiting"].tolist() == [0, 1]
    assert weeks["queue_hours_p50"].tolist() == [3.0, 48.0]
    assert weeks["queue_hours_p85"].tolist() == pytest.approx([3 + 0.7 * 2, 48.0])


def test_no_tickets_is_an_empty_frame() -> None:
    flow = flow_of([])
    assert len(flow) == 0
    assert len(weekly(flow)) == 0
    assert list(ticket_frame([])) == list(TICKETS)
    assert list(change_frame([])) == list(CHANGES)


def test_refusals() -> None:
    tickets = drawn_tickets(STORIES)
    frame, changes = ticket_frame(tickets), change_frame(tickets)
    with pytest.raises(ValueError, match="no time zone"):
        measure(frame, changes, calendar=CALENDAR, now=datetime(2026, 1, 14))  # noqa: DTZ001
    with pytest.raises(BadFrame, match="lacks created_at"):
        measure(frame.drop(columns="created_at"), changes, calendar=CALENDAR, now=NOW)
    with pytest.raises(BadFrame, match="'at' have no time zone"):
        measure(frame, changes.assign(at=changes["at"].dt.tz_localize(None)), calendar=CALENDAR, now=NOW)
    short = office_hours(first=date(2026, 1, 6), last=date(2026, 1, 31))
    with pytest.raises(CalendarRange):
        measure(frame, changes, calendar=short, now=NOW)


def test_a_naive_ticket_is_refused() -> None:
    whole = ticket(1)
    values = {name: getattr(whole, name) for name in whole.__slots__}
    values["created_at"] = datetime(2026, 1, 5)  # noqa: DTZ001
    with pytest.raises(ValueError, match="OPS-1: 2026-01-05T00:00:00 has no time zone"):
        ticket_frame([Ticket(**values)])

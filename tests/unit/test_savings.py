"""What was saved, on tables drawn by hand: two figures that are never added."""

from __future__ import annotations

import json
from datetime import date, datetime

import pandas as pd
import pytest

from analytics.calendars import office_hours
from analytics.classify import given
from analytics.errors import BadFrame
from analytics.flow import measure
from analytics.frames import change_frame, ticket_frame
from analytics.savings import OUTCOMES, GoldenPath, Saved, assumed, outcomes_frame
from tests.unit.drawn import STATUSES, drawn_tickets, moment

# fmt: off
QUEUE = """
| 5 09:00 | s3-bucket      | - | Open, 5 11:00 Working |
| 5 09:00 | s3-bucket      | - | Open, 5 13:00 Working |
| 5 09:00 | s3-bucket      | - | Open, 6 09:00 Working |
| 5 09:00 | s3-bucket      | - | Open, 6 13:00 Working |
| 5 09:00 | s3-bucket      | - | Open, 7 09:00 Working |
| 5 09:00 | s3-bucket      | - | Open                  |
| 8 09:00 | s3-bucket      | - | Open, 8 09:30 Fixed   |
| 8 09:00 | s3-bucket      | - | Open, 8 11:00 Fixed   |
| 8 09:00 | redis-instance | - | Open, 8 09:30 Fixed   |
| 8 09:00 | s3-bucket      | - | Open, 8 10:00 Fixed   |
"""
# fmt: on
DONE = moment("8 09:30")
OUTCOME_ROWS = [
    (7, "s3-bucket", "fulfilled", DONE, False, 0.0),
    (8, "s3-bucket", "fulfilled", DONE, False, 6.0),
    (9, "redis-instance", "fulfilled", DONE, False, 0.0),
    (10, "s3-bucket", "fulfilled", DONE, True, 0.0),
    (6, "s3-bucket", "refused", None, False, 0.0),
]


def saved(rows: list[tuple[int, str, str, datetime | None, bool, float]]) -> Saved:
    tickets = drawn_tickets(QUEUE)
    calendar = office_hours(first=date(2026, 1, 1), last=date(2026, 1, 31))
    flow = measure(
        ticket_frame(tickets),
        change_frame(tickets),
        calendar=calendar,
        now=moment("14 12:00"),
        statuses=STATUSES,
    )
    types = [given(one) for one in tickets]
    return assumed(outcomes_frame(rows), flow, types, minutes={"s3-bucket": 45.0}, default_minutes=30.0)


def test_two_figures_each_with_its_basis() -> None:
    result = saved(OUTCOME_ROWS)
    assert result.basis == "assumed"
    assert (result.fulfilled, result.corrected) == (4, 1)
    # 45 + (45 - 6) + 30 minutes; the corrected one saved nothing, the refused one neither.
    assert result.ops_hours_saved == pytest.approx((45 + 39 + 30) / 60)
    # People took 2, 4, 8, 12, 16 business hours: the median is 8; the two took 0.5 and 2.
    assert result.waiting_hours_avoided == pytest.approx((8 - 0.5) + (8 - 2))
    assert result.compared == 2
    assert result.by_type == {"redis-instance": 1, "s3-bucket": 2}
    assert any(note.startswith("1 fulfilled requests have fewer than 5 comparable") for note in result.notes)


def test_the_json_labels_it_assumed() -> None:
    document = json.loads(json.dumps(saved(OUTCOME_ROWS).to_json()))
    assert document["basis"] == "assumed"
    assert set(document["definition"]) == {"ops_hours_saved", "waiting_hours_avoided"}
    assert all(text.startswith("assumed:") for text in document["definition"].values())


def test_nothing_done_is_nothing_saved() -> None:
    result = saved([])
    assert (result.fulfilled, result.ops_hours_saved, result.waiting_hours_avoided) == (0, 0.0, None)


def test_a_path_slower_than_people_shows_as_a_loss() -> None:
    """A request that waited 43 business hours in a queue of people's median 8 is not hidden."""
    result = saved([(6, "s3-bucket", "fulfilled", moment("14 12:00"), False, 0.0)])
    assert result.waiting_hours_avoided is not None and result.waiting_hours_avoided < 0


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        outcomes_frame([(1, "s3-bucket", "fulfilled", datetime(2026, 1, 5), False, 0.0)])  # noqa: DTZ001
    with pytest.raises(BadFrame, match="lack outcome"):
        assumed(outcomes_frame([]).drop(columns="outcome"), pd.DataFrame(), [], minutes={})
    with pytest.raises(ValueError, match="0 tickets, but 1"):
        assumed(outcomes_frame([]), pd.DataFrame(), [None], minutes={})


def test_the_frames_columns_are_declared() -> None:
    frame = outcomes_frame(OUTCOME_ROWS)
    assert list(frame) == list(OUTCOMES)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(OUTCOMES)
    path = GoldenPath("s3-bucket", ("s3-bucket",), ("name", "region"), "supervised", None)
    assert path.live_since is None

"""What was saved, on tables drawn by hand: two figures that are never added, each with its lower bound."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.baselines import redrawn_medians
from analytics.cost import Assumptions
from analytics.errors import BadFrame
from analytics.savings import OUTCOMES, GoldenPath, Savings, outcomes_frame, savings
from tests.unit.drawn import moment
from tests.unit.tables import table_drawn

Row = tuple[int, str, str, datetime | None, bool, float]

# People took 2, 4, 8, 12 and 16 business hours and half an hour of work; the path half an hour, 2, 0.5 and 1.
# fmt: off
QUEUE = """
| 5 09:00 | s3-bucket      | - | Open, 5 11:00 Working                                |
| 5 09:00 | s3-bucket      | - | Open, 5 13:00 Working                                |
| 5 09:00 | s3-bucket      | - | Open, 6 09:00 Working                                |
| 5 09:00 | s3-bucket      | - | Open, 6 13:00 Working                                |
| 5 09:00 | s3-bucket      | - | Open, 7 09:00 Working                                |
| 5 09:00 | s3-bucket      | - | Open                                                 |
| 8 09:30 | s3-bucket      | - | Open, 8 10:00 Fixed                                  |
| 8 10:00 | s3-bucket      | - | Open, 8 12:00 Fixed                                  |
| 8 09:00 | redis-instance | - | Open, 8 09:30 Fixed                                  |
| 8 10:00 | s3-bucket      | - | Open, 8 11:00 Fixed, 8 12:00 Open, 12 10:00 Fixed    |
| 9 09:00 | s3-bucket      | - | Open, 9 10:00 Working                                |
"""
# fmt: on
LOGGED = [1800] * 5 + [None] * 6
DONE = moment("8 09:30")
MINUTES = Assumptions(minutes={"s3-bucket": 45.0}, minutes_per_ticket=60.0)


def saved(rows: list[Row], *, logged: list[int | None] | None = None, queue: str = QUEUE, **settings: Any) -> Savings:
    columns = {"worklog_seconds": logged} if logged else {}
    return savings(outcomes_frame(rows), table_drawn(queue, **columns), assumptions=MINUTES, **settings)


def done(ticket_id: int, kind: str = "s3-bucket", outcome: str = "fulfilled", **columns: Any) -> Row:
    values = {"applied_at": DONE, "corrected": False, "review_minutes": 0.0} | columns
    return (ticket_id, kind, outcome, values["applied_at"], values["corrected"], values["review_minutes"])


def test_two_figures_each_with_where_it_comes_from() -> None:
    result = saved([done(7), done(8), done(9, "redis-instance")], logged=LOGGED)
    assert (result.fulfilled, result.lost, result.uncompared) == (3, 0, 1)
    assert (result.measured.tickets, result.measured.hours) == (2, 1.0)  # the logged half hour, not the assumed 45 min
    assert (result.assumed.tickets, result.assumed.hours) == (1, 1.0)
    assert (result.waiting.tickets, result.waiting.hours) == (2, (8 - 0.5) + (8 - 2))
    assert result.by_type == {"redis-instance": 1, "s3-bucket": 2}


def test_a_baseline_says_where_it_comes_from() -> None:
    (baseline,) = saved([done(7), done(9, "redis-instance")], logged=LOGGED).baselines
    assert (baseline.request_type, baseline.tickets) == ("s3-bucket", 5)
    assert (baseline.since, baseline.until) == (moment("5 09:00"), DONE)
    assert (baseline.queue_hours, baseline.touch_hours) == (8, 0.5)
    few = saved([done(7)], logged=[1800] * 4 + [None] * 7)
    assert few.baselines[0].touch_hours is None
    assert (few.measured.tickets, few.assumed.hours) == (0, 0.75)


def test_the_baseline_ends_where_the_path_went_live() -> None:
    """Else the eleventh, which people started fast, would count as what people used to take."""
    (baseline,) = saved([done(7)]).baselines
    assert baseline.tickets == 5
    later = saved([done(7, applied_at=moment("9 12:00"))])
    assert later.baselines[0].tickets == 8  # the eighth and the tenth too, which here nobody but people did
    twice = saved([done(7, outcome="failed"), done(7, applied_at=moment("9 12:00"))])
    assert twice.baselines[0].until == DONE  # live since it first acted, whatever came of it


def test_a_year_ago_is_too_long_ago() -> None:
    old = saved([done(7, applied_at=moment("8 09:30").replace(year=2027))])
    assert (old.baselines, old.waiting_hours_avoided) == ((), None)


def test_the_lower_bound_is_the_headline() -> None:
    result = saved([done(7), done(8), done(9, "redis-instance")], logged=[600, 1200, 1800, 2400, 3000] + [None] * 6)
    for amount in (result.measured, result.waiting):
        assert amount.low < amount.hours < amount.high
    assert result.assumed.low == result.assumed.hours == result.assumed.high == 1.0  # nothing measured, nothing varies
    assert result.ops_hours_saved == result.measured.low + result.assumed.low
    assert result.waiting_hours_avoided == result.waiting.low
    # Five tickets hardly bound their median: it may be 2 hours as well as 8.
    assert result.waiting.low == (2 - 0.5) + (2 - 2)


def test_an_interval_covers_what_people_would_have_taken() -> None:
    """Of 100 paths that save nothing — people's median is what each ticket took — few may claim more than nothing."""
    rng = np.random.default_rng(3)
    claims = 0
    for _ in range(100):
        waits = np.concatenate([rng.exponential(8.0, 9), np.full(40, 8.0 * np.log(2))])
        requested = pd.Series([moment("5 09:00")] * 9 + [moment("8 09:00")] * 40)
        table = pd.DataFrame(
            {
                "ticket_id": np.arange(49),
                "type": "s3-bucket",
                "requested_at": requested,
                "queue_is_open": False,
                "business_queue_hours": waits,
                "business_lead_hours": waits,
                "business_age_hours": np.nan,
                "worklog_hours": np.nan,
                "reopenings": 0,
            }
        )
        result = savings(outcomes_frame([done(n) for n in range(9, 49)]), table, assumptions=MINUTES)
        assert result.waiting_hours_avoided is not None
        claims += result.waiting_hours_avoided > 0
    assert claims <= 5


@pytest.mark.parametrize(
    "row",
    [done(10), done(7, outcome="failed"), done(7, outcome="uncertain"), done(7, corrected=True)],
    ids=["reopened", "failed", "uncertain", "corrected"],
)
def test_what_went_wrong_counts_against_us(row: Row) -> None:
    result = saved([row], logged=LOGGED)
    assert (result.lost, result.measured.hours) == (1, -0.5)
    # The reopened one was finished after 16 business hours, 8 more than people take; the others took less.
    assert result.waiting.hours == (-8.0 if row[0] == 10 else 0.0)


def test_reviews_are_subtracted() -> None:
    result = saved([done(7, review_minutes=6.0), done(9, "redis-instance", review_minutes=90.0)], logged=LOGGED)
    assert result.measured.hours == pytest.approx(0.4)
    assert result.assumed.hours == pytest.approx(-0.5)


def test_each_ticket_counts_once() -> None:
    twice = [done(7, outcome="failed", review_minutes=6.0), done(7, applied_at=moment("8 10:00"), review_minutes=3.0)]
    result = saved(twice, logged=LOGGED)
    assert (result.fulfilled, result.lost, result.by_type) == (1, 0, {"s3-bucket": 1})
    assert result.measured.hours == pytest.approx(0.5 - 0.15)  # every review took its minutes
    back = saved(twice[::-1], logged=LOGGED)
    assert back.to_json() == result.to_json()
    # Where nothing was applied there is no instant: what was applied is what came of it.
    nothing = saved([done(7), done(7, outcome="failed", applied_at=None)], logged=LOGGED)
    assert (nothing.fulfilled, nothing.lost) == (1, 0)
    corrected = saved([done(7, corrected=True), done(7, applied_at=moment("8 10:00"))], logged=LOGGED)
    assert corrected.lost == 1


def test_what_was_refused_counts_for_nothing() -> None:
    result = saved([done(6, outcome="refused", applied_at=None)])
    assert (result.fulfilled, result.lost, result.ops_hours_saved, result.waiting_hours_avoided) == (0, 0, 0, None)
    reviewed = saved([done(7), done(7, outcome="refused", applied_at=None, review_minutes=30.0)], logged=LOGGED)
    assert reviewed.measured.hours == 0


def test_too_few_to_compare_is_no_claim_and_said() -> None:
    result = saved([done(9, "redis-instance")])
    assert result.waiting_hours_avoided is None
    assert result.uncompared == 1
    assert any(note.startswith("1 fulfilled tickets have fewer than 5 tickets of their type") for note in result.notes)
    assert any(note.startswith("assumed 60 minutes of hands-on work") for note in result.notes)
    assert "of one ticket the interval tells only how far what people took may be off" in result.notes
    gone = saved([done(7), done(99)])  # a ticket that the table does not have
    assert (gone.fulfilled, gone.waiting.tickets, gone.uncompared) == (2, 1, 1)


def test_since_leaves_older_ones_out_but_not_their_baseline() -> None:
    rows = [done(7), done(8, applied_at=moment("9 11:00"))]
    result = saved(rows, since=moment("9 00:00"))
    assert (result.fulfilled, result.waiting.hours) == (1, 6)
    assert result.baselines[0].until == DONE
    failed = [*rows, done(11, outcome="failed", applied_at=None)]  # nothing applied, requested on the 9th
    assert saved(failed, since=moment("9 00:00")).lost == 1
    assert saved(failed, since=moment("10 00:00")).lost == 0


def test_a_path_slower_than_people_shows_as_a_loss() -> None:
    """A request that waited 59 business hours in a queue of people's median 8 is not hidden."""
    result = saved([done(6, applied_at=moment("8 09:30"))])
    assert result.waiting.hours == 8 - 59
    assert result.waiting_hours_avoided is not None and result.waiting_hours_avoided < 0


def test_nothing_done_is_nothing_saved() -> None:
    result = saved([])
    assert (result.fulfilled, result.ops_hours_saved, result.waiting_hours_avoided) == (0, 0.0, None)
    assert result.notes == ()


def test_the_same_frames_and_seed_give_the_same() -> None:
    rows = [done(7), done(8), done(9, "redis-instance")]
    assert saved(rows) == saved(rows)
    assert saved(rows, seed=1).waiting.hours == saved(rows).waiting.hours


def test_many_tickets_fit_in_memory() -> None:
    queue = "| 8 09:00 | s3-bucket | - | Open, 8 10:00 Fixed |\n" * 6000
    result = saved([done(number) for number in range(6, 6000)], queue=queue.replace("8 ", "7 ", 10))
    assert (result.waiting.tickets, result.waiting.hours) == (5994, 0)


def test_json_is_plain_and_defines_its_figures() -> None:
    result = saved([done(7), done(9, "redis-instance")], since=moment("6 00:00"))
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert document["since"] == "2026-01-06T00:00:00+00:00"
    assert document["waiting_hours_avoided"] == result.waiting.low
    assert set(document["definition"]) == {"ops_hours_saved", "waiting_hours_avoided"} <= set(document)
    assert document["baselines"][0]["until"] == "2026-01-08T09:30:00+00:00"
    assert set(document["measured"]) == {"tickets", "hours", "low", "high"}


def test_medians_drawn_again_are_those_of_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    hours = np.sort(rng.exponential(8.0, 21))
    direct = np.median(hours[rng.integers(0, 21, (20000, 21))], axis=1)
    shares = [0.025, 0.25, 0.5, 0.75, 0.975]
    ours = redrawn_medians(hours, rng, 20000)
    assert np.quantile(ours, shares) == pytest.approx(np.quantile(direct, shares), rel=0.06)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        outcomes_frame([(1, "s3-bucket", "fulfilled", datetime(2026, 1, 5), False, 0.0)])  # noqa: DTZ001
    with pytest.raises(BadFrame, match="lack outcome"):
        savings(outcomes_frame([]).drop(columns="outcome"), table_drawn(QUEUE), assumptions=MINUTES)


def test_the_frames_columns_are_declared() -> None:
    frame = outcomes_frame([done(7), done(8, applied_at=None)])
    assert list(frame) == list(OUTCOMES)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(OUTCOMES)
    path = GoldenPath("s3-bucket", ("s3-bucket",), ("name", "region"), "supervised", None)
    assert path.live_since is None

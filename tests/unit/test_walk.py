"""Time in each status and tickets by day, by hand and against another computation with pandas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from analytics.clocks import CLASSES, Clocks, Rules
from analytics.errors import BadFrame
from analytics.flow import walk
from analytics.frames import Log
from analytics.quality import quality
from analytics.summary import GROUPINGS, summarise
from analytics.weeks import ageing, weekly
from tests.unit.drawn import STATUSES, drawn_tickets, moment, status, ticket
from tests.unit.flowing import CALENDAR, NOW, cells, flow_of, tangled, walk_of
from tickets.history import write_history
from tickets.store import TicketStore
from tickets.ticket import StatusChange, Ticket

# fmt: off
STORIES = """
| 5 09:00  | s3 | -        | Open, 5 11:00 Working, 5 14:00 On hold, 6 10:00 Working, 6 12:00 Fixed |
| 12 16:00 | s3 | -        | Open, 13 10:00 Xyzzy                                                   |
| 5 09:00  | s3 | 6 09:00  | ?Fixed                                                                 |
| 6 09:00  | s3 | -        | Open, 6 10:00 Fixed, 9 10:00 Open, 9 12:00 Closed                      |
"""
# fmt: on


def listed(frame: pd.DataFrame) -> list[tuple[int, str, str, int, float, float]]:
    columns = ["ticket_id", "status", "class", "visits", "hours", "business_hours"]
    return sorted(tuple(row) for row in frame[columns].itertuples(index=False))


def last_status(one: Ticket) -> object:
    return status(one.status_changes[-1].to_name) if one.status_changes else one.status


# By status


def test_time_in_each_status() -> None:
    assert listed(walk_of(drawn_tickets(STORIES)).statuses()) == [
        (1, "Fixed", "done", 1, 0, 0),
        (1, "On hold", "blocked", 1, 20, 4),
        (1, "Open", "queue", 1, 2, 2),
        (1, "Working", "active", 2, 5, 5),
        (2, "Open", "queue", 1, 18, 2),
        (2, "Xyzzy", "unknown", 1, 26, 10),
        (4, "Closed", "done", 1, 0, 0),
        (4, "Fixed", "done", 1, 72, 24),
        (4, "Open", "queue", 2, 3, 3),
    ]


def test_a_renamed_status_is_called_what_it_is_today() -> None:
    moves = (
        StatusChange("1", moment("5 10:00"), None, "1", "Offen", "2", "In Arbeit"),
        StatusChange("2", moment("5 12:00"), None, "2", "In Arbeit", "1", "Open"),
        StatusChange("3", moment("5 13:00"), None, "1", "Open", "2", "Working"),
        StatusChange("4", moment("5 16:00"), None, "2", "Working", "4", "Fixed"),
    )
    told = walk_of([ticket(1, present="Fixed", changes=moves)]).statuses()
    # "Offen" is a usual word in itself, yet the id says what the status is called today.
    assert listed(told) == [
        (1, "Fixed", "done", 1, 0, 0),
        (1, "Open", "queue", 2, 2, 2),
        (1, "Working", "active", 2, 5, 5),
    ]


def test_a_status_has_the_class_of_its_ticket_s_project() -> None:
    (one,) = drawn_tickets("| 5 09:00 | s3 | - | Open, 5 10:00 Working, 5 12:00 Fixed |")
    tickets = [one, replace(one, id=2, project="WEB")]
    told = walk_of(tickets, projects={"WEB": Rules(statuses={"Working": "requester"})}).statuses()
    working = told[told["status"] == "Working"]
    assert working["class"].tolist() == ["active", "requester"]
    assert working["hours"].tolist() == [2, 2]


def test_statuses_are_kept_only_when_asked_for() -> None:
    log = Log.of_tickets(drawn_tickets(STORIES))
    lean = walk(log, clocks=Clocks(STATUSES), calendar=CALENDAR, now=NOW, keep_statuses=False)
    pd.testing.assert_frame_equal(lean.tickets(), walk_of(log).tickets())


# By day


def test_tickets_by_day() -> None:
    days = walk_of(drawn_tickets(STORIES)).cumulative()
    assert days["day"].tolist() == [pd.Timestamp(2026, 1, day, tz="UTC") for day in range(5, 15)]
    #                                5  6  7  8  9 10 11 12 13 14
    assert days["queue"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert days["blocked"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert days["active"].tolist() == [0] * 10
    assert days["done"].tolist() == [0, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert days["unknown"].tolist() == [0] * 8 + [1, 1]
    assert days["arrived"].tolist() == [2, 3, 3, 3, 3, 3, 3, 4, 4, 4]
    assert days["finished"].tolist() == [0, 2, 2, 2, 3, 3, 3, 3, 3, 3]  # the reopened one when it was over


def test_the_last_day_shows_what_is_now() -> None:
    tickets = [one for one in tangled(7) if one.status_changes is not None]
    walked = walk_of([replace(one, status=last_status(one)) for one in tickets])
    last = walked.cumulative().iloc[-1]
    assert last[list(CLASSES)].to_dict() == walked.tickets()["status_class"].value_counts().to_dict()


def test_a_ticket_without_history_arrives_and_finishes_and_stands_nowhere() -> None:
    days = walk_of(drawn_tickets("| 13 09:00 | s3 | 14 09:00 | ?Fixed |")).cumulative()
    assert days[list(CLASSES)].to_numpy().sum() == 0
    assert days["arrived"].tolist() == [1, 1]
    assert days["finished"].tolist() == [0, 1]


# Few tickets, and where they come from


def test_no_tickets() -> None:
    walked = walk_of([])
    table = walked.tickets()
    assert (len(table), len(walked.statuses()), len(walked.cumulative())) == (0, 0, 0)
    full = walk_of(drawn_tickets(STORIES))
    for empty, other in ((table, full.tickets()), (walked.statuses(), full.statuses())):
        assert list(empty) == list(other)
        kinds = [frame.dtypes.astype(str) for frame in (empty, other)]
        assert kinds[0].to_dict() == kinds[1].to_dict()
    assert list(walked.cumulative()) == list(full.cumulative())
    assert summarise(table)["tickets"].tolist() == [0]
    for by in GROUPINGS:
        assert len(summarise(table, by=by)) == len(weekly(table, by=by)) == 0
    assert len(weekly(table)) == len(ageing(table)) == 0
    assert quality(walked, table).findings == ()


def test_one_ticket() -> None:
    walked = walk_of([ticket(1)])
    assert listed(walked.statuses()) == [(1, "Open", "queue", 1, 219, 59)]
    assert walked.cumulative()["queue"].tolist() == [1] * 10
    assert walked.cumulative()["finished"].tolist() == [0] * 10


def test_all_open() -> None:
    flow = flow_of([ticket(n, created=f"{n} 12:00") for n in range(5, 13)])
    assert flow["queue_is_open"].all()
    assert cells(flow, "age_hours") == cells(flow, "queue_hours") == [24 * (14 - n) for n in range(5, 13)]
    for name in ("lead_hours", "cycle_hours", "flow_efficiency", "wip_age_hours", "finished_at"):
        assert flow[name].isna().all(), name


def test_the_history_files_give_the_same_figures(tmp_path: Path) -> None:
    tickets = tangled(8, 60)
    tickets = [replace(one, project=("OPS", "WEB")[one.id % 2]) for one in tickets]
    with TicketStore.open(tmp_path / "tickets.sqlite3") as store:
        store.save(tickets)
        write_history(store, tmp_path / "history")
    own = {"WEB": Rules(start=("Review",), statuses={"xyzzy": "active"})}
    read = walk_of(Log.of_history(tmp_path / "history"), projects=own)
    given = walk_of(tickets, projects=own)
    by = ["site", "ticket_id"]
    pd.testing.assert_frame_equal(
        read.tickets().sort_values(by, ignore_index=True), given.tickets(), check_categorical=False
    )
    assert listed(read.statuses()) == listed(given.statuses())
    pd.testing.assert_frame_equal(read.cumulative(), given.cumulative())


def test_a_part_of_a_log_has_its_figures() -> None:
    tickets = tangled(9, 80)
    log = Log.of_tickets([replace(one, project=("OPS", "WEB")[one.id % 2]) for one in tickets])
    part = log.where(pl.col("project") == "WEB")
    assert len(part.tickets) == 40
    assert part.changes["ticket_id"].is_in(part.tickets["ticket_id"].to_list()).all()
    whole = flow_of(log)
    expected = whole[whole["project"] == "WEB"].reset_index(drop=True)
    pd.testing.assert_frame_equal(flow_of(part), expected, check_categorical=False)
    assert log.where(pl.lit(True)) is log
    assert len(flow_of(log.where(pl.col("project") == "DEV"))) == 0


def test_more_tickets_than_are_walked_at_once() -> None:
    log = Log.of_tickets(tangled(10))
    copies = range(110)
    frames = [
        pl.concat([frame.with_columns(pl.col("ticket_id") + 1000 * copy) for copy in copies])
        for frame in (log.tickets, log.changes, log.comments)
    ]
    one, many = walk_of(log), walk_of(Log(*frames, log.pairs))
    assert len(many.parts) > 1
    table, days = many.tickets(), one.cumulative().set_index("day") * len(copies)
    same = one.tickets().drop(columns="ticket_id")
    for copy in (0, 54, 109):
        given = table.iloc[copy * 300 : (copy + 1) * 300].drop(columns="ticket_id").reset_index(drop=True)
        pd.testing.assert_frame_equal(given, same)
    pd.testing.assert_frame_equal(many.cumulative().set_index("day"), days)
    total = one.statuses().groupby("status", observed=True)["hours"].sum() * len(copies)
    assert many.statuses().groupby("status", observed=True)["hours"].sum().tolist() == pytest.approx(total.tolist())


def test_statuses_that_were_not_kept_are_refused() -> None:
    log = Log.of_tickets(tangled(3, 5))
    walked = walk(log, clocks=Clocks(STATUSES), calendar=CALENDAR, now=NOW, keep_statuses=False)
    with pytest.raises(BadFrame, match="keep_statuses=True"):
        walked.statuses()
    assert flow_of([])["is_torn"].dtype == bool

"""What a log is built from, what it refuses, and that the order of its rows is no matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import BadFrame
from analytics.frames import COMMENTS, TICKETS, Log, rows_of
from tests.unit.drawn import drawn_tickets, moment, ticket
from tests.unit.flowing import cells, flow_of, tangled, walk_of
from tickets.history import tables_of
from tickets.ticket import Comment, Person, Status, StatusCategory, Ticket

# fmt: off
STORIES = """
| 5 09:00 | s3 | - | Open, 5 11:00 Working, 5 16:00 Fixed                  |
| 5 09:00 | s3 | - | Open, 6 10:00 Fixed, 7 09:00 Working                  |
| 5 09:00 | s3 | - | Open                                                  |
"""
# fmt: on


def frames(tickets: list[Ticket]) -> tuple[pd.DataFrame, pd.DataFrame]:
    tables = tables_of(tickets)
    return tables["tickets"].to_pandas(), tables["changes"].to_pandas()


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """By site and id, text as text: the codes of categories depend on the order in which they are met."""
    text = {name: "object" for name, dtype in table.dtypes.items() if dtype == "category"}
    return table.astype(text).sort_values(["site", "ticket_id"], ignore_index=True)


# From tickets


def test_a_log_has_the_declared_columns() -> None:
    for log in (Log.of_tickets([]), Log.of_tickets(drawn_tickets(STORIES))):
        assert log.tickets.schema == TICKETS
        assert log.changes.columns == ["site", "ticket_id", "at", "left", "entered"]
        assert {name: log.comments.schema[name] for name in COMMENTS} == COMMENTS
    assert (len(log.tickets), len(log.changes), len(log.comments)) == (3, 4, 0)


def test_what_is_unknown_is_null() -> None:
    ada = Person("ada", "Ada")
    told = replace(ticket(1, request_type="s3"), reporter=ada, assignee=ada, worklog_seconds=60)
    row, other = Log.of_tickets([told, ticket(2, changes=None)]).tickets.to_dicts()
    assert (row["reporter"], row["assignee"], row["creator"]) == ("ada", "ada", None)
    assert (row["request_type"], row["worklog_seconds"], row["hand_offs"]) == ("s3", 60, 0)
    assert (other["request_type"], other["reporter"], other["worklog_seconds"]) == (None, None, None)
    assert (other["has_history"], other["hand_offs"], other["bounces"]) == (False, None, None)


def test_statuses_are_what_sites_say_or_what_tickets_show() -> None:
    told = (Status("1", "Open", StatusCategory.NEW),)
    assert Log.of_tickets(drawn_tickets(STORIES), told).catalogue() == told
    shown = Log.of_tickets(drawn_tickets(STORIES)).catalogue()
    assert {(status.name, status.category.value) for status in shown} == {
        ("Fixed", "done"),
        ("Working", "indeterminate"),
        ("Open", "new"),
    }


# From frames


def test_frames_give_the_figures_of_the_tickets() -> None:
    tickets = tangled(1)
    expected = flow_of(tickets)
    pd.testing.assert_frame_equal(flow_of(Log.of_frames(*frames(tickets))), expected, check_categorical=False)


@pytest.mark.parametrize("name", ["created_at", "ticket_id", "status", "status_category", "site"])
def test_a_missing_column_of_tickets_is_named(name: str) -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match=f"the frame of tickets lacks {name}; it needs site, ticket_id"):
        Log.of_frames(tickets.drop(columns=name), changes)


def test_missing_columns_of_changes_and_comments_are_named() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match="the frame of changes lacks at, to_id; it needs"):
        Log.of_frames(tickets, changes.drop(columns=["to_id", "at"]))
    with pytest.raises(BadFrame, match="the frame of comments lacks kind; it needs"):
        Log.of_frames(tickets, changes, pd.DataFrame(columns=["site", "ticket_id", "at", "author", "is_public"]))


def test_other_columns_may_be_left_out() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    needed = ["site", "ticket_id", "status_id", "status", "status_category", "created_at"]
    flow = flow_of(Log.of_frames(tickets[needed], changes.drop(columns="author")))
    assert cells(flow, "queue_hours") == [2, 25, 219]
    assert flow["has_history"].all()
    for name in ("project", "request_type", "type", "reporter", "hand_offs"):
        assert flow[name].isna().all(), name


def test_times_without_a_zone_are_refused() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    for name in ("created_at", "updated_at"):
        with pytest.raises(BadFrame, match=f"the times '{name}' have no time zone"):
            Log.of_frames(tickets.assign(**{name: tickets[name].dt.tz_localize(None)}), changes)
    for naive in (changes["at"].dt.tz_localize(None), changes["at"].astype("str")):
        with pytest.raises(BadFrame, match="the times 'at' have no time zone"):
            Log.of_frames(tickets, changes.assign(at=naive))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC"])
@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_other_zones_and_units_are_the_same_instants(zone: str, unit: str) -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    at = changes["at"].dt.tz_convert(zone).dt.as_unit(unit)
    log = Log.of_frames(tickets, changes.assign(at=at))
    assert log.changes["at"].to_list() == Log.of_tickets(drawn_tickets(STORIES)).changes["at"].to_list()


def test_rows_without_an_instant_or_a_ticket_are_refused() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match="1 tickets have no `created_at`"):
        Log.of_frames(tickets.assign(created_at=tickets["created_at"].where(tickets["ticket_id"] != 2)), changes)
    with pytest.raises(BadFrame, match="4 changes have no `at`"):
        Log.of_frames(tickets, changes.assign(at=pd.NaT))
    with pytest.raises(BadFrame, match="2 changes have no `ticket_id`"):
        Log.of_frames(tickets, changes.assign(ticket_id=changes["ticket_id"].where(changes["ticket_id"] == 1)))


def test_ids_that_are_no_numbers_are_refused() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match=r"'ticket_id' cannot be read as Int64: .*failed"):
        Log.of_frames(tickets.assign(ticket_id=tickets["key"]), changes)
    as_text = [frame.assign(ticket_id=frame["ticket_id"].astype("str")) for frame in (tickets, changes)]
    assert Log.of_frames(*as_text).tickets["ticket_id"].to_list() == [1, 2, 3]


def test_a_ticket_may_stand_once() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match="2 tickets stand in the frame more than once"):
        Log.of_frames(pd.concat([tickets, tickets.iloc[:2]]), changes)
    elsewhere = tickets.iloc[:2].assign(site="other.test")
    assert len(flow_of(Log.of_frames(pd.concat([tickets, elsewhere]), changes))) == 5


def test_categories_of_statuses_are_jiras() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match="status_category holds 'Doing'; allowed: new, indeterminate, done, undefined"):
        Log.of_frames(tickets.assign(status_category="Doing"), changes)
    silent = Log.of_frames(tickets.assign(status_category=None), changes)
    assert {status.category for status in silent.catalogue()} == {StatusCategory.UNDEFINED}


def test_events_of_tickets_that_are_not_there_are_refused() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    with pytest.raises(BadFrame, match="2 events belong to no ticket of the frame, such as one of the ticket 2"):
        walk_of(Log.of_frames(tickets[tickets["ticket_id"] != 2], changes))
    with pytest.raises(BadFrame, match="4 events belong to no ticket"):
        walk_of(Log.of_frames(tickets, changes.assign(site="other.test")))
    lost = Comment("1", None, moment("5 10:00"), moment("5 10:00"), None, "", "")
    comments = Log.of_tickets([replace(ticket(9), comments=(lost,))]).comments.to_pandas()
    with pytest.raises(BadFrame, match="1 events belong to no ticket of the frame, such as one of the ticket 9"):
        walk_of(Log.of_frames(tickets, changes, comments))


def test_a_change_that_comes_twice_takes_no_time() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    twice = flow_of(Log.of_frames(tickets, pd.concat([changes, changes])))
    once = flow_of(Log.of_frames(tickets, changes))
    for name in ("queue_hours", "lead_hours", "active_hours", "in_done_hours", "wait_hours"):
        assert cells(twice, name) == cells(once, name), name


def test_empty_frames() -> None:
    tickets, changes = frames(drawn_tickets(STORIES))
    assert cells(flow_of(Log.of_frames(tickets.iloc[2:], pd.DataFrame(columns=list(changes)))), "queue_hours") == [219]
    assert len(flow_of(Log.of_frames(tickets.iloc[:0], changes.iloc[:0]))) == 0


# Which row a ticket has


def located(tickets: list[tuple[str, int]], events: list[tuple[str, int]]) -> list[int]:
    made = [
        pl.DataFrame(
            {"site": [site for site, _ in rows], "ticket_id": [number for _, number in rows]},
            schema={name: TICKETS[name] for name in ("site", "ticket_id")},
        )
        for rows in (tickets, events)
    ]
    return rows_of(*made).tolist()


@pytest.mark.parametrize("far", [4, 10**15])
def test_rows_of_near_and_far_ids(far: int) -> None:
    # A table over all ids would not fit where they lie far apart.
    tickets = [("a", far), ("a", 1), ("a", 3)]
    assert located(tickets, [("a", 3), ("a", far), ("a", far), ("a", 1)]) == [2, 0, 0, 1]
    for lost in (2, 0, far + 1):
        with pytest.raises(BadFrame, match=f"1 events belong to no ticket of the frame, such as .* {lost}"):
            located(tickets, [("a", 3), ("a", lost)])


def test_rows_of_two_sites() -> None:
    tickets = [("a", 1), ("b", 1), ("b", 2)]
    assert located(tickets, [("b", 2), ("a", 1), ("b", 1)]) == [2, 0, 1]
    with pytest.raises(BadFrame, match="1 events"):
        located(tickets, [("a", 2)])
    assert located(tickets, []) == located([], []) == []
    with pytest.raises(BadFrame, match="1 events"):
        located([], [("a", 1)])


# The order of rows


def apart(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tickets whose changes have instants of their own: equal ones say something by their order."""
    tickets, changes = frames(tangled(seed, 40))
    at = ["ticket_id", "at"]
    tied = changes.loc[changes.duplicated(at, keep=False), "ticket_id"]
    return tickets[~tickets["ticket_id"].isin(tied)], changes[~changes["ticket_id"].isin(tied)]


@given(seed=st.integers(0, 50), order=st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_the_order_of_rows_changes_no_figure(seed: int, order: int) -> None:
    tickets, changes = apart(seed)
    draw = np.random.default_rng(order)
    shuffled = [frame.iloc[draw.permutation(len(frame))] for frame in (tickets, changes)]
    given, expected = walk_of(Log.of_frames(*shuffled)), walk_of(Log.of_frames(tickets, changes))
    pd.testing.assert_frame_equal(plain(given.tickets()), plain(expected.tickets()))
    by = ["ticket_id", "status"]
    for one, other in zip(*(plain(walked.statuses()).groupby(by) for walked in (given, expected)), strict=True):
        pd.testing.assert_frame_equal(one[1].reset_index(drop=True), other[1].reset_index(drop=True))
    pd.testing.assert_frame_equal(given.cumulative(), expected.cumulative())

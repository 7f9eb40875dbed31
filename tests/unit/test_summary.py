"""The figures of groups, each column on a table drawn by hand."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.errors import BadFrame
from analytics.flow import People
from analytics.summary import FIGURES, GROUPINGS, first_responses, summarise
from tests.unit.drawn import drawn_tickets, moment
from tests.unit.tables import cells, comment, person, table_drawn, table_of, with_fields

# fmt: off
QUEUE = """
| 5 09:00  | s3  | -       | Open, 5 13:00 Working, 5 17:00 Fixed                                  |
| 5 09:00  | s3  | -       | Open, 6 09:00 Working, 6 11:00 Fixed, 6 12:00 Open, 6 13:00 Fixed     |
| 6 09:00  | s3  | -       | Open, 6 15:00 Working                                                 |
| 12 09:00 | s3  | -       | Open                                                                  |
| 12 09:00 | vpn | -       | Open, 12 10:00 Working, 12 12:00 Fixed                                |
| 13 09:00 | -   | 13 17:00| ?Fixed                                                                |
"""
# fmt: on
PRIORITIES = ["High", "Low", "Low", "", "High", None]
TEAMS = People(team_of={"ann": "red", "bob": "blue"})
ANN, BOB = person("ann"), person("bob")


def table(**columns: Any) -> pd.DataFrame:
    given = {
        "reporter": [ANN, ANN, BOB, BOB, None, None],
        "comments": [(comment("bob", "5 10:00"),), (comment("bob", "5 17:00"),), (), (), (), ()],
        "project": ["OPS", "OPS", "OPS", "NET", "NET", "NET"],
    }
    tickets = with_fields(drawn_tickets(QUEUE), **given | columns)
    return table_of(tickets, people=TEAMS)


def one_row(frame: pd.DataFrame, group: str) -> pd.Series:
    (row,) = (row for _, row in frame.iterrows() if row["group"] == group)
    return row


def test_counts() -> None:
    row = one_row(summarise(table()), "all")
    assert (row["tickets"], row["open"], row["waiting"], row["wip"]) == (6, 2, 1, 1)
    assert (row["reopened"], row["hand_offs"]) == (1, 0)


def test_queue_time_counts_who_still_waits() -> None:
    row = one_row(summarise(table(), by="type"), "s3")
    # 4, 24, 6 hours and one that waits since 51: in business time 4, 8, 6 and 19.
    assert (row["queue_hours_p50"], row["business_queue_hours_p50"]) == (6, 6)
    assert (row["queue_hours_p85"], row["business_queue_hours_p95"]) == (np.inf, np.inf)
    assert (row["queue_hours_p50_started_only"], row["business_queue_hours_p50_started_only"]) == (6, 6)
    assert row["queue_hours_p85_started_only"] == pytest.approx(6 + 0.7 * 18)
    assert (row["queue_hours_p50_low"], row["queue_hours_p50_high"]) == (4, np.inf)


def test_lead_time_counts_what_is_open() -> None:
    row = one_row(summarise(table(), by="type"), "s3")
    # Finished after 8 and 28 hours (8 and 12 in business time); two open for 195 and 51 (51 and 19).
    assert (row["lead_hours_p50"], row["business_lead_hours_p50"]) == (28, 12)
    assert (row["lead_hours_p50_finished_only"], row["business_lead_hours_p50_finished_only"]) == (18, 10)
    assert row["lead_hours_p85"] == np.inf


def test_cycle_time_is_of_finished_tickets() -> None:
    row = one_row(summarise(table(), by="type"), "s3")
    assert (row["cycle_hours_p50"], row["business_cycle_hours_p50"]) == (4, 4)
    assert row["cycle_hours_p85"] == 4


def test_first_response_counts_who_got_none() -> None:
    frame = table()
    hours, is_over = first_responses(frame, "business_")
    assert hours.tolist() == [1, 8, 51, 19, 3, 8]
    assert is_over.tolist() == [True, True, False, False, False, False]
    row = one_row(summarise(frame, by="type"), "s3")
    assert (row["first_response_hours_p50"], row["business_first_response_hours_p50"]) == (8, 8)
    assert row["first_response_hours_p95"] == np.inf
    assert np.isnan(one_row(summarise(frame, by="type"), "vpn")["first_response_hours_p50"])  # nobody ever answered


def test_flow_efficiency_is_a_ratio_of_sums() -> None:
    row = one_row(summarise(table(), by="type"), "s3")
    # Active 4 of 8 and 2 of 28 hours; 4 of 8 and 2 of 12 in business time. A mean of ratios would say 0.286.
    assert row["flow_efficiency"] == pytest.approx(6 / 36)
    assert row["business_flow_efficiency"] == pytest.approx(6 / 20)


def test_time_waited_is_summed() -> None:
    frame = summarise(table(), by="type").set_index("group")
    # Of the second: 24 hours, and one more until it was finished again.
    assert frame["wait_hours"].to_dict() == pytest.approx(
        {"s3": 4 + 25 + 6 + 51, "vpn": 1, "(none)": np.nan}, nan_ok=True
    )
    assert frame.loc["s3", "business_wait_hours"] == 4 + 9 + 6 + 19


def test_unknown_is_not_zero() -> None:
    row = one_row(summarise(table(), by="type"), "(none)")
    assert (row["tickets"], row["waiting"], row["lead_hours_p50"], row["business_lead_hours_p50"]) == (1, 0, 8, 8)
    for name in ("queue_hours_p50", "queue_hours_p50_low", "cycle_hours_p50", "flow_efficiency", "wait_hours"):
        assert np.isnan(row[name]) and np.isnan(row[f"business_{name}"]), name


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (None, {"all": 6}),
        ("type", {"s3": 4, "(none)": 1, "vpn": 1}),
        ("project", {"NET": 3, "OPS": 3}),
        ("team", {"(none)": 2, "blue": 2, "red": 2}),
        ("priority", {"(none)": 2, "High": 2, "Low": 2}),
        ("week", {"2026-01-05": 3, "2026-01-12": 3}),
    ],
)
def test_groups_the_largest_first_and_weeks_in_order(by: Any, expected: dict[str, int]) -> None:
    frame = summarise(table(priority=["High", "Low", "Low", "", "High", ""]), by=by)
    assert list(zip(frame["group"], frame["tickets"], strict=True)) == list(expected.items())
    assert frame["open"].sum() == 2


def test_an_empty_name_and_a_missing_one_are_one_group() -> None:
    frame = table()
    frame["priority"] = pd.Categorical(["High", "Low", "Low", "", "High", None])
    summary = summarise(frame, by="priority")
    assert summary["group"].tolist() == ["(none)", "High", "Low"]


def test_a_week_is_utc_from_monday_to_sunday() -> None:
    frame = table_drawn(
        """
        | 4 23:59  | s3 | - | Open |
        | 5 00:00  | s3 | - | Open |
        | 11 23:59 | s3 | - | Open |
        """
    )
    summary = summarise(frame, by="week")
    assert summary[["group", "tickets"]].to_numpy().tolist() == [["2025-12-29", 1], ["2026-01-05", 2]]


def test_every_column_is_declared_and_every_declaration_has_its_column() -> None:
    columns = set(summarise(table())) - {"group"}
    stems = {re.sub(r"_p(85|95)", "_p50", re.sub(r"_(low|high|started_only|finished_only)$", "", it)) for it in columns}
    names = {figure.name for figure in FIGURES}
    assert {stem.removeprefix("business_") for stem in stems} == names
    assert len(names) == len(FIGURES)
    assert all(figure.unit and figure.meaning for figure in FIGURES)


def test_the_figures_that_were_asked_for_are_there_in_calendar_and_business_time() -> None:
    asked = {f"{name}_hours_p{share}" for name in ("queue", "lead") for share in (50, 85, 95)}
    asked |= {"first_response_hours_p50"}
    for by in (None, *GROUPINGS):
        frame = summarise(table(), by=by)
        assert {"tickets", "wip", "flow_efficiency", *asked} <= set(frame)
        assert {f"business_{name}" for name in asked} <= set(frame)


def test_hand_offs_and_reopenings_are_summed() -> None:
    frame = table().assign(hand_offs=pd.array([2, 0, 1, 0, 0, None], dtype="Int64"))
    assert summarise(frame)["hand_offs"].tolist() == [3]
    assert cells(summarise(frame, by="week"), "reopened") == [1, 0]


def test_no_tickets() -> None:
    empty = table().head(0)
    assert summarise(empty)["tickets"].tolist() == [0]
    for by in GROUPINGS:
        assert summarise(empty, by=by).empty


def test_a_grouping_that_is_none_is_refused() -> None:
    with pytest.raises(BadFrame, match="cannot be grouped by 'assignee'; allowed: type, project, team"):
        summarise(table(), by="assignee")  # type: ignore[arg-type]


def test_the_instant_is_the_measurements() -> None:
    later = table_of(drawn_tickets(QUEUE), now=moment("15 12:00"))
    assert summarise(later, by="type")["wait_hours"].iloc[0] == 4 + 25 + 6 + 75

"""Charts say what the frames say, and are written as real pictures. How they look was looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from analytics.charts import (
    MOST_GROUPS,
    Chart,
    ageing_chart,
    arrivals,
    cumulative_flow,
    queue_by_group,
    queue_trend,
    save,
    top_bars,
)
from analytics.classify import given
from analytics.clocks import CLASSES, Clocks
from analytics.flow import walk
from analytics.frames import Log
from analytics.summary import summarise
from analytics.top_records import TopReport
from analytics.top_requests import top_requests
from analytics.weeks import ageing, weekly
from tests.unit.drawn import STATUSES, drawn_tickets
from tests.unit.tables import CALENDAR, NOW, table_of

# fmt: off
QUEUE = """
| 5 09:00  | s3  | - | Open, 5 10:00 Working, 6 10:00 Fixed   |
| 6 09:00  | s3  | - | Open, 6 12:00 Working                  |
| 9 09:00  | vpn | - | Open, 12 09:00 Working, 13 09:00 Fixed |
| 12 09:00 | s3  | - | Open, 12 14:00 Review                  |
| 12 12:00 | s3  | - | Open                                   |
| 12 12:00 | dns | - | Open                                   |
"""
# fmt: on
TICKETS = drawn_tickets(QUEUE)
TABLE = table_of(TICKETS)
WALK = walk(Log.of_tickets(TICKETS), clocks=Clocks(STATUSES), calendar=CALENDAR, now=NOW)


def report_of(table: pd.DataFrame) -> TopReport:
    return top_requests(table, [given(one) for one in TICKETS[: len(table)]], handlers={"s3": "s3"}, now=NOW)


CHARTS: dict[str, Callable[[pd.DataFrame], Chart]] = {
    "queue trend": lambda table: queue_trend(weekly(table)),
    "queue trend by type": lambda table: queue_trend(weekly(table, by="type")),
    "queue by group": lambda table: queue_by_group(summarise(table, by="type")),
    "cumulative flow": lambda table: cumulative_flow(WALK.cumulative().head(len(table))),
    "ageing": lambda table: ageing_chart(ageing(table), summarise(table)),
    "arrivals": lambda table: arrivals(weekly(table)),
    "top bars": lambda table: top_bars(report_of(table)),
}


def rows_of(chart: Chart) -> list[dict[str, Any]]:
    """Of the largest frame that the chart holds."""
    frames: list[list[dict[str, Any]]] = list(chart.to_dict()["datasets"].values())
    return max(frames, key=len)


@pytest.mark.parametrize("name", CHARTS)
def test_pictures_are_written(name: str, tmp_path: Path) -> None:
    png, svg = save(CHARTS[name](TABLE), tmp_path / "charts", "one")
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR"
    if name != "queue trend by type":  # as large as its groups need
        assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (1800, 840)
    root = ElementTree.parse(svg).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = " ".join(text for text in root.itertext())
    assert "nothing to show" not in texts
    assert "hours" in texts or "days" in texts or "tickets" in texts


@pytest.mark.parametrize("name", CHARTS)
def test_a_frame_of_nothing_says_so(name: str, tmp_path: Path) -> None:
    _, svg = save(CHARTS[name](TABLE.head(0)), tmp_path, "none")
    assert "nothing to show" in svg.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHARTS)
def test_json_has_no_infinity(name: str) -> None:
    """Half of what was drawn still waits: percentiles are not reached."""
    json.dumps(CHARTS[name](TABLE).to_dict(), allow_nan=False)


def test_the_trend_marks_weeks_with_tickets_that_wait_and_leaves_out_what_is_not_reached() -> None:
    rows = rows_of(CHARTS["queue trend"](TABLE))
    of = {(row["week"][8:10], row["of"]): (row["hours"], row["settled"]) for row in rows}
    assert of["05", "half of the tickets"] == (3, "all started")
    assert of["12", "half of those that started"] == (5, "some still waiting")
    assert ("12", "half of the tickets") not in of


def test_by_group_the_figure_that_forgets_who_waits_stands_beside() -> None:
    rows = rows_of(CHARTS["queue by group"](TABLE))
    s3 = {(row["of"], row["counts"]): row["hours"] for row in rows if row["group"] == "s3"}
    assert s3["half of the tickets", "with those that wait"] == 3
    assert s3["85 % of the tickets", "started tickets only"] == pytest.approx(3 + 0.7 * 2)
    assert s3["85 % of the tickets", "not reached yet"] > 72  # at the edge
    assert {row["counts"] for row in rows if row["group"] == "dns"} == {"not reached yet"}


def test_only_the_largest_groups_are_drawn() -> None:
    summary = pd.concat([summarise(TABLE)] * 20, ignore_index=True)
    summary["group"], summary["tickets"] = [f"type {n}" for n in range(20)], range(20)
    assert {row["group"] for row in rows_of(queue_by_group(summary))} == {f"type {n}" for n in range(8, 20)}
    by_week = pd.concat([weekly(TABLE).assign(group=f"type {n}", arrived=n) for n in range(20)])
    assert len({row["group"] for row in rows_of(queue_trend(by_week))}) == MOST_GROUPS


def test_the_cumulative_flow_stacks_from_done_to_queue() -> None:
    chart = CHARTS["cumulative flow"](TABLE)
    rows = rows_of(chart)
    place = {row["class"]: row["place"] for row in rows}
    assert sorted(place, key=place.__getitem__) == ["done", "unknown", "requester", "blocked", "active", "queue"]
    assert set(place) == set(CLASSES)
    last = {row["class"]: row["tickets"] for row in rows if row["day"].startswith("2026-01-10")}
    assert (last["done"], last["active"], last["queue"]) == (1, 1, 1)


def test_years_are_thinned_and_end_today() -> None:
    days = pd.date_range("2010-01-01", periods=5000, tz="UTC")
    frame = pd.DataFrame({"day": days, **{name: np.arange(5000) for name in CLASSES}})
    rows = rows_of(cumulative_flow(frame))
    assert len(rows) < 5000  # more than Vega takes
    assert max(row["day"] for row in rows)[:10] == "2023-09-09"


def test_ages_are_days_and_lines_what_the_finished_took() -> None:
    chart = CHARTS["ageing"](TABLE).to_dict()
    dots, lines = sorted(chart["datasets"].values(), key=lambda rows: "line" in rows[0])
    assert [(row["key"], row["days"]) for row in dots] == [("OPS-2", 8.0), ("OPS-4", pytest.approx(46 / 24))]
    assert [row["days"] for row in lines] == pytest.approx([1, 1, 1], abs=0.05)
    none_finished = table_of([TICKETS[1]])
    assert len(ageing_chart(ageing(none_finished), summarise(none_finished)).to_dict()["layer"]) == 1


def test_arrivals_add_the_groups_up() -> None:
    both = [rows_of(arrivals(weekly(TABLE, by=by))) for by in (None, "type")]  # type: ignore[arg-type]
    assert both[0] == both[1]
    told = {(row["week"][8:10], row["tickets that"]): row["tickets"] for row in both[0]}
    assert (told["05", "arrived"], told["05", "finished"], told["05", "in progress"]) == (3, 1, 1)


def test_bars_are_the_ranking() -> None:
    report = report_of(TABLE)
    drawn = rows_of(top_bars(report))
    assert [(row["type"], row["hours"]) for row in drawn] == [
        (entry.request_type, entry.queue_business_hours) for entry in report.entries
    ]
    assert {row["served"] for row in drawn} == {"golden path", "people only"}

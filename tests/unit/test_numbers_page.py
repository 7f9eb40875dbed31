"""docs/how-the-numbers-are-made.md, computed again: every worked example, and the notebook as it stands there."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agent.tables import ClocksTable, Hours
from analytics.calendars import BusinessCalendar, office_hours
from analytics.clocks import Clocks
from analytics.cost import Assumptions, Load
from analytics.flow import measure
from analytics.frames import Log
from analytics.summary import FIGURES
from analytics.survival import percentiles
from tests.unit.drawn import moment, ticket
from tickets.ticket import Status, StatusCategory, StatusChange

PAGE = (Path(__file__).parents[2] / "docs" / "how-the-numbers-are-made.md").read_text(encoding="utf-8")
STATUSES = {
    "Open": StatusCategory.NEW,
    "In Progress": StatusCategory.IN_PROGRESS,
    "Waiting for customer": StatusCategory.IN_PROGRESS,
    "Done": StatusCategory.DONE,
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_ticket_of_the_example() -> None:
    names = ["Open", "In Progress", "Waiting for customer", "In Progress", "Done"]
    times = ["5 09:00", "5 11:00", "5 15:00", "6 10:00", "6 12:00"]
    steps = list(zip(names, names[1:], times[1:], strict=False))
    changes = tuple(
        StatusChange(str(n), moment(at), None, left, left, entered, entered)
        for n, (left, entered, at) in enumerate(steps)
    )
    one = ticket(1, created=times[0], present="Fixed", changes=changes)
    done = Status("Done", "Done", StatusCategory.DONE)
    values = {name: getattr(one, name) for name in one.__slots__} | {"status": done}
    log = Log.of_tickets([type(one)(**values)])
    table = measure(
        log,
        clocks=Clocks([Status(name, name, category) for name, category in STATUSES.items()]),
        calendar=office_hours(first=date(2026, 1, 1), last=date(2026, 1, 31)),
        now=moment("14 12:00"),
    )
    row = table.iloc[0]
    assert (row["queue_hours"], row["lead_hours"], row["cycle_hours"]) == (2, 27, 25)
    assert (row["active_hours"], row["wait_hours"]) == (6, 21)
    assert round(row["flow_efficiency"] * 100) == 22
    assert (row["business_lead_hours"], row["business_active_hours"]) == (11, 6)
    assert round(row["business_flow_efficiency"] * 100) == 55
    for words in ("Queue time is 2 hours, lead time 27, cycle time 25, active time 4 + 2 = 6", "6 / 27 = 22 %", "55 %"):
        assert words in PAGE


def test_the_queue_of_which_half_still_waits() -> None:
    hours = np.array([1, 2, 3, 4, 5, 6, 6, 6, 6, 6], dtype=float)
    found = percentiles(hours, np.arange(10) < 5)
    assert found.over_only[0, 0] == 3
    assert found.estimate[0, 0] == 5
    assert found.estimate[0, 1] == np.inf
    assert "those that\nstarted is 3 hours. Counting all, it is 5 hours" in PAGE


def test_the_teams_load() -> None:
    load = Load(datetime(2026, 1, 5, tzinfo=UTC), 4, 100, 100 * 0.5, 200.0 * 4, 0.0)
    assert round(load.ratio * 100) == 6
    assert not load.is_alarming
    assert "50 of 800 hours, or\n6 %" in PAGE


def test_the_waiting_avoided() -> None:
    assert np.median([2, 4, 8, 12, 16]) == 8
    assert (8 - 0.5) + (8 - 2) == 13.5
    assert "7.5 + 6 = 13.5" in PAGE


def test_the_notebook_runs_as_it_stands() -> None:
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(code, "the notebook", "exec"), names)
    groups = names["groups"]
    assert groups["tickets"].tolist() == [2]
    assert groups["queue_hours_p50"].tolist() == [2.0]
    assert names["tickets"]["queue_hours"].tolist() == [2.0, 8.0]
    assert set(names["statuses"]["status"]) == {"New", "Active", "Closed"}
    assert isinstance(names["tickets"], pd.DataFrame)


def test_the_settings_on_the_page_are_valid() -> None:
    clocks, calendars = blocks("toml")
    assert ClocksTable.model_validate(tomllib.loads(clocks)["clocks"]).projects["OPS"].finish == ("Closed",)
    told = tomllib.loads(calendars)
    munich = Hours.model_validate(told["calendars"]["munich"])
    calendar = BusinessCalendar("Europe/Berlin", munich.by_weekday, (), date(2026, 1, 1), date(2026, 12, 31))
    assert calendar.business_seconds_between(moment("5 00:00"), moment("6 00:00")) == 7 * 3600
    assert told["teams"]["payments"]["calendar"] == "munich"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_on_the_page(figure: Any) -> None:
    words = {
        "queue": "queue time",
        "lead": "lead time",
        "cycle": "cycle time",
        "first": "first response",
        "flow": "flow efficiency",
        "wait": "wait time",
        "wip": "work in progress",
        "reopened": "reopenings",
        "hand": "hand-offs",
        "tickets": "tickets",
        "open": "open",
        "waiting": "still wait",
    }
    assert words[figure.name.split("_")[0]] in PAGE.casefold()


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    assert ClocksTable().start == ("active", "requester", "blocked")
    assert Assumptions().hourly_cost == 75
    assert Assumptions().blocked_share == 0.3

"""The configuration that the sandbox writes says of its people what the sandbox knows of them."""

from __future__ import annotations

import tomllib
from datetime import time
from pathlib import Path
from typing import get_args

import pytest

from sandbox.configuration import configuration
from sandbox.site import GROUPS, HOLIDAYS_OF, OVERSEAS, TIME_ZONE
from sandbox.workday import CLOSES, OPENS
from sandbox.world import Deployment


@pytest.mark.parametrize("deployment", get_args(Deployment))
def test_the_calendars_are_those_that_the_people_keep(deployment: Deployment) -> None:
    text = configuration(
        jira_url="http://127.0.0.1:1",
        aws_url="http://127.0.0.1:2",
        agent_email="agent@sandbox.example",
        token_file=Path("token"),
        every_minutes=1,
        deployment=deployment,
    )
    told = tomllib.loads(text)
    hours = {"start": OPENS, "end": CLOSES}
    assert told["calendar"] == {"time_zone": TIME_ZONE, "holidays_of": HOLIDAYS_OF[TIME_ZONE], **hours}
    assert told["calendar"]["start"] == time(9)
    for team, table in told["teams"].items():
        zone = OVERSEAS.get(f"g-{team}", TIME_ZONE)
        calendar = told["calendars"][table["calendar"]] if "calendar" in table else told["calendar"]
        assert (calendar["time_zone"], calendar["holidays_of"]) == (zone, HOLIDAYS_OF[zone])
    assert {group.removeprefix("g-") for group in OVERSEAS} <= set(told["teams"])
    assert set(GROUPS) >= set(OVERSEAS)

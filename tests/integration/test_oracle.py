"""Every figure of the queue analytics against an oracle that walks each ticket's life in small steps.

A failing case prints what happened to the ticket, its rules and calendar, and what was expected and given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from analytics.calendars import BusinessCalendar
from analytics.clocks import Clocks, Rules
from analytics.flow import People, measure
from analytics.frames import Log
from tests.oracle import oracle
from tests.oracle.stories import Case, small_cases, stories
from tests.oracle.telling import COUNTS, FLAGS, INSTANTS, SHARES, flat, report
from tests.oracle.worlds import CATALOGUE, TOLD

TICKETS = 50  # in a world
SPREAD = range(40)
MANY = range(1000, 1400)


def measured(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The product's figures of cases of one world, named as the oracle's, None where unknown."""
    world = cases[0].world
    first = min(min(case.ticket.created_at for case in cases), world.now).date() - timedelta(days=2)
    last = world.now.date() + timedelta(days=2)

    def calendar(shop: oracle.Shop) -> BusinessCalendar:
        return BusinessCalendar(shop.zone, shop.hours, shop.holidays, first, last, days=shop.days)

    def rules(of: oracle.Rules) -> Rules:
        return Rules(of.start, of.finish, TOLD)

    table = measure(
        Log.of_tickets([case.ticket for case in cases]),
        clocks=Clocks(
            CATALOGUE, rules=rules(world.rules), projects={key: rules(own) for key, own in world.projects.items()}
        ),
        calendar=calendar(world.shop),
        now=world.now,
        people=People(
            team_of=world.team_of,
            calendars={team: calendar(shop) for team, shop in world.teams.items()},
            bots=world.bots,
        ),
    )
    durations = flat(cases[0].expected()).keys() - {*FLAGS, *INSTANTS, *COUNTS, *SHARES}
    return [_figures(row, durations) for row in table.to_dict("records")]


def _figures(row: dict[str, Any], durations: set[str]) -> dict[str, Any]:
    known = {name: None if pd.isna(value) else value for name, value in row.items()}
    figures = {name: bool(known[name]) for name in FLAGS}
    figures |= {name: known[name].to_pydatetime() if known[name] is not None else None for name in INSTANTS}
    figures |= {name: None if known[name] is None else float(known[name]) for name in (*COUNTS, *SHARES)}
    for name in durations:
        hours = known[f"{name}_hours"]
        figures[name] = None if hours is None else float(hours) * 3600
    return figures


def agree(cases: list[Case]) -> None:
    differing = report(cases, measured(cases))
    assert not differing, f"\n{differing}"


@pytest.mark.parametrize("seed", SPREAD)
def test_agrees_with_the_oracle(seed: int) -> None:
    agree(stories(seed, TICKETS))


@pytest.mark.soak
@pytest.mark.parametrize("seed", MANY)
def test_agrees_with_the_oracle_on_many_more(seed: int) -> None:
    agree(stories(seed, TICKETS))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(small_cases())
def test_agrees_on_small_stories(case: Case) -> None:
    agree([case])

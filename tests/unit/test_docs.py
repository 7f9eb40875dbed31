"""The docs keep up: commands exist, links lead somewhere, the worked example holds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.main import get_command

from agent import config
from agent.cli import app
from agent.report_view import READ
from agent.tables import ReportTable
from analytics.calendars import office_hours
from analytics.cost import Assumptions, costs
from analytics.nearest import NEAR
from analytics.ranking import FEWEST_WEEKS, RESAMPLES, TIE
from analytics.top_requests import WEEKS_TOLD

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    commands = getattr(get_command(app), "commands")  # noqa: B009 - typer's group is not typed
    for name in re.findall(r"(?:^|[`/ ])goldenpath ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert name in commands, f"{page.name} names `goldenpath {name}`"


def test_every_command_is_documented() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in getattr(get_command(app), "commands"):  # noqa: B009
        assert re.search(rf"\b{name}\b", text), f"`goldenpath {name}` is in no page"


def test_the_worked_example() -> None:
    calendar = office_hours(first=date(2026, 1, 1), last=date(2026, 12, 31))
    start, end = datetime(2026, 3, 6, 16, tzinfo=UTC), datetime(2026, 3, 9, 11, tzinfo=UTC)
    assert start.strftime("%A") == "Friday"
    assert (end - start).total_seconds() / 3600 == 67
    business = calendar.business_seconds_between(start, end) / 3600
    assert business == 3
    table = pd.DataFrame({"priority": ["Medium"], "business_queue_hours": [business]})
    assert costs(table, Assumptions(hourly_cost=75, blocked_share=0.3)).tolist() == pytest.approx([67.5])


def test_the_report_page_tells_the_constants_and_a_table_that_is_allowed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "the-top-3-report.md").read_text(encoding="utf-8")
    for words in (f"{RESAMPLES:,} times", f"more than {TIE:.0%}".replace("%", " %"), f"{WEEKS_TOLD}\nweeks"):
        assert words in page
    assert FEWEST_WEEKS == 8 and "fewer than eight weeks" in page
    assert f"Below {NEAR:g}" in page and f"newest {READ} tickets" in page
    (table,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / config.FILE_NAME).write_text(table, encoding="utf-8")
    told = config.load(tmp_path / config.FILE_NAME).report
    assert told is not None and told.model_fields_set == set(ReportTable.model_fields)


def test_two_working_days_are_sixteen_hours() -> None:
    calendar = office_hours(first=date(2026, 1, 1), last=date(2026, 12, 31))
    start, end = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 3, 17, tzinfo=UTC)
    assert calendar.business_seconds_between(start, end) == 16 * 3600

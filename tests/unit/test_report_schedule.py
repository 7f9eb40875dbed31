"""When a report is due, told by a clock of the test's own and by the files that are there."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import config
from agent.report_schedule import ReportSchedule, due_day, missing_files
from agent.tables import ReportTable
from tests.unit.reporting import JIRA, queue, view_of

BERLIN = "Europe/Berlin"


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def day(table: ReportTable, at: str, zone: str = "UTC") -> str:
    return f"{due_day(table, datetime.fromisoformat(at).replace(tzinfo=UTC), zone):%a %Y-%m-%d}"


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-11-23 06:59", "UTC", "Mon 2026-11-16"),
        ("2026-11-23 07:00", "UTC", "Mon 2026-11-23"),
        ("2026-11-25 00:00", "UTC", "Mon 2026-11-23"),
        ("2026-11-30 06:59", "UTC", "Mon 2026-11-23"),
        ("2026-11-23 06:00", BERLIN, "Mon 2026-11-23"),
        ("2026-11-22 23:30", BERLIN, "Mon 2026-11-16"),
        ("2026-03-30 05:00", BERLIN, "Mon 2026-03-30"),  # the night before, the clocks were changed
        ("2026-03-30 04:59", BERLIN, "Mon 2026-03-23"),
    ],
)
def test_weekly_on_mondays_from_seven_on(at: str, zone: str, expected: str) -> None:
    assert day(ReportTable(), at, zone) == expected


def test_other_days_and_daily() -> None:
    assert day(ReportTable(weekday=5, hour=0), "2026-11-23 12:00") == "Fri 2026-11-20"
    assert day(ReportTable(every="day", hour=18), "2026-11-23 17:59") == "Sun 2026-11-22"
    assert day(ReportTable(every="day", hour=18), "2026-11-23 18:00") == "Mon 2026-11-23"


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10 * 365 * 24 * 60).map(
        lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.integers(1, 7),
    st.integers(0, 23),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_the_day_is_past_and_not_older_than_its_period(now: datetime, weekday: int, hour: int, zone: str) -> None:
    weekly = due_day(ReportTable(weekday=weekday, hour=hour), now, zone)
    daily = due_day(ReportTable(every="day", hour=hour), now, zone)
    assert weekly.isoweekday() == weekday
    for found, most in ((weekly, timedelta(days=8)), (daily, timedelta(days=2))):
        assert timedelta(0) <= now - found < most
        assert due_day(ReportTable(weekday=weekday, hour=hour), now + timedelta(hours=1), zone) >= weekly


def test_what_is_missing_is_told_by_the_files(tmp_path: Path) -> None:
    table, now = ReportTable(formats=("html", "md", "html")), datetime(2026, 11, 24, tzinfo=UTC)
    names = [(file.name, form) for file, form in missing_files(table, tmp_path, now, "UTC")]
    assert names == [("top-requests-2026-11-23.html", "html"), ("top-requests-2026-11-23.md", "md")]
    (tmp_path / "top-requests-2026-11-23.html").touch()
    assert [form for _, form in missing_files(table, tmp_path, now, "UTC")] == ["md"]


def schedule(folder: Path, clock: Clock, table: str = "[report]\n") -> ReportSchedule:
    file = folder / config.FILE_NAME
    file.write_text(JIRA + table, encoding="utf-8")
    return ReportSchedule(config.load(file), clock=clock)


def test_a_report_is_written_once_for_each_week(tmp_path: Path) -> None:
    view_of(tmp_path, queue([("database", 40), ("s3-bucket", 9)]))
    clock = Clock(datetime(2026, 3, 18, 12, tzinfo=UTC))
    write = schedule(
        tmp_path, clock, '[report]\nfolder = "reports"\nformats = ["html", "text"]\ntop = 1\nsince = "52w"\n'
    )
    first = write()
    assert [file.name for file in first] == ["top-requests-2026-03-16.html", "top-requests-2026-03-16.txt"]
    assert "database" in first[1].read_text(encoding="utf-8")
    assert "2. s3-bucket" not in first[1].read_text(encoding="utf-8")
    before = [os.stat(file).st_mtime_ns for file in first]
    assert write() == []
    clock.at += timedelta(days=2)
    again = schedule(tmp_path, clock, '[report]\nformats = ["html", "text"]\n')  # a restart
    assert again() == []
    assert [os.stat(file).st_mtime_ns for file in first] == before
    clock.at += timedelta(days=3)
    assert [file.name for file in again()] == ["top-requests-2026-03-23.html", "top-requests-2026-03-23.txt"]
    assert len(list((tmp_path / "reports").iterdir())) == 4
    assert again.failures == 0


def test_without_the_table_nothing_is_written(tmp_path: Path) -> None:
    view_of(tmp_path, queue([("database", 40)]))
    before = sorted(tmp_path.iterdir())
    assert schedule(tmp_path, Clock(datetime(2026, 3, 18, tzinfo=UTC)), "")() == []
    assert sorted(tmp_path.iterdir()) == before


def test_what_fails_is_told_counted_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock(datetime(2026, 3, 18, tzinfo=UTC))
    write = schedule(tmp_path, clock)
    assert write() == []  # nothing was synced yet
    assert "there are no tickets yet" in caplog.text and "the next cycle tries again" in caplog.text
    view_of(tmp_path, queue([("database", 40)]))
    assert not (tmp_path / "reports").exists()
    (tmp_path / "reports").write_text("a file")
    assert write() == []
    assert f"report.folder {tmp_path / 'reports'} cannot be made" in caplog.text
    assert write.failures == 2
    (tmp_path / "reports").unlink()
    assert [file.name for file in write()] == ["top-requests-2026-03-16.html"]


def test_a_folder_that_is_missing_above_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    view_of(tmp_path, queue([("database", 40)]))
    write = schedule(tmp_path, Clock(datetime(2026, 3, 18, tzinfo=UTC)), '[report]\nfolder = "a/b"\n')
    assert write() == []
    assert f"there is no folder {tmp_path / 'a'}" in caplog.text

"""Reports on real exports: sane, and nothing invented. Skipped where the shared data is absent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from analytics.calendars import office_hours
from analytics.classify import given
from analytics.clocks import Clocks
from analytics.flow import measure
from analytics.frames import Log
from analytics.top_records import TopReport
from analytics.top_requests import top_requests
from analytics.weeks import weekly
from tickets.exports import read_export
from tickets.ticket import Ticket

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def read(name: str) -> list[Ticket]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is absent: the real exports are not part of the project")
    records = list(read_export(path))
    tickets = [record for record in records if isinstance(record, Ticket)]
    assert len(tickets) == len(records)
    return tickets


def reported(tickets: Sequence[Ticket]) -> tuple[pd.DataFrame, TopReport, datetime]:
    now = max(ticket.updated_at for ticket in tickets)
    first = min(ticket.created_at for ticket in tickets)
    week = timedelta(days=7)
    calendar = office_hours(first=(first - week).date(), last=(now + week).date())
    log = Log.of_tickets(tickets)
    flow = measure(log, clocks=Clocks(log.catalogue()), calendar=calendar, now=now)
    in_order = sorted(tickets, key=lambda ticket: (ticket.site, ticket.id))
    return flow, top_requests(flow, [given(ticket) for ticket in in_order], handlers={}, now=now), now


def test_cloud_issues_with_history() -> None:
    tickets = read("jira_cloud_issues_with_changelog.jsonl.gz")
    flow, report, now = reported(tickets)
    assert len(flow) == 33
    assert flow["has_history"].all()
    assert (flow["is_open"].sum(), flow["queue_is_open"].sum()) == (3, 3)  # To Do, never moved
    assert flow["queue_hours"].notna().all()
    assert (flow["queue_hours"] >= 0).all()
    assert (flow["business_queue_hours"] <= flow["queue_hours"] + 1e-9).all()
    assert flow["lead_hours"].notna().sum() == 30
    done = flow.dropna(subset="lead_hours")
    assert (done["lead_hours"] - done["queue_hours"] - done["cycle_hours"]).abs().max() < 1e-9
    # EE-1: created 00:13:13.360, in development 03:38:39.785 (UTC); closed on the 19th, moved on in 2021.
    one = flow.set_index("key").loc["EE-1"]
    assert one["queue_hours"] == pytest.approx((3 * 3600 + 25 * 60 + 26.425) / 3600)
    assert one["finished_at"] == pd.Timestamp("2020-06-19T06:31:18.526Z")
    assert (flow["finished_at"].dropna() <= now).all()
    assert report.ranked_by == "queue"
    assert report.grouped_by == "ticket_type"
    assert sum(report.apart.values()) + report.service_requests == 33
    assert report.apart == {"bugs": 1, "incidents": 0, "questions": 0, "project work": 11}
    assert {entry.request_type for entry in report.entries} == {"任务", "子任务", "Test Execution"}
    assert weekly(flow)["arrived"].sum() == 33


def test_server_issues_without_history() -> None:
    tickets = read("jira_server_issues.jsonl.gz")
    flow, report, _ = reported(tickets)
    assert len(flow) == 6456
    for column in ("queue_hours", "business_queue_hours", "cycle_hours", "started_at"):
        assert flow[column].isna().all(), column
    assert not flow["queue_is_open"].any()
    assert flow["lead_hours"].notna().sum() == 5460
    assert flow["is_open"].sum() == 943 + 49 + 4
    weeks = weekly(flow)
    assert (weeks["arrived"].sum(), weeks["finished"].sum(), weeks["started"].sum()) == (6456, 5460, 0)
    assert not weeks["wip"].any()
    assert weeks["queue_hours_p50"].isna().all()
    assert report.ranked_by == "lead"
    assert report.queue_business_hours is None
    assert all(entry.queue_hours_p50 is None and entry.cost_of_waiting is None for entry in report.entries)
    assert [entry.request_type for entry in report.entries] == ["Sub-task", "Task", "Wish"]
    assert report.apart == {"bugs": 2192, "incidents": 0, "questions": 0, "project work": 2700 + 665}
    assert "no request types in this export; grouped by ticket type" in report.caveats
    assert "no history in 899 of 899 tickets: queue time unknown" in report.caveats

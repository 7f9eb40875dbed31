"""The ranking on tables drawn by hand. Working hours are 9 to 17 UTC; the 5th is a Monday."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from analytics.classify import given
from analytics.cost import Assumptions
from analytics.top_records import TopReport
from analytics.top_requests import top_requests
from tests.unit.drawn import drawn_tickets, moment, ticket
from tests.unit.reporting import MONDAY, request
from tests.unit.tables import NOW, table_of, with_fields
from tickets.ticket import Classification, RequestType, Ticket

HANDLERS = {"s3-bucket": "s3-bucket"}
MONEY = Assumptions(hourly_cost=100.0, blocked_share=0.5, currency="EUR")

# fmt: off
QUEUE = """
| 5 09:00 | s3-bucket      | - | Open, 5 13:00 Working, 5 16:00 Fixed |
| 6 09:00 | s3-bucket      | - | Open, 7 09:00 Working                |
| 7 09:00 | redis-instance | - | Open                                 |
| 8 09:00 | new-repository | - | Open, 8 10:00 Working                |
| 8 09:00 | new-repository | - | Open, 8 10:00 Working                |
| 8 09:00 | new-repository | - | Open, 8 11:00 Working                |
| 9 09:00 | bug            | - | Open                                 |
| 9 09:00 | vpn-access     | - | Open, 9 09:30 Fixed                  |
"""
# fmt: on


def report_of(
    tickets: list[Ticket], classifications: list[Classification | None] | None = None, **settings: object
) -> TopReport:
    now = settings.get("now", NOW)
    assert isinstance(now, datetime)
    flow = table_of(tickets, now=now)
    types = [given(one) for one in tickets] if classifications is None else classifications
    options = {"handlers": HANDLERS, "now": NOW, "assumptions": MONEY} | settings
    return top_requests(flow, types, **options)  # type: ignore[arg-type]


def test_ranks_by_waiting_and_not_by_number() -> None:
    report = report_of(drawn_tickets(QUEUE))
    first, second, third = report.entries
    # One open ticket: the 7th 9:00 to the 14th 12:00 is five working days and three hours.
    assert (first.request_type, first.queue_business_hours) == ("redis-instance", 43.0)
    assert (second.request_type, second.queue_business_hours) == ("s3-bucket", 4.0 + 8.0)
    assert (third.request_type, third.queue_business_hours) == ("new-repository", 1.0 + 1.0 + 2.0)
    assert [entry.rank for entry in report.entries] == [1, 2, 3]
    assert report.request_types == 4
    assert report.queue_business_hours == 43.0 + 12.0 + 4.0 + 0.5
    assert first.share_of_queue == pytest.approx(43.0 / 59.5)


def test_each_entry_carries_its_evidence() -> None:
    report = report_of(drawn_tickets(QUEUE))
    redis, bucket, repository = report.entries
    assert (bucket.tickets, bucket.measured, bucket.open, bucket.predicted) == (2, 2, 1, 0)
    assert bucket.queue_hours_p50 == 14.0  # of 4 and 24 hours of calendar time
    assert bucket.queue_hours_p85 == pytest.approx(4 + 0.85 * 20)
    assert (redis.queue_hours_p50, redis.queue_hours_p85) == (np.inf, np.inf)  # the only one still waits
    assert bucket.cost_of_waiting == 12.0 * 100 * 0.5
    assert bucket.handler == "s3-bucket"
    assert redis.handler is None
    assert bucket.exemplars == ("OPS-2", "OPS-1")
    assert repository.exemplars == ("OPS-6", "OPS-4", "OPS-5")


def test_bugs_are_counted_apart() -> None:
    tickets = [
        *drawn_tickets(QUEUE),
        ticket(20, ticket_type="Incident"),
        ticket(21, ticket_type="Story"),
        ticket(22, ticket_type="Question"),
        ticket(23, ticket_type="Task"),
    ]
    report = report_of(tickets)
    assert report.apart == {"bugs": 1, "incidents": 1, "questions": 1, "project work": 1}
    assert report.unclassified == 1
    assert report.service_requests == 7
    assert "1 tickets carry no request type and are not ranked" in report.caveats
    assert not {"bug", "incident", "project-work"} & {entry.request_type for entry in report.entries}


def test_a_sites_own_catalogue_says_what_is_no_request() -> None:
    own = {"redis-instance": RequestType("redis-instance", "Redis", "incident")}
    report = report_of(drawn_tickets(QUEUE), types=own)
    assert report.entries[0].request_type == "s3-bucket"
    assert report.apart["incidents"] == 1


def test_tickets_without_history_are_said_and_never_guessed() -> None:
    report = report_of(
        drawn_tickets(
            """
            | 5 09:00 | s3-bucket      | -        | Open, 5 13:00 Working |
            | 5 09:00 | redis-instance | 14 09:00 | ?Fixed                |
            """
        )
    )
    bucket, redis = report.entries
    assert report.ranked_by == "queue"
    assert (redis.queue_business_hours, redis.queue_hours_p50, redis.share_of_queue) == (None, None, None)
    assert redis.cost_of_waiting is None
    assert redis.lead_business_hours == 56.0
    assert bucket.share_of_queue == 1.0
    assert "no history in 1 of 2 tickets: queue time unknown" in report.caveats


def test_without_any_history_lead_time_ranks() -> None:
    report = report_of(
        drawn_tickets(
            """
            | 5 09:00  | s3-bucket      | 6 09:00 | ?Fixed |
            | 12 09:00 | redis-instance | -       | ?Open  |
            """
        )
    )
    assert report.ranked_by == "lead"
    assert [(e.request_type, e.lead_business_hours) for e in report.entries] == [
        ("redis-instance", 19),
        ("s3-bucket", 8),
    ]
    assert report.queue_business_hours is None
    assert report.entries[0].share_of_lead == pytest.approx(19 / 27)
    assert any("ranked by lead time" in caveat for caveat in report.caveats)


def test_a_few_known_queue_times_do_not_rank_the_rest() -> None:
    known = drawn_tickets(QUEUE)[:2]
    unknown = [replace(one, id=one.id + 1000, status_changes=None) for one in drawn_tickets(QUEUE)[2:6]]
    report = report_of([*known, *unknown])
    assert report.ranked_by == "lead"
    assert any("queue time is known for 2 of 6 tickets" in caveat for caveat in report.caveats)
    assert report_of([*known, *unknown[:2]]).ranked_by == "queue"


def test_without_request_types_the_tickets_own_types_group() -> None:
    tickets = [
        ticket(1, ticket_type="Task", resolved="5 12:00", present="Fixed", changes=None),
        ticket(2, ticket_type="Wish", resolved="5 17:00", present="Fixed", changes=None),
        ticket(3, ticket_type="Bug", resolved="9 17:00", present="Fixed", changes=None),
        ticket(4, ticket_type="Improvement", resolved="9 17:00", present="Fixed", changes=None),
    ]
    guesses = [Classification("bug", "predicted", 0.9) for _ in tickets]
    report = report_of(tickets, list(guesses))
    assert report.grouped_by == "ticket_type"
    assert [(e.request_type, e.lead_business_hours, e.handler) for e in report.entries] == [
        ("Wish", 8, None),
        ("Task", 3, None),
    ]
    assert report.apart == {"bugs": 1, "incidents": 0, "questions": 0, "project work": 1}
    assert report.caveats[0] == "no request types in this export; grouped by ticket type"
    assert "there are only 2 types of service requests" in report.caveats


def test_since_leaves_older_tickets_out() -> None:
    report = report_of(drawn_tickets(QUEUE), since=moment("8 00:00"))
    assert [entry.request_type for entry in report.entries] == ["new-repository", "vpn-access"]


def test_predictions_are_counted() -> None:
    tickets = [*drawn_tickets(QUEUE)[:2]]
    both = [Classification("s3-bucket", "predicted", 0.8), given(tickets[1])]
    report = report_of(tickets, both)
    assert report.entries[0].predicted == 1
    assert "the type of 1 of 2 service requests was predicted from their text" in report.caveats


def test_no_tickets_is_a_report_too() -> None:
    report = report_of([])
    assert report.entries == ()
    assert report.caveats == ("there are no service requests among these tickets",)
    assert json.loads(json.dumps(report.to_json()))["entries"] == []


def test_json_is_plain_and_defines_its_figures() -> None:
    document = json.loads(json.dumps(report_of(drawn_tickets(QUEUE)).to_json()))
    entry = document["entries"][0]
    asked = {"request_type", "tickets", "queue_hours_p50", "queue_hours_p85", "share_of_queue", "handler"}
    assert asked <= set(entry)
    assert document["as_of"] == "2026-01-14T12:00:00+00:00"
    assert document["assumptions"] == MONEY.to_json()
    for figure in document["definition"]:
        assert figure in entry
    assert "creation to the start" in document["definition"]["queue_business_hours"]


def test_each_ticket_needs_its_classification() -> None:
    with pytest.raises(ValueError, match="8 tickets, but 1 classifications"):
        report_of(drawn_tickets(QUEUE), [None])


def test_cost_goes_by_each_tickets_priority() -> None:
    tickets = with_fields(drawn_tickets(QUEUE)[:2], priority=["Highest", "Low"])
    by_priority = replace(MONEY, blocked_shares={"highest": 1.0})
    (bucket,) = (report := report_of(tickets, assumptions=by_priority)).entries
    assert bucket.cost_of_waiting == report.cost_of_waiting == 4 * 100 * 1.0 + 8 * 100 * 0.5


def test_the_whole_queues_percentiles_count_who_still_waits() -> None:
    report = report_of(drawn_tickets(QUEUE))
    # 0.5, 1, 1, 2, 4 and 24 hours, and one that waits since 171.
    assert (report.queue_hours_p50, report.queue_hours_p85) == (2, 24)
    half = report_of([one for one in drawn_tickets(QUEUE) if one.id in (1, 3)])
    assert (half.queue_hours_p50, half.queue_hours_p85) == (4, np.inf)


def test_a_percentile_that_is_not_reached_is_null_in_json() -> None:
    report = report_of(drawn_tickets(QUEUE)[2:3])
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert (report.queue_hours_p50, document["queue_hours_p50"]) == (np.inf, None)
    assert document["entries"][0]["queue_hours_p85"] is None
    assert document["entries"][0]["queue_business_hours"] == 43


def test_entries_are_frozen_values() -> None:
    report = report_of(drawn_tickets(QUEUE))
    assert asdict(report)["entries"][0]["rank"] == 1


def test_ranks_by_hands_on_time_or_by_number() -> None:
    tickets = with_fields(drawn_tickets(QUEUE), worklog_seconds=[3600, None, 36_000, None, None, None, None, None])
    own = replace(MONEY, minutes={"new-repository": 120.0})
    touch = report_of(tickets, rank_by="touch", assumptions=own)
    told = {entry.request_type: entry for entry in touch.entries}
    assert [(entry.request_type, entry.touch_hours) for entry in touch.entries] == [
        ("redis-instance", 10),
        ("new-repository", 6),
        ("s3-bucket", 1.5),
    ]
    assert touch.ranked_by == "touch"
    assert touch.touch_hours == 18
    assert (told["s3-bucket"].touch_measured, told["new-repository"].touch_measured) == (pytest.approx(1 / 1.5), 0)
    assert told["redis-instance"].share_of_touch == pytest.approx(10 / 18)
    count = report_of(tickets, rank_by="count")
    assert [(entry.request_type, entry.tickets) for entry in count.entries] == [
        ("new-repository", 3),
        ("s3-bucket", 2),
        ("redis-instance", 1),
    ]
    assert count.entries[0].ranking_figure(count.ranked_by) == (3, pytest.approx(3 / 7))


def test_what_the_agent_fulfilled_took_no_hands() -> None:
    tickets = drawn_tickets(QUEUE)
    report = report_of(tickets, rank_by="touch", is_automated=np.array([True] + [False] * 7))
    assert {entry.request_type: entry.touch_hours for entry in report.entries}["s3-bucket"] == 0.5


def weeks_of(*plans: tuple[str, list[float]]) -> list[Ticket]:
    """A ticket of each type a week, that waits so many hours."""
    made = [(week, kind, hours) for kind, waits in plans for week, hours in enumerate(waits)]
    return [request(1 + n, kind, week=week, waited=hours) for n, (week, kind, hours) in enumerate(made)]


def test_how_sure_the_ranking_is() -> None:
    tickets = weeks_of(("a", [8] * 12), ("b", [2] * 12), ("c", [2] * 12), ("d", [1] * 12))
    report = report_of(tickets, count=2, now=MONDAY + timedelta(weeks=13))
    first, second = report.entries
    assert (first.probability_in_top, first.rank_low, first.rank_high, first.tied_with) == (1.0, 1, 1, ())
    assert second.probability_in_top == pytest.approx(0.5, abs=0.06)  # c is its equal
    assert (second.rank_low, second.rank_high, second.tied_with) == (2, 3, (3,))
    assert report.caveats == ()


def test_of_few_weeks_it_is_not_told() -> None:
    report = report_of(weeks_of(("a", [8] * 7), ("b", [2] * 7)), now=MONDAY + timedelta(weeks=8))
    assert {entry.probability_in_top for entry in report.entries} == {None}
    assert {entry.tied_with for entry in report.entries} == {()}
    assert "the requests are of 7 weeks; how sure the ranking is can be told from 8 weeks on" in report.caveats


def test_each_type_has_its_trend_and_its_weeks() -> None:
    tickets = [
        request(1 + n, "s3-bucket", week=n // 3, waited=30.0 + n % 3 if n < 24 else 2.0 + n % 3) for n in range(48)
    ]
    now = MONDAY + timedelta(weeks=16, days=1)
    (bucket,) = report_of(tickets, now=now, since=now - timedelta(weeks=5)).entries
    assert bucket.tickets == 12  # of the period
    assert (bucket.trend.verdict, bucket.trend.before, bucket.trend.recent) == ("shorter", 31, 3)
    assert len(bucket.weeks) == 26
    told = [(week.tickets, week.queue_hours_p50) for week in bucket.weeks]
    assert told[:9] == [(0, None)] * 9
    assert (told[9], told[-2], told[-1]) == ((3, 31), (3, 3), (0, None))
    assert bucket.weeks[-1].week == MONDAY.replace(hour=0) + timedelta(weeks=16)


def test_who_waited_longest_is_named_with_site_and_id() -> None:
    bucket = report_of(drawn_tickets(QUEUE)).entries[1]
    told = [(one.site, one.ticket_id, one.key, one.waited_business_hours, one.is_open) for one in bucket.longest]
    assert told == [("jira.test", 2, "OPS-2", 8.0, True), ("jira.test", 1, "OPS-1", 4.0, False)]


def test_the_order_of_the_tickets_changes_nothing() -> None:
    tickets = weeks_of(("a", [8, 1] * 6), ("b", [2, 6] * 6), ("c", [2, 5] * 6))
    flow, now = table_of(tickets, now=MONDAY + timedelta(weeks=13)), MONDAY + timedelta(weeks=13)
    types = [given(one) for one in tickets]
    turned = flow.iloc[::-1]
    plain, other = (
        top_requests(frame, told, handlers={}, now=now).to_json()
        for frame, told in ((flow, types), (turned, types[::-1]))
    )
    assert plain == other

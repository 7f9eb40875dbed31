"""The oracle of the queue analytics against stories that were worked out by hand, so that a wrong oracle is caught.

The figures in these tests are hours unless they say otherwise. 5 January 2026 is a Monday.
"""

from __future__ import annotations

from tests.oracle.by_hand import CLASSES, KIM, ROSA, SAM, figures, hours, on, stays
from tests.oracle.oracle import SECOND, Rules, micros
from tests.oracle.stories import comment, hand_overs
from tickets.ticket import Person


def test_a_simple_ticket() -> None:
    got = figures("Open, 5 11:00 Work, 5 14:00 Ask, 5 15:00 Work, 6 10:00 Done")
    assert hours(got, "queue", "lead", "cycle", "wait", "active") == [2, 25, 23, 3, 22]
    assert hours(got, "business_queue", "business_lead", "business_cycle") == [2, 9, 7]
    assert hours(got, "business_wait", "business_active") == [3, 6]
    assert stays(got) == {"queue": 2, "active": 22, "requester": 1}
    assert (got.flow_efficiency, got.business_flow_efficiency) == (22 / 25, 6 / 9)
    assert (got.is_open, got.queue_is_open, got.reopenings) == (False, False, 0)
    assert (got.started_at, got.finished_at) == (on("5 11:00"), on("6 10:00"))
    assert hours(got, "age", "wip_age") == [None, None]


def test_two_working_days_are_sixteen_hours() -> None:
    assert hours(figures("Open, 12 17:00 Done", created="9 09:00", now="20 09:00"), "business_lead", "lead") == [
        16,
        80,
    ]


def test_a_reopening_voids_the_earlier_finish() -> None:
    got = figures("Open, 5 10:00 Work, 5 12:00 Done, 6 12:00 Open, 6 15:00 Work, 6 16:00 Closed, 6 18:00 Done")
    assert hours(got, "queue", "lead", "cycle") == [1, 31, 30]
    assert stays(got) == {"queue": 4, "active": 3, "done": 24}
    assert (got.finished_at, got.reopenings) == (on("6 16:00"), 1)


def test_a_skipped_queue_starts_when_it_is_created() -> None:
    got = figures("Work, 5 12:00 Done")
    assert hours(got, "queue", "lead", "cycle", "wait") == [0, 3, 3, 0]
    assert got.flow_efficiency == 1


def test_straight_to_done_starts_as_it_finishes() -> None:
    got = figures("Open, 5 12:00 Done")
    assert hours(got, "queue", "lead", "cycle") == [3, 3, 0]
    assert stays(got) == {"queue": 3}


def test_straight_to_done_then_reopened_keeps_its_start() -> None:
    got = figures("Open, 5 12:00 Done, 5 16:00 Open", now="5 20:00")
    assert got.started_at == on("5 12:00")
    assert hours(got, "queue", "age", "wip_age", "lead", "cycle") == [3, 11, 8, None, None]
    assert stays(got) == {"queue": 7, "done": 4}
    assert (got.is_open, got.queue_is_open, got.reopenings) == (True, False, 1)


def test_an_open_ticket_waits_till_now() -> None:
    got = figures("Open", now="6 10:00")
    assert hours(got, "queue", "business_queue", "age", "business_age", "wip_age") == [25, 9, 25, 9, None]
    assert (got.is_open, got.queue_is_open, got.started_at) == (True, True, None)
    assert got.flow_efficiency is None


def test_without_history_only_the_whole_is_known() -> None:
    got = figures(None, present="Done", resolved="5 12:00")
    assert hours(got, "lead", "business_lead", "queue", "cycle", "in_queue", "wait", "active") == [3, 3] + [None] * 5
    assert (got.has_history, got.started_at, got.reopenings, got.hand_offs, got.bounces) == (False, *[None] * 4)
    waiting = figures(None, present="Open", now="5 12:00")
    assert hours(waiting, "age", "queue", "wip_age") == [3, None, None]
    assert not waiting.queue_is_open


def test_finished_without_a_known_end() -> None:
    got = figures("Open, 5 10:00 Work", present="Done")
    assert (got.is_open, got.finished_at, got.started_at) == (False, None, on("5 10:00"))
    assert hours(got, "queue", "lead", "cycle", "age", "in_queue", "active") == [1, None, None, None, None, None]


def test_a_history_that_leads_elsewhere_ends_when_it_was_resolved() -> None:
    got = figures("Open, 5 10:00 Work, 5 13:00 Ask", present="Done", resolved="5 12:00")
    assert hours(got, "queue", "lead", "cycle") == [1, 3, 2]
    assert stays(got) == {"queue": 1, "active": 2}
    late = figures("Open, 5 14:00 Work", present="Done", resolved="5 12:00")
    assert (hours(late, "queue", "cycle"), late.started_at) == ([3, 0], on("5 12:00"))


def test_an_unknown_status_is_finished_where_it_is_resolved() -> None:
    got = figures("Open, 5 10:00 Limbo", resolved="5 13:00")
    assert hours(got, "lead", "queue", "cycle") == [4, 4, 0]
    assert stays(got) == {"queue": 1, "unknown": 3}
    still = figures("Open, 5 10:00 Limbo", now="5 13:00")
    assert (still.is_open, still.queue_is_open, stays(still)) == (True, True, {"queue": 1, "unknown": 3})


def test_a_change_in_the_future_happens_now() -> None:
    got = figures("Open, 5 20:00 Work", now="5 12:00")
    assert (got.started_at, got.queue_is_open) == (on("5 12:00"), False)
    assert hours(got, "queue", "wip_age", "in_queue", "in_active") == [3, 0, 3, 0]
    born_later = figures("Open, 5 20:00 Work", created="5 13:00", now="5 12:00")
    assert (born_later.requested_at, *hours(born_later, "age", "queue")) == (on("5 13:00"), 0, 0)


def test_a_change_before_creation_happens_at_creation() -> None:
    got = figures("Open, 5 08:00 Work, 5 10:00 Done")
    assert hours(got, "queue", "lead", "in_queue", "in_active") == [0, 1, 0, 1]


def test_equal_instants_keep_their_order() -> None:
    got = figures("Open, 5 10:00 Work, 5 10:00 Stuck, 5 12:00 Done")
    assert stays(got) == {"queue": 1, "blocked": 2}
    assert hours(got, "queue", "wait") == [1, 3]


def test_a_microsecond_counts() -> None:
    got = figures("Open, 5 10:00:00.000001 Work, 5 10:00:00.000003 Done")
    assert got.seconds["in_queue"] == 3600.000001
    assert got.seconds["in_active"] == 0.000002


def test_rules_name_statuses_and_classes() -> None:
    rules = Rules(CLASSES, start=("Ask",), finish=("Shipped",))
    got = figures("Open, 5 10:00 Work, 5 11:00 Ask, 5 12:00 Shipped, 5 13:00 Done", rules=rules)
    assert hours(got, "queue", "lead", "cycle") == [2, 3, 1]
    assert stays(got) == {"queue": 1, "active": 1, "requester": 1}
    unfinished = figures("Open, 5 10:00 Work, 5 13:00 Done", rules=rules, now="5 15:00")
    assert (unfinished.is_open, stays(unfinished)) == (True, {"queue": 1, "active": 3, "done": 2})
    delayed = figures("Open, 5 10:00 Done, 5 13:00 Shipped, 5 14:00 Done", rules=rules)
    assert (delayed.finished_at, stays(delayed)) == (on("5 13:00"), {"queue": 1, "done": 3})
    assert figures("Open, 5 10:00 Shipped, 5 11:00 Done, 5 12:00 Open", rules=rules).reopenings == 0


def test_rules_know_a_renamed_status() -> None:
    rules = Rules({**CLASSES, "Fixed": "done"}, finish=("Closed",), renamed={"Fixed": "Closed"})
    got = figures("Open, 5 10:00 Done, 5 11:00 Fixed, 5 12:00 Closed", rules=rules)
    assert got.finished_at == on("5 11:00")


def test_the_first_response_is_a_persons() -> None:
    bot, app = KIM, Person("a", "Automation", "app")
    said = (
        comment(1, micros(on("5 09:10")), ROSA),
        comment(2, micros(on("5 09:20")), app),
        comment(3, micros(on("5 09:30")), bot),
        comment(4, micros(on("5 09:40")), None),
        comment(5, micros(on("5 10:00")), SAM, is_public=False),
        comment(6, micros(on("5 18:00")), SAM),
    )
    got = figures("Open", comments=said)
    assert hours(got, "first_response", "business_first_response") == [9, 8]
    assert hours(figures("Open", comments=said[:5]), "first_response") == [None]


def test_hand_offs_skip_nobody_and_bounces_come_back() -> None:
    names = ["", "Sam", "", "Sam", "Kim", "Kim", "Ada", "Sam"]
    held = hand_overs(names, [micros(on("5 10:00")) + n * SECOND for n in range(7)])
    got = figures("Open", held=held)
    assert (got.hand_offs, got.bounces) == (3, 1)
    nobody = figures("Open", held=hand_overs(["", "Sam"], [micros(on("5 10:00"))]))
    assert (nobody.hand_offs, nobody.bounces) == (0, 0)

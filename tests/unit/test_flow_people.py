"""Who answered first, who held a ticket, and whose working hours count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from itertools import pairwise

import pytest

from analytics.calendars import BusinessCalendar
from analytics.flow import People
from tests.unit.drawn import drawn_tickets, moment, ticket
from tests.unit.flowing import cells, flow_of
from tickets.ticket import Comment, FieldChange, Person, Ticket

ADA, GRACE, LINUS = (Person(name.casefold(), name) for name in ("Ada", "Grace", "Linus"))
ROBOT = Person("robot", "Robot")
APP = Person("app", "Automation", "app")
CUSTOMER = Person("customer", "Kunde", "customer")


def comment(at: str, author: Person | None, *, is_public: bool = True) -> Comment:
    return Comment(at, author, moment(at), moment(at), author, "", "", is_public=is_public)


def asked_by_ada(*comments: Comment) -> Ticket:
    return replace(ticket(1), reporter=ADA, comments=comments)


@pytest.mark.parametrize(
    ("comments", "hours", "business_hours"),
    [
        ((), None, None),
        ((comment("5 11:00", GRACE),), 2, 2),
        ((comment("6 11:00", GRACE), comment("5 12:00", LINUS)), 3, 3),  # whichever was first
        ((comment("5 10:00", ADA), comment("6 09:00", GRACE)), 24, 8),  # the requester adds something
        ((comment("5 10:00", APP), comment("5 13:00", GRACE)), 4, 4),
        ((comment("5 10:00", CUSTOMER), comment("5 13:00", GRACE)), 4, 4),
        ((comment("5 10:00", ROBOT), comment("5 13:00", GRACE)), 4, 4),  # a bot with a person's account
        ((comment("5 10:00", None), comment("5 13:00", GRACE)), 4, 4),
        ((comment("5 10:00", GRACE, is_public=False), comment("5 14:00", LINUS)), 5, 5),  # a colleague's note
        ((comment("5 10:00", ROBOT), comment("5 11:00", None), comment("5 12:00", ADA)), None, None),
        ((comment("4 10:00", GRACE),), 0, 0),  # before the creation, by a clock that is wrong
        ((comment("20 10:00", GRACE),), 219, 59),  # later than now
    ],
)
def test_first_response(comments: tuple[Comment, ...], hours: float | None, business_hours: float | None) -> None:
    flow = flow_of([asked_by_ada(*comments)], people=People(bots=frozenset({"robot"})))
    assert cells(flow, "first_response_hours") == [hours]
    assert cells(flow, "business_first_response_hours") == [business_hours]


def test_any_person_answers_a_requester_that_nobody_knows() -> None:
    asked = replace(ticket(1), comments=(comment("5 10:00", None), comment("5 11:00", GRACE)))
    assert cells(flow_of([asked]), "first_response_hours") == [2]


def test_responses_belong_to_their_tickets() -> None:
    first = asked_by_ada(comment("5 11:00", GRACE))
    others = [replace(first, id=2, comments=()), replace(first, id=3, comments=(comment("5 10:00", LINUS),))]
    assert cells(flow_of([first, *others]), "first_response_hours") == [2, None, 1]


def held(*names: str) -> tuple[FieldChange, ...]:
    """By these one after another; an empty name is nobody."""
    return tuple(
        FieldChange(str(n), moment(f"5 {10 + n}:00"), None, "assignee", *step) for n, step in enumerate(pairwise(names))
    )


@pytest.mark.parametrize(
    ("names", "hand_offs", "bounces"),
    [
        ((), 0, 0),
        (("", "Ada"), 0, 0),
        (("Ada", "Grace"), 1, 0),
        (("", "Ada", "Grace", "Ada"), 2, 1),
        (("", "Ada", "", "Ada"), 0, 0),  # put back and taken again
        (("Ada", "", "Grace", "Linus", "Grace", "Ada"), 4, 2),
    ],
)
def test_hand_offs_and_bounces(names: tuple[str, ...], hand_offs: int, bounces: int) -> None:
    flow = flow_of([replace(ticket(1), field_changes=held(*names))])
    assert (cells(flow, "hand_offs"), cells(flow, "bounces")) == ([hand_offs], [bounces])


def test_without_history_nobody_knows_who_held_it() -> None:
    flow = flow_of([replace(ticket(1, changes=None), field_changes=held("Ada", "Grace"))])
    assert flow["hand_offs"].isna().all()
    assert flow["bounces"].isna().all()


# Monday to Saturday, 17:00 to 23:00 UTC
LATE = BusinessCalendar(
    "UTC", dict.fromkeys(range(6), ((time(17), time(23)),)), (), date(2026, 1, 1), date(2026, 1, 31)
)
TEAMS = People(
    team_of={"ada": "late", "grace": "early", "linus": "late"},
    calendars={"late": LATE},  # those of `early` have the default hours
)


def test_waits_count_in_the_hours_of_the_requesters_team() -> None:
    (one,) = drawn_tickets("| 5 09:00 | s3 | - | Open, 5 18:00 Working, 6 18:00 On hold, 7 09:00 Fixed |")
    requesters = [ADA, GRACE, CUSTOMER, None]
    asked = [
        replace(one, id=n, reporter=person, comments=(comment("5 20:00", LINUS),))
        for n, person in enumerate(requesters, start=1)
    ]
    flow = flow_of(asked, people=TEAMS)
    assert flow["team"].astype("object").fillna("-").tolist() == ["late", "early", "-", "-"]
    assert cells(flow, "queue_hours") == [9, 9, 9, 9]
    assert cells(flow, "business_queue_hours") == [1, 8, 8, 8]
    assert cells(flow, "business_lead_hours") == [12, 16, 16, 16]
    assert cells(flow, "business_cycle_hours") == [11, 8, 8, 8]
    assert cells(flow, "business_active_hours") == [6, 8, 8, 8]
    assert cells(flow, "business_in_blocked_hours") == [5, 0, 0, 0]
    assert cells(flow, "business_first_response_hours") == [3, 8, 8, 8]


def test_ages_count_in_the_hours_of_the_team() -> None:
    (one,) = drawn_tickets("| 12 09:00 | s3 | - | Open, 12 18:00 Working |")
    flow = flow_of([replace(one, id=1, reporter=LINUS), replace(one, id=2, reporter=GRACE)], people=TEAMS)
    assert cells(flow, "business_age_hours") == [12, 8 + 8 + 3]
    assert cells(flow, "business_wip_age_hours") == [11, 8 + 3]


def test_a_team_without_members_here_changes_nothing() -> None:
    flow = flow_of([ticket(1)], people=TEAMS)
    assert flow["team"].isna().all()
    assert list(flow["team"].cat.categories) == ["early", "late"]

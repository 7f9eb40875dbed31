"""Who may ask, and whether people are at work already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fulfilment.eligibility import Eligibility, eligible
from fulfilment.policy import Team
from tests.fakes import ADA, AGENT, DANA, MATE, OLGA, OTTO, WORKING, FakeDesk, policy
from tickets.errors import JiraUnreachable
from tickets.ticket import FieldChange, Person, Ticket

INTAKE = Person("intake", "The portal", "app")


def judged(desk: FakeDesk, ticket: Ticket, asked: bool = False, **changes: Any) -> Eligibility:
    fresh = desk.ticket(ticket.id)
    return eligible(
        fresh,
        handler="storage-box",
        policy=policy(**changes),
        account=AGENT,
        now=desk.now(),
        groups_of=desk.groups_of,
        fields=fresh.form,
        asked_at=ticket.created_at if asked else None,
    )


def reasons(desk: FakeDesk, ticket: Ticket, **changes: Any) -> str:
    found = judged(desk, ticket, **changes)
    assert not found.verdict.allowed
    return "; ".join(found.verdict.reasons)


def test_a_fresh_ticket_of_a_team_member_is_eligible() -> None:
    desk = FakeDesk()
    found = judged(desk, desk.file())
    assert found.verdict.allowed
    assert [team.name for team in found.teams] == ["payments"]
    assert found.authors == {DANA.id}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"by": OLGA}, "Olga Outsider is in no team"),
        ({"creator": OLGA}, "Olga Outsider filed it for Dana Developer"),
        ({"creator": None}, "who filed it"),
        ({"via_mail": True}, "by mail"),
        ({"status_changes": None}, "history is unknown"),
        ({"assignee": OTTO}, "Otto Ops is assigned"),
        ({"project": "HR"}, "project HR"),
    ],
)
def test_why_not(changes: dict[str, Any], why: str) -> None:
    desk = FakeDesk()
    assert why in reasons(desk, desk.file(**changes))


def test_too_old_or_closed() -> None:
    desk = FakeDesk()
    ticket = desk.file()
    desk.clock += timedelta(days=31)
    assert "31 days old" in reasons(desk, ticket)
    desk.set_status(ticket.id, DANA, "Done")
    assert "closed (Done)" in reasons(desk, ticket)


def test_every_author_must_be_entitled() -> None:
    desk = FakeDesk()
    ticket = desk.file()
    desk.edit(ticket.id, MATE, summary="A storage box, please")
    assert judged(desk, ticket).authors == {DANA.id, MATE.id}
    desk.fill(ticket.id, OTTO, "Box name", "payments-other")
    assert "Otto Ops wrote a part of it" in reasons(desk, ticket)


def test_a_change_without_an_author_is_not_entitled() -> None:
    desk = FakeDesk()
    ticket = desk.file()
    desk.edit(ticket.id, None, summary="A storage box, please")
    assert "unknown account" in reasons(desk, ticket)


def test_an_app_is_entitled_only_as_configured_intake() -> None:
    desk = FakeDesk()
    ticket = desk.file(creator=INTAKE)
    desk.edit(ticket.id, INTAKE, summary="A storage box, please")
    assert "only configured intake accounts" in reasons(desk, ticket)
    found = judged(desk, ticket, intake_accounts=frozenset({INTAKE.id}))
    assert found.verdict.allowed
    assert found.authors == {DANA.id}
    direct = desk.file()
    desk.edit(direct.id, INTAKE, summary="A storage box, please")
    assert "the app The portal" in reasons(desk, direct)


def test_authors_need_a_team_in_common() -> None:
    desk = FakeDesk()
    groups = {"payments": "g-payments", "search": "g-search", "data": "g-data"}
    teams = {
        name: Team(name, frozenset({group}), handlers=frozenset({"storage-box"})) for name, group in groups.items()
    }
    desk.groups[DANA.id] = frozenset({"g-payments", "g-search"})
    desk.groups[MATE.id] = frozenset({"g-search", "g-data"})
    ticket = desk.file()
    assert [team.name for team in judged(desk, ticket, teams=teams).teams] == ["payments", "search"]
    desk.edit(ticket.id, MATE, summary="A storage box, please")
    assert [team.name for team in judged(desk, ticket, teams=teams).teams] == ["search"]


def test_a_team_without_the_handler_entitles_nobody() -> None:
    desk = FakeDesk()
    teams = {"payments": replace(policy().teams["payments"], handlers=frozenset())}
    assert "no team that may ask" in reasons(desk, desk.file(), teams=teams)


@pytest.mark.parametrize("by", [OTTO, ADA, None])
def test_a_move_by_another_means_that_people_are_at_work(by: Person | None) -> None:
    desk = FakeDesk()
    ticket = desk.file()
    desk.set_status(ticket.id, by, WORKING.name)
    assert "moved it to In Progress" in reasons(desk, ticket)


def test_comments_of_others_mean_that_people_are_at_work_but_not_those_of_bots_or_the_requester() -> None:
    desk = FakeDesk()
    ticket = desk.file()
    desk.comment(ticket.id, DANA, "it is urgent")
    desk.comment(ticket.id, Person("sla", "SLA bot", "app"), "breached")
    desk.comment(ticket.id, Person("bot", "A bot with a person's account"), "hello")
    assert judged(desk, ticket, bots=frozenset({"bot"})).verdict.allowed
    desk.comment(ticket.id, OTTO, "looking")
    assert "Otto Ops commented" in reasons(desk, ticket, bots=frozenset({"bot"}))


def test_a_queue_assignee_counts_as_nobody_only_since_creation() -> None:
    desk = FakeDesk()
    ticket = desk.file(assignee=OTTO)
    queue = frozenset({OTTO.id})
    assert judged(desk, ticket, queue_assignees=queue).verdict.allowed
    desk.assign(ticket.id, AGENT)
    assert judged(desk, ticket).verdict.allowed


def test_replies_come_from_those_who_may_after_we_asked() -> None:
    desk = FakeDesk()
    ticket = desk.file()
    own = desk.comment(ticket.id, DANA, "AWS region: eu-west-1")
    edited = desk.comment(ticket.id, DANA, "Environment: dev")
    desk.edit_comment(ticket.id, edited.id, DANA, "Environment: prod")
    desk.comment(ticket.id, DANA, "internal", public=False)
    mates = desk.comment(ticket.id, MATE, "Environment: dev")
    assert [reply.id for reply in judged(desk, ticket, asked=True).replies] == [own.id, mates.id]
    assert "Mia Mate commented" in reasons(desk, ticket)


def test_a_failed_look_up_is_neither_yes_nor_no() -> None:
    desk = FakeDesk()
    ticket = desk.file()
    desk.fail_next["groups_of"] = JiraUnreachable("Jira did not answer")
    found = judged(desk, ticket)
    assert not found.verdict.allowed
    assert not found.is_certain


@pytest.mark.parametrize("field", ["request_type", "reporter"])
def test_who_decides_what_is_asked_or_for_whom_is_an_author(field: str) -> None:
    desk = FakeDesk()
    ticket = desk.file()
    change = FieldChange("900", desk.now(), OLGA, field, "", "something")
    assert "Olga Outsider wrote a part of it" in reasons(desk, desk.file(field_changes=(change,)))
    by_a_mate = replace(change, author=MATE)
    assert judged(desk, desk.file(field_changes=(by_a_mate,))).authors == {DANA.id, MATE.id}
    assert judged(desk, ticket).authors == {DANA.id}

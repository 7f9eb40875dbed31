"""What counts as an approval, and what never does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fulfilment.approvals import Finding, find_approval, new_code
from fulfilment.records import Proposal
from tests.fakes import ADA, AGENT, DANA, MATE, OLGA, OTTO, FakeDesk
from tickets.errors import JiraUnreachable
from tickets.ticket import Comment, Person

CODE = "ACDEFGHJ"


class Case:
    """A ticket with a posted plan."""

    def __init__(self) -> None:
        self.desk = FakeDesk()
        self.desk.groups[MATE.id] |= {"g-approvers"}
        self.ticket = self.desk.file()
        self.plan = self.desk.comment(self.ticket.id, AGENT, f"the plan: approve {CODE}")
        self.proposal = Proposal(
            1, "r", "d", CODE, self.plan.id, self.plan.digest, self.plan.created_at, None, None, None
        )

    def say(self, by: Person, text: str) -> Comment:
        return self.desk.comment(self.ticket.id, by, text)

    def find(self) -> Finding:
        return find_approval(
            self.desk.ticket(self.ticket.id),
            self.proposal,
            account=AGENT,
            approvers={"g-approvers"},
            groups_of=self.desk.groups_of,
            excluded={DANA.id, MATE.id},
        )


@pytest.mark.parametrize("text", [f"approve {CODE}", f"  Approve\n{CODE.lower()} "])
def test_the_whole_text_by_an_approver_counts(text: str) -> None:
    case = Case()
    comment = case.say(ADA, text)
    approval = case.find().approval
    assert approval is not None
    assert (approval.by, approval.comment_id) == (ADA, comment.id)


def test_no_comment_is_no_approval() -> None:
    assert Case().find() == Finding()


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda case: case.say(DANA, f"approve {CODE}"), "asked for it"),
        (lambda case: case.say(MATE, f"approve {CODE}"), "asked for it"),
        (lambda case: case.say(OLGA, f"approve {CODE}"), "not an approver"),
        (lambda case: case.say(ADA, f"> approve {CODE}"), "whole text"),
        (lambda case: case.say(ADA, f"I do not approve {CODE}"), "whole text"),
        (lambda case: case.say(ADA, f"approve {CODE} {CODE}"), "whole text"),
        (lambda case: case.say(replace(ADA, kind="customer"), f"approve {CODE}"), "not a person"),
        (lambda case: case.say(replace(ADA, kind="app"), f"approve {CODE}"), "not a person"),
        (
            lambda case: case.desk.comment(
                case.ticket.id, ADA, f"approve {CODE}", at=case.plan.created_at - timedelta(seconds=1)
            ),
            "before the plan",
        ),
        (
            lambda case: case.desk.comment(case.ticket.id, ADA, f"approve {CODE}", at=case.plan.created_at),
            "before the plan",
        ),
        (
            lambda case: case.desk.edit_comment(case.ticket.id, case.say(ADA, "approve").id, ADA, f"approve {CODE}"),
            "edited",
        ),
    ],
)
def test_what_is_ignored_says_why(act: Callable[[Case], object], why: str) -> None:
    case = Case()
    act(case)
    found = case.find()
    assert found.approval is None
    assert why in found.ignored[0][1]


def test_a_wrong_code_is_not_even_an_attempt() -> None:
    case = Case()
    case.say(ADA, "approve ACDEFGHK")
    assert case.find() == Finding()


def test_an_ignored_attempt_does_not_hide_a_proper_one() -> None:
    case = Case()
    case.say(OLGA, f"approve {CODE}")
    case.say(ADA, f"approve {CODE}")
    found = case.find()
    assert found.approval is not None
    assert len(found.ignored) == 1


@pytest.mark.parametrize("by", [OTTO, AGENT])
def test_nothing_counts_once_the_plans_comment_was_altered(by: Person) -> None:
    case = Case()
    case.say(ADA, f"approve {CODE}")
    case.desk.edit_comment(case.ticket.id, case.plan.id, by, f"a smaller plan: approve {CODE}")
    found = case.find()
    assert found.approval is None
    assert found.altered


def test_nothing_counts_once_the_plans_comment_is_gone_or_not_ours() -> None:
    case = Case()
    case.say(ADA, f"approve {CODE}")
    ticket = case.desk.tickets[case.ticket.id]
    case.desk.tickets[case.ticket.id] = replace(ticket, comments=ticket.comments[1:])
    assert case.find().altered == "the plan's comment was deleted"
    forged = replace(ticket.comments[0], author=OTTO)
    case.desk.tickets[case.ticket.id] = replace(ticket, comments=(forged, *ticket.comments[1:]))
    assert case.find().altered == "the plan's comment is not ours"


def test_a_failed_look_up_approves_nothing() -> None:
    case = Case()
    case.say(ADA, f"approve {CODE}")
    case.desk.fail_next["groups_of"] = JiraUnreachable("Jira did not answer")
    with pytest.raises(JiraUnreachable):
        case.find()


def test_codes_are_random() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert {len(code) for code in codes} == {8}

"""The engine on a real ledger, in a file and in PostgreSQL, with a desk and a provider in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from fulfilment.engine import Engine
from fulfilment.errors import AnswerLost, ProviderBusy, ProviderRefused
from fulfilment.guardrails import MOST_OPEN_REQUESTS
from fulfilment.handler import Handler
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import RESULTS
from fulfilment.request import UNFINISHED, Outcome, Result, State
from tests.fakes import (
    ADA,
    DANA,
    MATE,
    OLGA,
    OTTO,
    SECRET,
    BoxHandler,
    BoxSettings,
    FakeDesk,
    FakeProvider,
    Killed,
    PlainReplies,
    form,
    policy,
)
from tickets.errors import AnswerUnknown, JiraUnreachable, NoTransition
from tickets.place import Location
from tickets.ticket import Classification, Ticket

GIVEN = Classification("storage-box", "given", 1.0)
PREDICTED = Classification("storage-box", "predicted", 0.9)


class House:
    """An installation on one ledger; `engine` may be made anew, as after a restart."""

    def __init__(self, place: Location) -> None:
        self.desk = FakeDesk()
        self.provider = FakeProvider()
        self.ledger = Ledger.open(place, clock=lambda: self.desk.clock)
        self.handler: Handler = BoxHandler(BoxSettings())
        self.is_stopping = False
        self.deadline = 60.0

    def engine(self, mode: Mode = Mode.AUTONOMOUS, **changes: Any) -> Engine:
        return Engine(
            ledger=self.ledger,
            desk=self.desk,
            replies=PlainReplies(),
            handlers={"storage-box": self.handler},
            policy=policy(mode, **changes),
            workshop=self.provider,
            secret=SECRET,
            is_stopping=lambda: self.is_stopping,
            deadline=self.deadline,
        )

    def cycle(self, mode: Mode = Mode.AUTONOMOUS) -> list[Outcome]:
        """A cycle of the schedule, some minutes after the one before."""
        self.desk.clock += timedelta(minutes=3)
        engine = self.engine(mode)
        return [engine.advance(request) for request in engine.due()]

    def kinds(self, ticket: Ticket) -> list[str]:
        return [entry.kind for entry in self.ledger.story(ticket.key)]

    def rows(self) -> int:
        return self.ledger.verify().rows

    def state(self, ticket: Ticket) -> State:
        request = self.ledger.latest(ticket.site, ticket.id)
        assert request is not None
        return request.state

    def code(self, ticket: Ticket) -> str:
        return self.ledger.codes(ticket.site, ticket.id)[-1]


@pytest.fixture
def house(ledger_place: Location) -> Iterator[House]:
    made = House(ledger_place)
    yield made
    assert made.ledger.verify().broken_at is None
    made.ledger.close()


def test_a_complete_ticket_is_fulfilled_answered_and_closed(house: House) -> None:
    ticket = house.desk.file()
    outcome = house.engine().consider(ticket, GIVEN)
    assert (outcome.result, outcome.resource) == (Result.FULFILLED, "payments-receipts")
    assert house.provider.boxes["payments-receipts"]["locked"]
    assert len(house.desk.ours(ticket.id, "result")) == 1
    assert not house.desk.tickets[ticket.id].is_open
    assert house.state(ticket) is State.CLOSED
    assert house.kinds(ticket) == [
        *("matched", "planned", "proposal", "approved", "applying"),
        *("intent", "step", "intent", "step"),
        *("applied", "verified", "answered", "closed"),
    ]


def test_a_rehearsal_writes_nothing(house: House) -> None:
    ticket = house.desk.file()
    found = house.engine(Mode.SUPERVISED).rehearse(ticket, GIVEN)
    assert found.result is Result.AWAITING_APPROVAL
    assert found.plan is not None
    assert {reading.slot for reading in found.understood} >= {"name", "region"}
    assert (house.rows(), house.desk.writes, house.provider.boxes) == (0, [], {})


def test_looking_again_writes_nothing(house: House) -> None:
    asked = house.desk.file(form=form(region=""))
    closed = house.desk.file(form=form(name="payments-other"))
    foreign = house.desk.file(by=OLGA)
    engine = house.engine()
    before = [engine.consider(ticket, GIVEN).result for ticket in (asked, foreign)]
    engine.consider(closed, GIVEN)
    rows, writes = house.rows(), len(house.desk.writes)
    assert [engine.consider(ticket, GIVEN).result for ticket in (asked, foreign)] == before
    assert before == [Result.ASKED, Result.LEFT_TO_PEOPLE]
    assert (house.rows(), len(house.desk.writes)) == (rows, writes)


def test_a_missing_value_is_asked_for_once_and_a_reply_fills_it(house: House) -> None:
    ticket = house.desk.file(form=form(region=""))
    engine = house.engine()
    assert engine.consider(ticket, GIVEN).result is Result.ASKED
    assert engine.consider(ticket, GIVEN).result is Result.ASKED
    house.desk.comment(ticket.id, DANA, "I will find out.")
    assert engine.consider(ticket, GIVEN).result is Result.ASKED
    assert len(house.desk.ours(ticket.id, "question")) == 1
    house.desk.comment(ticket.id, MATE, "AWS region: eu-west-1")
    assert engine.consider(ticket, GIVEN).result is Result.FULFILLED


def test_an_outsiders_reply_fills_no_slot_and_hands_over(house: House) -> None:
    ticket = house.desk.file(form=form(region=""))
    engine = house.engine()
    engine.consider(ticket, GIVEN)
    house.desk.comment(ticket.id, OLGA, "AWS region: eu-west-1")
    outcome = engine.consider(ticket, GIVEN)
    assert outcome.result is Result.LEFT_TO_PEOPLE
    assert "Olga Outsider" in outcome.reasons[0]
    assert house.state(ticket) is State.HANDED_OVER
    assert house.provider.boxes == {}


def test_a_forbidden_wish_is_refused_once_and_an_edit_heals_it(house: House) -> None:
    ticket = house.desk.file("Please create a public storage box")
    engine = house.engine()
    assert engine.consider(ticket, GIVEN).reasons == ("a box is never public",)
    assert engine.consider(ticket, GIVEN).result is Result.REFUSED
    assert len(house.desk.ours(ticket.id, "refusal")) == 1
    house.desk.edit(ticket.id, DANA, summary="Please create a storage box")
    assert engine.consider(ticket, GIVEN).result is Result.FULFILLED


def test_a_second_wish_is_asked_to_split(house: House) -> None:
    ticket = house.desk.file("Please create a storage box and a Redis instance")
    engine = house.engine()
    assert engine.consider(ticket, GIVEN).result is Result.SPLIT
    assert engine.consider(ticket, GIVEN).result is Result.SPLIT
    assert len(house.desk.ours(ticket.id)) == 1


def test_somebody_elses_box_is_a_conflict(house: House) -> None:
    house.provider.boxes["payments-receipts"] = {"mark": "another", "locked": True}
    ticket = house.desk.file()
    assert house.engine().consider(ticket, GIVEN).result is Result.CONFLICT
    assert house.state(ticket) is State.CONFLICT
    assert house.provider.boxes["payments-receipts"]["mark"] == "another"


def test_shadow_records_and_suggest_posts_the_plan_once(house: House) -> None:
    ticket = house.desk.file()
    assert house.engine(Mode.SHADOW).consider(ticket, GIVEN).result is Result.SHADOWED
    assert (house.desk.writes, house.ledger.requests()) == ([], [])
    engine = house.engine(Mode.SUGGEST)
    assert engine.consider(ticket, GIVEN).result is Result.SUGGESTED
    assert engine.consider(ticket, GIVEN).result is Result.SUGGESTED
    assert house.desk.writes == ["comment"]
    assert house.provider.boxes == {}


def test_a_predicted_type_waits_for_a_person(house: House) -> None:
    ticket = house.desk.file()
    engine = house.engine()
    assert engine.consider(ticket, PREDICTED).result is Result.AWAITING_APPROVAL
    assert house.provider.boxes == {}
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert [outcome.result for outcome in house.cycle()] == [Result.FULFILLED]


def test_nothing_but_a_proper_approval_counts(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    code = house.code(ticket)
    posted_at = house.desk.ours(ticket.id, "proposal")[0].created_at
    house.desk.comment(ticket.id, DANA, f"approve {code}")
    house.desk.comment(ticket.id, OLGA, f"approve {code}")
    house.desk.comment(ticket.id, ADA, "approve WRONGCDE")
    house.desk.comment(ticket.id, ADA, f"> approve {code}\nfine")
    house.desk.comment(ticket.id, ADA, f"approve {code}", at=posted_at - timedelta(seconds=5))
    later = house.desk.comment(ticket.id, ADA, "approve it")
    house.desk.edit_comment(ticket.id, later.id, ADA, f"approve {code}")
    for _ in range(2):
        assert [outcome.result for outcome in house.cycle(Mode.SUPERVISED)] == [Result.AWAITING_APPROVAL]
    assert house.provider.boxes == {}
    assert house.kinds(ticket).count("approval_ignored") == 5
    house.desk.comment(ticket.id, ADA, f"approve {code}")
    assert [outcome.result for outcome in house.cycle(Mode.SUPERVISED)] == [Result.FULFILLED]


def test_an_approver_who_asked_or_wrote_a_part_cannot_approve_it(house: House) -> None:
    for person in (DANA, MATE):
        house.desk.groups[person.id] |= {"g-approvers"}
    ticket = house.desk.file()
    house.desk.edit(ticket.id, MATE, summary="Please create one storage box")
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    for person in (DANA, MATE):
        house.desk.comment(ticket.id, person, f"approve {house.code(ticket)}")
    assert house.cycle(Mode.SUPERVISED)[0].result is Result.AWAITING_APPROVAL
    assert house.provider.boxes == {}


def test_an_edit_voids_the_plan_and_the_old_code(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    old = house.code(ticket)
    house.desk.fill(ticket.id, DANA, "Box name", "payments-bigger")
    house.desk.comment(ticket.id, ADA, f"approve {old}")
    assert [outcome.result for outcome in house.cycle(Mode.SUPERVISED)] == [Result.AWAITING_APPROVAL]
    assert len(house.desk.ours(ticket.id, "voided")) == 1
    assert [request.generation for request in house.ledger.requests()] == [1, 2]
    assert house.cycle(Mode.SUPERVISED)[0].result is Result.AWAITING_APPROVAL
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert house.cycle(Mode.SUPERVISED)[0].resource == "payments-bigger"
    assert set(house.provider.boxes) == {"payments-bigger"}


@pytest.mark.parametrize("act", ["assigned", "moved", "commented", "edited", "closed"])
def test_a_person_who_takes_it_has_it_at_once(house: House, act: str) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    if act == "assigned":
        house.desk.assign(ticket.id, OTTO)
    elif act == "moved":
        house.desk.set_status(ticket.id, OTTO, "In Progress")
    elif act == "commented":
        house.desk.comment(ticket.id, OTTO, "I am on it")
    elif act == "edited":
        house.desk.edit(ticket.id, OTTO, summary="A storage box, please")
    else:
        house.desk.set_status(ticket.id, OTTO, "Done")
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    outcome = house.cycle(Mode.SUPERVISED)[0]
    assert outcome.result is (Result.CANCELLED if act == "closed" else Result.LEFT_TO_PEOPLE)
    assert house.provider.boxes == {}
    assert house.cycle(Mode.SUPERVISED) == []


def test_an_altered_plan_comment_hands_over_and_an_old_one_lapses(house: House) -> None:
    first = house.desk.file()
    second = house.desk.file(form=form(name="payments-other"))
    engine = house.engine(Mode.SUPERVISED)
    engine.consider(first, GIVEN)
    engine.consider(second, GIVEN)
    house.desk.edit_comment(first.id, house.desk.ours(first.id, "proposal")[0].id, OTTO, "a tiny box")
    house.desk.comment(first.id, ADA, f"approve {house.code(first)}")
    house.desk.clock += timedelta(days=6)
    house.cycle(Mode.SUPERVISED)
    assert house.state(first) is State.HANDED_OVER
    assert house.state(second) is State.EXPIRED
    assert house.provider.boxes == {}


def test_a_failed_look_up_is_cannot_tell(house: House) -> None:
    ticket = house.desk.file()
    house.desk.fail_next["groups_of"] = JiraUnreachable("Jira did not answer")
    engine = house.engine()
    assert engine.consider(ticket, GIVEN).result is Result.UNCERTAIN
    assert house.ledger.requests() == []
    assert engine.consider(ticket, GIVEN).result is Result.FULFILLED


def test_a_stop_holds_what_is_approved(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    house.ledger.stop("all", reason="an incident", by="olli", at=house.desk.now())
    for _ in range(2):
        assert "an incident" in house.cycle(Mode.SUPERVISED)[0].reasons[0]
    assert house.kinds(ticket).count("waiting") == 1
    house.ledger.resume("all", by="olli", at=house.desk.now())
    assert house.cycle(Mode.SUPERVISED)[0].result is Result.FULFILLED


def test_a_refusing_provider_fails_with_a_plain_sentence(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderRefused("arn:secret is not authorised", code="AccessDenied")
    outcome = house.engine().consider(ticket, GIVEN)
    assert outcome.result is Result.FAILED
    (said,) = house.desk.ours(ticket.id, "trouble")
    assert "AccessDenied" not in said.text
    assert any("AccessDenied" in entry.sentence for entry in house.ledger.story(ticket.key))
    assert house.engine().consider(ticket, GIVEN).result is Result.FAILED
    assert [c.properties["goldenpath"]["purpose"] for c in house.desk.ours(ticket.id)] == ["trouble", "undone"]
    assert (house.provider.boxes, house.provider.deleted) == ({}, 1)


def test_a_busy_provider_is_tried_again(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:CreateBox"] = ProviderBusy("slow down")
    assert house.engine().consider(ticket, GIVEN).result is Result.UNCERTAIN
    assert house.state(ticket) is State.APPLYING
    assert house.cycle()[0].result is Result.FULFILLED
    assert house.provider.created == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", ["box:CreateBox", "box:PutLock"])
@pytest.mark.parametrize("fault", [AnswerLost("gone"), Killed()], ids=["lost", "killed"])
def test_interrupted_anywhere_there_is_exactly_one_box(
    house: House, moment: str, operation: str, fault: BaseException
) -> None:
    ticket = house.desk.file()
    getattr(house.provider, moment)[operation] = fault
    if isinstance(fault, Killed):
        with pytest.raises(Killed):
            house.engine().consider(ticket, GIVEN)
    else:
        house.engine().consider(ticket, GIVEN)
    house.cycle()
    assert house.state(ticket) is State.CLOSED
    assert house.provider.created == 1
    assert house.provider.boxes["payments-receipts"]["locked"]
    assert len(house.desk.ours(ticket.id, "result")) == 1


@pytest.mark.parametrize("when", ["fail_next", "fail_after"])
def test_killed_around_the_answer_it_is_posted_once(house: House, when: str) -> None:
    ticket = house.desk.file()
    getattr(house.desk, when)["post_comment"] = Killed()
    with pytest.raises(Killed):
        house.engine().consider(ticket, GIVEN)
    house.cycle()
    assert house.state(ticket) is State.CLOSED
    assert len(house.desk.ours(ticket.id, "result")) == 1


def test_unobservable_for_too_long_is_for_a_person(house: House) -> None:
    ticket = house.desk.file()
    house.provider.after["box:CreateBox"] = Killed()
    with pytest.raises(Killed):
        house.engine().consider(ticket, GIVEN)
    house.provider.before["read"] = AnswerLost("nothing came")
    assert house.cycle()[0].result is Result.UNCERTAIN
    assert house.state(ticket) is State.APPLYING
    house.desk.clock += timedelta(hours=2)
    house.provider.before["read"] = AnswerLost("nothing came")
    house.cycle()
    assert house.state(ticket) is State.UNCERTAIN
    assert house.cycle() == []


def test_a_box_made_by_another_in_between_is_never_adopted(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:CreateBox"] = Killed()
    with pytest.raises(Killed):
        house.engine().consider(ticket, GIVEN)
    house.provider.boxes["payments-receipts"] = {"mark": "another", "locked": False}
    house.cycle()
    assert house.state(ticket) is State.CONFLICT
    assert not house.provider.boxes["payments-receipts"]["locked"]


def test_where_no_transition_leads_there_a_person_closes(house: House) -> None:
    ticket = house.desk.file()
    house.desk.fail_next["move"] = NoTransition("the workflow offers: none")
    assert house.engine().consider(ticket, GIVEN).result is Result.FULFILLED
    assert house.state(ticket) is State.HANDED_OVER
    assert house.engine().consider(ticket, GIVEN).result is Result.LEFT_TO_PEOPLE
    assert house.ledger.outcomes()[0].result is Result.FULFILLED
    assert house.provider.created == 1


def test_two_tickets_for_one_box_give_one_box(house: House) -> None:
    engine = house.engine(Mode.SUPERVISED)
    tickets = [house.desk.file(), house.desk.file()]
    for ticket in tickets:
        engine.consider(ticket, GIVEN)
        house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    house.cycle(Mode.SUPERVISED)
    assert [house.state(ticket) for ticket in tickets] == [State.CLOSED, State.CONFLICT]
    assert house.provider.created == 1


def test_a_request_under_another_workers_lease_is_left_alone(house: House, ledger_place: Location) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    (request,) = house.engine().due()
    with Ledger.open(ledger_place, clock=lambda: house.desk.clock) as other:
        other.claim(request, house.desk.now())
        assert "another process" in house.cycle(Mode.SUPERVISED)[0].reasons[0]


# --- answers of Jira that were lost


@pytest.mark.parametrize("mode", [Mode.AUTONOMOUS, Mode.SUPERVISED, Mode.SUGGEST])
@pytest.mark.parametrize("summary", ["Please create a storage box", "Please create a public storage box"])
def test_a_comment_whose_answer_was_lost_is_found_and_the_turn_goes_on(house: House, summary: str, mode: Mode) -> None:
    quiet, lost = house.desk.file(summary, form=form(name="payments-quiet")), house.desk.file(summary)
    expected = house.engine(mode).consider(quiet, GIVEN).result
    house.desk.fail_after["post_comment"] = AnswerUnknown("no answer in time")
    assert house.engine(mode).consider(lost, GIVEN).result is expected
    assert len(house.desk.ours(lost.id)) == len(house.desk.ours(quiet.id))


@pytest.mark.parametrize("form_of", [form(), form(region="")])
def test_a_comment_that_cannot_be_seen_waits_for_the_next_cycle(house: House, form_of: Any) -> None:
    ticket = house.desk.file(form=form_of)
    house.desk.fail_next["post_comment"] = AnswerUnknown("no answer in time")
    assert house.engine().consider(ticket, GIVEN).result is Result.UNCERTAIN
    assert house.desk.ours(ticket.id) == []
    assert house.state(ticket) in UNFINISHED
    house.desk.fail_next["post_comment"] = AnswerUnknown("no answer in time")
    rows = house.rows()
    assert house.cycle()[0].result is Result.UNCERTAIN
    assert house.rows() == rows
    house.cycle()
    assert len(house.desk.ours(ticket.id)) == 1
    assert house.state(ticket) in {State.CLOSED, State.NEEDS_INFORMATION}


def test_a_lost_comment_is_not_posted_again_while_the_ticket_cannot_be_read(house: House) -> None:
    ticket = house.desk.file()
    house.desk.fail_after["post_comment"] = AnswerUnknown("no answer in time")
    house.desk.fail_after_writes["ticket"] = JiraUnreachable("no answer")
    assert house.engine().consider(ticket, GIVEN).result is Result.UNCERTAIN
    assert house.state(ticket) is State.VERIFIED
    house.cycle()
    assert house.state(ticket) is State.CLOSED
    assert len(house.desk.ours(ticket.id, "result")) == 1


def test_a_suggestion_that_may_be_lost_is_not_taken_for_posted(house: House) -> None:
    ticket = house.desk.file()
    house.desk.fail_next["post_comment"] = AnswerUnknown("no answer in time")
    with pytest.raises(AnswerUnknown):  # no request keeps it: the cycle must look at the ticket again
        house.engine(Mode.SUGGEST).consider(ticket, GIVEN)
    assert house.engine(Mode.SUGGEST).consider(ticket, GIVEN).result is Result.UNCERTAIN  # it may be on its way
    house.desk.clock += timedelta(minutes=11)
    assert house.engine(Mode.SUGGEST).consider(ticket, GIVEN).result is Result.SUGGESTED
    assert len(house.desk.ours(ticket.id)) == 1


def test_a_move_whose_answer_was_lost_is_looked_up_by_the_status(house: House) -> None:
    done, undone = house.desk.file(), house.desk.file(form=form(name="payments-other"))
    house.desk.fail_after["move"] = AnswerUnknown("no answer in time")
    assert house.engine().consider(done, GIVEN).result is Result.FULFILLED
    assert house.state(done) is State.CLOSED
    house.desk.fail_next["move"] = AnswerUnknown("no answer in time")
    assert house.engine().consider(undone, GIVEN).result is Result.UNCERTAIN
    assert house.state(undone) is State.ANSWERED
    assert house.cycle()[0].result is Result.FULFILLED
    assert not house.desk.tickets[undone.id].is_open
    assert house.desk.writes.count("move") == 2


# --- quota


def test_a_team_with_too_many_unfinished_requests_is_refused_the_next(house: House) -> None:
    engine = house.engine(Mode.SUPERVISED)
    tickets = [house.desk.file(form=form(name=f"payments-box-{number}")) for number in range(MOST_OPEN_REQUESTS + 1)]
    results = [engine.consider(ticket, GIVEN) for ticket in tickets]
    assert {outcome.result for outcome in results[:-1]} == {Result.AWAITING_APPROVAL}
    assert results[-1].result is Result.REFUSED
    assert f"the limit is {MOST_OPEN_REQUESTS}" in results[-1].reasons[0]
    assert {outcome.result for outcome in house.cycle(Mode.SUPERVISED)} == {Result.AWAITING_APPROVAL}


# --- tickets that are gone


def test_a_deleted_ticket_ends_its_waiting_request_once(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.tickets.clear()
    (outcome,) = house.cycle(Mode.SUPERVISED)
    assert (outcome.result, house.state(ticket)) == (Result.LEFT_TO_PEOPLE, State.HANDED_OVER)
    assert "may not see it" in outcome.reasons[0]
    assert house.kinds(ticket)[-1] == "handed_over"
    rows = house.rows()
    assert house.cycle(Mode.SUPERVISED) == []
    assert house.rows() == rows


@pytest.mark.parametrize("state", [State.UNCERTAIN, State.HANDED_OVER])
def test_a_ticket_deleted_while_its_plan_is_applied(house: House, state: State) -> None:
    ticket = house.desk.file()
    if state is State.UNCERTAIN:
        house.provider.after["box:CreateBox"] = Killed()
    else:
        house.desk.fail_next["post_comment"] = Killed()
    with pytest.raises(Killed):
        house.engine().consider(ticket, GIVEN)
    house.desk.tickets.clear()
    house.cycle()
    assert house.state(ticket) is state
    assert house.cycle() == []
    if state is State.HANDED_OVER:
        assert house.ledger.outcomes()[0].result is Result.FULFILLED


def test_a_deleted_ticket_of_the_store_is_left_once(house: House) -> None:
    asked, fresh = house.desk.file(form=form(region="")), house.desk.file()
    engine = house.engine()
    engine.consider(asked, GIVEN)
    house.desk.tickets.clear()
    for ticket in (asked, fresh):
        assert engine.consider(ticket, GIVEN).result is Result.LEFT_TO_PEOPLE
    assert house.state(asked) is State.HANDED_OVER
    rows = house.rows()
    for ticket in (asked, fresh):
        assert engine.consider(ticket, GIVEN).result is Result.LEFT_TO_PEOPLE
    assert house.rows() == rows


# --- cycles without news


def _closed_by_us(house: House) -> Ticket:
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    return ticket


def _handed_over(house: House) -> Ticket:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.assign(ticket.id, OTTO)
    house.cycle(Mode.SUPERVISED)
    return ticket


def _cancelled(house: House) -> Ticket:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.set_status(ticket.id, OTTO, "Done")
    house.cycle(Mode.SUPERVISED)
    return ticket


def _expired(house: House) -> Ticket:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.clock += timedelta(days=6)
    house.cycle(Mode.SUPERVISED)
    return ticket


def _failed(house: House) -> Ticket:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderRefused("no")
    house.engine().consider(ticket, GIVEN)
    return ticket


def _refused(house: House) -> Ticket:
    ticket = house.desk.file("Please create a public storage box")
    house.engine().consider(ticket, GIVEN)
    return ticket


def _conflict(house: House) -> Ticket:
    house.provider.boxes["payments-receipts"] = {"mark": "another", "locked": True}
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    return ticket


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (_closed_by_us, State.CLOSED),
        (_handed_over, State.HANDED_OVER),
        (_cancelled, State.CANCELLED),
        (_expired, State.EXPIRED),
        (_failed, State.COMPENSATED),
        (_refused, State.REFUSED),
        (_conflict, State.CONFLICT),
    ],
)
def test_looking_again_at_what_ended_changes_nothing(
    house: House, end: Callable[[House], Ticket], state: State
) -> None:
    ticket = end(house)
    assert house.state(ticket) is state
    rows, writes = house.rows(), list(house.desk.writes)
    results = set()
    for _ in range(3):
        assert house.cycle() == []
        results.add(house.engine().consider(ticket, GIVEN).result)
    assert results == {RESULTS[state]}
    assert (house.rows(), house.desk.writes) == (rows, writes)


def test_a_provider_that_cannot_be_read_is_written_down_once(house: House) -> None:
    ticket = house.desk.file(form=form(region=""))
    house.engine().consider(ticket, GIVEN)
    house.desk.comment(ticket.id, DANA, "AWS region: eu-west-1")
    house.provider.before["read"] = ProviderBusy("arn:secret is throttled", code="Throttling")
    assert house.engine().consider(ticket, GIVEN).result is Result.UNCERTAIN
    assert any("Throttling" in entry.sentence for entry in house.ledger.story(ticket.key))
    rows = house.rows()
    for _ in range(3):
        house.provider.before["read"] = ProviderBusy("arn:secret is throttled", code="Throttling")
        assert house.cycle()[0].result is Result.UNCERTAIN
    assert house.rows() == rows
    assert house.cycle()[0].result is Result.FULFILLED


@pytest.mark.parametrize(
    ("fault", "state"), [(ProviderBusy("slow"), State.COMPENSATED), (AnswerLost("gone"), State.UNCERTAIN)]
)
def test_a_step_that_never_succeeds_goes_to_people_in_the_end(house: House, fault: BaseException, state: State) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = fault
    house.engine().consider(ticket, GIVEN)
    assert house.state(ticket) is State.APPLYING
    for _ in range(5):
        house.desk.clock += timedelta(minutes=20)
        house.provider.before["box:PutLock"] = fault
        house.cycle()
    assert house.state(ticket) is state
    assert len(house.desk.ours(ticket.id, "trouble")) == 1
    assert house.cycle() == []


def test_what_the_provider_said_while_we_wait_stands_in_the_ledger_only(house: House) -> None:
    ticket = house.desk.file()
    house.provider.after["box:CreateBox"] = Killed()
    with pytest.raises(Killed):
        house.engine().consider(ticket, GIVEN)
    house.provider.before["read"] = ProviderRefused("arn:secret may not look", code="AccessDenied")
    (outcome,) = house.cycle()
    assert "AccessDenied" not in " ".join(outcome.reasons)
    assert any("AccessDenied" in entry.sentence for entry in house.ledger.story(ticket.key))
    assert house.desk.ours(ticket.id) == []


def test_a_team_that_is_no_longer_configured_waits_with_a_sentence(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderBusy("slow")
    house.engine().consider(ticket, GIVEN)
    engine = house.engine(teams={})
    for _ in range(2):
        outcome = engine.advance(engine.due()[0])
        assert outcome.result is Result.UNCERTAIN
        assert "payments" in outcome.reasons[0]
    assert house.kinds(ticket).count("waiting") == 2
    assert house.cycle()[0].result is Result.FULFILLED


def test_a_stop_is_the_reason_that_is_given_for_what_it_holds(house: House) -> None:
    ticket = house.desk.file()
    house.ledger.stop("all", reason="an incident", by="olli", at=house.desk.now())
    outcome = house.engine().consider(ticket, GIVEN)
    assert outcome.result is Result.LEFT_TO_PEOPLE
    assert "an incident" in outcome.reasons[0]


def test_an_approval_written_after_the_plan_lapsed_does_not_count(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.clock += timedelta(days=6)
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert house.cycle(Mode.SUPERVISED)[0].result is Result.EXPIRED
    assert house.provider.boxes == {}


def test_an_approval_written_in_time_counts_however_late_we_look(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    house.desk.clock += timedelta(days=6)
    assert house.cycle(Mode.SUPERVISED)[0].result is Result.FULFILLED


def test_a_changed_request_type_ends_the_request_of_the_old_type(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk._change(ticket.id, request_type="redis")
    assert house.cycle(Mode.AUTONOMOUS)[0].result is Result.CANCELLED
    assert [request.state for request in house.ledger.requests()] == [State.CANCELLED]
    assert house.cycle(Mode.AUTONOMOUS) == []


def test_a_request_type_that_was_taken_away_carries_no_authority(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk._change(ticket.id, request_type=None)
    assert house.cycle(Mode.AUTONOMOUS)[0].result is Result.AWAITING_APPROVAL
    assert house.provider.boxes == {}


def test_a_matched_request_whose_type_was_changed_meanwhile_is_not_worked_on(house: House) -> None:
    ticket = house.desk.file(form=form(region=""))
    house.desk.fail_next["post_comment"] = Killed()
    with pytest.raises(Killed):
        house.engine().consider(ticket, GIVEN)
    house.desk._change(ticket.id, request_type="redis", form=form())
    assert house.cycle()[0].result is Result.CANCELLED
    assert house.provider.boxes == {}


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_type_that_is_no_longer_given_is_not_autonomous_after_a_question(house: House, is_killed: bool) -> None:
    ticket = house.desk.file(form=form(region=""))
    if is_killed:
        house.desk.fail_next["post_comment"] = Killed()
        with pytest.raises(Killed):
            house.engine().consider(ticket, GIVEN)
    else:
        house.engine().consider(ticket, GIVEN)
    house.desk._change(ticket.id, request_type=None, form=form())
    assert house.engine().consider(ticket, PREDICTED).result is Result.AWAITING_APPROVAL
    assert house.provider.boxes == {}

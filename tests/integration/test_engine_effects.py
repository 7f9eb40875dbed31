"""What an effect may become: slow, undone, in use, taken over, stopped, called about, retired."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from fulfilment.errors import AnswerLost, ProviderBusy, ProviderRefused
from fulfilment.handler import Asked, Reader, Undo
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan, Step
from fulfilment.policy import Mode
from fulfilment.request import Outcome, Request, Result, State
from tests.fakes import ADA, OTTO, BoxHandler, BoxSettings, FakeProvider, Killed, SlowBoxHandler, form
from tests.integration.test_engine import GIVEN, House
from tickets.errors import AnswerUnknown, Declined, JiraRefused, JiraUnreachable
from tickets.ticket import Ticket


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "ledger.sqlite3")
    yield made
    assert made.ledger.verify().broken_at is None
    made.ledger.close()


def request_of(house: House, ticket: Ticket) -> Request:
    found = house.ledger.latest(ticket.site, ticket.id)
    assert found is not None
    return found


def last(outcomes: list[Outcome]) -> Result | None:
    return outcomes[-1].result if outcomes else None


# --- slow


def test_work_of_the_provider_spans_five_cycles_and_holds_no_lease(house: House, tmp_path: Path) -> None:
    house.handler = SlowBoxHandler(BoxSettings())
    ticket = house.desk.file()
    results = [house.engine().consider(ticket, GIVEN).result]
    while results[-1] is not Result.FULFILLED:
        assert house.state(ticket) is State.WAITING_ON_PROVIDER
        with Ledger.open(
            tmp_path / "ledger.sqlite3", clock=lambda: house.desk.clock
        ) as other:  # nobody holds it in between
            held = other.claim(request_of(house, ticket), house.desk.now())
            other.release(held.id)
        assert house.engine().due() == []  # not before its next check
        house.desk.clock += timedelta(minutes=10)
        results += [outcome.result for outcome in house.cycle()]
    assert results.count(Result.WAITING_ON_PROVIDER) >= 4
    assert house.provider.created == 1
    assert house.kinds(ticket).count("waiting_on_provider") == results.count(Result.WAITING_ON_PROVIDER)
    assert len(house.desk.ours(ticket.id)) == 1


def test_a_provider_that_never_ends_its_work_is_for_a_person(house: House) -> None:
    class Endless(SlowBoxHandler):
        LOOKS: ClassVar[int] = 10**6

    house.handler = Endless(BoxSettings())
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    for _ in range(20):
        house.desk.clock += timedelta(minutes=10)
        house.cycle()
    assert house.state(ticket) is State.UNCERTAIN
    (call,) = house.ledger.calls()
    assert "has been working for 2" in call.reason and "goldenpath requests resume" in call.look_at


def test_a_provider_that_gives_up_is_undone(house: House) -> None:
    house.handler = SlowBoxHandler(BoxSettings())
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    house.provider.boxes.clear()
    house.cycle()
    assert house.state(ticket) is State.COMPENSATED
    assert house.provider.created == 1


# --- undone


def test_what_failed_half_way_is_taken_away_in_rows_of_its_own(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderRefused("no")
    assert house.engine().consider(ticket, GIVEN).result is Result.FAILED
    assert house.state(ticket) is State.COMPENSATED
    story = house.ledger.story(ticket.key)
    undo = [entry for entry in story if entry.detail.get("phase") == "undo"]
    assert [entry.detail["operation"] for entry in undo] == ["box:DeleteBox"]
    assert house.kinds(ticket)[-4:] == ["failed", "intent", "step", "compensated"]
    assert house.ledger.calls() == []


@pytest.mark.parametrize("fault", [AnswerLost("gone"), Killed(), ProviderRefused("no")], ids=["lost", "killed", "no"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_undo_that_is_interrupted_ends(house: House, moment: str, fault: BaseException) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderRefused("no")
    getattr(house.provider, moment)["box:DeleteBox"] = fault
    with suppress(Killed):
        house.engine().consider(ticket, GIVEN)
    for _ in range(3):
        house.cycle()
    if isinstance(fault, ProviderRefused) and moment == "before":
        assert (house.state(ticket), len(house.ledger.calls())) == (State.FAILED, 1)
        assert len(house.provider.boxes) == 1
    elif isinstance(fault, ProviderRefused):  # it says no and has done it: nobody can know, so a person looks
        assert (house.state(ticket), len(house.ledger.calls())) == (State.FAILED, 1)
    else:
        assert house.state(ticket) is State.COMPENSATED
        assert (house.provider.boxes, house.provider.deleted) == ({}, 1)


def test_what_somebody_uses_already_is_never_taken_away(house: House) -> None:
    class Used(FakeProvider):
        def perform(self, step: Step) -> Any:
            if step.operation == "box:PutLock":
                self.boxes[step.arguments["Name"]]["items"] = 3
            return super().perform(step)

    house.provider = Used()
    house.provider.before["box:PutLock"] = ProviderRefused("no")
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    assert house.state(ticket) is State.FAILED
    (call,) = house.ledger.calls()
    assert "holds 3 things" in call.reason
    assert house.provider.deleted == 0
    assert house.cycle() == []


def test_only_what_was_made_is_taken_away(house: House) -> None:
    class Greedy(BoxHandler):
        def undo(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> Undo:
            return Undo(Step("box:DeleteBox", "another", {"Name": "another"}, "take another away", removes=True))

    house.provider.boxes["another"] = {"mark": "x", "locked": True, "items": 0}
    house.handler = Greedy(BoxSettings())
    house.provider.before["box:PutLock"] = ProviderRefused("no")
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    assert house.state(ticket) is State.FAILED
    assert set(house.provider.boxes) == {"another", "payments-receipts"}


# --- people in between


@pytest.mark.parametrize("act", ["closed", "assigned", "moved"])
def test_what_a_person_takes_over_half_way_is_not_gone_on_with(house: House, act: str) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = AnswerLost("gone")
    house.engine().consider(ticket, GIVEN)
    if act == "closed":
        house.desk.set_status(ticket.id, OTTO, "Done")
    elif act == "moved":
        house.desk.set_status(ticket.id, OTTO, "In Progress")
    else:
        house.desk.assign(ticket.id, OTTO)
    assert last(house.cycle()) is Result.FAILED
    assert house.state(ticket) is State.COMPENSATED
    assert (house.provider.boxes, house.provider.deleted) == ({}, 1)
    assert "move" not in house.desk.writes


def test_a_stop_takes_effect_before_the_next_call(house: House) -> None:
    class Stopping(FakeProvider):
        def perform(self, step: Step) -> Any:
            answer = super().perform(step)
            if step.operation == "box:CreateBox":
                house.ledger.stop("storage-box", reason="an incident", by="olli", at=house.desk.now())
            return answer

    house.provider = Stopping()
    ticket = house.desk.file()
    outcome = house.engine().consider(ticket, GIVEN)
    assert "an incident" in outcome.reasons[0]
    assert not house.provider.boxes["payments-receipts"]["locked"]
    house.cycle()
    house.ledger.resume("storage-box", by="olli", at=house.desk.now())
    assert last(house.cycle()) is Result.FULFILLED
    assert house.provider.created == 1


def test_an_agent_that_is_being_stopped_finishes_the_step_and_gives_the_lease_back(
    house: House, tmp_path: Path
) -> None:
    class Signalled(FakeProvider):
        def perform(self, step: Step) -> Any:
            house.is_stopping = True
            return super().perform(step)

    house.provider = Signalled()
    ticket = house.desk.file()
    assert "being stopped" in house.engine().consider(ticket, GIVEN).reasons[0]
    assert house.kinds(ticket)[-2:] == ["step", "waiting"]
    house.is_stopping = False
    with Ledger.open(tmp_path / "ledger.sqlite3", clock=lambda: house.desk.clock) as other:
        other.claim(request_of(house, ticket), house.desk.now())


def test_a_frozen_agent_that_wakes_up_sends_nothing(house: House, tmp_path: Path) -> None:
    """It sleeps right before its call, for longer than its lease; meanwhile another finishes the work."""
    clock, frozen = [house.desk.clock], list[bool]()
    path = tmp_path / "two.sqlite3"

    class Frozen(FakeProvider):
        def executor(self, environment: str, **about: Any) -> FakeProvider:
            if not frozen:
                frozen.append(True)
                clock[0] += timedelta(minutes=30)
                other.desk.clock += timedelta(minutes=30)
                assert last(other.cycle()) is Result.FULFILLED
            return self

    house.ledger.close()
    house.ledger = Ledger.open(path, clock=lambda: clock[0])
    house.provider = Frozen()
    other = House(tmp_path / "unused.sqlite3")
    other.ledger.close()
    other.ledger = Ledger.open(path, clock=lambda: clock[0])
    other.desk, other.provider = house.desk, house.provider
    ticket = house.desk.file()
    outcome = house.engine().consider(ticket, GIVEN)
    other.ledger.close()
    assert outcome.result is Result.UNCERTAIN
    assert house.provider.created == 1
    assert (house.desk.writes.count("move"), len(house.desk.ours(ticket.id, "result"))) == (1, 1)
    assert house.state(ticket) is State.CLOSED
    assert "recovered" in house.kinds(ticket)


# --- a person is called


def test_what_jira_never_lets_us_say_is_for_a_person_in_the_end(house: House) -> None:
    ticket = house.desk.file()
    for _ in range(30):
        house.desk.fail_next["post_comment"] = Declined("comments are closed")
        house.engine().consider(ticket, GIVEN)
        house.desk.clock += timedelta(minutes=5)
    (call,) = house.ledger.calls()
    assert "does not let us work on the ticket" in call.reason and "comments are closed" not in call.reason
    assert any("comments are closed" in entry.sentence for entry in house.ledger.story(ticket.key))
    assert house.state(ticket) is State.VERIFIED
    house.desk.fail_next.clear()
    assert last(house.cycle()) is Result.FULFILLED
    assert house.ledger.calls() == []


def test_a_lost_comment_is_not_posted_again_while_it_may_be_on_its_way(house: House) -> None:
    ticket = house.desk.file()
    house.desk.fail_next["post_comment"] = AnswerUnknown("no answer")
    house.engine().consider(ticket, GIVEN)
    assert house.engine().due() == []
    assert house.engine().consider(ticket, GIVEN).result is Result.FULFILLED  # as it stands
    assert house.desk.ours(ticket.id) == []
    assert last(house.cycle()) is Result.FULFILLED
    assert len(house.desk.ours(ticket.id)) == 1


@pytest.mark.parametrize("method", ["plan", "observe", "verify"])
@pytest.mark.parametrize("way", ["raises", "nonsense", "hangs"])
def test_a_handler_that_fails_ends_its_request_and_no_other(house: House, method: str, way: str) -> None:
    def fail(*_: object) -> Any:
        if way == "raises":
            raise KeyError("a secret of the handler's")
        if way == "hangs":
            threading.Event().wait()
        return 7

    house.handler = type("Broken", (BoxHandler,), {method: fail})(BoxSettings())
    house.deadline = 0.2
    ticket = house.desk.file()
    outcome = house.engine().consider(ticket, GIVEN)
    ends = {"plan": State.FAILED, "observe": State.UNCERTAIN, "verify": State.UNCERTAIN}
    assert house.state(ticket) is ends[method]
    assert outcome.result in (Result.FAILED, Result.UNCERTAIN)
    assert len(house.ledger.calls()) == 1
    assert "a secret" not in "".join(comment.text for comment in house.desk.ours(ticket.id))
    house.handler = BoxHandler(BoxSettings())
    second = house.desk.file(form=form(name="payments-other"))
    assert house.engine().consider(second, GIVEN).result is Result.FULFILLED


# --- a limited time


class ShortLived(BoxHandler):
    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        return replace(super().plan(parameters, asked, reader), lifetime_days=30)


@pytest.fixture
def short_lived(house: House) -> tuple[House, Ticket]:
    house.handler = ShortLived(BoxSettings())
    ticket = house.desk.file()
    assert house.engine().consider(ticket, GIVEN).result is Result.FULFILLED
    assert house.cycle() == []
    return house, ticket


def test_the_owner_is_reminded_and_an_approver_lets_it_be_taken_away(short_lived: tuple[House, Ticket]) -> None:
    house, ticket = short_lived
    house.desk.clock += timedelta(days=24)
    assert last(house.cycle()) is Result.KEPT
    assert house.cycle() == []
    assert len(house.desk.ours(ticket.id, "reminder")) == 1
    house.desk.clock += timedelta(days=7)
    assert last(house.cycle()) is Result.AWAITING_APPROVAL
    assert house.state(ticket) is State.RETIRING
    house.cycle()
    assert len(house.desk.ours(ticket.id, "retirement")) == 1
    house.desk.comment(ticket.id, OTTO, f"approve {house.code(ticket)}")
    assert last(house.cycle()) is Result.AWAITING_APPROVAL
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert last(house.cycle()) is Result.RETIRED
    assert house.state(ticket) is State.RETIRED
    assert (house.provider.boxes, house.provider.deleted) == ({}, 1)
    assert [entry.detail["phase"] for entry in house.ledger.story(ticket.key) if "phase" in entry.detail] == ["retire"]
    assert house.cycle() == []


def test_without_a_yes_it_stays_and_a_person_is_called(short_lived: tuple[House, Ticket]) -> None:
    house, ticket = short_lived
    for _ in range(3):
        house.desk.clock += timedelta(days=24)
        house.cycle()
    assert house.state(ticket) is State.CLOSED
    (call,) = house.ledger.calls()
    assert "nobody approved" in call.reason
    assert house.provider.deleted == 0
    house.desk.clock += timedelta(days=100)
    assert house.cycle() == []


@pytest.mark.parametrize("is_used_before", [True, False])
def test_what_is_in_use_is_never_retired(short_lived: tuple[House, Ticket], is_used_before: bool) -> None:
    house, ticket = short_lived
    if is_used_before:
        house.provider.boxes["payments-receipts"]["items"] = 2
    house.desk.clock += timedelta(days=31)
    house.cycle()
    if not is_used_before:
        house.provider.boxes["payments-receipts"]["items"] = 2
        house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
        house.cycle()
    assert (house.state(ticket), house.provider.deleted) == (State.CLOSED, 0)
    assert "holds 2 things" in house.ledger.calls()[0].reason


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fault", [AnswerLost("gone"), Killed()], ids=["lost", "killed"])
def test_a_retirement_that_is_interrupted_goes_on(
    short_lived: tuple[House, Ticket], moment: str, fault: BaseException
) -> None:
    house, ticket = short_lived
    house.desk.clock += timedelta(days=31)
    house.cycle()
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    getattr(house.provider, moment)["box:DeleteBox"] = fault
    with suppress(Killed):
        house.cycle()
    house.cycle()
    assert house.state(ticket) is State.RETIRED
    assert house.provider.deleted == 1


# --- a day's requests


def test_no_more_than_a_days_requests_are_begun(house: House) -> None:
    tickets = [house.desk.file(form=form(name=f"payments-box-{number}")) for number in range(4)]
    results = [house.engine(requests_per_day=2).consider(ticket, GIVEN).result for ticket in tickets]
    assert results == [Result.FULFILLED, Result.FULFILLED, Result.REFUSED, Result.REFUSED]
    assert "the limit is 2 a day" in house.desk.ours(tickets[2].id)[0].text
    house.desk.clock += timedelta(days=1)
    house.desk.comment(tickets[2].id, tickets[2].reporter or OTTO, "I still need it")
    assert house.engine(requests_per_day=2).consider(tickets[2], GIVEN).result is Result.FULFILLED


def test_what_was_approved_waits_for_the_next_day(house: House) -> None:
    tickets = [house.desk.file(form=form(name=f"payments-box-{number}")) for number in range(2)]
    for ticket in tickets:
        house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
        house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")

    def cycle() -> list[Result]:
        house.desk.clock += timedelta(minutes=3)
        engine = house.engine(Mode.SUPERVISED, requests_per_day=1)
        return [engine.advance(request).result for request in engine.due()]

    assert cycle() == [Result.FULFILLED, Result.UNCERTAIN]
    assert house.provider.created == 1
    house.desk.clock += timedelta(days=1)
    assert cycle() == [Result.FULFILLED]


def test_a_plan_that_is_not_the_one_that_was_approved_is_not_carried_out(house: House, tmp_path: Path) -> None:
    """Somebody with access to the database swaps it after the start."""
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderBusy("slow down")
    house.engine().consider(ticket, GIVEN)
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        connection.execute("UPDATE requests SET plan = replace(plan, 'payments-receipts', 'payments-others')")
    connection.close()
    assert last(house.cycle()) is Result.UNCERTAIN
    assert (house.state(ticket), list(house.provider.boxes)) == (State.UNCERTAIN, ["payments-receipts"])
    assert "not the one that was approved" in house.ledger.calls()[0].reason


# --- a kind that can carry no mark


class Unmarked(BoxHandler):
    """Boxes on which nothing can be written, such as a secret of a repository."""

    def observe(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        return "absent" if super().observe(plan, step, asked, reader) == "absent" else "unmarked"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_after_a_lost_answer_nobody_can_tell_whose_it_is(house: House, moment: str) -> None:
    house.handler = Unmarked(BoxSettings())
    ticket = house.desk.file()
    getattr(house.provider, moment)["box:CreateBox"] = AnswerLost("gone")
    house.engine().consider(ticket, GIVEN)
    house.cycle()
    if moment == "before":  # it was seen to be absent after a while: then it was never made
        assert (house.state(ticket), house.provider.created) == (State.CLOSED, 1)
        return
    assert (house.state(ticket), house.provider.created) == (State.UNCERTAIN, 1)
    assert "nothing can tell" in house.ledger.calls()[0].reason


def test_what_exists_without_a_mark_is_somebody_elses(house: House) -> None:
    house.handler = Unmarked(BoxSettings())
    house.provider.before["box:CreateBox"] = ProviderBusy("slow down")
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    house.provider.boxes["payments-receipts"] = {"mark": "", "locked": False, "items": 1}
    house.cycle()
    assert (house.state(ticket), house.provider.created) == (State.CONFLICT, 0)
    assert not house.provider.boxes["payments-receipts"]["locked"]


def test_one_agent_at_a_time_does_what_has_no_request(house: House, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite3", clock=lambda: house.desk.clock) as other:
        assert house.ledger.hold("a call")
        assert not other.hold("a call")
        assert other.hold("another")
        house.ledger.let_go("a call")
        assert other.hold("a call")
        house.desk.clock += timedelta(minutes=11)  # whoever held it has died
        assert house.ledger.hold("a call")
        house.desk.clock -= timedelta(days=400)  # the clock was wrong
        assert other.hold("a call")


# --- what a later turn must check again


def test_what_was_approved_and_not_begun_is_checked_again_before_the_first_effect(house: House) -> None:
    """Days later the ticket says something else, and the mode is another."""
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    house.provider.before["box:CreateBox"] = ProviderBusy("slow down")
    house.cycle(Mode.SUPERVISED)
    assert house.state(ticket) is State.APPLYING
    house.desk.edit(ticket.id, OTTO, summary="Do not create any storage box")
    house.cycle(Mode.SUPERVISED)
    assert (house.state(ticket), house.provider.created) == (State.HANDED_OVER, 0)
    assert "unbegun" in house.kinds(ticket)


@pytest.mark.parametrize("fault", [AnswerLost("gone"), Killed()], ids=["lost", "killed"])
def test_a_creation_that_never_arrived_is_checked_again_too(house: House, fault: BaseException) -> None:
    ticket = house.desk.file()
    house.provider.before["box:CreateBox"] = fault
    with suppress(Killed):
        house.engine().consider(ticket, GIVEN)
    house.desk.edit(ticket.id, OTTO, summary="Do not create any storage box")
    house.cycle()
    assert (house.state(ticket), house.provider.created) == (State.HANDED_OVER, 0)


def test_in_a_mode_that_may_not_act_nothing_more_is_done_and_a_person_is_called(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderBusy("slow down")
    house.engine().consider(ticket, GIVEN)
    for _ in range(25):
        house.cycle(Mode.SHADOW)
    assert not house.provider.boxes["payments-receipts"]["locked"]
    assert "configured as shadow" in house.ledger.calls()[0].reason
    assert last(house.cycle()) is Result.FULFILLED
    assert house.ledger.calls() == []


def test_a_pause_by_a_stop_is_no_patience_with_the_provider(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderBusy("slow down")
    house.engine().consider(ticket, GIVEN)
    house.ledger.stop("all", reason="an incident", by="olli", at=house.desk.now())
    house.desk.clock += timedelta(hours=60)
    house.cycle()
    house.ledger.resume("all", by="olli", at=house.desk.now())
    house.provider.before["box:PutLock"] = ProviderBusy("slow down")
    house.cycle()
    assert (house.state(ticket), len(house.provider.boxes)) == (State.APPLYING, 1)
    assert (last(house.cycle()), house.ledger.calls()) == (Result.FULFILLED, [])


@pytest.mark.parametrize("was_made", [True, False])
def test_what_became_of_a_lost_creation_is_found_out_before_it_is_undone(house: House, was_made: bool) -> None:
    class Blind(FakeProvider):
        """Sees nothing right after its creation."""

        is_blind = False

        def perform(self, step: Step) -> Any:
            if step.operation != "box:CreateBox":
                return super().perform(step)
            self.is_blind = True
            if was_made:
                super().perform(step)
            raise AnswerLost("gone")

        def read(self, *about: Any, **more: Any) -> Any:
            if self.is_blind:
                raise ProviderBusy("slow down")
            return super().read(*about, **more)

    house.provider = provider = Blind()
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    house.desk.assign(ticket.id, OTTO)
    house.cycle()
    assert house.state(ticket) is State.FAILED
    provider.is_blind = False
    house.cycle()
    assert (house.state(ticket), provider.boxes) == (State.COMPENSATED, {})
    assert (len(house.desk.ours(ticket.id, "undone")), provider.deleted) == (int(was_made), int(was_made))


def test_approval_by_comment_that_is_off_takes_nothing_away(short_lived: tuple[House, Ticket]) -> None:
    house, ticket = short_lived
    house.desk.clock += timedelta(days=31)
    house.cycle()
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    engine = house.engine(comment_approvals=False)
    house.desk.clock += timedelta(minutes=5)
    assert [engine.advance(request).result for request in engine.due()] == [Result.KEPT]
    assert (house.state(ticket), house.provider.deleted) == (State.CLOSED, 0)


@pytest.mark.parametrize("way", ["mode", "stop", "demotion"])
def test_a_path_that_is_held_takes_nothing_away(short_lived: tuple[House, Ticket], way: str) -> None:
    house, ticket = short_lived
    house.desk.clock += timedelta(days=31)
    house.cycle()
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    if way == "stop":
        house.ledger.stop("storage-box", reason="why", by="olli", at=house.desk.now(), ceiling=Mode.SUGGEST)
    elif way == "demotion":
        house.ledger.demote("storage-box", Mode.SHADOW, "it was wrong", house.desk.now())
    house.cycle(Mode.OFF if way == "mode" else Mode.AUTONOMOUS)
    assert (house.state(ticket), house.provider.deleted) == (State.RETIRING, 0)
    house.ledger.resume("storage-box", by="olli", at=house.desk.now())
    assert last(house.cycle()) is Result.RETIRED


def test_two_hiccups_days_apart_call_nobody(house: House) -> None:
    ticket = house.desk.file()
    house.engine(Mode.SUPERVISED).consider(ticket, GIVEN)
    for _ in range(2):
        house.desk.fail_next["groups_of"] = JiraUnreachable("no answer")
        assert last(house.cycle(Mode.SUPERVISED)) is Result.UNCERTAIN
        assert last(house.cycle(Mode.SUPERVISED)) is Result.AWAITING_APPROVAL
        house.desk.clock += timedelta(days=2)
    assert house.ledger.calls() == []


def test_what_nobody_can_decide_about_calls_a_person_once_for_all_tickets(house: House) -> None:
    tickets = [house.desk.file(), house.desk.file(form=form(name="payments-other"))]
    for _ in range(30):
        for ticket in tickets:
            house.desk.fail_next["groups_of"] = JiraRefused("this account may not browse users")
            house.engine().consider(ticket, GIVEN)
        house.desk.clock += timedelta(minutes=5)
    (call,) = house.ledger.calls()
    assert call.request_id is None and "have not been decided about" in call.reason

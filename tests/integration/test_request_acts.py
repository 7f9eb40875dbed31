"""What a person does about a request that waits, and what nobody owns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.errors import AgentError
from agent.request_acts import abandon, find, find_orphans, resume
from fulfilment.chain import Note
from fulfilment.errors import AnswerLost, ProviderBusy, ProviderRefused, StaleRequest
from fulfilment.handler import Asked, Marked, Reader
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan
from fulfilment.request import Result, State
from tests.fakes import ADA, DANA, SECRET, BoxHandler, BoxSettings, form, policy
from tests.integration.test_engine import GIVEN, House
from tests.integration.test_engine_effects import ShortLived
from tickets.errors import NoTransition
from tickets.ticket import Ticket

NOW = datetime(2026, 11, 3, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "ledger.sqlite3")
    yield made
    assert made.ledger.verify().broken_at is None
    made.ledger.close()


def uncertain(house: House) -> Ticket:
    """What was sent is never answered, and cannot be seen."""
    ticket = house.desk.file()
    house.provider.after["box:PutLock"] = AnswerLost("gone")
    house.engine().consider(ticket, GIVEN)
    house.desk.clock += timedelta(hours=2)
    house.provider.after["box:PutLock"] = AnswerLost("gone")
    house.cycle()
    assert house.state(ticket) is State.UNCERTAIN
    assert len(house.ledger.calls()) == 1
    return ticket


def test_what_is_uncertain_goes_on_when_a_person_says_so(house: House) -> None:
    ticket = uncertain(house)
    assert house.cycle() == []
    assert resume(house.ledger, ticket.key.lower(), by="olli", at=NOW).state is State.APPLYING
    assert house.ledger.calls() == []
    assert [outcome.result for outcome in house.cycle()] == [Result.FULFILLED]
    assert house.provider.created == 1
    with pytest.raises(AgentError, match="closed: there is nothing to resume"):
        resume(house.ledger, ticket.key, by="olli", at=NOW)


def test_what_is_abandoned_is_left_alone_for_good(house: House) -> None:
    ticket = uncertain(house)
    request = find(house.ledger, ticket.key)
    assert abandon(house.ledger, request.id[:8], by="olli", at=NOW).state is State.HANDED_OVER
    assert (house.ledger.calls(), house.cycle()) == ([], [])
    with pytest.raises(AgentError, match="cannot be abandoned"):
        abandon(house.ledger, ticket.key, by="olli", at=NOW)


def test_what_could_not_be_taken_away_is_tried_again_when_a_person_says_so(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before |= {"box:PutLock": ProviderRefused("no"), "box:DeleteBox": ProviderRefused("no")}
    house.engine().consider(ticket, GIVEN)
    assert (house.state(ticket), len(house.ledger.calls())) == (State.FAILED, 1)
    resume(house.ledger, ticket.key, by="olli", at=NOW)
    assert house.ledger.calls() == []
    house.cycle()
    assert (house.state(ticket), house.provider.boxes) == (State.COMPENSATED, {})


def test_names_that_name_nothing(house: House, tmp_path: Path) -> None:
    ticket = uncertain(house)
    request = find(house.ledger, ticket.key)
    for name in ("OPS-999", request.id[:5], "zzzzzzzz"):
        with pytest.raises(AgentError, match="goldenpath requests"):
            find(house.ledger, name)
    with Ledger.open(tmp_path / "ledger.sqlite3", clock=lambda: house.desk.clock) as other:
        held = other.claim(request, NOW)
        with pytest.raises(StaleRequest, match="another process"):
            resume(house.ledger, ticket.key, by="olli", at=NOW)
        other.release(held.id)


class Listing(BoxHandler):
    """Boxes can be listed; of this place nobody may."""

    def __init__(self, house: House) -> None:
        super().__init__(BoxSettings())
        self._house = house
        self.is_busy = False

    def marked(self, region: str, reader: Reader) -> tuple[Marked, ...]:
        if self.is_busy:
            raise ProviderBusy("slow down")
        return tuple(Marked(name, region, box["mark"]) for name, box in self._house.provider.boxes.items())


def test_what_no_row_owns_is_an_orphan(house: House) -> None:
    house.handler = handler = Listing(house)
    made, failed = house.desk.file(), house.desk.file(form=form(name="payments-other"))
    house.engine().consider(made, GIVEN)
    house.provider.before |= {"box:PutLock": ProviderRefused("no")}
    house.engine().consider(failed, GIVEN)
    marks = {entry.detail.get("operation") for entry in house.ledger.story(failed.key)}
    assert "box:DeleteBox" in marks
    house.provider.boxes["left"] = {"mark": "f" * 64, "locked": True}
    handlers = {"storage-box": handler}
    found = find_orphans(house.ledger, policy(), handlers, house.provider, SECRET)
    assert [(one.found.resource, one.why) for one in found.orphans] == [
        ("left", "no request of this ledger has its mark")
    ]
    assert (found.looked_at, found.unread) == (2, ())
    copy = dict(house.provider.boxes["payments-receipts"])
    house.provider.boxes["payments-copy"] = copy
    found = find_orphans(house.ledger, policy(), handlers, house.provider, SECRET)
    assert "no row says that it made this" in {one.found.resource: one.why for one in found.orphans}["payments-copy"]
    handler.is_busy = True
    (unread,) = find_orphans(house.ledger, policy(), handlers, house.provider, SECRET).unread
    assert "storage-box in dev (eu-west-1): slow down" in unread


def orphans_of(house: House) -> dict[str, str]:
    house.handler = handler = Listing(house)
    found = find_orphans(house.ledger, policy(), {"storage-box": handler}, house.provider, SECRET)
    return {one.found.resource: one.why for one in found.orphans}


def test_no_edit_begins_anew_what_a_person_abandoned(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderBusy("busy")
    house.engine().consider(ticket, GIVEN)
    assert orphans_of(house) == {}
    abandon(house.ledger, ticket.key, by="olli", at=NOW)
    house.desk.fill(ticket.id, DANA, "Box name", "second-box")
    outcome = house.engine().consider(ticket, GIVEN)
    assert (outcome.result, outcome.reasons) == (Result.LEFT_TO_PEOPLE, ("olli takes it over",))
    assert list(house.provider.boxes) == ["payments-receipts"]
    assert orphans_of(house) == {
        "payments-receipts": f"the request of {ticket.key} is handed_over, and nothing looks after this any more"
    }


def test_what_could_not_be_taken_away_is_an_orphan(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before |= {"box:PutLock": ProviderRefused("no"), "box:DeleteBox": ProviderRefused("no")}
    house.engine().consider(ticket, GIVEN)
    assert "is failed, and nothing looks after" in orphans_of(house)["payments-receipts"]


def test_what_was_fulfilled_but_could_not_be_moved_is_no_orphan(house: House) -> None:
    ticket = house.desk.file()
    house.desk.fail_next["move"] = NoTransition("no way")
    house.engine().consider(ticket, GIVEN)
    assert (house.state(ticket), orphans_of(house)) == (State.HANDED_OVER, {})


def test_a_request_that_began_while_marks_are_read_owns_what_it_made(house: House) -> None:
    class Slow(Listing):
        def marked(self, region: str, reader: Reader) -> tuple[Marked, ...]:
            if not house.provider.boxes:
                house.engine().consider(house.desk.file(), GIVEN)
            return super().marked(region, reader)

    house.handler = Slow(house)
    found = find_orphans(house.ledger, policy(), {"storage-box": house.handler}, house.provider, SECRET)
    assert (found.orphans, found.looked_at) == ((), 1)


def test_a_broken_handler_is_unread(house: House) -> None:
    class Broken(Listing):
        def marked(self, region: str, reader: Reader) -> tuple[Marked, ...]:
            raise KeyError(region)

    found = find_orphans(house.ledger, policy(), {"storage-box": Broken(house)}, house.provider, SECRET)
    assert "marked raised KeyError" in found.unread[0]


def test_what_failed_before_its_plan_is_judged_anew(house: House) -> None:
    class Broken(BoxHandler):
        def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
            raise KeyError("x")

    house.handler = Broken(BoxSettings())
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    assert house.state(ticket) is State.FAILED
    house.handler = BoxHandler(BoxSettings())
    assert resume(house.ledger, ticket.key, by="olli", at=NOW).state is State.MATCHED
    assert [outcome.result for outcome in house.cycle()] == [Result.FULFILLED]


def test_what_failed_and_left_nothing_cannot_go_on(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:CreateBox"] = ProviderRefused("no")
    house.engine().consider(ticket, GIVEN)
    (call,) = house.ledger.calls()
    assert house.state(ticket) is State.FAILED and "resume" not in call.look_at
    with pytest.raises(AgentError, match=r"nothing of it is left: `goldenpath requests abandon"):
        resume(house.ledger, ticket.key, by="olli", at=NOW)
    abandon(house.ledger, ticket.key, by="olli", at=NOW)
    assert house.ledger.calls() == []


def test_a_call_about_what_waits_ends_when_a_person_says_so(house: House) -> None:
    ticket = house.desk.file()
    house.provider.before["box:PutLock"] = ProviderBusy("busy")
    house.engine().consider(ticket, GIVEN)
    request = find(house.ledger, ticket.key)
    held = house.ledger.claim(request, NOW)
    house.ledger.summon(held, Note(NOW, "called", "it waits"), look_at="Look.")
    house.ledger.release(request.id)
    assert request.next_check_at is None
    assert resume(house.ledger, ticket.key, by="olli", at=NOW).state is State.APPLYING
    assert house.ledger.calls() == []
    assert [outcome.result for outcome in house.cycle()] == [Result.FULFILLED]


def test_what_stays_is_asked_about_again(house: House) -> None:
    house.handler = ShortLived(BoxSettings())
    ticket = house.desk.file()
    house.engine().consider(ticket, GIVEN)
    with pytest.raises(AgentError, match="nothing to resume"):
        resume(house.ledger, ticket.key, by="olli", at=house.desk.clock)
    for _ in range(3):
        house.desk.clock += timedelta(days=24)
        house.cycle()
    (call,) = house.ledger.calls()
    assert house.state(ticket) is State.CLOSED and "goldenpath settle" in call.look_at
    assert "abandon" not in call.look_at
    resume(house.ledger, ticket.key, by="olli", at=house.desk.clock)
    assert house.ledger.calls() == []
    assert [outcome.result for outcome in house.cycle()] == [Result.AWAITING_APPROVAL]
    house.cycle()
    assert len(house.desk.ours(ticket.id, "retirement")) == 2
    house.desk.comment(ticket.id, ADA, f"approve {house.code(ticket)}")
    assert [outcome.result for outcome in house.cycle()] == [Result.RETIRED]
    house.desk.set_status(ticket.id, DANA, "Open")
    house.desk.fill(ticket.id, DANA, "Box name", "second-box")
    assert "it was taken away" in house.engine().consider(ticket, GIVEN).reasons[0]

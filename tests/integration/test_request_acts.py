"""What a person does about a request that waits, and what nobody owns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.request_acts import abandon, find, find_orphans, resume
from fulfilment.errors import AnswerLost, ProviderBusy, ProviderRefused, StaleRequest
from fulfilment.handler import Marked, Reader
from fulfilment.ledger import Ledger
from fulfilment.request import Result, State
from tests.fakes import SECRET, BoxHandler, BoxSettings, form, policy
from tests.integration.test_engine import GIVEN, House
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

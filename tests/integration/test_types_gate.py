"""The gate, end to end: what a request for a bucket in prose needs before it is fulfilled without a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from agent import asking, bootstrap, config, learning
from agent.cycle import run_cycle
from agent.model import LiveModel
from analytics.model_file import MODEL_FILE
from fulfilment.ledger import Ledger
from fulfilment.records import Certificate
from fulfilment.request import Outcome, Request, Result, State
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Issue
from tests.integration.queues import Queue, closed_by
from tests.integration.sites import NOW, install, paragraphs
from tickets.store import TicketStore

PROSE = (
    "Hello folks, the bank will deliver settlement files to us every night. Could we have an S3 bucket named {name} in "
    "eu-west-1 for them? The content is confidential and this is for dev."
)

NUMBERS = count(1)


@dataclass
class House:
    """An installation that has learned from another site's forms; each `cycle` is a start of the program anew."""

    site: ThreadedSandbox
    installed: config.Configuration
    store: TicketStore
    ledger: Ledger
    now: datetime
    filed: list[Issue] = field(default_factory=list)

    def file(self, *, kind: str = "Task") -> Issue:
        fields = {
            "project": {"key": "PLAT"},
            "issuetype": {"name": kind},
            "summary": "S3 bucket for settlement files",
            "description": paragraphs(PROSE.format(name=f"payments-settlement-{next(NUMBERS)}")),
        }
        self.filed.append(self.site.state.create(self.site.world.accounts["developer"], fields))
        return self.filed[-1]

    def cycle(self, issue: Issue) -> Outcome:
        """What the cycle says of this ticket."""
        with bootstrap.open_rooms(self.installed) as rooms:
            done = run_cycle(rooms)
        assert done.errors == 0
        (outcome,) = (one for one in done.outcomes if one.ticket == issue.key)
        return outcome

    def is_looked_at(self, issue: Issue) -> bool:
        with bootstrap.open_rooms(self.installed) as rooms:
            return any(one.ticket == issue.key for one in run_cycle(rooms).outcomes)

    @property
    def live(self) -> LiveModel:
        return Queue(self.installed, self.store, self.ledger).live

    def say(self, issue: Issue, request_type: str) -> None:
        asking.say(self.installed, self.store, self.ledger, issue.key, request_type, by="olli", at=self.now)

    def certify(self) -> None:
        bound = Certificate("s3-bucket", 0.02, 0.95, 0.3, 200, 0, 0.9)
        self.ledger.evidence.issue([bound], model=self.live.sha256, at=self.now)


@contextmanager
def open_house(site: ThreadedSandbox, folder: Path) -> Iterator[House]:
    installed = install(site, folder)
    with bootstrap.open_store(installed) as store, bootstrap.open_ledger(installed) as ledger:
        with bootstrap.connect(installed) as client:
            now = client.now() + timedelta(seconds=1)
        Queue(installed, store, ledger).file(120, drawn=closed_by("ops"))
        learning.train(installed, store, ledger, at=now)
        house = House(site, installed, store, ledger, now)
        yield house
        for issue in house.filed:
            site.state.delete(site.world.accounts["developer"], issue)
        assert ledger.verify().broken_at is None


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW)) as site:
        yield site


@pytest.fixture
def house(running: ThreadedSandbox, tmp_path: Path) -> Iterator[House]:
    with open_house(running, tmp_path) as opened:
        yield opened


def requests(house: House, issue: Issue) -> list[Request]:
    return [one for one in house.ledger.requests() if one.ticket_key == issue.key]


def test_without_a_certificate_a_person_approves_and_reads_what_is_missing(house: House) -> None:
    issue = house.file()
    outcome = house.cycle(issue)
    assert outcome.result is Result.AWAITING_APPROVAL
    told = " ".join(outcome.reasons)
    assert "the request type was predicted, not chosen on a form" in told
    assert "more audited tickets needed" in told
    assert [one.state for one in requests(house, issue)] == [State.AWAITING_APPROVAL]


def test_with_one_in_force_the_cycle_fulfils_it(house: House) -> None:
    house.certify()
    issue = house.file()
    outcome = house.cycle(issue)
    assert outcome.result is Result.FULFILLED
    (request,) = requests(house, issue)
    assert request.type_source == "predicted"
    assert request.certificate == house.ledger.evidence.in_force()["s3-bucket"].id


def test_while_it_is_suspended_a_person_approves(house: House) -> None:
    house.certify()
    house.ledger.evidence.suspend("s3-bucket", "the mix of tickets changed", house.now)
    outcome = house.cycle(house.file())
    assert outcome.result is Result.AWAITING_APPROVAL
    assert "the mix of tickets changed" in " ".join(outcome.reasons)
    house.ledger.evidence.restore("s3-bucket", house.now)
    assert house.cycle(house.file()).result is Result.FULFILLED


def seen(house: House) -> Issue:
    """A ticket in the store that nothing was decided about: no path was switched on yet."""
    (path,) = [name for name in (house.installed.source,) if name is not None]
    text = path.read_text()
    path.write_text(text.replace('mode = "autonomous"', 'mode = "off"'))
    on, house.installed = house.installed, config.load(path)
    issue = house.file()
    assert house.cycle(issue).result is Result.LEFT_TO_PEOPLE
    path.write_text(text)
    house.installed = on
    return issue


def test_what_a_person_says_makes_the_next_cycle_look_again(house: House) -> None:
    issue = seen(house)
    assert not house.is_looked_at(issue)
    house.say(issue, "s3-bucket")
    outcome = house.cycle(issue)
    assert outcome.result is Result.FULFILLED
    (request,) = requests(house, issue)
    assert (request.type_source, request.certificate) == ("corrected", None)
    assert not house.is_looked_at(issue)


def test_said_to_be_something_else_it_is_never_fulfilled_as_a_bucket(house: House) -> None:
    house.certify()
    issue = seen(house)
    house.say(issue, "vpn-access")
    assert house.cycle(issue).result is Result.LEFT_TO_PEOPLE
    assert requests(house, issue) == []


def test_said_to_be_something_else_after_it_was_planned(house: House) -> None:
    issue = house.file()
    assert house.cycle(issue).result is Result.AWAITING_APPROVAL
    house.say(issue, "vpn-access")
    house.certify()
    for _ in range(2):
        house.is_looked_at(issue)
    assert [one.state for one in requests(house, issue)] == [State.AWAITING_APPROVAL]


def test_a_wrong_fulfilment_that_a_person_reports_demotes_the_path(house: House) -> None:
    house.certify()
    issue = house.file()
    assert house.cycle(issue).result is Result.FULFILLED
    house.say(issue, "vpn-access")
    house.certify()
    outcome = house.cycle(house.file())
    assert outcome.result is Result.AWAITING_APPROVAL
    assert f"{issue.key} was fulfilled as s3-bucket" in " ".join(outcome.reasons)


def test_a_damaged_model_holds_new_tickets_up_and_nothing_that_is_begun(house: House) -> None:
    begun = house.file()
    assert house.cycle(begun).result is Result.AWAITING_APPROVAL
    place = bootstrap.model_folder(house.installed) / MODEL_FILE
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    new = house.file()
    with bootstrap.open_rooms(house.installed) as rooms:
        done = run_cycle(rooms)
    assert done.errors == 1
    told = {outcome.ticket for outcome in done.outcomes}
    assert begun.key in told and new.key not in told
    place.write_bytes(whole)
    assert house.cycle(new).result is Result.AWAITING_APPROVAL

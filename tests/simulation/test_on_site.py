"""The sandbox over loopback: the world in memory does as it does, and the invariants hold there too, with the real
client, bucket path and AWS session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from fulfilment.errors import ProviderRefused
from fulfilment.handler import Asked
from fulfilment.identity import PROPERTY, content_hash
from fulfilment.plan import Plan
from tests.fakes import DANA, OTTO, FakeDesk
from tests.simulation.play import Kit, kit
from tests.simulation.points import Point
from tests.simulation.schedules import SENT, Fault, Schedule, singles
from tests.simulation.site import Site, SiteJira, SiteProvider, serve
from tests.simulation.world import Provider
from tickets.errors import NotFound
from tickets.ticket import Comment, Ticket

FEW, MANY = 15, 120
MARKER = {"request": "r", "purpose": "trouble", "about": "a"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("site")) as running:
        yield running


# --- what both must do


@dataclass
class Place:
    """One of the two, with a ticket in it."""

    jira: Any
    provider: Any
    kit: Kit
    target: str
    parameters: dict[str, str]

    def __post_init__(self) -> None:
        self.ticket: Ticket = self.jira.file()
        ((_, self.handler),) = self.kit.handlers.items()

    def read(self) -> Ticket:
        found: Ticket = self.jira.ticket(self.ticket.id)
        return found

    def post(self, *, public: bool = True) -> Comment:
        body = self.kit.replies.trouble("It is slow.")
        found: Comment = self.jira.post_comment(self.ticket.id, body, properties={PROPERTY: MARKER}, public=public)
        return found

    def asked(self, mark: str = "m" * 64) -> Asked:
        policy = self.kit.policy
        return Asked(self.ticket.key, "r" * 64, mark, policy.teams["payments"], policy.environments["dev"])

    def plan(self, **changes: str) -> Plan:
        parameters = self.handler.Parameters.model_validate({**self.parameters, **changes})
        return self.handler.plan(parameters, self.asked(), self.provider.reader("dev", self.handler))

    def perform(self, plan: Plan, *numbers: int) -> None:
        operations = self.handler.operations
        executor = self.provider.executor("dev", ticket=self.ticket.key, request="r" * 64, operations=operations)
        for number in numbers:
            executor.perform(plan.steps[number])

    def observe(self, plan: Plan, mark: str = "m" * 64) -> str:
        reader = self.provider.reader("dev", self.handler)
        return self.handler.observe(plan, plan.steps[0], self.asked(mark), reader)


@pytest.fixture(params=["memory", "site"])
def place(request: pytest.FixtureRequest, site: Site) -> Place:
    if request.param == "memory":
        parameters = {"name": "payments-new", "region": "eu-west-1", "environment": "dev", "team": "payments"}
        return Place(FakeDesk(), Provider(), kit("autonomous"), "Done", parameters)
    jira = SiteJira(site.running, site.client)
    provider = SiteProvider(site.workshop, site.admin, jira)
    parameters = {"name": jira.new_name("payments-new"), "region": "eu-central-1", "environment": "dev"}
    return Place(jira, provider, site.kit, "Resolved", {**parameters, "data_class": "internal"})


def test_what_was_posted_is_read_as_it_was_posted(place: Place) -> None:
    before = place.read()
    posted = [place.post(), place.post(public=False)]
    read = place.read()
    assert [(c.id, c.digest, c.author and c.author.id, c.created_at, c.is_public) for c in read.comments] == [
        (c.id, c.digest, place.jira.account().id, c.created_at, public)
        for c, public in zip(posted, (True, False), strict=True)
    ]
    assert [c.properties[PROPERTY] for c in read.comments] == [MARKER, MARKER]
    assert not any(c.is_edited for c in read.comments)
    assert read.updated_at > before.updated_at
    assert _hash(read) == _hash(before)


def test_an_edited_comment_tells_by_whom(place: Place) -> None:
    posted = place.post()
    place.jira.edit_comment(place.ticket.id, posted.id, OTTO, "something else")
    (read,) = place.read().comments
    assert read.is_edited and read.digest != posted.digest
    assert read.last_editor is not None and read.last_editor.id != place.jira.account().id
    assert read.properties[PROPERTY] == MARKER


def test_a_move_is_made_once(place: Place) -> None:
    for _ in range(2):
        place.jira.move(place.ticket.id, to_status=place.target, resolution="Done")
    read = place.read()
    assert read.status.name == place.target and not read.is_open
    assert read.status_changes is not None
    assert [change.author and change.author.id for change in read.status_changes] == [place.jira.account().id]


def test_what_people_change_is_seen_at_once(place: Place) -> None:
    before = place.read()
    place.jira.assign(place.ticket.id, OTTO)
    assigned = place.read()
    assert assigned.assignee is not None and _hash(assigned) == _hash(before)
    place.jira.edit(place.ticket.id, DANA, summary="Please make another")
    edited = place.read()
    assert edited.summary == "Please make another" and _hash(edited) != _hash(before)
    (change,) = [change for change in edited.field_changes if change.field == "summary"]
    assert change.author is not None and edited.reporter is not None and change.author.id == edited.reporter.id


def test_no_such_ticket(place: Place) -> None:
    with pytest.raises(NotFound):
        place.jira.ticket(99_999_999)


def test_what_is_made_is_ours_and_another_ones_is_foreign(place: Place) -> None:
    plan = place.plan()
    assert place.observe(plan) == "absent"
    place.perform(plan, 0)
    assert (place.observe(plan), place.observe(plan, "x" * 64)) == ("ours", "foreign")


def test_a_name_is_given_once(place: Place) -> None:
    plan = place.plan()
    place.perform(plan, 0)
    with pytest.raises(ProviderRefused):
        place.perform(plan, 0)
    assert place.observe(plan) == "ours"


def test_where_it_forgives_our_own_name_may_be_asked_for_again(place: Place) -> None:
    """S3 in its oldest region."""
    place.provider.forgives = True
    plan = place.plan() if isinstance(place.provider, Provider) else place.plan(region="us-east-1")
    place.perform(plan, 0, 0)
    assert place.observe(plan) == "ours"


def test_the_other_steps_need_it_and_may_be_repeated(place: Place) -> None:
    plan = place.plan()
    rest = range(1, len(plan.steps))
    with pytest.raises(ProviderRefused):
        place.perform(plan, 1)
    place.perform(plan, 0, *rest, *rest)
    reader = place.provider.reader("dev", place.handler)
    assert place.handler.verify(plan, place.asked(), reader) == ()


def _hash(ticket: Ticket) -> str:
    return content_hash(ticket, fields=ticket.form, replies=())


# --- the same faults


@pytest.fixture(scope="module")
def points(site: Site) -> Sequence[Point]:
    played = site.play(Schedule("site"), trace=True)
    assert not played.wrong, str(played)
    assert played.states == ("closed",)
    return played.points


def test_faults_over_loopback(site: Site, points: Sequence[Point]) -> None:
    _all_hold(site, _spread(points, FEW))


@pytest.mark.soak
def test_more_faults_over_loopback(site: Site, points: Sequence[Point]) -> None:
    _all_hold(site, _spread(points, MANY))


def _spread(points: Sequence[Point], number: int) -> list[Schedule]:
    """A part of the single faults, and each answer lost on the wire."""
    wire = [Schedule("site", (Fault(point.at, "wire"),)) for point in points if point.kind in SENT]
    single = list(singles("site", points))
    left = number - len(wire)
    return wire + [single[len(single) * n // left] for n in range(left)]


def _all_hold(site: Site, schedules: Sequence[Schedule]) -> None:
    wrong = [played for one in schedules if (played := site.play(one, trace=True)).wrong]
    assert not wrong, "\n\n".join(map(str, wrong))

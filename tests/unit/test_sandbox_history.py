"""The sandbox's year of tickets: the same by seed, worded by disjoint sets, with waiting that emerges."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from sandbox.demand import DEMANDS
from sandbox.history import PROSE, TESTED, year
from sandbox.openings import OPENINGS
from sandbox.phrasings.wording import adf
from sandbox.site import empty_world
from sandbox.workday import BERLIN, NEW_YORK, WorkingTime
from sandbox.world import Issue, World

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
REQUESTS = {name for name, demand in DEMANDS.items() if demand.kind == "request"}
MAJOR = ("new-repository", "database", "s3-bucket", "ci-secret", "access-grant")


@pytest.fixture(scope="module")
def world() -> World:
    return year(7, NOW)


@pytest.fixture(scope="module")
def demo(world: World) -> dict[str, Issue]:
    return {issue.truth["demo"]: issue for issue in world.issues.values() if "demo" in issue.truth}


def test_the_same_seed_gives_the_same_world_and_another_seed_another(world: World) -> None:
    assert year(7, NOW) == world
    assert year(8, NOW).issues != world.issues


def test_every_second_engineer_logs_the_time_that_a_finished_ticket_took(world: World) -> None:
    logged = [issue for issue in world.issues.values() if issue.time_spent is not None]
    finished = [issue for issue in world.issues.values() if issue.resolution == "Done"]
    assert 0.3 < len(logged) / len(finished) < 0.7
    assert {issue.resolution for issue in logged} == {"Done"}
    for issue in logged:
        assert issue.time_spent is not None and issue.time_spent % 60 == 0
        assert 60 <= issue.time_spent <= BERLIN.seconds(issue.updated) - BERLIN.seconds(issue.created) + 60


def test_a_year_is_made_in_under_four_seconds() -> None:
    began = time.perf_counter()
    year(3, NOW)
    assert time.perf_counter() - began < 4


def test_any_moment_will_do_as_now() -> None:
    for now in (datetime(2026, 11, 22, 3, 7, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)):
        assert len(year(1, now, 400).issues) == 400


def test_a_naive_now_and_too_few_tickets_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        year(7, NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="at least 100"):
        year(7, NOW, 99)


def test_counts_projects_and_types(world: World) -> None:
    types = Counter(issue.truth["request_type"] for issue in world.issues.values())
    assert len(world.issues) == 3200
    assert {issue.project for issue in world.issues.values()} == {"OPS", "DATA", "PLAT", "WEB"}
    assert set(types) == set(DEMANDS)
    assert len(REQUESTS) == 15
    heavy = {name for name, _ in Counter({t: n for t, n in types.items() if t in REQUESTS}).most_common(5)}
    assert heavy == set(MAJOR)


def test_ids_follow_creation_and_keys_ascend_in_each_project(world: World) -> None:
    issues = list(world.issues.values())
    assert all(a.id < b.id and a.created <= b.created for a, b in pairwise(issues))
    for project in world.projects:
        numbers = [int(issue.key.split("-")[1]) for issue in issues if issue.project == project]
        assert numbers == list(range(1, len(numbers) + 1))
    ids = [issue.id for issue in issues]
    ids += [entry.id for issue in issues for entry in issue.histories]
    ids += [comment.id for issue in issues for comment in issue.comments]
    assert len(set(ids)) == len(ids)
    assert max(ids) < world.next_id


def test_nothing_happens_before_creation_or_after_now(world: World) -> None:
    for issue in world.issues.values():
        moments = [entry.created for entry in issue.histories]
        moments += [comment.created for comment in issue.comments]
        assert all(issue.created <= moment <= world.now for moment in moments), issue.key
        assert issue.updated == max([issue.created, *moments])
        assert issue.created >= NOW - timedelta(days=365)


def test_forms_are_filled_on_service_desks_only_and_some_by_half(world: World) -> None:
    buckets = [issue for issue in world.issues.values() if issue.truth["request_type"] == "s3-bucket"]
    on_form = [issue for issue in buckets if issue.project not in PROSE]
    assert all(world.projects[i.project].request_types[str(i.request_type)] == "S3 bucket" for i in on_form)
    assert all(issue.request_type is None and not issue.custom for issue in buckets if issue.project in PROSE)
    answers = Counter(len(issue.custom) for issue in on_form)
    assert answers[4] > sum(count for number, count in answers.items() if number < 4) > 10
    for issue in world.issues.values():
        for field, value in issue.custom.items():
            assert not world.fields[field].options or value in world.fields[field].options
        assert issue.issue_type in world.projects[issue.project].issue_types


def test_status_histories_are_whole_and_follow_the_workflow(world: World) -> None:
    for issue in world.issues.values():
        workflow = world.workflows[world.projects[issue.project].workflow]
        status, assignee, resolution = workflow.initial, None, None
        for entry, after in pairwise([*issue.histories, None]):
            assert entry is not None
            assert after is None or entry.created <= after.created, issue.key
            for item in entry.items:
                if item.field == "status":
                    assert item.from_id == status, issue.key
                    assert any(t.target == item.to_id and status in t.sources for t in workflow.transitions)
                    assert item.to_id is not None
                    status = item.to_id
                elif item.field == "assignee":
                    assert item.from_id == assignee != item.to_id
                    assignee = item.to_id
                else:
                    assert item.field == "resolution"
                    assert item.from_string == resolution != item.to_string
                    resolution = item.to_string
        assert (issue.status, issue.assignee, issue.resolution) == (status, assignee, resolution)
        is_done = world.statuses[status].category == "done"
        assert is_done == (issue.resolved is not None) == (resolution is not None)


def test_every_course_of_events_occurs(world: World) -> None:
    seen: Counter[str] = Counter()
    for issue in world.issues.values():
        names = [i.to_string for entry in issue.histories for i in entry.items if i.field == "status"]
        people = {i.to_id for entry in issue.histories for i in entry.items if i.field == "assignee"} - {None}
        seen["reopened"] += "Reopened" in names or "To Do" in names
        seen["bounced"] += "Waiting for customer" in names or "Blocked" in names
        seen["reviewed"] += "In Review" in names
        seen["reassigned"] += len(people) > 1
        seen["bot"] += any(comment.author == "bot" for comment in issue.comments)
        seen["internal"] += any(not comment.public for comment in issue.comments)
        seen["refused"] += issue.resolution == "Won't Do"
        seen["answered"] += any(comment.author == issue.reporter for comment in issue.comments)
    assert all(seen[course] >= 10 for course in seen), seen


def _waits(world: World) -> Iterator[tuple[str, float]]:
    """Request type and queue time in the team's working hours, up to now for what nobody has begun."""
    for issue in world.issues.values():
        moves = [entry.created for entry in issue.histories for item in entry.items if item.field == "status"]
        until = moves[0] if moves else world.now
        yield issue.truth["request_type"], (BERLIN.seconds(until) - BERLIN.seconds(issue.created)) / 3600


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_requests_wait_for_days_and_incidents_do_not(seed: int) -> None:
    waits = list(_waits(year(seed, NOW)))
    requests = [hours for name, hours in waits if name in REQUESTS]
    assert 6 < median(requests) < 24
    assert median(hours for name, hours in waits if name == "incident") < 1
    total = {name: sum(hours for other, hours in waits if other == name) for name in REQUESTS}
    assert set(sorted(total, key=total.__getitem__)[-3:]) == {"database", "new-repository", "s3-bucket"}


def test_the_backlog_is_there_and_bounded(world: World) -> None:
    open_ones = [i for i in world.issues.values() if world.statuses[i.status].category != "done"]
    assert len(OPENINGS) + 5 < len(open_ones) < 120


def _share_in_hours(moments: list[datetime], place: WorkingTime) -> float:
    return sum(place.is_open(at) for at in moments) / len(moments)


def test_arrivals_follow_the_requesters_hours(world: World) -> None:
    search = {id for id, account in world.accounts.items() if "g-search" in account.groups}
    assert len(search) >= 7
    assert {world.accounts[id].time_zone for id in search} == {"America/New_York"}
    assert {account.time_zone for id, account in world.accounts.items() if id not in search} == {"Europe/Berlin"}
    overseas = [issue.created for issue in world.issues.values() if issue.reporter in search]
    others = [i.created for i in world.issues.values() if i.reporter not in search and "demo" not in i.truth]
    assert 1000 < len(overseas) < 1500
    assert 0.85 < _share_in_hours(overseas, NEW_YORK) < 1
    assert 0.85 < _share_in_hours(others, BERLIN) < 1
    assert _share_in_hours(overseas, BERLIN) < 0.35
    on_holiday = [at for at in overseas if NEW_YORK.is_holiday(at.astimezone(NEW_YORK.zone).date())]
    assert 0 < len(on_holiday) < 0.5 * 11 * len(overseas) / 250


def test_requests_from_overseas_wait_over_the_night(world: World) -> None:
    nights: dict[str, list[bool]] = {"America/New_York": [], "Europe/Berlin": []}
    for issue in world.issues.values():
        moves = [entry.created for entry in issue.histories for item in entry.items if item.field == "status"]
        if moves and issue.truth["request_type"] == "incident":
            days = {at.astimezone(BERLIN.zone).date() for at in (issue.created, moves[0])}
            nights[world.accounts[issue.reporter].time_zone].append(len(days) > 1)
    shares = {zone: sum(waited) / len(waited) for zone, waited in nights.items()}
    assert shares["America/New_York"] > 0.6
    assert shares["Europe/Berlin"] < 0.2


def test_the_staff_works_in_its_hours_only(world: World) -> None:
    staff = {id for id, account in world.accounts.items() if "g-ops" in account.groups}
    worked = [entry.created for issue in world.issues.values() for entry in issue.histories if entry.author in staff]
    assert len(worked) > 6000
    assert all(BERLIN.is_open(at) for at in worked)


def test_what_is_pushed_aside_goes_back_and_is_begun_again(world: World) -> None:
    """To a queue or to Blocked, by the engineer who keeps it."""
    names: Counter[str] = Counter()
    queues = {"Waiting for support", "To Do"}
    for issue in world.issues.values():
        if "demo" in issue.truth:
            continue
        moves = [(e.author, i) for e in issue.histories for i in e.items if i.field == "status"]
        for (author, item), following in pairwise([*moves, None]):
            if item.from_string not in ("In progress", "In Progress") or item.to_string not in queues:
                continue
            names[str(item.to_string)] += 1
            assert "g-ops" in world.accounts[str(author)].groups
            assert following is None or (following[0], following[1].to_string) == (author, item.from_string)
    assert set(names) == queues
    assert names.total() > 50


def test_the_test_set_words_only_young_prose_and_the_demo(world: World) -> None:
    sets: Counter[str] = Counter()
    for issue in world.issues.values():
        is_young = issue.created > world.now - TESTED
        expected = "test" if "demo" in issue.truth or (issue.project in PROSE and is_young) else "train"
        assert issue.truth["set"] == expected, issue.key
        sets[expected] += 1
        assert expected in issue.truth["phrasing"]
    assert sets["test"] > 150


def _text(node: dict[str, Any]) -> str:
    return "".join([node.get("text", ""), *(_text(child) for child in node.get("content", []))])


def test_truth_states_what_the_ticket_says(world: World) -> None:
    stated = Counter[int]()
    for issue in world.issues.values():
        if issue.truth["request_type"] != "s3-bucket" or "demo" in issue.truth:
            continue
        text = issue.summary + _text(issue.description or {}) + " ".join(issue.custom.values())
        parameters = issue.truth["parameters"]
        stated[len(parameters)] += 1
        assert parameters.get("name", "") in text
        assert parameters.get("data_class", "") in text
        assert not re.search(r"\{[a-z_]+\}", _text(issue.description or {}).replace("{ ", "")), issue.key
    assert stated[4] > stated[3] > 0 < stated[1] + stated[0]


CHILDREN = {
    "doc": {"paragraph", "bulletList", "codeBlock"},
    "paragraph": {"text", "hardBreak"},
    "bulletList": {"listItem"},
    "listItem": {"paragraph"},
    "codeBlock": {"text"},
    "text": set(),
    "hardBreak": set(),
}


def _check(node: dict[str, Any]) -> None:
    assert set(node) <= {"type", "version", "content", "text", "attrs"}
    assert node["type"] != "text" or node["text"]
    for child in node.get("content", []):
        assert child["type"] in CHILDREN[node["type"]]
        _check(child)


def test_all_bodies_are_adf_documents(world: World) -> None:
    kinds: Counter[str] = Counter()
    for issue in world.issues.values():
        bodies = [comment.body for comment in issue.comments] + [issue.description] * bool(issue.description)
        for body in bodies:
            assert body is not None
            assert body["type"] == "doc"
            assert body["version"] == 1
            assert body["content"]
            kinds.update(block["type"] for block in body["content"])
            _check(body)
    assert kinds["codeBlock"] > 50 < kinds["bulletList"]
    _check(adf(""))


def test_the_demo_tickets_are_young_and_untouched(world: World, demo: dict[str, Issue]) -> None:
    assert set(demo) == {opening.demo for opening in OPENINGS}
    for tag, issue in demo.items():
        assert world.now - timedelta(hours=2) <= issue.created < world.now
        if tag != "person-works-on-it":
            assert (issue.assignee, issue.histories, issue.comments) == (None, [], [])
        assert issue.reporter == {"not-entitled": "outsider", "complete-form-second": "amir-haddad"}.get(
            tag, "developer"
        )
    begun = demo["person-works-on-it"]
    assert begun.assignee is not None
    assert "g-ops" in world.accounts[begun.assignee].groups
    assert world.statuses[begun.status].category == "indeterminate"
    assert [comment.author for comment in begun.comments] == [begun.assignee]


def test_the_demo_forms_say_what_they_should(demo: dict[str, Issue]) -> None:
    assert demo["complete-form"].custom == {
        "customfield_10050": "payments-invoice-archive",
        "customfield_10051": "eu-west-1",
        "customfield_10052": "confidential",
        "customfield_10053": "dev",
    }
    assert "customfield_10052" not in demo["missing-parameter"].custom
    assert demo["hostile-form"].custom["customfield_10050"] == "../../etc; DROP"
    assert {demo[tag].project for tag in ("complete-prose", "sounds-like-one", "two-wishes")} == {"PLAT"}
    assert demo["no-handler"].truth["request_type"] == "new-repository"


def test_the_empty_world_is_left_as_it_was(world: World) -> None:
    empty = empty_world(NOW)
    assert (world.accounts, world.projects) == (empty.accounts, empty.projects)
    assert (world.fields, world.workflows) == (empty.fields, empty.workflows)

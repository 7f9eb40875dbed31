"""The simulated team: load makes the waiting; skills, priorities, hours, leave and triage are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import median

import pytest

from sandbox.demand import DEMANDS, UTILISATION, Arrival, arrivals, capacity, jobs, team
from sandbox.queueing import URGENT, Act, Deed, Engineer, Job, Piece, Queue, triaged_at
from sandbox.workday import BERLIN, NEW_YORK

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
START = NOW - timedelta(days=365)
ANY = frozenset[str]()


def deeds(course: list[Act]) -> list[tuple[Deed, int | None]]:
    return [(act.deed, act.engineer) for act in course]


def test_waiting_emerges_from_the_load() -> None:
    """The same jobs wait longer for one engineer than for three, and a lone job hardly waits."""
    arriving = [
        Arrival(NOW + timedelta(minutes=25 * n), "bug", "PLAT", "Medium", (Piece(3600.0, "done"),)) for n in range(60)
    ]
    work = [Job(arrival.at, 1, None, arrival.pieces) for arrival in arriving]

    def mean_wait(size: int, todo: list[Job]) -> float:
        acts = Queue([Engineer(frozenset())] * size, todo, Random(1)).run(NOW + timedelta(days=60))
        assert all([act.deed for act in course] == ["start", "done"] for course in acts)
        waits = [
            BERLIN.seconds(course[0].at) - BERLIN.seconds(job.arrived_at)
            for course, job in zip(acts, todo, strict=True)
        ]
        return sum(waits) / len(waits)

    assert mean_wait(1, work) > 3 * mean_wait(3, work) > 0
    assert mean_wait(1, work[:1]) <= 1200


def test_skills_priorities_and_leave_are_kept() -> None:
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    away = Engineer(frozenset({"data"}), ((monday, monday + timedelta(days=7)),))
    work = [
        Job(monday, 5, None, (Piece(7200.0, "done"),)),
        Job(monday + timedelta(minutes=30), 5, None, (Piece(60.0, "done"),)),
        Job(monday + timedelta(minutes=40), 0, None, (Piece(60.0, "done"),)),
        Job(monday, 0, "data", (Piece(60.0, "done"),)),
    ]
    acts = Queue([Engineer(frozenset()), away], work, Random(1)).run(monday + timedelta(days=30))
    by_first = [course for course in acts[:3] if course[0].engineer == 0]
    assert len(by_first) == 3
    assert acts[2][0].at < acts[1][0].at
    assert acts[3][0] == Act(acts[3][0].at, "start", 1)
    assert acts[3][0].at >= monday + timedelta(days=7)


def test_utilisation_does_not_depend_on_the_count() -> None:
    for count in (500, 1000):
        arriving = [Arrival(NOW, "bug", "PLAT", "Medium", (Piece(3600.0, "done"),))] * count
        team = [Engineer(frozenset())] * 5
        work = jobs(arriving, team, start=NOW - timedelta(days=364), end=NOW)
        hours = sum(piece.effort + 480 for job in work for piece in job.pieces) / 3600
        assert hours * 3600 == pytest.approx(UTILISATION * capacity(team, NOW - timedelta(days=364), NOW))


def test_triage_waits_for_its_morning() -> None:
    daily = Job(NOW, 5, None, (), (0, 1, 2, 3, 4))
    assert triaged_at(daily) == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert triaged_at(daily, NEW_YORK) == datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    assert triaged_at(Job(NOW, 5, None, (), (3,))) == datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    assert triaged_at(Job(NOW, 5, None, ())) == NOW
    christmas_eve = Job(datetime(2026, 12, 24, 12, 0, tzinfo=UTC), 5, None, (), (0, 1, 2, 3, 4))
    assert triaged_at(christmas_eve) == datetime(2026, 12, 28, 8, 30, tzinfo=UTC)


def test_a_bounced_and_reopened_job_is_done_in_the_end() -> None:
    pieces = (
        Piece(600.0, "ask", 3600.0),
        Piece(600.0, "hand over"),
        Piece(600.0, "reopen", 3600.0),
        Piece(60.0, "done"),
    )
    acts = Queue([Engineer(frozenset())] * 2, [Job(NOW, 3, None, pieces)], Random(2)).run(NOW + timedelta(days=9))
    assert [act.deed for act in acts[0]] == [
        "start",
        "ask",
        "answer",
        "start",
        "hand over",
        "start",
        "done",
        "reopen",
        "start",
        "done",
    ]
    assert [act.at for act in acts[0]] == sorted(act.at for act in acts[0])


def test_a_question_is_answered_in_the_requesters_hours() -> None:
    work = [Job(NOW, 3, None, (Piece(600.0, "ask", 3600.0), Piece(60.0, "done")), home=NEW_YORK)]
    asked, answer, start = Queue([Engineer(ANY)], work, Random(2)).run(NOW + timedelta(days=9))[0][1:4]
    assert answer.at == datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # an hour after New York has opened
    assert asked.at < answer.at < start.at


# Incidents


def test_an_incident_pushes_the_least_urgent_work_aside() -> None:
    """Both engineers are busy; the request is put back, the bug is not, and what is left of it comes after."""
    later = NOW + timedelta(hours=2)
    work = [
        Job(NOW, 4, "data", (Piece(4 * 3600.0, "done"),)),
        Job(NOW, 6, None, (Piece(4 * 3600.0, "done"),)),
        Job(NOW, 6, None, (Piece(60.0, "done"),)),
        Job(later, URGENT, None, (Piece(1800.0, "done"),)),
    ]
    bug, request, _, incident = Queue([Engineer(frozenset({"data"})), Engineer(ANY)], work, Random(1)).run(
        NOW + timedelta(days=5)
    )
    assert deeds(bug) == [("start", 0), ("done", 0)]
    assert deeds(incident) == [("start", 1), ("done", 1)]
    assert timedelta(minutes=1) <= incident[0].at - later <= timedelta(minutes=10)
    assert deeds(request) == [("start", 1), ("interrupt", 1), ("start", 1), ("done", 1)]
    begun, aside, resumed, done = (BERLIN.seconds(act.at) for act in request)
    assert request[1].at == incident[0].at
    assert request[2].at > incident[1].at
    assert (aside - begun) + (done - resumed) == pytest.approx(4 * 3600)


def test_who_is_free_is_called_before_anybody_is_disturbed() -> None:
    work = [
        Job(NOW, 6, None, (Piece(4 * 3600.0, "done"),)),
        Job(NOW + timedelta(hours=1), URGENT, None, (Piece(600.0, "done"),)),
    ]
    request, incident = Queue([Engineer(ANY)] * 2, work, Random(1)).run(NOW + timedelta(days=5))
    assert [act.deed for act in request] == ["start", "done"]
    assert incident[0].engineer != request[0].engineer


def test_an_incident_does_not_push_another_aside() -> None:
    work = [Job(NOW + timedelta(hours=n), URGENT, None, (Piece(3 * 3600.0, "done"),)) for n in range(2)]
    acts = Queue([Engineer(ANY)], work, Random(1)).run(NOW + timedelta(days=5))
    assert [[act.deed for act in course] for course in acts] == [["start", "done"]] * 2


def test_a_major_incident_gathers_those_who_are_at_work() -> None:
    """One of five is on leave, one is still asleep in New York."""
    away = ((NOW - timedelta(days=1), NOW + timedelta(days=6)),)
    staff = [Engineer(ANY), Engineer(ANY), Engineer(ANY, away), Engineer(ANY, hours=NEW_YORK), Engineer(ANY)]
    work = [Job(NOW, 6, None, (Piece(3 * 3600.0, "done"),))] * 2
    work.append(Job(NOW + timedelta(hours=1), URGENT, None, (Piece(8 * 3600.0, "done"),), crew=5))
    *requests, incident = Queue(staff, work, Random(1)).run(NOW + timedelta(days=6))
    lead = incident[0].engineer
    joined = {act.engineer for act in incident if act.deed == "join"}
    assert {lead, *joined} == {0, 1, 4}
    assert {act.engineer for act in incident if act.deed == "leave"} == joined
    assert len({act.at for act in incident}) == 2
    assert BERLIN.seconds(incident[-1].at) - BERLIN.seconds(incident[0].at) == pytest.approx(8 * 3600)
    assert Counter(act.deed for course in requests for act in course) == {"start": 4, "interrupt": 2, "done": 2}


def test_those_who_join_keep_the_leads_hours() -> None:
    """Else they would leave a call in the middle of their night: it goes on when the lead is back."""
    afternoon = NOW + timedelta(hours=4)  # both places work
    staff = [Engineer(frozenset({"lead"})), Engineer(ANY, hours=NEW_YORK), Engineer(ANY)]
    work = [Job(afternoon, URGENT, "lead", (Piece(8 * 3600.0, "done"),), crew=3)]
    (incident,) = Queue(staff, work, Random(1)).run(NOW + timedelta(days=3))
    assert deeds(incident) == [("start", 0), ("join", 2), ("leave", 2), ("done", 0)]


# Whole years


@dataclass(frozen=True)
class Ran:
    team: list[Engineer]
    arrivals: list[Arrival]
    jobs: list[Job]
    acts: list[list[Act]]

    def stints(self) -> Iterator[tuple[int, int, Act, Act]]:
        """Job, engineer, and the acts that begin and end the work; what is still going on is left out."""
        for index, course in enumerate(self.acts):
            begun: dict[int, Act] = {}
            for act in course:
                if act.engineer is not None and act.deed in ("start", "join"):
                    assert act.engineer not in begun
                    begun[act.engineer] = act
                elif act.engineer is not None:
                    yield index, act.engineer, begun.pop(act.engineer), act


@pytest.fixture(scope="module", params=[(7, 3000), (8, 3000), (9, 1200), (10, 300)], ids=str)
def ran(request: pytest.FixtureRequest) -> Ran:
    """A year; where there are several engineers, one of them works in New York."""
    seed, count = request.param
    rng = Random(seed)
    engineers = team(rng, tickets=count, available=6, start=START, end=NOW)
    if len(engineers) > 1:
        engineers[-1] = replace(engineers[-1], hours=NEW_YORK)
    arriving = arrivals(rng, start=START, end=NOW, count=count, on_form={})
    work = jobs(arriving, engineers, start=START, end=NOW)
    return Ran(engineers, arriving, work, Queue(engineers, work, rng).run(NOW))


def test_nobody_works_at_night_on_holidays_or_on_two_things(ran: Ran) -> None:
    stints: dict[int, list[tuple[datetime, datetime]]] = {}
    for _, engineer, begun, ended in ran.stints():
        who = ran.team[engineer]
        assert who.hours.is_open(begun.at) and who.hours.is_open(ended.at)
        assert who.back_at(begun.at) == begun.at, "begun on leave"
        stints.setdefault(engineer, []).append((begun.at, ended.at))
    assert set(stints) == set(range(len(ran.team)))
    for one in stints.values():
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(one)))


def test_the_work_is_what_it_was_however_often_it_is_put_aside(ran: Ran) -> None:
    worked = dict.fromkeys(range(len(ran.jobs)), 0.0)
    for index, engineer, begun, ended in ran.stints():
        if begun.deed == "start":
            hours = ran.team[engineer].hours
            worked[index] += hours.seconds(ended.at) - hours.seconds(begun.at)
    ended_well = [n for n, course in enumerate(ran.acts) if course and course[-1].deed == "done"]
    assert len(ended_well) > 0.8 * len(ran.jobs)
    for index in ended_well:
        held = sum(piece.effort for piece in ran.jobs[index].pieces)
        assert worked[index] <= held + 0.01
        if not any(piece.then == "reopen" for piece in ran.jobs[index].pieces):  # else more may follow
            assert worked[index] == pytest.approx(held, abs=0.01)


def test_what_is_put_aside_is_resumed_by_the_same_or_still_open(ran: Ran) -> None:
    put_aside = 0
    for course in ran.acts:
        assert [act.at for act in course] == sorted(act.at for act in course)
        for act, following in pairwise([*course, None]):
            if act is not None and act.deed == "interrupt":
                put_aside += 1
                assert following is None or (following.deed, following.engineer) == ("start", act.engineer)
    assert put_aside > len(ran.jobs) / 100
    aside = [ran.jobs[n].rank for n, course in enumerate(ran.acts) if any(act.deed == "interrupt" for act in course)]
    assert min(aside) > URGENT


def test_incidents_wait_far_less_than_requests(ran: Ran) -> None:
    waits: dict[str, list[float]] = {"incident": [], "request": []}
    for arrival, course in zip(ran.arrivals, ran.acts, strict=True):
        kind = DEMANDS[arrival.request_type].kind
        if kind in waits and course:
            waits[kind].append(BERLIN.seconds(course[0].at) - BERLIN.seconds(arrival.at))
    assert median(waits["incident"]) < 0.1 * median(waits["request"])


def test_major_incidents_take_several_for_a_day(ran: Ran) -> None:
    major = [n for n, arrival in enumerate(ran.arrivals) if arrival.crew > 1 and ran.acts[n]]
    assert major
    if len(ran.team) < 4:
        return
    crews = [1 + sum(act.deed == "join" for act in ran.acts[n]) for n in major]
    assert 3 <= max(crews) <= 4
    assert all(5 * 3600 < ran.jobs[n].pieces[0].effort < 12 * 3600 for n in major)

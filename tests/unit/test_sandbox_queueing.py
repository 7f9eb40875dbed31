"""The simulated team: load makes the waiting, skills, priorities, leave and triage are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from sandbox.demand import Arrival, jobs
from sandbox.queueing import Act, Engineer, Job, Piece, Queue, instant, triaged_at, working_seconds

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


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
            working_seconds(course[0].at) - working_seconds(job.arrived_at)
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
        assert hours == pytest.approx(0.9 * 5 * 52 * 40)


def test_working_time_and_its_inverse() -> None:
    friday_evening = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
    monday_ten = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    assert working_seconds(monday_ten) - working_seconds(friday_evening) == 3600
    assert instant(working_seconds(monday_ten)) == monday_ten
    with pytest.raises(ValueError, match="no time zone"):
        working_seconds(monday_ten.replace(tzinfo=None))


def test_triage_waits_for_its_morning() -> None:
    daily = Job(NOW, 5, None, (), (0, 1, 2, 3, 4))
    assert triaged_at(daily) == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert triaged_at(Job(NOW, 5, None, (), (3,))) == datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    assert triaged_at(Job(NOW, 5, None, ())) == NOW


def test_a_bounced_and_reopened_job_is_done_in_the_end() -> None:
    pieces = (
        Piece(600.0, "ask", 3600.0),
        Piece(600.0, "hand over"),
        Piece(600.0, "reopen", 3600.0),
        Piece(60.0, "done"),
    )
    acts = Queue([Engineer(frozenset())] * 2, [Job(NOW, 3, None, pieces)], Random(2)).run(NOW + timedelta(days=9))
    deeds = [act.deed for act in acts[0]]
    assert deeds == [
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

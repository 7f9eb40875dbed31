"""The real engine and ledger with a fault at every step: whatever happens, the invariants hold.

A schedule that fails prints what happened in it, and the command that plays it again.
"""

from __future__ import annotations

import pytest

from tests.simulation.play import Played, play, recording, schedule
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.schedules import Schedule, chosen, pair, singles

# Every fault at each point of these; of the others a part, and all of it in the soak.
WHOLE = ("autonomous", "supervised")
PART = 6
PAIRED = ("autonomous", "supervised", "question", "refused", "forgiving", "quota", "slow", "two", "alike")
PAIRS, SOAKED = 12, 5_000


def test_without_faults_each_scenario_comes_to_its_end() -> None:
    assert {name: recording(name).played.states for name in SCENARIOS} == {
        "autonomous": ("closed",),
        "supervised": ("closed",),
        "question": ("closed",),
        "conflict": ("conflict",),
        "refused": ("compensated",),
        "forgiving": ("closed",),
        "two": ("closed", "closed"),
        "alike": ("closed", "conflict"),
        "quota": ("closed", "refused"),
        "slow": ("closed",),
        "suggest": (),
        "shadow": (),
    }
    assert not [line for name in SCENARIOS for line in recording(name).played.wrong]


def test_a_play_from_the_tape_is_the_play_itself() -> None:
    for name in SCENARIOS:
        real, recorded = play(Schedule(name)), recording(name).played
        assert (real.points, real.states, real.cycles) == (recorded.points, recorded.states, recorded.cycles)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_one_fault_at_each_point(name: str) -> None:
    _all_hold(_one(name))


@pytest.mark.parametrize("name", PAIRED)
def test_two_faults(name: str) -> None:
    points = recording(name).played.points
    _all_hold([pair(name, points, seed) for seed in range(PAIRS)])


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_fault_at_each_point(name: str, part: int) -> None:
    """Without the short cuts."""
    _all_hold(list(singles(name, recording(name).played.points, thorough=True))[part::20])


@pytest.mark.soak
@pytest.mark.parametrize("part", range(20))
@pytest.mark.parametrize("name", PAIRED)
def test_two_faults_many_times(name: str, part: int) -> None:
    points = recording(name).played.points
    _all_hold([pair(name, points, 1000 + seed) for seed in range(part, SOAKED, 20)])


def test_there_are_enough() -> None:
    assert sum(len(_one(name)) for name in SCENARIOS) + len(PAIRED) * PAIRS >= 3_000
    thorough = sum(len(list(singles(name, recording(name).played.points, thorough=True))) for name in SCENARIOS)
    assert thorough + len(PAIRED) * SOAKED >= 50_000


def _one(name: str) -> list[Schedule]:
    return list(chosen(name, recording(name).played.points, 1 if name in WHOLE else PART))


# What the simulation has found, each by its shortest schedule.
FOUND = {
    "a reply was lost when it could not be looked up who may ask": "question desk.groups_of@3 busy",
    "a request that another process fulfilled meanwhile was begun anew": "question desk.groups_of@3 other",
    "what Jira refused to show ended the turn in an error of ours": "supervised desk.ticket@3 refused",
    "what is only shown was shown twice by two processes": "suggest desk.post_comment other",
    "what was begun went on after its ticket was closed": "autonomous ledger.begin close ledger.intend die",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_mended(name: str) -> None:
    played = play(schedule(*FOUND[name].split()), trace=True)
    assert not played.wrong, str(played)


def _all_hold(schedules: list[Schedule]) -> None:
    wrong: list[Played] = []
    for one in schedules:
        played = play(one)
        if played.wrong:
            wrong.append(played)
    if wrong:
        shortest = min(wrong, key=lambda played: (len(played.schedule.faults), len(played.points)))
        commands = "\n".join(f"{played.schedule.command}  # {'; '.join(played.wrong)}" for played in wrong)
        pytest.fail(f"{len(wrong)} of {len(schedules)} schedules:\n{commands}\n\n{play(shortest.schedule, trace=True)}")

"""Random histories of a Jira, synced through trouble: at the end the store tells exactly what the Jira would.

A failing story prints what happened in it, and the command that replays it and cuts it down to the steps it needs.
"""

from __future__ import annotations

import pytest

from tests.truth.play import play
from tests.truth.story import MACHINE, PEOPLE, TROUBLE, Story, tell

SPREAD = [tell(seed, kills=False) for seed in range(30)]
KILLED = [tell(seed, kills=True) for seed in (100, 101)]
MANY = [tell(seed) for seed in range(1000, 1300)]
MANY_KILLED = [tell(seed, kills=True) for seed in range(2000, 2060)]


def named(story: Story) -> str:
    return f"{story.deployment.replace(' ', '-')}-{story.seed}{'-killed' if story.kills else ''}"


@pytest.mark.parametrize("story", [*SPREAD, *KILLED], ids=named)
def test_the_store_tells_the_truth(story: Story) -> None:
    outcome = play(story)
    assert not outcome.differences, f"\n{outcome}"


@pytest.mark.soak
@pytest.mark.parametrize("story", [*MANY, *MANY_KILLED], ids=named)
def test_the_store_tells_the_truth_of_many_more(story: Story) -> None:
    outcome = play(story)
    assert not outcome.differences, f"\n{outcome}"


def test_the_spread_is_wide() -> None:
    kinds = {step.kind for story in SPREAD for step in story.steps}
    assert kinds >= {*PEOPLE, *TROUBLE, *MACHINE}
    assert {story.deployment for story in SPREAD} == {"Cloud", "Data Center"}
    assert {len(story.projects) for story in SPREAD} >= {1, 2, 3}
    assert all(any(step.kind == "killed sync" for step in story.steps) for story in KILLED)

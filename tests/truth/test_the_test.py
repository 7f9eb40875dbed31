"""The test of the test: without a part that the sync needs the stories go wrong, and no altered fact goes unseen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from tests.truth.machine import Ways
from tests.truth.play import play
from tests.truth.story import Story, tell
from tickets.jira_client import JiraClient

STORIES = [tell(seed, kills=False) for seed in range(60)]


class Believing(JiraClient):
    """Takes the history that a search embeds for the whole of it."""

    def histories(self, ids: Collection[int]) -> dict[int, list[Any]]:
        where = ", ".join(map(str, ids))
        body = {"jql": f"id in ({where})", "fields": ["id", "summary"], "expand": "changelog", "maxResults": 100}
        answer = self._transport.read("/rest/api/3/search/jql", body=body)
        found = {int(issue["id"]): issue["changelog"]["histories"] for issue in answer["issues"]}
        return {number: found.get(number, []) for number in ids}


@pytest.mark.parametrize(
    ("ways", "deployments"),
    [
        pytest.param(Ways(overlap=timedelta(0)), {"Cloud", "Data Center"}, id="no overlap"),
        pytest.param(Ways(takes_census=False), {"Cloud", "Data Center"}, id="no census"),
        pytest.param(Ways(client=Believing), {"Cloud"}, id="no complete changelog"),
    ],
)
def test_the_stories_go_wrong_without_it(ways: Ways, deployments: set[str]) -> None:
    assert any(is_untrue(story, ways) for story in STORIES if story.deployment in deployments)


def is_untrue(story: Story, ways: Ways) -> bool:
    return any(not line.startswith("a quiet sync") for line in play(story, ways).differences)

"""The test of the test: without a part that the sync needs the stories go wrong, and no altered fact goes unseen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sandbox.serve import serve_in_thread
from sandbox.site import empty_world
from tests.truth.comparison import Truth, held_of, told_of, unlike
from tests.truth.machine import Machine, Ways
from tests.truth.people import People
from tests.truth.play import BEGINNING, play
from tests.truth.story import Story, tell
from tests.truth.wording import document
from tickets.errors import Unavailable
from tickets.jira_client import JiraClient
from tickets.jira_records import Raw
from tickets.ticket import Person, Ticket

STORIES = [tell(seed, kills=False) for seed in range(60)]


class Believing(JiraClient):
    """Takes the history that a search embeds for the whole of it."""

    def histories(self, ids: Collection[int]) -> dict[int, list[Raw] | Unavailable]:
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


def test_no_altered_fact_goes_unseen(tmp_path: Path) -> None:
    with serve_in_thread(empty_world(BEGINNING), aws=False) as site:
        people = People(site.state, ["OPS"])
        developer = site.world.accounts["mara-lindqvist"]
        fields: dict[str, Any] = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "It is down"}
        more = {"labels": ["aws"], "components": [{"name": "network"}], "customfield_10050": "bucket-1"}
        issue = site.state.create(developer, {**fields, **more})
        issue.time_spent = 5400
        site.state.edit(developer, issue, {"summary": "It is still down"})
        site.state.move(developer, issue, "11", {})
        site.state.comment(developer, issue, document(Random(1)), properties={}, public=True)
        machine = Machine(site, "Cloud", ["OPS"], tmp_path, Ways())
        assert machine.sync(Random(1)).told.startswith("sync reads 1")
        with machine.open() as store:
            (ticket,) = store.tickets()
        told = told_of(Truth(site.world, people, "Cloud"), issue)
        assert list(unlike(told, held_of(ticket))) == []
        for name in COMPARED:
            assert list(unlike(told, held_of(replace(ticket, **{name: altered(getattr(ticket, name))})))), name


COMPARED = [
    part.name for part in dataclass_fields(Ticket) if part.name not in ("site", "id", "via_mail", "security")
]  # the identity is how the two are matched; the sandbox has neither mail nor named security levels


def altered(value: Any) -> Any:
    """Another value; of a tuple the last member is gone, of a person or a status the id differs."""
    if value is None:
        return Person("nobody", "Nobody")
    if isinstance(value, datetime):
        return value + timedelta(milliseconds=1)
    if isinstance(value, int):
        return value + 60
    if isinstance(value, tuple):
        return value[:-1] if value else ("more",)
    if isinstance(value, str):
        return f"{value}!"
    return replace(value, id=f"{value.id}!")

"""Files tickets into the world: ids, keys per project, the form's fields."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

from sandbox.phrasings.slots import Slots
from sandbox.world import FORM_FIELDS, Issue, World

# The questions of a request type's form, and the slots that answer them.
FORMS: dict[str, dict[str, str]] = {
    "s3-bucket": {
        "Bucket name": "name",
        "AWS region": "region",
        "Data class": "data_class",
        "Environment": "environment",
    },
    "new-repository": {"Repository name": "repository"},
    "ci-secret": {"Repository name": "repository", "Environment": "environment"},
    "database": {"Database name": "database", "Size": "size", "Environment": "environment"},
    "redis-instance": {"Size": "memory", "Environment": "environment"},
    "ec2-instance": {"Size": "instance", "AWS region": "region", "Environment": "environment"},
    "kubernetes-namespace": {"Environment": "environment"},
}
FILLED = 0.9
FALLBACKS = {
    "Task": ("Service Request",),
    "Service Request": ("Task",),
    "Question": ("Task", "Service Request"),
    "Incident": ("Bug",),
}


class Filing:
    """Hands out ids and keys in the order of the calls."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = dict.fromkeys(world.projects, 0)
        self._field_ids = {name: id for id, name in FORM_FIELDS.items()}

    def file(
        self,
        *,
        project: str,
        issue_type: str,
        summary: str,
        description: dict[str, Any] | None,
        reporter: str,
        priority: str,
        at: datetime,
    ) -> Issue:
        """A ticket as it is at birth: in the workflow's first status, unassigned, without history."""
        self._numbers[project] += 1
        number, self._world.next_id = self._world.next_id, self._world.next_id + 1
        key = f"{project}-{self._numbers[project]}"
        status = self._world.workflows[self._world.projects[project].workflow].initial
        issue = Issue(
            number,
            key,
            project,
            issue_type,
            status,
            summary,
            description,
            reporter,
            reporter,
            None,
            priority,
            at,
            at,
        )
        self._world.issues[number] = issue
        return issue

    def nearest_type(self, project: str, wanted: str) -> str:
        """The ticket type, or the nearest that the project has. Raises ValueError when there is none."""
        has = self._world.projects[project].issue_types
        for name in (wanted, *FALLBACKS.get(wanted, ())):
            if name in has:
                return name
        raise ValueError(f"project {project} has neither the ticket type {wanted} nor one like it")

    def fill_form(self, issue: Issue, request_type: str, slots: Slots, rng: Random) -> None:
        """Where the project offers a form for this type: the type is given, most questions are answered."""
        if not self.choose_type(issue, request_type):
            return
        careless = rng.random() < 0.15
        for question, slot in FORMS.get(request_type, {}).items():
            if rng.random() < (0.4 if careless else FILLED):
                options = self._world.fields[self._field_ids[question]].options
                value = slots.value(slot)
                self.answer(issue, question, value if not options or value in options else rng.choice(options), slot)

    def choose_type(self, issue: Issue, request_type: str) -> bool:
        """Files it under the project's own request type of that name; False when the project offers none."""
        offered = self._world.projects[issue.project].request_types
        given = [id for id, name in offered.items() if name.lower().replace(" ", "-") == request_type]
        issue.request_type = given[0] if given else None
        return bool(given)

    def answer(self, issue: Issue, question: str, value: str, slot: str) -> None:
        """Fills a question of the form, and says so in the truth; a select takes only its options."""
        field = self._field_ids[question]
        options = self._world.fields[field].options
        if not options or value in options:
            issue.custom[field] = value
            issue.truth["parameters"][slot] = value

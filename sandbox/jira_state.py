"""What happens to the sandbox's tickets: filing, editing, commenting, moving. Each act writes history as its actor.

Everybody with an account may do everything to a ticket, as in a Jira whose permissions were never tightened; only
filing in somebody's name is kept to the desk's own people (`jira_fields.INTAKE`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.jira_adf import is_document
from sandbox.jira_audience import is_in_audience
from sandbox.jira_changes import is_custom, plain_item, set_field
from sandbox.jira_faults import Faults
from sandbox.jira_fields import (
    NO_PROJECT,
    NOT_ON_SCREEN,
    RESOLUTIONS,
    Refused,
    find_project,
    read_fields,
    read_resolution,
)
from sandbox.jira_index import SearchIndex
from sandbox.jira_relocation import change_workflow, relocate
from sandbox.jira_sight import NOT_SEEN, Sight
from sandbox.server_text import without_source
from sandbox.world import (
    REQUEST_TYPE_FIELD,
    Account,
    Deployment,
    History,
    HistoryItem,
    Issue,
    World,
    WorldComment,
    WorldTransition,
)

# Members of these groups are the desk's own people: they see internal comments.
INSIDERS = frozenset({"g-ops", "g-ops-bots", "g-approvers", "g-on-call"})
NOT_VALID = {"comment": "Comment body is not valid!"}


class JiraState:
    """The world and its clock. Every change holds the lock; `now` runs on from the world's end of history.

    `faults` is what goes wrong on the way to it; `sight` who may see and do what.
    """

    def __init__(self, world: World) -> None:
        if world.now.tzinfo is None:
            raise ValueError("the world's now must be aware")
        self.world = world
        self.lock = threading.RLock()
        self.faults = Faults()
        self.sight = Sight(world)
        self._index = SearchIndex(world)
        self._ids: dict[str, int] = {}
        self._started = time.monotonic()
        self._advanced = timedelta(0)

    def now(self) -> datetime:
        """The site's time, aware UTC; milliseconds, as Jira keeps them."""
        at = self.world.now.astimezone(UTC) + self._advanced + timedelta(seconds=time.monotonic() - self._started)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def advance(self, by: timedelta) -> None:
        """Moves the site's clock on. Raises ValueError for a negative time."""
        if by < timedelta(0):
            raise ValueError("a clock does not go back")
        with self.lock:
            self._advanced += by

    def find(self, key_or_id: str, who: Account | None = None) -> Issue:
        """By id, key or former key. Raises Refused (404) as Jira does: no such ticket, or `who` may not see it."""
        name = key_or_id.upper()
        is_number = name.isascii() and name.isdigit() and len(name) <= 18
        issue = self.world.issues.get(int(name)) if is_number else self._by_key(name)
        if issue is None or (who is not None and not self.sight.is_seen(issue, who)):
            raise Refused(404, NOT_SEEN)
        return issue

    def _by_key(self, key: str) -> Issue | None:
        issues = self.world.issues
        issue = issues.get(self._ids.get(key, -1))
        if issue is None or issue.key != key:
            self._ids = {issue.key: issue.id for issue in list(issues.values())}
            issue = issues.get(self._ids.get(key, self.world.former_keys.get(key, -1)))
        return issue

    def hide(self, issue: Issue, *account_ids: str) -> None:
        """Issue security: for these accounts the ticket is not there."""
        with self.lock:
            self.sight.hide(issue, *account_ids)

    def show(self, issue: Issue, *account_ids: str) -> None:
        with self.lock:
            self.sight.show(issue, *account_ids)

    def hide_project(self, key: str, account_id: str) -> None:
        """For this account the project and its tickets are not there."""
        with self.lock:
            self.sight.hide_project(key, account_id)

    def show_project(self, key: str, account_id: str) -> None:
        with self.lock:
            self.sight.show_project(key, account_id)

    def find_comment(self, comment_id: str, issue: Issue | None = None) -> WorldComment:
        """Raises Refused (404)."""
        among = list(self.world.issues.values()) if issue is None else [issue]
        for candidate in among:
            for comment in candidate.comments:
                if str(comment.id) == comment_id:
                    return comment
        raise Refused(404, f"Can not find a comment for the id: {comment_id[:20]}.")

    def indexed(self, who: Account, current: Iterable[int] = ()) -> Iterable[Issue]:
        """What a search by `who` looks through: the index, which may lag, and the tickets `current` as they are."""
        caught_up = self.now() - self.faults.index_lag
        return self.sight.seen(self._index.issues(caught_up, frozenset(current)), who)

    def visible_comments(self, issue: Issue, who: Account) -> list[WorldComment]:
        """Internal comments of a service desk are for its own people, and for who wrote them; restricted ones for those
        of the group or the role, whoever wrote them."""
        sees_all = bool(who.groups & INSIDERS)
        seen = [c for c in issue.comments if c.public or sees_all or c.author == who.account_id]
        return [c for c in seen if is_in_audience(self.world, issue.project, who, c.visibility)]

    def create(self, actor: Account, fields: Mapping[str, Any], deployment: Deployment = "Cloud") -> Issue:
        """Files a ticket. `fields` as in POST issue. Raises Refused (400) naming the wrong fields."""
        project = find_project(self.world, fields.get("project"))
        if not self.sight.is_open(project.key, actor):
            raise Refused(400, errors={"project": NO_PROJECT})
        sent = {"summary": None, "issuetype": None, **fields}
        values = read_fields(self.world, project, actor, sent, deployment)
        with self.lock:
            at, number = self.now(), self._next_id()
            issue = Issue(
                id=number,
                key=self._next_key(project.key),
                project=project.key,
                issue_type=values["issuetype"],
                status=self.world.workflows[project.workflow].initial,
                summary=values["summary"],
                description=values.get("description"),
                reporter=values.get("reporter") or actor.account_id,
                creator=actor.account_id,
                assignee=values.get("assignee"),
                priority=values.get("priority") or "Medium",
                created=at,
                updated=at,
                request_type=values.get(REQUEST_TYPE_FIELD),
                labels=values.get("labels") or [],
                components=values.get("components") or [],
                custom={name: value for name, value in values.items() if is_custom(self.world, name) and value},
            )
            self._index.keep(number, at, self.faults.index_lag)
            self.world.issues[number] = issue
        return issue

    def edit(self, actor: Account, issue: Issue, fields: Mapping[str, Any], deployment: Deployment = "Cloud") -> None:
        """Changes fields, with one history entry by the actor. Raises Refused (400); then nothing is changed."""
        if "project" in fields:
            raise Refused(400, errors={"project": NOT_ON_SCREEN.format("project")})
        values = read_fields(self.world, self.world.projects[issue.project], actor, fields, deployment)
        with self._changing(issue):
            items = [set_field(self.world, issue, name, value) for name, value in values.items()]
            self._record(actor, issue, [item for item in items if item is not None])

    def transitions(self, issue: Issue) -> list[WorldTransition]:
        workflow = self.world.workflows[self.world.projects[issue.project].workflow]
        return [step for step in workflow.transitions if not step.sources or issue.status in step.sources]

    def move(self, actor: Account, issue: Issue, transition_id: str, fields: Mapping[str, Any]) -> None:
        """Raises Refused (400) for a transition that is not offered, or lacks a required field."""
        with self._changing(issue):
            chosen = next((step for step in self.transitions(issue) if step.id == transition_id), None)
            if chosen is None:
                raise Refused(400, "It seems that you have tried to perform an illegal workflow operation.")
            errors = {name: f"{name.capitalize()} is required." for name in chosen.required if not fields.get(name)}
            errors |= {name: NOT_ON_SCREEN.format(name) for name in fields if name not in chosen.required}
            if errors:
                raise Refused(400, errors=errors)
            resolution = read_resolution(fields["resolution"]) if "resolution" in fields else None
            old, new = self.world.statuses[issue.status], self.world.statuses[chosen.target]
            items = [plain_item("status", old.id, old.name, new.id, new.name)]
            if (resolution or new.category != "done") and resolution != issue.resolution:
                before, after = (RESOLUTIONS.get(name or "") for name in (issue.resolution, resolution))
                items.append(plain_item("resolution", before, issue.resolution, after, resolution))
                issue.resolution, issue.resolved = resolution, self.now() if resolution else None
            issue.status = new.id
            self._record(actor, issue, items)

    def comment(
        self,
        actor: Account,
        issue: Issue,
        body: object,
        *,
        properties: Mapping[str, Any],
        public: bool,
        visibility: Mapping[str, str] | None = None,
    ) -> WorldComment:
        """Posts; outside a service desk no comment is internal, and `visibility` alone restricts it. Raises Refused
        (400) for a body that is not ADF."""
        document, who = _body(body), actor.account_id
        is_desk = self.world.projects[issue.project].style == "service_desk"
        with self._changing(issue):
            at = self.now()
            is_public = public or not is_desk
            kept, shown_to = dict(properties), dict(visibility or {})
            comment = WorldComment(self._next_id(), who, document, at, at, who, is_public, kept, shown_to)
            issue.comments.append(comment)
            issue.updated = at
        return comment

    def edit_comment(self, actor: Account, issue: Issue, comment: WorldComment, body: object) -> None:
        """Jira keeps no history of it: only who and when. Raises Refused (400)."""
        document = _body(body)
        with self._changing(issue):
            comment.body, comment.updated, comment.update_author = document, self.now(), actor.account_id
            issue.updated = comment.updated

    def delete(self, actor: Account, issue: Issue) -> None:
        """For good: no address of it answers any more, and nothing tells that it was there. Raises Refused (403)."""
        self.sight.require("DELETE_ISSUES", actor)
        with self._changing(issue):
            del self.world.issues[issue.id]
            self.world.hidden.pop(issue.id, None)

    def relocate(self, actor: Account, issue: Issue, project_key: str) -> None:
        """Into another project: a new key, the same id; the former key goes on finding it. Raises Refused."""
        self.sight.require("MOVE_ISSUES", actor)
        project = find_project(self.world, {"key": project_key})
        if project.key == issue.project:
            raise Refused(400, errors={"project": "The ticket is in this project already."})
        with self._changing(issue):
            self.world.former_keys[issue.key] = issue.id
            self._record(actor, issue, relocate(self.world, issue, project, self._next_key(project.key)))

    def migrate_workflow(self, project_key: str, workflow_id: str, *, touch: bool = True) -> None:
        """Gives a project another workflow: each of its tickets tells so, without an author. `touch`: whether
        that counts as an update. Raises KeyError for an unknown project or workflow."""
        world, new = self.world, self.world.workflows[workflow_id]
        with self.lock:
            project = world.projects[project_key]
            old = world.workflows[project.workflow]
            for issue in [issue for issue in world.issues.values() if issue.project == project_key]:
                with self._changing(issue):
                    self._record(None, issue, change_workflow(world, issue, old, new), touch=touch)
            world.projects[project_key] = replace(project, workflow=new.id)

    @contextmanager
    def _changing(self, issue: Issue) -> Iterator[None]:
        """Holds the lock, having kept what the search index still shows."""
        with self.lock:
            self._index.keep(issue.id, self.now(), self.faults.index_lag)
            yield

    def _record(self, actor: Account | None, issue: Issue, items: list[HistoryItem], *, touch: bool = True) -> None:
        if items:
            at, who = self.now(), None if actor is None else actor.account_id
            issue.histories.append(History(self._next_id(), who, at, items))
            issue.updated = at if touch else issue.updated

    def _next_key(self, project: str) -> str:
        """Numbers are never given twice, not even after a deletion."""
        keys = (issue.key for issue in self.world.issues.values() if issue.project == project)
        last = self.world.numbers.get(project) or max((int(key.rpartition("-")[2]) for key in keys), default=0)
        self.world.numbers[project] = last + 1
        return f"{project}-{last + 1}"

    def _next_id(self) -> int:
        self.world.next_id += 1
        return self.world.next_id - 1


def _body(body: object) -> dict[str, Any]:
    if not isinstance(body, dict) or not is_document(without_source(body)):
        raise Refused(400, errors=NOT_VALID)
    return body

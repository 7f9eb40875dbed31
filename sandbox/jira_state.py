"""What happens to the sandbox's tickets: filing, editing, commenting, moving. Each act writes history as its actor.

Everybody with an account may do everything to a ticket, as in a Jira whose permissions were never tightened; only
filing in somebody's name is kept to the desk's own people (`jira_fields.INTAKE`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.jira_adf import is_document, plain_text
from sandbox.jira_fields import (
    NOT_ON_SCREEN,
    PRIORITIES,
    RESOLUTIONS,
    Refused,
    find_project,
    option_id,
    read_fields,
    read_resolution,
    type_ids,
)
from sandbox.world import REQUEST_TYPE_FIELD, Account, History, HistoryItem, Issue, World, WorldComment, WorldTransition

# Members of these groups are the desk's own people: they see internal comments.
INSIDERS = frozenset({"g-ops", "g-ops-bots", "g-approvers"})
NOT_VALID = {"comment": "Comment body is not valid!"}


class JiraState:
    """The world and its clock. Every change holds the lock; `now` runs on from the world's end of history."""

    def __init__(self, world: World) -> None:
        if world.now.tzinfo is None:
            raise ValueError("the world's now must be aware")
        self.world = world
        self.lock = threading.RLock()
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The site's time, aware UTC; milliseconds, as Jira keeps them."""
        at = self.world.now.astimezone(UTC) + timedelta(seconds=time.monotonic() - self._started)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def find(self, key_or_id: str) -> Issue:
        """Raises Refused (404) as Jira does: no such ticket, or not visible."""
        name = key_or_id.upper()
        if name.isascii() and name.isdigit() and len(name) <= 18:
            issue = self.world.issues.get(int(name))
        else:
            issue = next((issue for issue in list(self.world.issues.values()) if issue.key == name), None)
        if issue is None:
            raise Refused(404, "Issue does not exist or you do not have permission to see it.")
        return issue

    def find_comment(self, comment_id: str, issue: Issue | None = None) -> WorldComment:
        """Raises Refused (404)."""
        among = list(self.world.issues.values()) if issue is None else [issue]
        for candidate in among:
            for comment in candidate.comments:
                if str(comment.id) == comment_id:
                    return comment
        raise Refused(404, f"Can not find a comment for the id: {comment_id[:20]}.")

    def visible_comments(self, issue: Issue, who: Account) -> list[WorldComment]:
        """Internal comments of a service desk are for its own people, and for who wrote them."""
        sees_all = bool(who.groups & INSIDERS)
        return [c for c in issue.comments if c.public or sees_all or c.author == who.account_id]

    def create(self, actor: Account, fields: Mapping[str, Any]) -> Issue:
        """Files a ticket. `fields` as in POST issue. Raises Refused (400) naming the wrong fields."""
        project = find_project(self.world, fields.get("project"))
        values = read_fields(self.world, project, actor, {"summary": None, "issuetype": None, **fields})
        with self.lock:
            at = self.now()
            issue = Issue(
                id=self._next_id(),
                key=f"{project.key}-{self._next_number(project.key)}",
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
                custom={name: value for name, value in values.items() if self._is_custom(name) and value},
            )
            self.world.issues[issue.id] = issue
        return issue

    def edit(self, actor: Account, issue: Issue, fields: Mapping[str, Any]) -> None:
        """Changes fields, with one history entry by the actor. Raises Refused (400); then nothing is changed."""
        if "project" in fields:
            raise Refused(400, errors={"project": NOT_ON_SCREEN.format("project")})
        values = read_fields(self.world, self.world.projects[issue.project], actor, fields)
        with self.lock:
            items = [item for name, value in values.items() if (item := self._set(issue, name, value)) is not None]
            self._record(actor, issue, items)

    def transitions(self, issue: Issue) -> list[WorldTransition]:
        workflow = self.world.workflows[self.world.projects[issue.project].workflow]
        return [step for step in workflow.transitions if not step.sources or issue.status in step.sources]

    def move(self, actor: Account, issue: Issue, transition_id: str, fields: Mapping[str, Any]) -> None:
        """Raises Refused (400) for a transition that is not offered, or lacks a required field."""
        with self.lock:
            chosen = next((step for step in self.transitions(issue) if step.id == transition_id), None)
            if chosen is None:
                raise Refused(400, "It seems that you have tried to perform an illegal workflow operation.")
            errors = {name: f"{name.capitalize()} is required." for name in chosen.required if not fields.get(name)}
            errors |= {name: NOT_ON_SCREEN.format(name) for name in fields if name not in chosen.required}
            if errors:
                raise Refused(400, errors=errors)
            resolution = read_resolution(fields["resolution"]) if "resolution" in fields else None
            old, new = self.world.statuses[issue.status], self.world.statuses[chosen.target]
            items = [_item("status", old.id, old.name, new.id, new.name)]
            if (resolution or new.category != "done") and resolution != issue.resolution:
                before, after = (RESOLUTIONS.get(name or "") for name in (issue.resolution, resolution))
                items.append(_item("resolution", before, issue.resolution, after, resolution))
                issue.resolution, issue.resolved = resolution, self.now() if resolution else None
            issue.status = new.id
            self._record(actor, issue, items)

    def comment(
        self, actor: Account, issue: Issue, body: object, *, properties: Mapping[str, Any], public: bool
    ) -> WorldComment:
        """Posts; outside a service desk every comment is public. Raises Refused (400) for a body that is not ADF."""
        if not isinstance(body, dict) or not is_document(body):
            raise Refused(400, errors=NOT_VALID)
        is_desk = self.world.projects[issue.project].style == "service_desk"
        who = actor.account_id
        with self.lock:
            at = self.now()
            is_public = public or not is_desk
            comment = WorldComment(self._next_id(), who, body, at, at, who, is_public, dict(properties))
            issue.comments.append(comment)
            issue.updated = at
        return comment

    def edit_comment(self, actor: Account, issue: Issue, comment: WorldComment, body: object) -> None:
        """Jira keeps no history of it: only who and when. Raises Refused (400)."""
        if not isinstance(body, dict) or not is_document(body):
            raise Refused(400, errors=NOT_VALID)
        with self.lock:
            comment.body, comment.updated, comment.update_author = body, self.now(), actor.account_id
            issue.updated = comment.updated

    def _set(self, issue: Issue, name: str, value: Any) -> HistoryItem | None:
        """Sets a field to a value that was read; its history item, None when nothing changes."""
        if self._is_custom(name):
            return self._set_custom(issue, name, value)
        attribute = {"issuetype": "issue_type", REQUEST_TYPE_FIELD: "request_type"}.get(name, name)
        old = getattr(issue, attribute)
        if old == value:
            return None
        setattr(issue, attribute, value)
        if name == "description":
            return _item(name, None, plain_text(old) or None, None, plain_text(value) or None)
        if name in ("labels", "components"):
            return _item(name, None, " ".join(old), None, " ".join(value))
        if name in ("assignee", "reporter"):
            return _item(name, old, self._person(old), value, self._person(value))
        if name == REQUEST_TYPE_FIELD:
            names = self.world.projects[issue.project].request_types
            label = self.world.fields[name].name
            return HistoryItem(label, name, "custom", old, names.get(old or ""), value, names.get(value or ""))
        ids = {"priority": PRIORITIES, "issuetype": type_ids(self.world)}.get(name, {})
        return _item(name, ids.get(old), old, ids.get(value), value)

    def _set_custom(self, issue: Issue, name: str, value: str) -> HistoryItem | None:
        entry, old = self.world.fields[name], issue.custom.get(name, "")
        if old == value:
            return None
        if value:
            issue.custom[name] = value
        else:
            issue.custom.pop(name, None)
        ids = [option_id(entry, text) if entry.options and text else None for text in (old, value)]
        return HistoryItem(entry.name, name, "custom", ids[0], old or None, ids[1], value or None)

    def _is_custom(self, name: str) -> bool:
        return name != REQUEST_TYPE_FIELD and bool(self.world.fields[name].schema.get("custom"))

    def _person(self, account_id: str | None) -> str | None:
        return None if account_id is None else self.world.accounts[account_id].name

    def _record(self, actor: Account, issue: Issue, items: list[HistoryItem]) -> None:
        if items:
            at = self.now()
            issue.histories.append(History(self._next_id(), actor.account_id, at, items))
            issue.updated = at

    def _next_number(self, project: str) -> int:
        keys = (issue.key for issue in self.world.issues.values() if issue.project == project)
        return 1 + max((int(key.rpartition("-")[2]) for key in keys), default=0)

    def _next_id(self) -> int:
        self.world.next_id += 1
        return self.world.next_id - 1


def _item(field: str, old: str | None, old_name: str | None, new: str | None, new_name: str | None) -> HistoryItem:
    return HistoryItem(field, field, "jira", old, old_name, new, new_name)

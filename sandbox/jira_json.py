"""The sandbox's records as Jira Cloud REST v3 answers them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sandbox.jira_fields import PRIORITIES, RESOLUTIONS, option_id, type_ids
from sandbox.world import (
    REQUEST_TYPE_FIELD,
    Account,
    History,
    Issue,
    Project,
    World,
    WorldComment,
    WorldField,
    WorldStatus,
    WorldTransition,
)

Json = dict[str, Any]
CATEGORIES = {
    "new": (2, "To Do", "blue-gray"),
    "indeterminate": (4, "In Progress", "yellow"),
    "done": (3, "Done", "green"),
}


class Views:
    """Renders the world's records. `base` is the site's address."""

    def __init__(self, world: World, base: str) -> None:
        self.world = world
        self.base = base
        self._people: dict[str, Json] = {}
        self._types = type_ids(world)

    def person(self, account_id: str | None) -> Json | None:
        if account_id is None:
            return None
        if account_id not in self._people:
            self._people[account_id] = self._person(self.world.accounts[account_id])
        return self._people[account_id]

    def _person(self, account: Account) -> Json:
        return {
            "self": f"{self.base}/rest/api/3/user?accountId={account.account_id}",
            "accountId": account.account_id,
            "accountType": account.kind,
            "avatarUrls": {},
            "displayName": account.name,
            "active": True,
            "timeZone": account.time_zone,
        }

    def group(self, identity: str) -> Json:
        address = f"{self.base}/rest/api/3/group?groupId={identity}"
        return {"groupId": identity, "name": self.world.groups[identity], "self": address}

    def status(self, status: WorldStatus) -> Json:
        number, name, colour = CATEGORIES[status.category]
        return {
            "self": f"{self.base}/rest/api/3/status/{status.id}",
            "description": "",
            "iconUrl": f"{self.base}/images/icons/status.png",
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": f"{self.base}/rest/api/3/statuscategory/{number}",
                "id": number,
                "key": status.category,
                "colorName": colour,
                "name": name,
            },
        }

    def project(self, project: Project) -> Json:
        return {
            "self": f"{self.base}/rest/api/3/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": project.style,
            "simplified": False,
            "avatarUrls": {},
        }

    def field(self, entry: WorldField) -> Json:
        return {
            "id": entry.id,
            "key": entry.id,
            "name": entry.name,
            "custom": entry.id.startswith("customfield_"),
            "orderable": True,
            "navigable": True,
            "searchable": True,
            "clauseNames": [entry.id],
            "schema": entry.schema,
        }

    def issue(
        self,
        issue: Issue,
        wanted: Collection[str],
        *,
        comments: Sequence[WorldComment] = (),
        properties: Collection[str] | None = None,
        newest_changes: int = 0,
    ) -> Json:
        """The issue with the wanted fields (`*all`, `*navigable`, their ids, `-id` for all but one).

        `comments` are those that the reader may see; `newest_changes` how many go into an embedded changelog, which
        Jira truncates silently; `properties` the entity properties asked for, of which no ticket here has any.
        """
        if set(wanted) == {"id"}:
            return {"id": str(issue.id)}
        document: Json = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": str(issue.id),
            "self": f"{self.base}/rest/api/3/issue/{issue.id}",
            "key": issue.key,
            "fields": self._fields(issue, wanted, comments),
        }
        if properties is not None:
            document["properties"] = {}
        if newest_changes:
            shown = issue.histories[::-1][:newest_changes]
            document["changelog"] = {
                "startAt": 0,
                "maxResults": len(shown),
                "total": len(issue.histories),
                "histories": [self.history(history) for history in shown],
            }
        return document

    def _fields(self, issue: Issue, wanted: Collection[str], comments: Sequence[WorldComment]) -> Json:
        world = self.world
        plain: dict[str, Callable[[], object]] = {
            "summary": lambda: issue.summary,
            "description": lambda: issue.description,
            "labels": lambda: issue.labels,
            "components": lambda: [self._component(issue, name) for name in issue.components],
            "created": lambda: instant(issue.created),
            "updated": lambda: instant(issue.updated),
            "resolutiondate": lambda: instant(issue.resolved) if issue.resolved else None,
            "reporter": lambda: self.person(issue.reporter),
            "creator": lambda: self.person(issue.creator),
            "assignee": lambda: self.person(issue.assignee),
            "status": lambda: self.status(world.statuses[issue.status]),
            "project": lambda: self.project(world.projects[issue.project]),
            "issuetype": lambda: self.issue_type(issue.issue_type),
            "priority": lambda: self._priority(issue.priority),
            "resolution": lambda: self.resolution(issue.resolution) if issue.resolution else None,
            "comment": lambda: self.comments(issue, comments, len(comments), 0),
        }
        chosen = _chosen([*plain, *(name for name in world.fields if name not in plain)], wanted)
        return {name: plain[name]() if name in plain else self._value(name, issue) for name in chosen}

    def _priority(self, name: str) -> Json:
        number = PRIORITIES.get(name, "3")
        return {"self": f"{self.base}/rest/api/3/priority/{number}", "id": number, "name": name}

    def _component(self, issue: Issue, name: str) -> Json:
        number = f"{self.world.projects[issue.project].id}{sum(name.encode())}"
        return {"self": f"{self.base}/rest/api/3/component/{number}", "id": number, "name": name}

    def issue_type(self, name: str) -> Json:
        number = self._types[name]
        return {
            "self": f"{self.base}/rest/api/3/issuetype/{number}",
            "id": number,
            "description": "",
            "name": name,
            "subtask": False,
            "hierarchyLevel": 0,
        }

    def resolution(self, name: str) -> Json:
        number = RESOLUTIONS.get(name, "10000")
        return {
            "self": f"{self.base}/rest/api/3/resolution/{number}",
            "id": number,
            "description": "",
            "name": name,
        }

    def _value(self, identity: str, issue: Issue) -> object:
        if identity == REQUEST_TYPE_FIELD:
            return self._request_type(issue)
        text = issue.custom.get(identity)
        if not text:
            return None
        entry = self.world.fields[identity]
        if entry.options:
            option = option_id(entry, text)
            return {"self": f"{self.base}/rest/api/3/customFieldOption/{option}", "value": text, "id": option}
        return text

    def _request_type(self, issue: Issue) -> Json | None:
        if issue.request_type is None:
            return None
        project = self.world.projects[issue.project]
        links = {"web": f"{self.base}/servicedesk/customer/portal/{project.id}/{issue.key}"}
        return {
            "_links": links,
            "requestType": {
                "id": issue.request_type,
                "name": project.request_types[issue.request_type],
                "description": "",
                "helpText": "",
                "serviceDeskId": project.id,
                "portalId": project.id,
                "groupIds": [],
            },
            "currentStatus": {"status": self.world.statuses[issue.status].name},
        }

    def comments(self, issue: Issue, shown: Sequence[WorldComment], total: int, start: int) -> Json:
        return {
            "comments": [self.comment(issue, comment) for comment in shown],
            "self": f"{self.base}/rest/api/3/issue/{issue.id}/comment",
            "maxResults": max(len(shown), 1),
            "total": total,
            "startAt": start,
        }

    def comment(self, issue: Issue, comment: WorldComment, *, with_properties: bool = False) -> Json:
        document: Json = {
            "self": f"{self.base}/rest/api/3/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.person(comment.author),
            "body": comment.body,
            "updateAuthor": self.person(comment.update_author),
            "created": instant(comment.created),
            "updated": instant(comment.updated),
            "jsdPublic": comment.public,
        }
        if with_properties:
            document["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return document

    def history(self, history: History) -> Json:
        document: Json = {
            "id": str(history.id),
            "created": instant(history.created),
            "items": [
                {
                    "field": item.field,
                    "fieldtype": item.fieldtype,
                    "fieldId": item.field_id,
                    "from": item.from_id,
                    "fromString": item.from_string,
                    "to": item.to_id,
                    "toString": item.to_string,
                }
                for item in history.items
            ],
        }
        if history.author is not None:
            document["author"] = self.person(history.author)
        return document

    def transition(self, transition: WorldTransition, *, with_fields: bool) -> Json:
        document: Json = {
            "id": transition.id,
            "name": transition.name,
            "to": self.status(self.world.statuses[transition.target]),
            "hasScreen": bool(transition.required),
            "isGlobal": not transition.sources,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
            "isLooped": False,
        }
        if with_fields:
            document["fields"] = {name: self._required(name) for name in transition.required}
        return document

    def _required(self, name: str) -> Json:
        return {
            "required": True,
            "schema": {"type": "resolution", "system": "resolution"},
            "name": name.capitalize(),
            "key": name,
            "hasDefaultValue": False,
            "operations": ["set"],
            "allowedValues": [self.resolution(resolution) for resolution in RESOLUTIONS],
        }


def _chosen(names: Sequence[str], wanted: Collection[str]) -> list[str]:
    left_out = {name[1:] for name in wanted if name.startswith("-")}
    everything = "*all" in wanted or not set(wanted) - {f"-{name}" for name in left_out}
    if not everything and "*navigable" in wanted:
        everything, left_out = True, left_out | {"comment"}
    return [name for name in names if (everything or name in wanted) and name not in left_out]


def instant(at: datetime) -> str:
    """As Jira writes it: milliseconds and a zone without a colon."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}{at:%z}"

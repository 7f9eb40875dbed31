"""The sandbox's records as Jira Cloud REST v3 answers them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sandbox.jira_state import PRIORITIES, RESOLUTIONS
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
        self._types = sorted({name for project in world.projects.values() for name in project.issue_types})

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

    def issue(self, issue: Issue, wanted: Collection[str]) -> Json:
        """The issue with the wanted fields (`*all`, or their ids)."""
        document: Json = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": str(issue.id),
            "self": f"{self.base}/rest/api/3/issue/{issue.id}",
            "key": issue.key,
        }
        fields = self._fields(issue, wanted)
        if fields or wanted != {"id"}:
            document["fields"] = fields
        return document

    def _fields(self, issue: Issue, wanted: Collection[str]) -> Json:
        everything = "*all" in wanted
        navigable = "*navigable" in wanted

        def is_wanted(name: str) -> bool:
            return everything or name in wanted or (navigable and name not in ("comment", "description"))

        fields: Json = {
            "summary": issue.summary,
            "description": issue.description,
            "labels": issue.labels,
            "components": [{"id": str(n), "name": name} for n, name in enumerate(issue.components)],
            "created": instant(issue.created),
            "updated": instant(issue.updated),
            "resolutiondate": instant(issue.resolved) if issue.resolved else None,
            **{
                identity: self._value(identity, issue)
                for identity in self.world.fields
                if identity[:6] == "custom"
            },
        }
        fields = {name: value for name, value in fields.items() if is_wanted(name)}
        for name in ("reporter", "creator", "assignee"):
            if is_wanted(name):
                fields[name] = self.person(getattr(issue, name))
        if is_wanted("status"):
            fields["status"] = self.status(self.world.statuses[issue.status])
        if is_wanted("project"):
            fields["project"] = self.project(self.world.projects[issue.project])
        if is_wanted("issuetype"):
            fields["issuetype"] = self.issue_type(issue.issue_type)
        if is_wanted("priority"):
            number = PRIORITIES.get(issue.priority, "3")
            fields["priority"] = {
                "id": number,
                "name": issue.priority,
                "self": f"{self.base}/rest/api/3/priority/{number}",
            }
        if is_wanted("resolution"):
            fields["resolution"] = self.resolution(issue.resolution) if issue.resolution else None
        if is_wanted("comment"):
            fields["comment"] = self.comments(issue, issue.comments[:100], 0)
        return fields

    def issue_type(self, name: str) -> Json:
        number = str(10100 + self._types.index(name))
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
            number = entry.options.index(text) if text in entry.options else 99
            option = f"{identity.removeprefix('customfield_')}{number:02}"
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

    def comments(self, issue: Issue, shown: list[WorldComment], start: int) -> Json:
        return {
            "comments": [self.comment(issue, comment) for comment in shown],
            "self": f"{self.base}/rest/api/3/issue/{issue.id}/comment",
            "maxResults": max(len(shown), 1),
            "total": len(issue.comments),
            "startAt": start,
        }

    def comment(self, issue: Issue, comment: WorldComment, *, with_properties: bool = False) -> Json:
        document = {
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
            document["properties"] = [
                {"key": key, "value": value} for key, value in comment.properties.items()
            ]
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


def instant(at: datetime) -> str:
    """As Jira writes it: milliseconds and a zone without a colon."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}{at:%z}"

"""The sandbox's site as Jira Cloud REST v3 answers it: people, projects, fields, statuses, transitions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.jira_fields import PRIORITIES, RESOLUTIONS, type_ids
from sandbox.jira_sight import PERMISSIONS
from sandbox.world import Account, Project, World, WorldField, WorldStatus, WorldTransition

Json = dict[str, Any]
CATEGORIES = {
    "new": (2, "To Do", "blue-gray"),
    "indeterminate": (4, "In Progress", "yellow"),
    "done": (3, "Done", "green"),
}


class SiteViews:
    """Renders what a site has whatever its tickets are. `base` is the address under which it is reached, `now` the
    site's clock."""

    VERSION = "3"

    def __init__(self, world: World, base: str, now: Callable[[], datetime]) -> None:
        self.world = world
        self.now = now
        self.base = base
        self.api = f"{base}/rest/api/{self.VERSION}"
        self._people: dict[str, Json] = {}
        self._types = type_ids(world)

    def person(self, account_id: str | None) -> Json | None:
        if account_id is None:
            return None
        if account_id not in self._people:
            self._people[account_id] = self.new_person(self.world.accounts[account_id])
        return self._people[account_id]

    def new_person(self, account: Account) -> Json:
        return {
            "self": f"{self.api}/user?accountId={account.account_id}",
            "accountId": account.account_id,
            "accountType": account.kind,
            "avatarUrls": {},
            "displayName": account.name,
            "active": account.account_id not in self.world.inactive,
            "timeZone": account.time_zone,
        }

    def group(self, identity: str) -> Json:
        address = f"{self.api}/group?groupId={identity}"
        return {"groupId": identity, "name": self.world.groups[identity], "self": address}

    def status(self, status: WorldStatus) -> Json:
        number, name, colour = CATEGORIES[status.category]
        return {
            "self": f"{self.api}/status/{status.id}",
            "description": "",
            "iconUrl": f"{self.base}/images/icons/status.png",
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": f"{self.api}/statuscategory/{number}",
                "id": number,
                "key": status.category,
                "colorName": colour,
                "name": name,
            },
        }

    def project(self, project: Project) -> Json:
        return {
            "self": f"{self.api}/project/{project.id}",
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

    def issue_type(self, name: str) -> Json:
        number = self._types[name]
        return {
            "self": f"{self.api}/issuetype/{number}",
            "id": number,
            "description": "",
            "name": name,
            "subtask": False,
            "hierarchyLevel": 0,
        }

    def priority(self, name: str) -> Json:
        number = PRIORITIES.get(name, "3")
        return {"self": f"{self.api}/priority/{number}", "id": number, "name": name}

    def resolution(self, name: str) -> Json:
        number = RESOLUTIONS.get(name, "10000")
        return {
            "self": f"{self.api}/resolution/{number}",
            "id": number,
            "description": "",
            "name": name,
        }

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

    def permission(self, key: str, has_it: bool) -> Json:
        number, name, kind = PERMISSIONS[key]
        return {"id": number, "key": key, "name": name, "type": kind, "description": "", "havePermission": has_it}


def instant(at: datetime) -> str:
    """As Jira writes it: milliseconds and a zone without a colon."""
    text = at.isoformat(timespec="milliseconds")
    return text[:-3] + text[-2:]

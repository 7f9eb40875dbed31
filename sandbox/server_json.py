"""The sandbox's records as Jira Data Center REST v2 answers them: people by name and key, bodies in wiki markup."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import quote

from sandbox.jira_fields import request_type_key
from sandbox.jira_json import Views
from sandbox.jira_json_site import Json
from sandbox.server_text import to_wiki
from sandbox.world import (
    Account,
    History,
    HistoryItem,
    Issue,
    Project,
    WorldComment,
    WorldField,
    WorldTransition,
)

PEOPLE = frozenset({"assignee", "reporter"})


class ServerViews(Views):
    """Knows neither account ids nor Atlassian documents."""

    VERSION = "2"

    def new_person(self, account: Account) -> Json:
        return {
            "self": f"{self.api}/user?username={quote(account.account_id)}",
            "key": account.user_key,
            "name": account.account_id,
            "emailAddress": account.email,
            "avatarUrls": {},
            "displayName": account.name,
            "active": account.account_id not in self.world.inactive,
            "timeZone": account.time_zone,
        }

    def group(self, identity: str) -> Json:
        name = self.world.groups[identity]
        return {"name": name, "self": f"{self.api}/group?groupname={quote(name)}"}

    def project(self, project: Project) -> Json:
        return {
            "expand": "description,lead,url,projectKeys",
            "self": f"{self.api}/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "avatarUrls": {},
            "projectTypeKey": project.style,
        }

    def field(self, entry: WorldField) -> Json:
        document = super().field(entry)
        del document["key"]
        return document

    def issue_type(self, name: str) -> Json:
        document = super().issue_type(name)
        del document["hierarchyLevel"]
        return document

    def transition(self, transition: WorldTransition, *, with_fields: bool) -> Json:
        document = super().transition(transition, with_fields=with_fields)
        return {name: document[name] for name in ("id", "name", "to", "fields") if name in document}

    def issue(
        self,
        issue: Issue,
        wanted: Collection[str],
        *,
        comments: Sequence[WorldComment] = (),
        properties: Collection[str] | None = None,
        changes: Sequence[History] | None = None,
    ) -> Json:
        """As on the Cloud, but a ticket is never its id alone."""
        names = {"id", "key"} if set(wanted) == {"id"} else wanted
        return super().issue(issue, names, comments=comments, properties=properties, changes=changes)

    def body(self, document: Json | None) -> object:
        return to_wiki(document)

    def request_type(self, issue: Issue) -> object:
        if issue.request_type is None:
            return None
        return request_type_key(self.world.projects[issue.project], issue.request_type)

    def option(self, option: str, text: str) -> Json:
        return {**super().option(option, text), "disabled": False}

    def comment(self, issue: Issue, comment: WorldComment, *, with_properties: bool = False) -> Json:
        """Whether it is internal stands in its property alone, which is asked for by an address of its own."""
        document = super().comment(issue, comment)
        del document["jsdPublic"]
        if "visibility" in document:
            document["visibility"] = {name: document["visibility"][name] for name in ("type", "value")}
        return document

    def item(self, item: HistoryItem) -> Json:
        """Without the field's id; people by key."""
        document = super().item(item)
        document.pop("fieldId", None)
        if item.field_id in PEOPLE:
            for name in ("from", "to"):
                account = document[name]
                document[name] = None if account is None else self.world.accounts[account].user_key
        return document

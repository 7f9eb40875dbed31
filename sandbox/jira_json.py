"""The sandbox's tickets, their comments and their history as Jira Cloud REST v3 answers them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sandbox.jira_fields import option_id
from sandbox.jira_json_site import Json, SiteViews, instant
from sandbox.jira_sla import sla
from sandbox.server_text import without_source
from sandbox.world import REQUEST_TYPE_FIELD, SLA_FIELDS, History, HistoryItem, Issue, World, WorldComment


class Views(SiteViews):
    """Renders tickets."""

    def __init__(self, world: World, base: str, now: Callable[[], datetime]) -> None:
        super().__init__(world, base, now)
        self._agreements: dict[tuple[int, str], tuple[tuple[object, ...], Json | None]] = {}

    def issue(
        self,
        issue: Issue,
        wanted: Collection[str],
        *,
        comments: Sequence[WorldComment] = (),
        properties: Collection[str] | None = None,
        changes: Sequence[History] | None = None,
    ) -> Json:
        """The issue with the wanted fields (`*all`, `*navigable`, their ids, `-id` for all but one).

        `comments` are those that the reader may see; `changes` go into an embedded changelog; `properties` are the
        entity properties asked for, of which no ticket here has any.
        """
        if set(wanted) == {"id"}:
            return {"id": str(issue.id)}
        document: Json = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": str(issue.id),
            "self": f"{self.api}/issue/{issue.id}",
            "key": issue.key,
            "fields": self._fields(issue, wanted, comments),
        }
        if properties is not None:
            document["properties"] = {}
        if changes is not None:
            document["changelog"] = {
                "startAt": 0,
                "maxResults": len(changes),
                "total": len(issue.histories),
                "histories": [self.history(history) for history in changes],
            }
        return document

    def body(self, document: Json | None) -> object:
        return without_source(document)

    def _fields(self, issue: Issue, wanted: Collection[str], comments: Sequence[WorldComment]) -> Json:
        world = self.world
        plain: dict[str, Callable[[], object]] = {
            "summary": lambda: issue.summary,
            "description": lambda: self.body(issue.description),
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
            "priority": lambda: self.priority(issue.priority),
            "resolution": lambda: self.resolution(issue.resolution) if issue.resolution else None,
            "timespent": lambda: issue.time_spent,
            "comment": lambda: self.comments(issue, comments, len(comments), 0),
        }
        chosen = _chosen([*plain, *(name for name in world.fields if name not in plain)], wanted)
        return {name: plain[name]() if name in plain else self._value(name, issue) for name in chosen}

    def _component(self, issue: Issue, name: str) -> Json:
        number = f"{self.world.projects[issue.project].id}{sum(name.encode())}"
        return {"self": f"{self.api}/component/{number}", "id": number, "name": name}

    def _value(self, identity: str, issue: Issue) -> object:
        if identity == REQUEST_TYPE_FIELD:
            return self.request_type(issue)
        if identity in SLA_FIELDS:
            return self._agreement(identity, issue)
        text = issue.custom.get(identity)
        if not text:
            return None
        entry = self.world.fields[identity]
        if entry.options:
            return self.option(option_id(entry, text), text)
        return text

    def _agreement(self, identity: str, issue: Issue) -> Json | None:
        """Kept once nothing runs any more: a page of tickets has two hundred of them."""
        stamp = (issue.updated, issue.project, issue.priority, len(issue.histories), len(issue.comments))
        kept = self._agreements.get((issue.id, identity))
        if kept is not None and kept[0] == stamp:
            return kept[1]
        value = sla(self.world, issue, identity, self.base, self.now())
        if value is None or "ongoingCycle" not in value:
            self._agreements[issue.id, identity] = (stamp, value)
        return value

    def option(self, option: str, text: str) -> Json:
        return {"self": f"{self.api}/customFieldOption/{option}", "value": text, "id": option}

    def request_type(self, issue: Issue) -> object:
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
            "self": f"{self.api}/issue/{issue.id}/comment",
            "maxResults": max(len(shown), 1),
            "total": total,
            "startAt": start,
        }

    def comment(self, issue: Issue, comment: WorldComment, *, with_properties: bool = False) -> Json:
        document: Json = {
            "self": f"{self.api}/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.person(comment.author),
            "body": self.body(comment.body),
            "updateAuthor": self.person(comment.update_author),
            "created": instant(comment.created),
            "updated": instant(comment.updated),
            "jsdPublic": comment.public,
        }
        if comment.visibility:
            document["visibility"] = dict(comment.visibility)
        if with_properties:
            document["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return document

    def history(self, history: History) -> Json:
        document: Json = {
            "id": str(history.id),
            "created": instant(history.created),
            "items": [self.item(item) for item in history.items],
        }
        if history.author is not None:
            document["author"] = self.person(history.author)
        return document

    def item(self, item: HistoryItem) -> Json:
        named = {"fieldId": item.field_id} if item.field_id else {}
        return {
            "field": item.field,
            "fieldtype": item.fieldtype,
            **named,
            "from": item.from_id,
            "fromString": item.from_string,
            "to": item.to_id,
            "toString": item.to_string,
        }


def _chosen(names: Sequence[str], wanted: Collection[str]) -> list[str]:
    left_out = {name[1:] for name in wanted if name.startswith("-")}
    everything = "*all" in wanted or not set(wanted) - {f"-{name}" for name in left_out}
    if not everything and "*navigable" in wanted:
        everything, left_out = True, left_out | {"comment"}
    return [name for name in names if (everything or name in wanted) and name not in left_out]

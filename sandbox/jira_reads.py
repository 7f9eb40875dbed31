"""The endpoints of the sandbox's Jira that change nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sandbox import jql
from sandbox.jira_fields import Refused
from sandbox.jira_http import Call, Reply
from sandbox.jira_json import instant
from sandbox.world import Account, History, Issue, WorldComment

MOST_WITH_FIELDS = 100
MOST_IDS = 5000
MOST_HISTORIES = 10_000
EMBEDDED_ON_SEARCH = 40
EMBEDDED_ON_GET = 100
SEARCH_BODY = frozenset(
    {"expand", "fields", "fieldsByKeys", "jql", "maxResults", "nextPageToken", "properties", "reconcileIssues"}
)


def server_info(call: Call) -> Reply:
    return Reply(
        {
            "baseUrl": call.jira.address,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": 100300,
            "buildDate": "2026-11-01T00:00:00.000+0000",
            "serverTime": instant(call.state.now()),
            "scmInfo": "sandbox",
            "serverTitle": "Sandbox Jira",
        }
    )


def myself(call: Call) -> Reply:
    return Reply({**_user(call, call.who), "emailAddress": call.who.email, "locale": "en_US"})


def fields(call: Call) -> Reply:
    return Reply([call.views.field(entry) for entry in call.state.world.fields.values()])


def statuses(call: Call) -> Reply:
    return Reply([call.views.status(status) for status in call.state.world.statuses.values()])


def projects(call: Call) -> Reply:
    shown, facts = call.page(list(call.state.world.projects.values()), most=50)
    return Reply({**facts, "values": [call.views.project(project) for project in shown]})


def user(call: Call) -> Reply:
    return Reply(_user(call, _asked_account(call)))


def user_groups(call: Call) -> Reply:
    return Reply([call.views.group(group) for group in sorted(_asked_account(call).groups)])


def group_members(call: Call) -> Reply:
    group, name = call.query.get("groupId", ""), call.query.get("groupname")
    groups = call.state.world.groups
    if name is not None:
        group = next((identity for identity, known in groups.items() if known == name), "")
    if group not in groups:
        raise Refused(404, f"The group '{(name or group)[:40]}' does not exist.")
    members = [account for account in call.state.world.accounts.values() if group in account.groups]
    shown, facts = call.page(members, most=50)
    return Reply({**facts, "values": [call.views.person(account.account_id) for account in shown]})


def _asked_account(call: Call) -> Account:
    account = call.state.world.accounts.get(call.query.get("accountId", ""))
    if account is None:
        raise Refused(404, "The user does not exist or you do not have permission to view it.")
    return account


def _user(call: Call, account: Account) -> dict[str, Any]:
    document = {**(call.views.person(account.account_id) or {}), "expand": "groups,applicationRoles"}
    if call.expands("groups"):
        groups = [call.views.group(group) for group in sorted(account.groups)]
        document["groups"] = {"size": len(groups), "items": groups}
    return document


def gone(call: Call) -> Reply:
    raise Refused(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")


def post_search(call: Call) -> Reply:
    if unknown := sorted(set(call.sent) - SEARCH_BODY):
        raise Refused(400, f'Unrecognized field "{unknown[0]}", not marked as ignorable.')
    wanted, properties = call.sent.get("fields") or ["id"], call.sent.get("properties")
    if not all(isinstance(names, list) for names in (wanted, properties or [])):
        raise Refused(400, "fields and properties must be arrays.")
    return _search(call, call.sent.get("jql"), call.sent.get("nextPageToken"), set(map(str, wanted)), properties)


def get_search(call: Call) -> Reply:
    properties = call.query.get("properties")
    return _search(
        call,
        call.query.get("jql"),
        call.query.get("nextPageToken"),
        set(call.query.get("fields", "id").split(",")),
        properties.split(",") if properties else None,
    )


def _search(
    call: Call, query: object, token: object, wanted: Collection[str], properties: Collection[str] | None
) -> Reply:
    try:
        parsed = jql.parse(query if isinstance(query, str) else "", call.state.world)
    except jql.JqlError as error:
        raise Refused(400, str(error)) from None
    size = call.integer("maxResults", 50, MOST_IDS if set(wanted) <= {"id", "key"} else MOST_WITH_FIELDS)
    world = call.state.world
    rows, following = call.jira.take_rows(token, lambda: parsed.select(world.issues.values()), max(1, size))
    changes = EMBEDDED_ON_SEARCH if call.expands("changelog") else 0
    document: dict[str, Any] = {
        "issues": [_issue(call, issue, wanted, properties, changes) for issue in rows],
        "isLast": following is None,
    }
    return Reply(document if following is None else {**document, "nextPageToken": following})


def get_issue(call: Call) -> Reply:
    properties = call.query.get("properties")
    changes = EMBEDDED_ON_GET if call.expands("changelog") else 0
    wanted = set((call.query.get("fields") or "*all").split(","))
    return Reply(_issue(call, call.issue(), wanted, properties.split(",") if properties else None, changes))


def _issue(
    call: Call, issue: Issue, wanted: Collection[str], properties: Collection[str] | None, changes: int
) -> dict[str, Any]:
    comments = call.state.visible_comments(issue, call.who)
    return call.views.issue(issue, wanted, comments=comments, properties=properties, newest_changes=changes)


def changelog(call: Call) -> Reply:
    issue = call.issue()
    shown, facts = call.page(issue.histories, most=100, default=100)
    address = f"{call.jira.address}/rest/api/3/issue/{issue.id}/changelog"
    here = f"{address}?maxResults={facts['maxResults']}&startAt={facts['startAt']}"
    return Reply({"self": here, **facts, "values": [call.views.history(history) for history in shown]})


def bulk_changelogs(call: Call) -> Reply:
    named, field_ids = call.sent.get("issueIdsOrKeys"), call.sent.get("fieldIds") or []
    if not isinstance(named, list) or not 1 <= len(named) <= 1000:
        raise Refused(400, "issueIdsOrKeys must hold 1 to 1000 ids or keys.")
    if not isinstance(field_ids, list) or len(field_ids) > 10:
        raise Refused(400, "fieldIds must hold at most 10 ids.")

    def entries() -> list[tuple[int, History]]:
        by_key = {name: issue for issue in call.state.world.issues.values() for name in (issue.key, str(issue.id))}
        issues = {by_key[name].id: by_key[name] for name in map(str, named) if name in by_key}
        return [
            (number, history)
            for number, issue in sorted(issues.items())
            for history in issue.histories
            if not field_ids or any(item.field_id in field_ids for item in history.items)
        ]

    size = max(1, call.integer("maxResults", 1000, MOST_HISTORIES))
    rows, following = call.jira.take_rows(call.sent.get("nextPageToken"), entries, size)
    grouped: dict[int, list[dict[str, Any]]] = {}
    for number, history in rows:
        grouped.setdefault(number, []).append(call.views.history(history))
    logs = [{"issueId": str(number), "changeHistories": found} for number, found in grouped.items()]
    return Reply({"issueChangeLogs": logs, **({} if following is None else {"nextPageToken": following})})


def transitions(call: Call) -> Reply:
    with_fields = call.expands("transitions.fields")
    offered = [call.views.transition(step, with_fields=with_fields) for step in call.state.transitions(call.issue())]
    return Reply({"expand": "transitions", "transitions": offered})


def comments(call: Call) -> Reply:
    issue = call.issue()
    visible = call.state.visible_comments(issue, call.who)
    shown, facts = call.page(visible, most=5000)
    document = call.views.comments(issue, shown, len(visible), facts["startAt"])
    return Reply({**document, "maxResults": facts["maxResults"]})


def comment(call: Call) -> Reply:
    issue = call.issue()
    found = _visible(call, issue, call.state.find_comment(call.path["comment"], issue))
    return Reply(call.views.comment(issue, found, with_properties=call.expands("properties")))


def list_comments(call: Call) -> Reply:
    ids = call.sent.get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 1000:
        raise Refused(400, "ids must hold 1 to 1000 comment ids.")
    wanted = set(map(str, ids))
    found: list[tuple[Issue, WorldComment]] = [
        (issue, comment)
        for issue in call.state.world.issues.values()
        for comment in call.state.visible_comments(issue, call.who)
        if str(comment.id) in wanted
    ]
    with_properties = call.expands("properties")
    values = [call.views.comment(issue, comment, with_properties=with_properties) for issue, comment in found]
    facts = {"startAt": 0, "maxResults": 1048576, "total": len(values), "isLast": True}
    return Reply({"self": f"{call.jira.address}/rest/api/3/comment/list", **facts, "values": values})


def comment_property(call: Call) -> Reply:
    found = call.state.find_comment(call.path["comment"])
    issue = next(issue for issue in call.state.world.issues.values() if found in issue.comments)
    name = call.path["name"]
    if name not in _visible(call, issue, found).properties:
        raise Refused(404, f"The property {name[:40]} does not exist.")
    return Reply({"key": name, "value": found.properties[name]})


def _visible(call: Call, issue: Issue, comment: WorldComment) -> WorldComment:
    if comment not in call.state.visible_comments(issue, call.who):
        raise Refused(404, "You do not have permission to see the comment.")
    return comment

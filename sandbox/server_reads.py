"""The endpoints of the sandbox's Jira Data Center that differ from the Cloud's and change nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sandbox import jira_reads as reads
from sandbox.jira_fields import Refused, find_user
from sandbox.jira_http import Call, Reply
from sandbox.jira_json_site import instant
from sandbox.jira_reads import commented
from sandbox.jira_search import check_body, find, render
from sandbox.jira_sight import NOT_LOGGED_IN
from sandbox.world import Account, Issue

MOST = 1000
WINDOW = 10_000
ALL = 1_048_576
SEARCH_BODY = frozenset({"expand", "fields", "jql", "maxResults", "startAt", "validateQuery"})


def server_info(call: Call) -> Reply:
    return Reply(
        {
            "baseUrl": call.jira.address,
            "version": "9.12.15",
            "versionNumbers": [9, 12, 15],
            "deploymentType": "Server",
            "buildNumber": 9120015,
            "buildDate": "2024-10-21T00:00:00.000+0000",
            "serverTime": instant(call.state.now()),
            "scmInfo": "sandbox",
            "serverTitle": "Sandbox Jira",
        }
    )


def myself(call: Call) -> Reply:
    if not call.who.account_id:
        raise Refused(401, NOT_LOGGED_IN)
    return Reply({**_user(call, call.who), "locale": "en_US"})


def user(call: Call) -> Reply:
    name, key = call.query.get("username"), call.query.get("key")
    account = find_user(call.state.world, name, key)
    if account is None:
        raise Refused(404, f"The user named '{(name or key or '')[:60]}' does not exist")
    return Reply(_user(call, account))


def group_members(call: Call) -> Reply:
    """A Data Center has no ids of groups, and asks for a name."""
    if not call.query.get("groupname"):
        raise Refused(400, "The query parameter 'groupname' is required.")
    return reads.group_members(call)


def projects(call: Call) -> Reply:
    return Reply([call.views.project(project) for project in call.state.sight.projects(call.who)])


def get_search(call: Call) -> Reply:
    fields = call.query.get("fields")
    return _search(call, call.query.get("jql"), fields.split(",") if fields else ["*navigable"])


def post_search(call: Call) -> Reply:
    check_body(call, SEARCH_BODY)
    for name in ("fields", "expand"):
        if not isinstance(call.sent.get(name, []), list):
            raise Refused(400, f"Can not deserialize instance of java.util.ArrayList out of the value of '{name}'")
    return _search(call, call.sent.get("jql"), call.sent.get("fields") or ["*navigable"])


def _search(call: Call, query: object, fields: Collection[object]) -> Reply:
    """Each page is searched anew: what changes meanwhile moves rows from page to page."""
    start, size = call.integer("startAt", 0, 10**9), call.integer("maxResults", 50, MOST)
    if start + size > WINDOW:
        raise Refused(400, f"Result window is too large: startAt + maxResults must not exceed {WINDOW}.")
    found = find(call, query)
    rows = found[start : start + size]
    if call.fault is not None and call.fault.how == "short":
        rows = rows[: call.fault.rows]
    wanted = set(map(str, fields))
    return Reply(
        {
            "expand": "schema,names",
            "startAt": start,
            "maxResults": size,
            "total": len(found),
            "issues": [_issue(call, issue, wanted, None) for issue in rows],
        }
    )


def get_issue(call: Call) -> Reply:
    properties = call.query.get("properties")
    wanted = set((call.query.get("fields") or "*all").split(","))
    return Reply(_issue(call, call.issue(), wanted, properties.split(",") if properties else None))


def _issue(call: Call, issue: Issue, wanted: Collection[str], properties: Collection[str] | None) -> dict[str, Any]:
    """An embedded changelog is complete, the oldest first."""
    return render(call, issue, wanted, properties, issue.histories if call.expands("changelog") else None)


def comments(call: Call) -> Reply:
    issue = call.issue()
    visible = call.state.visible_comments(issue, call.who)
    shown, facts = call.page(visible, most=ALL, default=ALL)
    document = call.views.comments(issue, shown, len(visible), facts["startAt"])
    return Reply({**document, "maxResults": facts["maxResults"]})


def comment_properties(call: Call) -> Reply:
    address = f"{call.views.api}/comment/{call.path['comment']}/properties"
    return Reply({"keys": [{"self": f"{address}/{key}", "key": key} for key in commented(call).properties]})


def _user(call: Call, account: Account) -> dict[str, Any]:
    document = {**call.views.new_person(account), "expand": "groups,applicationRoles"}
    groups = [call.views.group(group) for group in sorted(account.groups)]
    items = {"items": groups} if call.expands("groups") else {"items": []}
    return {**document, "groups": {"size": len(groups), **items}}

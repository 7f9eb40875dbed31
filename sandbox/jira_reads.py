"""The endpoints of the sandbox's Jira that change nothing."""

from __future__ import annotations

from typing import Any

from sandbox.jira_fields import Refused
from sandbox.jira_http import Call, Reply
from sandbox.jira_json_site import instant
from sandbox.jira_search import newest, render
from sandbox.jira_sight import NOT_LOGGED_IN, PERMISSIONS
from sandbox.world import Account, Issue, WorldComment

EMBEDDED = 100


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
    if not call.who.account_id:
        raise Refused(401, NOT_LOGGED_IN)
    return Reply({**_user(call, call.who), "emailAddress": call.who.email, "locale": "en_US"})


def fields(call: Call) -> Reply:
    return Reply([call.views.field(entry) for entry in call.state.world.fields.values()])


def statuses(call: Call) -> Reply:
    return Reply([call.views.status(status) for status in call.state.world.statuses.values()])


def projects(call: Call) -> Reply:
    shown, facts = call.page(call.state.sight.projects(call.who), most=50)
    return Reply({**facts, "values": [call.views.project(project) for project in shown]})


def project(call: Call) -> Reply:
    named = call.path["key"]
    for known in call.state.sight.projects(call.who):
        if named.upper() in (known.key, known.id):
            return Reply(call.views.project(known))
    raise Refused(404, f"No project could be found with key '{named[:40]}'.")


def my_permissions(call: Call) -> Reply:
    """On the Cloud `permissions` must name them; without a project or ticket, whether it holds anywhere."""
    named = [name.strip() for name in call.query.get("permissions", "").split(",") if name.strip()]
    if not named and call.jira.deployment == "Cloud":
        raise Refused(400, "The 'permissions' query parameter is required.")
    if unknown := [name for name in named if name not in PERMISSIONS]:
        raise Refused(400, f"Unrecognized permission: {unknown[0][:60]}")
    sight, project = call.state.sight, call.query.get("projectKey")
    if issue := call.query.get("issueKey") or call.query.get("issueId"):
        project = call.state.find(issue, call.who).project
    if project is not None and project not in [known.key for known in sight.projects(call.who)]:
        raise Refused(404, f"No project could be found with key '{project[:40]}'.")
    sees_any = bool(sight.projects(call.who))
    held = {name: sight.has(name, call.who) and (sees_any or PERMISSIONS[name][2] == "GLOBAL") for name in PERMISSIONS}
    return Reply({"permissions": {name: call.views.permission(name, held[name]) for name in named or PERMISSIONS}})


def user(call: Call) -> Reply:
    return Reply(_user(call, _asked_account(call)))


def user_groups(call: Call) -> Reply:
    return Reply([call.views.group(group) for group in sorted(_asked_account(call).groups)])


def group_members(call: Call) -> Reply:
    """By the group's id, or by its name as on a Data Center."""
    call.state.sight.require("USER_PICKER", call.who)
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
    document = {**call.views.new_person(account), "expand": "groups,applicationRoles"}
    if call.expands("groups"):
        groups = [call.views.group(group) for group in sorted(account.groups)]
        document["groups"] = {"size": len(groups), "items": groups}
    return document


def get_issue(call: Call) -> Reply:
    properties = call.query.get("properties")
    changes = EMBEDDED if call.expands("changelog") else 0
    wanted = set((call.query.get("fields") or "*all").split(","))
    issue = call.issue()
    return Reply(render(call, issue, wanted, properties.split(",") if properties else None, newest(issue, changes)))


def changelog(call: Call) -> Reply:
    issue = call.issue()
    shown, facts = call.page(issue.histories, most=100, default=100)
    address = f"{call.views.api}/issue/{issue.id}/changelog"
    here = f"{address}?maxResults={facts['maxResults']}&startAt={facts['startAt']}"
    return Reply({"self": here, **facts, "values": [call.views.history(history) for history in shown]})


def transitions(call: Call) -> Reply:
    """Empty, and no error, for who may not move the ticket."""
    issue, with_fields = call.issue(), call.expands("transitions.fields")
    may_move = call.state.sight.has("TRANSITION_ISSUES", call.who)
    steps = call.state.transitions(issue) if may_move else []
    offered = [call.views.transition(step, with_fields=with_fields) for step in steps]
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
        for issue in call.state.sight.seen(call.state.world.issues.values(), call.who)
        for comment in call.state.visible_comments(issue, call.who)
        if str(comment.id) in wanted
    ]
    with_properties = call.expands("properties")
    values = [call.views.comment(issue, comment, with_properties=with_properties) for issue, comment in found]
    facts = {"startAt": 0, "maxResults": 1048576, "total": len(values), "isLast": True}
    return Reply({"self": f"{call.views.api}/comment/list", **facts, "values": values})


def comment_property(call: Call) -> Reply:
    found, name = commented(call), call.path["name"]
    if name not in found.properties:
        raise Refused(404, f"The property {name[:40]} does not exist.")
    return Reply({"key": name, "value": found.properties[name]})


def commented(call: Call) -> WorldComment:
    """The comment that the path names without its ticket. Raises Refused (404)."""
    found = call.state.find_comment(call.path["comment"])
    issue = next(issue for issue in call.state.world.issues.values() if found in issue.comments)
    return _visible(call, issue, found)


def _visible(call: Call, issue: Issue, comment: WorldComment) -> WorldComment:
    if not call.state.sight.is_seen(issue, call.who) or comment not in call.state.visible_comments(issue, call.who):
        raise Refused(404, "You do not have permission to see the comment.")
    return comment

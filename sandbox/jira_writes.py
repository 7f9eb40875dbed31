"""The endpoints of the sandbox's Jira that file, change, move and comment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.jira_adf import is_document
from sandbox.jira_audience import read_visibility
from sandbox.jira_fields import Refused
from sandbox.jira_http import Call, Reply
from sandbox.jira_state import NOT_VALID
from sandbox.server_text import from_wiki
from sandbox.world import Issue

PUBLIC_PROPERTY = "sd.public.comment"


def create_issue(call: Call) -> Reply:
    call.state.sight.require("CREATE_ISSUES", call.who)
    issue = call.state.create(call.who, _object(call, "fields"), call.jira.deployment)
    return Reply({"id": str(issue.id), "key": issue.key, "self": f"{call.views.api}/issue/{issue.id}"}, 201)


def edit_issue(call: Call) -> Reply:
    issue = call.issue_for("EDIT_ISSUES")
    updates = _object(call, "update") if "update" in call.sent else {}
    fields = _object(call, "fields") if "fields" in call.sent or not updates else {}
    if both := sorted(set(fields) & set(updates)):
        raise Refused(400, errors={both[0]: f"Field '{both[0]}' cannot appear in both 'fields' and 'update'."})
    changed = {name: _updated(issue, name, operations) for name, operations in updates.items()}
    call.state.edit(call.who, issue, {**fields, **changed}, call.jira.deployment)
    return Reply(status=204)


def _updated(issue: Issue, name: str, operations: object) -> object:
    """A field's value after `[{"add": …}, {"remove": …}, {"set": …}]`; only labels can be added to. Raises Refused."""
    value: object = list(issue.labels) if name == "labels" else None
    for operation in operations if isinstance(operations, list) else [operations]:
        if not isinstance(operation, Mapping) or len(operation) != 1:
            raise Refused(400, errors={name: "Operation must be an object with one verb."})
        ((verb, given),) = operation.items()
        if verb == "set":
            value = given
        elif verb in ("add", "remove") and isinstance(value, list):
            kept = [one for one in value if one != given]
            value = kept if verb == "remove" else value if given in value else [*value, given]
        else:
            raise Refused(400, errors={name: f"Field does not support '{str(verb)[:20]}'."})
    return value


def delete_issue(call: Call) -> Reply:
    call.state.delete(call.who, call.issue_for("DELETE_ISSUES"))
    return Reply(status=204)


def assign_issue(call: Call) -> Reply:
    name = "accountId" if call.jira.deployment == "Cloud" else "name"
    person = call.sent.get(name)
    fields = {"assignee": None if person is None else {name: person}}
    call.state.edit(call.who, call.issue_for("ASSIGN_ISSUES"), fields, call.jira.deployment)
    return Reply(status=204)


def post_transition(call: Call) -> Reply:
    """A comment that is sent along is silently dropped, as Jira does where the screen has no comment field."""
    transition = _object(call, "transition")
    fields = _object(call, "fields") if "fields" in call.sent else {}
    call.state.move(call.who, call.issue_for("TRANSITION_ISSUES"), str(transition.get("id")), fields)
    return Reply(status=204)


def post_comment(call: Call) -> Reply:
    issue = call.issue_for("ADD_COMMENTS")
    properties = _properties(call.sent.get("properties"))
    public = _is_public(properties.get(PUBLIC_PROPERTY))
    sent, deployment = call.sent.get("visibility"), call.jira.deployment
    shown_to = read_visibility(call.state.world, issue.project, call.who, sent, deployment)
    posted = call.state.comment(call.who, issue, _body(call), properties=properties, public=public, visibility=shown_to)
    return Reply(call.views.comment(issue, posted), 201)


def edit_comment(call: Call) -> Reply:
    issue = call.issue_for("EDIT_OWN_COMMENTS")
    comment = call.state.find_comment(call.path["comment"], issue)
    call.state.edit_comment(call.who, issue, comment, _body(call))
    return Reply(call.views.comment(issue, comment))


def _body(call: Call) -> Mapping[str, Any]:
    """A document on the Cloud, wiki markup on a Data Center. Raises Refused (400)."""
    body = call.sent.get("body")
    if call.jira.deployment == "Data Center":
        if isinstance(body, str) and body.strip():
            return from_wiki(body)
        raise Refused(400, errors={"comment": "Comment body can not be empty!"})
    if not isinstance(body, Mapping) or not is_document(body):
        raise Refused(400, errors=NOT_VALID)
    return body


def _object(call: Call, name: str) -> Mapping[str, Any]:
    found = call.sent.get(name)
    if not isinstance(found, Mapping):
        raise Refused(400, f"The request body must hold the object '{name}'.")
    return found


def _properties(listed: object) -> dict[str, Any]:
    """`[{"key": …, "value": …}]` by key. Raises Refused (400)."""
    entries = [] if listed is None else listed
    if not isinstance(entries, list):
        raise Refused(400, "properties must be an array.")
    found: dict[str, Any] = {}
    for entry in entries:
        key = entry.get("key") if isinstance(entry, Mapping) else None
        if not isinstance(key, str) or not 1 <= len(key) <= 255:
            raise Refused(400, "A property needs a key of 1 to 255 characters.")
        found[key] = entry.get("value")
    return found


def _is_public(marker: object) -> bool:
    """A service desk's comment is public unless its property says otherwise."""
    return not (isinstance(marker, Mapping) and str(marker.get("internal")).lower() == "true")

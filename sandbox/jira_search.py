"""The sandbox's Jira Cloud: searching, counting, and reading many tickets at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sandbox import jql
from sandbox.jira_fields import Refused
from sandbox.jira_http import Call, Reply
from sandbox.world import History, Issue

MOST_WITH_FIELDS = 100
MOST_IDS = 5000
MOST_FETCHED = 100
MOST_RECONCILED = 50
MOST_HISTORIES = 10_000
EMBEDDED = 40
SEARCH_BODY = frozenset(
    {"expand", "fields", "fieldsByKeys", "jql", "maxResults", "nextPageToken", "properties", "reconcileIssues"}
)
FETCH_BODY = frozenset({"expand", "fields", "fieldsByKeys", "issueIdsOrKeys", "properties"})


def gone(call: Call) -> Reply:
    raise Refused(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")


def post_search(call: Call) -> Reply:
    check_body(call, SEARCH_BODY)
    wanted, properties, reconciled = (call.sent.get(name) for name in ("fields", "properties", "reconcileIssues"))
    if not all(isinstance(names, list) for names in (wanted or [], properties or [], reconciled or [])):
        raise Refused(400, "fields, properties and reconcileIssues must be arrays.")
    current = reconciled or []
    if len(current) > MOST_RECONCILED or not all(type(number) is int for number in current):
        raise Refused(400, f"reconcileIssues must hold at most {MOST_RECONCILED} numeric ids.")
    names = set(map(str, wanted or ["id"]))
    return _search(call, call.sent.get("jql"), call.sent.get("nextPageToken"), names, properties, current)


def get_search(call: Call) -> Reply:
    properties = call.query.get("properties")
    return _search(
        call,
        call.query.get("jql"),
        call.query.get("nextPageToken"),
        set(call.query.get("fields", "id").split(",")),
        properties.split(",") if properties else None,
        [],
    )


def approximate_count(call: Call) -> Reply:
    check_body(call, frozenset({"jql"}))
    return Reply({"count": len(find(call, call.sent.get("jql")))})


def bulk_fetch(call: Call) -> Reply:
    """What is not found, or not visible, is simply absent."""
    check_body(call, FETCH_BODY)
    named, wanted, properties = (call.sent.get(name) for name in ("issueIdsOrKeys", "fields", "properties"))
    if not isinstance(named, list) or not 1 <= len(named) <= MOST_FETCHED:
        raise Refused(400, f"issueIdsOrKeys must hold 1 to {MOST_FETCHED} ids or keys.")
    if not all(isinstance(names, list) for names in (wanted or [], properties or [], call.sent.get("expand") or [])):
        raise Refused(400, "fields, properties and expand must be arrays.")
    names, changes = set(map(str, wanted or ["*navigable"])), EMBEDDED if call.expands("changelog") else 0
    broken = call.state.faults.broken_tickets
    issues = _named(call, named)
    found = [render(call, one, names, properties, newest(one, changes)) for one in issues if one.id not in broken]
    errors = [{"id": str(one.id), "errorMessage": "Internal server error"} for one in issues if one.id in broken]
    return Reply({"issues": found, "issueErrors": errors})


def bulk_changelogs(call: Call) -> Reply:
    named, field_ids = call.sent.get("issueIdsOrKeys"), call.sent.get("fieldIds") or []
    if not isinstance(named, list) or not 1 <= len(named) <= 1000:
        raise Refused(400, "issueIdsOrKeys must hold 1 to 1000 ids or keys.")
    if not isinstance(field_ids, list) or len(field_ids) > 10:
        raise Refused(400, "fieldIds must hold at most 10 ids.")

    def entries() -> list[tuple[int, History]]:
        return [
            (issue.id, history)
            for issue in _named(call, named)
            for history in issue.histories
            if not field_ids or any(item.field_id in field_ids for item in history.items)
        ]

    size = max(1, call.integer("maxResults", 1000, MOST_HISTORIES))
    rows, following = call.jira.take_rows(call.sent.get("nextPageToken"), entries, size, call.fault)
    grouped: dict[int, list[dict[str, Any]]] = {}
    for number, history in rows:
        grouped.setdefault(number, []).append(call.views.history(history))
    logs = [{"issueId": str(number), "changeHistories": found} for number, found in grouped.items()]
    return Reply({"issueChangeLogs": logs, **({} if following is None else {"nextPageToken": following})})


def _named(call: Call, names: Sequence[object]) -> list[Issue]:
    """Those that the caller sees, each once, in the order of their ids."""
    found: dict[int, Issue] = {}
    for name in map(str, names):
        try:
            issue = call.state.find(name, call.who)
        except Refused:
            continue
        found[issue.id] = issue
    return [issue for _, issue in sorted(found.items())]


def _search(
    call: Call,
    query: object,
    token: object,
    wanted: Collection[str],
    properties: Collection[str] | None,
    current: Iterable[int],
) -> Reply:
    size = call.integer("maxResults", 50, MOST_IDS if set(wanted) <= {"id", "key"} else MOST_WITH_FIELDS)
    rows, following = call.jira.take_rows(token, lambda: find(call, query, current), max(1, size), call.fault)
    changes = EMBEDDED if call.expands("changelog") else 0
    document: dict[str, Any] = {
        "issues": [
            render(call, issue, wanted, properties, newest(issue, changes)) for issue in _still_there(call, rows)
        ],
        "isLast": following is None,
    }
    return Reply(document if following is None else {**document, "nextPageToken": following})


def _still_there(call: Call, rows: list[Issue]) -> Iterable[Issue]:
    """What was deleted since the first page was read is not on a later one, unless the index has not heard of it."""
    if not call.state.faults.index_lag:
        rows = [issue for issue in rows if issue.id in call.state.world.issues]
    return call.state.sight.seen(rows, call.who)


def find(call: Call, query: object, current: Iterable[int] = ()) -> list[Issue]:
    """What the query finds for the caller, in its order. Raises Refused (400)."""
    world, sight = call.state.world, call.state.sight
    hidden = [key for key in world.projects if not sight.is_open(key, call.who)]
    try:
        parsed = jql.parse(query if isinstance(query, str) else "", world, jql.Asker(call.who.time_zone, hidden))
    except jql.JqlError as error:
        raise Refused(400, str(error)) from None
    return parsed.select(call.state.indexed(call.who, current))


def render(
    call: Call,
    issue: Issue,
    wanted: Collection[str],
    properties: Collection[str] | None,
    changes: Sequence[History] | None,
) -> dict[str, Any]:
    """The issue as the caller sees it, with these changes in its embedded changelog."""
    comments = call.state.visible_comments(issue, call.who)
    return call.views.issue(issue, wanted, comments=comments, properties=properties, changes=changes)


def newest(issue: Issue, most: int) -> Sequence[History] | None:
    """As the Cloud embeds a changelog: the newest first, the oldest silently left out; None for none at all."""
    return issue.histories[::-1][:most] if most else None


def check_body(call: Call, known: frozenset[str]) -> None:
    """Raises Refused (400) for a property that the body may not have."""
    if unknown := sorted(set(call.sent) - known):
        raise Refused(400, f'Unrecognized field "{unknown[0]}", not marked as ignorable.')

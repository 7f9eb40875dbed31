"""The sandbox's Jira over HTTP: the Cloud REST v3 endpoints that Golden Path calls, and no others."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from email.utils import format_datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import jql
from sandbox.jira_json import Views
from sandbox.jira_state import JiraState, Refused
from sandbox.page import page_routes
from sandbox.world import Account, Issue, WorldComment

PUBLIC_PROPERTY = "sd.public.comment"
MOST_WITH_FIELDS = 100
MOST_IDS = 5000
Handler = Callable[["Jira", Request, Account], Awaitable[Response]]


class Jira:
    """The application. `address` is set once the port is known."""

    def __init__(self, state: JiraState, address: str) -> None:
        self.state = state
        self.views = Views(state.world, address)
        self.address = address
        self._by_email = {account.email: account for account in state.world.accounts.values()}
        routes = [
            Route(f"/rest/api/3/{path}", self._wrap(handler), methods=[method])
            for method, path, handler in _ROUTES
        ]
        self.app = Starlette(routes=[*routes, *page_routes(self)])

    def _wrap(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            account = self._authenticate(request)
            if account is None:
                return self.answer(
                    {"errorMessages": ["Client must be authenticated to access this resource."]}, 401
                )
            try:
                return await handler(self, request, account)
            except Refused as error:
                return self.answer(
                    {"errorMessages": list(error.messages), "errors": error.errors}, error.status
                )

        return endpoint

    def answer(self, document: Any, status: int = 200) -> Response:
        """JSON with the site's clock in the Date header."""
        body = b"" if document is None else orjson.dumps(document)
        headers = {"date": format_datetime(self.state.now(), usegmt=True)}
        return Response(body, status, headers, media_type="application/json;charset=UTF-8")

    def _authenticate(self, request: Request) -> Account | None:
        kind, _, packed = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            email, _, token = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self._by_email.get(email)
        return account if account is not None and account.token == token else None


async def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent. Raises Refused (400)."""
    try:
        document = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError:
        raise Refused(
            400, "There was an error parsing JSON. Check that your request body is valid."
        ) from None
    if not isinstance(document, dict):
        raise Refused(400, "Request body must be a JSON object.")
    return document


def number(text: str | None, default: int, most: int) -> int:
    return min(int(text), most) if text and text.isascii() and text.isdigit() else default


async def server_info(jira: Jira, request: Request, who: Account) -> Response:
    now = jira.state.now()
    return jira.answer(
        {
            "baseUrl": jira.address,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "buildNumber": 100300,
            "buildDate": "2026-11-01T00:00:00.000+0000",
            "serverTime": f"{now:%Y-%m-%dT%H:%M:%S}.000+0000",
            "scmInfo": "sandbox",
            "serverTitle": "Sandbox Jira",
        }
    )


async def myself(jira: Jira, request: Request, who: Account) -> Response:
    return jira.answer(
        {**(jira.views.person(who.account_id) or {}), "emailAddress": who.email, "locale": "en_US"}
    )


async def fields(jira: Jira, request: Request, who: Account) -> Response:
    return jira.answer([jira.views.field(entry) for entry in jira.state.world.fields.values()])


async def statuses(jira: Jira, request: Request, who: Account) -> Response:
    return jira.answer([jira.views.status(status) for status in jira.state.world.statuses.values()])


async def projects(jira: Jira, request: Request, who: Account) -> Response:
    found = [jira.views.project(project) for project in jira.state.world.projects.values()]
    start = number(request.query_params.get("startAt"), 0, len(found))
    shown = found[start : start + number(request.query_params.get("maxResults"), 50, 50)]
    is_last = start + len(shown) >= len(found)
    return jira.answer(
        {"values": shown, "total": len(found), "startAt": start, "maxResults": 50, "isLast": is_last}
    )


async def user(jira: Jira, request: Request, who: Account) -> Response:
    account = _account(jira, request)
    return jira.answer(jira.views.person(account.account_id))


async def user_groups(jira: Jira, request: Request, who: Account) -> Response:
    account = _account(jira, request)
    names = jira.state.world.groups
    return jira.answer(
        [
            {
                "groupId": group,
                "name": names[group],
                "self": f"{jira.address}/rest/api/3/group?groupId={group}",
            }
            for group in sorted(account.groups)
        ]
    )


def _account(jira: Jira, request: Request) -> Account:
    account = jira.state.world.accounts.get(request.query_params.get("accountId", ""))
    if account is None:
        raise Refused(404, "The user does not exist or you do not have permission to view it.")
    return account


async def gone(jira: Jira, request: Request, who: Account) -> Response:
    raise Refused(
        410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
    )


async def search(jira: Jira, request: Request, who: Account) -> Response:
    if request.method == "POST":
        sent = await body_of(request)
    else:
        listed = request.query_params.get("fields")
        sent = {**request.query_params, **({"fields": listed.split(",")} if listed else {})}
    allowed = {
        "jql",
        "fields",
        "expand",
        "maxResults",
        "nextPageToken",
        "reconcileIssues",
        "properties",
        "fieldsByKeys",
    }
    if unknown := set(sent) - allowed:
        raise Refused(400, f"Unrecognized field '{sorted(unknown)[0]}'.")
    wanted = {str(name) for name in sent.get("fields") or ["id"]}
    try:
        query = jql.parse(str(sent.get("jql") or ""), jira.state.world)
    except jql.JqlError as error:
        raise Refused(400, str(error)) from None
    with jira.state.lock:
        found = query.select(list(jira.state.world.issues.values()))
        start = _page_start(sent.get("nextPageToken"))
        most = MOST_IDS if wanted <= {"id", "key"} else MOST_WITH_FIELDS
        size = max(1, number(str(sent.get("maxResults") or ""), 50, most))
        document: dict[str, Any] = {
            "issues": [jira.views.issue(issue, wanted) for issue in found[start : start + size]],
            "isLast": start + size >= len(found),
        }
    if start + size < len(found):
        document["nextPageToken"] = base64.urlsafe_b64encode(f"from:{start + size}".encode()).decode()
    return jira.answer(document)


def _page_start(token: object) -> int:
    if not token:
        return 0
    try:
        kind, _, start = base64.urlsafe_b64decode(str(token)).decode().partition(":")
        if kind == "from":
            return int(start)
    except (ValueError, binascii.Error):
        pass
    raise Refused(400, "The provided next page token is invalid.")


async def get_issue(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    listed = request.query_params.get("fields")
    with jira.state.lock:
        return jira.answer(jira.views.issue(issue, set(listed.split(",")) if listed else {"*all"}))


async def create_issue(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.create(who, _fields(await body_of(request)))
    return jira.answer(
        {"id": str(issue.id), "key": issue.key, "self": f"{jira.address}/rest/api/3/issue/{issue.id}"}, 201
    )


async def edit_issue(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    jira.state.edit(who, issue, _fields(await body_of(request)))
    return jira.answer(None, 204)


def _fields(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    found = sent.get("fields")
    if not isinstance(found, Mapping):
        raise Refused(400, "The request body must hold `fields`.")
    return found


async def changelog(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    start = number(request.query_params.get("startAt"), 0, 1_000_000)
    size = max(1, number(request.query_params.get("maxResults"), 100, 100))
    with jira.state.lock:
        shown = issue.histories[start : start + size]
        total = len(issue.histories)
        document = {
            "self": f"{jira.address}/rest/api/3/issue/{issue.id}/changelog?startAt={start}&maxResults={size}",
            "values": [jira.views.history(history) for history in shown],
            "startAt": start,
            "maxResults": size,
            "total": total,
            "isLast": start + len(shown) >= total,
        }
    return jira.answer(document)


async def bulk_changelogs(jira: Jira, request: Request, who: Account) -> Response:
    sent = await body_of(request)
    named = sent.get("issueIdsOrKeys")
    if not isinstance(named, list) or not 1 <= len(named) <= 1000:
        raise Refused(400, "issueIdsOrKeys must hold 1 to 1000 ids or keys.")
    field_ids = sent.get("fieldIds") or []
    if len(field_ids) > 10:
        raise Refused(400, "fieldIds must hold at most 10 ids.")
    start, size = (
        _page_start(sent.get("nextPageToken")),
        max(1, number(str(sent.get("maxResults") or ""), 1000, 10_000)),
    )
    with jira.state.lock:
        entries = [
            (issue, history)
            for issue in {i.id: i for i in map(jira.state.find, map(str, named))}.values()
            for history in issue.histories
            if not field_ids or any(item.field_id in field_ids for item in history.items)
        ]
        grouped: dict[int, list[Any]] = {}
        for issue, history in entries[start : start + size]:
            grouped.setdefault(issue.id, []).append(jira.views.history(history))
    document: dict[str, Any] = {
        "issueChangeLogs": [
            {"issueId": str(i), "changeHistories": histories} for i, histories in grouped.items()
        ]
    }
    if start + size < len(entries):
        document["nextPageToken"] = base64.urlsafe_b64encode(f"from:{start + size}".encode()).decode()
    return jira.answer(document)


async def get_transitions(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    with_fields = "transitions.fields" in request.query_params.get("expand", "")
    with jira.state.lock:
        offered = [jira.views.transition(t, with_fields=with_fields) for t in jira.state.transitions(issue)]
    return jira.answer({"expand": "transitions", "transitions": offered})


async def post_transition(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    sent = await body_of(request)
    transition = sent.get("transition")
    if not isinstance(transition, Mapping) or not transition.get("id"):
        raise Refused(400, "Missing 'transition' identifier")
    jira.state.move(who, issue, str(transition["id"]), sent.get("fields") or {})
    return jira.answer(None, 204)


async def get_comments(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    start = number(request.query_params.get("startAt"), 0, 1_000_000)
    size = max(1, number(request.query_params.get("maxResults"), 50, 5000))
    with jira.state.lock:
        document = jira.views.comments(issue, issue.comments[start : start + size], start)
    return jira.answer({**document, "maxResults": size})


async def post_comment(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    sent = await body_of(request)
    listed = sent.get("properties") or []
    properties = {
        str(entry["key"]): entry.get("value")
        for entry in listed
        if isinstance(entry, Mapping) and "key" in entry
    }
    marker = properties.get(PUBLIC_PROPERTY)
    public = not (isinstance(marker, Mapping) and marker.get("internal"))
    comment = jira.state.comment(who, issue, sent.get("body"), properties=properties, public=public)
    return jira.answer(jira.views.comment(issue, comment), 201)


async def edit_comment(jira: Jira, request: Request, who: Account) -> Response:
    issue = jira.state.find(request.path_params["key"])
    comment = next((c for c in issue.comments if str(c.id) == request.path_params["comment"]), None)
    if comment is None:
        raise Refused(404, "Can not find a comment for the id.")
    jira.state.edit_comment(who, issue, comment, (await body_of(request)).get("body"))
    return jira.answer(jira.views.comment(issue, comment))


async def list_comments(jira: Jira, request: Request, who: Account) -> Response:
    sent = await body_of(request)
    ids = sent.get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 1000:
        raise Refused(400, "ids must hold 1 to 1000 comment ids.")
    wanted = {int(identity) for identity in ids}
    with_properties = "properties" in request.query_params.get("expand", "")
    found: list[tuple[Issue, WorldComment]] = []
    with jira.state.lock:
        for issue in reversed(jira.state.world.issues.values()):
            found += [(issue, comment) for comment in issue.comments if comment.id in wanted]
            if len(found) >= len(wanted):
                break
        values = [
            jira.views.comment(issue, comment, with_properties=with_properties) for issue, comment in found
        ]
    return jira.answer(
        {
            "values": values,
            "startAt": 0,
            "maxResults": 1000,
            "total": len(values),
            "isLast": True,
            "self": f"{jira.address}/rest/api/3/comment/list",
        }
    )


_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "serverInfo", server_info),
    ("GET", "myself", myself),
    ("GET", "field", fields),
    ("GET", "status", statuses),
    ("GET", "project/search", projects),
    ("GET", "user", user),
    ("GET", "user/groups", user_groups),
    ("GET", "search", gone),
    ("POST", "search", gone),
    ("GET", "search/jql", search),
    ("POST", "search/jql", search),
    ("POST", "changelog/bulkfetch", bulk_changelogs),
    ("POST", "comment/list", list_comments),
    ("POST", "issue", create_issue),
    ("GET", "issue/{key}", get_issue),
    ("PUT", "issue/{key}", edit_issue),
    ("GET", "issue/{key}/changelog", changelog),
    ("GET", "issue/{key}/transitions", get_transitions),
    ("POST", "issue/{key}/transitions", post_transition),
    ("GET", "issue/{key}/comment", get_comments),
    ("POST", "issue/{key}/comment", post_comment),
    ("PUT", "issue/{key}/comment/{comment}", edit_comment),
)

"""The sandbox's Jira over HTTP: the REST endpoints that Golden Path calls, the gateway, and the page for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from sandbox import jira_reads as reads
from sandbox import jira_search as search
from sandbox import jira_writes as writes
from sandbox.jira_fields import Refused
from sandbox.jira_http import JSON, Handler, Jira, SiteClock, api_routes, basic_log_in, is_same, read_body
from sandbox.jira_json import Views
from sandbox.jira_state import JiraState
from sandbox.page import page_routes
from sandbox.server_app import server_routes
from sandbox.world import Account, Deployment

ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "serverInfo", reads.server_info),
    ("GET", "myself", reads.myself),
    ("GET", "mypermissions", reads.my_permissions),
    ("GET", "field", reads.fields),
    ("GET", "status", reads.statuses),
    ("GET", "project/search", reads.projects),
    ("GET", "project/{key}", reads.project),
    ("GET", "user", reads.user),
    ("GET", "user/groups", reads.user_groups),
    ("GET", "group/member", reads.group_members),
    ("GET", "search", search.gone),
    ("POST", "search", search.gone),
    ("GET", "search/jql", search.get_search),
    ("POST", "search/jql", search.post_search),
    ("POST", "search/approximate-count", search.approximate_count),
    ("POST", "changelog/bulkfetch", search.bulk_changelogs),
    ("POST", "comment/list", reads.list_comments),
    ("GET", "comment/{comment}/properties/{name}", reads.comment_property),
    ("POST", "issue", writes.create_issue),
    ("POST", "issue/bulkfetch", search.bulk_fetch),
    ("GET", "issue/{key}", reads.get_issue),
    ("PUT", "issue/{key}", writes.edit_issue),
    ("DELETE", "issue/{key}", writes.delete_issue),
    ("PUT", "issue/{key}/assignee", writes.assign_issue),
    ("GET", "issue/{key}/changelog", reads.changelog),
    ("GET", "issue/{key}/transitions", reads.transitions),
    ("POST", "issue/{key}/transitions", writes.post_transition),
    ("GET", "issue/{key}/comment", reads.comments),
    ("POST", "issue/{key}/comment", writes.post_comment),
    ("GET", "issue/{key}/comment/{comment}", reads.comment),
    ("PUT", "issue/{key}/comment/{comment}", writes.edit_comment),
)


def jira_app(state: JiraState, address: str, deployment: Deployment = "Cloud") -> ASGIApp:
    """The application for a site at `address` (http://host:port)."""
    api = server_routes(state, address) if deployment == "Data Center" else cloud_routes(state, address)
    return SiteClock(Router([*api, *_switches(state), *page_routes(state)]), state)


def cloud_routes(state: JiraState, address: str) -> list[BaseRoute]:
    """The site's own address, which takes API tokens; and the gateway's, which takes scoped ones and no others."""
    gateway = f"/ex/jira/{state.world.cloud_id}"
    site = Jira(state, address, Views(state.world, address, state.now), _log_in(state, lambda who: who.token))
    scoped_views = Views(state.world, address + gateway, state.now)
    scoped = Jira(state, address, scoped_views, _log_in(state, lambda who: who.scoped_token))

    async def tenant_info(request: Request) -> Response:
        return Response(orjson.dumps({"cloudId": state.world.cloud_id}), media_type=JSON)

    return [
        Route("/_edge/tenant_info", tenant_info, methods=["GET"]),
        *api_routes(site, "/rest/api/3", ENDPOINTS),
        *api_routes(scoped, f"{gateway}/rest/api/3", ENDPOINTS),
    ]


def _log_in(state: JiraState, secret: Callable[[Account], str]) -> Callable[[Request], Account | None]:
    """Basic authentication by e-mail and a token."""

    def log_in(request: Request) -> Account | None:
        email, token = basic_log_in(request) or ("", "")
        for account in state.world.accounts.values():
            if account.email == email:
                return account if is_same(token, secret(account)) else None
        return None

    return log_in


def _switches(state: JiraState) -> list[BaseRoute]:
    """What a test in another process may switch and ask; no page of a browser may."""

    def guard(act: Callable[[bytes], object]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("origin"):
                return Response("not from a page", 403)
            try:
                told = act(await request.body())
            except Refused as refused:
                return Response(" ".join(refused.messages), 400)
            except ValueError as error:
                return Response(str(error), 400)
            return Response(None, 204) if told is None else Response(orjson.dumps(told), media_type=JSON)

        return endpoint

    return [
        Route("/_sandbox/fail", guard(lambda content: state.faults.plan(read_body(content))), methods=["POST"]),
        Route("/_sandbox/seen", guard(lambda _: dict(state.faults.seen)), methods=["GET"]),
    ]

"""The same site as a Jira Data Center: REST v2, which has neither the Cloud's search nor its bulk reads."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute

from sandbox import jira_reads as reads
from sandbox import jira_writes as writes
from sandbox import server_reads as server
from sandbox.jira_http import Handler, Jira, api_routes, basic_log_in, is_same
from sandbox.jira_state import JiraState
from sandbox.server_json import ServerViews
from sandbox.world import ANONYMOUS, Account

PREFIX = "/rest/api/2"
# What answers without a log-in.
OPEN: tuple[tuple[str, str, Handler], ...] = (("GET", "serverInfo", server.server_info),)
SERVER_ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "myself", server.myself),
    ("GET", "mypermissions", reads.my_permissions),
    ("GET", "field", reads.fields),
    ("GET", "status", reads.statuses),
    ("GET", "project", server.projects),
    ("GET", "project/{key}", reads.project),
    ("GET", "user", server.user),
    ("GET", "group/member", server.group_members),
    ("GET", "search", server.get_search),
    ("POST", "search", server.post_search),
    ("GET", "comment/{comment}/properties", server.comment_properties),
    ("GET", "comment/{comment}/properties/{name}", reads.comment_property),
    ("POST", "issue", writes.create_issue),
    ("GET", "issue/{key}", server.get_issue),
    ("PUT", "issue/{key}", writes.edit_issue),
    ("DELETE", "issue/{key}", writes.delete_issue),
    ("PUT", "issue/{key}/assignee", writes.assign_issue),
    ("GET", "issue/{key}/transitions", reads.transitions),
    ("POST", "issue/{key}/transitions", writes.post_transition),
    ("GET", "issue/{key}/comment", server.comments),
    ("POST", "issue/{key}/comment", writes.post_comment),
    ("GET", "issue/{key}/comment/{comment}", reads.comment),
    ("PUT", "issue/{key}/comment/{comment}", writes.edit_comment),
)


def server_routes(state: JiraState, address: str) -> list[BaseRoute]:
    """By personal access token, or by name and password (here the same secret)."""

    def log_in(request: Request) -> Account | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        accounts = state.world.accounts
        if kind.lower() == "bearer":
            return next((account for account in accounts.values() if is_same(token.strip(), account.token)), None)
        name, password = basic_log_in(request) or ("", "")
        account = accounts.get(name)
        return account if account is not None and is_same(password, account.token) else None

    def log_in_or_nobody(request: Request) -> Account | None:
        return log_in(request) if request.headers.get("authorization") else ANONYMOUS

    views = ServerViews(state.world, address, state.now)
    known = Jira(state, address, views, log_in, "Data Center")
    anybody = Jira(state, address, views, log_in_or_nobody, "Data Center")
    return [*api_routes(anybody, PREFIX, OPEN), *api_routes(known, PREFIX, SERVER_ENDPOINTS)]

"""The sandbox's Jira over HTTP: the Cloud REST v3 endpoints that Golden Path calls, and the page for people."""

from __future__ import annotations

from starlette.routing import Route, Router
from starlette.types import ASGIApp

from sandbox import jira_reads as reads
from sandbox import jira_writes as writes
from sandbox.jira_http import Handler, Jira, SiteClock
from sandbox.jira_state import JiraState
from sandbox.page import page_routes

ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "serverInfo", reads.server_info),
    ("GET", "myself", reads.myself),
    ("GET", "field", reads.fields),
    ("GET", "status", reads.statuses),
    ("GET", "project/search", reads.projects),
    ("GET", "user", reads.user),
    ("GET", "user/groups", reads.user_groups),
    ("GET", "group/member", reads.group_members),
    ("GET", "search", reads.gone),
    ("POST", "search", reads.gone),
    ("GET", "search/jql", reads.get_search),
    ("POST", "search/jql", reads.post_search),
    ("POST", "changelog/bulkfetch", reads.bulk_changelogs),
    ("POST", "comment/list", reads.list_comments),
    ("GET", "comment/{comment}/properties/{name}", reads.comment_property),
    ("POST", "issue", writes.create_issue),
    ("GET", "issue/{key}", reads.get_issue),
    ("PUT", "issue/{key}", writes.edit_issue),
    ("PUT", "issue/{key}/assignee", writes.assign_issue),
    ("GET", "issue/{key}/changelog", reads.changelog),
    ("GET", "issue/{key}/transitions", reads.transitions),
    ("POST", "issue/{key}/transitions", writes.post_transition),
    ("GET", "issue/{key}/comment", reads.comments),
    ("POST", "issue/{key}/comment", writes.post_comment),
    ("GET", "issue/{key}/comment/{comment}", reads.comment),
    ("PUT", "issue/{key}/comment/{comment}", writes.edit_comment),
)


def jira_app(state: JiraState, address: str) -> ASGIApp:
    """The application for a site at `address` (http://host:port)."""
    jira = Jira(state, address)
    api = [
        Route(f"/rest/api/3/{path}", jira.endpoint(handler), methods=[method]) for method, path, handler in ENDPOINTS
    ]
    return SiteClock(Router([*api, *page_routes(state)]), state)

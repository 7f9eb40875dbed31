"""What every answer of the sandbox's Jira has in common: who asks, the site's clock, refusals, failures, paging."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from hmac import compare_digest
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.jira_faults import STATUSES, Fault
from sandbox.jira_fields import Refused
from sandbox.jira_json import Views
from sandbox.jira_sight import NOT_LOGGED_IN
from sandbox.jira_state import JiraState
from sandbox.jira_wire import Cut, Drip
from sandbox.world import ANONYMOUS, Account, Deployment, Issue

T = TypeVar("T")
WRONG_LOGIN = {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}
LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Log in to continue</form></body></html>"
)
PAGES_KEPT = 200
JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Call:
    """One request of somebody known. `sent` is the JSON object in its body, empty for a GET."""

    jira: Jira
    who: Account
    path: Mapping[str, str]
    query: Mapping[str, str]
    sent: Mapping[str, Any]
    fault: Fault | None = None

    @property
    def state(self) -> JiraState:
        return self.jira.state

    @property
    def views(self) -> Views:
        return self.jira.views

    def issue(self) -> Issue:
        """The ticket that the path names. Raises Refused (404)."""
        found = self.state.find(self.path["key"], self.who)
        if found.id in self.state.faults.broken_tickets:
            raise Refused(500, "Internal server error")
        return found

    def issue_for(self, permission: str) -> Issue:
        """The ticket that the path names, for a change. Raises Refused (401, 403, 404)."""
        found = self.issue()
        self.state.sight.require(permission, self.who)
        return found

    def expands(self, name: str) -> bool:
        """Named in the query or the body, as a list or joined by commas."""
        asked = self.query.get("expand") or self.sent.get("expand") or ""
        return name in (asked if isinstance(asked, list) else str(asked).split(","))

    def integer(self, name: str, default: int, most: int) -> int:
        """A number from the query or the body, at most `most`. Raises Refused (400)."""
        text = str(self.sent.get(name, self.query.get(name, default)))
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise Refused(400, f"{name} must be a number that is not negative.")
        return min(int(text), most)

    def page(self, rows: Sequence[T], most: int, default: int = 50) -> tuple[list[T], dict[str, Any]]:
        """The rows that `startAt` and `maxResults` choose, and what Jira tells about the page."""
        start, size = self.integer("startAt", 0, 10**9), max(1, self.integer("maxResults", default, most))
        shown = list(rows[start : start + size])
        facts = {"startAt": start, "maxResults": size, "total": len(rows), "isLast": start + size >= len(rows)}
        return shown, facts


@dataclass(frozen=True)
class Reply:
    document: Any = None
    status: int = 200


Handler = Callable[[Call], Reply]


@dataclass
class Jira:
    """A face of the site: its state, and its address, known once the port is bound. `log_in` names whom a request is
    from; `views` render."""

    state: JiraState
    address: str
    views: Views
    log_in: Callable[[Request], Account | None]
    deployment: Deployment = "Cloud"
    _pages: OrderedDict[str, list[Any]] = field(default_factory=OrderedDict)

    def endpoint(self, method: str, path: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Checks who asks, holds the lock while it is answered, says a refusal as Jira does; fails when told to."""
        faults = self.state.faults

        async def answer(request: Request) -> Response:
            content = await request.body()
            has_token = b"nextPageToken" in content or "nextPageToken" in request.query_params
            fault = faults.take(method, path, has_token=has_token)
            if fault is None:
                return self._answer(request, content, method, path, handler)
            if fault.how == "drop":
                return Cut()
            if fault.how in STATUSES:
                return self._refuse(fault)
            if fault.how == "html":
                return Response(LOGIN_PAGE, media_type="text/html")
            response = self._answer(request, content, method, path, handler, fault)
            if fault.how == "slow":
                begun = faults.generation
                return Drip(response, fault.every, lambda: faults.generation != begun)
            if fault.how in ("drop-after", "cut"):
                return Cut(response if fault.how == "cut" else None)
            return response

        return answer

    def _answer(
        self, request: Request, content: bytes, method: str, path: str, handler: Handler, fault: Fault | None = None
    ) -> Response:
        is_nobody = fault is not None and fault.how == "anonymous"
        account = ANONYMOUS if is_nobody else self.log_in(request)
        if account is None:
            return _json(Reply({"errorMessages": [NOT_LOGGED_IN], "errors": {}}, 401), WRONG_LOGIN)
        try:
            sent = read_body(content)
            with self.state.lock:
                self.state.faults.run_hooks(method, path)
                reply = handler(Call(self, account, request.path_params, request.query_params, sent, fault))
        except Refused as refused:
            reply = Reply({"errorMessages": list(refused.messages), "errors": refused.errors}, refused.status)
        return _json(reply, self._signature(account))

    def _signature(self, account: Account) -> dict[str, str]:
        """How the answer says whom it took us for."""
        if self.deployment == "Data Center":
            known = {"x-seraph-loginreason": "OK"} if account.account_id else {}
            return {"x-ausername": account.account_id or "anonymous", **known}
        return {"x-aaccountid": account.account_id} if account.account_id else {}

    def _refuse(self, fault: Fault) -> Response:
        headers = dict(WRONG_LOGIN) if fault.how == "401" else {}
        if fault.retry_after_date is not None:
            at = self.state.now() + timedelta(seconds=fault.retry_after_date)
            headers["retry-after"] = format_datetime(at, usegmt=True)
        elif fault.retry_after is not None:
            headers["retry-after"] = fault.retry_after
        if fault.reason:
            headers["ratelimit-reason"] = fault.reason
        if fault.how == "502":
            return Response("<html><body>502 Bad Gateway</body></html>", 502, headers, "text/html")
        words = NOT_LOGGED_IN if fault.how == "401" else f"The sandbox was told to answer {fault.how}."
        return _json(Reply({"errorMessages": [words], "errors": {}}, int(fault.how)), headers)

    def take_rows(
        self, token: object, rows: Callable[[], Sequence[T]], size: int, fault: Fault | None = None
    ) -> tuple[list[T], str | None]:
        """The next `size` rows and the token for those after them, None at the end.

        The rows are fixed when the first page is read: what changes meanwhile moves no row to another page.
        """
        if token is None:
            left = list(rows())
        else:
            kept = self._pages.get(str(token))
            if kept is None:
                raise Refused(400, "The provided next page token is invalid or expired.")
            left = kept
        if fault is not None and fault.how == "repeat-token":
            return left[:size], str(token)
        is_short = fault is not None and fault.how == "short"
        taken = min(size, fault.rows) if fault is not None and is_short else size
        if len(left) <= taken and not is_short:
            return left, None
        following = secrets.token_urlsafe(12)
        self._pages[following] = left[taken:]
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        return left[:taken], following


def api_routes(jira: Jira, prefix: str, endpoints: tuple[tuple[str, str, Handler], ...]) -> list[BaseRoute]:
    return [
        Route(f"{prefix}/{path}", jira.endpoint(method, path, handler), methods=[method])
        for method, path, handler in endpoints
    ]


def basic_log_in(request: Request) -> tuple[str, str] | None:
    """The name and the secret of basic authentication."""
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret


def is_same(given: str, secret: str) -> bool:
    """Compares in a time that tells nothing."""
    return compare_digest(given.encode(), secret.encode())


class SiteClock:
    """Puts the site's time into the Date header of every answer, whoever made it."""

    def __init__(self, app: ASGIApp, state: JiraState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._state.now(), usegmt=True).encode()
                message["headers"] = [*message.get("headers", ()), (b"date", date)]
            await send(message)

        await self._app(scope, receive, send_dated)


def read_body(content: bytes) -> Mapping[str, Any]:
    """The JSON object that was sent; empty when nothing was. Raises Refused (400)."""
    try:
        document = orjson.loads(content) if content.strip() else {}
    except orjson.JSONDecodeError:
        raise Refused(400, "There was an error parsing JSON. Check that your request body is valid.") from None
    if not isinstance(document, dict):
        raise Refused(400, "Request body must be a JSON object.")
    return document


def _json(reply: Reply, headers: Mapping[str, str]) -> Response:
    if reply.document is None:
        return Response(None, reply.status, headers)
    return Response(orjson.dumps(reply.document), reply.status, headers, JSON)

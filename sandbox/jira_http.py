"""What every answer of the sandbox's Jira has in common: who asks, the site's clock, refusals, paging."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from hmac import compare_digest
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.jira_fields import Refused
from sandbox.jira_json import Views
from sandbox.jira_state import JiraState
from sandbox.world import Account, Issue

T = TypeVar("T")
WRONG_LOGIN = {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}
PAGES_KEPT = 200


@dataclass(frozen=True)
class Call:
    """One request of somebody known. `sent` is the JSON object in its body, empty for a GET."""

    jira: Jira
    who: Account
    path: Mapping[str, str]
    query: Mapping[str, str]
    sent: Mapping[str, Any]

    @property
    def state(self) -> JiraState:
        return self.jira.state

    @property
    def views(self) -> Views:
        return self.jira.views

    def issue(self) -> Issue:
        """The ticket that the path names. Raises Refused (404)."""
        return self.state.find(self.path["key"])

    def expands(self, name: str) -> bool:
        return name in str(self.query.get("expand") or self.sent.get("expand") or "").split(",")

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
    """The site: its state, and its address, known once the port is bound."""

    state: JiraState
    address: str
    _pages: OrderedDict[str, list[Any]] = field(default_factory=OrderedDict)
    views: Views = field(init=False)

    def __post_init__(self) -> None:
        self.views = Views(self.state.world, self.address)

    def endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Checks who asks, holds the lock while it is answered, and says a refusal as Jira does."""

        async def answer(request: Request) -> Response:
            account = self.authenticate(request)
            if account is None:
                told = {"errorMessages": ["Client must be authenticated to access this resource."], "errors": {}}
                return _json(Reply(told, 401), WRONG_LOGIN)
            try:
                sent = read_body(await request.body())
                with self.state.lock:
                    reply = handler(Call(self, account, request.path_params, request.query_params, sent))
            except Refused as refused:
                told = {"errorMessages": list(refused.messages), "errors": refused.errors}
                reply = Reply(told, refused.status)
            return _json(reply, {"x-aaccountid": account.account_id})

        return answer

    def authenticate(self, request: Request) -> Account | None:
        """Basic authentication by e-mail and API token."""
        kind, _, packed = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            email, _, token = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        for account in self.state.world.accounts.values():
            if account.email == email:
                return account if compare_digest(account.token.encode(), token.encode()) else None
        return None

    def take_rows(self, token: object, rows: Callable[[], Sequence[T]], size: int) -> tuple[list[T], str | None]:
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
        if len(left) <= size:
            return left, None
        following = secrets.token_urlsafe(12)
        self._pages[following] = left[size:]
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        return left[:size], following


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
    return Response(orjson.dumps(reply.document), reply.status, headers, "application/json;charset=UTF-8")

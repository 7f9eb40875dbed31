"""Answers that break on the way: a connection that is closed, a body that drips. And the protocol that can do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

CONNECTION = "sandbox.connection"
SLICE = 0.05


class CuttableProtocol(H11Protocol):
    """Hands each request its connection, so that an answer can be a closed one."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope[CONNECTION] = self.transport
            await inner(scope, receive, send)

        self.app = app


class Cut(Response):
    """Closes the connection: without a word, or in the middle of `answer`."""

    def __init__(self, answer: Response | None = None) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._answer is not None and self._answer.body:
            await send(_head(self._answer))
            half = bytes(self._answer.body)[: len(self._answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            scope[CONNECTION].close()  # lets what was written go out first
        else:
            scope[CONNECTION].abort()
        await _until_gone(receive)


class Drip(Response):
    """Sends the body of `answer` byte by byte, `every` seconds one, until the reader is gone or `is_over`."""

    def __init__(self, answer: Response, every: float, is_over: Callable[[], bool]) -> None:
        super().__init__()
        self._answer = answer
        self._every = every
        self._is_over = is_over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self._answer.body)
        await send(_head(self._answer))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            for at in range(len(body)):
                await self._wait(gone)
                if gone.done() or self._is_over():
                    scope[CONNECTION].abort()
                    await gone
                    return
                await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _wait(self, gone: asyncio.Future[None]) -> None:
        left = self._every
        while left > 0 and not gone.done() and not self._is_over():
            await asyncio.wait([gone], timeout=min(left, SLICE))
            left -= SLICE


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _head(answer: Response) -> dict[str, Any]:
    return {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}

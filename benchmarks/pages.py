"""A Jira Cloud that only answers: rendered pages over HTTP from a process of its own, quicker than who reads them.

`ServedPages` starts it as a child. It knows the requests of a sync (and of the jira package's search), honours the
bounds of `created` and `updated` in a JQL, and refuses what it does not know. Of the fields asked for it only sees
whether they are more than ids and instants: then everybody gets the same bytes. `delay` seconds pass before each
answer; answers of several connections pass together.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from functools import partial
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks import stories
from benchmarks.archive import Archive

MOST_ISSUES: Final = 100
MOST_IDS: Final = 5000
ACCOUNT: Final = stories.person(stories.PEOPLE[0])
ABOUT: Final = {
    "baseUrl": stories.SITE,
    "version": "1001.0.0-SNAPSHOT",
    "versionNumbers": [1001, 0, 0],
    "deploymentType": "Cloud",
    "serverTitle": "Rendered pages",
}
_BOUND = re.compile(r"(created|updated) (>=|<) (\d+)")
_PROJECT = re.compile(rf'project (?:in \("{stories.PROJECT}"\)|= "?{stories.PROJECT}"?)')
_ORDER = re.compile(r" ORDER BY (created|updated) ASC, id ASC$")


class ServedPages:
    """The server as a child process, while the context lasts. `url` is its address."""

    def __init__(self, tickets: int, *, delay: float = 0.0, histories: bool = True) -> None:
        command = [sys.executable, "-m", "benchmarks.pages", "--tickets", str(tickets), "--delay", str(delay)]
        self._command = command if histories else [*command, "--no-histories"]

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )
        assert self._child.stdout is not None  # noqa: S101 - it is a pipe
        self.url = self._child.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the server of pages ended with {self._child.wait()} before it had an address")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.communicate()  # closes its input, at which it ends

    def touch(self, count: int) -> None:
        """Edits that many tickets, evenly spread, now."""
        self._ask("_touch", {"count": count})

    def seen(self) -> dict[str, int]:
        """How many requests of each kind were answered so far."""
        answer: dict[str, int] = self._ask("_seen", {})
        return answer

    def _ask(self, name: str, sent: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(f"{self.url}/{name}", orjson.dumps(sent))  # noqa: S310 - our own child
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return orjson.loads(answer.read())


class Refused(Exception):
    """A request that this server does not know; the text says which part of it."""


class Jira:
    """Answers requests: a path and what was sent become a JSON text."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.seen: Counter[str] = Counter()
        self._answers: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {
            "search/jql": self._search,
            "search/approximate-count": self._count,
            "changelog/bulkfetch": self._histories,
            "issue/bulkfetch": self._issues,
            "serverInfo": lambda _: orjson.dumps(ABOUT),
            "myself": lambda _: orjson.dumps(ACCOUNT),
            "field": lambda _: orjson.dumps(stories.fields()),
            "status": lambda _: orjson.dumps([stories.status(name) for name in stories.STATUSES]),
            "project/search": lambda _: orjson.dumps(
                {"startAt": 0, "maxResults": 50, "total": 1, "isLast": True, "values": [stories.project()]}
            ),
            "_touch": self._touch,
            "_seen": lambda _: orjson.dumps(self.seen),
        }

    def answer(self, path: str, sent: Mapping[str, Any]) -> bytes:
        """Raises Refused."""
        name = re.sub(r"^/(rest/api/[23]/)?", "", path)
        self.seen[name] += 1
        if name not in self._answers:
            raise Refused(f"nothing is at {path}")
        return self._answers[name](sent)

    def _search(self, sent: Mapping[str, Any]) -> bytes:
        found = self._found(str(sent.get("jql")))
        render = self._renderer(sent)
        size = min(int(sent.get("maxResults", 50)), MOST_IDS if render == self._archive.bare else MOST_ISSUES)
        start = int(sent.get("nextPageToken") or 0)
        shown = found[start : start + size]
        text = b",".join(map(render, shown))
        if start + size >= len(found):
            return b'{"isLast":true,"issues":[%b]}' % text
        return b'{"nextPageToken":"%d","isLast":false,"issues":[%b]}' % (start + size, text)

    def _count(self, sent: Mapping[str, Any]) -> bytes:
        return b'{"count":%d}' % len(self._found(str(sent.get("jql"))))

    def _histories(self, sent: Mapping[str, Any]) -> bytes:
        """Whole tickets up to the size of a page; the token is how many of those asked for are through."""
        numbers = self._asked(sent)
        start, entries, shown = int(sent.get("nextPageToken") or 0), 0, []
        for number in numbers[start:]:
            entries += self._archive.length(number)
            if shown and entries > int(sent.get("maxResults", 1000)):
                break
            shown.append(number)
        text = b",".join([self._archive.histories(number) for number in shown if self._archive.length(number)])
        end = start + len(shown)
        token = b"" if end >= len(numbers) else b'"nextPageToken":"%d",' % end
        return b'{%b"issueChangeLogs":[%b]}' % (token, text)

    def _issues(self, sent: Mapping[str, Any]) -> bytes:
        return b'{"issues":[%b]}' % b",".join(map(self._renderer(sent), self._asked(sent)))

    def _renderer(self, sent: Mapping[str, Any]) -> Callable[[int], bytes]:
        """Whoever wants more than ids or instants gets everything."""
        wanted = sent.get("fields")
        if isinstance(wanted, list) and set(wanted) <= {"id", "created", "updated"}:
            return self._archive.bare if wanted == ["id"] else self._archive.brief
        return self._archive.issue

    def _asked(self, sent: Mapping[str, Any]) -> list[int]:
        numbers = [self._archive.numbered(int(identity)) for identity in sent["issueIdsOrKeys"]]
        return [number for number in numbers if number is not None]

    def _found(self, jql: str) -> Sequence[int]:
        order = _ORDER.search(jql)
        bounds: dict[tuple[str, str], int] = {}
        for clause in (jql[: order.start()] if order else jql).split(" AND "):
            if bound := _BOUND.fullmatch(clause):
                bounds[bound[1], bound[2]] = int(bound[3])
            elif not _PROJECT.fullmatch(clause):
                raise Refused(f"the JQL holds {clause!r}")
        clocks = {clock for clock, _ in bounds} or {"created"}
        if len(clocks) > 1 or (order and {order[1]} != clocks):
            raise Refused(f"the JQL mixes clocks: {jql}")
        clock = clocks.pop()
        pick = self._archive.created if clock == "created" else self._archive.updated
        return pick(bounds.get((clock, ">=")), bounds.get((clock, "<")))

    def _touch(self, sent: Mapping[str, Any]) -> bytes:
        self._archive.touch(int(sent["count"]), int(time() * 1000))
        return b"{}"


class _Connection(asyncio.Protocol):
    """One client's connection: a request at a time, kept alive."""

    def __init__(self, jira: Jira, delay: float) -> None:
        self._jira = jira
        self._delay = delay
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream server has no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        line, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        length = end + 4 + int(headers.get("content-length", 0))
        if len(self._received) < length:
            return
        body = bytes(self._received[end + 4 : length])
        del self._received[:length]
        answer = self._answer(line.split(" ")[1], body)
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, target: str, body: bytes) -> bytes:
        parts = urlsplit(target)
        try:
            sent = orjson.loads(body) if body else {name: values[-1] for name, values in parse_qs(parts.query).items()}
            status, text = b"200 OK", self._jira.answer(parts.path, sent)
        except (Refused, KeyError, ValueError) as refused:
            status, text = b"400 Bad Request", orjson.dumps({"errorMessages": [f"Not known here: {refused}"]})
        return (
            b"HTTP/1.1 %b\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n"
            b"Date: %b\r\nX-AACCOUNTID: %b\r\n\r\n%b"
            % (status, len(text), formatdate(usegmt=True).encode(), ACCOUNT["accountId"].encode(), text)
        )


async def _serve(archive: Archive, delay: float) -> None:
    server = await asyncio.get_running_loop().create_server(
        partial(_Connection, Jira(archive), delay), "127.0.0.1", 0, backlog=64
    )
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve rendered tickets; prints its address, ends with its parent.")
    parser.add_argument("--tickets", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--no-histories", action="store_true")
    options = parser.parse_args()
    asyncio.run(_serve(Archive(options.tickets, histories=not options.no_histories), options.delay))


if __name__ == "__main__":
    main()

"""What is measured, each in a process of its own so that none warms another: prints its figures as one JSON object.

`ours` is a whole sync: fetch, parse, redact, store. `peer` is the jira package's own search, which reads the same
pages and builds its objects; `objects` times those objects alone, from pages that are parsed already. `wire` reads
the pages and throws them away: what the server can give. Imports, log-in and making the store are not part of it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from benchmarks.stories import PROJECT

EMAIL: Final = "bench@example.org"
TOKEN: Final = "no-token-is-looked-at"  # noqa: S105
JQL: Final = f'project in ("{PROJECT}") AND created >= 0 ORDER BY created ASC, id ASC'
Figures = dict[str, Any]


def ours(options: argparse.Namespace) -> Figures:
    from tickets.jira_client import JiraClient
    from tickets.jira_settings import JiraSettings
    from tickets.store import TicketStore
    from tickets.sync import sync

    with JiraClient(JiraSettings(options.url, EMAIL, TOKEN, site="bench")) as client:
        client.check()
        opening = _Stopwatch()
        with TicketStore.open(options.store) as store:
            opened = opening.read(0)["seconds"]
            stopwatch = _Stopwatch()
            report = sync(client, store, projects=[PROJECT], in_flight=options.in_flight)
            figures = stopwatch.read(report.tickets)
            kept = store.count()
    counts = {"changed": len(report.changed), "rejected": report.rejected, "kept": kept}
    return {**figures, **counts, "opening_seconds": opened}


def peer(options: argparse.Namespace) -> Figures:
    client = _package(options.url)
    stopwatch = _Stopwatch()
    found = client.enhanced_search_issues(JQL, maxResults=0)
    return stopwatch.read(len(found))


def objects(options: argparse.Namespace) -> Figures:
    from jira.resources import Issue

    client = _package(options.url)
    built: list[Issue] = []
    seconds = cpu = 0.0
    for page in _pages(options.url):
        issues = orjson.loads(page)["issues"]
        stopwatch = _Stopwatch()
        built += [Issue(client._options, client._session, raw) for raw in issues]
        figures = stopwatch.read(len(built))
        seconds, cpu = seconds + figures["seconds"], cpu + figures["cpu_seconds"]
    return {**figures, "seconds": seconds, "cpu_seconds": cpu, "per_second": len(built) / seconds}


def wire(options: argparse.Namespace) -> Figures:
    stopwatch = _Stopwatch()
    return stopwatch.read(sum(page.count(b'"issuetype":') for page in _pages(options.url)))


class _Stopwatch:
    """Of this process and, as to the processor, of those that it started and waited for."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def read(self, tickets: int) -> Figures:
        wall, cpu = self._started
        own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        return {
            "tickets": tickets,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds + others.ru_utime + others.ru_stime,
            "per_second": tickets / seconds,
            "peak_mb": own.ru_maxrss / 1024,
        }


def _package(url: str) -> Any:
    from jira import JIRA

    return JIRA(
        options={"server": url, "rest_api_version": "3"}, basic_auth=(EMAIL, TOKEN), max_retries=0, timeout=(5, 60)
    )


def _pages(url: str) -> Iterator[bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    sent: dict[str, Any] = {"jql": JQL, "maxResults": 100}
    while True:
        connection.request("POST", "/rest/api/3/search/jql", orjson.dumps(sent))
        page = connection.getresponse().read()
        yield page
        head = page[:40].split(b'"')
        if head[1] != b"nextPageToken":
            return
        sent["nextPageToken"] = head[3].decode()


DRIVERS: Final[dict[str, Callable[[argparse.Namespace], Figures]]] = {
    driver.__name__: driver for driver in (ours, peer, objects, wire)
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure one driver against a server of pages.")
    parser.add_argument("driver", choices=sorted(DRIVERS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--in-flight", type=int, default=8)
    options = parser.parse_args()
    print(json.dumps(DRIVERS[options.driver](options)))


if __name__ == "__main__":
    main()

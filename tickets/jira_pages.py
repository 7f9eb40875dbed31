"""What we read from a Jira (Cloud REST v3): all pages or an error, never a list that is silently short."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tickets.errors import MalformedAnswer, NotFound
from tickets.jira_transport import Transport

Raw = Mapping[str, Any]
API: Final = "/rest/api/3"
SEARCH_PAGE: Final = 100
LIST_PAGE: Final = 100
BULK: Final = 1000
HISTORY_PAGE: Final = 10_000
_KEY = re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+", re.ASCII)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def ticket_path(ticket: int | str) -> str:
    """The path of a ticket; only a numeric id or a key gets into it. Raises NotFound for anything else."""
    name = str(ticket)
    if not (_ID.fullmatch(name) or _KEY.fullmatch(name)):
        raise NotFound(f"{name[:40]!r} is neither a ticket's key (like OPS-12) nor its numeric id")
    return f"{API}/issue/{name}"


def read_search(
    transport: Transport, jql: str, fields: Sequence[str], properties: Sequence[str] = ()
) -> Iterator[list[Raw]]:
    """Pages of issues. A page may be short or empty before the last; the last is the one without a token."""
    body: dict[str, Any] = {"jql": jql, "fields": list(fields), "maxResults": SEARCH_PAGE}
    if properties:
        body["properties"] = list(properties)
    for page in _by_token(transport, f"{API}/search/jql", body):
        yield rows(page, "issues")


def read_changelogs(transport: Transport, ids: Collection[int]) -> dict[int, list[Raw]]:
    """The whole history of each ticket by id; an empty list where nothing was ever changed."""
    found: dict[int, list[Raw]] = {identity: [] for identity in ids}
    for batch in _batches(found, BULK):
        body = {"issueIdsOrKeys": [str(identity) for identity in batch], "maxResults": HISTORY_PAGE}
        for page in _by_token(transport, f"{API}/changelog/bulkfetch", body):
            for entry in rows(page, "issueChangeLogs"):
                identity = number(entry.get("issueId"), "issueChangeLogs.issueId")
                if identity not in found:
                    raise MalformedAnswer(f"Jira gave the history of ticket {identity}, which was not asked for")
                found[identity] += rows(entry, "changeHistories")
    return found


def read_changelog(transport: Transport, ticket: int) -> list[Raw]:
    """The whole history of one ticket, from the index that a decision may rest on."""
    return read_list(transport, f"{ticket_path(ticket)}/changelog", "values")


def read_comments(transport: Transport, ticket: int) -> list[Raw]:
    """Every comment of a ticket, without properties."""
    return read_list(transport, f"{ticket_path(ticket)}/comment", "comments")


def with_properties(transport: Transport, comments: Sequence[Raw]) -> list[Raw]:
    """The same comments as Jira holds them now, with their properties, which a listing lacks."""
    ids = [number(comment.get("id"), "comment.id") for comment in comments]
    found: dict[int, Raw] = {}
    for batch in _batches(ids, BULK):
        page = transport.read(f"{API}/comment/list", query={"expand": "properties"}, body={"ids": batch})
        found.update({number(raw.get("id"), "comment.id"): raw for raw in rows(page, "values")})
    missing = [identity for identity in ids if identity not in found]
    if missing:
        raise MalformedAnswer(
            f"Jira lists comment {missing[0]} but does not give it by id: deleted this moment, or hidden; "
            "it is read again next time"
        )
    return [found[identity] for identity in ids]


def embedded_comments(issue: Raw) -> list[Raw] | None:
    """The comments inside an issue's answer; None when Jira cut them short or left them out."""
    fields = issue.get("fields")
    block = fields.get("comment") if isinstance(fields, Mapping) else None
    if not isinstance(block, Mapping):
        return None
    comments, total = block.get("comments"), block.get("total")
    return comments if isinstance(comments, list) and total == len(comments) else None


def read_list(transport: Transport, path: str, name: str, query: Mapping[str, str | int] | None = None) -> list[Raw]:
    """Every row of a list that is paged by `startAt` and tells its `total`."""
    found: list[Raw] = []
    while True:
        page = transport.read(path, query={**(query or {}), "startAt": len(found), "maxResults": LIST_PAGE})
        batch = rows(page, name)
        found += batch
        total = page.get("total")
        if not isinstance(total, int):
            raise MalformedAnswer(f"Jira does not say how many there are in {path}")
        if len(found) >= total:
            return found
        if not batch:
            raise MalformedAnswer(f"Jira says that {path} has {total} entries and gives only {len(found)}")


def epoch_milliseconds(at: datetime) -> int:
    """For JQL, where a quoted date would be read in the account's time zone."""
    if at.tzinfo is None:
        raise ValueError("a naive datetime cannot be searched for")
    return int(at.timestamp() * 1000)


def _by_token(transport: Transport, path: str, body: Mapping[str, Any]) -> Iterator[Raw]:
    """Pages until one comes without a token. Raises MalformedAnswer for a token that comes twice."""
    token: str | None = None
    seen: set[str] = set()
    while True:
        page = transport.read(path, body=body if token is None else {**body, "nextPageToken": token})
        if not isinstance(page, Mapping):
            raise MalformedAnswer(f"Jira's answer of {path} is not an object")
        yield page
        token = page.get("nextPageToken")
        if not token:
            return
        if token in seen:
            raise MalformedAnswer(f"Jira gave the same page token of {path} twice; stopped before going round for ever")
        seen.add(token)


def rows(page: Any, name: str) -> list[Raw]:
    """The list of objects under this name in an answer. Raises MalformedAnswer for anything else."""
    found = page.get(name) if isinstance(page, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise MalformedAnswer(f"Jira's answer lacks the list {name!r}; check that the url is a Jira Cloud site")
    return found


def number(value: object, name: str) -> int:
    text = str(value)
    if not _ID.fullmatch(text):
        raise MalformedAnswer(f"{name} in Jira's answer is not a number")
    return int(text)


def _batches(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    listed = list(ids)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]

"""Reading lists from a Jira, whatever its version: all pages or an error, never a list that is silently short."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tickets.errors import MalformedAnswer, NotFound
from tickets.jira_records import Raw
from tickets.jira_transport import Transport

LIST_PAGE: Final = 100
MEMBER_PAGE: Final = 50
_KEY = re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+", re.ASCII)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def ticket_path(api: str, ticket: int | str) -> str:
    """The path of a ticket; only a numeric id or a key gets into it. Raises NotFound for anything else."""
    name = str(ticket)
    if not (_ID.fullmatch(name) or _KEY.fullmatch(name)):
        raise NotFound(f"{name[:40]!r} is neither a ticket's key (like OPS-12) nor its numeric id")
    return f"{api}/issue/{name}"


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


def read_members(transport: Transport, path: str, query: Mapping[str, str | int]) -> list[Raw]:
    """Every member of a group, those who left the company too. Its pages are numbered by rows and the last one says so;
    who joins or leaves meanwhile may shift a row, never end the list early. Raises MalformedAnswer."""
    found: list[Raw] = []
    before: list[Raw] = []
    while True:
        here = {**query, "includeInactiveUsers": "true", "startAt": len(found), "maxResults": MEMBER_PAGE}
        page = transport.read(path, query=here)
        batch = rows(page, "values")
        found += batch
        is_last = page.get("isLast")
        if not isinstance(is_last, bool):
            raise MalformedAnswer(f"Jira does not say whether a page of {path} is the last")
        if is_last:
            return found
        if not batch or batch == before:
            raise MalformedAnswer(f"Jira says that {path} goes on and gives nothing new after {len(found)} entries")
        before = batch


def pages_by_token(transport: Transport, path: str, body: Mapping[str, Any]) -> Iterator[Raw]:
    """Pages until one comes without a token; a short or empty page is not the last. Raises MalformedAnswer for a
    token that comes twice."""
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
        raise MalformedAnswer(f"Jira's answer lacks the list {name!r}; check that the url is a Jira")
    return found


def read_object(transport: Transport, path: str, query: Mapping[str, str | int] | None = None) -> Raw:
    answer = transport.read(path, query=query)
    if not isinstance(answer, Mapping):
        raise MalformedAnswer(f"{transport.url} does not answer {path} as Jira does; check the url")
    return answer


def read_objects(transport: Transport, path: str, query: Mapping[str, str | int] | None = None) -> list[Raw]:
    answer = transport.read(path, query=query)
    if not isinstance(answer, list) or not all(isinstance(one, Mapping) for one in answer):
        raise MalformedAnswer(f"{transport.url} does not answer {path} as Jira does; check the url")
    return answer


def number(value: object, name: str) -> int:
    text = str(value)
    if not _ID.fullmatch(text):
        raise MalformedAnswer(f"{name} in Jira's answer is not a number")
    return int(text)


def batches(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    listed = list(ids)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]

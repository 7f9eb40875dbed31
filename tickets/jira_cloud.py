"""Jira Cloud's REST v3: search by token, changelogs and issues in bulk, bodies in Atlassian's document format."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from tickets.errors import MalformedAnswer, Unavailable
from tickets.jira_pages import (
    batches,
    number,
    pages_by_token,
    read_list,
    read_members,
    read_object,
    read_objects,
    rows,
    ticket_path,
)
from tickets.jira_records import Audience, Deployment, Fetched, Raw, Search
from tickets.jira_transport import Transport
from tickets.reading import CHANNEL_PROPERTY
from tickets.shapes import mapping, word

SEARCH_PAGE: Final = 100
ID_PAGE: Final = 5000
BULK: Final = 1000
BULK_ISSUES: Final = 100
BULK_KEYS: Final = 50
HISTORY_PAGE: Final = 10_000


class Cloud:
    """The dialect of Jira Cloud."""

    api: Final = "/rest/api/3"
    deployment: Final[Deployment] = "Cloud"
    batch: Final = 250

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def account_id(self, raw: Raw) -> str:
        """Empty when Jira takes us for nobody."""
        return str(raw.get("accountId") or "")

    def search(self, search: Search, fields: Sequence[str]) -> Iterator[list[Raw]]:
        body = {"jql": search.jql, "fields": list(fields), "maxResults": SEARCH_PAGE, "properties": [CHANNEL_PROPERTY]}
        for page in pages_by_token(self._transport, f"{self.api}/search/jql", body):
            yield rows(page, "issues")

    def ids(self, search: Search) -> Iterator[list[int]]:
        body = {"jql": search.jql, "fields": ["id"], "maxResults": ID_PAGE}
        for page in pages_by_token(self._transport, f"{self.api}/search/jql", body):
            yield [number(row.get("id"), "id") for row in rows(page, "issues")]

    def first(self, jql: str, fields: Sequence[str]) -> Raw | None:
        body = {"jql": jql, "fields": list(fields), "maxResults": 1}
        for page in pages_by_token(self._transport, f"{self.api}/search/jql", body):
            for row in rows(page, "issues"):
                return row
        return None

    def count(self, jql: str) -> int:
        """An estimate: Jira Cloud tells no total."""
        answer = self._transport.read(f"{self.api}/search/approximate-count", body={"jql": jql})
        return number(answer.get("count") if isinstance(answer, dict) else None, "count")

    def histories(self, ids: Collection[int]) -> Mapping[int, list[Raw]]:
        """The whole history of each ticket; an empty list where nothing was ever changed."""
        found: dict[int, list[Raw]] = {identity: [] for identity in ids}
        for batch in batches(found, BULK):
            body = {"issueIdsOrKeys": [str(identity) for identity in batch], "maxResults": HISTORY_PAGE}
            for page in pages_by_token(self._transport, f"{self.api}/changelog/bulkfetch", body):
                for entry in rows(page, "issueChangeLogs"):
                    identity = number(entry.get("issueId"), "issueChangeLogs.issueId")
                    if identity not in found:
                        raise MalformedAnswer(f"Jira gave the history of ticket {identity}, which was not asked for")
                    found[identity] += rows(entry, "changeHistories")
        return found

    def history(self, ticket: int) -> list[Raw]:
        """The whole history of one ticket, from the index that a decision may rest on."""
        return read_list(self._transport, f"{ticket_path(self.api, ticket)}/changelog", "values")

    def fetch(self, ids: Collection[int], fields: Sequence[str]) -> Fetched:
        """The tickets as they are, not as the search's index has them."""
        found: list[Raw] = []
        unavailable: dict[int, Unavailable] = {}
        for batch in batches(ids, BULK_ISSUES):
            body = {
                "issueIdsOrKeys": [str(identity) for identity in batch],
                "fields": list(fields),
                "properties": [CHANNEL_PROPERTY],
            }
            page = self._transport.read(f"{self.api}/issue/bulkfetch", body=body)
            found += rows(page, "issues")
            for error in page.get("issueErrors") or ():
                identity = number(mapping(error).get("id"), "issueErrors.id")
                said = " ".join(word(mapping(error).get("errorMessage")).split())[:200]
                unavailable[identity] = Unavailable(f"Jira cannot give it: {said or 'it does not say why'}")
        return Fetched(tuple(found), unavailable)

    def with_properties(self, comments: Sequence[Raw], account: str) -> list[Raw]:
        """The same comments as Jira holds them now, with their properties, which a listing lacks."""
        ids = [number(comment.get("id"), "comment.id") for comment in comments]
        found: dict[int, Raw] = {}
        for batch in batches(ids, BULK):
            path = f"{self.api}/comment/list"
            page = self._transport.read(path, query={"expand": "properties"}, body={"ids": batch})
            found.update({number(raw.get("id"), "comment.id"): raw for raw in rows(page, "values")})
        missing = [identity for identity in ids if identity not in found]
        if missing:
            raise MalformedAnswer(
                f"Jira lists comment {missing[0]} but does not give it by id: deleted this moment, or hidden; "
                "it is read again next time"
            )
        return [found[identity] for identity in ids]

    def groups_of(self, account_id: str) -> list[object]:
        """Their ids."""
        groups = read_objects(self._transport, f"{self.api}/user/groups", {"accountId": account_id})
        return [group.get("groupId") for group in groups]

    def user(self, account: str) -> Raw:
        """By its account id. Raises NotFound."""
        return read_object(self._transport, f"{self.api}/user", {"accountId": account})

    def visibility(self, audience: Audience) -> dict[str, str]:
        """As a comment names it. A group is meant by its id: its name may change."""
        named = "identifier" if audience.kind == "group" else "value"
        return {"type": audience.kind, named: audience.name}

    def group_members(self, group: str) -> list[Raw]:
        """By the group's id."""
        return read_members(self._transport, f"{self.api}/group/member", {"groupId": group})

    def projects(self, keys: Collection[str]) -> list[Raw]:
        """Those of these keys that are visible; every visible one where no key is given."""
        path = f"{self.api}/project/search"
        if not keys:
            return read_list(self._transport, path, "values")
        found: list[Raw] = []
        listed = sorted(keys)
        for start in range(0, len(listed), BULK_KEYS):
            named = "&".join(f"keys={quote(key)}" for key in listed[start : start + BULK_KEYS])
            found += rows(read_object(self._transport, f"{path}?{named}&maxResults={BULK_KEYS}"), "values")
        return found

    def body(self, adf: dict[str, Any]) -> object:
        return adf

    def read_issue(self, ticket: int | str, query: dict[str, str | int]) -> Raw:
        return read_object(self._transport, ticket_path(self.api, ticket), query)

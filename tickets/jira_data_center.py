"""Jira Data Center's REST v2: search by `startAt`, histories issue by issue, bodies in wiki markup."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tickets.errors import JiraError, JiraUnreachable, MalformedAnswer, NotFound, Unavailable
from tickets.jira_pages import number, read_members, read_object, read_objects, rows, ticket_path
from tickets.jira_records import Audience, Deployment, Fetched, Raw, Search
from tickets.jira_transport import Transport
from tickets.reading import embedded_histories
from tickets.shapes import read_instant
from tickets.wiki import to_wiki

SEARCH_PAGE: Final = 200
ID_PAGE: Final = 1000  # what a site allows at most by default
MOST_SHIFTS: Final = 50  # of one search


class DataCenter:
    """The dialect of Jira Data Center 8 and 9."""

    api: Final = "/rest/api/2"
    deployment: Final[Deployment] = "Data Center"
    batch: Final = 100

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def account_id(self, raw: Raw) -> str:
        return str(raw.get("key") or raw.get("name") or "")

    def search(self, search: Search, fields: Sequence[str]) -> Iterator[list[Raw]]:
        yield from self._pages(search, fields, SEARCH_PAGE)

    def ids(self, search: Search) -> Iterator[list[int]]:
        for page in self._pages(search, [search.clock], ID_PAGE):
            yield [number(row.get("id"), "id") for row in page]

    def _pages(self, search: Search, fields: Sequence[str], size: int) -> Iterator[list[Raw]]:
        """Each page begins at the instant where the one before it ended, not at a number of rows: a row that leaves
        the result meanwhile would shift the others past us, and with OpenSearch nothing comes after the 10,000th."""
        start, seen, last, shifts = 0, set[int](), None, 0
        while True:
            body = {"jql": search.jql, "fields": list(fields), "startAt": start, "maxResults": size}
            answer = self._transport.read(f"{self.api}/search", body=body)
            page, total = rows(answer, "issues"), answer.get("total")
            if not isinstance(total, int):
                raise MalformedAnswer("Jira does not say how many tickets a search found")
            ids = [number(row.get("id"), "id") for row in page]
            if last is not None and ids[:1] != [last]:  # a row of the crowd has left: the others have moved up
                shifts += 1
                if shifts > MOST_SHIFTS:
                    raise MalformedAnswer("a search changes faster than it can be read; it is read again next time")
                start, last = 0, None
                continue
            yield [row for row, identity in zip(page, ids, strict=True) if identity not in seen]
            if start + len(page) >= total:
                return
            if not page:
                raise MalformedAnswer(f"Jira says that a search found {total} tickets and gives only {start}")
            reached = _clock_of(page[-1], search.clock).replace(microsecond=0)
            if reached > search.since:
                search, start = replace(search, since=reached), 0
                seen = {i for i, row in zip(ids, page, strict=True) if _clock_of(row, search.clock) >= reached}
                last = None
            else:  # a crowd in one second: the next page begins with the last row of this one
                start, last = start + len(page) - 1, ids[-1]
                seen |= set(ids)

    def first(self, jql: str, fields: Sequence[str]) -> Raw | None:
        body = {"jql": jql, "fields": list(fields), "maxResults": 1}
        found = rows(self._transport.read(f"{self.api}/search", body=body), "issues")
        return found[0] if found else None

    def count(self, jql: str) -> int:
        answer = self._transport.read(f"{self.api}/search", body={"jql": jql, "fields": ["id"], "maxResults": 0})
        return number(answer.get("total") if isinstance(answer, dict) else None, "total")

    def histories(self, ids: Collection[int]) -> Mapping[int, list[Raw] | Unavailable]:
        """The whole history of each ticket; one that has gone meanwhile is absent."""
        found: dict[int, list[Raw] | Unavailable] = {}
        for identity in ids:
            try:
                found[identity] = self.history(identity)
            except NotFound:
                continue
            except (JiraUnreachable, MalformedAnswer) as error:
                found[identity] = self._only_this(error)
        return found

    def _only_this(self, error: JiraError) -> Unavailable:
        """The trouble of one ticket. Raises the site's, where it has any."""
        read_object(self._transport, f"{self.api}/myself")
        return Unavailable(f"Jira cannot give it: {error}")

    def history(self, ticket: int) -> list[Raw]:
        issue = self.read_issue(ticket, {"fields": "status", "expand": "changelog"})
        histories = embedded_histories(issue)
        if histories is None:
            raise MalformedAnswer(
                f"Jira does not give the whole history of ticket {ticket}; it is read again next time"
            )
        return histories

    def fetch(self, ids: Collection[int], fields: Sequence[str]) -> Fetched:
        """The tickets as they are, not as the search's index has them."""
        found: list[Raw] = []
        unavailable: dict[int, Unavailable] = {}
        for identity in ids:
            try:
                found.append(self.read_issue(identity, {"fields": ",".join(fields)}))
            except NotFound:
                continue
            except (JiraUnreachable, MalformedAnswer) as error:
                unavailable[identity] = self._only_this(error)
        return Fetched(tuple(found), unavailable)

    def with_properties(self, comments: Sequence[Raw], account: str) -> list[Raw]:
        """The same comments; those of our own account with their properties, which are read one by one."""
        return [self._with_own(comment, account) for comment in comments]

    def _with_own(self, comment: Raw, account: str) -> Raw:
        author = comment.get("author")
        if not isinstance(author, Mapping) or self.account_id(author) != account:
            return comment
        path = f"{self.api}/comment/{number(comment.get('id'), 'comment.id')}/properties"
        keys = [str(entry.get("key")) for entry in rows(read_object(self._transport, path), "keys")]
        values = [read_object(self._transport, f"{path}/{key}") for key in keys if _is_plain(key)]
        return {**comment, "properties": values}

    def groups_of(self, account_id: str) -> list[object]:
        """Their names. Raises MalformedAnswer where Jira tells only a part."""
        user = read_object(self._transport, f"{self.api}/user", {"key": account_id, "expand": "groups"})
        block = user.get("groups")
        items = rows(block, "items")
        if not isinstance(block, Mapping) or block.get("size") != len(items):
            raise MalformedAnswer(f"Jira does not give all groups of account {account_id}")
        return [group.get("name") for group in items]

    def user(self, account: str) -> Raw:
        """By the user's name. Raises NotFound."""
        return read_object(self._transport, f"{self.api}/user", {"username": account})

    def visibility(self, audience: Audience) -> dict[str, str]:
        """As a comment names it."""
        return {"type": audience.kind, "value": audience.name}

    def group_members(self, group: str) -> list[Raw]:
        """By the group's name; members of groups within it are among them."""
        return read_members(self._transport, f"{self.api}/group/member", {"groupname": group})

    def projects(self, keys: Collection[str]) -> list[Raw]:
        """Every visible project, whatever keys are given: Data Center does not page them."""
        return read_objects(self._transport, f"{self.api}/project")

    def body(self, adf: dict[str, Any]) -> object:
        return to_wiki(adf)

    def read_issue(self, ticket: int | str, query: dict[str, str | int]) -> Raw:
        return read_object(self._transport, ticket_path(self.api, ticket), query)


def _clock_of(row: Raw, clock: str) -> datetime:
    fields = row.get("fields")
    return read_instant(fields.get(clock) if isinstance(fields, Mapping) else None, f"the instant {clock!r}")


def _is_plain(key: str) -> bool:
    return key.isascii() and all(letter.isalnum() or letter in "._-" for letter in key)

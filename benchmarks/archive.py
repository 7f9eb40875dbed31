"""All tickets of a made-up Jira site, rendered: bytes to be joined into an answer, whatever its size."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import orjson

from benchmarks.stories import PROJECT, Json, Story, tell

VARIETIES: Final = 400
FIRST_ID: Final = 10_000
BEGINNING: Final = 1_672_531_200_000  # 2023-01-01 in epoch milliseconds
SPAN: Final = 3 * 365 * 86_400_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only for arithmetic on epoch milliseconds
_NAMES = re.compile(rb"@(\w+)@")


class Archive:
    """`size` tickets of one project, numbered from 0 by creation. With `histories` False nobody touched any since."""

    def __init__(self, size: int, *, histories: bool = True) -> None:
        self.size = size
        self._shows_histories = histories
        self._varieties = [_Variety(tell(seed)) for seed in range(min(size, VARIETIES))]
        # A site that grows: more tickets towards the end.
        self._created = [BEGINNING + int(SPAN * (number / size) ** 0.7) for number in range(size)]
        self._edited: dict[int, list[int]] = {}
        self._updated = sorted((self._updated_at(number), number) for number in range(size))

    def created(self, since: int | None, until: int | None) -> Sequence[int]:
        """The tickets with `since` ≤ created < `until` (epoch milliseconds), oldest first."""
        first = 0 if since is None else bisect_left(self._created, since)
        return range(first, self.size if until is None else bisect_left(self._created, until))

    def updated(self, since: int | None, until: int | None) -> Sequence[int]:
        """The tickets with `since` ≤ updated < `until` (epoch milliseconds), by their update."""
        first = 0 if since is None else bisect_left(self._updated, (since, -1))
        last = len(self._updated) if until is None else bisect_left(self._updated, (until, -1))
        return [number for _, number in self._updated[first:last]]

    def identity(self, number: int) -> int:
        return FIRST_ID + number

    def numbered(self, identity: int) -> int | None:
        number = identity - FIRST_ID
        return number if 0 <= number < self.size else None

    def touch(self, count: int, at: int) -> None:
        """Edits the summaries of `count` tickets, evenly spread, at an instant in epoch milliseconds."""
        for number in range(0, self.size, max(1, self.size // count))[:count]:
            before = (self._updated_at(number), number)
            del self._updated[bisect_left(self._updated, before)]
            self._edited.setdefault(number, []).append(at)
            insort(self._updated, (self._updated_at(number), number))

    def issue(self, number: int) -> bytes:
        """The ticket as an element of a search's `issues`."""
        return self._filled(number, self._variety(number).issue)

    def bare(self, number: int) -> bytes:
        """The ticket when only its id is asked for."""
        return b'{"id":"%d"}' % self.identity(number)

    def brief(self, number: int) -> bytes:
        """The ticket when only its instants are asked for."""
        instants = _instant(self._created[number]), _instant(self._updated_at(number))
        return b'{"id":"%d","fields":{"created":"%b","updated":"%b"}}' % (self.identity(number), *instants)

    def histories(self, number: int) -> bytes:
        """The ticket as an element of a bulk answer's `issueChangeLogs`."""
        identity = self.identity(number)
        shown = self._filled(number, self._variety(number).histories) if self._shows_histories else b""
        for turn, at in enumerate(self._edited.get(number, ())):
            shown += (b"," if shown else b"") + _summary_edit(identity, turn, at)
        return b'{"issueId":"%d","changeHistories":[%b]}' % (identity, shown)

    def length(self, number: int) -> int:
        """How many history entries the ticket has."""
        known = self._variety(number).length if self._shows_histories else 0
        return known + len(self._edited.get(number, ()))

    def _variety(self, number: int) -> _Variety:
        return self._varieties[number % len(self._varieties)]

    def _updated_at(self, number: int) -> int:
        if edits := self._edited.get(number):
            return edits[-1]
        return self._created[number] + (self._variety(number).moments[-1] if self._shows_histories else 0)

    def _filled(self, number: int, template: _Template) -> bytes:
        created, edits = self._created[number], len(self._edited.get(number, ()))
        words = {
            b"id": b"%d" % self.identity(number),
            b"key": b"%b-%d" % (PROJECT.encode(), number + 1),
            b"n": b"%d" % number,
            b"edit": b" (edit %d)" % edits if edits else b"",
            b"updated": _instant(self._updated_at(number)),
        }
        for name, after in template.moments:
            words[name] = _instant(created + after)
        return template.text % words


class _Variety:
    """A story with holes for what differs from ticket to ticket."""

    def __init__(self, story: Story) -> None:
        issue: Json = {
            "id": "@id@",
            "self": "https://bench.atlassian.net/rest/api/3/issue/@id@",
            "key": "@key@",
            "fields": story.fields,
        }
        self.issue = _Template(orjson.dumps(issue), story.moments)
        self.histories = _Template(orjson.dumps(story.histories)[1:-1], story.moments)
        self.length = len(story.histories)
        self.moments = tuple(story.moments)


class _Template:
    """A text to be filled in, and the instants that it names: milliseconds after the creation."""

    def __init__(self, text: bytes, moments: Sequence[int]) -> None:
        self.text = _NAMES.sub(rb"%(\1)b", text.replace(b"%", b"%%"))
        named = {name for name in _NAMES.findall(text) if name[:1] == b"t"}
        self.moments = [(name, moments[int(name[1:])]) for name in sorted(named)]


def _summary_edit(identity: int, turn: int, at: int) -> bytes:
    return orjson.dumps(
        {
            "id": f"{identity}9{turn}",
            "created": _instant(at).decode(),
            "items": [
                {
                    "field": "summary",
                    "fieldtype": "jira",
                    "fieldId": "summary",
                    "from": None,
                    "fromString": f"before edit {turn + 1}",
                    "to": None,
                    "toString": f"after edit {turn + 1}",
                }
            ],
        }
    )


def _instant(milliseconds: int) -> bytes:
    at = _EPOCH + timedelta(milliseconds=milliseconds)
    return at.isoformat(timespec="milliseconds").encode() + b"+0000"

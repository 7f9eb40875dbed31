"""What a status means for the waiting: which clock runs while a ticket stands in it.

History gives ids and names, never meanings. A meaning comes, in this order, from the configuration, from whoever
imported the tickets, from the board's own category refined by the words of the name, and from the words alone where
nothing tells a category. What nothing tells is `unknown`: it starts nothing, ends nothing, and is named.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from analytics.status_words import CATEGORY_WORDS, QUEUED, SUGGESTIONS
from tickets.ticket import Clock, Status, StatusCategory

Class = Literal["queue", "active", "requester", "blocked", "done", "unknown"]
Source = Literal["configured", "imported", "category", "words", "nobody"]
CLASSES: Final[tuple[Class, ...]] = get_args(Class)
CLOCKS: Final[tuple[Clock, ...]] = get_args(Clock)
WAITING: Final[tuple[Class, ...]] = ("queue", "requester", "blocked")

_BY_CATEGORY: Final[Mapping[StatusCategory, Clock]] = {
    StatusCategory.NEW: "queue",
    StatusCategory.IN_PROGRESS: "active",
    StatusCategory.DONE: "done",
}
# What the words may say against the category: boards have one category for work and for the waits within it.
_REFINES: Final[Mapping[StatusCategory, frozenset[Clock]]] = {
    StatusCategory.NEW: frozenset({"requester"}),
    StatusCategory.IN_PROGRESS: frozenset({"requester", "blocked"}),
    StatusCategory.DONE: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """When a ticket starts and finishes: `start` and `finish` name classes or statuses. `statuses` says what statuses
    mean, by name; case and blanks do not count."""

    start: tuple[str, ...] = ("active", "requester", "blocked")
    finish: tuple[str, ...] = ("done",)
    statuses: Mapping[str, Clock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meaning:
    """`name` is what the status is called today; `source` says who told its class."""

    name: str
    clock: Class
    source: Source


class Clocks:
    """Looks a status up by id and name, then by name, then by id (it was renamed), then by its words alone (it was
    deleted).

    `statuses` may repeat and contradict itself (a site that moved a status to another category, several sites with
    the same ids): each look-up takes what most entries say; a tie says nothing and the next one is asked. `projects`
    maps a project's key to rules of its own; what its `statuses` do not name is as in `rules`.
    """

    def __init__(
        self,
        statuses: Iterable[Status] = (),
        *,
        rules: Rules | None = None,
        projects: Mapping[str, Rules] | None = None,
    ) -> None:
        self.rules, self._own = rules or Rules(), dict(projects or {})
        self.projects = {
            key: Rules(own.start, own.finish, {**_by_fold(self.rules.statuses), **_by_fold(own.statuses)})
            for key, own in self._own.items()
        }
        self._default = Rules(self.rules.start, self.rules.finish, _by_fold(self.rules.statuses))
        votes: dict[tuple[str, str], Counter[tuple[StatusCategory, Clock | None, str]]] = defaultdict(Counter)
        for status in statuses:
            if status.category is StatusCategory.UNDEFINED and status.clock is None:
                continue
            name = folded(status.name)
            for key in {(status.id, name), ("", name), (status.id, "")} - {("", "")}:
                votes[key][(status.category, status.clock, "" if key[1] else status.name)] += 1
        self._known = {key: winner for key, counts in votes.items() if (winner := _majority(counts))}

    def rules_of(self, project: str) -> Rules:
        return self.projects.get(project, self._default)

    def meaning(self, project: str, status_id: str, name: str) -> Meaning:
        """What this status, as some history calls it, means in this project."""
        category, told, today = self._told(status_id, folded(name))
        shown = today or name
        configured = self.rules_of(project).statuses
        for called in (folded(shown), folded(name)):
            if called in configured:
                return Meaning(shown, configured[called], "configured")
        if told is not None:
            return Meaning(shown, told, "imported")
        if category is not StatusCategory.UNDEFINED:
            return Meaning(shown, proposed(category, shown), "category")
        suggestion = suggested(shown)
        return Meaning(shown, suggestion or "unknown", "words" if suggestion else "nobody")

    def starts(self, project: str, meaning: Meaning) -> bool:
        return _is_in(self.rules_of(project).start, meaning)

    def finishes(self, project: str, meaning: Meaning) -> bool:
        return _is_in(self.rules_of(project).finish, meaning)

    def named(self) -> list[str]:
        """Every status that the rules name, as they spell it."""
        rules = [self.rules, *self._own.values()]
        names = [name for one in rules for name in (*one.start, *one.finish, *one.statuses) if name not in CLASSES]
        return list(dict.fromkeys(names))

    def sentences(self) -> list[str]:
        """The rules in force, in words."""
        found = [_sentence("", self.rules)]
        return found + [_sentence(f"in {key}, ", own) for key, own in sorted(self.projects.items())]

    def _told(self, status_id: str, name: str) -> tuple[StatusCategory, Clock | None, str]:
        for key in ((status_id, name), ("", name), (status_id, "")):
            if key != ("", "") and (found := self._known.get(key)):
                return found
        return StatusCategory.UNDEFINED, None, ""


def proposed(category: StatusCategory, name: str) -> Clock:
    """What a status of a known category is taken to mean: the category's clock, unless its words name a wait."""
    if category is StatusCategory.IN_PROGRESS and re.search(QUEUED, _words(name)):
        return "queue"
    suggestion = suggested(name)
    return suggestion if suggestion in _REFINES[category] else _BY_CATEGORY[category]


def suggested(name: str) -> Clock | None:
    """What a status' name suggests that it means; None where it suggests nothing."""
    words = _words(name)
    usual = CATEGORY_WORDS.get(folded(name)) or CATEGORY_WORDS.get(words)
    if usual in (StatusCategory.NEW, StatusCategory.DONE):
        return _BY_CATEGORY[usual]
    found = (clock for pattern, clock in SUGGESTIONS if re.search(pattern, words))
    return next(found, "active" if usual else None)


def _words(name: str) -> str:
    return folded(re.sub(r"[-_]", " ", name))


def folded(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _by_fold(statuses: Mapping[str, Clock]) -> dict[str, Clock]:
    return {folded(name): clock for name, clock in statuses.items()}


def _is_in(members: tuple[str, ...], meaning: Meaning) -> bool:
    names = {folded(member) for member in members if member not in CLASSES}
    return meaning.clock in members or folded(meaning.name) in names


def _sentence(where: str, rules: Rules) -> str:
    def listed(members: tuple[str, ...]) -> str:
        return ", ".join(member if member in CLASSES else f"{member!r}" for member in members)

    return (
        f"{where}a ticket starts at its first entry to a status of: {listed(rules.start)}; "
        f"it finishes at its last entry to: {listed(rules.finish)}"
    )


def _majority(
    counts: Counter[tuple[StatusCategory, Clock | None, str]],
) -> tuple[StatusCategory, Clock | None, str] | None:
    """The category and clock that most say; a tie says nothing. Of several present names of an id the first."""
    by_meaning: Counter[tuple[StatusCategory, Clock | None]] = Counter()
    for (category, clock, _), votes in counts.items():
        by_meaning[(category, clock)] += votes
    (winner, votes), *others = by_meaning.most_common(2)
    if others and others[0][1] == votes:
        return None
    name = next(name for category, clock, name in counts if (category, clock) == winner)
    return *winner, name

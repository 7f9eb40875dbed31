"""What a search of the sandbox's Jira finds: the tickets of some time ago, as Jira's own index lags behind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.world import Issue, World


class SearchIndex:
    """Keeps the versions that changes made while the index lags have replaced. The caller holds the state's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._replaced: dict[int, list[tuple[datetime, Issue | None]]] = {}

    def keep(self, number: int, at: datetime, lag: timedelta) -> None:
        """To be called before a ticket changes, is created (then there is none yet) or is deleted."""
        if lag <= timedelta(0):
            self._replaced.pop(number, None)
            return
        issue = self._world.issues.get(number)
        self._replaced.setdefault(number, []).append((at, None if issue is None else _copy(issue)))

    def issues(self, caught_up: datetime, current: Collection[int] = ()) -> Iterable[Issue]:
        """Every ticket as of `caught_up`; those in `current` (ids) as they are now."""
        if not self._replaced:
            return self._world.issues.values()
        found = dict(self._world.issues)
        for number, versions in list(self._replaced.items()):
            to_come = [(at, before) for at, before in versions if at > caught_up]
            if not to_come:
                del self._replaced[number]
                continue
            self._replaced[number] = to_come
            if number in current:
                continue
            before = to_come[0][1]
            if before is None:
                found.pop(number, None)
            else:
                found[number] = before
        return found.values()


def _copy(issue: Issue) -> Issue:
    """Free of what changes in place; bodies and history entries are only ever replaced or added."""
    return replace(
        issue,
        labels=list(issue.labels),
        components=list(issue.components),
        custom=dict(issue.custom),
        histories=list(issue.histories),
        comments=[replace(comment) for comment in issue.comments],
    )

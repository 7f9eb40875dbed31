"""What goes wrong between the machine and the site: faults on its reads, an index that lags, work during paging."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any, Final

from sandbox.jira_faults import Faults
from tests.truth.people import People
from tests.truth.story import PEOPLE, Deployment

# Below the sync's overlap of ten minutes, with room for the seconds that a story itself takes.
LONGEST_LAG: Final = timedelta(minutes=9, seconds=30)
SEARCH: Final[Mapping[Deployment, str]] = {"Cloud": "search/jql", "Data Center": "search"}
READS: Final[Mapping[Deployment, tuple[str, ...]]] = {
    "Cloud": ("search/jql", "search/jql", "changelog/bulkfetch", "issue/bulkfetch", "issue/{key}/comment", "*"),
    "Data Center": ("search", "search", "issue/{key}", "issue/{key}/comment", "*"),
}
HISTORIES: Final[Mapping[Deployment, str]] = {"Cloud": "changelog/bulkfetch", "Data Center": "issue/{key}"}
FAULTS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("429", {"retry_after": "2", "reason": "jira-burst-based"}),
    ("429", {"retry_after_date": 40}),
    ("429", {"retry_after": "280"}),
    ("500", {}),
    ("502", {}),
    ("503", {"retry_after": "7"}),
    ("drop", {}),
    ("drop-after", {}),
    ("cut", {}),
    ("slow", {"every": 0.6}),
    ("repeat-token", {}),
    ("html", {}),
    ("anonymous", {}),
    ("401", {}),
    ("403", {}),
)


class Trouble:
    """Arms the site; every method says what it did."""

    def __init__(self, faults: Faults, people: People, deployment: Deployment) -> None:
        self.faults = faults
        self.people = people
        self.deployment: Deployment = deployment
        self.is_slow = False  # the machine needs a short time-out then
        self.acts: list[str] = []  # what people did while the machine was reading

    def cause(self, kind: str, random: Random) -> str:
        if kind == "fault":
            return self._fault(random)
        if kind == "short pages":
            return self._short_pages(random)
        if kind == "during":
            return self._during(random)
        if kind == "blink":
            return self._blink(random)
        seconds = 0 if kind == "no lag" else random.randint(1, int(LONGEST_LAG.total_seconds()))
        self.faults.index_lag = timedelta(seconds=seconds)
        return f"the index lags by {seconds} s"

    def calm(self) -> None:
        """No more faults, nor work while the machine reads; the index lags as before."""
        lag = self.faults.index_lag
        self.faults.clear()
        self.faults.index_lag = lag
        self.is_slow = False

    def end(self) -> None:
        """Nothing of it any more; the index catches up."""
        self.faults.clear()
        self.faults.index_lag = timedelta(0)
        self.is_slow = False

    def _fault(self, random: Random) -> str:
        how, options = random.choice(FAULTS)
        operation = SEARCH[self.deployment] if how == "repeat-token" else random.choice(READS[self.deployment])
        times, skip = random.choice([1, 1, 2, 3, 8]), random.randint(0, 6)
        self.is_slow |= how == "slow"
        self.faults.fail(operation, how, times=min(times, 2) if how == "slow" else times, skip=skip, **options)
        return f"{operation} will answer {how} {times} times after {skip}"

    def _short_pages(self, random: Random) -> str:
        times, rows = random.choice([5, 20, 60]), random.choice([0, 1, 3, 7])
        self.faults.fail(SEARCH[self.deployment], "short", times=times, rows=rows)
        return f"the next {times} pages of searches hold at most {rows} tickets"

    def _blink(self, random: Random) -> str:
        """A ticket goes out of sight between the reading of its fields and of its history."""

        def hide() -> None:
            self.acts.append(self.people.act("hide", random))

        operation = HISTORIES[self.deployment]
        self.faults.on(operation, hide)
        return f"when {operation} is answered next, a ticket will be hidden"

    def _during(self, random: Random) -> str:
        """One to four things that people do while the machine reads, each at a request of its own."""
        planned = random.choices(list(PEOPLE), list(PEOPLE.values()), k=random.randint(1, 4))
        operation, left = random.choice(READS[self.deployment]), random.randint(0, 8)
        numbers = [random.getrandbits(32) for _ in planned]

        def work() -> None:
            nonlocal left
            left -= 1
            if left < 0 and planned:
                told = self.people.act(planned.pop(0), Random(numbers.pop(0)))
                if told:
                    self.acts.append(told)

        self.faults.on(operation, work, times=left + len(planned))
        return f"while {operation} is answered, after {left} times, people will: {', '.join(planned)}"

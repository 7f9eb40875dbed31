"""A sweep over all ids that Jira shows: finds what a sync of changes can never find, and counts what is here.

Deleted tickets, tickets that moved to another project without a word, and tickets that this account may no longer see
do not appear in a search for changes; nor does one that reached Jira's index later than the overlap. Whatever differs
is read past the index, one by one, before anything is concluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from tickets.errors import StoreError, TicketsError
from tickets.fetching import fields_of, ids_of, read_again, read_batch
from tickets.jira_client import JiraClient
from tickets.jira_records import BEGINNING, Search
from tickets.store import TicketStore
from tickets.sync import OVERLAP
from tickets.sync_book import CensusEntry
from tickets.ticket import Tombstone

NAMED: Final = 50  # missing ids that the entry names


@dataclass(frozen=True, slots=True)
class MonthIds:
    """Ids of one month of creation (UTC): shown by Jira, kept here, set aside because they cannot be read, missing."""

    month: str
    at_jira: int
    here: int
    set_aside: int
    missing: int


@dataclass(frozen=True, slots=True)
class CensusReport:
    """`late` are the ids of what was missing here, or stood here in another version, and was read now; `buried` what
    Jira no longer shows, by the reason; `missing` what Jira shows and we could not read."""

    taken_at: datetime
    at_jira: int
    late: tuple[int, ...]
    buried: Mapping[int, Tombstone]
    missing: tuple[int, ...]


def take_census(
    client: JiraClient,
    store: TicketStore,
    *,
    projects: Sequence[str],
    overlap: timedelta = OVERLAP,
    progress: Callable[[int], None] = lambda _: None,
) -> CensusReport:
    """Reads again what changed since the last census, sweeps the projects, reads what is missing here, buries what is
    gone, and keeps an entry for each project.

    A census that cannot be taken leaves entries that say why, then raises the TicketsError.
    """
    taken_at: datetime | None = None
    try:
        client.confirm_account()
        taken_at = client.now()
        return _Census(client, store, projects, taken_at, overlap, progress).take()
    except StoreError:
        raise
    except TicketsError as error:
        known = store.book.censuses(client.site)
        for project in projects:
            counted = known[project].counted if project in known else {}
            at = taken_at or (known[project].taken_at if project in known else BEGINNING)
            store.book.save_census(client.site, CensusEntry(project, at, str(error), counted))
        raise


class _Census:
    def __init__(
        self,
        client: JiraClient,
        store: TicketStore,
        projects: Sequence[str],
        taken_at: datetime,
        overlap: timedelta,
        progress: Callable[[int], None],
    ) -> None:
        self._client = client
        self._store = store
        self._site = client.site
        self._projects = projects
        self._taken_at = taken_at
        self._overlap = overlap
        self._progress = progress
        self._untold: set[int] = set()  # what Jira has and cannot give: nothing is concluded about it
        self._shown: dict[int, tuple[str, str]] = {}  # what Jira shows: id → project and month of creation

    def take(self) -> CensusReport:
        visible = self._client.visible(self._projects)
        found = self._compare(visible)
        for project in self._projects:
            if project in visible:
                self._sweep(project)
        here = {number: project for project in self._projects for number in self._store.ids(self._site, project)}
        late, absent = set(self._shown) - set(here), set(here) - set(self._shown)
        elsewhere = {n for n, project in here.items() if n in self._shown and self._shown[n][0] != project}
        set_aside = self._store.rejected_ids(self._site)
        there = self._read_again({*late, *elsewhere, *(n for n in absent if here[n] in visible), *set_aside})
        for number in late:
            if there.get(number) not in self._projects and number not in self._untold:  # the index is behind
                del self._shown[number]
        buried = {
            number: self._reason(number, there.get(number), is_visible=here[number] in visible)
            for number in absent
            if there.get(number) not in self._projects and number not in self._untold
        }
        self._store.bury(self._site, buried, self._taken_at)
        self._store.forget_rejected(self._site, set_aside - set(there) - self._untold - set(self._shown))
        failures = {p: "" if p in visible else self._invisible(p) for p in self._projects}
        missing = self._count(failures)
        if missing:  # what goes while it is read is missing for a moment
            there = self._read_again(missing)
            for number in set(missing) - set(there) - self._untold:
                self._shown.pop(number, None)
            missing = self._count(failures)
        # Not earlier: what was hidden while it was compared is buried by now, and will be read again when it returns.
        self._store.book.set_compared(self._site, visible, self._taken_at)
        unread = {*missing, *self._store.rejected_ids(self._site)}
        read = tuple(sorted((found | late & set(self._shown)) - unread))
        return CensusReport(self._taken_at, len(self._shown), read, buried, missing)

    def _compare(self, visible: Collection[str]) -> set[int]:
        """Reads again what changed since the last census: a sync in between did not see what was hidden just then, or
        reached the index later than its overlap. Returns the ids that differed here."""
        found: set[int] = set()
        since = self._store.book.compared(self._site, visible)
        for at in sorted(set(since.values())):
            group = tuple(project for project, its in since.items() if its == at)
            for page in self._client.search(Search(group, "updated", at - self._overlap), fields_of(self._client)):
                batch = read_batch(self._client, page, known=self._store.versions(self._site, ids_of(page)))
                found.update(self._store.save(batch.tickets, rejected=batch.rejected))
        return found

    def _sweep(self, project: str) -> None:
        oldest = self._client.oldest(project) or self._taken_at
        for month, since, until in _months(oldest, self._taken_at):
            for ids in self._client.ids(Search((project,), "created", since, until)):
                self._shown.update(dict.fromkeys(ids, (project, month)))
                self._progress(len(self._shown))

    def _read_again(self, doubtful: Collection[int]) -> dict[int, str]:
        """Past the index: the project of each that Jira has. Those of our projects are kept."""
        again = read_again(self._client, self._store, doubtful, self._projects)
        self._untold |= again.untold
        return again.projects

    def _reason(self, number: int, project: str | None, *, is_visible: bool) -> Tombstone:
        if project is not None:
            return Tombstone.MOVED
        kept = self._store.get(number, site=self._site)
        return Tombstone.GONE if is_visible and kept is not None and not kept.security else Tombstone.HIDDEN

    def _invisible(self, project: str) -> str:
        return (
            f"project {project} is not visible to {self._client.settings.who}: give the account the permission "
            f"Browse projects in it, or take it out of jira.projects"
        )

    def _count(self, failures: Mapping[str, str]) -> tuple[int, ...]:
        """Keeps an entry for each project; returns the ids that Jira shows and that are not here."""
        here = {n: (p, month) for p in self._projects for n, month in self._store.ids(self._site, p).items()}
        set_aside = self._store.rejected_ids(self._site)
        counts: dict[str, dict[str, Counter[str]]] = {project: {} for project in self._projects}
        missing: dict[int, str] = {}
        for number, place in {**self._shown, **here}.items():
            project, month = here.get(number, place)
            row = counts[project].setdefault(month, Counter())
            row["at_jira"] += 1
            if number in set_aside:  # of what is here and was set aside, an older version is here
                row["set_aside"] += 1
            elif number in here:
                row["here"] += 1
            else:
                row["missing"] += 1
                missing[number] = project
        for project in self._projects:
            months = [
                asdict(MonthIds(month, row["at_jira"], row["here"], row["set_aside"], row["missing"]))
                for month, row in sorted(counts[project].items())
            ]
            named = [number for number, its in missing.items() if its == project][:NAMED]
            entry = CensusEntry(
                project,
                self._taken_at,
                failures[project],
                {"months": months, "missing_ids": named, "invisible": bool(failures[project])},
            )
            self._store.book.save_census(self._site, entry)
        return tuple(missing)


def _months(oldest: datetime, newest: datetime) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Month after month: its name, where it begins, and where it ends. The first has no real beginning and the last no
    end, so that nothing can stand outside."""
    start, since = oldest.replace(day=1, hour=0, minute=0, second=0, microsecond=0), BEGINNING
    while True:
        following = (start + timedelta(days=32)).replace(day=1)
        is_last = following > newest
        yield f"{start:%Y-%m}", since, None if is_last else following
        if is_last:
            return
        start = since = following

"""What the store can prove: which ids Jira shows and are here, and which histories are whole, by project and month."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tickets.chains import Chain
from tickets.store import MonthCount, TicketStore
from tickets.ticket import Rejection


@dataclass(frozen=True, slots=True)
class MonthProof:
    """The tickets of one month of creation (UTC). Of the ids: shown by Jira at the last census, here then, set aside
    because they could not be read, missing. Of the histories: whole; with breaks that a project move or a workflow
    migration explains; broken without a reason; `without` where the source has none. Ids are None without a census."""

    month: str
    at_jira: int | None
    here: int
    set_aside: int
    missing: int
    whole: int
    moved: int
    migrated: int
    broken: int
    without: int


@dataclass(frozen=True, slots=True)
class ProjectProof:
    """`taken_at` is the ticket time of the last census, None where there was none; `failure` says why it could not be
    taken. `missing_ids` names some of what is missing."""

    project: str
    taken_at: datetime | None
    failure: str
    months: tuple[MonthProof, ...]
    missing_ids: tuple[int, ...]

    def total(self, name: str) -> int:
        """The sum of a figure over all months."""
        return sum(getattr(month, name) or 0 for month in self.months)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why this project is not proven complete, a sentence each; empty when it is."""
        if self.failure:
            return (_failed(self.failure),)
        if self.taken_at is None:
            return (_no_census(self.project),)
        found: list[str] = []
        if missing := self.total("missing"):
            found.append(f"of {self.total('at_jira'):,} tickets of {self.project} {missing:,} are missing")
        if broken := self.total("broken"):
            found.append(f"of the histories of {self.project} {broken:,} have a break that nothing explains")
        return tuple(found)

    @property
    def is_complete(self) -> bool:
        return not self.gaps

    @property
    def obstacle(self) -> str:
        """Why nothing may be done for tickets of this project; empty when it may."""
        if self.failure or self.taken_at is None:
            return self.gaps[0]
        missing = self.total("missing")
        return (
            f"{missing:,} tickets of {self.project} are missing: goldenpath sync --verify names them" if missing else ""
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """`data_at` is the start of the last complete sync (ticket time), None without one; `broken` names some tickets
    whose history is broken; `obstacles` are the projects for which nothing may be done, and `set_aside` is what could
    not be read, each with the reason. `tombstones` counts what is kept for the audit alone, `imported` the tickets of
    other sites and of files, `left` those of projects that are no longer synced."""

    projects: tuple[ProjectProof, ...]
    data_at: datetime | None
    broken: tuple[str, ...]
    obstacles: Mapping[str, str]
    set_aside: tuple[Rejection, ...]
    tombstones: int
    imported: int
    left: int

    @property
    def is_complete(self) -> bool:
        return not self.gaps

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why it is not proven complete; what is true of several projects is said once."""
        found = list(dict.fromkeys(gap for project in self.projects for gap in project.gaps))
        if self.set_aside:
            found.append(
                f"{len(self.set_aside):,} could not be read and were set aside: goldenpath sync --verify says why"
            )
        return tuple(found)

    def sentences(self, now: datetime) -> tuple[str, ...]:
        """What stands above every report: the age of the data, whether it is proven complete, and the effect."""
        if not self.projects:
            return ("Imported tickets: nothing proves that the exports were whole.",)
        words = ["The tickets were never synced." if self.data_at is None else _aged(self.data_at, now)]
        words.append(self._lacking() if self.gaps else f"Complete: {self._whole()}.")
        if self.imported:
            words.append(f"{self.imported:,} more were imported: nothing proves that the exports were whole.")
        if self.left:
            words.append(f"{self.left:,} more are of projects that are no longer synced, as they were then.")
        return tuple(words)

    def _lacking(self) -> str:
        words = f"NOT PROVEN COMPLETE: {'; '.join(self.gaps)}."
        if self.set_aside or any(project.total("missing") for project in self.projects):
            words += " The figures leave out what is missing."
        if self.obstacles:
            words += f" The agent does nothing in {', '.join(self.obstacles)} until a census finds everything."
        return words

    def _whole(self) -> str:
        total = {name: sum(project.total(name) for project in self.projects) for name in MonthProof.__slots__[1:]}
        explained = total["moved"] + total["migrated"]
        words = f"all {total['at_jira']:,} tickets that Jira shows are here, and all "
        words += f"{total['whole'] + explained:,} histories are whole"
        if explained:
            words += (
                f" ({total['moved']:,} with a gap that a project move explains, {total['migrated']:,} a workflow's)"
            )
        latest = min(project.taken_at for project in self.projects if project.taken_at)
        return f"{words}; census of {latest:%Y-%m-%d %H:%M} UTC"

    def to_json(self) -> dict[str, Any]:
        return {
            "complete": self.is_complete,
            "gaps": list(self.gaps),
            "data_at": self.data_at,
            "tombstones": self.tombstones,
            "imported": self.imported,
            "no_longer_synced": self.left,
            "not_acting_in": dict(self.obstacles),
            "set_aside": [{"source": rejection.source, "reason": rejection.reason} for rejection in self.set_aside],
            "broken_histories": list(self.broken),
            "projects": [
                {
                    "project": project.project,
                    "census_at": project.taken_at,
                    "failure": project.failure,
                    "missing_ids": list(project.missing_ids),
                    "months": [asdict(month) for month in project.months],
                }
                for project in self.projects
            ],
        }


def read_proof(store: TicketStore, *, site: str, projects: Collection[str]) -> Proof:
    """From the last census and from the histories as they are kept now. Raises StoreError."""
    entries = store.book.censuses(site)
    kept = store.month_counts()
    counts = {(count.project, count.month): count for count in kept if count.site == site and count.project in projects}
    proofs = []
    for project in projects:
        entry = entries.get(project)
        counted = entry.counted if entry else {}
        ids = {row["month"]: row for row in counted.get("months", ())}
        months = sorted({*ids, *(month for named, month in counts if named == project)})
        proofs.append(
            ProjectProof(
                project,
                entry.taken_at if entry else None,
                entry.failure if entry else "",
                tuple(_month(month, ids.get(month), counts.get((project, month))) for month in months),
                tuple(counted.get("missing_ids", ())),
            )
        )
    facts = store.facts()
    ours = sum(count.here for count in counts.values())
    here = sum(count.here for count in kept if count.site == site)
    return Proof(
        tuple(proofs),
        facts.last_sync_at,
        tuple(store.broken_chains()),
        read_obstacles(store, site=site, projects=projects),
        tuple(one for one in store.rejections() if one.site == site and one.ticket_id is not None),
        facts.tombstones,
        imported=sum(count.here for count in kept) - here,
        left=here - ours,
    )


def read_obstacles(store: TicketStore, *, site: str, projects: Collection[str]) -> dict[str, str]:
    """The projects for which nothing may be done, each with the reason: its last census failed, or tickets are missing
    that Jira shows. Raises StoreError."""
    entries = store.book.censuses(site)
    found: dict[str, str] = {}
    for project in projects:
        entry = entries.get(project)
        if entry is None:
            found[project] = _no_census(project)
        elif entry.failure:
            found[project] = _failed(entry.failure)
        elif missing := sum(row["missing"] for row in entry.counted.get("months", ())):
            found[project] = f"of its tickets {missing:,} are missing: goldenpath sync --verify names them"
    return found


def _failed(reason: str) -> str:
    return f"the last census failed: {reason}"


def _aged(at: datetime, now: datetime) -> str:
    minutes = max(0, round((now - at).total_seconds() / 60))
    hours, days = minutes // 60, minutes // 1440
    age = f"{days} days" if days > 1 else f"{hours} hours" if hours > 1 else f"{minutes} minutes"
    return f"Data of {at:%Y-%m-%d %H:%M} UTC, {age} old."


def _no_census(project: str) -> str:
    return f"no census of {project} was taken yet: goldenpath sync --census takes one"


def _month(month: str, ids: Mapping[str, int] | None, kept: MonthCount | None) -> MonthProof:
    chains = kept.chains if kept else dict.fromkeys(Chain, 0)
    return MonthProof(
        month,
        ids["at_jira"] if ids else None,
        ids["here"] if ids else (kept.here if kept else 0),
        ids["set_aside"] if ids else 0,
        ids["missing"] if ids else 0,
        chains[Chain.WHOLE],
        chains[Chain.MOVED],
        chains[Chain.MIGRATED],
        chains[Chain.BROKEN],
        kept.without if kept else 0,
    )

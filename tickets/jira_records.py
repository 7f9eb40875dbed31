"""What we ask a Jira for and what it tells about itself, in our words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from tickets.errors import Unavailable
from tickets.ticket import Person

Raw = Mapping[str, Any]
Clock = Literal["created", "updated"]
Deployment = Literal["Cloud", "Data Center"]
BEGINNING: Final = datetime(1971, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Search:
    """The tickets of `projects` with `since` ≤ clock < `until` (None: no end), by clock and id, oldest first.

    Bounds are epoch milliseconds in JQL: a quoted date would be read in the account's time zone, by the minute.
    """

    projects: tuple[str, ...]
    clock: Clock = "created"
    since: datetime = BEGINNING
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not self.projects:
            raise ValueError("a search needs at least one project")

    @property
    def restriction(self) -> str:
        """The JQL without its order."""
        bounds = f"{self.clock} >= {epoch_milliseconds(self.since)}"
        if self.until is not None:
            bounds += f" AND {self.clock} < {epoch_milliseconds(self.until)}"
        return f"{in_projects(self.projects)} AND {bounds}"

    @property
    def jql(self) -> str:
        return f"{self.restriction} ORDER BY {self.clock} ASC, id ASC"


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """`base_url` is the address that the site gives itself."""

    deployment: Deployment
    version: str
    title: str
    base_url: str


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """A project that the account may browse. `style` is Jira's type key: software, service_desk, business."""

    id: str
    key: str
    name: str
    style: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A transition that Jira permits now. `required` are the fields that it asks for and nobody fills: id → name;
    `resolutions` those that its screen allows, empty where it has no such field."""

    id: str
    name: str
    to_id: str
    to_status: str
    required: Mapping[str, str]
    resolutions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see a comment besides administrators: the members of a group (by its id; on Data Center by its name), or
    of a project's role (by its name). Jira takes it only from an account that is a member itself."""

    kind: Literal["group", "role"]
    name: str


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account as the site knows it. One that is not active is notified of nothing."""

    person: Person
    is_active: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """Tickets that were asked for by id. What is in neither does not exist, or is not visible."""

    issues: tuple[Raw, ...]
    unavailable: Mapping[int, Unavailable]


def in_projects(projects: Collection[str]) -> str:
    names = ", ".join(f'"{key}"' for key in projects)
    return f"project in ({names})"


def epoch_milliseconds(at: datetime) -> int:
    """For JQL. Raises ValueError for a naive instant."""
    if at.tzinfo is None:
        raise ValueError("a naive datetime cannot be searched for")
    return int(at.timestamp() * 1000)

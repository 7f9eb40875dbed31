"""The frozen records that the rooms say to each other. Nothing past this package sees Jira JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

REQUEST_TYPE = "request_type"


class StatusCategory(StrEnum):
    """Jira's own category keys; `undefined` where an export does not say."""

    NEW = "new"
    IN_PROGRESS = "indeterminate"
    DONE = "done"
    UNDEFINED = "undefined"


Clock = Literal["queue", "active", "requester", "blocked", "done"]


@dataclass(frozen=True, slots=True)
class Status:
    """`clock` is what an importer was told that this status means for the waiting; None where nobody said."""

    id: str
    name: str
    category: StatusCategory
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `id` is Jira's account id (Data Center: user key); never an e-mail address."""

    id: str
    name: str
    kind: Literal["person", "app", "customer"] = "person"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One move between statuses. `author` is None where Jira's history lacks it."""

    id: str
    at: datetime
    author: Person | None
    from_id: str
    from_name: str
    to_id: str
    to_name: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One edit of a field other than the status. `field` is the field's id (`summary`, `customfield_10050`);
    `REQUEST_TYPE` for the request type's, whose id differs per site."""

    id: str
    at: datetime
    author: Person | None
    field: str
    from_value: str
    to_value: str


@dataclass(frozen=True, slots=True)
class Comment:
    """`text` is the body flattened; `digest` the SHA-256 of the canonical body; `properties` are entity properties.

    `is_public` is the value of `sd.public.comment`/`jsdPublic` (True where the site does not say).
    """

    id: str
    author: Person | None
    created_at: datetime
    updated_at: datetime
    last_editor: Person | None
    text: str
    digest: str
    is_public: bool = True
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_edited(self) -> bool:
        return self.updated_at != self.created_at


@dataclass(frozen=True, slots=True)
class FormField:
    """A custom field that a person filled on a form: its id, its name on the site, its text."""

    id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """One Jira issue. Identity is (site, id); the key changes when an issue moves.

    Instants are aware UTC. `status_changes` is None where the source has no history (some exports):
    unknown is not the same as unmoved. `request_type` is the *given* type: our kebab-case id of the name
    that was chosen on a form, or None. `via_mail` marks a ticket whose channel is e-mail; `security` is the name of
    its security level, empty where everybody in the project sees it. `worklog_seconds` is the sum of the work that
    people have logged; None where nobody logged any, or where the source does not say.
    """

    site: str
    id: int
    key: str
    project: str
    ticket_type: str
    request_type: str | None
    summary: str
    description: str
    status: Status
    priority: str
    reporter: Person | None
    creator: Person | None
    assignee: Person | None
    labels: tuple[str, ...]
    components: tuple[str, ...]
    form: tuple[FormField, ...]
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    status_changes: tuple[StatusChange, ...] | None
    field_changes: tuple[FieldChange, ...] = ()
    comments: tuple[Comment, ...] = ()
    via_mail: bool = False
    security: str = ""
    worklog_seconds: int | None = None

    @property
    def is_open(self) -> bool:
        if self.status.category is StatusCategory.UNDEFINED:
            return self.resolved_at is None
        return self.status.category is not StatusCategory.DONE

    @property
    def text(self) -> str:
        """Summary and description, as a person reads them."""
        return f"{self.summary}\n{self.description}".strip()


class Tombstone(StrEnum):
    """Why Jira no longer shows a ticket that is kept here. It no longer counts; the audit keeps it.

    `gone`: its project is visible and Jira has nothing under its id: it was deleted, or hidden by a security level that
    nobody could see being set. `hidden`: its project is not visible any more, or the ticket had a security level.
    `moved`: it lives on in a project that is not synced.
    """

    GONE = "gone"
    HIDDEN = "hidden"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class RequestType:
    """An entry of our catalogue. `kind` other than `request` is counted apart and never ranked."""

    id: str
    name: str
    kind: Literal["request", "incident", "bug", "question", "project"] = "request"


@dataclass(frozen=True, slots=True)
class Classification:
    """What a ticket asks for. `score` is the calibrated probability (1.0 when given); `certificate` names the
    evidence that lets a predicted type act, or is None."""

    request_type: str
    source: Literal["given", "predicted", "corrected"]
    score: float
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not be read: where it stands and why, in a sentence. Counted and shown, never dropped.

    `site` and `ticket_id` name the ticket where that much can be read: once it can be read whole, this is over.
    """

    source: str
    reason: str
    site: str = ""
    ticket_id: int | None = None

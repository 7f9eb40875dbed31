"""The state of the sandbox's Jira: plain mutable records, filled by `history`, served by `jira_app`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Account:
    """`kind` as Jira spells it: atlassian, app, customer. `token` is the API token used with `email`."""

    account_id: str
    email: str
    name: str
    token: str
    kind: str = "atlassian"
    groups: set[str] = field(default_factory=set)
    time_zone: str = "Etc/UTC"


@dataclass(frozen=True)
class WorldStatus:
    """`category` is Jira's key: new, indeterminate, done."""

    id: str
    name: str
    category: str


@dataclass(frozen=True)
class WorldTransition:
    """`sources` are status ids (empty: from anywhere); `required` field ids that must be sent (resolution)."""

    id: str
    name: str
    target: str
    sources: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workflow:
    id: str
    initial: str
    transitions: tuple[WorldTransition, ...]


@dataclass(frozen=True)
class Project:
    """`style` is service_desk or software; `request_types` maps Jira's id to the name on the portal."""

    id: str
    key: str
    name: str
    style: str
    workflow: str
    issue_types: tuple[str, ...]
    request_types: dict[str, str]


@dataclass(frozen=True)
class WorldField:
    """A Jira field. `schema` is the object that GET /field answers under `schema`; `options` of a select."""

    id: str
    name: str
    schema: dict[str, Any]
    options: tuple[str, ...] = ()


@dataclass
class HistoryItem:
    """One item of a changelog entry, in Jira's words (`from`/`to` are ids, the strings what people read)."""

    field: str
    field_id: str
    fieldtype: str
    from_id: str | None
    from_string: str | None
    to_id: str | None
    to_string: str | None


@dataclass
class History:
    id: int
    author: str | None
    created: datetime
    items: list[HistoryItem]


@dataclass
class WorldComment:
    id: int
    author: str
    body: dict[str, Any]
    created: datetime
    updated: datetime
    update_author: str
    public: bool = True
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Issue:
    """`custom` maps a custom field's id to plain text (a select: the option's name). Bodies are ADF documents.

    `truth` is what the generator knows and Jira never shows: the hidden request type and parameters.
    """

    id: int
    key: str
    project: str
    issue_type: str
    status: str
    summary: str
    description: dict[str, Any] | None
    reporter: str
    creator: str
    assignee: str | None
    priority: str
    created: datetime
    updated: datetime
    resolved: datetime | None = None
    resolution: str | None = None
    request_type: str | None = None
    labels: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    histories: list[History] = field(default_factory=list)
    comments: list[WorldComment] = field(default_factory=list)
    truth: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """All of it. `now` is the instant at which history ends and the servers' clock starts."""

    now: datetime
    accounts: dict[str, Account]
    groups: dict[str, str]
    statuses: dict[str, WorldStatus]
    workflows: dict[str, Workflow]
    projects: dict[str, Project]
    fields: dict[str, WorldField]
    issues: dict[int, Issue] = field(default_factory=dict)
    next_id: int = 100_000


# The accounts that people play. `agent` is the account Golden Path works with.
PERSONAS = ("agent", "developer", "approver", "outsider")

# Field ids of the sandbox's site. On a real site they differ: readers must find them by schema or by name.
REQUEST_TYPE_FIELD = "customfield_10010"
FORM_FIELDS = {
    "customfield_10050": "Bucket name",
    "customfield_10051": "AWS region",
    "customfield_10052": "Data class",
    "customfield_10053": "Environment",
    "customfield_10054": "Owning team",
    "customfield_10055": "Repository name",
    "customfield_10056": "Database name",
    "customfield_10057": "Size",
}

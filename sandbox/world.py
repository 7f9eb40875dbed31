"""The state of the sandbox's Jira: plain mutable records, filled by `history`, served by `jira_app`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zlib import crc32

Deployment = Literal["Cloud", "Data Center"]


@dataclass
class Account:
    """`kind` as Jira spells it: atlassian, app, customer. `token` is the API token used with `email`.

    `scoped_token` opens only the gateway. On a Data Center the account id is the user's name, `token` the personal
    access token or the password.
    """

    account_id: str
    email: str
    name: str
    token: str
    kind: str = "atlassian"
    groups: set[str] = field(default_factory=set)
    time_zone: str = "Etc/UTC"
    scoped_token: str = ""

    def __post_init__(self) -> None:
        self.scoped_token = self.scoped_token or f"sandbox-scoped-{self.account_id}"

    @property
    def user_key(self) -> str:
        """What a Data Center knows the user by; it differs from the user's name."""
        return f"JIRAUSER{10_000 + crc32(self.account_id.encode()) % 90_000}"


# Who asks without a log-in, or with one that was lost.
ANONYMOUS = Account("", "", "Anonymous", "", "anonymous")


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
    """`visibility` restricts it to a group (`type`, `identifier`: its id) or a role (`type`, `value`: its name); empty:
    to nobody in particular."""

    id: int
    author: str
    body: dict[str, Any]
    created: datetime
    updated: datetime
    update_author: str
    public: bool = True
    properties: dict[str, Any] = field(default_factory=dict)
    visibility: dict[str, str] = field(default_factory=dict)


@dataclass
class Issue:
    """`custom` maps a custom field's id to plain text (a select: the option's name). Bodies are ADF documents.

    `time_spent` is the work logged on it, in seconds; None where nobody logged any. `truth` is what the generator knows
    and Jira never shows: the hidden request type and parameters.
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
    time_spent: int | None = None


@dataclass
class World:
    """All of it. `now` is the instant at which history ends and the servers' clock starts.

    `numbers` holds the last number given out per project, `former_keys` the ids of tickets that have moved; `hidden`
    maps a ticket's id and `hidden_projects` a project's key to the accounts that may not see it; `denied` maps an
    account to the permissions that it lacks; `roles` maps a project's roles by name to the groups and accounts in them;
    `inactive` are accounts that were deactivated.
    """

    now: datetime
    accounts: dict[str, Account]
    groups: dict[str, str]
    statuses: dict[str, WorldStatus]
    workflows: dict[str, Workflow]
    projects: dict[str, Project]
    fields: dict[str, WorldField]
    issues: dict[int, Issue] = field(default_factory=dict)
    next_id: int = 100_000
    cloud_id: str = "5f1c7a52-9d0e-4c1b-8f3a-6a2b7d40e911"
    numbers: dict[str, int] = field(default_factory=dict)
    former_keys: dict[str, int] = field(default_factory=dict)
    hidden: dict[int, set[str]] = field(default_factory=dict)
    hidden_projects: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[str, set[str]] = field(default_factory=dict)
    roles: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)


# The accounts that people play. `agent` is the account Golden Path works with, `oncall` is called when it is stuck.
PERSONAS = ("agent", "developer", "approver", "outsider", "oncall")

# Field ids of the sandbox's site. On a real site they differ: readers must find them by schema or by name.
REQUEST_TYPE_FIELD = "customfield_10010"
SLA_SCHEMA = "com.atlassian.servicedesk:sd-sla-field"
SLA_FIELDS = {"customfield_10060": "Time to first response", "customfield_10061": "Time to resolution"}
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

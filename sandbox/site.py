"""The sandbox's Jira before anything is filed: people, groups, projects, workflows, fields."""

from __future__ import annotations

from datetime import datetime

from sandbox.world import (
    FORM_FIELDS,
    REQUEST_TYPE_FIELD,
    SLA_FIELDS,
    SLA_SCHEMA,
    Account,
    Project,
    Workflow,
    World,
    WorldField,
    WorldStatus,
    WorldTransition,
)

GROUPS = {
    "g-payments": "developers-payments",
    "g-search": "developers-search",
    "g-approvers": "golden-path-approvers",
    "g-ops": "ops-engineers",
    "g-ops-bots": "ops-bots",
    "g-on-call": "golden-path-on-call",
}

OPERATIONS = "Operations"  # the role that ops and its bots have in every project

REQUEST_TYPES = (
    "S3 bucket",
    "New repository",
    "CI secret",
    "Database",
    "Redis instance",
    "EC2 instance",
    "Access grant",
    "DNS record",
    "TLS certificate",
    "Quota increase",
    "VPN access",
    "Onboarding",
    "Offboarding",
    "Log retention",
    "Kubernetes namespace",
)

STATUSES = (
    WorldStatus("10001", "Waiting for support", "new"),
    WorldStatus("10002", "In progress", "indeterminate"),
    WorldStatus("10003", "Waiting for customer", "indeterminate"),
    WorldStatus("10004", "Resolved", "done"),
    WorldStatus("10005", "Reopened", "new"),
    WorldStatus("10011", "To Do", "new"),
    WorldStatus("10012", "In Progress", "indeterminate"),
    WorldStatus("10013", "Blocked", "indeterminate"),
    WorldStatus("10014", "In Review", "indeterminate"),
    WorldStatus("10015", "Done", "done"),
)

SERVICE_DESK = Workflow(
    "service-desk",
    "10001",
    (
        WorldTransition("11", "Start work", "10002", frozenset({"10001", "10005"})),
        WorldTransition("21", "Ask the customer", "10003", frozenset({"10002"})),
        WorldTransition("31", "Customer answered", "10002", frozenset({"10003"})),
        WorldTransition("41", "Resolve", "10004", frozenset({"10001", "10002", "10003", "10005"}), ("resolution",)),
        WorldTransition("51", "Reopen", "10005", frozenset({"10004"})),
        WorldTransition("61", "Put back", "10001", frozenset({"10002"})),
    ),
)

SOFTWARE = Workflow(
    "software",
    "10011",
    (
        WorldTransition("111", "Start", "10012", frozenset({"10011"})),
        WorldTransition("121", "Block", "10013", frozenset({"10012"})),
        WorldTransition("131", "Unblock", "10012", frozenset({"10013"})),
        WorldTransition("141", "Review", "10014", frozenset({"10012"})),
        WorldTransition("151", "Back to work", "10012", frozenset({"10014"})),
        WorldTransition("161", "Close", "10015", frozenset({"10011", "10012", "10013", "10014"}), ("resolution",)),
        WorldTransition("171", "Reopen", "10011", frozenset({"10015"})),
        WorldTransition("181", "Put back", "10011", frozenset({"10012"})),
    ),
)

# Where people sit, and whose nationwide public holidays are kept there; working hours follow (`workday`).
TIME_ZONE = "Europe/Berlin"
OVERSEAS = {"g-search": "America/New_York"}
HOLIDAYS_OF = {"Europe/Berlin": "DE", "America/New_York": "US"}

ENGINEERS = ("Mara Lindqvist", "Tom Okafor", "Ines Duarte", "Pavel Novak", "Yuki Tanaka", "Sam Whitaker")
DEVELOPERS = {
    "g-payments": (
        "Amir Haddad",
        "Lena Brandt",
        "Carlos Mejia",
        "Priya Nair",
        "Jonas Vik",
        "Elif Demir",
        "Ruth Adeyemi",
    ),
    "g-search": (
        "Nina Kowalska",
        "Hugo Martin",
        "Wei Zhang",
        "Olga Petrenko",
        "David Cohen",
        "Sofia Rossi",
        "Ben Carter",
    ),
}


def empty_world(now: datetime) -> World:
    """A site without tickets. Tokens are fixed: they open nothing but this sandbox."""
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    return World(
        now=now,
        accounts={account.account_id: account for account in _accounts()},
        groups=dict(GROUPS),
        statuses={status.id: status for status in STATUSES},
        workflows={workflow.id: workflow for workflow in (SERVICE_DESK, SOFTWARE)},
        projects={project.key: project for project in _projects()},
        fields={entry.id: entry for entry in site_fields()},
        roles={project.key: _roles() for project in _projects()},
    )


def _accounts() -> list[Account]:
    def account(identity: str, name: str, groups: set[str], kind: str = "atlassian") -> Account:
        zone = next((OVERSEAS[group] for group in groups if group in OVERSEAS), TIME_ZONE)
        return Account(identity, f"{identity}@sandbox.example", name, f"sandbox-token-{identity}", kind, groups, zone)

    people = [
        account("agent", "Golden Path", {"g-ops-bots", "g-on-call"}),
        account("developer", "Dana Developer", {"g-payments"}),
        account("approver", "Alex Approver", {"g-approvers"}),
        account("outsider", "Otis Outsider", set()),
        account("oncall", "Oona Oncall", {"g-on-call"}),
        account("bot", "Queue Bot", set(), "app"),
    ]
    people += [account(_slug(name), name, {"g-ops"}) for name in ENGINEERS]
    people += [account(_slug(name), name, {group}) for group, names in DEVELOPERS.items() for name in names]
    return people


def _roles() -> dict[str, set[str]]:
    return {"Administrators": set(), OPERATIONS: {"g-ops", "g-ops-bots", "g-on-call"}}


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _projects() -> list[Project]:
    desk = ("Service Request", "Incident", "Question")
    board = ("Task", "Story", "Bug", "Incident", "Question", "Service Request")

    def portal(start: int) -> dict[str, str]:
        return {str(start + number): name for number, name in enumerate(REQUEST_TYPES)}

    return [
        Project("20001", "OPS", "DevOps service desk", "service_desk", "service-desk", desk, portal(101)),
        Project("20002", "DATA", "Data platform desk", "service_desk", "service-desk", desk, portal(201)),
        Project("20003", "PLAT", "Platform", "software", "software", board, {}),
        Project("20004", "WEB", "Web shop", "software", "software", board, {}),
    ]


def site_fields() -> list[WorldField]:
    """Jira's own fields, then the custom ones."""
    plain = {
        "summary": ("Summary", "string"),
        "description": ("Description", "string"),
        "issuetype": ("Issue Type", "issuetype"),
        "project": ("Project", "project"),
        "status": ("Status", "status"),
        "priority": ("Priority", "priority"),
        "resolution": ("Resolution", "resolution"),
        "reporter": ("Reporter", "user"),
        "creator": ("Creator", "user"),
        "assignee": ("Assignee", "user"),
        "created": ("Created", "datetime"),
        "updated": ("Updated", "datetime"),
        "resolutiondate": ("Resolved", "datetime"),
        "timespent": ("Time Spent", "number"),
    }
    fields = [
        WorldField(identity, name, {"type": kind, "system": identity}) for identity, (name, kind) in plain.items()
    ]
    fields += [
        WorldField(identity, name, {"type": "array", "items": items, "system": identity})
        for identity, name, items in (
            ("labels", "Labels", "string"),
            ("components", "Components", "component"),
        )
    ]
    fields.append(
        WorldField("comment", "Comment", {"type": "comments-page", "system": "comment"}),
    )
    return [*fields, *_custom_fields()]


def _custom_fields() -> list[WorldField]:
    number = int(REQUEST_TYPE_FIELD.removeprefix("customfield_"))
    schema = {
        "type": "sd-customerrequesttype",
        "custom": "com.atlassian.servicedesk:vp-origin",
        "customId": number,
    }
    fields = [WorldField(REQUEST_TYPE_FIELD, "Request Type", schema)]
    options = {
        "AWS region": ("eu-west-1", "eu-central-1", "us-east-1"),
        "Data class": ("internal", "confidential", "restricted"),
        "Environment": ("dev", "prod"),
        "Owning team": ("payments", "search"),
        "Size": ("small", "medium", "large"),
    }
    for identity, name in FORM_FIELDS.items():
        kind = "select" if name in options else "textfield"
        schema = {
            "type": "option" if kind == "select" else "string",
            "custom": f"com.atlassian.jira.plugin.system.customfieldtypes:{kind}",
            "customId": int(identity.removeprefix("customfield_")),
        }
        fields.append(WorldField(identity, name, schema, options.get(name, ())))
    for identity, name in SLA_FIELDS.items():
        number = int(identity.removeprefix("customfield_"))
        fields.append(
            WorldField(identity, name, {"type": "sd-servicelevelagreement", "custom": SLA_SCHEMA, "customId": number})
        )
    return fields

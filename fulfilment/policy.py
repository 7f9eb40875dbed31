"""What a site allows: frozen records that `agent.config` fills from `goldenpath.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any


class Mode(IntEnum):
    """How much a handler may do by itself; ordered, so that the effective mode is a `min`."""

    OFF = 0
    SHADOW = 1
    SUGGEST = 2
    SUPERVISED = 3
    AUTONOMOUS = 4

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Team:
    name: str
    groups: frozenset[str]
    organisations: frozenset[str] = frozenset()
    principals: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    secret_prefix: str = ""
    cost_centre: str = ""
    handlers: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Environment:
    """An AWS account that handlers may work in. `endpoint_url` is set only for a local AWS."""

    name: str
    account: str
    plan_role_arn: str
    apply_role_arn: str
    regions: tuple[str, ...]
    external_id: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class HandlerPolicy:
    """`settings` was validated by the handler's own Settings model. `approvers` are group ids."""

    name: str
    mode: Mode = Mode.OFF
    approvers: frozenset[str] = frozenset()
    fields: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything fulfilment needs to know of the site. `fields` of a handler maps a slot to a form field's name.

    `projects` maps a project key to the status name that a fulfilled ticket is moved to.
    A requester may have `requests_per_day` requests begun on one day (UTC).
    `queue_assignees` are accounts that count as "unassigned"; `intake_accounts` may file for others.
    """

    site: str
    projects: Mapping[str, str]
    teams: Mapping[str, Team]
    environments: Mapping[str, Environment]
    handlers: Mapping[str, HandlerPolicy]
    queue_assignees: frozenset[str] = frozenset()
    intake_accounts: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()
    maximum_age: timedelta = timedelta(days=30)
    approval_lifetime: timedelta = timedelta(days=5)
    comment_approvals: bool = True
    requests_per_day: int = 20

"""The tables of `goldenpath.toml`, each with its defaults and what is allowed."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

STORE_FOLDER = ".goldenpath"


class Table(BaseModel):
    """A table of the file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Jira(Table):
    """`email` is left out for a personal access token of Data Center; `api_url` is set for a token with scopes."""

    url: str
    email: str = ""
    token_file: Path | None = None
    token_expires: date | None = None
    api_url: str = ""
    projects: tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]+$")], ...] = Field(min_length=1)

    @field_validator("url", "api_url")
    @classmethod
    def _is_safe_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        is_loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
            raise ValueError("allowed: an https:// address (http:// only for a server on this machine)")
        if not parts.hostname or parts.username or parts.query:
            raise ValueError("allowed: scheme and host, like https://your-site.atlassian.net")
        return value.rstrip("/")


class Sync(Table):
    """How the store is kept equal to Jira. A census looks for what no search for changes can show."""

    census_hours: float = Field(default=24.0, gt=0, le=24 * 7, description="at least so often a census is taken")
    overlap_minutes: float = Field(
        default=10.0, ge=1, le=24 * 60, description="how late Jira's index may show a change"
    )
    in_flight: int = Field(default=8, ge=1, le=16, description="windows of a first sync that are read at once")


class ProjectTable(Table):
    """What becomes of a fulfilled ticket. `target_status`: the name of the status it is moved to."""

    target_status: str = "Done"


class Hours(Table):
    """Working hours, the same on each working day. Times are of the `time_zone`."""

    time_zone: str = "UTC"
    start: time = time(9)
    end: time = time(17)
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    holidays: tuple[date, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _is_known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("allowed: an IANA time zone, like Europe/Berlin")
        return value

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be later than start")
        return self


class Assumptions(Table):
    """What the figures in money and in hours saved assume; printed beside them."""

    hourly_cost: float = Field(default=75.0, ge=0, description="one hour of a waiting requester, in `currency`")
    currency: str = "USD"
    blocked_share: float = Field(default=0.3, ge=0, le=1, description="part of the waiting in which work stands still")
    minutes_per_ticket: float = Field(default=30.0, ge=0, description="hands-on minutes of ops, for types not listed")
    minutes: dict[str, float] = Field(default_factory=dict)


class AgentTable(Table):
    every_minutes: float = Field(default=5, gt=0, le=24 * 60)
    maximum_age_days: float = Field(default=30, gt=0)
    approval_days: float = Field(default=5, gt=0)
    queue_assignees: tuple[str, ...] = ()
    intake_accounts: tuple[str, ...] = ()
    bots: tuple[str, ...] = ()
    comment_approvals: bool = True


class TeamTable(Table):
    groups: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    principals: tuple[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$")], ...] = ()
    security_groups: tuple[str, ...] = ()
    secret_prefix: str = ""
    cost_centre: str = ""
    handlers: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


_ROLE = r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$"


class EnvironmentTable(Table):
    account: str = Field(pattern=r"^\d{12}$")
    plan_role_arn: str = Field(pattern=_ROLE)
    apply_role_arn: str = Field(pattern=_ROLE)
    regions: tuple[str, ...] = Field(min_length=1)
    external_id: str | None = None
    endpoint_url: str | None = None

    @model_validator(mode="after")
    def _has_two_roles(self) -> Self:
        if self.plan_role_arn == self.apply_role_arn:
            raise ValueError("plan_role_arn and apply_role_arn must differ: planning must not be able to write")
        for arn in (self.plan_role_arn, self.apply_role_arn):
            if f"::{self.account}:" not in arn:
                raise ValueError(f"{arn} is not in account {self.account}")
        return self


class HandlerTable(BaseModel):
    """`mode`, `approvers` and `fields`; every other key belongs to the handler's own Settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    mode: Literal["off", "shadow", "suggest", "supervised", "autonomous"] = "off"
    approvers: tuple[str, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)


class Store(Table):
    folder: Path = Path(STORE_FOLDER)

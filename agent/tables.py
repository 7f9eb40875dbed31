"""The tables of `goldenpath.toml`, each with its defaults and what is allowed."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tickets.adf import ACCOUNT_ID
from tickets.place import checked_url
from tickets.ticket import Clock

STORE_FOLDER = ".goldenpath"


class Table(BaseModel):
    """A table of the file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def is_loopback(host: str | None) -> bool:
    """Whether it names this machine."""
    return host in ("127.0.0.1", "localhost", "::1")


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
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
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


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHIFT = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})")
Shift = tuple[time, time]


def _read_shift(words: object) -> Shift:
    """`09:00-12:30`; one that ends at or before its beginning ends on the next day, and 24:00 is midnight."""
    found = _SHIFT.fullmatch(words.strip()) if isinstance(words, str) else None
    try:
        if found is None:
            raise ValueError
        opens, closes = (time.fromisoformat("00:00" if part == "24:00" else part.zfill(5)) for part in found.groups())
    except ValueError:
        raise ValueError(f"{words!r} is no shift; allowed: from and to, like 09:00-12:30") from None
    return opens, closes


Shifts = Annotated[tuple[Annotated[Shift, BeforeValidator(_read_shift)], ...], Field(description="from and to")]


@cache
def _zones() -> set[str]:
    """Kept: they are looked up in a tree of files each time."""
    return available_timezones()


class Hours(Table):
    """Working hours on the clock of `time_zone`: `start` to `end` on the `weekdays` (1 is Monday), or by weekday in
    `shifts`, several a day. `holidays_of` names a country, or a part of one, whose public holidays are free;
    `holidays` are further free dates, `half_days` dates with shifts of their own."""

    time_zone: str = "UTC"
    start: time = time(9)
    end: time = time(17)
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    shifts: dict[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], Shifts] = Field(
        default_factory=dict
    )
    holidays_of: str = ""
    holidays: tuple[date, ...] = ()
    half_days: dict[date, Shifts] = Field(default_factory=dict)

    @property
    def by_weekday(self) -> dict[int, tuple[Shift, ...]]:
        """Weekday (0 = Monday) → its shifts."""
        if self.shifts:
            return {_DAYS.index(day): shifts for day, shifts in self.shifts.items()}
        return {day - 1: ((self.start, self.end),) for day in self.weekdays}

    @field_validator("time_zone")
    @classmethod
    def _is_known_zone(cls, value: str) -> str:
        if value not in _zones():
            raise ValueError("allowed: an IANA time zone, like Europe/Berlin")
        return value

    @field_validator("holidays_of")
    @classmethod
    def _is_country(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", value):
            raise ValueError("allowed: two letters of a country, like DE, or with a part of it, like DE-BY")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be later than start")
        if self.shifts and (self.start, self.end, self.weekdays) != (time(9), time(17), (1, 2, 3, 4, 5)):
            raise ValueError("shifts stand instead of start, end and weekdays: leave those out")
        return self


class ClockTable(Table):
    """When a ticket starts and finishes, and what statuses mean. `start` and `finish` list classes (queue, active,
    requester, blocked, done) or names of statuses; `statuses` maps the names of statuses to classes."""

    start: tuple[str, ...] = Field(default=("active", "requester", "blocked"), min_length=1)
    finish: tuple[str, ...] = Field(default=("done",), min_length=1)
    statuses: dict[str, Clock] = Field(default_factory=dict)


class ClocksTable(ClockTable):
    """The rules of all projects, and under `projects` those of one project where they differ."""

    projects: dict[str, ClockTable] = Field(default_factory=dict)


class Assumptions(Table):
    """What the figures in money and in hours saved assume; printed beside them."""

    hourly_cost: float = Field(default=75.0, ge=0, description="one hour of a waiting requester, in `currency`")
    currency: str = "USD"
    blocked_share: float = Field(default=0.3, ge=0, le=1, description="part of the waiting in which work stands still")
    blocked_shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict, description="the same by priority, where it differs"
    )
    minutes_per_ticket: float = Field(default=30.0, ge=0, description="hands-on minutes of ops, for types not listed")
    minutes: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    capacity_hours: float | None = Field(
        default=None, gt=0, description="working hours of the whole ops team in a week; without it no TicketOps ratio"
    )


def duration(text: str) -> timedelta:
    """`90d` or `12w`. Raises ValueError naming what is allowed."""
    unit = {"d": 1, "w": 7}.get(text[-1:])
    number = text[:-1]
    # The length first: a number of thousands of digits is refused by int() with another error.
    if unit is None or not (number.isascii() and number.isdigit() and len(number) < 6):
        raise ValueError(f"{text!r} is not a duration; allowed: days or weeks, like 90d or 12w")
    if not 0 < int(number) * unit <= 36_500:
        raise ValueError(f"{text!r} is not a duration; allowed: days or weeks, like 90d or 12w")
    return timedelta(days=int(number) * unit)


class ReportTable(Table):
    """The top-3 report that `goldenpath run` writes to `folder`: every day, or every week on the `weekday` (1 is
    Monday), from `hour` on, on the clock of [calendar]."""

    folder: Path = Path("reports")
    every: Literal["day", "week"] = "week"
    weekday: int = Field(default=1, ge=1, le=7)
    hour: int = Field(default=7, ge=0, le=23)
    formats: tuple[Literal["text", "md", "html", "json"], ...] = Field(default=("html",), min_length=1)
    top: int = Field(default=3, ge=1, le=50)
    since: str = ""
    rank_by: Literal["waiting", "touch", "count"] = "waiting"

    @field_validator("since")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        if value:
            duration(value)
        return value

    @model_validator(mode="after")
    def _weekday_is_of_weeks(self) -> Self:
        if self.every == "day" and "weekday" in self.model_fields_set:
            raise ValueError('weekday is for every = "week": leave it out')
        return self


class AgentTable(Table):
    every_minutes: float = Field(default=5, gt=0, le=24 * 60)
    maximum_age_days: float = Field(default=30, gt=0)
    approval_days: float = Field(default=5, gt=0)
    queue_assignees: tuple[str, ...] = ()
    intake_accounts: tuple[str, ...] = ()
    bots: tuple[str, ...] = ()
    comment_approvals: bool = True
    lease_minutes: float = Field(default=10, ge=2, le=120)
    requests_per_day: int = Field(default=20, ge=1)


class TypesTable(Table):
    """How sure a predicted request type must be, and when a model is learned anew."""

    target: float = Field(default=0.02, gt=0, lt=0.5, description="at most so often may a predicted type be wrong")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="with which that must be proven")
    retrain_labels: int = Field(default=100, ge=1, description="so many new labels make the schedule learn anew")


class TeamTable(Table):
    groups: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    principals: tuple[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$")], ...] = ()
    security_groups: tuple[str, ...] = ()
    secret_prefix: str = ""
    cost_centre: str = ""
    calendar: str = ""
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


_MAIL_ADDRESS = r"^[A-Za-z0-9._%+=/-]{1,64}@[A-Za-z0-9.-]{1,190}$"


class MailTable(Table):
    """A mail server that takes our mails, by STARTTLS; without it only on this machine. `user` logs in with the
    password of `password_file` or of GOLDENPATH_ON_CALL_MAIL_PASSWORD."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    port: int = Field(default=587, ge=1, le=65535)
    sender: str = Field(alias="from", pattern=_MAIL_ADDRESS)
    to: tuple[Annotated[str, Field(pattern=_MAIL_ADDRESS)], ...] = Field(min_length=1, max_length=10)
    starttls: bool = True
    user: str = Field(default="", pattern=r"^[^\x00-\x1f\x7f]{0,200}$")
    password_file: Path | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if not self.starttls and not is_loopback(self.host):
            raise ValueError("starttls = false is for a server on this machine only")
        return self


class OnCallTable(Table):
    """Who is called when a person is needed. `accounts` are mentioned by a comment that only the team sees: internal in
    a service desk, elsewhere for the `group` (its id; on Data Center its name) or the project role `role` alone."""

    accounts: tuple[Annotated[str, Field(pattern=ACCOUNT_ID)], ...] = Field(default=(), max_length=5)
    label: str = Field(default="goldenpath-needs-person", pattern=r"^[A-Za-z0-9._:/-]{0,255}$")
    group: str = Field(default="", max_length=255)
    role: str = Field(default="", max_length=255)
    webhook_url: str = ""
    webhook_secret_file: Path | None = None
    mail: MailTable | None = None

    @field_validator("webhook_url")
    @classmethod
    def _is_safe_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        if not is_safe or not parts.hostname or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("allowed: an https:// address (http:// only for a server on this machine)")
        if parts.username or parts.password or parts.fragment or parts.port == 0:
            raise ValueError("allowed: an address without a user, a password or a fragment; a secret signs the call")
        return value

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.group and self.role:
            raise ValueError("group and role exclude each other: name the one whose members may see the comment")
        if not (self.accounts or self.webhook_url or self.mail):
            raise ValueError("it names nobody: set accounts, webhook_url or mail")
        if self.webhook_secret_file and not self.webhook_url:
            raise ValueError("webhook_secret_file needs webhook_url")
        return self

    @property
    def ways(self) -> tuple[str, ...]:
        """How a person is told, in the order in which it is tried."""
        labels = ("label",) if self.accounts and self.label else ()
        commented = ("comment",) if self.accounts else ()
        posted = ("webhook",) if self.webhook_url else ()
        return commented + labels + posted + (("mail",) if self.mail else ())


class Store(Table):
    """`folder` holds what is kept; with `database`, the address of a PostgreSQL, the tickets and the ledger are there
    instead, and `password_file` names a file with only its password. The head of the ledger is appended to
    `anchor_file` at the end of each cycle that wrote something."""

    folder: Path = Path(STORE_FOLDER)
    anchor_file: Path | None = None
    database: str = ""
    password_file: Path | None = None

    @field_validator("database")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return checked_url(value) if value else value

    @model_validator(mode="after")
    def _password_is_of_a_database(self) -> Self:
        if self.password_file is not None and not self.database:
            raise ValueError("password_file is for a database: set database, or leave it out")
        return self

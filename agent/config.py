"""`goldenpath.toml`: the settings of a site, read once, checked whole, refused with file and line.

Found like git finds its own: in this folder or the nearest one above; `GOLDENPATH_CONFIG` names another.
Any value can be overridden by a variable: `GOLDENPATH_AGENT__EVERY_MINUTES=2`. Secrets come by variable
(`GOLDENPATH_JIRA_TOKEN`, `GOLDENPATH_DATABASE_PASSWORD`) or by file reference (`jira.token_file`,
`store.password_file`), never from this file.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agent.errors import ConfigurationError
from agent.tables import (
    AgentTable,
    Assumptions,
    ClocksTable,
    EnvironmentTable,
    HandlerTable,
    Hours,
    Jira,
    OnCallTable,
    ProjectTable,
    ReportTable,
    Store,
    Sync,
    TeamTable,
    TypesTable,
)
from fulfilment.handler import Handler, discover
from fulfilment.policy import Environment, HandlerPolicy, Mode, Policy, Team
from tickets.place import Location, Place

FILE_NAME = "goldenpath.toml"
TICKETS_SCHEMA = "goldenpath_tickets"
LEDGER_SCHEMA = "goldenpath_ledger"
# Values that come by variable, and the key of the file that may hold each instead.
SECRETS = {
    "jira_token": "jira.token_file",
    "database_password": "store.password_file",
    "on_call_webhook_secret": "on_call.webhook_secret_file",
    "on_call_mail_password": "on_call.mail.password_file",
}


class Configuration(BaseSettings):
    """The whole file. `source` is where it was read, or None: then only what needs no Jira can run."""

    model_config = SettingsConfigDict(
        env_prefix="GOLDENPATH_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    jira: Jira | None = None
    jira_token: SecretStr | None = None
    database_password: SecretStr | None = None
    on_call: OnCallTable | None = None
    on_call_webhook_secret: SecretStr | None = None
    on_call_mail_password: SecretStr | None = None
    sync: Sync = Sync()
    projects: dict[str, ProjectTable] = Field(default_factory=dict)
    calendar: Hours = Hours()
    calendars: dict[str, Hours] = Field(default_factory=dict)
    clocks: ClocksTable = ClocksTable()
    assumptions: Assumptions = Assumptions()
    agent: AgentTable = AgentTable()
    types: TypesTable = TypesTable()
    report: ReportTable | None = None
    store: Store = Store()
    teams: dict[str, TeamTable] = Field(default_factory=dict)
    environments: dict[str, EnvironmentTable] = Field(default_factory=dict)
    handlers: dict[str, HandlerTable] = Field(default_factory=dict)
    source: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables over the file; nothing else."""
        return env_settings, init_settings

    @property
    def root(self) -> Path:
        return self.source.parent if self.source else Path.cwd()

    @property
    def folder(self) -> Path:
        """Where the stores live; relative paths are relative to the file."""
        return self.root / self.store.folder

    @property
    def anchor_file(self) -> Path | None:
        """Where the ledger is anchored; a relative path is relative to the file."""
        return None if self.store.anchor_file is None else self.root / self.store.anchor_file

    @property
    def store_place(self) -> Location:
        """Where the tickets are kept."""
        return self._place("tickets.sqlite3", TICKETS_SCHEMA)

    @property
    def ledger_place(self) -> Location:
        return self._place("ledger.sqlite3", LEDGER_SCHEMA)

    def _place(self, file: str, schema: str) -> Location:
        if self.store.database:
            return Place(self.store.database, schema, self.read_database_password())
        return self.folder / file

    def team_groups(self) -> tuple[str, ...]:
        """The Jira groups of all teams, each once, in the order of the file."""
        return tuple(dict.fromkeys(group for team in self.teams.values() for group in team.groups))

    def require_jira(self) -> Jira:
        if self.jira is None:
            raise ConfigurationError(
                f"no Jira is configured: there is no {FILE_NAME} in {self.root} or above. "
                "`goldenpath init` writes one; `goldenpath demo` needs none."
            )
        return self.jira

    def read_token(self) -> str:
        """The API token, from the variable or the file; never from the configuration itself."""
        jira = self.require_jira()
        if self.jira_token is not None:
            return self.jira_token.get_secret_value()
        if jira.token_file is None:
            raise ConfigurationError(
                f"no API token for {jira.email or jira.url}: set GOLDENPATH_JIRA_TOKEN, or jira.token_file in "
                f"{self.source} to a file that holds only the token"
            )
        return self._read_secret("jira.token_file", jira.token_file, "token")

    def read_database_password(self) -> str | None:
        """From the variable or the file; None: libpq looks where it always does."""
        if self.database_password is not None:
            return self.database_password.get_secret_value()
        if self.store.password_file is None:
            return None
        return self._read_secret("store.password_file", self.store.password_file, "password")

    def webhook_secret(self) -> str:
        """What signs our calls, empty where none is configured. Raises ConfigurationError."""
        if self.on_call_webhook_secret is not None:
            return self.on_call_webhook_secret.get_secret_value()
        file = self.on_call.webhook_secret_file if self.on_call else None
        return self._read_secret("on_call.webhook_secret_file", file, "secret") if file else ""

    def mail_password(self) -> str:
        """Of the mail server's user, empty where none is configured. Raises ConfigurationError."""
        if self.on_call_mail_password is not None:
            return self.on_call_mail_password.get_secret_value()
        file = self.on_call.mail.password_file if self.on_call and self.on_call.mail else None
        return self._read_secret("on_call.mail.password_file", file, "password") if file else ""

    def _read_secret(self, key: str, file: Path, what: str) -> str:
        """All that the file holds. Raises ConfigurationError."""
        path = self.root / file
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not a text file"
            raise ConfigurationError(f"{key} {path} cannot be read: {reason}") from None
        if not secret:
            raise ConfigurationError(f"{key} {path} is empty; it must hold the {what}")
        return secret


def find(start: Path | None = None) -> Path | None:
    """The file in force: `GOLDENPATH_CONFIG`, else the nearest `goldenpath.toml` from `start` upwards."""
    if named := os.environ.get("GOLDENPATH_CONFIG"):
        return Path(named)
    here = (start or Path.cwd()).resolve()
    return next((folder / FILE_NAME for folder in (here, *here.parents) if (folder / FILE_NAME).is_file()), None)


def load(path: Path | None = None) -> Configuration:
    """Reads and checks the configuration. No file at all gives the defaults, without a Jira.

    Raises ConfigurationError naming every wrong key with its line and what is allowed.
    """
    path = path or find()
    if path is None:
        return _checked({}, None, "")
    path = path.resolve()
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} does not exist; `goldenpath init` writes a {FILE_NAME} to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from None
    for secret, key in {**SECRETS, "source": SECRETS["jira_token"]}.items():
        if secret in raw:
            variable = f"GOLDENPATH_{(secret if secret in SECRETS else 'jira_token').upper()}"
            raise ConfigurationError(
                f"{path}:{_line_of(text, (secret,))}: {secret} is not allowed in the file; use {variable} or {key}"
            )
    configuration = _checked(raw, path, text)
    build_policy(configuration, text=text)
    return configuration


def build_policy(configuration: Configuration, *, text: str = "") -> Policy:
    """What fulfilment may know of the site; names that point nowhere are refused with file and line."""
    _check_references(configuration, text)
    agent = configuration.agent
    jira = configuration.jira
    projects = jira.projects if jira else ()
    known = discover()
    return Policy(
        site=(urlsplit(jira.url).hostname or "") if jira else "",
        projects={key: configuration.projects.get(key, ProjectTable()).target_status for key in projects},
        teams={
            name: Team(
                name=name,
                groups=frozenset(team.groups),
                organisations=frozenset(team.organisations),
                principals=team.principals,
                security_groups=team.security_groups,
                secret_prefix=team.secret_prefix,
                cost_centre=team.cost_centre,
                handlers=frozenset(team.handlers),
                environments=frozenset(team.environments),
            )
            for name, team in configuration.teams.items()
        },
        environments={
            name: Environment(
                name=name,
                account=table.account,
                plan_role_arn=table.plan_role_arn,
                apply_role_arn=table.apply_role_arn,
                regions=table.regions,
                external_id=table.external_id,
                endpoint_url=table.endpoint_url,
            )
            for name, table in configuration.environments.items()
        },
        handlers={
            name: HandlerPolicy(
                name=name,
                mode=Mode[table.mode.upper()],
                approvers=frozenset(table.approvers),
                fields=table.fields,
                settings=_settings(known[name], table, configuration, text).model_dump(),
            )
            for name, table in configuration.handlers.items()
        },
        queue_assignees=frozenset(agent.queue_assignees),
        intake_accounts=frozenset(agent.intake_accounts),
        bots=frozenset(agent.bots),
        maximum_age=timedelta(days=agent.maximum_age_days),
        approval_lifetime=timedelta(days=agent.approval_days),
        comment_approvals=agent.comment_approvals,
        requests_per_day=agent.requests_per_day,
    )


def _check_references(configuration: Configuration, text: str) -> None:
    known = discover()
    projects = configuration.jira.projects if configuration.jira else ()

    def refuse(path: tuple[str, ...], value: str, what: str, allowed: list[str]) -> None:
        where = f"{configuration.source}:{_line_of(text, path)}" if configuration.source else "the configuration"
        listed = ", ".join(sorted(allowed)) or "none is configured"
        raise ConfigurationError(f"{where}: {'.'.join(path)}: unknown {what} {value!r}; allowed: {listed}")

    for name in configuration.handlers:
        if name not in known:
            refuse(("handlers", name), name, "handler", list(known))
        slots = known[name].Parameters.model_fields
        for slot in configuration.handlers[name].fields:
            if slot not in slots:
                refuse(("handlers", name, "fields", slot), slot, "parameter", list(slots))
    for key in configuration.projects:
        if key not in projects:
            refuse(("projects", key), key, "project", list(projects))
    for key in configuration.clocks.projects:
        if projects and key not in projects:
            refuse(("clocks", "projects", key), key, "project", list(projects))
    for team_name, team in configuration.teams.items():
        if team.calendar and team.calendar not in configuration.calendars:
            refuse(("teams", team_name, "calendar"), team.calendar, "calendar", list(configuration.calendars))
        for handler in team.handlers:
            if handler not in known:
                refuse(("teams", team_name, "handlers"), handler, "handler", list(known))
        for environment in team.environments:
            if environment not in configuration.environments:
                refuse(
                    ("teams", team_name, "environments"),
                    environment,
                    "environment",
                    list(configuration.environments),
                )


def _settings(handler: type[Handler], table: HandlerTable, configuration: Configuration, text: str) -> BaseModel:
    try:
        return handler.Settings.model_validate(table.model_extra or {})
    except ValidationError as error:
        raise _refusal(error, configuration.source, text, ("handlers", handler.name)) from None


def _checked(raw: dict[str, Any], path: Path | None, text: str) -> Configuration:
    try:
        return Configuration(**raw, source=path)
    except ValidationError as error:
        raise _refusal(error, path, text, ()) from None


def _refusal(error: ValidationError, path: Path | None, text: str, prefix: tuple[str, ...]) -> ConfigurationError:
    """One line for each wrong key: file, line, key, what is wrong."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        keys = (*prefix, *(str(part) for part in problem["loc"]))
        if problem["type"] == "extra_forbidden":
            message = "unknown key" + _allowed(keys)
        elif problem["type"] == "missing":
            message = "is missing"
        else:
            message = problem["msg"].removeprefix("Value error, ")
        where = f"{path}:{_line_of(text, keys)}" if path else "GOLDENPATH_ variables"
        lines.append(f"{where}: {'.'.join(keys)}: {message}")
    return ConfigurationError("\n".join(lines))


def _allowed(keys: tuple[str, ...]) -> str:
    """The keys allowed beside a wrong one, where a table of ours is behind it."""
    model: Any = Configuration
    for part in keys[:-1]:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            continue
        annotation = fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    names = [field.alias or name for name, field in model.model_fields.items() if name not in ("source", *SECRETS)]
    return f"; allowed: {', '.join(names)}"


_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-.])+)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_\-]+)""")


def _line_of(text: str, keys: tuple[str, ...]) -> int:
    """The line (from 1) that sets the longest known prefix of `keys`; 1 when none does."""
    best, best_length = 1, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            found = table
        elif assignment := _KEY.match(line):
            found = (*table, *("".join(parts) for parts in _PART.findall(assignment[1])))
        else:
            continue
        if found == keys[: len(found)] and len(found) > best_length:
            best, best_length = number, len(found)
    return best

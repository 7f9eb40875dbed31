"""What a check of the doctor gets and gives: the visit, with what was found out so far, and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Literal, Self

from agent.config import Configuration, build_policy
from fulfilment.policy import Mode, Policy
from tickets.jira_client import JiraClient, JiraSettings
from tickets.jira_pace import Pace
from tickets.jira_records import ProjectFacts
from tickets.ticket import Person

# A doctor that waits is no doctor: seconds, and tries of a read.
CONNECT, READ, PATIENCE, TRIES = 4.0, 10.0, 5.0, 2


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """`sentence` says what is; `cure` what to do about it, empty where nothing is to be done."""

    name: str
    result: Health
    sentence: str
    cure: str = ""


def ok(name: str, sentence: str) -> Finding:
    return Finding(name, Health.OK, sentence)


def warning(name: str, sentence: str, cure: str) -> Finding:
    return Finding(name, Health.WARNING, sentence, cure)


def problem(name: str, sentence: str, cure: str) -> Finding:
    return Finding(name, Health.PROBLEM, sentence, cure)


def skipped(name: str, sentence: str) -> Finding:
    return Finding(name, Health.SKIPPED, sentence)


Needed = Literal[
    "nothing", "a configuration", "a Jira in the configuration", "a token", "an answer from Jira", "a log-in"
]


@dataclass
class Visit:
    """What the checks have found out, each for those after it. `now` is this machine's clock.

    `account` is set once Jira has accepted the log-in, `visible` when it listed the projects, `resolving` are the
    projects whose transition to the target status asks for a resolution, `untold` those where that is not known;
    `granted` are the account's permissions by project, empty where Jira does not tell them.
    """

    now: Callable[[], datetime]
    has_token: bool = False
    is_answering: bool = False
    account: Person | None = None
    visible: dict[str, ProjectFacts] = field(default_factory=dict)
    resolving: set[str] = field(default_factory=set)
    untold: set[str] = field(default_factory=set)
    granted: dict[str, dict[str, bool]] = field(default_factory=dict)
    _configuration: Configuration | None = None
    _policy: Policy | None = None
    _client: JiraClient | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def take(self, configuration: Configuration) -> None:
        self._policy = build_policy(configuration)
        self._configuration = configuration

    @property
    def configuration(self) -> Configuration:
        if self._configuration is None:
            raise RuntimeError("a check that needs the configuration ran without it")
        return self._configuration

    @property
    def policy(self) -> Policy:
        if self._policy is None:
            raise RuntimeError("a check that needs the configuration ran without it")
        return self._policy

    @property
    def client(self) -> JiraClient:
        """Opened on first use, without asking anything yet. Raises TicketsError for a token that cannot be one."""
        if self._client is None:
            jira = self.configuration.require_jira()
            settings = JiraSettings(
                url=jira.url,
                email=jira.email,
                token=self.configuration.read_token(),
                api_url=jira.api_url,
                connect_timeout=CONNECT,
                read_timeout=READ,
            )
            self._client = self._stack.enter_context(JiraClient(settings, pace=Pace(patience=PATIENCE, tries=TRIES)))
        return self._client

    @property
    def who(self) -> str:
        """The account in a sentence."""
        return self.account.name if self.account else self.client.settings.who

    @property
    def mode(self) -> Mode:
        """The highest mode of any handler."""
        return max((handler.mode for handler in self.policy.handlers.values()), default=Mode.OFF)

    def seen_projects(self) -> Iterator[str]:
        """The configured projects that the account sees, in their order."""
        return (key for key in self.policy.projects if key in self.visible)

    def lacks(self, needed: Needed) -> str | None:
        """What is missing for a check with this need."""
        has: dict[Needed, bool] = {
            "nothing": True,
            "a configuration": self._configuration is not None,
            "a Jira in the configuration": self._configuration is not None and self._configuration.jira is not None,
            "a token": self.has_token,
            "an answer from Jira": self.is_answering,
            "a log-in": self.account is not None,
        }
        # Each stands on those before it: the first that is missing is the reason.
        upto = list(has)[: list(has).index(needed) + 1]
        return next((one for one in upto if not has[one]), None)


@dataclass(frozen=True, slots=True)
class Check:
    """`cure` stands beside an error that the check ends with."""

    name: str
    run: Callable[[Visit], Iterator[Finding]]
    needs: Needed = "nothing"
    cure: str = ""

"""Wiring: the one place that knows which part is given to which. Everything else receives what it needs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agent.config import Configuration, build_policy
from agent.errors import AgentError, ConfigurationError
from agent.replies import AdfReplies
from fulfilment import executor
from fulfilment.clients import Workshop
from fulfilment.engine import Engine
from fulfilment.handler import Handler, discover
from fulfilment.identity import request_identity
from fulfilment.ledger import Ledger
from fulfilment.policy import Policy
from fulfilment.schema import is_there as is_ledger
from tickets.jira_client import JiraClient, JiraSettings
from tickets.schema import is_there as is_store
from tickets.store import TicketStore

MODEL_FOLDER = "model"
HISTORY_FOLDER = "history"
SECRET_FILE = "installation-secret"  # noqa: S105 - a file's name


@dataclass(frozen=True)
class Rooms:
    """A running installation: every part wired to the others."""

    configuration: Configuration
    policy: Policy
    store: TicketStore
    ledger: Ledger
    client: JiraClient
    engine: Engine
    handlers: dict[str, Handler]


def has_store(configuration: Configuration) -> bool:
    """Whether there are tickets yet. Raises StoreError where that cannot be told."""
    return is_store(configuration.store_place)


def has_ledger(configuration: Configuration) -> bool:
    """Whether there is a ledger yet. Raises LedgerError where that cannot be told."""
    return is_ledger(configuration.ledger_place)


def history_folder(configuration: Configuration) -> Path:
    return configuration.folder / HISTORY_FOLDER


def model_folder(configuration: Configuration) -> Path:
    return configuration.folder / MODEL_FOLDER


@contextmanager
def open_store(configuration: Configuration, *, must_exist: bool = False) -> Iterator[TicketStore]:
    """The ticket store alone: all that `import` and `report` need."""
    place = configuration.store_place
    if must_exist and not is_store(place):
        raise AgentError(
            f"there are no tickets yet: {place} does not exist. `goldenpath sync` fetches them from Jira, "
            "`goldenpath import FILE` reads an export."
        )
    _make_folder(configuration.folder)
    with TicketStore.open(place) as store:
        yield store


@contextmanager
def open_ledger(configuration: Configuration, *, must_exist: bool = False) -> Iterator[Ledger]:
    place = configuration.ledger_place
    if must_exist and not is_ledger(place):
        raise AgentError(f"there is no ledger yet: {place} does not exist; `goldenpath once` starts one")
    _make_folder(configuration.folder)
    with Ledger.open(place, lease_time=timedelta(minutes=configuration.agent.lease_minutes)) as ledger:
        yield ledger


def connect(configuration: Configuration) -> JiraClient:
    """A client whose account has been checked. Raises TicketsError with the way out."""
    jira = configuration.require_jira()
    settings = JiraSettings(url=jira.url, email=jira.email, token=configuration.read_token(), api_url=jira.api_url)
    client = JiraClient(settings)
    client.check()
    return client


def check_fields(policy: Policy, known: Collection[str], configuration: Configuration) -> None:
    """Raises ConfigurationError where a handler names a form field that the site does not have."""
    names = {name.casefold() for name in known}
    for handler in policy.handlers.values():
        for slot, name in handler.fields.items():
            if name.casefold() not in names:
                raise ConfigurationError(
                    f"{configuration.source}: handlers.{handler.name}.fields.{slot}: this Jira has no field {name!r}, "
                    f"or the account may not see it; allowed: {', '.join(sorted(known))}"
                )


def build_handlers(policy: Policy) -> dict[str, Handler]:
    """The handlers that the configuration names, each with its validated settings."""
    known = discover()
    return {
        name: known[name](known[name].Settings.model_validate(dict(entry.settings)))
        for name, entry in policy.handlers.items()
    }


@contextmanager
def open_rooms(configuration: Configuration, *, is_stopping: Callable[[], bool] = lambda: False) -> Iterator[Rooms]:
    """The whole installation, closed again at the end. Once `is_stopping`, no further step is begun."""
    policy = build_policy(configuration)
    with ExitStack() as stack:
        client = stack.enter_context(connect(configuration))
        check_fields(policy, client.catalogue().custom.values(), configuration)
        store = stack.enter_context(open_store(configuration))
        ledger = stack.enter_context(open_ledger(configuration))
        yield assemble(configuration, client, store, ledger, Workshop(policy.environments), is_stopping=is_stopping)


def assemble(
    configuration: Configuration,
    client: JiraClient,
    store: TicketStore,
    ledger: Ledger,
    workshop: executor.Workshop,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Rooms:
    """An installation of parts that are open already, and that stay the caller's."""
    policy = build_policy(configuration)
    secret = installation_secret(configuration.folder)
    require_own(ledger, secret, configuration)
    handlers = build_handlers(policy)
    engine = Engine(
        ledger=ledger,
        desk=client,
        replies=AdfReplies(),
        handlers=handlers,
        policy=policy,
        workshop=workshop,
        secret=secret,
        is_stopping=is_stopping,
    )
    return Rooms(configuration, policy, store, ledger, client, engine, handlers)


def installation_secret(folder: Path) -> bytes:
    """The key of this installation's request identities: made once, readable by its owner only.

    Losing it makes resources of open requests look like somebody else's, so it is never made anew beside a ledger.
    """
    path = folder / SECRET_FILE
    if path.exists():
        value = path.read_bytes()
        if len(value) != 32:
            raise AgentError(f"{path} is damaged: it must hold 32 bytes; restore it from a backup")
        return value
    _make_folder(folder)
    value = secrets.token_bytes(32)
    partial = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)  # fails where another process was first: then theirs counts
    except FileExistsError:
        return installation_secret(folder)
    finally:
        partial.unlink()
    return value


def own_secret(ledger: Ledger, configuration: Configuration) -> bytes:
    """The secret with which the ledger was begun; none is made. Raises AgentError where it is missing or another."""
    path = configuration.folder / SECRET_FILE
    if not path.exists():
        raise AgentError(f"{path} is missing: restore it from a backup; a first `goldenpath once` makes it")
    secret = installation_secret(configuration.folder)
    require_own(ledger, secret, configuration)
    return secret


def require_own(ledger: Ledger, secret: bytes, configuration: Configuration) -> None:
    """Raises AgentError where the ledger was begun with another installation secret: what was made for its requests
    would look like somebody else's."""
    first = ledger.first()
    if first is None:
        return
    own = request_identity(
        secret, site=first.site, ticket_id=first.ticket_id, handler=first.handler, generation=first.generation
    )
    if own != first.id:
        raise AgentError(
            f"{configuration.folder / SECRET_FILE} is not the one with which the ledger {configuration.ledger_place} "
            "was begun: restore it from a backup, or copy it from the folder of the other agent on this ledger"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AgentError(f"the store's folder {folder} cannot be made: {error.strerror}") from None

"""The doctor's look at what is on this machine, and at AWS."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from os import W_OK, access

from agent import bootstrap
from agent.visit import Check, Finding, Visit, ok, problem, warning
from fulfilment.clients import Workshop
from fulfilment.errors import FulfilmentError
from fulfilment.policy import Environment, Mode
from tickets import postgresql
from tickets.place import Location, Place

TOKEN_LIFE = timedelta(days=365)
WARN_BEFORE = timedelta(days=30)
FEW_BYTES, TOO_FEW_BYTES = 1 << 30, 100 << 20
BUSY_SECONDS = 3.0
AWS_CONNECT, AWS_READ = 2.0, 5.0
SET_EXPIRY = "set jira.token_expires in goldenpath.toml to the day that the token's page names"


def token(visit: Visit) -> Iterator[Finding]:
    """It can be read, and when it expires."""
    settings, jira = visit.client.settings, visit.configuration.require_jira()
    visit.has_token = True
    if jira.token_expires is not None:
        yield _expiry(visit, jira.token_expires, "it expires on")
        return
    written = None if jira.token_file is None or visit.configuration.jira_token is not None else jira.token_file
    if written is None or settings.is_bearer:  # a personal access token may live for ever
        yield warning("token", "it can be read; when it expires is not known here", SET_EXPIRY)
        return
    written_at = datetime.fromtimestamp((visit.configuration.root / written).stat().st_mtime, UTC)
    yield _expiry(visit, (written_at + TOKEN_LIFE).date(), "by the age of its file it expires at the latest on")


def _expiry(visit: Visit, day: date, said: str) -> Finding:
    left = day - visit.now().date()
    renew = f"make a new one at {visit.client.settings.token_page}; then {SET_EXPIRY}"
    if left < timedelta():
        return problem("token", f"{said.replace('expires', 'expired')} {day}", renew)
    if left < WARN_BEFORE:
        return warning("token", f"{said} {day}, in {left.days} days", renew)
    return ok("token", f"it can be read; {said} {day}, in {left.days} days")


def folder(visit: Visit) -> Iterator[Finding]:
    """The place of the stores: there or to be made, writable, with room."""
    wanted = visit.configuration.folder
    there = next(place for place in (wanted, *wanted.resolve().parents) if place.exists())
    if not there.is_dir() or not access(there, W_OK):
        yield problem(
            "folder",
            f"{wanted} cannot be written by this user",
            "give the user who runs Golden Path the right to write there, or set store.folder",
        )
        return
    free = shutil.disk_usage(there).free
    room = f"{wanted}: {free / (1 << 30):,.1f} GiB are free"
    if free < FEW_BYTES:
        told = problem if free < TOO_FEW_BYTES else warning
        yield told("folder", room, "free some space: a full disk stops the sync and the ledger")
    else:
        yield ok("folder", room)


def ticket_store(visit: Visit) -> Iterator[Finding]:
    if not bootstrap.has_store(visit.configuration):
        yield ok("ticket store", "there is none yet; `goldenpath sync` or `goldenpath import FILE` makes it")
        return
    yield from _held(visit.configuration.store_place, "ticket store")
    with bootstrap.open_store(visit.configuration) as store:
        facts = store.facts()
    last = f"{facts.last_sync_at:%Y-%m-%d %H:%M} UTC" if facts.last_sync_at else "never"
    yield ok("ticket store", f"{facts.tickets:,} tickets, the last complete sync was {last}")


def ledger(visit: Visit) -> Iterator[Finding]:
    if not bootstrap.has_ledger(visit.configuration):
        yield ok("ledger", "there is none yet; `goldenpath once` starts it")
        return
    yield from _held(visit.configuration.ledger_place, "ledger")
    with bootstrap.open_ledger(visit.configuration) as opened:
        found = opened.verify()
    if found.broken_at is None:
        yield ok("ledger", f"its chain is whole: {found.rows:,} rows")
    else:
        yield problem(
            "ledger",
            f"its chain is broken at row {found.broken_at:,} of {found.rows:,}: {found.why}",
            "stop the agent, keep the file or database as it is for whoever looks into it, and restore the last good "
            "backup",
        )


def _held(place: Location, name: str) -> Iterator[Finding]:
    """A finding only when it cannot be written now. Takes the write lock and gives it back."""
    if isinstance(place, Place):
        yield from _held_in_postgres(place, name)
        return
    try:
        with closing(sqlite3.connect(f"{place.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as file:
            file.isolation_level = None
            file.execute("BEGIN IMMEDIATE")
            file.execute("ROLLBACK")
    except sqlite3.Error as error:
        said = str(error)
        if "locked" in said:
            yield warning(name, f"another process has been writing it for {BUSY_SECONDS:.0f} s", "see what it is doing")
        else:
            yield problem(name, f"{place} cannot be written: {said}", "check the file's owner, its rights and the disk")


def _held_in_postgres(place: Place, name: str) -> Iterator[Finding]:
    server = postgresql.look(place, busy=timedelta(seconds=BUSY_SECONDS))
    if server.is_locked:
        yield warning(name, f"another process has been writing it for {BUSY_SECONDS:.0f} s", "see what it is doing")
    if server.is_read_only:
        yield problem(name, f"{place} cannot be written: its server only lets it be read", "name the primary server")
    if not server.is_durable:
        yield problem(
            name, f"the server of {place} does not write durably (fsync is off)", "switch fsync on in postgresql.conf"
        )


def aws(visit: Visit) -> Iterator[Finding]:
    """The roles of each environment, all environments at once: an address that does not answer costs seconds."""
    environments = list(visit.policy.environments.values())
    if not environments:
        return
    with ThreadPoolExecutor(max_workers=min(8, len(environments))) as pool:
        yield from pool.map(partial(_identity, is_applying=visit.mode >= Mode.SUPERVISED), environments)


def _identity(environment: Environment, *, is_applying: bool) -> Finding:
    name = f"aws {environment.name}"
    workshop = Workshop({environment.name: environment}, connect_timeout=AWS_CONNECT, read_timeout=AWS_READ)
    try:
        workshop.check_planning(environment.name)
        if is_applying:
            workshop.executor(environment.name, ticket="doctor", request="doctor", operations=())
    except FulfilmentError as error:
        return problem(
            name,
            str(error),
            f"see environments.{environment.name}: account, roles, external_id, and the credentials in use",
        )
    roles = "the planning and the applying role stand" if is_applying else "the planning role stands"
    return ok(name, f"{roles} in account {environment.account}")


TOKEN = Check("token", token, "a Jira in the configuration", "see docs/what-the-account-needs.md")
HERE: tuple[Check, ...] = (
    Check("folder", folder, "a configuration", "set store.folder to a folder that can be used"),
    Check("ticket store", ticket_store, "a configuration", "restore it, or move the file away and sync again"),
    Check("ledger", ledger, "a configuration", "restore it from its last good backup"),
    Check("aws", aws, "a configuration", "see docs/switching-a-path-on.md"),
)

"""The stored queue, measured: which log, which clocks and calendars, whose team. What `flow`, `report` and `savings`
and the pages share."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from agent import bootstrap, model
from agent.config import Configuration
from agent.errors import AgentError, ConfigurationError
from agent.said import Said, said_at, told_mark
from agent.tables import ClockTable, Hours
from tickets.errors import StoreError
from tickets.store import StoreFacts, TicketStore
from tickets.ticket import Classification, RequestType, Status, Ticket

if TYPE_CHECKING:
    import pandas as pd

    from analytics.calendars import BusinessCalendar
    from analytics.clocks import Clocks, Rules
    from analytics.cost import Assumptions
    from analytics.flow import People, Walk
    from analytics.frames import Log

# Around the tickets' time, so that no instant at its edges falls out of a calendar.
MARGIN = timedelta(days=7)
# Before, there was no ticket system: such a date stands for one that is missing.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

notes = logging.getLogger("goldenpath.measuring")


@dataclass(frozen=True, slots=True)
class Measured:
    """Every ticket of the store, walked. `table` is the walk's, with the types that the model predicted where none was
    given; `types` has an entry for each of its rows, `kinds` is the site's own
    catalogue of types."""

    facts: StoreFacts
    as_of: datetime
    walk: Walk
    table: pd.DataFrame
    types: list[Classification | None]
    kinds: Mapping[str, RequestType]


def measure_store(configuration: Configuration, store: TicketStore, *, may_train: bool = False) -> Measured:
    """Raises AgentError where there are no tickets, ConfigurationError for a calendar that cannot be.

    `may_train` lets it train and store a model where there is none yet.
    """
    from analytics import flow

    facts = store.facts()
    if not facts.tickets:
        raise AgentError("the ticket store is empty: `goldenpath sync` or `goldenpath import FILE` fills it")
    # A ticket that claims to be of tomorrow must not move what is measured there.
    newest = min(filter(None, (facts.newest, datetime.now(UTC))))
    as_of = max(filter(None, (facts.last_sync_at, newest)))
    statuses = store.statuses()
    log, tickets = _read(configuration, store, statuses)
    log = _plausible(log)
    first = (max(facts.oldest or as_of, EARLIEST) - MARGIN).date()
    walk = flow.walk(
        log,
        clocks=clocks_of(configuration, statuses),
        calendar=calendar_of(configuration.calendar, "calendar", first, as_of),
        now=as_of,
        people=people_of(configuration, store, first, as_of),
    )
    table = walk.tickets()
    said = said_at(configuration)
    types = _types(configuration, store, table, tickets, said, may_train=may_train)
    table["type"] = _categories(types)
    return Measured(facts, as_of, walk, table, types, said.kinds)


def keep_measured(configuration: Configuration, store: TicketStore) -> bool:
    """Measures the history and keeps the table beside it for the pages, where what is kept is of another history or
    configuration; whether it did. Raises AgentError where it cannot be kept."""
    from analytics.catalogue import kind_of
    from analytics.kept import keep, kept

    folder = bootstrap.history_folder(configuration)
    mark = mark_of(configuration, store)
    if mark is None or kept(folder, mark=mark):
        return False
    measured = measure_store(configuration, store)
    requests = [
        name for name in measured.table["type"].cat.categories if kind_of(str(name), measured.kinds) == "request"
    ]
    table = measured.table.assign(is_request=measured.table["type"].isin(requests))
    try:
        keep(table, folder, mark=mark, as_of=measured.as_of)
    except OSError as error:
        raise AgentError(f"the measured table cannot be kept in {folder}: {error.strerror or error}") from None
    return True


def mark_of(configuration: Configuration, store: TicketStore) -> str | None:
    """Names the history and all that its figures depend on; None where there is no history that is up to date."""
    from tickets.history import generation

    folder = bootstrap.history_folder(configuration)
    try:
        made = generation(folder) if folder.exists() else None
    except StoreError:
        return None  # whoever reads the figures is told
    if made is None or store.book.dirty_partitions():
        return None
    manifest = bootstrap.model_folder(configuration) / "manifest.json"
    model_hash = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else ""
    told = configuration.model_dump_json(include={"calendar", "calendars", "clocks", "teams", "agent"})
    told += told_mark(configuration)
    members = sorted((group, sorted(accounts)) for group, accounts in store.members().items())
    return hashlib.sha256(f"{made} {told} {members} {store.statuses()} {model_hash}".encode()).hexdigest()


def _plausible(log: Log) -> Log:
    """Without tickets whose creation stands for a missing date; they are told."""
    kept, lost = log.created_since(EARLIEST)
    if lost:
        told = ", ".join(lost[:3])
        notes.warning("%d tickets say they were created before 1990 and count in no figure: %s", len(lost), told)
    return kept


def clocks_of(configuration: Configuration, statuses: Collection[Status]) -> Clocks:
    from analytics.clocks import Clocks

    table = configuration.clocks
    projects = {key: _rules(own, table) for key, own in table.projects.items()}
    return Clocks(statuses, rules=_rules(table, table), projects=projects)


def calendar_of(hours: Hours, name: str, first: date, as_of: datetime) -> BusinessCalendar:
    """Those working hours from `first` to a margin after `as_of`. Raises ConfigurationError, naming the table."""
    from analytics.calendars import BusinessCalendar, public_holidays

    last = (as_of + MARGIN).date()
    country, _, part = hours.holidays_of.partition("-")
    try:
        free = public_holidays(country, part or None, first, last) if country else {}
        holidays = {*free, *hours.holidays} - set(hours.half_days)
        return BusinessCalendar(hours.time_zone, hours.by_weekday, holidays, first, last, days=hours.half_days)
    except ValueError as error:
        raise ConfigurationError(f"{configuration_place(name)}: {error}") from None


def configuration_place(name: str) -> str:
    return f"[{name}] in goldenpath.toml"


def people_of(configuration: Configuration, store: TicketStore, first: date, as_of: datetime) -> People:
    """Each account's team, by the groups that the last sync found it in; who is in several has none."""
    from analytics.flow import People

    members = store.members()
    teams = {
        name: {account for group in team.groups for account in members.get(group, ())}
        for name, team in configuration.teams.items()
    }
    times = Counter(account for accounts in teams.values() for account in accounts)
    calendars = {
        name: calendar_of(configuration.calendars[team.calendar], f"calendars.{team.calendar}", first, as_of)
        for name, team in configuration.teams.items()
        if team.calendar
    }
    return People(
        team_of={account: name for name, accounts in teams.items() for account in accounts if times[account] == 1},
        calendars=calendars,
        bots=frozenset(configuration.agent.bots),
    )


def assumptions_of(configuration: Configuration) -> Assumptions:
    from analytics.cost import Assumptions

    return Assumptions(**configuration.assumptions.model_dump(exclude={"capacity_hours"}))


def _rules(table: ClockTable, default: ClockTable) -> Rules:
    from analytics.clocks import Rules

    told = table.model_fields_set
    return Rules(
        start=table.start if "start" in told else default.start,
        finish=table.finish if "finish" in told else default.finish,
        statuses=table.statuses,
    )


def _read(
    configuration: Configuration, store: TicketStore, statuses: Collection[Status]
) -> tuple[Log, Mapping[tuple[str, int], Ticket] | None]:
    """The log, from the Parquet history where that is up to date; else from the store, with the tickets read."""
    from analytics.frames import Log

    folder = bootstrap.history_folder(configuration)
    if folder.exists():
        from tickets.history import generation

        try:
            if generation(folder) is not None and not store.book.dirty_partitions():
                return Log.of_history(folder, tuple(statuses)), None
        except StoreError as error:
            notes.warning("%s; the ticket store is read instead", error)
    tickets = {(ticket.site, ticket.id): ticket for ticket in store.tickets()}
    return Log.of_tickets(tickets.values(), tuple(statuses)), tickets


def _types(
    configuration: Configuration,
    store: TicketStore,
    table: pd.DataFrame,
    tickets: Mapping[tuple[str, int], Ticket] | None,
    said: Said,
    *,
    may_train: bool,
) -> list[Classification | None]:
    """What a person said that each ticket asks for, else its given type, else the model's; None where there is none."""
    known = model.load(configuration)
    if known is None and may_train:
        known = model.load_or_train(configuration, store.tickets() if tickets is None else tickets.values(), said)
    keys = list(zip(table["site"].astype("str"), table["ticket_id"].tolist(), strict=True))
    types = [
        None if name != name else Classification(str(name), "given", 1.0) for name in table["type"].astype("object")
    ]
    for row, key in enumerate(keys):
        if (name := said.corrected(key)) is not None:
            types[row] = Classification(name, "corrected", 1.0)
    unknown = [row for row, told in enumerate(types) if told is None]
    if known is None or not unknown:
        return types
    if tickets is None:
        wanted = {keys[row] for row in unknown}
        tickets = {key: ticket for ticket in store.tickets() if (key := (ticket.site, ticket.id)) in wanted}
    asked = model.predict(known, [tickets[keys[row]] for row in unknown], said)
    for row, opinion in zip(unknown, asked, strict=True):
        types[row] = opinion
    return types


def _categories(types: list[Classification | None]) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical([told.request_type if told else None for told in types])

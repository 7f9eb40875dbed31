"""Real exports and a real event log, whole: what they hold is read, and what they lack is not invented."""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from agent.config import Configuration
from agent.importing import ImportReport, import_events, wall_clock
from agent.tables import Store
from tickets.event_log import EventColumns
from tickets.exports import read_export
from tickets.store import StoreFacts, TicketStore
from tickets.ticket import Clock, StatusCategory, Ticket

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here: this test needs the real exports")
    return path


def read_whole(path: Path) -> list[Ticket]:
    tickets = []
    for record in read_export(path):
        assert isinstance(record, Ticket), record
        tickets.append(record)
    return tickets


def loaded(name: str) -> list[Ticket]:
    return read_whole(real(name))


def test_the_cloud_export(tmp_path: Path) -> None:
    tickets = loaded("jira_cloud_issues_with_changelog.jsonl.gz")
    assert len(tickets) == 33
    assert sum(len(ticket.status_changes or ()) for ticket in tickets) == 165
    assert {ticket.site for ticket in tickets} == {"merico.atlassian.net"}
    # Five were altered to say that "done" is "new"; they are resolved, and so is their category's id.
    assert Counter(ticket.status.category for ticket in tickets) == {StatusCategory.DONE: 30, StatusCategory.NEW: 3}
    for ticket in tickets:
        assert ticket.status_changes is not None
        assert list(ticket.status_changes) == sorted(
            ticket.status_changes, key=lambda change: (change.at, int(change.id))
        )
        assert all(change.author for change in ticket.status_changes)
    with TicketStore.open(tmp_path / "tickets.sqlite3") as store:
        store.save(tickets)
        facts = store.facts()
        assert (facts.tickets, facts.status_changes, facts.without_history) == (33, 165, 0)
        assert {ticket.id: ticket for ticket in store.tickets()} == {ticket.id: ticket for ticket in tickets}


def test_the_server_export(tmp_path: Path) -> None:
    started = time.process_time()
    tickets = loaded("jira_server_issues.jsonl.gz")
    assert len(tickets) == 6456
    assert all(ticket.status_changes is None for ticket in tickets)
    assert all(ticket.is_open == (ticket.resolved_at is None) for ticket in tickets)
    assert not [ticket.key for ticket in tickets for who in (ticket.reporter, ticket.assignee) if who and "@" in who.id]
    with TicketStore.open(tmp_path / "tickets.sqlite3") as store:
        store.save(tickets)
        assert (store.facts().tickets, store.facts().without_history) == (6456, 6456)
        assert sorted(store.tickets(), key=lambda ticket: ticket.id) == sorted(tickets, key=lambda ticket: ticket.id)
    assert time.process_time() - started < 20
    redacted = [ticket.key for ticket in tickets if re.search(r"\[redacted", ticket.text)]
    assert len(redacted) < 20  # a public project: more would mean that plain talk is taken for secrets


def jira_date(at: datetime | None) -> str:
    return f"{at:%d/%b/%y} {at.hour % 12 or 12}:{at:%M %p}" if at else ""


def test_real_texts_as_csv_come_back_the_same(tmp_path: Path) -> None:
    """The server export in the shape of Jira's CSV; its dates have the precision of a minute."""
    tickets = loaded("jira_server_issues.jsonl.gz")
    most = max(len(ticket.comments) for ticket in tickets)
    columns = ["Summary", "Issue key", "Issue id", "Status", "Created", "Updated", "Resolved", "Description"]
    path = tmp_path / "jira.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow([*columns, *["Comment"] * most])
        for t in tickets:
            dates = map(jira_date, (t.created_at, t.updated_at, t.resolved_at))
            told = [f"{jira_date(c.created_at)};{c.author.id if c.author else ''};{c.text}" for c in t.comments]
            row = [t.summary, t.key, t.id, t.status.name, *dates, t.description, *told]
            out.writerow([*row, *[""] * (len(columns) + most - len(row))])

    again = read_whole(path)

    def said(ticket: Ticket) -> tuple[object, ...]:
        comments = [(c.author.id if c.author else None, c.text.strip()) for c in ticket.comments]
        dates = list(map(jira_date, (ticket.created_at, ticket.updated_at, ticket.resolved_at)))
        return (ticket.id, ticket.key, ticket.summary, ticket.description, ticket.status.name, dates, comments)

    assert list(map(said, again)) == list(map(said, tickets))
    assert sum(len(ticket.comments) for ticket in again) == 95
    assert all(ticket.status_changes is None for ticket in again)


# The event log, against the same figures computed by pandas

LOG = "uci_incident_event_log.zip"
MEANINGS: dict[str, Clock] = {
    "New": "queue",
    "Active": "active",
    "Awaiting User Info": "requester",
    "Awaiting Vendor": "blocked",
    "Awaiting Problem": "blocked",
    "Awaiting Evidence": "blocked",
    "Resolved": "done",
    "Closed": "done",
}


@dataclass(frozen=True)
class Desk:
    """What was imported, and the log as pandas reads it: in order of ticket and time."""

    done: ImportReport
    facts: StoreFacts
    tickets: dict[str, Ticket]
    log: pd.DataFrame
    seconds: float


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    path, folder = real(LOG), tmp_path_factory.mktemp("desk")
    columns = EventColumns("number", "incident_state", "sys_updated_at", kind="subcategory", priority="priority")
    clock = wall_clock("UTC", is_day_first=True)
    started = time.process_time()
    configuration = Configuration(store=Store(folder=folder))
    done = import_events(configuration, [path], columns, clock=clock, meanings=MEANINGS)
    seconds = time.process_time() - started
    with TicketStore.open(folder / "tickets.sqlite3") as store:
        tickets, facts = {ticket.key: ticket for ticket in store.tickets()}, store.facts()
    log = pd.read_csv(path, dtype=str, keep_default_na=False).drop_duplicates()
    log["at"] = pd.to_datetime(log["sys_updated_at"], format="%d/%m/%Y %H:%M", utc=True)
    return Desk(done, facts, tickets, log.sort_values(["number", "at"], kind="stable"), seconds)


def test_every_event_of_the_log_is_in_a_ticket(desk: Desk) -> None:
    last = desk.log.groupby("number").last()
    times = desk.log.groupby("number")["at"].agg(["min", "max"])
    assert (desk.done.tickets, desk.facts.tickets, len(last)) == (24_918,) * 3
    assert (desk.done.rejected, desk.done.without_history) == (0, 0)
    assert desk.done.meanings is not None
    assert desk.done.meanings.seen == desk.log["incident_state"].value_counts().to_dict()
    assert desk.done.meanings.unmapped == {"-100": 5}
    assert Counter(t.status.name for t in desk.tickets.values()) == last["incident_state"].value_counts().to_dict()
    assert Counter(t.priority for t in desk.tickets.values()) == last["priority"].value_counts().to_dict()
    assert {key: (t.created_at, t.updated_at) for key, t in desk.tickets.items()} == {
        row.Index: (row.min.to_pydatetime(), row.max.to_pydatetime()) for row in times.itertuples()
    }
    assert desk.seconds < 30


def test_status_changes_are_what_differs_between_rows(desk: Desk) -> None:
    was = desk.log.groupby("number")["incident_state"].shift()
    changes = desk.log[was.notna() & (was != desk.log["incident_state"])]
    entered = Counter(change.to_name for t in desk.tickets.values() for change in t.status_changes or ())
    assert desk.done.status_changes == desk.facts.status_changes == len(changes) == 64_034
    assert entered == changes["incident_state"].value_counts().to_dict()


def test_the_time_in_each_status_is_the_same_to_the_minute(desk: Desk) -> None:
    until = desk.log.groupby("number")["at"].shift(-1)
    spent = (until - desk.log["at"]).groupby(desk.log["incident_state"]).sum().to_dict()
    ours: dict[str, timedelta] = dict.fromkeys(spent, timedelta())
    for ticket in desk.tickets.values():
        moves = ticket.status_changes or ()
        names = [moves[0].from_name if moves else ticket.status.name, *(move.to_name for move in moves)]
        times = [ticket.created_at, *(move.at for move in moves), ticket.updated_at]
        for name, (start, end) in zip(names, pairwise(times), strict=True):
            ours[name] += end - start
    assert ours == {name: total.to_pytimedelta() for name, total in spent.items()}


def test_tickets_are_resolved_when_they_enter_the_done_statuses_they_end_in(desk: Desk) -> None:
    number = desk.log["number"]
    is_done = desk.log["incident_state"].isin(["Resolved", "Closed"])
    stretch = (~is_done).groupby(number).cumsum()  # rises with each row that is not done
    entry = desk.log[is_done].groupby([number, stretch])["at"].min()
    ends = pd.DataFrame({"stretch": stretch.groupby(number).last(), "is_done": is_done.groupby(number).last()})
    expected = {
        row.Index: entry[(row.Index, row.stretch)].to_pydatetime() if row.is_done else None for row in ends.itertuples()
    }
    assert {key: ticket.resolved_at for key, ticket in desk.tickets.items()} == expected

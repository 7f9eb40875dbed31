"""Tickets that break readers: each is read whole, or set aside by name, and nothing stops the others."""

from __future__ import annotations

from datetime import timedelta

from sandbox.serve import ThreadedSandbox
from sandbox.world import History, HistoryItem, WorldComment
from tests.integration.sites import NOW, PROJECTS, file, held, paragraphs, told
from tickets.census import take_census
from tickets.jira_client import JiraClient
from tickets.jira_records import Search
from tickets.proof import read_proof
from tickets.store import TicketStore
from tickets.sync import sync
from tickets.ticket import Ticket

LONG = "Ünïcode 🪣 \u202eright to left\u202c <script>alert(1)</script> 你好 مرحبا "


def stored(store: TicketStore, number: int) -> Ticket:
    found = store.get(number)
    assert found is not None
    return found


def test_twelve_thousand_changes(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    """More than a page of histories holds, between a ticket that never changed and one with a single change."""
    quiet, busy, single = file(site, 3)
    names = {status.id: status.name for status in site.world.statuses.values()}
    for number in range(12_000):
        old, new = ("10001", "10002") if number % 2 == 0 else ("10002", "10001")
        item = HistoryItem("status", "status", "jira", old, names[old], new, names[new])
        busy.histories.append(
            History(5_000_000 + number, busy.reporter, NOW - timedelta(seconds=12_000 - number), [item])
        )
    site.state.move(site.world.accounts["agent"], single, "11", {})
    sync(client, store, projects=PROJECTS)
    assert held(stored(store, busy.id)) == told(site, busy)
    assert [len(stored(store, issue.id).status_changes or ()) for issue in (quiet, busy, single)] == [0, 12_000, 1]
    take_census(client, store, projects=PROJECTS)
    assert read_proof(store, site=client.site, projects=PROJECTS).is_complete


def test_long_and_foreign_text(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issue = file(site)[0]
    row = {"type": "tableRow", "content": [{"type": "tableCell", "content": paragraphs(LONG)["content"]}] * 3}
    code = {
        "type": "codeBlock",
        "attrs": {"language": "yaml"},
        "content": [{"type": "text", "text": "name: x\n" * 500}],
    }
    document = paragraphs(LONG * 600)
    document["content"] += [{"type": "table", "content": [row] * 40}, code]
    issue.description = document
    issue.summary = LONG[:200]
    issue.labels = ["日本語", "naïve"]
    sync(client, store, projects=PROJECTS)
    kept = stored(store, issue.id)
    assert kept.summary == LONG[:200].strip()
    assert kept.description.count("🪣") == 600 + 120
    assert kept.description.count("name: x") == 500
    assert len(kept.description) > 30_000
    assert kept.labels == ("日本語", "naïve")


def test_people_and_statuses_that_are_no_more(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    """A history without authors, through a status that nobody knows any more."""
    issue = file(site)[0]
    lost = HistoryItem("status", "status", "jira", "10001", "Waiting for support", "66666", "Triage (deleted)")
    back = HistoryItem("status", "status", "jira", "66666", "Triage (deleted)", "10001", "Waiting for support")
    for number, item in enumerate((lost, back)):
        issue.histories.append(History(7_000_000 + number, None, NOW - timedelta(hours=2 - number), [item]))
    issue.updated = NOW
    sync(client, store, projects=PROJECTS)
    kept = stored(store, issue.id)
    assert [(c.author, c.to_name) for c in kept.status_changes or ()] == [
        (None, "Triage (deleted)"),
        (None, "Waiting for support"),
    ]
    take_census(client, store, projects=PROJECTS)
    assert read_proof(store, site=client.site, projects=PROJECTS).is_complete


def test_one_that_cannot_be_read_stops_nobody(site: ThreadedSandbox, client: JiraClient, store: TicketStore) -> None:
    issues = file(site, 250)
    for number, issue in enumerate(issues):
        issue.comments.append(
            WorldComment(9_000_000 + number, issue.reporter, paragraphs("hello"), NOW, NOW, issue.reporter)
        )
    issues[120].key = "not a key"
    report = sync(client, store, projects=PROJECTS)
    assert (report.tickets, report.rejected) == (249, 1)
    assert [rejection.ticket_id for rejection in store.rejections()] == [issues[120].id]


def test_more_tickets_than_a_data_center_pages(site: ThreadedSandbox, client: JiraClient) -> None:
    """A Data Center on OpenSearch shows no row after the 10,000th: paging by instant never gets there."""
    issues = file(site, 10_500)
    for number, issue in enumerate(issues):
        issue.created = issue.updated = NOW - timedelta(seconds=(10_500 - number) // 7)  # seven to a second
    found = [number for page in client.ids(Search(("OPS",))) for number in page]
    assert len(found) == len(set(found)) == 10_500


def test_a_deletion_while_a_data_center_is_paged_shifts_nobody_past_us(
    site: ThreadedSandbox, client: JiraClient, store: TicketStore
) -> None:
    issues = file(site, 600)
    for number, issue in enumerate(issues):
        issue.created = issue.updated = NOW - timedelta(minutes=600 - number)
    operation = "search/jql" if site.deployment == "Cloud" else "search"
    doomed = iter(issues[:50])

    def delete() -> None:
        for _ in range(10):
            if (issue := next(doomed, None)) is not None:
                site.state.delete(site.world.accounts["developer"], issue)

    site.state.faults.on(operation, delete, times=5)
    sync(client, store, projects=("OPS",))
    assert {ticket.id for ticket in store.tickets()} >= {issue.id for issue in issues[50:]}

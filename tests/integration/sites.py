"""A site with its own client and store, as each test of the sync needs them, and what they should hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent import config
from sandbox.configuration import configuration
from sandbox.serve import ThreadedSandbox
from sandbox.world import Issue
from tickets.adf import doc, paragraph, text
from tickets.jira_client import JiraClient, JiraSettings
from tickets.ticket import Ticket

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PROJECTS = ("OPS", "DATA", "PLAT", "WEB")


def connect(site: ThreadedSandbox, *, name: str = "") -> JiraClient:
    """As the agent: with its e-mail on Cloud, with a personal access token on Data Center. `name` is the site's."""
    agent = site.personas["agent"]
    email = agent.email if site.deployment == "Cloud" else ""
    client = JiraClient(JiraSettings(site.jira_url, email, agent.token, site=name))
    client.check()
    return client


def install(site: ThreadedSandbox, folder: Path, *, database: str = "") -> config.Configuration:
    """A configuration in the folder that points at the site; `database` is the address of a PostgreSQL."""
    token = folder / "token"
    token.write_text(site.personas["agent"].token)
    text = configuration(
        jira_url=site.jira_url,
        aws_url=site.aws_url,
        agent_email=site.personas["agent"].email,
        token_file=token,
        every_minutes=5,
        deployment=site.deployment,
    )
    if database:
        text += f'\n[store]\ndatabase = "{database}"\n'
    (folder / "goldenpath.toml").write_text(text)
    return config.load(folder / "goldenpath.toml")


def file_bucket(site: ThreadedSandbox, name: str) -> Issue:
    """A complete request on the form, by the developer."""
    fields = {
        "project": {"key": "OPS"},
        "issuetype": {"name": "Service Request"},
        "summary": "A bucket please",
        "customfield_10010": "S3 bucket",
        "customfield_10050": name,
        "customfield_10051": {"value": "eu-central-1"},
        "customfield_10052": {"value": "internal"},
        "customfield_10053": {"value": "dev"},
    }
    return site.state.create(site.world.accounts["developer"], fields)


def file(site: ThreadedSandbox, count: int = 1, project: str = "OPS") -> list[Issue]:
    fields: dict[str, Any] = {"project": {"key": project}, "issuetype": {"name": "Incident"}, "summary": "It is down"}
    return [site.state.create(site.world.accounts["developer"], fields) for _ in range(count)]


def change(site: ThreadedSandbox, issue: Issue, summary: str) -> None:
    site.state.edit(site.world.accounts["developer"], issue, {"summary": summary})


def paragraphs(words: str) -> dict[str, Any]:
    return doc(paragraph(text(words)))


def milliseconds(at: datetime) -> datetime:
    """As Jira tells it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def held(ticket: Ticket) -> dict[str, object]:
    assert ticket.status_changes is not None
    return {
        "key": ticket.key,
        "status": ticket.status.name,
        "created": ticket.created_at,
        "updated": ticket.updated_at,
        "resolved": ticket.resolved_at,
        "reporter": ticket.reporter and ticket.reporter.id,
        "assignee": ticket.assignee and ticket.assignee.id,
        "moves": [(c.at, c.author and c.author.id, c.from_id, c.to_id) for c in ticket.status_changes],
        "comments": [(c.id, c.author and c.author.id, c.created_at) for c in ticket.comments],
        "form": {field.id for field in ticket.form},
    }


def told(site: ThreadedSandbox, issue: Issue) -> dict[str, object]:
    """What the world knows of the ticket, with people named as this Jira names them."""
    world = site.world

    def who(account: str | None) -> str | None:
        return account and (account if site.deployment == "Cloud" else world.accounts[account].user_key)

    moves = [
        (milliseconds(h.created), who(h.author), item.from_id, item.to_id)
        for h in issue.histories
        for item in h.items
        if item.field == "status"
    ]
    return {
        "key": issue.key,
        "status": world.statuses[issue.status].name,
        "created": milliseconds(issue.created),
        "updated": milliseconds(issue.updated),
        "resolved": issue.resolved and milliseconds(issue.resolved),
        "reporter": who(issue.reporter),
        "assignee": who(issue.assignee),
        "moves": sorted(moves, key=lambda move: move[0]),
        "comments": [(str(c.id), who(c.author), milliseconds(c.created)) for c in issue.comments],
        "form": {name for name, text in issue.custom.items() if text},
    }

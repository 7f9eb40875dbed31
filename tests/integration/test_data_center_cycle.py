"""The agent on a Jira Data Center: it answers in wiki markup, knows its own comments again, and asks groups by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import bootstrap
from agent.config import Configuration, load
from agent.cycle import CycleReport, run_cycle
from fulfilment.request import Result
from sandbox.jira_adf import plain_text
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Issue
from tests.integration.sites import NOW, file_bucket, install, paragraphs


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadedSandbox]:
    with serve_in_thread(empty_world(NOW), deployment="Data Center") as site:
        yield site


@pytest.fixture
def installed(running: ThreadedSandbox, tmp_path: Path) -> Configuration:
    return install(running, tmp_path)


def cycle(installed: Configuration) -> CycleReport:
    with bootstrap.open_rooms(installed) as rooms:
        return run_cycle(rooms)


def result(done: CycleReport, issue: Issue) -> Result:
    return next(outcome.result for outcome in done.outcomes if outcome.ticket == issue.key)


def said(issue: Issue) -> list[str]:
    """Bodies that came as wiki markup are strings; the world's own are documents."""
    return [body if isinstance(body, str) else plain_text(body) for body in (c.body for c in issue.comments)]


def test_a_form_request_is_fulfilled_and_answered_once(running: ThreadedSandbox, installed: Configuration) -> None:
    wish = file_bucket(running, "payments-ledger-copies")
    assert result(cycle(installed), wish) is Result.FULFILLED
    assert running.world.statuses[wish.status].name == "Resolved"
    assert len(wish.comments) == 1
    assert "payments-ledger-copies" in said(wish)[0]
    assert wish.comments[0].author == "agent"
    assert wish.comments[0].properties["sd.public.comment"] == {"internal": False}
    assert len(wish.comments[0].properties) > 1  # and our own marker
    cycle(installed)
    assert len(wish.comments) == 1


def test_ticket_text_becomes_neither_a_mention_nor_a_macro(running: ThreadedSandbox, installed: Configuration) -> None:
    wish = file_bucket(running, "Nope [~admin] {color:red}x{color} !http://evil/x.png!")
    assert result(cycle(installed), wish) in (Result.ASKED, Result.REFUSED)
    body = said(wish)[0]
    assert "[~admin]" not in body.replace("\\[~", "")
    assert "{color:red}" not in body.replace("\\{", "")


def test_a_plan_waits_for_an_approver_and_is_done_on_the_word(
    running: ThreadedSandbox, installed: Configuration
) -> None:
    """The approver is entitled by a group's name; the plan's comment is known again by its property."""
    assert installed.source is not None
    installed.source.write_text(installed.source.read_text().replace('"autonomous"', '"supervised"'))
    supervised = load(installed.source)
    wish = file_bucket(running, "payments-old-invoices")
    assert result(cycle(supervised), wish) is Result.AWAITING_APPROVAL
    code = re.search(r"approve [A-Z0-9-]{4,}", said(wish)[0])
    assert code is not None, said(wish)[0]
    for who, expected in (("outsider", Result.AWAITING_APPROVAL), ("approver", Result.FULFILLED)):
        account = running.world.accounts[who]
        running.state.comment(account, wish, paragraphs(code[0]), properties={}, public=True)
        assert result(cycle(supervised), wish) is expected, who
    assert running.world.statuses[wish.status].name == "Resolved"

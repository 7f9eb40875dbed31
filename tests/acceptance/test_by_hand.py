"""A newcomer in a real Chromium: files a ticket on the Jira page, reads the answer, approves as the approver."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from agent import bootstrap
from agent.cycle import CycleReport, run_cycle
from tests.acceptance.conftest import Worked

PROSE = (
    "Hi all, could you please create an S3 bucket called payments-chargeback-letters for us in Frankfurt? "
    "Data class is confidential, it is for prod. Thanks, Dana"
)


def cycle(worked: Worked) -> CycleReport:
    with bootstrap.open_rooms(worked.demo.configuration) as rooms:
        return run_cycle(rooms)


def become(page: Page, persona: str) -> None:
    page.get_by_role("button", name=persona).click()


def file_ticket(page: Page, worked: Worked, project: str, summary: str, description: str) -> str:
    page.goto(f"{worked.demo.sandbox.jira_url}/page/new")
    page.get_by_label("Project").select_option(project)
    page.get_by_label("Summary").fill(summary)
    page.get_by_label("Description").fill(description)
    page.get_by_role("button", name="File").click()
    page.wait_for_url(re.compile(r"/browse/"))
    return page.url.rsplit("/", 1)[1]


@pytest.mark.browser
def test_prose_is_proposed_approved_by_the_approver_and_done(page: Page, worked: Worked) -> None:
    page.goto(worked.demo.sandbox.jira_url)
    become(page, "Developer")
    key = file_ticket(page, worked, "PLAT", "New S3 bucket for chargeback letters", PROSE)
    assert next(o for o in cycle(worked).outcomes if o.ticket == key).result == "awaiting_approval"
    page.reload()
    code = re.search(r"approve [\w-]+", page.inner_text("main"))
    assert code is not None, page.inner_text("main")
    become(page, "Approver")
    page.goto(f"{worked.demo.sandbox.jira_url}/browse/{key}")
    page.get_by_label(re.compile("Comment")).fill(code[0])
    page.get_by_role("button", name="Comment").click()
    page.get_by_text(code[0], exact=True).first.wait_for()
    assert next(o for o in cycle(worked).outcomes if o.ticket == key).result == "fulfilled"
    page.reload()
    text = page.inner_text("main")
    assert "s3://payments-chargeback-letters" in text
    assert "Done" in text


@pytest.mark.browser
def test_hostile_words_are_only_ever_text(page: Page, worked: Worked) -> None:
    fired: list[str] = []
    page.on("dialog", lambda dialog: (fired.append(dialog.message), dialog.dismiss()))
    page.goto(worked.demo.sandbox.jira_url)
    become(page, "Outsider")
    words = '<img src=x onerror=alert(1)><script>alert(2)</script> "]};alert(3)//'
    key = file_ticket(page, worked, "OPS", words[:200], words)
    cycle(worked)
    page.reload()
    assert words in page.inner_text("main")
    page.goto(worked.demo.sandbox.jira_url)
    assert key in page.inner_text("main")
    assert fired == []

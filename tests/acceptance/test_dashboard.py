"""Every page, opened in a real Chromium on a full and on an empty store: no exception box, no console error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page

from agent import bootstrap, config
from agent.processes import DashboardProcess
from tests.acceptance.conftest import Worked

# A page's heading, and its link in the navigation.
LINKS = {"Overview": "Overview", "Top 3 request types": "Top 3", "Fulfilments": "Fulfilments"}


def open_and_check(page: Page, url: str, title: str) -> None:
    """Opens the dashboard, goes to the page by its link, and fails on an exception box or a console error."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(_told(message)) if message.type == "error" else None)
    page.goto(url)
    page.get_by_role("heading", name="Overview", exact=True).wait_for(timeout=30_000)
    page.get_by_role("link", name=LINKS[title], exact=False).first.click()
    page.get_by_role("heading", name=title, exact=True).wait_for(timeout=30_000)
    settle(page)
    check(page, problems)


def _told(message: ConsoleMessage) -> str:
    return f"{message.text} {message.location['url']}"


def settle(page: Page) -> None:
    """Waits until Streamlit says that it has run the page and nothing is being loaded."""
    busy = ("stSkeleton", "stSpinner", "stAppSkeleton")
    query = ", ".join(f'[data-testid="{name}"]' for name in busy)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=30_000)
    page.wait_for_function(f"() => !document.querySelector('{query}')", timeout=30_000)


def check(page: Page, problems: list[str]) -> None:
    assert page.locator('[data-testid="stException"]').count() == 0, page.inner_text("body")
    assert problems == []


@pytest.fixture(scope="module")
def full(worked: Worked) -> Iterator[DashboardProcess]:
    with DashboardProcess(worked.demo.configuration, port=0) as running:
        running.wait_until_ready()
        yield running


@pytest.mark.browser
@pytest.mark.parametrize("title", LINKS)
def test_page_shows_a_full_store(page: Page, full: DashboardProcess, worked: Worked, title: str) -> None:
    open_and_check(page, full.url, title)
    body = page.inner_text("body")
    if title == "Overview":
        with bootstrap.open_store(worked.demo.configuration) as store:
            assert f"{store.count():,} tickets" in body
    elif title == "Fulfilments":
        assert page.locator('[data-testid="stDataFrame"]').count() == 1
    else:
        assert worked.view.report.entries[0].request_type in body
    if folder := os.environ.get("GOLDENPATH_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1500)  # charts are drawn after the page
        page.screenshot(path=f"{folder}/{LINKS[title].lower().replace(' ', '-')}.png")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardProcess]:
    target = tmp_path_factory.mktemp("empty") / config.FILE_NAME
    target.write_text('[jira]\nurl = "https://acme.example"\nemail = "a@acme.example"\nprojects = ["OPS"]\n')
    with DashboardProcess(config.load(target), port=0) as running:
        running.wait_until_ready()
        yield running


@pytest.mark.browser
@pytest.mark.parametrize("title", LINKS)
def test_page_helps_on_an_empty_store(page: Page, empty: DashboardProcess, title: str) -> None:
    open_and_check(page, empty.url, title)
    page.wait_for_function("() => document.body.innerText.includes('goldenpath')", timeout=30_000)


@pytest.mark.browser
def test_the_check_would_catch_an_exception(page: Page) -> None:
    page.set_content('<h1>Overview</h1><div data-testid="stException">boom</div>')
    with pytest.raises(AssertionError, match="boom"):
        check(page, [])
    page.set_content("<h1>Overview</h1>")
    with pytest.raises(AssertionError):
        check(page, ["an error of the console"])
    check(page, [])

"""Every page, opened in a real Chromium on a full and on an empty store: no exception box, no console error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from agent import config
from agent.processes import DashboardProcess
from tests.acceptance.conftest import Worked

PAGES = {"overview": "Overview", "top-3": "Top 3 request types", "fulfilments": "Fulfilments"}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        reason = "no Chromium was found: install one (Debian: apt-get install chromium)"
        if os.environ.get("GOLDENPATH_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield opened
    opened.close()


def open_and_check(page: Page, url: str, title: str) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(url)
    page.get_by_role("heading", name=title, exact=True).wait_for(timeout=30_000)
    page.wait_for_function(
        """() => !document.querySelector(
            '[data-testid="stStatusWidget"], [data-testid="stSkeleton"], [data-testid="stSpinner"]')""",
        timeout=30_000,
    )
    assert page.locator('[data-testid="stException"]').count() == 0, page.inner_text("body")
    assert problems == []


@pytest.fixture(scope="module")
def full(worked: Worked) -> Iterator[DashboardProcess]:
    with DashboardProcess(worked.demo.configuration, port=0) as running:
        running.wait_until_ready()
        yield running


@pytest.mark.browser
@pytest.mark.parametrize("path", PAGES)
def test_page_shows_a_full_store(page: Page, full: DashboardProcess, worked: Worked, path: str) -> None:
    open_and_check(page, f"{full.url}/{path}", PAGES[path])
    body = page.inner_text("body")
    if path == "top-3":
        assert worked.view.report.entries[0].request_type in body
    elif path == "overview":
        assert f"{worked.view.facts.tickets:,} tickets" in body
    if folder := os.environ.get("GOLDENPATH_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{folder}/{path}.png")


@pytest.mark.browser
@pytest.mark.parametrize("path", PAGES)
def test_page_helps_on_an_empty_store(page: Page, tmp_path: Path, path: str) -> None:
    target = tmp_path / config.FILE_NAME
    target.write_text('[jira]\nurl = "https://acme.example"\nemail = "a@acme.example"\nprojects = ["OPS"]\n')
    with DashboardProcess(config.load(target), port=0) as running:
        running.wait_until_ready()
        open_and_check(page, f"{running.url}/{path}", PAGES[path])
        assert "goldenpath" in page.inner_text("body")


@pytest.mark.browser
def test_the_check_would_catch_an_exception(page: Page, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        page.set_content('<h1>Overview</h1><div data-testid="stException">boom</div>')
        page.route("**/*", lambda route: route.fulfill(body=page.content(), content_type="text/html"))
        open_and_check(page, "http://127.0.0.1:9/overview", "Overview")

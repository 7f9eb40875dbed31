"""One demo for all acceptance tests: the real sandbox over HTTP, a real cycle, kept running."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from agent import demo, operations, printing
from agent.cycle import CycleReport


@dataclass(frozen=True)
class Worked:
    demo: demo.Demo
    cycle: CycleReport
    view: operations.QueueView

    @property
    def document(self) -> dict[str, object]:
        return printing.demo_document(self.cycle, self.view, seconds=1.0)


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worked]:
    folder: Path = tmp_path_factory.mktemp("demo")
    with demo.open_demo(folder, seed=7) as opened:
        cycle, view = demo.work(opened)
        yield Worked(opened, cycle, view)


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
        pytest.skip("no Chromium was found: install one (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield opened
    opened.close()

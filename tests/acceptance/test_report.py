"""`goldenpath report` as a person runs it: on an imported log without words, on the sandbox's year, as a page in a real
Chromium, and as files that a scheduled run leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from agent import config, operations
from agent.cli import main
from agent.report_files import rendered
from tests.acceptance.conftest import Worked
from tests.acceptance.test_processes import goldenpath, read_until

Run = Callable[..., tuple[int, str, str]]

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)


def log_of(weeks: int) -> str:
    """Every week three buckets that wait eight hours and an access that waits one; one bucket waits still."""
    lines = ["case,state,at,kind"]
    for week in range(weeks):
        at = MONDAY + timedelta(weeks=week)
        for number, (kind, hours) in enumerate([("bucket", 8)] * 3 + [("access", 1)]):
            case = 10 * week + number
            lines += [f"{case},New,{at:%Y-%m-%d %H:%M},{kind}"]
            lines += [f"{case},In Progress,{at + timedelta(hours=hours):%Y-%m-%d %H:%M},{kind}"]
    return "\n".join([*lines, "999,New,2026-02-02 10:00,bucket"])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a folder that holds an imported event log, without a Jira and without words: exit code,
    standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOLDENPATH_CONFIG", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["goldenpath", *arguments])
        code: Any = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return int(code or 0), out, err

    (tmp_path / "log.csv").write_text(log_of(10))
    columns = ("--ticket", "case", "--status", "state", "--at", "at", "--type", "kind")
    code, _, err = call("import", "--events", "log.csv", *columns)
    assert code == 0, err
    return call


def test_the_report_of_a_log_without_words(run: Run) -> None:
    code, out, err = run("report", "--top", "50")
    assert code == 0, err
    told = " ".join(out.split())
    for words in (
        "The 2 request types that cost requesters the most waiting",
        "there are only 2 types of service requests",
        "Imported tickets: nothing proves that the exports were whole.",
        "2 of 2 types make up 100% of all waiting in the queue.",
        "1 tickets are still in the queue and count as waiting at least so long",
        "longest 999 ",
        "among the first 2 in >99% of the redrawn rankings; rank 1",
        "trend too little known of the last 16 weeks",
    ):
        assert words in told
    assert "browse/" not in told


def test_json_ranks_as_asked(run: Run) -> None:
    for arguments in (("--json",), ("--format", "json")):
        code, out, _ = run("report", "--rank-by", "count", "--top", "1", *arguments)
        document = json.loads(out)
        assert (code, document["ranked_by"]) == (0, "count")
        (first,) = document["top_requests"]
        assert (first["request_type"], first["tickets"], first["share_of_tickets"]) == ("bucket", 31, 31 / 41)
        assert (first["handler"], first["nearest_handler"], first["parameters"]) == (None, None, [])
        assert first["exemplar_tickets"][0]["url"] is None


def test_files_are_of_the_format_that_their_name_says(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "reports"
    place.mkdir()
    for name, start in (("a.html", "<!DOCTYPE html>"), ("a.md", "# The 2"), ("a.txt", "The 2"), ("a.json", "{")):
        code, out, err = run("report", "--out", f"reports/{name}")
        assert (code, out, err) == (0, "", f"wrote reports/{name}\n")
        assert (place / name).read_text(encoding="utf-8").startswith(start)
    assert len(list(place.iterdir())) == 4
    _, out, _ = run("report", "--format", "html")
    assert out == (place / "a.html").read_text(encoding="utf-8")


def test_wrong_usage_says_what_is_allowed(run: Run, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    for arguments, expected, words in (
        (("--format", "xml"), 2, "allowed: text, md, html, json"),
        (("--out", "report.pdf"), 2, "its name does not say a format"),
        (("--out", "none/report.html"), 1, "there is no folder none; make it first"),
        (("--out", ".", "--format", "md"), 1, "it is a folder"),
        (("--rank-by", "age"), 2, "allowed: waiting, touch, count"),
        (("--json", "--format", "html"), 2, "--json is --format json on standard output"),
        (("--json", "--out", "a.json"), 2, "--json is --format json on standard output"),
        (("--since", "9" * 5000 + "d"), 2, "allowed: days or weeks"),
    ):
        code, out, err = run("report", *arguments)
        assert (code, out) == (expected, ""), arguments
        assert words in " ".join(err.split())
    assert sorted(tmp_path.iterdir()) == before


def test_the_sandboxs_year(worked: Worked) -> None:
    view = operations.view_queue(worked.demo.configuration, with_details=True)
    top = {entry.request_type: entry for entry in view.report.entries}
    bucket, detail = top["s3-bucket"], view.details["s3-bucket"]
    assert {"Bucket name", "AWS region"} <= {one.name for one in detail.parameters}
    assert (bucket.handler, detail.nearest) == ("s3-bucket", None)
    assert all(view.details[name].nearest is None for name in top)  # a bucket's handler is near to nothing else
    assert sum(entry.probability_in_top or 0 for entry in top.values()) > 2.5
    assert all(one.url and one.summary for name in top for one in view.details[name].examples)
    assert 0.5 < bucket.touch_measured < 1
    for rank_by in ("touch", "count"):
        told = operations.view_queue(worked.demo.configuration, rank_by=rank_by).report
        figures = [entry.ranking_figure(told.ranked_by)[0] for entry in told.entries]
        assert figures == sorted(figures, reverse=True)


@pytest.fixture
def page_file(worked: Worked, tmp_path: Path) -> Path:
    view = operations.view_queue(worked.demo.configuration, with_details=True)
    file = tmp_path / "top-3.html"
    file.write_text(rendered(view, "html"), encoding="utf-8")
    return file


@pytest.fixture
def narrow(page: Page) -> Iterator[Page]:
    page.set_viewport_size({"width": 900, "height": 1000})
    yield page


@pytest.mark.browser
def test_the_page_in_a_browser(narrow: Page, page_file: Path, tmp_path: Path) -> None:
    problems: list[str] = []
    asked: list[str] = []
    narrow.on("console", lambda message: problems.append(message.text))
    narrow.on("pageerror", lambda error: problems.append(str(error)))
    narrow.on("request", lambda request: asked.append(request.url))
    narrow.goto(page_file.as_uri())
    assert (problems, asked) == ([], [page_file.as_uri()])
    assert narrow.evaluate("document.documentElement.scrollWidth") == 900
    boxes = narrow.locator("svg").evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())")
    assert len(boxes) == 4
    assert all(box["width"] > 500 and box["height"] > 80 and box["right"] <= 900 for box in boxes)
    headings = narrow.get_by_role("heading", level=2).all_inner_texts()
    assert [heading.partition(".")[0] for heading in headings[:3]] == ["1", "2", "3"]
    assert narrow.get_by_role("img").count() == 4
    picture = narrow.screenshot(full_page=True, path=tmp_path / "top-3.png")
    assert picture.startswith(b"\x89PNG")
    narrow.set_viewport_size({"width": 390, "height": 800})
    assert narrow.evaluate("document.documentElement.scrollWidth") == 390
    narrow.set_viewport_size({"width": 680, "height": 1000})
    narrow.emulate_media(media="print")
    narrow.screenshot(full_page=True, path=tmp_path / "top-3-print.png")
    assert narrow.locator("section.type").first.evaluate("one => getComputedStyle(one).breakInside") == "avoid"
    printed = narrow.pdf(format="A4", print_background=True)
    assert 2 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page/") <= 5
    if kept := os.environ.get("GOLDENPATH_SCREENSHOTS"):
        for name in ("top-3.png", "top-3-print.png"):
            shutil.copy(tmp_path / name, kept)


@pytest.mark.soak
def test_a_scheduled_run_leaves_the_report_in_its_folder(tmp_path: Path, worked: Worked) -> None:
    source = worked.demo.configuration.source
    assert source is not None
    file = tmp_path / config.FILE_NAME
    file.write_text(
        f'{source.read_text(encoding="utf-8")}\n[report]\nevery = "day"\nhour = 0\nformats = ["html", "json"]\n'
    )
    variables = {"GOLDENPATH_CONFIG": str(file), "GOLDENPATH_STORE__FOLDER": str(worked.demo.configuration.folder)}
    with goldenpath("run", "--every", "0.05", folder=tmp_path, variables=variables) as process:
        read_until(process, "working every")
        end = time.monotonic() + 120
        while len(list(tmp_path.glob("reports/top-requests-*.[hj]*"))) < 2 and time.monotonic() < end:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
        assert process.returncode == 0, told
    days = {f"{datetime.now(UTC) - timedelta(days=back):%Y-%m-%d}" for back in (0, 1)}
    names = sorted(written.name for written in (tmp_path / "reports").iterdir())
    assert names in [[f"top-requests-{day}.html", f"top-requests-{day}.json"] for day in days], told
    document = json.loads((tmp_path / "reports" / names[1]).read_text(encoding="utf-8"))
    assert document["tickets"] > 3000 and document["complete"]

"""The commands as processes: what they print, how they end, and that nothing outlives them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from agent import config
from benchmarks.process_tree import run_watched
from tests.acceptance.conftest import Worked

ROOT = Path(__file__).parents[2]


@contextmanager
def goldenpath(
    *arguments: str, folder: Path, variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if words in line:
            return told
    pytest.fail(f"it ended before it said {words!r}:\n{told}")


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code < 500
    except requests.RequestException:
        return False


def assert_gone(url: str) -> None:
    deadline = time.monotonic() + 20
    while answers(url):
        assert time.monotonic() < deadline, f"{url} still answers"
        time.sleep(0.2)


@pytest.mark.soak
def test_the_demo_prints_one_document_within_a_minute_and_a_gigabyte(tmp_path: Path) -> None:
    demo = ("demo", "--no-serve", "--json", "--seed", "11")
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "agent", *demo]
    code, printed, complaints, peak = run_watched(command, tmp_path)
    assert code == 0, complaints
    document = json.loads(printed)
    assert document["seconds"] < 60
    assert document["tickets_synced"] >= 3000
    assert len(document["fulfilled"]) >= 2
    assert document["errors"] == 0
    assert peak < 1000  # MB, of all its processes together


@pytest.mark.soak
def test_nothing_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    with goldenpath("demo", folder=tmp_path) as process:
        told = read_until(process, "Ctrl-C ends everything")
        urls = set(re.findall(r"http://127\.0\.0\.1:\d+", told))
        assert len(urls) == 2
        assert all(answers(url) for url in urls)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        for url in urls:
            assert_gone(url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with goldenpath("sandbox", "--write", ".", folder=tmp_path) as process:
        told = read_until(process, "settings written to")
        assert config.load(tmp_path / config.FILE_NAME).read_token() in told
        url = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert url is not None
        process.send_signal(number)
        assert process.wait(20) == 0
        assert_gone(url[0])


def test_run_finishes_its_cycle_and_ends_on_sigterm(tmp_path: Path, worked: Worked) -> None:
    variables = {"GOLDENPATH_CONFIG": str(worked.demo.configuration.source)}
    with goldenpath("run", "--every", "0.05", folder=tmp_path, variables=variables) as process:
        read_until(process, "working every")
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
        assert process.returncode == 0, told
        assert "Traceback" not in told

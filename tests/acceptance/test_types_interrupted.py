"""Training and discovery that are killed, or run twice at once: what was there before is there, or nothing is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from agent import bootstrap, discovering, model
from agent.said import Said, read_discovered
from tests.integration.queues import Queue, open_queue

ROOT = Path(__file__).parents[2]


def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    return subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when(process: subprocess.Popen[str], path: Path) -> None:
    """As soon as the path is there; or it was too fast to be caught."""
    until = monotonic() + 60
    while not path.exists() and process.poll() is None and monotonic() < until:
        sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """Eighty labelled tickets."""
    with open_queue(tmp_path) as opened:
        opened.file(80)
        yield opened


def test_a_training_that_is_killed_leaves_the_model_before(queue: Queue) -> None:
    home = queue.configuration.folder
    queue.train()
    before = queue.live
    kill_when(start("train", folder=queue.configuration.root), home / "model.new")
    after = model.load(queue.configuration)
    assert after is None or after.classifier.report == before.classifier.report
    queue.train()
    assert queue.live.classifier.report == before.classifier.report
    assert {path.name for path in home.glob("model*")} == {"model", "model.lock"}


def test_an_end_between_the_two_models_leaves_none_and_the_next_call_makes_one(queue: Queue) -> None:
    queue.train()
    place = bootstrap.model_folder(queue.configuration)
    shutil.copytree(place, place.with_suffix(".new"))
    place.rename(place.with_suffix(".old"))
    assert model.load(queue.configuration) is None
    made = model.load_or_train(queue.configuration, list(queue.store.tickets()), Said())
    assert made is not None
    assert queue.live.sha256 == made.sha256
    assert not place.with_suffix(".new").exists() and not place.with_suffix(".old").exists()


@pytest.mark.soak
def test_two_trainings_at_once_leave_one_whole_model(queue: Queue) -> None:
    for process in [start("train", "--json", folder=queue.configuration.root) for _ in range(2)]:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert json.loads(out)["is_live"] is True
    assert queue.live.classifier.report.tickets == 80
    assert len(queue.certificates()) == 4


def test_a_discovery_that_is_killed_is_made_good_by_the_next(tmp_path: Path) -> None:
    with open_queue(tmp_path) as queue:
        queue.file(80, has_form=False)

        def discover() -> dict[tuple[str, int], str]:
            discovering.discover_store(queue.configuration, queue.store, queue.ledger, at=queue.now)
            return read_discovered(queue.configuration)

        kept = queue.configuration.folder / "discovered.json"
        first = discover()
        assert len(set(first.values())) >= 4
        kill_when(start("discover", folder=tmp_path), kept.with_suffix(".partial"))
        assert read_discovered(queue.configuration) == first
        kept.unlink()  # as if the file were lost: the ledger knows the tickets of each type
        assert discover() == first

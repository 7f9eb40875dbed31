"""One demo for all acceptance tests: the real sandbox over HTTP, a real cycle, kept running."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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

"""The test of the test: without a part that the engine needs, a schedule breaks the invariant that the part holds.

Each part is taken out of the source of a copy, and the copy is what another process plays.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.simulation.play import play, schedule

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """Where `old` stands exactly once, `new` is put; the words of the schedule then break the invariant."""

    file: str
    old: str
    new: str
    words: tuple[str, ...]
    broken: str


MUTANTS = {
    "no look before a creation": Mutant(
        "applying.py",
        "        seen = self._observe(step, intent)\n        is_begun =",
        "        seen = 'absent'\n        is_begun =",
        ("forgiving", "provider.box:CreateBox", "die-late:20"),
        "at_most_one_resource_per_request",
    ),
    "no fence": Mutant(
        "statements.py",
        '    requests.c.state == bindparam("was"),\n    requests.c.epoch == bindparam("was_epoch"),\n',
        '    (requests.c.state == bindparam("was")) | requests.c.state.is_not(None),\n'
        '    (requests.c.epoch == bindparam("was_epoch")) | requests.c.epoch.is_not(None),\n',
        ("autonomous", "ledger.begin", "frozen"),
        "what_is_closed_stays_closed",
    ),
    "no look for what was posted": Mutant(
        "answers.py",
        "        posted = self.posted(ticket, purpose, subject)\n        if posted is not None:",
        "        posted = None\n        if posted is not None:",
        ("autonomous", "desk.post_comment", "die-late:20"),
        "no_comment_stands_twice",
    ),
    "no look whether the plan is the approved one": Mutant(
        "records.py",
        "self.approved_at is not None and self.plan_digest == plan_digest",
        "self.approved_at is not None",
        ("autonomous", "ledger.begin", "swap", "ledger.begin", "die"),
        "nothing_without_an_approval",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_it_goes_wrong_without_it(name: str, tmp_path: Path) -> None:
    mutant = MUTANTS[name]
    shutil.copytree(ROOT / "fulfilment", tmp_path / "fulfilment", ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "fulfilment" / mutant.file
    text = source.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.file} changed: name the part anew"
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    played = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *mutant.words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert f"plays {tmp_path}" in played.stderr
    assert played.returncode == 1, played.stdout + played.stderr
    assert f"WRONG: {mutant.broken}: " in played.stdout


@pytest.mark.parametrize("name", MUTANTS)
def test_it_goes_well_with_it(name: str) -> None:
    played = play(schedule(*MUTANTS[name].words), trace=True)
    assert not played.wrong, str(played)

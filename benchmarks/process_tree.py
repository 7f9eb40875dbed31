"""The memory of a process and of all that it started, as Linux tells it under /proc."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOOK: Final = 0.1  # seconds between two looks


def run_watched(command: list[str], folder: Path) -> tuple[int, str, str, float]:
    """Runs it to its end: its exit code, what it printed, its complaints, and the most memory in MB that it and its
    children held at once (0.0 where there is no /proc). What several processes share counts once."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        peak = 0.0
        while True:
            try:
                printed, complaints = child.communicate(timeout=LOOK)
            except subprocess.TimeoutExpired:
                peak = max(peak, sum(map(_held, _family(child.pid))))
            else:
                return child.returncode, printed, complaints, peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in _listed(Path(f"/proc/{pid}/task")):
        for child in _told(task / "children").split():
            yield from _family(int(child))


def _held(pid: int) -> float:
    """Megabytes."""
    for line in _told(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it has just ended
        return []


def _told(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""

"""Plays a schedule again: `python -m tests.simulation SCENARIO [POINT FAULT]…`; without faults it lists the points."""

from __future__ import annotations

import sys

from tests.simulation.play import play
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.schedules import Fault, Schedule


def main(words: list[str]) -> int:
    """1 when an invariant was broken, 2 for a scenario that does not exist."""
    if not words or words[0] not in SCENARIOS or len(words) % 2 == 0:
        print(f"{__doc__}\nscenarios: {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    faults = tuple(Fault(int(at), what) for at, what in zip(words[1::2], words[2::2], strict=True))
    played = play(Schedule(words[0], faults), trace=True)
    print(played)
    return 1 if played.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

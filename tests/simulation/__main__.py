"""Plays a schedule again: `python -m tests.simulation SCENARIO [POINT FAULT]...`; without faults it shows the points.

A point is an ordinal, or a name like `ledger.begin` or `desk.ticket@2` (the second of that name).
"""

from __future__ import annotations

import sys

import fulfilment
from tests.simulation.play import play, schedule
from tests.simulation.scenarios import SCENARIOS


def main(words: list[str]) -> int:
    """1 when an invariant was broken, 2 for a scenario or a point that does not exist."""
    print(f"plays {fulfilment.__file__}", file=sys.stderr)
    try:
        asked = schedule(SCENARIOS[words[0]].name, *words[1:])
    except (IndexError, KeyError, ValueError) as error:
        print(f"{__doc__}\n{error!r}\nscenarios: {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    played = play(asked, trace=True)
    print(played)
    return 1 if played.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

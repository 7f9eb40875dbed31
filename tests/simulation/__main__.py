"""Plays a schedule again: `python -m tests.simulation SCENARIO [POINT FAULT]...`; without faults it shows the points.

A point is an ordinal, or a name like `ledger.begin` or `desk.ticket@2` (the second of that name). The scenario `site`
is played against the sandbox, with ordinals.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import fulfilment
from tests.simulation.play import play, schedule
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.schedules import Fault, Schedule


def main(words: list[str]) -> int:
    """1 when an invariant was broken, 2 for a scenario or a point that does not exist."""
    if words[:1] == ["site"]:
        return _on_site(words[1:])
    print(f"plays {fulfilment.__file__}", file=sys.stderr)
    try:
        asked = schedule(SCENARIOS[words[0]].name, *words[1:])
    except (IndexError, KeyError, ValueError) as error:
        print(f"{__doc__}\n{error!r}\nscenarios: {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    played = play(asked, trace=True)
    print(played)
    return 1 if played.wrong else 0


def _on_site(words: list[str]) -> int:
    from tests.simulation.site import serve  # the sandbox is not needed for anything else

    faults = tuple(Fault(int(where), what) for where, what in zip(words[::2], words[1::2], strict=True))
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as site:
        played = site.play(Schedule("site", faults), trace=True)
    print(played)
    return 1 if played.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

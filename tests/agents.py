"""One of several agents on one store: `python -m tests.agents CONFIGURATION ROUNDS` works in cycles when the first
line arrives, and prints what it fulfilled as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from agent import bootstrap, config
from agent.cycle import run_cycle
from fulfilment.request import Result


def main() -> None:
    configuration, rounds = config.load(Path(sys.argv[1])), int(sys.argv[2])
    fulfilled: list[str] = []
    errors = 0
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(rounds):
        with bootstrap.open_rooms(configuration) as rooms:
            done = run_cycle(rooms)
            errors += done.errors
            fulfilled += [outcome.ticket for outcome in done.outcomes if outcome.result is Result.FULFILLED]
            if not rooms.ledger.unfinished() and fulfilled:
                break
        time.sleep(0.2)
    print(json.dumps({"fulfilled": fulfilled, "errors": errors}), flush=True)


if __name__ == "__main__":
    main()

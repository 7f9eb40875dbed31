"""`python -m benchmarks`: measures, prints each figure with its target, ends with 1 when one is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import fields

from benchmarks import ledger, queue, request_types, sync
from benchmarks.verdicts import Number, Sizes

MEASURES = {**sync.MEASURES, **queue.MEASURES, **request_types.MEASURES, **ledger.MEASURES}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast a sync and the figures of a queue are, how right request types, what the ledger costs.",
    )
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="only this; may be given again")
    parser.add_argument("--json", action="store_true", help="print one JSON object, raw figures included")
    for size in fields(Sizes):
        parser.add_argument(
            f"--{size.name.replace('_', '-')}", type=int, default=size.default, help=f"default {size.default:,}"
        )
    options = parser.parse_args()
    sizes = Sizes(**{size.name: getattr(options, size.name) for size in fields(Sizes)})
    numbers: list[Number] = []
    for name in options.only or MEASURES:
        for number in MEASURES[name](sizes):
            numbers.append(number)
            if not options.json:
                print(number.line(), flush=True)
    if options.json:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()}
        print(json.dumps({"machine": machine, "numbers": [number.document() for number in numbers]}, indent=2))
    return 0 if all(number.is_met for number in numbers) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Replays stories by seed: `python -m tests.truth 17` or `python -m tests.truth 0-299`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

from tests.truth.play import Outcome, play
from tests.truth.shrink import shrink
from tests.truth.story import Story, tell


def main() -> int:
    """Prints the account of every story that fails, cut down to the steps that it needs; 1 when one does."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("seeds", nargs="+", help="a seed, or a range like 0-299")
    parser.add_argument("--kills", action=argparse.BooleanOptionalAction, help="kill processes in every story, or none")
    parser.add_argument("--whole", action="store_true", help="do not cut failing stories down")
    parser.add_argument("--account", action="store_true", help="tell the stories that pass too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    stories = [tell(seed, kills=asked.kills) for seed in _seeds(asked.seeds)]
    began, failed = perf_counter(), 0
    for outcome in _play_all(stories, asked.jobs):
        if outcome.differences:
            failed += 1
            shown = outcome if asked.whole else play(shrink(outcome.story, _fails))
            print(shown if shown.differences else outcome, end="\n\n", flush=True)
        elif asked.account or len(stories) == 1:
            print(outcome, flush=True)
    print(f"{len(stories)} stories, {failed} failed, {perf_counter() - began:.1f} s")
    return 1 if failed else 0


def _seeds(words: Sequence[str]) -> Iterator[int]:
    for word in words:
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _play_all(stories: Sequence[Story], jobs: int) -> Iterator[Outcome]:
    if len(stories) == 1 or jobs == 1:
        yield from map(play, stories)
        return
    with ProcessPoolExecutor(min(jobs, len(stories))) as pool:
        yield from pool.map(play, stories)


def _fails(story: Story) -> bool:
    return bool(play(story).differences)


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m sandbox`: serves until standard input closes, saving the Jira's state where a file is named."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from sandbox.history import year
from sandbox.jira_state import load_world
from sandbox.serve import SandboxError, announce, serve_in_thread
from sandbox.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=datetime.fromisoformat, help="when history ends (default: now)")
    parser.add_argument("--tickets", type=int, default=3200)
    parser.add_argument("--jira-port", type=int, default=0)
    parser.add_argument("--aws-port", type=int, default=0)
    parser.add_argument("--state", type=Path)
    chosen = parser.parse_args()
    try:
        with serve_in_thread(
            make_world(chosen), jira_port=chosen.jira_port, aws_port=chosen.aws_port, state_file=chosen.state
        ) as running:
            sys.stdout.write(announce(running) + "\n")
            sys.stdout.flush()
            sys.stdin.buffer.read()
    except (SandboxError, ValueError) as error:
        code = error.exit_code if isinstance(error, SandboxError) else 2
        sys.stdout.write(json.dumps({"error": str(error), "exit_code": code}) + "\n")
        return code
    return 0


def make_world(chosen: argparse.Namespace) -> World:
    """The saved world where there is one, else a new year of history."""
    now = chosen.now or datetime.now(UTC)
    if chosen.state and chosen.state.exists():
        try:
            world = load_world(chosen.state)
        except ValueError:
            raise SandboxError(
                f"{chosen.state} does not hold a sandbox's state; name another file, or delete it", 2
            ) from None
        world.now = max(world.now, now)
        return world
    return year(chosen.seed, now, chosen.tickets)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m sandbox`: a Jira and an AWS on loopback, until standard input closes, Ctrl-C or SIGTERM.

Prints one line of JSON when it serves: the addresses and the personas' credentials; or `error` and `exit_code`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from sandbox.serve import SandboxError, announce, serve_in_thread
from sandbox.world import Deployment, World


def main() -> int:
    chosen = _arguments().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=_watch_input, name="sandbox-input", daemon=True).start()
    try:
        with serve_in_thread(
            _world(chosen),
            jira_port=chosen.jira_port,
            aws_port=chosen.aws_port,
            state_file=chosen.state_file,
            deployment=chosen.deployment,
        ) as running:
            print(announce(running), flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except SandboxError as error:
        print(json.dumps({"error": str(error), "exit_code": error.exit_code}), flush=True)
        return error.exit_code
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends already: our own watcher must not interrupt that
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=datetime.fromisoformat, help="when history ends, with a time zone (default: now)")
    parser.add_argument("--tickets", type=int, default=3200)
    parser.add_argument("--jira-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--aws-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--deployment", choices=get_args(Deployment), default="Cloud", help="which Jira to be")
    parser.add_argument(
        "--state-file", type=Path, help="loaded where it exists; saved from time to time and at the end"
    )
    return parser


def _watch_input() -> None:
    """Ends this process as soon as whoever started it is gone, also in the middle of starting."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _world(chosen: argparse.Namespace) -> World:
    """The saved world where there is one, else a new year of history. Raises SandboxError."""
    from sandbox.history import year
    from sandbox.jira_file import StateFileError, load

    now = chosen.now or datetime.now(UTC)
    try:
        if chosen.state_file and chosen.state_file.exists():
            return load(chosen.state_file, now)
        return year(chosen.seed, now, chosen.tickets)
    except (StateFileError, ValueError) as error:
        raise SandboxError(str(error), 2) from None


if __name__ == "__main__":
    sys.exit(main())

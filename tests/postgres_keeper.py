"""Runs a PostgreSQL in a folder until standard input ends, however the process at the other end did; then removes it.

`python postgres_keeper.py FOLDER USER COMMAND…`; USER is empty where the server may run as we do.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    folder, user, *command = sys.argv[1:]
    with open(f"{folder}/log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user or None, cwd=folder)
    try:
        sys.stdin.read()
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

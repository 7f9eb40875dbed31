"""`goldenpath` as a child process: it is told to stop when its standard input closes."""

from __future__ import annotations

import os
import signal
import sys
import threading

from agent.cli import main


def _stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    main()

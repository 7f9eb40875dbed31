"""Runs the dashboard on loopback: `python -m dashboard.serve PORT`. Ends when its standard input closes."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from streamlit.web import bootstrap


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def serve(port: int) -> None:
    """Blocks. Streamlit's own settings are fixed here: loopback only, no statistics sent, no browser opened."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "127.0.0.1",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "global.developmentMode": False,
        "theme.primaryColor": "#0B6E4F",
        "theme.font": "sans-serif",
    }
    bootstrap.load_config_options(options)
    bootstrap.run(str(Path(__file__).with_name("app.py")), False, [], options)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

"""Keeps the sandbox's Jira in a file: loaded at the start, saved from time to time and at the end."""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from sandbox.jira_state import JiraState
from sandbox.site import site_fields
from sandbox.world import World

EVERY_SECONDS = 5.0


class StateFileError(ValueError):
    """The file cannot be read or holds no sandbox: name another file, or delete it."""


class StateFile:
    """Saves a state that has changed, every few seconds between `start` and `stop`, and at the stop."""

    def __init__(self, path: Path, state: JiraState) -> None:
        self._path = path
        self._state = state
        self._saved = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-state", daemon=True)

    def start(self) -> None:
        """Saves at once, so that a path that cannot be written raises OSError here."""
        self.save()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self.save()

    def save(self) -> None:
        """Writes the file whole or not at all; nothing is written when nothing has changed."""
        with self._state.lock:
            content = orjson.dumps(self._state.world, default=_listed, option=orjson.OPT_NON_STR_KEYS)
        if content == self._saved:
            return
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        self._saved = content

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.save()


def load(path: Path, now: datetime) -> World:
    """The world as it was saved; its clock goes on from `now`, or from its last change if that is later.

    Raises StateFileError.
    """
    try:
        world = TypeAdapter(World).validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise StateFileError(
            f"{path} does not hold the state of a sandbox; name another file, or delete this one"
        ) from None
    world.fields = {entry.id: entry for entry in site_fields()} | world.fields  # of a sandbox that knew fewer
    world.now = max([now, world.now, *(issue.updated for issue in world.issues.values())])
    return world


def _listed(value: object) -> list[str]:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)

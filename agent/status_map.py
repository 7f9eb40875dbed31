"""What the statuses of an event log mean: a map that a person writes, and what is proposed for the rest."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.errors import ConfigurationError
from analytics.clocks import CLOCKS, suggested
from tickets.delimited import folded
from tickets.ticket import Clock


@dataclass(frozen=True, slots=True)
class EventMeanings:
    """What an event log's statuses were taken to mean. `seen` counts events per status, the most frequent first;
    `unused` are names of the map that never occur."""

    seen: Mapping[str, int]
    given: Mapping[str, Clock]
    unused: tuple[str, ...]
    repeated: int

    @property
    def unmapped(self) -> dict[str, int]:
        return {name: count for name, count in self.seen.items() if name not in self.given}

    def proposals(self) -> dict[str, Clock]:
        """What the names of unmapped statuses suggest; those that suggest nothing are left out."""
        return {name: told for name in self.unmapped if (told := suggested(name))}

    def to_toml(self) -> str:
        """The whole map, ready to copy: what was given, then proposals, then as comments what nothing suggests."""
        proposed = self.proposals()
        lines = ["[statuses]", *(f"{_quoted(name)} = {_quoted(told)}" for name, told in self.given.items())]
        for name in self.unmapped:
            told = f"{_quoted(proposed[name])}  # proposed by its name" if name in proposed else f'"{"|".join(CLOCKS)}"'
            lines.append(f"{'' if name in proposed else '# '}{_quoted(name)} = {told}")
        return "\n".join(lines)


def read_status_map(path: Path) -> dict[str, Clock]:
    """What statuses mean: `[statuses]` with `"name" = "queue"` (or active, requester, blocked, done) in a TOML file.

    Raises ConfigurationError, naming the file and what is allowed.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"the status map {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the status map {path} is no TOML: {error}") from None
    statuses = told.pop("statuses", None)
    if not isinstance(statuses, dict) or told:
        raise ConfigurationError(f"the status map {path} must hold the table [statuses] and nothing else")
    meanings: dict[str, Clock] = {}
    for name, meaning in statuses.items():
        if meaning not in CLOCKS:
            raise ConfigurationError(f"{path}: {name!r} is {meaning!r}; allowed are {', '.join(CLOCKS)}")
        if meanings.setdefault(folded(name), meaning) != meaning:
            raise ConfigurationError(f"{path}: {name!r} has two meanings; case and blanks do not count")
    return {name: statuses[name] for name in statuses}


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

"""How people word their tickets: templates in two disjoint sets, one to learn from, one to be tested on."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

SetName = Literal["train", "test"]
FRAMES = "frames.toml"


@dataclass(frozen=True)
class Phrasing:
    """A template of a ticket. `contradictory` names parameters of which the text says two things."""

    id: str
    request_type: str
    set: SetName
    summary: str
    description: str
    contradictory: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frames:
    """What stands around a request, per set; what people say in comments, per deed; names for slots."""

    greetings: dict[str, tuple[str, ...]]
    closings: dict[str, tuple[str, ...]]
    comments: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]


@cache
def phrasings(set_name: SetName) -> tuple[Phrasing, ...]:
    """All templates of a set, ordered by type. Raises ValueError on another set's name."""
    if set_name not in get_args(SetName):
        raise ValueError(f"there is no set {set_name!r} of phrasings, only train and test")
    found: list[Phrasing] = []
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        if file.name == FRAMES:
            continue
        for request_type, sets in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for number, (summary, description, *contradictory) in enumerate(sets[set_name]):
                name = f"{request_type}/{set_name}/{number}"
                found.append(Phrasing(name, request_type, set_name, summary, description, tuple(contradictory)))
    return tuple(sorted(found, key=lambda phrasing: phrasing.request_type))


@cache
def phrasings_of(request_type: str, set_name: SetName) -> tuple[Phrasing, ...]:
    return tuple(phrasing for phrasing in phrasings(set_name) if phrasing.request_type == request_type)


@cache
def frames() -> Frames:
    raw = tomllib.loads((Path(__file__).parent / FRAMES).read_text(encoding="utf-8"))
    return Frames(*({key: tuple(lines) for key, lines in raw[part].items()} for part in Frames.__annotations__))

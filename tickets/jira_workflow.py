"""Which transition leads to a wanted status, and what it must be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tickets.errors import NoTransition
from tickets.shapes import mapping, sequence, word

Raw = Mapping[str, Any]


def choose_transition(
    offered: Sequence[Raw], key: str, current: str, to_status: str, resolution: str
) -> dict[str, Any]:
    """What to POST: the first transition that leads there and asks for nothing but a resolution.

    `offered` is Jira's list with `transitions.fields`. Raises NoTransition with what Jira permits.
    """
    obstacles: list[str] = []
    for transition in offered:
        if word(mapping(transition.get("to")).get("name")).casefold() != to_status.casefold():
            continue
        screen = {name: mapping(field) for name, field in mapping(transition.get("fields")).items()}
        needed = {name for name, field in screen.items() if field.get("required") and not field.get("hasDefaultValue")}
        others = sorted(str(screen[name].get("name", name)) for name in needed - {"resolution"})
        if others:
            obstacles.append(f"{transition.get('name')!r} also asks for {', '.join(others)}")
            continue
        body: dict[str, Any] = {"transition": {"id": word(transition.get("id"))}}
        if "resolution" in screen:
            allowed = [mapping(value) for value in sequence(screen["resolution"].get("allowedValues"))]
            chosen = next((v for v in allowed if str(v.get("name", "")).casefold() == resolution.casefold()), None)
            if chosen is None and allowed:
                names = ", ".join(str(value.get("name")) for value in allowed)
                obstacles.append(f"{transition.get('name')!r} knows no resolution {resolution!r}, only {names}")
                continue
            body["fields"] = {"resolution": {"id": word(chosen.get("id"))} if chosen else {"name": resolution}}
        return body
    permitted = ", ".join(f"{t.get('name')} → {mapping(t.get('to')).get('name')}" for t in offered)
    why = "; ".join(obstacles) or (f"permitted are: {permitted}" if permitted else "Jira permits this account none")
    raise NoTransition(f"{key} cannot go from {current} to {to_status}: {why}")

"""Which transition leads to a wanted status, and what it must be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tickets.errors import NoTransition
from tickets.jira_records import Offer
from tickets.shapes import mapping, sequence, word

Raw = Mapping[str, Any]


def read_offers(offered: Sequence[Raw]) -> tuple[Offer, ...]:
    """Jira's list with `transitions.fields` in our words."""
    return tuple(
        Offer(
            word(transition.get("id")),
            word(transition.get("name")),
            word(mapping(transition.get("to")).get("id")),
            word(mapping(transition.get("to")).get("name")),
            _needed(transition),
            tuple(word(value.get("name")) for value in _resolutions(transition)),
        )
        for transition in offered
    )


def _needed(transition: Raw) -> dict[str, str]:
    """The fields that must be sent, by id, each with its name."""
    screen = {name: mapping(field) for name, field in mapping(transition.get("fields")).items()}
    return {
        name: word(field.get("name")) or name
        for name, field in sorted(screen.items())
        if field.get("required") and not field.get("hasDefaultValue")
    }


def _resolutions(transition: Raw) -> list[Raw]:
    field = mapping(mapping(transition.get("fields")).get("resolution"))
    return [mapping(value) for value in sequence(field.get("allowedValues"))]


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
        others = sorted(label for name, label in _needed(transition).items() if name != "resolution")
        if others:
            obstacles.append(f"{transition.get('name')!r} also asks for {', '.join(others)}")
            continue
        body: dict[str, Any] = {"transition": {"id": word(transition.get("id"))}}
        if "resolution" in screen:
            allowed = _resolutions(transition)
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

"""A plan is frozen data: what would be done, in order, and what a person approves by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

_OPTIONAL = frozenset({"removes", "waits", "lifetime_days"})


@dataclass(frozen=True, slots=True)
class Step:
    """One call that changes the world.

    `operation` is `service:Operation` as AWS spells it (`s3:CreateBucket`) and must be declared by the handler;
    `resource` what it touches (an ARN or a name); `arguments` the call's own keyword arguments, plain JSON;
    `sentence` says it to a person. `creates` is True for a step that brings a resource into being, `removes` for one
    that takes it away: the engine observes before it, and records what was observed in the intent. `waits` is True
    where the provider goes on working after its answer: the engine asks `Handler.readiness` before the next step.
    """

    operation: str
    resource: str
    arguments: Mapping[str, Any]
    sentence: str
    creates: bool = False
    removes: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` empty = already there. `monthly_cost` in US dollars. `usage` is said in the answer: how to use it.
    What is made is meant to live for `lifetime_days`; None: until somebody decides."""

    handler: str
    environment: str
    region: str
    resource: str
    parameters: Mapping[str, Any]
    steps: tuple[Step, ...]
    monthly_cost: float
    summary: str
    usage: tuple[str, ...]
    conflict: str | None = None
    lifetime_days: int | None = None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON of all that is approved."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """What a plan does not use is left out, so that plans of older versions keep their digest."""
        raw: dict[str, Any] = {name: getattr(self, name) for name in _PLAN}
        raw["steps"] = [
            {name: value for name in _STEP if (value := getattr(step, name)) or name not in _OPTIONAL}
            for step in self.steps
        ]
        raw = {name: value for name, value in raw.items() if value is not None or name not in _OPTIONAL}
        return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        raw = json.loads(text)
        raw["steps"] = tuple(Step(**step) for step in raw["steps"])
        raw["usage"] = tuple(raw["usage"])
        return cls(**raw)


_STEP, _PLAN = ([f.name for f in fields(record)] for record in (Step, Plan))

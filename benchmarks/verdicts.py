"""What a benchmark says: a figure, its target, whether it was met; and how much is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tickets per run, and how often the alternating runs are repeated. Those of a queue begin with its name;
    `repetitions` is for certificates in simulation; `ledger` is in rows, `ledger_changes` in changes of a request;
    `fulfilments` are whole ones."""

    speed: int = 30_000
    waiting: int = 100_000
    few: int = 50_000
    many: int = 200_000
    changed: int = 100
    rounds: int = 3
    queue: int = 1_000_000
    queue_few: int = 250_000
    queue_rounds: int = 5
    repetitions: int = 1_000
    ledger: int = 1_000_000
    ledger_changes: int = 800
    ledger_rounds: int = 3
    fulfilments: int = 300


@dataclass(frozen=True, slots=True)
class Number:
    """A figure; `target` None where it is only told. `raw` is what it was made of."""

    name: str
    says: str
    value: float
    unit: str
    target: float | None = None
    is_most: bool = False  # the target is the most that is allowed, not the least
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        if self.target is None:
            return True
        return self.value <= self.target if self.is_most else self.value >= self.target

    def line(self) -> str:
        verdict = ""
        if self.target is not None:
            sign = "≤" if self.is_most else "≥"
            verdict = f"   {'met' if self.is_met else 'MISSED'} ({sign} {_shown(self.target)} {self.unit})"
        return f"{self.name:<20} {_shown(self.value):>9} {self.unit:<10}{verdict}\n    {self.says}"

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "is_met": self.is_met}


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"

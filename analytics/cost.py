"""What waiting costs, always with what the figure assumes."""

from __future__ import annotations

from dataclasses import dataclass

DEFINITION = "cost of waiting = queue time in business hours × hourly cost × blocked share"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`hourly_cost`: an hour of a waiting requester, in `currency`; `blocked_share`: the part of the waiting
    (0 to 1) in which the requester's work stands still.

    Raises ValueError for a negative cost or a share outside 0 to 1.
    """

    hourly_cost: float = 75.0
    blocked_share: float = 0.3
    currency: str = "USD"

    def __post_init__(self) -> None:
        if not self.hourly_cost >= 0:
            raise ValueError(f"hourly_cost must not be negative, and is {self.hourly_cost}")
        if not 0 <= self.blocked_share <= 1:
            raise ValueError(f"blocked_share is a part between 0 and 1, and is {self.blocked_share}")

    def __str__(self) -> str:
        return (
            f"assumed: {self.hourly_cost:g} {self.currency} for an hour of a waiting requester, "
            f"whose work stands still for {self.blocked_share:.0%} of the wait"
        )

    def to_json(self) -> dict[str, float | str]:
        return {
            "hourly_cost": self.hourly_cost,
            "blocked_share": self.blocked_share,
            "currency": self.currency,
        }


def cost_of_waiting(queue_business_hours: float, assumptions: Assumptions) -> float:
    """In `assumptions.currency`. The glossary's definition: queue time in business hours × hourly cost ×
    blocked share.
    """
    return queue_business_hours * assumptions.hourly_cost * assumptions.blocked_share

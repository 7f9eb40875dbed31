"""Figures as people say them."""

from __future__ import annotations


def hours(value: float | None) -> str:
    """A duration in hours of calendar time."""
    if value is None or value != value:
        return "unknown"
    if value == float("inf"):
        return "not reached"
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:,.1f} days"


def share(value: float | None) -> str:
    if value is None or value != value:
        return "unknown"
    return "<1%" if 0 < value < 0.005 else f"{value:.0%}"


def signed(value: float) -> str:
    """A difference in hours; a median that is not reached has no difference to say."""
    if value in (float("inf"), -float("inf")):
        return "without end" if value > 0 else "from without end"
    return f"{value:+.1f} h"

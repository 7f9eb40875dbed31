"""A case as a person reads it, and what differs between the figures expected and those that a product gave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.oracle.oracle import Figures, Rules, Shop, instant, micros
from tests.oracle.stories import Case

TOLERANCE = 1e-3  # seconds
FLAGS = ("is_open", "has_history", "queue_is_open")
INSTANTS = ("requested_at", "started_at", "finished_at")
COUNTS = ("reopenings", "hand_offs", "bounces")
SHARES = ("flow_efficiency", "business_flow_efficiency")


def flat(figures: Figures) -> dict[str, Any]:
    """Every figure under its name; durations in seconds."""
    return {name: getattr(figures, name) for name in (*FLAGS, *INSTANTS, *COUNTS, *SHARES)} | dict(figures.seconds)


def differences(expected: Figures, got: Mapping[str, Any]) -> list[str]:
    """A line for each figure that is not the same: durations to a millisecond, unknown only where it is expected."""
    lines = []
    for name, value in flat(expected).items():
        if name not in got:
            lines.append(f"{name:28} is missing")
        elif not _same(value, got[name]):
            lines.append(f"{name:28} expected {_told(value):34} got {_told(got[name])}")
    return lines


def _same(expected: object, got: object) -> bool:
    if expected is None or got is None:
        return expected is got
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, datetime) and isinstance(got, datetime):
        return abs(expected - got) <= timedelta(seconds=TOLERANCE)
    if isinstance(expected, int | float) and isinstance(got, int | float):
        tolerance = 1e-6 if abs(expected) <= 1 and isinstance(expected, float) else TOLERANCE
        return not math.isnan(got) and abs(expected - got) <= tolerance
    return False


def _told(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:.6f} ({timedelta(seconds=value)})" if math.isfinite(value) else str(value)
    return str(value)


def told(case: Case) -> str:
    """The ticket as a table of what happened, the rules it falls under, and its calendar."""
    ticket, world = case.ticket, case.world
    rules, shop = world.rules_of(ticket.project), world.shop_of(ticket.reporter)
    reporter = ticket.reporter.id if ticket.reporter else "nobody known"
    events = [(ticket.created_at, f"created by {reporter} in {ticket.project}")]
    for change in ticket.status_changes or ():
        events.append((change.at, f"{_status(change.from_name, rules)} -> {_status(change.to_name, rules)}"))
    for edit in ticket.field_changes:
        events.append((edit.at, f"{edit.field}: {edit.from_value!r} -> {edit.to_value!r}"))
    for said in ticket.comments:
        author = f"{said.author.id} ({said.author.kind})" if said.author else "nobody known"
        events.append((said.created_at, f"{'public' if said.is_public else 'internal'} comment by {author}"))
    if ticket.resolved_at:
        events.append((ticket.resolved_at, "resolved"))
    events.append((world.now, f"now: {_status(ticket.status.name, rules)}"))
    events.sort(key=lambda event: event[0])
    history = "no history" if ticket.status_changes is None else f"{len(ticket.status_changes)} status changes"
    return "\n".join(
        [
            f"{ticket.key}, {history}",
            *(f"  {at:%a %Y-%m-%d %H:%M:%S.%f} UTC  {what}" for at, what in events),
            f"  start {rules.start}, finish {rules.finish}, bots {sorted(world.bots)}",
            *_hours(shop, case),
        ]
    )


def _status(name: str, rules: Rules) -> str:
    return f"{name} [{rules.class_of(name)}]"


def _hours(shop: Shop, case: Case) -> list[str]:
    lines = [f"  open in {shop.zone}: "]
    for day, shifts in sorted(shop.hours.items()):
        lines.append(f"    {['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][day]} {_shifts(shifts)}")
    for date, shifts in sorted(shop.days.items()):
        lines.append(f"    {date} {_shifts(shifts)}")
    lines.append(f"    closed {', '.join(map(str, sorted(shop.holidays))) or 'never else'}")
    first, last = sorted((case.ticket.created_at, case.world.now))
    if last - first <= timedelta(days=4):
        near = sorted({shift for at in (first, last) for shift in shop.shifts_near(micros(at))})
        lines.extend(
            f"    {instant(opens):%a %d %H:%M:%S} to {instant(closes):%a %d %H:%M:%S} UTC" for opens, closes in near
        )
    return lines


def _shifts(shifts: Any) -> str:
    return ", ".join(f"{opens}-{closes}" for opens, closes in shifts) or "closed"


def report(cases: list[Case], got: list[dict[str, Any]], *, most: int = 3) -> str:
    """What differs in the first `most` cases that differ; empty where none does."""
    if len(cases) != len(got):
        return f"{len(cases)} tickets were measured, {len(got)} came back"
    wrong = []
    for case, figures in zip(cases, got, strict=True):
        if lines := differences(case.expected(), figures):
            wrong.append("\n".join([told(case), *(f"    {line}" for line in lines)]))
    more = f"\n\n{len(wrong) - most} more differ" if len(wrong) > most else ""
    return "\n\n".join(wrong[:most]) + more

"""The service level agreements of a desk's tickets, as Jira Service Management keeps them in custom fields.

Both run round the clock. The time to resolution rests while the customer is waited for; resolving ends a cycle,
reopening begins another. The time to first response ends with the desk's first public comment, or the resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.world import SLA_FIELDS, Issue, World

FIRST_RESPONSE, RESOLUTION = SLA_FIELDS
RESPOND_WITHIN = timedelta(hours=8)
RESOLVE_WITHIN = {"Highest": timedelta(hours=8), "High": timedelta(hours=24), "Medium": timedelta(hours=72)}
OTHERWISE = timedelta(hours=120)
PAUSED = frozenset({"10003"})
DESK = frozenset({"g-ops", "g-ops-bots"})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Json = dict[str, object]


@dataclass(frozen=True)
class Cycle:
    """`stopped` is None while it runs; `rested` the time in which it was paused, up to its end or now."""

    started: datetime
    stopped: datetime | None
    rested: timedelta
    is_paused: bool = False


def sla(world: World, issue: Issue, field_id: str, base: str, now: datetime) -> Json | None:
    """The value of an SLA field, as the service desk API describes it; None outside a service desk."""
    if world.projects[issue.project].style != "service_desk":
        return None
    is_response = field_id == FIRST_RESPONSE
    goal = RESPOND_WITHIN if is_response else RESOLVE_WITHIN.get(issue.priority, OTHERWISE)
    cycles = [_response(world, issue)] if is_response else list(_resolutions(world, issue, now))
    number = "1" if is_response else "2"
    value: Json = {
        "id": number,
        "name": SLA_FIELDS[field_id],
        "_links": {"self": f"{base}/rest/servicedeskapi/request/{issue.id}/sla/{number}"},
        "completedCycles": [_told(cycle, goal, now) for cycle in cycles if cycle.stopped is not None],
    }
    if cycles and cycles[-1].stopped is None:
        value["ongoingCycle"] = _told(cycles[-1], goal, now)
    return value


def _response(world: World, issue: Issue) -> Cycle:
    answers = (
        comment.created
        for comment in issue.comments
        if comment.public and comment.author != issue.reporter and world.accounts[comment.author].groups & DESK
    )
    endings = (at for at, _, status in _moves(issue) if world.statuses[status].category == "done")
    first = min([*answers, *endings], default=None)
    return Cycle(issue.created, first, timedelta(0))


def _resolutions(world: World, issue: Issue, now: datetime) -> Iterator[Cycle]:
    moves = _moves(issue)
    first = moves[0][1] if moves else issue.status
    begun: datetime | None = issue.created if world.statuses[first].category != "done" else None
    paused_at: datetime | None = issue.created if first in PAUSED else None
    rested = timedelta(0)
    for at, _, status in moves:
        if paused_at is not None:
            rested, paused_at = rested + (at - paused_at), None
        if world.statuses[status].category == "done":
            if begun is not None:
                yield Cycle(begun, at, rested)
            begun, rested = None, timedelta(0)
            continue
        begun = begun or at
        paused_at = at if status in PAUSED else None
    if begun is not None:
        yield Cycle(begun, None, rested + (now - paused_at if paused_at else timedelta(0)), paused_at is not None)


def _moves(issue: Issue) -> list[tuple[datetime, str, str]]:
    """When, from which status and to which (ids)."""
    return [
        (history.created, item.from_id or "", item.to_id or "")
        for history in issue.histories
        for item in history.items
        if item.field == "status"
    ]


def _told(cycle: Cycle, goal: timedelta, now: datetime) -> Json:
    elapsed = (cycle.stopped or now) - cycle.started - cycle.rested
    told: Json = {
        "startTime": _date(cycle.started),
        "breachTime": _date(cycle.started + goal + cycle.rested),
        "breached": elapsed > goal,
        "goalDuration": _duration(goal),
        "elapsedTime": _duration(elapsed),
        "remainingTime": _duration(goal - elapsed),
    }
    if cycle.stopped is None:
        return {**told, "paused": cycle.is_paused, "withinCalendarHours": True}
    return {**told, "stopTime": _date(cycle.stopped)}


def _date(at: datetime) -> Json:
    text = at.isoformat(timespec="milliseconds")
    zone = text[-6:-3] + text[-2:]
    return {
        "iso8601": text[:-10] + zone,
        "jira": text[:-6] + zone,
        "friendly": text[:-13].replace("T", " "),
        "epochMillis": (at - _EPOCH) // timedelta(milliseconds=1),
    }


def _duration(length: timedelta) -> Json:
    minutes = abs(length) // timedelta(minutes=1)
    sign = "-" if length < timedelta(0) else ""
    return {"millis": length // timedelta(milliseconds=1), "friendly": f"{sign}{minutes // 60}h {minutes % 60}m"}

"""Is everything well, for a monitor: when a cycle last went well, what waits for a person. Asks the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.calling import audience_of, ways_to_go
from agent.config import Configuration
from agent.errors import AgentError
from agent.replies import look_and_settle, plain_sentence
from fulfilment.errors import FulfilmentError
from fulfilment.ledger import Ledger
from fulfilment.records import Call, Pulse
from fulfilment.schema import is_there

CYCLES_MISSED = 3  # so many in a row are a finding
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Vitals:
    """`problems` are what makes it unhealthy, `remarks` what does not; `good_at` is by the database's clock."""

    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    good_at: datetime | None = None
    age: timedelta | None = None
    waiting: tuple[Call, ...] = ()
    obstacles: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return not self.problems


def default_age(configuration: Configuration) -> timedelta:
    return CYCLES_MISSED * timedelta(minutes=configuration.agent.every_minutes)


def examine(configuration: Configuration, *, max_age: timedelta) -> Vitals:
    """Needs no Jira. What cannot be read is a problem like any other: nothing is raised for it."""
    try:
        with open_ledger(configuration) as ledger:
            pulse, waiting = ledger.pulse(), tuple(ledger.calls())
    except (AgentError, FulfilmentError) as error:
        return Vitals((" ".join(str(error).split()),))
    age = None if pulse.good_at is None else pulse.now - pulse.good_at
    problems = [*_rhythm(pulse, max_age), *(_waits(call) for call in waiting)]
    problems += [f"nothing is done in {key}: its copy is not provably whole" for key in pulse.obstacles]
    problems += [sentence for call in waiting if (sentence := _untold(configuration, call))]
    return Vitals(tuple(problems), _remarks(configuration), pulse.good_at, age, waiting, pulse.obstacles)


def open_ledger(configuration: Configuration) -> Ledger:
    """The ledger alone: the wiring of `agent.bootstrap` would load Jira and AWS, for which no monitor has the time.
    Raises AgentError or LedgerError."""
    place = configuration.ledger_place
    if not is_there(place):
        raise AgentError(f"no cycle has run yet: {place} does not exist; `goldenpath once` starts one")
    return Ledger.open(place)


def settle(configuration: Configuration, call_id: int, *, by: str, at: datetime) -> Call:
    """Closes a call; a request that it is about stays as it is. Raises AgentError with the way out."""
    with open_ledger(configuration) as ledger:
        waiting = {call.id: call for call in ledger.calls()}
        if call_id not in waiting:
            known = ", ".join(map(str, waiting)) or "none"
            raise AgentError(f"call {call_id} does not wait for a person; waiting are: {known}")
        call = waiting[call_id]
        ledger.settle_call(call, by=by, at=at)
    return call


def document(vitals: Vitals, configuration: Configuration, *, max_age: timedelta) -> dict[str, Any]:
    return {
        "healthy": vitals.is_healthy,
        "problems": list(vitals.problems),
        "remarks": list(vitals.remarks),
        "last_good_cycle": vitals.good_at.isoformat() if vitals.good_at else None,
        "age_minutes": None if vitals.age is None else round(_minutes(vitals.age), 2),
        "max_age_minutes": _minutes(max_age),
        "obstacles": list(vitals.obstacles),
        "waiting": [_call_document(call, configuration) for call in vitals.waiting],
    }


def sentences(vitals: Vitals) -> list[str]:
    """For a person."""
    lines = [f"problem: {one}" for one in vitals.problems] + [f"remark: {one}" for one in vitals.remarks]
    if vitals.age is not None:
        lines.append(f"the last good cycle ended {_minutes(vitals.age):.1f} minutes ago")
    for call in vitals.waiting:
        lines += [f"call {call.id}: {plain_sentence(call.look_at)}"]
        lines += [f"  {command}" for command in look_and_settle(call, call.ticket_key or "")]
    return [*lines, "healthy" if vitals.is_healthy else "not healthy"]


def _rhythm(pulse: Pulse, max_age: timedelta) -> list[str]:
    if pulse.good_at is None:
        return ["no cycle has gone well yet; `goldenpath once` runs one and says what is wrong"]
    age = pulse.now - pulse.good_at
    if age > max_age:
        old, most = f"{_minutes(age):.0f}", f"{_minutes(max_age):g}"
        return [f"the last good cycle ended {old} minutes ago, and {most} is the most: is `goldenpath run` running?"]
    if age < -CLOCK_TOLERANCE:
        return [f"the last good cycle is {_minutes(-age):.0f} minutes in the future: a clock was or is wrong"]
    return []


def _waits(call: Call) -> str:
    about = f"{call.ticket_key} " if call.ticket_key else ""
    return f"{about}waits for a person (call {call.id}): {plain_sentence(call.reason)}"


def _untold(configuration: Configuration, call: Call) -> str:
    if call.told_at is not None:
        return ""
    if configuration.on_call is None:
        return f"nobody was told of call {call.id}: there is no [on_call] in goldenpath.toml"
    return f"call {call.id} is not told yet by {', '.join(ways_to_go(configuration, call)) or 'any way that reaches'}"


def _remarks(configuration: Configuration) -> tuple[str, ...]:
    on_call = configuration.on_call
    if on_call is None or not on_call.accounts or audience_of(on_call) is not None:
        return ()
    return ("outside service desks nothing is commented: [on_call] names neither group nor role",)


def _call_document(call: Call, configuration: Configuration) -> dict[str, Any]:
    return {
        "id": call.id,
        "ticket": call.ticket_key,
        "request": call.request_id,
        "reason": plain_sentence(call.reason),
        "look_at": plain_sentence(call.look_at),
        "commands": list(look_and_settle(call, call.ticket_key or "")),
        "since": call.created_at.isoformat(),
        "told_at": call.told_at.isoformat() if call.told_at else None,
        "told_by": sorted(call.ways),
        "not_told_by": list(ways_to_go(configuration, call)),
    }


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60

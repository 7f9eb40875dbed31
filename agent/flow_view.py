"""What `goldenpath flow` and `goldenpath savings` show, as records and as JSON documents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.config import Configuration
from agent.tables import Hours
from tickets.proof import Proof
from tickets.store import StoreFacts

if TYPE_CHECKING:
    import pandas as pd

    from analytics.cost import Assumptions, Load
    from analytics.effects import Effect
    from analytics.quality import Quality
    from analytics.savings import Savings
    from analytics.summary import Grouping
    from analytics.trend import Trend

SLE = 0.85  # the share of the service level expectation
AGEING_SHOWN = 20
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class FlowView:
    """Everything that is told of a queue. `groups` and `everything` are frames of `summary.summarise` with the cost of
    waiting beside; `statuses` has a row per status with its class, who said so, tickets and hours; `days` is the
    cumulative flow; `load` is None where no capacity is configured."""

    facts: StoreFacts
    as_of: datetime
    since: datetime | None
    by: Grouping | None
    groups: pd.DataFrame
    everything: pd.DataFrame
    weeks: pd.DataFrame
    days: pd.DataFrame
    ageing: pd.DataFrame
    statuses: pd.DataFrame
    trend: Trend
    business_trend: Trend
    load: Load | None
    quality: Quality
    rules: tuple[str, ...]
    calendars: tuple[str, ...]
    assumptions: Assumptions
    proof: Proof


@dataclass(frozen=True, slots=True)
class SavingsView:
    """`effects` has an entry for each path that has fulfilled something."""

    as_of: datetime
    since: datetime | None
    savings: Savings
    effects: tuple[Effect, ...]
    assumptions: Assumptions
    proof: Proof


def flow_document(view: FlowView) -> dict[str, Any]:
    """Unknown figures, and percentiles that are not reached yet because too many still wait, are null."""
    from analytics.cost import DEFINITION, Load
    from analytics.summary import FIGURES
    from analytics.trend import Trend

    everything = records(view.everything)[0]
    load = None
    if view.load is not None:
        load = asdict(view.load) | {"ratio": view.load.ratio, "alarm": view.load.is_alarming}
    definition = {figure.name: f"{figure.meaning} ({figure.unit})" for figure in FIGURES}
    definition |= {"cost_of_waiting": DEFINITION, "trend": Trend.definition, "ticketops": Load.definition}
    document: dict[str, Any] = clean(
        {
            "as_of": view.as_of,
            "since": view.since,
            "by": view.by,
            "tickets": everything["tickets"],
            "stored_tickets": view.facts.tickets,
            "complete": view.proof.is_complete if view.proof.projects else None,
            "gaps": list(view.proof.gaps),
            "groups": records(view.groups),
            "all": everything,
            "service_level_expectation": {
                "share": SLE,
                "lead_hours": everything["lead_hours_p85"],
                "business_lead_hours": everything["business_lead_hours_p85"],
            },
            "trend": {"calendar": asdict(view.trend), "business": asdict(view.business_trend)},
            "ticketops": load,
            "weeks": records(view.weeks),
            "cumulative_flow": records(view.days),
            "ageing": records(view.ageing.head(AGEING_SHOWN)),
            "statuses": records(view.statuses),
            "quality": view.quality.to_json(),
            "rules": list(view.rules),
            "calendars": list(view.calendars),
            "assumptions": view.assumptions.to_json(),
            "definition": definition,
        }
    )
    return document


def savings_document(view: SavingsView) -> dict[str, Any]:
    from analytics.effects import Effect

    document: dict[str, Any] = view.savings.to_json()
    document["effects"] = [asdict(one) | {"shown": one.is_shown} for one in view.effects]
    document["definition"] = {**document["definition"], "effect": Effect.definition}
    document |= {"as_of": view.as_of, "since": view.since, "assumptions": view.assumptions.to_json()}
    document["complete"] = view.proof.is_complete if view.proof.projects else None
    cleaned: dict[str, Any] = clean(document)
    return cleaned


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values."""
    found: list[dict[str, Any]] = [clean({str(k): v for k, v in row.items()}) for row in frame.to_dict("records")]
    return found


def clean(value: Any) -> Any:
    """JSON knows neither NaN nor infinity nor instants."""
    if isinstance(value, Mapping):
        return {name: clean(entry) for name, entry in value.items()}
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, Iterable):
        return [clean(entry) for entry in value]
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def calendar_sentences(configuration: Configuration) -> tuple[str, ...]:
    """The working hours in force, the default first."""
    used = {name: team.calendar for name, team in sorted(configuration.teams.items()) if team.calendar}
    lines = [f"business hours: {_hours(configuration.calendar)}"]
    lines += [f"business hours of {team}: {_hours(configuration.calendars[name])}" for team, name in used.items()]
    return tuple(lines)


def _hours(hours: Hours) -> str:
    days: dict[str, list[str]] = {}
    for day, shifts in sorted(hours.by_weekday.items()):
        told = " and ".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in shifts)
        days.setdefault(told, []).append(DAYS[day])
    words = "; ".join(f"{', '.join(names)} {told}" for told, names in days.items()) or "none"
    free = [f"without the public holidays of {hours.holidays_of}"] if hours.holidays_of else []
    if hours.holidays:
        free.append(f"{len(hours.holidays)} more free dates")
    if hours.half_days:
        free.append(f"{len(hours.half_days)} half days")
    return ", ".join([f"{words} ({hours.time_zone})", *free])

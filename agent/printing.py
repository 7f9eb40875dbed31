"""How results look on a terminal, and as JSON documents."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from agent.cycle import CycleReport
from agent.operations import QueueView
from agent.report_view import report_document
from agent.sync_printing import console
from fulfilment.desk import Reading
from fulfilment.engine import Rehearsal
from fulfilment.request import Outcome, Result

log = logging.getLogger("goldenpath.cycle")

WORDS = {
    Result.FULFILLED: "fulfilled",
    Result.ASKED: "asked the requester",
    Result.SPLIT: "asked to split",
    Result.AWAITING_APPROVAL: "waits for approval",
    Result.REFUSED: "refused",
    Result.LEFT_TO_PEOPLE: "left to people",
    Result.SHADOWED: "recorded only (shadow)",
    Result.SUGGESTED: "plan suggested",
    Result.CONFLICT: "conflict",
    Result.FAILED: "failed",
    Result.UNCERTAIN: "not certain yet",
    Result.WAITING_ON_PROVIDER: "provider works",
    Result.EXPIRED: "lapsed",
    Result.CANCELLED: "cancelled",
    Result.RETIRED: "taken away",
    Result.KEPT: "kept",
}
ORDER = tuple(WORDS)


def print_cycle(done: CycleReport) -> None:
    out = console()
    out.print(
        f"\n[bold]What was done[/bold]  ({done.synced.tickets:,} tickets read, {len(done.outcomes):,} decided, "
        f"{done.seconds:.1f} s)"
    )
    for project, reason in done.obstacles.items():
        out.print(Text(f"  nothing is done in {project}: {reason}", style="red"))
    if not done.outcomes:
        out.print("nothing new")
    shown = [
        outcome for outcome in sort(done.outcomes) if outcome.result is not Result.LEFT_TO_PEOPLE or outcome.handler
    ]
    for outcome in shown:
        colour = {Result.FULFILLED: "green", Result.REFUSED: "red", Result.FAILED: "red"}.get(outcome.result, "yellow")
        line = Text(f"  {outcome.ticket:<10}")
        line.append(f"{WORDS[outcome.result]:<20}", style=colour)
        line.append(told_of(outcome))
        out.print(line)
    rest: dict[str, list[str]] = {}
    for outcome in done.outcomes:
        if outcome.result is Result.LEFT_TO_PEOPLE and not outcome.handler:
            rest.setdefault("; ".join(outcome.reasons), []).append(outcome.ticket)
    for reason, keys in sorted(rest.items(), key=lambda item: -len(item[1])):
        listed = ", ".join(keys[:4]) + (", …" if len(keys) > 4 else "")
        out.print(Text(f"  {len(keys):>4} left to people: {reason} ({listed})"))
    if done.errors:
        out.print(Text(f"  {done.errors} failed unexpectedly and will be looked at again", style="red"))


def sort(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: (ORDER.index(outcome.result), outcome.ticket))


def told_of(outcome: Outcome) -> str:
    """What was made, or why nothing was."""
    made = outcome.result in (Result.FULFILLED, Result.AWAITING_APPROVAL) and outcome.resource
    return outcome.resource or "" if made else "; ".join(outcome.reasons)


class CycleLog:
    """One line on standard error for each outcome that differs from the ticket's last one, for a scheduled run."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._blocked: Mapping[str, str] = {}

    def __call__(self, done: CycleReport) -> None:
        err = Console(stderr=True, highlight=False)
        if done.obstacles != self._blocked:
            self._blocked = done.obstacles
            told = [f"nothing is done in {project}: {why}" for project, why in done.obstacles.items()]
            for line in told or ["every project is whole again"]:
                err.print(Text(f"{done.started_at:%H:%M:%S} {line}"))
        for outcome in done.outcomes:
            line = f"{outcome.ticket}: {WORDS[outcome.result]}: {told_of(outcome)}"
            if self._told.get(outcome.ticket) != line:
                self._told[outcome.ticket] = line
                err.print(Text(f"{done.started_at:%H:%M:%S} {line}"))
        if done.errors:
            err.print(Text(f"{done.started_at:%H:%M:%S} {done.errors} tickets failed; they are looked at again"))


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    return {
        "ticket": outcome.ticket,
        "outcome": outcome.result.value,
        "reasons": list(outcome.reasons),
        "handler": outcome.handler,
        "resource": outcome.resource,
    }


def cycle_document(done: CycleReport) -> dict[str, Any]:
    return {
        "tickets_read": done.synced.tickets,
        "changed": len(done.synced.changed),
        "rejected": done.synced.rejected,
        "outcomes": done.counts,
        "tickets": [outcome_document(outcome) for outcome in sort(done.outcomes)],
        "errors": done.errors,
        "not_acting_in": dict(done.obstacles),
        "seconds": round(done.seconds, 2),
    }


def demo_document(done: CycleReport, view: QueueView, *, seconds: float) -> dict[str, Any]:
    by_result: dict[Result, list[Outcome]] = {}
    for outcome in sort(done.outcomes):
        by_result.setdefault(outcome.result, []).append(outcome)

    def reasons(result: Result) -> list[dict[str, Any]]:
        return [{"ticket": o.ticket, "reasons": list(o.reasons)} for o in by_result.get(result, [])]

    report = report_document(view)
    return {
        "tickets_synced": done.synced.tickets,
        "status_changes": done.synced.status_changes,
        "top_requests": report["top_requests"],
        "outcomes": done.counts,
        "fulfilled": [
            {"ticket": o.ticket, "handler": o.handler, "resource": o.resource}
            for o in by_result.get(Result.FULFILLED, [])
        ],
        "refused": reasons(Result.REFUSED),
        "needs_information": reasons(Result.ASKED) + reasons(Result.SPLIT),
        "awaiting_approval": reasons(Result.AWAITING_APPROVAL),
        "left_to_people": reasons(Result.LEFT_TO_PEOPLE),
        "queue_hours_p50": report["queue_hours_p50"],
        "errors": done.errors,
        "seconds": round(seconds, 1),
    }


def rehearsal_document(rehearsal: Rehearsal) -> dict[str, Any]:
    plan = rehearsal.plan
    return {
        "ticket": rehearsal.ticket,
        "request_type": rehearsal.classification.request_type,
        "type_source": rehearsal.classification.source,
        "score": round(rehearsal.classification.score, 4),
        "handler": rehearsal.handler,
        "result": rehearsal.result.value,
        "reasons": list(rehearsal.reasons),
        "effective_mode": rehearsal.mode.label,
        "mode_reason": rehearsal.mode_reason,
        "understood": [
            {"slot": r.slot, "value": r.value, "words": r.words, "rule": r.rule} for r in rehearsal.understood
        ],
        "missing": dict(rehearsal.missing),
        "plan": None
        if plan is None
        else {
            "summary": plan.summary,
            "resource": plan.resource,
            "monthly_cost": plan.monthly_cost,
            "digest": plan.digest,
            "steps": [{"operation": step.operation, "sentence": step.sentence} for step in plan.steps],
        },
    }


def came_from(reading: Reading) -> str:
    words = f"“{reading.words}” " if reading.words else ""
    return f"  ← {words}({reading.rule})"


def print_rehearsal(rehearsal: Rehearsal) -> None:
    out = console()
    kind = rehearsal.classification
    out.print(Text(f"{rehearsal.ticket}: {WORDS[rehearsal.result]} (a dry run: nothing was changed)", style="bold"))
    out.print(Text(f"  request type    {kind.request_type} ({kind.source}, score {kind.score:.2f})"))
    out.print(Text(f"  handler         {rehearsal.handler or 'none'}"))
    out.print(Text(f"  effective mode  {rehearsal.mode.label}: {rehearsal.mode_reason}"))
    for reason in rehearsal.reasons:
        out.print(Text(f"  why             {reason}"))
    for reading in rehearsal.understood:
        out.print(Text(f"  {reading.slot:<15} {reading.value}{came_from(reading)}"))
    for title, allowed in rehearsal.missing.items():
        out.print(Text(f"  missing         {title}: {allowed}"))
    if rehearsal.plan:
        out.print(
            Text(f"  plan            {rehearsal.plan.summary} About {rehearsal.plan.monthly_cost:.2f} USD a month.")
        )
        for number, step in enumerate(rehearsal.plan.steps, start=1):
            out.print(Text(f"    {number}. {step.sentence}"))

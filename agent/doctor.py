"""Is everything there that Golden Path needs? Each check asks one thing and says the way out.

Nothing is changed anywhere. A check that fails hides no other: what depends on it is skipped and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from agent import config
from agent.doctor_jira import JIRA_CHECKS
from agent.doctor_site import HERE, TOKEN
from agent.errors import AgentError
from agent.sync_printing import console
from agent.visit import Check, Finding, Health, Visit, ok, problem, skipped
from fulfilment.errors import FulfilmentError
from tickets.errors import TicketsError

COLOURS = {Health.OK: "green", Health.WARNING: "yellow", Health.PROBLEM: "red", Health.SKIPPED: "dim"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every finding in the order of the checks."""

    findings: tuple[Finding, ...]
    seconds: float

    def count(self, health: Health) -> int:
        return sum(finding.result is health for finding in self.findings)

    @property
    def has_problem(self) -> bool:
        return self.count(Health.PROBLEM) > 0


def examine(
    path: Path | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Runs every check on the configuration in `path` (None: found as always). `now` is this machine's clock."""
    began = time.monotonic()
    visit = Visit(now)
    findings: list[Finding] = []
    with visit:
        for check in (Check("configuration", _configuration(path)), TOKEN, *JIRA_CHECKS, *HERE):
            progress(check.name)
            findings += _run(check, visit)
    return Diagnosis(tuple(findings), time.monotonic() - began)


def _configuration(path: Path | None) -> Callable[[Visit], Iterator[Finding]]:
    def check(visit: Visit) -> Iterator[Finding]:
        visit.take(config.load(path))
        configuration = visit.configuration
        jira = configuration.require_jira()
        yield ok("configuration", f"{configuration.source}: {', '.join(jira.projects)} at {jira.url}")

    return check


def _run(check: Check, visit: Visit) -> Iterator[Finding]:
    """What the check finds; an error of ours is a finding too, after those that came before it."""
    if (lacking := visit.lacks(check.needs)) is not None:
        yield skipped(check.name, f"needs {lacking}")
        return
    try:
        yield from check.run(visit)
    except (AgentError, FulfilmentError, TicketsError, OSError) as error:
        yield problem(check.name, " ".join(str(error).split()), check.cure)


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "checks": [{**asdict(finding), "result": finding.result.value} for finding in diagnosis.findings],
        **{f"{health.value}_count": diagnosis.count(health) for health in Health},
        "healthy": not diagnosis.has_problem,
        "seconds": round(diagnosis.seconds, 2),
    }


def print_diagnosis(diagnosis: Diagnosis) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in diagnosis.findings:
        said = Text(finding.sentence)
        if finding.cure:
            said.append(f"\n→ {finding.cure}", style="bold")
        table.add_row(Text(finding.result.value, style=COLOURS[finding.result]), finding.name, said)
    out = console()
    out.print(table)
    out.print(Text(summary(diagnosis), style="bold"))


def summary(diagnosis: Diagnosis) -> str:
    counted = [
        (diagnosis.count(Health.PROBLEM), "problem", "problems"),
        (diagnosis.count(Health.WARNING), "warning", "warnings"),
        (diagnosis.count(Health.SKIPPED), "skipped", "skipped"),
    ]
    said = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counted if count)
    return f"{diagnosis.count(Health.OK)} of {len(diagnosis.findings)} are well{': ' + said if said else ''}."

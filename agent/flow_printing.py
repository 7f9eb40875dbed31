"""How the flow of a queue and the savings look on a terminal."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.figures import hours, share, signed
from agent.flow_view import SLE, FlowView, SavingsView
from agent.sync_printing import console, print_proof_line

if TYPE_CHECKING:
    from analytics.effects import Effect

GROUPS_SHOWN = 20
LEGEND = (
    "±: 95 % interval of the p50; started only: the p50 that forgets who still waits; not yet: too many still wait; "
    "?: unknown; answer: first response, p50; flow: flow efficiency; d: 24 hours"
)
WIDEST = 24  # letters of a group's name
AGEING_SHOWN = 5


def print_flow(view: FlowView, *, business: bool) -> None:
    out = console()
    kind = "business" if business else "calendar"
    since = f" requested since {view.since:%Y-%m-%d}" if view.since else ""
    out.print(
        f"\n[bold]Flow of the queue[/bold]  ({int(view.everything['tickets'].iloc[0]):,} tickets{since}, as of "
        f"{view.as_of:%Y-%m-%d %H:%M} UTC, {kind} time)"
    )
    print_proof_line(view.proof)
    out.print(_groups(view, "business_" if business else ""))
    if (left := len(view.groups) - GROUPS_SHOWN) > 0:
        which = "earlier" if view.by == "week" else "more"
        out.print(Text(f"and {left} {which}; --json has all", style="dim"))
    out.print(Text(LEGEND, style="dim"))
    for line in _sentences(view, business=business):
        out.print(Text(line))
    _print_ageing(out, view, business=business)
    _print_statuses(out, view)
    _print_quality(out, view)
    for line in (*view.rules, *view.calendars, *_definitions(view)):
        out.print(Text(f"  {line}", style="dim"))


def _groups(view: FlowView, prefix: str) -> Table:
    told = partial(brief, is_business=bool(prefix))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column(view.by or "", no_wrap=True)
    for heading in (
        *("tickets", "waiting", "wip", "queue p50", "±", "p85", "p95", "started only"),
        *("lead p50", "p85", "p95", "answer", "flow", f"cost, {view.assumptions.currency}"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    shown = shown_of(view)
    rows = pd.concat([shown, view.everything]) if view.by else view.everything
    for row in rows.to_dict("records"):
        low, high = row[f"{prefix}queue_hours_p50_low"], row[f"{prefix}queue_hours_p50_high"]
        cost = row["cost_of_waiting"]
        table.add_row(
            Text(str(row["group"])[:WIDEST], style="bold"),
            f"{row['tickets']:,}",
            f"{row['waiting']:,}",
            f"{row['wip']:,}",
            told(row[f"{prefix}queue_hours_p50"]),
            "" if low != low else f"{told(low)}–{told(high)}",
            *(told(row[f"{prefix}queue_hours_{p}"]) for p in ("p85", "p95", "p50_started_only")),
            *(told(row[f"{prefix}lead_hours_{p}"]) for p in ("p50", "p85", "p95")),
            told(row[f"{prefix}first_response_hours_p50"]),
            share(row[f"{prefix}flow_efficiency"]),
            "?" if cost != cost else f"{cost:,.0f}",
        )
    return table


def shown_of(view: FlowView) -> pd.DataFrame:
    """The largest groups; of weeks the last."""
    return view.groups.tail(GROUPS_SHOWN) if view.by == "week" else view.groups.head(GROUPS_SHOWN)


def brief(value: float, *, is_business: bool) -> str:
    """A duration in hours; calendar time also in days of 24 hours, which business time has none of."""
    if value != value:
        return "?"
    if value == float("inf"):
        return "not yet"
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:,.1f} h" if value < 48 or is_business else f"{value / 24:,.1f} d"


def _sentences(view: FlowView, *, business: bool) -> list[str]:
    prefix = "business_" if business else ""
    lead = float(view.everything[f"{prefix}lead_hours_p85"].iloc[0])
    lines = []
    told = partial(brief, is_business=business)
    if lead == float("inf"):
        lines.append(f"service level expectation: so many are open that {SLE:.0%} are not finished yet")
    elif lead == lead:
        lines.append(f"service level expectation: {SLE:.0%} are finished within {told(lead)}")
    trend = view.business_trend if business else view.trend
    if trend.verdict == "too little known":
        lines.append(f"trend of the median queue time: too little known of the last {2 * trend.weeks} weeks")
    else:
        lines.append(
            f"trend of the median queue time: {told(trend.recent)} in the last {trend.weeks} weeks, "
            f"{told(trend.before)} in the {trend.weeks} before: {trend.verdict} "
            f"({signed(trend.change)}, 95 % interval {signed(trend.low)} to {signed(trend.high)})"
        )
    if view.load is None:
        lines.append("TicketOps ratio: unknown; set assumptions.capacity_hours, the team's working hours in a week")
    else:
        alarm = "ALARM, above 50 %" if view.load.is_alarming else "below the alarm at 50 %"
        lines.append(
            f"TicketOps ratio: {view.load.ratio:.0%} of the capacity went into {view.load.tickets:,} tickets of the "
            f"last {view.load.weeks} weeks ({alarm}); {view.load.measured_share:.0%} of these hours are from worklogs"
        )
    return lines


def _print_ageing(out: Console, view: FlowView, *, business: bool) -> None:
    if view.ageing.empty:
        return
    column = "business_wip_age_hours" if business else "wip_age_hours"
    beyond = int(view.ageing["beyond"].isin(["p85", "p95"]).sum())
    whole = " (of all stored tickets)" if view.since else ""
    out.print(
        Text(
            f"in progress{whole}: {len(view.ageing):,} tickets, {beyond:,} of them longer than 85 % of their type "
            "took; the oldest:"
        )
    )
    for row in view.ageing.head(AGEING_SHOWN).to_dict("records"):
        past = f", past its type's {row['beyond']}" if row["beyond"] else ""
        kind = row["type"] if isinstance(row["type"], str) else "(none)"
        out.print(
            Text(f"  {row['key']:<12} {brief(row[column], is_business=business):>10}  {kind}, {row['status']}{past}")
        )


def _print_statuses(out: Console, view: FlowView) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("status", "counts as", "told by", "tickets", "time", "business time"):
        table.add_column(heading, justify="right" if heading in ("tickets", "time", "business time") else "left")
    for row in view.statuses.to_dict("records"):
        style = "yellow" if row["class"] == "unknown" else ""
        cells = (str(row["status"]), str(row["class"]), str(row["source"]), f"{row['tickets']:,}")
        times = (f"{row['hours']:,.0f} h", f"{row['business_hours']:,.0f} h")
        table.add_row(*(Text(cell, style=style) for cell in (*cells, *times)))
    out.print(table)


def _print_quality(out: Console, view: FlowView) -> None:
    for status in view.quality.unmapped:
        out.print(
            Text(
                f"nobody mapped the status {status.name!r}: {status.tickets:,} tickets, {hours(status.hours)}; it "
                f"affects {status.affects}. Say what it means in [clocks.statuses]",
                style="yellow",
            )
        )
    for name in view.quality.misnamed:
        out.print(Text(f"the rules name the status {name!r}, in which no ticket ever was", style="yellow"))
    whole = "data of all stored tickets" if view.since else "data"
    for finding in view.quality.findings:
        effect = ""
        if finding.with_them is not None and finding.without is not None:
            effect = f"; median queue time {hours(finding.with_them)}, without them {hours(finding.without)}"
        out.print(
            Text(
                f"{whole}: {finding.count:,} tickets ({share(finding.share)}) {finding.says}: {finding.effect}{effect} "
                f"({', '.join(finding.examples)})"
            )
        )


def _definitions(view: FlowView) -> list[str]:
    from analytics.cost import DEFINITION
    from analytics.summary import FIGURES

    return [f"{figure.name}: {figure.meaning}" for figure in FIGURES] + [f"{DEFINITION}; {view.assumptions}"]


def print_plots(files: list[Path]) -> None:
    out = console()
    for file in files:
        out.print(Text(f"wrote {file}"))


def print_savings(view: SavingsView) -> None:
    out = console()
    saved = view.savings
    since = f" since {view.since:%Y-%m-%d}" if view.since else ""
    out.print(f"\n[bold]What the golden paths saved{since}[/bold]  (as of {view.as_of:%Y-%m-%d %H:%M} UTC)")
    print_proof_line(view.proof)
    lost = f", of which {saved.lost:,} failed, were corrected or reopened" if saved.lost else ""
    out.print(Text(f"{saved.measured.tickets + saved.assumed.tickets:,} tickets worked{lost}"))
    out.print(Text(f"ops time saved       at least {saved.ops_hours_saved:,.1f} h of hands-on work", style="bold"))
    for name, amount in (("measured", saved.measured), ("assumed", saved.assumed)):
        if amount.tickets:
            out.print(
                Text(
                    f"  {name:<9} {amount.hours:,.1f} h ({amount.low:,.1f} to {amount.high:,.1f}) over "
                    f"{amount.tickets:,} tickets"
                )
            )
    if saved.waiting.tickets:
        out.print(Text(f"waiting avoided      at least {saved.waiting.low:,.1f} business hours", style="bold"))
        out.print(
            Text(
                f"  {saved.waiting.hours:,.1f} h ({saved.waiting.low:,.1f} to {saved.waiting.high:,.1f}) over "
                f"{saved.waiting.tickets:,} tickets"
            )
        )
    else:
        out.print(Text("waiting avoided      none can be claimed: there is nothing to compare with", style="bold"))
    out.print(Text("The two are different hours of different people and are never added.", style="dim"))
    for one in saved.baselines:
        touch = f", {hours(one.touch_hours)} of hands-on work (median)" if one.touch_hours is not None else ""
        out.print(
            Text(
                f"baseline {one.request_type}: {one.tickets:,} tickets of {one.since:%Y-%m-%d} to {one.until:%Y-%m-%d} "
                f"waited {one.queue_hours:,.1f} business hours (median){touch}"
            )
        )
    for effect in view.effects:
        out.print(Text(_effect(effect)))
    for line in (*saved.notes, *(f"{name}: {words}" for name, words in saved.definition.items())):
        out.print(Text(f"  {line}", style="dim"))


def _effect(effect: Effect) -> str:
    told = partial(brief, is_business=True)
    start = f"{effect.path}, live since {effect.live_since:%Y-%m-%d}: "
    if effect.effect != effect.effect or effect.low != effect.low:
        return f"{start}too early, or too few tickets before or after, to tell an effect on queue time"
    verdict = "an effect" if effect.is_shown else "no effect shown"
    return (
        f"{start}queue time {told(effect.before)} → {told(effect.after)}, manual types "
        f"{told(effect.manual_before)} → {told(effect.manual_after)}: {verdict} ({signed(effect.effect)}, "
        f"95 % interval {signed(effect.low)} to {signed(effect.high)})"
    )

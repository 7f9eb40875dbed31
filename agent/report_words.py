"""The sentences of the top-3 report, the same in every format. Whoever shows them escapes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from agent.clean_text import clean
from agent.figures import hours, share, signed

if TYPE_CHECKING:
    from agent.operations import QueueView
    from agent.report_view import Detail, Example
    from analytics.top_records import RankedBy, TopEntry, TopReport
    from analytics.trend import Trend

RANKED: Final[dict[RankedBy, str]] = {
    "queue": "waiting in the queue",
    "lead": "time from creation to resolution",
    "touch": "hands-on time",
    "count": "number of tickets",
}
_FIGURE: Final[dict[RankedBy, str]] = {
    "queue": "queue_business_hours",
    "lead": "lead_business_hours",
    "touch": "touch_hours",
    "count": "tickets",
}
_TERMS: Final = {
    "queue_hours_p50": "queue p50",
    "queue_hours_p85": "queue p85",
    "cost_of_waiting": "cost of waiting",
    "touch_hours": "hands-on",
    "probability_in_top": "how sure",
    "rank_low": "rank",
    "tied_with": "tied",
    "trend": "trend",
    "weeks": "by week",
}


def title(view: QueueView) -> str:
    shown = len(view.report.entries)
    first = {
        "queue": f"The {shown} request types that cost requesters the most waiting",
        "lead": f"The {shown} request types that take longest to resolve, summed",
        "touch": f"The {shown} request types that take the most hands-on time",
        "count": f"The {shown} most frequent request types",
    }[view.report.ranked_by]
    return first if shown > 1 else first.replace(f"The {shown} ", "The ").replace("types", "type")


def period(view: QueueView) -> str:
    since = f"requested since {view.since:%Y-%m-%d}, " if view.since else ""
    return f"{view.facts.tickets:,} tickets are kept; {since}as of {view.as_of:%Y-%m-%d %H:%M} UTC"


def headline(report: TopReport) -> str:
    """What the ranked types make up together."""
    parts = [entry.ranking_figure(report.ranked_by)[1] for entry in report.entries]
    if not parts or any(part is None for part in parts):
        return ""
    types = "One type makes" if len(parts) == 1 else f"{len(parts)} of {report.request_types} types make"
    of = "all requests" if report.ranked_by == "count" else f"all {RANKED[report.ranked_by]}"
    return f"{types} up {share(sum(part or 0.0 for part in parts))} of {of}."


def totals(report: TopReport) -> str:
    return (
        f"{report.service_requests:,} service requests: queue time p50 {hours(report.queue_hours_p50)}, "
        f"p85 {hours(report.queue_hours_p85)}; hands-on time {report.touch_hours:,.0f} h."
    )


def apart(report: TopReport) -> str:
    counted = [*report.apart.items(), ("without a request type", report.unclassified)]
    return "Counted apart: " + ", ".join(f"{count:,} {name}" for name, count in counted) + "."


def queue_time(entry: TopEntry) -> str:
    """How long half and 85 % of the tickets wait."""
    if entry.queue_hours_p50 is None:
        return "unknown: no ticket of the type has a history"
    told = [(name, value or 0.0) for name, value in (("half", entry.queue_hours_p50), ("85%", entry.queue_hours_p85))]
    return ", ".join(
        f"{name} not reached yet: too many still wait" if value == float("inf") else f"{name} within {hours(value)}"
        for name, value in told
    )


def waiting(entry: TopEntry, report: TopReport) -> str:
    if entry.queue_business_hours is None:
        return "unknown: no ticket of the type has a history"
    cost = money(entry.cost_of_waiting, report)
    return f"{entry.queue_business_hours:,.0f} business hours, {share(entry.share_of_queue)} of all; it cost {cost}"


def money(cost: float | None, report: TopReport) -> str:
    return "unknown" if cost is None else f"{cost:,.0f} {clean(report.assumptions.currency, 12)}"


def hands_on(entry: TopEntry) -> str:
    told = "all assumed" if not entry.touch_measured else f"{share(entry.touch_measured)} of it from worklogs"
    return f"{entry.touch_hours:,.0f} h, {share(entry.share_of_touch)} of all; {told}"


def probability(value: float | None) -> str:
    if value is None:
        return "unknown"
    return ">99%" if value >= 0.995 else share(value)


def ranks(entry: TopEntry) -> str:
    if entry.rank_low is None or entry.rank_high is None:
        return "unknown"
    return f"{entry.rank_low}" if entry.rank_low == entry.rank_high else f"{entry.rank_low}–{entry.rank_high}"


def tied(entry: TopEntry) -> str:
    """`tied with #2`; empty where the order is known, or nothing is."""
    return "tied with " + " and ".join(f"#{rank}" for rank in entry.tied_with) if entry.tied_with else ""


def sureness(entry: TopEntry, report: TopReport) -> str:
    if entry.probability_in_top is None:
        return "cannot be told from so few weeks"
    among = f"among the first {len(report.entries)} in {probability(entry.probability_in_top)} of the redrawn rankings"
    return "; ".join(filter(None, (among, f"rank {ranks(entry)}", tied(entry))))


def trend(found: Trend) -> str:
    if found.verdict == "too little known":
        return f"too little known of the last {2 * found.weeks} weeks"
    return (
        f"{found.verdict}: median {hours(found.recent)} in the last {found.weeks} weeks, {hours(found.before)} in the "
        f"{found.weeks} before ({signed(found.change)}, 95% interval {signed(found.low)} to {signed(found.high)})"
    )


def tags(entry: TopEntry) -> list[str]:
    """What is to be seen at once of a type."""
    served = f"golden path: {entry.handler}" if entry.handler else "people only"
    moved = {"shorter": "queue time shorter ↓", "longer": "queue time longer ↑"}.get(entry.trend.verdict, "")
    return [tag for tag in (served, tied(entry), moved) if tag]


def path(entry: TopEntry, detail: Detail | None) -> str:
    if entry.handler:
        return f"the golden path {entry.handler}" + (f" (mode: {detail.mode})" if detail else "")
    if detail and detail.nearest:
        return f"none; the nearest by words is {detail.nearest.handler} (likeness {detail.nearest.likeness:.2f})"
    return "none"


def parameters(detail: Detail) -> str:
    """What people give, with the shares of the tickets that were read."""
    if not detail.parameters:
        return f"nothing that returns in the newest {detail.tickets_read:,} tickets"
    told = ", ".join(f"{clean(one.name, 40)} {share(one.share)}" for one in detail.parameters)
    return f"{told} (of the newest {detail.tickets_read:,} tickets)"


def waited(example: Example) -> str:
    known = example.ticket.waited_business_hours
    told = "wait unknown" if known is None else f"{known:,.0f} business hours"
    return f"{told}, open" if example.ticket.is_open else told


def completeness(view: QueueView, now: datetime) -> str:
    return clean(" ".join(view.proof.sentences(now)), 2000)


def definitions(view: QueueView) -> list[tuple[str, str]]:
    """What the figures mean, by the words they stand under."""
    from analytics.nearest import DEFINITION as NEAREST
    from analytics.parameters import DEFINITION as PARAMETERS

    told = view.report.definition
    found = [("ranked by", told[_FIGURE[view.report.ranked_by]])]
    found += [(term, told[name].removeprefix(f"{term} = ")) for name, term in _TERMS.items()]
    if view.details:
        found += [(line.partition(": ")[0], line.partition(": ")[2]) for line in (NEAREST, PARAMETERS)]
    return found


def assumptions(report: TopReport) -> list[str]:
    """What was assumed, a sentence each."""
    own = report.assumptions
    minutes = f"assumed: {own.minutes_per_ticket:g} minutes of hands-on work for a ticket without worklogs"
    differing = ", ".join(f"{value:g} for {clean(name, 60)}" for name, value in own.minutes.items())
    return [clean(str(own), 600), minutes + (f" ({differing})" if differing else "")]

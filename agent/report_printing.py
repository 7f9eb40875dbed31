"""How the top-3 report looks on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent import report_words as words
from agent.clean_text import clean
from agent.figures import hours, share
from agent.sync_printing import console

if TYPE_CHECKING:
    from agent.operations import QueueView
    from agent.report_view import Detail
    from analytics.top_records import TopEntry, TopReport, Week

NARROW: Final = 110
_BARS: Final = "▁▂▃▄▅▆▇█"
LEGEND: Final = "by week: the median queue time of what was requested in it; ↑ not reached yet, · unknown"


def print_report(view: QueueView, out: Console | None = None, *, now: datetime | None = None) -> None:
    """To standard output unless `out` is another; `now` is what the data's age is told of."""
    out = out or console()
    report = view.report
    out.print(f"\n[bold]{words.title(view) if report.entries else 'No service requests'}[/bold]")
    out.print(Text(words.period(view), style="dim"))
    out.print(
        Text(
            words.completeness(view, now or datetime.now(UTC)),
            style="dim" if view.proof.is_complete else "bold yellow",
        )
    )
    if report.entries:
        out.print(_ranking(report, is_narrow=out.width < NARROW))
    for line in filter(None, (words.headline(report), words.totals(report), words.apart(report))):
        out.print(Text(line))
    for entry in report.entries:
        _print_entry(out, entry, view)
    out.print()
    for line in (*report.caveats, *words.assumptions(report), LEGEND):
        out.print(Text(f"  {line}", style="dim"))
    for term, meaning in words.definitions(view):
        out.print(Text(f"  {term}: {meaning}", style="dim"))


def _ranking(report: TopReport, *, is_narrow: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("request type", overflow="fold")
    headings = ["tickets", "open", "queue p50", "queue p85", "share", "cost of waiting", "sure", "rank"]
    left_out = {"open", "queue p85", "cost of waiting", "rank"} if is_narrow else set()
    for heading in headings:
        if heading not in left_out:
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("handler", overflow="fold")
    for entry in report.entries:
        cells = {
            "tickets": f"{entry.tickets:,}",
            "open": f"{entry.open:,}",
            "queue p50": hours(entry.queue_hours_p50),
            "queue p85": hours(entry.queue_hours_p85),
            "share": share(entry.ranking_figure(report.ranked_by)[1]),
            "cost of waiting": words.money(entry.cost_of_waiting, report),
            "sure": words.probability(entry.probability_in_top),
            "rank": words.ranks(entry),
        }
        table.add_row(
            str(entry.rank),
            Text(clean(entry.request_type, 60), style="bold"),
            *(Text(cell) for heading, cell in cells.items() if heading not in left_out),
            Text(entry.handler or "none yet", style="green" if entry.handler else "dim"),
        )
    return table


def _print_entry(out: Console, entry: TopEntry, view: QueueView) -> None:
    report, detail = view.report, view.details.get(entry.request_type)
    out.print()
    out.print(Text(f"{entry.rank}. {clean(entry.request_type, 60)}", style="bold"))
    rows = [
        ("tickets", f"{entry.tickets:,}, {entry.open:,} of them open"),
        ("queue time", words.queue_time(entry)),
        ("waiting", words.waiting(entry, report)),
        ("hands-on", words.hands_on(entry)),
        ("how sure", words.sureness(entry, report)),
        ("trend", words.trend(entry.trend)),
        ("by week", spark(entry.weeks)),
        ("handler", words.path(entry, detail)),
    ]
    if detail:
        rows.append(("people give", words.parameters(detail)))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, told in rows:
        grid.add_row(name, Text(told))
    for number, line in enumerate(_examples(entry, detail)):
        grid.add_row("" if number else "longest", line)
    out.print(Padding(grid, (0, 0, 0, 3)))


def _examples(entry: TopEntry, detail: Detail | None) -> list[Text]:
    if detail is None:
        return [Text(", ".join(clean(key, 40) for key in entry.exemplars))]
    return [
        Text(
            f"{clean(one.ticket.key, 40)}  {words.waited(one)}"
            + (f"  {clean(one.summary, 60)}" if one.summary.strip() else "")
            + (f"  {one.url}" if one.url else "")
        )
        for one in detail.examples
    ]


def spark(weeks: tuple[Week, ...]) -> str:
    """The medians of the weeks as a line of bars, the highest named."""
    known = [week.queue_hours_p50 for week in weeks if week.queue_hours_p50 is not None]
    highest = max((one for one in known if one != float("inf")), default=0.0)
    if not known:
        return "unknown"
    line = ""
    for week in weeks:
        if week.queue_hours_p50 is None:
            line += "·"
        elif week.queue_hours_p50 == float("inf"):
            line += "↑"
        else:
            line += _BARS[round(week.queue_hours_p50 / highest * (len(_BARS) - 1)) if highest else 0]
    return f"{line}  up to {hours(highest)}, {len(weeks)} weeks to that of {weeks[-1].week:%Y-%m-%d}"

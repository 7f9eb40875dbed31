"""The top-3 report as GitHub-flavoured Markdown.

Names and summaries stand as code, where no mark-up, mention or link of theirs comes alive; sentences that may hold a
site's words are escaped letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent import report_words as words
from agent.clean_text import clean
from agent.figures import hours, share

if TYPE_CHECKING:
    from agent.operations import QueueView
    from agent.report_view import Detail, Example
    from analytics.top_records import TopEntry, TopReport

# What begins mark-up, a list at the start of a line, or a link that GitHub makes by itself.
_ACTIVE = re.compile(r"[\\`*_{}\[\]<>#|~$!&@]|\A[-+=]|(?<=\w):(?=//)|(?<=\bwww)\.|(?<=\A\d)[.)]", re.IGNORECASE)


def markdown(view: QueueView, *, now: datetime | None = None) -> str:
    """`now` is what the data's age is told of."""
    report = view.report
    heading = words.title(view) if report.entries else "No service requests"
    parts = [f"# {plain(heading)}", plain(words.period(view)) + "."]
    told = plain(words.completeness(view, now or datetime.now(UTC)))
    parts.append(told if view.proof.is_complete else f"> **{told}**")
    if report.entries:
        parts += [plain(words.headline(report)), _ranking(report)]
    parts += [plain(words.totals(report)), plain(words.apart(report))]
    parts += [part for entry in report.entries for part in _type(entry, view)]
    parts += ["## What to bear in mind", _listed([*report.caveats, *words.assumptions(report)])]
    defined = [f"- **{plain(term)}**: {plain(meaning)}" for term, meaning in words.definitions(view)]
    parts += ["## What the figures mean", "\n".join(defined)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """As Markdown that shows just these words."""
    return _ACTIVE.sub(r"\\\g<0>", clean(text, 2000))


def code(text: str, most: int = 140) -> str:
    """As inline code."""
    shown = clean(text, most).replace("`", "ˋ")
    return f"`{shown}`" if shown else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells may hold Markdown; a bar in them is no border."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {plain(line)}" for line in lines)


def _ranking(report: TopReport) -> str:
    head = ["#", "request type", "tickets", "open", "queue p50", "queue p85", "share", "cost of waiting", "hands-on"]
    rows = [
        [
            str(entry.rank),
            code(entry.request_type, 80),
            f"{entry.tickets:,}",
            f"{entry.open:,}",
            hours(entry.queue_hours_p50),
            hours(entry.queue_hours_p85),
            share(entry.ranking_figure(report.ranked_by)[1]),
            words.money(entry.cost_of_waiting, report),
            f"{entry.touch_hours:,.0f} h",
            f"{words.probability(entry.probability_in_top)}, rank {words.ranks(entry)}",
            code(entry.handler) if entry.handler else "none yet",
        ]
        for entry in report.entries
    ]
    return table([*head, "how sure", "handler"], rows)


def _type(entry: TopEntry, view: QueueView) -> list[str]:
    detail = view.details.get(entry.request_type)
    lines = [
        f"- queue time: {plain(words.queue_time(entry))}",
        f"- waiting: {plain(words.waiting(entry, view.report))}",
        f"- hands-on: {plain(words.hands_on(entry))}",
        f"- how sure: {plain(words.sureness(entry, view.report))}",
        f"- trend: {plain(words.trend(entry.trend))}",
        f"- handler: {plain(words.path(entry, detail))}",
    ]
    if detail:
        lines.append(f"- people give: {_parameters(detail)}")
    return [f"## {entry.rank}. {code(entry.request_type, 80)}", "\n".join(lines), _examples(entry, detail)]


def _parameters(detail: Detail) -> str:
    if not detail.parameters:
        return plain(words.parameters(detail))
    told = ", ".join(f"{code(one.name, 40)} {share(one.share)}" for one in detail.parameters)
    return f"{told} (of the newest {detail.tickets_read:,} tickets)"


def _examples(entry: TopEntry, detail: Detail | None) -> str:
    if detail is None:
        return "Waited longest: " + ", ".join(code(key, 40) for key in entry.exemplars)
    rows = [[_link(one), code(one.summary), words.waited(one)] for one in detail.examples]
    return table(["waited longest", "summary", "waited"], rows)


def _link(example: Example) -> str:
    key = example.ticket.key
    return f"[{plain(key)}]({example.url})" if example.url else code(key, 40)

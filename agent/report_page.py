"""The top-3 report as one page of HTML: no script, no request, fit to mail and to print.

Whatever comes from tickets, the configuration or a Jira passes `shown` on its way into the page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from agent import report_words as words
from agent.clean_text import clean
from agent.figures import hours, share

if TYPE_CHECKING:
    from agent.operations import QueueView
    from agent.report_view import Detail
    from analytics.top_records import TopEntry, TopReport


def html_page(view: QueueView, *, now: datetime | None = None) -> str:
    """`now` is what the data's age is told of."""
    report = view.report
    heading = words.title(view) if report.entries else "No service requests"
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{shown(heading)}, {view.as_of:%Y-%m-%d}</title>",
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>",
        f"<h1>{shown(heading)}</h1>",
        f'<p class="quiet">{shown(words.period(view))}.</p>',
        _completeness(view, now or datetime.now(UTC)),
        _tiles(report),
    ]
    if report.entries:
        parts += [_ranking(report), *(_type(entry, view) for entry in report.entries)]
    parts += [_notes(view), "</main>\n</body>\n</html>\n"]
    return "\n".join(parts)


def shown(text: str, most: int = 2000) -> str:
    return escape(clean(text, most))


def name_of(text: str) -> str:
    """A name from tickets, which may be of a script that runs the other way."""
    return f"<bdi>{shown(text, 80)}</bdi>"


def _completeness(view: QueueView, now: datetime) -> str:
    kind = "proof" if view.proof.is_complete else "proof alarm"
    return f'<p class="{kind}">{shown(words.completeness(view, now))}</p>'


def _tiles(report: TopReport) -> str:
    tiles = [
        (f"{report.service_requests:,}", "service requests"),
        (hours(report.queue_hours_p50), "half of them start within"),
        (hours(report.queue_hours_p85), "85% of them start within"),
        (words.money(report.cost_of_waiting, report), "cost of waiting, assumed"),
    ]
    cells = "".join(f"<td><b>{shown(figure)}</b><span>{shown(told)}</span></td>" for figure, told in tiles)
    return f'<table class="tiles" role="presentation"><tr>{cells}</tr></table>'


def _ranking(report: TopReport) -> str:
    from analytics.report_charts import ranking_svg

    names = [clean(entry.request_type, 60) for entry in report.entries]
    told = [
        f"{name} {share(entry.ranking_figure(report.ranked_by)[1])}"
        for name, entry in zip(names, report.entries, strict=True)
    ]
    label = f"Share of the {words.RANKED[report.ranked_by]}: {'; '.join(told)}"
    headings = ("tickets", "open", "queue p50", "queue p85", "share", "cost of waiting", "hands-on", "sure", "rank")
    head = "".join(f'<th scope="col" class="number">{heading}</th>' for heading in headings)
    rows = "".join(_row(entry, report) for entry in report.entries)
    return (
        f'<p class="lead">{shown(words.headline(report))}</p>\n'
        f'<div class="charts">{ranking_svg(report, names, label=label)}</div>\n'
        f'<div class="scroll"><table>\n<thead><tr><th scope="col">#</th><th scope="col">request type</th>{head}</tr>'
        f"</thead>\n<tbody>{rows}</tbody>\n</table></div>\n"
        f'<p class="quiet">Ranked by {shown(words.RANKED[report.ranked_by])}. “Sure” is how often a type stays among '
        f"the first {len(report.entries)} when the weeks are drawn anew, “rank” where 95% of these rankings put it.</p>"
    )


def _row(entry: TopEntry, report: TopReport) -> str:
    cells = (
        f"{entry.tickets:,}",
        f"{entry.open:,}",
        hours(entry.queue_hours_p50),
        hours(entry.queue_hours_p85),
        share(entry.ranking_figure(report.ranked_by)[1]),
        words.money(entry.cost_of_waiting, report),
        f"{entry.touch_hours:,.0f} h",
        words.probability(entry.probability_in_top),
        words.ranks(entry),
    )
    figures = "".join(f'<td class="number">{shown(cell)}</td>' for cell in cells)
    tie = f'<br><span class="tag">{shown(words.tied(entry))}</span>' if entry.tied_with else ""
    name = f'<th scope="row">{name_of(entry.request_type)}{tie}</th>'
    return f'<tr><td class="number">{entry.rank}</td>{name}{figures}</tr>\n'


def _type(entry: TopEntry, view: QueueView) -> str:
    detail = view.details.get(entry.request_type)
    rows = [
        ("tickets", f"{entry.tickets:,}, of which {entry.open:,} are open"),
        ("queue time", words.queue_time(entry)),
        ("waiting", words.waiting(entry, view.report)),
        ("hands-on", words.hands_on(entry)),
        ("how sure", words.sureness(entry, view.report)),
        ("trend", words.trend(entry.trend)),
        ("handler", words.path(entry, detail)),
    ]
    if detail:
        rows.append(("people give", words.parameters(detail)))
    facts = "\n".join(f'<tr><th scope="row">{name}</th><td>{shown(told)}</td></tr>' for name, told in rows)
    tags = "".join(f' <span class="tag">{shown(tag)}</span>' for tag in words.tags(entry))
    return (
        f'<section class="type">\n<h2>{entry.rank}. {name_of(entry.request_type)}{tags}</h2>\n'
        f'<table class="facts">\n<tbody>{facts}</tbody>\n</table>\n{_weeks(entry)}{_examples(entry, detail)}</section>'
    )


def _weeks(entry: TopEntry) -> str:
    from analytics.report_charts import weeks_svg

    if not entry.weeks:
        return ""
    asked = sum(week.tickets for week in entry.weeks)
    label = (
        f"{asked:,} tickets in the {len(entry.weeks)} weeks to that of {entry.weeks[-1].week:%Y-%m-%d}, and their "
        f"median queue time by week; trend: {words.trend(entry.trend)}"
    )
    return f'<div class="charts">{weeks_svg(entry, label=label)}</div>\n'


def _examples(entry: TopEntry, detail: Detail | None) -> str:
    if detail is None:
        return f"<p>Waited longest: {', '.join(name_of(key) for key in entry.exemplars)}</p>\n"
    rows = []
    for one in detail.examples:
        key = name_of(one.ticket.key)
        link = f'<a href="{escape(one.url)}">{key}</a>' if one.url else key
        told = f"<td><bdi>{shown(one.summary, 140)}</bdi></td><td>{shown(words.waited(one))}</td>"
        rows.append(f'<tr><th scope="row">{link}</th>{told}</tr>')
    head = '<tr><th scope="col">ticket</th><th scope="col">summary</th><th scope="col">waited</th></tr>'
    return (
        f"<h3>The tickets that waited longest</h3>\n<table>\n<thead>{head}</thead>\n"
        f"<tbody>{''.join(rows)}</tbody>\n</table>\n"
    )


def _notes(view: QueueView) -> str:
    report = view.report
    listed = "".join(f"<li>{shown(line)}</li>" for line in (words.totals(report), words.apart(report), *report.caveats))
    assumed = "".join(f"<li>{shown(line)}</li>" for line in words.assumptions(report))
    defined = "".join(f"<dt>{shown(term)}</dt><dd>{shown(meaning)}</dd>" for term, meaning in words.definitions(view))
    return (
        f"<h2>What to bear in mind</h2>\n<ul>{listed}</ul>\n"
        f"<h2>What was assumed</h2>\n<ul>{assumed}</ul>\n"
        f"<h2>What the figures mean</h2>\n<dl>{defined}</dl>"
    )

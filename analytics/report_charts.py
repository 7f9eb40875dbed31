"""The charts of the top-3 report as a page has them: SVG that needs no script, no font and no other file."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import altair as alt
import pandas as pd

from analytics.charts import BLUE, GREY, ORANGE
from analytics.top_records import UNITS, TopEntry, TopReport

_WIDTH: Final = 840
_ROW: Final = 34
_FONT: Final = "Helvetica Neue, Helvetica, Arial, sans-serif"
_INK: Final = "#1f2933"
_LIGHT: Final = "#C9CDD2"
_MOST_LETTERS: Final = 34
_FIT: Final = alt.AutoSizeParams(type="fit", contains="padding")


def ranking_svg(report: TopReport, names: Sequence[str], *, label: str) -> str:
    """The ranked types, by `names` that can be shown, and all others together, as bars with their shares; `label` says
    it to who cannot see it."""
    rows = [
        _bar(
            f"{entry.rank}. {name}",
            entry.ranking_figure(report.ranked_by),
            UNITS[report.ranked_by],
            bool(entry.handler),
        )
        for entry, name in zip(report.entries, names, strict=True)
    ]
    if (others := report.request_types - len(report.entries)) > 0:
        rows.append(_rest(report, others))
    data = pd.DataFrame(rows)
    base = alt.Chart(data).encode(
        y=alt.Y(
            "type:N", title=None, sort=None, axis=alt.Axis(labelLimit=250, domain=False, ticks=False, labelPadding=8)
        ),
        x=alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, float(data["share"].max()) * 1.3 or 1.0])),
    )
    kinds = alt.Scale(domain=["served by a golden path", "people only", "all others"], range=[BLUE, ORANGE, _LIGHT])
    legend = alt.Legend(orient="bottom", title=None, direction="horizontal")
    bars = base.mark_bar(height=20, cornerRadiusEnd=2).encode(color=alt.Color("kind:N", scale=kinds, legend=legend))
    texts = base.mark_text(align="left", dx=6).encode(text="words:N")
    return _svg(
        alt.layer(bars, texts).properties(width=_WIDTH, height=_ROW * len(rows) + 34, autosize=_FIT), label, "ranking"
    )


def _bar(name: str, figure: tuple[float, float | None], unit: str, is_served: bool) -> dict[str, Any]:
    amount, share = figure
    shown = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
    kind = "served by a golden path" if is_served else "people only"
    return {"type": shown, "share": share or 0.0, "kind": kind, "words": f"{share or 0.0:.0%} · {amount:,.0f} {unit}"}


def _rest(report: TopReport, others: int) -> dict[str, Any]:
    part = 1.0 - sum(entry.ranking_figure(report.ranked_by)[1] or 0.0 for entry in report.entries)
    name = f"the {others} other types" if others > 1 else "the other type"
    return {"type": name, "share": max(part, 0.0), "kind": "all others", "words": f"{max(part, 0.0):.0%}"}


def weeks_svg(entry: TopEntry, *, label: str) -> str:
    """Tickets a week beside the median queue time by week; weeks whose median is not reached yet have no point."""
    data = pd.DataFrame(
        {
            "week": pd.to_datetime([week.week for week in entry.weeks], utc=True),
            "tickets": [week.tickets for week in entry.weeks],
            "days": [_days(week.queue_hours_p50) for week in entry.weeks],
        }
    )
    axis = alt.Axis(format="%b %y", tickCount=5, grid=False, title=None, labelOverlap=True)
    base = alt.Chart(data).encode(x=alt.X("week:T", axis=axis, scale=alt.Scale(type="utc", padding=8)))
    counted = alt.Axis(tickCount=3, tickMinStep=1, title=None, domain=False, ticks=False, format="~d")
    bars = base.mark_bar(color=GREY, width=8).encode(y=alt.Y("tickets:Q", axis=counted))
    timed = alt.Axis(tickCount=3, title=None, domain=False, ticks=False)
    lines = base.mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=22), strokeWidth=1.8)
    lines = lines.encode(y=alt.Y("days:Q", axis=timed, scale=alt.Scale(zero=True)))
    size = {"width": (_WIDTH - 96) // 2, "height": 78}
    left = bars.properties(**size, title="tickets requested in each week")
    right = lines.properties(**size, title="median queue time of these, days")
    return _svg(alt.hconcat(left, right, spacing=34).resolve_scale(y="independent"), label, f"weeks-{entry.rank}")


def _days(hours: float | None) -> float | None:
    return None if hours is None or hours == float("inf") else hours / 24


def _svg(chart: Any, label: str, name: str) -> str:
    """Inline, named, and as wide as there is room. `name` makes its ids its own on the page;
    Vega numbers them on and on."""
    styled = (
        chart.configure(aria=False, font=_FONT, background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, labelColor=_INK, gridColor="#E4E7EB", domainColor="#9AA5B1")
        .configure_text(fontSize=12, color=_INK)
        .configure_legend(labelFontSize=12, labelColor=_INK, symbolType="square")
        .configure_title(fontSize=12, fontWeight="normal", color=_INK, anchor="start", offset=6)
    )
    written = io.StringIO()
    styled.save(written, format="svg")
    drawn = written.getvalue()
    view = re.search(r'viewBox="[^"]*"', drawn)
    width = re.search(r'width="([\d.]+)"', drawn)
    start = (
        f'<svg role="img" aria-label="{escape(label)}" {view.group() if view else ""} '
        f'style="width:{width.group(1) if width else _WIDTH}px;max-width:100%;height:auto">'
        f"<title>{escape(label)}</title>"
    )
    found = {one: f"{name}-{place}" for place, one in enumerate(dict.fromkeys(re.findall(r'id="(clip\d+)"', drawn)))}
    own = re.sub(r"\bclip\d+\b", lambda one: found.get(one.group(), one.group()), drawn)
    return start + re.sub(r"\A.*?<svg[^>]*>", "", own, count=1, flags=re.DOTALL)

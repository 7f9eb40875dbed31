"""Charts for the dashboard and reports: Altair, from the frames of this room. A frame of nothing is a chart that says
so. Colours are told apart with every common colour blindness, and never alone: shape, dash or place says the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from analytics.clocks import CLASSES
from analytics.top_records import TopReport

Chart = alt.Chart | alt.LayerChart | alt.FacetChart

# Okabe & Ito, "Color Universal Design" (2008).
BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
GREY, DARK = "#8C8C8C", "#333333"
MEDIAN, SLOW, STARTED = "half of the tickets", "85 % of the tickets", "half of those that started"
WIDTH, HEIGHT = 900, 420
MOST_GROUPS: Final = 12
_MOST_DAYS: Final = 600  # Vega refuses more than 5000 rows; a picture has fewer pixels
_MOST_DOTS: Final = 3000
_SHAPES: Final = ["circle", "square", "triangle-right"]
# From the bottom to the top of a cumulative flow.
_BANDS: Final = {
    "done": ("done", GREEN),
    "unknown": ("unknown status", GREY),
    "requester": ("waiting on the requester", PURPLE),
    "blocked": ("blocked", RED),
    "active": ("being worked on", BLUE),
    "queue": ("in the queue", ORANGE),
}


def save(chart: Chart, folder: Path, name: str) -> tuple[Path, Path]:
    """Writes `name`.png, twice as large as on the screen, and `name`.svg to the folder, which it makes; both without a
    browser. Raises OSError where it cannot write."""
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    if not isinstance(chart, alt.FacetChart):
        fit = alt.AutoSizeParams(type="fit", contains="padding")
        chart = chart.properties(width=WIDTH, height=HEIGHT, autosize=fit, padding=12)
    styled = (
        chart.configure_axis(labelFontSize=12, titleFontSize=12, labelLimit=220, titleFontWeight="normal")
        .configure_legend(labelFontSize=12, titleFontSize=12, labelLimit=220, symbolSize=90)
        .configure_title(fontSize=16, subtitleFontSize=12, anchor="start", subtitleColor=DARK, offset=12)
    )
    styled.save(png, scale_factor=2)
    styled.save(svg)
    return png, svg


def queue_trend(weekly: pd.DataFrame) -> Chart:
    """Queue time by week of request in calendar hours, from `weeks.weekly`: median and 85th percentile with the tickets
    that still wait, and the median without them. A chart per group where there are several."""
    weekly = _largest(weekly, "arrived")
    names = {"queue_hours_p50": MEDIAN, "queue_hours_p85": SLOW, "queue_hours_p50_started_only": STARTED}
    data = weekly.rename(columns=names).melt(
        id_vars=["week", "group", "arrived", "waiting"], value_vars=[*names.values()], var_name="of", value_name="hours"
    )
    data = data[np.isfinite(data["hours"])]
    if data.empty:
        return _nothing("Queue time by week of request")
    data["settled"] = (data["waiting"] == 0).map({True: "all started", False: "some still waiting"})
    colour, dash = _lines("of:N", "waited at most", [SLOW, MEDIAN, STARTED], [ORANGE, BLUE, GREY])
    base = alt.Chart().encode(
        x=_weeks(data["week"], "week of request"),
        y=alt.Y("hours:Q", title="queue time, hours", scale=alt.Scale(zero=True)),
        color=colour,
        tooltip=[
            alt.Tooltip("week:T", title="week of"),
            alt.Tooltip("of:N", title="share"),
            alt.Tooltip("hours:Q", title="hours at most", format=",.1f"),
            alt.Tooltip("arrived:Q", title="tickets"),
            alt.Tooltip("waiting:Q", title="still waiting"),
        ],
    )
    shapes = alt.Scale(domain=["all started", "some still waiting"], range=["circle", "triangle-up"])
    points = base.mark_point(size=40).encode(shape=alt.Shape("settled:N", title="tickets of the week", scale=shapes))
    layers = alt.layer(base.mark_line().encode(strokeDash=dash), points, data=data)
    title = _title(
        "Queue time by week of request",
        "hours of calendar time from the request to the start; tickets that still wait count as waiting at least so "
        "long;\nweeks in which a share is not reached yet have no point",
    )
    if weekly["group"].nunique() > 1:
        largest = weekly.groupby("group")["arrived"].sum().sort_values(ascending=False, kind="stable").index.tolist()
        facet = alt.Facet("group:N", title=None, sort=largest)
        return layers.properties(width=140, height=90).facet(facet, columns=4, title=title)
    return layers.properties(title=title)


def queue_by_group(summary: pd.DataFrame) -> Chart:
    """Queue time by group, from `summary.summarise`: median with its interval and 85th percentile as Kaplan–Meier has
    them, hollow beside them as a report has them that forgets who still waits. Calendar hours."""
    groups = summary[summary["queue_hours_p50"].notna()].nlargest(MOST_GROUPS, "tickets")
    if groups.empty:
        return _nothing("Queue time by group")
    interval = ["queue_hours_p50_low", "queue_hours_p50_high"]
    bounds = groups.set_index("group")[interval].set_axis(["low", "high"], axis=1)
    figures = [f"queue_hours_p{share}{suffix}" for share in (50, 85) for suffix in ("", "_started_only")]
    told = np.concatenate([groups[figures].to_numpy().ravel(), bounds.to_numpy().ravel()])
    edge = 1.08 * float(np.max(told, where=np.isfinite(told), initial=0.0)) or 1.0
    points = groups.melt(id_vars=["group", "tickets", "waiting"], value_vars=figures, value_name="hours")
    points = points[points["hours"].notna()]
    points["of"] = points["variable"].str.contains("p85").map({True: SLOW, False: MEDIAN})
    reached = np.where(np.isinf(points["hours"]), "not reached yet", "with those that wait")
    points["counts"] = np.where(points["variable"].str.contains("only"), "started tickets only", reached)
    counts = ["with those that wait", "started tickets only", "not reached yet"]
    y, colours = alt.Y("group:N", title=None, sort=groups["group"].tolist()), [BLUE, ORANGE]
    base = alt.Chart(points.assign(hours=points["hours"].clip(upper=edge))).encode(
        x=alt.X("hours:Q", title="queue time, hours", scale=alt.Scale(domain=[0, edge], nice=False)),
        y=y,
        color=alt.Color("of:N", title="waited at most", scale=alt.Scale(domain=[MEDIAN, SLOW], range=colours)),
        shape=alt.Shape("counts:N", title="counted", scale=alt.Scale(domain=counts, range=_SHAPES)),
        tooltip=["group:N", "of:N", "counts:N", alt.Tooltip("hours:Q", format=",.1f"), "tickets:Q", "waiting:Q"],
    )
    rules = alt.Chart(bounds.clip(upper=edge).reset_index()).mark_rule(color=BLUE, strokeWidth=3, opacity=0.45)
    hollow = base.mark_point(size=80).transform_filter("datum.counts === 'started tickets only'")
    filled = base.mark_point(size=80, filled=True, opacity=1)
    filled = filled.transform_filter("datum.counts !== 'started tickets only'")
    title = _title(
        "Queue time by group",
        "hours of calendar time from the request to the start; those that wait count as waiting at least so long "
        "(Kaplan–Meier);\nthe bar is the 95 % interval of the median, up to the edge where it is open",
    )
    return _whole(alt.layer(rules.encode(x="low:Q", x2="high:Q", y=y), hollow, filled).properties(title=title))


def cumulative_flow(frame: pd.DataFrame) -> Chart:
    """Tickets in each class at the end of each day, from `Walk.cumulative`: what is done lies at the bottom, the queue
    on top. A band that widens is where work piles up."""
    if frame.empty or not frame[list(CLASSES)].to_numpy().any():
        return _nothing("Cumulative flow")
    step = -(-len(frame) // _MOST_DAYS)
    days = frame.iloc[::-1].iloc[::step].iloc[::-1]
    order, words = list(_BANDS), {name: word for name, (word, _) in _BANDS.items()}
    data = days.melt(id_vars="day", value_vars=order, var_name="class", value_name="tickets")
    data["place"], data["tickets in"] = data["class"].map(order.index), data["class"].map(words)
    colours = [colour for _, colour in _BANDS.values()]
    scale = alt.Scale(domain=[*words.values()][::-1], range=colours[::-1])
    axis = alt.Axis(format="%-d %b %y", tickCount=8)
    areas = alt.Chart(data).mark_area(stroke="white", strokeWidth=0.5)
    chart = areas.encode(
        x=alt.X("day:T", title="day", axis=axis, scale=alt.Scale(type="utc")),
        y=alt.Y("tickets:Q", title="tickets", stack="zero"),
        color=alt.Color("tickets in:N", title="from top to bottom", scale=scale),
        order=alt.Order("place:Q"),
        tooltip=["day:T", "tickets in:N", "tickets:Q"],
    )
    told = "tickets with a history by what their status means, at the end of each day (UTC)"
    return _whole(chart.properties(title=_title("Cumulative flow", told)))


def ageing_chart(ageing: pd.DataFrame, usual: pd.DataFrame) -> Chart:
    """A dot for each ticket in progress, from `weeks.ageing`; lines where 50, 85 and 95 % of the finished ones were
    done, from the row `all` of `summary.summarise`. Calendar days."""
    if ageing.empty:
        return _nothing("Age of work in progress")
    data = ageing.head(_MOST_DOTS).assign(days=ageing["wip_age_hours"] / 24).astype({"status": "str", "type": "str"})
    names = data["status"].value_counts().index[:MOST_GROUPS].tolist()
    data = data[data["status"].isin(names)]
    data["beside"] = np.random.default_rng(0).uniform(-1, 1, len(data))
    took = [(float(usual[f"cycle_hours_p{share}"].iloc[0]) / 24, f"{share} % done") for share in (50, 85, 95)]
    lines = pd.DataFrame(took, columns=["days", "line"]).dropna()
    top = 1.15 * float(pd.concat([data["days"], lines["days"]]).max()) or 1.0
    axis = alt.Axis(title="days since the start", values=[0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], grid=False)
    y = alt.Y("days:Q", axis=axis, scale=alt.Scale(type="symlog", constant=1, nice=False, domain=[0, top]))
    angle = alt.Axis(labelAngle=0 if len(names) < 7 else -30, labelLimit=140)
    dots = alt.Chart(data).mark_circle(size=45, opacity=0.55, color=BLUE)
    dots = dots.encode(
        x=alt.X("status:N", title=None, sort=names, axis=angle),
        y=y,
        xOffset=alt.XOffset("beside:Q", scale=alt.Scale(domain=[-1.4, 1.4])),
        tooltip=["key:N", "type:N", "status:N", alt.Tooltip("days:Q", format=",.1f"), "beyond:N"],
    )
    title = _title(
        "Age of work in progress",
        "days of calendar time since the start, each dot a ticket; the lines say how long 50, 85 and 95 % of the "
        f"finished tickets took{'' if len(data) == len(ageing) else f'; the oldest {len(data):,} of {len(ageing):,}'}",
    )
    if lines.empty:
        return alt.layer(dots).properties(title=title)
    drawn = alt.Chart(lines).encode(y=y)
    rules = drawn.mark_rule(color=RED, strokeDash=[6, 3], strokeWidth=1.5)
    texts = drawn.mark_text(align="right", dx=-4, dy=-6, color=RED, fontSize=12)
    texts = texts.encode(text="line:N", x=alt.value("width"))
    return alt.layer(dots, rules, texts).properties(title=title)


def arrivals(weekly: pd.DataFrame) -> Chart:
    """Tickets that arrived and were finished in each week, and those in progress at its end, from `weeks.weekly`;
    groups are added up."""
    names = {"arrived": "arrived", "finished": "finished", "wip": "in progress"}
    if weekly.empty:
        return _nothing("Arrivals and throughput")
    by_week = weekly.groupby("week", as_index=False)[list(names)].sum().rename(columns=names)
    data = by_week.melt(id_vars="week", var_name="tickets that", value_name="tickets")
    colour, dash = _lines("tickets that:N", "tickets", [*names.values()], [ORANGE, BLUE, GREY])
    marks = alt.Chart(data).mark_line(point=alt.OverlayMarkDef(size=35))
    chart = marks.encode(
        x=_weeks(data["week"], "week"),
        y=alt.Y("tickets:Q", title="tickets"),
        color=colour,
        strokeDash=dash,
        tooltip=["week:T", "tickets that:N", "tickets:Q"],
    )
    title = _title(
        "Arrivals and throughput",
        "tickets requested and finished in each week (UTC), and those started and not finished at its end;\n"
        "the last week may have only begun",
    )
    return _whole(chart.properties(title=title))


def top_bars(report: TopReport) -> Chart:
    """The ranked types as bars, longest first: summed waiting in business hours (lead time where that ranks
    them).

    Types that a golden path serves are blue, the others grey; the tooltip says it in words.
    """
    if not report.entries:
        return _nothing("Requests by waiting")
    is_queue = report.ranked_by == "queue"
    rows = [
        {
            "type": entry.request_type,
            "hours": (entry.queue_business_hours if is_queue else entry.lead_business_hours) or 0.0,
            "tickets": entry.tickets,
            "path": f"golden path: {entry.handler}" if entry.handler else "no golden path yet",
            "served": "golden path" if entry.handler else "people only",
        }
        for entry in report.entries
    ]
    data = pd.DataFrame(rows, columns=["type", "hours", "tickets", "path", "served"])
    title = "waiting in the queue, business hours" if is_queue else "created to resolved, business hours"
    heading = _title("Requests by waiting", "summed over the tickets of each type, open ones with their time so far")
    base = alt.Chart(data).encode(
        x=alt.X("hours:Q", title=title),
        y=alt.Y("type:N", title=None, sort=[entry.request_type for entry in report.entries]),
        tooltip=[
            alt.Tooltip("type:N", title="type"),
            alt.Tooltip("hours:Q", title="business hours", format=",.0f"),
            alt.Tooltip("tickets:Q", title="tickets"),
            alt.Tooltip("path:N", title="served by"),
        ],
    )
    scale = alt.Scale(domain=["golden path", "people only"], range=[BLUE, GREY])
    bars = base.mark_bar().encode(color=alt.Color("served:N", title="served by", scale=scale))
    labels = base.mark_text(align="left", dx=4).encode(text=alt.Text("hours:Q", format=",.0f"))
    return alt.layer(bars, labels).properties(title=heading)


def _weeks(mondays: pd.Series, title: str) -> alt.X:
    """A few weeks by their Mondays, where Vega's own ticks would be Sundays; many by months."""
    known = mondays.drop_duplicates().sort_values()
    if len(known) > 16:
        axis = alt.Axis(format="%b %Y", tickCount=8, labelOverlap="greedy")
    else:
        ticks = [at.timestamp() * 1000 for at in known[:: -(-len(known) // 8)]]
        axis = alt.Axis(format="%-d %b %y", values=ticks, labelOverlap="greedy")
    return alt.X("week:T", title=title, axis=axis, scale=alt.Scale(type="utc"))


def _lines(field: str, title: str, order: Sequence[str], colours: Sequence[str]) -> tuple[alt.Color, alt.StrokeDash]:
    """Lines that differ in colour and in dash."""
    legend = alt.Legend(symbolType="stroke", symbolSize=400, symbolStrokeWidth=2.5)
    dashes = alt.Scale(domain=order, range=[[1, 0], [7, 3], [2, 3]])
    colour = alt.Color(field, title=title, scale=alt.Scale(domain=order, range=colours), legend=legend)
    return colour, alt.StrokeDash(field, title=title, scale=dashes, legend=legend)


def _largest(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Without the rows of all but the largest groups."""
    sizes = frame.groupby("group", observed=True)[column].sum().nlargest(MOST_GROUPS)
    return frame[frame["group"].isin(sizes.index)].astype({"group": "str"})


def _title(text: str, words: str) -> alt.TitleParams:
    return alt.TitleParams(text, subtitle=words.split("\n"), anchor="start")


def _nothing(text: str) -> Chart:
    words = alt.Chart(pd.DataFrame({"words": ["nothing to show"]})).mark_text(size=16, color=DARK)
    return _whole(words.encode(text="words:N").properties(title=text))


def _whole(chart: Any) -> Chart:
    """Altair's methods are not typed."""
    made: Chart = chart
    return made

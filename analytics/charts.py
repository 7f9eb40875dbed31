"""Charts for the dashboard and reports: Altair, from the frames of this room."""

from __future__ import annotations

import altair as alt
import pandas as pd

from analytics.top_requests import TopReport

Layered = alt.LayerChart | alt.FacetChart  # what `alt.layer` is declared to give

# Okabe & Ito, "Color Universal Design" (2008): told apart with every common colour blindness.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#8C8C8C"
MEDIAN, SLOW = "half of the tickets", "85 % of the tickets"


def queue_trend(weekly: pd.DataFrame) -> Layered:
    """Queue time by week of request, from the frame of `flow.weekly`: median and 85th percentile in calendar
    hours.

    Hollow points mark weeks with tickets that still wait: their figures are lower bounds. Lines differ in
    dash as well as in colour.
    """
    names = {"queue_hours_p50": MEDIAN, "queue_hours_p85": SLOW}
    data = weekly.rename(columns=names).melt(
        id_vars=["week", "tickets", "still_waiting"],
        value_vars=[MEDIAN, SLOW],
        var_name="waited",
        value_name="hours",
    )
    data["settled"] = (data["still_waiting"] == 0).map({True: "all started", False: "some still waiting"})
    scale = alt.Scale(domain=[MEDIAN, SLOW], range=[BLUE, ORANGE])
    base = alt.Chart(data).encode(
        x=alt.X("week:T", title="week of request"),
        y=alt.Y("hours:Q", title="queue time, hours", scale=alt.Scale(zero=True)),
        color=alt.Color("waited:N", title="waited at most", scale=scale),
        tooltip=[
            alt.Tooltip("week:T", title="week of"),
            alt.Tooltip("waited:N", title="share"),
            alt.Tooltip("hours:Q", title="hours at most", format=",.1f"),
            alt.Tooltip("tickets:Q", title="tickets"),
            alt.Tooltip("still_waiting:Q", title="still waiting"),
        ],
    )
    dash = alt.StrokeDash("waited:N", title="waited at most", sort=[MEDIAN, SLOW])
    shape = alt.Shape(
        "settled:N",
        title="week",
        scale=alt.Scale(domain=["all started", "some still waiting"], range=["circle", "triangle-up"]),
    )
    return alt.layer(base.mark_line().encode(strokeDash=dash), base.mark_point(size=40).encode(shape=shape))


def top_bars(report: TopReport) -> Layered:
    """The ranked types as bars, longest first: summed waiting in business hours (lead time where that ranks
    them).

    Types that a golden path serves are blue, the others grey; the tooltip says it in words.
    """
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
    return alt.layer(bars, labels)

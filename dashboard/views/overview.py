"""Is the queue getting shorter, what does waiting cost, what did automation save?"""

from __future__ import annotations

import streamlit as st

from analytics import charts
from dashboard import reading


def render() -> None:
    st.title("Overview")
    with reading.helpful():
        view = reading.queue(reading.choose_period())
        reading.say_age(view)
        report, saved = view.report, view.saved
        tickets, median, slow, cost = st.columns(4)
        tickets.metric("Service requests", f"{report.tickets:,}", help="Tickets that ask for a service; bugs, incidents, questions and project work are counted apart.")
        median.metric("Queue time, median", reading.hours(report.queue_hours_p50), help=report.definitions[0])
        slow.metric("Queue time, 85 of 100 within", reading.hours(report.queue_hours_p85), help=report.definitions[0])
        known = report.cost_of_waiting is not None
        cost.metric(
            "Cost of waiting",
            f"{report.cost_of_waiting:,.0f} {report.currency}" if known else "unknown",
            help=report.cost_definition,
        )
        fulfilled, touch, waiting, _ = st.columns(4)
        fulfilled.metric("Fulfilled by the agent", f"{saved.fulfilled:,}")
        touch.metric("Ops time saved (assumed)", reading.hours(saved.touch_hours), help=saved.definition)
        waiting.metric("Waiting avoided (assumed)", reading.hours(saved.waiting_hours), help=saved.waiting_definition)
        st.subheader("Queue time by week")
        if view.weekly.empty:
            st.info("No ticket of this period has a history, so its queue time is unknown.")
        else:
            st.altair_chart(charts.queue_trend(view.weekly), width="stretch")
        with st.expander("How these figures are made"):
            for line in (*report.definitions, report.cost_definition, saved.definition, saved.waiting_definition, *report.caveats):
                st.text(line)

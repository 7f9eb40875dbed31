"""Is the queue getting shorter, what does waiting cost, what did automation save?"""

from __future__ import annotations

import streamlit as st

from analytics import charts
from dashboard import reading

APART = "Tickets that ask for a service; bugs, incidents, questions and project work are counted apart."


def render() -> None:
    st.title("Overview")
    with reading.helpful():
        period = reading.choose_period()
        view = reading.queue(period)
        reading.say_age(view)
        report, saved, meaning = view.report, view.saved, view.report.definition
        requests, median, slow, cost = st.columns(4)
        requests.metric("Service requests", f"{report.service_requests:,}", help=APART)
        median.metric("Queue time, median", reading.hours(report.queue_hours_p50), help=meaning["queue_hours_p50"])
        slow.metric("Queue time, 85 % within", reading.hours(report.queue_hours_p85), help=meaning["queue_hours_p85"])
        money = report.cost_of_waiting
        cost.metric(
            "Cost of waiting",
            "unknown" if money is None else f"{money:,.0f} {report.assumptions.currency}",
            help=f"{meaning['cost_of_waiting']}; {report.assumptions}",
        )
        done, touch, avoided, _ = st.columns(4)
        done.metric("Fulfilled by the agent", f"{saved.fulfilled:,}")
        touch.metric(
            "Ops time saved, at least",
            reading.hours(saved.ops_hours_saved),
            help=saved.definition["ops_hours_saved"],
        )
        avoided.metric(
            "Waiting avoided, at least",
            reading.hours(saved.waiting_hours_avoided),
            help=saved.definition["waiting_hours_avoided"],
        )
        st.subheader("Queue time by week")
        kept = reading.weeks(period)
        weeks = view.weekly if kept is None else kept
        if weeks["queue_hours_p50"].isna().all():
            st.info("No ticket of this period has a history, so its queue time is unknown.")
        else:
            st.altair_chart(charts.queue_trend(weeks), width="stretch")
        with st.expander("How these figures are made"):
            for name, words in {**meaning, **saved.definition}.items():
                st.text(f"{name.replace('_', ' ')}: {words}")
            for line in (str(report.assumptions), *saved.notes, *report.caveats):
                st.text(line)

"""Which request types cost requesters the most waiting, and is there a golden path for them?"""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
import streamlit as st

from analytics import charts
from dashboard import reading


def render() -> None:
    st.title("Top 3 request types")
    with reading.helpful():
        view = reading.queue(reading.choose_period())
        reading.say_age(view)
        report = view.report
        if not report.entries:
            st.info("No service request was found in this period.")
            return
        for column, entry in zip(st.columns(len(report.entries)), report.entries, strict=True):
            with column.container(border=True):
                median = reading.hours(entry.queue_hours_p50)
                st.metric(f"{entry.rank}. {entry.request_type}", median, help=report.definition["queue_hours_p50"])
                st.text(f"{entry.tickets:,} tickets, {entry.open:,} open")
                st.text(f"85 % start within {reading.hours(entry.queue_hours_p85)}")
                st.text(f"golden path: {entry.handler or 'none yet'}")
                st.text(f"waited longest: {', '.join(entry.exemplars)}")
        st.subheader("Waiting, summed")
        st.altair_chart(charts.top_bars(report), width="stretch")
        st.subheader("In figures")
        frame = pd.DataFrame([asdict(entry) for entry in report.entries])
        st.dataframe(
            frame.drop(columns=["exemplars", "longest", "trend", "weeks", "tied_with"]).round(2),
            hide_index=True,
            width="stretch",
        )
        st.caption("Counted apart: " + ", ".join(f"{count:,} {name}" for name, count in report.apart.items()))
        for line in (*report.definition.values(), *report.caveats):
            st.caption(line)

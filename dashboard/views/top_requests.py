"""Which request types cost requesters the most waiting, and is there a golden path for them?"""

from __future__ import annotations

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
        for place, (column, entry) in enumerate(zip(st.columns(len(report.entries)), report.entries, strict=True), start=1):
            with column.container(border=True):
                st.metric(f"{place}. {entry.request_type}", reading.hours(entry.queue_hours_p50), help="Median queue time. " + report.definitions[0])
                st.text(f"{entry.tickets:,} tickets, {entry.open_tickets:,} open")
                st.text(f"85 of 100 start within {reading.hours(entry.queue_hours_p85)}")
                st.text(f"golden path: {entry.handler or 'none yet'}")
        st.subheader("Share of all waiting")
        st.altair_chart(charts.waiting_share(report), width="stretch")
        st.subheader("In figures")
        st.dataframe(
            pd.DataFrame(report.to_json()["top_requests"]), hide_index=True, width="stretch"
        )
        if report.others:
            st.caption("Counted apart: " + ", ".join(f"{count:,} {name}" for name, count in report.others.items()))
        for line in (*report.definitions, *report.caveats):
            st.caption(line)

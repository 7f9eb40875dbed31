"""The dashboard's entry point: `goldenpath dashboard` runs it."""

from __future__ import annotations

import streamlit as st

from dashboard.views import fulfilments, overview, top_requests

st.set_page_config(page_title="Golden Path", page_icon=":material/route:", layout="wide")

pages = [
    st.Page(overview.render, title="Overview", icon=":material/monitoring:", url_path="overview", default=True),
    st.Page(top_requests.render, title="Top 3", icon=":material/leaderboard:", url_path="top-3"),
    st.Page(fulfilments.render, title="Fulfilments", icon=":material/task_alt:", url_path="fulfilments"),
]
st.navigation(pages).run()

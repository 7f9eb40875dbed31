"""The dashboard's entry point: `goldenpath dashboard` runs it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.views import fulfilments, overview, top_requests

st.set_page_config(page_title="Golden Path", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")

pages = [
    st.Page(overview.render, title="Overview", url_path="overview", default=True),
    st.Page(top_requests.render, title="Top 3", url_path="top-3"),
    st.Page(fulfilments.render, title="Fulfilments", url_path="fulfilments"),
]
st.navigation(pages).run()

"""What did the agent do, and why? Each request with its story from the ledger."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import reading


def render() -> None:
    st.title("Fulfilments")
    with reading.helpful():
        if proof := reading.proof():
            reading.say_proof(proof)
        view = reading.fulfilments()
        if view is None or not view.requests:
            st.info("No ticket has matched a golden path yet. `goldenpath once` looks at the open tickets.")
            return
        if not view.whole:
            st.error(
                "The ledger's chain is broken: rows were changed or removed. "
                "`goldenpath ledger verify` names the first one."
            )
        frame = pd.DataFrame(
            {
                "ticket": [request.ticket_key for request in view.requests],
                "handler": [request.handler for request in view.requests],
                "state": [request.state.value.replace("_", " ") for request in view.requests],
                "resource": [request.resource or "" for request in view.requests],
                "why": [request.reason for request in view.requests],
                "updated (UTC)": [request.updated_at for request in view.requests],
            }
        )
        states = sorted(set(frame["state"]))
        chosen = st.multiselect("State", states, placeholder="all")
        shown = frame[frame["state"].isin(chosen)] if chosen else frame
        widths = {
            "resource": st.column_config.TextColumn(width="medium"),
            "why": st.column_config.TextColumn(width="large"),
        }
        st.dataframe(shown, hide_index=True, width="stretch", column_config=widths)
        keys = list(dict.fromkeys(shown["ticket"]))
        named = st.query_params.get("ticket")
        made = next(iter(shown.loc[shown["resource"] != "", "ticket"]), keys[0])
        key = st.selectbox("The story of", keys, index=keys.index(named if named in keys else made))
        if key:
            st.query_params["ticket"] = key
            show_story(key)


def show_story(key: str) -> None:
    """The ledger's sentences; plain text only, since they can hold words of a ticket."""
    for entry in reading.story(key):
        when, words = st.columns([1, 5])
        when.text(f"{entry.at:%Y-%m-%d %H:%M:%S}")
        words.text(entry.sentence)

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
        requests = reading.fulfilments()
        if not requests:
            st.info("No ticket has matched a golden path yet. `goldenpath once` looks at the open tickets.")
            return
        above = st.container()
        frame = pd.DataFrame(
            {
                "ticket": [request.ticket_key for request in requests],
                "handler": [request.handler for request in requests],
                "state": [request.state.value.replace("_", " ") for request in requests],
                "resource": [request.resource or "" for request in requests],
                "why": [request.reason for request in requests],
                "updated (UTC)": [request.updated_at for request in requests],
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
        with above:  # what takes long comes last
            say_chain()


def say_chain() -> None:
    found = reading.ledger_report()
    if found is not None and found.broken_at is not None:
        st.error(
            f"The ledger is broken at row {found.broken_at:,}: {reading.plain(found.why)}. "
            "Stop the agent and keep the ledger as it is for whoever looks into it."
        )


def show_story(key: str) -> None:
    """The ledger's sentences; plain text only, since they can hold words of a ticket."""
    for entry in reading.story(key):
        when, words = st.columns([1, 5])
        when.text(f"{entry.at:%Y-%m-%d %H:%M:%S}")
        words.text(entry.sentence)

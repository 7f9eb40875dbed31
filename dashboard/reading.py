"""What the pages read, cached for a few seconds; and the helpful page in place of what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from agent import config, operations
from agent.errors import AgentError
from analytics.errors import AnalyticsError
from fulfilment.chain import Entry, VerifyReport
from fulfilment.errors import FulfilmentError
from fulfilment.request import Request
from tickets.errors import TicketsError
from tickets.proof import Proof

PERIODS = {"30 days": 30, "90 days": 90, "a year": 365, "everything": None}
CHAIN_SECONDS = 60


@st.cache_data(ttl=15, show_spinner="reading the tickets")
def queue(days: int | None, count: int = 3) -> operations.QueueView:
    return operations.view_queue(config.load(), since=timedelta(days=days) if days else None, count=count)


@st.cache_data(ttl=15, show_spinner=False)
def weeks(days: int | None) -> pd.DataFrame | None:
    """Service requests by week, of what the last sync has kept; None where it has kept nothing."""
    found = operations.view_weeks(config.load(), since=timedelta(days=days) if days else None)
    return None if found is None else found[0]


@st.cache_data(ttl=15, show_spinner=False)
def proof() -> Proof | None:
    return operations.view_proof(config.load())


@st.cache_data(ttl=3, show_spinner="reading the ledger")
def fulfilments() -> tuple[Request, ...] | None:
    return operations.view_fulfilments(config.load())


@st.cache_data(ttl=CHAIN_SECONDS, show_spinner="verifying the ledger")
def ledger_report() -> VerifyReport | None:
    """Kept for longer than what else is read: all of the ledger is."""
    return operations.verify_ledger(config.load())


@st.cache_data(ttl=3, show_spinner=False)
def story(key: str) -> list[Entry]:
    return operations.view_story(config.load(), key)


def choose_period() -> int | None:
    """The period in days, kept in the page's address."""
    named = st.query_params.get("period", "a year")
    names = list(PERIODS)
    start = names.index(named) if named in PERIODS else names.index("a year")
    chosen = st.segmented_control("Tickets of the last", names, default=names[start]) or names[start]
    st.query_params["period"] = chosen
    return PERIODS[chosen]


@contextmanager
def helpful() -> Iterator[None]:
    """Shows what is wrong and the way out in place of a page that cannot be shown."""
    try:
        yield
    except (AgentError, AnalyticsError, FulfilmentError, TicketsError) as error:
        st.info("There is nothing to show yet.")
        st.code(str(error), language=None, wrap_lines=True)


def say_age(view: operations.QueueView) -> None:
    """What the page is made of: how many tickets, how old, and whether they are proven complete."""
    facts = view.facts
    words = f"{facts.tickets:,} tickets with {facts.status_changes:,} status changes, "
    words += f"as of {view.as_of:%Y-%m-%d %H:%M} UTC."
    if facts.without_history:
        words += f" {facts.without_history:,} tickets came without a history: their queue time is unknown."
    st.caption(words)
    say_proof(view.proof)


def say_proof(known: Proof) -> None:
    """The banner of every page: quiet where everything is proven, loud where it is not."""
    words = plain(" ".join(known.sentences(datetime.now(UTC))))
    if known.is_complete:
        st.caption(words)
    else:
        st.warning(words)


def plain(words: str) -> str:
    """As Markdown that shows just these words: they may hold what a Jira has said."""
    return re.sub(r"([^\w\s,;%]|_)", r"\\\1", words)


def hours(value: float | None) -> str:
    if value is None or value != value:
        return "unknown"
    if value == float("inf"):
        return "not reached"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:.1f} days"

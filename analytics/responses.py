"""When somebody first answered a requester: the first public comment of a person who is not the requester."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from analytics.frames import Log, rows_of
from analytics.stays import NEVER, Ints


def first_responses(log: Log, bots: Collection[str]) -> Ints:
    """Microseconds since 1970 (UTC) for each ticket; NEVER where nobody has answered. Apps, customers and `bots`
    (accounts) are no answer, nor is a comment whose author is unknown: JSM's "time to first response"."""
    comments, tickets = log.comments, log.tickets
    found = np.full(len(tickets), NEVER, dtype=np.int64)
    if not len(comments):
        return found
    row = rows_of(tickets, comments)
    may_answer = comments.select(
        (
            pl.col("is_public")
            & (pl.col("kind") == "person")
            & pl.col("author").is_not_null()
            & ~pl.col("author").is_in(list(bots))
        ).fill_null(False)
    ).to_series()
    rows = pl.Series(row, dtype=pl.Int32).filter(may_answer)
    answers = comments.select("at", "author").filter(may_answer)
    is_answer = answers["author"].ne_missing(tickets["reporter"].gather(rows)).to_numpy()
    at = answers["at"].to_physical().to_numpy()[is_answer]
    row = rows.to_numpy()[is_answer]
    latest = np.iinfo(np.int64).max
    first = np.full(len(tickets), latest, dtype=np.int64)
    np.minimum.at(first, row, at)
    return np.where(first == latest, NEVER, first)

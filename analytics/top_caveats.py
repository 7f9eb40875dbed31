"""What the figures of the top-3 report cannot know, each as a sentence with its number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.ranking import FEWEST_WEEKS
from analytics.top_records import RankedBy
from analytics.weeks import week_numbers


def caveats_of(
    table: pd.DataFrame,
    requests: pd.DataFrame,
    measured: pd.DataFrame,
    grouped_by: str,
    ranked_by: RankedBy,
    groups: int,
    count: int,
) -> list[str]:
    """Takes the typed tickets, those that are service requests, and of them those with a history."""
    found: list[str] = []
    if grouped_by == "ticket_type":
        found.append("no request types in this export; grouped by ticket type")
    if without := len(requests) - len(measured):
        found.append(f"no history in {without} of {len(requests)} tickets: queue time unknown")
    if ranked_by == "lead" and len(requests):
        found.append(
            f"queue time is known for {len(measured)} of {len(requests)} tickets, so types are ranked by lead time "
            "(created to resolved, or to now where open)"
        )
    if waiting := int(measured["queue_is_open"].sum()):
        found.append(f"{waiting} tickets are still in the queue and count as waiting at least so long")
    if unknown := int(table["unknown_entries"].sum()):
        tickets = int((table["unknown_entries"] > 0).sum())
        found.append(
            f"{unknown} moves in {tickets} tickets lead to statuses of unknown category: they start and end nothing"
        )
    if unfinished := int(requests["elapsed_business_hours"].isna().sum()):
        found.append(f"{unfinished} finished tickets do not say when: their lead time is unknown")
    if predicted := int((requests["source"] == "predicted").sum()):
        found.append(f"the type of {predicted} of {len(requests)} service requests was predicted from their text")
    if unclassified := int((table["kind"] == "unknown").sum()):
        found.append(f"{unclassified} tickets carry no request type and are not ranked")
    return found + _of_the_ranking(requests, groups, count)


def _of_the_ranking(requests: pd.DataFrame, groups: int, count: int) -> list[str]:
    found: list[str] = []
    if requests.empty:
        return ["there are no service requests among these tickets"]
    if (weeks := len(np.unique(week_numbers(requests["requested_at"])))) < FEWEST_WEEKS:
        found.append(
            f"the requests are of {weeks} weeks; how sure the ranking is can be told from {FEWEST_WEEKS} weeks on"
        )
    if groups < count:
        found.append(f"there are only {groups} types of service requests")
    return found

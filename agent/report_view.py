"""What the top-3 report tells beyond the ranking: the tickets behind it, and what a handler would have to ask."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from fulfilment.handler import discover
from tickets.store import TicketStore
from tickets.ticket import Ticket

if TYPE_CHECKING:
    import pandas as pd

    from agent.operations import QueueView
    from analytics.nearest import Nearest
    from analytics.parameters import Parameter
    from analytics.top_records import Exemplar, TopReport

READ: Final = 200  # the newest tickets of a type whose words are read
OTHERS: Final = 300
_KEY: Final = re.compile(r"\w{1,64}-\d{1,18}")  # a file may claim to be of our site


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket that waited long. `url` is None where it is not of the configured Jira; `summary` is empty where not
    everybody in its project may see it, as a report goes further than that."""

    ticket: Exemplar
    summary: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Detail:
    """Of one type: the tickets that waited longest; what was found in the words of its newest `tickets_read`: the
    handler that is nearest (None: no one is, or one serves the type) and the parameters that people give. `mode` is the
    configured one of the handler that serves it."""

    examples: tuple[Example, ...]
    tickets_read: int
    nearest: Nearest | None
    parameters: tuple[Parameter, ...]
    mode: str = "off"


def details_of(
    store: TicketStore, table: pd.DataFrame, report: TopReport, *, jira_url: str, modes: Mapping[str, str]
) -> dict[str, Detail]:
    """One for each ranked type. `table` is the measured table of the report's period; `modes` are the configured ones
    of the handlers."""
    from analytics.nearest import nearest
    from analytics.parameters import given_parameters

    column = "type" if report.grouped_by == "request_type" else "ticket_type"
    tickets = {
        entry.request_type: _newest(store, table[table[column] == entry.request_type], READ) for entry in report.entries
    }
    unserved = {
        entry.request_type: [ticket.text for ticket in tickets[entry.request_type]]
        for entry in report.entries
        if entry.handler is None
    }
    others = [ticket.text for ticket in _newest(store, table, OTHERS)] if unserved else []
    near = nearest(unserved, handler_examples(), others=others) if unserved else {}
    return {
        entry.request_type: Detail(
            examples=tuple(_example(store, one, jira_url) for one in entry.longest),
            tickets_read=len(tickets[entry.request_type]),
            nearest=near.get(entry.request_type),
            parameters=given_parameters(tickets[entry.request_type]),
            mode=modes.get(entry.handler or "", "off"),
        )
        for entry in report.entries
    }


def handler_examples() -> dict[str, tuple[str, ...]]:
    """What each handler says it is for, in words."""
    return {name: (handler.title, *handler.examples) for name, handler in discover().items()}


def _newest(store: TicketStore, table: pd.DataFrame, most: int) -> list[Ticket]:
    rows = table[["site", "ticket_id", "requested_at"]].nlargest(most, "requested_at")
    pairs = list(zip(rows["site"].astype("str"), rows["ticket_id"].tolist(), strict=True))
    found = {
        site: store.some(site, [number for at, number in pairs if at == site]) for site in {site for site, _ in pairs}
    }
    return [found[site][number] for site, number in pairs if number in found[site]]


def _example(store: TicketStore, one: Exemplar, jira_url: str) -> Example:
    ticket = store.get(one.ticket_id, site=one.site)
    is_ours = bool(jira_url) and urlsplit(jira_url).hostname == one.site and _KEY.fullmatch(one.key)
    url = f"{jira_url}/browse/{quote(one.key)}" if is_ours else None
    return Example(one, "" if ticket is None or ticket.security else ticket.summary, url)


def report_document(view: QueueView) -> dict[str, Any]:
    """The report with `top_requests` as its list of types, what the store holds, and what was saved."""
    document = view.report.to_json()
    document["top_requests"] = [_entry(entry, view.details) for entry in document.pop("entries")]
    return {
        **document,
        "tickets": view.facts.tickets,
        "status_changes": view.facts.status_changes,
        "without_history": view.facts.without_history,
        "complete": view.proof.is_complete if view.proof.projects else None,
        "data_at": view.proof.data_at,
        "gaps": list(view.proof.gaps),
        "saved": view.saved.to_json(),
    }


def _entry(entry: dict[str, Any], details: Mapping[str, Detail]) -> dict[str, Any]:
    detail = details.get(entry["request_type"])
    if detail is None:
        return entry
    told: Sequence[dict[str, Any]] = entry["exemplar_tickets"]
    return entry | {
        "exemplar_tickets": [
            one | {"summary": example.summary, "url": example.url}
            for one, example in zip(told, detail.examples, strict=True)
        ],
        "nearest_handler": asdict(detail.nearest) if detail.nearest else None,
        "parameters": [asdict(one) for one in detail.parameters],
        "tickets_read": detail.tickets_read,
        "handler_mode": detail.mode if entry["handler"] else None,
    }

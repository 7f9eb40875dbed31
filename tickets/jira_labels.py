"""Adds a label to a ticket, leaving the others as they are."""

from __future__ import annotations

from collections.abc import Mapping

from tickets.errors import AnswerUnknown, MalformedAnswer, TicketsError
from tickets.jira_pages import read_object
from tickets.jira_transport import Transport


def add_label(transport: Transport, path: str, label: str) -> None:
    """Sent once; already there: nothing is done. A lost answer is looked up; raises AnswerUnknown when the label is not
    there then."""
    if label in _labels(transport, path):
        return
    try:
        transport.write(path, {"update": {"labels": [{"add": label}]}}, "PUT")
    except AnswerUnknown as lost:
        try:
            is_there = label in _labels(transport, path)
        except TicketsError:
            raise lost from None
        if not is_there:
            raise


def _labels(transport: Transport, path: str) -> list[object]:
    fields = read_object(transport, path, {"fields": "labels"}).get("fields")
    found = fields.get("labels") if isinstance(fields, Mapping) else None
    if not isinstance(found, list):
        raise MalformedAnswer(f"Jira does not tell the labels at {path}")
    return found

"""Request types and the kinds they are of; what a ticket's own type says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tickets.ticket import RequestType

Kind = Literal["request", "incident", "bug", "question", "project"]

# Classes other than service requests: counted apart, never ranked.
BUG = RequestType("bug", "Bug", "bug")
INCIDENT = RequestType("incident", "Incident", "incident")
QUESTION = RequestType("question", "Question", "question")
PROJECT_WORK = RequestType("project-work", "Project work", "project")

APART: Mapping[str, RequestType] = {entry.id: entry for entry in (BUG, INCIDENT, QUESTION, PROJECT_WORK)}

# What the names of ticket types mean, where the name alone decides it. "Task", "Service Request" and "Sub-
# task" are missing on purpose: they say nothing about what is asked for.
TICKET_TYPES: Mapping[str, RequestType] = {
    **dict.fromkeys(("bug", "defect", "fault", "fehler", "defecto", "anomalie", "缺陷", "バグ", "ошибка"), BUG),
    **dict.fromkeys(("incident", "[system] incident", "outage", "störung", "incidente", "事件", "故障"), INCIDENT),
    **dict.fromkeys(("question", "support question", "frage", "pregunta", "问题咨询", "咨询"), QUESTION),
    **dict.fromkeys(
        ("story", "user story", "epic", "initiative", "improvement", "new feature", "feature", "enhancement"),
        PROJECT_WORK,
    ),
    **dict.fromkeys(("故事", "史诗", "新功能", "改进", "エピック", "ストーリー", "historia", "épica"), PROJECT_WORK),
}

# Names that portals come with for what is no service request.
PORTAL_TYPES: Mapping[str, RequestType] = {
    **dict.fromkeys(("bug", "report-a-bug", "report-bug", "defect"), BUG),
    **dict.fromkeys(
        ("incident", "report-an-incident", "report-a-system-problem", "report-incident", "outage"), INCIDENT
    ),
    **dict.fromkeys(("question", "ask-a-question", "general-question"), QUESTION),
    **dict.fromkeys(("project-work", "suggest-a-new-feature", "suggest-improvement"), PROJECT_WORK),
}


def type_of_ticket_type(name: str) -> RequestType | None:
    """What a ticket type's name alone says ("Bug", "Story", "缺陷"), or None where it says nothing."""
    return TICKET_TYPES.get(name.strip().casefold())


def kind_of(request_type: str, own: Mapping[str, RequestType] | None = None) -> Kind:
    """The kind of a request type's id: a site's `own` catalogue first, then the usual names; else a service
    request.
    """
    entry = (own or {}).get(request_type) or PORTAL_TYPES.get(request_type)
    return entry.kind if entry else "request"

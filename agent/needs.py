"""What the Jira account needs, declared once: the doctor asks for it and docs/what-the-account-needs.md lists it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fulfilment.policy import Mode

# What lists a group's members; on Data Center only administrators may.
SEES_GROUPS = "Browse users and groups (on Data Center: Jira Administrators)"


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a feature stands on.

    `permission` is Jira's key and `title` its name on Jira's screens (Cloud's; Data Center's differ in capitals);
    `scope` is where it is granted. `from_mode` is the lowest mode of any handler from which on it is needed (`off`:
    always). `resolving`: only in projects where the transition to the target status asks for a resolution.
    """

    feature: str
    permission: str
    title: str
    scope: Literal["project", "site"]
    from_mode: Mode
    why: str
    resolving: bool = False


NEEDS: tuple[Need, ...] = (
    Need(
        "reading",
        "BROWSE_PROJECTS",
        "Browse projects",
        "project",
        Mode.OFF,
        "tickets, their history and their comments cannot be read",
    ),
    Need(
        "looking groups up",
        "USER_PICKER",
        "Browse users and groups",
        "site",
        Mode.SHADOW,
        "whether a requester's team or an approver's group is entitled cannot be told",
    ),
    Need(
        "answering",
        "ADD_COMMENTS",
        "Add comments",
        "project",
        Mode.SUGGEST,
        "questions, plans and results cannot be written into the ticket",
    ),
    Need(
        "moving",
        "TRANSITION_ISSUES",
        "Transition issues",
        "project",
        Mode.SUPERVISED,
        "a fulfilled ticket cannot be moved to its target status",
    ),
    Need(
        "moving",
        "RESOLVE_ISSUES",
        "Resolve issues",
        "project",
        Mode.SUPERVISED,
        "the transition to the target status asks for a resolution, which cannot be set",
        resolving=True,
    ),
)

# What a call takes where [on_call] names accounts.
CALLING: tuple[Need, ...] = (
    Need(
        "on-call comments",
        "ADD_COMMENTS",
        "Add comments",
        "project",
        Mode.SUPERVISED,
        "a call cannot be written into the ticket",
    ),
    Need(
        "on-call label",
        "EDIT_ISSUES",
        "Edit issues",
        "project",
        Mode.SUPERVISED,
        "the ticket cannot be labelled as one that needs a person",
    ),
)


def features(needs: Iterable[Need] = NEEDS) -> tuple[str, ...]:
    """Each feature once, in the order of declaration."""
    return tuple(dict.fromkeys(need.feature for need in needs))

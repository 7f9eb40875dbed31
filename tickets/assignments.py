"""Who held a ticket, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tickets.ticket import FieldChange

ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True)
class Holdings:
    """`hand_offs` is how often a ticket went from one holder to another, `bounces` how many of those went to somebody
    who had held it before."""

    hand_offs: int
    bounces: int


def holdings(changes: Iterable[FieldChange]) -> Holdings:
    """From the changes of the assignee, in the order given; those of other fields are skipped.

    Nobody in between is no holder, and the same one twice in a row is one. The history names holders as people read
    them, so two of the same name are one.
    """
    held: list[str] = []
    for change in changes:
        if change.field == ASSIGNEE:
            for holder in (change.to_value,) if held else (change.from_value, change.to_value):
                if holder and held[-1:] != [holder]:
                    held.append(holder)
    return Holdings(max(0, len(held) - 1), len(held) - len(set(held)))

"""Hand-offs and bounces, each case drawn as who gave it to whom."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tickets.assignments import Holdings, holdings
from tickets.ticket import FieldChange

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def drawn(line: str, field: str = "assignee") -> list[FieldChange]:
    """`- > ann > bo`: nobody, then Ann, then Bo."""
    holders = ["" if name == "-" else name for name in line.split(" > ")]
    return [FieldChange("1", AT, None, field, *pair) for pair in pairwise(holders)]


@pytest.mark.parametrize(
    ("line", "hand_offs", "bounces"),
    [
        ("-", 0, 0),
        ("- > ann", 0, 0),
        ("ann > -", 0, 0),
        ("ann > bo", 1, 0),
        ("- > ann > bo", 1, 0),
        ("ann > - > bo", 1, 0),
        ("ann > - > ann", 0, 0),
        ("ann > ann", 0, 0),
        ("- > ann > bo > ann", 2, 1),
        ("ann > bo > - > ann > bo", 3, 2),
        ("ann > bo > cy > ann > -", 3, 1),
        ("- > - > ann", 0, 0),
    ],
)
def test_hand_offs_and_bounces(line: str, hand_offs: int, bounces: int) -> None:
    assert holdings(drawn(line)) == Holdings(hand_offs, bounces)


def test_the_first_entry_names_who_held_it_from_the_beginning_and_later_ones_only_who_got_it() -> None:
    torn = [*drawn("ann > bo"), *drawn("cy > dee")]  # the change from Bo to Cy is not in the history
    assert holdings(torn) == Holdings(2, 0)


def test_other_fields_are_skipped() -> None:
    assert holdings([*drawn("a > b", "summary"), *drawn("ann > bo"), *drawn("b > a", "summary")]) == Holdings(1, 0)

"""Which histories are whole, which gaps are explained, and which are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_store import ticket
from tickets.chains import Chain, check_chain
from tickets.ticket import FieldChange, Status, StatusCategory, StatusChange, Ticket

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def moves(*statuses: str) -> tuple[StatusChange, ...]:
    """`moves("1 2", "2 3")`: an hour between two changes."""
    pairs = [entry.split() for entry in statuses]
    return tuple(
        StatusChange(str(at), START + timedelta(hours=at), None, old, f"S{old}", new, f"S{new}")
        for at, (old, new) in enumerate(pairs)
    )


def with_history(
    changes: tuple[StatusChange, ...] | None, status: str, *fields: tuple[str, float], updated: float = 99
) -> Ticket:
    """`fields` are changes of other fields: the field and the hour."""
    others = tuple(FieldChange("9", START + timedelta(hours=at), None, name, "a", "b") for name, at in fields)
    now = Status(status, f"S{status}", StatusCategory.NEW)
    return ticket(
        1, status=now, status_changes=changes, field_changes=others, updated_at=START + timedelta(hours=updated)
    )


@pytest.mark.parametrize(
    ("changes", "status", "fields", "expected"),
    [
        (None, "1", (), None),
        ((), "1", (), Chain.WHOLE),
        (moves("1 2", "2 3"), "3", (), Chain.WHOLE),
        (moves("1 2", "2 3"), "4", (), Chain.BROKEN),  # the newest change is missing
        (moves("1 2", "3 4"), "4", (), Chain.BROKEN),  # one in the middle is missing
        (moves("1 2", "3 4"), "4", (("summary", 0.5),), Chain.BROKEN),
        (moves("1 2", "3 4"), "4", (("Key", 0.5), ("project", 0.5)), Chain.MOVED),
        (moves("1 2", "3 4"), "4", (("Workflow", 0.5),), Chain.MIGRATED),
        (moves("1 2", "3 4"), "4", (("Workflow", 1.5),), Chain.BROKEN),  # an explanation of something else
        (moves("1 2"), "7", (("project", 3),), Chain.MOVED),
        (moves("1 2"), "7", (("Workflow", 3),), Chain.MIGRATED),
        (moves("1 2", "3 4"), "7", (("Workflow", 0.5),), Chain.BROKEN),  # one of two breaks is explained
    ],
)
def test_a_chain(
    changes: tuple[StatusChange, ...] | None, status: str, fields: tuple[tuple[str, float], ...], expected: Chain | None
) -> None:
    assert check_chain(with_history(changes, status, *fields)) is expected


def test_a_renamed_status_is_the_same_and_names_stand_in_for_blanked_ids() -> None:
    one, two = moves("1 2", "2 3")
    assert check_chain(with_history((one, replace(two, from_name="Renamed")), "3")) is Chain.WHOLE
    blank = replace(two, from_id="")
    assert check_chain(with_history((one, blank), "3")) is Chain.WHOLE
    assert check_chain(with_history((one, replace(blank, from_name="Else")), "3")) is Chain.BROKEN


@given(st.lists(st.sampled_from("12345"), min_size=2, max_size=12), st.data())
def test_taking_out_a_change_breaks_the_chain(walk: list[str], data: st.DataObject) -> None:
    """Whatever change but the first is lost is seen, unless it led back to where it began."""
    pairs = [f"{old} {new}" for old, new in pairwise(walk)]
    whole = moves(*pairs)
    assert check_chain(with_history(whole, walk[-1])) is Chain.WHOLE
    lost = data.draw(st.integers(0, len(whole) - 1))
    left = whole[:lost] + whole[lost + 1 :]
    is_seen = lost > 0 and whole[lost].from_id != whole[lost].to_id
    expected = Chain.BROKEN if is_seen and left else Chain.WHOLE
    assert check_chain(with_history(left, walk[-1])) is expected


def test_a_change_that_came_after_the_fields_were_read_breaks_nothing() -> None:
    """The index was behind: the fields are of hour 0, the history already knows hour 1."""
    assert check_chain(with_history(moves("1 2", "2 3"), "2", updated=0)) is Chain.WHOLE
    assert check_chain(with_history(moves("1 2", "2 3"), "1", updated=0)) is Chain.BROKEN

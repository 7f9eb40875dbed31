"""The states and arrows are data; what the docs draw is made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fulfilment.records import RESULTS
from fulfilment.request import ARROWS, LONGEST_PAUSE, MEANINGS, UNFINISHED, State, diagram
from tests.unit.test_ledger import request

PAGE = Path(__file__).parents[2] / "docs" / "a-requests-life.md"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_the_docs_draw_what_the_code_does() -> None:
    text = PAGE.read_text(encoding="utf-8")
    drawn = text.partition("test_request_states.py -->\n")[2].partition("<!-- end of states -->")[0]
    rows = "".join(f"| `{state.value}` | {MEANINGS[state]} |\n" for state in State)
    assert drawn == f"\n```mermaid\n{diagram()}\n```\n\n| state | what it means |\n|---|---|\n{rows}"


def test_every_state_has_its_arrows_meaning_and_result() -> None:
    assert set(ARROWS) == set(MEANINGS) == set(RESULTS) == set(State)
    reached, front = {State.MATCHED}, {State.MATCHED}
    while front:
        front = {to for state in front for to in ARROWS[state]} - reached
        reached |= front
    assert reached == set(State)


def test_no_state_that_the_cycle_goes_on_with_is_a_dead_end() -> None:
    ends = {state for state in State if state not in UNFINISHED}
    for state in UNFINISHED:
        assert ARROWS[state] & (UNFINISHED | ends) - {state}, state


@given(st.sampled_from(State), st.timedeltas(-timedelta(days=9000), timedelta(days=9000)))
def test_what_is_to_be_looked_at_much_too_late_is_looked_at_now(state: State, later: timedelta) -> None:
    """A clock that was wrong for a while holds nothing up for ever."""
    is_due = replace(request(state=state), next_check_at=NOW + later).is_due(NOW)
    assert is_due == (later <= timedelta(0) or later > LONGEST_PAUSE)
    assert request(state=state).is_due(NOW) == (state in UNFINISHED)

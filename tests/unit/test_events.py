"""Any system's log of events as a log: what becomes of repeats, ties and gaps, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analytics.calendars import office_hours
from analytics.clocks import Clocks, suggested
from analytics.errors import BadFrame
from analytics.events import from_events
from analytics.flow import Walk, walk
from analytics.frames import Log
from analytics.quality import quality
from tests.unit.drawn import moment, rows
from tests.unit.flowing import CALENDAR, NOW, cells
from tests.unit.test_clocks import NAMES

DATA = Path(__file__).parents[2].parent / "shared" / "data"

EVENTS = """
| INC-1 | New            | 5 09:00 |
| INC-1 | Working on it  | 5 11:00 |
| INC-1 | Awaiting user  | 5 12:00 |
| INC-1 | Working on it  | 5 14:00 |
| INC-1 | Solved         | 5 15:00 |
| INC-2 | New            | 6 09:00 |
"""


def drawn(table: str) -> pd.DataFrame:
    """Columns: ticket | status | at."""
    events = pd.DataFrame(list(rows(table)), columns=["case", "state", "when"])
    return events.assign(when=pd.to_datetime([moment(text) for text in events["when"]], utc=True))


def log_of(frame: pd.DataFrame, **told: object) -> Log:
    return from_events(frame, ticket="case", status="state", at="when", **told)  # type: ignore[arg-type]


def walked(frame: pd.DataFrame, **told: object) -> Walk:
    log = log_of(frame, **told)
    return walk(log, clocks=Clocks(log.catalogue()), calendar=CALENDAR, now=NOW)


# What becomes of rows


def test_rows_become_tickets_and_changes() -> None:
    flow = walked(drawn(EVENTS)).tickets()
    assert flow["key"].tolist() == ["INC-1", "INC-2"]
    assert flow["requested_at"].tolist() == [moment("5 09:00"), moment("6 09:00")]
    assert flow["status"].tolist() == ["Solved", "New"]
    assert flow["status_class"].tolist() == ["done", "queue"]
    assert cells(flow, "queue_hours") == [2, 195]
    assert cells(flow, "lead_hours") == [6, None]
    assert cells(flow, "active_hours") == [2, 0]
    assert cells(flow, "in_requester_hours") == [2, 0]
    assert set(flow["project"]) == {"events"}


def test_rows_that_repeat_a_status_are_no_changes() -> None:
    events = drawn(EVENTS)
    repeated = events.assign(when=events["when"] + pd.Timedelta(minutes=30))  # each status said again
    log = log_of(pd.concat([events, events, repeated]))
    assert len(log.changes) == 4
    assert log.changes["at"].to_list() == log_of(events).changes["at"].to_list()


def test_rows_may_stand_in_any_order() -> None:
    events = drawn(EVENTS)
    pd.testing.assert_frame_equal(walked(events.iloc[::-1]).tickets(), walked(events).tickets())
    mixed = events.iloc[[4, 0, 5, 2, 1, 3]].set_index(pd.Index([7, 7, 7, 1, 1, 0]))  # and their index says nothing
    pd.testing.assert_frame_equal(walked(mixed).tickets(), walked(events).tickets())


def test_rows_of_one_instant_keep_the_order_of_the_frame() -> None:
    tied = """
        | 1 | New     | 5 09:00 |
        | 1 | Working | 5 11:00 |
        | 1 | On hold | 5 11:00 |
        | 1 | Working | 5 11:00 |
        | 1 | Closed  | 5 13:00 |
    """
    log = log_of(drawn(tied))
    entered = [log.pairs[code][1] for code in log.changes["entered"]]
    assert entered == ["Working", "On hold", "Working", "Closed"]
    flow = walked(drawn(tied)).tickets()
    assert (cells(flow, "active_hours"), cells(flow, "in_blocked_hours")) == ([2], [0])


def test_the_frame_is_left_as_it_was() -> None:
    events = drawn(EVENTS)
    before = events.copy()
    log_of(events)
    pd.testing.assert_frame_equal(events, before)


def test_keys_that_are_numbers_are_the_ids() -> None:
    events = drawn(EVENTS)
    assert log_of(events.assign(case=[7, 7, 7, 7, 7, 12])).tickets["ticket_id"].to_list() == [12, 7]
    named = log_of(events).tickets["ticket_id"].to_list()
    assert named == log_of(events.iloc[::-1]).tickets["ticket_id"].to_list()  # always the same
    assert len(set(named)) == 2
    zeros = log_of(events.assign(case=["07", "07", "7", "7", "7", "7"])).tickets
    assert zeros["ticket_id"].n_unique() == 2


def test_categories_and_other_zones_are_read() -> None:
    events = drawn(EVENTS)
    typed = events.astype({"case": "category", "state": "category"})
    typed["when"] = typed["when"].dt.tz_convert("Asia/Tokyo").dt.as_unit("ns")
    pd.testing.assert_frame_equal(walked(typed).tickets(), walked(events).tickets())


# What statuses mean


def test_a_status_that_nobody_mapped_is_unknown_and_named() -> None:
    events = drawn(
        """
        | 1 | New  | 5 09:00 |
        | 1 | -100 | 5 11:00 |
        | 1 | Done | 5 14:00 |
        | 2 | -100 | 5 09:00 |
        """
    )
    told = walked(events)
    flow = told.tickets()
    assert cells(flow, "in_unknown_hours") == [3, 219]
    assert cells(flow, "queue_hours") == [5, 219]  # it starts nothing
    (one,) = quality(told, flow).unmapped
    assert (one.name, one.tickets, one.hours) == ("-100", 2, 222)


def test_clocks_say_what_statuses_mean() -> None:
    told = walked(drawn(EVENTS), clocks={"working  ON it": "blocked", "Solved": "active", "Awaiting user": "done"})
    flow = told.tickets()
    assert flow["status_class"].tolist() == ["active", "queue"]
    assert cells(flow, "in_blocked_hours") == [2, 0]
    assert cells(flow, "in_done_hours") == [2, 0]
    assert cells(flow, "reopenings") == [1, 0]


def test_a_meaning_that_is_none_is_refused() -> None:
    with pytest.raises(BadFrame, match="clocks holds 'doing'; allowed: queue, active, requester, blocked, done"):
        log_of(drawn(EVENTS), clocks={"New": "queue", "Working on it": "doing"})


@pytest.mark.parametrize("name", [row[0] for row in rows(NAMES)])
def test_words_mean_here_what_they_mean_elsewhere(name: str) -> None:
    log = log_of(drawn(f"| 1 | {name} | 5 09:00 |"))
    assert Clocks(log.catalogue()).meaning("events", name, name).clock == (suggested(name) or "unknown")


# Further columns


def test_of_further_columns_the_last_value_counts() -> None:
    events = drawn(EVENTS).assign(
        kind=["vpn", "vpn", "disk", None, None, None],
        urgency=[2, 2, 3, 3, 3, 1],
        queue=["IT", "IT", "IT", "HR", "HR", "IT"],
        who=["ada", None, None, None, None, None],
    )
    flow = walked(events, type="kind", priority="urgency", project="queue", requester="who").tickets()
    assert flow["type"].astype("object").fillna("-").tolist() == ["disk", "-"]
    assert flow["priority"].tolist() == ["3", "1"]
    assert flow["project"].tolist() == ["HR", "IT"]
    assert flow["reporter"].astype("object").fillna("-").tolist() == ["ada", "-"]


def test_a_column_may_serve_twice() -> None:
    flow = walked(drawn(EVENTS), project="case", type="case").tickets()
    assert flow["project"].tolist() == flow["type"].tolist() == ["INC-1", "INC-2"]


# Few rows


def test_one_row() -> None:
    flow = walked(drawn("| INC-1 | Open | 13 15:00 |")).tickets()
    assert cells(flow, "queue_hours") == cells(flow, "age_hours") == [21]
    assert flow["queue_is_open"].tolist() == [True]


def test_no_row() -> None:
    told = walked(drawn(EVENTS).iloc[:0])
    assert len(told.tickets()) == len(told.statuses()) == len(told.cumulative()) == 0
    assert list(told.tickets()) == list(walked(drawn(EVENTS)).tickets())


# What is refused


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    with pytest.raises(BadFrame, match="the frame has no column 'status', 'kind'; it has case, state, when"):
        from_events(drawn(EVENTS), ticket="case", status="status", at="when", type="kind")


def test_times_must_be_instants_of_one_zone() -> None:
    events = drawn(EVENTS)
    naive = events["when"].dt.tz_localize(None)
    mixed = [moment("5 09:00"), *pd.to_datetime(["2026-01-05T09:00+02:00"] * 5)]
    for when in (naive, naive.astype("str"), pd.Series(mixed, dtype="object")):
        with pytest.raises(BadFrame, match=r"'when' are .*, not instants .*dt\.tz_localize\('UTC'\), or with utc=True"):
            log_of(events.assign(when=when))
    # Either way out leads out.
    assert len(log_of(events.assign(when=naive.dt.tz_localize("UTC"))).changes) == 4
    read = pd.to_datetime(pd.Series(["2026-01-05T09:00+02:00", *["2026-01-05T09:00Z"] * 5]), utc=True)
    assert len(log_of(events.assign(when=read)).tickets) == 2


@pytest.mark.parametrize(("column", "name"), [("case", "ticket"), ("state", "status"), ("when", "at")])
def test_rows_that_lack_what_is_needed_are_named(column: str, name: str) -> None:
    events = drawn(EVENTS).set_index(pd.Index(list("abcdef")))
    events.loc[["c", "e"], column] = pd.NaT if column == "when" else None
    with pytest.raises(BadFrame, match=f"2 rows have no {name} in '{column}', such as row c: leave them out first"):
        log_of(events)


# A real log


def test_a_real_log_agrees_with_another_computation() -> None:
    path = DATA / "uci_incident_event_log.zip"
    if not path.exists():
        pytest.skip(f"{path} is not here: this test needs the real event log")
    frame = pd.read_csv(path, usecols=["number", "incident_state", "sys_updated_at"], dtype="str")
    frame["at"] = pd.to_datetime(frame["sys_updated_at"], format="%d/%m/%Y %H:%M", utc=True)
    now = frame["at"].max()
    log = from_events(frame, ticket="number", status="incident_state", at="at")
    calendar = office_hours(first=frame["at"].min().date(), last=now.date())
    told = walk(log, clocks=Clocks(log.catalogue()), calendar=calendar, now=now.to_pydatetime())
    given = told.statuses().groupby("status", observed=True)["hours"].sum().to_dict()

    # A snapshot lasts until the next one of its incident, or until the end: the first of the done ones at its end.
    frame = frame.sort_values(["number", "at"], kind="stable", ignore_index=True)
    incident = frame["number"]
    is_done = frame["incident_state"].isin(["Resolved", "Closed"])
    run = (~is_done).groupby(incident).cumsum()
    is_over = is_done & (run == run.groupby(incident).transform("last"))
    until = frame.groupby("number")["at"].shift(-1).fillna(now)
    spent = (until - frame["at"]).where(~is_over, pd.Timedelta(0)) / pd.Timedelta(hours=1)
    expected = spent.groupby(frame["incident_state"]).sum().to_dict()

    assert len(log.tickets) == 24_918
    assert given == pytest.approx(expected)
    assert 0 < expected["Closed"] < expected["Active"]  # some were reopened
    (unmapped,) = quality(told, told.tickets()).unmapped
    assert unmapped.name == "-100"
    assert unmapped.hours == pytest.approx(expected["-100"])

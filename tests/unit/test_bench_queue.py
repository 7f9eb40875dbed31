"""The queue that is measured is one that the product accepts; the job in plain pandas gives numbers drawn by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.calendars import office_hours
from benchmarks import plain_pandas
from benchmarks.plain_pandas import COLUMNS
from benchmarks.queue import check_agreement
from benchmarks.queue_log import write_queue
from benchmarks.queue_world import MONTHS, NOW, PROJECTS, STATUSES
from benchmarks.scan import scan
from tickets.history import current_files, read_history
from tickets.history_folder import Kind
from tickets.history_rows import SCHEMAS

SIZE = 2_000
CLASSES = {"Open": "queue", "In Progress": "active", "Waiting for customer": "requester", "Done": "done"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("queue")
    write_queue(into, SIZE)
    return into


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[Kind, pd.DataFrame]:
    read = read_history(folder)
    return {kind: getattr(read, kind).to_pandas() for kind in SCHEMAS}


def test_it_is_a_history_that_the_product_reads(folder: Path) -> None:
    read = read_history(folder)
    for kind, schema in SCHEMAS.items():
        table: pa.Table = getattr(read, kind)
        assert table.schema.equals(schema)
        assert not any(table[field.name].null_count for field in schema if not field.nullable)
    assert read.tickets.num_rows == SIZE
    assert len(current_files(folder, "tickets")) <= len(PROJECTS) * MONTHS


@pytest.mark.soak
def test_the_same_seed_gives_the_same_queue(folder: Path, tmp_path: Path) -> None:
    write_queue(tmp_path / "same", SIZE)
    write_queue(tmp_path / "other", SIZE, seed=8)
    first, same, other = (read_history(path) for path in (folder, tmp_path / "same", tmp_path / "other"))
    for kind in SCHEMAS:
        assert getattr(first, kind).equals(getattr(same, kind))
        assert not getattr(first, kind).equals(getattr(other, kind))


def test_its_shape_is_that_of_a_desk(tables: dict[Kind, pd.DataFrame]) -> None:
    tickets, changes, comments = tables["tickets"], tables["changes"], tables["comments"]
    assert len(changes) / SIZE == pytest.approx(5.8, rel=0.08)
    assert len(comments) / SIZE == pytest.approx(1.2, rel=0.08)
    assert (tickets["status_category"] != "done").mean() == pytest.approx(0.06, abs=0.02)
    assert (changes["to_name"] == "Reopened").sum() > SIZE / 20
    assert set(tickets["project"]) == set(PROJECTS)
    assert tickets["ticket_id"].is_unique
    assert tickets["created_at"].dt.hour.between(7, 18).mean() > 0.9


def test_every_chain_holds(tables: dict[Kind, pd.DataFrame]) -> None:
    tickets, changes = tables["tickets"].set_index("ticket_id"), tables["changes"]
    by_ticket = changes.groupby("ticket_id")
    assert (by_ticket["at"].diff().dropna() > pd.Timedelta(0)).all()
    before = by_ticket["to_name"].shift()
    assert (changes["from_name"] == before.fillna("Open")).all()
    last = by_ticket["to_name"].last().reindex(tickets.index).fillna("Open")
    assert (tickets["status"] == last).all()
    assert (by_ticket["at"].first() >= tickets["created_at"].reindex(by_ticket["at"].first().index)).all()
    assert changes["at"].max() < NOW
    assert tables["comments"]["at"].max() < NOW
    is_done = tickets["status"].map(lambda name: STATUSES[name].clock == "done")
    assert (tickets["resolved_at"].notna() == is_done).all()


def test_the_scan_reads_every_row(folder: Path, tables: dict[Kind, pd.DataFrame]) -> None:
    assert scan(folder, COLUMNS) == sum(map(len, tables.values()))


# The job in plain pandas


def at(text: str) -> datetime:
    return datetime.strptime(f"2026-03-{text}+0000", "%Y-%m-%d %H:%M%z")


TICKETS = [  # Monday is the 2nd
    (1, "bucket", "Done", "ada", at("02 08:00"), at("03 12:00")),
    (2, "bucket", "In Progress", "ada", at("02 12:00"), None),
    (3, "access", "Open", "bo", at("06 16:00"), None),
    (4, "access", "Done", "bo", at("02 10:00"), at("02 10:30")),
]
CHANGES = [
    (1, at("02 10:00"), "Open", "In Progress"),
    (1, at("02 12:00"), "In Progress", "Done"),
    (1, at("03 09:00"), "Done", "In Progress"),
    (1, at("03 12:00"), "In Progress", "Done"),
    (2, at("03 12:00"), "Open", "Waiting for customer"),
    (2, at("04 12:00"), "Waiting for customer", "In Progress"),
    (4, at("02 10:30"), "Open", "Done"),
]
COMMENTS = [
    (1, at("02 09:00"), "ada", "person", True),  # the reporter
    (1, at("02 09:10"), "robot", "app", True),
    (1, at("02 09:20"), "cy", "person", False),  # internal
    (1, at("02 09:30"), "cy", "person", True),
    (1, at("02 09:40"), "cy", "person", True),
    (3, at("06 17:00"), "cy", "person", True),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> plain_pandas.Done:
    folder = tmp_path_factory.mktemp("drawn")
    rows: dict[Kind, list[tuple[object, ...]]] = {"tickets": [*TICKETS], "changes": [*CHANGES], "comments": [*COMMENTS]}
    for kind, columns in COLUMNS.items():
        schema = pa.schema([SCHEMAS[kind].field(name) for name in columns])
        drawn = [dict(zip(columns, row, strict=True)) for row in rows[kind]]
        pq.write_table(pa.Table.from_pylist(drawn, schema=schema), folder / f"{kind}.parquet")
    shifts = office_hours(first=date(2026, 1, 1), last=date(2026, 12, 31)).shifts()
    now = datetime(2026, 3, 9, 10, tzinfo=UTC)
    return plain_pandas.measure(lambda kind: [folder / f"{kind}.parquet"], CLASSES, shifts, now)


def test_tickets_drawn_by_hand(done: plain_pandas.Done) -> None:
    tickets = done.tickets
    assert tickets["queue_hours"].to_list() == [2, 24, 66, 0.5]  # the third still waits
    assert tickets["queue_business_hours"].to_list() == [1, 8, 2, 0.5]
    assert tickets["lead_hours"].dropna().to_dict() == {1: 28, 4: 0.5}
    assert tickets["lead_business_hours"].dropna().to_dict() == {1: 11, 4: 0.5}
    assert tickets["cycle_hours"].dropna().to_dict() == {1: 26, 4: 0}
    assert tickets["first_response_hours"].dropna().to_dict() == {1: 1.5, 3: 1}
    assert tickets["is_open"].to_list() == [False, True, True, False]


def test_statuses_drawn_by_hand(done: plain_pandas.Done) -> None:
    statuses = done.statuses
    assert statuses.loc["Open"].to_list() == [4, 2 + 24 + 66 + 0.5, 1 + 8 + 2 + 0.5]
    assert statuses.loc["In Progress"].to_list() == [3, 2 + 3 + 118, 2 + 3 + 5 + 8 + 8 + 1]
    assert statuses.loc["Waiting for customer"].to_list() == [1, 24, 8]
    assert statuses.loc["Done"].to_list() == [3, 21, 5]  # the last entry of a ticket lasts no time
    assert len(statuses) == 4


def test_tables_drawn_by_hand(done: plain_pandas.Done) -> None:
    told = plain_pandas.figures(done)
    assert told["weekly"]["2026-03-02 bucket"] == pytest.approx([13, 2 + 22 * 0.85, 2 + 22 * 0.95])
    assert told["weekly"]["2026-03-02 access"] == [0.5, 0.5, 0.5]
    assert len(done.cumulative) == 8
    by_day = done.cumulative[["queue", "active", "requester", "done"]].to_numpy().tolist()
    assert by_day[:3] == [[1, 0, 0, 2], [0, 0, 1, 2], [0, 1, 0, 2]]
    assert told["cumulative"] == {"queue": 1, "active": 1, "requester": 0, "done": 2}
    assert told["flow_efficiency"] == pytest.approx({"bucket": 5 / 28, "access": 0})
    assert (told["wip"], told["wip_age_hours"], told["beyond_p85"]) == (1, 142, 1)


def test_figures_that_differ_are_named() -> None:
    check_agreement({"a": [1.0, 2.0], "b": {"c": 3}}, {"a": [1.0, 2.0 + 1e-9], "b": {"c": 3}})
    with pytest.raises(RuntimeError, match=r"disagree on 2 figures: /a/1: 2.0 and 2.1; /b/d: None and 4"):
        check_agreement({"a": [1.0, 2.0], "b": {}}, {"a": [1.0, 2.1], "b": {"d": 4}})

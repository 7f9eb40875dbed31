"""What stands above a report: how old, how complete, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.test_store import SITE, START, ticket
from tickets.proof import Proof, read_obstacles, read_proof
from tickets.store import TicketStore
from tickets.sync_book import CensusEntry
from tickets.ticket import Status, StatusCategory


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TicketStore]:
    with TicketStore.open(tmp_path / "tickets.sqlite3") as opened:
        yield opened


def census(store: TicketStore, *, failure: str = "", missing: int = 0, aside: int = 0, here: int = 2) -> None:
    months = [
        {
            "month": "2024-03",
            "at_jira": here + missing + aside,
            "here": here,
            "set_aside": aside,
            "missing": missing,
        }
    ]
    counted = {"months": months, "missing_ids": list(range(missing))}
    store.book.save_census(SITE, CensusEntry("OPS", START, failure, counted))


def proof_of(store: TicketStore) -> Proof:
    return read_proof(store, site=SITE, projects=["OPS"])


@pytest.fixture
def synced(store: TicketStore) -> TicketStore:
    doing = Status("3", "Doing", StatusCategory.IN_PROGRESS)
    store.save([ticket(1, status=doing), ticket(2, status=doing)])
    store.book.finish(SITE, ["OPS"], START)
    return store


def test_complete(synced: TicketStore) -> None:
    census(synced)
    proof = proof_of(synced)
    assert proof.is_complete
    assert proof.sentences(START + timedelta(minutes=5)) == (
        "Data of 2024-03-01 09:00 UTC, 5 minutes old.",
        "Complete: all 2 tickets that Jira shows are here, and all 2 histories are whole; "
        "census of 2024-03-01 09:00 UTC.",
    )
    assert "4 hours old" in proof.sentences(START + timedelta(hours=4))[0]
    assert "3 days old" in proof.sentences(START + timedelta(days=3))[0]
    assert read_obstacles(synced, site=SITE, projects=["OPS"]) == {}


def test_missing_tickets_stop_acting(synced: TicketStore) -> None:
    census(synced, missing=1)
    words = proof_of(synced).sentences(START)[1]
    assert words == (
        "NOT PROVEN COMPLETE: 1 of 3 tickets of OPS are missing. The figures leave them out. "
        "The agent does nothing in OPS until a census finds everything."
    )
    assert "1 tickets of OPS are missing" in read_obstacles(synced, site=SITE, projects=["OPS"])["OPS"]
    assert proof_of(synced).to_json()["projects"][0]["missing_ids"] == [0]


def test_a_failed_census_stops_acting(synced: TicketStore) -> None:
    census(synced, failure="no answer from Jira")
    assert "NOT PROVEN COMPLETE: the last census failed: no answer" in proof_of(synced).sentences(START)[1]
    assert "no answer from Jira" in read_obstacles(synced, site=SITE, projects=["OPS"])["OPS"]


def test_without_a_census_nothing_is_proven(synced: TicketStore) -> None:
    assert "no census of OPS" in proof_of(synced).gaps[0]
    assert set(read_obstacles(synced, site=SITE, projects=["OPS"])) == {"OPS"}


def test_what_is_set_aside_or_broken_is_told_and_stops_nothing(synced: TicketStore) -> None:
    census(synced, aside=1)
    synced.save([ticket(3)])  # its history ends in another status than it has
    proof = proof_of(synced)
    assert not proof.is_complete
    assert proof.gaps == (
        "1 tickets of OPS cannot be read and were set aside",
        "1 histories of OPS have a break that nothing explains",
    )
    assert "does nothing" not in proof.sentences(START)[1]
    assert proof.broken == ("OPS-3",)
    assert read_obstacles(synced, site=SITE, projects=["OPS"]) == {}


def test_an_import_proves_nothing(store: TicketStore) -> None:
    assert read_proof(store, site="", projects=()).sentences(START) == (
        "Imported tickets: nothing proves that the exports were whole.",
    )

"""What stands above a report: how old, how complete, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.reading import plain
from tests.unit.test_store import SITE, START, ticket
from tickets.proof import Proof, read_obstacles, read_proof
from tickets.store import TicketStore
from tickets.sync_book import CensusEntry
from tickets.ticket import Rejection, Status, StatusCategory


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
        "NOT PROVEN COMPLETE: of 3 tickets of OPS 1 are missing. The figures leave out what is missing. "
        "The agent does nothing in OPS until a census finds everything."
    )
    assert "of its tickets 1 are missing" in read_obstacles(synced, site=SITE, projects=["OPS"])["OPS"]
    assert proof_of(synced).to_json()["projects"][0]["missing_ids"] == [0]


def test_a_failed_census_stops_acting(synced: TicketStore) -> None:
    census(synced, failure="no answer from Jira")
    assert "NOT PROVEN COMPLETE: the last census failed: no answer" in proof_of(synced).sentences(START)[1]
    assert "no answer from Jira" in read_obstacles(synced, site=SITE, projects=["OPS"])["OPS"]


def test_without_a_census_nothing_is_proven(synced: TicketStore) -> None:
    assert "no census of OPS" in proof_of(synced).gaps[0]
    assert set(read_obstacles(synced, site=SITE, projects=["OPS"])) == {"OPS"}


def test_what_is_set_aside_or_broken_is_told_and_stops_nothing(synced: TicketStore) -> None:
    census(synced)
    late = ticket(3)
    late = replace(late, updated_at=late.updated_at + timedelta(hours=1))
    broken = Rejection("ticket OPS-9 (id 9)", "the key is missing", SITE, 9)
    synced.save([late], rejected=[broken])  # its history ends in another status than it has
    proof = proof_of(synced)
    assert not proof.is_complete
    assert proof.gaps == (
        "of the histories of OPS 1 have a break that nothing explains",
        "1 could not be read and were set aside: goldenpath sync --verify says why",
    )
    assert proof.set_aside == (broken,)
    assert proof.to_json()["set_aside"] == [{"source": broken.source, "reason": broken.reason}]
    assert "does nothing" not in proof.sentences(START)[1]
    assert proof.broken == ("OPS-3",)
    assert read_obstacles(synced, site=SITE, projects=["OPS"]) == {}


def test_an_import_proves_nothing(store: TicketStore) -> None:
    assert read_proof(store, site="", projects=()).sentences(START) == (
        "Imported tickets: nothing proves that the exports were whole.",
    )


def test_imported_tickets_beside_a_synced_project_are_told(synced: TicketStore) -> None:
    synced.save([ticket(9, site="import"), ticket(10, project="OLD")])
    census(synced)
    proof = proof_of(synced)
    assert proof.is_complete
    assert proof.sentences(START)[2:] == (
        "1 more were imported: nothing proves that the exports were whole.",
        "1 more are of projects that are no longer synced, as they were then.",
    )
    assert (proof.to_json()["imported"], proof.to_json()["no_longer_synced"]) == (1, 1)


def test_what_is_true_of_several_projects_is_said_once(synced: TicketStore) -> None:
    for project in ("OPS", "WEB"):
        synced.book.save_census(SITE, CensusEntry(project, START, "no answer from Jira", {}))
    proof = read_proof(synced, site=SITE, projects=["OPS", "WEB"])
    assert proof.gaps == ("the last census failed: no answer from Jira",)
    assert "does nothing in OPS, WEB" in proof.sentences(START)[1]


def test_the_pages_show_its_words_and_nothing_else() -> None:
    shown = plain("[x](javascript:alert(1)) *b* `c` <b>http://evil.example</b> 1,000 & ü")
    assert shown == (r"\[x\]\(javascript\:alert\(1\)\) \*b\* \`c\` \<b\>http\:\/\/evil\.example\<\/b\> 1,000 \& ü")

"""`goldenpath import`: what it keeps, says and refuses, and how it ends."""

from __future__ import annotations

import gzip
import json
import os
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli import main
from agent.status_map import EventMeanings, read_status_map
from analytics.clocks import CLOCKS, suggested
from tickets.store import TicketStore
from tickets.ticket import Clock, Status, StatusCategory, Ticket

Run = Callable[..., tuple[int, str, str]]

LOG = """case,state,at,kind
1,New,2026-02-02 09:00,S3 bucket
1,Working on it,2026-02-02 10:00,S3 bucket
1,Closed,2026-02-02 11:00,S3 bucket
2,New,2026-02-02 09:00,VPN
2,-100,2026-02-02 09:30,VPN
"""
CSV = "Summary,Issue key,Issue id,Status,Created\nx,OPS-1,1,Open,03/Feb/26 9:41 AM\n"
NAMED = ("--ticket", "case", "--status", "state", "--at", "at")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a folder of its own: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOLDENPATH_CONFIG", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["goldenpath", "import", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else 0, out, " ".join(err.split())

    return call


def stored(folder: Path) -> list[Ticket]:
    with TicketStore.open(folder / ".goldenpath" / "tickets.sqlite3") as store:
        return sorted(store.tickets(), key=lambda ticket: (ticket.site, ticket.id))


def test_json_and_csv_side_by_side(tmp_path: Path, run: Run) -> None:
    fields = {"created": "2026-02-03T09:00:00.000+0100", "summary": "y"}
    issue = {"id": "2", "key": "OPS-2", "self": "https://jira.example.org/i/2", "fields": fields}
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(json.dumps({"issues": [issue]}).encode()))
    code, out, _ = run("a.csv", "b.json.gz", "--time-zone", "Europe/Berlin")
    assert code == 0
    assert out.splitlines() == [
        "2 tickets (2 new or changed) with 0 status changes; 0 records rejected",
        "2 tickets came without a history: their queue time is unknown, not zero",
        "times that name no zone were read as Europe/Berlin; --time-zone names another",
    ]
    assert [(ticket.site, ticket.key, ticket.created_at.hour) for ticket in stored(tmp_path)] == [
        ("import", "OPS-1", 8),
        ("jira.example.org", "OPS-2", 8),
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are a matter of POSIX")
def test_a_pipe_is_read_once(tmp_path: Path, run: Run) -> None:
    os.mkfifo(tmp_path / "pipe")
    issue = {"id": "2", "key": "OPS-2", "fields": {"created": "2026-02-03T09:00:00.000+0100"}}
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(json.dumps(issue),))
    writer.start()
    code, out, _ = run("pipe", "--json")
    writer.join()
    assert (code, json.loads(out)["tickets"]) == (0, 1)


def test_two_sites_with_the_same_keys(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    for site in ("old.example.org", "new.example.org"):
        assert run("a.csv", "--site", site)[0] == 0
    assert [ticket.site for ticket in stored(tmp_path)] == ["new.example.org", "old.example.org"]


def test_twice_changes_nothing(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.csv").write_text(CSV + "y,OPS-2,,Open,03/Feb/26 9:41 AM\n")
    for changed in (1, 0):
        code, out, _ = run("a.csv", "--json")
        told = json.loads(out)
        assert (code, told["tickets"], told["changed"], told["rejected"]) == (1, 1, changed, 1)
    with TicketStore.open(tmp_path / ".goldenpath" / "tickets.sqlite3") as store:
        assert [entry.source for entry in store.rejections()] == ["a.csv:3"]


def test_rejected_rows_are_shown_and_counted(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.csv").write_text(CSV + "y,OPS-2,,Open,03/Feb/26 9:41 AM\n" * 9)
    code, out, _ = run("a.csv")
    assert code == 1
    assert "9 records rejected" in out
    assert "  rejected a.csv:3: the cell `Issue id` is empty" in out
    assert out.rstrip().endswith("and 4 more")


def test_an_event_log_then_the_map_that_it_proposes(tmp_path: Path, run: Run) -> None:
    (tmp_path / "desk.log.csv").write_text(LOG)
    code, out, _ = run("--events", "desk.log.csv", *NAMED, "--type", "kind")
    assert code == 0
    assert "2 tickets (2 new or changed) with 3 status changes; 0 records rejected" in out
    assert "statuses without a meaning, in which waiting is not known as such: 4" in out
    assert "          2 events  New" in out
    before = stored(tmp_path)
    assert {ticket.site for ticket in before} == {"desk"}
    assert [ticket.request_type for ticket in before] == ["s3-bucket", "vpn"]
    assert all(ticket.is_open for ticket in before)  # nothing says what "Closed" means

    proposed = out[out.index("[statuses]") :]
    assert tomllib.loads(proposed)["statuses"] == {"New": "queue", "Working on it": "active", "Closed": "done"}
    (tmp_path / "map.toml").write_text(proposed.replace('# "-100" = "queue|', '"-100" = "blocked" # "'))
    code, out, _ = run("desk.log.csv", "--events", *NAMED, "--type", "kind", "--status-map", "map.toml", "--json")
    told = json.loads(out)
    assert (code, told["tickets"], told["changed"], told["unmapped"], told["events"]) == (0, 2, 2, {}, 5)
    assert [ticket.is_open for ticket in stored(tmp_path)] == [False, True]
    with TicketStore.open(tmp_path / ".goldenpath" / "tickets.sqlite3") as store:
        assert set(store.statuses()) == {
            Status("New", "New", StatusCategory.NEW, "queue"),
            Status("Working on it", "Working on it", StatusCategory.IN_PROGRESS, "active"),
            Status("Closed", "Closed", StatusCategory.DONE, "done"),
            Status("-100", "-100", StatusCategory.IN_PROGRESS, "blocked"),
        }


def test_names_of_the_map_that_never_occur_are_told(tmp_path: Path, run: Run) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "map.toml").write_text('[statuses]\n"new" = "queue"\n"Clsoed" = "done"\n')
    _, out, _ = run("--events", "log.csv", *NAMED, "--status-map", "map.toml")
    assert "in the status map, but in no event: 'Clsoed'" in out
    assert '"New" = "queue"\n"Working on it" = "active"  # proposed' in out


def test_several_files_are_one_log(tmp_path: Path, run: Run) -> None:
    lines = LOG.splitlines(keepends=True)
    (tmp_path / "a.csv").write_text("".join(lines[:3]))
    (tmp_path / "b.csv").write_text("".join([lines[0], *lines[3:], "2,New,never,VPN\n"]))
    code, _, err = run("--events", "a.csv", "b.csv", *NAMED)
    assert (code, "--site NAME" in err) == (2, True)
    code, out, _ = run("--events", "a.csv", "b.csv", *NAMED, "--site", "desk", "--json")
    told = json.loads(out)
    assert (code, told["tickets"], told["status_changes"], told["without_history"]) == (1, 2, 2, 1)
    assert [entry["source"] for entry in told["rejections"]] == ["b.csv:5"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--events", "log.csv", "--ticket", "case"), 2, "--status COL and --at COL"),
        (
            ("--events", "log.csv", "--ticket", "no", "--status", "state", "--at", "at"),
            2,
            "it has case, state, at, kind",
        ),
        (("--events", "log.csv", *NAMED, "--type", "sort"), 2, "no column 'sort'"),
        (("log.csv", *NAMED), 2, "--ticket and --status and --at goes with --events"),
        (("log.csv",), 1, "--events"),
        (("--events", "log.csv", *NAMED, "--status-map", "none.toml"), 2, "none.toml"),
        (("log.csv", "--status-map", "none.toml"), 2, "--events"),
        (("--events", "log.csv", *NAMED, "--time-zone", "Berlin"), 2, "Europe/Berlin"),
        (("--events", "none.csv", *NAMED), 1, "none.csv"),
        (("--events", "numbers.csv", *NAMED), 1, "--dayfirst or --monthfirst"),
        (("--events", "numbers.csv", *NAMED, "--monthfirst"), 1, "say --dayfirst"),
        ((), 2, "Missing argument"),
    ],
)
def test_wrong_calls_name_the_way_out(tmp_path: Path, run: Run, words: tuple[str, ...], code: int, told: str) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "numbers.csv").write_text("case,state,at\n1,New,25/2/2026 09:00\n")
    ended, out, err = run(*words)
    assert (ended, out) == (code, "")
    assert told in err
    assert not (tmp_path / ".goldenpath").exists() or stored(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("statuses = 1", "the table [statuses]"),
        ('New = "queue"', "the table [statuses]"),
        ('[statuses]\n[more]\nx = "y"', "the table [statuses]"),
        ('[statuses]\n"New" = "waiting"', "'New' is 'waiting'; allowed are queue, active, requester, blocked, done"),
        ('[statuses]\n"New" = ["queue"]', "allowed are"),
        ('[statuses]\n"New" = "queue"\n"NEW " = "done"', "two meanings"),
        ("[statuses", "no TOML"),
    ],
)
def test_a_wrong_status_map_is_named(tmp_path: Path, run: Run, text: str, told: str) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "map.toml").write_text(text)
    code, _, err = run("--events", "log.csv", *NAMED, "--status-map", "map.toml")
    assert code == 2
    assert "map.toml" in err
    assert told in err


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("New", "queue"),
        ("Waiting for support", "queue"),
        ("Not yet assigned", "queue"),
        ("In Progress", "active"),
        ("Work in progress", "active"),
        ("Awaiting User Info", "requester"),
        ("Pending - customer reply", "requester"),
        ("awaiting_vendor", "blocked"),
        ("On Hold", "blocked"),
        ("Closed by system", "done"),
        ("Cancelled", "done"),
        ("Unresolved", None),
        ("-100", None),
        ("", None),
    ],
)
def test_what_a_name_suggests(name: str, clock: Clock | None) -> None:
    assert suggested(name) == clock


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.dictionaries(TEXT, st.integers(1, 9), max_size=5), st.dictionaries(TEXT, st.sampled_from(CLOCKS), max_size=3))
def test_what_is_proposed_is_a_map_that_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, seen: dict[str, int], given_: dict[str, Clock]
) -> None:
    meanings = EventMeanings({**dict.fromkeys(given_, 1), **seen}, given_, (), 0)
    assert tomllib.loads(meanings.to_toml())["statuses"] == given_ | meanings.proposals()
    path = tmp_path_factory.getbasetemp() / "map.toml"
    folded = {" ".join(name.casefold().split()) for name in meanings.seen}
    if len(folded) == len(meanings.seen):
        path.write_text(meanings.to_toml(), encoding="utf-8", newline="")
        assert read_status_map(path) == given_ | meanings.proposals()

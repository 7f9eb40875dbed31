"""`goldenpath flow` and `savings` as a person runs them: on a hand-written event log, and on the sandbox's year."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import bootstrap, config, flow_view, operations
from agent.cli import main
from agent.measuring import keep_measured, measure_store
from tests.acceptance.conftest import Worked
from tickets.history import write_history

Run = Callable[..., tuple[int, str, str]]

# Monday is the 2nd. Three started after 1, 2 and 3 hours; the fourth waits since 10; the last event is the measurement.
LOG = """case,state,at,kind,prio
1,New,2026-02-02 09:00,bucket,High
1,In Progress,2026-02-02 10:00,bucket,High
1,Waiting for customer,2026-02-02 12:00,bucket,High
1,In Progress,2026-02-02 14:00,bucket,High
1,Closed,2026-02-02 16:00,bucket,High
2,New,2026-02-02 09:00,bucket,Low
2,In Progress,2026-02-02 11:00,bucket,Low
3,New,2026-02-02 09:00,access,Low
3,In Progress,2026-02-02 12:00,access,Low
3,Xyzzy,2026-02-02 13:00,access,Low
4,New,2026-02-02 09:00,access,Low
5,New,2026-02-02 09:00,,Low
5,Closed,2026-02-02 19:00,,Low
"""
DURATIONS = ("queue_hours_p50", "queue_hours_p85", "queue_hours_p95", "lead_hours_p50", "lead_hours_p85")
ASKED = ("tickets", "wip", "flow_efficiency", *DURATIONS, "lead_hours_p95", "first_response_hours_p50")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a folder that holds the imported log: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOLDENPATH_CONFIG", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["goldenpath", *arguments])
        code: Any = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return int(code or 0), out, err

    (tmp_path / "log.csv").write_text(LOG)
    columns = ("--ticket", "case", "--status", "state", "--at", "at", "--type", "kind", "--priority", "prio")
    code, _, err = call("import", "--events", "log.csv", *columns)
    assert code == 0, err
    return call


def document(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_figures_of_a_log(run: Run) -> None:
    told = document(run, "flow", "--by", "type")
    groups = {group["group"]: group for group in told["groups"]}
    assert {name: group["tickets"] for name, group in groups.items()} == {"bucket": 2, "access": 2, "(none)": 1}
    assert groups["bucket"]["queue_hours_p50"] == 1.5
    assert groups["access"]["queue_hours_p50_started_only"] == 3
    assert groups["access"]["queue_hours_p85"] is None  # one of two still waits: not reached
    everything = told["all"]
    assert (everything["tickets"], everything["waiting"], everything["wip"]) == (5, 1, 2)
    assert everything["queue_hours_p50"] == 3  # three of five have started by then
    assert groups["bucket"]["flow_efficiency"] == pytest.approx(4 / 7)
    for name in ASKED:
        assert name in everything
        assert name == "tickets" or name == "wip" or f"business_{name}" in everything
    assert told["rules"][0].startswith("a ticket starts at its first entry")
    assert told["definition"]["queue_hours_p50"].startswith("queue time, from the request to the start")


def test_a_status_that_nobody_mapped_is_named_with_what_it_affects(run: Run, tmp_path: Path) -> None:
    (unmapped,) = document(run, "flow")["quality"]["unmapped_statuses"]
    assert (unmapped["name"], unmapped["tickets"], unmapped["hours"]) == ("Xyzzy", 1, 6)
    assert "active" in unmapped["affects"]
    _, out, _ = run("flow")
    assert "nobody mapped the status 'Xyzzy'" in out
    (tmp_path / "goldenpath.toml").write_text('[clocks.statuses]\n"Xyzzy" = "blocked"\n"Nope" = "queue"\n')
    told = document(run, "flow")
    assert told["quality"]["unmapped_statuses"] == []
    assert told["quality"]["misnamed_statuses"] == ["Nope"]
    row = next(row for row in told["statuses"] if row["status"] == "Xyzzy")
    assert (row["class"], row["source"], row["hours"]) == ("blocked", "configured", 6)


def test_rules_calendars_and_money_come_from_the_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "goldenpath.toml").write_text(
        '[clocks]\nstart = ["Xyzzy"]\n[calendar]\nhalf_days = { 2026-02-02 = ["09:00-11:00"] }\n'
        "[assumptions]\nhourly_cost = 10\nblocked_share = 0.5\nblocked_shares = { high = 1.0 }\ncapacity_hours = 8\n"
    )
    told = document(run, "flow", "--by", "priority")
    groups = {group["group"]: group for group in told["groups"]}
    assert groups["High"]["queue_hours_p50"] == 7  # it starts when it is closed
    assert groups["High"]["cost_of_waiting"] == 2 * 10 * 1.0
    assert groups["Low"]["cost_of_waiting"] == 4 * 2 * 10 * 0.5
    assert told["ticketops"]["capacity_hours"] == 32
    assert told["ticketops"]["alarm"] is False
    assert "half days" in told["calendars"][0]


def test_a_calendar_that_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    for text, words in (
        ('[calendar]\nshifts = { monday = ["09:00-12:00", "11:00-17:00"] }\n', "two shifts overlap on Monday"),
        ('[calendar]\nholidays_of = "ZZ"\n', "no holidays are known of 'ZZ'"),
        ('[calendar]\nholidays_of = "DE-XX"\n', "no holidays are known of DE-XX; parts of DE: Augsburg, BB"),
    ):
        (tmp_path / "goldenpath.toml").write_text(text)
        code, _, err = run("flow")
        assert code == 2
        assert words in " ".join(err.split())
        assert "[calendar] in" in err


def test_the_print_out_says_what_its_figures_mean(run: Run) -> None:
    code, out, _ = run("flow", "--by", "type", "--business")
    assert code == 0
    for words in (
        "business time)",
        "service level expectation: so many are open that 85% are not finished yet",
        "trend of the median queue time: too little known",
        "TicketOps ratio: unknown; set assumptions.capacity_hours",
        "in progress: 2 tickets",
        "cost of waiting = queue time in business hours",
        "business hours: Mon, Tue, Wed, Thu, Fri 09:00–17:00 (UTC)",
    ):
        assert words in out


def test_plots_are_pictures(run: Run, tmp_path: Path) -> None:
    told = document(run, "flow", "--by", "type", "--plot", "plots")
    assert len(told["plots"]) == 10
    for name in told["plots"]:
        content = (tmp_path / name).read_bytes()
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG\r\n")
            width, height = struct.unpack(">II", content[16:24])
            assert width > 1000 and height > 200
        else:
            assert content.lstrip().startswith(b"<svg")
    (tmp_path / "file").write_text("")
    code, _, err = run("flow", "--plot", "file")
    assert code == 1
    assert "the plots cannot be written into file" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("flow", "--by", "colour"), "allowed: type, project, team, priority, week"),
        (("flow", "--since", "soon"), "allowed: days or weeks"),
        (("savings", "--since", "0d"), "allowed: days or weeks"),
    ],
)
def test_wrong_usage_says_what_is_allowed(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_since_leaves_everything_out_and_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "late.csv").write_text("case,state,at\n9,New,2026-06-01 09:00\n")
    assert run("import", "--events", "late.csv", "--ticket", "case", "--status", "state", "--at", "at")[0] == 0
    told = document(run, "flow", "--since", "1d", "--by", "type")
    assert told["tickets"] == 1
    assert [group["group"] for group in told["groups"]] == ["(none)"]
    assert told["all"]["queue_hours_p50"] is None  # it has not waited at all yet


def test_savings_without_fulfilments_claim_nothing(run: Run) -> None:
    told = document(run, "savings")
    assert (told["fulfilled"], told["ops_hours_saved"], told["waiting_hours_avoided"]) == (0, 0, None)
    _, out, _ = run("savings")
    assert "none can be claimed" in out


def test_without_tickets_both_say_how_to_get_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOLDENPATH_CONFIG", raising=False)
    for command in ("flow", "savings"):
        monkeypatch.setattr("sys.argv", ["goldenpath", command])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        assert "goldenpath sync" in capsys.readouterr().err


def test_the_sandboxs_year(worked: Worked) -> None:
    view = operations.view_flow(worked.demo.configuration, by="team")
    told = flow_view.flow_document(view)
    teams = {group["group"]: group for group in told["groups"]}
    assert {"payments", "search"} <= set(teams)
    assert teams["search"]["queue_hours_p50"] > teams["search"]["business_queue_hours_p50"]
    assert told["trend"]["calendar"]["verdict"] in ("shorter", "longer", "no change shown")
    assert told["all"]["queue_hours_p50"] > told["all"]["queue_hours_p50_started_only"]  # the bias is visible
    assert told["quality"]["unmapped_statuses"] == []
    assert any("New_York" in line for line in told["calendars"])
    assert sum(row[name] for row in told["cumulative_flow"][-1:] for name in ("queue", "done")) > 3000


def test_what_the_demo_saved(worked: Worked) -> None:
    told = flow_view.savings_document(operations.view_savings(worked.demo.configuration))
    assert told["fulfilled"] >= worked.cycle.counts["fulfilled"] >= 1
    assert told["measured"]["tickets"] + told["assumed"]["tickets"] == told["fulfilled"] + told["lost"]
    assert told["measured"]["low"] <= told["measured"]["hours"] <= told["measured"]["high"]
    assert told["ops_hours_saved"] == told["measured"]["low"] + told["assumed"]["low"]
    (baseline,) = told["baselines"]
    assert baseline["request_type"] == "s3-bucket"
    assert baseline["tickets"] > 100
    assert baseline["touch_hours"] > 0


def test_pages_read_what_a_sync_has_kept(worked: Worked) -> None:
    """The history, the table kept beside it, and the weeks of the overview are one and the same."""
    configuration = worked.demo.configuration
    assert operations.view_weeks(configuration) is None  # small sites have no history
    with bootstrap.open_store(configuration) as store:
        write_history(store, bootstrap.history_folder(configuration))
        assert keep_measured(configuration, store)
        assert not keep_measured(configuration, store)  # it is kept already
        by_history = measure_store(configuration, store)
    found = operations.view_weeks(configuration, since=timedelta(days=90))
    assert found is not None
    weeks, as_of = found
    expected = operations.view_queue(configuration, since=timedelta(days=90)).weekly
    assert as_of == by_history.as_of
    given = ["arrived", "waiting", "queue_hours_p50", "queue_hours_p85"]
    asked = expected[expected["arrived"] > 0]
    assert weeks[weeks["arrived"] > 0][given].to_numpy().tolist() == asked[given].to_numpy().tolist()
    moved = configuration.model_copy(update={"calendar": configuration.calendar.model_copy(update={"weekdays": (1,)})})
    assert operations.view_weeks(moved) is None  # measured by another calendar


def test_dates_that_stand_for_missing_ones_move_nothing(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "odd.csv").write_text("case,state,at\n7,New,0001-01-01 00:00\n8,New,2199-12-31 09:00\n")
    assert run("import", "--events", "odd.csv", "--ticket", "case", "--status", "state", "--at", "at")[0] == 0
    told = document(run, "flow")
    assert told["as_of"] < "2199"
    assert told["tickets"] == 6  # the one of the year 1 counts in no figure
    assert "1 tickets say they were created before 1990 and count in no figure: 7" in caplog.text
    assert {finding["name"] for finding in told["quality"]["findings"]} >= {"in_the_future"}


def test_weeks_tell_the_latest_and_count_what_began_before(run: Run, tmp_path: Path) -> None:
    lines = ["case,state,at"]
    for week in range(30):
        at = f"2025-{1 + week // 4:02}-{1 + 7 * (week % 4):02}"
        lines += [f"{week + 100},New,{at} 09:00", f"{week + 100},In Progress,{at} 10:00"]
    (tmp_path / "weeks.csv").write_text("\n".join(lines))
    assert run("import", "--events", "weeks.csv", "--ticket", "case", "--status", "state", "--at", "at")[0] == 0
    _, out, _ = run("flow", "--by", "week")
    assert "2026-02-02" in out and "2024-12-30" not in out
    assert "earlier; --json has all" in out
    whole, part = document(run, "flow")["weeks"], document(run, "flow", "--since", "300d")["weeks"]
    assert part == whole[-len(part) :]
    assert part[0]["wip"] > 1


def test_a_damaged_history_is_told_and_the_store_is_read_instead(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = document(run, "flow")
    configuration = config.load()
    with bootstrap.open_store(configuration) as store:
        write_history(store, bootstrap.history_folder(configuration))
        assert keep_measured(configuration, store)
    assert document(run, "flow")["all"] == expected["all"]
    assert caplog.text == ""
    (file,) = bootstrap.history_folder(configuration).rglob("tickets.*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert document(run, "flow")["all"] == expected["all"]
    assert "the ticket store is read instead" in caplog.text
    file.unlink()
    caplog.clear()
    assert document(run, "flow")["all"] == expected["all"]
    assert "lacks files" in caplog.text

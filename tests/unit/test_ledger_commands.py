"""`goldenpath ledger …` on a real ledger: what it says, what it writes, and how it ends."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import cli, config
from fulfilment.chain import Note
from fulfilment.ledger import Ledger
from fulfilment.request import Request, State

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
REQUEST = "3fa2c81b" + "0" * 56
Goldenpath = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with the story of OPS-7: asked, planned, and a second day on which a step was made."""
    (tmp_path / config.FILE_NAME).write_text('[store]\nanchor_file = "anchors.jsonl"\n')
    monkeypatch.chdir(tmp_path)
    path = config.load().ledger_place
    path.parent.mkdir()
    with Ledger.open(path) as ledger:
        told = Note(AT, "decision", "its author may not ask", 7, "OLD-1", detail={"result": "left_to_people"})
        ledger.note(told)
        request = Request(
            *(REQUEST, "fake", 7, "OPS-7", "storage-box", 1, State.MATCHED, 1, "c" * 64, "storage-box", "given"),
            *("dana", "{}", None, None, "", AT, AT),
        )
        made = ledger.create(request, Note(AT, "matched", "matched to storage-box"), context={})
        later = AT + timedelta(days=1)
        ledger.intend(
            made,
            step=0,
            operation="a:B",
            resource="r",
            observed="absent",
            note=Note(later, "intent", "about to: make it"),
        )
        ledger.move(made, State.PLANNED, Note(later, "planned", "make [bold]one[/bold] box"))
    return tmp_path


@pytest.fixture
def goldenpath(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Goldenpath:
    """Runs a command as the shell does: its exit code, what it says, its complaints."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["goldenpath", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), out, err

    return run


def document(done: tuple[int, str, str]) -> Any:
    assert done[0] == 0, done[2]
    return json.loads(done[1])


def test_show_tells_the_story(folder: Path, goldenpath: Goldenpath) -> None:
    code, out, _ = goldenpath("ledger", "show", "OPS-7")
    assert code == 0
    assert [line.rstrip() for line in out.splitlines()] == [
        "OPS-7  4 rows, 1 request, 2026-11-02 09:00 to 2026-11-03 09:00 UTC",
        "",
        "Monday 2026-11-02",
        "  09:00:00  left to people      its author may not ask (then OLD-1)",
        "",
        "Monday 2026-11-02  request 3fa2c81b0000",
        "  09:00:00  matched             matched to storage-box",
        "",
        "Tuesday 2026-11-03  request 3fa2c81b0000",
        "    09:00:00  intent            about to: make it",
        "  09:00:00  planned             make [bold]one[/bold] box",
    ]
    assert goldenpath("ledger", "show", "OLD-1")[1] == out


def test_show_takes_the_beginning_of_a_request(folder: Path, goldenpath: Goldenpath) -> None:
    told = document(goldenpath("ledger", "show", "3FA2C81B", "--json"))
    assert told["ticket"] == "OPS-7"
    assert [entry["kind"] for entry in told["entries"]] == ["matched", "intent", "planned"]
    first = told["entries"][0]
    assert (first["row"], first["request"], first["at"]) == (2, REQUEST, AT.isoformat())
    assert abs(datetime.fromisoformat(first["recorded_at"]) - datetime.now(UTC)) < timedelta(hours=1)
    for unknown in ("3fa2c81c", "OPS-99"):
        code, out, err = goldenpath("ledger", "show", unknown)
        assert (code, out) == (1, "")
        assert f"no entry for {unknown}" in " ".join(err.split())


def test_verify_anchor_and_a_truncation(folder: Path, goldenpath: Goldenpath) -> None:
    code, out, err = goldenpath("ledger", "verify")
    assert code == 0
    assert out.splitlines()[0] == "whole: 4 rows, each following from the one before it"
    assert "cannot be found" in out and "no anchor file" in err
    assert document(goldenpath("ledger", "anchor", "--json"))["row"] == 4
    assert "nothing to do" in goldenpath("ledger", "anchor")[1]
    assert document(goldenpath("ledger", "verify", "--json"))["anchored"] == 4
    with closing(sqlite3.connect(config.load().ledger_place)) as file, file:
        file.execute("DROP TRIGGER ledger_refuses_delete")
        file.execute("DELETE FROM ledger WHERE seq > 2")
        file.execute("UPDATE head SET (seq, hash) = (SELECT seq, hash FROM ledger WHERE seq = 2)")
    code, out, _ = goldenpath("ledger", "verify", "--json")
    told = json.loads(out)
    assert (code, told["whole"], told["broken_at"]) == (1, False, 3)
    assert "row 4 was anchored" in told["why"]
    assert goldenpath("ledger", "verify")[1].startswith("broken at row 3: the rows end at 2, but row 4 was anchored")
    code, _, err = goldenpath("ledger", "anchor")
    assert code == 1 and "Stop the agent" in err


def test_anchor_wants_a_file(folder: Path, goldenpath: Goldenpath) -> None:
    (folder / config.FILE_NAME).write_text("")
    code, _, err = goldenpath("ledger", "anchor")
    assert code == 2 and "--to FILE" in err
    assert goldenpath("ledger", "anchor", "--to", "elsewhere.jsonl")[0] == 0
    assert (folder / "elsewhere.jsonl").read_text().count("\n") == 1
    code, _, err = goldenpath("ledger", "verify", "--anchors", "none.jsonl")
    assert code == 1 and "cannot be read" in err


def test_export_is_written_whole_and_verified_elsewhere(
    folder: Path, goldenpath: Goldenpath, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = document(goldenpath("ledger", "export", "--out", "l.jsonl", "--json"))
    assert told == {"file": "l.jsonl", "format": "jsonl", "rows": 4}
    assert (folder / "l.jsonl").stat().st_mode & 0o777 == 0o600
    written = (folder / "l.jsonl").read_text().splitlines()
    assert goldenpath("ledger", "export")[1].splitlines()[:-1] == written[:-1]  # the last says when it was written
    assert goldenpath("ledger", "export", "--out", "l.csv", "--since", "2026-01-01")[0] == 0
    with (folder / "l.csv").open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["decision", "matched", "intent", "planned"]
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    told = document(goldenpath("ledger", "verify", "--file", str(folder / "l.jsonl"), "--json"))
    assert (told["rows"], told["whole"]) == (4, True)
    assert list(Path().iterdir()) == []
    Path("cut.jsonl").write_text("\n".join(written[:-1]))
    assert goldenpath("ledger", "verify", "--file", "cut.jsonl")[0] == 1
    anchors = Path("anchors.jsonl")
    anchors.write_text('{"seq": 9, "hash": "0", "at": "2999-01-01T00:00:00+00:00"}\n')
    code, out, _ = goldenpath("ledger", "verify", "--file", str(folder / "l.jsonl"), "--anchors", str(anchors))
    assert code == 0 and out.splitlines()[-1].startswith("anchors go on to row 9 (at 2999-01-01")


def test_export_replaces_nothing_unasked(folder: Path, goldenpath: Goldenpath) -> None:
    (folder / "l.jsonl").write_text("precious")
    refused = {
        "exists already; --force replaces it": ["--out", "l.jsonl"],
        "it is a folder": ["--out", "."],
        "there is no folder": ["--out", "nowhere/l.jsonl"],
        "allowed: jsonl, csv": ["--format", "xlsx"],
        "neither a date nor a duration": ["--since", "soon"],
        "give --out": ["--json"],
    }
    for words, arguments in refused.items():
        code, out, err = goldenpath("ledger", "export", *arguments)
        assert (code, out) == (2, ""), arguments
        assert words in " ".join(err.split())
    code, _, err = goldenpath("ledger", "export", "--out", "l" * 300)
    assert code == 1 and "cannot be written" in err
    code, _, err = goldenpath("ledger", "export", "--since", "2126-01-01", "--out", "l.jsonl", "--force")
    assert code == 1 and "no row" in err
    assert (folder / "l.jsonl").read_text() == "precious"
    assert goldenpath("ledger", "export", "--out", "l.jsonl", "--force")[0] == 0
    assert (folder / "l.jsonl").read_text().count("\n") == 5
    assert not [file for file in folder.iterdir() if file.name.endswith(".partial")]


def test_redact_takes_a_text_out(folder: Path, goldenpath: Goldenpath) -> None:
    assert document(goldenpath("ledger", "redact", "4", "--reason", "asked for", "--json"))["redacted"] == 4
    assert document(goldenpath("ledger", "verify", "--json"))["redacted"] == 1
    entries = document(goldenpath("ledger", "show", "OPS-7", "--json"))["entries"]
    assert (entries[3]["redacted"], entries[4]["kind"]) == (True, "redacted")
    code, _, err = goldenpath("ledger", "redact", "4", "--reason", "again")
    assert code == 1 and "taken out before" in err

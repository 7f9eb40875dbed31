"""`goldenpath requests …` and `orphans`: what they say, in which document, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent import cli, config
from fulfilment.chain import Note
from fulfilment.ledger import Ledger
from fulfilment.request import MEANINGS, Request, State

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
Goldenpath = Callable[..., tuple[int, str, str]]


def request(number: int, state: State) -> Request:
    return Request(
        *(f"{number:x}" * 64, "fake", number, f"OPS-{number}", "s3-bucket", 1, state, 1, "c" * 64, "s3-bucket"),
        *("given", "dana", "{}", None, None, "", AT, AT),
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with a closed request and one that waits for a person."""
    (tmp_path / config.FILE_NAME).write_text("")
    monkeypatch.chdir(tmp_path)
    place = config.load().ledger_place
    assert isinstance(place, Path)
    place.parent.mkdir()
    with Ledger.open(place) as ledger:
        ledger.create(request(1, State.CLOSED), Note(AT, "matched", "matched"), context={})
        made = ledger.create(request(2, State.APPLYING), Note(AT, "matched", "matched"), context={})
        words = Note(AT, "uncertain", "nobody knows [bold]what[/bold] was done")
        ledger.move(made, State.UNCERTAIN, words, look_at="Look at it.")
        ledger.release(made.id)
    return tmp_path


@pytest.fixture
def goldenpath(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Goldenpath:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["goldenpath", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def document(goldenpath: Goldenpath, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = goldenpath(*arguments, "--json")
    found: dict[str, Any] = json.loads(out)
    return code, found


def test_requests_are_listed_in_their_states(goldenpath: Goldenpath) -> None:
    code, out, _ = goldenpath("requests")
    assert code == 0
    assert "uncertain (waits for a person)" in out and "[bold]what[/bold]" in out
    assert "1 wait for a person" in out
    code, told = document(goldenpath, "requests", "--state", "uncertain")
    (only,) = told["requests"]
    assert (only["ticket_key"], only["waits_for_a_person"]) == ("OPS-2", True)
    assert only["meaning"] == MEANINGS[State.UNCERTAIN]
    code, _, err = goldenpath("requests", "--state", "lost")
    assert code == 2 and "allowed: matched" in err


def test_a_person_lets_it_go_on_or_takes_it(goldenpath: Goldenpath) -> None:
    code, told = document(goldenpath, "requests", "resume", "OPS-2", "--by", "olli")
    assert (code, told["state"]) == (0, "applying")
    code, out, _ = goldenpath("requests", "abandon", "2222222", "--by", "olli")
    assert code == 0 and "goldenpath orphans" in out
    code, _, err = goldenpath("requests", "abandon", "OPS-1")
    assert code == 1 and "is closed: it cannot be abandoned" in err
    code, out, _ = goldenpath("requests")
    assert "0 wait for a person" in out
    code, out, _ = goldenpath("ledger", "show", "OPS-2")
    assert "olli lets it go on" in out and "olli takes it over" in out


def test_without_an_environment_nothing_is_marked(goldenpath: Goldenpath) -> None:
    assert document(goldenpath, "orphans") == (0, {"orphans": [], "looked_at": 0, "unread": []})


def test_without_a_ledger_it_says_what_starts_one(goldenpath: Goldenpath, folder: Path) -> None:
    place = config.load().ledger_place
    assert isinstance(place, Path)
    place.unlink()
    for command in (("requests",), ("requests", "resume", "OPS-1"), ("orphans",)):
        code, _, err = goldenpath(*command)
        assert code == 1 and "goldenpath once" in err

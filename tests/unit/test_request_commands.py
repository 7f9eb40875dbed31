"""`goldenpath requests …` and `orphans`: what they say, in which document, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent import bootstrap, cli, config
from fulfilment.chain import Note
from fulfilment.identity import request_identity
from fulfilment.ledger import Ledger
from fulfilment.request import MEANINGS, Request, State

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
Goldenpath = Callable[..., tuple[int, str, str]]


SECRET = bytes(range(32))


def request(number: int, state: State) -> Request:
    first = request_identity(SECRET, site="fake", ticket_id=1, handler="s3-bucket", generation=1)
    return Request(
        *(
            first if number == 1 else f"{number:x}" * 64,
            "fake",
            number,
            f"OPS-{number}",
            "s3-bucket",
            1,
            state,
            1,
            "c" * 64,
            "s3-bucket",
        ),
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
    (config.load().folder / bootstrap.SECRET_FILE).write_bytes(SECRET)
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


def test_what_stands_before_a_command_counts_for_it(
    goldenpath: Goldenpath, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    there = ("requests", "--json", "--config", str(folder / config.FILE_NAME))
    code, out, _ = goldenpath(*there, "abandon", "OPS-2", "--by", "olli")
    assert (code, json.loads(out)["state"]) == (0, "handed_over")
    code, _, err = goldenpath(*there, "resume", "OPS-2", "--config", str(elsewhere / "none.toml"))
    assert code == 2 and "none.toml" in err


def test_a_call_about_a_request_is_settled_by_its_number(goldenpath: Goldenpath) -> None:
    assert document(goldenpath, "settle", "1", "--by", "olli") == (0, {"settled": 1, "by": "olli"})
    code, out, _ = goldenpath("requests", "--state", "uncertain")
    assert code == 0 and "0 wait for a person" in out


def test_orphans_makes_no_secret_and_takes_no_other(goldenpath: Goldenpath) -> None:
    secret = config.load().folder / bootstrap.SECRET_FILE
    secret.write_bytes(bytes(32))
    code, _, err = goldenpath("orphans")
    assert code == 1 and "is not the one with which the ledger" in err
    secret.unlink()
    code, _, err = goldenpath("orphans")
    assert code == 1 and "is missing: restore it" in err and not secret.exists()


def test_an_unknown_story_is_a_finding_in_json_too(goldenpath: Goldenpath) -> None:
    code, told = document(goldenpath, "ledger", "show", "OPS-999")
    assert (code, told["entries"]) == (1, [])

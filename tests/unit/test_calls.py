"""Calls in the ledger, the marks of cycles, and what `goldenpath health` says of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent import config
from agent.call_mail import message
from agent.call_webhook import document
from agent.cli import app
from agent.health import default_age, examine
from agent.replies import AdfReplies
from agent.tables import MailTable
from fulfilment.ledger import Ledger
from fulfilment.records import Call
from tickets.adf import doc, flatten, mention, paragraph, text
from tickets.wiki import to_wiki

LEDGER_FILE = "ledger.sqlite3"
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
FILE = '[jira]\nurl = "https://acme.example"\nemail = "a@acme.example"\nprojects = ["OPS"]\n'
MAIL = MailTable.model_validate({"host": "h.example", "from": "gp@acme.example", "to": ["on@acme.example"]})


class Clock:
    """The database's."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "l.sqlite3", clock=clock) as opened:
        yield opened


def call_of(ledger: Ledger, subject: str = "a", reason: str = "it is stuck") -> Call:
    ledger.call(subject, reason=reason, look_at="the bucket x", at=AT)
    return ledger.calls()[-1]


# The ledger


def test_each_way_is_kept_by_itself(ledger: Ledger) -> None:
    call = call_of(ledger)
    call = ledger.told_by(call, "mail", at=AT)
    call = ledger.told_by(call, "comment", at=AT)
    assert ledger.calls(untold=True) == [call]
    assert call.ways == {"mail", "comment"}
    ledger.told(call, how="comment, mail", at=AT)
    assert ledger.calls(untold=True) == []
    assert ledger.verify().broken_at is None


def test_what_calls_again_is_another_occasion_untold(ledger: Ledger) -> None:
    call = ledger.told_by(call_of(ledger), "mail", at=AT)
    ledger.settle_call(call, by="otto", at=AT)
    ledger.call("a", reason="again", look_at="x", at=AT + timedelta(seconds=1))
    (again,) = ledger.calls(untold=True)
    assert (again.id, again.ways) == (call.id, frozenset())
    assert again.occasion != call.occasion
    ledger.told(call, how="mail", at=AT)  # a process that still tells the first occasion
    ledger.told_by(call, "comment", at=AT)
    assert ledger.calls(untold=True) == [again]


def test_a_cycle_is_marked_by_the_databases_clock(ledger: Ledger, clock: Clock) -> None:
    assert ledger.pulse().good_at is None
    ledger.mark_cycle(is_good=True, obstacles=["WEB", "OPS"])
    clock.at += timedelta(minutes=7)
    assert (ledger.pulse().good_at, ledger.pulse().now) == (AT, AT + timedelta(minutes=7))
    assert ledger.pulse().obstacles == ("OPS", "WEB")
    ledger.mark_cycle(is_good=False)
    assert (ledger.pulse().good_at, ledger.pulse().obstacles) == (AT, ())
    ledger.mark_cycle(is_good=True)
    assert ledger.pulse().good_at == clock.at


# Health


@pytest.fixture
def installed(tmp_path: Path) -> config.Configuration:
    (tmp_path / config.FILE_NAME).write_text(FILE)
    (tmp_path / ".goldenpath").mkdir()
    return config.load(tmp_path / config.FILE_NAME)


def keep(installed: config.Configuration, clock: Clock) -> Ledger:
    return Ledger.open(installed.folder / LEDGER_FILE, clock=clock)


def health(installed: config.Configuration, *more: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["health", "--json", "--config", str(installed.source), *more])
    return done.exit_code, json.loads(done.stdout)


def test_health_is_good_after_a_good_cycle_and_bad_once_it_is_old(installed: config.Configuration) -> None:
    clock = Clock()
    for minutes, code in ((1, 0), (16, 1), (-30, 1)):
        clock.at = datetime.now(UTC) - timedelta(minutes=minutes)
        with keep(installed, clock) as ledger:
            ledger.mark_cycle(is_good=True)
        exit_code, told = health(installed)
        assert (exit_code, told["healthy"]) == (code, code == 0)
        assert told["max_age_minutes"] == 15
        assert told["age_minutes"] == pytest.approx(minutes, abs=0.5)
    clock.at = datetime.now(UTC) - timedelta(minutes=16)
    with keep(installed, clock) as ledger:
        ledger.mark_cycle(is_good=True)
    assert health(installed, "--max-age", "20")[0] == 0


def test_health_says_what_waits_and_settling_ends_it(installed: config.Configuration) -> None:
    clock = Clock()
    clock.at = datetime.now(UTC)
    with keep(installed, clock) as ledger:
        ledger.mark_cycle(is_good=True, obstacles=["OPS"])
        call = call_of(ledger)
    code, told = health(installed)
    assert code == 1
    assert told["obstacles"] == ["OPS"]
    assert told["waiting"][0] | {"since": ""} == {
        "id": call.id,
        "ticket": None,
        "request": None,
        "reason": "it is stuck.",
        "look_at": "the bucket x.",
        "commands": [f"goldenpath settle {call.id}"],
        "since": "",
        "told_at": None,
        "told_by": [],
        "not_told_by": [],
    }
    assert [words for words in told["problems"] if "there is no [on_call]" in words]
    run = CliRunner()
    for number, exit_code in ((call.id, 0), (call.id, 1)):
        settled = run.invoke(app, ["settle", str(number), "--by", "otto", "--config", str(installed.source)])
        assert settled.exit_code == exit_code
    assert health(installed)[1]["waiting"] == []
    with keep(installed, clock) as ledger:
        ledger.mark_cycle(is_good=True)
    assert health(installed)[0] == 0


def test_health_without_a_ledger_or_with_a_damaged_one_is_one_document(installed: config.Configuration) -> None:
    code, told = health(installed)
    assert (code, told["healthy"]) == (1, False)
    assert "no cycle has run yet" in told["problems"][0]
    (installed.folder / LEDGER_FILE).write_bytes(b"no database at all, and long enough to be read as a header" * 99)
    code, told = health(installed)
    assert (code, told["last_good_cycle"]) == (1, None)
    assert "damaged" in told["problems"][0]


def test_health_before_the_first_good_cycle(installed: config.Configuration) -> None:
    with keep(installed, Clock()) as ledger:
        ledger.mark_cycle(is_good=False)
    assert "no cycle has gone well yet" in examine(installed, max_age=default_age(installed)).problems[0]


# The words


def test_a_call_about_a_request_names_what_ends_it_in_every_state() -> None:
    words = flatten(AdfReplies().call(made(request="r9"), "OPS-1", ["557058:f5b1", "557058:f5b1", "otto"]))
    assert words.startswith("@557058:f5b1 @otto\nGolden Path needs a person: it is stuck.")
    assert "goldenpath requests resume r9\ngoldenpath settle 1" in words
    assert "abandon" not in words


def made(
    reason: str = "it is stuck", look_at: str = "x", key: str | None = "OPS-1", request: str | None = None
) -> Call:
    return Call(1, "s" * 64, request, 1, key, reason, look_at, None, None, AT)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=40))
def test_no_words_become_a_header_a_mention_or_markup(reason: str, look_at: str, key: str) -> None:
    call = made(reason, look_at, key)
    mail = message(MAIL, call, site="acme.example")
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert mail["To"] == "on@acme.example"
    body = AdfReplies().call(call, "OPS-1", ["otto"])
    assert mentioned(body) == ["otto"]
    assert to_wiki(body).count("[~") == 1
    told = json.loads(document(call, site="acme.example"))
    assert not {"<", ">"} & set(told["text"])


def mentioned(node: dict[str, Any]) -> list[str]:
    here = [node["attrs"]["id"]] if node["type"] == "mention" else []
    return here + [found for child in node.get("content", ()) for found in mentioned(child)]


@given(st.text(max_size=20))
def test_only_an_account_id_is_mentioned(words: str) -> None:
    try:
        node = mention(words)
    except ValueError:
        return
    assert to_wiki(doc(paragraph(node, text(" "), mention("otto")))) == f"[~{words}] [~otto]"
    assert not set(words) & set("[]|~\\{} \n")


@pytest.mark.parametrize("identity", ["", "a b", "x]", "[~x", "-x", "x\n", "a" * 129, "é"])
def test_no_account_id_is_no_mention(identity: str) -> None:
    with pytest.raises(ValueError, match="no account's id"):
        mention(identity)


def test_a_mention_stands_on_a_line_of_its_own_in_markup() -> None:
    with pytest.raises(ValueError, match="a line of mentions alone"):
        to_wiki(doc(paragraph(mention("otto"), text(" hello"))))

"""The ledger database on real files of SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from fulfilment import schema
from fulfilment.chain import Note
from fulfilment.errors import LedgerError, StaleRequest
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import Ceiling
from fulfilment.request import Request, Result, State
from tests.postgres import at_revision, run
from tickets.place import Location, Place

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(ledger_place: Location) -> Iterator[Ledger]:
    with Ledger.open(ledger_place) as made:
        yield made


def request(number: int = 1, state: State = State.MATCHED) -> Request:
    return Request(
        id=f"{number:064x}",
        site="fake",
        ticket_id=number,
        ticket_key=f"OPS-{number}",
        handler="storage-box",
        generation=1,
        state=state,
        epoch=1,
        content_hash="c" * 64,
        request_type="storage-box",
        type_source="given",
        requester="dana",
        parameters="{}",
        plan=None,
        resource=None,
        reason="",
        created_at=AT,
        updated_at=AT,
    )


def note(kind: str = "note", sentence: str = "something", decision: str | None = None) -> Note:
    return Note(AT, kind, sentence, ticket_id=1, ticket_key="OPS-1", decision=decision)


def create(ledger: Ledger, number: int = 1, state: State = State.MATCHED) -> Request:
    return ledger.create(request(number, state), Note(AT, "matched", "matched"), context={"team": "payments"})


def alter(place: Location, statement: str) -> None:
    """Changes rows behind the ledger's back, as an intruder with the file or the role would."""
    if isinstance(place, Place):
        run(place, "ALTER TABLE ledger DISABLE TRIGGER ledger_refuses_changes", statement)
    else:
        triggers = [f"DROP TRIGGER IF EXISTS ledger_refuses_{verb}" for verb in ("update", "delete")]
        run(place, *triggers, statement)


def test_a_request_moves_with_its_row(ledger: Ledger) -> None:
    made = create(ledger)
    moved = ledger.move(made, State.REFUSED, Note(AT, "refused", "too big"))
    assert ledger.get(made.id) == moved
    assert (moved.state, moved.epoch, moved.reason) == (State.REFUSED, 2, "too big")
    assert [(e.kind, e.sentence) for e in ledger.story("OPS-1")] == [
        ("matched", "matched"),
        ("refused", "too big"),
    ]
    assert ledger.requests(state=State.REFUSED) == ledger.requests(key="OPS-1") == [moved]
    assert ledger.outcomes()[0].result is Result.REFUSED


def test_what_was_moved_by_another_is_not_moved_again(ledger: Ledger) -> None:
    made = create(ledger)
    ledger.move(made, State.PLANNED, note("planned"))
    rows = ledger.verify().rows
    with pytest.raises(StaleRequest):
        ledger.move(made, State.REFUSED, note("refused"))
    with pytest.raises(StaleRequest):
        ledger.intend(made, step=0, operation="a:B", resource="r", observed="absent", note=note("intent"))
    assert ledger.verify().rows == rows


def test_an_arrow_that_does_not_exist_raises(ledger: Ledger) -> None:
    made = create(ledger)
    with pytest.raises(ValueError, match="cannot go"):
        ledger.move(made, State.CLOSED, note())
    assert ledger.get(made.id) == made


def test_the_same_request_is_created_once(ledger: Ledger) -> None:
    create(ledger)
    with pytest.raises(StaleRequest):
        create(ledger)
    assert ledger.verify().rows == 1


def test_a_lease_keeps_others_out_until_it_is_given_back(ledger: Ledger, ledger_place: Location) -> None:
    made = create(ledger)
    with Ledger.open(ledger_place) as other:
        with pytest.raises(StaleRequest):
            other.claim(made, AT)
        other.release(made.id)
        with pytest.raises(StaleRequest):
            other.claim(made, AT)
        ledger.release(made.id)
        claimed = other.claim(made, AT)
    with pytest.raises(StaleRequest):
        ledger.move(made, State.PLANNED, note())
    assert claimed.epoch == made.epoch + 1


def test_rows_cannot_be_changed_or_deleted(ledger: Ledger, ledger_place: Location) -> None:
    ledger.note(note())
    truncate = ["TRUNCATE ledger", "TRUNCATE audits"] if isinstance(ledger_place, Place) else []
    changes = ["UPDATE ledger SET kind = 'x'", "DELETE FROM ledger WHERE seq = 1"]
    for statement in (*changes, *truncate):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="append-only"):
            run(ledger_place, statement)
    assert ledger.verify().rows == 1


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE ledger SET kind = 'x' WHERE seq = 2", 2),
        ("DELETE FROM ledger WHERE seq = 2", 2),
        ("DELETE FROM ledger WHERE seq = 3", 3),
        ("DELETE FROM payloads WHERE hash = (SELECT payload_hash FROM ledger WHERE seq = 1)", 1),
        ("UPDATE payloads SET text = '{}' WHERE hash = (SELECT payload_hash FROM ledger WHERE seq = 3)", 3),
        ("UPDATE head SET hash = 'x'", 4),
    ],
)
def test_verify_finds_what_was_altered(ledger: Ledger, ledger_place: Location, statement: str, broken_at: int) -> None:
    for number in range(3):
        ledger.note(note(sentence=f"row {number}"))
    assert ledger.verify().broken_at is None
    alter(ledger_place, statement)
    assert ledger.verify().broken_at == broken_at


def test_a_redaction_hides_the_words_and_keeps_the_chain(ledger: Ledger) -> None:
    ledger.note(note(sentence="a secret"))
    ledger.redact(1, reason="asked for by its author", at=AT)
    report = ledger.verify()
    assert (report.rows, report.broken_at, report.redacted) == (2, None, 1)
    assert ledger.story("OPS-1")[0].sentence == "[redacted]"
    with pytest.raises(LedgerError, match="no row 9"):
        ledger.redact(9, reason="none", at=AT)


def test_a_redaction_takes_the_same_words_out_of_the_request_and_its_calls(ledger: Ledger) -> None:
    made, other = create(ledger), create(ledger, 2)
    secret = "the step failed: a secret"
    for each in (made, other):
        moved = ledger.move(each, State.PLANNED, Note(AT, "planned", "planned"))
        ledger.move(moved, State.REFUSED, Note(AT, "refused", secret, request_id=each.id), look_at="there")
    ledger.call("a subject", reason="about nobody", look_at="there", at=AT)
    row = next(entry.seq for entry in ledger.story_of_request(made.id) if entry.sentence == secret)
    ledger.redact(row, reason="asked for", at=AT)
    reasons = [each.reason for each in (ledger.get(made.id), ledger.get(other.id)) if each]
    assert reasons == ["[redacted]", secret]
    assert [call.reason for call in ledger.calls()] == ["[redacted]", secret, "about nobody"]


def test_a_redaction_tells_when_a_reader_keeps_the_words_on_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MILLISECONDS", 20)
    files = (path, path.with_name(f"{path.name}-wal"))
    with Ledger.open(path) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        ledger.note(note(sentence="a secret"))
        ledger.note(note(sentence="another one"))
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM ledger").fetchall()
        assert not ledger.redact(1, reason="asked for", at=AT)
        assert any(b"a secret" in file.read_bytes() for file in files)
        with pytest.raises(LedgerError, match="taken out before; a reader keeps it"):
            ledger.redact(1, reason="asked for", at=AT)
        reader.execute("ROLLBACK")
        with pytest.raises(LedgerError, match=r"taken out before$"):
            ledger.redact(1, reason="asked for", at=AT)
        assert not any(b"a secret" in file.read_bytes() for file in files)
        assert ledger.redact(2, reason="asked for", at=AT)
        assert not any(b"another one" in file.read_bytes() for file in files)


def test_a_repeated_decision_is_not_written_again(ledger: Ledger) -> None:
    later = AT + timedelta(hours=1)
    assert ledger.decide(note("decision", decision="a")) == AT
    assert ledger.decide(replace(note("decision", decision="a"), at=later)) == AT
    assert ledger.decide(replace(note("decision", decision="b"), at=later)) == later
    assert ledger.decide(replace(note("decision", decision="a"), at=later)) == later
    assert ledger.decide(note("decision", decision="b"), ever=True) == later
    assert ledger.verify().rows == 3


def test_a_story_follows_a_ticket_that_moved(ledger: Ledger) -> None:
    ledger.note(note())
    ledger.note(Note(AT, "note", "moved", ticket_id=1, ticket_key="NEW-7"))
    assert len(ledger.story("OPS-1")) == len(ledger.story("NEW-7")) == 2
    assert ledger.story("OPS-9") == []


def test_a_resource_is_reserved_by_one_request_until_it_ends(ledger: Ledger) -> None:
    first, second = (create(ledger, number, State.APPROVED) for number in (1, 2))
    begun = ledger.begin(first, note("applying"), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9)
    with pytest.raises(StaleRequest, match="dev/box"):
        ledger.begin(second, note("applying"), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9)
    assert ledger.get(second.id) == second
    ledger.move(begun, State.FAILED, note("failed"))
    assert ledger.begin(second, note("applying"), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9).epoch == 2


def test_a_stop_is_checked_in_the_transaction_that_begins(ledger: Ledger) -> None:
    made = create(ledger, state=State.APPROVED)
    ledger.stop("storage-box", reason="drift", by="olli", at=AT, ceiling=Mode.SHADOW)
    assert ledger.ceiling("storage-box") == Ceiling(Mode.SHADOW, "drift")
    assert ledger.ceiling("other") is None
    with pytest.raises(StaleRequest, match="drift"):
        ledger.begin(made, note(), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9)
    ledger.resume("storage-box", by="olli", at=AT)
    assert ledger.ceiling("storage-box") is None


def test_a_code_is_used_once(ledger: Ledger) -> None:
    made = create(ledger, state=State.AWAITING_APPROVAL)
    proposal = ledger.propose(made, "d" * 64, "CODE", note("proposal"))
    assert ledger.propose(made, "d" * 64, "OTHER", note("proposal")) == proposal
    approved = ledger.approve(made, note("approved"), proposal, by="ada", comment_id="7")
    planned = ledger.move(approved, State.PLANNED, note("planned"))
    with pytest.raises(StaleRequest, match="used or voided"):
        ledger.approve(planned, note("approved"), proposal, by="ada", comment_id="7")


def test_an_exit_voids_codes_that_nobody_used(ledger: Ledger) -> None:
    made = create(ledger, state=State.AWAITING_APPROVAL)
    proposal = ledger.propose(made, "d" * 64, "CODE", note("proposal"))
    gone = ledger.move(made, State.EXPIRED, note("expired"))
    assert ledger.proposal(gone) is None
    with pytest.raises(StaleRequest):
        ledger.approve(gone, note("approved"), proposal, by="ada", comment_id="7")


def test_a_naive_instant_raises(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="naive"):
        ledger.note(Note(AT.replace(tzinfo=None), "note", "when?"))
    assert ledger.verify().rows == 0


def test_what_was_kept_is_there_after_reopening(ledger_place: Location) -> None:
    with Ledger.open(ledger_place) as ledger:
        made = create(ledger)
    with Ledger.open(ledger_place) as ledger:
        assert ledger.unfinished() == [made]
        assert made.memory == {"team": "payments"}


def test_the_chain_of_migrations_ends_where_the_schema_says() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_the_migrations_make_the_tables_that_the_schema_declares(ledger: Ledger, ledger_place: Location) -> None:
    for table in schema.tables():
        assert columns_of(ledger_place, table.name) == {column.name for column in table.columns}, table.name


def columns_of(place: Location, table: str) -> set[str]:
    if isinstance(place, Place):
        query = "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?"
        return {str(name) for (name,) in run(place, query, values=(place.schema, table))}
    return {str(row[1]) for row in run(place, f"PRAGMA table_info({table})")}


def test_opening_an_up_to_date_database_imports_no_alembic(path: Path) -> None:
    Ledger.open(path).close()
    script = (
        "import sys, pathlib; from fulfilment.ledger import Ledger; "
        f"Ledger.open(pathlib.Path({str(path)!r})).close(); sys.exit('alembic' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_errors_are_sentences(path: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="does not exist"):
        Ledger.open(tmp_path / "nowhere" / "ledger.sqlite3")
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger.open(path)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path)


def test_a_newer_database_is_not_touched(ledger_place: Location) -> None:
    Ledger.open(ledger_place).close()
    alter(ledger_place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="newer"):
        Ledger.open(ledger_place)


def test_a_locked_database_says_so(ledger_place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "BUSY_MILLISECONDS", 50)
    with Ledger.open(ledger_place) as ledger, Ledger.open(ledger_place) as other:
        with ledger._writing(), pytest.raises(LedgerError, match="locked by another process"):
            other.note(note())
        other.note(note())


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder and its ledger that we may only read. Root may write everywhere, so as root we become nobody."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        Ledger.open(path).close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        yield path
        if was_root:
            os.seteuid(0)
        Path(folder).chmod(0o755)


def test_a_read_only_database_says_so(nobody: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be"), Ledger.open(nobody) as ledger:
        ledger.note(note())


MIGRATIONS = Path(schema.__file__).parent / "migrations"


LATER = ("score", "certificate", "next_check_at", "waiting_since", "lifetime_ends_at", "retirement")


@pytest.fixture
def older(ledger_place: Location) -> Location:
    """A place without any table."""
    if isinstance(ledger_place, Place):
        run(ledger_place, f"DROP SCHEMA {ledger_place.schema} CASCADE")
    return ledger_place


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_an_older_database_keeps_what_it_holds(older: Location, revision: str) -> None:
    at_revision(older, MIGRATIONS, revision)
    columns = [column for column in schema.requests.columns if column.name not in LATER]
    values = {column.name: None for column in columns} | {
        f.name: getattr(request(), f.name) for f in fields(Request) if f.name not in LATER
    }
    values |= {"state": "approved", "context": "{}", "created_at": AT.isoformat(), "updated_at": AT.isoformat()}
    marks = ", ".join("?" for _ in values)
    run(older, f"INSERT INTO requests ({', '.join(values)}) VALUES ({marks})", values=tuple(values.values()))
    run(
        older,
        "INSERT INTO stops (scope, ceiling, reason, author, created_at) VALUES ('all', 'off', 'an incident', "
        f"'olli', '{AT.isoformat()}')",
    )
    with Ledger.open(older) as ledger:
        (kept,) = ledger.unfinished()
        assert kept == request(state=State.APPROVED)
        assert ledger.ceiling("storage-box") == Ceiling(Mode.OFF, "an incident")
        assert ledger.evidence.certificates() == []
        ledger.resume("all", by="olli", at=AT)
        ledger.begin(kept, note("applying"), reserve="dev/box", least=Mode.SUPERVISED, daily_limit=9)
        assert ledger.verify().broken_at is None


@pytest.mark.parametrize("is_held", [True, False])
def test_taking_away_is_approved_only_by_a_path_that_may_act(ledger: Ledger, is_held: bool) -> None:
    """Read in the same transaction: a stop may have come since the caller looked."""
    retiring = create(ledger, state=State.RETIRING)
    proposal = ledger.propose(retiring, "d" * 64, "CODE", note("proposal"))
    if is_held:
        ledger.stop("storage-box", reason="drift", by="olli", at=AT, ceiling=Mode.SUGGEST)
        with pytest.raises(StaleRequest, match="drift"):
            ledger.approve_retirement(retiring, note("approved"), proposal, by="ada", comment_id="7")
    else:
        ledger.approve_retirement(retiring, note("approved"), proposal, by="ada", comment_id="7")
    found = ledger.proposal(retiring)
    assert found is not None and found.approves("d" * 64) is not is_held

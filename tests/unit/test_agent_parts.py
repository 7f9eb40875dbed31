"""Small parts of the agent: the installation's secret, ports, durations, the log of a scheduled run."""

from __future__ import annotations

import socket
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from agent import bootstrap, cli, config, figures, operations, printing
from agent.config import Configuration
from agent.cycle import CycleReport
from agent.errors import AgentError, ConfigurationError
from agent.processes import free_port, without_credentials
from agent.tables import Store
from fulfilment.chain import Note
from fulfilment.identity import request_identity
from fulfilment.request import Outcome, Result
from tests.unit.test_ledger import request
from tickets.sync import SyncReport

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = bootstrap.installation_secret(tmp_path / "store")
    assert len(first) == 32
    assert bootstrap.installation_secret(tmp_path / "store") == first
    path = tmp_path / "store" / bootstrap.SECRET_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_secret_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / bootstrap.SECRET_FILE).write_bytes(b"short")
    with pytest.raises(AgentError, match="restore it from a backup"):
        bootstrap.installation_secret(tmp_path)
    assert (tmp_path / bootstrap.SECRET_FILE).read_bytes() == b"short"


def test_a_ledger_that_was_begun_with_another_secret_is_left_alone(tmp_path: Path) -> None:
    """As on a second machine, or after the file was lost: what it made before would be somebody else's."""
    installed, own, other = Configuration(store=Store(folder=tmp_path)), b"a" * 32, b"b" * 32
    with bootstrap.open_ledger(installed) as ledger:
        bootstrap.require_own(ledger, other, installed)
        made = request()
        identity = request_identity(own, site=made.site, ticket_id=made.ticket_id, handler=made.handler, generation=1)
        ledger.create(replace(made, id=identity), Note(AT, "matched", "matched"), context={})
        bootstrap.require_own(ledger, own, installed)
        with pytest.raises(AgentError, match=r"installation-secret is not .* copy it from the folder"):
            bootstrap.require_own(ledger, other, installed)


def test_a_taken_port_names_itself() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            free_port(port)
    assert free_port(0) > 0


def test_the_dashboards_process_gets_no_credential_but_the_databases() -> None:
    credentials = ("JIRA_TOKEN", "ON_CALL_WEBHOOK_SECRET", "ON_CALL_MAIL_PASSWORD", "CHAT_TOKEN")
    given = {f"GOLDENPATH_{name}": "x" for name in (*credentials, "DATABASE_PASSWORD", "AGENT__EVERY_MINUTES")}
    given |= {"AWS_SESSION_TOKEN": "x", "PATH": "/bin", "GOLDENPATH_ON_CALL__WEBHOOK_URL": "https://chat.example/x"}
    assert without_credentials(given) == {
        "GOLDENPATH_DATABASE_PASSWORD": "x",
        "GOLDENPATH_AGENT__EVERY_MINUTES": "x",
        "PATH": "/bin",
        "GOLDENPATH_ON_CALL__WEBHOOK_URL": "https://kept-back.invalid/",
    }


@pytest.mark.parametrize(("text", "days"), [("1d", 1), ("90d", 90), ("12w", 84)])
def test_durations(text: str, days: int) -> None:
    assert cli.parse_days(text) == timedelta(days=days)


def report(*outcomes: Outcome) -> CycleReport:
    return CycleReport(AT, 0.1, SyncReport(0, 0, 0, (), AT), outcomes, 0)


def test_a_scheduled_run_says_each_outcome_once(capsys: pytest.CaptureFixture[str]) -> None:
    tell = printing.CycleLog()
    waits = Outcome("OPS-1", Result.AWAITING_APPROVAL, ("waits",), "s3-bucket", "b")
    for done in (report(waits), report(waits), report(Outcome("OPS-1", Result.FULFILLED, ("done",), "s3-bucket", "b"))):
        tell(done)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["09:00:00 OPS-1: waits for approval: b", "09:00:00 OPS-1: fulfilled: b"]


def test_unknown_is_never_shown_as_a_number() -> None:
    assert figures.hours(None) == figures.hours(float("nan")) == "unknown"
    assert figures.share(None) == "unknown"
    assert figures.hours(0.5) == "30 min"
    assert figures.hours(72) == "3.0 days"


def test_another_systems_tickets_have_no_part_in_what_the_agent_saved(tmp_path: Path) -> None:
    table = pd.DataFrame({"site": pd.Categorical(["a.test", "b.test"]), "ticket_id": [10001, 10001]})
    path = tmp_path / "goldenpath.toml"
    path.write_text('[jira]\nurl = "https://b.test"\nemail = "a@b.test"\nprojects = ["OPS"]\n')
    assert operations.own_site(config.load(path), table)["site"].tolist() == ["b.test"]
    assert len(operations.own_site(config.Configuration(), table)) == 2

"""Bad input ends in one clear sentence with the way out, exit 1 or 2, and nothing half-written."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import Worked


def goldenpath(*arguments: str, folder: Path, variables: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def settings(url: str) -> str:
    return f'[jira]\nurl = "{url}"\nemail = "a@acme.example"\nprojects = ["OPS"]\n'


@pytest.mark.parametrize("command", [["once"], ["sync"], ["run"], ["plan", "OPS-1"]])
def test_no_configuration_names_init(tmp_path: Path, command: list[str]) -> None:
    assert_refused(goldenpath(*command, folder=tmp_path), 2, "goldenpath init")
    assert list(tmp_path.iterdir()) == []


def test_no_tickets_yet_names_sync_and_import(tmp_path: Path) -> None:
    assert_refused(goldenpath("report", folder=tmp_path), 1, "goldenpath sync", "goldenpath import")


def test_no_ledger_yet(tmp_path: Path) -> None:
    assert_refused(goldenpath("ledger", "show", "OPS-1", folder=tmp_path), 1, "goldenpath once")


def test_wrong_configuration_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "goldenpath.toml").write_text(settings("https://acme.example") + "colour = 3\n")
    assert_refused(goldenpath("once", folder=tmp_path), 2, "goldenpath.toml:5", "colour", "allowed")


def test_no_token_says_where_to_put_it(tmp_path: Path) -> None:
    (tmp_path / "goldenpath.toml").write_text(settings("https://acme.example"))
    assert_refused(goldenpath("once", folder=tmp_path), 2, "GOLDENPATH_JIRA_TOKEN")


def test_jira_down_names_the_address(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    (tmp_path / "goldenpath.toml").write_text(settings(url))
    assert_refused(goldenpath("once", folder=tmp_path, variables={"GOLDENPATH_JIRA_TOKEN": "t0ken"}), 1, url)


def test_wrong_token_names_the_account_and_never_the_token(tmp_path: Path, worked: Worked) -> None:
    source = worked.demo.configuration.source
    assert source is not None
    variables = {"GOLDENPATH_JIRA_TOKEN": "wr0ng-t0ken", "GOLDENPATH_CONFIG": str(source)}
    done = goldenpath("once", folder=tmp_path, variables=variables)
    assert_refused(done, 1, worked.demo.sandbox.personas["agent"].email)
    assert "wr0ng-t0ken" not in done.stderr


def test_a_field_that_the_site_does_not_have_is_named_with_those_it_has(tmp_path: Path, worked: Worked) -> None:
    source = worked.demo.configuration.source
    assert source is not None
    wrong = source.read_text() + '[handlers.s3-bucket.fields]\nname = "Bukket name"\n'
    (tmp_path / "goldenpath.toml").write_text(wrong)
    assert_refused(goldenpath("once", folder=tmp_path), 2, "fields.name", "Bukket name", "Bucket name")


def test_a_busy_port_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_refused(goldenpath("dashboard", "--port", port, folder=tmp_path), 2, port, "--port")
        assert_refused(goldenpath("sandbox", "--jira-port", port, folder=tmp_path), 2, port)
        assert_refused(goldenpath("demo", "--port", port, folder=tmp_path), 2, port, "--port")


def test_a_ticket_that_does_not_exist_or_is_no_key(tmp_path: Path, worked: Worked) -> None:
    variables = {"GOLDENPATH_CONFIG": str(worked.demo.configuration.source)}
    assert_refused(goldenpath("plan", "OPS-999999", folder=tmp_path, variables=variables), 1, "OPS-999999")
    assert_refused(goldenpath("plan", "../../x", folder=tmp_path, variables=variables), 1, "../../x")
    assert_refused(goldenpath("ledger", "show", "NO-1", folder=tmp_path, variables=variables), 1, "NO-1")


def test_a_malformed_export_loses_only_the_bad_lines(tmp_path: Path) -> None:
    good = {
        "id": "1",
        "key": "A-1",
        "fields": {
            "summary": "s",
            "created": "2024-01-01T10:00:00.000+0000",
            "updated": "2024-01-02T10:00:00.000+0000",
            "status": {"id": "1", "name": "Open"},
            "issuetype": {"name": "Task"},
            "project": {"key": "A"},
        },
    }
    (tmp_path / "x.jsonl").write_text(json.dumps(good) + "\n{broken\n" + json.dumps({**good, "id": "2", "key": "A-2"}))
    done = goldenpath("import", "x.jsonl", "--json", folder=tmp_path)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert (document["tickets"], document["rejected"]) == (2, 1)
    assert "x.jsonl:2" in document["rejections"][0]["source"]


def test_a_truncated_export_keeps_what_could_be_read(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(10) + b"x" * 100)
    (tmp_path / "x.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    done = goldenpath("import", "x.jsonl.gz", folder=tmp_path)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "x.jsonl.gz" in done.stderr + done.stdout


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert_refused(goldenpath("import", "none.json", folder=tmp_path), 1, "none.json")


@pytest.mark.parametrize("since", ["soon", "0d", "-3d", "٣d", "9999999999d"])
def test_a_duration_that_is_none(tmp_path: Path, since: str) -> None:
    assert_refused(goldenpath("report", "--since", since, folder=tmp_path), 2, "90d")


def test_init_does_not_replace_a_file(tmp_path: Path) -> None:
    assert goldenpath("init", folder=tmp_path).returncode == 0
    before = (tmp_path / "goldenpath.toml").read_text()
    (tmp_path / "goldenpath.toml").write_text(before + "# mine\n")
    assert_refused(goldenpath("init", folder=tmp_path), 2, "--force")
    assert (tmp_path / "goldenpath.toml").read_text().endswith("# mine\n")


def test_every_command_has_help_with_an_example(tmp_path: Path) -> None:
    from typer.main import get_command

    from agent.cli import app

    def walk(command, path):  # type: ignore[no-untyped-def]
        children = getattr(command, "commands", None)
        if children:
            for name, child in children.items():
                yield from walk(child, [*path, name])
        else:
            yield path, command

    for path, command in walk(get_command(app), []):
        assert command.help, path
        assert command.epilog and command.epilog.startswith("Example: goldenpath " + " ".join(path)), path

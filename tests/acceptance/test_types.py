"""The trial of a new user: a queue without any request types, from its export to audited certificates."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main

Run = Callable[..., tuple[int, str, str]]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
WISHES = {
    "bucket": (
        ("S3 bucket for {what}", "please create an S3 bucket, object storage for {what}"),
        ("S3 Bucket für {what}", "bitte einen S3 Bucket anlegen, Objektspeicher für {what}"),
    ),
    "vpn": (
        ("VPN access for {what}", "I need a VPN profile to reach the office network, {what}"),
        ("VPN Zugang für {what}", "ich brauche ein VPN Profil für das Büronetz, {what}"),
    ),
    "repository": (
        ("New git repository for {what}", "create a git repository with branch protection for {what}"),
        ("Neues Git Repository für {what}", "bitte ein Git Repository mit Branch Schutz anlegen für {what}"),
    ),
    "redis": (
        ("Redis cache for {what}", "we want a Redis cache instance with eviction for {what}"),
        ("Redis Cache für {what}", "wir hätten gern eine Redis Cache Instanz mit Eviction für {what}"),
    ),
    "dns": (
        ("DNS record for {what}", "please add a DNS record, a CNAME of the domain, for {what}"),
        ("DNS Eintrag für {what}", "bitte einen DNS Eintrag, einen CNAME der Domain, für {what}"),
    ),
}
THINGS = ("payments", "the search team", "billing exports", "Projekt Aurora", "marketing", "the intern", "checkout")


def export(path: Path, count: int, *, first: int = 1, seed: int = 1) -> Path:
    """Tickets of Jira's REST interface, an hour apart; each waits some hours, is worked on, and is closed."""
    dice = random.Random(seed)
    lines = []
    for number in range(first, first + count):
        kind = dice.choice(sorted(WISHES))
        summary, description = (one.format(what=dice.choice(THINGS)) for one in dice.choice(WISHES[kind]))
        waits = sorted(WISHES).index(kind) + 1 + dice.random()
        lines.append(json.dumps(issue(number, summary, description, waits)))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def issue(number: int, summary: str, description: str, waits: float) -> dict[str, Any]:
    created = START + timedelta(hours=number)
    started, done = created + timedelta(hours=waits), created + timedelta(hours=waits + 2)
    statuses = [("1", "To Do"), ("3", "In Progress"), ("5", "Done")]
    histories = [
        {
            "id": str(number * 10 + place),
            "created": stamp(at),
            "author": {"accountId": "ops", "displayName": "Ops", "accountType": "atlassian"},
            "items": [
                {
                    "field": "status",
                    "fieldId": "status",
                    "from": statuses[place][0],
                    "fromString": statuses[place][1],
                    "to": statuses[place + 1][0],
                    "toString": statuses[place + 1][1],
                }
            ],
        }
        for place, at in enumerate((started, done))
    ]
    return {
        "id": str(1000 + number),
        "key": f"TEAM-{number}",
        "fields": {
            "summary": summary,
            "description": description,
            "created": stamp(created),
            "updated": stamp(done),
            "resolutiondate": stamp(done),
            "status": {"id": "5", "name": "Done", "statusCategory": {"key": "done"}},
            "issuetype": {"name": "Task"},
            "project": {"key": "TEAM"},
            "reporter": {"accountId": f"user-{number % 17}", "displayName": "A user", "accountType": "atlassian"},
        },
        "changelog": {"startAt": 0, "maxResults": 100, "total": len(histories), "histories": histories},
    }


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in an empty folder: exit code, standard output, standard error."""
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

    return call


def document(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def refused(run: Run, code: int, *arguments: str) -> str:
    """The sentence, of which standard output holds nothing."""
    got, out, err = run(*arguments)
    assert (got, out) == (code, ""), err
    assert "Traceback" not in err
    return " ".join(err.split())


def test_the_trial_of_a_new_user(run: Run, tmp_path: Path) -> None:
    assert document(run, "import", str(export(tmp_path / "first.jsonl", 300)))["tickets"] == 300
    first = document(run, "discover")
    assert document(run, "discover") == first
    assert len(first["assignments"]) == first["texts"] == 300
    ids = [one["id"] for one in first["types"]]
    assert 5 <= len(ids) <= 10
    assert sum(one["size"] for one in first["types"]) + first["other"] == 300

    def type_of(word: str) -> str:
        return next(one["id"] for one in first["types"] if word in " ".join(one["id"].split("-")))

    named = {
        word: document(run, "types", "name", type_of(word), name)["id"]
        for word, name in (("bucket", "S3 bucket"), ("vpn", "VPN access"), ("dns", "DNS record"))
    }
    assert named == {"bucket": "s3-bucket", "vpn": "vpn-access", "dns": "dns-record"}
    rest = [one for one in ids if one not in {type_of(word) for word in named}]
    merged = document(run, "types", "merge", rest[1], "--into", rest[0])
    assert merged == {"merged": [rest[1]], "into": rest[0]}
    listed = {one["id"]: one for one in document(run, "types", "list")["types"]}
    assert listed[rest[1]]["merged_into"] == rest[0]
    assert listed["s3-bucket"]["origin"] == "named"

    trained = document(run, "train")
    assert trained["is_live"] and rest[1] not in trained["types"]
    assert {*named.values(), rest[0]} <= set(trained["types"])
    assert trained["accuracy"] > 0.9
    told = document(run, "certificates")
    assert (told["target"], told["confidence"]) == (0.02, 0.95)
    (bucket,) = (one for one in told["certificates"] if one["request_type"] == "s3-bucket")
    assert not bucket["in_force"] and bucket["sentence"] == "149 more audited tickets needed"
    asked = document(run, "audit", "--count", "5")["asked"]
    assert len({one["ticket"] for one in asked}) == 5
    assert document(run, "audit", "--count", "5")["asked"] == asked
    said = document(run, "audit", asked[0]["ticket"], asked[0]["predicted"])
    assert (said["source"], said["is_new"], said["predicted"]) == ("audit", True, asked[0]["predicted"])
    assert document(run, "audit", asked[0]["ticket"], asked[0]["predicted"])["is_new"] is False
    explained = document(run, "types", "explain", asked[1]["ticket"])
    assert explained["source"] == "predicted" and explained["words"]
    assert document(run, "types", "explain", asked[0]["ticket"])["source"] == "corrected"
    ranked = json.dumps(document(run, "report", "--top", "10"))
    assert "s3-bucket" in ranked and "vpn-access" in ranked

    document(run, "import", str(export(tmp_path / "second.jsonl", 30, first=301, seed=2)))
    again = document(run, "discover")
    assert again["texts"] == 330
    assert {one["name"] for one in again["types"]} >= {"S3 bucket", "VPN access", "DNS record"}
    assert {one["id"] for one in again["types"]} >= {*named.values(), rest[0]}
    before = {key: name for key, name in first["assignments"].items() if name == rest[2]} if len(rest) > 2 else {}
    assert sum(again["assignments"][key] == name for key, name in before.items()) >= 0.9 * len(before)
    assert document(run, "train")["is_live"]

    for command in (("discover",), ("train",), ("certificates",), ("audit",), ("types", "list"), ("evaluate",)):
        code, out, err = run(*command)
        assert (code, err) == (0, "") and out
    assert run("types", "name", "s3-bucket", "Object storage")[0] == 0
    assert "object-storage" in run("types", "list")[1]
    assert run("types", "name", "object-storage", "S3 bucket")[0] == 0  # back again: no type merges into itself
    assert document(run, "types", "name", "object-storage", "S3 bucket")["id"] == "object-storage"


def test_before_there_is_anything_each_command_says_how_to_begin(run: Run, tmp_path: Path) -> None:
    for command in (("discover",), ("train",), ("audit",), ("audit", "TEAM-1", "x"), ("types", "explain", "TEAM-1")):
        assert "goldenpath import" in refused(run, 1, *command)
    for command in (("certificates",), ("evaluate",)):
        assert "goldenpath train" in refused(run, 1, *command)
    assert list(tmp_path.iterdir()) == []
    document(run, "import", str(export(tmp_path / "few.jsonl", 9)))
    assert "9 tickets are too few to discover types in" in refused(run, 1, "discover")
    assert "carry a request type" in refused(run, 1, "train")
    assert "there is no model yet" in refused(run, 1, "audit")
    assert "no ticket TEAM-99" in refused(run, 1, "audit", "TEAM-99", "s3-bucket")
    assert "known: " in refused(run, 1, "audit", "TEAM-1", "no-such-thing")
    assert "there is no request type 'x'" in refused(run, 2, "types", "name", "x", "X")
    assert "allowed: request, incident" in refused(run, 2, "types", "name", "x", "X", "--kind", "wish")
    assert "go together" in refused(run, 2, "audit", "TEAM-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("discover", "--text", "words"),
        ("discover", "--known", "known.json"),
        ("train", "--model", "m"),
        ("train", "--text", "words", "--label", "topic"),
        ("train", "--ordered"),
        ("discover", "--from", "x.csv"),
        ("train", "--from", "x.csv", "--text", "words", "--label", "topic"),
        ("evaluate", "--model", "m"),
        ("evaluate", "--on", "x.csv", "--text", "words", "--label", "topic"),
        ("evaluate", "--text", "words"),
    ],
)
def test_options_that_go_together_are_all_needed(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Else a call about a file would quietly be one about the store."""
    assert "--" in refused(run, 2, *arguments)
    assert list(tmp_path.iterdir()) == []

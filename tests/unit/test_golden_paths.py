"""Which golden paths are in force in which mode, and holding them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import config
from agent.errors import ConfigurationError
from agent.golden_paths import path_modes, resume, stop
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from fulfilment.records import Certificate

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
SITE = """
[jira]
url = "https://site.example"
email = "agent@site.example"
projects = ["OPS"]

[handlers.s3-bucket]
mode = "autonomous"
approvers = ["ops"]
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.sqlite3")


@pytest.fixture
def site(tmp_path: Path) -> config.Configuration:
    (tmp_path / "goldenpath.toml").write_text(SITE)
    return config.load(tmp_path / "goldenpath.toml")


def test_a_predicted_type_needs_a_certificate(site: config.Configuration, ledger: Ledger) -> None:
    (path,) = path_modes(site, ledger)
    assert (path.handler, path.configured, path.given, path.predicted) == (
        "s3-bucket",
        Mode.AUTONOMOUS,
        Mode.AUTONOMOUS,
        Mode.SUPERVISED,
    )
    assert path.why_given == ()
    assert "no certificate was issued for s3-bucket yet" in path.why_predicted[0]
    granted = Certificate("s3-bucket", 0.02, 0.95, 0.9, 236, 1, 0.41)
    ledger.evidence.issue([granted], model="m", at=AT)
    assert path_modes(site, ledger)[0].predicted is Mode.AUTONOMOUS
    ledger.evidence.suspend("s3-bucket", "the mix of tickets changed", AT)
    (path,) = path_modes(site, ledger)
    assert path.predicted is Mode.SUPERVISED
    assert "suspended: the mix of tickets changed" in path.why_predicted[0]


@pytest.mark.parametrize("scope", ["s3-bucket", "all"])
def test_a_stop_holds_until_it_is_lifted(site: config.Configuration, ledger: Ledger, scope: str) -> None:
    stop(ledger, scope, reason="wrong region", by="operator ana", at=AT)
    (path,) = path_modes(site, ledger)
    assert (path.given, path.predicted) == (Mode.OFF, Mode.OFF)
    assert "wrong region" in path.why_given[0]
    resume(ledger, scope, by="operator ana", at=AT)
    assert path_modes(site, ledger)[0].given is Mode.AUTONOMOUS


def test_a_demotion_is_lifted_by_a_person(site: config.Configuration, ledger: Ledger) -> None:
    ledger.demote("s3-bucket", Mode.SUPERVISED, "OPS-1 was a database", AT)
    assert path_modes(site, ledger)[0].given is Mode.SUPERVISED
    resume(ledger, "s3-bucket", by="operator ana", at=AT)
    assert path_modes(site, ledger)[0].given is Mode.AUTONOMOUS


def test_what_is_not_configured_is_off(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "goldenpath.toml").write_text(SITE.split("[handlers")[0])
    (path,) = path_modes(config.load(tmp_path / "goldenpath.toml"), ledger)
    assert (path.configured, path.given) == (Mode.OFF, Mode.OFF)


@pytest.mark.parametrize("act", [stop, resume])
def test_an_unknown_path_is_named_with_what_is_allowed(ledger: Ledger, act: object) -> None:
    with pytest.raises(ConfigurationError, match="no golden path 's3-buckets'; allowed: all, s3-bucket"):
        if act is stop:
            stop(ledger, "s3-buckets", reason="x", by="y", at=AT)
        else:
            resume(ledger, "s3-buckets", by="y", at=AT)
    assert ledger.verify().rows == 0

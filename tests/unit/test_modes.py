"""The effective mode is the lowest of the configured one, a stop or demotion, and what the evidence carries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfilment.ledger import Ledger
from fulfilment.modes import effective_mode
from fulfilment.policy import Mode
from fulfilment.records import Audit, Ceiling, Certificate, KnownRequestType
from tickets.ticket import Classification

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
IN_FORCE = Certificate("storage-box", 0.02, 0.95, 0.86, 240, 1, 0.78, model="a" * 64, id="c-1", issued_at=AT)
NOT_GRANTED = replace(IN_FORCE, threshold=None, audited=61, needed=88)
HOPELESS = replace(IN_FORCE, threshold=None, audited=900, wrong=400)
SUSPENDED = replace(IN_FORCE, suspended_at=AT, suspended_reason="the mix of tickets changed")
WITHDRAWN = replace(IN_FORCE, withdrawn_at=AT)
GIVEN = Classification("storage-box", "given", 1.0)
CORRECTED = Classification("storage-box", "corrected", 1.0)
PREDICTED = Classification("storage-box", "predicted", 0.93, "c-1")
STOP = Ceiling(Mode.OFF, "an incident")
DEMOTION = Ceiling(Mode.SUPERVISED, "OPS-7 was wrong", is_demotion=True)

# what is classified, certificate, ceiling, a person's word | mode, and what the sentence says
TABLE: list[tuple[Classification, Certificate | None, Ceiling | None, str | None, Mode, str | None]] = [
    (GIVEN, None, None, None, Mode.AUTONOMOUS, None),
    (GIVEN, SUSPENDED, None, "storage-box", Mode.AUTONOMOUS, None),
    (GIVEN, None, None, "redis", Mode.SUPERVISED, "a person says that it is redis"),
    (CORRECTED, None, None, "storage-box", Mode.AUTONOMOUS, None),
    (CORRECTED, IN_FORCE, None, None, Mode.SUPERVISED, "no record says by whom"),
    (CORRECTED, IN_FORCE, None, "redis", Mode.SUPERVISED, "a person says that it is redis"),
    (PREDICTED, IN_FORCE, None, None, Mode.AUTONOMOUS, None),
    (replace(PREDICTED, score=0.86), IN_FORCE, None, "storage-box", Mode.AUTONOMOUS, None),
    (PREDICTED, IN_FORCE, None, "redis", Mode.SUPERVISED, "a person says that it is redis"),
    (PREDICTED, None, None, None, Mode.SUPERVISED, "no certificate was issued for storage-box yet"),
    (PREDICTED, NOT_GRANTED, None, None, Mode.SUPERVISED, "88 more audited tickets needed"),
    (PREDICTED, HOPELESS, None, None, Mode.SUPERVISED, "not granted: 400 of 900 audited tickets were wrong"),
    (PREDICTED, SUSPENDED, None, None, Mode.SUPERVISED, "suspended: the mix of tickets changed"),
    (PREDICTED, WITHDRAWN, None, None, Mode.SUPERVISED, "withdrawn: a newer model"),
    (PREDICTED, replace(IN_FORCE, id="c-2"), None, None, Mode.SUPERVISED, "was withdrawn: a newer model"),
    (replace(PREDICTED, certificate=None), IN_FORCE, None, None, Mode.SUPERVISED, "did not see the ticket"),
    (replace(PREDICTED, score=0.71), IN_FORCE, None, None, Mode.SUPERVISED, "score 0.71 is below the certified 0.86"),
    (
        replace(PREDICTED, score=0.85999),
        IN_FORCE,
        None,
        None,
        Mode.SUPERVISED,
        "0.85999 is below the certified 0.86000",
    ),
    (replace(PREDICTED, score=float("nan")), IN_FORCE, None, None, Mode.SUPERVISED, "the score nan is below"),
    (GIVEN, None, DEMOTION, None, Mode.SUPERVISED, "demoted to supervised: OPS-7 was wrong"),
    (PREDICTED, IN_FORCE, DEMOTION, None, Mode.SUPERVISED, "demoted to supervised: OPS-7 was wrong"),
    (PREDICTED, IN_FORCE, STOP, None, Mode.OFF, "a stop holds it at off: an incident"),
]


@pytest.mark.parametrize(("told", "certificate", "ceiling", "word", "mode", "why"), TABLE)
def test_what_carries_a_type(
    told: Classification,
    certificate: Certificate | None,
    ceiling: Ceiling | None,
    word: str | None,
    mode: Mode,
    why: str | None,
) -> None:
    found = effective_mode(Mode.AUTONOMOUS, ceiling=ceiling, classification=told, certificate=certificate, word=word)
    assert found.mode is mode
    assert len(found.why) == (why is not None)
    assert (why or "") in "".join(found.why)


def test_a_source_that_nobody_knows_counts_as_predicted() -> None:
    source: Any = "unheard-of"
    found = effective_mode(
        Mode.AUTONOMOUS, ceiling=None, classification=replace(GIVEN, source=source), certificate=None, word=None
    )
    assert found.mode is Mode.SUPERVISED
    assert "unheard-of" in found.why[0]


ceilings = st.none() | st.builds(Ceiling, st.sampled_from(Mode), st.just("why"), st.booleans())
certificates = st.none() | st.builds(
    replace,
    st.just(IN_FORCE),
    id=st.sampled_from(["c-1", "c-2"]),
    threshold=st.none() | st.floats(0, 1),
    suspended_at=st.sampled_from([None, AT]),
    withdrawn_at=st.sampled_from([None, AT]),
)
classifications = st.builds(
    Classification,
    st.just("storage-box"),
    st.sampled_from(["given", "predicted", "corrected"]),
    st.floats(0, 1),
    st.sampled_from([None, "c-1", "c-2"]),
)
words = st.sampled_from([None, "storage-box", "redis"])


@given(st.sampled_from(Mode), ceilings, classifications, certificates, words)
def test_nothing_raises_the_mode(
    configured: Mode,
    ceiling: Ceiling | None,
    told: Classification,
    certificate: Certificate | None,
    word: str | None,
) -> None:
    found = effective_mode(configured, ceiling=ceiling, classification=told, certificate=certificate, word=word)
    assert found.mode <= configured
    assert ceiling is None or found.mode <= ceiling.mode
    assert bool(found.why) == (found.mode < configured)
    if found.mode is Mode.AUTONOMOUS:
        assert word in (None, told.request_type)
        assert told.source != "corrected" or word == told.request_type
        if told.source == "predicted":
            assert certificate is not None
            assert certificate.lacks is None
            assert certificate.threshold is not None
            assert told.score >= certificate.threshold
            assert told.certificate == certificate.id


@pytest.mark.parametrize(("scope", "mode"), [("storage-box", Mode.OFF), ("redis", Mode.AUTONOMOUS), ("all", Mode.OFF)])
def test_a_stop_of_one_handler_and_of_all(tmp_path: Path, scope: str, mode: Mode) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite3") as ledger:
        ledger.stop(scope, reason="an incident", by="olli", at=AT)
        assert of(ledger, GIVEN) is mode


def test_the_evidence_in_the_database_decides(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite3") as ledger:
        evidence = ledger.evidence
        assert of(ledger, PREDICTED) is Mode.SUPERVISED
        (issued,) = evidence.issue([IN_FORCE], model="a" * 64, at=AT)
        assert of(ledger, PREDICTED) is Mode.SUPERVISED
        told = replace(PREDICTED, certificate=issued.id)
        assert of(ledger, told) is Mode.AUTONOMOUS
        evidence.suspend("storage-box", "drift", AT)
        assert of(ledger, told) is Mode.SUPERVISED
        evidence.restore("storage-box", AT)
        ledger.demote("storage-box", Mode.SUPERVISED, "an undo", AT)
        assert of(ledger, told) is Mode.SUPERVISED
        ledger.resume("storage-box", by="olli", at=AT)
        assert of(ledger, told) is Mode.AUTONOMOUS
        evidence.issue([IN_FORCE], model="b" * 64, at=AT)
        assert of(ledger, told) is Mode.SUPERVISED


def test_a_persons_word_holds_however_types_were_merged(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite3") as ledger:
        evidence = ledger.evidence
        evidence.discovered([KnownRequestType(id, id, "request") for id in ("boxes", "storage-box")], AT)
        assert of(ledger, CORRECTED) is Mode.SUPERVISED
        evidence.audit(Audit("fake", 1, "OPS-1", "boxes", "correction", "olli", AT))
        assert of(ledger, GIVEN) is Mode.SUPERVISED
        evidence.merge_types(["boxes"], "storage-box", by="olli", at=AT)
        assert of(ledger, CORRECTED) is of(ledger, GIVEN) is Mode.AUTONOMOUS


def of(ledger: Ledger, told: Classification) -> Mode:
    return ledger.effective_mode(
        Mode.AUTONOMOUS, handler="storage-box", site="fake", ticket_id=1, classification=told
    ).mode

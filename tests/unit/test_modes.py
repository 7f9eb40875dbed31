"""The effective mode is the lowest of what is configured, what a stop allows, and what the evidence carries."""

from __future__ import annotations

import pytest

from fulfilment.modes import effective_mode
from fulfilment.policy import Mode
from fulfilment.records import Ceiling


def test_a_given_type_needs_no_certificate() -> None:
    found = effective_mode(Mode.AUTONOMOUS, ceiling=None, source="given", certificate=None)
    assert (found.mode, found.why) == (Mode.AUTONOMOUS, ())


@pytest.mark.parametrize("source", ["predicted", "corrected", "unheard-of"])
@pytest.mark.parametrize("certificate", [None, "c-1"])
def test_any_other_type_is_supervised_without_a_certificate_in_force(source: str, certificate: str | None) -> None:
    found = effective_mode(Mode.AUTONOMOUS, ceiling=None, source=source, certificate=certificate)
    assert found.mode is Mode.SUPERVISED
    assert source in found.why[0]


def test_a_certificate_in_force_carries_a_predicted_type() -> None:
    found = effective_mode(
        Mode.AUTONOMOUS,
        ceiling=None,
        source="predicted",
        certificate="c-1",
        certificates_in_force={"c-1"},
    )
    assert found.mode is Mode.AUTONOMOUS


@pytest.mark.parametrize("configured", list(Mode))
@pytest.mark.parametrize("ceiling", list(Mode))
@pytest.mark.parametrize("source", ["given", "predicted"])
def test_nothing_raises_the_mode(configured: Mode, ceiling: Mode, source: str) -> None:
    found = effective_mode(configured, ceiling=Ceiling(ceiling, "an incident"), source=source, certificate=None)
    assert found.mode <= min(configured, ceiling)
    assert bool(found.why) == (found.mode < configured)

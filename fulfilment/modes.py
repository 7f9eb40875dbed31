"""The effective mode: the lowest of what is configured, what a stop allows, and what the evidence carries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from fulfilment.policy import Mode
from fulfilment.records import Ceiling


@dataclass(frozen=True, slots=True)
class EffectiveMode:
    """`why`: a sentence for each thing that holds the mode down; empty when the configured mode is in
    force."""

    mode: Mode
    why: tuple[str, ...] = ()


def effective_mode(
    configured: Mode,
    *,
    ceiling: Ceiling | None,
    source: Literal["given", "predicted", "corrected"] | str,
    certificate: str | None,
    certificates_in_force: Collection[str] = (),
) -> EffectiveMode:
    """`ceiling` is a stop's or demotion's mode and reason. Only a type that was chosen on a form needs no
    certificate."""
    mode, why = configured, []
    if ceiling is not None and ceiling.mode < mode:
        mode = ceiling.mode
        why.append(ceiling.sentence)
    if source != "given" and mode > Mode.SUPERVISED and certificate not in certificates_in_force:
        mode = Mode.SUPERVISED
        why.append(
            f"the request type was {source}, not chosen on a form, and no certificate in force covers it: "
            "a person approves"
        )
    return EffectiveMode(mode, tuple(why))

"""Turns a ticket into the values of a handler's slots, each with the words that gave it. Text gives nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from fulfilment.desk import Reading
from fulfilment.handler import Handler, Never
from tickets.ticket import Comment, Ticket


@dataclass(frozen=True, slots=True)
class Extraction:
    """What the ticket asks of one handler.

    `values`: slot -> the reading that fills it. `missing`: form label -> what is allowed, to copy. `contradictions`:
    form label -> the different values the ticket gives. `invalid`: form label -> a sentence why the value given is
    not allowed. `other_wishes`: names of other request types that are wanted too.
    """

    values: Mapping[str, Reading] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    contradictions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    invalid: Mapping[str, str] = field(default_factory=dict)
    other_wishes: tuple[str, ...] = ()
    forbidden: tuple[Never, ...] = ()
    has_intent: bool = False

    @property
    def is_complete(self) -> bool:
        return not (self.missing or self.contradictions or self.invalid)

    def parameters(self, handler: Handler) -> BaseModel:
        """The handler's validated parameters. Raises pydantic's `ValidationError` when not complete."""
        return handler.Parameters.model_validate({slot: reading.value for slot, reading in self.values.items()})


def extract(
    ticket: Ticket,
    handler: Handler,
    *,
    fields: Mapping[str, str],
    team_names: Sequence[str],
    replies: Sequence[Comment],
) -> Extraction:
    raise NotImplementedError

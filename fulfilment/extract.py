"""Turns a ticket into the values of a handler's slots, with the words that gave them; text gives no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from fulfilment.dangers import forbidden
from fulfilment.desk import Reading
from fulfilment.handler import Handler, Never
from fulfilment.labelled import Found, LabelReader, read_form
from fulfilment.prose import bare_answers, read_choices, read_names
from fulfilment.slots import TEAM, Slot, slots_of
from fulfilment.wishes import WishReader
from fulfilment.words import MOST_CHARACTERS, normalise, shown, unquoted, without_addresses
from tickets.ticket import Comment, FormField, Ticket


@dataclass(frozen=True, slots=True)
class Extraction:
    """What the ticket asks of one handler.

    `values`: slot -> the reading that fills it. `missing`: form label -> what is allowed, to copy.
    `contradictions`: form label -> the different values the ticket gives. `invalid`: form label -> a
    sentence why the value given is not allowed. `other_wishes`: names of what else is wanted. `forbidden`:
    wishes that the handler never grants.
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
        return handler.Parameters.model_validate(_arguments(self.values, handler))


def extract(
    ticket: Ticket,
    handler: Handler,
    *,
    fields: Mapping[str, str],
    team_names: Sequence[str],
    replies: Sequence[Comment],
) -> Extraction:
    """Reads form, summary, description and `replies` (those that count, oldest first) for `handler`.

    A value comes from the form, a labelled line or the prose; all places must agree. A reply that fills a
    slot replaces what the ticket says of it. `fields` maps a slot to its form field's name; `team_names` are
    the requester's teams. Never raises for anything a ticket may hold.
    """
    slots = slots_of(handler, team_names)
    form = tuple(FormField(entry.id, normalise(entry.name), normalise(entry.value)) for entry in ticket.form)
    summary, text = normalise(ticket.summary), unquoted(normalise(ticket.text))
    answers = [unquoted(normalise(reply.text)) for reply in sorted(replies, key=lambda reply: reply.created_at)]
    if sum(map(len, (text, *answers, *(entry.value for entry in form)))) > MOST_CHARACTERS:
        limit = f"The text is too long to be read: at most {MOST_CHARACTERS} characters are. Please shorten it."
        return Extraction(invalid={"Description": limit}, has_intent=ticket.request_type in handler.request_types)
    noun = handler.title.split()[-1].lower()
    readers = LabelReader(slots), noun
    filled = list(read_form(form, slots, fields))
    state = _State(slots)
    state.take([*filled, *_read(text, slots, *readers)])
    labelled = len({found.slot for found in readers[0].read(text) if found.value is not None})
    for answer in answers:
        bare = [found for slot in slots if slot.name == "name" for found in bare_answers(answer, slot, slots)]
        state.answer([*_read(answer, slots, *readers), *bare])
    wishes = WishReader(handler).read(
        summary, text, given=ticket.request_type, is_filled=bool(filled), labelled=labelled
    )
    nevers = forbidden(handler.never, ["\n".join((text, *(entry.value for entry in form))), *answers])
    return state.extraction(handler, team_names, wishes.others, nevers, has_intent=wishes.own)


def _read(text: str, slots: Sequence[Slot], labels: LabelReader, noun: str) -> Iterable[Found]:
    yield from labels.read(text)
    plain = without_addresses(text)
    for slot in slots:
        if slot.choices:
            yield from read_choices(plain, slot, slots, noun)
        elif slot.name == "name":
            yield from read_names(plain, slot, slots, noun)


class _State:
    """What is known of each slot so far."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._found: dict[str, list[Found]] = {slot.name: [] for slot in slots}

    def take(self, found: Iterable[Found]) -> None:
        for one in found:
            self._found[one.slot].append(one)

    def answer(self, found: Sequence[Found]) -> None:
        """A reply: what it says of a slot stands instead of what was said before."""
        for name, before in self._found.items():
            said = [one for one in found if one.slot == name]
            if any(not one.is_denied for one in said):
                self._found[name] = said
            elif said:
                denied = {one.value for one in said}
                self._found[name] = [one for one in before if one.value not in denied]

    def extraction(
        self,
        handler: Handler,
        team_names: Sequence[str],
        others: tuple[str, ...],
        nevers: tuple[Never, ...],
        *,
        has_intent: bool,
    ) -> Extraction:
        values: dict[str, Reading] = {}
        missing: dict[str, str] = {}
        contradictions: dict[str, tuple[str, ...]] = {}
        invalid: dict[str, str] = {}
        for slot in self._slots:
            found = self._found[slot.name]
            said = dict.fromkeys(one.value or one.words for one in found if not one.is_denied)
            denied = [one for one in found if one.is_denied and one.value in said]
            wrong = [one for one in found if one.value is None]
            if len(said) > 1 or denied:
                contradictions[slot.title] = (*said, *(f"not {one.value}" for one in denied))
            elif wrong:
                invalid[slot.title] = wrong[0].objection
            elif said:
                first = next(one for one in found if not one.is_denied)
                values[slot.name] = Reading(slot.name, str(first.value), first.words, first.rule)
            elif slot.name == TEAM and len(team_names) == 1:
                values[TEAM] = Reading(TEAM, team_names[0], "", "your group in Jira")
            elif slot.is_required:
                missing[slot.title] = slot.allowed
        if not (missing or contradictions or invalid):
            invalid = self._objections(values, handler)
        return Extraction(values, missing, contradictions, invalid, others, nevers, has_intent)

    def _objections(self, values: Mapping[str, Reading], handler: Handler) -> dict[str, str]:
        """What the handler's own validators say of the whole."""
        titles = {slot.name: slot.title for slot in self._slots}
        try:
            handler.Parameters.model_validate(_arguments(values, handler))
        except ValidationError as error:
            found = {}
            for one in error.errors(include_url=False, include_context=False, include_input=False):
                slot = str(one["loc"][0]) if one["loc"] else ""
                told = f"“{shown(values[slot].value)}” is not allowed: " if slot in values else ""
                found[titles.get(slot, handler.title)] = told + one["msg"].removeprefix("Value error, ")
            return found
        return {}


def _arguments(values: Mapping[str, Reading], handler: Handler) -> dict[str, str]:
    return {slot: reading.value for slot, reading in values.items() if slot in handler.Parameters.model_fields}

"""The slots of a handler, read from its parameter model, and the words people use for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from fulfilment.handler import Handler
from fulfilment.words import shown

TEAM = "team"

# Other labels under which people give a slot, by the slot's name.
LABELS: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "region": ("region", "aws region", "location"),
    "data_class": ("data class", "classification", "data classification", "sensitivity", "confidentiality"),
    "environment": ("environment", "env", "stage", "target environment"),
    TEAM: ("team", "owning team", "owner", "owner team"),
}
# Nicknames of closed-list values.
NICKNAMES: Mapping[str, tuple[str, ...]] = {
    "eu-west-1": ("ireland", "dublin"),
    "eu-west-2": ("london",),
    "eu-west-3": ("paris",),
    "eu-north-1": ("stockholm",),
    "eu-south-1": ("milan",),
    "eu-central-1": ("frankfurt",),
    "eu-central-2": ("zurich",),
    "us-east-1": ("n. virginia", "northern virginia", "north virginia", "virginia"),
    "us-east-2": ("ohio",),
    "us-west-1": ("n. california", "northern california"),
    "us-west-2": ("oregon",),
    "ap-southeast-1": ("singapore",),
    "ap-southeast-2": ("sydney",),
    "ap-northeast-1": ("tokyo",),
    "ap-south-1": ("mumbai",),
    "dev": ("development",),
    "prod": ("production", "prd"),
    "test": ("testing",),
    "staging": ("stg",),
}
# Values that people mean for a slot although a handler may not offer them: reported, never guessed.
KNOWN_VALUES: Mapping[str, tuple[str, ...]] = {
    "region": tuple(value for value in NICKNAMES if re.fullmatch(r"[a-z]{2}-[a-z]+-\d", value)),
    "environment": ("dev", "prod", "staging", "test", "qa", "uat", "preprod", "pre-prod"),
}
# Words that may follow a value of the slot and still mean the slot ("prod account", "internal data").
HEADS: Mapping[str, tuple[str, ...]] = {
    "region": ("region",),
    "environment": ("environment", "env", "account", "stage"),
    "data_class": (
        "data",
        "class",
        "classification",
        "classified",
        "information",
        "files",
        "documents",
        "use",
        "level",
    ),
    TEAM: ("team", "squad"),
}
_REGION = r"[a-z]{2}(?:-gov|-iso[a-z]?)?-(?:(?:north|south)(?:east|west)?|east|west|central)-\d"


@dataclass(frozen=True, slots=True)
class Slot:
    """`choices` is the closed list (empty: text held to `pattern` and lengths), `title` the form's label."""

    name: str
    title: str
    choices: tuple[str, ...]
    pattern: re.Pattern[str] | None
    shortest: int
    longest: int
    is_required: bool
    labels: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """What may be written, in words to copy."""
        if self.choices:
            return " | ".join(self.choices)
        length = f"{self.shortest}–{self.longest} characters"
        if self.pattern is None:
            return length
        if self.pattern.fullmatch("orders-archive"):
            hyphens = "single hyphens" if self.pattern.fullmatch("orders") else "at least one single hyphen"
            return f"lower-case letters, digits and {hyphens}, {length}, such as orders-archive"
        return f"{length} that match {self.pattern.pattern}"

    def is_allowed(self, value: str) -> bool:
        if self.choices:
            return value in self.choices
        fits = self.pattern is None or self.pattern.fullmatch(value) is not None
        return fits and self.shortest <= len(value) <= self.longest and value.isprintable() and value.isascii()

    def objection(self, value: str) -> str:
        """Why `value` is not allowed, with the limit."""
        words = shown(value)
        if self.name == TEAM:
            return f"“{words}” is not one of your teams ({self.allowed})"
        length = f" It has {len(value)} characters." if len(value) > self.longest else ""
        return f"“{words}” is not allowed.{length} Allowed: {self.allowed}"

    def known(self) -> Mapping[str, str]:
        """Every spelling that is recognised in prose -> the value that it means, offered or not."""
        values = (*self.choices, *(KNOWN_VALUES.get(self.name, ()) if self.choices else ()))
        spellings = {value: value for value in dict.fromkeys(values)}
        for value in tuple(spellings):
            for nickname in NICKNAMES.get(value, ()):
                spellings.setdefault(nickname, value)
        return spellings

    def spelled(self) -> re.Pattern[str] | None:
        """Finds a spelling as a whole word; None for a slot without a closed list."""
        if not self.choices:
            return None
        words = sorted(self.known(), key=len, reverse=True)
        alternatives = [re.escape(word).replace(r"\-", "[-_ ]").replace(r"\ ", r"\s?") for word in words]
        if self.name == "region":
            alternatives.append(_REGION)
        return re.compile(rf"(?<![\w\-.@])(?:{'|'.join(alternatives)})(?![\w\-@]|\.\w)", re.I)

    def meaning(self, words: str) -> str:
        """The value that a spelling means; of an unknown one the words themselves in lower case."""
        lowered = re.sub(r"\s+", " ", words.lower())
        known = self.known()
        for candidate in (lowered, re.sub(r"[_ ]", "-", lowered), lowered.replace(".", ". ")):
            if candidate in known:
                return known[candidate]
        return lowered


def slots_of(handler: Handler, team_names: Sequence[str]) -> tuple[Slot, ...]:
    """The handler's slots in the order of its form; the team is a closed list of the requester's own teams.

    A handler without a `team` parameter has the slot all the same when the requester is in several teams: who
    owns the resource must then be said. Without a team there is no such slot: no text makes one up.
    """
    properties, required = _properties(handler.Parameters)
    found = []
    for name, raw in properties.items():
        if name != TEAM or team_names:
            found.append(_slot(name, raw, name in required, team_names, handler))
    if team_names and TEAM not in properties:
        found.append(_slot(TEAM, {"title": "Owning team", "type": "string"}, True, team_names, handler))
    return tuple(found)


def titles_of(handler: Handler) -> frozenset[str]:
    """The form's labels of the handler's own slots, the team's aside."""
    return frozenset(_title(name, raw) for name, raw in _properties(handler.Parameters)[0].items() if name != TEAM)


@cache
def _properties(parameters: type[BaseModel]) -> tuple[Mapping[str, Mapping[str, Any]], frozenset[str]]:
    """The schema of each property, in their order; and which are required. Kept: pydantic works it out anew each
    time."""
    schema = parameters.model_json_schema(by_alias=False)
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    properties = {name: _resolved(raw, definitions) for name, raw in schema.get("properties", {}).items()}
    return properties, frozenset(schema.get("required", ()))


def _title(name: str, raw: Mapping[str, Any]) -> str:
    return str(raw.get("title", name.replace("_", " ").capitalize()))


def _resolved(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A property with its reference followed and, of an optional one, the part that is not null."""
    parts = [part for part in raw.get("anyOf", raw.get("allOf", ())) if part.get("type") != "null"]
    merged: dict[str, Any] = {**(parts[0] if parts else {}), **raw}
    reference = merged.get("$ref")
    if isinstance(reference, str):
        merged = {**definitions[reference.rsplit("/", 1)[-1]], **merged}
    return merged


def _slot(name: str, raw: Mapping[str, Any], is_required: bool, team_names: Sequence[str], handler: Handler) -> Slot:
    title = _title(name, raw)
    choices = tuple(str(value) for value in raw.get("enum", [raw["const"]] if "const" in raw else ()))
    if name == TEAM:
        choices, is_required = tuple(team_names), bool(team_names)
    pattern = raw.get("pattern")
    noun = handler.title.split()[-1].lower()
    extra = (noun, f"{handler.title.lower()} name") if name == "name" else ()
    labels = dict.fromkeys(label.lower() for label in (title, name.replace("_", " "), *LABELS.get(name, ()), *extra))
    return Slot(
        name=name,
        title=title,
        choices=choices,
        pattern=re.compile(str(pattern), re.ASCII) if pattern else None,
        shortest=int(raw.get("minLength", 1)),
        longest=int(raw.get("maxLength", 255)),
        is_required=is_required,
        labels=tuple(labels),
    )

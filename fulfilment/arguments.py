"""What the arguments of a planned call hold, however deep: tags, policies, and what they would open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fulfilment.plan import Step


def open_statements(step: Step) -> Iterator[str]:
    """Statements of a policy that allow everybody, every action, or everything but."""
    for document in _policies(step.arguments):
        statements = document.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
                continue
            principal = statement.get("Principal")
            names = list(strings_of(principal)) if principal is not None else []
            if "NotPrincipal" in statement or any(name == "*" or name.endswith(":*") for name in names):
                yield f"{step.operation} would allow everybody (principal “*”)."
            actions = list(strings_of(statement.get("Action", [])))
            if "NotAction" in statement or any(action in ("*", "s3:*") or action.endswith(":*") for action in actions):
                yield f"{step.operation} would allow every action."


def open_blocks(step: Step) -> Iterator[str]:
    """A public-access block must close all four doors."""
    doors = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    for block in values_of(step.arguments, "PublicAccessBlockConfiguration"):
        left_open = [door for door in doors if not (isinstance(block, Mapping) and block.get(door) is True)]
        if left_open:
            yield f"{step.operation} leaves public access open ({', '.join(left_open)})."


def _policies(arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Policy documents in a call's arguments, as JSON text or as plain data."""
    for key in ("Policy", "PolicyDocument", "AssumeRolePolicyDocument"):
        for value in values_of(arguments, key):
            if isinstance(value, Mapping):
                yield value
            elif isinstance(value, str):
                document = _parsed(value)
                yield document if isinstance(document, Mapping) else _UNREADABLE


# A policy that cannot be read is taken as the worst there is.
_UNREADABLE: Mapping[str, Any] = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]}


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def tags_of(arguments: object) -> Iterator[tuple[str, str]]:
    """Every tag in a call's arguments, whether spelled as a map or as a list of Key and Value."""
    for key in ("Tags", "TagSet", "TagList", "tags"):
        for value in values_of(arguments, key):
            if isinstance(value, Mapping):
                yield from ((str(name), str(text)) for name, text in value.items())
            elif isinstance(value, list | tuple):
                for entry in value:
                    if isinstance(entry, Mapping) and "Key" in entry:
                        yield str(entry["Key"]), str(entry.get("Value", ""))


def values_of(data: object, key: str) -> Iterator[Any]:
    """The values under `key` at any depth."""
    if isinstance(data, Mapping):
        for name, value in data.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from values_of(value, key)


def strings_of(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from strings_of(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from strings_of(value)

"""The shapes that values take in Jira's JSON, v2 and v3, as plain text and instants. Nothing here knows a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

import orjson

from tickets.adf import flatten
from tickets.errors import Unreadable


def read_instant(value: object, what: str) -> datetime:
    """An aware UTC instant from ISO 8601 with an offset, or from epoch seconds or milliseconds.

    Raises Unreadable, naming `what`, for anything else; a time without an offset is not guessed at.
    """
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            if found.tzinfo is not None:
                return found.astimezone(UTC)
            raise Unreadable(f"{what} is {value!r}, which names no time zone")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(f"{what} is {str(value)[:60]!r}, which is no instant") from error
    if value is None or value == "":
        raise Unreadable(f"{what} is missing")
    raise Unreadable(f"{what} is of the type {type(value).__name__}, which is no instant")


def option(value: object) -> str:
    """The text of a field's value: an option's value (with its child's), an account's or component's name, a list of
    them joined by commas, a document's text."""
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool):
        return ""
    if is_mapping(value):
        if value.get("type") == "doc":
            return flatten(value)
        words = word(value.get("value")) or word(value.get("displayName")) or word(value.get("name"))
        child = value.get("child")
        return f"{words} - {word(child.get('value'))}" if words and is_mapping(child) else words
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, (option(part) if not isinstance(part, list) else "" for part in value)))
    return word(value)


def text(value: object) -> str:
    words = flatten(body(value))
    return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")  # no half surrogates


def body(value: object) -> Mapping[str, Any] | str | None:
    return value if isinstance(value, str) or is_mapping(value) else None


def word(value: object) -> str:
    if isinstance(value, str):
        words = value.strip()
        return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return ""


def mapping(value: object) -> Mapping[str, Any]:
    return value if is_mapping(value) else {}


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Asks the abstract class last: that takes longer than all else, and JSON holds dictionaries and None."""
    return type(value) is dict or (value is not None and isinstance(value, Mapping))


def sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def json_value(value: object) -> Any:
    """The value as it can be kept: what is nested too deep for any use of ours becomes None."""
    try:
        return orjson.loads(orjson.dumps(value))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return None

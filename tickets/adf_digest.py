"""The digest of a body: by it, a comment that was edited is told from one that was not, whatever Jira adds to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

_OFTEN_EMPTY = frozenset({"attrs", "marks", "content"})


def digest(adf: Mapping[str, Any] | str | None) -> str:
    """SHA-256 (hex) of the canonical body: keys sorted, `localId`s and empty `attrs`/`marks`/`content` left out, since
    Jira adds those by itself. Two bodies of equal digest read the same and link to the same."""
    return hashlib.sha256(_canonical(adf)).hexdigest()


def _canonical(value: object) -> bytes:
    """Every token followed by a NUL. On the stack: text that is ready, or a list or an object still to be opened."""
    texts: list[str] = []
    stack: list[Any] = [_ready(value)]
    while stack:
        item = stack.pop()
        if type(item) is str:
            texts.append(item)
        elif isinstance(item, (list, tuple)):
            texts.append("[\0")
            stack.append("]\0")
            stack.extend([_ready(part) for part in reversed(item)])
        else:
            rest = "}\0"
            for key, token in _ordered(tuple(map(str, item))):
                part = item[key]
                if key == "localId" or (key in _OFTEN_EMPTY and _says_nothing(part)):
                    continue
                part = _ready(part)
                if type(part) is str:
                    rest = f"{token}{part}{rest}"
                else:
                    stack.append(rest)
                    stack.append(part)
                    rest = token
            texts.append("{\0" + rest)
    return "".join(texts).encode()


def _ready(value: Any) -> Any:
    """A scalar as its token; a list or an object as it is."""
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value) + "\0"
    if kind is dict or isinstance(value, (list, tuple, Mapping)):
        return value
    return f"{value}\0" if kind is int else json.dumps(value) + "\0"


@lru_cache(maxsize=256)
def _ordered(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The keys from last to first, each with its token: a stack gives them back in order."""
    return tuple((key, f"{json.dumps(key)}:\0") for key in sorted(keys, reverse=True))


def _says_nothing(value: object) -> bool:
    return not value or (isinstance(value, Mapping) and set(value) == {"localId"})

"""Other people's words on one line: no control characters, no marks that turn the direction of what follows."""

from __future__ import annotations

import unicodedata
from typing import Final

MOST: Final = 140
# Cc and Cs would steer a terminal or break a file, Zl and Zp a line; Cf holds the marks of direction and invisible
# letters. Joiners are kept: several scripts and emoji are written with them.
_DROPPED: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
_JOINERS: Final = "\u200c\u200d"


def clean(words: str, most: int = MOST) -> str:
    """At most so many letters of `words`, on one line."""
    whole = " ".join(words[: 8 * most].split())
    kept = "".join(
        letter for letter in whole if letter in _JOINERS or unicodedata.category(letter) not in _DROPPED
    ).strip()
    if len(kept) <= most:
        return kept if len(words) <= 8 * most else f"{kept} …"
    return f"{kept[: most - 1].rstrip()}…"

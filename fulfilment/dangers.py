"""Wishes that a handler never grants, recognised whether they are meant, denied or taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fulfilment.handler import Never
from fulfilment.words import clause_before, visible

_REFUSING = re.compile(
    r"\b(?:no|not|never|without|cannot|nor|none|block(?:s|ed|ing)?|den(?:y|ies|ied)|disabl(?:e|ed|es|ing)"
    r"|prevent(?:s|ed)?"
    r"|forbid(?:s|den)?|prohibit(?:s|ed)?|avoid|private|instead of|rather than|off|disallow(?:s|ed)?)\b|n't\b",
    re.I,
)
_REFUSED_AFTER = re.compile(
    r"[\w \"'-]{0,30}?(?:[:=]|\bis\b|\bare\b|\bshould be\b|\bmust be\b|\bto be\b)?\s*[\"']?"
    r"(?:no|none|blocked|disabled|off|false|denied|forbidden|prohibited"
    r"|not (?:allowed|needed|wanted|required|an option))\b",
    re.I,
)


def forbidden(nevers: Sequence[Never], texts: Sequence[str]) -> tuple[Never, ...]:
    """The dangerous wishes that are in force after `texts`, oldest first; a later one may take one back."""
    in_force: dict[str, Never] = {}
    for text in texts:
        plain = visible(text)
        for never in nevers:
            stands = [_is_asserted(plain, match) for pattern in never.patterns for match in re.finditer(pattern, plain)]
            if any(stands):
                in_force[never.id] = never
            elif stands:
                in_force.pop(never.id, None)
    return tuple(in_force.values())


def _is_asserted(text: str, match: re.Match[str]) -> bool:
    """Whether a dangerous wish is meant: an even number of denials stands around it.

    "Do not block public access" has two.
    """
    denials = len(_REFUSING.findall(" ".join(clause_before(text, match.start()).split()[-7:])))
    after = re.split(r"[.;!?,\n]", text[match.end() : match.end() + 50], maxsplit=1)[0]
    denials += _REFUSED_AFTER.match(after) is not None
    return denials % 2 == 0

"""Text as it is read: normalised once, quotes left out, and the small words that turn a statement around."""

from __future__ import annotations

import re
import unicodedata

# Jira keeps at most 32,767 characters in a text field; three of them together is all that is ever read.
MOST_CHARACTERS = 100_000

_QUOTE_BLOCK = re.compile(r"\{quote\}[^{]*(?:\{(?!quote\})[^{]*)*\{quote\}")
_ADDRESS = re.compile(r"(?:\b[a-z][a-z0-9+]{1,8}://|\barn:|\bwww\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+", re.I)
_INVISIBLE_ENDS = "\u200b\u200c\u200d\u2060\ufeff"
_CLAUSE_END = re.compile(r"[.:;!?,\n()|]\s|[;!?,\n()|]|\b(?:(?<!anything )(?<!nothing )but|however|though)\b", re.I)
_SENTENCE_END = re.compile(r"(?<=[!?;\n])\s*|(?<=\w\w\.)\s+|(?<=[)\"`'\]]\.)\s+")

_DENIAL = re.compile(
    r"\b(?:no|not|never|without|except|neither|nor|cannot|avoid|exclude|excluding|instead of|rather than"
    r"|other than|anything but)\b|n't\b|\bnon-?$",
    re.I,
)
_DENIAL_AFTER = re.compile(
    r"\s*(?:region|environment|env|account)?\s*"
    r"(?:(?:is|are|was|will|would|does|do|must|should|can)(?:n't|\s+not)\b|won't\b|can't\b|cannot\b)",
    re.I,
)


def normalise(text: str) -> str:
    """NFKC, straight apostrophes, line ends as `\\n`. Nothing is dropped: what looks odd must stay odd."""
    plain = unicodedata.normalize("NFKC", text).replace("\r\n", "\n").replace("\r", "\n")
    return plain.replace("\u2019", "'").replace("\u2018", "'").replace("\u201c", '"').replace("\u201d", '"')


def unquoted(text: str) -> str:
    """`text` without what it only quotes: lines after `>`, `bq.`, and `{quote}` blocks."""
    lines = _QUOTE_BLOCK.sub("", text).split("\n")
    return "\n".join("" if line.lstrip().startswith((">", "bq.")) else line for line in lines)


def without_addresses(text: str) -> str:
    """URLs, ARNs and e-mail addresses blanked by as many spaces, so that places in the text stay true."""
    return _ADDRESS.sub(lambda match: " " * len(match.group()), text)


def trimmed(value: str) -> str:
    """A value without blanks, quotation marks and emphasis around it; inside it nothing changes."""
    value = value.strip().strip(_INVISIBLE_ENDS).strip()
    while (
        len(value) > 1
        and value[0] in "`\"'*_<[("
        and value[-1] == {"<": ">", "[": "]", "(": ")"}.get(value[0], value[0])
    ):
        value = value[1:-1].strip()
    return value.rstrip(",;").strip('`*"').strip()


def shown(text: str, *, most: int = 80) -> str:
    """Ticket text fit to be shown: one line, at most `most` characters, no control or direction ones."""
    clean = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") else char
        for char in " ".join(text[: most * 8].split())
    )
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def visible(text: str) -> str:
    """`text` in lower case without invisible characters: for recognising a wish that must be refused."""
    return "".join(char for char in text.lower() if unicodedata.category(char) != "Cf")


def sentences(text: str) -> list[str]:
    """Sentences and lines, in order, none empty."""
    return [part for part in (piece.strip() for piece in _SENTENCE_END.split(text)) if part]


def clause_before(text: str, place: int, *, most: int = 120) -> str:
    """What stands before `place` in the same clause, at most `most` characters of it."""
    left = text[max(0, place - most) : place]
    ends = [match.end() for match in _CLAUSE_END.finditer(left)]
    return left[ends[-1] :] if ends else left


def is_denied(text: str, start: int, end: int, *, words: int = 4) -> bool:
    """Whether the place is under a "not": at most `words` words after one in its clause, or before one."""
    left = clause_before(text, start)
    for match in _DENIAL.finditer(left):
        between = left[match.end() :].split()
        limit = 1 if match.group().lower() == "no" else words
        if len(between) <= limit:
            return True
    return _DENIAL_AFTER.match(text, end) is not None


def word_set(words: str) -> frozenset[str]:
    """The words of a line, for the lists of small words that the readers know."""
    return frozenset(words.split())

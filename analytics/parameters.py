"""The parameters that people give with a request: what a handler for it would have to ask."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tickets.ticket import Ticket

MOST: Final = 8
FEWEST_TICKETS: Final = 3
LEAST_SHARE: Final = 0.1
_TEXT_LIMIT: Final = 4000
_LABEL: Final = re.compile(
    r"^[\s>*•+#|-]{0,12}[*_`]{0,3}([^\W\d_][\w /().'-]{0,39}?)[*_`]{0,3}\s{0,4}[:=][*_`]{0,3}[ \t]{1,8}(?=\S)",
    re.MULTILINE,
)
_MOST_WORDS: Final = 4
# What stands before a colon without being a parameter: the heads of mails, small talk, and what programs say.
_MAIL: Final = frozenset(
    ("from", "to", "cc", "bcc", "sent", "date", "subject", "re", "fw", "fwd", "von", "an", "gesendet", "betreff", "aw")
)
_TALK: Final = frozenset(("http", "https", "note", "ps", "hint", "hi", "hello"))
_MESSAGE: Final = re.compile(r"error|exception|exceeded|warning|denied|failed")

DEFINITION: Final = (
    "parameters people give: names of form fields that were filled, and labels of lines such as “Region: …”, by their "
    f"share of the type's newest tickets; told from {FEWEST_TICKETS} tickets and {LEAST_SHARE:.0%} on"
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`share` of the tickets give it, `on_form` of them in a field, `in_text` in a labelled line (some do both)."""

    name: str
    tickets: int
    share: float
    on_form: float
    in_text: float


def given_parameters(tickets: Iterable[Ticket]) -> tuple[Parameter, ...]:
    """At most `MOST`, the most frequent first; names that differ in case and blanks only are one. A name that few
    tickets have is left out: it tells more of those than of the type."""
    every = list(tickets)
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    form, text = Counter[str](), Counter[str]()
    either: Counter[str] = Counter()
    for ticket in every:
        fields = {_key(field.name): field.name for field in ticket.form if field.value.strip() and _key(field.name)}
        labels = {_key(label): label for label in _labels(ticket.description[:_TEXT_LIMIT])}
        form.update(fields.keys())
        text.update(labels.keys())
        either.update(fields.keys() | labels.keys())
        for key, name in {**labels, **fields}.items():
            spelled[key][" ".join(name.split())] += 1
    fewest = max(FEWEST_TICKETS, LEAST_SHARE * len(every))
    chosen = sorted((key for key, times in either.items() if times >= fewest), key=lambda key: (-either[key], key))
    return tuple(
        Parameter(
            name=min(spelled[key], key=lambda name: (-spelled[key][name], name)),
            tickets=either[key],
            share=either[key] / len(every),
            on_form=form[key] / len(every),
            in_text=text[key] / len(every),
        )
        for key in chosen[:MOST]
    )


def _labels(text: str) -> Iterator[str]:
    for match in _LABEL.finditer(text):
        label = match.group(1).strip()
        key = _key(label)
        if len(label.split()) <= _MOST_WORDS and key not in _MAIL | _TALK and not _MESSAGE.search(key):
            yield label


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()

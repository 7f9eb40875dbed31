"""What a text wants: whether it asks for the handler's thing at all, and what else it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fulfilment.handler import Handler
from fulfilment.vocabulary import (
    DEFINITE,
    FORM_IN_TEXT,
    GRANT,
    INDEFINITE,
    JOIN,
    MAKE,
    MANY,
    OUT,
    PARTS,
    POINT,
    POLITE,
    QUESTION,
    REMOVAL,
    REMOVE,
    STRONG,
    TAIL,
    THANKS,
    THINGS,
    TROUBLE,
    UNWISHED,
    WORD_OR_MARK,
)
from fulfilment.words import clause_before, sentences


@dataclass(frozen=True, slots=True)
class Wishes:
    """`own`: the handler's thing is asked for; `others`: names of what else is."""

    own: bool
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A word, a mark, or a thing (`kind` is then its request type). `place` in the sentence."""

    kind: str
    text: str
    end: int


class WishReader:
    """Finds the things that a text wants, for one handler."""

    def __init__(self, handler: Handler) -> None:
        self._own = handler.request_types[0]
        things = {kind: pattern for kind, (_, pattern) in THINGS.items() if kind not in handler.request_types[1:]}
        derived = "|".join(
            re.escape(name).replace(r"\ ", r"\s+") for name in (handler.title.lower(), handler.name.replace("-", " "))
        )
        things.setdefault(self._own, derived + "s?")
        self._kinds = list(things)
        parts = "|".join(f"(?P<t{number}>{pattern})" for number, pattern in enumerate(things.values()))
        self._tokens = re.compile(rf"(?<![\w-])(?:{parts})(?![\w-])|{WORD_OR_MARK}", re.I)
        self._names = {kind: name for kind, (name, _) in THINGS.items()} | {self._own: handler.title}
        self._is_given = frozenset(handler.request_types)

    def read(self, summary: str, text: str, *, given: str | None, is_filled: bool, labelled: int) -> Wishes:
        """The wishes of a ticket. `given` is the type chosen on a form, `is_filled` whether
        form fields give a value, `labelled` how many slots have one beside a label in the text."""
        others: list[str] = []
        own = False
        for number, sentence in enumerate(_with_headers(sentences(text))):
            items = self._items(sentence[:2_000])
            for kind in self._wanted(items, sentence, is_title=number == 0 and sentence in summary):
                if kind.removesuffix("+") == self._own:
                    own = True
                    if kind.endswith("+"):
                        others.append(f"{self._names[self._own]} (more than one)")
                else:
                    others.append(self._names[kind.removesuffix("+")])
        is_calm = not (TROUBLE.search(text) or _is_question(summary))
        if not own and given in self._is_given:
            own = is_filled or is_calm
        if not own and is_calm and labelled >= FORM_IN_TEXT:
            own = any(item.kind == self._own for item in self._items(text[:2_000]))
        if own:
            others.extend(self._bulleted(text))
            others.extend([REMOVAL] if REMOVE.search(text) else [])
            others.extend([self._names["access-grant"]] if _grants(text) else [])
        return Wishes(own, tuple(dict.fromkeys(others)))

    def _items(self, sentence: str) -> list[_Item]:
        items = []
        for match in self._tokens.finditer(sentence):
            group = match.lastgroup or ""
            kind = self._kinds[int(group[1:])] if group[1:].isdigit() else group
            items.append(_Item(kind, match.group().lower(), match.end()))
        return items

    def _wanted(self, items: Sequence[_Item], sentence: str, *, is_title: bool) -> Iterator[str]:
        """Kinds that the sentence wants; with `+` where it wants several of a kind."""
        if QUESTION.match(sentence) and not POLITE.search(sentence):
            return
        last_wanted: int | None = None
        for place, item in enumerate(items):
            if item.kind in ("word", "mark") or _is_part(items, place, sentence, self._own):
                continue
            start, many = _phrase_start(items, place)
            wanted = _is_governed(items, start, is_own=item.kind == self._own)
            wanted = wanted or (last_wanted is not None and _is_joined(items, last_wanted, start, place))
            wanted = wanted or _is_called_for(
                items, start, place, sentence, is_title=is_title and item.kind == self._own
            )
            if wanted:
                last_wanted = place
                yield item.kind + ("+" if many else "")

    def _bulleted(self, text: str) -> Iterator[str]:
        """Other things that stand alone as points of a list."""
        for line in text.split("\n"):
            point = POINT.match(line)
            items = self._items(point.group(1)) if point else []
            start = next((n for n, item in enumerate(items) if item.text not in INDEFINITE), None)
            if point and start is not None and items[start].kind not in ("word", "mark", self._own):
                following = items[start + 1 : start + 2]
                if not following or following[0].text in {"called", "named", "for", "(", ",", "too", "in"}:
                    yield self._names[items[start].kind]


def _with_headers(lines: Sequence[str]) -> Iterator[str]:
    """The lines, those of a list after the line that introduces it: "please create: - Redis"."""
    header = ""
    for line in lines:
        if line.endswith(":"):
            header = line[-200:]
        elif POINT.match(line):
            yield f"{header} {line}"
            continue
        else:
            header = ""
        yield line


def _is_question(sentence: str) -> bool:
    return QUESTION.match(sentence) is not None and POLITE.search(sentence) is None


def _is_part(items: Sequence[_Item], place: int, sentence: str, own: str) -> bool:
    """Whether the thing only qualifies the next word ("bucket policy", "Redis backups")."""
    if place + 1 >= len(items):
        return False
    following = items[place + 1]
    if following.kind != "word" or re.search(r"[.:;\n-]\s", sentence[items[place].end : items[place].end + 2]):
        return False
    if following.text in PARTS or following.text.removesuffix("'s") in PARTS:
        return True
    is_name = any(char in following.text for char in "-_0123456789")
    return items[place].kind != own and not is_name and following.text not in TAIL


def _phrase_start(items: Sequence[_Item], place: int) -> tuple[int, bool]:
    """Where the phrase of the thing at `place` begins (six words back at most); whether it is several."""
    start, many = place, False
    while start > 0 and place - start < 6:
        before = items[start - 1]
        text = before.text
        if (
            before.kind != "word"
            or text in JOIN | OUT | MAKE - {"new"} | DEFINITE | UNWISHED
            or text in ("us", "me", "up")
        ):
            break
        start -= 1
        many = many or text in MANY
        if text in ("a", "an", "another"):
            break
    return start, many


def _is_governed(items: Sequence[_Item], start: int, *, is_own: bool) -> bool:
    """Whether a verb of making rules the phrase that begins at `start`: "please create for us a …"."""
    place = start - 1
    is_definite = False
    for steps in range(8):
        if place < 0:
            return False
        item = items[place]
        if item.kind not in ("word", "mark"):
            return False
        is_would_like = item.text == "like" and place > 0 and items[place - 1].text in ("would", "we'd", "i'd")
        is_set_up = item.text == "up" and place > 0 and items[place - 1].text in ("set", "spin", "stand")
        if (item.text in MAKE and item.text != "new") or is_would_like or is_set_up:
            if is_definite and not (is_own and item.text in STRONG):
                return False
            return not _is_unwished(items, place)
        if item.text in DEFINITE:
            is_definite = steps == 0 or is_definite
        elif (
            (item.text in OUT and not (item.text == "for" and steps > 0))
            or item.text in UNWISHED
            or item.text in (",", ")", "|")
        ):
            return False
        place -= 1
    return False


def _is_unwished(items: Sequence[_Item], verb: int) -> bool:
    """Whether the verb is told, denied or asked about in its own clause."""
    for place in range(verb - 1, max(-1, verb - 9), -1):
        text = items[place].text
        if text in (",", "please", ":", "so", "but", "and") or (
            text in ("you", "we") and items[place - 1].text in ("can", "could")
        ):
            return False
        if text in UNWISHED:
            return True
        if (
            text == "to"
            and place + 1 == verb
            and place > 0
            and items[place - 1].text in ("is", "was", "used", "permission", "allowed")
        ):
            return True
    return False


def _is_joined(items: Sequence[_Item], last: int, start: int, place: int) -> bool:
    """Whether the phrase is joined to the wanted thing before it: "a bucket …, and a Redis instance"."""
    if start == 0:
        return False
    join = start - 1
    if items[join].text == "as" and join > 1 and items[join - 1].text == "well":
        join -= 2
    elif items[join].text not in JOIN:
        return False
    has_article = any(items[n].text in INDEFINITE for n in range(start, place))
    between = items[last + 1 : join]
    return has_article or (
        all(item.text not in OUT and item.kind in ("word", "mark") for item in between[:6]) and len(between) < 7
    )


def _is_called_for(items: Sequence[_Item], start: int, place: int, sentence: str, *, is_title: bool) -> bool:
    """Wishes without a verb before them: "Redis needed", "New S3 bucket", titles as "S3 bucket for x"."""
    if start > 0 and items[start - 1].text not in (":", "please", "request", ")", "also"):
        return False
    after = [item.text for item in items[place + 1 : place + 9]]
    words = [item.text for item in items[start:place]]
    if any(word in ("needed", "required", "requested", "wanted") for word in after[:7]) and not set(after) & UNWISHED:
        return True
    if (after[:1] and after[0] in ("request", *THANKS)) or (after and (after[-1] in THANKS or THANKS[1] in after)):
        return True
    if set(words) & {"new", "additional", "another"} or (
        start > 0 and items[start - 1].text in ("please", "also", "request")
    ):
        return True
    if not is_title or TROUBLE.search(sentence):
        return False
    return not after or after[0] in (*TAIL - {"is", "are"}, ":", "`", '"', "(", ",") or "-" in after[0]


def _grants(text: str) -> bool:
    """Whether somebody other than the requester's own team is to be given access."""
    for match in GRANT.finditer(text):
        whom = match.group(1).lower()
        is_unwished = re.search(r"\b(?:not|never|no|without)\b|n't\b", clause_before(text, match.start())) is not None
        if not is_unwished and not whom.startswith(("no ", "no one", "nobody")) and whom != "no":
            return True
    return False

"""Values that stand beside a label: form fields, `Label: value` lines, tables, JSON- and YAML-like lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fulfilment.slots import TEAM, Slot
from fulfilment.words import is_denied, shown, trimmed, word_set
from tickets.ticket import FormField

_EMPTY = re.compile(
    r"(?:[-–—?_.*…/]*|tbd|tba|n/?a|none|null|nil|unknown|not sure|don't know|no idea|any|whatever|todo"
    r"|to be (?:defined|decided|confirmed)|(?:please )?(?:choose|select|fill)\b.{0,40}|<[^>]{0,60}>"
    r"|\{\{?[^}]{0,60}\}?\})",
    re.I,
)
_LEAD = word_set("which proposed with and the its it use using new aws s3 in target please a this as for")
_MARKS_BEFORE = ",;|{([-*+•.>#_`\"'!"
_NUMBERED = re.compile(r"\d{1,2}[.)]\s*$")
_PERSON = re.compile(r"[A-Z][a-z'.-]+(?: [A-Z][a-z'.-]*){1,3}")
_RULER = re.compile(r"[\s|:+=-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What one place says of a slot. `value` is None where it is not allowed: then `objection` says why.

    `is_denied`: the place says that the value is *not* wanted.
    """

    slot: str
    value: str | None
    words: str
    rule: str
    objection: str = ""
    is_denied: bool = False


def judge(slot: Slot, raw: str, rule: str, *, words: str = "") -> Iterator[Found]:
    """The findings of a value that was given for `slot`; nothing for a placeholder."""
    value = trimmed(raw)
    if _EMPTY.fullmatch(value) or _EMPTY.fullmatch(raw.strip()):
        return
    told = shown(words or raw)
    pattern = slot.spelled()
    if pattern is None:
        if slot.is_allowed(value):
            yield Found(slot.name, value, told, rule)
        else:
            yield Found(slot.name, None, told, rule, slot.objection(value))
        return
    matches = list(pattern.finditer(value[:400]))
    meanings = [slot.meaning(match.group()) for match in matches]
    if len(slot.choices) > 1 and set(slot.choices) <= set(meanings):
        return  # the form's own list of choices, left as it was
    if not matches:
        yield Found(slot.name, None, told, rule, slot.objection(value))
    for match, meaning in zip(matches, meanings, strict=True):
        denied = is_denied(value, match.start(), match.end())
        if slot.is_allowed(meaning):
            yield Found(slot.name, meaning, told, rule, is_denied=denied)
        elif not denied:
            yield Found(slot.name, None, told, rule, slot.objection(meaning))


def read_form(form: Iterable[FormField], slots: Sequence[Slot], fields: Mapping[str, str]) -> Iterator[Found]:
    """Form fields by name; `fields` maps a slot to its field's name or id, by default the slot's title."""
    for slot in slots:
        wanted = fields.get(slot.name, slot.title).strip().casefold()
        for field in form:
            if wanted in (field.name.strip().casefold(), field.id.casefold()):
                yield from judge(slot, field.value, f"form field “{shown(field.name, most=40)}”")


class LabelReader:
    """Reads labelled values of `slots` from text, line by line; each line is passed over once."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = {label: slot for slot in reversed(slots) for label in slot.labels}
        spelled = sorted(self._slots, key=len, reverse=True)
        words = "|".join(re.escape(label).replace(r"\ ", r"[ _-]?") for label in spelled)
        closing = r"[\"'*_`]{0,3}"
        self._label = re.compile(rf"(?<![\w-])({words}){closing}\s{{0,4}}(?::{closing}|=>|=|→|->|\|)", re.I)
        self._dashed = re.compile(rf"\s*[-*+•]?\s*({words}){closing}\s+(?:-|–|—|is|will be|should be)\s+(\S.*)", re.I)
        titled = "|".join(re.escape(label).replace(r"\ ", r"[ _-]?") for label in spelled if not _is_noun(label, slots))
        self._alone = re.compile(rf"[\s#*_>+•-]*(?:h\d\.\s*)?({titled}){closing}\s*[:?]?\s*{closing}\s*", re.I)
        long = "|".join(re.escape(label).replace(r"\ ", r"[ _-]") for label in spelled if " " in label)
        self._spaced = re.compile(rf"\s*[-*+•]\s*({long})\s+([^\s:=|]+)\s*", re.I)

    def read(self, text: str) -> Iterator[Found]:
        """Every labelled value in the order of the text."""
        header: list[Slot | None] = []
        waiting: Slot | None = None
        for line in text.split("\n"):
            if not line.strip():
                continue
            cells = _cells(line)
            columns = [self._slot_named(cell) for cell in cells]
            if sum(column is not None for column in columns) >= 2:
                header = columns
                continue
            if header and len(cells) == len(header):
                if not _RULER.fullmatch(line):
                    yield from _row(header, cells)
                continue
            header = []
            alone = self._alone.fullmatch(line)
            if alone is not None:
                waiting = self._slot_named(alone.group(1))
                continue
            found = list(self._line(line))
            if waiting is not None and not found:
                found = list(judge(waiting, line.strip(" -*+•"), "the line under its label"))
            waiting = None
            yield from found

    def _line(self, line: str) -> Iterator[Found]:
        labels = [match for match in self._label.finditer(line) if _opens(line, match.start())]
        if not labels:
            dashed = self._spaced.fullmatch(line[:300]) or self._dashed.fullmatch(line[:300])
            if dashed is not None:
                slot = self._slot_named(dashed.group(1))
                if slot is not None and (slot.choices or " " not in trimmed(dashed.group(2).rstrip("."))):
                    yield from judge(slot, dashed.group(2).rstrip("."), "labelled line", words=line)
            return
        ends = [match.start() for match in labels[1:]] + [len(line)]
        for match, end in zip(labels, ends, strict=True):
            slot = self._slot_named(match.group(1))
            is_closed = slot is not None and bool(slot.choices)
            raw = _one_value(line[match.end() : end], is_last=end == len(line), is_closed=is_closed)
            is_signature = match.group(1).lower() == "name" and _PERSON.fullmatch(raw)
            if slot is not None and not is_signature:
                yield from judge(slot, raw, "labelled line", words=line[match.start() : end])

    def _slot_named(self, label: str) -> Slot | None:
        plain = re.sub(r"[ _-]+", " ", trimmed(label).rstrip(":").strip().lower())
        found = self._slots.get(plain)
        if found is None:  # camelCase and the like: compare without blanks
            joined = plain.replace(" ", "")
            found = next((slot for key, slot in self._slots.items() if key.replace(" ", "") == joined), None)
        return found


def _is_noun(label: str, slots: Sequence[Slot]) -> bool:
    """Whether a label is the thing itself ("bucket"): no heading for the line below it."""
    return any(label in slot.labels and label not in (slot.name, TEAM) for slot in slots if not slot.choices) and (
        " " not in label
    )


def _opens(line: str, place: int) -> bool:
    """Whether a label at `place` opens a value: at the start, after a mark or after a small word.

    "user name: x" and "repository name: x" are labels of something else.
    """
    left = line[max(0, place - 40) : place].rstrip(" \t\"'`*_")
    if not left or left[-1] in _MARKS_BEFORE or _NUMBERED.search(left):
        return True
    return left.split()[-1].lower() in _LEAD


def _one_value(raw: str, *, is_last: bool, is_closed: bool) -> str:
    """The value before a trailing separator; in the middle of a line it also ends at `and`.

    Of a closed list everything between bars is kept: the first of several choices is no choice.
    """
    value = raw.strip().rstrip("|,;}])").strip()
    if not is_last:
        value = re.sub(r"\s+(?:and|with|,)$", "", value, flags=re.I).rstrip(",; ")
    quoted = re.match(r"([\"`'])([^\"`'\n]{1,200})\1", value)
    if quoted is not None:
        return quoted.group(2)
    value = re.split(r"\s+(?:#|//)\s|;|,\s" if is_closed else r"\s+(?:#|//)\s|\||,\s", value, maxsplit=1)[0]
    return value.rstrip(".!").strip()


def _cells(line: str) -> list[str]:
    if "|" not in line or len(line) > 2_000:
        return [line]
    return [cell.strip() for cell in re.sub(r"\|{2,}", "|", line).strip().strip("|").split("|")]


def _row(header: Sequence[Slot | None], cells: Sequence[str]) -> Iterator[Found]:
    for slot, cell in zip(header, cells, strict=True):
        if slot is not None:
            yield from judge(slot, cell, f"table column “{slot.title}”")

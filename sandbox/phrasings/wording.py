"""From a template to a ticket's summary and ADF description, the way people write: frames, typos, gaps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.phrasings import Phrasing, frames
from sandbox.phrasings.slots import PARAMETERS, SPOKEN, Slots

Adf = dict[str, Any]

CHOICE = re.compile(r"\[([^\[\]|]*\|[^\[\]]*)\]")
SLOT = re.compile(r"\{([a-z_]+)\}")
WORD = re.compile(r"(?<![{\w@/.-])[a-z]{5,}(?![}\w@/.-])")
LABELLED = re.compile(r"^[A-Z][\w ]{2,30}: \{([a-z_]+)\}$")
FENCE = "```"
GREETED = ("hi", "hello", "hey")


@dataclass(frozen=True)
class Written:
    """`parameters` are those that the text states; a contradicted one is not stated."""

    summary: str
    description: Adf
    parameters: dict[str, str]


def write(phrasing: Phrasing, slots: Slots, rng: Random) -> Written:
    template = _choose(_frame(phrasing, rng), rng)
    template = _leave_gaps(template, rng)
    summary = _choose(phrasing.summary, rng)
    if rng.random() < 0.3:
        template = _mistype(template, rng)
    if rng.random() < 0.05:
        summary = _mistype(summary, rng)
    used = set(SLOT.findall(summary + template))
    wanted = PARAMETERS.get(phrasing.request_type, ())
    stated = {SPOKEN.get(slot, slot) for slot in used} & set(wanted) - set(phrasing.contradictory)
    parameters = {slot: slots.canonical(slot) for slot in wanted if slot in stated}
    return Written(_fill(summary, slots).strip(), adf(_fill(template, slots)), parameters)


def say(deed: str, rng: Random) -> Adf:
    """A comment's body: what people say with that deed."""
    return adf(rng.choice(frames().comments[deed]))


def adf(text: str) -> Adf:
    """The ADF document of a text: blank lines part paragraphs, `- ` begins a bullet, ``` fences code."""
    blocks: list[Adf] = []
    for number, part in enumerate(text.split(FENCE)):
        if number % 2:
            blocks.append({"type": "codeBlock", "attrs": {}, "content": [_text(part.strip("\n") or " ")]})
        else:
            for chunk in re.split(r"\n\s*\n", part):
                blocks.extend(_blocks(chunk))
    return {"type": "doc", "version": 1, "content": blocks or [_paragraph([" "])]}


def _blocks(chunk: str) -> list[Adf]:
    blocks: list[Adf] = []
    lines: list[str] = []
    bullets: list[str] = []

    def close() -> None:
        if lines:
            blocks.append(_paragraph(lines))
        if bullets:
            items = [{"type": "listItem", "content": [_paragraph([bullet])]} for bullet in bullets]
            blocks.append({"type": "bulletList", "content": items})
        lines.clear()
        bullets.clear()

    for line in filter(str.strip, chunk.split("\n")):
        is_bullet = line.startswith("- ")
        if is_bullet != bool(bullets):
            close()
        (bullets if is_bullet else lines).append(line.removeprefix("- ") if is_bullet else line)
    close()
    return blocks


def _paragraph(lines: list[str]) -> Adf:
    content: list[Adf] = []
    for line in lines:
        if content:
            content.append({"type": "hardBreak"})
        content.append(_text(line))
    return {"type": "paragraph", "content": content}


def _text(text: str) -> Adf:
    return {"type": "text", "text": text}


def _frame(phrasing: Phrasing, rng: Random) -> str:
    around = frames()
    template = phrasing.description
    has_greeting = template.lower().startswith(GREETED)
    if not has_greeting and rng.random() < 0.45:
        template = f"{rng.choice(around.greetings[phrasing.set])}\n\n{template}"
    if rng.random() < 0.4:
        template = f"{template}\n\n{rng.choice(around.closings[phrasing.set])}"
    return template


def _choose(template: str, rng: Random) -> str:
    return CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), template)


def _leave_gaps(template: str, rng: Random) -> str:
    """A labelled line in twelve is left empty, as on forms."""
    lines = template.split("\n")
    for number, line in enumerate(lines):
        if LABELLED.match(line) and rng.random() < 1 / 12:
            lines[number] = line.split(":")[0] + rng.choice([":", ": ?", ": tbd"])
    return "\n".join(lines)


def _mistype(template: str, rng: Random) -> str:
    """Swaps or drops a letter in one or two words, never in a slot, a label or a code block."""
    lines = template.split("\n")
    fenced = False
    open_to: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(lines):
        fenced ^= line.startswith(FENCE)
        if not fenced and not LABELLED.match(line):
            open_to += [(number, match) for match in WORD.finditer(line)]
    if not open_to:
        return template
    number, match = rng.choice(open_to)
    word, at = match.group(), rng.randrange(1, len(match.group()) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    wrong = swapped if rng.random() < 0.6 else word[:at] + word[at + 1 :]
    lines[number] = lines[number][: match.start()] + wrong + lines[number][match.end() :]
    return "\n".join(lines)


def _fill(template: str, slots: Slots) -> str:
    return SLOT.sub(lambda match: slots.value(match.group(1)), template)

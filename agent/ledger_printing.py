"""How the ledger looks on a terminal, and as JSON documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from agent.sync_printing import console
from fulfilment.chain import REDACTED, Entry, VerifyReport
from fulfilment.verification import Anchor

SHORT: Final = 12  # letters of a request's id that are shown
_HEX: Final = frozenset("0123456789abcdef")
# What happens within another step, and is shown under it.
_WITHIN: Final = frozenset({"intent", "step", "provider", "waiting"})
_COLOURS: Final = {
    **dict.fromkeys(("closed", "answered", "verified", "applied", "approved"), "green"),
    **dict.fromkeys(("refused", "failed", "conflict", "uncertain", "wrong_fulfilment"), "red"),
    **dict.fromkeys(("needs_information", "proposed", "waiting", "redacted", "called"), "yellow"),
}


def may_be_request(words: str) -> bool:
    """Whether it may be the beginning of a request's id."""
    return len(words) >= 4 and set(words.lower()) <= _HEX


def story_document(key: str, story: Sequence[Entry]) -> dict[str, Any]:
    """`at` is Jira's time, `recorded_at` the database's."""
    entries = [
        {
            "row": entry.seq,
            "at": entry.at.isoformat(),
            "recorded_at": entry.recorded_at.isoformat(),
            "ticket": entry.ticket,
            "request": entry.request_id,
            "kind": entry.kind,
            "sentence": entry.sentence,
            "redacted": entry.sentence == REDACTED,
            "detail": dict(entry.detail),
        }
        for entry in story
    ]
    return {"ticket": story[-1].ticket if story else key, "entries": entries}


def print_story(key: str, story: Sequence[Entry]) -> None:
    """By day and request, in Jira's time."""
    out = console()
    requests = len({entry.request_id for entry in story} - {None})
    first, last = story[0].at, story[-1].at
    out.print(
        Text.assemble(
            (story[-1].ticket or key, "bold"),
            f"  {counted(len(story), 'row')}, {counted(requests, 'request')}, "
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC",
        )
    )
    for (day, request), entries in groupby(story, key=lambda entry: (entry.at.date(), entry.request_id)):
        out.print(Text(f"\n{day:%A} {day:%Y-%m-%d}" + (f"  request {request[:SHORT]}" if request else ""), "bold"))
        for line in _lines(entries, story[-1].ticket):
            out.print(line)


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _lines(entries: Iterable[Entry], ticket: str | None) -> Iterator[Text]:
    for entry in entries:
        name = str(entry.detail.get("result") or entry.kind)
        indent = "    " if entry.kind in _WITHIN else "  "
        line = Text(f"{indent}{entry.at:%H:%M:%S}  ")
        line.append(f"{name.replace('_', ' '):<{22 - len(indent)}}", style=_COLOURS.get(name, ""))
        line.append(entry.sentence)
        if entry.ticket not in (None, ticket):
            line.append(f" (then {entry.ticket})", style="dim")
        yield line


def verify_document(found: VerifyReport, anchors: Path | None) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "first": found.first,
        "whole": found.broken_at is None,
        "broken_at": found.broken_at,
        "why": found.why,
        "remark": found.remark,
        "redacted": found.redacted,
        "anchor_file": None if anchors is None else str(anchors),
        "anchored": found.anchored,
    }


def verify_sentences(found: VerifyReport, anchors: Path | None) -> Iterator[str]:
    if found.broken_at is not None:
        yield f"broken at row {found.broken_at:,}: {found.why}"
        yield "stop the agent and keep the file as it is for whoever looks into it"
        return
    hidden = f"; {counted(found.redacted, 'text')} taken out on purpose" if found.redacted else ""
    yield f"whole: {found.rows:,} rows, each following from the one before it{hidden}"
    if found.first > 1:
        yield f"it begins with row {found.first:,}: nothing is known of those before it"
    if anchors is None:
        yield "no anchor file was given: rows cut off at the end, or a record written anew, cannot be found"
    else:
        yield f"up to row {found.anchored:,} it is as it was anchored in {anchors}"
    if found.remark:
        yield found.remark


def anchor_document(made: Anchor | None, file: Path) -> dict[str, Any]:
    if made is None:
        return {"anchored": False, "file": str(file)}
    return {"anchored": True, "file": str(file), "row": made.seq, "hash": made.hash, "at": made.at}

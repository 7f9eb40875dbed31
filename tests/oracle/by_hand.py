"""Stories written in a line, so that a reader can check the oracle's figures by hand. 5 January 2026 is a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, time

from tests.oracle.oracle import MINUTE, Figures, Rules, Shop, figures_of, micros
from tests.oracle.stories import build
from tickets.ticket import Comment, FieldChange, Person, Status, StatusCategory, StatusChange

CLASSES = {
    "Open": "queue",
    "Work": "active",
    "Ask": "requester",
    "Stuck": "blocked",
    "Done": "done",
    "Closed": "done",
    "Shipped": "active",
}
RULES = Rules(CLASSES)
OFFICE = Shop("UTC", dict.fromkeys(range(5), ((time(9), time(17)),)))
ROSA, SAM, KIM = Person("rosa", "Rosa", "customer"), Person("sam", "Sam"), Person("kim", "Kim")


def on(text: str) -> datetime:
    """`5 09:30` is the 5th of January 2026; a longer text is a whole instant. Both UTC."""
    if "-" in text:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    day, clock = text.split()
    return datetime.fromisoformat(f"2026-01-{int(day):02}T{clock}").replace(tzinfo=UTC)


def figures(
    story: str | None,
    *,
    created: str = "5 09:00",
    now: str = "9 17:00",
    present: str | None = None,
    resolved: str | None = None,
    rules: Rules = RULES,
    shop: Shop = OFFICE,
    held: tuple[FieldChange, ...] = (),
    comments: tuple[Comment, ...] = (),
    stride: int = MINUTE,
) -> Figures:
    """The oracle's figures of a story. `Open, 5 10:00 Work` is the first status, then each move; None is no history."""
    changes: list[StatusChange] = []
    here = present or "Open"
    if story is not None:
        here, *moves = [part.strip() for part in story.split(",")]
        for number, move in enumerate(moves):
            at, _, name = move.rpartition(" ")
            changes.append(StatusChange(str(number), on(at), None, "", here, "", name))
            here = name
    ticket = build(
        1,
        micros(on(created)),
        Status("", present or here, StatusCategory.UNDEFINED),
        None if story is None else tuple(changes),
        reporter=ROSA,
        resolved=micros(on(resolved)) if resolved else None,
        held=held,
        comments=comments,
    )
    return figures_of(ticket, rules, shop, on(now), {"kim"}, stride=stride)


def hours(figures: Figures, *names: str) -> list[float | None]:
    found = [figures.seconds[name] for name in names]
    return [None if seconds is None else seconds / 3600 for seconds in found]


def stays(figures: Figures) -> dict[str, float]:
    """Hours by class, without the classes it never was in."""
    return {name[3:]: seconds / 3600 for name, seconds in figures.seconds.items() if name.startswith("in_") and seconds}

"""Random tickets of a world: by a seeded generator for many, by hypothesis for few that shrink."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.oracle.oracle import DAY, MINUTE, SECOND, Figures, figures_of, instant, micros
from tests.oracle.worlds import CATALOGUE, CLASSES, NAMES, PEOPLE, World, draw_world
from tickets.ticket import Comment, FieldChange, Person, Status, StatusChange, Ticket

BY_ID = {status.id: status for status in CATALOGUE}
USUAL_PATHS = (
    ("1", "3", "8"),
    ("1", "2", "3", "4", "8"),
    ("1", "3", "5", "3", "8", "9"),
    ("1", "3", "6", "7", "3", "11", "8"),
    ("1", "8"),
    ("1", "8", "3", "9"),  # straight to done, then reopened
    ("1", "3", "8", "1", "3", "8"),
    ("1", "3", "8", "3"),
    ("1", "13", "9"),
    ("1", "12", "3"),
    ("1", "3", "10", "8"),
    ("8",),
)
STRIDE = 15 * MINUTE


@dataclass(frozen=True)
class Case:
    """A ticket and the world that it is measured in."""

    ticket: Ticket
    world: World

    def expected(self, *, stride: int | None = None) -> Figures:
        """The oracle's figures: in steps of a minute where the ticket is young or its number a multiple of 10, in
        quarters of an hour otherwise. No step crosses an edge of a shift or an entry, so that loses nothing."""
        ticket, world = self.ticket, self.world
        if stride is None:
            is_young = world.now - ticket.created_at < timedelta(days=1)
            stride = MINUTE if is_young or ticket.id % 10 == 0 else STRIDE
        rules, shop = world.rules_of(ticket.project), world.shop_of(ticket.reporter)
        return figures_of(ticket, rules, shop, world.now, world.bots, stride=stride)


def story(rng: Random, world: World | None = None, number: int = 1) -> Case:
    """A random case; everything about it comes from `rng`."""
    here = draw_world(rng) if world is None else world
    return Case(_Teller(rng, here).ticket(number), here)


def stories(seed: int, size: int) -> list[Case]:
    """`size` cases of one world."""
    rng = Random(seed)
    world = draw_world(rng)
    return [story(rng, world, number) for number in range(1, size + 1)]


class _Teller:
    def __init__(self, rng: Random, world: World) -> None:
        self.rng = rng
        self.world = world
        self.now = micros(world.now)
        self.created = self.now - self._span()
        self.edges = sorted(world.shop.edges(self.created, self.now))

    def ticket(self, number: int) -> Ticket:
        rng = self.rng
        moves = self._moves()
        changes = None if rng.random() < 0.08 else self._status_changes(moves)
        present = self._present(moves)
        holders = [rng.choice(PEOPLE) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))]
        return build(
            number,
            self.created,
            present,
            changes,
            project=rng.choice(("OPS", "NET", "WEB")),
            reporter=rng.choice((*PEOPLE, None)),
            resolved=self._resolved(present, moves),
            held=self._held(holders),
            comments=tuple(self._comment(n) for n in range(rng.choice((0, 1, 1, 2, 4)))),
        )

    def _span(self) -> int:
        """How long before now the ticket was created, in microseconds; a few are created after now."""
        days = self.rng.choices((-1, 0.02, 1, 4, 10, 60), (2, 8, 25, 40, 20, 5))[0]
        return self._rounded(int(self.rng.random() * days * DAY))

    def _rounded(self, at: int) -> int:
        return at - at % self.rng.choice((MINUTE, MINUTE, SECOND, 1))

    def _at(self) -> int:
        """An instant of the story: mostly within the ticket's life, some before, some in the future."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.03:
            return self.created - rng.randrange(DAY)
        if kind < 0.07:
            return self.now + rng.randrange(DAY)
        if kind < 0.10:
            return rng.choice((self.created, self.now))
        if kind < 0.25 and self.edges:
            return rng.choice(self.edges) + rng.choice((0, 0, 0, 1, -1))
        low, high = sorted((self.created, self.now))
        return self._rounded(rng.randint(low, high))

    def _moves(self) -> list[tuple[int, tuple[str, str]]]:
        """Instants and the statuses entered; the first is the status at creation."""
        rng = self.rng
        if rng.random() < 0.6:
            whole = [(key, BY_ID[key].name) for key in rng.choice(USUAL_PATHS)]
            path = whole[: rng.randint(1, len(whole))] if rng.random() < 0.4 else whole
            path = [name if rng.random() < 0.95 else rng.choice(NAMES) for name in path]
        else:
            path = [rng.choice(NAMES) for _ in range(rng.randint(1, 7))]
        instants = sorted(self._at() for _ in path[1:])
        for n in range(1, len(instants)):
            if rng.random() < 0.06:
                instants[n] = instants[n - 1]
        return list(zip([self.created, *instants], path, strict=True))

    def _status_changes(self, moves: list[tuple[int, tuple[str, str]]]) -> tuple[StatusChange, ...]:
        rng = self.rng
        changes = []
        before = moves[0][1]
        for number, (at, after) in enumerate(moves[1:], start=1):
            if rng.random() < 0.02:
                before = rng.choice(NAMES)  # a history with a gap
            changes.append(StatusChange(str(number), instant(at), None, *before, *after))
            before = after
        if rng.random() < 0.05:  # out of order, but for equal instants
            changes.sort(key=lambda change: -micros(change.at))
        return tuple(changes)

    def _present(self, moves: list[tuple[int, tuple[str, str]]]) -> Status:
        key = moves[-1][1][0]
        is_lost = key not in BY_ID or self.rng.random() < 0.07  # the history does not lead to where the ticket is
        return self.rng.choice(CATALOGUE) if is_lost else BY_ID[key]

    def _resolved(self, present: Status, moves: list[tuple[int, tuple[str, str]]]) -> int | None:
        chance = {"done": 0.85, "unknown": 0.5}.get(CLASSES.get(present.name, "unknown"), 0.06)
        if self.rng.random() > chance:
            return None
        return moves[-1][0] if self.rng.random() < 0.6 else self._at()

    def _held(self, holders: list[Person]) -> tuple[FieldChange, ...]:
        names = [person.name if self.rng.random() < 0.85 else "" for person in holders]
        instants = sorted(self._at() for _ in names[1:])
        return hand_overs(names, instants)

    def _comment(self, number: int) -> Comment:
        author = self.rng.choice((*PEOPLE, None))
        return comment(number, self._at(), author, is_public=self.rng.random() < 0.7)


def hand_overs(names: list[str], instants: list[int]) -> tuple[FieldChange, ...]:
    """One name more than instants; empty where nobody has the ticket."""
    changes = [("assignee", *pair) for pair in pairwise(names)]
    return tuple(
        FieldChange(f"a{n}", instant(at), None, *change)
        for n, (at, change) in enumerate(zip(instants, changes, strict=True))
    )


def comment(number: int, at: int, author: Person | None, *, is_public: bool = True) -> Comment:
    return Comment(f"m{number}", author, instant(at), instant(at), author, "Hello", "", is_public)


def build(
    number: int,
    created: int,
    present: Status,
    changes: tuple[StatusChange, ...] | None,
    *,
    project: str = "OPS",
    reporter: Person | None = None,
    resolved: int | None = None,
    held: tuple[FieldChange, ...] = (),
    comments: tuple[Comment, ...] = (),
) -> Ticket:
    """A ticket whose instants are microseconds since 1970."""
    rest: dict[str, Any] = {"labels": (), "components": (), "form": (), "creator": None, "assignee": None}
    return Ticket(
        site="oracle.test",
        id=number,
        key=f"{project}-{number}",
        project=project,
        ticket_type="Task",
        request_type=None,
        summary="",
        description="",
        status=present,
        priority="Medium",
        reporter=reporter,
        created_at=instant(created),
        updated_at=instant(created),
        resolved_at=None if resolved is None else instant(resolved),
        status_changes=changes,
        field_changes=held,
        comments=comments,
        **rest,
    )


@st.composite
def small_cases(draw: st.DrawFn) -> Case:
    """Cases that shrink to few moves, whole hours and the usual rules: every draw is smallest where it is plainest."""
    world = draw_world(Random(draw(st.integers(0, 300))))
    gaps = st.one_of(st.integers(0, 72).map(lambda hours: hours * 60 * MINUTE), st.integers(0, 3 * DAY))
    moves = draw(st.lists(st.tuples(gaps, st.sampled_from(NAMES)), max_size=5))
    before = draw(st.sampled_from(NAMES))
    at = created = micros(world.now) - draw(gaps)
    changes = []
    for number, (gap, after) in enumerate(moves):
        at += gap
        changes.append(StatusChange(str(number), instant(at), None, *before, *after))
        before = after
    present = BY_ID.get(before[0]) or draw(st.sampled_from(CATALOGUE))
    resolved = draw(st.none() | gaps.map(lambda gap: created + gap))
    history = None if draw(st.integers(0, 9)) == 9 else tuple(changes)
    project = draw(st.sampled_from(("OPS", "NET")))
    return Case(build(20, created, present, history, project=project, resolved=resolved), world)

"""Every figure of a ticket by walking its life in small steps. Slow and obvious; imports nothing of the product.

Instants are whole microseconds since 1970 inside, so that sums are exact; figures are seconds. None is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tickets.ticket import StatusChange, Ticket

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLASSES = ("queue", "active", "requester", "blocked", "done", "unknown")
WAITING = ("queue", "requester", "blocked")

Shifts = Sequence[tuple[time, time]]


@dataclass(frozen=True)
class Rules:
    """`classes` says what each status means by its name; a name that it lacks is of class unknown. `renamed` has what
    statuses are called today by what histories call them: rules name a status as it is called today."""

    classes: Mapping[str, str]
    start: tuple[str, ...] = ("active", "requester", "blocked")
    finish: tuple[str, ...] = ("done",)
    renamed: Mapping[str, str] = field(default_factory=dict)

    def class_of(self, name: str) -> str:
        return self.classes.get(name, "unknown")

    def starts(self, name: str) -> bool:
        return self.renamed.get(name, name) in self.start or self.class_of(name) in self.start

    def finishes(self, name: str) -> bool:
        return self.renamed.get(name, name) in self.finish or self.class_of(name) in self.finish

    def is_over(self, name: str) -> bool:
        return self.finishes(name) or self.class_of(name) == "done"


@dataclass(frozen=True)
class Shop:
    """Opening hours: `hours` by weekday (0 is Monday), `days` what single dates have instead, in local time."""

    zone: str
    hours: Mapping[int, Shifts]
    holidays: Collection[date] = frozenset()
    days: Mapping[date, Shifts] = field(default_factory=dict)
    _near: dict[int, list[tuple[int, int]]] = field(default_factory=dict, compare=False, repr=False)

    def shifts_from(self, day: date) -> list[tuple[int, int]]:
        """The shifts that begin on a local date, as instants."""
        if day in self.holidays:
            return []
        shifts = self.days[day] if day in self.days else self.hours.get(day.weekday(), ())
        found = []
        for opens, closes in shifts:
            ends_on = day + timedelta(days=1) if closes <= opens else day
            found.append((self._instant(day, opens), self._instant(ends_on, closes)))
        return found

    def shifts_near(self, at: int) -> list[tuple[int, int]]:
        """Every shift that can hold an instant: those that begin on its UTC date or at most two days off it."""
        number = at // DAY
        if number not in self._near:
            today = EPOCH.date() + timedelta(days=number)
            around = [today + timedelta(days=days) for days in (-2, -1, 0, 1, 2)]
            self._near[number] = [shift for day in around for shift in self.shifts_from(day)]
        return self._near[number]

    def is_open(self, at: int) -> bool:
        return any(opens <= at < closes for opens, closes in self.shifts_near(at))

    def edges(self, begin: int, until: int) -> set[int]:
        """Every opening and closing from the day of `begin` to the day of `until`."""
        noons = range(begin, until + DAY, DAY)
        return {edge for at in noons for shift in self.shifts_near(at) for edge in shift}

    def _instant(self, day: date, at: time) -> int:
        return micros(datetime.combine(day, at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC))


@dataclass(frozen=True)
class Entry:
    at: int
    name: str


@dataclass(frozen=True)
class Figures:
    """`seconds` has each duration under its name, and under `business_` and its name within the shop's hours."""

    is_open: bool
    has_history: bool
    queue_is_open: bool
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: Mapping[str, float | None]
    flow_efficiency: float | None
    business_flow_efficiency: float | None
    reopenings: int | None
    hand_offs: int | None
    bounces: int | None


def figures_of(
    ticket: Ticket, rules: Rules, shop: Shop, now: datetime, bots: Collection[str] = (), *, stride: int = MINUTE
) -> Figures:
    """The figures of a ticket at `now`. `stride` is the longest step of the walk, in microseconds."""
    latest = micros(now)
    created = min(micros(ticket.created_at), latest)

    def clamped(at: datetime) -> int:
        return max(created, min(micros(at), latest))

    changes = None if ticket.status_changes is None else sorted(ticket.status_changes, key=lambda change: change.at)
    entries = None
    if changes is not None:
        first = changes[0].from_name if changes else ticket.status.name
        entries = [Entry(created, first), *(Entry(clamped(change.at), change.to_name) for change in changes)]
    resolved = clamped(ticket.resolved_at) if ticket.resolved_at else None
    is_finished = _is_finished(ticket, entries, rules)
    finished = _finished_at(entries, resolved, rules) if is_finished else None
    end = finished if is_finished else latest
    started = _started_at(entries, finished, end, rules)
    response = _first_response(ticket, bots)
    is_queueing = not is_finished and entries is not None and started is None

    timers: dict[str, tuple[int | None, int | None]] = {
        "queue": (created, latest if is_queueing else started),
        "lead": (created, finished),
        "cycle": (started, finished),
        "age": (created, None if is_finished else latest),
        "wip_age": (started, None if is_finished else latest),
        "first_response": (created, clamped(response) if response else None),
    }
    seconds = _walked(timers, created, end, entries, rules, shop, stride)
    return Figures(
        is_open=not is_finished,
        has_history=entries is not None,
        queue_is_open=is_queueing,
        requested_at=ticket.created_at,
        started_at=None if started is None else instant(started),
        finished_at=None if finished is None else instant(finished),
        seconds=seconds,
        flow_efficiency=_share(seconds["in_active"], seconds["lead"]),
        business_flow_efficiency=_share(seconds["business_in_active"], seconds["business_lead"]),
        reopenings=None if changes is None else _reopenings(changes, rules),
        hand_offs=None if changes is None else len(hand_offs(ticket)),
        bounces=None if changes is None else sum(hand_offs(ticket)),
    )


def _is_finished(ticket: Ticket, entries: list[Entry] | None, rules: Rules) -> bool:
    present = ticket.status.name
    if rules.class_of(present) == "unknown":
        return ticket.resolved_at is not None
    if not rules.is_over(present):
        return False
    return rules.finishes(present) or any(rules.finishes(entry.name) for entry in _last_run(entries, rules))


def _last_run(entries: list[Entry] | None, rules: Rules) -> list[Entry]:
    """The entries at the very end that are all over; none where the last one is not."""
    run: list[Entry] = []
    for entry in reversed(entries or []):
        if not rules.is_over(entry.name):
            break
        run.insert(0, entry)
    return run


def _finished_at(entries: list[Entry] | None, resolved: int | None, rules: Rules) -> int | None:
    for entry in _last_run(entries, rules):
        if rules.finishes(entry.name):
            return entry.at
    return resolved


def _started_at(entries: list[Entry] | None, finished: int | None, end: int | None, rules: Rules) -> int | None:
    if entries is None:
        return None
    for entry in entries:
        if rules.starts(entry.name) or rules.finishes(entry.name):
            return entry.at if end is None else min(entry.at, end)
    return finished


def _first_response(ticket: Ticket, bots: Collection[str]) -> datetime | None:
    found = []
    for comment in ticket.comments:
        author = comment.author
        if not comment.is_public or author is None or author.kind != "person" or author.id in bots:
            continue
        if ticket.reporter is None or author.id != ticket.reporter.id:
            found.append(comment.created_at)
    return min(found, default=None)


def _reopenings(changes: Sequence[StatusChange], rules: Rules) -> int:
    return sum(rules.finishes(change.from_name) and not rules.is_over(change.to_name) for change in changes)


def hand_offs(ticket: Ticket) -> list[bool]:
    """One for each hand-off: whether it went to somebody who had held the ticket before."""
    changes = sorted((c for c in ticket.field_changes if c.field == "assignee"), key=lambda change: change.at)
    held: list[str] = []
    told: list[bool] = []
    for name in [change.from_value for change in changes[:1]] + [change.to_value for change in changes]:
        if not name or (held and held[-1] == name):
            continue
        if held:
            told.append(name in held)
        held.append(name)
    return told


def _walked(
    timers: Mapping[str, tuple[int | None, int | None]],
    created: int,
    end: int | None,
    entries: list[Entry] | None,
    rules: Rules,
    shop: Shop,
    stride: int,
) -> dict[str, float | None]:
    """Steps through the ticket's life, and adds each step to everything that was running in it."""
    known = {name: (begin, until) for name, (begin, until) in timers.items() if begin is not None and until is not None}
    names = [*timers, *(f"in_{kind}" for kind in CLASSES), "wait", "active"]
    has_stays = entries is not None and end is not None
    sums = {name: 0 for name in names if name in known or (has_stays and name not in timers)}
    business = dict(sums)
    instants = {created} | {at for span in known.values() for at in span}
    if entries is not None and end is not None:
        instants |= {end} | {entry.at for entry in entries}
    for at, after in steps(instants, shop, stride):
        running = [name for name, (begin, until) in known.items() if begin <= at < until]
        if entries is not None and end is not None and at < end:
            kind = rules.class_of(_status_at(entries, at))
            running.append(f"in_{kind}")
            running.extend(["wait"] if kind in WAITING else ["active"] if kind == "active" else [])
        is_open = shop.is_open(at)
        for name in running:
            sums[name] += after - at
            business[name] += (after - at) if is_open else 0
    told = {name: sums[name] / SECOND if name in sums else None for name in names}
    return told | {f"business_{name}": business[name] / SECOND if name in sums else None for name in names}


def _status_at(entries: Sequence[Entry], at: int) -> str:
    return [entry.name for entry in entries if entry.at <= at][-1]


def steps(instants: Collection[int], shop: Shop, stride: int) -> Iterator[tuple[int, int]]:
    """From the first of `instants` to the last in steps of at most `stride`; none crosses one of them or an edge of
    a shift."""
    begin, until = min(instants), max(instants)
    stops = sorted(at for at in {*instants, *shop.edges(begin, until)} if begin <= at <= until)
    at = begin
    for stop in stops:
        while at < stop:
            after = min(at + stride, stop)
            yield at, after
            at = after


def _share(active: float | None, lead: float | None) -> float | None:
    return None if active is None or not lead else active / lead


def micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def instant(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)

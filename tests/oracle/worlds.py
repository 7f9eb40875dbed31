"""What a site's tickets have in common: statuses, rules, calendars, teams and the instant of the measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from tests.oracle.oracle import DAY, Rules, Shifts, Shop, micros
from tickets.ticket import Person, Status, StatusCategory

NEW, IN_PROGRESS, DONE = StatusCategory.NEW, StatusCategory.IN_PROGRESS, StatusCategory.DONE

# Names that are no words of any trade, so that only what is told here can say what they mean.
CATALOGUE = (
    Status("1", "Letterbox", NEW),
    Status("2", "Sorting table", NEW),
    Status("3", "Workbench", IN_PROGRESS),
    Status("4", "Polishing", IN_PROGRESS),
    Status("5", "Asked the baker", IN_PROGRESS, "requester"),
    Status("6", "Miller's turn", IN_PROGRESS),
    Status("7", "Parts shelf", NEW),
    Status("8", "Handed over", DONE),
    Status("9", "Archway", DONE),
    Status("10", "Limbo", StatusCategory.UNDEFINED),
    Status("11", "Shipped", IN_PROGRESS),
    Status("12", "Parked", DONE),
    Status("13", "Stamped", NEW),
)
# What the rules say of a status by its name; it goes before the category.
TOLD = {
    "Miller's turn": "blocked",
    "Parts shelf": "blocked",
    "Parked": "queue",
    "Stamped": "done",
    "Old oven": "active",
}
# Statuses as histories name them that the site no longer has: renamed ones keep their id, deleted ones are gone.
RENAMED = (("3", "Bench"), ("8", "Delivered"), ("5", "Asked the brewer"))
DELETED = (("90", "Old shelf"), ("91", "Old oven"))
CLASSES: Mapping[str, str] = {
    "Letterbox": "queue",
    "Sorting table": "queue",
    "Workbench": "active",
    "Polishing": "active",
    "Asked the baker": "requester",
    "Handed over": "done",
    "Archway": "done",
    "Shipped": "active",
    "Bench": "active",
    "Delivered": "done",
    "Asked the brewer": "requester",
    **TOLD,
}
NAMES = (
    *((status.id, status.name) for status in CATALOGUE),
    *RENAMED,
    *DELETED,
)

TODAY = {old: next(status.name for status in CATALOGUE if status.id == key) for key, old in RENAMED}
USUAL = Rules(CLASSES, renamed=TODAY)
UNUSUAL = tuple(
    replace(USUAL, start=start or USUAL.start, finish=finish or USUAL.finish)
    for start, finish in (
        (("active",), ()),
        (("queue", "active"), ()),
        (("Polishing",), ()),
        (("Sorting table", "blocked"), ("Shipped", "done")),
        ((), ("Handed over",)),
        (("active", "requester"), ("Shipped",)),
        ((), ("Archway", "Limbo")),
        (("unknown", "active"), ("done", "blocked")),
        (("Workbench",), ("Archway", "Asked the baker")),
    )
)

CHANGEOVERS = {  # days on which the clocks change, by the zone
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "America/St_Johns": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),  # by half an hour
    "Asia/Kolkata": (),
    "Asia/Kathmandu": (),
    "UTC": (),
}
MIDNIGHT = time(0)
WEEKS: tuple[Mapping[int, Shifts], ...] = (
    dict.fromkeys(range(5), ((time(9), time(17)),)),
    dict.fromkeys(range(5), ((time(8), time(12)), (time(13), time(17, 30)))) | {5: ((time(9), time(11)),)},
    dict.fromkeys(range(5), ((time(22), time(6)),)),
    dict.fromkeys(range(7), ((time(8), time(16)), (time(22), time(2)))),
    dict.fromkeys(range(7), ((MIDNIGHT, MIDNIGHT),)),
    dict.fromkeys(range(7), ((time(1, 30), time(5, 30)),)),
    dict.fromkeys(range(7), ((time(2, 30), time(10)),)),  # opens in an hour that the clocks skip
    dict.fromkeys(range(7), ((time(18), time(2, 15)),)),  # closes in an hour that they repeat
    dict.fromkeys(range(7), ((time(1, 45), time(1, 50)), (time(2), time(2, 20)))),
    {0: ((time(8, 0, 30), time(16, 59, 59)),), 3: ((time(6), time(23, 59, 59, 999_999)),), 6: ((time(12), time(3)),)},
    {},
)
ODD_DAYS: tuple[Shifts, ...] = (
    ((time(9), time(13)),),
    ((time(10), time(11)), (time(15), time(16, 30))),
    ((time(20), time(1)),),
    ((time(14), MIDNIGHT),),
    (),
)

REQUESTER = Person("c-1", "Rosa", "customer")
STAFF = Person("p-1", "Sam")
PEOPLE = (
    REQUESTER,
    STAFF,
    Person("p-2", "Kim"),
    Person("p-3", "Ada"),
    Person("p-4", "Golden Path"),  # a bot by the configuration, a person by its account
    Person("a-1", "Automation", "app"),
)
BOTS = frozenset({"p-4"})


@dataclass(frozen=True)
class World:
    """`projects` have rules of their own, the others `rules`; a reporter in `team_of` lives by the team's shop."""

    rules: Rules
    projects: Mapping[str, Rules]
    shop: Shop
    teams: Mapping[str, Shop]
    team_of: Mapping[str, str]
    now: datetime
    bots: frozenset[str] = BOTS

    def rules_of(self, project: str) -> Rules:
        return self.projects.get(project, self.rules)

    def shop_of(self, reporter: Person | None) -> Shop:
        return self.teams[self.team_of[reporter.id]] if reporter and reporter.id in self.team_of else self.shop


def draw_world(rng: Random) -> World:
    """A site at an instant. In zones whose clocks change, that is mostly some days after they did."""
    zone = rng.choice(list(CHANGEOVERS))
    days = CHANGEOVERS[zone]
    day = rng.choice(days) if days and rng.random() < 0.8 else date(2026, 1, 1) + timedelta(rng.randrange(365))
    local = datetime.combine(day, MIDNIGHT, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    now = local + timedelta(seconds=rng.randrange(4 * 86_400), microseconds=rng.choice((0, 0, 123_457)))
    away = rng.choice(list(CHANGEOVERS))
    own = rng.random() < 0.5
    return World(
        rules=USUAL if rng.random() < 0.5 else rng.choice(UNUSUAL),
        projects={"NET": rng.choice(UNUSUAL)} if rng.random() < 0.5 else {},
        shop=_draw_shop(rng, zone, now),
        teams={"abroad": _draw_shop(rng, away, now)} if own else {},
        team_of={"p-2": "abroad", "c-1": "abroad"} if own else {},
        now=now,
    )


def _draw_shop(rng: Random, zone: str, now: datetime) -> Shop:
    """Opening hours whose shifts never overlap: the product refuses others."""
    while True:
        dates = [now.date() - timedelta(days=days) for days in range(-1, 30)]
        rng.shuffle(dates)
        closed, odd = rng.randrange(4), rng.randrange(4)
        shop = Shop(
            zone,
            rng.choice(WEEKS),
            frozenset(dates[:closed]),
            {day: rng.choice(ODD_DAYS) for day in dates[closed : closed + odd]},
        )
        if not overlaps(shop, now):
            return shop


def overlaps(shop: Shop, now: datetime) -> bool:
    """Whether two shifts overlap in the time that stories span: a changed clock alone can make them."""
    shifts = {shift for days in range(-70, 4) for shift in shop.shifts_near(micros(now) + days * DAY)}
    return any(opens < closed for (_, closed), (opens, _) in pairwise(sorted(shifts)))

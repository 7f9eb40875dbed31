"""A year of tickets, deterministic by seed and now: demand, words, a team at work, the open tickets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sandbox import openings
from sandbox.demand import DEMANDS, Arrival, arrivals, jobs, team
from sandbox.filing import Filing
from sandbox.lifecycle import Lifecycle
from sandbox.phrasings import SetName, phrasings_of
from sandbox.phrasings.slots import Slots
from sandbox.phrasings.wording import write
from sandbox.queueing import Act, Engineer, Queue
from sandbox.site import empty_world
from sandbox.worklog import logged_seconds
from sandbox.world import Account, Issue, World

YEAR = timedelta(days=365)
# Before `now` only the demo's open tickets arrive for so long.
QUIET = timedelta(hours=2, minutes=10)
# Prose tickets so young are worded by the set that no classifier was trained on.
TESTED = timedelta(days=60)
PROSE = ("PLAT", "WEB")
FEWEST = 100
LABELS = ("urgent", "q3", "from-slack", "customer", "tech-debt", "security")


@dataclass(frozen=True)
class Cast:
    """Who is who among the accounts. `asking` maps an account id to the team that it speaks for."""

    staff: tuple[str, ...]
    asking: dict[str, str]
    bot: str


def year(seed: int, now: datetime, tickets: int = 3200) -> World:
    """The world with `tickets` tickets of the year before `now`, the demo's open ones among them.

    The same seed and `now` give the same world. Raises ValueError on a naive `now` or fewer than 100 tickets.
    """
    if now.tzinfo is None:
        raise ValueError(f"{now!r} has no time zone")
    if tickets < FEWEST:
        raise ValueError(f"a year of {tickets} tickets is too thin: at least {FEWEST}")
    world = empty_world(now)
    rng = Random(seed)
    start, end = now - YEAR, now - QUIET
    on_form = {key: _offered(world, key) for key in world.projects if key not in PROSE}
    arriving = arrivals(rng, start=start, end=end, count=tickets - len(openings.OPENINGS), on_form=on_form)
    cast = cast_of(world)
    engineers = team(rng, tickets=tickets, available=len(cast.staff), start=start, end=end)
    work = jobs(arriving, engineers, start=start, end=end)
    acts = Queue(engineers, work, rng).run(now - timedelta(minutes=1))
    _tell(world, cast, arriving, engineers, acts, rng)
    return world


def _tell(
    world: World,
    cast: Cast,
    arriving: list[Arrival],
    engineers: list[Engineer],
    acts: list[list[Act]],
    rng: Random,
) -> None:
    """Files every ticket in order, then lets each live, so that ids follow the time of creation."""
    filing = Filing(world)
    filed = [_file(filing, world, cast, arrival, rng) for arrival in arriving]
    demo = openings.file(filing, world, rng)
    lifecycle = Lifecycle(world, cast.staff, cast.bot, rng, [engineer.hours for engineer in engineers])
    for issue, course in zip(filed, acts, strict=True):
        lifecycle.live(issue, course, world.now)
        issue.time_spent = logged_seconds(course)
    openings.take_up(demo, lifecycle, cast.staff[0], rng)


def cast_of(world: World) -> Cast:
    """Engineers are the members of g-ops; requesters all others but the agent, the approver and who is on call."""
    people = {id: account for id, account in world.accounts.items() if account.kind != "app"}
    staff = tuple(id for id, account in people.items() if "g-ops" in account.groups)
    not_asking = {*staff, *(openings.persona(world, name).account_id for name in ("agent", "approver", "oncall"))}
    asking = {id: team_of(account) for id, account in people.items() if id not in not_asking}
    agent = openings.persona(world, "agent").account_id
    bots = [id for id, account in world.accounts.items() if account.kind == "app" and id != agent]
    return Cast(staff, asking, bots[0])


def team_of(account: Account) -> str:
    teams = sorted(group.removeprefix("g-") for group in account.groups & {"g-payments", "g-search"})
    return teams[0] if teams else "web"


def _offered(world: World, key: str) -> set[str]:
    return {name.lower().replace(" ", "-") for name in world.projects[key].request_types.values()}


def _file(filing: Filing, world: World, cast: Cast, arrival: Arrival, rng: Random) -> Issue:
    set_name: SetName = "test" if arrival.project in PROSE and arrival.at > world.now - TESTED else "train"
    phrasing = rng.choice(phrasings_of(arrival.request_type, set_name))
    kind = DEMANDS[arrival.request_type].kind
    reporter = rng.choice(_reporters(world, cast, arrival, rng))
    slots = Slots(rng, cast.asking.get(reporter, "platform"), world.accounts[reporter].name)
    written = write(phrasing, slots, rng)
    issue = filing.file(
        project=arrival.project,
        issue_type=_issue_type(filing, arrival, rng),
        summary=written.summary,
        description=None if rng.random() < 0.01 else written.description,
        reporter=reporter,
        priority=arrival.priority,
        at=arrival.at,
    )
    issue.truth = {
        "request_type": arrival.request_type,
        "phrasing": phrasing.id,
        "set": set_name,
        "parameters": written.parameters if issue.description else {},
        "contradictory": list(phrasing.contradictory),
    }
    if rng.random() < 0.15:
        issue.labels.append(rng.choice(LABELS))
    if kind == "request":
        filing.fill_form(issue, arrival.request_type, slots, rng)
    return issue


def _reporters(world: World, cast: Cast, arrival: Arrival, rng: Random) -> list[str]:
    """Who may ask: those on whose clock the ticket arrives; half of what breaks the staff sees itself."""
    is_staff = DEMANDS[arrival.request_type].kind not in ("request", "question") and rng.random() < 0.5
    asking = [id for id in cast.asking if world.accounts[id].time_zone == arrival.zone]
    staff = [id for id in cast.staff if world.accounts[id].time_zone == arrival.zone]
    return staff if staff and is_staff else asking


def _issue_type(filing: Filing, arrival: Arrival, rng: Random) -> str:
    """What people choose in Jira; for a request in prose mostly just a task."""
    kind = DEMANDS[arrival.request_type].kind
    wanted = {"bug": "Bug", "incident": "Incident", "question": "Question", "project": "Story"}.get(kind, "")
    if kind == "request":
        wanted = "Task" if arrival.project in PROSE and rng.random() < 0.75 else "Service Request"
    return filing.nearest_type(arrival.project, wanted)

"""An installation on the sandbox whose agent is killed and started anew, and what truly happened meanwhile.

The sandbox runs here; the agents are processes of their own. What they did is known from the sandbox, and from the
ledger's database, read past the product.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, cast

import boto3
import psycopg
import requests
from botocore.config import Config
from psycopg.rows import dict_row

from agent import bootstrap, config
from agent.config import Configuration, build_policy
from agent.cycle import CycleReport, run_cycle
from fulfilment import schema
from fulfilment.clients import Workshop
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan
from sandbox.aws_calls import AwsRequest
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from tests.crash.agent import Order, Report, Side
from tests.fakes import SECRET
from tests.integration.sites import NOW, connect, install
from tests.simulation import invariants, scenarios
from tests.simulation.invariants import Books
from tests.simulation.site import SiteJira, SiteProvider
from tests.simulation.world import Effect, World
from tickets.jira_client import JiraClient
from tickets.place import Place
from tickets.store import TicketStore

ROOT = Path(__file__).parents[2]
KILLED = -9
# Longer than a lease, in lease time; and between two cycles, in ticket time.
LATER = timedelta(minutes=20)
EVERY = timedelta(minutes=6)
MOST_CYCLES = 14
STORIES = ("autonomous", "supervised", "undone")


@dataclass(frozen=True, slots=True)
class Death:
    """In which cycle, from 1, at which call of it, and on which side of that call. `at` 0: after so many seconds."""

    cycle: int
    at: int
    side: Side = "before"
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a story ended: the states of its requests, what was wrong, and what each cycle told."""

    states: tuple[str, ...]
    wrong: tuple[str, ...]
    reports: tuple[Report | None, ...]
    calls: tuple[str, ...]
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        lines = [line for report in self.reports for line in (report.outcomes if report else ("killed",))]
        return "\n".join([f"ends {', '.join(self.states)}", *lines, *self.calls, *(f"WRONG: {w}" for w in self.wrong)])


class Agents:
    """The prepared process that agents are forked from."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def work(self, order: Order) -> int:
        """The exit code; below zero the signal that it died of."""
        code = self._ask(asdict(order))["code"]
        assert code is not None, "it sleeps"
        return code

    def sleep(self, order: Order) -> int:
        """Its process id, when it has come to where it sleeps."""
        told = self._ask(asdict(replace(order, by=signal.SIGSTOP)))
        assert told["code"] is None, "it ended without sleeping"
        assert told["pid"] is not None
        return told["pid"]

    def wake(self, pid: int) -> int:
        """Goes on to the end. The exit code."""
        code = self._ask({"wake": pid})["code"]
        assert code is not None, "it sleeps again"
        return code

    def _ask(self, order: dict[str, Any]) -> dict[str, int | None]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told: dict[str, int | None] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def prepared() -> Iterator[Agents]:
    command = [sys.executable, "-m", "tests.crash.agent"]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # threads do not survive a fork
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=alone, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout and process.stdout.readline() == "ready\n"
            yield Agents(process)
        finally:
            process.kill()


@dataclass
class House:
    """One installation: its own folder and databases, on a site that all share."""

    town: Town
    story: str
    folder: Path
    database: str = ""
    effects: list[Effect] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.configuration = self._install()
        self.jira = SiteJira(self.town.running, self.town.client)
        workshop = Workshop(build_policy(self.configuration).environments)
        self.provider = SiteProvider(workshop, self.town.admin, self.jira)
        assert self.town.running.aws is not None
        self.town.running.aws.on_write = self._notice

    def _install(self) -> Configuration:
        install(self.town.running, self.folder, database=self.database)
        file = self.folder / "goldenpath.toml"
        if self.story == "supervised":
            file.write_text(file.read_text().replace('mode = "autonomous"', 'mode = "supervised"'))
        made = config.load(file)
        made.folder.mkdir(parents=True, exist_ok=True)
        (made.folder / bootstrap.SECRET_FILE).write_bytes(SECRET)
        for empty in () if self.database else self.town.empty:
            shutil.copy(empty, made.folder)
        return made

    def play(self, death: Death | None = None) -> Ended:
        """To the end: until nothing moves any more."""
        self.begin()
        reports: list[Report | None] = []
        ahead, before = timedelta(0), self._signature()
        for cycle in range(1, MOST_CYCLES + 1):
            dies = death if death and death.cycle == cycle else None
            reports.append(self._cycle(dies, ahead))
            if reports[-1] is None:
                ahead = LATER
            self._people()
            now = self._signature()
            if now == before and reports[-1] is not None and (death is None or cycle > death.cycle):
                break
            before = now
            self.town.running.state.advance(EVERY)
        return self._check(reports)

    def begin(self) -> None:
        self.jira.file()
        self.town.fail("PutBucketPolicy", 1000 if self.story == "undone" else 0)

    def _cycle(self, death: Death | None, ahead: timedelta) -> Report | None:
        """What it told; None when it was killed."""
        assert self.town.agents is not None
        code = self.town.agents.work(self._order(death, ahead))
        if code == KILLED:
            return None
        assert code == 0, f"the agent ended with {code}"
        return Report.read(self.folder / "report.json")

    def _order(self, death: Death | None, ahead: timedelta) -> Order:
        dies = {name: value for name, value in asdict(death).items() if name != "cycle"} if death else {}
        file, report = self.folder / "goldenpath.toml", self.folder / "report.json"
        return Order(str(file), str(report), ahead_seconds=ahead.total_seconds(), **dies)

    def play_asleep(self, asleep: Death) -> Ended:
        """The agent falls asleep there, in the first cycle; others finish its work; it wakes up. `calls` are those that
        were made after it woke."""
        assert self.town.agents is not None
        self.begin()
        sleeper = self.town.agents.sleep(self._order(asleep, timedelta(0)))
        reports: list[Report | None] = []
        for _ in range(3):
            self.town.running.state.advance(EVERY)
            reports.append(self._cycle(None, LATER))
        assert self.town.running.aws is not None
        self.town.running.aws.calls.clear()
        before = self._signature()
        assert self.town.agents.wake(sleeper) == 0
        ended = self._check([*reports, Report.read(self.folder / "report.json")])
        changed = () if before == self._signature() else ("it changed something when it woke",)
        return replace(ended, wrong=(*ended.wrong, *changed))

    def cycle_here(
        self, *, clock: schema.Clock | None = None, prepare: Callable[[Any], object] = lambda _: None, **times: float
    ) -> CycleReport:
        """In this process. `prepare` is given the ledger's engine; `times` are the time-outs of AWS."""
        place = self.configuration.ledger_place
        with ExitStack() as stack:
            client = stack.enter_context(bootstrap.connect(self.configuration))
            store = stack.enter_context(bootstrap.open_store(self.configuration))
            engine = schema.open_database(place, clock=clock)
            ledger = stack.enter_context(Ledger(engine, str(place)))
            prepare(engine)
            workshop = Workshop(build_policy(self.configuration).environments, **times)
            return run_cycle(bootstrap.assemble(self.configuration, client, store, ledger, workshop))

    def settle_here(self, *, every: timedelta = EVERY, cycles: int = MOST_CYCLES, **times: float) -> Ended:
        """Until nothing moves any more, past every lease."""
        before = None
        for _ in range(cycles):
            self.cycle_here(clock=lambda: datetime.now(UTC) + LATER, **times)
            now = self._signature()
            if now == before:
                break
            before = now
            self.town.running.state.advance(every)
        return self._check([])

    def _people(self) -> None:
        """One of them approves what waits for that, once."""
        if self.story == "supervised" and "approved" not in self.memory and scenarios.approve(cast(World, self)):
            self.memory["approved"] = True

    def _check(self, reports: list[Report | None]) -> Ended:
        books = Books(cast(World, self))
        wrong = [*self.wrong, *invariants.check(books)]
        with bootstrap.open_ledger(self.configuration) as ledger:
            wrong += invariants.check_ledger(ledger)
        kinds = tuple(row["kind"] for row in self.read("SELECT kind FROM ledger ORDER BY seq"))
        assert self.town.running.aws is not None
        calls = [f"{one.caller} {one.operation} {one.status}" for one in self.town.running.aws.calls]
        return Ended(books.states, tuple(wrong), tuple(reports), tuple(calls), kinds)

    def _signature(self) -> object:
        (head,) = self.read("SELECT seq FROM head") if bootstrap.has_ledger(self.configuration) else [None]
        return (head and head["seq"], tuple(self.jira.tickets.values()), self.provider.changes)

    # --- what is known of the world

    def read(self, query: str, *values: object) -> list[Any]:
        """Rows of the ledger's database."""
        place = self.configuration.ledger_place
        if isinstance(place, Place):
            options = f"-c search_path={place.schema}"
            with psycopg.connect(place.url, autocommit=True, options=options, row_factory=dict_row) as opened:
                return opened.execute(cast(Any, query.replace("?", "%s")), values).fetchall()
        file = sqlite3.connect(place, isolation_level=None)
        file.row_factory = sqlite3.Row
        try:
            return file.execute(query, values).fetchall()
        finally:
            file.close()

    def _notice(self, request: AwsRequest) -> None:
        """Before a bucket is changed by us: it was approved, and its intent stands."""
        if request.access_key == "admin":
            return
        operation = f"s3:{request.operation}"
        for row in self.read("SELECT * FROM requests WHERE plan IS NOT NULL"):
            plan = Plan.from_json(row["plan"])
            if plan.resource == request.bucket:
                self._is_in_order(row["id"], plan, operation)
                creates = operation == "s3:CreateBucket"
                self.effects.append(Effect(len(self.effects), operation, row["id"], creates))
                return
        self.wrong.append(f"nothing_without_an_approval: {operation} on {request.bucket}, which no request plans")

    def _is_in_order(self, request: str, plan: Plan, operation: str) -> None:
        approved = self.read(
            "SELECT plan_digest FROM approvals WHERE request_id = ? AND approved_at IS NOT NULL AND voided_at IS NULL",
            request,
        )
        if plan.digest not in {row["plan_digest"] for row in approved}:
            self.wrong.append(f"nothing_without_an_approval: {operation}")
        query = "SELECT id FROM intents WHERE request_id = ? AND operation = ? AND outcome IS NULL"
        if not self.read(query, request, operation):
            self.wrong.append(f"an_intent_before_each_effect: {operation}")


@dataclass(frozen=True)
class Town:
    """The sandbox that all houses of a test module stand on."""

    running: ThreadedSandbox
    client: JiraClient
    admin: Any
    agents: Agents | None
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    @cached_property
    def empty(self) -> Sequence[Path]:
        """A ledger and a ticket store without anything in them."""
        folder = self.folder / "empty"
        folder.mkdir()
        files = folder / "ledger.sqlite3", folder / "tickets.sqlite3"
        Ledger.open(files[0]).close()
        TicketStore.open(files[1]).close()
        return files

    def house(self, story: str, *, database: str = "") -> House:
        """A new one; what was filed for others is out of its sight."""
        agent = self.running.world.accounts["agent"].account_id
        for issue in list(self.running.world.issues.values()):
            self.running.state.hide(issue, agent)
        assert self.running.aws is not None
        self.running.aws.calls.clear()
        return House(self, story, self.folder / f"house-{next(self.numbers)}", database)

    def fail(self, operation: str, times: int, how: str = "AccessDenied", **more: object) -> None:
        what = {"operation": operation, "times": times, "how": how, **more}
        requests.post(f"{self.running.aws_url}/_sandbox/fail", json=what, timeout=5).raise_for_status()


@contextmanager
def town(folder: Path, *, has_agents: bool = True) -> Iterator[Town]:
    """Without `has_agents` cycles are worked here only."""
    with ExitStack() as stack:
        running = stack.enter_context(serve_in_thread(empty_world(NOW)))
        client = stack.enter_context(connect(running))
        admin = boto3.session.Session().client(
            "s3",
            region_name="eu-central-1",
            endpoint_url=running.aws_url,
            aws_access_key_id="admin",
            aws_secret_access_key="admin",
            config=Config(s3={"addressing_style": "path"}),
        )
        agents = stack.enter_context(prepared()) if has_agents else None
        yield Town(running, client, admin, agents, folder)

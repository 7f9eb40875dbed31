"""What the engine itself costs: buckets asked for on a form, planned, made, read back, answered and closed by the real
engine with the real handler on a real ledger. Jira and AWS are dictionaries, and the time spent in them is not counted.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

from agent.replies import AdfReplies
from benchmarks.verdicts import Number
from fulfilment.desk import Adf
from fulfilment.engine import Engine
from fulfilment.handler import Handler
from fulfilment.handlers.s3_bucket import BucketSettings, S3Bucket
from fulfilment.ledger import Ledger
from fulfilment.plan import Step
from fulfilment.policy import Environment, HandlerPolicy, Mode, Policy, Team
from fulfilment.request import Result
from tickets.jira_records import Audience
from tickets.ticket import Classification, Comment, FormField, Person, Status, StatusCategory, Ticket

AGENT: Final = Person("agent", "Golden Path")
GIVEN: Final = Classification("s3-bucket", "given", 1.0)
OPEN, DONE = Status("1", "Open", StatusCategory.NEW), Status("3", "Done", StatusCategory.DONE)
FORM: Final = {"AWS region": "eu-west-1", "Data class": "internal", "Environment": "dev", "Owning team": "payments"}
SMALL: Final = b"x" * 512  # bytes that are appended to a file, and made durable
MOST_MILLISECONDS: Final = 10.0
SYNCS_A_ROW: Final = 5


@dataclass
class Meter:
    """Seconds spent outside, by the clock and of the processor."""

    clock: float = 0.0
    processor: float = 0.0

    @contextmanager
    def outside(self) -> Iterator[None]:
        clock, processor = perf_counter(), process_time()
        try:
            yield
        finally:
            self.clock += perf_counter() - clock
            self.processor += process_time() - processor


class Jira:
    """A desk on a dictionary. Everybody is of the team, and asks for twenty buckets."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
        self._tickets: dict[int, Ticket] = {}

    def file(self, number: int) -> Ticket:
        self._now += timedelta(seconds=1)
        dana = Person(f"dana-{number // 20}", "Dana Developer")
        values = {"Bucket name": f"payments-receipts-{number}", **FORM}
        self._tickets[number] = Ticket(
            site="bench",
            id=number,
            key=f"OPS-{number + 1}",
            project="OPS",
            ticket_type="Service Request",
            request_type="s3-bucket",
            summary="Please create an S3 bucket",
            description="For the receipts of the new till; thank you.",
            status=OPEN,
            priority="Medium",
            reporter=dana,
            creator=dana,
            assignee=None,
            labels=(),
            components=(),
            form=tuple(FormField(f"customfield_{n}", name, value) for n, (name, value) in enumerate(values.items())),
            created_at=self._now,
            updated_at=self._now,
            resolved_at=None,
            status_changes=(),
        )
        return self._tickets[number]

    def now(self) -> datetime:
        return self._now

    def account(self) -> Person:
        return AGENT

    def ticket(self, ticket: int | str) -> Ticket:
        with self._meter.outside():
            return self._tickets[int(ticket)]

    def groups_of(self, account_id: str) -> frozenset[str]:
        return frozenset({"g-payments"})

    def post_comment(
        self, ticket_id: int, body: Adf, *, properties: Mapping[str, Any], public: bool, only: Audience | None = None
    ) -> Comment:
        with self._meter.outside():
            found, words = self._tickets[ticket_id], str(body)
            digest = hashlib.sha256(words.encode()).hexdigest()
            comment = Comment("1", AGENT, self._now, self._now, AGENT, words, digest, public, dict(properties))
            self._tickets[ticket_id] = replace(found, comments=(*found.comments, comment))
            return comment

    def add_label(self, ticket_id: int, label: str) -> None:
        raise NotImplementedError

    def move(
        self, ticket_id: int, *, to_status: str, resolution: str, fence: Callable[[], None] = lambda: None
    ) -> None:
        fence()
        with self._meter.outside():
            self._tickets[ticket_id] = replace(self._tickets[ticket_id], status=DONE, resolved_at=self._now)


class Aws:
    """Buckets in a dictionary: what was put is what is read."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._buckets: dict[str, dict[str, Any]] = defaultdict(dict)

    def reader(self, environment: str, handler: Handler) -> Aws:
        return self

    def executor(self, environment: str, *, ticket: str, request: str, operations: Collection[str]) -> Aws:
        return self

    def read(self, service: str, method: str, *, region: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        with self._meter.outside():
            return self._buckets.get(arguments["Bucket"])

    def perform(self, step: Step) -> Mapping[str, Any]:
        with self._meter.outside():
            put = step.arguments
            born = {"TagSet": put["CreateBucketConfiguration"]["Tags"]} if step.creates else {}
            self._buckets[step.resource].update({**put, **put.get("VersioningConfiguration", {}), **born})
            return {}


def measure_engine(folder: Path, fulfilments: int) -> list[Number]:
    """In turn with as many small appends as a fulfilment has rows. The first fifth is not counted: SQLite's log grows
    until it has gone round once."""
    meter, passed, used, appends, rows = Meter(), [], [], [], 0
    descriptor = os.open(folder / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Ledger.open(folder / "engine.sqlite3") as ledger:
        desk = Jira(meter)
        engine = _engine(ledger, desk, Aws(meter))
        for number in range(fulfilments):
            ticket = desk.file(number)
            outside, clock, processor = replace(meter), perf_counter(), process_time()
            outcome = engine.consider(ticket, GIVEN)
            passed.append(perf_counter() - clock - (meter.clock - outside.clock))
            used.append(process_time() - processor - (meter.processor - outside.processor))
            if outcome.result is not Result.FULFILLED:
                raise RuntimeError(f"the request that is measured was not fulfilled: {outcome}")
            rows = rows or len(ledger.story(ticket.key))
            appends += [append_durably(descriptor) for _ in range(rows)]
    os.close(descriptor)
    settled = fulfilments // 5
    wall, processor = median(passed[settled:]) * 1e3, median(used[settled:]) * 1e3
    append = median(appends[settled * rows :]) * 1e3
    most = MOST_MILLISECONDS + rows * SYNCS_A_ROW * append
    says = (
        f"the engine's own time for a bucket of {rows} rows; allowed: {MOST_MILLISECONDS:.0f} ms and a row's "
        f"{SYNCS_A_ROW} fdatasync of {append:.2f} ms"
    )
    raw = {"seconds": passed, "processor_seconds": used, "rows": rows, "fdatasync_milliseconds": append}
    return [
        Number("engine", says, wall, "ms", most, is_most=True, raw=raw),
        Number("engine-processor", "processor time of it, that of writing durably included", processor, "ms"),
    ]


def append_durably(descriptor: int) -> float:
    """Seconds that appending a few bytes to a file took, durably."""
    start = perf_counter()
    os.write(descriptor, SMALL)
    os.fdatasync(descriptor)
    return perf_counter() - start


def _engine(ledger: Ledger, desk: Jira, aws: Aws) -> Engine:
    account = "123456789012"
    team = Team(
        name="payments",
        groups=frozenset({"g-payments"}),
        principals=(f"arn:aws:iam::{account}:role/payments",),
        handlers=frozenset({"s3-bucket"}),
        environments=frozenset({"dev"}),
    )
    policy = Policy(
        site="bench",
        projects={"OPS": "Done"},
        teams={"payments": team},
        environments={"dev": Environment("dev", account, "plan", "apply", ("eu-west-1",))},
        handlers={"s3-bucket": HandlerPolicy("s3-bucket", Mode.AUTONOMOUS, frozenset({"g-approvers"}))},
    )
    return Engine(
        ledger=ledger,
        desk=desk,
        replies=AdfReplies(),
        handlers={"s3-bucket": S3Bucket(BucketSettings())},
        policy=policy,
        workshop=aws,
        secret=b"s" * 32,
    )

"""The sandbox's Jira and AWS over loopback, with what the world in memory offers to people and to invariants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from agent.bootstrap import build_handlers
from agent.config import build_policy
from agent.replies import AdfReplies
from fulfilment.buckets import MARK
from fulfilment.clients import Workshop
from fulfilment.executor import Executor
from fulfilment.handler import Handler, Reader
from fulfilment.identity import PROPERTY
from sandbox.aws_buckets import find
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Account, Issue, WorldComment
from tests.fakes import ADA, DANA, MATE, OLGA, OTTO
from tests.integration.sites import NOW, connect, file_bucket, install, paragraphs
from tests.simulation.play import Kit, Played, Stage, run
from tests.simulation.points import Call
from tests.simulation.scenarios import Scenario
from tests.simulation.schedules import Schedule
from tests.simulation.tape import How, Tape
from tests.simulation.world import bench
from tickets.jira_client import JiraClient
from tickets.ticket import Classification, Comment, Person, Ticket

ACCOUNTS = {DANA: "developer", MATE: "lena-brandt", OLGA: "outsider", ADA: "approver", OTTO: "mara-lindqvist"}
FIELDS = {"Box name": "customfield_10050"}
MOVES = {"Done": "41", "In Progress": "11"}
SERIAL = count(1)


class SiteJira:
    """Only the tickets that were filed through it."""

    def __init__(self, site: ThreadedSandbox, client: JiraClient) -> None:
        self.site = site
        self.client = client
        self.issues: dict[int, Issue] = {}
        self.names: list[str] = []  # of every bucket that was ever asked for
        self._kept: dict[int, tuple[object, Ticket]] = {}
        self.now = client.now
        self.account = client.account
        self.groups_of = client.groups_of
        self.move = client.move
        self.post_comment = client.post_comment
        self.add_label = client.add_label

    def ticket(self, ticket: int | str) -> Ticket:
        return self.client.ticket(ticket)

    # --- what people do, and what invariants ask

    @property
    def clock(self) -> datetime:
        return self.site.state.now()

    @clock.setter
    def clock(self, at: datetime) -> None:
        ahead = at - self.site.state.now()
        if ahead.total_seconds() > 0:
            self.site.state.advance(ahead)

    @property
    def tickets(self) -> dict[int, Ticket]:
        return {number: self._fresh(number) for number in self.issues}

    def aside(self, act: Callable[[], object]) -> None:
        act()

    def file(self) -> Ticket:
        issue = file_bucket(self.site, self.new_name("payments-simulated"))
        self.issues[issue.id] = issue
        return self._fresh(issue.id)

    def ours(self, ticket_id: int, purpose: str | None = None) -> list[Comment]:
        found = [c for c in self._fresh(ticket_id).comments if c.author and c.author.id == self.account().id]
        return [c for c in found if purpose in (None, c.properties[PROPERTY]["purpose"])]

    def comment(self, ticket_id: int, by: Person, words: str) -> Comment:
        posted = self.site.state.comment(
            self._account(by), self.issues[ticket_id], paragraphs(words), properties={}, public=True
        )
        return next(c for c in self._fresh(ticket_id).comments if c.id == str(posted.id))

    def edit_comment(self, ticket_id: int, comment_id: str, by: Person, words: str) -> None:
        comment: WorldComment = self.site.state.find_comment(comment_id)
        self.site.state.edit_comment(self._account(by), self.issues[ticket_id], comment, paragraphs(words))

    def edit(self, ticket_id: int, by: Person, *, summary: str) -> None:
        self._edit(ticket_id, by, {"summary": summary})

    def fill(self, ticket_id: int, by: Person, name: str, value: str) -> None:
        self._edit(ticket_id, by, {FIELDS[name]: self.new_name(value)})

    def assign(self, ticket_id: int, to: Person) -> None:
        self._edit(ticket_id, to, {"assignee": {"accountId": ACCOUNTS[to]}})

    def set_status(self, ticket_id: int, by: Person, name: str) -> None:
        fields = {"resolution": {"name": "Done"}} if name == "Done" else {}
        self.site.state.move(self._account(by), self.issues[ticket_id], MOVES[name], fields)

    def new_name(self, words: str) -> str:
        self.names.append(f"{words}-{next(SERIAL)}")
        return self.names[-1]

    def _edit(self, ticket_id: int, by: Person, fields: Mapping[str, Any]) -> None:
        self.site.state.edit(self._account(by), self.issues[ticket_id], fields)

    def _account(self, person: Person) -> Account:
        return self.site.world.accounts[ACCOUNTS[person]]

    def _fresh(self, number: int) -> Ticket:
        """Read again when it changed."""
        issue = self.issues[number]
        version = (issue.updated, issue.status, len(issue.comments), len(issue.histories))
        if number not in self._kept or self._kept[number][0] != version:
            self._kept[number] = version, self.client.ticket(number)
        return self._kept[number][1]


@dataclass
class SiteProvider:
    """The buckets that the tickets of a play ask for."""

    workshop: Workshop
    admin: Any
    jira: SiteJira
    forgives: bool = False
    rivals: dict[str, str] = field(default_factory=dict)

    def reader(self, environment: str, handler: Handler) -> Reader:
        return self.workshop.reader(environment, handler)

    def executor(self, environment: str, *, ticket: str, request: str, operations: Collection[str]) -> Executor:
        return self.workshop.executor(environment, ticket=ticket, request=request, operations=operations)

    def rival(self, _: str) -> None:
        """Somebody else makes the bucket that was asked for, unless there is one."""
        for name in self._names()[:1]:
            if find(name) is None:
                self.admin.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
                self.rivals[name] = self._settings(name)

    @property
    def boxes(self) -> dict[str, dict[str, Any]]:
        """As the boxes in memory: the policy is the last thing that a bucket gets."""
        found = {}
        for name in self._names():
            if find(name) is not None:
                is_theirs = name in self.rivals
                mark = "theirs" if is_theirs else self._tags(name).get(MARK, "none")
                found[name] = {"mark": mark, "locked": find(name).policy is not None}
        return found

    @property
    def changes(self) -> object:
        return tuple(self._settings(name) for name in self._names() if find(name) is not None)

    @property
    def abused(self) -> list[str]:
        return [
            f"bucket {name} of somebody else was changed"
            for name, was in self.rivals.items()
            if was != self._settings(name)
        ]

    def _names(self) -> list[str]:
        return self.jira.names

    def _settings(self, name: str) -> str:
        bucket = find(name)
        return repr((bucket.policy, bucket.is_versioned, self._tags(name)))

    def _tags(self, name: str) -> dict[str, str]:
        from moto.s3.models import s3_backends

        bucket = find(name)
        found: dict[str, str] = s3_backends[bucket.account_id]["aws"].tagger.get_tag_dict_for_resource(bucket.arn)
        return found


@dataclass(frozen=True)
class Site:
    """A running sandbox with what all plays on it share."""

    running: ThreadedSandbox
    client: JiraClient
    workshop: Workshop
    admin: Any
    kit: Kit

    def play(self, schedule: Schedule, *, trace: bool = False) -> Played:
        """One bucket is asked for."""
        jira = SiteJira(self.running, self.client)
        provider = SiteProvider(self.workshop, self.admin, jira)
        stand = bench()
        world = stand.new_world(jira=jira, provider=provider, cut=self._cut)
        stand.install(stand.empty)
        reel = stand.reel(Tape(stand.open_ledger()), How.LIVE)
        scenario = Scenario("site", lambda world: world.jira.file())
        return run(Stage(stand, world, scenario, schedule, self.kit, reel, trace))

    def _cut(self, call: Call) -> None:
        """The next answer to such a call is lost on the wire, after it was carried out."""
        if call.step is not None:
            what = {"operation": call.step.operation, "times": 1, "how": "drop"}
            requests.post(f"{self.running.aws_url}/_sandbox/fail", json=what, timeout=5).raise_for_status()
        else:
            path = {"desk.post_comment": "comment", "desk.move": "transitions"}[call.point.name]
            self.running.state.faults.fail(f"POST issue/{{key}}/{path}", "drop-after")


@contextmanager
def serve(folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        running = stack.enter_context(serve_in_thread(empty_world(NOW)))
        policy = build_policy(install(running, folder))
        client = stack.enter_context(connect(running))
        admin = boto3.session.Session().client(
            "s3",
            region_name="eu-central-1",
            endpoint_url=running.aws_url,
            aws_access_key_id="admin",
            aws_secret_access_key="admin",
            config=Config(s3={"addressing_style": "path"}),
        )
        kit = Kit(build_handlers(policy), policy, AdfReplies(), Classification("s3-bucket", "given", 1.0))
        yield Site(running, client, Workshop(policy.environments), admin, kit)

"""What a ticket lives through in Jira's words: from acts to statuses, assignees, comments, resolution."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from sandbox.phrasings.wording import say
from sandbox.queueing import Act
from sandbox.workday import WorkingTime
from sandbox.world import History, HistoryItem, Issue, Workflow, World, WorldComment

RESOLUTIONS = {"Done": "10000", "Won't Do": "10001"}
REVIEW_SHARE = 0.8


@dataclass(frozen=True)
class Stages:
    """The statuses (ids) that a workflow has for each stage. A stage that it lacks is None.

    `put_back` are those in which work waits that was pushed aside.
    """

    working: str
    asking: str | None
    reviewing: str | None
    put_back: tuple[str, ...]
    done: str
    reopened: str


class Lifecycle:
    """Writes the course of tickets into the world.

    `staff` are the engineers' account ids, in team order; `hours` the working times of those that work.
    """

    def __init__(self, world: World, staff: Sequence[str], bot: str, rng: Random, hours: Sequence[WorkingTime]) -> None:
        self._world = world
        self._staff = staff
        self._bot = bot
        self._rng = rng
        self._hours = hours
        self._stages = {workflow.id: stages(world, workflow) for workflow in world.workflows.values()}

    def live(self, issue: Issue, acts: Sequence[Act], until: datetime) -> None:
        """Applies the acts, and what goes with them before `until`, to a ticket that was just filed."""
        for act in _with_reviews(acts, self._hours):
            self._apply(issue, act)
        first = acts[0].at if acts else until
        patience = issue.created + timedelta(days=2, seconds=self._rng.randrange(3600))
        if patience < first and self._rng.random() < 0.3:
            self.comment(issue, self._bot, patience, say("bot", self._rng))
        issue.comments.sort(key=lambda comment: comment.created)
        moments = [issue.created, *(entry.created for entry in issue.histories)]
        issue.updated = max(moments + [comment.created for comment in issue.comments])

    def comment(self, issue: Issue, author: str, at: datetime, body: dict[str, Any], *, public: bool = True) -> None:
        issue.comments.append(WorldComment(self._next_id(), author, body, at, at, author, public))
        issue.updated = max(issue.updated, at)

    def move(
        self, issue: Issue, author: str | None, at: datetime, target: str, extra: Sequence[HistoryItem] = ()
    ) -> None:
        """Walks the workflow's transitions to the status `target`; `extra` items go with the last step."""
        steps = route(self._workflow(issue), issue.status, target)
        for number, step in enumerate(steps):
            item = _item("status", issue.status, self._name(issue.status), step, self._name(step))
            issue.status = step
            last = number == len(steps) - 1
            when = at - timedelta(seconds=len(steps) - 1 - number)
            issue.histories.append(History(self._next_id(), author, when, [*extra, item] if last else [item]))
        if not steps and extra:
            issue.histories.append(History(self._next_id(), author, at, list(extra)))

    def assignment(self, issue: Issue, to: str | None) -> list[HistoryItem]:
        """The history item of a new assignee (none when nothing changes); sets it."""
        if issue.assignee == to:
            return []
        old, issue.assignee = issue.assignee, to
        return [_item("assignee", old, self._person(old), to, self._person(to))]

    def stages_of(self, issue: Issue) -> Stages:
        return self._stages[self._workflow(issue).id]

    def _apply(self, issue: Issue, act: Act | _Review) -> None:
        engineer = None if act.engineer is None else self._staff[act.engineer]
        if isinstance(act, _Review):
            target = self.stages_of(issue).reviewing
            if target is not None:
                self.move(issue, engineer, act.at, target)
            return
        deeds: dict[str, Callable[[Issue, datetime, str], None]] = {
            "start": self._start,
            "ask": self._ask,
            "hand over": self._hand_over,
            "done": self._finish,
            "answer": self._answer,
            "reopen": self._reopen,
            "expire": self._expire,
            "interrupt": self._interrupt,
            "join": self._join,
            "leave": lambda *_: None,
        }
        fallback = self._bot if act.deed == "expire" else issue.reporter
        deeds[act.deed](issue, act.at, engineer or fallback)

    def _start(self, issue: Issue, at: datetime, who: str) -> None:
        self.move(issue, who, at, self.stages_of(issue).working, self.assignment(issue, who))
        if self._rng.random() < 0.25:
            self.comment(issue, who, at + timedelta(seconds=self._rng.randint(5, 50)), say("start", self._rng))

    def _ask(self, issue: Issue, at: datetime, who: str) -> None:
        self.comment(issue, who, at - timedelta(seconds=self._rng.randint(2, 30)), say("ask", self._rng))
        target = self.stages_of(issue).asking
        if target is not None:
            self.move(issue, who, at, target)

    def _answer(self, issue: Issue, at: datetime, who: str) -> None:
        self.comment(issue, who, at, say("answer", self._rng))
        self.move(issue, who, at + timedelta(seconds=1), self.stages_of(issue).working)

    def _interrupt(self, issue: Issue, at: datetime, who: str) -> None:
        """Something urgent came in. The assignee stays; some say why."""
        if self._rng.random() < 0.4:
            self.comment(issue, who, at, say("interrupt", self._rng), public=self._rng.random() < 0.5)
        if put_back := self.stages_of(issue).put_back:
            self.move(issue, who, at, self._rng.choice(put_back))

    def _join(self, issue: Issue, at: datetime, who: str) -> None:
        self.comment(issue, who, at + timedelta(seconds=self._rng.randint(5, 50)), say("join", self._rng), public=False)

    def _hand_over(self, issue: Issue, at: datetime, who: str) -> None:
        self.comment(issue, who, at - timedelta(seconds=5), say("hand_over", self._rng), public=False)
        self.move(issue, who, at, issue.status, self.assignment(issue, None))

    def _finish(self, issue: Issue, at: datetime, who: str) -> None:
        if self._rng.random() < 0.65:
            self.comment(issue, who, at - timedelta(seconds=self._rng.randint(2, 60)), say("done", self._rng))
        self._resolve(issue, at, who, "Done")

    def _expire(self, issue: Issue, at: datetime, who: str) -> None:
        self.comment(issue, who, at, say("expire", self._rng))
        self._resolve(issue, at, who, "Won't Do")

    def _resolve(self, issue: Issue, at: datetime, who: str, resolution: str) -> None:
        item = _item("resolution", None, None, RESOLUTIONS[resolution], resolution)
        self.move(issue, who, at, self.stages_of(issue).done, [item])
        issue.resolution, issue.resolved = resolution, at

    def _reopen(self, issue: Issue, at: datetime, who: str) -> None:
        old = issue.resolution or "Done"
        item = _item("resolution", RESOLUTIONS[old], old, None, None)
        self.comment(issue, who, at - timedelta(seconds=20), say("reopen", self._rng))
        self.move(issue, who, at, self.stages_of(issue).reopened, [item])
        issue.resolution = issue.resolved = None

    def _workflow(self, issue: Issue) -> Workflow:
        return self._world.workflows[self._world.projects[issue.project].workflow]

    def _name(self, status: str) -> str:
        return self._world.statuses[status].name

    def _person(self, account_id: str | None) -> str | None:
        return None if account_id is None else self._world.accounts[account_id].name

    def _next_id(self) -> int:
        self._world.next_id += 1
        return self._world.next_id - 1


@dataclass(frozen=True)
class _Review:
    at: datetime
    engineer: int | None


def _with_reviews(acts: Sequence[Act], hours: Sequence[WorkingTime]) -> list[Act | _Review]:
    """Puts a review into the last fifth of each stretch of work that ends in done."""
    found: list[Act | _Review] = list(acts[:1])
    for before, act in pairwise(acts):
        if act.deed == "done" and before.deed == "start" and act.engineer is not None:
            of_engineer = hours[act.engineer]
            worked = of_engineer.seconds(act.at) - of_engineer.seconds(before.at)
            found.append(_Review(of_engineer.after(before.at, REVIEW_SHARE * worked), act.engineer))
        found.append(act)
    return found


def stages(world: World, workflow: Workflow) -> Stages:
    """Finds the statuses by name and category. Raises ValueError when a workflow cannot be worked through."""
    known = [world.statuses[id] for id in dict.fromkeys([workflow.initial, *(t.target for t in workflow.transitions)])]

    def named(*words: str) -> str | None:
        return next((status.id for status in known if any(word in status.name.lower() for word in words)), None)

    working = named("progress")
    done = next(
        (status.id for status in known if status.category == "done" and status.name in ("Done", "Resolved")),
        None,
    )
    reopened = next((step.target for step in workflow.transitions if done in step.sources), None)
    if working is None or done is None or reopened is None:
        raise ValueError(f"workflow {workflow.id} lacks a status for work in progress, for done or after a reopening")
    blocked = named("blocked")
    put_back = tuple(
        step.target
        for step in workflow.transitions
        if working in step.sources and step.target in (workflow.initial, blocked)
    )
    return Stages(working, named("waiting for customer", "blocked"), named("review"), put_back, done, reopened)


def route(workflow: Workflow, source: str, target: str) -> list[str]:
    """The statuses on the shortest way from `source` (left out) to `target`. ValueError without one."""
    ways: dict[str, list[str]] = {source: []}
    open_ends = deque([source])
    while open_ends and target not in ways:
        here = open_ends.popleft()
        for transition in workflow.transitions:
            if transition.target not in ways and (not transition.sources or here in transition.sources):
                ways[transition.target] = [*ways[here], transition.target]
                open_ends.append(transition.target)
    if target not in ways:
        raise ValueError(f"workflow {workflow.id} has no way from status {source} to {target}")
    return ways[target]


def _item(field: str, old: str | None, old_name: str | None, new: str | None, new_name: str | None) -> HistoryItem:
    return HistoryItem(field, field, "jira", old, old_name, new, new_name)

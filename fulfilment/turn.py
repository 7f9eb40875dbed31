"""What every arrow of a request's life works with: the parts, the words, and the rows that it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fulfilment.answers import Voice
from fulfilment.applying import QUIET, made_by
from fulfilment.chain import Note, digest
from fulfilment.desk import Adf, Desk, Reading, Replies
from fulfilment.errors import ProviderError
from fulfilment.executor import Workshop
from fulfilment.handler import Asked, Handler
from fulfilment.handler_work import DEADLINE, HandlerWork
from fulfilment.judgement import Judge
from fulfilment.ledger import Ledger
from fulfilment.modes import EffectiveMode
from fulfilment.plan import Plan
from fulfilment.policy import Policy
from fulfilment.records import RESULTS
from fulfilment.request import Outcome, Request, Result, State
from tickets.errors import AnswerUnknown
from tickets.ticket import Classification, Comment, Ticket

# (Ticket time.) So long may a request wait for the same thing before a person is called, and an effect stay
# unobservable; and so long may a provider work on one step.
PATIENCE = timedelta(hours=1)
ENDURANCE = timedelta(hours=2)


@dataclass(frozen=True)
class Turn:
    """Raises TicketsError and StaleRequest; what was recorded stays recorded."""

    ledger: Ledger
    desk: Desk
    replies: Replies
    policy: Policy
    workshop: Workshop
    judge: Judge
    voice: Voice
    mode_of: Callable[[Ticket, Classification, Handler], EffectiveMode]
    new_code: Callable[[], str]
    is_stopping: Callable[[], bool]
    patience: timedelta = PATIENCE
    endurance: timedelta = ENDURANCE
    deadline: float = DEADLINE

    # --- words in the ticket

    def say(self, request: Request, ticket: Ticket, purpose: str, body: Adf, *, about: str | None = None) -> Comment:
        """One comment of this purpose and subject; nothing is sent without the lease. One whose answer was lost may
        still be on its way: it is not sent again before that is out of the question."""
        fence = partial(self.ledger.require_lease, request)
        try:
            return self.voice.say(ticket, purpose, body, request=request.id, about=about, fence=fence)
        except AnswerUnknown:
            self.pause(request)
            raise

    def pause(self, request: Request) -> Request:
        """What was sent and not answered may still be on its way."""
        return self.ledger.postpone(request, self.desk.now() + QUIET, waiting_since=request.waiting_since)

    def say_trouble(self, request: Request, ticket: Ticket, sentence: str) -> None:
        self.say(request, ticket, "trouble", self.replies.trouble(sentence), about=request.id)

    # --- exits and waits

    def leave(self, request: Request, ticket: Ticket, to: State, *reasons: str) -> Outcome:
        """An exit, with its row; a person is called where one is needed."""
        note = Note(self.desk.now(), to.value, "; ".join(reasons), ticket_key=ticket.key)
        look_at = self.look_at(request, to) if to in _CALLS else None
        self.ledger.move(request, to, note, look_at=look_at)
        return self.outcome(request, RESULTS[to], *reasons)

    def wait(
        self,
        request: Request,
        *reasons: str,
        trouble: str = "",
        pause: timedelta = timedelta(0),
        is_meant: bool = False,
    ) -> Outcome:
        """Nothing is decided for ever: a later cycle looks again, not before `pause` has passed. Written once, however
        often it repeats; once that has gone on for too long a person is called, unless it `is_meant` to wait.
        `trouble`, the provider's own words, goes into the ledger only."""
        sentence, now = "; ".join(reasons), self.desk.now()
        told = f"{sentence} ({trouble})" if trouble else sentence
        self.record(request, "waiting", told, sentence)
        since = request.waiting_since or now
        if pause or request.waiting_since is None:
            until = now + pause if pause else request.next_check_at
            request = self.ledger.postpone(request, until, waiting_since=since)
        if not is_meant and now - since > self.patience:
            self.summon(request, f"it has waited since {since:%Y-%m-%d %H:%M} UTC: {sentence}")
        return self.outcome(request, Result.UNCERTAIN, *reasons)

    def rest(self, request: Request, *reasons: str) -> Outcome:
        """It waits for a person's yes, and for nothing else any more."""
        if request.waiting_since is not None:
            self.ledger.postpone(request, None)
        return self.outcome(request, Result.AWAITING_APPROVAL, *reasons)

    def summon(self, request: Request, sentence: str) -> None:
        """Calls a person, once for this state of the request."""
        self.ledger.summon(request, self.note("called", sentence), look_at=self.look_at(request))

    def look_at(self, request: Request, to: State | None = None) -> str:
        """What a person who is called has to look at, and the commands that work then (in `to`, where it moves), in
        sentences; of our own words only."""
        parts, state, name = [], to or request.state, request.id[:12]
        intents = self.ledger.intents(request)
        if request.plan is not None:
            plan = plan_of(request)
            parts.append(f"Look at {plan.resource} in {plan.environment} ({plan.region}).")
            parts += [f"Nobody knows whether {one.operation} was carried out." for one in intents if not one.outcome]
        parts.append(f"`goldenpath ledger show {request.ticket_key}` tells what was done.")
        goes_on, leaves = f"`goldenpath requests resume {name}`", f"`goldenpath requests abandon {name}`"
        if state in (State.CLOSED, State.RETIRING):
            parts.append(f"{goes_on} asks again, `goldenpath settle` with the call's number says that it stays.")
        elif state is State.FAILED and intents and not made_by(plan_of(request), intents):
            parts.append(f"{leaves} leaves it to you.")
        else:
            parts.append(f"{goes_on} goes on, {leaves} leaves it to you.")
        return " ".join(parts)

    # --- records

    def record(self, request: Request, kind: str, sentence: str, subject: str, *, ever: bool = False) -> datetime:
        """Writes a decision once; since when it has stood (ticket time)."""
        note = Note(
            self.desk.now(),
            kind,
            sentence,
            ticket_id=request.ticket_id,
            ticket_key=request.ticket_key,
            request_id=request.id,
            decision=digest(json.dumps([request.id, request.state.value, kind, subject])),
        )
        return self.ledger.decide(note, ever=ever)

    def note(self, kind: str, sentence: str, detail: Mapping[str, Any] | None = None) -> Note:
        return Note(self.desk.now(), kind, sentence, detail=detail or {})

    def outcome(self, request: Request, result: Result, *reasons: str) -> Outcome:
        resource = plan_of(request).resource if request.plan else None
        return Outcome(request.ticket_key, result, reasons, request.handler, resource)

    # --- what a request consists of

    def asked(self, request: Request) -> Asked | None:
        """None when its team or environment is no longer configured."""
        context, plan = request.memory, plan_of(request)
        team, environment = self.policy.teams.get(context["team"]), self.policy.environments.get(plan.environment)
        if team is None or environment is None:
            return None
        return self.judge.asked(request.ticket_key, request.id, team, environment)

    def unconfigured(self, request: Request) -> Outcome:
        team, environment = request.memory["team"], plan_of(request).environment
        return self.wait(
            request, f"team {team} or environment {environment} is no longer configured; what was begun waits for it"
        )

    def work(self, handler: Handler) -> HandlerWork:
        return HandlerWork(handler, self.deadline)

    def understood(self, request: Request) -> tuple[Reading, ...]:
        return tuple(Reading(**reading) for reading in request.memory["understood"])

    def approvers(self, handler: Handler) -> str:
        return ", ".join(sorted(self.policy.handlers[handler.name].approvers))


# Nothing goes on by itself from these, and something may be left behind.
_CALLS = frozenset({State.UNCERTAIN, State.FAILED})


def told(error: ProviderError) -> str:
    return f"{type(error).__name__} {error.code}: {error}".replace(" :", ":")


def plan_of(request: Request) -> Plan:
    if request.plan is None:
        raise ValueError(f"the request of {request.ticket_key} has no plan in state {request.state}")
    return Plan.from_json(request.plan)

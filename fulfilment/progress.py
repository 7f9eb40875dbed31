"""The arrows of a request's life, from a plan to the closed ticket. Each arrow is one transaction of the
ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fulfilment.answers import Voice
from fulfilment.applying import Applier, Ended
from fulfilment.approvals import find_approval
from fulfilment.chain import Note, digest
from fulfilment.desk import RESOLVED_AS, Adf, Desk, Reading, Replies
from fulfilment.errors import ProviderError, StaleRequest
from fulfilment.executor import Workshop
from fulfilment.handler import Asked, Handler
from fulfilment.judgement import Judge
from fulfilment.ledger import Ledger
from fulfilment.modes import EffectiveMode
from fulfilment.plan import Plan
from fulfilment.policy import Mode, Policy
from fulfilment.records import EVIDENCE
from fulfilment.request import Outcome, Request, Result, State
from fulfilment.vouching import remembered
from tickets.errors import AnswerUnknown, NoTransition, TicketsError
from tickets.ticket import Classification, Ticket

GONE = "its ticket does not exist any more, or this account may not see it"


class Voided(Exception):
    """The ticket was edited after it was planned; its request is cancelled."""


@dataclass(frozen=True)
class Progress:
    """Moves one request as far as it goes. Raises TicketsError and StaleRequest; what was recorded stays
    recorded."""

    ledger: Ledger
    desk: Desk
    replies: Replies
    policy: Policy
    workshop: Workshop
    judge: Judge
    voice: Voice
    mode_of: Callable[[Ticket, Classification, Handler], EffectiveMode]
    new_code: Callable[[], str]
    patience: timedelta

    def drive(self, request: Request, ticket: Ticket, handler: Handler) -> Outcome:
        """From PLANNED on. Raises Voided when the ticket is to be planned anew."""
        arrows: Mapping[State, Callable[[Request, Ticket, Handler], Request | Outcome]] = {
            State.PLANNED: self._propose,
            State.AWAITING_APPROVAL: self._await,
            State.APPROVED: self._begin,
            State.APPLYING: self._apply,
            State.WAITING_ON_PROVIDER: self._poll,
            State.APPLIED: self._verify,
            State.VERIFIED: self._answer,
            State.ANSWERED: self._close,
        }
        while True:
            reached = arrows[request.state](request, ticket, handler)
            if isinstance(reached, Outcome):
                return reached
            request = reached

    # --- before the first effect

    def _propose(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        stopped = self._check_unchanged(request, ticket, handler)
        if stopped is not None:
            return stopped
        mode = self._mode_of(request, ticket, handler)
        if mode.mode < Mode.SUPERVISED:
            return self._wait(request, Result.UNCERTAIN, f"{handler.name} works in mode {mode.mode.label} now")
        plan = plan_of(request)
        issued = self._note("proposal", f"a code was issued for plan {plan.digest[:12]}", {"plan": plan.digest})
        proposal = self.ledger.propose(request, plan.digest, self.new_code(), issued)
        if mode.mode is Mode.AUTONOMOUS:
            note = self._note("approved", "approved by evidence: the effective mode is autonomous")
            return self.ledger.approve(request, note, proposal, by=EVIDENCE, comment_id=None)
        if not self.policy.comment_approvals:
            return self.leave(
                request, ticket, State.HANDED_OVER, "it needs an approval, and approval by comment is off"
            )
        approvers = ", ".join(sorted(self.policy.handlers[handler.name].approvers))
        why = self._why(mode, handler)
        body = self.replies.proposal(plan, self._understood(request), proposal.code, approvers, why)
        comment = self.voice.say(ticket, "proposal", body, request=request.id, about=plan.digest)
        note = self._note("proposed", f"waits for an approval: {plan.summary}", {"plan": plan.digest})
        expires_at = comment.created_at + self.policy.approval_lifetime
        self.ledger.await_approval(request, note, proposal, comment=comment, expires_at=expires_at)
        return self._outcome(request, Result.AWAITING_APPROVAL, plan.summary, why)

    def _await(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        stopped = self._check_unchanged(request, ticket, handler)
        if stopped is not None:
            return stopped
        proposal = self.ledger.proposal(request)
        plan = plan_of(request)
        if proposal is None or proposal.expires_at is None or proposal.plan_digest != plan.digest:
            return self.leave(request, ticket, State.HANDED_OVER, "no code in force belongs to its plan")
        try:
            found = find_approval(
                ticket,
                proposal,
                account=self.desk.account(),
                approvers=self.policy.handlers[handler.name].approvers,
                groups_of=self.desk.groups_of,
                excluded=frozenset(self.ledger.context(request)["authors"]) | {request.requester},
            )
        except TicketsError as error:
            return self._wait(request, Result.UNCERTAIN, f"cannot tell who may approve: {error}")
        for comment_id, why in found.ignored:
            self._record(request, "approval_ignored", f"an approval does not count: {why}", comment_id, ever=True)
        if found.altered:
            return self.leave(request, ticket, State.HANDED_OVER, found.altered)
        approval = found.approval
        if approval is not None and self.policy.comment_approvals:
            note = self._note("approved", f"approved by {approval.by.name}", {"account": approval.by.id})
            return self.ledger.approve(request, note, proposal, by=approval.by.id, comment_id=approval.comment_id)
        if self.desk.now() > proposal.expires_at:
            sentence = f"nobody approved it within {self.policy.approval_lifetime.days} days"
            self.voice.say(ticket, "voided", self.replies.voided(sentence), request=request.id, about=plan.digest)
            return self.leave(request, ticket, State.EXPIRED, sentence)
        return self._outcome(request, Result.AWAITING_APPROVAL, plan.summary)

    def _begin(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        """Reads the ticket once more, then checks and reserves in one transaction."""
        fresh = self.desk.ticket(ticket.id)
        stopped = self._check_unchanged(request, fresh, handler)
        if stopped is not None:
            return stopped
        plan, proposal = plan_of(request), self.ledger.proposal(request)
        if proposal is None or proposal.approved_at is None or proposal.plan_digest != plan.digest:
            return self.leave(request, fresh, State.HANDED_OVER, "no approval in force belongs to its plan")
        least = Mode.AUTONOMOUS if proposal.approved_by == EVIDENCE else Mode.SUPERVISED
        mode = self._mode_of(request, fresh, handler)
        if mode.mode is Mode.SUPERVISED and least is Mode.AUTONOMOUS:
            note = self._note("unapproved", f"no longer approved by evidence: {self._why(mode, handler)}")
            return self.ledger.move(request, State.PLANNED, note)
        if self.policy.handlers[handler.name].mode < least:
            return self.leave(request, fresh, State.HANDED_OVER, f"{handler.name} may no longer act in this way")
        note = self._note("applying", f"begins: {plan.summary}", {"plan": plan.digest})
        try:
            return self.ledger.begin(request, note, reserve=f"{plan.environment}/{plan.resource}", least=least)
        except StaleRequest as error:
            return self._wait(request, Result.UNCERTAIN, str(error))

    def _check_unchanged(self, request: Request, ticket: Ticket, handler: Handler) -> Outcome | None:
        """Still open, still what was planned, still untouched by people and asked for by those who may."""
        if not ticket.is_open:
            return self.leave(request, ticket, State.CANCELLED, f"it is closed ({ticket.status.name})")
        context = self.ledger.context(request)
        replies = context["replies"]
        is_changed = self.judge.content_hash(ticket, handler, replies) != request.content_hash
        codes = self.ledger.codes(request.site, request.ticket_id)
        standing = self.judge.eligibility(ticket, handler, codes=codes, only=None if is_changed else replies)
        if not standing.is_certain:
            return self._wait(request, Result.UNCERTAIN, *standing.verdict.reasons)
        proposal = self.ledger.proposal(request)
        if is_changed and proposal is not None and proposal.comment_id is not None:
            sentence = "the ticket was changed after the plan was posted"
            body = self.replies.voided(sentence)
            self.voice.say(ticket, "voided", body, request=request.id, about=proposal.plan_digest)
        if not standing.verdict.allowed:
            return self.leave(request, ticket, State.HANDED_OVER, *standing.verdict.reasons)
        if is_changed:
            self.leave(request, ticket, State.CANCELLED, "its plan is void: the ticket was changed after it was made")
            raise Voided
        if context["team"] not in {team.name for team in standing.teams}:
            sentence = f"its authors may no longer ask for team {context['team']}"
            return self.leave(request, ticket, State.HANDED_OVER, sentence)
        return None

    def _mode_of(self, request: Request, ticket: Ticket, handler: Handler) -> EffectiveMode:
        """Once the ticket was found unchanged."""
        return self.mode_of(ticket, remembered(request, ticket, is_unchanged=True), handler)

    def _why(self, mode: EffectiveMode, handler: Handler) -> str:
        return "; ".join(mode.why) or f"{handler.name} is supervised: a person approves each plan"

    # --- effects

    def _poll(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        return self.ledger.move(request, State.APPLYING, self._note("applying", "looks again at the provider"))

    def _apply(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        plan, asked = plan_of(request), self._asked(request)
        if asked is None:
            return self._wait(request, Result.UNCERTAIN, self._unconfigured(request))
        try:
            reader = self.workshop.reader(plan.environment, handler)
            executor = self.workshop.executor(
                plan.environment, ticket=request.ticket_key, request=request.id, operations=handler.operations
            )
        except ProviderError as error:
            return self._wait(
                request, Result.UNCERTAIN, "no session at the provider can be opened", trouble=_told(error)
            )
        applier = Applier(
            self.ledger, handler, plan, asked, reader, executor, now=self.desk.now, patience=self.patience
        )
        applied = applier.apply(request)
        if applied.ended is Ended.DONE:
            note = self._note("applied", f"every step is done: {plan.summary}", {"plan": plan.digest})
            return self.ledger.move(request, State.APPLIED, note, resource=plan.resource)
        if applied.ended is Ended.LATER:
            return self._wait(request, Result.UNCERTAIN, applied.sentence, trouble=applied.trouble)
        self._say_trouble(request, ticket, applied.sentence)
        state = {
            Ended.CONFLICT: State.CONFLICT,
            Ended.UNCERTAIN: State.UNCERTAIN,
            Ended.REFUSED: State.FAILED,
        }
        if applied.trouble:
            self._record(request, "provider", applied.trouble, applied.trouble)
        return self.leave(request, ticket, state[applied.ended], applied.sentence)

    def _verify(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        plan, asked = plan_of(request), self._asked(request)
        if asked is None:
            return self._wait(request, Result.UNCERTAIN, self._unconfigured(request))
        try:
            wrong = handler.verify(plan, asked, self.workshop.reader(plan.environment, handler))
        except ProviderError as error:
            return self._wait(request, Result.UNCERTAIN, "what was made cannot be read back yet", trouble=_told(error))
        if wrong:
            self._say_trouble(request, ticket, "what was made is not as planned")
            return self.leave(request, ticket, State.FAILED, *wrong)
        return self.ledger.move(request, State.VERIFIED, self._note("verified", "read back: all is as planned"))

    def _answer(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        body = self.replies.result(plan_of(request), self._understood(request))
        comment = self.voice.say(ticket, "result", body, request=request.id, about=request.id)
        note = self._note("answered", "the answer stands in the ticket", {"comment": comment.id})
        return self.ledger.move(request, State.ANSWERED, note)

    def _close(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        plan, fresh = plan_of(request), self.desk.ticket(ticket.id)
        target = self.policy.projects.get(fresh.project)
        reason = f"done: {plan.summary}"
        try:
            if fresh.is_open and target is not None:
                self._move_ticket(fresh, target)
        except NoTransition as error:
            reason = f"{reason} A person must close the ticket: {error}"
            self.ledger.move(request, State.HANDED_OVER, self._note("handed_over", reason))
        else:
            self.ledger.move(request, State.CLOSED, self._note("closed", reason))
        return self._outcome(request, Result.FULFILLED, reason)

    def _move_ticket(self, ticket: Ticket, target: str) -> None:
        """Raises NoTransition, and AnswerUnknown when the answer was lost and the ticket does not stand there."""
        try:
            self.desk.move(ticket.id, to_status=target, resolution=RESOLVED_AS)
        except AnswerUnknown as lost:
            try:
                now = self.desk.ticket(ticket.id)
            except TicketsError:
                raise lost from None
            if now.is_open and now.status.name.casefold() != target.casefold():
                raise

    def give_up(self, request: Request) -> Outcome:
        """Its ticket is gone: nothing more is done; with an open intent a person must look what was made."""
        is_open = any(intent.outcome is None for intent in self.ledger.intents(request))
        to = State.UNCERTAIN if is_open else State.HANDED_OVER
        self.ledger.move(request, to, self._note(to.value, GONE))
        return self._outcome(request, _EXITS[to], GONE)

    # --- words and records

    def leave(self, request: Request, ticket: Ticket, to: State, *reasons: str) -> Outcome:
        """An exit, with its row."""
        note = Note(self.desk.now(), to.value, "; ".join(reasons), ticket_key=ticket.key)
        self.ledger.move(request, to, note)
        return self._outcome(request, _EXITS[to], *reasons)

    def _say_trouble(self, request: Request, ticket: Ticket, sentence: str) -> None:
        body: Adf = self.replies.trouble(sentence)
        self.voice.say(ticket, "trouble", body, request=request.id, about=request.id)

    def _wait(self, request: Request, result: Result, *reasons: str, trouble: str = "") -> Outcome:
        """Nothing is decided for ever: the next cycle looks again. Written once, however often it repeats;
        `trouble`, the provider's own words, goes into the ledger only."""
        sentence = "; ".join(reasons)
        told = f"{sentence} ({trouble})" if trouble else sentence
        self._record(request, "waiting", told, sentence)
        return self._outcome(request, result, *reasons)

    def _record(self, request: Request, kind: str, sentence: str, subject: str, *, ever: bool = False) -> None:
        note = Note(
            self.desk.now(),
            kind,
            sentence,
            ticket_id=request.ticket_id,
            ticket_key=request.ticket_key,
            request_id=request.id,
            decision=digest(json.dumps([request.id, request.state.value, kind, subject])),
        )
        self.ledger.decide(note, ever=ever)

    def _note(self, kind: str, sentence: str, detail: Mapping[str, Any] | None = None) -> Note:
        return Note(self.desk.now(), kind, sentence, detail=detail or {})

    def _outcome(self, request: Request, result: Result, *reasons: str) -> Outcome:
        resource = plan_of(request).resource if request.plan else None
        return Outcome(request.ticket_key, result, reasons, request.handler, resource)

    def _asked(self, request: Request) -> Asked | None:
        """None when its team or environment is no longer configured."""
        context, plan = self.ledger.context(request), plan_of(request)
        team, environment = self.policy.teams.get(context["team"]), self.policy.environments.get(plan.environment)
        if team is None or environment is None:
            return None
        return self.judge.asked(request.ticket_key, request.id, team, environment)

    def _unconfigured(self, request: Request) -> str:
        team, environment = self.ledger.context(request)["team"], plan_of(request).environment
        return f"team {team} or environment {environment} is no longer configured; what was begun waits for it"

    def _understood(self, request: Request) -> tuple[Reading, ...]:
        return tuple(Reading(**reading) for reading in self.ledger.context(request)["understood"])


_EXITS = {
    State.CANCELLED: Result.CANCELLED,
    State.HANDED_OVER: Result.LEFT_TO_PEOPLE,
    State.EXPIRED: Result.EXPIRED,
    State.CONFLICT: Result.CONFLICT,
    State.UNCERTAIN: Result.UNCERTAIN,
    State.FAILED: Result.FAILED,
    State.REFUSED: Result.REFUSED,
}


def _told(error: ProviderError) -> str:
    return f"{type(error).__name__} {error.code}: {error}".replace(" :", ":")


def plan_of(request: Request) -> Plan:
    if request.plan is None:
        raise ValueError(f"the request of {request.ticket_key} has no plan in state {request.state}")
    return Plan.from_json(request.plan)

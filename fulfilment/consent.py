"""From a plan to the last check before its first effect: proposed, approved, begun."""

from __future__ import annotations

from fulfilment.approvals import Finding, find_approval
from fulfilment.errors import Held, QuotaUsedUp, StaleRequest
from fulfilment.handler import Handler
from fulfilment.modes import EffectiveMode
from fulfilment.policy import Mode
from fulfilment.records import EVIDENCE, Proposal
from fulfilment.request import Outcome, Request, Result, State
from fulfilment.turn import Turn, plan_of
from fulfilment.vouching import remembered
from tickets.errors import TicketsError
from tickets.ticket import Ticket


class Voided(Exception):
    """The ticket was edited after it was planned; its request is cancelled."""


class Consent(Turn):
    """Raises Voided when the ticket is to be planned anew."""

    def propose(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        stopped = self._check_unchanged(request, ticket, handler)
        if stopped is not None:
            return stopped
        mode = self._mode_of(request, ticket, handler)
        if mode.mode < Mode.SUPERVISED:
            return self.wait(request, f"{handler.name} works in mode {mode.mode.label} now", is_meant=True)
        plan = plan_of(request)
        issued = self.note("proposal", f"a code was issued for plan {plan.digest[:12]}", {"plan": plan.digest})
        proposal = self.ledger.propose(request, plan.digest, self.new_code(), issued)
        if mode.mode is Mode.AUTONOMOUS:
            note = self.note("approved", "approved by evidence: the effective mode is autonomous")
            return self.ledger.approve(request, note, proposal, by=EVIDENCE, comment_id=None)
        if not self.policy.comment_approvals:
            return self.leave(
                request, ticket, State.HANDED_OVER, "it needs an approval, and approval by comment is off"
            )
        why = self._why(mode, handler)
        body = self.replies.proposal(plan, self.understood(request), proposal.code, self.approvers(handler), why)
        comment = self.say(request, ticket, "proposal", body, about=plan.digest)
        note = self.note("proposed", f"waits for an approval: {plan.summary}", {"plan": plan.digest})
        expires_at = comment.created_at + self.policy.approval_lifetime
        self.ledger.await_approval(request, note, proposal, comment=comment, expires_at=expires_at)
        return self.outcome(request, Result.AWAITING_APPROVAL, plan.summary, why)

    def await_approval(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        stopped = self._check_unchanged(request, ticket, handler)
        if stopped is not None:
            return stopped
        proposal = self.ledger.proposal(request)
        plan = plan_of(request)
        if proposal is None or proposal.expires_at is None or proposal.plan_digest != plan.digest:
            return self.leave(request, ticket, State.HANDED_OVER, "no code in force belongs to its plan")
        found = self.look_for_approval(request, ticket, handler, proposal)
        if isinstance(found, Outcome):
            return found
        if found.altered:
            return self.leave(request, ticket, State.HANDED_OVER, found.altered)
        approval = found.approval
        if approval is not None and self.policy.comment_approvals:
            note = self.note("approved", f"approved by {approval.by.name}", {"account": approval.by.id})
            return self.ledger.approve(request, note, proposal, by=approval.by.id, comment_id=approval.comment_id)
        if self.desk.now() > proposal.expires_at:
            sentence = f"nobody approved it within {self.policy.approval_lifetime.days} days"
            self.say(request, ticket, "voided", self.replies.voided(sentence), about=plan.digest)
            return self.leave(request, ticket, State.EXPIRED, sentence)
        return self.rest(request, plan.summary)

    def begin(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        """Reads the ticket once more, then checks and reserves in one transaction."""
        fresh = self.desk.ticket(ticket.id)
        stopped = self._check_unchanged(request, fresh, handler)
        if stopped is not None:
            return stopped
        plan, proposal = plan_of(request), self.ledger.proposal(request)
        if proposal is None or not proposal.approves(plan.digest):
            return self.leave(request, fresh, State.HANDED_OVER, "no approval in force belongs to its plan")
        least = Mode.AUTONOMOUS if proposal.approved_by == EVIDENCE else Mode.SUPERVISED
        mode = self._mode_of(request, fresh, handler)
        if mode.mode is Mode.SUPERVISED and least is Mode.AUTONOMOUS:
            note = self.note("unapproved", f"no longer approved by evidence: {self._why(mode, handler)}")
            return self.ledger.move(request, State.PLANNED, note)
        if self.policy.handlers[handler.name].mode < least:
            return self.leave(request, fresh, State.HANDED_OVER, f"{handler.name} may no longer act in this way")
        note = self.note("applying", f"begins: {plan.summary}", {"plan": plan.digest})
        try:
            return self.ledger.begin(
                request,
                note,
                reserve=f"{plan.environment}/{plan.resource}",
                least=least,
                daily_limit=self.policy.requests_per_day,
            )
        except (StaleRequest, Held) as error:
            is_meant = isinstance(error, Held | QuotaUsedUp) or self.ledger.ceiling(handler.name) is not None
            return self.wait(request, str(error), is_meant=is_meant)

    def look_for_approval(
        self, request: Request, ticket: Ticket, handler: Handler, proposal: Proposal
    ) -> Finding | Outcome:
        """What the comments say about a code; each approval that does not count is recorded."""
        try:
            found = find_approval(
                ticket,
                proposal,
                account=self.desk.account(),
                approvers=self.policy.handlers[handler.name].approvers,
                groups_of=self.desk.groups_of,
                excluded=frozenset(request.memory["authors"]) | {request.requester},
            )
        except TicketsError as error:
            return self.wait(request, f"cannot tell who may approve: {error}")
        for comment_id, why in found.ignored:
            self.record(request, "approval_ignored", f"an approval does not count: {why}", comment_id, ever=True)
        return found

    def _check_unchanged(self, request: Request, ticket: Ticket, handler: Handler) -> Outcome | None:
        """Still open, still what was planned, still untouched by people and asked for by those who may."""
        if not ticket.is_open:
            return self.leave(request, ticket, State.CANCELLED, f"it is closed ({ticket.status.name})")
        context = request.memory
        replies = context["replies"]
        is_changed = self.judge.content_hash(ticket, handler, replies) != request.content_hash
        codes = self.ledger.codes(request.site, request.ticket_id)
        standing = self.judge.eligibility(ticket, handler, codes=codes, only=None if is_changed else replies)
        if not standing.is_certain:
            return self.wait(request, *standing.verdict.reasons)
        proposal = self.ledger.proposal(request) if is_changed else None
        if proposal is not None and proposal.comment_id is not None:
            body = self.replies.voided("the ticket was changed after the plan was posted")
            self.say(request, ticket, "voided", body, about=proposal.plan_digest)
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

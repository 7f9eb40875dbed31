"""The end of what was made for a limited time: its owner is reminded, a person approves, it is taken away."""

from __future__ import annotations

from dataclasses import replace

from fulfilment.applying import Ended, made_by
from fulfilment.consent import Consent
from fulfilment.effects import Effects
from fulfilment.handler import Handler
from fulfilment.plan import Plan, Step
from fulfilment.policy import Mode
from fulfilment.request import Outcome, Request, Result, State
from tickets.ticket import Ticket


class Retirement(Consent, Effects):
    def remind_or_retire(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        """Of a closed request whose lifetime nears its end, or is over."""
        plan, ends_at = Plan.from_json(request.plan or ""), request.lifetime_ends_at
        if ends_at is None:
            raise ValueError(f"the request of {request.ticket_key} has no lifetime")
        if self.desk.now() < ends_at:
            self.say(request, ticket, "reminder", self.replies.reminder(plan, ends_at), about=ends_at.isoformat())
            sentence = f"the owner was reminded: {plan.resource} lives until {ends_at:%Y-%m-%d}"
            self.record(request, "reminded", sentence, ends_at.isoformat(), ever=True)
            self.ledger.postpone(request, ends_at)
            return self.outcome(request, Result.KEPT, sentence)
        if not self.policy.comment_approvals:
            return self.keep(request, "its lifetime is over, and approval by comment is off")
        held = self._held(handler)
        if held is not None:
            return self.wait(request, f"{held}, so {plan.resource} stays for now", is_meant=True)
        found = self._plan(request, handler, plan)
        if isinstance(found, Outcome):
            return found
        if isinstance(found, str):
            self.keep(request, f"its lifetime is over and it stays: {found}")
            return self.outcome(request, Result.KEPT, found)
        note = self.note("retiring", found.summary, {"plan": found.digest})
        return self.ledger.move(request, State.RETIRING, note, retirement=found.to_json())

    def retire(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        """Proposes the plan that takes it away, looks for a yes, and carries it out."""
        plan = Plan.from_json(request.retirement or "")
        if not self.policy.comment_approvals:
            return self.keep(request, "approval by comment is off")
        held = self._held(handler)
        if held is not None:
            return self.wait(request, f"{held}, so {plan.resource} stays for now", is_meant=True)
        proposal = self.ledger.proposal(request)
        if proposal is None or proposal.plan_digest != plan.digest:
            issued = self.note("proposal", f"a code was issued for plan {plan.digest[:12]}", {"plan": plan.digest})
            proposal = self.ledger.propose(request, plan.digest, self.new_code(), issued)
        if proposal.comment_id is None:
            body = self.replies.retirement(plan, proposal.code, self.approvers(handler))
            comment = self.say(request, ticket, "retirement", body, about=f"{plan.digest} {proposal.id}")
            lapses_at = comment.created_at + self.policy.approval_lifetime
            self.ledger.posted(request, proposal, comment=comment, expires_at=lapses_at)
            return self.outcome(request, Result.AWAITING_APPROVAL, plan.summary)
        if proposal.approved_at is None:
            found = self.look_for_approval(request, ticket, handler, proposal)
            if isinstance(found, Outcome):
                return found
            is_over = proposal.expires_at is not None and self.desk.now() > proposal.expires_at
            if found.altered or (found.approval is None and is_over):
                return self.keep(request, found.altered or "nobody approved that it is taken away")
            if found.approval is None:
                return self.rest(request, plan.summary)
            approval = found.approval
            note = self.note("approved", f"approved by {approval.by.name}", {"account": approval.by.id})
            self.ledger.approve_retirement(request, note, proposal, by=approval.by.id, comment_id=approval.comment_id)
        return self._carry_out(request, ticket, handler, plan)

    def _held(self, handler: Handler) -> str | None:
        """Why this path may take nothing away now."""
        if self.policy.handlers[handler.name].mode < Mode.SUPERVISED:
            return f"{handler.name} is configured as {self.policy.handlers[handler.name].mode.label}"
        ceiling = self.ledger.ceiling(handler.name)
        return ceiling.sentence if ceiling is not None and ceiling.mode < Mode.SUPERVISED else None

    def _carry_out(self, request: Request, ticket: Ticket, handler: Handler, plan: Plan) -> Outcome:
        """Looks first whether what was approved would still be the plan: nobody may have begun to use it since."""
        born = Plan.from_json(request.plan or "")
        left = made_by(born, self.ledger.intents(request))
        now = self._plan(request, handler, born)
        if isinstance(now, Outcome):
            return now
        if isinstance(now, str):
            return self.keep(request, now)
        approved = {step.resource: step for step in plan.steps}
        if any(approved.get(step.resource) != step for step in now.steps):
            return self.keep(request, "what would be taken away is not what was approved")
        numbered = [(number, approved[step.resource]) for number, step in left]
        applied = self.carry_out(request, handler, born, numbered, phase="retire")
        if isinstance(applied, Outcome):
            return applied
        if applied.ended in (Ended.LATER, Ended.WORKING):
            return self.later(request, applied)
        if applied.trouble:
            self.record(request, "provider", applied.trouble, applied.trouble)
        if applied.ended is not Ended.DONE:
            return self.leave(request, ticket, State.UNCERTAIN, applied.sentence)
        self.say(request, ticket, "retired", self.replies.retired(plan), about=plan.digest)
        self.ledger.move(request, State.RETIRED, self.note("retired", f"taken away: {plan.resource}"))
        return self.outcome(request, Result.RETIRED, plan.summary)

    def _plan(self, request: Request, handler: Handler, born: Plan) -> Plan | str | Outcome:
        """What takes away everything that was made, newest first; or why it stays."""
        steps: list[Step] = []
        for _, step in made_by(born, self.ledger.intents(request)):
            away = self.undo(request, handler, born, step)
            if not isinstance(away, Step):
                return away
            steps.append(away)
        return replace(
            born,
            steps=tuple(steps),
            monthly_cost=0.0,
            summary=f"Take away {born.resource} in {born.region} ({born.environment}): its time is over.",
            usage=(),
            lifetime_days=None,
        )

    def keep(self, request: Request, why: str) -> Outcome:
        """It stays, and a person is called: nobody is forgotten to be asked, and nothing is taken away."""
        note = self.note("kept", why)
        if request.state is State.RETIRING:
            self.ledger.move(request, State.CLOSED, note, look_at=self.look_at(request))
        else:
            self.ledger.summon(request, note, look_at=self.look_at(request), is_last=True)
        return self.outcome(request, Result.KEPT, why)

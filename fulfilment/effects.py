"""From the first effect to the closed ticket; and back, where a plan failed half-way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from fulfilment.applying import QUIET, Applied, Applier, Ended, is_complete, made_by
from fulfilment.chain import Note
from fulfilment.desk import RESOLVED_AS
from fulfilment.errors import HandlerError, Held, ProviderError
from fulfilment.handler import Asked, Handler
from fulfilment.plan import Plan, Step
from fulfilment.policy import Mode
from fulfilment.records import Phase
from fulfilment.request import Outcome, Request, Result, State
from fulfilment.turn import Turn, plan_of, told
from tickets.errors import AnswerUnknown, NoTransition, TicketsError
from tickets.ticket import Ticket


class Effects(Turn):
    def poll(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        return self.ledger.move(request, State.APPLYING, self.note("applying", "looks again at the provider"))

    def apply(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        plan, proposal, intents = plan_of(request), self.ledger.proposal(request), self.ledger.intents(request)
        if proposal is None or not proposal.approves(plan.digest):
            return self.leave(request, ticket, State.UNCERTAIN, "its plan is not the one that was approved")
        begun_at = min((one.created_at for one in intents), default=request.updated_at)
        taken = self._taken(ticket, since=begun_at)
        if taken is not None and not is_complete(plan, intents):
            return self._fail(request, ticket, f"{taken} while it was being made")
        applied = self.carry_out(request, handler, plan, tuple(enumerate(plan.steps)), phase="apply")
        if isinstance(applied, Outcome):
            return applied
        if applied.ended is Ended.DONE:
            note = self.note("applied", f"every step is done: {plan.summary}", {"plan": plan.digest})
            return self.ledger.move(request, State.APPLIED, note, resource=plan.resource)
        if applied.ended is Ended.UNBEGUN:
            return self.step_back(request)
        if applied.ended is Ended.WORKING:
            note = self.note(State.WAITING_ON_PROVIDER.value, applied.sentence)
            self.ledger.move(request, State.WAITING_ON_PROVIDER, note, next_check_at=self.desk.now() + applied.pause)
            return self.outcome(request, Result.WAITING_ON_PROVIDER, applied.sentence)
        if applied.ended is Ended.LATER:
            return self.later(request, applied)
        if applied.trouble:
            self.record(request, "provider", applied.trouble, applied.trouble)
        if applied.ended is Ended.UNCERTAIN:
            self.say_trouble(request, ticket, applied.sentence)
            return self.leave(request, ticket, State.UNCERTAIN, applied.sentence)
        if applied.ended is Ended.CONFLICT and not made_by(plan, self.ledger.intents(request)):
            self.say_trouble(request, ticket, applied.sentence)
            return self.leave(request, ticket, State.CONFLICT, applied.sentence)
        return self._fail(request, ticket, applied.sentence)

    def step_back(self, request: Request) -> Request:
        """A later turn finds that nothing was done: ticket, approval and mode are checked as before a first effect."""
        note = self.note("unbegun", "nothing was done yet: everything is checked again")
        return self.ledger.move(request, State.APPROVED, note)

    def verify(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        plan, asked = plan_of(request), self.asked(request)
        if asked is None:
            return self.unconfigured(request)
        try:
            wrong = self.work(handler).verify(plan, asked, self.workshop.reader(plan.environment, handler))
        except ProviderError as error:
            return self.wait(request, "what was made cannot be read back yet", trouble=told(error))
        except HandlerError as error:
            sentence = "what was made cannot be checked: the automation of this path failed"
            self.record(request, "provider", str(error), str(error))
            self.say_trouble(request, ticket, sentence)
            return self.leave(request, ticket, State.UNCERTAIN, sentence)
        if wrong:
            return self._fail(request, ticket, *wrong, said="what was made is not as planned")
        return self.ledger.move(request, State.VERIFIED, self.note("verified", "read back: all is as planned"))

    def answer(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        body = self.replies.result(plan_of(request), self.understood(request))
        comment = self.say(request, ticket, "result", body, about=request.id)
        note = self.note("answered", "the answer stands in the ticket", {"comment": comment.id})
        return self.ledger.move(request, State.ANSWERED, note)

    def close(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        plan, fresh = plan_of(request), self.desk.ticket(ticket.id)
        target = self.policy.projects.get(fresh.project)
        reason = f"done: {plan.summary}"
        try:
            if fresh.is_open and target is not None:
                self._move_ticket(request, fresh, target)
        except NoTransition as error:
            reason = f"{reason} A person must close the ticket: {error}"
            self.ledger.move(request, State.HANDED_OVER, self.note("handed_over", reason))
        else:
            self.ledger.finish(request, self.note("closed", reason), plan)
        return self.outcome(request, Result.FULFILLED, reason)

    def compensate(self, request: Request, ticket: Ticket, handler: Handler) -> Request | Outcome:
        """Takes away what a failed plan made: in reverse, only that, only where nobody uses it."""
        plan = plan_of(request)
        unclear = self._clear_up(request, ticket, handler, plan)
        if unclear is not None:
            return unclear
        intents = self.ledger.intents(request)
        made = made_by(plan, intents)
        if not made and not any(one.phase == "undo" for one in intents):
            return self.leave(request, ticket, State.COMPENSATED, f"{request.reason}; nothing of it was made")
        for index, step in made:
            away = self.undo(request, handler, plan, step)
            if isinstance(away, Outcome):
                return away
            if isinstance(away, str):
                return self._stranded(request, away)
            applied = self.carry_out(request, handler, plan, [(index, away)], phase="undo")
            if isinstance(applied, Outcome):
                return applied
            if applied.ended in (Ended.LATER, Ended.WORKING):
                return self.later(request, applied)
            if applied.ended is not Ended.DONE:
                if applied.trouble:
                    self.record(request, "provider", applied.trouble, applied.trouble)
                return self._stranded(request, applied.sentence)
        sentence = f"what had been made of {plan.resource} was taken away again"
        self.say(request, ticket, "undone", self.replies.undone(plan.resource), about=request.id)
        return self.leave(request, ticket, State.COMPENSATED, f"{request.reason}; {sentence}")

    # --- pieces

    def _clear_up(self, request: Request, ticket: Ticket, handler: Handler, plan: Plan) -> Outcome | None:
        """Finds out what became of calls that nobody knows the end of, before anything is taken away. None once all is
        known."""
        asked = self.asked(request)
        if asked is None:
            return self.unconfigured(request)
        for intent in self.ledger.intents(request):
            step = plan.steps[intent.step]
            if intent.phase != "apply" or intent.outcome is not None or not step.creates:
                continue
            if self.desk.now() - intent.created_at < QUIET:
                return self.wait(request, f"whether {step.resource} was made is not known yet", pause=QUIET)
            try:
                reader = self.workshop.reader(plan.environment, handler)
                seen = self.work(handler).observe(plan, step, asked, reader)
            except ProviderError as error:
                return self.wait(request, f"whether {step.resource} was made cannot be seen", trouble=told(error))
            except HandlerError as error:
                self.record(request, "provider", str(error), str(error))
                seen = "foreign"
            if seen not in ("ours", "absent"):
                return self.leave(request, ticket, State.UNCERTAIN, f"nobody can tell whose {step.resource} is")
            outcome, sentence = ("adopted", "found as ours") if seen == "ours" else ("not_done", "it was not made")
            note = self.note("step", f"{sentence}: {step.sentence}", {"intent": intent.id, "outcome": outcome})
            self.ledger.settle(request, intent.id, outcome, note)
        return None

    def carry_out(
        self,
        request: Request,
        handler: Handler,
        plan: Plan,
        steps: Sequence[tuple[int, Step]],
        *,
        phase: Phase,
    ) -> Applied | Outcome:
        """An Outcome where it cannot even be begun now."""
        asked = self.asked(request)
        if asked is None:
            return self.unconfigured(request)
        mode = self.policy.handlers[handler.name].mode
        if mode < Mode.SUPERVISED:
            return self.wait(request, f"{handler.name} is configured as {mode.label}; what was begun waits")
        operations = handler.operations if phase == "apply" else handler.undoes
        try:
            self.ledger.require_lease(request)
            reader = self.workshop.reader(plan.environment, handler)
            executor = self.workshop.executor(
                plan.environment, ticket=request.ticket_key, request=request.id, operations=operations
            )
        except Held as stop:
            return self.wait(request, str(stop), is_meant=True)
        except ProviderError as error:
            return self.wait(request, "no session at the provider can be opened", trouble=told(error))
        applier = Applier(
            self.ledger,
            self.work(handler),
            plan,
            asked,
            reader,
            executor,
            now=self.desk.now,
            is_stopping=self.is_stopping,
            patience=self.patience,
            endurance=self.endurance,
            phase=phase,
        )
        return applier.carry_out(request, steps)

    def later(self, request: Request, applied: Applied) -> Outcome:
        return self.wait(
            request,
            applied.sentence,
            trouble=applied.trouble,
            pause=applied.pause,
            is_meant=applied.is_meant,
        )

    def undo(self, request: Request, handler: Handler, plan: Plan, step: Step) -> Step | str | Outcome:
        """The step that takes away what this one made; why it cannot be taken away; or an Outcome where that cannot be
        told now."""
        asked: Asked | None = self.asked(request)
        if asked is None:
            return self.unconfigured(request)
        try:
            found = self.work(handler).undo(plan, step, asked, self.workshop.reader(plan.environment, handler))
        except ProviderError as error:
            return self.wait(request, f"whether {step.resource} is in use cannot be seen", trouble=told(error))
        except HandlerError as error:
            return str(error)
        return found.step or found.hindrance or f"nobody knows how to take away {step.resource}"

    def _fail(self, request: Request, ticket: Ticket, *reasons: str, said: str = "") -> Request | Outcome:
        """It failed: what was made is to be taken away; where nothing was, a person is called."""
        self.say_trouble(request, ticket, said or reasons[0])
        intents = self.ledger.intents(request)
        is_open = any(one.outcome is None for one in intents)
        if not is_open and not made_by(plan_of(request), intents):
            return self.leave(request, ticket, State.FAILED, *reasons)
        note = Note(self.desk.now(), State.FAILED.value, "; ".join(reasons), ticket_key=ticket.key)
        return self.ledger.move(request, State.FAILED, note, next_check_at=note.at)

    def _stranded(self, request: Request, hindrance: str) -> Outcome:
        """What was made stays, and a person must look at it."""
        sentence = f"{request.reason}; what was made stays: {hindrance}"
        note = Note(self.desk.now(), "not_undone", sentence, ticket_key=request.ticket_key)
        self.ledger.summon(request, note, look_at=self.look_at(request), is_last=True)
        return self.outcome(request, Result.FAILED, sentence)

    def _taken(self, ticket: Ticket, *, since: datetime) -> str | None:
        """How a person has taken it over, in words; None when nobody has. Moves count from the instant `since`."""
        if not ticket.is_open:
            return f"it was closed ({ticket.status.name})"
        ours = {self.desk.account().id} | self.policy.bots | self.policy.intake_accounts
        assignee = ticket.assignee
        if assignee is not None and assignee.id not in ours | self.policy.queue_assignees:
            return f"{assignee.name} was assigned to it"
        asking = {person.id for person in (ticket.reporter, ticket.creator) if person}
        for change in ticket.status_changes or ():
            mover = change.author
            if change.at > since and mover is not None and mover.kind != "app" and mover.id not in ours | asking:
                return f"{mover.name} moved it to {change.to_name}"
        return None

    def _move_ticket(self, request: Request, ticket: Ticket, target: str) -> None:
        """Raises NoTransition, and AnswerUnknown when the answer was lost and the ticket does not stand there."""
        fence = partial(self.ledger.require_lease, request)
        try:
            self.desk.move(ticket.id, to_status=target, resolution=RESOLVED_AS, fence=fence)
        except AnswerUnknown as lost:
            try:
                now = self.desk.ticket(ticket.id)
            except TicketsError:
                raise lost from None
            if now.is_open and now.status.name.casefold() != target.casefold():
                self.pause(request)
                raise

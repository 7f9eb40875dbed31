"""Which arrow a request takes next, from a plan to its end; each arrow is one transaction of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fulfilment.applying import is_begun, made_by
from fulfilment.handler import Handler
from fulfilment.records import RESULTS
from fulfilment.request import Outcome, Request, State
from fulfilment.retirement import Retirement
from fulfilment.turn import plan_of
from tickets.ticket import Ticket

GONE = "its ticket does not exist any more, or this account may not see it"
_HALF = frozenset({State.APPLYING, State.WAITING_ON_PROVIDER, State.FAILED})
Arrow = Callable[[Request, Ticket, Handler], Request | Outcome]


class Progress(Retirement):
    """Moves one request as far as it goes."""

    def drive(self, request: Request, ticket: Ticket, handler: Handler) -> Outcome:
        """Raises Voided when the ticket is to be planned anew."""
        arrows: Mapping[State, Arrow] = {
            State.PLANNED: self.propose,
            State.AWAITING_APPROVAL: self.await_approval,
            State.APPROVED: self.begin,
            State.APPLYING: self.apply,
            State.WAITING_ON_PROVIDER: self.poll,
            State.APPLIED: self.verify,
            State.VERIFIED: self.answer,
            State.ANSWERED: self.close,
            State.FAILED: self.compensate,
            State.CLOSED: self.remind_or_retire,
            State.RETIRING: self.retire,
        }
        if request.state is State.APPLYING and not is_begun(self.ledger.intents(request)):
            request = self.step_back(request)
        while True:
            reached = arrows[request.state](request, ticket, handler)
            if isinstance(reached, Outcome):
                return reached
            request = reached

    def give_up(self, request: Request) -> Outcome:
        """Its ticket is gone: nothing more is done; where something is half made, or may be, a person must look."""
        if request.state in (State.CLOSED, State.RETIRING):
            return self.keep(request, GONE)
        intents = self.ledger.intents(request)
        is_half = request.state in _HALF and bool(made_by(plan_of(request), intents))
        is_left = is_half or any(intent.outcome is None for intent in intents)
        to = State.UNCERTAIN if is_left else State.HANDED_OVER
        look_at = self.look_at(request) if is_left else None
        self.ledger.move(request, to, self.note(to.value, GONE), look_at=look_at)
        return self.outcome(request, RESULTS[to], GONE)

"""Which arrow a request takes next, from a plan to its end; each arrow is one transaction of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fulfilment.handler import Handler
from fulfilment.request import Outcome, Request, State
from fulfilment.retirement import Retirement
from fulfilment.turn import EXITS
from tickets.ticket import Ticket

GONE = "its ticket does not exist any more, or this account may not see it"
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
        while True:
            reached = arrows[request.state](request, ticket, handler)
            if isinstance(reached, Outcome):
                return reached
            request = reached

    def give_up(self, request: Request) -> Outcome:
        """Its ticket is gone: nothing more is done; with an open intent a person must look what was made."""
        is_open = any(intent.outcome is None for intent in self.ledger.intents(request))
        to = State.UNCERTAIN if is_open else State.HANDED_OVER
        look_at = self.look_at(request) if is_open else None
        self.ledger.move(request, to, self.note(to.value, GONE), look_at=look_at)
        return self.outcome(request, EXITS[to], GONE)

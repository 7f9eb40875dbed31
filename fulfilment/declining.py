"""Decisions not to act: written once for the same ticket, content and reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fulfilment.chain import Note, digest
from fulfilment.desk import Desk
from fulfilment.identity import content_hash
from fulfilment.judgement import Rehearsal
from fulfilment.ledger import Ledger
from fulfilment.records import RESULTS
from fulfilment.request import Outcome, Request, Result, State
from fulfilment.turn import PATIENCE
from tickets.ticket import Ticket


@dataclass(frozen=True)
class Declining:
    ledger: Ledger
    desk: Desk

    def decline(self, ticket: Ticket, result: Result, *reasons: str, found: Rehearsal | None = None) -> Outcome:
        handler = found.handler if found else None
        hashed = found.content_hash if found else content_hash(ticket, fields=ticket.form, replies=())
        subject = digest(json.dumps([ticket.id, hashed, result.value, handler, reasons]))
        told = "; ".join((*reasons, found.trouble) if found and found.trouble else reasons)
        detail = {"result": result.value, "handler": handler, "content": hashed}
        note = Note(self.desk.now(), "decision", told, ticket.id, ticket.key, detail=detail, decision=subject)
        since = self.ledger.decide(note)
        if result is Result.UNCERTAIN and note.at - since > PATIENCE:  # the same for every ticket: one call
            told = f"tickets have not been decided about since {since:%Y-%m-%d %H:%M} UTC: {reasons[0]}"
            look_at = "`goldenpath doctor` says what is wrong; `goldenpath settle` ends this call."
            self.ledger.call(f"undecided: {reasons[0]}", reason=told, look_at=look_at, at=note.at)
        return Outcome(ticket.key, result, reasons, handler)

    def standing(self, request: Request) -> Outcome:
        """Nothing new: what was decided stands."""
        is_split = request.state is State.NEEDS_INFORMATION and request.memory.get("result") == Result.SPLIT.value
        result = Result.SPLIT if is_split else RESULTS[request.state]
        return Outcome(request.ticket_key, result, (request.reason,), request.handler, request.resource)

    def settled(self, request: Request, ticket: Ticket) -> Outcome:
        """What it left behind is for people, whatever the ticket says now."""
        is_abandoned = "abandoned_by" in request.memory
        if is_abandoned or request.state is State.UNCERTAIN or not ticket.is_open:
            return self.standing(request)
        told = _SETTLED.get(request.state, "it was fulfilled already")
        return self.decline(ticket, Result.LEFT_TO_PEOPLE, f"{told} ({request.resource})")


_SETTLED = {
    State.FAILED: "it failed after everything was made, and people look at what is left",
    State.RETIRED: "it was fulfilled, and its time is over: it was taken away",
}

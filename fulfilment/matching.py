"""From MATCHED to where the judgement leads: a question, a refusal, an exit, or a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fulfilment.chain import Note, digest
from fulfilment.declining import Declining
from fulfilment.handler import Handler
from fulfilment.judgement import Rehearsal
from fulfilment.progress import Progress
from fulfilment.request import Outcome, Request, Result, State
from tickets.ticket import Ticket


@dataclass(frozen=True)
class Matching:
    progress: Progress
    declining: Declining
    handlers: Mapping[str, Handler]

    def act(self, request: Request, ticket: Ticket, found: Rehearsal) -> Request | Outcome:
        """A request that was planned, else what was done instead."""
        turn, replies = self.progress, self.progress.replies
        if found.trouble and found.result is not Result.UNCERTAIN:  # which is written once, with its trouble
            detail = {"result": found.result.value}
            note = Note(turn.desk.now(), "provider", found.trouble, ticket.id, ticket.key, request.id, detail)
            turn.ledger.note(note)
        if found.result in (Result.ASKED, Result.SPLIT):
            return self._ask(request, ticket, found)
        if found.result is Result.UNCERTAIN:
            return turn.wait(request, *found.reasons, trouble=found.trouble)
        if found.result is Result.LEFT_TO_PEOPLE:
            to = State.HANDED_OVER if ticket.is_open else State.CANCELLED
            return turn.leave(request, ticket, to, *found.reasons)
        if found.result in (Result.REFUSED, Result.CONFLICT):
            turn.say(request, ticket, "refusal", replies.refusal(found.reasons, found.instead))
            to = State.REFUSED if found.result is Result.REFUSED else State.CONFLICT
            return turn.leave(request, ticket, to, *found.reasons)
        if found.result is Result.FAILED:
            turn.say(request, ticket, "trouble", replies.trouble(found.reasons[0]), about=found.content_hash)
            return turn.leave(request, ticket, State.FAILED, *found.reasons)
        return self._plan(request, found)

    def rematch(self, request: Request, found: Rehearsal) -> Request:
        note = self.progress.note("matched", "the ticket changed: it is looked at again")
        return self.progress.ledger.move(
            request,
            State.MATCHED,
            note,
            content_hash=found.content_hash,
            classification=found.classification,
            context=memory_of(found),
        )

    def _plan(self, request: Request, found: Rehearsal) -> Request:
        if found.plan is None or found.parameters is None:
            raise ValueError(f"{found.ticket} was judged {found.result} without a plan")
        return self.progress.ledger.move(
            request,
            State.PLANNED,
            self.progress.note("planned", found.plan.summary, {"plan": found.plan.digest}),
            content_hash=found.content_hash,
            parameters=found.parameters.model_dump_json(),
            plan=found.plan.to_json(),
            classification=found.classification,
            context=memory_of(found),
        )

    def _ask(self, request: Request, ticket: Ticket, found: Rehearsal) -> Outcome:
        """One question; the same question is never asked twice."""
        turn, extraction = self.progress, found.extraction
        if found.result is Result.SPLIT:
            wishes = extraction.other_wishes if extraction else ()
            title = self.handlers[request.handler].title
            turn.say(request, ticket, "split", turn.replies.split((title, *wishes)))
        else:
            contradictions = extraction.contradictions if extraction else {}
            invalid = extraction.invalid if extraction else {}
            asked = [dict(found.missing), dict(contradictions), dict(invalid)]
            subject = digest(json.dumps(asked, sort_keys=True, default=list))
            body = turn.replies.question(found.understood, found.missing, contradictions, invalid)
            turn.say(request, ticket, "question", body, about=subject)
        note = Note(turn.desk.now(), "needs_information", "; ".join(found.reasons), ticket_key=ticket.key)
        turn.ledger.move(
            request, State.NEEDS_INFORMATION, note, content_hash=found.content_hash, context=memory_of(found)
        )
        return found.outcome


def memory_of(found: Rehearsal) -> dict[str, Any]:
    """What later turns need: whose words and which replies the request consists of, and for which team it is."""
    standing = found.eligibility
    return {
        "result": found.result.value,
        "authors": sorted(standing.authors) if standing else [],
        "replies": [reply.id for reply in standing.replies] if standing else [],
        "team": found.team,
        "understood": [asdict(reading) for reading in found.understood],
    }

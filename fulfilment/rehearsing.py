"""What becomes of a plan in the modes that change nothing: shadow records it, suggest shows it to people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fulfilment.answers import Voice
from fulfilment.declining import Declining
from fulfilment.desk import Replies
from fulfilment.judgement import Rehearsal
from fulfilment.request import Outcome, Result
from tickets.ticket import Ticket


class RehearsalExecutor(Protocol):
    def carry_out(self, ticket: Ticket, found: Rehearsal, request_id: str) -> Outcome: ...


@dataclass(frozen=True)
class ShadowExecutor:
    """Records what would be done, step by step."""

    declining: Declining

    def carry_out(self, ticket: Ticket, found: Rehearsal, request_id: str) -> Outcome:
        would = _WOULD.get(found.result, found.result.value.replace("_", " "))
        steps = () if found.plan is None else tuple(f"would: {step.sentence}" for step in found.plan.steps)
        told = f"{found.mode.label}: would be {would}"
        return self.declining.decline(ticket, Result.SHADOWED, told, *found.reasons, *steps, found=found)


@dataclass(frozen=True)
class SuggestExecutor:
    """Posts the plan for whoever takes the ticket; what is no plan is only recorded."""

    voice: Voice
    replies: Replies
    hold: Callable[[str], bool]
    shadow: ShadowExecutor

    def carry_out(self, ticket: Ticket, found: Rehearsal, request_id: str) -> Outcome:
        if found.plan is None or found.result is not Result.SUGGESTED:
            return self.shadow.carry_out(ticket, found, request_id)
        body = self.replies.suggestion(found.plan, found.understood)
        subject = found.content_hash
        is_mine = self.hold(f"suggestion {ticket.site} {ticket.id} {subject}")
        if not is_mine and self.voice.posted(ticket, "suggestion", subject) is None:
            return Outcome(ticket.key, Result.UNCERTAIN, ("a suggestion is being posted, or may be",), found.handler)
        self.voice.say(ticket, "suggestion", body, request=request_id, about=found.content_hash, public=False)
        return self.shadow.declining.decline(ticket, Result.SUGGESTED, *found.reasons, found=found)


_WOULD = {
    Result.SHADOWED: "planned",
    Result.ASKED: "asked",
    Result.SPLIT: "asked to split",
    Result.FULFILLED: "fulfilled",
}

"""Applies a plan: for each step intent, observe, act, record. After a crash it goes on where it stopped.

A creating step is only performed after its resource was seen to be absent, and the intent says so. What is
found with
our mark after an open intent that said "absent" is ours; anything else is somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fulfilment.chain import Note
from fulfilment.errors import AnswerLost, ProviderBusy, ProviderError, ProviderRefused, WrongAccount
from fulfilment.executor import Executor
from fulfilment.handler import Asked, Handler, Reader
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan, Step
from fulfilment.records import Intent
from fulfilment.request import Request

UNMARKED = "unmarked"


class Ended(StrEnum):
    """How applying ended this time."""

    DONE = "done"
    LATER = "later"
    CONFLICT = "conflict"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Applied:
    """`sentence` may stand in the ticket; `trouble` is the provider's own words, for the ledger."""

    ended: Ended
    sentence: str = ""
    trouble: str = ""


class _Stop(Exception):
    def __init__(self, applied: Applied) -> None:
        super().__init__(applied.sentence)
        self.applied = applied


@dataclass(frozen=True)
class Applier:
    """One request's plan, with a session that may read and one, opened when first needed, that may change
    things.

    `patience` is how long (ticket time) an effect may stay unobservable, or the provider too busy for it, before
    people must decide.
    """

    ledger: Ledger
    handler: Handler
    plan: Plan
    asked: Asked
    reader: Reader
    executor: Executor
    now: Callable[[], datetime]
    patience: timedelta

    def apply(self, request: Request) -> Applied:
        """Every step that is not yet recorded as done. Never raises a ProviderError."""
        try:
            for index, step in enumerate(self.plan.steps):
                self._do(request, index, step)
        except _Stop as stop:
            return stop.applied
        return Applied(Ended.DONE)

    def _do(self, request: Request, index: int, step: Step) -> None:
        past = [intent for intent in self.ledger.intents(request) if intent.step == index]
        if any(intent.outcome in ("done", "adopted") for intent in past):
            return
        refused = next((intent for intent in past if intent.outcome == "refused"), None)
        if refused is not None:
            raise _Stop(_refusal(step, "as recorded before"))
        intent = next((intent for intent in past if intent.outcome is None), None)
        if step.creates:
            self._create(request, index, step, intent)
        else:
            self._perform(request, step, intent.id if intent else self._intend(request, index, step, UNMARKED))

    def _create(self, request: Request, index: int, step: Step, intent: Intent | None) -> None:
        seen = self._observe(step, intent)
        if seen == "ours" and intent is not None and intent.observed == "absent":
            self._settle(request, step, intent.id, "adopted", f"found as ours after an interruption: {step.sentence}")
        elif seen == "absent":
            intent_id = intent.id if intent else self._intend(request, index, step, "absent")
            self._perform(request, step, intent_id)
        elif seen == "ours":
            sentence = f"{step.resource} carries our mark, but no record says that we made it"
            raise _Stop(Applied(Ended.UNCERTAIN, sentence))
        else:
            raise _Stop(Applied(Ended.CONFLICT, f"{step.resource} exists already and is not of this request"))

    def _observe(self, step: Step, intent: Intent | None) -> str:
        try:
            return self.handler.observe(self.plan, step, self.asked, self.reader)
        except ProviderError as error:
            waited = self.now() - intent.created_at if intent else timedelta(0)
            if waited > self.patience:
                sentence = f"whether {step.resource} exists could not be found out for {_hours(waited)}"
                raise _Stop(Applied(Ended.UNCERTAIN, sentence, _told(error))) from error
            sentence = f"whether {step.resource} exists cannot be seen at the moment"
            raise _Stop(Applied(Ended.LATER, sentence, _told(error))) from error

    def _perform(self, request: Request, step: Step, intent_id: int) -> None:
        try:
            self.executor.perform(step)
        except ProviderBusy as error:
            self._settle(
                request,
                step,
                intent_id,
                "not_done",
                f"not done, the provider is busy: {step.sentence}",
                error,
            )
            waited = self._waited(request, step)
            if waited > self.patience:
                sentence = f"the provider has been too busy for {_hours(waited)}: {step.sentence}"
                raise _Stop(Applied(Ended.REFUSED, sentence, _told(error))) from error
            raise _Stop(Applied(Ended.LATER, "the provider is busy", _told(error))) from error
        except AnswerLost as error:
            self._after_lost_answer(request, step, intent_id, error)
            return
        except (ProviderRefused, WrongAccount) as error:
            if step.creates:
                self._after_refusal(request, step, intent_id, error)
                return
            self._settle(request, step, intent_id, "refused", f"refused: {step.sentence}", error)
            raise _Stop(_refusal(step, _told(error))) from error
        self._settle(request, step, intent_id, "done", f"done: {step.sentence}")

    def _after_lost_answer(self, request: Request, step: Step, intent_id: int, error: AnswerLost) -> None:
        """The intent stays open unless the effect can be seen; the next turn observes first."""
        intent = self._intent(request, intent_id)
        if step.creates and self._observe(step, intent) == "ours":
            self._settle(request, step, intent_id, "adopted", f"done, though the answer was lost: {step.sentence}")
            return
        waited = self._waited(request, step)
        if waited > self.patience:
            sentence = f"whether this was done could not be found out for {_hours(waited)}: {step.sentence}"
            raise _Stop(Applied(Ended.UNCERTAIN, sentence, _told(error))) from error
        raise _Stop(Applied(Ended.LATER, "an answer of the provider was lost", _told(error))) from error

    def _after_refusal(
        self, request: Request, step: Step, intent_id: int, error: ProviderRefused | WrongAccount
    ) -> None:
        """A refused creation may mean that the resource came into being meanwhile: ours after all, or
        another's."""
        seen = "unknown"
        if isinstance(error, ProviderRefused):
            seen = self._observe(step, self._intent(request, intent_id))
        if seen == "ours":
            self._settle(request, step, intent_id, "adopted", f"found as ours: {step.sentence}", error)
            return
        self._settle(request, step, intent_id, "refused", f"refused: {step.sentence}", error)
        if seen == "foreign":
            sentence = f"{step.resource} exists already and is not of this request"
            raise _Stop(Applied(Ended.CONFLICT, sentence, _told(error))) from error
        raise _Stop(_refusal(step, _told(error))) from error

    def _waited(self, request: Request, step: Step) -> timedelta:
        """Since the step was first tried."""
        index = self.plan.steps.index(step)
        tried = [intent.created_at for intent in self.ledger.intents(request) if intent.step == index]
        return self.now() - min(tried)

    def _intent(self, request: Request, intent_id: int) -> Intent | None:
        return next((intent for intent in self.ledger.intents(request) if intent.id == intent_id), None)

    def _intend(self, request: Request, index: int, step: Step, observed: str) -> int:
        detail = {"step": index, "operation": step.operation, "observed": observed}
        note = Note(self.now(), "intent", f"about to: {step.sentence}", detail=detail)
        return self.ledger.intend(
            request,
            step=index,
            operation=step.operation,
            resource=step.resource,
            observed=observed,
            note=note,
        )

    def _settle(
        self,
        request: Request,
        step: Step,
        intent_id: int,
        outcome: str,
        sentence: str,
        error: ProviderError | None = None,
    ) -> None:
        detail = {"intent": intent_id, "operation": step.operation, "outcome": outcome}
        told = f"{sentence} ({_told(error)})" if error else sentence
        self.ledger.settle(request, intent_id, outcome, Note(self.now(), "step", told, detail=detail))


def _refusal(step: Step, trouble: str) -> Applied:
    return Applied(Ended.REFUSED, f"the provider refused a step: {step.sentence}", trouble)


def _told(error: ProviderError) -> str:
    name = f"{type(error).__name__} {error.code}".strip()
    return f"{name}: {error}"


def _hours(waited: timedelta) -> str:
    return f"{waited.total_seconds() / 3600:.1f} hours"

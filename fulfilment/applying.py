"""Carries out steps: for each intent, observe, act, record. After a crash it goes on where it stopped.

A creating step is only performed after its resource was seen to be absent, and the intent says so. What is found with
our mark after an open intent that said "absent" is ours; anything else is somebody else's. A removing step is only
performed on what carries our mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fulfilment.chain import Note
from fulfilment.errors import (
    AnswerLost,
    HandlerError,
    Held,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    WrongAccount,
)
from fulfilment.executor import Executor
from fulfilment.handler import Asked, Reader
from fulfilment.handler_work import HandlerWork
from fulfilment.ledger import Ledger
from fulfilment.plan import Plan, Step
from fulfilment.records import Intent, Phase
from fulfilment.request import Request

UNMARKED = "unmarked"
# A call whose answer was lost may still be on its way: longer than any single call takes.
QUIET = timedelta(minutes=2)
_DONE = frozenset({"done", "adopted", "ready"})
STOPPING = "the agent is being stopped; the next one goes on"


class Ended(StrEnum):
    """How it ended this time."""

    DONE = "done"
    LATER = "later"
    WORKING = "working"
    UNBEGUN = "unbegun"
    CONFLICT = "conflict"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Applied:
    """`sentence` may stand in the ticket; `trouble` is the provider's own words, for the ledger. Nothing is to be tried
    again before `pause` has passed (ticket time). `is_meant`: a person wants it to wait."""

    ended: Ended
    sentence: str = ""
    trouble: str = ""
    pause: timedelta = timedelta(0)
    is_meant: bool = False


class _Stop(Exception):
    def __init__(self, applied: Applied) -> None:
        super().__init__(applied.sentence)
        self.applied = applied


@dataclass(frozen=True)
class Applier:
    """One request's plan, with a session that may read and one that may change things.

    `patience` is how long (ticket time) an effect may stay unobservable, or the provider too busy for it, before
    people must decide; `endurance` how long the provider may work on a step that waits.
    """

    ledger: Ledger
    work: HandlerWork
    plan: Plan
    asked: Asked
    reader: Reader
    executor: Executor
    now: Callable[[], datetime]
    is_stopping: Callable[[], bool]
    patience: timedelta
    endurance: timedelta
    phase: Phase = "apply"

    def carry_out(self, request: Request, steps: Sequence[tuple[int, Step]]) -> Applied:
        """Every step that is not yet recorded as done; each with the number of the plan's step that it belongs to.
        Never raises a ProviderError or HandlerError."""
        try:
            known = self.ledger.intents(request)  # nobody else writes any while we hold the request
            for index, step in steps:
                self._do(request, index, step, self._of_step(known, index))
        except _Stop as stop:
            return stop.applied
        except HandlerError as error:
            sentence = "the automation of this path failed in the middle of its work"
            return Applied(Ended.UNCERTAIN, sentence, str(error))
        return Applied(Ended.DONE)

    def _do(self, request: Request, index: int, step: Step, past: Sequence[Intent]) -> None:
        refused = next((intent for intent in past if intent.outcome == "refused"), None)
        if refused is not None and self.phase == "apply":  # taking away is tried again when a person says so
            raise _Stop(_refusal(step, "as recorded before"))
        if not any(intent.outcome in _DONE for intent in past):
            if self.is_stopping():
                raise _Stop(Applied(Ended.LATER, STOPPING, is_meant=True))
            self._act(request, index, step, next((intent for intent in past if intent.outcome is None), None))
        if step.waits:
            self._wait_for_provider(request, index, step)

    def _act(self, request: Request, index: int, step: Step, intent: Intent | None) -> None:
        if step.creates:
            self._create(request, index, step, intent)
        elif step.removes:
            self._remove(request, index, step, intent)
        else:
            intent_id = intent.id if intent else self._intend(request, index, step, UNMARKED)
            self._perform(request, index, step, intent_id)

    def _create(self, request: Request, index: int, step: Step, intent: Intent | None) -> None:
        seen = self._observe(step, intent)
        is_begun = intent is not None and intent.observed == "absent"
        if seen == "ours" and intent is not None and is_begun:
            self._settle(request, step, intent.id, "adopted", f"found as ours after an interruption: {step.sentence}")
        elif seen == "absent" and intent is not None:
            self._settle(request, step, intent.id, "not_done", f"it was not done after all: {step.sentence}")
            if not any(one.outcome in _DONE for one in self.ledger.intents(request)):
                raise _Stop(Applied(Ended.UNBEGUN))  # of an earlier turn: everything is checked again
            self._perform(request, index, step, self._intend(request, index, step, "absent"))
        elif seen == "absent":
            self._perform(request, index, step, self._intend(request, index, step, "absent"))
        elif seen == "ours":
            sentence = f"{step.resource} carries our mark, but no record says that we made it"
            raise _Stop(Applied(Ended.UNCERTAIN, sentence))
        elif seen == UNMARKED and is_begun:
            sentence = f"{step.resource} exists, and nothing can tell whether it is the one that was begun here"
            raise _Stop(Applied(Ended.UNCERTAIN, sentence))
        else:
            raise _Stop(Applied(Ended.CONFLICT, f"{step.resource} exists already and is not of this request"))

    def _remove(self, request: Request, index: int, step: Step, intent: Intent | None) -> None:
        seen = self._observe(step, intent)
        if seen == "ours":
            intent_id = intent.id if intent else self._intend(request, index, step, "ours")
            self._perform(request, index, step, intent_id)
        elif seen == "absent":
            intent_id = intent.id if intent else self._intend(request, index, step, "absent")
            self._settle(request, step, intent_id, "adopted", f"it is gone: {step.resource}")
        else:
            raise _Stop(Applied(Ended.UNCERTAIN, f"{step.resource} is not ours any more, so it is left alone"))

    def _observe(self, step: Step, intent: Intent | None) -> str:
        try:
            return self.work.observe(self.plan, step, self.asked, self.reader)
        except ProviderError as error:
            waited = self.now() - intent.created_at if intent else timedelta(0)
            if waited > self.patience:
                sentence = f"whether {step.resource} exists could not be found out for {_hours(waited)}"
                raise _Stop(Applied(Ended.UNCERTAIN, sentence, _told(error))) from error
            sentence = f"whether {step.resource} exists cannot be seen at the moment"
            raise _Stop(Applied(Ended.LATER, sentence, _told(error))) from error

    def _perform(self, request: Request, index: int, step: Step, intent_id: int) -> None:
        try:
            self.ledger.require_lease(request)
            self.executor.perform(step)
        except Held as stop:
            self._settle(request, step, intent_id, "not_done", f"not done, {stop}: {step.sentence}")
            raise _Stop(Applied(Ended.LATER, str(stop), is_meant=True)) from stop
        except ProviderBusy as error:
            self._settle(
                request, step, intent_id, "not_done", f"not done, the provider is busy: {step.sentence}", error
            )
            waited = self._waited(request, index)
            if waited > self.patience:
                sentence = f"the provider has been too busy for {_hours(waited)}: {step.sentence}"
                raise _Stop(Applied(Ended.REFUSED, sentence, _told(error))) from error
            raise _Stop(Applied(Ended.LATER, "the provider is busy", _told(error))) from error
        except AnswerLost as error:
            self._after_lost_answer(request, index, step, intent_id, error)
            return
        except (ProviderRefused, WrongAccount) as error:
            if step.creates:
                self._after_refusal(request, step, intent_id, error)
                return
            self._settle(request, step, intent_id, "refused", f"refused: {step.sentence}", error)
            raise _Stop(_refusal(step, _told(error))) from error
        except HandlerError as error:
            self._settle(request, step, intent_id, "refused", f"not done, {error}: {step.sentence}")
            raise _Stop(_refusal(step, str(error))) from error
        self._settle(request, step, intent_id, "done", f"done: {step.sentence}")

    def _after_lost_answer(self, request: Request, index: int, step: Step, intent_id: int, error: AnswerLost) -> None:
        """The intent stays open unless the effect can be seen; the next turn observes first."""
        done = {True: "ours", False: "absent"}[step.creates]
        if (step.creates or step.removes) and self._observe(step, self._intent(request, intent_id)) == done:
            self._settle(request, step, intent_id, "adopted", f"done, though the answer was lost: {step.sentence}")
            return
        waited = self._waited(request, index)
        if waited > self.patience:
            sentence = f"whether this was done could not be found out for {_hours(waited)}: {step.sentence}"
            raise _Stop(Applied(Ended.UNCERTAIN, sentence, _told(error))) from error
        raise _Stop(Applied(Ended.LATER, "an answer of the provider was lost", _told(error), QUIET)) from error

    def _after_refusal(
        self, request: Request, step: Step, intent_id: int, error: ProviderRefused | WrongAccount
    ) -> None:
        """A refused creation may mean that the resource came into being meanwhile: ours after all, or another's."""
        seen = "unknown"
        if isinstance(error, ProviderRefused):
            seen = self._observe(step, self._intent(request, intent_id))
        if seen == "ours":
            self._settle(request, step, intent_id, "adopted", f"found as ours: {step.sentence}", error)
            return
        self._settle(request, step, intent_id, "refused", f"refused: {step.sentence}", error)
        if seen in ("foreign", UNMARKED):
            sentence = f"{step.resource} exists already and is not of this request"
            raise _Stop(Applied(Ended.CONFLICT, sentence, _told(error))) from error
        raise _Stop(_refusal(step, _told(error))) from error

    def _wait_for_provider(self, request: Request, index: int, step: Step) -> None:
        """Until the provider has finished what the step began. Asked again ever more rarely."""
        (done,) = (intent for intent in self._past(request, index) if intent.outcome in _DONE)
        if done.outcome == "ready":
            return
        waited = self.now() - done.created_at
        trouble = ""
        try:
            found = self.work.readiness(self.plan, step, self.asked, self.reader)
        except ProviderError as error:
            found, trouble = "pending", _told(error)
        if found == "ready":
            self._settle(request, step, done.id, "ready", f"ready: {step.sentence}")
            return
        if found == "failed":
            raise _Stop(Applied(Ended.REFUSED, f"the provider gave up on a step: {step.sentence}"))
        if waited > self.endurance:
            sentence = f"the provider has been working for {_hours(waited)}: {step.sentence}"
            raise _Stop(Applied(Ended.UNCERTAIN, sentence, trouble))
        pause = min(max(waited / 2, timedelta(minutes=1)), timedelta(minutes=10))
        raise _Stop(Applied(Ended.WORKING, f"the provider is working: {step.sentence}", trouble, pause))

    def _past(self, request: Request, index: int) -> list[Intent]:
        return self._of_step(self.ledger.intents(request), index)

    def _of_step(self, intents: Sequence[Intent], index: int) -> list[Intent]:
        return [one for one in intents if (one.phase, one.step) == (self.phase, index)]

    def _waited(self, request: Request, index: int) -> timedelta:
        """Since the step was first tried without a longer pause: while a stop held it, nobody waited for the
        provider."""
        tried = sorted((intent.created_at for intent in self._past(request, index)), reverse=True)
        first = tried[0]
        for earlier in tried[1:]:
            if first - earlier > self.patience / 2:
                break
            first = earlier
        return self.now() - first

    def _intent(self, request: Request, intent_id: int) -> Intent | None:
        return next((intent for intent in self.ledger.intents(request) if intent.id == intent_id), None)

    def _intend(self, request: Request, index: int, step: Step, observed: str) -> int:
        detail = {"step": index, "operation": step.operation, "observed": observed}
        if self.phase != "apply":
            detail["phase"] = self.phase
        note = Note(self.now(), "intent", f"about to: {step.sentence}", detail=detail)
        return self.ledger.intend(
            request,
            phase=self.phase,
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


def made_by(plan: Plan, intents: Sequence[Intent]) -> list[tuple[int, Step]]:
    """What was made and not taken away again, the newest first, each with its number in the plan."""
    made = {one.step for one in intents if one.phase == "apply" and one.outcome in _DONE}
    gone = {one.step for one in intents if one.phase != "apply" and one.outcome in _DONE}
    return [(n, step) for n, step in reversed(list(enumerate(plan.steps))) if step.creates and n in made - gone]


def is_begun(intents: Sequence[Intent]) -> bool:
    """Whether anything was carried out, or may have been."""
    return any(one.outcome is None or one.outcome in _DONE for one in intents)


def is_complete(plan: Plan, intents: Sequence[Intent]) -> bool:
    """Whether every step was carried out; the provider may still work on one."""
    return {n for n, _ in enumerate(plan.steps)} <= {
        one.step for one in intents if one.phase == "apply" and one.outcome in _DONE
    }


def _refusal(step: Step, trouble: str) -> Applied:
    return Applied(Ended.REFUSED, f"the provider refused a step: {step.sentence}", trouble)


def _told(error: ProviderError) -> str:
    name = f"{type(error).__name__} {error.code}".strip()
    return f"{name}: {error}"


def _hours(waited: timedelta) -> str:
    return f"{waited.total_seconds() / 3600:.1f} hours"

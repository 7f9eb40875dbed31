"""Decides what to do with a ticket, does it, and records both. The order of the main path stands in
`consider`.

A ticket is always read afresh first; a request is only touched under its lease. What must not be repeated
is recorded
before it is done, so that any turn may be cut off anywhere and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from fulfilment.answers import Voice
from fulfilment.approvals import new_code
from fulfilment.chain import Note
from fulfilment.consent import Voided
from fulfilment.declining import Declining
from fulfilment.desk import Desk, Replies
from fulfilment.errors import Held, StaleRequest
from fulfilment.executor import Workshop
from fulfilment.guardrails import Verdict
from fulfilment.handler import Handler
from fulfilment.handler_work import DEADLINE
from fulfilment.identity import content_hash, request_identity
from fulfilment.judgement import Judge, Rehearsal
from fulfilment.ledger import Ledger
from fulfilment.matching import Matching, memory_of
from fulfilment.modes import EffectiveMode
from fulfilment.policy import Mode, Policy
from fulfilment.progress import GONE, Progress
from fulfilment.rehearsing import RehearsalExecutor, ShadowExecutor, SuggestExecutor
from fulfilment.request import Outcome, Request, Result, State
from fulfilment.turn import ENDURANCE, PATIENCE
from fulfilment.vouching import remembered, vouched
from tickets.errors import AnswerUnknown, JiraError, JiraRefused, NotFound, Unavailable
from tickets.ticket import Classification, Ticket

__all__ = ["Engine", "Rehearsal", "Verdict"]

# What Jira may do to a single ticket: its request waits, the others go on.
UNUSABLE = (AnswerUnknown, JiraRefused, Unavailable)
# Nothing was planned in these, so an edited ticket goes on under the same identity.
_REOPENABLE = frozenset({State.NEEDS_INFORMATION, State.REFUSED, State.HANDED_OVER, State.CONFLICT})
# What these left behind is for people, whatever the ticket says now.
_SETTLED = frozenset({State.CLOSED, State.RETIRING, State.RETIRED, State.UNCERTAIN})


class Engine:
    """One installation's decisions. `secret` keys the identities; a handler's own code must come
    back within `deadline` seconds."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        desk: Desk,
        replies: Replies,
        handlers: Mapping[str, Handler],
        policy: Policy,
        workshop: Workshop,
        secret: bytes,
        patience: timedelta = PATIENCE,
        endurance: timedelta = ENDURANCE,
        code: Callable[[], str] = new_code,
        is_stopping: Callable[[], bool] = lambda: False,
        deadline: float = DEADLINE,
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._replies = replies
        self._handlers = handlers
        self._policy = policy
        self._secret = secret
        voice = Voice(desk)
        self._judge = Judge(
            desk=desk, policy=policy, workshop=workshop, secret=secret, counts=ledger, deadline=deadline
        )
        self._progress = Progress(
            ledger,
            desk,
            replies,
            policy,
            workshop,
            self._judge,
            voice,
            mode_of=self._mode_of,
            new_code=code,
            is_stopping=is_stopping,
            patience=patience,
            endurance=endurance,
            deadline=deadline,
        )
        self._declining = Declining(ledger, desk)
        self._matching = Matching(self._progress, self._declining, handlers)
        shadow = ShadowExecutor(self._declining)
        suggest = SuggestExecutor(voice, replies, ledger.hold, shadow)
        self._executors: Mapping[Mode, RehearsalExecutor] = {
            Mode.OFF: shadow,
            Mode.SHADOW: shadow,
            Mode.SUGGEST: suggest,
        }

    def consider(self, ticket: Ticket | int | str, classification: Classification) -> Outcome:
        """Looks at a ticket and does what may be done. Looking again changes nothing unless the ticket
        changed.

        Raises TicketsError when Jira cannot be used and LedgerError when nothing can be recorded.
        """
        try:
            fresh = self._desk.ticket(ticket.id if isinstance(ticket, Ticket) else ticket)
        except NotFound:
            if isinstance(ticket, Ticket):
                return self._gone(ticket)
            raise
        said = self._ledger.evidence.audit_of(fresh.site, fresh.id)
        classification = vouched(classification, ticket, fresh, said)
        try:
            request = self._ledger.latest(fresh.site, fresh.id)
            if request is not None and (request.is_unfinished or request.is_due(self._desk.now())):
                return self._go_on(request, fresh)
            handler = self._handler_for(classification, request)
            if request is not None and (handler is None or request.handler == handler.name):
                return self._reconsider(request, fresh, classification, handler)
            if handler is None:
                return self._declining.decline(fresh, Result.LEFT_TO_PEOPLE, self._no_handler(classification))
            return self._start(fresh, classification, handler, after=request)
        except (*UNUSABLE, Held) as error:
            return self._hindered(fresh.site, fresh.id, error)
        except StaleRequest as error:
            return Outcome(fresh.key, Result.UNCERTAIN, (str(error),))

    def advance(self, request: Request) -> Outcome:
        """Goes on with a request that is not finished."""
        try:
            try:
                fresh = self._desk.ticket(request.ticket_id)
            except NotFound:
                return self._give_up(request)
            return self._go_on(request, fresh)
        except (*UNUSABLE, Held) as error:
            return self._hindered(request.site, request.ticket_id, error)
        except StaleRequest as error:
            return Outcome(request.ticket_key, Result.UNCERTAIN, (str(error),), request.handler)

    def leave(self, ticket: Ticket, reason: str) -> Outcome:
        """A ticket that nobody can tell the type of is left to people, and the ledger says why."""
        return self._declining.decline(ticket, Result.LEFT_TO_PEOPLE, reason)

    def due(self) -> list[Request]:
        """Requests to look at in this cycle, whether or not their tickets changed: also those that a process left
        behind when it ended, once its lease has run out."""
        now = self._desk.now()
        return [request for request in self._ledger.unfinished() if request.is_due(now)]

    def record_modes(self) -> None:
        """Records the configured modes where they differ from what was recorded last, a handler that is no longer
        configured as off. Meant for the start of a cycle."""
        recorded = self._ledger.configured_modes()
        modes = dict.fromkeys(recorded, Mode.OFF) | {name: p.mode for name, p in self._policy.handlers.items()}
        for name, mode in sorted(modes.items()):
            if recorded.get(name) is not mode:
                self._ledger.configured(name, mode, self._desk.now())

    def rehearse(self, ticket: Ticket, classification: Classification) -> Rehearsal:
        """What would be done with the ticket as it stands. Writes nothing anywhere."""
        handler = self._handler_for(classification, None)
        if handler is None:
            return Rehearsal(
                ticket=ticket.key,
                classification=classification,
                handler=None,
                result=Result.LEFT_TO_PEOPLE,
                reasons=(self._no_handler(classification),),
                mode=Mode.OFF,
                mode_reason="no golden path is switched on for it",
                content_hash=content_hash(ticket, fields=ticket.form, replies=()),
            )
        classification = vouched(classification, ticket, ticket, self._ledger.evidence.audit_of(ticket.site, ticket.id))
        request = self._ledger.latest(ticket.site, ticket.id)
        if request is not None and request.handler == handler.name:
            return self._judged(ticket, classification, handler, request.id)
        return self._judged(ticket, classification, handler, self._identity(ticket, handler)[0])

    # --- what hinders a turn

    def _hindered(self, site: str, ticket_id: int, error: JiraError | Held) -> Outcome:
        """A comment or move was sent, and cannot be seen, or Jira or a person's stop does not let us: its request stays
        where it is, and a later cycle looks first; where nobody wants that, a person is called in the end. Without a
        request to keep it for a later cycle, the ticket's turn has failed."""
        request = self._ledger.latest(site, ticket_id)
        if request is None or not (request.is_unfinished or request.is_due(self._desk.now())):
            raise error
        pause = timedelta(hours=12) if request.state is State.CLOSED else timedelta(0)
        try:
            with self._claimed(request) as held:
                if isinstance(error, Held):
                    return self._progress.wait(held, str(error), is_meant=True, pause=pause)
                lost = isinstance(error, AnswerUnknown)
                sentence = "an answer of Jira was lost" if lost else "Jira does not let us work on the ticket"
                return self._progress.wait(held, sentence, trouble=str(error), pause=pause)
        except StaleRequest as stale:
            return Outcome(request.ticket_key, Result.UNCERTAIN, (str(stale),), request.handler)

    def _gone(self, ticket: Ticket) -> Outcome:
        """A ticket that we hold and Jira does not show."""
        request = self._ledger.latest(ticket.site, ticket.id)
        if request is None:
            return self._declining.decline(ticket, Result.LEFT_TO_PEOPLE, GONE)
        if not request.is_unfinished and request.state is not State.NEEDS_INFORMATION:
            return self._declining.standing(request)
        try:
            return self._give_up(request)
        except StaleRequest as error:
            return Outcome(ticket.key, Result.UNCERTAIN, (str(error),))

    def _give_up(self, request: Request) -> Outcome:
        with self._claimed(request) as held:
            return self._progress.give_up(held)

    # --- where a ticket stands

    def _start(
        self, ticket: Ticket, classification: Classification, handler: Handler, *, after: Request | None
    ) -> Outcome:
        """A ticket without a request, or one whose request (`after`) ended and that was edited since."""
        request_id, generation = self._identity(ticket, handler)
        found = self._judged(ticket, classification, handler, request_id)
        if found.result in (Result.LEFT_TO_PEOPLE, Result.UNCERTAIN):
            return self._declining.decline(ticket, found.result, *found.reasons, found=found)
        if found.mode < Mode.SUPERVISED:
            return self._executors[found.mode].carry_out(ticket, found, request_id)
        at = self._desk.now()
        request = Request(
            id=request_id,
            site=ticket.site,
            ticket_id=ticket.id,
            ticket_key=ticket.key,
            handler=handler.name,
            generation=generation,
            state=State.MATCHED,
            epoch=1,
            content_hash=found.content_hash,
            request_type=classification.request_type,
            type_source=classification.source,
            requester=ticket.reporter.id if ticket.reporter else "",
            parameters="{}",
            plan=None,
            resource=None,
            reason="",
            created_at=at,
            updated_at=at,
            score=classification.score,
            certificate=classification.certificate,
        )
        note = Note(at, "matched", f"matched to {handler.name}", detail={"generation": generation})
        request = self._ledger.create(request, note, context=memory_of(found), after=after)
        with self._released(request.id):
            return self._act(request, ticket, handler, found)

    def _reconsider(
        self, request: Request, ticket: Ticket, classification: Classification, handler: Handler | None
    ) -> Outcome:
        """A ticket whose request waits for the requester, or ended."""
        if handler is None:
            return self._withdraw(request, ticket, self._no_handler(classification))
        was_applied = request.resource is not None and request.state is not State.COMPENSATED
        if request.state in _SETTLED or was_applied or "abandoned_by" in request.memory:
            return self._declining.settled(request, ticket)
        codes = self._ledger.codes(request.site, request.ticket_id)
        standing = self._judge.eligibility(ticket, handler, codes=codes)
        hashed = self._judge.content_hash(ticket, handler, [reply.id for reply in standing.replies])
        if not standing.verdict.allowed and standing.is_certain:
            return self._withdraw(request, ticket, *standing.verdict.reasons)
        if not standing.is_certain:
            return self._declining.decline(ticket, Result.UNCERTAIN, *standing.verdict.reasons)
        if hashed == request.content_hash:
            return self._declining.standing(request)
        intents = self._ledger.intents(request)
        if any(intent.outcome is None for intent in intents):
            return self._declining.standing(request)
        if request.state not in _REOPENABLE or request.plan is not None or intents:
            return self._start(ticket, classification, handler, after=request)
        if classification.request_type not in handler.request_types:  # we asked, and the reply was read as another type
            classification = remembered(request, ticket, is_unchanged=False)
        with self._claimed(request) as held:
            found = self._judged(ticket, classification, handler, request.id)
            if found.mode < Mode.SUPERVISED:
                return self._executors[found.mode].carry_out(ticket, found, request.id)
            return self._act(self._matching.rematch(held, found), ticket, handler, found)

    def _go_on(self, request: Request, ticket: Ticket) -> Outcome:
        handler = self._handlers.get(request.handler)
        if handler is None:
            with self._claimed(request) as held:
                return self._progress.wait(held, f"{request.handler} is no longer configured; its open requests wait")
        if not request.is_due(self._desk.now()):
            return self._declining.standing(request)
        with self._claimed(request) as held:
            if held.state is not State.MATCHED:
                return self._drive(held, ticket, handler)
            if held.type_source != "corrected" and _is_of_another_type(ticket, handler):
                return self._progress.leave(held, ticket, State.CANCELLED, _RETYPED)
            replies = held.memory["replies"]
            is_unchanged = self._judge.content_hash(ticket, handler, replies) == held.content_hash
            classification = remembered(held, ticket, is_unchanged=is_unchanged)
            found = self._judged(ticket, classification, handler, request.id)
            return self._act(held, ticket, handler, found)

    def _drive(self, request: Request, ticket: Ticket, handler: Handler) -> Outcome:
        try:
            return self._progress.drive(request, ticket, handler)
        except Voided:
            fresh = self._desk.ticket(ticket.id)
            if _is_of_another_type(fresh, handler):
                return Outcome(fresh.key, Result.CANCELLED, (_RETYPED,), handler.name)
            voided = self._ledger.get(request.id)
            return self._start(fresh, remembered(request, fresh, is_unchanged=False), handler, after=voided)

    def _act(self, request: Request, ticket: Ticket, handler: Handler, found: Rehearsal) -> Outcome:
        reached = self._matching.act(request, ticket, found)
        return reached if isinstance(reached, Outcome) else self._drive(reached, ticket, handler)

    def _withdraw(self, request: Request, ticket: Ticket, *reasons: str) -> Outcome:
        """People have it, or it is closed: a question of ours no longer waits for an answer."""
        if request.reason == "; ".join(reasons):
            return self._declining.standing(request)
        if request.state is not State.NEEDS_INFORMATION:
            return self._declining.decline(ticket, Result.LEFT_TO_PEOPLE, *reasons)
        with self._claimed(request) as held:
            to = State.HANDED_OVER if ticket.is_open else State.CANCELLED
            return self._progress.leave(held, ticket, to, *reasons)

    # --- pieces

    def _judged(self, ticket: Ticket, classification: Classification, handler: Handler, request_id: str) -> Rehearsal:
        mode = self._mode_of(ticket, classification, handler)
        codes = self._ledger.codes(ticket.site, ticket.id)
        return self._judge.judge(ticket, classification, handler, request_id=request_id, mode=mode, codes=codes)

    def _mode_of(self, ticket: Ticket, classification: Classification, handler: Handler) -> EffectiveMode:
        return self._ledger.effective_mode(
            self._policy.handlers[handler.name].mode,
            handler=handler.name,
            site=ticket.site,
            ticket_id=ticket.id,
            classification=classification,
        )

    def _handler_for(self, classification: Classification, request: Request | None) -> Handler | None:
        """By the request type; a ticket that we asked about keeps its handler unless a person says another type."""
        if request is not None and request.state is State.NEEDS_INFORMATION and classification.source == "predicted":
            return self._handlers.get(request.handler)
        for name, handler in sorted(self._handlers.items()):
            is_on = name in self._policy.handlers and self._policy.handlers[name].mode is not Mode.OFF
            if is_on and classification.request_type in handler.request_types:
                return handler
        return None

    def _no_handler(self, classification: Classification) -> str:
        return f"no golden path is switched on for {classification.request_type}"

    def _identity(self, ticket: Ticket, handler: Handler) -> tuple[str, int]:
        generation = self._ledger.generations(ticket.site, ticket.id, handler.name) + 1
        identity = request_identity(
            self._secret, site=ticket.site, ticket_id=ticket.id, handler=handler.name, generation=generation
        )
        return identity, generation

    @contextmanager
    def _claimed(self, request: Request) -> Iterator[Request]:
        held = self._ledger.claim(request, self._desk.now())
        with self._released(request.id):
            yield held

    @contextmanager
    def _released(self, request_id: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._ledger.release(request_id)


_RETYPED = "its request type was changed: it is looked at anew"


def _is_of_another_type(ticket: Ticket, handler: Handler) -> bool:
    return ticket.request_type is not None and ticket.request_type not in handler.request_types

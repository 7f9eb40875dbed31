"""What is to be done with a ticket, worked out without writing anything: the dry run and the real run both
start here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ValidationError

from fulfilment.desk import Desk, Reading
from fulfilment.eligibility import Eligibility, eligible
from fulfilment.errors import HandlerError, ProviderError, ProviderRefused, WrongAccount
from fulfilment.executor import Workshop
from fulfilment.extract import Extraction, extract
from fulfilment.guardrails import Verdict, check_plan, check_request
from fulfilment.handler import Asked, Handler
from fulfilment.handler_work import DEADLINE, HandlerWork
from fulfilment.identity import content_hash, our_comments, resource_mark, slot_fields
from fulfilment.modes import EffectiveMode
from fulfilment.plan import Plan
from fulfilment.policy import Environment, Mode, Policy, Team
from fulfilment.request import Outcome, Result
from fulfilment.slots import TEAM, titles_of
from tickets.ticket import Classification, FormField, Ticket

# The purposes of our comments that ask: replies after one of them may fill slots.
QUESTIONS = ("question", "split")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would be done with a ticket now. `result` assumes that the effective mode is in force; `trouble`
    is the
    provider's own words, for the ledger only."""

    ticket: str
    classification: Classification
    handler: str | None
    result: Result
    reasons: tuple[str, ...]
    mode: Mode
    mode_reason: str
    content_hash: str
    eligibility: Eligibility | None = None
    extraction: Extraction | None = None
    parameters: BaseModel | None = None
    plan: Plan | None = None
    instead: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    team: str | None = None
    trouble: str = ""

    @property
    def understood(self) -> tuple[Reading, ...]:
        return tuple(self.extraction.values.values()) if self.extraction else ()

    @property
    def outcome(self) -> Outcome:
        resource = self.plan.resource if self.plan else None
        return Outcome(self.ticket, self.result, self.reasons, self.handler, resource)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was worked out so far, and what it leads to."""

    result: Result
    reasons: tuple[str, ...]
    extraction: Extraction | None = None
    parameters: BaseModel | None = None
    plan: Plan | None = None
    instead: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    team: str | None = None
    trouble: str = ""


class Counts(Protocol):
    """What the ledger counts of other requests; `without` is the id of the one that is judged."""

    def open_requests(self, handler: str, team: str, without: str) -> int: ...

    def requests_today(self, requester: str, at: datetime, without: str) -> int: ...


class Judge:
    """Reads Jira and the provider; writes neither."""

    def __init__(
        self,
        *,
        desk: Desk,
        policy: Policy,
        workshop: Workshop,
        secret: bytes,
        counts: Counts,
        deadline: float = DEADLINE,
    ) -> None:
        self._deadline = deadline
        self._counts = counts
        self._desk = desk
        self._policy = policy
        self._workshop = workshop
        self._secret = secret

    def slot_fields(self, ticket: Ticket, handler: Handler) -> tuple[FormField, ...]:
        """The form fields that fill this handler's slots: by the configuration's names, and by the slots'
        titles."""
        names = set(self._policy.handlers[handler.name].fields.values())
        return slot_fields(ticket, names | titles_of(handler))

    def content_hash(self, ticket: Ticket, handler: Handler, reply_ids: Collection[str]) -> str:
        """Of the ticket as it stands, with the replies that a plan was made from. An edited reply changes
        it."""
        replies = [comment for comment in ticket.comments if comment.id in reply_ids]
        return content_hash(ticket, fields=self.slot_fields(ticket, handler), replies=replies)

    def eligibility(
        self, ticket: Ticket, handler: Handler, *, codes: Collection[str], only: Collection[str] | None = None
    ) -> Eligibility:
        """`codes` are the ones that were issued for this ticket; `only` the replies that a plan was made
        from."""
        account = self._desk.account()
        questions = [comment for purpose in QUESTIONS for comment in our_comments(ticket, account.id, purpose=purpose)]
        return eligible(
            ticket,
            handler=handler.name,
            policy=self._policy,
            account=account,
            now=self._desk.now(),
            groups_of=self._desk.groups_of,
            fields=self.slot_fields(ticket, handler),
            asked_at=min((comment.created_at for comment in questions), default=None),
            codes=codes,
            only_replies=only,
        )

    def judge(
        self,
        ticket: Ticket,
        classification: Classification,
        handler: Handler,
        *,
        request_id: str,
        mode: EffectiveMode,
        codes: Collection[str],
    ) -> Rehearsal:
        """Eligible, understood, allowed, planned, allowed again: the first that fails says why."""
        standing = self.eligibility(ticket, handler, codes=codes)
        hashed = self.content_hash(ticket, handler, [reply.id for reply in standing.replies])
        if standing.verdict.allowed:
            found = self._understand(ticket, handler, standing, request_id, mode)
        else:
            result = Result.LEFT_TO_PEOPLE if standing.is_certain else Result.UNCERTAIN
            found = _Found(result, standing.verdict.reasons)
        return Rehearsal(
            ticket=ticket.key,
            classification=classification,
            handler=handler.name,
            result=found.result,
            reasons=found.reasons,
            mode=mode.mode,
            mode_reason="; ".join(mode.why) or "as configured",
            content_hash=hashed,
            eligibility=standing,
            extraction=found.extraction,
            parameters=found.parameters,
            plan=found.plan,
            instead=found.instead,
            missing=found.missing,
            team=found.team,
            trouble=found.trouble,
        )

    def _understand(
        self, ticket: Ticket, handler: Handler, standing: Eligibility, request_id: str, mode: EffectiveMode
    ) -> _Found:
        teams = {team.name: team for team in standing.teams}
        extraction = extract(
            ticket,
            handler,
            fields=self._policy.handlers[handler.name].fields,
            team_names=sorted(teams),
            replies=standing.replies,
        )
        unclear = _unclear(extraction, handler)
        if unclear is not None:
            return unclear
        try:
            parameters = extraction.parameters(handler)
        except ValidationError as error:
            told = {str(one["loc"][0]) if one["loc"] else handler.title: one["msg"] for one in error.errors()}
            return _Found(Result.ASKED, tuple(told.values()), extraction, missing=told)
        team = self._team(extraction, teams)
        if team is None:
            allowed = {"Owning team": "one of " + ", ".join(sorted(teams))}
            return _Found(Result.ASKED, ("it does not say for which team",), extraction, missing=allowed)
        environment = self._environment(parameters, team)
        if environment is None:
            reason = "it does not name an environment that is configured"
            return _Found(Result.REFUSED, (reason,), extraction, parameters)
        verdict = check_request(
            parameters,
            handler=handler,
            team=team,
            environment=environment,
            open_requests=self._counts.open_requests(handler.name, team.name, request_id),
            requests_today=self._counts.requests_today(_requester(ticket), self._desk.now(), request_id),
            requests_per_day=self._policy.requests_per_day,
        )
        if not verdict.allowed:
            return _refused(verdict, extraction, parameters)
        asked = self.asked(ticket.key, request_id, team, environment)
        return self._plan(handler, extraction, parameters, asked, mode)

    def asked(self, ticket_key: str, request_id: str, team: Team, environment: Environment) -> Asked:
        mark = resource_mark(self._secret, request_id)
        return Asked(ticket=ticket_key, request=request_id, mark=mark, team=team, environment=environment)

    def _plan(
        self, handler: Handler, extraction: Extraction, parameters: BaseModel, asked: Asked, mode: EffectiveMode
    ) -> _Found:
        try:
            reader = self._workshop.reader(asked.environment.name, handler)
            plan = HandlerWork(handler, self._deadline).plan(parameters, asked, reader)
        except HandlerError as error:
            sentence = "this golden path could not work out a plan; its operators look at it"
            return _Found(Result.FAILED, (sentence,), extraction, parameters, trouble=str(error))
        except (ProviderRefused, WrongAccount) as error:
            sentence = f"the {asked.environment.name} environment refused to be read; the operators look at it"
            return _Found(Result.FAILED, (sentence,), extraction, parameters, trouble=_told(error))
        except ProviderError as error:
            sentence = f"the {asked.environment.name} environment cannot be read at the moment"
            return _Found(Result.UNCERTAIN, (sentence,), extraction, parameters, trouble=_told(error))
        team = asked.team.name
        if plan.conflict is not None:
            return _Found(Result.CONFLICT, (plan.conflict,), extraction, parameters, plan, team=team)
        verdict = check_plan(plan, handler, asked.environment)
        if not verdict.allowed:
            return _refused(verdict, extraction, parameters, plan)
        reasons = mode.why if mode.mode is Mode.OFF and mode.why else (plan.summary,)
        return _Found(_BY_MODE[mode.mode], reasons, extraction, parameters, plan, team=team)

    def _team(self, extraction: Extraction, teams: Mapping[str, Team]) -> Team | None:
        named = extraction.values.get(TEAM)
        if named is not None:
            return teams.get(named.value)
        return next(iter(teams.values())) if len(teams) == 1 else None

    def _environment(self, parameters: BaseModel, team: Team) -> Environment | None:
        """The one that is asked for, or the team's only one. Whether the team may use it is a guardrail's matter."""
        wanted = getattr(parameters, "environment", None)
        if wanted is None and len(team.environments) == 1:
            (wanted,) = team.environments
        return self._policy.environments.get(str(wanted))


_BY_MODE = {
    Mode.OFF: Result.LEFT_TO_PEOPLE,
    Mode.SHADOW: Result.SHADOWED,
    Mode.SUGGEST: Result.SUGGESTED,
    Mode.SUPERVISED: Result.AWAITING_APPROVAL,
    Mode.AUTONOMOUS: Result.FULFILLED,
}


def _requester(ticket: Ticket) -> str:
    return ticket.reporter.id if ticket.reporter else ""


def _unclear(extraction: Extraction, handler: Handler) -> _Found | None:
    """Why the words of the ticket do not lead to a request, or None."""
    if not extraction.has_intent:
        return _Found(Result.LEFT_TO_PEOPLE, (f"it does not ask for what {handler.name} makes",), extraction)
    if extraction.forbidden:
        reasons = tuple(dict.fromkeys(never.reason for never in extraction.forbidden))
        instead = tuple(dict.fromkeys(never.instead for never in extraction.forbidden))
        return _Found(Result.REFUSED, reasons, extraction, instead=instead)
    if extraction.other_wishes:
        others = ", ".join(extraction.other_wishes)
        return _Found(Result.SPLIT, (f"it asks for more than one thing; also: {others}",), extraction)
    if extraction.is_complete:
        return None
    reasons = (
        *(f"{title} is missing" for title in extraction.missing),
        *extraction.invalid.values(),
        *(f"{title} is said in different ways: {', '.join(v)}" for title, v in extraction.contradictions.items()),
    )
    return _Found(Result.ASKED, reasons, extraction, missing=extraction.missing)


def _refused(verdict: Verdict, extraction: Extraction, parameters: BaseModel, plan: Plan | None = None) -> _Found:
    return _Found(Result.REFUSED, verdict.reasons, extraction, parameters, plan, instead=verdict.instead)


def _told(error: ProviderError) -> str:
    return f"{type(error).__name__} {error.code}: {error}".replace(" :", ":")

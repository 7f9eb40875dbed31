"""The rules that are checked before anything is planned, and again on the plan before anything is done.

A rule is one function, declared with its id: it gives the objections it has, none when all is well.
Every objection says why not, with the number and the limit, and the least change that would comply.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from fulfilment.arguments import open_blocks, open_statements, strings_of, tags_of, values_of
from fulfilment.handler import Handler
from fulfilment.plan import Plan
from fulfilment.policy import Environment, Team
from fulfilment.words import shown

MOST_STEPS = 20
MOST_CREATED = 1
MOST_MONTHLY_COST = 500.0
MOST_OPEN_REQUESTS = 5
# Names that AWS reserves in one service or another, or that would pass for somebody else's.
RESERVED_PREFIXES = ("aws", "amazon", "amzn", "xn--", "sthree", "goldenpath", "golden-path")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3", "-an")
# Each of these must be born with the resource, under a key whose last part is one of the words.
REQUIRED_TAGS: Mapping[str, tuple[str, ...]] = {
    "mark": ("mark",),
    "ticket": ("ticket",),
    "team": ("team", "owner"),
}

_DESTRUCTIVE = re.compile(
    r"^(?:Delete|Remove|Terminate|Destroy|Purge|Stop|Reboot|Detach|Disassociate|Deregister|Revoke|Disable"
    r"|Drop|Cancel"
    r"|Release|Reset|Restore|Schedule\w*Deletion)"
)
_ARN = re.compile(r"arn:aws[a-z-]*:(?P<service>[^:\s]*):(?P<region>[^:\s]*):(?P<account>[^:\s]*):")
_REGION = re.compile(r"[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reasons`: why not, each with the number and the limit; `instead`: the least change that complies."""

    allowed: bool
    reasons: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objection:
    reason: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a rule on requests may look at. `values` are the parameters as plain data."""

    values: Mapping[str, Any]
    handler: Handler
    team: Team
    environment: Environment
    open_requests: int
    requests_today: int
    requests_per_day: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a rule on plans may look at."""

    plan: Plan
    handler: Handler
    environment: Environment


@dataclass(frozen=True, slots=True)
class Rule:
    """`id` names the rule wherever it is shown, `help` says in a sentence what it protects."""

    id: str
    help: str


RequestRule = Callable[[RequestFacts], Iterator[Objection]]
PlanRule = Callable[[PlanFacts], Iterator[Objection]]
REQUEST_RULES: dict[Rule, RequestRule] = {}
PLAN_RULES: dict[Rule, PlanRule] = {}


def _on_request(id: str, help: str) -> Callable[[RequestRule], RequestRule]:
    def declare(check: RequestRule) -> RequestRule:
        REQUEST_RULES[Rule(id, help)] = check
        return check

    return declare


def _on_plan(id: str, help: str) -> Callable[[PlanRule], PlanRule]:
    def declare(check: PlanRule) -> PlanRule:
        PLAN_RULES[Rule(id, help)] = check
        return check

    return declare


def check_request(
    parameters: BaseModel,
    *,
    handler: Handler,
    team: Team,
    environment: Environment,
    open_requests: int = 0,
    requests_today: int = 0,
    requests_per_day: int = 20,
) -> Verdict:
    """Who, where, names, quotas. `open_requests`: how many others of this handler the team has unfinished;
    `requests_today`: how many others the requester has had begun today."""
    values = parameters.model_dump(mode="json")
    facts = RequestFacts(values, handler, team, environment, open_requests, requests_today, requests_per_day)
    return _verdict(objection for check in REQUEST_RULES.values() for objection in check(facts))


def check_plan(plan: Plan, handler: Handler, environment: Environment) -> Verdict:
    """Whether a plan keeps to its handler's declaration, its environment and the limits on one decision."""
    facts = PlanFacts(plan, handler, environment)
    return _verdict(objection for check in PLAN_RULES.values() for objection in check(facts))


def _verdict(objections: Iterable[Objection]) -> Verdict:
    found = list(objections)
    reasons = tuple(dict.fromkeys(one.reason for one in found))
    return Verdict(not reasons, reasons, tuple(dict.fromkeys(one.instead for one in found if one.instead)))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


@_on_request("team-entitled", "a team gets only the golden paths it was given")
def _team_entitled(facts: RequestFacts) -> Iterator[Objection]:
    if facts.handler.name not in facts.team.handlers:
        yield Objection(
            f"Team {facts.team.name} may not ask for “{facts.handler.title}”; its golden paths: "
            f"{_listed(facts.team.handlers)}."
        )


@_on_request("environment-entitled", "a team works only in the environments it was given")
def _environment_entitled(facts: RequestFacts) -> Iterator[Objection]:
    allowed = facts.team.environments
    if facts.environment.name not in allowed:
        yield Objection(
            f"Team {facts.team.name} may not ask for anything in {facts.environment.name}; "
            f"its environments: {_listed(allowed)}.",
            f"Environment: {sorted(allowed)[0]}" if allowed else "",
        )


@_on_request("environment-matches", "the environment that is checked is the one that is asked for")
def _environment_matches(facts: RequestFacts) -> Iterator[Objection]:
    asked = facts.values.get("environment")
    if asked is not None and asked != facts.environment.name:
        yield Objection(
            f"The request is for environment {shown(str(asked))}, but {facts.environment.name} was checked."
        )


@_on_request("team-matches", "a resource belongs to the requester's own team")
def _team_matches(facts: RequestFacts) -> Iterator[Objection]:
    asked = facts.values.get("team")
    if asked is not None and asked != facts.team.name:
        yield Objection(
            f"The request names team {shown(str(asked))}, but the requester asks for {facts.team.name}.",
            f"Owning team: {facts.team.name}",
        )


@_on_request("region-allowed", "an environment opens only some regions")
def _region_allowed(facts: RequestFacts) -> Iterator[Objection]:
    region, allowed = facts.values.get("region"), facts.environment.regions
    if region is not None and region not in allowed:
        yield Objection(
            f"Region {shown(str(region))} is not open in {facts.environment.name}; open: {_listed(allowed)}.",
            f"AWS region: {allowed[0]}" if allowed else "",
        )


@_on_request("name-not-reserved", "nobody takes a name that the provider or Golden Path reserves")
def _name_not_reserved(facts: RequestFacts) -> Iterator[Objection]:
    name = facts.values.get("name")
    if not isinstance(name, str):
        return
    prefix = next((one for one in RESERVED_PREFIXES if name == one or name.startswith(f"{one}-")), None)
    suffix = next((one for one in RESERVED_SUFFIXES if name.endswith(one)), None)
    if name.startswith(("xn--", "sthree-")):
        prefix = name.split("-", 1)[0]
    if prefix or suffix:
        where = f"begins with “{prefix}”" if prefix else f"ends with “{suffix}”"
        yield Objection(
            f"The name {shown(name)} {where}, which is reserved.", f"A name such as {facts.team.name}-archive"
        )


@_on_request("open-requests", "one team cannot fill the queue of a golden path")
def _open_requests(facts: RequestFacts) -> Iterator[Objection]:
    if facts.open_requests >= MOST_OPEN_REQUESTS:
        yield Objection(
            f"Team {facts.team.name} has {facts.open_requests} unfinished requests for "
            f"“{facts.handler.title}”; the limit is {MOST_OPEN_REQUESTS}.",
            "Ask again when one of them is done.",
        )


@_on_request("requests-per-day", "one requester cannot have more made in a day than a person would look over")
def _requests_per_day(facts: RequestFacts) -> Iterator[Objection]:
    if facts.requests_today >= facts.requests_per_day:
        yield Objection(
            f"Its requester has had {facts.requests_today} requests begun today; "
            f"the limit is {facts.requests_per_day} a day.",
            "Say here tomorrow (UTC) that you still need it.",
        )


@_on_plan("operations-declared", "a handler plans only what it declares")
def _operations_declared(facts: PlanFacts) -> Iterator[Objection]:
    for step in facts.plan.steps:
        if step.operation not in facts.handler.operations:
            yield Objection(f"The plan has {shown(step.operation)}, which {facts.handler.name} does not declare.")
    if facts.plan.handler != facts.handler.name:
        yield Objection(f"The plan is one of {shown(facts.plan.handler)}, not of {facts.handler.name}.")


@_on_plan("nothing-destroyed", "no golden path deletes, stops or revokes")
def _nothing_destroyed(facts: PlanFacts) -> Iterator[Objection]:
    for step in facts.plan.steps:
        if _DESTRUCTIVE.match(step.operation.partition(":")[2] or step.operation):
            yield Objection(f"The plan has {shown(step.operation)}, which destroys or takes away something.")


@_on_plan("account-and-region", "a plan stays in its environment's account and regions")
def _account_and_region(facts: PlanFacts) -> Iterator[Objection]:
    plan, environment = facts.plan, facts.environment
    if plan.environment != environment.name:
        yield Objection(f"The plan is for {shown(plan.environment)}, but {environment.name} was checked.")
    if plan.region not in environment.regions:
        yield Objection(
            f"The plan works in {shown(plan.region)}; open in {environment.name}: {_listed(environment.regions)}.",
            f"AWS region: {environment.regions[0]}" if environment.regions else "",
        )
    for step in plan.steps:
        for text in strings_of({"resource": step.resource, "arguments": step.arguments}):
            for match in _ARN.finditer(text):
                if match["account"] not in ("", environment.account):
                    yield Objection(
                        f"{step.operation} touches account {shown(match['account'])}; "
                        f"{environment.name} is account {environment.account}."
                    )
                if match["region"] not in ("", plan.region):
                    yield Objection(f"{step.operation} touches region {shown(match['region'])}, not {plan.region}.")
        for region in values_of(step.arguments, "LocationConstraint"):
            if isinstance(region, str) and _REGION.fullmatch(region) and region != plan.region:
                yield Objection(f"{step.operation} works in region {region}, not {plan.region}.")


@_on_plan("blast-radius", "one decision reaches one resource in few steps")
def _blast_radius(facts: PlanFacts) -> Iterator[Objection]:
    steps = len(facts.plan.steps)
    created = sum(step.creates for step in facts.plan.steps)
    if steps > MOST_STEPS:
        yield Objection(f"The plan has {steps} steps; the limit is {MOST_STEPS}.")
    if created > MOST_CREATED:
        yield Objection(
            f"The plan would create {created} resources; the limit is {MOST_CREATED}.",
            "One ticket for each resource.",
        )


@_on_plan("cost", "a plan's monthly cost is known and below the ceiling")
def _cost(facts: PlanFacts) -> Iterator[Objection]:
    cost = facts.plan.monthly_cost
    if not 0 <= cost <= MOST_MONTHLY_COST:
        yield Objection(
            f"The plan would cost {cost:.2f} US dollars a month; the limit is {MOST_MONTHLY_COST:.2f}.",
            "A smaller size, or a person's decision.",
        )


@_on_plan("born-tagged", "what is created can always be traced to its ticket, request and team")
def _born_tagged(facts: PlanFacts) -> Iterator[Objection]:
    for step in facts.plan.steps:
        if not step.creates:
            continue
        given = {re.split(r"[:/._-]", key.lower())[-1] for key, value in tags_of(step.arguments) if value}
        missing = [tag for tag, words in REQUIRED_TAGS.items() if not given & set(words)]
        if missing:
            yield Objection(
                f"{step.operation} would create {shown(step.resource)} without the tags {', '.join(missing)}."
            )


@_on_plan("nothing-public", "nothing that is made is open to everybody")
def _nothing_public(facts: PlanFacts) -> Iterator[Objection]:
    private = "Private, with access for your team's own principals"
    for step in facts.plan.steps:
        for acl in values_of(step.arguments, "ACL"):
            if acl not in ("private", "bucket-owner-full-control"):
                yield Objection(f"{step.operation} sets the access list {shown(str(acl))}.", private)
        for cidr in (*values_of(step.arguments, "CidrIp"), *values_of(step.arguments, "CidrIpv6")):
            if cidr in ("0.0.0.0/0", "::/0"):
                yield Objection(f"{step.operation} opens the network to everybody ({cidr}).", private)
        if any(value is True for value in values_of(step.arguments, "PubliclyAccessible")):
            yield Objection(f"{step.operation} makes the resource reachable from the internet.", private)
        yield from (Objection(reason, private) for reason in open_statements(step))
        yield from (Objection(reason, private) for reason in open_blocks(step))

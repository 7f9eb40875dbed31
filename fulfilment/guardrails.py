"""The rules that are checked before anything is planned, and again on the plan before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from fulfilment.handler import Handler
from fulfilment.plan import Plan
from fulfilment.policy import Environment, Team


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reasons`: why not, each with the number and the limit; `instead`: the least change that complies."""

    allowed: bool
    reasons: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


def check_request(
    parameters: BaseModel, *, handler: Handler, team: Team, environment: Environment, open_requests: int = 0
) -> Verdict:
    raise NotImplementedError


def check_plan(plan: Plan, handler: Handler, environment: Environment) -> Verdict:
    raise NotImplementedError

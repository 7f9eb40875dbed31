"""The golden paths of this site: which there are, in which mode each is in force, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agent.config import Configuration, build_policy
from agent.errors import ConfigurationError
from fulfilment.handler import discover
from fulfilment.ledger import Ledger
from fulfilment.policy import Mode
from tickets.ticket import Classification

ALL = "all"


@dataclass(frozen=True, slots=True)
class PathMode:
    """Of one handler and one request type it serves: the mode in force where the type was `given` on a form, and where
    it was `predicted` with a score that is high enough; `why` says what holds each down, in sentences."""

    handler: str
    title: str
    request_type: str
    configured: Mode
    given: Mode
    why_given: tuple[str, ...]
    predicted: Mode
    why_predicted: tuple[str, ...]


def path_modes(configuration: Configuration, ledger: Ledger) -> list[PathMode]:
    policy = build_policy(configuration)
    certificates = ledger.evidence.in_force()
    found = []
    for name, handler in sorted(discover().items()):
        configured = policy.handlers[name].mode if name in policy.handlers else Mode.OFF
        for request_type in handler.request_types:
            held = certificates.get(request_type)
            guess = Classification(request_type, "predicted", 1.0, held.id if held else None)
            given, predicted = (
                ledger.effective_mode(configured, handler=name, site="", ticket_id=0, classification=told)
                for told in (Classification(request_type, "given", 1.0), guess)
            )
            found.append(
                PathMode(
                    name, handler.title, request_type, configured, given.mode, given.why, predicted.mode, predicted.why
                )
            )
    return found


def stop(ledger: Ledger, scope: str, *, reason: str, by: str, at: datetime) -> None:
    """Raises ConfigurationError for a handler that does not exist."""
    _require(scope)
    ledger.stop(scope, reason=reason, by=by, at=at)


def resume(ledger: Ledger, scope: str, *, by: str, at: datetime) -> None:
    """Lifts stops and demotions of a handler, or the stop of all. Raises ConfigurationError as `stop`."""
    _require(scope)
    ledger.resume(scope, by=by, at=at)


def _require(scope: str) -> None:
    known = [ALL, *sorted(discover())]
    if scope not in known:
        raise ConfigurationError(f"there is no golden path {scope!r}; allowed: {', '.join(known)}")

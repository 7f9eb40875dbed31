"""The effective mode: the lowest of the configured one, a stop or demotion, and what the evidence carries."""

from __future__ import annotations

from dataclasses import dataclass

from fulfilment.audits import newest_audit
from fulfilment.ceilings import ceiling_of
from fulfilment.certificates import certificate_of
from fulfilment.chain import hold_head
from fulfilment.errors import StaleRequest
from fulfilment.policy import Mode
from fulfilment.records import Ceiling, Certificate
from fulfilment.request import Request
from fulfilment.rows import classification_of
from fulfilment.schema import Connection
from fulfilment.type_names import roots
from tickets.ticket import Classification


@dataclass(frozen=True, slots=True)
class EffectiveMode:
    """`why`: a sentence for each thing that holds the mode down; empty when the configured mode is in
    force."""

    mode: Mode
    why: tuple[str, ...] = ()


def effective_mode(
    configured: Mode,
    *,
    ceiling: Ceiling | None,
    classification: Classification,
    certificate: Certificate | None,
    word: str | None,
) -> EffectiveMode:
    """`certificate` is the newest of the type, in force or not; `word` the type that a person said last of the ticket.

    A type that was chosen on a form, or that a person said, needs no certificate. Whatever its source, a type that a
    person contradicted does not act by itself.
    """
    mode, why = configured, []
    if ceiling is not None and ceiling.mode < mode:
        mode = ceiling.mode
        why.append(ceiling.sentence)
    missing = _missing(classification, certificate, word)
    if mode > Mode.SUPERVISED and missing is not None:
        mode = Mode.SUPERVISED
        why.append(f"{missing}, so a person approves")
    return EffectiveMode(mode, tuple(why))


def effective_mode_in(
    connection: Connection,
    configured: Mode,
    *,
    handler: str,
    site: str,
    ticket_id: int,
    classification: Classification,
) -> EffectiveMode:
    """By what the database says within the caller's transaction."""
    said = newest_audit(connection, site, ticket_id)
    kind = word = classification.request_type
    if said is not None:
        stands_for = roots(connection)
        root = stands_for.get(said.request_type, said.request_type)
        word = kind if root == stands_for.get(kind, kind) else root
    return effective_mode(
        configured,
        ceiling=ceiling_of(connection, handler),
        classification=classification,
        certificate=certificate_of(connection, kind) if classification.source == "predicted" else None,
        word=None if said is None else word,
    )


def require_mode(connection: Connection, request: Request, least: Mode) -> None:
    """Raises StaleRequest unless the request may act in this mode by what the database says now.

    The head is held, so that nobody can suspend, stop or demote between this reading and the caller's writing.
    """
    hold_head(connection)
    found = effective_mode_in(
        connection,
        least,
        handler=request.handler,
        site=request.site,
        ticket_id=request.ticket_id,
        classification=classification_of(request),
    )
    if found.mode < least:
        raise StaleRequest(f"{request.handler} may not act on {request.ticket_key}: {'; '.join(found.why)}")


def _missing(classification: Classification, certificate: Certificate | None, word: str | None) -> str | None:
    """What the request's type lacks to act by itself, in a sentence."""
    kind, source = classification.request_type, classification.source
    if word is not None and word != kind:
        return f"the request type was {source} as {kind}, and a person says that it is {word}"
    if source == "given":
        return None
    if source == "corrected":
        return None if word == kind else f"the request type was corrected to {kind}, and no record says by whom"
    lacking = _uncertified(classification, certificate)
    return None if lacking is None else f"the request type was {source}, not chosen on a form: {lacking}"


def _uncertified(classification: Classification, certificate: Certificate | None) -> str | None:
    if certificate is None:
        return f"no certificate was issued for {classification.request_type} yet, audited tickets are needed"
    if certificate.lacks is not None or certificate.threshold is None:
        return certificate.lacks
    if not classification.score >= certificate.threshold:  # also where the score is not a number
        score, threshold = _apart(classification.score, certificate.threshold)
        return f"the score {score} is below the certified {threshold}"
    if classification.certificate is None:
        return "the model that the certificate is of did not see the ticket as it stands"
    if classification.certificate != certificate.id:
        return "the certificate that it was classified under was withdrawn: a newer model or certificate replaced it"
    return None


def _apart(score: float, threshold: float) -> tuple[str, str]:
    """Both with as many digits as tell them apart."""
    for digits in range(2, 17):
        told = f"{score:.{digits}f}", f"{threshold:.{digits}f}"
        if told[0] != told[1]:
            break
    return told

"""The classifier of this installation: stored, or trained from the stored tickets' own request types."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agent import bootstrap
from agent.config import Configuration
from agent.errors import AgentError
from tickets.ticket import Classification, Ticket

if TYPE_CHECKING:
    from analytics.classify import Classifier

log = logging.getLogger("goldenpath.model")


def load(configuration: Configuration) -> Classifier | None:
    """The stored model, or None where there is none yet. Raises AgentError for one that was altered."""
    folder = bootstrap.model_folder(configuration)
    if not folder.exists():
        return None
    from analytics import model_file  # scikit-learn is slow to import
    from analytics.errors import ModelRefused

    try:
        return model_file.load(folder)
    except ModelRefused as error:
        raise AgentError(f"{error} Delete {folder} to train anew from the stored tickets.") from None


def load_or_train(configuration: Configuration, tickets: Iterable[Ticket]) -> Classifier | None:
    """The stored model, else one trained from `tickets` and stored. None where too few carry a request type."""
    from analytics import model_file
    from analytics.classify import Classifier
    from analytics.errors import NotEnoughLabels

    if (stored := load(configuration)) is not None:
        return stored
    known = [ticket for ticket in tickets if ticket.text]  # an event log has none: nothing can be learned from it
    if len({ticket.request_type for ticket in known if ticket.request_type}) < 2:
        log.info("no model yet: fewer than two request types were chosen on forms")
        return None
    try:
        trained = Classifier.train(known)
    except NotEnoughLabels as error:
        log.info("no model yet: %s", error)
        return None
    model_file.save(trained, bootstrap.model_folder(configuration))
    return trained


def classify(model: Classifier | None, tickets: Sequence[Ticket]) -> list[Classification | None]:
    """One per ticket: the given type, else the model's, else None."""
    from analytics.classify import given

    if model is not None:
        return list(model.classify(tickets))
    return [given(ticket) for ticket in tickets]

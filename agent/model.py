"""The classifier of this installation, and what it says of tickets beside what people say."""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent import bootstrap
from agent.config import Configuration
from agent.errors import AgentError
from agent.said import Said
from tickets.ticket import Classification, Ticket

if TYPE_CHECKING:
    from analytics.classify import Classifier

log = logging.getLogger("goldenpath.model")

LOCK_FILE = "model.lock"


@dataclass(frozen=True, slots=True)
class LiveModel:
    """`sha256` is the hash by which certificates know it."""

    classifier: Classifier
    sha256: str


def load(configuration: Configuration) -> LiveModel | None:
    """The stored model, or None where there is none yet, or an older Golden Path wrote it: then one is learned anew.
    Raises AgentError for one that was altered."""
    from analytics.errors import ModelOutdated, ModelRefused  # scikit-learn is slow to import

    try:
        found = _read(configuration)
    except ModelRefused:
        found = None
    if found is None and (configuration.folder / LOCK_FILE).exists():  # it may be being replaced right now
        with _held(configuration):
            pass
    try:
        return found or _read(configuration)
    except ModelOutdated as error:
        log.warning("%s", error)
        return None
    except ModelRefused as error:
        raise AgentError(str(error)) from None


def _read(configuration: Configuration) -> LiveModel | None:
    """Raises ModelRefused."""
    folder = bootstrap.model_folder(configuration)
    if not folder.exists():
        return None
    from analytics import model_file

    sha256 = model_file.hash_of(folder)
    return LiveModel(model_file.load(folder, sha256=sha256), sha256)


def keep(configuration: Configuration, classifier: Classifier) -> LiveModel:
    """Stores the model whole beside the one before, then puts it in its place: an end in between leaves the one before,
    or none. Raises AgentError where it cannot write."""
    from analytics import model_file

    folder = bootstrap.model_folder(configuration)
    new, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    try:
        with _held(configuration):
            for left in (new, old):
                shutil.rmtree(left, ignore_errors=True)
            sha256 = model_file.save(classifier, new)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise AgentError(f"the model cannot be written into {folder}: {error.strerror or error}") from None
    return LiveModel(classifier, sha256)


def is_same(one: Classifier, other: Classifier) -> bool:
    """Whether both learned the same from the same tickets. Their files may differ all the same."""
    import numpy as np

    if (one.classes, one.report, one.sample.keys) != (other.classes, other.report, other.sample.keys):
        return False
    is_audited = np.array_equal(one.sample.is_audited, other.sample.is_audited)
    return is_audited and np.array_equal(one.pipeline[-1].coef_, other.pipeline[-1].coef_)


@contextmanager
def _held(configuration: Configuration) -> Iterator[None]:
    """One process at a time; who may not write here replaces nothing, and reads on."""
    try:
        lock = (configuration.folder / LOCK_FILE).open("ab")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load_or_train(configuration: Configuration, tickets: Iterable[Ticket], said: Said) -> LiveModel | None:
    """The stored model, else one trained from `tickets` and stored. None where too few carry a request type."""
    from agent.learning import teach
    from analytics.errors import NotEnoughLabels

    if (stored := load(configuration)) is not None:
        return stored
    known = [ticket for ticket in tickets if ticket.text]  # an event log has none: nothing can be learned from it
    if not said.audits and len({ticket.request_type for ticket in known if ticket.request_type}) < 2:
        log.info("no model yet: fewer than two request types were chosen on forms")
        return None
    try:
        trained = teach(configuration, known, said)
    except NotEnoughLabels as error:
        log.info("no model yet: %s", error)
        return None
    return keep(configuration, trained)


def classify(model: LiveModel | None, tickets: Sequence[Ticket], said: Said) -> list[Classification | None]:
    """One per ticket: what a person said it is, else what its form says, else the model's opinion, else None.

    A predicted type carries the certificate that is in force for it and this model where its score reaches the
    certified threshold.
    """
    from analytics.classify import given

    told = [corrected(ticket, said) or given(ticket) for ticket in tickets]
    unknown = [ticket for ticket, known in zip(tickets, told, strict=True) if known is None]
    if model is None or not unknown:
        return told
    predicted = iter(predict(model, unknown, said))
    return [known or next(predicted) for known in told]


def corrected(ticket: Ticket, said: Said) -> Classification | None:
    name = said.corrected((ticket.site, ticket.id))
    return Classification(name, "corrected", 1.0) if name else None


def predict(model: LiveModel, tickets: Sequence[Ticket], said: Said) -> list[Classification | None]:
    """The model's opinions, of the types that stand for those it learned; None for a text unlike anything seen."""
    return [
        None if opinion is None else _certified(opinion, model, said) for opinion in model.classifier.predict(tickets)
    ]


def _certified(opinion: Classification, model: LiveModel, said: Said) -> Classification:
    name = said.root(opinion.request_type)
    found = said.certificates.get(name)
    reaches = (
        found is not None
        and found.model == model.sha256
        and found.threshold is not None
        and opinion.score >= found.threshold
    )
    return Classification(name, "predicted", opinion.score, found.id if found is not None and reaches else None)

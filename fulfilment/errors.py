"""Errors of this room. The message is a sentence that a person can act on.

FulfilmentError
├── LedgerError            the ledger database cannot be opened, read or written
│   └── ChainBroken        a ledger row does not follow from the one before it
├── UnknownRequestType     a request type that nobody discovered or named
├── CircularMerge          a request type would stand for itself
├── StaleRequest           a request's state or epoch is not what the caller read: somebody else moved it
│   └── QuotaUsedUp        the requester's requests of this day are used up: tomorrow there are others
├── Held                   a person's stop holds the handler: nothing is sent until it is lifted
├── HandlerError           a handler returned what its declaration does not allow
│   └── UndeclaredOperation
└── ProviderError          the provider said no, or nothing
    ├── ProviderRefused    permission, validation, quota: it answered, and nothing was done
    ├── WrongAccount       the credentials lead to another account than the configured one
    ├── ProviderBusy       throttled or unavailable before anything was done: try again later
    └── AnswerLost         the call may or may not have been carried out: observe, never repeat
"""

from __future__ import annotations


class FulfilmentError(Exception):
    """Anything this room raises on purpose."""


class LedgerError(FulfilmentError):
    """The ledger database cannot be used; the message names the file and the way out."""


class ChainBroken(LedgerError):
    """A ledger row does not follow from the row before it; the message names the row."""


class StaleRequest(FulfilmentError):
    """The request was moved by somebody else between reading and writing; nothing was written."""


class QuotaUsedUp(StaleRequest):
    """The requester's requests of this day are used up; the message says the number and the limit."""


class Held(FulfilmentError):
    """A person's stop holds the handler; nothing was sent. The message says why."""


class UnknownRequestType(FulfilmentError):
    """No request type has this id; the message lists near ones."""


class CircularMerge(FulfilmentError):
    """A request type would be merged into itself, at once or by way of others; nothing was written."""


class HandlerError(FulfilmentError):
    """A handler broke its own declaration; the message names handler and rule."""


class UndeclaredOperation(HandlerError):
    """A handler asked for an operation that it does not declare."""


class ProviderError(FulfilmentError):
    """The provider did not do what was asked. `code` is the provider's own error code."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ProviderRefused(ProviderError):
    """The provider answered no; nothing was done."""


class WrongAccount(ProviderError):
    """The credentials lead to another account than the one that is configured; nothing was done."""


class ProviderBusy(ProviderError):
    """Throttled or unavailable; nothing was done; later may do."""


class AnswerLost(ProviderError):
    """No answer came back: whether it was done is not known."""

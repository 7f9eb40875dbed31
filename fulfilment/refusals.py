"""A provider's errors in our words: what it means for the request, and the way out.

What counts is whether anything may have been done: refused and busy say no, a lost answer says that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from fulfilment.errors import AnswerLost, ProviderBusy, ProviderError, ProviderRefused
from fulfilment.policy import Environment

_ABSENT = re.compile(r"404|NotFound|NoSuch\w+|\w+NotFound(?:Error|Exception|Fault)?")
_BUSY = re.compile(
    r"Throttl\w+|RequestThrottled\w*|TooManyRequests\w*|SlowDown|ServiceUnavailable|Unavailable"
    r"|RequestLimitExceeded|BandwidthLimitExceeded|OperationAborted|429|503"
)
_DENIED = re.compile(r"AccessDenied\w*|Unauthorized\w*|AllAccessDisabled|AuthorizationError|403")
_CREDENTIALS = re.compile(
    r"InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken\w*|UnrecognizedClient\w*"
    r"|InvalidToken"
)
# The client library's names for a call that never left.
_UNREACHED = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"})
_UNSIGNED = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"})
_UNSENT = frozenset({"ParamValidationError", "ProfileNotFound", "InvalidRegionError"})


@dataclass(frozen=True, slots=True)
class AttemptedCall:
    """What is said of a call when it fails. `operation` as AWS spells it, `role` its ARN."""

    operation: str
    role: str
    environment: Environment
    is_write: bool

    @property
    def where(self) -> str:
        return f"in environment {self.environment.name}"


def is_absent(code: str) -> bool:
    """Whether an error code says that the thing does not exist."""
    return _ABSENT.fullmatch(code) is not None


def answered(call: AttemptedCall, code: str, status: int, message: str) -> ProviderError:
    """AWS answered with an error: its code, HTTP status and message."""
    if _BUSY.fullmatch(code) or status in (429, 503):
        told = f"AWS is busy and did not do {call.operation} {call.where} ({code}); later it may."
        return ProviderBusy(told, code=code)
    if status >= 500 or code == "RequestTimeout":
        return _lost(call, code)
    if _CREDENTIALS.fullmatch(code):
        told = (
            f"AWS does not accept the credentials for {call.operation} {call.where} ({code}). "
            "Renew the credentials that the agent starts with."
        )
        return ProviderRefused(told, code=code)
    if _DENIED.fullmatch(code):
        return ProviderRefused(_denied(call), code=code)
    told = f"AWS refused {call.operation} {call.where}: {code}: {on_one_line(message)}"
    return ProviderRefused(told, code=code)


def unanswered(call: AttemptedCall, kinds: Collection[str], message: str) -> ProviderError:
    """No usable answer. `kinds`: the names of the error's classes, its own first."""
    code = next(iter(kinds), "")
    if not _UNREACHED.isdisjoint(kinds):
        told = f"AWS cannot be reached for {call.operation} {call.where}: {on_one_line(message)}"
        return ProviderBusy(told, code=code)
    if not _UNSIGNED.isdisjoint(kinds):
        told = (
            f"there are no usable AWS credentials for environment {call.environment.name}. Set AWS_PROFILE, or "
            "give the machine a role, so that the agent can assume its roles."
        )
        return ProviderRefused(told, code=code)
    if not _UNSENT.isdisjoint(kinds):
        told = f"{call.operation} was not sent {call.where}: {on_one_line(message)}"
        return ProviderRefused(told, code=code)
    return _lost(call, code)


def on_one_line(message: object) -> str:
    return " ".join(str(message).split())[:300]


def _denied(call: AttemptedCall) -> str:
    where = f"{call.where} (account {call.environment.account})"
    if call.operation == "sts:AssumeRole":
        return (
            f"AWS does not let the agent assume role {call.role} {where}. Let the role's trust policy name the "
            "agent, with sts:AssumeRole, sts:TagSession and, if one is configured, the external id."
        )
    return (
        f"AWS refused {call.operation} to role {call.role} {where}. Add {call.operation} to the role's policy, "
        "or see whether the resource belongs to somebody else."
    )


def _lost(call: AttemptedCall, code: str) -> ProviderError:
    if call.is_write:
        told = f"AWS gave no clear answer to {call.operation} {call.where} ({code}): it may have been done."
        return AnswerLost(told, code=code)
    told = f"AWS gave no answer to {call.operation} {call.where} ({code}); later it may."
    return ProviderBusy(told, code=code)

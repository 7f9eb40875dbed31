"""AWS: the only place that knows its client library, which is loaded on first use.

Every session is of a role that was assumed for it: one planning session per environment, one applying session
per request. Each first makes sure that it stands in the configured account. All calls have time-outs; a call
that changes something is sent exactly once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from fulfilment.errors import HandlerError, ProviderRefused, UndeclaredOperation, WrongAccount
from fulfilment.executor import check_declared
from fulfilment.handler import Handler
from fulfilment.plan import Step
from fulfilment.policy import Environment
from fulfilment.refusals import AttemptedCall, answered, is_absent, on_one_line, unanswered

PLANNING_SESSION = "goldenpath-plan"

_READING = ("Get", "Head", "List", "Describe")
# An environment on this machine is a sandbox: real credentials are neither needed there nor looked for.
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Workshop:
    """Readers and executors for each environment. Credentials come from AWS's usual chain.

    Time-outs are in seconds. Nothing is connected before the first `reader(…).read` or `executor`.
    """

    def __init__(
        self,
        environments: Mapping[str, Environment],
        *,
        connect_timeout: float = 3,
        read_timeout: float = 10,
    ) -> None:
        self._environments = environments
        self._timeouts = (connect_timeout, read_timeout)
        self._doors: dict[str, _Door] = {}

    def reader(self, environment: str, handler: Handler) -> LiveReader:
        """Reads with the planning role what `handler` declares in its `reads`."""
        return LiveReader(self._door(environment), handler.reads)

    def executor(self, environment: str, *, ticket: str, request: str, operations: Collection[str]) -> LiveExecutor:
        """A session of the applying role for this one request, tagged with `ticket` and `request`.

        Raises WrongAccount, ProviderRefused or ProviderBusy when there is none; nothing was done then.
        """
        return LiveExecutor(self._door(environment), ticket=ticket, request=request, operations=operations)

    def check_planning(self, environment: str) -> None:
        """Assumes the planning role anew. Raises WrongAccount unless it stands in the configured account, and
        ProviderRefused or ProviderBusy when it cannot be assumed."""
        door = self._door(environment)
        given = door.assume(door.environment.plan_role_arn, PLANNING_SESSION, {})
        credentials = _fixed(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        door.check_account(door.session(credentials), door.environment.plan_role_arn)

    def _door(self, name: str) -> _Door:
        if name not in self._environments:
            known = ", ".join(sorted(self._environments)) or "none is configured"
            raise HandlerError(f"there is no environment {name!r}; configured: {known}")
        if name not in self._doors:
            self._doors[name] = _Door(self._environments[name], *self._timeouts, self._loader)
        return self._doors[name]

    @cached_property
    def _loader(self) -> Any:
        """Service descriptions, parsed once for all sessions."""
        from botocore.loaders import create_loader

        return create_loader()


class LiveReader:
    """`fulfilment.handler.Reader` on AWS."""

    def __init__(self, door: _Door, reads: frozenset[str]) -> None:
        self._door = door
        self._reads = reads

    def read(self, service: str, method: str, *, region: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer, or None where AWS says "not found".

        Raises ProviderRefused, ProviderBusy, UndeclaredOperation.
        """
        from botocore import xform_name

        operation = next(
            (one for one in self._reads if one.startswith(f"{service}:") and xform_name(one.split(":")[1]) == method),
            None,
        )
        if operation is None or not operation.split(":")[1].startswith(_READING):
            declared = ", ".join(sorted(self._reads)) or "none"
            raise UndeclaredOperation(f"{service}:{method} is not a declared read; declared: {declared}.")
        client = self._door.planning_client(service, region)
        return self._door.call(
            self._door.attempt(operation, self._door.environment.plan_role_arn), client, method, arguments
        )


class LiveExecutor:
    """`fulfilment.executor.Executor` on AWS: the only code that changes it."""

    def __init__(self, door: _Door, *, ticket: str, request: str, operations: Collection[str]) -> None:
        self._door = door
        self._operations = operations
        self._request = request
        self._clients: dict[tuple[str, str], Any] = {}
        environment = door.environment
        name = re.sub(r"[^\w+=,.@-]", "-", f"goldenpath-{ticket}", flags=re.ASCII)[:64]
        tags = {"ticket": ticket, "request": request}
        credentials = door.assume(environment.apply_role_arn, name, tags)
        self._session = door.session(
            _fixed(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
        )
        door.check_account(self._session, environment.apply_role_arn)

    def perform(self, step: Step) -> Mapping[str, Any]:
        """`step.arguments` are the call's own, and `region`."""
        from botocore import xform_name

        check_declared(step, self._operations)
        service, _, operation = step.operation.partition(":")
        arguments = dict(step.arguments)
        region = arguments.pop("region", None)
        environment = self._door.environment
        if region not in environment.regions:
            open_regions = ", ".join(environment.regions)
            raise HandlerError(f"{step.operation} names region {region!r}; open in {environment.name}: {open_regions}.")
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._door.client(self._session, service, region, attempts=1)
        # Where AWS takes a token, the same step of the same request always carries the same one; botocore's are random.
        taken = self._clients[key].meta.service_model.operation_model(operation).idempotent_members
        arguments |= {name: self._token(step) for name in taken}
        call = self._door.attempt(step.operation, environment.apply_role_arn, is_write=True)
        answer = self._door.call(call, self._clients[key], xform_name(operation), arguments)
        if answer is None:
            raise ProviderRefused(f"AWS knows no {step.resource} for {step.operation}.", code="NotFound")
        return answer

    def _token(self, step: Step) -> str:
        told = json.dumps([self._request, asdict(step)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Fixed:
    """A credential provider that knows its credentials: nothing of the machine is looked at."""

    credentials: Any

    def load_credentials(self) -> Any:
        return self.credentials


class _Door:
    """The way into one environment: sessions, clients, and AWS's errors in our words."""

    def __init__(self, environment: Environment, connect_timeout: float, read_timeout: float, loader: Any) -> None:
        self.environment = environment
        self._timeouts = (connect_timeout, read_timeout)
        self._loader = loader
        self._planning: dict[tuple[str, str], Any] = {}

    @property
    def _is_loopback(self) -> bool:
        url = self.environment.endpoint_url
        return url is not None and urlsplit(url).hostname in _LOOPBACK

    def planning_client(self, service: str, region: str) -> Any:
        if (service, region) not in self._planning:
            self._planning[service, region] = self.client(self._planning_session, service, region, attempts=3)
        return self._planning[service, region]

    @cached_property
    def _planning_session(self) -> Any:
        """Of the planning role; its credentials renew themselves."""
        from botocore.credentials import RefreshableCredentials

        role = self.environment.plan_role_arn

        def refresh() -> dict[str, Any]:
            given = self.assume(role, PLANNING_SESSION, {})
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": given["Expiration"].isoformat(),
            }

        credentials = RefreshableCredentials.create_from_metadata(
            metadata=refresh(), refresh_using=refresh, method="sts-assume-role"
        )
        session = self.session(_Fixed(credentials))
        self.check_account(session, role)
        return session

    @cached_property
    def _base_session(self) -> Any:
        """Whoever we are before assuming a role."""
        return self.session(_fixed("sandbox", "sandbox", None) if self._is_loopback else None)

    def session(self, credentials: _Fixed | None) -> Any:
        """A boto3 session with these credentials (None: AWS's usual chain) that reads with the shared loader."""
        import boto3
        from botocore.session import Session

        # On this machine's own AWS the profile and the files of a real one must not matter.
        bare: dict[str, Any] = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
        session = Session(session_vars=bare if self._is_loopback else None)
        session.register_component("data_loader", self._loader)
        if credentials is not None:
            session.register_component("credential_provider", credentials)
        made = boto3.Session(botocore_session=session)
        paths = self._loader.search_paths
        paths[:] = dict.fromkeys(paths)  # every boto3 session appends its own folder to the loader
        return made

    def client(self, session: Any, service: str, region: str, *, attempts: int) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        connect_timeout, read_timeout = self._timeouts
        url = self.environment.endpoint_url
        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            s3={"addressing_style": "path"} if url else None,
            proxies={} if self._is_loopback else None,
        )
        try:
            return session.client(service, region_name=region, endpoint_url=url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ProviderRefused(
                f"AWS cannot be reached for environment {self.environment.name}: {on_one_line(error)} "
                "Check endpoint_url, the regions and the AWS profile in use."
            ) from error

    def assume(self, role: str, session_name: str, tags: Mapping[str, str]) -> Mapping[str, Any]:
        """The credentials of AWS's AssumeRole. Raises ProviderRefused or ProviderBusy."""
        arguments: dict[str, Any] = {"RoleArn": role, "RoleSessionName": session_name}
        if tags:
            arguments["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        if self.environment.external_id:
            arguments["ExternalId"] = self.environment.external_id
        client = self.client(self._base_session, "sts", self.environment.regions[0], attempts=3)
        answer = self.call(self.attempt("sts:AssumeRole", role), client, "assume_role", arguments)
        if answer is None:
            raise ProviderRefused(f"AWS knows no role {role}.", code="NotFound")
        credentials: Mapping[str, Any] = answer["Credentials"]
        return credentials

    def check_account(self, session: Any, role: str) -> None:
        """Raises WrongAccount unless the session stands in the configured account."""
        client = self.client(session, "sts", self.environment.regions[0], attempts=3)
        call = self.attempt("sts:GetCallerIdentity", role)
        account = (self.call(call, client, "get_caller_identity", {}) or {}).get("Account")
        if account != self.environment.account:
            raise WrongAccount(
                f"the credentials of environment {self.environment.name} lead to account {account}, but "
                f"{self.environment.account} is configured; nothing was done. Correct the role or account."
            )

    def attempt(self, operation: str, role: str, *, is_write: bool = False) -> AttemptedCall:
        return AttemptedCall(operation, role, self.environment, is_write)

    def call(
        self, call: AttemptedCall, client: Any, method: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """One call; its answer as plain data, or None for "not found". Raises ProviderError."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer: dict[str, Any] = getattr(client, method)(**arguments)
        except ClientError as error:
            told = error.response.get("Error", {})
            code, message = str(told.get("Code", "")), str(told.get("Message", ""))
            if is_absent(code):
                return None
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            raise answered(call, code, status, message) from error
        except (BotoCoreError, ResponseParserError, KeyError) as error:  # a KeyError where the answer is of no AWS
            kinds = [kind.__name__ for kind in type(error).__mro__]
            raise unanswered(call, kinds, str(error)) from error
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _fixed(key: str, secret: str, token: str | None) -> _Fixed:
    from botocore.credentials import Credentials

    return _Fixed(Credentials(key, secret, token))

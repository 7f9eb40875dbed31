"""An AWS on loopback: moto's server behind a thin layer that adds what AWS does and moto does not.

For buckets: tags given at creation; the public-access block, encryption and ownership that a new bucket is
born with; `BlockPublicPolicy`; bucket names; `ExpectedBucketOwner`; buckets of other accounts are closed. For
roles: AssumeRole into one account and two roles, of which one only reads and neither deletes.
`POST /_sandbox/fail` makes it refuse, keep silent, answer late or talk nonsense.

Whoever signs with a key that AssumeRole did not give out is the administrator of the account.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sandbox.aws_buckets import Refusal, check_acl, check_name, check_policy, find, give_birth, tags_at_birth
from sandbox.aws_calls import AwsRequest, read_body, read_request
from sandbox.configuration import ACCOUNT

ROLES = {f"arn:aws:iam::{ACCOUNT}:role/goldenpath-{name}": name for name in ("plan", "apply")}
FAILURES = ("AccessDenied", "Throttling", "InternalError", "drop", "slow", "nonsense")

NONSENSE = b"<html><body>Please log in to the network.</body></html>"

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class AwsSession:
    """What AssumeRole gave out: `role` is `plan` or `apply`."""

    role: str
    name: str
    external_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that came in. `caller`: `plan`, `apply` or `administrator`; `status`: what was answered."""

    caller: str
    operation: str
    bucket: str
    status: int


@dataclass(frozen=True, slots=True)
class Failure:
    """The next `times` calls fail like this. `seconds` is how late a slow answer comes."""

    times: int = 0
    how: str = ""
    seconds: float = 0.0


@dataclass
class AwsApp:
    """The layer, a WSGI application around moto's. Its state is what tests may ask. `on_write` is called before a
    bucket is changed, within the call."""

    inner: Application
    on_write: Callable[[AwsRequest], object] = lambda request: None
    sessions: dict[str, AwsSession] = field(default_factory=dict)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=10_000))
    _failures: dict[str, Failure] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", "/"))
        if path == "/_sandbox/fail":
            return self._set_failure(environ, start_response)
        if path.startswith("/moto-api"):
            if path == "/moto-api/reset":
                self.calls.clear()
                self._failures.clear()
            return self.inner(environ, start_response)
        request = read_request(environ)
        if request.bucket:
            self._open.wait()
        try:
            failure = self._take_failure(request.operation)
            if failure.how in ("AccessDenied", "Throttling", "InternalError"):
                raise _refusal_of(request, failure.how)
            self._check_caller(request)
            if request.bucket and not request.is_read:
                self.on_write(request)
            answer = self._answer(request, environ)
        except Refusal as refusal:
            self._note(request, refusal.status)
            return _refuse(refusal, request, start_response)
        self._note(request, answer.status)
        return self._give(answer, failure, environ, start_response)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within it, calls on buckets are not answered."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def _give(
        self, answer: _Answer, failure: Failure, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """It was done; what the caller hears of it is another matter."""
        if failure.how == "slow":
            time.sleep(failure.seconds)
        elif failure.how == "drop":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        elif failure.how == "nonsense":
            start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(NONSENSE)))])
            return [NONSENSE]
        start_response(answer.line, answer.headers)
        return answer.chunks

    def _answer(self, request: AwsRequest, environ: dict[str, Any]) -> _Answer:
        if request.service == "sts" and request.operation == "AssumeRole":
            return self._assume_role(request, environ)
        if request.service != "s3" or not request.bucket:
            return _pass_on(self.inner, environ)
        if request.operation == "CreateBucket":
            return self._create_bucket(request, environ)
        if request.operation == "PutBucketPolicy":
            check_policy(request.bucket, request.body)
        elif request.operation == "PutBucketAcl":
            check_acl(request.bucket)
        return _pass_on(self.inner, environ)

    def _check_caller(self, request: AwsRequest) -> None:
        session = self.sessions.get(request.access_key)
        may = session is None or request.service == "sts"
        if session is not None and request.service == "s3":
            may = request.is_read or (session.role == "apply" and _may_apply(request.operation))
        if not may:
            raise Refusal(403, "AccessDenied", f"Access Denied: {request.operation} is not in the role's policy")
        if request.service != "s3" or not request.bucket or request.operation == "CreateBucket":
            return
        bucket = find(request.bucket)
        if bucket is not None and {request.account, request.expected_owner or request.account} != {bucket.account_id}:
            raise Refusal(403, "AccessDenied", "Access Denied")

    def _assume_role(self, request: AwsRequest, environ: dict[str, Any]) -> _Answer:
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        arn = form.get("RoleArn", "")
        if arn not in ROLES:
            message = f"Not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise Refusal(403, "AccessDenied", message)
        answer = _pass_on(self.inner, environ)
        given = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", b"".join(answer.chunks))
        if given is not None:
            keys = [key for key in form if re.fullmatch(r"Tags\.member\.\d+\.Key", key)]
            tags = {form[key]: form.get(key.removesuffix("Key") + "Value", "") for key in keys}
            self.sessions[given[1].decode()] = AwsSession(
                ROLES[arn], form.get("RoleSessionName", ""), form.get("ExternalId", ""), tags
            )
        return answer

    def _create_bucket(self, request: AwsRequest, environ: dict[str, Any]) -> _Answer:
        name = request.bucket
        check_name(name)
        tags = tags_at_birth(request.body)
        with self._lock:
            existed = find(name) is not None
            answer = _pass_on(self.inner, environ)
            if answer.status == 200 and not existed:
                give_birth(name, request.account, tags)
        return answer

    def _set_failure(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            asked = json.loads(read_body(environ))
            operation, times, how = str(asked["operation"]), int(asked.get("times", 1)), asked["how"]
            seconds = float(asked.get("seconds", 1))
        except (ValueError, KeyError, TypeError):
            operation, times, how, seconds = "", -1, None, 0.0
        if not operation or times < 0 or how not in FAILURES or not 0 <= seconds < 60:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            hows = "|".join(FAILURES)
            told = f'expected {{"operation": "CreateBucket", "times": 1, "how": "{hows}", "seconds": 1}}\n'
            return [told.encode()]
        with self._lock:
            self._failures[operation] = Failure(times, str(how), seconds)
            if not times:
                del self._failures[operation]
        start_response("204 No Content", [])
        return []

    def _take_failure(self, operation: str) -> Failure:
        with self._lock:
            found = self._failures.pop(operation, Failure())
            if found.times > 1:
                self._failures[operation] = replace(found, times=found.times - 1)
        return found

    def _note(self, request: AwsRequest, status: int) -> None:
        session = self.sessions.get(request.access_key)
        self.calls.append(Call(session.role if session else "administrator", request.operation, request.bucket, status))


@dataclass(frozen=True, slots=True)
class _Answer:
    line: str
    headers: list[tuple[str, str]]
    chunks: list[bytes]

    @property
    def status(self) -> int:
        return int(self.line.split()[0])


def _may_apply(operation: str) -> bool:
    """The applying role may delete a bucket, which AWS does to an empty one only, and nothing else."""
    return operation == "DeleteBucket" or not operation.startswith("Delete")


def _pass_on(inner: Application, environ: dict[str, Any]) -> _Answer:
    """moto's answer, read whole."""
    head: list[tuple[str, list[tuple[str, str]]]] = []

    def keep(line: str, headers: list[tuple[str, str]], error: object = None) -> None:
        head.append((line, headers))

    chunks = list(inner(environ, keep))
    line, headers = head[-1]
    return _Answer(line, headers, chunks)


def _refuse(refusal: Refusal, request: AwsRequest, start_response: StartResponse) -> Iterable[bytes]:
    """AWS's error document: S3's own shape, or that of the query services."""
    inner = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    if request.service == "s3":
        text = f"<Error>{inner}<RequestId>sandbox</RequestId></Error>"
    else:
        text = f"<ErrorResponse><Error>{inner}</Error><RequestId>sandbox</RequestId></ErrorResponse>"
    body = b"" if request.method == "HEAD" else text.encode()
    start_response(
        f"{refusal.status} {refusal.code}",
        [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))],
    )
    return [body]


def _refusal_of(request: AwsRequest, how: str) -> Refusal:
    if how == "AccessDenied":
        return Refusal(403, "AccessDenied", "Access Denied")
    if how == "InternalError":
        return Refusal(500, "InternalError", "We encountered an internal error. Please try again.")
    if request.service == "s3":
        return Refusal(503, "SlowDown", "Please reduce your request rate.")
    return Refusal(400, "Throttling", "Rate exceeded")


@dataclass(frozen=True)
class RunningAws:
    """An AWS that answers at `url` until `stop()`."""

    url: str
    app: AwsApp
    _server: Any
    _thread: threading.Thread

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def serve_aws(port: int = 0) -> RunningAws:
    """Serves on 127.0.0.1 in a daemon thread; port 0 takes a free one. A busy port raises OSError."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            return

    with socket.create_server(("127.0.0.1", port)) as listener:  # werkzeug itself would exit on a busy port
        app = AwsApp(DomainDispatcherApplication(create_backend_app))
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox-aws", daemon=True)
    thread.start()
    return RunningAws(f"http://127.0.0.1:{server.server_address[1]}", app, server, thread)

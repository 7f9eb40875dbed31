"""Starts the sandbox: as a child process that ends with us, or in threads of this process for tests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sandbox.world import PERSONAS, Deployment, World

if TYPE_CHECKING:
    from sandbox.aws_app import AwsApp, RunningAws
    from sandbox.jira_state import JiraState

HOST = "127.0.0.1"
READY_WITHIN = 180.0
ENDED_WITHIN = 15.0


class SandboxError(Exception):
    """The sandbox could not start; the message says why. `exit_code` 2: the call was wrong (a busy port)."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Persona:
    """An account that people play: `email` and `token` are its basic authentication."""

    name: str
    account_id: str
    email: str
    token: str


@dataclass
class RunningSandbox:
    """A sandbox in a child process. Ends with the context, or with us."""

    jira_url: str
    aws_url: str
    personas: dict[str, Persona]
    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the child's standard input, which ends it, and waits. May be called again."""
        _end(self.process)


def start(
    *,
    seed: int = 7,
    now: datetime | None = None,
    jira_port: int = 0,
    aws_port: int = 0,
    state_file: Path | None = None,
    tickets: int = 3200,
    deployment: Deployment = "Cloud",
) -> RunningSandbox:
    """Starts a child and waits until it serves. Raises SandboxError with the child's own sentence."""
    arguments = ["--seed", str(seed), "--tickets", str(tickets)]
    arguments += ["--jira-port", str(jira_port), "--aws-port", str(aws_port), "--deployment", deployment]
    if now is not None:
        arguments += ["--now", now.isoformat()]
    if state_file is not None:
        arguments += ["--state-file", str(state_file)]
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is the parent's to handle
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        told = _first_line(process)
        personas = {name: Persona(**persona) for name, persona in told["personas"].items()}
        return RunningSandbox(told["jira_url"], told["aws_url"], personas, process)
    except BaseException:
        _end(process)
        raise


def _first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the child says when it serves. Raises SandboxError when it says why not, or nothing in time."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    late = threading.Timer(READY_WITHIN, process.kill)
    late.start()
    try:
        line = process.stdout.readline()
    finally:
        late.cancel()
        late.join()
    try:
        told = json.loads(line)
    except json.JSONDecodeError:
        raise SandboxError("the sandbox ended before it was ready; what it said last stands above") from None
    if "error" in told:
        raise SandboxError(told["error"], told["exit_code"])
    found: dict[str, Any] = told
    return found


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(timeout=ENDED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


@dataclass
class ThreadedSandbox:
    """A sandbox in threads of this process, whose world tests can ask and change."""

    jira_url: str
    aws_url: str
    personas: dict[str, Persona]
    state: JiraState
    deployment: Deployment = "Cloud"
    aws: AwsApp | None = None

    @property
    def world(self) -> World:
        return self.state.world


@contextmanager
def serve_in_thread(
    world: World,
    *,
    aws: bool = True,
    jira_port: int = 0,
    aws_port: int = 0,
    state_file: Path | None = None,
    deployment: Deployment = "Cloud",
) -> Iterator[ThreadedSandbox]:
    """Serves a world until the context ends. Raises SandboxError for a busy port or a file that cannot be written."""
    from sandbox.jira_file import StateFile
    from sandbox.jira_state import JiraState

    state = JiraState(world)
    with ExitStack() as stack:
        if state_file is not None:
            file = StateFile(state_file, state)
            try:
                file.start()
            except OSError as error:
                raise SandboxError(f"{state_file} cannot be written: {error.strerror}", 2) from None
            stack.callback(file.stop)
        jira_url = stack.enter_context(_serve_jira(state, jira_port, deployment))
        running = stack.enter_context(_serve_aws(aws_port)) if aws else None
        aws_url, app = (running.url, running.app) if running else ("", None)
        yield ThreadedSandbox(jira_url, aws_url, personas_of(world), state, deployment, app)


@contextmanager
def _serve_jira(state: JiraState, port: int, deployment: Deployment) -> Iterator[str]:
    import uvicorn

    from sandbox.jira_app import jira_app
    from sandbox.jira_wire import CuttableProtocol

    with _listen(port) as listening:
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            jira_app(state, url, deployment),
            loop="asyncio",
            http=CuttableProtocol,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), name="sandbox-jira", daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise SandboxError("the sandbox's Jira did not start")
                time.sleep(0.005)
            yield url
        finally:
            state.faults.clear()  # ends answers that drip
            server.should_exit = True
            thread.join(timeout=10)


@contextmanager
def _serve_aws(port: int) -> Iterator[RunningAws]:
    from sandbox.aws_app import serve_aws

    try:
        running = serve_aws(port)
    except OSError as error:
        raise _busy(port, error) from None
    try:
        yield running
    finally:
        running.stop()


def personas_of(world: World) -> dict[str, Persona]:
    accounts = {name: world.accounts[name] for name in PERSONAS if name in world.accounts}
    return {name: Persona(one.name, one.account_id, one.email, one.token) for name, one in accounts.items()}


def announce(running: ThreadedSandbox) -> str:
    """The one line that a child prints when it serves."""
    personas = {name: asdict(persona) for name, persona in running.personas.items()}
    return json.dumps({"jira_url": running.jira_url, "aws_url": running.aws_url, "personas": personas})


def _listen(port: int) -> socket.socket:
    """A bound socket, which the server listens on. Raises SandboxError for a busy port."""
    # With the protocol named, asyncio sets TCP_NODELAY: else each answer waits 40 ms for a delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise _busy(port, error) from None
    return listening


def _busy(port: int, error: Exception) -> SandboxError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SandboxError(f"port {port} cannot be used: {reason}; name another, or 0 for a free one", 2)

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
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from sandbox.aws_app import serve_aws
from sandbox.jira_app import Jira
from sandbox.jira_state import JiraState
from sandbox.world import PERSONAS, World

HOST = "127.0.0.1"


class SandboxError(Exception):
    """The sandbox could not start; the message says why. `exit_code` 2: the call was wrong (a busy port)."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Persona:
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
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def start(
    *,
    seed: int = 7,
    now: datetime | None = None,
    jira_port: int = 0,
    aws_port: int = 0,
    state_file: Path | None = None,
    tickets: int = 3200,
) -> RunningSandbox:
    """Starts a child and waits until it serves. Raises SandboxError with the child's own sentence."""
    arguments = [
        "--seed",
        str(seed),
        "--jira-port",
        str(jira_port),
        "--aws-port",
        str(aws_port),
        "--tickets",
        str(tickets),
    ]
    if now is not None:
        arguments += ["--now", now.isoformat()]
    if state_file is not None:
        arguments += ["--state", str(state_file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,
        text=True,
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )
    line = process.stdout.readline() if process.stdout else ""
    try:
        told = json.loads(line)
    except json.JSONDecodeError:
        told = {"error": "the sandbox ended before it was ready"}
    if "error" in told:
        running = RunningSandbox("", "", {}, process)
        running.close()
        raise SandboxError(told["error"], told.get("exit_code", 1))
    personas = {name: Persona(**persona) for name, persona in told["personas"].items()}
    return RunningSandbox(told["jira_url"], told["aws_url"], personas, process)


@dataclass
class ThreadedSandbox:
    """A sandbox in threads of this process, whose world tests can ask and change."""

    jira_url: str
    aws_url: str
    personas: dict[str, Persona]
    state: JiraState

    @property
    def world(self) -> World:
        return self.state.world


@contextmanager
def serve_in_thread(
    world: World, *, aws: bool = True, jira_port: int = 0, aws_port: int = 0, state_file: Path | None = None
) -> Iterator[ThreadedSandbox]:
    """Serves a world until the context ends. Raises SandboxError for a busy port."""
    state = JiraState(world, file=state_file)
    listening = _bind(jira_port)
    url = f"http://{HOST}:{listening.getsockname()[1]}"
    app = Jira(state, url).app
    config = uvicorn.Config(
        app, log_level="error", access_log=False, date_header=False, server_header=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    if aws and aws_port:
        _bind(aws_port).close()
    running_aws = serve_aws(aws_port) if aws else None
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise SandboxError("the sandbox's Jira did not start")
            time.sleep(0.005)
        yield ThreadedSandbox(url, running_aws.url if running_aws else "", personas_of(world), state)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()
        if running_aws:
            running_aws.stop()
        state.save()


def personas_of(world: World) -> dict[str, Persona]:
    accounts = world.accounts
    return {
        name: Persona(accounts[name].name, name, accounts[name].email, accounts[name].token)
        for name in PERSONAS
        if name in accounts
    }


def announce(running: ThreadedSandbox) -> str:
    """The one line that a child prints when it serves."""
    personas = {name: asdict(persona) for name, persona in running.personas.items()}
    return json.dumps({"jira_url": running.jira_url, "aws_url": running.aws_url, "personas": personas})


def _bind(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SandboxError(
            f"port {port} cannot be used: {reason}; name another, or 0 for a free one", 2
        ) from None
    return listening

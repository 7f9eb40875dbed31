"""Child processes that never outlive us: each watches its standard input and ends when we do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from agent.config import Configuration
from agent.errors import AgentError, ConfigurationError


def free_port(wanted: int) -> int:
    """`wanted` when it is free, any free one for 0. Raises ConfigurationError when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise ConfigurationError(
                f"port {wanted} cannot be used: {error.strerror}; name another with --port, or 0 for a free one"
            ) from None
        return int(probe.getsockname()[1])


class DashboardProcess:
    """A running dashboard on loopback. `url` answers once the context is entered."""

    def __init__(self, configuration: Configuration, *, port: int, log: Path | None = None) -> None:
        self.port = free_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._environment = without_credentials(os.environ)
        if configuration.source:
            self._environment["GOLDENPATH_CONFIG"] = str(configuration.source)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        output = self._log.open("wb") if self._log else None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dashboard.serve", str(self.port)],
                stdin=subprocess.PIPE,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is ours to handle; the child ends with its standard input
            )
        finally:
            if output:
                output.close()
        return self

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Raises AgentError when the dashboard ends, or does not answer in time."""
        process = self._process
        if process is None:
            raise AgentError("the dashboard was not started")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AgentError(
                    f"the dashboard ended with code {process.returncode}; `goldenpath dashboard` shows why"
                )
            try:
                if requests.get(f"{self.url}/_stcore/health", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise AgentError(f"the dashboard did not answer on {self.url} within {seconds:g} s")

    def wait(self) -> int:
        """Blocks until the dashboard ends; its exit code."""
        return self._process.wait() if self._process else 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class AgentProcess:
    """`goldenpath run` as a process of its own, which ends with us; it says on standard error what it does."""

    def __init__(self, configuration: Configuration) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agent.child", "run", "--config", str(configuration.source)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to handle; the child ends with its standard input
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def wait(self) -> int:
        """Blocks until it ends; its exit code, negative for a signal."""
        return self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)  # the step under way is finished
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """The dashboard's process holds no credential but that of the database, which it reads."""
    kept = {name: value for name, value in environment.items() if not _is_credential(name)}
    if _WEBHOOK in kept:  # the address may be a secret; the configuration is only valid with one
        kept[_WEBHOOK] = "https://kept-back.invalid/"
    return kept


_WEBHOOK = "GOLDENPATH_ON_CALL__WEBHOOK_URL"
_SECRETS = ("SECRET", "PASSWORD", "TOKEN")


def _is_credential(name: str) -> bool:
    if name == "GOLDENPATH_DATABASE_PASSWORD":
        return False
    return name.startswith("AWS_") or (name.startswith("GOLDENPATH_") and name.endswith(_SECRETS))


def serve_dashboard(configuration: Configuration, *, port: int) -> None:
    """Serves until Ctrl-C."""
    with DashboardProcess(configuration, port=port) as running:
        running.wait_until_ready()
        sys.stdout.write(f"dashboard: {running.url}   (Ctrl-C ends it)\n")
        sys.stdout.flush()
        try:
            running.wait()
        except KeyboardInterrupt:
            sys.stderr.write("\n")

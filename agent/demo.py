"""The whole job on this machine: the only module that starts the sandbox."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from rich.console import Console

from agent import bootstrap, config, operations, printing, report_printing
from agent.cycle import CycleReport, run_cycle
from agent.errors import AgentError, ConfigurationError
from agent.processes import AgentProcess, DashboardProcess, free_port

if TYPE_CHECKING:
    from sandbox.serve import RunningSandbox

EVERY_SECONDS = 4.0
notes = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Demo:
    """A sandbox and an installation that points at it, in a folder of its own."""

    sandbox: RunningSandbox
    configuration: config.Configuration


def run_demo(*, seed: int, serve: bool, port: int, as_json: bool) -> None:
    """Prints the top-3 report and what was done with each open ticket; then serves until Ctrl-C."""
    start = monotonic()
    if serve:
        port = free_port(port)  # a port that is taken is told before the work, not after it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every context ends what it started
    with tempfile.TemporaryDirectory(prefix="goldenpath-demo-") as folder:
        try:
            with open_demo(Path(folder), seed=seed) as demo:
                done, view = work(demo)
                seconds = monotonic() - start
                if as_json:
                    write(printing.demo_document(done, view, seconds=seconds))
                else:
                    report_printing.print_report(view)
                    printing.print_cycle(done)
                    notes.print(f"\ndone in {seconds:.0f} s")
                if serve:
                    watch(demo, port=port)
        except KeyboardInterrupt:
            notes.print("\nended")


@contextmanager
def open_demo(folder: Path, *, seed: int) -> Iterator[Demo]:
    """Starts the sandbox and writes its configuration into `folder`."""
    with ExitStack() as stack:
        with notes.status("a year of tickets is being made up: the sandbox's Jira and AWS start"):
            running = stack.enter_context(open_sandbox(seed=seed))
        yield Demo(running, config.load(write_configuration(folder, running)))


def write_configuration(folder: Path, running: RunningSandbox, *, is_data_center: bool = False) -> Path:
    """A `goldenpath.toml` that points at the sandbox, and its token file; never over an existing one."""
    from sandbox.configuration import configuration

    target = folder / config.FILE_NAME
    if target.exists():
        raise ConfigurationError(f"{target} exists already; name another folder")
    agent = running.personas["agent"]
    token_file = (folder / "jira-token").absolute()
    token_file.unlink(missing_ok=True)
    descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(agent.token)
    text = configuration(
        jira_url=running.jira_url,
        aws_url=running.aws_url,
        agent_email=agent.email,
        token_file=token_file,
        every_minutes=EVERY_SECONDS / 60,
        deployment="Data Center" if is_data_center else "Cloud",
    )
    target.write_text(text, encoding="utf-8")
    return target


def work(demo: Demo) -> tuple[CycleReport, operations.QueueView]:
    """One cycle and the report, with progress."""
    with notes.status("connecting to Jira") as status, bootstrap.open_rooms(demo.configuration) as rooms:
        done = run_cycle(
            rooms,
            on_sync=lambda p: status.update(f"pulling tickets from Jira: {p.done:,}"),
            on_outcome=lambda outcome: status.update(f"working: {outcome.ticket} {outcome.result.value}"),
        )
        status.update("measuring the queue")
        return done, operations.view_queue(demo.configuration, with_details=True)


def watch(demo: Demo, *, port: int) -> None:
    """Serves the dashboard and the Jira page while an agent works every few seconds, until Ctrl-C. An agent that is
    killed is followed by another, as a service would do it."""
    with DashboardProcess(demo.configuration, port=port) as dashboard:
        with notes.status("the dashboard starts"):
            dashboard.wait_until_ready()
        notes.print(f"\ndashboard   {dashboard.url}")
        notes.print(f"Jira page   {demo.sandbox.jira_url}   (file a bucket ticket, watch it being answered)")
        notes.print(f"settings    {demo.configuration.source}")
        notes.print(f"The agent works every {EVERY_SECONDS:g} seconds. Ctrl-C ends everything.\n")
        while True:
            with AgentProcess(demo.configuration) as agent:
                notes.print(f"agent       process {agent.pid}   (kill it while it works: another goes on)")
                code = agent.wait()
            notes.print(f"the agent has ended ({code}); another one starts")
            sleep(1)


def run_sandbox(
    *, seed: int, jira_port: int, aws_port: int, state: Path | None, write_to: Path | None, is_data_center: bool
) -> None:
    """The sandbox alone, until Ctrl-C; `write_to` is a folder that gets a configuration for it."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with open_sandbox(
        seed=seed, jira_port=jira_port, aws_port=aws_port, state=state, is_data_center=is_data_center
    ) as running:
        sys.stdout.write(f"Jira  {running.jira_url}\nAWS   {running.aws_url}\n")
        for persona in running.personas.values():
            sys.stdout.write(f"{persona.name:<24} {persona.email}  API token {persona.token}\n")
        if write_to is not None:
            path = write_configuration(write_to, running, is_data_center=is_data_center)
            sys.stdout.write(f"settings written to {path}\n")
        sys.stdout.flush()
        ended.wait()
    notes.print("\nended")


def write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def open_sandbox(
    *, seed: int, jira_port: int = 0, aws_port: int = 0, state: Path | None = None, is_data_center: bool = False
) -> Iterator[RunningSandbox]:
    """A running sandbox. Raises AgentError, or ConfigurationError where the call was wrong (a busy port)."""
    try:
        from sandbox.serve import SandboxError, start
    except ModuleNotFoundError as error:
        raise AgentError(
            f"the sandbox needs the extra [demo] ({error.name} is missing): pip install 'goldenpath[demo]'"
        ) from None
    try:
        running = start(
            seed=seed,
            jira_port=jira_port,
            aws_port=aws_port,
            state_file=state,
            deployment="Data Center" if is_data_center else "Cloud",
        )
    except SandboxError as error:
        raise (ConfigurationError if error.exit_code == 2 else AgentError)(str(error)) from None
    with running:
        yield running

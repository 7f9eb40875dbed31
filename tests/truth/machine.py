"""The machine that is judged: it syncs, takes censuses, dies and starts again, in this process or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from agent.bootstrap import HISTORY_FOLDER
from sandbox.serve import ThreadedSandbox
from tests.truth.people import AGENT
from tests.truth.story import Deployment
from tickets.census import take_census
from tickets.errors import TicketsError
from tickets.jira_client import JiraClient, JiraSettings
from tickets.store import TicketStore
from tickets.sync import OVERLAP, sync

ROOT: Final = Path(__file__).parents[2]
HASTY: Final = 0.3  # seconds of patience with an answer, where answers are known to come slowly
PATIENT: Final = 20.0
REQUESTS_OF_A_SYNC: Final = 30  # a process that is killed dies within about so many


class Ended(BaseException):
    """The process ends here: nothing of ours may catch it."""


class SmallBatches(JiraClient):
    """Keeps a few tickets at a time, so that small stories too end in the middle of a window and go on there."""

    @property
    def batch(self) -> int:
        return 3


@dataclass(frozen=True, slots=True)
class Ways:
    """How the machine works. The tests of the test take parts of it away."""

    overlap: timedelta = OVERLAP
    takes_census: bool = True
    client: Callable[..., JiraClient] = SmallBatches


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn came to. `is_whole`: a sync and a census, and neither failed."""

    told: str
    is_whole: bool = False


class Machine:
    """Each turn is a run of its own: a new client, the store opened anew."""

    def __init__(
        self, site: ThreadedSandbox, deployment: Deployment, projects: Sequence[str], folder: Path, ways: Ways
    ) -> None:
        self.site = site
        self.deployment: Deployment = deployment
        self.projects = tuple(projects)
        self.read = self.projects  # those that this turn reads
        self.ways = ways
        self.folder = folder

    def sync(self, random: Random, *, is_hasty: bool = False, takes_census: bool = False) -> Turn:
        return self._run(random, is_hasty, lambda _: None, syncs=True, takes_census=takes_census)

    def census(self, random: Random, *, is_hasty: bool = False) -> Turn:
        return self._run(random, is_hasty, lambda _: None, syncs=False, takes_census=True)

    def interrupted_sync(self, random: Random, *, is_hasty: bool = False) -> Turn:
        """Ends at its first to fourth sign of progress, if it lives so long."""
        left = random.randint(1, 4)

        def end(_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Ended

        return self._run(random, is_hasty, end, syncs=True, takes_census=False)

    @property
    def history(self) -> Path:
        """The folder of the Parquet history, where a process of its own looks for it too."""
        return self.folder / HISTORY_FOLDER

    @property
    def site_name(self) -> str:
        """What our records call the site."""
        return JiraSettings(self.site.jira_url, "", "token").site

    def open(self) -> TicketStore:
        return TicketStore.open(self.folder / "tickets.sqlite3")

    def _run(
        self, random: Random, is_hasty: bool, progress: Callable[[object], None], *, syncs: bool, takes_census: bool
    ) -> Turn:
        in_flight, window = random.choice([1, 2, 8]), random.choice([None, 2, 5, 20])
        told = []
        with self.open() as store, self._connect(is_hasty) as client:
            try:
                client.check()
                if syncs:
                    done = sync(
                        client,
                        store,
                        projects=self.read,
                        overlap=self.ways.overlap,
                        in_flight=in_flight,
                        window=window,
                        progress=progress,
                    )
                    told.append(f"sync reads {done.tickets} tickets, {len(done.changed)} changed")
                if takes_census and self.ways.takes_census:
                    take_census(client, store, projects=self.read, overlap=self.ways.overlap)
                    told.append("census")
            except TicketsError as error:
                return Turn(", ".join([*told, f"fails: {error}"]))
            except Ended:
                return Turn("sync ends in the middle")
        return Turn(", then ".join(told) or "nothing", syncs and takes_census)

    def _connect(self, is_hasty: bool) -> JiraClient:
        """Its waits pass on the site's clock and take no time."""
        agent = self.site.personas[AGENT]
        email = agent.email if self.deployment == "Cloud" else ""
        settings = JiraSettings(self.site.jira_url, email, agent.token, read_timeout=HASTY if is_hasty else PATIENT)
        return self.ways.client(settings, sleep=self._wait)

    def _wait(self, seconds: float) -> None:
        self.site.state.advance(timedelta(seconds=seconds))

    # A process of its own

    def killed_sync(self, random: Random) -> Turn:
        """`goldenpath sync`, killed a few milliseconds after it was started or after one of its requests came in; or
        it ends before that."""
        self._write_configuration()
        arguments = ["sync", "--json", *(["--census"] if random.random() < 0.4 else [])]
        request, delay = random.randint(1, REQUESTS_OF_A_SYNC), random.choice([0.0, 0.002, 0.01, 0.03, 0.1])
        if random.random() < 0.15:
            request, delay = 0, random.uniform(0.3, 0.8)
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", *arguments],
            cwd=self.folder,
            env={**_clean_environment(), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        timers = self._kill_at(process, request, delay)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
            for timer in timers:
                timer.join()
        command = f"goldenpath {' '.join(arguments)}"
        if process.returncode == -signal.SIGKILL:
            return Turn(f"{command} is killed {delay:.3f} s after request {request}")
        is_whole = process.returncode == 0 and "--census" in arguments
        return Turn(f"{command} ends with {process.returncode}: {said.strip()[-300:]}", is_whole)

    def _kill_at(self, process: subprocess.Popen[str], request: int, delay: float) -> list[threading.Timer]:
        """The timers of the killing: the list fills when its request comes in, at once for the request 0."""
        left, timers = request, []

        def count() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                timers.append(threading.Timer(delay, process.kill))
                timers[0].start()

        if request:
            self.site.state.faults.on("*", count, times=request)
        else:
            count()
        return timers

    def _write_configuration(self) -> None:
        agent = self.site.personas[AGENT]
        (self.folder / "token").write_text(agent.token)
        email = f'email = "{agent.email}"\n' if self.deployment == "Cloud" else ""
        projects = ", ".join(f'"{project}"' for project in self.read)
        (self.folder / "goldenpath.toml").write_text(
            f'[jira]\nurl = "{self.site.jira_url}"\n{email}token_file = "token"\nprojects = [{projects}]\n'
            '[store]\nfolder = "."\n'
        )


def _clean_environment() -> dict[str, Any]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}

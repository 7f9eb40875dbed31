"""The doctor on the sandbox's Jira and AWS: all well, and each thing that can be wrong, with its way out."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import bootstrap, config
from agent.doctor import Diagnosis, diagnosis_document, examine, summary
from agent.needs import NEEDS
from agent.visit import Finding, Health
from fulfilment.chain import Note
from sandbox.aws_app import RunningAws, serve_aws
from sandbox.configuration import configuration
from sandbox.serve import ThreadedSandbox, serve_in_thread
from sandbox.site import empty_world
from sandbox.world import Workflow, WorldTransition

ROOT = Path(__file__).parents[2]
PROJECTS = ("OPS", "DATA", "PLAT", "WEB")
NEEDS_LOG_IN = {"time zone", "projects", "fields", "transitions", "permissions", "groups", "members", "on call"}


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    running = serve_aws()
    yield running
    running.stop()


@dataclass
class Installation:
    """A configured Golden Path in a folder of its own, and the sandbox that it points at."""

    site: ThreadedSandbox
    folder: Path
    aws_url: str
    changes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "goldenpath.toml"

    @property
    def token_file(self) -> Path:
        return self.folder / "token"

    def write(self, **parts: str) -> None:
        text = configuration(
            jira_url=parts.get("jira_url", self.site.jira_url),
            aws_url=parts.get("aws_url", self.aws_url),
            agent_email=self.site.personas["agent"].email,
            token_file=self.token_file,
            every_minutes=5,
            deployment=self.site.deployment,
        )
        self.file.write_text(text, encoding="utf-8")

    def replace(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def examine(self) -> dict[str, Finding]:
        """The findings by name; where a name comes twice, the worse one."""
        return by_name(examine(self.file))


def by_name(diagnosis: Diagnosis) -> dict[str, Finding]:
    order = [Health.SKIPPED, Health.OK, Health.WARNING, Health.PROBLEM]
    return {one.name: one for one in sorted(diagnosis.findings, key=lambda one: order.index(one.result))}


def wrong(findings: Mapping[str, Finding]) -> set[str]:
    return {name for name, one in findings.items() if one.result in (Health.PROBLEM, Health.WARNING)}


def file_ticket(site: ThreadedSandbox, project: str) -> Any:
    kind = "Service Request" if project in ("OPS", "DATA") else "Task"
    given = {"project": {"key": project}, "issuetype": {"name": kind}, "summary": "Something is needed"}
    return site.state.create(site.world.accounts["developer"], given)


@pytest.fixture
def installation(tmp_path: Path, aws: RunningAws) -> Iterator[Installation]:
    """On a site with an open ticket in each project, whose clock is right."""
    with serve_in_thread(empty_world(datetime.now(UTC)), aws=False) as site:
        for project in PROJECTS:
            file_ticket(site, project)
        made = Installation(site, tmp_path, aws.url)
        made.token_file.write_text(site.personas["agent"].token, encoding="utf-8")
        made.write()
        yield made


# All is well


def test_all_is_well(installation: Installation) -> None:
    began = time.monotonic()
    diagnosis = examine(installation.file)
    assert {one.result for one in diagnosis.findings} == {Health.OK}, diagnosis.findings
    assert not diagnosis.has_problem
    assert time.monotonic() - began < 15
    found = by_name(diagnosis)
    assert "Cloud" in found["address"].sentence
    assert "Golden Path (agent)" in found["account"].sentence
    assert "Europe/Berlin" in found["time zone"].sentence
    assert "customfield_10010" in found["field request type"].sentence
    assert "Resolve leads to Resolved, which asks for a resolution" in found["transition in OPS"].sentence
    assert "OPS, DATA, PLAT, WEB" in found["answering"].sentence
    assert "planning and the applying role" in found["aws dev"].sentence
    assert {f"project {key}" for key in PROJECTS} <= set(found)
    assert summary(diagnosis) == f"{len(found)} of {len(found)} are well."


def test_it_changes_nothing(installation: Installation) -> None:
    before = sorted(installation.folder.rglob("*"))
    histories = [len(issue.histories) + len(issue.comments) for issue in installation.site.world.issues.values()]
    installation.examine()
    assert sorted(installation.folder.rglob("*")) == before
    now = [len(issue.histories) + len(issue.comments) for issue in installation.site.world.issues.values()]
    assert now == histories


def test_the_stores_are_told_when_they_are_there(installation: Installation) -> None:
    loaded = config.load(installation.file)
    with bootstrap.open_store(loaded), bootstrap.open_ledger(loaded) as ledger:
        ledger.note(Note(datetime.now(UTC), "started", "first"))
    found = installation.examine()
    assert wrong(found) == set()
    assert "0 tickets" in found["ticket store"].sentence
    assert "1 rows" in found["ledger"].sentence


# What can be wrong with Jira


def test_a_wrong_token_is_said_once_and_what_stands_on_it_is_skipped(installation: Installation) -> None:
    installation.token_file.write_text("not-the-token", encoding="utf-8")
    diagnosis = examine(installation.file)
    found = by_name(diagnosis)
    assert [one.name for one in diagnosis.findings if one.result is Health.PROBLEM] == ["account"]
    assert "does not accept the API token" in found["account"].sentence
    assert {name for name, one in found.items() if one.result is Health.SKIPPED} == NEEDS_LOG_IN
    assert all(found[name].sentence == "needs a log-in" for name in NEEDS_LOG_IN)
    assert {found[name].result for name in ("address", "clock", "ticket store", "ledger", "aws dev")} == {Health.OK}
    assert "not-the-token" not in json.dumps(diagnosis_document(diagnosis))


def test_a_token_with_scopes_works_at_the_gateway_only(installation: Installation) -> None:
    world = installation.site.world
    installation.token_file.write_text(world.accounts["agent"].scoped_token, encoding="utf-8")
    found = installation.examine()
    assert wrong(found) == {"account"}
    assert "jira.api_url: https://api.atlassian.com/ex/jira/CLOUDID" in found["account"].sentence
    gateway = f"{installation.site.jira_url}/ex/jira/{world.cloud_id}"
    installation.replace("[jira]\n", f'[jira]\napi_url = "{gateway}"\n')
    assert wrong(installation.examine()) == set()


def test_data_center_with_a_personal_access_token(tmp_path: Path, aws: RunningAws) -> None:
    with serve_in_thread(empty_world(datetime.now(UTC)), aws=False, deployment="Data Center") as site:
        for project in PROJECTS:
            file_ticket(site, project)
        made = Installation(site, tmp_path, aws.url)
        made.token_file.write_text(site.personas["agent"].token, encoding="utf-8")
        made.write()
        found = made.examine()
        assert wrong(found) == {"token"}
        assert "not known" in found["token"].sentence
        assert "Jira Data Center 9.12" in found["address"].sentence
        site.state.sight.deny("agent", "ADD_COMMENTS")
        assert wrong(made.examine()) == {"token", "answering", "on-call comments"}


@pytest.mark.parametrize(
    ("permission", "feature", "said"),
    [
        ("ADD_COMMENTS", "answering", "lacks Add comments (ADD_COMMENTS) in OPS, DATA, PLAT, WEB"),
        ("RESOLVE_ISSUES", "moving", "lacks Resolve issues (RESOLVE_ISSUES) in OPS, DATA, PLAT, WEB"),
        ("USER_PICKER", "looking groups up", "lacks Browse users and groups (USER_PICKER):"),
    ],
)
def test_a_missing_permission_names_where_to_grant_it(
    installation: Installation, permission: str, feature: str, said: str
) -> None:
    installation.site.state.sight.deny("agent", permission)
    found = installation.examine()
    assert found[feature].result is Health.PROBLEM
    assert said in found[feature].sentence
    where = "Global permissions" if permission == "USER_PICKER" else "permission scheme of OPS, DATA, PLAT, WEB"
    assert where in found[feature].cure
    assert wrong(found) <= {feature, "groups", "members", "on-call comments"}


def test_groups_whose_members_cannot_be_read_fall_back_on_the_default_calendar(installation: Installation) -> None:
    installation.replace('groups = ["g-payments"]', 'groups = ["g-payments", "g-of-old"]')
    found = installation.examine()
    assert wrong(found) == {"members"}
    assert found["members"].result is Health.WARNING
    assert found["members"].sentence.startswith("the members of g-of-old cannot be read, so the business time")
    assert "default calendar" in found["members"].sentence
    assert "Browse users and groups" in found["members"].cure
    installation.replace('groups = ["g-payments", "g-of-old"]', "groups = []")
    installation.replace('groups = ["g-search"]', "groups = []")
    found = installation.examine()
    assert (found["members"].result, wrong(found)) == (Health.SKIPPED, set())


def test_without_the_permission_to_move_nothing_is_offered(installation: Installation) -> None:
    installation.site.state.sight.deny("agent", "TRANSITION_ISSUES")
    found = installation.examine()
    assert wrong(found) == {"moving", *(f"transition in {key}" for key in PROJECTS)}
    assert "no transition at all" in found["transition in OPS"].sentence
    assert "TRANSITION_ISSUES" in found["transition in OPS"].cure


def test_a_project_that_is_not_visible_is_named_with_those_that_are(installation: Installation) -> None:
    installation.site.state.hide_project("WEB", "agent")
    found = installation.examine()
    assert wrong(found) == {"project WEB"}
    assert "visible are: DATA, OPS, PLAT" in found["project WEB"].sentence
    assert "BROWSE_PROJECTS" in found["project WEB"].cure
    assert "transition in WEB" not in found
    assert "OPS, DATA, PLAT" in found["answering"].sentence


def test_no_visible_project_at_all(installation: Installation) -> None:
    installation.site.state.sight.deny("agent", "BROWSE_PROJECTS")
    found = installation.examine()
    assert wrong(found) == {f"project {key}" for key in PROJECTS}
    assert found["reading"].result is Health.SKIPPED


def test_a_target_status_that_no_transition_leads_to(installation: Installation) -> None:
    installation.replace('[projects.WEB]\ntarget_status = "Done"', '[projects.WEB]\ntarget_status = "Shipped"')
    found = installation.examine()
    assert wrong(found) == {"transition in WEB"}
    assert found["transition in WEB"].result is Health.PROBLEM
    assert "cannot be moved to Shipped: Jira offers Start → In Progress, Close → Done" in (
        found["transition in WEB"].sentence
    )
    assert "projects.WEB.target_status" in found["transition in WEB"].cure


def test_a_transition_that_asks_for_more_than_a_resolution(installation: Installation) -> None:
    world = installation.site.world
    workflow = world.workflows["software"]
    asks = tuple(
        replace(one, required=(*one.required, "customfield_10051")) if one.target == "10015" else one
        for one in workflow.transitions
    )
    world.workflows["software"] = Workflow(workflow.id, workflow.initial, asks)
    found = installation.examine()
    assert wrong(found) == {"transition in PLAT", "transition in WEB"}
    assert "Close also asks for" in found["transition in WEB"].sentence
    assert "Resolution" not in found["transition in WEB"].sentence


def test_a_transition_that_asks_for_nothing_needs_no_right_to_resolve(installation: Installation) -> None:
    world = installation.site.world
    for name, workflow in list(world.workflows.items()):
        free: tuple[WorldTransition, ...] = tuple(replace(one, required=()) for one in workflow.transitions)
        world.workflows[name] = Workflow(workflow.id, workflow.initial, free)
    installation.site.state.sight.deny("agent", "RESOLVE_ISSUES")
    assert wrong(installation.examine()) == set()


def test_without_an_open_ticket_it_cannot_tell(installation: Installation) -> None:
    site = installation.site
    for issue in list(site.world.issues.values()):
        if issue.project in ("DATA", "WEB"):
            site.state.delete(site.world.accounts["agent"], issue)
    found = installation.examine()
    assert wrong(found) == set()
    assert found["transition in WEB"].result is Health.SKIPPED
    assert "cannot tell" in found["transition in WEB"].sentence
    site.state.sight.deny("agent", "RESOLVE_ISSUES")
    for issue in list(site.world.issues.values()):
        site.state.delete(site.world.accounts["agent"], issue)
    found = installation.examine()
    assert (found["moving"].result, wrong(found)) == (Health.WARNING, {"moving"})
    assert "no open ticket tells" in found["moving"].sentence


def test_what_no_handler_needs_yet_is_not_asked_for(installation: Installation) -> None:
    installation.site.state.sight.deny("agent", "ADD_COMMENTS", "TRANSITION_ISSUES", "RESOLVE_ISSUES", "USER_PICKER")
    installation.replace('mode = "autonomous"', 'mode = "off"')
    found = installation.examine()
    assert wrong(found) == {"members"}  # whose working hours count is asked in any mode
    assert found["reading"].result is Health.OK
    assert "from a handler's mode `suggest` on" in found["answering"].sentence
    assert "the planning role stands" in found["aws dev"].sentence
    installation.replace('mode = "off"', 'mode = "shadow"')
    found = installation.examine()
    assert found["looking groups up"].result is Health.PROBLEM
    assert found["transition in OPS"].result is Health.WARNING
    assert found["answering"].result is Health.SKIPPED


def test_a_form_field_that_the_site_lacks_is_named_with_those_it_has(installation: Installation) -> None:
    with installation.file.open("a", encoding="utf-8") as file:
        file.write('fields = { name = "Bukket name", region = "AWS region" }\n')
    found = installation.examine()
    assert wrong(found) == {"fields of s3-bucket"}
    assert "name = 'Bukket name'" in found["fields of s3-bucket"].sentence
    assert "Bucket name" in found["fields of s3-bucket"].cure
    installation.replace("Bukket", "Bucket")
    assert wrong(installation.examine()) == set()


@pytest.mark.parametrize(
    ("off", "result"),
    [(timedelta(seconds=20), Health.OK), (timedelta(minutes=2), Health.WARNING), (timedelta(hours=1), Health.PROBLEM)],
)
def test_a_clock_that_is_off_names_how_far(installation: Installation, off: timedelta, result: Health) -> None:
    installation.site.state.advance(off)
    found = installation.examine()
    assert found["clock"].result is result
    if result is not Health.OK:
        assert "min behind Jira's" in found["clock"].sentence or "s behind Jira's" in found["clock"].sentence
        assert "NTP" in found["clock"].cure
        ahead = by_name(examine(installation.file, now=lambda: datetime.now(UTC) + 2 * off))
        assert "ahead of Jira's" in ahead["clock"].sentence
    assert wrong(found) <= {"clock"}


@pytest.mark.parametrize(
    "fault",
    [
        ("403", {}),
        ("500", {}),
        ("429", {"retry_after": 3600}),
        ("drop", {}),
        ("html", {}),
        ("410", {}),
    ],
    ids=lambda fault: fault[0],
)
def test_one_check_that_fails_hides_no_other(installation: Installation, fault: tuple[str, dict[str, Any]]) -> None:
    how, options = fault
    faults = installation.site.state.faults
    faults.fail("mypermissions", how, times=None, **options)
    faults.fail("issue/{key}/transitions", how, times=4, **options)
    began = time.monotonic()
    found = installation.examine()
    assert wrong(found) - {f"transition in {key}" for key in PROJECTS} == {"permissions"}
    assert "transition in OPS" in wrong(found)
    assert found["permissions"].cure and found["transition in OPS"].cure
    assert {found[name].result for name in ("project WEB", "groups", "ledger", "aws dev")} == {Health.OK}
    assert time.monotonic() - began < 20


def test_projects_that_cannot_be_listed(installation: Installation) -> None:
    installation.site.state.faults.fail("project/search", "403", times=None)
    found = installation.examine()
    assert wrong(found) == {"projects"}
    assert found["transitions"].result is found["answering"].result is Health.SKIPPED


def test_a_jira_that_does_not_answer_is_said_once(installation: Installation, aws: RunningAws) -> None:
    installation.write(jira_url="http://127.0.0.1:9")
    diagnosis = examine(installation.file)
    found = by_name(diagnosis)
    assert [one.name for one in diagnosis.findings if one.result is Health.PROBLEM] == ["address"]
    assert "refused" in found["address"].sentence
    assert found["account"].sentence == "needs an answer from Jira"
    assert found["aws dev"].result is Health.OK


# What can be wrong here


def test_an_aws_that_does_not_answer_costs_seconds(installation: Installation) -> None:
    installation.write(aws_url="http://127.0.0.1:9")
    began = time.monotonic()
    found = installation.examine()
    assert wrong(found) == {"aws dev", "aws prod"}
    assert "cannot be reached" in found["aws dev"].sentence
    assert "environments.dev" in found["aws dev"].cure
    assert time.monotonic() - began < 20


def test_a_role_of_nobody_and_another_account(installation: Installation) -> None:
    text = installation.file.read_text(encoding="utf-8")
    dev, rest = text.split("[environments.prod]")
    head, dev = dev.split("[environments.dev]")
    dev = dev.replace("goldenpath-plan", "nobodys")
    rest = rest.replace("goldenpath-apply", "nobodys", 1)
    installation.file.write_text(f"{head}[environments.dev]{dev}[environments.prod]{rest}", encoding="utf-8")
    found = installation.examine()
    assert wrong(found) == {"aws dev", "aws prod"}
    assert "does not let the agent assume role" in found["aws dev"].sentence
    assert "trust policy" in found["aws prod"].sentence
    installation.write()
    installation.replace("123456789012", "999999999999")
    assert wrong(installation.examine()) == {"aws dev", "aws prod"}


def expires(installation: Installation, day: date) -> Finding:
    text = re.sub(r"^token_expires.*\n", "", installation.file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    installation.file.write_text(text.replace("[jira]\n", f"[jira]\ntoken_expires = {day}\n"), encoding="utf-8")
    return installation.examine()["token"]


def test_a_token_that_expires(installation: Installation) -> None:
    today = datetime.now(UTC).date()
    past = expires(installation, today - timedelta(days=1))
    assert past.result is Health.PROBLEM
    assert "expired" in past.sentence and "id.atlassian.com" in past.cure
    soon = expires(installation, today + timedelta(days=12))
    assert (soon.result, "in 12 days" in soon.sentence) == (Health.WARNING, True)
    assert expires(installation, today + timedelta(days=31)).result is Health.OK
    assert expires(installation, today).result is Health.WARNING


def test_without_a_date_the_age_of_the_file_tells(installation: Installation) -> None:
    for age, result in ((0, Health.OK), (340, Health.WARNING), (366, Health.PROBLEM)):
        then = time.time() - age * 86_400
        os.utime(installation.token_file, (then, then))
        found = installation.examine()["token"]
        assert (found.result, "at the latest" in found.sentence) == (result, True)
        assert result is Health.OK or "jira.token_expires" in found.cure


def test_a_token_from_a_variable_has_no_known_end(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENPATH_JIRA_TOKEN", installation.site.personas["agent"].token)
    found = installation.examine()
    assert wrong(found) == {"token"}
    assert "not known" in found["token"].sentence and "jira.token_expires" in found["token"].cure


@pytest.mark.parametrize("content", [None, "", "two words…"])
def test_no_token_is_said_once(installation: Installation, content: str | None) -> None:
    if content is None:
        installation.token_file.unlink()
    else:
        installation.token_file.write_text(content, encoding="utf-8")
    diagnosis = examine(installation.file)
    assert [one.name for one in diagnosis.findings if one.result is Health.PROBLEM] == ["token"]
    assert by_name(diagnosis)["address"].sentence == "needs a token"


def test_a_ledger_whose_chain_is_broken(installation: Installation) -> None:
    loaded = config.load(installation.file)
    with bootstrap.open_ledger(loaded) as ledger:
        for number in range(3):
            ledger.note(Note(datetime.now(UTC), "started", f"row {number}"))
    with closing(sqlite3.connect(loaded.ledger_place)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("UPDATE ledger SET kind = 'forged' WHERE seq = 2")
        file.commit()
    found = installation.examine()
    assert wrong(found) == {"ledger"}
    assert "row 2 of 3: row 2 was altered" in found["ledger"].sentence
    assert "backup" in found["ledger"].cure


def test_stores_that_are_none(installation: Installation) -> None:
    loaded = config.load(installation.file)
    loaded.folder.mkdir()
    loaded.store_place.write_bytes(b"this is no database, whatever its name says" * 100)
    loaded.ledger_place.mkdir()
    found = installation.examine()
    assert wrong(found) == {"ticket store", "ledger"}


@contextmanager
def written_by_another(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path)) as file:
        file.isolation_level = None
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")


def test_a_store_that_another_process_holds(installation: Installation) -> None:
    loaded = config.load(installation.file)
    with bootstrap.open_store(loaded):
        pass
    with written_by_another(loaded.store_place):
        found = installation.examine()
    assert (found["ticket store"].result, wrong(found)) == (Health.WARNING, {"ticket store"})


def test_a_folder_that_cannot_be_made(installation: Installation) -> None:
    (installation.folder / "taken").write_text("a file", encoding="utf-8")
    with installation.file.open("a", encoding="utf-8") as file:
        file.write('\n[store]\nfolder = "taken/stores"\n')
    found = installation.examine()
    assert wrong(found) == {"folder"}
    assert "store.folder" in found["folder"].cure


# The command


def goldenpath(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_a_list_and_a_summary(installation: Installation) -> None:
    done = goldenpath("doctor", folder=installation.folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(re.match(r"ok +account +Golden Path \(agent\) is logged in", line) for line in lines)
    assert lines[-1].endswith("are well.")
    installation.site.state.hide_project("WEB", "agent")
    done = goldenpath("doctor", folder=installation.folder)
    assert done.returncode == 1
    assert re.search(r"problem +project WEB", done.stdout)
    assert "→ grant Browse projects" in done.stdout
    assert "1 problem" in done.stdout.splitlines()[-1]


def test_the_command_gives_one_document(installation: Installation) -> None:
    done = goldenpath("doctor", "--json", folder=installation.folder)
    document = json.loads(done.stdout)
    assert (done.returncode, document["healthy"]) == (0, True)
    assert {frozenset(one) for one in document["checks"]} == {frozenset({"name", "result", "sentence", "cure"})}
    assert document["ok_count"] == len(document["checks"])


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "goldenpath init"), ("[jira]\nurl = 3\n", "goldenpath.toml:2"), ("[store]\n", "no Jira is configured")],
)
def test_without_a_good_configuration_it_names_the_way_out(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "goldenpath.toml").write_text(text, encoding="utf-8")
    done = goldenpath("doctor", "--json", folder=tmp_path)
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (problem,) = [one for one in document["checks"] if one["result"] == "problem"]
    assert (problem["name"], said in problem["sentence"]) == ("configuration", True)
    assert {one["result"] for one in document["checks"]} <= {"problem", "skipped", "ok"}


# The page


def test_the_page_and_the_declaration_agree() -> None:
    page = (ROOT / "docs" / "what-the-account-needs.md").read_text(encoding="utf-8")
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in page.splitlines()
        if re.match(r"\| [a-z ]+ \| `[A-Z_]+` \|", line)
    ]
    declared = [
        (
            need.feature,
            f"`{need.permission}`",
            need.title,
            need.scope,
            ("always" if need.from_mode == 0 else f"from `{need.from_mode.label}`")
            + (", where a resolution is asked for" if need.resolving else ""),
            need.why,
        )
        for need in NEEDS
    ]
    assert rows == declared


# Who is called


def test_who_is_called_exists_and_sees_the_call(installation: Installation) -> None:
    found = installation.examine()
    assert "Oona Oncall" in found["on-call accounts"].sentence
    assert "only the group g-on-call sees them" in found["on-call audience"].sentence


@pytest.mark.parametrize(
    ("old", "new", "name", "said"),
    [
        ('["oncall"]', '["oncall", "nobody"]', "on-call accounts", "knows no account nobody"),
        ('["oncall"]', '["oncall", "developer"]', "on-call audience", "Dana Developer is not in the group"),
        ('group = "g-on-call"', 'group = "g-ops"', "on-call audience", "Golden Path is not in the group g-ops"),
        ('group = "g-on-call"', "", "on-call audience", "PLAT, WEB: no service desk"),
        ('group = "g-on-call"', 'webhook_url = "https://h.example"\nwebhook_secret_file = "gone"', "on call", "gone"),
        ('[on_call]\naccounts = ["oncall"]\ngroup = "g-on-call"\n', "", "on call", "nobody is told"),
    ],
)
def test_a_call_that_would_not_reach_is_said(
    installation: Installation, old: str, new: str, name: str, said: str
) -> None:
    installation.replace(old, new)
    found = installation.examine()
    assert found[name].result in (Health.PROBLEM, Health.WARNING)
    assert said in found[name].sentence
    assert wrong(found) <= {name, "on-call audience"}


def test_who_has_left_is_not_called(installation: Installation) -> None:
    installation.site.world.inactive.add("oncall")
    found = installation.examine()
    assert wrong(found) == {"on-call accounts"}
    assert "Oona Oncall is not active" in found["on-call accounts"].sentence

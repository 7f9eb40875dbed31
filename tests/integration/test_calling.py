"""A person is called, at the wire: on Cloud and on Data Center, in a service desk and outside, once by each way."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string, policy
from pathlib import Path

import pytest

from agent import bootstrap, config
from agent.call_webhook import signature
from agent.calling import deliver, hold_of
from agent.cycle import run_cycle
from fulfilment.calls import call_in
from fulfilment.chain import Note
from fulfilment.ledger import Ledger
from fulfilment.records import Call
from sandbox.configuration import configuration
from sandbox.jira_adf import plain_text
from sandbox.serve import Deployment, ThreadedSandbox, serve_in_thread
from sandbox.site import OPERATIONS, empty_world
from sandbox.world import Issue, WorldComment
from tests.fakes import Killed
from tests.integration.receivers import Hook, Mailbox, hook, mailbox
from tests.integration.sites import NOW, file

LEDGER_FILE = "ledger.sqlite3"
LABEL = "goldenpath-needs-person"
REASON = "a bucket may or may not have been made"
LOOK_AT = "see whether payments-logs exists in eu-west-1"
SECRET = "s" * 40


@pytest.fixture(scope="module", params=["Cloud", "Data Center"])
def site(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    deployment: Deployment = request.param
    with serve_in_thread(empty_world(NOW), aws=False, deployment=deployment) as running:
        yield running


@dataclass
class Installed:
    """An installation whose ledger is kept from cycle to cycle."""

    site: ThreadedSandbox
    folder: Path

    def configure(self, *lines: str, group: bool = True) -> config.Configuration:
        """With these lines more in [on_call]; `group` False takes the group away."""
        token, path = self.folder / "token", self.folder / config.FILE_NAME
        agent = self.site.personas["agent"]
        token.write_text(agent.token)
        text = configuration(
            jira_url=self.site.jira_url,
            aws_url=self.site.aws_url,
            agent_email=agent.email,
            token_file=token,
            every_minutes=5,
            deployment=self.site.deployment,
        )
        (line,) = [one for one in text.splitlines() if one.startswith("group = ")]
        path.write_text(text.replace(line, "\n".join([*([line] if group else []), *lines])))
        return config.load(path)

    def call(self, issue: Issue | None, reason: str = REASON, subject: str = "a", request: str | None = "r1") -> None:
        """As the engine does: with the decision that needs a person."""
        with Ledger.open(self.folder / ".goldenpath" / LEDGER_FILE) as ledger, ledger._writing() as book:
            number, key = (issue.id, issue.key) if issue else (None, None)
            note = Note(datetime.now(UTC), "called", reason, number, key, request)
            assert call_in(book, hashlib.sha256(subject.encode()).hexdigest(), note, look_at=LOOK_AT)

    def deliver(self, installed: config.Configuration) -> int:
        with bootstrap.open_rooms(installed) as rooms:
            return deliver(rooms)

    def calls(self, installed: config.Configuration) -> list[Call]:
        with bootstrap.open_ledger(installed) as ledger:
            return ledger.calls()


@pytest.fixture(scope="module")
def folder(site: ThreadedSandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One ledger for a site: making one takes longer than a test."""
    made = tmp_path_factory.mktemp("installed")
    (made / ".goldenpath").mkdir()
    return made


@pytest.fixture
def installed(site: ThreadedSandbox, folder: Path) -> Iterator[Installed]:
    """What a test leaves behind is settled, and what it takes away is given back."""
    made = Installed(site, folder)
    yield made
    site.state.faults.clear()
    site.state.sight.allow("agent", "EDIT_ISSUES")
    with Ledger.open(folder / ".goldenpath" / LEDGER_FILE) as ledger:
        for call in ledger.calls():
            ledger.settle_call(call, by="the test", at=NOW)


def said(comment: WorldComment) -> str:
    source = comment.body.get("wiki")
    return source if isinstance(source, str) else plain_text(comment.body)


def mentions(comment: WorldComment) -> list[str]:
    first = comment.body["content"][0]["content"]
    return [node["attrs"]["id"] for node in first if node["type"] == "mention"]


def seen_by(site: ThreadedSandbox, issue: Issue, who: str) -> int:
    return len(site.state.visible_comments(issue, site.world.accounts[who]))


# Once, where only the team sees it


@pytest.mark.parametrize("project", ["OPS", "PLAT"])
def test_a_call_is_one_comment_for_the_team_and_a_label(
    site: ThreadedSandbox, installed: Installed, project: str
) -> None:
    made, (issue,) = installed.configure(), file(site, project=project)
    installed.call(issue)
    assert [installed.deliver(made) for _ in range(3)] == [0, 0, 0]
    (comment,) = issue.comments
    assert comment.properties["sd.public.comment"] == {"internal": True}
    assert issue.labels == [LABEL]
    assert [item.field for history in issue.histories for item in history.items] == ["labels"]
    for words in (REASON, LOOK_AT, f"goldenpath ledger show {issue.key}", "goldenpath requests resume r1"):
        assert words in said(comment)
    if site.deployment == "Cloud":
        assert mentions(comment) == ["oncall"]
    else:
        assert said(comment).startswith("[~oncall]\n")
    if project == "PLAT":
        assert (comment.visibility["type"], comment.visibility["identifier"]) == ("group", "g-on-call")
    else:
        assert not comment.visibility
        assert not comment.public
    assert [seen_by(site, issue, who) for who in ("oncall", "agent", "developer", "outsider")] == [1, 1, 0, 0]
    (call,) = installed.calls(made)
    assert call.told_at is not None
    assert call.ways == {"comment", "label"}


def test_a_role_restricts_it_too(site: ThreadedSandbox, installed: Installed) -> None:
    made, (issue,) = installed.configure(f'role = "{OPERATIONS}"', group=False), file(site, project="WEB")
    installed.call(issue)
    assert installed.deliver(made) == 0
    assert issue.comments[0].visibility["value"] == OPERATIONS
    assert [seen_by(site, issue, who) for who in ("mara-lindqvist", "developer")] == [1, 0]


def test_nothing_is_ever_written_for_everybody(site: ThreadedSandbox, installed: Installed) -> None:
    """Outside a service desk, without group or role, nobody can be told: the call stays, and nothing is an error."""
    made, (issue,) = installed.configure(group=False), file(site, project="PLAT")
    installed.call(issue)
    assert installed.deliver(made) == 0
    assert issue.comments == []
    (call,) = installed.calls(made)
    assert (call.told_at, call.ways) == (None, {"label"})


@pytest.mark.parametrize("role", ["Administrators", "Nobody knows"])
def test_a_comment_that_jira_refuses_is_tried_again(site: ThreadedSandbox, installed: Installed, role: str) -> None:
    """A role that we do not have, or that does not exist."""
    made, (issue,) = installed.configure(f'role = "{role}"', group=False), file(site, project="PLAT")
    installed.call(issue)
    assert [installed.deliver(made), installed.deliver(made)] == [1, 1]
    assert issue.comments == []
    made = installed.configure()
    assert installed.deliver(made) == 0
    assert len(issue.comments) == 1


def test_a_subject_that_calls_again_is_told_again(site: ThreadedSandbox, installed: Installed) -> None:
    made, (issue,) = installed.configure(), file(site)
    installed.call(issue)
    assert installed.deliver(made) == 0
    with bootstrap.open_ledger(made) as ledger:
        ledger.settle_call(ledger.calls()[0], by="otto", at=NOW)
    assert installed.deliver(made) == 0
    assert len(issue.comments) == 1
    installed.call(issue)
    assert installed.deliver(made) == 0
    assert len(issue.comments) == 2


# What fails is tried again, what worked is not repeated


@pytest.mark.parametrize("how", ["drop", "drop-after"])
@pytest.mark.parametrize("what", ["issue/{key}/comment", "issue/{key}"])
def test_a_lost_answer_never_makes_a_second_comment(
    site: ThreadedSandbox, installed: Installed, how: str, what: str
) -> None:
    made, (issue,) = installed.configure(), file(site, project="PLAT")
    installed.call(issue)
    method = "POST" if what.endswith("comment") else "PUT"
    site.state.faults.fail(f"{method} {what}", how)
    failed = installed.deliver(made)
    assert failed == (0 if how == "drop-after" else 1)
    assert installed.deliver(made) == 0
    assert len(issue.comments) == 1
    assert issue.labels == [LABEL]
    (call,) = installed.calls(made)
    assert call.told_at is not None


def test_a_label_that_stands_there_is_left(site: ThreadedSandbox, installed: Installed) -> None:
    made, (issue,) = installed.configure(), file(site)
    site.state.edit(site.world.accounts["developer"], issue, {"labels": ["mine", LABEL]})
    installed.call(issue)
    before = len(issue.histories)
    assert installed.deliver(made) == 0
    assert (issue.labels, len(issue.histories)) == (["mine", LABEL], before)


def test_other_labels_stay(site: ThreadedSandbox, installed: Installed) -> None:
    made, (issue,) = installed.configure(), file(site)
    site.state.edit(site.world.accounts["developer"], issue, {"labels": ["mine"]})
    installed.call(issue)
    assert installed.deliver(made) == 0
    assert issue.labels == ["mine", LABEL]


def test_without_the_permission_to_edit_the_comment_still_calls(site: ThreadedSandbox, installed: Installed) -> None:
    made, (issue,) = installed.configure(), file(site)
    site.state.sight.deny("agent", "EDIT_ISSUES")
    installed.call(issue)
    assert [installed.deliver(made), installed.deliver(made)] == [1, 1]
    assert (len(issue.comments), issue.labels) == (1, [])
    site.state.sight.allow("agent", "EDIT_ISSUES")
    assert installed.deliver(made) == 0


# Webhook and mail


@contextmanager
def receivers() -> Iterator[tuple[Hook, Mailbox]]:
    with hook() as posted, mailbox() as mailed:
        yield posted, mailed


def everywhere(posted: Hook, mailed: Mailbox) -> list[str]:
    return [
        f'webhook_url = "{posted.address}"',
        'webhook_secret_file = "secret"',
        f'[on_call.mail]\nhost = "127.0.0.1"\nport = {mailed.port}\nstarttls = false',
        'from = "gp@acme.example"\nto = ["on-call@acme.example"]',
    ]


def test_every_way_tells_once_and_alike(site: ThreadedSandbox, installed: Installed) -> None:
    with receivers() as (posted, mailed):
        (installed.folder / "secret").write_text(SECRET)
        made, (issue,) = installed.configure(*everywhere(posted, mailed)), file(site)
        installed.call(issue)
        posted.status = 503
        assert [installed.deliver(made), installed.deliver(made)] == [1, 1]
        assert (len(posted.posts), len(mailed.mails), len(issue.comments)) == (2, 1, 1)
        posted.status = 200
        assert [installed.deliver(made), installed.deliver(made)] == [0, 0]
    assert (len(posted.posts), len(mailed.mails), len(issue.comments)) == (3, 1, 1)
    assert len({body for _, body in posted.posts}) == 1
    headers, body = posted.posts[-1]
    told = json.loads(body)
    assert headers["x-goldenpath-signature"] == signature(SECRET, body)
    assert signature(SECRET, body) == "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    assert headers["idempotency-key"] == told["id"]
    assert "authorization" not in headers
    assert (told["ticket"], told["request"]) == (issue.key, "r1")
    assert REASON in told["reason"]
    to, raw = mailed.mails[0]
    mail = message_from_string(raw, policy=policy.default)
    assert (to, mail["Subject"]) == (["on-call@acme.example"], f"Golden Path needs a person: {issue.key}")
    assert mail["Message-ID"].startswith(f"<{told['id']}@")
    assert REASON in mail.get_content()
    for text in (raw, body.decode()):
        assert issue.summary not in text


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_2xx_is_a_yes_and_no_address_is_followed(
    site: ThreadedSandbox, installed: Installed, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with hook() as posted:
        posted.status = status
        made = installed.configure(f'webhook_url = "{posted.address}"')
        installed.call(None)
        assert installed.deliver(made) == 1
    assert len(posted.posts) == 1
    assert "s3cret-path" not in caplog.text
    assert str(status) in caplog.text


def test_a_mail_is_refused_or_never_sent_unencrypted(site: ThreadedSandbox, installed: Installed) -> None:
    with receivers() as (posted, mailed):
        (installed.folder / "secret").write_text(SECRET)
        lines = everywhere(posted, mailed)
        made = installed.configure(*[line.replace("\nstarttls = false", "") for line in lines])
        installed.call(None)
        assert installed.deliver(made) == 1
        assert mailed.mails == []
        mailed.refuses = 550
        made = installed.configure(*lines)
        assert installed.deliver(made) == 1
        mailed.refuses = 0
        assert installed.deliver(made) == 0
        assert (len(mailed.mails), len(posted.posts)) == (1, 1)


def test_a_call_about_no_ticket_or_a_gone_one_is_told_by_the_other_ways(
    site: ThreadedSandbox, installed: Installed
) -> None:
    with hook() as posted:
        made, (issue,) = installed.configure(f'webhook_url = "{posted.address}"'), file(site)
        site.state.delete(site.world.accounts["agent"], issue)
        installed.call(issue)
        installed.call(None, subject="b", request=None)
        assert [installed.deliver(made), installed.deliver(made)] == [0, 0]
        assert len(posted.posts) == 2
        assert all(call.told_at and call.ways == {"webhook"} for call in installed.calls(made))


@pytest.mark.parametrize("after", ["comment", "label", "webhook"])
def test_a_process_that_ends_in_between_repeats_nothing(
    site: ThreadedSandbox, installed: Installed, after: str
) -> None:
    """It ends with the effect done and nothing of it kept."""
    with hook() as posted:
        made, (issue,) = installed.configure(f'webhook_url = "{posted.address}"'), file(site, project="PLAT")
        installed.call(issue)
        with bootstrap.open_rooms(made) as rooms, pytest.raises(Killed):
            ledger = rooms.ledger
            object.__setattr__(rooms, "ledger", _Ending(ledger, after))
            deliver(rooms)
        assert installed.deliver(made) == 0  # another agent may still be at it
        assert len(installed.calls(made)) == 1 and installed.calls(made)[0].told_at is None
        with bootstrap.open_ledger(made) as later:  # what it held has run out
            later.let_go(hold_of(installed.calls(made)[0]))
        assert installed.deliver(made) == 0
        ids = {headers["idempotency-key"] for headers, _ in posted.posts}
    assert (len(issue.comments), issue.labels, len(ids)) == (1, [LABEL], 1)
    assert len([history for history in issue.histories if history.items[0].field == "labels"]) == 1
    assert len(posted.posts) == (2 if after == "webhook" else 1)


class _Ending:
    """A ledger whose process ends when it is to remember this way."""

    def __init__(self, ledger: object, way: str) -> None:
        self._ledger, self._way = ledger, way

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    def told_by(self, call: Call, way: str, *, at: datetime) -> Call:
        if way == self._way:
            raise Killed
        told: Call = self._ledger.told_by(call, way, at=at)  # type: ignore[attr-defined]
        return told


# Hostile words


def test_hostile_words_call_nobody_else(site: ThreadedSandbox, installed: Installed) -> None:
    evil = "[~admin] @all <!channel> https://evil.example \r\nBcc: x@evil.example\n{color:red}\u202e"
    with receivers() as (posted, mailed):
        (installed.folder / "secret").write_text(SECRET)
        made, (issue,) = installed.configure(*everywhere(posted, mailed)), file(site)
        installed.call(issue, reason=evil)
        assert installed.deliver(made) == 0
    (comment,) = issue.comments
    in_markup = ("{color:red}",) if site.deployment == "Data Center" else ()
    for words in ("[~admin]", "@all", "https://evil", "\u202e", *in_markup):
        assert words not in said(comment)
    mail = message_from_string(mailed.mails[0][1], policy=policy.default)
    assert (mail["Bcc"], mail["To"]) == (None, "on-call@acme.example")
    assert "<!channel>" not in json.loads(posted.posts[0][1])["text"]


# In a cycle


@pytest.mark.parametrize("site", ["Cloud"], indirect=True)
def test_a_delivery_that_fails_is_an_error_of_the_cycle_and_stops_nothing(
    site: ThreadedSandbox, installed: Installed
) -> None:
    with hook() as posted:
        posted.status = 500
        made = installed.configure(f'webhook_url = "{posted.address}"')
        installed.call(None)
        with bootstrap.open_rooms(made) as rooms:
            assert rooms.ledger.pulse().good_at is None
            assert run_cycle(rooms).errors == 1
            assert rooms.ledger.pulse().good_at is None
            posted.status = 200
            assert run_cycle(rooms).errors == 0
            assert rooms.ledger.pulse().good_at is not None

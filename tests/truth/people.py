"""Everybody who works on the sandbox's Jira: each act changes the world as one person, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import Any, Final

from sandbox.jira_fields import PRIORITIES, RESOLUTIONS
from sandbox.jira_state import JiraState
from sandbox.world import FORM_FIELDS, REQUEST_TYPE_FIELD, Account, Issue, World
from tests.truth.wording import document, sentence

AGENT: Final = "agent"  # the account whose view of the site the store must hold
ACTORS: Final = ("developer", "approver", "outsider", "bot", "mara-lindqvist", "pavel-novak", "amir-haddad")
FLURRY: Final = 45  # more edits than a search embeds of a changelog

Act = Callable[[Random], str]


class People:
    """`synced` are the projects that the machine reads. Every act may find nothing to do: then it says nothing."""

    def __init__(self, state: JiraState, synced: Collection[str]) -> None:
        self.state = state
        self.synced = frozenset(synced)
        self.once_inside: set[int] = set()  # tickets that at some time were in a synced project
        self.deleted: dict[int, Issue] = {}
        self.disturbed: set[int] = set()  # tickets that went out of sight since this was last emptied
        self.watch: Callable[[], None] = lambda: None  # is called after each act
        self._acts: Mapping[str, Act] = {
            "file": self._file,
            "edit": self._edit,
            "transition": self._transition,
            "comment": self._comment,
            "edit comment": self._edit_comment,
            "relocate": self._relocate,
            "come back": self._come_back,
            "delete": self._delete,
            "hide": self._hide,
            "show": self._show,
            "hide project": self._hide_project,
            "show project": self._show_project,
            "migrate": self._migrate,
            "flurry": self._flurry,
            "file many": self._file_many,
            "edit many": self._edit_many,
        }

    def act(self, kind: str, random: Random) -> str:
        with self.state.lock:
            before = {n for n, issue in self.world.issues.items() if not self._is_in_sight(issue)}
            told = self._acts[kind](random)
            self.once_inside |= {n for n, issue in self.world.issues.items() if issue.project in self.synced}
            after = {n for n, issue in self.world.issues.items() if not self._is_in_sight(issue)}
            self.disturbed |= before | after
            self.watch()
        return told

    def _is_in_sight(self, issue: Issue) -> bool:
        return not (self.is_hidden(issue) or self.is_project_hidden(issue.project))

    @property
    def world(self) -> World:
        return self.state.world

    def is_hidden(self, issue: Issue) -> bool:
        """By a security level; it may be in a hidden project besides."""
        return AGENT in self.world.hidden.get(issue.id, ())

    def is_project_hidden(self, key: str) -> bool:
        return AGENT in self.world.hidden_projects.get(key, ())

    def _actor(self, random: Random) -> Account:
        return self.world.accounts[random.choice(ACTORS)]

    def _issue(self, random: Random) -> Issue | None:
        """Any ticket, the newest more often than the others."""
        issues = sorted(self.world.issues.values(), key=lambda issue: issue.id)
        if not issues:
            return None
        return random.choice(issues[-8:] if random.random() < 0.4 else issues)

    def _file(self, random: Random) -> str:
        project = self.world.projects[random.choice(sorted(self.world.projects))]
        fields: dict[str, Any] = {
            "project": {"key": project.key},
            "issuetype": {"name": random.choice(project.issue_types)},
            "summary": sentence(random),
        }
        if random.random() < 0.7:
            fields["description"] = document(random)
        if random.random() < 0.6:
            fields |= self._values(random, project.key, random.randint(1, 4))
        return f"file {self.state.create(self._filing(random), fields).key}"

    def _file_many(self, random: Random) -> str:
        """As an import does: many in the same second."""
        return ", ".join(self._file(random) for _ in range(random.randint(5, 15)))

    def _edit_many(self, random: Random) -> str:
        """As a bulk change does."""
        issues = random.sample(sorted(self.world.issues), min(len(self.world.issues), random.randint(5, 15)))
        priority = {"priority": {"name": random.choice(sorted(PRIORITIES))}}
        for number in issues:
            self.state.edit(self._filing(random), self.world.issues[number], priority)
        return f"edit {', '.join(self.world.issues[number].key for number in issues)}: priority"

    def _filing(self, random: Random) -> Account:
        """Somebody who may name another reporter."""
        return self.world.accounts[random.choice(["mara-lindqvist", "pavel-novak"])]

    def _values(self, random: Random, project: str, count: int) -> dict[str, Any]:
        accounts = [{"accountId": name} for name in ACTORS]
        people, facts = random.choice(accounts), self.world.projects[project]
        size = random.choice(["small", "medium", "large"])
        choices: list[tuple[str, Any]] = [
            ("priority", {"name": random.choice(sorted(PRIORITIES))}),
            ("labels", random.sample(["aws", "urgent", "q3", "päivä"], random.randint(0, 3))),
            ("components", [{"name": name} for name in random.sample(["network", "storage and backup"], 1)]),
            ("assignee", random.choice([people, None])),
            ("reporter", people),
            ("customfield_10050", random.choice([f"bucket-{random.randint(1, 99)}", None])),
            ("customfield_10057", random.choice([{"value": size}, None])),
            ("customfield_10054", {"value": random.choice(["payments", "search"])}),
        ]
        if facts.request_types:
            choices.append((REQUEST_TYPE_FIELD, random.choice(sorted(facts.request_types))))
        return dict(random.sample(choices, count))

    def _edit(self, random: Random) -> str:
        issue = self._issue(random)
        if issue is None:
            return ""
        fields = self._values(random, issue.project, random.randint(0, 3))
        if random.random() < 0.5 or not fields:
            fields["summary"] = sentence(random)
        if random.random() < 0.3:
            fields["description"] = random.choice([document(random), None])
        if random.random() < 0.1:
            fields["issuetype"] = {"name": random.choice(self.world.projects[issue.project].issue_types)}
        self.state.edit(self._filing(random), issue, fields)
        return f"edit {issue.key}: {', '.join(self._name(name) for name in fields)}"

    def _name(self, field: str) -> str:
        return FORM_FIELDS.get(field, field)

    def _transition(self, random: Random) -> str:
        issue = self._issue(random)
        offered = self.state.transitions(issue) if issue else []
        if issue is None or not offered:
            return ""
        step = random.choice(offered)
        fields = {"resolution": {"name": random.choice(sorted(RESOLUTIONS))}} if step.required else {}
        self.state.move(self._actor(random), issue, step.id, fields)
        return f"transition {issue.key}: {step.name}"

    def _comment(self, random: Random) -> str:
        issue = self._issue(random)
        if issue is None:
            return ""
        public, count = random.random() < 0.8, 120 if random.random() < 0.03 else 1
        for _ in range(count):
            self.state.comment(self._actor(random), issue, document(random), properties={}, public=public)
        return f"comment {issue.key}" + (f" {count} times" if count > 1 else "")

    def _edit_comment(self, random: Random) -> str:
        issues = [issue for _, issue in sorted(self.world.issues.items()) if issue.comments]
        if not issues:
            return ""
        issue = random.choice(issues)
        comment = random.choice(issue.comments)
        self.state.edit_comment(self._actor(random), issue, comment, document(random))
        return f"edit comment {comment.id} of {issue.key}"

    def _relocate(self, random: Random) -> str:
        issue = self._issue(random)
        if issue is None:
            return ""
        return self._bring(random, issue, [key for key in sorted(self.world.projects) if key != issue.project])

    def _come_back(self, random: Random) -> str:
        outside = [issue for _, issue in sorted(self.world.issues.items()) if issue.project not in self.synced]
        return self._bring(random, random.choice(outside), sorted(self.synced)) if outside else ""

    def _bring(self, random: Random, issue: Issue, targets: list[str]) -> str:
        before = issue.key
        self.state.relocate(self._actor(random), issue, random.choice(targets))
        return f"relocate {before} to {issue.key}"

    def _delete(self, random: Random) -> str:
        issue = self._issue(random)
        if issue is None:
            return ""
        self.state.delete(self._actor(random), issue)
        self.deleted[issue.id] = issue
        return f"delete {issue.key}"

    def _hide(self, random: Random) -> str:
        issue = self._issue(random)
        if issue is None:
            return ""
        self.state.hide(issue, AGENT)
        return f"hide {issue.key}"

    def _show(self, random: Random) -> str:
        hidden = sorted(number for number, issue in self.world.issues.items() if self.is_hidden(issue))
        if not hidden:
            return ""
        issue = self.world.issues[random.choice(hidden)]
        self.state.show(issue, AGENT)
        return f"show {issue.key}"

    def _hide_project(self, random: Random) -> str:
        key = random.choice(sorted(self.world.projects))
        self.state.hide_project(key, AGENT)
        return f"hide project {key}"

    def _show_project(self, random: Random) -> str:
        hidden = [key for key in sorted(self.world.projects) if self.is_project_hidden(key)]
        if not hidden:
            return ""
        key = random.choice(hidden)
        self.state.show_project(key, AGENT)
        return f"show project {key}"

    def _migrate(self, random: Random) -> str:
        key = random.choice(sorted(self.world.projects))
        workflow = random.choice(sorted(set(self.world.workflows) - {self.world.projects[key].workflow}))
        self.state.migrate_workflow(key, workflow)
        return f"migrate {key} to the workflow {workflow}"

    def _flurry(self, random: Random) -> str:
        issue = self._issue(random)
        if issue is None:
            return ""
        for _ in range(FLURRY):
            self.state.edit(self._filing(random), issue, {"summary": sentence(random)})
        return f"edit {issue.key} {FLURRY} times"

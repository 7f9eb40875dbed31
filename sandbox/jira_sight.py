"""What an account may see and do on the sandbox's site, and how that changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from sandbox.jira_fields import INTAKE, Refused
from sandbox.world import Account, Issue, Project, World

K = TypeVar("K")

# Jira's permissions by key, each with its id; whether it holds for a project or for the site.
PERMISSIONS = {
    "ADMINISTER": ("0", "Administer Jira", "GLOBAL"),
    "ADMINISTER_PROJECTS": ("23", "Administer Projects", "PROJECT"),
    "BROWSE_PROJECTS": ("10", "Browse Projects", "PROJECT"),
    "CREATE_ISSUES": ("11", "Create Issues", "PROJECT"),
    "EDIT_ISSUES": ("12", "Edit Issues", "PROJECT"),
    "ASSIGN_ISSUES": ("13", "Assign Issues", "PROJECT"),
    "RESOLVE_ISSUES": ("14", "Resolve Issues", "PROJECT"),
    "ADD_COMMENTS": ("15", "Add Comments", "PROJECT"),
    "DELETE_ISSUES": ("16", "Delete Issues", "PROJECT"),
    "ASSIGNABLE_USER": ("17", "Assignable User", "PROJECT"),
    "CLOSE_ISSUES": ("18", "Close Issues", "PROJECT"),
    "MOVE_ISSUES": ("25", "Move Issues", "PROJECT"),
    "USER_PICKER": ("27", "Browse Users", "GLOBAL"),
    "MODIFY_REPORTER": ("30", "Modify Reporter", "PROJECT"),
    "EDIT_ALL_COMMENTS": ("34", "Edit All Comments", "PROJECT"),
    "DELETE_ALL_COMMENTS": ("36", "Delete All Comments", "PROJECT"),
    "EDIT_OWN_COMMENTS": ("35", "Edit Own Comments", "PROJECT"),
    "TRANSITION_ISSUES": ("46", "Transition Issues", "PROJECT"),
    "SERVICEDESK_AGENT": ("-1", "Service Desk Agent", "PROJECT"),
}
NOBODYS = frozenset({"ADMINISTER", "ADMINISTER_PROJECTS"})
NOT_LOGGED_IN = "Client must be authenticated to access this resource."
NOT_SEEN = "Issue does not exist or you do not have permission to see it."


class Sight:
    """Reads and changes the world's permissions. The caller holds the state's lock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def is_seen(self, issue: Issue, who: Account) -> bool:
        """Nobody in particular sees every second ticket."""
        if not who.account_id and issue.id % 2:
            return False
        if who.account_id in self._world.hidden.get(issue.id, ()):
            return False
        return self.is_open(issue.project, who)

    def is_open(self, project: str, who: Account) -> bool:
        """Whether the account may browse the project."""
        if "BROWSE_PROJECTS" in self._world.denied.get(who.account_id, ()):
            return False
        return who.account_id not in self._world.hidden_projects.get(project, ())

    def seen(self, issues: Iterable[Issue], who: Account) -> Iterable[Issue]:
        """Those that the account may see; the argument itself when nothing is hidden from anybody."""
        world = self._world
        if who.account_id and not (world.hidden or world.hidden_projects or world.denied):
            return issues
        return [issue for issue in issues if self.is_seen(issue, who)]

    def projects(self, who: Account) -> list[Project]:
        return [project for project in self._world.projects.values() if self.is_open(project.key, who)]

    def has(self, permission: str, who: Account) -> bool:
        """Everybody has nearly all of them, unless taken away."""
        if permission in NOBODYS or permission in self._world.denied.get(who.account_id, ()):
            return False
        if permission == "MODIFY_REPORTER":
            return bool(who.groups & INTAKE)
        if not who.account_id:
            return permission == "BROWSE_PROJECTS"
        return True

    def require(self, permission: str, who: Account) -> None:
        """Raises Refused (403, or 401 for nobody)."""
        if not who.account_id:
            raise Refused(401, NOT_LOGGED_IN)
        if not self.has(permission, who):
            words = PERMISSIONS[permission][1].lower()
            raise Refused(403, f"You do not have the permission to {words} in this project.")

    def hide(self, issue: Issue, *account_ids: str) -> None:
        self._world.hidden.setdefault(issue.id, set()).update(account_ids)

    def show(self, issue: Issue, *account_ids: str) -> None:
        _take_away(self._world.hidden, issue.id, account_ids)

    def hide_project(self, key: str, account_id: str) -> None:
        self._world.hidden_projects.setdefault(key, set()).add(account_id)

    def show_project(self, key: str, account_id: str) -> None:
        _take_away(self._world.hidden_projects, key, (account_id,))

    def deny(self, account_id: str, *permissions: str) -> None:
        """Raises ValueError for a permission that Jira does not have."""
        if unknown := set(permissions) - set(PERMISSIONS):
            raise ValueError(f"{', '.join(sorted(unknown))}: no such permission; known are {', '.join(PERMISSIONS)}")
        self._world.denied.setdefault(account_id, set()).update(permissions)

    def allow(self, account_id: str, *permissions: str) -> None:
        _take_away(self._world.denied, account_id, permissions)


def _take_away(kept: dict[K, set[str]], key: K, names: Iterable[str]) -> None:
    left = kept.get(key, set()) - set(names)
    if left:
        kept[key] = left
    else:
        kept.pop(key, None)

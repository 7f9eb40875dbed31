"""Sets a field of a ticket, and says it as a history item in Jira's words."""

from __future__ import annotations

from typing import Any

from sandbox.jira_fields import PRIORITIES, option_id, type_ids
from sandbox.server_text import wiki_source
from sandbox.world import REQUEST_TYPE_FIELD, HistoryItem, Issue, World


def set_field(world: World, issue: Issue, name: str, value: Any) -> HistoryItem | None:
    """`value` was read by `jira_fields`. None when nothing changes."""
    if is_custom(world, name):
        return _set_custom(world, issue, name, value)
    attribute = {"issuetype": "issue_type", REQUEST_TYPE_FIELD: "request_type"}.get(name, name)
    old = getattr(issue, attribute)
    if old == value:
        return None
    setattr(issue, attribute, value)
    if name == "description":
        return plain_item(name, None, wiki_source(old) or None, None, wiki_source(value) or None)
    if name in ("labels", "components"):
        return plain_item(name, None, " ".join(old), None, " ".join(value))
    if name in ("assignee", "reporter"):
        return plain_item(name, old, _person(world, old), value, _person(world, value))
    if name == REQUEST_TYPE_FIELD:
        names = world.projects[issue.project].request_types
        label = world.fields[name].name
        return HistoryItem(label, name, "custom", old, names.get(old or ""), value, names.get(value or ""))
    ids = {"priority": PRIORITIES, "issuetype": type_ids(world)}.get(name, {})
    return plain_item(name, ids.get(old), old, ids.get(value), value)


def is_custom(world: World, name: str) -> bool:
    """Whether it is a question of the desk's form."""
    return name != REQUEST_TYPE_FIELD and bool(world.fields[name].schema.get("custom"))


def plain_item(field: str, old: str | None, old_name: str | None, new: str | None, new_name: str | None) -> HistoryItem:
    """A change of one of Jira's own fields."""
    return HistoryItem(field, field, "jira", old, old_name, new, new_name)


def _set_custom(world: World, issue: Issue, name: str, value: str) -> HistoryItem | None:
    entry, old = world.fields[name], issue.custom.get(name, "")
    if old == value:
        return None
    if value:
        issue.custom[name] = value
    else:
        issue.custom.pop(name, None)
    ids = [option_id(entry, text) if entry.options and text else None for text in (old, value)]
    return HistoryItem(entry.name, name, "custom", ids[0], old or None, ids[1], value or None)


def _person(world: World, account_id: str | None) -> str | None:
    return None if account_id is None else world.accounts[account_id].name

"""A ticket that goes to another project, a project that gets another workflow: what changes, in Jira's words."""

from __future__ import annotations

from sandbox.jira_fields import type_ids
from sandbox.world import REQUEST_TYPE_FIELD, HistoryItem, Issue, Project, Workflow, World


def relocate(world: World, issue: Issue, target: Project, key: str) -> list[HistoryItem]:
    """Puts the ticket into `target` under the new key. Its type, request type and status stay where the target has
    them by name; a status that it lacks becomes the first of the same category."""
    source = world.projects[issue.project]
    items = [
        HistoryItem("project", "project", "jira", source.id, source.name, target.id, target.name),
        HistoryItem("Key", "", "jira", None, issue.key, None, key),
    ]
    items += _retype(world, issue, source, target)
    if source.workflow != target.workflow:
        items += change_workflow(world, issue, world.workflows[source.workflow], world.workflows[target.workflow])
    issue.project, issue.key = target.key, key
    return items


def change_workflow(world: World, issue: Issue, old: Workflow, new: Workflow) -> list[HistoryItem]:
    """Puts the ticket into a status of the new workflow, where it is in none."""
    items = [HistoryItem("Workflow", "", "jira", _number(world, old), old.id, _number(world, new), new.id)]
    target = _nearest_status(world, issue.status, new)
    if target != issue.status:
        before, after = world.statuses[issue.status], world.statuses[target]
        items.append(HistoryItem("status", "status", "jira", before.id, before.name, after.id, after.name))
        issue.status = target
    return items


def _nearest_status(world: World, status: str, workflow: Workflow) -> str:
    known = dict.fromkeys([workflow.initial, *(step.target for step in workflow.transitions)])
    if status in known:
        return status
    category = world.statuses[status].category
    return next((found for found in known if world.statuses[found].category == category), workflow.initial)


def _retype(world: World, issue: Issue, source: Project, target: Project) -> list[HistoryItem]:
    items: list[HistoryItem] = []
    if issue.issue_type not in target.issue_types:
        ids, before, after = type_ids(world), issue.issue_type, target.issue_types[0]
        items.append(HistoryItem("issuetype", "issuetype", "jira", ids[before], before, ids[after], after))
        issue.issue_type = after
    if issue.request_type is not None:
        name = source.request_types[issue.request_type]
        kept = next((number for number, known in target.request_types.items() if known == name), None)
        label = world.fields[REQUEST_TYPE_FIELD].name
        to_name = None if kept is None else name
        items.append(HistoryItem(label, REQUEST_TYPE_FIELD, "custom", issue.request_type, name, kept, to_name))
        issue.request_type = kept
    return items


def _number(world: World, workflow: Workflow) -> str:
    return str(30_001 + list(world.workflows).index(workflow.id))

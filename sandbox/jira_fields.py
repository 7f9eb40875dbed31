"""What a client sends under `fields`, read and checked against the site's fields and the project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.jira_adf import is_document
from sandbox.server_text import from_wiki
from sandbox.world import REQUEST_TYPE_FIELD, SLA_SCHEMA, Account, Deployment, Project, World, WorldField

RESOLUTIONS = {"Done": "10000", "Won't Do": "10001", "Duplicate": "10002", "Cannot Reproduce": "10003"}
PRIORITIES = {"Highest": "1", "High": "2", "Medium": "3", "Low": "4", "Lowest": "5"}
LONGEST_LINE = 255
NO_PROJECT = "Specify a valid project ID or key"
NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
NOT_ADF = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
# Only these groups' members may file in somebody's name.
INTAKE = frozenset({"g-ops", "g-ops-bots"})

Read = tuple[Any, str | None]


class Refused(Exception):
    """Jira's no: the HTTP status, and what stands under `errorMessages` and `errors`."""

    def __init__(self, status: int, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(*messages)
        self.status = status
        self.messages = messages
        self.errors = dict(errors or {})


def type_ids(world: World) -> dict[str, str]:
    """Jira's id of each issue type by its name."""
    names = sorted({name for project in world.projects.values() for name in project.issue_types})
    return {name: str(10100 + number) for number, name in enumerate(names)}


def find_project(world: World, reference: object) -> Project:
    """By `{"key": …}` or `{"id": …}`. Raises Refused (400)."""
    if isinstance(reference, Mapping):
        named = {str(reference[name]) for name in ("key", "id") if reference.get(name)}
        for project in world.projects.values():
            if named & {project.key, project.id}:
                return project
    raise Refused(400, errors={"project": NO_PROJECT})


def read_fields(
    world: World, project: Project, actor: Account, sent: Mapping[str, Any], deployment: Deployment
) -> dict[str, Any]:
    """The values in the world's own words: a name, an account id, an option's text. Raises Refused (400) naming all
    wrong fields at once. `project` is not among them."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for identity, value in sent.items():
        if identity == "project":
            continue
        values[identity], error = _read(world, project, actor, identity, value, deployment)
        if error is not None:
            errors[identity] = error
    if errors:
        raise Refused(400, errors=errors)
    return values


def read_resolution(value: object) -> str:
    """Raises Refused (400)."""
    name = _named(value, RESOLUTIONS)
    if name is None:
        raise Refused(400, errors={"resolution": f"Resolution is not one of {', '.join(RESOLUTIONS)}."})
    return name


def _read(world: World, project: Project, actor: Account, identity: str, value: object, deployment: Deployment) -> Read:
    if identity == "summary":
        return value, _summary_error(value)
    if identity == "description":
        return _description(value, deployment)
    if identity == "issuetype":
        types = {name: number for name, number in type_ids(world).items() if name in project.issue_types}
        return _chosen(value, types, "Specify a valid issue type")
    if identity == "priority":
        return _chosen(value, PRIORITIES, "Specify a valid priority")
    if identity in ("labels", "components"):
        return _words(value, identity)
    if identity in ("assignee", "reporter"):
        return _read_person(world, actor, identity, value, deployment)
    if identity == REQUEST_TYPE_FIELD:
        return _request_type(project, value, deployment)
    entry = world.fields.get(identity)
    if entry is None or entry.schema.get("custom") in (None, SLA_SCHEMA):
        return None, NOT_ON_SCREEN.format(identity)
    return _custom(entry, value)


def _description(value: object, deployment: Deployment) -> Read:
    if value is None:
        return None, None
    if deployment == "Cloud":
        return value, None if is_document(value) else NOT_ADF
    if not isinstance(value, str):
        return None, "Operation value must be a string"
    return from_wiki(value) if value else None, None


def _summary_error(value: object) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return "You must specify a summary of the issue."
    if "\n" in value or "\r" in value:
        return "The summary is invalid because it contains newline characters."
    return None if len(value) <= LONGEST_LINE else f"Summary must be less than {LONGEST_LINE} characters."


def _chosen(value: object, known: Mapping[str, str], error: str) -> Read:
    name = _named(value, known)
    return name, None if name is not None else error


def _named(value: object, known: Mapping[str, str]) -> str | None:
    """The name that `{"name": …}` or `{"id": …}` means."""
    if not isinstance(value, Mapping):
        return None
    wanted = {str(value.get("name")), str(value.get("id"))}
    return next((name for name, number in known.items() if wanted & {name, number}), None)


def _words(value: object, identity: str) -> Read:
    listed = [] if value is None else value
    if isinstance(listed, list):
        names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in listed]
        if all(isinstance(name, str) and name and len(name) <= LONGEST_LINE for name in names):
            if identity == "components" or not any(" " in str(name) for name in names):
                return names, None
            return [], "The label can't contain spaces."
    return [], "data was not an array"


def _read_person(world: World, actor: Account, identity: str, value: object, deployment: Deployment) -> Read:
    if identity == "reporter" and not actor.groups & INTAKE:
        return None, NOT_ON_SCREEN.format(identity)
    if value is None and identity == "assignee":
        return None, None
    if isinstance(value, Mapping) and deployment == "Cloud":
        named = value.get("accountId") or value.get("id")
        if isinstance(named, str) and named in world.accounts:
            return named, None
    elif isinstance(value, Mapping) and (found := find_user(world, value.get("name"), value.get("key"))):
        return found.account_id, None
    return None, f"Specify a valid value for {identity}"


def find_user(world: World, name: object, key: object) -> Account | None:
    """As a Data Center finds people: by name or by key, never by an account id of the Cloud."""
    for account in world.accounts.values():
        if name == account.account_id or (name is None and key == account.user_key):
            return account
    return None


def _request_type(project: Project, value: object, deployment: Deployment) -> Read:
    """Set by its id or its name, as the portal and imports do; on a Data Center by portal and key."""
    if value is None:
        return None, None
    for identity, name in project.request_types.items():
        allowed = (identity, name) if deployment == "Cloud" else (request_type_key(project, identity),)
        if isinstance(value, str) and value in allowed:
            return identity, None
    return None, f"The request type is not one of project {project.key}."


def request_type_key(project: Project, identity: str) -> str:
    """What a Data Center keeps in the field: the portal's key, a slash, the request type's key."""
    return f"{project.key.lower()}/{project.request_types[identity].lower().replace(' ', '-')}"


def _custom(entry: WorldField, value: object) -> Read:
    if value is None or value == "":
        return "", None
    if not entry.options:
        if isinstance(value, str) and len(value) <= LONGEST_LINE:
            return value, None
        return "", f"Operation value must be a string of at most {LONGEST_LINE} characters"
    chosen = value
    if isinstance(value, Mapping):
        chosen = value.get("value") or {option_id(entry, o): o for o in entry.options}.get(str(value.get("id")))
    if chosen in entry.options:
        return chosen, None
    return "", f"Option is not valid for '{entry.name}'; it is one of {', '.join(entry.options)}."


def option_id(entry: WorldField, option: str) -> str:
    """Jira's id of a select's option; an option that was taken away since has 99."""
    number = entry.options.index(option) if option in entry.options else 99
    return f"{entry.id.removeprefix('customfield_')}{number:02}"

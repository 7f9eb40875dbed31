"""Comments for a group or a role: who may restrict one so, and who sees it then."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.jira_fields import Refused
from sandbox.world import Account, Deployment, World

NO_MEMBER = "You are currently not a member of the {}: {}."


def read_visibility(world: World, project: str, who: Account, sent: object, deployment: Deployment) -> dict[str, str]:
    """What stands under `visibility` in a comment that is sent, empty for nothing. Raises Refused (400)."""
    if sent is None:
        return {}
    if not isinstance(sent, Mapping) or sent.get("type") not in ("group", "role"):
        raise _refused("The visibility type must be group or role.")
    name, identity = (sent.get(key) for key in ("value", "identifier"))
    if sent["type"] == "role":
        return _role(world, project, who, str(name or identity or ""))
    return _group(world, who, name, identity if deployment == "Cloud" else None)


def is_in_audience(world: World, project: str, who: Account, visibility: Mapping[str, str]) -> bool:
    """Whether the account may see a comment that is restricted so."""
    if not visibility:
        return True
    if visibility["type"] == "group":
        return visibility["identifier"] in who.groups
    return _has_role(world, project, who, visibility["value"])


def _role(world: World, project: str, who: Account, name: str) -> dict[str, str]:
    if name not in world.roles.get(project, {}):
        raise _refused(f"Role: {name[:60]} does not exist.")
    if not _has_role(world, project, who, name):
        raise _refused(NO_MEMBER.format("project role", name))
    return {"type": "role", "value": name, "identifier": name}


def _group(world: World, who: Account, name: object, identity: object) -> dict[str, str]:
    """The id goes before the name, which may have changed."""
    known = world.groups.items()
    found = next((group for group, title in known if (group == identity if identity else title == name)), None)
    if found is None:
        raise _refused(f"Group: {str(identity or name)[:60]} does not exist.")
    if found not in who.groups:
        raise _refused(NO_MEMBER.format("group", world.groups[found]))
    return {"type": "group", "value": world.groups[found], "identifier": found}


def _has_role(world: World, project: str, who: Account, name: str) -> bool:
    actors = world.roles.get(project, {}).get(name, set())
    return who.account_id in actors or bool(actors & who.groups)


def _refused(words: str) -> Refused:
    return Refused(400, errors={"commentLevel": words})

"""The `goldenpath.toml` that points Golden Path at this sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sandbox.site import GROUPS, HOLIDAYS_OF, OVERSEAS, TIME_ZONE
from sandbox.world import Deployment

ACCOUNT = "123456789012"
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1")


def configuration(
    *,
    jira_url: str,
    aws_url: str,
    agent_email: str,
    token_file: Path,
    every_minutes: float,
    deployment: Deployment = "Cloud",
) -> str:
    """The text of the file. The token stays in `token_file`, which the caller writes.

    A Data Center takes the token without an e-mail address, and names groups by their names.
    """
    groups = GROUPS if deployment == "Data Center" else {identity: identity for identity in GROUPS}
    email = "" if deployment == "Data Center" else f'email = "{agent_email}"\n'
    return f"""# Written by the sandbox: a Jira and an AWS on this machine.
[jira]
url = "{jira_url}"
{email}token_file = "{token_file}"
projects = ["OPS", "DATA", "PLAT", "WEB"]

[projects.OPS]
target_status = "Resolved"

[projects.DATA]
target_status = "Resolved"

[projects.PLAT]
target_status = "Done"

[projects.WEB]
target_status = "Done"

[agent]
every_minutes = {every_minutes}
lease_minutes = 2
maximum_age_days = 14

[on_call]
accounts = ["oncall"]
group = "{groups["g-on-call"]}"

{_calendars()}{_teams(groups)}{_environments(aws_url)}
[handlers.s3-bucket]
mode = "autonomous"
approvers = ["{groups["g-approvers"]}"]
"""


def _calendars() -> str:
    """The default one is the ops team's; those of teams overseas have names."""
    named = "".join(
        f"""
[calendars.{_calendar_name(zone)}]
time_zone = "{zone}"
holidays_of = "{HOLIDAYS_OF[zone]}"
"""
        for zone in dict.fromkeys(OVERSEAS.values())
    )
    return f"""[calendar]
time_zone = "{TIME_ZONE}"
holidays_of = "{HOLIDAYS_OF[TIME_ZONE]}"
start = 09:00:00
end = 17:00:00
{named}"""


def _calendar_name(zone: str) -> str:
    return zone.rsplit("/", 1)[-1].lower().replace("_", "-")


def _calendar_of(team: str) -> str:
    zone = OVERSEAS.get(f"g-{team}")
    return f'calendar = "{_calendar_name(zone)}"\n' if zone else ""


def _environments(aws_url: str) -> str:
    return "\n".join(
        f"""
[environments.{name}]
account = "{ACCOUNT}"
plan_role_arn = "arn:aws:iam::{ACCOUNT}:role/goldenpath-plan"
apply_role_arn = "arn:aws:iam::{ACCOUNT}:role/goldenpath-apply"
regions = [{", ".join(f'"{region}"' for region in REGIONS)}]
endpoint_url = "{aws_url}"
"""
        for name in ("dev", "prod")
    )


def _teams(groups: Mapping[str, str]) -> str:
    return "\n".join(
        f"""
[teams.{team}]
groups = ["{groups[f"g-{team}"]}"]
principals = ["arn:aws:iam::{ACCOUNT}:role/{team}"]
cost_centre = "{cost_centre}"
handlers = ["s3-bucket"]
environments = ["dev", "prod"]
{_calendar_of(team)}"""
        for team, cost_centre in (("payments", "CC-410"), ("search", "CC-420"))
    )

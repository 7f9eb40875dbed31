"""S3 buckets: private, encrypted, versioned, owned, and open to exactly the team's own principals."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fulfilment.buckets import NAME, BucketParameters, Region, altered, marked, observe, steps_to, undo
from fulfilment.errors import HandlerError
from fulfilment.handler import Asked, Handler, Marked, Never, Reader, Undo
from fulfilment.plan import Plan, Step

_PRIVATE = "A private bucket: your team's own principals list, read, write and delete its objects."
_NOT_PUBLIC = r"(?:keys?|holidays?|transport|sector|relations|apis?|ips?|subnets?|cloud|beta|roadmap|dns)\b"
_EVERYBODY = r"(?:every(?:one|body)|any(?:one|body)|(?:the )?(?:whole |entire )?(?:world|internet))\b"


class BucketSettings(BaseModel):
    """What a site may narrow; prices are in US dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name_pattern: str = NAME
    reserved_prefixes: tuple[str, ...] = ("aws-", "amazon-", "amzn-", "xn--", "sthree-", "goldenpath-")
    regions: tuple[Region, ...] = ("eu-west-1", "eu-central-1", "us-east-1")
    price_per_gigabyte_month: float = Field(default=0.025, ge=0)
    assumed_gigabytes: float = Field(default=100, ge=0)

    @field_validator("name_pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"allowed: a regular expression; {error}") from None
        return value


class S3Bucket(Handler):
    name = "s3-bucket"
    title = "S3 bucket"
    request_types = ("s3-bucket",)
    operations = frozenset(
        {
            "s3:CreateBucket",
            "s3:PutPublicAccessBlock",
            "s3:PutBucketEncryption",
            "s3:PutBucketOwnershipControls",
        }
        | {"s3:PutBucketVersioning", "s3:PutBucketTagging", "s3:PutBucketPolicy"}
    )
    undoes = frozenset({"s3:DeleteBucket"})
    reads = frozenset(
        {
            "s3:ListBuckets",
            "s3:ListObjectVersions",
            "s3:HeadBucket",
            "s3:GetPublicAccessBlock",
            "s3:GetBucketEncryption",
            "s3:GetBucketOwnershipControls",
        }
        | {"s3:GetBucketVersioning", "s3:GetBucketTagging", "s3:GetBucketPolicy"}
    )
    never = (
        Never(
            "public-access",
            (
                rf"(?<![\w./-])public(?:ly)?(?![\w/]|-(?!read|write|facing|access)|[ -]{_NOT_PUBLIC})",
                rf"\b(?:readable|accessible|open|visible|available|reachable)\s+(?:by|to|for|from)\s+{_EVERYBODY}",
                r"\bworld[- ]?(?:readable|writable|accessible)\b|\banonymous(?:ly)?\b|\ballusers\b",
                r"\b(?:static\s+)?web\s?site\s+hosting\b|\bhost(?:ing)?\s+(?:a|our|the)\s+(?:static\s+)?web\s?site\b",
            ),
            "Buckets of this path are never open to the public; public access stays blocked.",
            _PRIVATE,
        ),
        Never(
            "unencrypted",
            (
                r"\bunencrypted\b",
                r"\b(?:no|without|disable[ds]?|skip|turn(?:ed)? off)\s+(?:\w+\s+){0,2}encryption\b",
            ),
            "Buckets of this path are always encrypted.",
            "A bucket encrypted with S3's own keys; nothing changes for those who use it.",
        ),
        Never(
            "access-lists",
            (r"\bacls?\b", r"\baccess control lists?\b"),
            "Access lists are switched off on buckets of this path.",
            _PRIVATE,
        ),
        Never(
            "deletion",
            (r"\b(?:delete|remove|empty|wipe|destroy|drop|decommission)\s+(?:\w+\s+){0,2}(?:s3\s+)?buckets?\b",),
            "This path never deletes or empties a bucket.",
            "A ticket of its own, which a person decides.",
        ),
        Never(
            "foreign-principals",
            (
                r"\bcross[- ]account\b|\b(?:other|another|different|external)\s+(?:aws\s+)?accounts?\b",
                r'"principal"\s*:\s*(?:\{\s*"aws"\s*:\s*)?\[?\s*"\*"',
            ),
            "Access is granted to your own team's principals only, never to other accounts or to everybody.",
            _PRIVATE,
        ),
    )
    examples = (
        "Please create an S3 bucket named orders-archive in eu-west-1, internal data, dev.",
        "New bucket for invoices: payments-invoices-2026, Frankfurt, confidential, production.",
        "Hi, we need an S3 bucket.\nBucket name: search-index-dumps\nAWS region: eu-central-1\n"
        "Data class: internal\nEnvironment: prod",
        "Could you provision a bucket called refund-reports (eu-west-1, restricted, prod)? Keep it private.",
        "S3 bucket request: name fraud-model-artifacts, region us-east-1, confidential, environment dev",
    )
    Parameters = BucketParameters
    Settings = BucketSettings

    def plan(self, parameters: BaseModel, asked: Asked, reader: Reader) -> Plan:
        if not isinstance(parameters, BucketParameters) or not isinstance(self.settings, BucketSettings):
            raise HandlerError("s3-bucket plans from its own parameters and settings only")
        name, region, settings = parameters.name, parameters.region, self.settings
        steps: tuple[Step, ...] = ()
        conflict = self._objection(parameters, asked, settings)
        if conflict is None:
            seen = observe(name, region, asked, reader)
            if seen == "foreign":
                conflict = f"A bucket named {name} exists already and is not of this request."
            else:
                steps = steps_to(parameters, asked, reader, is_absent=seen == "absent")
        cost = round(settings.price_per_gigabyte_month * settings.assumed_gigabytes, 2)
        return Plan(
            handler=self.name,
            environment=asked.environment.name,
            region=region,
            resource=name,
            parameters=parameters.model_dump(mode="json"),
            steps=steps,
            monthly_cost=cost,
            summary=f"A private, encrypted, versioned S3 bucket {name} in {region} ({asked.environment.name}) "
            f"for team {asked.team.name}; {settings.assumed_gigabytes:g} GB would cost about ${cost:.2f} a month.",
            usage=(
                f"Copy a file into it: aws s3 cp FILE s3://{name}/ --region {region}",
                f"List it: aws s3 ls s3://{name}/ --region {region}",
                f"Access is open to {', '.join(asked.team.principals)}, over TLS only.",
            ),
            conflict=conflict,
        )

    def observe(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> str:
        return observe(plan.resource, plan.region, asked, reader)

    def undo(self, plan: Plan, step: Step, asked: Asked, reader: Reader) -> Undo:
        return undo(plan, step, asked, reader)

    def marked(self, region: str, reader: Reader) -> tuple[Marked, ...]:
        return marked(region, reader)

    def verify(self, plan: Plan, asked: Asked, reader: Reader) -> tuple[str, ...]:
        parameters = BucketParameters.model_validate(dict(plan.parameters))
        seen = observe(plan.resource, plan.region, asked, reader)
        if seen == "absent":
            return (f"The bucket {plan.resource} does not exist.",)
        if seen == "foreign":
            return (f"The bucket {plan.resource} does not carry the mark of this request.",)
        return altered(parameters, asked, reader)

    def _objection(self, parameters: BucketParameters, asked: Asked, settings: BucketSettings) -> str | None:
        """Why this cannot be planned here, whatever exists."""
        name, team = parameters.name, asked.team
        own = re.compile(rf"arn:aws[a-z-]*:iam::{asked.environment.account}:(?:role|user)/[\w+=,.@/-]+", re.ASCII)
        if not re.fullmatch(settings.name_pattern, name) or name.startswith(settings.reserved_prefixes):
            reserved = ", ".join(settings.reserved_prefixes)
            return f"The name {name} does not fit {settings.name_pattern}, or begins with one of {reserved}."
        if parameters.region not in settings.regions:
            return f"Buckets are not offered in {parameters.region}; offered: {', '.join(settings.regions)}."
        if parameters.environment != asked.environment.name:
            return f"The request is for {parameters.environment}, but {asked.environment.name} was planned."
        if not team.principals or not all(map(own.fullmatch, team.principals)):
            account = asked.environment.account
            return f"Team {team.name} needs principals of account {account} only; an administrator sets them."
        return None

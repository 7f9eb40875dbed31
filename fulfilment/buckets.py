"""What a bucket of the golden path is: its properties, its tags, its policy, and how each is seen to hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fulfilment.errors import ProviderRefused
from fulfilment.handler import Asked, Marked, Reader, Undo
from fulfilment.plan import Plan, Step

Region = Literal["eu-west-1", "eu-central-1", "us-east-1"]
NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+){1,7}$"
MARK = "goldenpath:mark"
_DOORS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_BLOCK = dict.fromkeys(_DOORS, True)
_ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


class BucketParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(
        title="Bucket name",
        pattern=NAME,
        min_length=3,
        max_length=63,
        description="2 to 8 words of lower-case letters and digits joined by hyphens, 3 to 63 characters.",
    )
    region: Region = Field(title="AWS region", description="One of eu-west-1, eu-central-1, us-east-1.")
    data_class: Literal["internal", "confidential", "restricted"] = Field(
        title="Data class", description="One of internal, confidential, restricted."
    )
    environment: Literal["dev", "prod"] = Field(title="Environment", description="One of dev, prod.")


@dataclass(frozen=True, slots=True)
class Property:
    """One thing that is so: `put` with `arguments` makes it so, `holds` sees it in what `get` answers."""

    what: str
    put: str
    get: str
    arguments: Mapping[str, Any]
    holds: Callable[[Mapping[str, Any]], bool]
    sentence: str


def observe(name: str, region: str, asked: Asked, reader: Reader) -> str:
    """`ours` only with our mark on it, in our account and region."""
    arguments = {"Bucket": name, "ExpectedBucketOwner": asked.environment.account}
    try:
        head = reader.read("s3", "head_bucket", region=region, arguments=arguments)
    except ProviderRefused as refusal:
        if refusal.code in ("301", "403"):  # an answer to HEAD has no other code: another region, another owner
            return "foreign"
        raise
    if head is None:
        return "absent"
    tags = reader.read("s3", "get_bucket_tagging", region=region, arguments=arguments)
    is_ours = head.get("BucketRegion", region) == region and _tags(tags or {}).get(MARK) == asked.mark
    return "ours" if is_ours else "foreign"


def steps_to(parameters: BucketParameters, asked: Asked, reader: Reader, *, is_absent: bool) -> tuple[Step, ...]:
    """Only what is needed. A new bucket is born with its tags; the rest is said even where it is AWS's default."""
    name, region = parameters.name, parameters.region
    common = {"region": region, "Bucket": name}
    if is_absent:
        born: dict[str, Any] = {"Tags": _tag_set(_wanted_tags(parameters, asked))}
        if region != "us-east-1":  # there AWS refuses to be told the region
            born["LocationConstraint"] = region
        arguments = {**common, "ObjectOwnership": "BucketOwnerEnforced", "CreateBucketConfiguration": born}
        sentence = f"Create the bucket {name} in {region}, tagged with team, ticket and data class."
        create = Step("s3:CreateBucket", name, arguments, sentence, creates=True)
        needed = [one for one in properties_of(parameters, asked, {}) if one.put != "PutBucketTagging"]
    else:
        tags = _tags(_read(reader, "get_bucket_tagging", parameters, asked))
        needed = [
            one
            for one in properties_of(parameters, asked, tags)
            if not one.holds(_read(reader, one.get, parameters, asked))
        ]
    common["ExpectedBucketOwner"] = asked.environment.account
    made = [Step(f"s3:{one.put}", name, {**common, **one.arguments}, one.sentence) for one in needed]
    return (create, *made) if is_absent else tuple(made)


def altered(parameters: BucketParameters, asked: Asked, reader: Reader) -> tuple[str, ...]:
    """A sentence for each property that is not as planned."""
    return tuple(
        f"The {one.what} of bucket {parameters.name} is not as planned."
        for one in properties_of(parameters, asked, {})
        if not one.holds(_read(reader, one.get, parameters, asked))
    )


def undo(plan: Plan, step: Step, asked: Asked, reader: Reader) -> Undo:
    """Only a bucket that holds nothing, not even an old version of an object. AWS refuses the call for any other."""
    where = {"Bucket": step.resource, "ExpectedBucketOwner": asked.environment.account}
    found = reader.read("s3", "list_object_versions", region=plan.region, arguments={**where, "MaxKeys": 1}) or {}
    if found.get("Versions") or found.get("DeleteMarkers"):
        return Undo(hindrance=f"the bucket {step.resource} holds objects")
    sentence = f"Delete the empty bucket {step.resource}."
    return Undo(Step("s3:DeleteBucket", step.resource, {**where, "region": plan.region}, sentence, removes=True))


def marked(region: str, reader: Reader) -> tuple[Marked, ...]:
    """Buckets of the account that carry a mark."""
    found: list[Marked] = []
    arguments: dict[str, Any] = {"BucketRegion": region, "MaxBuckets": 1000}
    while True:
        answer = reader.read("s3", "list_buckets", region=region, arguments=arguments) or {}
        for bucket in answer.get("Buckets", []):
            tags = reader.read("s3", "get_bucket_tagging", region=region, arguments={"Bucket": bucket["Name"]})
            if mark := _tags(tags or {}).get(MARK):
                found.append(Marked(bucket["Name"], region, mark))
        if not answer.get("ContinuationToken"):
            return tuple(found)
        arguments["ContinuationToken"] = answer["ContinuationToken"]


def _read(reader: Reader, method: str, parameters: BucketParameters, asked: Asked) -> Mapping[str, Any]:
    arguments = {"Bucket": parameters.name, "ExpectedBucketOwner": asked.environment.account}
    return reader.read("s3", method, region=parameters.region, arguments=arguments) or {}


def _is_encrypted(seen: Mapping[str, Any]) -> bool:
    rules = seen.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    default = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules]
    return default == ["AES256"]


# What is the same for every bucket.
_FIXED = (
    Property(
        "public-access block",
        "PutPublicAccessBlock",
        "get_public_access_block",
        {"PublicAccessBlockConfiguration": _BLOCK},
        lambda seen: seen.get("PublicAccessBlockConfiguration") == _BLOCK,
        "Block every kind of public access.",
    ),
    Property(
        "encryption",
        "PutBucketEncryption",
        "get_bucket_encryption",
        {"ServerSideEncryptionConfiguration": _ENCRYPTION},
        _is_encrypted,
        "Encrypt every object with S3's own keys (SSE-S3).",
    ),
    Property(
        "ownership",
        "PutBucketOwnershipControls",
        "get_bucket_ownership_controls",
        {"OwnershipControls": _OWNERSHIP},
        lambda seen: seen.get("OwnershipControls") == _OWNERSHIP,
        "Switch access lists off (BucketOwnerEnforced).",
    ),
    Property(
        "versioning",
        "PutBucketVersioning",
        "get_bucket_versioning",
        {"VersioningConfiguration": {"Status": "Enabled"}},
        lambda seen: seen.get("Status") == "Enabled",
        "Keep former versions of objects.",
    ),
)


def properties_of(parameters: BucketParameters, asked: Asked, tags: Mapping[str, str]) -> tuple[Property, ...]:
    """All that a bucket of this path is. `tags` are those it has: others than ours are kept."""
    wanted, policy = _wanted_tags(parameters, asked), _policy(parameters.name, asked)
    kept = {key: value for key, value in tags.items() if not key.startswith("aws:")}
    return (
        *_FIXED,
        Property(
            "set of tags",
            "PutBucketTagging",
            "get_bucket_tagging",
            {"Tagging": {"TagSet": _tag_set({**kept, **wanted})}},
            lambda seen: wanted.items() <= _tags(seen).items(),
            "Tag it with team, ticket and data class.",
        ),
        Property(
            "access policy",
            "PutBucketPolicy",
            "get_bucket_policy",
            {"Policy": json.dumps(policy, sort_keys=True)},
            lambda seen: _plain(json.loads(seen.get("Policy", "{}"))) == _plain(policy),
            f"Grant team {asked.team.name} list, read, write and delete of objects, over TLS only.",
        ),
    )


def _policy(name: str, asked: Asked) -> dict[str, Any]:
    arn, team = f"arn:aws:s3:::{name}", {"AWS": sorted(asked.team.principals)}
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    look = ["s3:ListBucket", "s3:GetBucketLocation"]
    statements = [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
        }
        | {"Condition": tls},
        {"Sid": "TeamLists", "Effect": "Allow", "Principal": team, "Action": look, "Resource": arn},
        {
            "Sid": "TeamObjects",
            "Effect": "Allow",
            "Principal": team,
            "Action": objects,
            "Resource": f"{arn}/*",
        },
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _plain(policy: Any) -> Any:
    """A policy as AWS may give it back: one value for a list of one, lists in any order."""
    if isinstance(policy, dict):
        return {key: _plain(value) for key, value in policy.items()}
    if isinstance(policy, list):
        found = sorted((_plain(one) for one in policy), key=lambda one: json.dumps(one, sort_keys=True))
        return found[0] if len(found) == 1 else found
    return policy


def _wanted_tags(parameters: BucketParameters, asked: Asked) -> dict[str, str]:
    ours = {MARK: asked.mark, "goldenpath:request": asked.request, "goldenpath:ticket": asked.ticket}
    more = {
        "owner": asked.team.name,
        "environment": parameters.environment,
        "data-class": parameters.data_class,
    }
    cost = {"cost-centre": asked.team.cost_centre} if asked.team.cost_centre else {}
    return {**ours, "goldenpath:team": asked.team.name, **more, **cost}


def _tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _tags(answer: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer.get("TagSet", [])}

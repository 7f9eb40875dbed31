"""What AWS holds of buckets and moto does not: names, what they are born with, what may be public."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)
_NO_NAME = re.compile(
    r".*\.\..*|\d+\.\d+\.\d+\.\d+|(?:xn--|sthree-|amzn-s3-demo-).*|.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)"
)
# A condition on one of these to fixed values keeps a policy for everybody from being public.
_NARROWING = frozenset(
    {"aws:principalorgid", "aws:principalarn", "aws:principalaccount", "aws:sourcearn", "aws:sourceaccount"}
    | {"aws:sourcevpc", "aws:sourcevpce", "aws:sourceip", "aws:userid"}
)


class Refusal(Exception):
    """AWS says no. `AwsApp` turns it into an answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or _NO_NAME.fullmatch(name):
        raise Refusal(400, "InvalidBucketName", "The specified bucket is not valid.")


def find(name: str) -> Any | None:
    """moto's bucket of this name, in whatever account."""
    from moto.s3.models import s3_backends

    owner = s3_backends.bucket_accounts.get(name)
    return None if owner is None else s3_backends[owner[1]][owner[0]].buckets.get(name)


def tags_at_birth(body: bytes) -> dict[str, str]:
    """`CreateBucketConfiguration.Tags`."""
    if not body.strip():
        return {}
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        raise Refusal(400, "MalformedXML", "The XML you provided was not well-formed.") from None
    found = {}
    for tag in root.iterfind("{*}Tags/{*}Tag"):
        found[tag.findtext("{*}Key", "")] = tag.findtext("{*}Value", "")
    return found


def give_birth(name: str, account: str, tags: Mapping[str, str]) -> None:
    """What AWS gives every new bucket."""
    from moto.s3.models import s3_backends

    backend = s3_backends[account]["aws"]
    bucket = backend.get_bucket(name)
    doors = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    backend.put_public_access_block(name, dict.fromkeys(doors, True))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
    backend.put_bucket_encryption(name, {"Rule": rule})
    if bucket.ownership_rule is None:
        bucket.ownership_rule = "BucketOwnerEnforced"  # type: ignore[assignment]  # as moto itself does
    if tags:
        backend.put_bucket_tagging(name, dict(tags))


def check_policy(name: str, body: bytes) -> None:
    """Refuses what is no policy, and a public one where the bucket's block forbids it."""
    try:
        policy = json.loads(body)
        is_public = any(map(_is_public, _statements(policy)))
    except (ValueError, AttributeError):
        raise Refusal(400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'") from None
    bucket = find(name)
    block = bucket.public_access_block if bucket is not None else None
    if is_public and block is not None and block.block_public_policy:
        because = "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access"
        raise Refusal(403, "AccessDenied", f"Not authorized to perform s3:PutBucketPolicy because {because}.")


def check_acl(name: str) -> None:
    """Refuses access lists on a bucket whose owner owns every object."""
    bucket = find(name)
    if bucket is not None and bucket.ownership_rule == "BucketOwnerEnforced":
        raise Refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")


def _statements(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    statements = policy.get("Statement", [])
    yield from statements if isinstance(statements, list) else [statements]


def _is_public(statement: Mapping[str, Any]) -> bool:
    """AWS's meaning of public: allowed to everybody, and no condition narrows it to fixed values."""
    principal = statement.get("Principal", {})
    named = principal if isinstance(principal, str) else principal.get("AWS", [])
    is_everybody = "NotPrincipal" in statement or "*" in ([named] if isinstance(named, str) else named)
    keys = {key.lower() for test in statement.get("Condition", {}).values() for key in test}
    return statement.get("Effect") == "Allow" and is_everybody and not keys & _NARROWING

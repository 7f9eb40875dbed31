"""What a request to AWS asks for: service, operation, bucket, and who signed it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.configuration import ACCOUNT

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/[^/]*/([^/]+)/aws4_request")
# Query keys that make a call on a bucket another operation than the plain one.
_SUBRESOURCES = {
    "acl": "BucketAcl",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "location": "BucketLocation",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
}
_PLAIN = {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket", "GET": "ListObjects"}
_VERBS = {"PUT": "Put", "GET": "Get", "HEAD": "Head", "DELETE": "Delete", "POST": "Post"}


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """`operation` as AWS spells it; `bucket` empty where there is none; `body` empty for objects."""

    method: str
    service: str
    operation: str
    bucket: str
    access_key: str
    account: str
    expected_owner: str
    body: bytes

    @property
    def is_read(self) -> bool:
        return self.operation.startswith(("Get", "Head", "List"))


def read_request(environ: dict[str, Any]) -> AwsRequest:
    """Reads a WSGI request; its body can still be read afterwards."""
    method = str(environ["REQUEST_METHOD"])
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, service = (signed[1], signed[2]) if signed else ("", "s3")
    bucket, _, key = str(environ.get("PATH_INFO", "/")).lstrip("/").partition("/")
    body = b"" if key else read_body(environ)
    if service == "s3":
        operation = _s3_operation(method, bucket, key, str(environ.get("QUERY_STRING", "")))
    else:
        operation, bucket = dict(parse_qsl(body.decode("utf-8", "replace"))).get("Action", ""), ""
    return AwsRequest(
        method=method,
        service=service,
        operation=operation,
        bucket=bucket,
        access_key=access_key,
        account=environ.get("HTTP_X_MOTO_ACCOUNT_ID", ACCOUNT),
        expected_owner=environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", ""),
        body=body,
    )


def _s3_operation(method: str, bucket: str, key: str, query: str) -> str:
    if key:
        return _VERBS.get(method, method) + "Object"
    if not bucket:
        return "ListBuckets"
    keys = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    if "versions" in keys and method == "GET":
        return "ListObjectVersions"
    part = next((name for key, name in _SUBRESOURCES.items() if key in keys), None)
    if part is None:
        return _PLAIN.get(method, method)
    return _VERBS.get(method, method) + part


def read_body(environ: dict[str, Any]) -> bytes:
    """The request's body, put back for whoever reads it next."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body

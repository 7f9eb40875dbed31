"""Where AWS takes a token, a step that is sent twice is one order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from fulfilment.clients import Workshop
from fulfilment.plan import Step
from fulfilment.policy import Environment

ACCOUNT = "123456789012"
STEP = Step(
    "ec2:CreateVolume",
    "data",
    {"region": "eu-west-1", "AvailabilityZone": "eu-west-1a", "Size": 1},
    "create a volume",
    creates=True,
)
ANSWERS = {
    "AssumeRole": "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b"
    "</SecretAccessKey><SessionToken>c</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
    "</AssumeRoleResult></AssumeRoleResponse>",
    "GetCallerIdentity": f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>",
    "CreateVolume": "<CreateVolumeResponse><volumeId>vol-1</volumeId></CreateVolumeResponse>",
}


class Aws(BaseHTTPRequestHandler):
    orders: list[str]

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        action = form["Action"][0]
        if action == "CreateVolume":
            self.orders.append(form["ClientToken"][0])
        body = ANSWERS[action].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def orders() -> Iterator[tuple[list[str], Workshop]]:
    told: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Aws,), {"orders": told}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    roles = (f"arn:aws:iam::{ACCOUNT}:role/plan", f"arn:aws:iam::{ACCOUNT}:role/apply")
    yield told, Workshop({"dev": Environment("dev", ACCOUNT, *roles, ("eu-west-1",), endpoint_url=url)})
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_step_carries_the_same_token_each_time(orders: tuple[list[str], Workshop]) -> None:
    told, workshop = orders
    for request in ("a" * 64, "a" * 64, "b" * 64):
        executor = workshop.executor("dev", ticket="OPS-1", request=request, operations={STEP.operation})
        assert executor.perform(STEP)["VolumeId"] == "vol-1"
    first, again, other = told
    assert first == again != other
    assert len(first) == 32

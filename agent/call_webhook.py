"""Tells a call to a webhook: one JSON document, signed, the same at each try."""

from __future__ import annotations

import hashlib
import hmac
import json
from http import HTTPStatus
from urllib.parse import urlsplit

from agent.errors import Undelivered
from agent.replies import look_and_settle, plain_sentence
from fulfilment.records import Call

TIMEOUT = 10.0  # seconds, for connecting and for each wait for an answer
SIGNATURE = "X-Goldenpath-Signature"
IDEMPOTENCY = "Idempotency-Key"


def document(call: Call, *, site: str) -> bytes:
    """What is sent: our own sentences, ids, and nothing of the ticket's text. `text` is for chats that show it."""
    reason, look_at = plain_sentence(call.reason), plain_sentence(call.look_at)
    told = {
        "id": call.occasion,
        "site": site,
        "ticket": call.ticket_key,
        "request": call.request_id,
        "reason": reason,
        "look_at": look_at,
        "commands": look_and_settle(call, call.ticket_key or ""),
        "called_at": call.created_at.isoformat(),
        "text": _escaped(f"Golden Path needs a person{_about(call)}: {reason} {look_at}"),
    }
    return json.dumps(told, sort_keys=True).encode()


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 over the body as it is sent."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def post(url: str, secret: str, call: Call, *, site: str) -> None:
    """Sends it once. Raises Undelivered unless the answer is a 2xx; the address is not named beyond its host, which may
    hold a secret in its path."""
    import requests

    host, body = urlsplit(url).hostname, document(call, site=site)
    headers = {"Content-Type": "application/json", "User-Agent": "goldenpath", IDEMPOTENCY: call.occasion}
    if secret:
        headers[SIGNATURE] = signature(secret, body)
    try:
        # The auth that does nothing keeps out what a .netrc file holds for this host.
        with requests.post(
            url,
            data=body,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
            auth=lambda request: request,
        ) as answer:
            status = answer.status_code
    except (requests.RequestException, OSError) as error:
        raise Undelivered(f"the webhook at {host} gave no answer ({type(error).__name__})") from None
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise Undelivered(f"the webhook at {host} answered {status}, and 2xx is expected")


def _about(call: Call) -> str:
    return f" for {call.ticket_key}" if call.ticket_key else ""


def _escaped(words: str) -> str:
    """Chats read these as the beginning of a link or a call to everybody."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

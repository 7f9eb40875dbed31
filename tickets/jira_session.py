"""The authenticated session of the `jira` package: the only module that knows it.

Its own calls send a write again after a dropped connection, read only the first page, and put whole answers into error
texts; so of the package we use the session alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tickets.jira_settings import JiraSettings
from tickets.jira_transport import Answer, Lost, Unanswered

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16


class SessionCarrier:
    """One request at a time, never repeated, never redirected."""

    def __init__(self, settings: JiraSettings) -> None:
        from jira import JIRA  # slow to import: only who speaks with Jira pays for it

        self._url = settings.api_url
        self._deadline = settings.deadline
        self._jira = JIRA(
            options={"server": settings.api_url, "rest_api_version": "3"},
            basic_auth=None if settings.is_bearer else (settings.email, settings.token),
            token_auth=settings.token if settings.is_bearer else None,
            max_retries=0,
            timeout=(settings.connect_timeout, settings.read_timeout),
            get_server_info=False,
        )

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        import requests
        from urllib3.exceptions import HTTPError

        session, latest = self._jira._session, time.monotonic() + self._deadline
        try:
            # The package's own `request` would turn an error's answer into an exception that prints it.
            response = requests.Session.request(
                session,
                method,
                f"{self._url}{path}",
                data=body,
                timeout=session.timeout,
                allow_redirects=False,
                stream=True,
            )
            with response:
                return Answer(response.status_code, response.headers, _read_body(response, latest))
        except requests.RequestException as error:
            lost = Lost(_reason(error))
        except HTTPError as error:  # while the body streams
            lost = Lost("answering" if "timed out" in str(error) else "dropped")
        raise lost

    def close(self) -> None:
        self._jira._session.close()


def _read_body(response: requests.Response, latest: float) -> bytes:
    """All of it, however it drips, or `Lost`: each byte may come in time and the last one never."""
    found: list[bytes] = []
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        found.append(chunk)
        if time.monotonic() > latest:
            raise Lost("answering")
    return b"".join(found)


def _reason(error: requests.RequestException) -> Unanswered:
    import requests
    from urllib3.exceptions import NameResolutionError, NewConnectionError

    if isinstance(error, requests.exceptions.SSLError):
        # Anything else about TLS may happen after the request was sent.
        is_first = any(word in str(error) for word in ("CERTIFICATE", "WRONG_VERSION", "doesn't match"))
        return "certificate" if is_first else "dropped"
    if isinstance(error, requests.exceptions.ProxyError):
        return "proxy"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "connecting"
    if isinstance(error, requests.exceptions.Timeout):
        return "answering"
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, NameResolutionError):
        return "address"
    if isinstance(cause, NewConnectionError):
        return "refused"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        # A read time-out while the body streams arrives as a ConnectionError.
        return "answering" if "timed out" in str(error) else "dropped"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "dropped"
    return "address"  # what is left are addresses that requests cannot use

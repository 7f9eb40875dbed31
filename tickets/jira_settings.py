"""Where Jira is and who we are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tickets.errors import JiraRefused, JiraUnreachable

TOKEN_PAGE: Final = "https://id.atlassian.com/manage-profile/security/api-tokens"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """Time-outs in seconds (`deadline`: for a whole answer, however it drips); `site` names the Jira in our records
    (default: the url's host).

    `url` is the site that people open. `api_url` is where its REST API is called when that is another address, as a
    scoped token needs: `https://api.atlassian.com/ex/jira/CLOUDID`. Without `email` the token is sent as a bearer
    token: a personal access token of Jira Data Center.

    Raises JiraUnreachable for an address that cannot be one, JiraRefused for a token that cannot be one.
    """

    url: str
    email: str
    token: str = field(repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    site: str = ""
    api_url: str = ""
    deadline: float = 120.0

    def __post_init__(self) -> None:
        for address in filter(None, (self.url or "empty", self.api_url)):
            _check_address(address)
        if not (self.email.isascii() and self.token.isascii() and self.token and self.token == self.token.strip()):
            raise JiraRefused(
                f"the API token or the e-mail for {self.url} is empty or holds spaces or letters that "
                f"none can hold; copy it again, or make a new token at {self.token_page}"
            )
        object.__setattr__(self, "url", self.url.rstrip("/"))
        object.__setattr__(self, "api_url", (self.api_url or self.url).rstrip("/"))
        object.__setattr__(self, "site", self.site or urlsplit(self.url).hostname)

    @property
    def is_bearer(self) -> bool:
        return not self.email

    @property
    def who(self) -> str:
        """The account in a sentence."""
        return self.email or "the owner of the personal access token"

    @property
    def token_page(self) -> str:
        """Where a new token is made."""
        return f"{self.url}/secure/ViewProfile.jspa (Personal Access Tokens)" if self.is_bearer else TOKEN_PAGE


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise JiraUnreachable("the url of Jira must not hold a user or a password; set the e-mail and the token apart")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise JiraUnreachable(
            f"{address!r} is not the address of a Jira; it looks like https://your-team.atlassian.net"
        )

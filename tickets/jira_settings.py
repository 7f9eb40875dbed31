"""Where Jira is and who we are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tickets.errors import JiraRefused, JiraUnreachable

TOKEN_PAGE: Final = "https://id.atlassian.com/manage-profile/security/api-tokens"  # noqa: S105 - an address


@dataclass(frozen=True, slots=True)
class JiraSettings:
    """Time-outs in seconds; `site` names the Jira in our records (default: the url's host).

    Raises JiraUnreachable for an address that cannot be one, JiraRefused for a token that cannot be one.
    """

    url: str
    email: str
    token: str = field(repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    site: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if "@" in parts.netloc:
            raise JiraUnreachable(
                "the url of Jira must not hold a user or a password; set the e-mail and the token apart"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise JiraUnreachable(
                f"{self.url!r} is not the address of a Jira; it looks like https://your-team.atlassian.net"
            )
        if not (self.email.isascii() and self.token.isascii() and self.token and self.token == self.token.strip()):
            raise JiraRefused(
                f"the API token or the e-mail for {self.url} is empty or holds spaces or letters that "
                f"none can hold; copy it again, or make a new token at {TOKEN_PAGE}"
            )
        object.__setattr__(self, "url", self.url.rstrip("/"))
        object.__setattr__(self, "site", self.site or parts.hostname)

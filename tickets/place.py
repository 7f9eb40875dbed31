"""Where a room keeps its tables: a file of SQLite (its path), or a schema of a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

SHAPE = "postgresql://USER@HOST/DATABASE"
# What libpq may be told besides; `host` is for a folder with the server's socket, `passfile` for a file of passwords.
PARAMETERS = (
    *("application_name", "channel_binding", "connect_timeout", "gssencmode", "host", "krbsrvname", "passfile", "port"),
    *("require_auth", "sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert", "target_session_attrs"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A schema of the database at `url`, as `checked_url` gives it: the password stands beside it, never in it."""

    url: str
    schema: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.url} (schema {self.schema})"


Location = Path | Place


def checked_url(url: str) -> str:
    """The address of a database. Raises ValueError that does not repeat it: there may be a password in it."""
    try:
        parts = urlsplit(url)
        named = dict(parse_qsl(parts.query, keep_blank_values=True))
        _ = parts.port
    except ValueError:
        raise ValueError(f"not an address; allowed: {SHAPE}") from None
    if parts.password is not None or any("password" in name.casefold() for name in named):
        raise ValueError(
            f"a password may not stand here; allowed: {SHAPE}, and the password in GOLDENPATH_DATABASE_PASSWORD, in "
            "the file that store.password_file names, or where libpq finds it (PGPASSWORD, ~/.pgpass)"
        )
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme != "postgresql" or parts.fragment or not re.fullmatch(r"[^/@:?#]+", database):
        raise ValueError(f"not an address of PostgreSQL; allowed: {SHAPE}")
    unknown = sorted(set(named) - set(PARAMETERS))
    if unknown:
        raise ValueError(f"unknown parameter {unknown[0]!r}; allowed: {', '.join(PARAMETERS)}")
    return url

"""Who may work on a request: one agent at a time, for as long as its lease lasts, and not one write longer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fulfilment.book import Book
from fulfilment.ceilings import stop_of
from fulfilment.chain import Note, append
from fulfilment.errors import Held, StaleRequest
from fulfilment.request import Request
from fulfilment.rows import about, unmoved
from fulfilment.schema import Connection, Engine, database_now
from fulfilment.statements import GIVE_BACK, HELD_REQUEST, MOVE_REQUEST, UNMOVED_REQUEST

LEASE_TIME = timedelta(minutes=10)
# Of any agent on the same store.
LONGEST_LEASE = timedelta(hours=2)
# Longer than the time-outs of any single call to Jira or to a provider.
CALL_TIME = timedelta(minutes=1)
CLOCK_TOLERANCE = timedelta(minutes=5)


class Leases(Book):
    """Leases are this agent's own. One that no write has renewed ends after `lease_time`, by the database's clock."""

    def __init__(self, engine: Engine, path: str, *, lease_time: timedelta = LEASE_TIME) -> None:
        super().__init__(engine, path)
        self._owner = secrets.token_hex(8)
        self._lease_time = lease_time

    def claim(self, request: Request, at: datetime) -> Request:
        """Takes the lease and raises the epoch, which fences off whoever had it before; a row tells when it had not
        been given back. `at` is ticket time.

        A lease that ends later than any could is of a clock that was wrong, and is taken too.
        """
        claimed = replace(request, epoch=request.epoch + 1)
        with self._writing() as connection:
            now = database_now(connection)
            latest = now + LONGEST_LEASE + CLOCK_TOLERANCE
            row = UNMOVED_REQUEST.first(connection, **unmoved(request))
            if row is None or (row.lease_until is not None and now <= row.lease_until <= latest):
                raise StaleRequest(f"another process is working on {request.ticket_key}")
            lease = {"lease_until": now + self._lease_time, "lease_owner": self._owner}
            MOVE_REQUEST.write(connection, epoch=claimed.epoch, **lease, **unmoved(request))
            if row.lease_until is not None:
                sentence = "an earlier process ended while it worked on this: what it left is looked at first"
                append(connection, about(claimed, Note(at, "recovered", sentence)))
        return claimed

    def require_lease(self, request: Request) -> None:
        """Right before a call to the outside. Raises StaleRequest unless the request stands as the caller knows it, and
        the lease is ours and outlives any time-out; raises Held when a person's stop holds the handler."""
        with self._reading() as connection:
            until = database_now(connection) + CALL_TIME
            found = HELD_REQUEST.first(connection, owner=self._owner, until=until, **unmoved(request))
            stop = stop_of(connection, request.handler)
        if found is None:
            raise StaleRequest(f"{request.ticket_key} is no longer held by this process: nothing is sent")
        if stop is not None:
            raise Held(stop.sentence)

    def release(self, request_id: str) -> None:
        """Gives the lease back; nothing happens when it is no longer ours."""
        with self._writing() as connection:
            GIVE_BACK.write(connection, request=request_id, owner=self._owner, lease_until=None, lease_owner=None)

    def _update(self, connection: Connection, request: Request, values: Mapping[str, Any]) -> None:
        """Fenced by (state, epoch), and renews the lease; without values that is all."""
        changes = {"epoch": request.epoch, **values, "lease_until": database_now(connection) + self._lease_time}
        if MOVE_REQUEST.write(connection, **changes, **unmoved(request)) != 1:
            raise StaleRequest(f"the request of {request.ticket_key} was moved by another process")

"""What the ledger is asked about requests, their approvals and intents. Nothing here writes."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime

from fulfilment import schema
from fulfilment.audits import newest_audits
from fulfilment.book import Book
from fulfilment.records import Intent, Proposal, RequestOutcome
from fulfilment.request import UNFINISHED, Request, State
from fulfilment.rows import outcome_of, proposal_of, quota_name, request_of
from fulfilment.schema import Connection
from fulfilment.statements import QUOTA
from fulfilment.type_names import roots


class Queries(Book):
    def get(self, request_id: str) -> Request | None:
        with self._reading() as connection:
            row = connection.execute(schema.requests.select().where(schema.requests.c.id == request_id)).first()
        return None if row is None else request_of(row)

    def latest(self, site: str, ticket_id: int) -> Request | None:
        """The newest request of a ticket, whatever its handler."""
        with self._reading() as connection:
            return latest_of(connection, site, ticket_id)

    def generations(self, site: str, ticket_id: int, handler: str) -> int:
        """How many generations of this ticket's request there are; the next one's number."""
        table = schema.requests
        query = table.select().where(table.c.site == site, table.c.ticket_id == ticket_id, table.c.handler == handler)
        with self._reading() as connection:
            return len(connection.execute(query).all())

    def requests(self, *, state: State | None = None, key: str | None = None) -> list[Request]:
        """Oldest first, all unless narrowed."""
        table = schema.requests
        query = table.select().order_by(table.c.created_at, table.c.generation)
        if state is not None:
            query = query.where(table.c.state == state.value)
        if key is not None:
            query = query.where(table.c.ticket_key == key)
        with self._reading() as connection:
            return [request_of(row) for row in connection.execute(query)]

    def first(self) -> Request | None:
        """The oldest request; None where there is none yet."""
        table = schema.requests
        with self._reading() as connection:
            row = connection.execute(table.select().order_by(table.c.created_at, table.c.generation).limit(1)).first()
        return None if row is None else request_of(row)

    def unfinished(self) -> list[Request]:
        """Requests that go on without the ticket having changed, now or later; oldest first."""
        table = schema.requests
        states = table.c.state.in_([state.value for state in UNFINISHED])
        query = table.select().where(states | table.c.next_check_at.is_not(None))
        with self._reading() as connection:
            return [request_of(row) for row in connection.execute(query.order_by(table.c.created_at))]

    def open_requests(self, handler: str, team: str, without: str) -> int:
        """How many unfinished requests of this handler a team has, not counting the one of id `without`."""
        table = schema.requests
        query = table.select().where(
            table.c.handler == handler,
            table.c.id != without,
            table.c.state.in_([state.value for state in UNFINISHED]),
        )
        with self._reading() as connection:
            return sum(json.loads(row.context).get("team") == team for row in connection.execute(query))

    def requests_today(self, requester: str, at: datetime, without: str) -> int:
        """How many requests this account has had begun on the day (UTC), not counting the one of id `without`."""
        table = schema.reservations
        query = table.select().where(
            table.c.kind == QUOTA, table.c.name == quota_name(requester, at), table.c.request_id != without
        )
        with self._reading() as connection:
            return len(connection.execute(query).all())

    def outcomes(self) -> list[RequestOutcome]:
        """A row per request, oldest first; a request voided by an edit is cancelled, its successor counts. What was
        fulfilled is corrected where the newest audit says another type."""
        table = schema.requests
        with self._reading() as connection:
            rows = connection.execute(table.select().order_by(table.c.created_at, table.c.generation)).all()
            words = {(said.site, said.ticket_id): said.request_type for said in newest_audits(connection)}
            stands_for = roots(connection)
        found = []
        for row in rows:
            word = words.get((row.site, row.ticket_id), row.request_type)
            is_other = stands_for.get(word, word) != stands_for.get(row.request_type, row.request_type)
            found.append(outcome_of(row, is_corrected=is_other and row.applied_at is not None))
        return found

    def proposal(self, request: Request) -> Proposal | None:
        """The code in force for the request's plan."""
        table = schema.approvals
        query = table.select().where(table.c.request_id == request.id, table.c.voided_at.is_(None))
        with self._reading() as connection:
            row = connection.execute(query.order_by(table.c.id.desc())).first()
        return None if row is None else proposal_of(row)

    def codes(self, site: str, ticket_id: int) -> tuple[str, ...]:
        """Every code that was ever issued for a ticket."""
        table, requests = schema.approvals, schema.requests
        query = table.select().where(
            table.c.request_id == requests.c.id, requests.c.site == site, requests.c.ticket_id == ticket_id
        )
        with self._reading() as connection:
            return tuple(row.code for row in connection.execute(query))

    def intents(self, request: Request) -> list[Intent]:
        table = schema.intents
        with self._reading() as connection:
            rows = connection.execute(table.select().where(table.c.request_id == request.id).order_by(table.c.id))
            return [Intent(**{f.name: getattr(row, f.name) for f in fields(Intent)}) for row in rows]


def latest_of(connection: Connection, site: str, ticket_id: int) -> Request | None:
    """The newest request of a ticket, in the caller's transaction."""
    table = schema.requests
    query = table.select().where(table.c.site == site, table.c.ticket_id == ticket_id)
    row = connection.execute(query.order_by(table.c.created_at.desc(), table.c.generation.desc()).limit(1)).first()
    return None if row is None else request_of(row)

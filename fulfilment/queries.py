"""What the ledger is asked about requests, their approvals and intents. Nothing here writes."""

from __future__ import annotations

import json
from datetime import datetime

from fulfilment import schema
from fulfilment.audits import newest_audits
from fulfilment.book import Book
from fulfilment.records import Intent, Proposal, RequestOutcome
from fulfilment.request import UNFINISHED, Request, State
from fulfilment.rows import intent_of, outcome_of, proposal_of, quota_taken, request_of
from fulfilment.schema import Connection
from fulfilment.statements import CODES, GENERATIONS, INTENTS, LATEST_REQUEST, OPEN_REQUESTS, PROPOSAL, REQUEST
from fulfilment.type_names import roots


class Queries(Book):
    def get(self, request_id: str) -> Request | None:
        with self._reading() as connection:
            row = REQUEST.first(connection, request=request_id)
        return None if row is None else request_of(row)

    def latest(self, site: str, ticket_id: int) -> Request | None:
        """The newest request of a ticket, whatever its handler."""
        with self._reading() as connection:
            return latest_of(connection, site, ticket_id)

    def generations(self, site: str, ticket_id: int, handler: str) -> int:
        """How many generations of this ticket's request there are; the next one's number."""
        with self._reading() as connection:
            (found,) = GENERATIONS.rows(connection, site=site, ticket=ticket_id, handler=handler)
        return int(found.count)

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
        with self._reading() as connection:
            rows = OPEN_REQUESTS.rows(connection, handler=handler, request=without)
        return sum(json.loads(row.context).get("team") == team for row in rows)

    def requests_today(self, requester: str, at: datetime, without: str) -> int:
        """How many requests this account has had begun on the day (UTC), not counting the one of id `without`."""
        with self._reading() as connection:
            return quota_taken(connection, requester, at, without)

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
        with self._reading() as connection:
            row = PROPOSAL.first(connection, request=request.id)
        return None if row is None else proposal_of(row)

    def codes(self, site: str, ticket_id: int) -> tuple[str, ...]:
        """Every code that was ever issued for a ticket."""
        with self._reading() as connection:
            return tuple(row.code for row in CODES.rows(connection, site=site, ticket=ticket_id))

    def intents(self, request: Request) -> list[Intent]:
        with self._reading() as connection:
            return [intent_of(row) for row in INTENTS.rows(connection, request=request.id)]


def latest_of(connection: Connection, site: str, ticket_id: int) -> Request | None:
    """The newest request of a ticket, in the caller's transaction."""
    row = LATEST_REQUEST.first(connection, site=site, ticket=ticket_id)
    return None if row is None else request_of(row)

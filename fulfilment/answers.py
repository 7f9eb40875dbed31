"""Posts our comments, each once: what was posted before is found by its marker among our own comments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from fulfilment.desk import Adf, Desk
from fulfilment.identity import PROPERTY, our_comments
from tickets.errors import AnswerUnknown, TicketsError
from tickets.jira_records import Audience
from tickets.ticket import Comment, Ticket


class Voice:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def say(
        self,
        ticket: Ticket,
        purpose: str,
        body: Adf,
        *,
        request: str,
        about: str | None = None,
        public: bool = True,
        fence: Callable[[], None] = lambda: None,
        only: Audience | None = None,
    ) -> Comment:
        """Posts `body` unless our account already posted one of this purpose about the same thing.

        `about` tells two comments of one purpose apart (default: the words themselves). `fence` raises where
        nothing may be sent any more. Reads the ticket afresh first, and again when the answer was lost. Raises
        AnswerUnknown when the comment cannot be seen then: a later turn looks first.
        """
        subject = about or hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        posted = self.posted(ticket, purpose, subject)
        if posted is not None:
            return posted
        fence()
        marker = {"request": request, "purpose": purpose, "about": subject}
        try:
            return self._desk.post_comment(ticket.id, body, properties={PROPERTY: marker}, public=public, only=only)
        except AnswerUnknown as lost:
            try:
                posted = self.posted(ticket, purpose, subject)
            except TicketsError:
                raise lost from None
            if posted is None:
                raise
            return posted

    def posted(self, ticket: Ticket, purpose: str, subject: str) -> Comment | None:
        """Ours of this purpose and subject, by a fresh look."""
        fresh = self._desk.ticket(ticket.id)
        ours = our_comments(fresh, self._desk.account().id, purpose=purpose)
        return next((comment for comment in ours if comment.properties[PROPERTY].get("about") == subject), None)

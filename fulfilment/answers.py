"""Posts our comments, each once: what was posted before is found by its marker among our own comments."""

from __future__ import annotations

import hashlib
import json

from fulfilment.desk import Adf, Desk
from fulfilment.identity import PROPERTY, our_comments
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
    ) -> Comment:
        """Posts `body` unless our account already posted one of this purpose about the same thing.

        `about` tells two comments of one purpose apart (default: the words themselves). Reads the ticket
        afresh
        first, so that a comment whose answer was lost is found.
        """
        subject = about or hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        fresh = self._desk.ticket(ticket.id)
        for comment in our_comments(fresh, self._desk.account().id, purpose=purpose):
            if comment.properties[PROPERTY].get("about") == subject:
                return comment
        marker = {"request": request, "purpose": purpose, "about": subject}
        return self._desk.post_comment(ticket.id, body, properties={PROPERTY: marker}, public=public)

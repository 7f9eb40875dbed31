"""The codes by which people approve exactly one plan: issued, posted, used once."""

from __future__ import annotations

from datetime import datetime

from fulfilment.chain import Note, append
from fulfilment.errors import StaleRequest
from fulfilment.leases import Leases
from fulfilment.modes import require_mode
from fulfilment.policy import Mode
from fulfilment.records import Proposal
from fulfilment.request import Request
from fulfilment.rows import about, proposal_of
from fulfilment.schema import Connection
from fulfilment.statements import ADD_PROPOSAL, CHANGE_PROPOSAL, PROPOSAL_OF_PLAN, USE_PROPOSAL
from tickets.ticket import Comment


class Codes(Leases):
    def propose(self, request: Request, plan_digest: str, code: str, note: Note) -> Proposal:
        """Issues a code for this plan, or gives the one that was issued for it and never posted or voided."""
        with self._writing() as connection:
            self._update(connection, request, {})
            row = PROPOSAL_OF_PLAN.first(connection, request=request.id, plan=plan_digest)
            if row is None:
                ADD_PROPOSAL.write(
                    connection, request_id=request.id, plan_digest=plan_digest, code=code, created_at=note.at
                )
                row = PROPOSAL_OF_PLAN.first(connection, request=request.id, plan=plan_digest)
                append(connection, about(request, note))
        return proposal_of(row)

    def posted(self, request: Request, proposal: Proposal, *, comment: Comment, expires_at: datetime) -> None:
        """Only this comment, unaltered, makes an approval of it count."""
        with self._writing() as connection:
            self._update(connection, request, {})
            self._post(connection, proposal, comment, expires_at)

    def approve_retirement(
        self, request: Request, note: Note, proposal: Proposal, *, by: str, comment_id: str | None
    ) -> None:
        """Uses up the code; the request stays in RETIRING. Raises StaleRequest, with nothing written."""
        with self._writing() as connection:
            require_mode(connection, request, Mode.SUPERVISED)
            self._update(connection, request, {})
            self._use(connection, request, proposal, by=by, comment_id=comment_id, at=note.at)
            append(connection, about(request, note))

    def _post(self, connection: Connection, proposal: Proposal, comment: Comment, expires_at: datetime) -> None:
        CHANGE_PROPOSAL.write(
            connection,
            proposal=proposal.id,
            comment_id=comment.id,
            comment_digest=comment.digest,
            posted_at=comment.created_at,
            expires_at=expires_at,
        )

    def _use(
        self,
        connection: Connection,
        request: Request,
        proposal: Proposal,
        *,
        by: str,
        comment_id: str | None,
        at: datetime,
    ) -> None:
        used = USE_PROPOSAL.write(
            connection, proposal=proposal.id, approved_by=by, approval_comment_id=comment_id, approved_at=at
        )
        if used != 1:
            raise StaleRequest(f"the code of {request.ticket_key} was used or voided meanwhile")

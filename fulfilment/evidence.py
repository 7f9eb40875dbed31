"""The evidence: certificates, request types that people name, audits. In the ledger's database, each change with its
row in the ledger, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fulfilment import audits, certificates, type_names
from fulfilment.book import Book
from fulfilment.chain import hold_head
from fulfilment.records import Audit, AuditQuestion, Certificate, Kind, KnownRequestType


class Evidence(Book):
    """`Ledger.evidence` is the one on an open ledger. Every method is one transaction."""

    # --- certificates

    def issue(self, issued: Sequence[Certificate], *, model: str, at: datetime) -> list[Certificate]:
        """Replaces those of the same types and those of other models; returns what stands now.

        Nothing is written when nothing changed. A suspension outlives a new count of the same model. Raises
        UnknownRequestType for a type that was merged into another meanwhile.
        """
        with self._writing() as connection:
            hold_head(connection)
            certificates.issue(connection, issued, model=model, at=at)
            return certificates.standing_certificates(connection)

    def certificates(self) -> list[Certificate]:
        """What stands for each type, in the order of the types: in force, suspended or not granted."""
        with self._reading() as connection:
            return certificates.standing_certificates(connection)

    def in_force(self) -> dict[str, Certificate]:
        """By request type: granted, not suspended, not withdrawn."""
        return {found.request_type: found for found in self.certificates() if found.lacks is None}

    def suspend(self, request_type: str, reason: str, at: datetime) -> bool:
        """False when nothing stands for the type, or it is suspended for this reason already."""
        with self._writing() as connection:
            hold_head(connection)
            return certificates.suspend(connection, request_type, reason, at)

    def restore(self, request_type: str, at: datetime) -> bool:
        """False when it is not suspended."""
        with self._writing() as connection:
            hold_head(connection)
            return certificates.restore(connection, request_type, at)

    # --- request types

    def discovered(self, types: Sequence[KnownRequestType], at: datetime) -> None:
        """Adds new types, refreshes words, members and size of known ones. A name that a person gave stands."""
        with self._writing() as connection:
            hold_head(connection)
            type_names.discovered(connection, types, at)

    def name_type(self, id: str, name: str, kind: Kind, *, by: str, at: datetime) -> None:
        """Names a type, or makes one under a new id. Raises ValueError for an id that is not kebab-case."""
        with self._writing() as connection:
            hold_head(connection)
            type_names.name(connection, id, name, kind, by=by, at=at)

    def merge_types(self, ids: Sequence[str], into: str, *, by: str, at: datetime) -> None:
        """From now on `into`, or what it was merged into, stands for `ids`. Certificates of all of them are withdrawn:
        they counted other tickets. Raises UnknownRequestType and CircularMerge, with nothing written."""
        with self._writing() as connection:
            hold_head(connection)
            changed = type_names.merge(connection, ids, into, by=by, at=at)
            certificates.withdraw(connection, changed, "request types were merged: certify anew", at)

    def request_types(self) -> list[KnownRequestType]:
        """In the order of their ids, those that were merged into others included."""
        with self._reading() as connection:
            return type_names.read(connection)

    def resolved(self) -> dict[str, str]:
        """Each known type's id → the id of the type that stands for it."""
        with self._reading() as connection:
            return type_names.roots(connection)

    # --- audits

    def audit(self, audit: Audit) -> bool:
        """Keeps what an entitled person says of a ticket (the caller checks who is); False when it says nothing new.

        Where it contradicts the type of a request that was fulfilled, its handler is demoted to supervised.
        """
        with self._writing() as connection:
            hold_head(connection)
            return audits.audit(connection, audit)

    def audits(self) -> list[Audit]:
        """The newest of each ticket, in the order of site and ticket."""
        with self._reading() as connection:
            return audits.newest_audits(connection)

    def audit_of(self, site: str, ticket_id: int) -> Audit | None:
        """The newest of one ticket."""
        with self._reading() as connection:
            return audits.newest_audit(connection, site, ticket_id)

    def ask(self, questions: Sequence[AuditQuestion], at: datetime) -> int:
        """Keeps which tickets people are asked about, each once; returns how many are new."""
        with self._writing() as connection:
            hold_head(connection)
            return audits.ask(connection, questions, at)

    def asked(self) -> list[AuditQuestion]:
        """Oldest first."""
        with self._reading() as connection:
            return audits.asked_tickets(connection)

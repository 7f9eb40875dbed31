"""Certificates, request types that people name, audits; what a request was classified by; modes as configured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("score", sa.Float))
    op.add_column("requests", sa.Column("certificate", sa.Text))
    op.add_column("stops", sa.Column("kind", sa.Text, nullable=False, server_default="stop"))
    op.create_table(
        "configured_modes",
        sa.Column("handler", sa.Text, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
    )
    _certificates()
    _request_types()
    _audits()
    _refuse_changes()


def _certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("request_type", sa.Text, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("target", sa.Float, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("threshold", sa.Float),
        sa.Column("audited", sa.Integer, nullable=False),
        sa.Column("wrong", sa.Integer, nullable=False),
        sa.Column("coverage", sa.Float, nullable=False),
        sa.Column("needed", sa.Integer),
        sa.Column("issued_at", sa.String(32), nullable=False),
        sa.Column("suspended_at", sa.String(32)),
        sa.Column("suspended_reason", sa.Text),
        sa.Column("withdrawn_at", sa.String(32)),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("certificates_by_type", "certificates", ["request_type"])
    standing = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "one_standing_certificate_per_type",
        "certificates",
        ["request_type"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def _request_types() -> None:
    op.create_table(
        "request_types",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("members", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("merged_into", sa.Text, sa.ForeignKey("request_types.id")),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
    )


def _audits() -> None:
    op.create_table(
        "audits",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.BigInteger, nullable=False),
        sa.Column("ticket_key", sa.Text, nullable=False),
        sa.Column("request_type", sa.Text, nullable=False),
        sa.Column("predicted", sa.Text),
        sa.Column("score", sa.Float),
        sa.Column("model", sa.String(64)),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("audits_by_ticket", "audits", ["site", "ticket_id", "id"])
    op.create_table(
        "audit_sample",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("ticket_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ticket_key", sa.Text, nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("predicted", sa.Text, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
    )


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audits_refuse_{verb.lower()} BEFORE {verb} ON audits "
                "BEGIN SELECT RAISE(ABORT, 'audits are append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audits_are_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audits are append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audits_refuse_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON audits "
        "FOR EACH STATEMENT EXECUTE FUNCTION audits_are_append_only()"
    )

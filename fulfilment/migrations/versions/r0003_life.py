"""What waits for its time, what is taken away again, calls to people, and when a cycle last went well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("next_check_at", sa.String(32)))
    op.add_column("requests", sa.Column("waiting_since", sa.String(32)))
    op.add_column("requests", sa.Column("lifetime_ends_at", sa.String(32)))
    op.add_column("requests", sa.Column("retirement", sa.Text))
    op.add_column("intents", sa.Column("phase", sa.Text, nullable=False, server_default="apply"))
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("subject", sa.String(64), nullable=False, unique=True),
        sa.Column("request_id", sa.String(64)),
        sa.Column("ticket_id", sa.BigInteger),
        sa.Column("ticket_key", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("look_at", sa.Text, nullable=False),
        sa.Column("ways", sa.Text),
        sa.Column("told_at", sa.String(32)),
        sa.Column("settled_at", sa.String(32)),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("calls_by_request", "calls", ["request_id"])
    op.create_table(
        "marks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_index("reservations_by_name", "reservations", ["kind", "name"])
    _refuse_replacing()


def _refuse_replacing() -> None:
    """SQLite's REPLACE deletes a row without asking the trigger that refuses deletions."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER ledger_refuses_replace BEFORE INSERT ON ledger "
            "WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq) "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )

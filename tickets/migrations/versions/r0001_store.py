"""The first shape of the ticket store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "tickets_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("ticket_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("ticket_type", sa.Text, nullable=False),
        sa.Column("request_type", sa.Text),
        sa.Column("status_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_category", sa.Text, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("n_changes", sa.Integer),
        sa.Column("considered_at", sa.BigInteger),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("tickets_by_key", "tickets", ["key"])
    op.create_index("tickets_by_creation", "tickets", ["created_at", "ticket_id"])
    op.create_index("tickets_by_update", "tickets", ["updated_at"])
    op.create_index("tickets_by_openness", "tickets", ["is_open", "project"])
    op.create_table(
        "sync_cursors",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "statuses",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
    )
    op.create_table(
        "rejections",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.BigInteger),
    )
    op.create_index("rejections_by_ticket", "rejections", ["site", "ticket_id"])

"""Sync that proves itself: windows of a backfill, chains of histories, tombstones, censuses, dirty partitions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "tickets_0002"
down_revision = "tickets_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("chain", sa.Text))
    op.add_column("tickets", sa.Column("tombstone", sa.Text))
    op.add_column("tickets", sa.Column("tombstoned_at", sa.BigInteger))
    op.add_column("statuses", sa.Column("clock", sa.Text))
    op.drop_index("tickets_by_openness", "tickets")
    op.create_index("tickets_by_openness", "tickets", ["is_open", "project", "created_at"])
    # Holds all that counting and comparing ids needs: the rows themselves carry whole documents.
    op.create_index(
        "tickets_by_project",
        "tickets",
        ["site", "project", "created_at", "ticket_id", "tombstone", "chain", "n_changes", "updated_at"],
    )
    op.drop_table("sync_cursors")  # by project from now on: the next sync reads each project from its beginning
    op.create_table(
        "sync_cursors",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("compared_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "backfill_windows",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("reached", sa.BigInteger, nullable=False),
        sa.Column("is_done", sa.Boolean, nullable=False),
        sa.Column("expected", sa.Integer, nullable=False),
        sa.Column("planned_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "censuses",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "dirty_partitions",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("mark", sa.BigInteger, nullable=False),
    )

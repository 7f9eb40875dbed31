"""The ticket store's Alembic chain; run by `tickets.schema` only when a store is behind."""

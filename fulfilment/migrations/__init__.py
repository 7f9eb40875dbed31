"""The ledger database's Alembic chain; run by `fulfilment.schema` only when a database is behind."""

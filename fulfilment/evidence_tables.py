"""The tables of the evidence: certificates, request types that people name, audits; and the modes as configured."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from fulfilment.schema import Instant, metadata

certificates = Table(
    "certificates",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("request_type", Text),
    Column("model", String(64)),
    Column("target", Float),
    Column("confidence", Float),
    Column("threshold", Float),
    Column("audited", Integer),
    Column("wrong", Integer),
    Column("coverage", Float),
    Column("needed", Integer),
    Column("issued_at", Instant),
    Column("suspended_at", Instant),
    Column("suspended_reason", Text),
    Column("withdrawn_at", Instant),
    Column("created_at", Instant),
)
request_types = Table(
    "request_types",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("kind", Text),
    Column("origin", Text),
    Column("words", Text),
    Column("members", Text),
    Column("size", Integer),
    Column("merged_into", Text),
    Column("created_at", Instant),
    Column("updated_at", Instant),
)
audits = Table(
    "audits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("site", Text),
    Column("ticket_id", BigInteger),
    Column("ticket_key", Text),
    Column("request_type", Text),
    Column("predicted", Text),
    Column("score", Float),
    Column("model", String(64)),
    Column("source", Text),
    Column("author", Text),
    Column("at", Instant),
    Column("created_at", Instant),
)
audit_sample = Table(
    "audit_sample",
    metadata,
    Column("site", Text, primary_key=True),
    Column("ticket_id", BigInteger, primary_key=True, autoincrement=False),
    Column("ticket_key", Text),
    Column("asked_at", Instant),
    Column("predicted", Text),
    Column("score", Float),
    Column("model", String(64)),
)
configured_modes = Table(
    "configured_modes",
    metadata,
    Column("handler", Text, primary_key=True),
    Column("mode", Text),
    Column("changed_at", Instant),
)

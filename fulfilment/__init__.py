"""Decide, plan, apply, record: handlers, guardrails, approvals, the engine and the ledger."""

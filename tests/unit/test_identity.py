"""What was asked has a hash, and what we or others do about it does not change it."""

from __future__ import annotations

from dataclasses import replace

from fulfilment.identity import content_hash
from tests.unit.test_store import DONE, ticket


def test_the_hash_is_of_what_was_asked_alone() -> None:
    asked = ticket(1)
    known = content_hash(asked, fields=asked.form, replies=())
    for later in (replace(asked, worklog_seconds=3600), replace(asked, status=DONE), replace(asked, labels=())):
        assert content_hash(later, fields=later.form, replies=()) == known
    assert content_hash(replace(asked, summary="another"), fields=asked.form, replies=()) != known

"""A statement that is handed to the driver itself means what SQLAlchemy would have made of it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam

from fulfilment.prepared import Prepared
from fulfilment.schema import Engine, IntegrityError, calls, head, marks, open_database
from tickets.place import Location

AT = datetime(2026, 11, 2, 9, 0, tzinfo=timezone(timedelta(hours=2)))
ADD = Prepared(calls.insert().returning(calls.c.id))
VALUES = {"subject": "s", "reason": "because", "look_at": "there", "created_at": AT}


@pytest.fixture
def engine(ledger_place: Location) -> Iterator[Engine]:
    made = open_database(ledger_place)
    yield made
    made.dispose()


def test_an_instant_is_kept_in_utc_and_nothing_stays_nothing(engine: Engine) -> None:
    statement = calls.select()
    with engine.begin() as connection:
        assert ADD.rows(connection, **VALUES, told_at=None)[0].id == 1
        (row,) = Prepared(statement).rows(connection)
        (same,) = connection.execute(statement)
    assert (row.created_at, row.told_at, row.settled_at) == (AT, None, None)
    assert row.created_at.tzinfo is UTC
    assert tuple(row) == tuple(same)


def test_a_naive_instant_is_refused(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(Exception, match="naive"):
        Prepared(marks.insert()).write(connection, name="a", at=datetime(2026, 11, 2))  # noqa: DTZ001


def test_one_statement_writes_whatever_columns_are_given(engine: Engine) -> None:
    change = Prepared(calls.update().where(calls.c.id == bindparam("call")))
    read = Prepared(calls.select().where(calls.c.id == bindparam("call")))
    with engine.begin() as connection:
        (made,) = ADD.rows(connection, **VALUES)
        assert change.write(connection, call=made.id, reason="other", settled_at=AT) == 1
        assert change.write(connection, call=made.id, ways="mail") == 1
        assert change.write(connection, call=made.id + 1, ways="hook") == 0
        row = read.first(connection, call=made.id)
        assert row is not None
        assert (row.reason, row.settled_at, row.ways) == ("other", AT, "mail")
        assert read.first(connection, call=made.id + 1) is None


def test_a_violated_constraint_is_the_same_error(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        Prepared(head.insert()).write(connection, id=1, seq=0, hash="")

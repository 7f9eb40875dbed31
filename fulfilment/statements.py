"""The statements of every state change, built once: building one costs more than running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, bindparam

from fulfilment.schema import approvals, head, ledger, payloads, requests, reservations

# Only as the caller knows it: `request`, `was`, `was_epoch`; beside them, the columns that change.
MOVE_REQUEST: Final = requests.update().where(
    requests.c.id == bindparam("request"),
    requests.c.state == bindparam("was"),
    requests.c.epoch == bindparam("was_epoch"),
)
QUOTA: Final = "quota"
# `request` and the instant that is written. A day's requests are not given back.
RELEASE: Final = reservations.update().where(
    reservations.c.request_id == bindparam("request"),
    reservations.c.released_at.is_(None),
    reservations.c.kind != QUOTA,
)
VOID_ALL: Final = approvals.update().where(
    approvals.c.request_id == bindparam("request"), approvals.c.voided_at.is_(None)
)
VOID_UNUSED: Final = VOID_ALL.where(approvals.c.approved_at.is_(None))


class Prepared:
    """A statement that always writes the same columns, of texts and numbers: on SQLite it is kept in the driver's own
    words, which halves what it costs."""

    def __init__(self, statement: Any, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns)
        self._kept: tuple[str, list[str], Mapping[str, Any]] | None = None

    def run(self, connection: Connection, **values: Any) -> CursorResult[Any]:
        if connection.dialect.name != "sqlite":
            found: CursorResult[Any] = connection.execute(self._statement, values)
            return found
        if self._kept is None:
            made = self._statement.compile(dialect=connection.dialect, column_keys=self._columns)
            self._kept = str(made), made.positiontup or [], made.params
        words, order, fixed = self._kept
        return connection.exec_driver_sql(words, tuple([values[k] if k in values else fixed[k] for k in order]))


READ_HEAD: Final = Prepared(head.select().where(head.c.id == 1).with_for_update())
# Only from where the caller found it: `was`.
MOVE_HEAD: Final = Prepared(
    head.update().where(head.c.id == 1, head.c.seq == bindparam("was")), [*head.columns.keys()[1:]]
)
ADD_PAYLOAD: Final = Prepared(payloads.insert(), payloads.columns.keys())
ADD_ROW: Final = Prepared(ledger.insert(), ledger.columns.keys())

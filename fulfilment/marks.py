"""When a cycle last went well, and what one agent does alone for a while: beside the record, being no decisions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from fulfilment import schema
from fulfilment.book import Book
from fulfilment.chain import hold_head
from fulfilment.records import Pulse
from fulfilment.schema import Connection, database_now

# Longer than anything that is held may take.
HOLDING = timedelta(minutes=10)
_GOOD = "cycle"
_OBSTACLE = "obstacle:"


class Marks(Book):
    def mark_cycle(self, *, is_good: bool, obstacles: Collection[str] = ()) -> None:
        """A cycle has ended, by the database's clock. `obstacles` are the projects in which nothing was done."""
        marks = schema.marks
        with self._writing() as connection:
            hold_head(connection)  # one at a time: two first marks would clash
            connection.execute(marks.delete().where(marks.c.name.startswith(_OBSTACLE)))
            for name in [*([_GOOD] if is_good else []), *(f"{_OBSTACLE}{key}" for key in sorted(obstacles))]:
                _mark(connection, name)

    def pulse(self) -> Pulse:
        """What the cycles left behind."""
        with self._reading() as connection:
            found = {row.name: row.at for row in connection.execute(schema.marks.select())}
            now = database_now(connection)
        stopped = sorted(name.removeprefix(_OBSTACLE) for name in found if name.startswith(_OBSTACLE))
        return Pulse(now, found.get(_GOOD), tuple(stopped))

    def hold(self, name: str, *, lasting: timedelta = HOLDING) -> bool:
        """For what has no request to be claimed: True for one agent at a time, until `let_go` or so long after, by the
        database's clock."""
        marks, key = schema.marks, f"hold:{name}"
        with self._writing() as connection:
            hold_head(connection)
            now = database_now(connection)
            row = connection.execute(marks.select().where(marks.c.name == key)).first()
            if row is not None and now < row.at <= now + lasting:
                return False
            connection.execute(marks.delete().where(marks.c.name == key))
            connection.execute(marks.insert().values(name=key, at=now + lasting))
        return True

    def let_go(self, name: str) -> None:
        with self._writing() as connection:
            connection.execute(schema.marks.delete().where(schema.marks.c.name == f"hold:{name}"))


def _mark(connection: Connection, name: str) -> None:
    marks, now = schema.marks, database_now(connection)
    moved = connection.execute(marks.update().where(marks.c.name == name).values(at=now))
    if moved.rowcount == 0:
        connection.execute(marks.insert().values(name=name, at=now))

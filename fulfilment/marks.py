"""When a cycle last went well: what a monitor asks, kept beside the record because it is no decision."""

from __future__ import annotations

from collections.abc import Collection

from fulfilment import schema
from fulfilment.book import Book
from fulfilment.chain import hold_head
from fulfilment.records import Pulse
from fulfilment.schema import Connection, database_now

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


def _mark(connection: Connection, name: str) -> None:
    marks, now = schema.marks, database_now(connection)
    moved = connection.execute(marks.update().where(marks.c.name == name).values(at=now))
    if moved.rowcount == 0:
        connection.execute(marks.insert().values(name=name, at=now))

"""A statement that is built and compiled once: building one costs more than running it."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from fulfilment.schema import Connection, Instant, driven, to_text


class Prepared:
    """On SQLite its words are kept and handed to the driver itself, which costs a tenth of what SQLAlchemy does. An
    instant is then written and read here as `Instant` does it."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        returned = list(statement.exported_columns)
        row = namedtuple("row", [column.key for column in returned])  # type: ignore[misc]
        self._row: Callable[[Iterable[Any]], Any] = row._make
        self._instants = [n for n, column in enumerate(returned) if isinstance(column.type, Instant)]
        # By the names of the values that are given: the words, the order of the values, and those that are fixed.
        self._kept: dict[tuple[str, ...], tuple[str, list[str], Mapping[str, Any]]] = {}

    def write(self, connection: Connection, **values: Any) -> int:
        """How many rows were written."""
        if connection.dialect.name != "sqlite":
            return int(connection.execute(self._statement, values).rowcount)
        return self._driven(connection, values)[1]

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Each with its columns as attributes."""
        if connection.dialect.name != "sqlite":
            return list(connection.execute(self._statement, values).all())
        return [self._row(self._read(row)) for row in self._driven(connection, values)[0]]

    def first(self, connection: Connection, **values: Any) -> Any | None:
        return next(iter(self.rows(connection, **values)), None)

    def _driven(self, connection: Connection, values: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], int]:
        """What it returned, and how many rows were written. Its errors name no values."""
        names = tuple(values)
        if names not in self._kept:
            made = self._statement.compile(dialect=connection.dialect, column_keys=list(names))
            self._kept[names] = str(made), made.positiontup or [], made.params
        words, order, fixed = self._kept[names]
        bound = [values[name] if name in values else fixed[name] for name in order]
        return driven(connection, words, [to_text(one) if isinstance(one, datetime) else one for one in bound])

    def _read(self, row: tuple[Any, ...]) -> Iterable[Any]:
        if not self._instants:
            return row
        read = list(row)
        for n in self._instants:
            if read[n] is not None:
                read[n] = datetime.fromisoformat(read[n])
        return read

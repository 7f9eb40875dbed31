"""The ledger database as an open book: how a transaction on it begins, and how it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from fulfilment.schema import Connection, Engine, translated


class Book:
    def __init__(self, engine: Engine, path: str) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reading=True)
        self._path = path

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translated(self._path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._path), self._reader.connect() as connection:
            connection.begin()  # now, and not with a first statement that the driver may be handed itself
            yield connection

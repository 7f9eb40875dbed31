"""The two things that SQLite and PostgreSQL say differently: a row written over an older one, and a month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


def upserting(dialect: str, table: Table, changed: Sequence[str]) -> Any:
    """Inserts a row; where its primary key is there already, only the `changed` columns are written over."""
    told: Any
    if dialect == "sqlite":
        told = sqlite.insert(table)
    else:
        from sqlalchemy.dialects import postgresql  # slow to import, and most stores are files

        told = postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    return told.on_conflict_do_update(index_elements=key, set_={name: told.excluded[name] for name in changed})


class month_of(FunctionElement[str]):
    """The month in UTC, like 2026-03, of a column of epoch microseconds."""

    type = Text()
    inherit_cache = True


@compiles(month_of, "sqlite")
def _month_in_sqlite(element: month_of, compiler: Any, **kwargs: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **kwargs)} / 1000000, 'unixepoch')"


@compiles(month_of, "postgresql")
def _month_in_postgresql(element: month_of, compiler: Any, **kwargs: Any) -> str:
    seconds = f"{compiler.process(element.clauses, **kwargs)} / 1000000"
    return f"to_char(to_timestamp({seconds}) AT TIME ZONE 'UTC', 'YYYY-MM')"

"""What holds a handler down: a person's stop, a demotion by evidence; and the record of the configured modes."""

from __future__ import annotations

from datetime import datetime

from fulfilment import evidence_tables, schema
from fulfilment.book import Book
from fulfilment.chain import Note, append, hold_head
from fulfilment.policy import Mode
from fulfilment.records import EVIDENCE, Ceiling
from fulfilment.schema import Connection
from fulfilment.statements import HOLDING_STOP, STOPS


class Ceilings(Book):
    def stop(self, scope: str, *, reason: str, by: str, at: datetime, ceiling: Mode = Mode.OFF) -> None:
        """Holds a handler (`scope` its name, or `all`) at or below a mode until it is lifted."""
        with self._writing() as connection:
            hold_head(connection)
            _hold(connection, "stop", scope, Ceiling(ceiling, reason), by=by, at=at)
            sentence = f"{scope} is held at {ceiling.label}: {reason}"
            detail = {"scope": scope, "by": by, "ceiling": ceiling.label}
            append(connection, Note(at, "stopped", sentence, detail=detail))

    def demote(self, handler: str, to: Mode, reason: str, at: datetime) -> bool:
        """Holds a handler at or below a mode until a person lifts it; False when a demotion does so already."""
        with self._writing() as connection:
            hold_head(connection)
            return demote_in(connection, handler, to, reason, at)

    def resume(self, scope: str, *, by: str, at: datetime) -> None:
        """Lifts every stop and demotion of this scope: a person's act."""
        table = schema.stops
        with self._writing() as connection:
            hold_head(connection)
            connection.execute(
                table.update().where(table.c.scope == scope, table.c.lifted_at.is_(None)).values(lifted_at=at)
            )
            append(connection, Note(at, "resumed", f"{scope} may work again", detail={"scope": scope, "by": by}))

    def ceiling(self, handler: str) -> Ceiling | None:
        """The lowest mode that a stop or demotion in force allows this handler; None without one."""
        with self._reading() as connection:
            return ceiling_of(connection, handler)

    def configured(self, handler: str, mode: Mode, at: datetime) -> bool:
        """Records the configured mode of a handler; False when it is the one that was recorded last."""
        table = evidence_tables.configured_modes
        with self._writing() as connection:
            hold_head(connection)
            row = connection.execute(table.select().where(table.c.handler == handler)).first()
            if row is not None and row.mode == mode.label:
                return False
            if row is None:
                connection.execute(table.insert().values(handler=handler, mode=mode.label, changed_at=at))
            else:
                changed = table.update().where(table.c.handler == handler)
                connection.execute(changed.values(mode=mode.label, changed_at=at))
            before = None if row is None else str(row.mode)
            sentence = f"{handler} is configured as {mode.label}" + (f", before as {before}" if before else "")
            detail = {"handler": handler, "mode": mode.label, "before": before}
            append(connection, Note(at, "mode_configured", sentence, detail=detail))
            return True

    def configured_modes(self) -> dict[str, Mode]:
        """The configured mode of each handler as it was recorded last."""
        with self._reading() as connection:
            rows = connection.execute(evidence_tables.configured_modes.select()).all()
        return {row.handler: Mode[row.mode.upper()] for row in rows}


def ceiling_of(connection: Connection, handler: str) -> Ceiling | None:
    """Among equally low ones, a person's stop."""
    rows = STOPS.rows(connection, handler=handler)
    found = [Ceiling(Mode[row.ceiling.upper()], row.reason, row.kind == "demotion") for row in rows]
    return min(found, key=lambda ceiling: (ceiling.mode, ceiling.is_demotion), default=None)


def stop_of(connection: Connection, handler: str) -> Ceiling | None:
    """A person's stop under which this handler, or all, may send nothing; None without one."""
    row = HOLDING_STOP.first(connection, handler=handler)
    return None if row is None else Ceiling(Mode[row.ceiling.upper()], row.reason)


def demote_in(connection: Connection, handler: str, to: Mode, reason: str, at: datetime) -> bool:
    """As `Ceilings.demote`, in the caller's transaction."""
    table = schema.stops
    rows = connection.execute(
        table.select().where(table.c.scope == handler, table.c.kind == "demotion", table.c.lifted_at.is_(None))
    ).all()
    if any(Mode[row.ceiling.upper()] <= to for row in rows):
        return False
    _hold(connection, "demotion", handler, Ceiling(to, reason, is_demotion=True), by=EVIDENCE, at=at)
    detail = {"scope": handler, "ceiling": to.label}
    append(connection, Note(at, "demoted", f"{handler} is demoted to {to.label}: {reason}", detail=detail))
    return True


def _hold(connection: Connection, kind: str, scope: str, ceiling: Ceiling, *, by: str, at: datetime) -> None:
    connection.execute(
        schema.stops.insert().values(
            kind=kind, scope=scope, ceiling=ceiling.mode.label, reason=ceiling.reason, author=by, created_at=at
        )
    )

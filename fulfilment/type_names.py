"""Request types in the database: discovered, named, merged. Every function is part of a transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from fulfilment.chain import Note, append
from fulfilment.errors import CircularMerge, UnknownRequestType
from fulfilment.evidence_tables import request_types as table
from fulfilment.records import Kind, KnownRequestType
from fulfilment.schema import Connection
from fulfilment.statements import MERGED_TYPES


def discovered(connection: Connection, types: Sequence[KnownRequestType], at: datetime) -> None:
    known = {found.id: found for found in read(connection)}
    for found in types:
        before = known.get(found.id)
        if before is None:
            known[found.id] = replace(found, origin="discovered", merged_into=None)
            _insert(connection, known[found.id], at)
        else:  # what a person said of it stands
            seen = replace(before, words=found.words, members=found.members, size=found.size)
            if before.origin == "discovered":
                seen = replace(seen, name=found.name, kind=found.kind)
            if seen == before:
                continue
            _update(connection, seen, at)
        sentence = f"{found.id}: {found.size} tickets, {', '.join(found.words)}"
        detail = {"type": found.id, "kind": found.kind, "size": found.size}
        append(connection, Note(at, "type_discovered", sentence, detail=detail))


def name(connection: Connection, id: str, name: str, kind: Kind, *, by: str, at: datetime) -> None:
    before = next((found for found in read(connection) if found.id == id), None)
    if before is None:
        named = KnownRequestType(id, name, kind, "named")
        _insert(connection, named, at)
    else:
        named = replace(before, name=name, kind=kind, origin="named")
        if named == before:
            return
        _update(connection, named, at)
    detail = {"type": id, "kind": kind, "by": by}
    append(connection, Note(at, "type_named", f"{id} is called {name!r}", detail=detail))


def merge(connection: Connection, ids: Sequence[str], into: str, *, by: str, at: datetime) -> list[str]:
    """Returns the types whose tickets are others than before, the one that stands for all included."""
    stands_for = roots(connection)
    for id in (*ids, into):
        _check_known(id, stands_for)
    root = stands_for[into]
    changed = [id for id in dict.fromkeys(ids) if stands_for[id] != root]
    if root in ids:
        how = "" if root == into else f" ({into} was merged into {root})"
        raise CircularMerge(f"{root} cannot be merged into itself{how}: name another type to merge into")
    for id in changed:
        connection.execute(table.update().where(table.c.id == id).values(merged_into=root, updated_at=at))
        detail = {"type": id, "into": root, "by": by}
        append(connection, Note(at, "types_merged", f"{id} is {root} from now on", detail=detail))
    left = {stands_for[id] for id in changed}
    return sorted({*changed, *left, root}) if changed else []


def read(connection: Connection) -> list[KnownRequestType]:
    stands_for = roots(connection)
    return [_known(row, stands_for) for row in connection.execute(table.select().order_by(table.c.id))]


def roots(connection: Connection) -> dict[str, str]:
    """Each known type → the type that stands for it, itself where it was never merged."""
    into = {row.id: row.merged_into for row in MERGED_TYPES.rows(connection)}
    return {id: _root(id, into) for id in into}


def _root(id: str, into: Mapping[str, str | None]) -> str:
    seen = {id}
    while (above := into.get(id)) is not None and above not in seen:
        seen.add(above)
        id = above
    return id


def _check_known(id: str, known: Mapping[str, str]) -> None:
    if id not in known:
        near = get_close_matches(id, known, n=3, cutoff=0.5) or sorted(known)[:5]
        hint = f"near ones: {', '.join(near)}" if near else "none is known yet: discover or name one first"
        raise UnknownRequestType(f"no request type is called {id!r}; {hint}")


def _insert(connection: Connection, known: KnownRequestType, at: datetime) -> None:
    connection.execute(table.insert().values(id=known.id, created_at=at, merged_into=None, **_values(known, at)))


def _update(connection: Connection, known: KnownRequestType, at: datetime) -> None:
    connection.execute(table.update().where(table.c.id == known.id).values(**_values(known, at)))


def _values(known: KnownRequestType, at: datetime) -> dict[str, Any]:
    return {
        "name": known.name,
        "kind": known.kind,
        "origin": known.origin,
        "words": json.dumps(known.words),
        "members": json.dumps(known.members),
        "size": known.size,
        "updated_at": at,
    }


def _known(row: Any, stands_for: Mapping[str, str]) -> KnownRequestType:
    root = stands_for[row.id]
    return KnownRequestType(
        id=row.id,
        name=row.name,
        kind=row.kind,
        origin=row.origin,
        words=tuple(json.loads(row.words)),
        members=tuple(json.loads(row.members)),
        size=row.size,
        merged_into=None if root == row.id else root,
    )

"""Anchors: the ledger's head, kept in a file that lies elsewhere. One JSON object a line, only ever appended.

Whoever can write both the ledger and this file can make them agree: put it where the agent may only append, or where
another account, machine or service keeps what it was given.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Final

from fulfilment.errors import ChainBroken, LedgerError
from fulfilment.schema import Connection, ledger
from fulfilment.verification import Anchor, Anchors, read_head

_TAIL: Final = 4_096  # bytes, in which the last whole line stands


def read_anchors(file: Path) -> Anchors:
    """By row number. Raises LedgerError where the file cannot be read, or holds something else."""
    found: dict[int, list[Anchor]] = defaultdict(list)
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                anchor = _anchor_of(line, file, number)
                if anchor is not None:
                    found[anchor.seq].append(anchor)
    except OSError as error:
        raise LedgerError(f"the anchor file {file} cannot be read: {error.strerror}") from None
    return found


def last_anchor(file: Path) -> Anchor | None:
    """None where there is no file yet, or nothing in it."""
    try:
        with file.open("rb") as lines:
            begin = max(0, lines.seek(0, os.SEEK_END) - _TAIL)
            lines.seek(begin)
            tail = lines.read().splitlines(keepends=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(f"the anchor file {file} cannot be read: {error.strerror}") from None
    for line in reversed(tail[1:] if begin else tail):
        if anchor := _anchor_of(line, file):
            return anchor
    if begin:
        raise LedgerError(f"{file} is no anchor file: name another one")
    return None


def anchor_head(connection: Connection, file: Path, at: str) -> Anchor | None:
    """Appends the head, on the disk when this returns; None when it is there already, or no row is written yet.

    Raises ChainBroken where the row that was anchored last is not in the ledger any more, LedgerError where the file
    cannot be written.
    """
    last, head = last_anchor(file), read_head(connection)
    if last is not None:
        query = ledger.select().with_only_columns(ledger.c.hash).where(ledger.c.seq == last.seq)
        if connection.execute(query).scalar() != last.hash:
            raise ChainBroken(
                f"row {last.seq} of the ledger is not the one that was anchored in {file} at {last.at}: rows were cut "
                "off or written anew. Stop the agent, keep both files, and run `goldenpath ledger verify`"
            )
    if head is None or head.seq == 0 or (last is not None and last.seq == head.seq):
        return None
    anchor = Anchor(head.seq, head.hash, at)
    try:
        _append(file, json.dumps(asdict(anchor)).encode() + b"\n")
    except OSError as error:
        raise LedgerError(f"the anchor file {file} cannot be written: {error.strerror}") from None
    return anchor


def _append(file: Path, line: bytes) -> None:
    """In one write. What a crash has cut off stays, on a line of its own: readers leave it out."""
    is_new = not file.exists()
    with file.open("a+b", buffering=0) as opened:
        if opened.seek(0, os.SEEK_END):
            opened.seek(-1, os.SEEK_END)
            line = line if opened.read(1) == b"\n" else b"\n" + line
        opened.write(line)
        os.fsync(opened.fileno())
    if is_new:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _anchor_of(line: bytes, file: Path, number: int = 0) -> Anchor | None:
    """None for a line that a crash has cut off."""
    words = line.strip()
    if words.startswith(b'{"seq": '[: len(words)]) and not words.endswith(b"}"):
        return None
    try:
        told = json.loads(words)
        anchor = Anchor(told["seq"], told["hash"], told["at"])
    except (ValueError, TypeError, KeyError):
        anchor = None
    if anchor is None or type(anchor.seq) is not int or not isinstance(anchor.hash, str):
        where = f"line {number}" if number else "its last line"
        raise LedgerError(f"{file} is no anchor file, or was altered: {where} is no anchor") from None
    return anchor

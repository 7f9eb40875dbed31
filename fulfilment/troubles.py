"""What SQLite's errors about the ledger's file mean to a person, and the way out."""

from __future__ import annotations


def sentence_of(path: str, message: str) -> str:
    low = message.lower()
    if holds_words(message):
        return (
            f"the ledger {path} is damaged (a text in it is no UTF-8): stop the agent and restore the file from a "
            "backup"
        )
    if "locked" in low or "busy" in low:
        return f"the ledger {path} is locked by another process: wait for it to end, then try again"
    if "readonly" in low or "read-only" in low:
        return f"the ledger {path} cannot be written: let this account write to the file and its folder"
    if "not a database" in low or "malformed" in low:
        return f"the ledger {path} is damaged ({message}): stop the agent and restore the file from a backup"
    if "unable to open" in low:
        return f"the ledger {path} cannot be opened: it must be a file that this account may read and write"
    if "full" in low:
        return f"the ledger {path} cannot grow: the disk is full"
    if "disk i/o" in low:
        return (
            f"the ledger {path} cannot be read or written ({message}): look at the disk and what the system says of "
            "it, then run `goldenpath ledger verify`; restore the file from a backup if it is damaged"
        )
    return f"the ledger {path} cannot be used: {message}"


def holds_words(message: str) -> bool:
    """Whether the driver's message repeats what stands in a row: that belongs neither on a screen nor in a log."""
    return message.lower().startswith("could not decode to utf-8")

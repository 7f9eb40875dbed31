"""The folder of the Parquet history: which files are current, and how they are replaced all at once.

    history/
      history.json                                            the list of the current files
      site=SITE/project=PROJECT/month=2026-03/
        tickets.NAME.parquet  changes.NAME.parquet            NAME is new with every writing
        comments.NAME.parquet

A listed file never changes. A run writes new files beside the old ones and renames a new list over the old list: who
reads by the list sees the history before the run or after it, never a mixture. What no list names (it was replaced, or
a run was killed) is removed by the run itself or by the next one. A run holds the lock, which dies with its process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote

import orjson

from tickets.errors import StoreError
from tickets.sync_book import Partition

FORMAT = 2  # another number makes every file anew
REBUILD = "`goldenpath sync --rebuild-history` makes it anew from the ticket store"
Kind = Literal["tickets", "changes", "comments"]
KINDS: tuple[Kind, ...] = ("tickets", "changes", "comments")

_LIST = "history.json"
_LOCK = "history.lock"
_OURS = re.compile(r"(tickets|changes|comments)\.[0-9a-f]{16}\.parquet(\.part)?")
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a partition, one of each kind. `name` is in all their names; `rows` and `bytes` are by kind."""

    name: str
    rows: Mapping[Kind, int]
    bytes: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class Listing:
    """What is current. `generation` is the name of the run that wrote the list."""

    generation: str
    files: Mapping[Partition, Files]

    def rows(self, kind: Kind) -> int:
        return sum(files.rows[kind] for files in self.files.values())


class DamagedList(ValueError):
    """The list is none that this version wrote; the message says what is wrong."""


class HistoryFolder:
    """Raises StoreError, with a way out, where the folder cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def listing(self) -> Listing | None:
        """The current list, or None where none was ever written. Raises DamagedList."""
        with translated(self.path, "read"):
            try:
                document = (self.path / _LIST).read_bytes()
            except FileNotFoundError:
                return None
        return _parsed(document)

    def file(self, partition: Partition, kind: Kind, files: Files) -> Path:
        return self._place(partition) / f"{kind}.{files.name}.parquet"

    def is_intact(self, partition: Partition, files: Files) -> bool:
        """Whether its files are there and as long as they were."""
        with translated(self.path, "read"):
            try:
                return all(self.file(partition, kind, files).stat().st_size == files.bytes[kind] for kind in KINDS)
            except FileNotFoundError:
                return False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time; a second waits for its turn."""
        with translated(self.path, "written"):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / _LOCK).open("wb")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def new_file(self, partition: Partition, kind: Kind, name: str) -> Iterator[BinaryIO]:
        """A file to write into."""
        place = self._place(partition)
        with translated(self.path, "written"):
            place.mkdir(parents=True, exist_ok=True)
            with _whole(place / f"{kind}.{name}.parquet") as handle:
                yield handle

    def publish(self, listing: Listing, written: Iterable[Partition]) -> None:
        """Makes the listed files the current ones. `written` are the partitions with new files."""
        with translated(self.path, "written"):
            for place in {folder for partition in written for folder in self._folders(partition)}:
                _keep_names(place)
            with _whole(self.path / _LIST) as handle:
                handle.write(_document(listing))
            _keep_names(self.path)

    def sweep(self, listing: Listing | None) -> None:
        """Removes our files that the list does not name, and the folders that this empties. Nothing of others."""
        current = {} if listing is None else listing.files
        listed = {self.file(at, kind, files) for at, files in current.items() for kind in KINDS}
        with translated(self.path, "written"):
            for place in self.path.glob("site=*/project=*/month=*/"):
                for file in place.iterdir():
                    if _OURS.fullmatch(file.name) and file not in listed:
                        file.unlink()
                for folder in (place, *place.parents[:2]):
                    if not any(folder.iterdir()):
                        folder.rmdir()

    def _place(self, partition: Partition) -> Path:
        site, project = _name(partition.site), _name(partition.project)
        return self.path / f"site={site}" / f"project={project}" / f"month={_name(partition.month)}"

    def _folders(self, partition: Partition) -> Iterator[Path]:
        place = self._place(partition)
        yield from (folder for folder in (place, *place.parents[:3]) if folder.exists())


@contextmanager
def translated(path: Path, done: Literal["read", "written"]) -> Iterator[None]:
    """Turns what the system raises into a StoreError with a way out."""
    try:
        yield
    except OSError as error:
        raise StoreError(explain(path, done, error)) from error


def explain(path: Path, done: Literal["read", "written"], error: OSError) -> str:
    """The sentence for what the system says of this path."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the history {path} cannot grow: the disk is full"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the history {path} cannot be {done}: give this account permission to the folder and what is in it"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"the history {path} is no folder: move what has this name away"
    return f"the history {path} cannot be {done} ({error.strerror or error}): {REBUILD}"


def _name(value: str) -> str:
    """The value as one part of a path: quoted as in URLs, a long one shortened with its digest."""
    quoted = quote(value, safe="")
    if len(quoted) <= _LONGEST:
        return quoted
    return f"{quoted[:80]}%-{sha256(value.encode()).hexdigest()[:24]}"  # `%-` is in no quoted text


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole and on the disk."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as handle:
        yield handle
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)


def _keep_names(folder: Path) -> None:
    """The names in the folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _document(listing: Listing) -> bytes:
    entries = [
        {
            "site": at.site,
            "project": at.project,
            "month": at.month,
            "name": files.name,
            "rows": files.rows,
            "bytes": files.bytes,
        }
        for at, files in sorted(listing.files.items(), key=lambda item: item[0])
    ]
    return orjson.dumps({"format": FORMAT, "generation": listing.generation, "partitions": entries})


def _parsed(document: bytes) -> Listing:
    try:
        raw = orjson.loads(document)
        if raw["format"] != FORMAT:
            raise DamagedList(f"its format is {raw['format']}, not {FORMAT}")
        files = {
            Partition(str(entry["site"]), str(entry["project"]), str(entry["month"])): Files(
                str(entry["name"]),
                {kind: int(entry["rows"][kind]) for kind in KINDS},
                {kind: int(entry["bytes"][kind]) for kind in KINDS},
            )
            for entry in raw["partitions"]
        }
        return Listing(str(raw["generation"]), files)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise DamagedList(f"{_LIST} is not whole") from error

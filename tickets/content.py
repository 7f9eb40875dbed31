"""The bytes of an export, unpacked: plain, gzip, or a zip that holds one file, told by content and never by name."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tickets.errors import ExportError

_CHUNK = 1 << 20
_PACKED = 1 << 14  # bytes unpacked at a time: what damage can take with it
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Content:
    """One pass over one file. `cut` says why its end is missing, once that is known; empty where it is whole."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.cut = ""

    def chunks(self) -> Iterator[bytes]:
        """The content, none of it empty, without any limit on the size of the whole. Raises ExportError where a zip
        does not hold exactly one file, or where damage has left nothing."""
        is_empty = True
        for chunk in self._unpacked():
            is_empty = False
            yield chunk
        if is_empty and self.cut:
            raise ExportError(f"{self._path} {self.cut}: export it again")

    def _unpacked(self) -> Iterator[bytes]:
        start = self._file.read(len(_ZIP))
        if start == _ZIP:
            yield from self._zipped()
        elif start[:2] == _GZIP:
            yield from self._gunzipped(start)
        elif start:
            yield start
            while chunk := self._file.read(_CHUNK):
                yield chunk

    def _gunzipped(self, packed: bytes) -> Iterator[bytes]:
        unpack = zlib.decompressobj(wbits=31)
        while True:
            try:
                plain = unpack.decompress(packed, _CHUNK)
            except zlib.error as error:
                self.cut = f"is damaged gzip ({error})"
                return
            if plain:
                yield plain
            packed = unpack.unconsumed_tail or unpack.unused_data.lstrip(b"\0") or self._file.read(_PACKED)
            if unpack.eof and packed:
                unpack = zlib.decompressobj(wbits=31)  # gzip files may stand one after another in one file
            elif not packed and not plain:
                self.cut = "" if unpack.eof else "is gzip that ends too early"
                return

    def _zipped(self) -> Iterator[bytes]:
        try:
            with zipfile.ZipFile(self._file) as archive, archive.open(self._only(archive)) as packed:
                while chunk := packed.read(_CHUNK):
                    yield chunk
        except zipfile.BadZipFile as error:
            self.cut = f"is a damaged zip ({error})"
        except (zlib.error, EOFError) as error:
            self.cut = f"is a damaged zip ({error or 'it ends too early'})"
        except (RuntimeError, NotImplementedError) as error:  # a password, or a packing that Python lacks
            raise ExportError(
                f"{self._path} is a zip that cannot be unpacked here ({error}): unpack it first"
            ) from None

    def _only(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        names = [info.filename for info in archive.infolist()]
        if "[Content_Types].xml" in names:
            raise ExportError(f"{self._path} is a spreadsheet (or another document of Office): save it as CSV")
        files = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info.filename)]
        if len(files) != 1:
            inside = ", ".join(info.filename for info in files[:4]) or "none"
            raise ExportError(f"{self._path} holds {len(files)} files ({inside}): put exactly one into the zip")
        return files[0]


@contextmanager
def opened(path: Path, formats: str) -> Iterator[Content]:
    """The file's content. Raises ExportError where it cannot be read; `formats` says what would do."""
    try:
        with path.open("rb") as file:
            yield Content(file, path)
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror or error}): name a file with {formats}") from None


def described(start: bytes) -> str:
    """What a file that is no export seems to be, for a sentence."""
    if start.startswith(_UTF16):
        return "text in UTF-16 (save it as UTF-8)"
    try:
        words = start.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "binary data"
    if "\0" in words:
        return "binary data"
    if words.startswith("<"):
        return "a page of HTML or XML"
    return "a table (CSV)" if words.count(",") > 2 or words.count(";") > 2 else "some other text"


def _is_litter(name: str) -> bool:
    """What macOS adds to a zip."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in (".DS_Store", "Thumbs.db")

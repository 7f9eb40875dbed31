"""The top-3 report in each of its formats, and as a file."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from agent.errors import AgentError, ConfigurationError

if TYPE_CHECKING:
    from agent.operations import QueueView
    from analytics.top_records import RankBy

Format = Literal["text", "md", "html", "json"]
FORMATS: Final[tuple[Format, ...]] = ("text", "md", "html", "json")
ENDINGS: Final[Mapping[Format, str]] = {"text": ".txt", "md": ".md", "html": ".html", "json": ".json"}
_SUFFIXES: Final[Mapping[str, Format]] = {
    **{ending: name for name, ending in ENDINGS.items()},
    ".htm": "html",
    ".markdown": "md",
}
_WIDTH: Final = 110


def format_of(named: str | None, out: Path | None) -> Format:
    """The format that was named, else the one that the file's name says, else text. Raises ConfigurationError."""
    if named is not None:
        found = next((one for one in FORMATS if one == named), None)
        if found is None:
            raise ConfigurationError(f"--format {named!r} is no format; allowed: {', '.join(FORMATS)}")
        return found
    if out is None:
        return "text"
    guessed = _SUFFIXES.get(out.suffix.lower())
    if guessed is None:
        raise ConfigurationError(
            f"--out {out}: its name does not say a format; allowed: names that end in {', '.join(_SUFFIXES)}, "
            f"or --format {', '.join(FORMATS)}"
        )
    return guessed


def ranking_of(named: str) -> RankBy:
    """Raises ConfigurationError naming what is allowed."""
    from analytics.top_records import RANKINGS

    found = next((one for one in RANKINGS if one == named), None)
    if found is None:
        raise ConfigurationError(f"--rank-by {named!r} is no ranking; allowed: {', '.join(RANKINGS)}")
    return found


def rendered(view: QueueView, form: Format, *, now: datetime | None = None) -> str:
    """The report as text in that format; `now` is what the data's age is told of."""
    if form == "json":
        from agent.report_view import report_document

        return json.dumps(report_document(view), indent=2, ensure_ascii=False, default=str) + "\n"
    if form == "html":
        from agent.report_page import html_page

        return html_page(view, now=now)
    if form == "md":
        from agent.report_markdown import markdown

        return markdown(view, now=now)
    from rich.console import Console

    from agent.report_printing import print_report

    written = io.StringIO()
    print_report(view, Console(file=written, width=_WIDTH, highlight=False, color_system=None), now=now)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()).lstrip("\n") + "\n"


def check_place(file: Path) -> None:
    """Raises AgentError where no file can be written there; told before the work, not after it."""
    if os.path.isdir(file):  # a Path raises where the name is too long
        raise AgentError(f"the report cannot be written to {file}: it is a folder; name a file in it")
    if not os.path.isdir(file.parent):
        raise AgentError(f"the report cannot be written to {file}: there is no folder {file.parent}; make it first")


def write(file: Path, text: str) -> None:
    """Whole or not at all: written beside it, then renamed. Raises AgentError, naming the file."""
    check_place(file)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        try:
            # A lone half of a letter, which JSON and some stores let through, is no reason to lose a report.
            partial.write_text(text, encoding="utf-8", errors="replace")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise AgentError(f"the report cannot be written to {file}: {error.strerror or error}") from None

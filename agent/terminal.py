"""What every command says the same way: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

notes = Console(stderr=True, highlight=False)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The goldenpath.toml to use (default: found like git finds its own)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def answer(document: dict[str, Any]) -> None:
    """The one JSON document of a `--json` command."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))

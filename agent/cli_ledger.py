"""The commands about the ledger: read a story, verify, anchor, hand on, take a text out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent import config
from agent.errors import AgentError, ConfigurationError
from agent.terminal import ConfigOption, JsonOption, answer, notes, say

ledger_app = typer.Typer(no_args_is_help=True, help="The record of every decision and act.")


@ledger_app.command(epilog="Example: goldenpath ledger show OPS-123\n\nExample: goldenpath ledger show 3fa2c81b --json")
def show(
    key: Annotated[str, typer.Argument(help="A ticket's key, or the beginning of a request's id.")],
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """The story of a ticket: what was decided and done, and why."""
    from agent import bootstrap, ledger_printing

    with bootstrap.open_ledger(config.load(path), must_exist=True) as ledger:
        story = ledger.story(key)
        if not story and ledger_printing.may_be_request(key):
            story = ledger.story_of_request(key.lower())
    if as_json:
        answer(ledger_printing.story_document(key, story))
    elif story:
        ledger_printing.print_story(key, story)
    if not story:
        raise AgentError(f"the ledger has no entry for {key}: it was never considered, or the key is misspelt")


@ledger_app.command(
    epilog="Example: goldenpath ledger verify --json\n\n"
    "Example: goldenpath ledger verify --file export.jsonl --anchors anchors.jsonl"
)
def verify(
    file: Annotated[
        Path | None, typer.Option("--file", help="Verify what `ledger export` wrote, without the ledger.")
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="The anchor file (default: anchor_file in [store]).")
    ] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Check offline that no row of the ledger was changed, removed or reordered; with anchors, that none is missing."""
    from agent import bootstrap, ledger_printing
    from fulfilment.anchors import read_anchors
    from fulfilment.copies import check_copy

    configuration = config.load(path)
    kept = anchors or configuration.anchor_file
    if anchors is None and kept is not None and not kept.exists():
        notes.print(f"there is no anchor file {kept} yet: nothing is compared with it", soft_wrap=True, markup=False)
        kept = None
    known = read_anchors(kept) if kept else {}
    if file is not None:
        found = check_copy(file, known)
    else:
        with bootstrap.open_ledger(configuration, must_exist=True) as ledger, notes.status("verifying"):
            found = ledger.verify(known)
    if as_json:
        answer(ledger_printing.verify_document(found, kept))
    else:
        say(*ledger_printing.verify_sentences(found, kept))
    if found.broken_at is not None:
        raise typer.Exit(1)


@ledger_app.command(epilog="Example: goldenpath ledger anchor --to /mnt/audit/anchors.jsonl")
def anchor(
    to: Annotated[Path | None, typer.Option("--to", help="The file (default: anchor_file in [store]).")] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Append the ledger's head to a file that lies elsewhere, so that `verify` finds what is missing at the end."""
    from agent import bootstrap, ledger_printing

    configuration = config.load(path)
    file = to or configuration.anchor_file
    if file is None:
        raise ConfigurationError("no anchor file is named: give --to FILE, or set anchor_file in [store]")
    with bootstrap.open_ledger(configuration, must_exist=True) as ledger:
        made = ledger.anchor(file, at=datetime.now(UTC))
    if as_json:
        answer(ledger_printing.anchor_document(made, file))
    elif made is None:
        say(f"nothing to do: {file} has the head already, or the ledger has no row")
    else:
        say(f"row {made.seq:,} is anchored in {file}")


@ledger_app.command(
    epilog="Example: goldenpath ledger export --out ledger.jsonl\n\n"
    "Example: goldenpath ledger export --since 90d --out last-quarter.csv"
)
def export(
    form: Annotated[
        str | None,
        typer.Option("--format", help="jsonl, which can be verified, or csv (default: as the file's name)."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it to this file.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="From the first row of the last N days on, like 90d, or 2026-10-01.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Hand the record on: JSON lines that can be verified elsewhere, or CSV that is safe to open in a spreadsheet."""
    from agent import bootstrap, ledger_files

    if as_json and out is None:
        raise ConfigurationError("--json tells what was written to a file: give --out, or leave it out")
    chosen = ledger_files.format_of(form, out)
    begin = ledger_files.instant_of(since, now=datetime.now(UTC)) if since else None
    if out is not None:
        ledger_files.check_place(out, force=force)
    with bootstrap.open_ledger(config.load(path), must_exist=True) as ledger:
        lines = ledger.copy(chosen, since=begin)
        if out is None:
            for line in lines:
                typer.echo(line, nl=False)
            return
        rows = ledger_files.write(out, lines, force=force) - 1  # the head, or the names of the columns
    if as_json:
        answer({"file": str(out), "format": chosen, "rows": rows})
    else:
        notes.print(f"wrote {rows:,} rows to {out}", markup=False, soft_wrap=True)


@ledger_app.command(epilog='Example: goldenpath ledger redact 4711 --reason "asked for by its author"')
def redact(
    row: Annotated[int, typer.Argument(help="The row's number; `ledger show --json` tells it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept. Do not repeat what is taken out.")],
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Take the text of one row out for ever. The row stays, and a new one says that this was done."""
    from agent import bootstrap

    with bootstrap.open_ledger(config.load(path), must_exist=True) as ledger:
        ledger.redact(row, reason=reason, at=datetime.now(UTC))
    if as_json:
        answer({"redacted": row, "reason": reason})
    else:
        say(f"the text of row {row:,} is gone; backups and exports that were made before still have it")

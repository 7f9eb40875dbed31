"""The commands about request types: discover, name, learn, certify, audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent import config
from agent.errors import AgentError, ConfigurationError
from agent.terminal import ConfigOption, JsonOption, answer, notes, say
from fulfilment.records import Kind

types_app = typer.Typer(no_args_is_help=True, help="The request types of this site: list, show, name, merge, explain.")

FILE_PANEL = "Texts of a CSV file instead of the stored tickets"
FromOption = Annotated[Path | None, typer.Option("--from", metavar="FILE", rich_help_panel=FILE_PANEL)]
TextOption = Annotated[str, typer.Option("--text", metavar="COL", help="Which text.", rich_help_panel=FILE_PANEL)]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so (default: the user of this machine).")]


def discover(
    source: FromOption = None,
    text: TextOption = "",
    known: Annotated[
        Path | None,
        typer.Option(
            "--known", metavar="FILE", help="What --json wrote before: its ids stay.", rich_help_panel=FILE_PANEL
        ),
    ] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Find request types in the words of tickets that carry none. Known types keep their ids."""
    from agent import bootstrap, discovering, types_printing

    if source is not None:
        if not text:
            raise ConfigurationError("--from needs --text: the column that holds the texts")
        with notes.status("discovering"):
            document = discovering.discover_file(source, text=text, known=known)
        answer(document) if as_json else types_printing.print_discovered(document)
        return
    _refuse_without_file({"--text": bool(text), "--known": bool(known)})
    configuration = config.load(path)
    with (
        bootstrap.open_store(configuration, must_exist=True) as store,
        bootstrap.open_ledger(configuration) as ledger,
        notes.status("discovering"),
    ):
        found = discovering.discover_store(configuration, store, ledger, at=_now())
    document = types_printing.discovery_document(found)
    answer(document) if as_json else types_printing.print_discovered(document)


def train(
    source: FromOption = None,
    text: TextOption = "",
    label: Annotated[str, typer.Option("--label", metavar="COL", help="Which label.", rich_help_panel=FILE_PANEL)] = "",
    into: Annotated[
        Path | None, typer.Option("--model", metavar="DIR", help="Where to.", rich_help_panel=FILE_PANEL)
    ] = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="The rows are in the order of time.", rich_help_panel=FILE_PANEL)
    ] = False,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Learn request types from the stored tickets; the new model goes live if it is no worse than the old one."""
    from agent import bootstrap, labelled_file, learning, types_printing

    if source is not None:
        if not (text and label and into):
            raise ConfigurationError("--from needs --text and --label (columns) and --model (a folder)")
        with notes.status("learning"):
            document = labelled_file.train_file(source, text=text, label=label, into=into, is_ordered=ordered)
        answer(document) if as_json else types_printing.print_file_training(document)
        return
    _refuse_without_file({"--text": bool(text), "--label": bool(label), "--model": bool(into), "--ordered": ordered})
    configuration = config.load(path)
    with (
        bootstrap.open_store(configuration, must_exist=True) as store,
        bootstrap.open_ledger(configuration) as ledger,
        notes.status("learning"),
    ):
        done = learning.train(configuration, store, ledger, at=_now())
    document = types_printing.training_document(done)
    answer(document) if as_json else types_printing.print_training(document)
    if not done.is_live:
        raise typer.Exit(1)


def evaluate(
    folder: Annotated[Path | None, typer.Option("--model", metavar="DIR", help="A model of `train --from`.")] = None,
    source: Annotated[Path | None, typer.Option("--on", metavar="FILE", help="A CSV file it has not seen.")] = None,
    text: Annotated[str, typer.Option("--text", metavar="COL", help="Which text.")] = "",
    label: Annotated[str, typer.Option("--label", metavar="COL", help="Which label.")] = "",
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """How good the model in use was on tickets that it had not learned from; or how good a model is on a file."""
    from agent import labelled_file, model, types_printing

    if source is not None or folder is not None or text or label:
        if not (folder and source and text and label):
            raise ConfigurationError("--model and --on go together, with --text and --label (columns)")
        with notes.status("asking"):
            document = labelled_file.evaluate_file(folder, source, text=text, label=label)
    else:
        live = model.load(config.load(path))
        if live is None:
            raise AgentError("there is no model yet: `goldenpath train` makes one from the stored tickets")
        document = types_printing.report_document(live)
    answer(document) if as_json else types_printing.print_evaluation(document)


def certificates(as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """How sure each predicted request type is, and what is missing before it may act without a person."""
    from agent import bootstrap, learning, model, types_printing

    configuration = config.load(path)
    live = model.load(configuration)
    if live is None:
        raise AgentError("there is no model yet: `goldenpath train` makes one from the stored tickets")
    with bootstrap.open_ledger(configuration) as ledger, notes.status("counting"):
        found = learning.certify(configuration, live, ledger, at=_now())
    document = types_printing.certificates_document(found, configuration)
    answer(document) if as_json else types_printing.print_certificates(document)


def audit(
    key: Annotated[str | None, typer.Argument(help="A ticket's key; without one, asks about a random sample.")] = None,
    request_type: Annotated[str | None, typer.Argument(help="What it asks for: the id of a request type.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="How many to ask about.")] = 20,
    of_type: Annotated[str | None, typer.Option("--type", help="Only tickets that were called this type.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Ask people about a random sample of classified tickets, or say what a ticket asks for."""
    from agent import asking, bootstrap, types_printing

    if (key is None) != (request_type is None):
        raise ConfigurationError("a ticket's key and a request type go together: goldenpath audit OPS-12 s3-bucket")
    configuration = config.load(path)
    with (
        bootstrap.open_store(configuration, must_exist=True) as store,
        bootstrap.open_ledger(configuration) as ledger,
    ):
        if key is None or request_type is None:
            with notes.status("drawing"):
                asked = asking.ask(configuration, store, ledger, count=count, request_type=of_type, at=_now())
            document = types_printing.questions_document(asked)
            answer(document) if as_json else types_printing.print_questions(document)
            return
        said = asking.say(configuration, store, ledger, key, request_type, by=by, at=_now())
    answer(said) if as_json else say(types_printing.said_sentence(said))


@types_app.command("list", epilog="Example: goldenpath types list --json")
def types_list(as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """Every request type that was discovered or named, what it was merged into, and its certificate."""
    from agent import bootstrap, types_printing

    with bootstrap.open_ledger(config.load(path)) as ledger:
        document = types_printing.types_document(ledger)
    answer(document) if as_json else types_printing.print_types(document)


@types_app.command("name", epilog='Example: goldenpath types name bucket-exports "S3 bucket"')
def types_name(
    id: Annotated[str, typer.Argument(help="The id of a type, as `types list` shows it.")],
    name: Annotated[str, typer.Argument(help="What people call it; its id is made of it.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="request, incident, bug, question or project: only requests are ranked. (default: as it is known)",
            show_default=False,
        ),
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Name a request type. A name that another type has already merges the two."""
    from agent import bootstrap, discovering

    with bootstrap.open_ledger(config.load(path)) as ledger:
        now_called = discovering.name_type(ledger, id, name, kind=_kind(kind) if kind else None, by=by, at=_now())
        said = {one.id: one.kind for one in ledger.evidence.request_types()}
    if as_json:
        answer({"was": id, "id": now_called, "name": name, "kind": said[now_called]})
    else:
        say(f"{id} is {now_called} ({name}) from now on; `goldenpath train` learns it")


@types_app.command("merge", epilog="Example: goldenpath types merge bucket-exports storage-please --into s3-bucket")
def types_merge(
    ids: Annotated[list[str], typer.Argument(help="The ids of the types that end.")],
    into: Annotated[str, typer.Option("--into", help="The id of the type that stands for them.")],
    by: ByOption = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Merge request types into one. Their certificates end: they counted other tickets."""
    from agent import bootstrap
    from agent.said import operator

    with bootstrap.open_ledger(config.load(path)) as ledger:
        ledger.evidence.merge_types(ids, into, by=by or operator(), at=_now())
    if as_json:
        answer({"merged": ids, "into": into})
    else:
        say(f"{', '.join(ids)} {'is' if len(ids) == 1 else 'are'} {into} from now on; `goldenpath train` learns it")


@types_app.command("explain", epilog="Example: goldenpath types explain OPS-12")
def types_explain(
    key: Annotated[str, typer.Argument(help="A ticket's key.")],
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """What a ticket is taken to ask for, and the words that spoke for it and against it."""
    from agent import asking, bootstrap, types_printing

    configuration = config.load(path)
    with bootstrap.open_store(configuration, must_exist=True) as store:
        document = asking.explain(configuration, store, key)
    answer(document) if as_json else types_printing.print_explanation(document)


def _refuse_without_file(given: Mapping[str, bool]) -> None:
    """Options about a file say nothing of the stored tickets. Raises ConfigurationError."""
    if named := [option for option, is_given in given.items() if is_given]:
        raise ConfigurationError(f"{', '.join(named)} without --from: name the CSV file, or leave it out for the store")


def _now() -> datetime:
    """The time of an act at the command line; what runs on a schedule has Jira's."""
    return datetime.now(UTC)


def _kind(name: str) -> Kind:
    allowed: tuple[Kind, ...] = ("request", "incident", "bug", "question", "project")
    for kind in allowed:
        if kind == name:
            return kind
    raise ConfigurationError(f"--kind {name!r} is no kind of request type; allowed: {', '.join(allowed)}")

"""The `goldenpath` command. Results go to standard output, everything else to standard error.

Exit codes: 0 done, 1 a finding or a refusal, 2 bad usage or configuration.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent import cli_health, cli_ledger, cli_paths, cli_requests, cli_types, config
from agent.errors import AgentError, ConfigurationError, Stopped
from agent.tables import duration
from agent.terminal import ConfigOption, JsonOption, answer, notes, say

if TYPE_CHECKING:
    from analytics.summary import Grouping

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Golden Path: ticket-queue analytics and guarded auto-fulfilment for Jira.",
    epilog="Start with [bold]goldenpath demo[/bold], or [bold]goldenpath init[/bold] to point it at your Jira.",
)
app.add_typer(cli_ledger.ledger_app, name="ledger")
app.add_typer(cli_types.types_app, name="types")
app.add_typer(cli_requests.requests_app, name="requests")
app.command(epilog="Example: goldenpath orphans --json")(cli_requests.orphans)
app.command(epilog="Example: goldenpath discover && goldenpath types list")(cli_types.discover)
app.command(epilog="Example: goldenpath train --json")(cli_types.train)
app.command(epilog="Example: goldenpath evaluate --model m --on new.csv --text words --label topic --json")(
    cli_types.evaluate
)
app.command(epilog="Example: goldenpath certificates --json")(cli_types.certificates)
app.command(epilog="Example: goldenpath handlers --json")(cli_paths.handlers)
app.command(epilog='Example: goldenpath stop s3-bucket --reason "wrong region"')(cli_paths.stop)
app.command(epilog="Example: goldenpath resume s3-bucket")(cli_paths.resume)
app.command(epilog="Example: goldenpath health --max-age 15 --json || page-somebody")(cli_health.health)
app.command(epilog="Example: goldenpath settle 3 --by otto")(cli_health.settle)
app.command(epilog="Example: goldenpath audit --count 20 && goldenpath audit OPS-12 s3-bucket")(cli_types.audit)


def main() -> None:
    """The entry point: errors that people can act on become one sentence and an exit code."""
    from analytics.errors import AnalyticsError
    from fulfilment.errors import FulfilmentError
    from tickets.errors import TicketsError

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        app()
    except AgentError as error:
        fail(str(error), error.exit_code)
    except (AnalyticsError, TicketsError, FulfilmentError) as error:
        fail(str(error), 1)


def fail(message: str, code: int) -> None:
    notes.print("error:", style="bold red", end=" ")
    notes.print(message, markup=False, soft_wrap=True)
    raise SystemExit(code)


@app.command(epilog="Example: goldenpath init && $EDITOR goldenpath.toml")
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write goldenpath.toml.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented goldenpath.toml to start from."""
    target = folder / config.FILE_NAME
    if target.exists() and not force:
        raise ConfigurationError(f"{target} exists already; --force replaces it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text((Path(__file__).parent / "template.toml").read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise AgentError(f"{target} cannot be written: {error.strerror}") from None
    say(
        f"wrote {target}",
        "next: set jira.url, jira.email and jira.projects in it, put your API token into the variable",
    )
    say("GOLDENPATH_JIRA_TOKEN, then run: goldenpath sync && goldenpath report")


@app.command(epilog="Example: goldenpath doctor --json")
def doctor(as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """Check what Golden Path needs: Jira, permissions, fields, transitions, the stores, AWS. Changes nothing."""
    from agent.doctor import diagnosis_document, examine, print_diagnosis

    with notes.status("looking") as status:
        diagnosis = examine(path, progress=lambda name: status.update(f"looking at: {name}"))
    if as_json:
        answer(diagnosis_document(diagnosis))
    else:
        print_diagnosis(diagnosis)
    if diagnosis.has_problem:
        raise typer.Exit(1)


LOG_PANEL = "An event log of another system (--events)"


@app.command(
    name="import",
    epilog="Example: goldenpath import export.jsonl.gz more.csv --time-zone Europe/Berlin && goldenpath report\n\n"
    "Example: goldenpath import --events log.zip --ticket number --status state --at updated_at --dayfirst",
)
def import_(
    files: Annotated[list[Path], typer.Argument(help="Jira's JSON, or its CSV of all fields; also gzipped or zipped.")],
    site: Annotated[
        str | None, typer.Option(help="Name of the system the tickets are from (default: what they say).")
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Time zone of dates that name none.")] = "UTC",
    day_first: Annotated[
        bool | None,
        typer.Option("--dayfirst/--monthfirst", help="How dates like 3/2/2026 are meant.", show_default=False),
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="FILES are a log of status changes.", rich_help_panel=LOG_PANEL)
    ] = False,
    ticket: Annotated[str, typer.Option(metavar="COL", help="Which ticket.", rich_help_panel=LOG_PANEL)] = "",
    status: Annotated[str, typer.Option(metavar="COL", help="In which status.", rich_help_panel=LOG_PANEL)] = "",
    at: Annotated[str, typer.Option(metavar="COL", help="Since when.", rich_help_panel=LOG_PANEL)] = "",
    status_map: Annotated[
        Path | None, typer.Option(help="A TOML file that says what statuses mean.", rich_help_panel=LOG_PANEL)
    ] = None,
    summary: Annotated[str, typer.Option(metavar="COL", rich_help_panel=LOG_PANEL)] = "",
    type_: Annotated[
        str, typer.Option("--type", metavar="COL", help="What is asked for.", rich_help_panel=LOG_PANEL)
    ] = "",
    priority: Annotated[str, typer.Option(metavar="COL", rich_help_panel=LOG_PANEL)] = "",
    assignee: Annotated[str, typer.Option(metavar="COL", rich_help_panel=LOG_PANEL)] = "",
    requester: Annotated[str, typer.Option(metavar="COL", rich_help_panel=LOG_PANEL)] = "",
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Read Jira's exports, or any system's log of status changes, into the ticket store. Needs no Jira."""
    from agent import importing
    from agent.status_map import read_status_map

    clock = importing.wall_clock(time_zone, is_day_first=day_first)
    optional = {"summary": summary, "type": type_, "priority": priority, "assignee": assignee, "requester": requester}
    named = {"ticket": ticket, "status": status, "at": at, **optional, "status-map": str(status_map or "")}
    columns = importing.columns_of(named, is_log=events)
    meanings = read_status_map(status_map) if status_map else {}
    configuration = config.load(path)
    with notes.status("reading") as shown:

        def tell(words: str) -> None:
            shown.update(f"reading: {words}")

        if columns is None:
            done = importing.import_exports(configuration, files, site=site, clock=clock, progress=tell)
        else:
            done = importing.import_events(
                configuration, files, columns, site=site, clock=clock, meanings=meanings, progress=tell
            )
    if as_json:
        answer(importing.document(done))
    else:
        say(*importing.sentences(done))
    if done.rejected:
        raise typer.Exit(1)


@app.command(epilog="Example: goldenpath sync --verify")
def sync(
    census: Annotated[bool, typer.Option("--census", help="Also compare all ids now, due or not.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Take a census, then print what is proven, by project and month.")
    ] = False,
    rebuild_history: Annotated[bool, typer.Option("--rebuild-history", help="Write the Parquet history anew.")] = False,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Fetch new and changed tickets from Jira; a first sync that is interrupted goes on where it stopped."""
    from agent import bootstrap, operations, sync_printing
    from agent.syncing import refresh

    configuration = config.load(path)
    with (
        bootstrap.connect(configuration) as client,
        bootstrap.open_store(configuration) as store,
        sync_printing.SyncBar() as bar,
    ):
        done = refresh(
            configuration,
            client,
            store,
            census_now=census or verify,
            rebuild_history=rebuild_history,
            progress=bar,
        )
        total, proof = store.count(), operations.prove(configuration, store)
    if as_json:
        answer(sync_printing.sync_document(done, total, proof, verify=verify))
    else:
        sync_printing.print_sync(done, total, proof, verify=verify)
    if done.failure or (verify and not proof.is_complete):
        raise typer.Exit(1)


@app.command(
    epilog="Example: goldenpath report --since 90d --out top-3.html\n\n"
    "Example: goldenpath report --rank-by touch --format md"
)
def report(
    top: Annotated[int, typer.Option("--top", min=1, max=50, help="How many request types.")] = 3,
    since: Annotated[
        str | None, typer.Option("--since", help="Only tickets created in the last N days, like 90d.")
    ] = None,
    rank_by: Annotated[
        str, typer.Option("--rank-by", help="Rank by waiting, touch (hands-on time) or count.")
    ] = "waiting",
    form: Annotated[
        str | None, typer.Option("--format", help="text, md, html or json (default: as the file's name says).")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", show_default=False)] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """The request types that cost requesters the most waiting, with evidence and how sure the ranking is."""
    from agent import operations, report_files, report_printing

    if as_json and (out or form not in (None, "json")):
        raise ConfigurationError("--json is --format json on standard output: leave it out beside --out or --format")
    chosen = "json" if as_json else report_files.format_of(form, out)
    ranking = report_files.ranking_of(rank_by)
    period = parse_days(since) if since else None
    if out:
        report_files.check_place(out)
    view = operations.view_queue(
        config.load(path), since=period, count=top, rank_by=ranking, may_train=True, with_details=True
    )
    if out:
        report_files.write(out, report_files.rendered(view, chosen))
        notes.print(f"wrote {out}", markup=False, soft_wrap=True)
    elif chosen == "text":
        report_printing.print_report(view)
    else:
        say(report_files.rendered(view, chosen).removesuffix("\n"))


@app.command(epilog="Example: goldenpath flow --by type --since 90d --plot plots")
def flow(
    by: Annotated[
        str | None, typer.Option("--by", help="Group by type, project, team, priority or week.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only tickets created in the last N days, like 90d.")
    ] = None,
    business: Annotated[
        bool, typer.Option("--business", help="Show business hours of the requesters' calendars.")
    ] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Write plots (PNG and SVG) into this folder.")] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Queue, lead and response times with open tickets counted, trend, work in progress, and what is wrong with the
    data."""
    from agent import flow_printing, flow_view, operations
    from agent.plots import write_plots

    grouping = grouping_of(by)
    with notes.status("measuring"):
        view = operations.view_flow(config.load(path), by=grouping, since=parse_days(since) if since else None)
        files = write_plots(view, plot) if plot else []
    if as_json:
        answer({**flow_view.flow_document(view), "plots": [str(file) for file in files]})
    else:
        flow_printing.print_flow(view, business=business)
        flow_printing.print_plots(files)


@app.command(epilog="Example: goldenpath savings --since 30d --json")
def savings(
    since: Annotated[
        str | None, typer.Option("--since", help="Only tickets fulfilled in the last N days, like 90d.")
    ] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Ops time saved and waiting avoided: two figures, each with its interval and its baseline."""
    from agent import flow_printing, flow_view, operations

    with notes.status("measuring"):
        view = operations.view_savings(config.load(path), since=parse_days(since) if since else None)
    if as_json:
        answer(flow_view.savings_document(view))
    else:
        flow_printing.print_savings(view)


@app.command(epilog="Example: goldenpath once --json")
def once(as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """One cycle: sync, decide about new tickets, fulfil those that may be, answer."""
    from agent import bootstrap, printing
    from agent.cycle import run_cycle

    configuration = config.load(path)
    with bootstrap.open_rooms(configuration) as rooms, notes.status("working") as status:
        done = run_cycle(
            rooms,
            on_sync=lambda p: status.update(f"fetching: {p.done:,} tickets"),
            on_outcome=lambda outcome: status.update(f"{outcome.ticket}: {outcome.result.value}"),
        )
    if as_json:
        answer(printing.cycle_document(done))
    else:
        printing.print_cycle(done)
    if done.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: goldenpath run --every 2")
def run(
    every: Annotated[float | None, typer.Option("--every", min=0.01, help="Minutes between cycles.")] = None,
    path: ConfigOption = None,
) -> None:
    """Work on a schedule until stopped (Ctrl-C or SIGTERM breaks off a sync, and finishes the step under way)."""
    from agent import bootstrap, printing
    from agent.cycle import run_cycle
    from agent.report_schedule import ReportSchedule
    from agent.scheduler import Schedule

    configuration = config.load(path)
    minutes = every or configuration.agent.every_minutes
    with bootstrap.open_rooms(configuration):
        pass  # a wrong configuration is told now, not in every cycle

    tell = printing.CycleLog()

    def is_stopping() -> bool:
        return schedule.is_stopping

    def break_off(_: object) -> None:
        if is_stopping():
            raise Stopped("the sync was stopped; the next one goes on where it was")

    def cycle() -> None:
        try:
            with bootstrap.open_rooms(configuration, is_stopping=is_stopping) as rooms:
                tell(run_cycle(rooms, on_sync=break_off, is_stopping=is_stopping))
        except Stopped as stopped:
            notes.print(str(stopped))

    notes.print(f"working every {minutes:g} minutes; Ctrl-C breaks off a sync, and finishes the step under way")
    reports = ReportSchedule(configuration, clock=lambda: datetime.now(UTC))
    schedule = Schedule(cycle, reports, seconds=minutes * 60)
    schedule.run_until_signal()


@app.command(epilog="Example: goldenpath plan OPS-123")
def plan(
    key: Annotated[str, typer.Argument(help="A ticket's key.")],
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """What would be done with a ticket, and why: a dry run that changes nothing."""
    from agent import bootstrap, operations, printing

    configuration = config.load(path)
    with bootstrap.open_rooms(configuration) as rooms:
        rehearsal = operations.rehearse(rooms, key)
    if as_json:
        answer(printing.rehearsal_document(rehearsal))
    else:
        printing.print_rehearsal(rehearsal)


@app.command(epilog="Example: goldenpath dashboard --port 8501")
def dashboard(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8501,
    path: ConfigOption = None,
) -> None:
    """Show the queue, the top 3 and the fulfilments in a browser, on this machine only."""
    from agent.processes import serve_dashboard

    serve_dashboard(config.load(path), port=port)


@app.command(epilog="Example: goldenpath sandbox --jira-port 8400 --write .")
def sandbox(
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same year of tickets.")] = 7,
    jira_port: Annotated[int, typer.Option("--jira-port", min=0, max=65535)] = 0,
    aws_port: Annotated[int, typer.Option("--aws-port", min=0, max=65535)] = 0,
    state: Annotated[Path | None, typer.Option("--state", help="Keep the Jira's state in this file.")] = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write a goldenpath.toml that points at it into this folder.")
    ] = None,
    data_center: Annotated[
        bool, typer.Option("--data-center", help="Play a Jira Data Center instead of a Jira Cloud.")
    ] = False,
) -> None:
    """A Jira and an AWS on this machine, with a year of tickets; Ctrl-C ends them."""
    from agent.demo import run_sandbox

    run_sandbox(
        seed=seed, jira_port=jira_port, aws_port=aws_port, state=state, write_to=write, is_data_center=data_center
    )


@app.command(epilog="Example: goldenpath demo --no-serve --json")
def demo(
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same year of tickets.")] = 7,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Then serve the dashboard and the Jira page.")
    ] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The dashboard's port; 0 takes a free one.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """The whole job on this machine: a year of tickets, the top 3, fulfilments, the dashboard."""
    from agent.demo import run_demo

    run_demo(seed=seed, serve=serve, port=port, as_json=as_json)


def grouping_of(name: str | None) -> Grouping | None:
    """Raises ConfigurationError naming what is allowed."""
    from analytics.summary import GROUPINGS

    found = next((grouping for grouping in GROUPINGS if grouping == name), None)
    if name is not None and found is None:
        raise ConfigurationError(f"--by {name!r} is no grouping; allowed: {', '.join(GROUPINGS)}")
    return found


def parse_days(text: str) -> timedelta:
    """`90d` or `12w` as a duration. Raises ConfigurationError naming what is allowed."""
    try:
        return duration(text)
    except ValueError as error:
        raise ConfigurationError(f"--since {error}") from None

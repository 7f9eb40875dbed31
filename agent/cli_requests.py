"""The commands about requests: those that there are, letting one go on, taking one over, and what nobody owns."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from agent import config
from agent.errors import ConfigurationError
from agent.said import operator
from agent.terminal import ConfigOption, JsonOption, answer, notes, say

if TYPE_CHECKING:
    from fulfilment.ledger import Ledger
    from fulfilment.request import Request

    class Act(Protocol):
        def __call__(self, ledger: Ledger, name: str, *, by: str, at: datetime) -> Request: ...


requests_app = typer.Typer(
    invoke_without_command=True,
    help="Every request in its state, and what waits for a person.",
    epilog="Example: goldenpath requests --state uncertain && goldenpath requests resume OPS-12",
)
NameArgument = Annotated[str, typer.Argument(help="A ticket's key, or the beginning of a request's id.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so (default: the user of this machine).")]


@requests_app.callback()
def requests(
    context: typer.Context,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state, like uncertain.")] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Every request in its state, newest first, and what waits for a person."""
    if context.invoked_subcommand is not None:
        return
    from agent import bootstrap
    from fulfilment.request import State

    chosen = next((one for one in State if one.value == state), None)
    if state is not None and chosen is None:
        raise ConfigurationError(f"--state {state!r} is none; allowed: {', '.join(one.value for one in State)}")
    with bootstrap.open_ledger(config.load(path), must_exist=True) as ledger:
        found = sorted(ledger.requests(state=chosen), key=lambda one: one.updated_at, reverse=True)
        calls = {call.request_id: call for call in ledger.calls()}
    if as_json:
        answer({"requests": [_document(one, one.id in calls) for one in found]})
        return
    _print(found, frozenset(key for key in calls if key))


def resume(
    context: typer.Context,
    name: NameArgument,
    by: ByOption = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Let a request go on that waits for a person: the next cycle looks first what was done."""
    from agent import request_acts

    _decide(request_acts.resume, name, by, *_chosen(context, as_json, path), "{} goes on in the next cycle")


def abandon(
    context: typer.Context,
    name: NameArgument,
    by: ByOption = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Leave a request to people for good: nothing more is done about it, and what was made stays."""
    from agent import request_acts

    told = "{} is left to people; `goldenpath orphans` says whether something of it is left behind"
    _decide(request_acts.abandon, name, by, *_chosen(context, as_json, path), told)


def _chosen(context: typer.Context, as_json: bool, path: Path | None) -> tuple[bool, Path | None]:
    """The command's own options, else those that stand before it: `goldenpath requests --config FILE resume KEY`."""
    group = context.parent.params if context.parent else {}
    given = group.get("path")
    return as_json or bool(group.get("as_json")), path or (Path(given) if given else None)


def _decide(act: Act, name: str, by: str | None, as_json: bool, path: Path | None, told: str) -> None:
    from agent import bootstrap

    with bootstrap.open_ledger(config.load(path), must_exist=True) as ledger:
        done = act(ledger, name, by=by or operator(), at=datetime.now(UTC))
    if as_json:
        answer(_document(done, False))
    else:
        say(told.format(done.ticket_key))


def orphans(as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """Resources that carry a mark like ours and that no request of the ledger looks after. Changes nothing."""
    from agent import bootstrap, request_acts
    from fulfilment.clients import Workshop

    configuration = config.load(path)
    policy = config.build_policy(configuration)
    with bootstrap.open_ledger(configuration, must_exist=True) as ledger, notes.status("looking"):
        found = request_acts.find_orphans(
            ledger,
            policy,
            bootstrap.build_handlers(policy),
            Workshop(policy.environments),
            bootstrap.own_secret(ledger, configuration),
        )
    if as_json:
        rows = [{**asdict(one.found), **asdict(one), "found": None} for one in found.orphans]
        for row in rows:
            del row["found"], row["mark"]
        answer({"orphans": rows, "looked_at": found.looked_at, "unread": list(found.unread)})
    else:
        for one in found.orphans:
            say(f"{one.found.resource} ({one.environment}, {one.found.region}): {one.why}")
        for place in found.unread:
            say(f"could not be looked at: {place}")
        say(f"{len(found.orphans)} of {found.looked_at} marked resources have no owner")
    if found.orphans or found.unread:
        raise typer.Exit(1)


requests_app.command(epilog="Example: goldenpath requests resume OPS-12")(resume)
requests_app.command(epilog="Example: goldenpath requests abandon 3f2a9c")(abandon)


def _document(request: Request, waits: bool) -> dict[str, Any]:
    from fulfilment.request import MEANINGS

    kept = ("id", "ticket_key", "handler", "generation", "requester", "resource", "reason")
    return {name: getattr(request, name) for name in kept} | {
        "state": request.state.value,
        "meaning": MEANINGS[request.state],
        "waits_for_a_person": waits,
        "created_at": request.created_at.isoformat(),
        "updated_at": request.updated_at.isoformat(),
        "next_check_at": request.next_check_at and request.next_check_at.isoformat(),
        "lifetime_ends_at": request.lifetime_ends_at and request.lifetime_ends_at.isoformat(),
    }


def _print(found: list[Request], called: frozenset[str]) -> None:
    from agent.sync_printing import console
    from agent.types_printing import table_of

    headings = ("ticket", "id", "state", "since (UTC)", "why")
    rows = [
        (
            one.ticket_key,
            one.id[:12],
            one.state.value.replace("_", " ") + (" (waits for a person)" if one.id in called else ""),
            f"{one.updated_at:%Y-%m-%d %H:%M}",
            one.reason[:160],
        )
        for one in found
    ]
    if rows:
        console().print(table_of(headings, rows, left=headings))
    counts = Counter(one.state.value.replace("_", " ") for one in found)
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "no request"
    say(f"{told}; {len(called)} wait for a person")

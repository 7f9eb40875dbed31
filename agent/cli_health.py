"""The commands for a monitor and for who is on call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from agent import config
from agent.terminal import ConfigOption, JsonOption, answer, say


def health(
    max_age: Annotated[
        float | None,
        typer.Option("--max-age", min=0.01, help="Minutes since the last good cycle (default: three cycles)."),
    ] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Exit 0 when the last good cycle is fresh and nothing waits for a person, else 1. Asks no Jira."""
    from agent.health import default_age, document, examine, sentences

    configuration = config.load(path)
    most = default_age(configuration) if max_age is None else timedelta(minutes=max_age)
    found = examine(configuration, max_age=most)
    if as_json:
        answer(document(found, configuration, max_age=most))
    else:
        say(*sentences(found))
    if not found.is_healthy:
        raise typer.Exit(1)


def settle(
    call: Annotated[int, typer.Argument(help="The number that `goldenpath health` gives it.")],
    by: Annotated[str | None, typer.Option("--by", help="Who says so (default: the user of this machine).")] = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Say that a call is dealt with. A request that it is about stays as it is."""
    from agent.health import settle as settle_call
    from agent.said import operator

    author = by or operator()
    settled = settle_call(config.load(path), call, by=author, at=datetime.now(UTC))
    if as_json:
        answer({"settled": settled.id, "by": author})
    else:
        say(f"call {settled.id} is settled: {settled.reason}")

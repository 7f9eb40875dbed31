"""The commands about golden paths: which there are, and stopping them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from agent import config
from agent.terminal import ConfigOption, JsonOption, answer, say

ScopeArgument = Annotated[str, typer.Argument(help="A golden path, like s3-bucket, or all.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so (default: the user of this machine).")]


def handlers(as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """Every golden path, the mode in which it is in force, and what is missing before it may do more."""
    from agent import bootstrap, golden_paths
    from agent.types_printing import print_modes

    configuration = config.load(path)
    with bootstrap.open_ledger(configuration) as ledger:
        found = golden_paths.path_modes(configuration, ledger)
    if as_json:
        rows = [asdict(one) for one in found]
        for row in rows:
            row |= {name: row[name].label for name in ("configured", "given", "predicted")}
        answer({"handlers": rows})
    else:
        print_modes(found)


def stop(
    scope: ScopeArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is shown wherever the path is held.")],
    by: ByOption = None,
    as_json: JsonOption = False,
    path: ConfigOption = None,
) -> None:
    """Hold a golden path, or all: nothing is planned or done any more until `resume`. What is begun is finished."""
    from agent import bootstrap, golden_paths
    from agent.said import operator

    with bootstrap.open_ledger(config.load(path)) as ledger:
        golden_paths.stop(ledger, scope, reason=reason, by=by or operator(), at=datetime.now(UTC))
    if as_json:
        answer({"stopped": scope, "reason": reason})
    else:
        say(f"{scope} is held; `goldenpath resume {scope}` lifts it")


def resume(scope: ScopeArgument, by: ByOption = None, as_json: JsonOption = False, path: ConfigOption = None) -> None:
    """Lift a stop, or a demotion once its reason is gone."""
    from agent import bootstrap, golden_paths
    from agent.said import operator

    with bootstrap.open_ledger(config.load(path)) as ledger:
        golden_paths.resume(ledger, scope, by=by or operator(), at=datetime.now(UTC))
    if as_json:
        answer({"resumed": scope})
    else:
        say(f"{scope} may work again; `goldenpath handlers` says in which mode")

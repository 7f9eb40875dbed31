"""Who logs work: every second engineer, to the minute, on the tickets that they and their like have finished."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sandbox.queueing import Act
from sandbox.workday import BERLIN

MINUTE = 60


def logged_seconds(acts: Sequence[Act]) -> int | None:
    """The touch time of a finished ticket, all of whose engineers log work; None for every other.

    It draws nothing, so that a world is the same whether somebody asks for it or not.
    """
    if not acts or acts[-1].deed != "done":
        return None
    begun: dict[int, datetime] = {}
    touched = 0.0
    for act in acts:
        if act.engineer is None:
            continue
        if (since := begun.pop(act.engineer, None)) is not None:
            touched += BERLIN.seconds(act.at) - BERLIN.seconds(since)
        if act.deed in ("start", "join"):
            begun[act.engineer] = act.at
            if act.engineer % 2:
                return None
    return max(1, round(touched / MINUTE)) * MINUTE

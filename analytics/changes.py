"""The changes of a history as arrays: each file is coded by the thread that has read it, and let go of at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.codes import Coded, Pairs, dictionary


class ChangesRead:
    """Takes the changes of a history batch by batch, on any thread. `ticket_id` and `at` (microseconds since 1970,
    UTC) have a place per change."""

    def __init__(self, rows: int) -> None:
        self.ticket_id = np.empty(rows, dtype=np.int64)
        self.at = np.empty(rows, dtype=np.int64)
        self.pairs = Pairs()
        self._sides: dict[int, list[npt.NDArray[Any]]] = {}
        self._sites: dict[int, Coded] = {}

    def take(self, batch: Any, since: int) -> None:
        """An Arrow batch whose texts are dictionaries, and the place of its first row."""
        rows = slice(since, since + len(batch))
        self.ticket_id[rows] = batch.column("ticket_id").to_numpy()
        self.at[rows] = batch.column("at").to_numpy().view(np.int64)
        texts = {name: dictionary(batch.column(name)) for name in batch.schema.names if name not in ("ticket_id", "at")}
        self._sides[since] = [self.pairs.codes(texts[f"{side}_id"], texts[f"{side}_name"]) for side in ("from", "to")]
        if "site" in texts:
            self._sites[since] = texts["site"]

    def sides(self) -> list[npt.NDArray[Any]]:
        """The codes of the statuses left, and of those entered."""
        pieces = [self._sides[since] for since in sorted(self._sides)]
        empty = np.empty(0, dtype=np.uint8)
        return [np.concatenate([empty, *(piece[side] for piece in pieces)]) for side in (0, 1)]

    def sites(self) -> list[Coded]:
        """Piece by piece, where they were read."""
        return [self._sites[since] for since in sorted(self._sites)]

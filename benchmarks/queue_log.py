"""A made-up ticket queue as a history folder, in the product's own layout: the same one for the same size and seed.

`python -m benchmarks.queue_log --tickets 1000000 --into FOLDER`. A partition at a time, each from a random generator
of its own, so that memory does not grow with the queue. What the desk is like stands in `queue_world`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import queue_world as world
from tickets.history_folder import Files, HistoryFolder, Kind, Listing
from tickets.history_rows import SCHEMAS, SORTED_BY
from tickets.sync_book import Partition

Ints = npt.NDArray[np.int64]
Columns = Mapping[str, Any]

_TEXT: Final = pa.string()
_NAMES: Final = list(world.STATUSES)
_PLACES: Final = list(world.STATUSES.values())
_LEADS: Final = np.cumsum([[place.next.get(name, 0.0) for name in _NAMES] for place in _PLACES], axis=1)
_IS_DONE: Final = np.array([place.clock == "done" for place in _PLACES])
_MEDIAN: Final = np.log([place.hours for place in _PLACES])
_SPREAD: Final = np.array([place.spread for place in _PLACES])
_NOW: Final = int(world.NOW.timestamp() * 1e6)
_HOUR, _MILLISECOND = 3_600_000_000, 1000
_PEOPLE: Final = pa.array(
    [f"5f{number:022x}" for number in range(world.REPORTERS)]  # those who ask, those who answer, and an app
    + [f"70a{number:021x}" for number in range(world.AGENTS)]
    + ["557058:automation"]
)
_APP: Final = world.REPORTERS + world.AGENTS
_KINDS: Final = ("person", "customer", "app")
_SUMMARIES: Final = [f"{kind.replace('-', ' ')} for team {team}" for kind in world.REQUEST_TYPES for team in range(40)]
_FIRST_ID: Final = 10_000


@dataclass(frozen=True, slots=True)
class Moves:
    """Status changes, one ticket's after another's: the ticket's row, when, and the codes of both statuses."""

    row: Ints
    at: Ints
    came_from: Ints
    went_to: Ints

    def where(self, kept: npt.NDArray[np.bool_]) -> Moves:
        return Moves(self.row[kept], self.at[kept], self.came_from[kept], self.went_to[kept])


def write_queue(folder: Path, tickets: int, seed: int = 7) -> Listing:
    """Writes about as many tickets as asked, spread over `PROJECTS` and `MONTHS`, into a folder without a history."""
    home, name = HistoryFolder(folder), f"{seed:016x}"
    files: dict[Partition, Files] = {}
    with home.writing():
        for partition, ids, random in _partitions(tickets, seed):
            rows: dict[Kind, int] = {}
            sizes: dict[Kind, int] = {}
            for kind, table in _tables(partition, ids, random).items():
                order = [pq.SortingColumn(table.schema.get_field_index(column)) for column in SORTED_BY[kind]]
                with home.new_file(partition, kind, name) as handle:
                    pq.write_table(table, handle, compression="zstd", write_page_checksum=True, sorting_columns=order)
                    rows[kind], sizes[kind] = table.num_rows, handle.tell()
            files[partition] = Files(name, rows, sizes)
        listing = Listing(name, files)
        home.publish(listing, files)
    return listing


def _partitions(tickets: int, seed: int) -> Iterator[tuple[Partition, Ints, np.random.Generator]]:
    """Every partition with the ids of its tickets. Ids rise with the months; projects take turns at random."""
    shares = np.array(list(world.PROJECTS.values()))
    growth = np.linspace(1.0, 1.5, world.MONTHS)
    ends = np.round(np.cumsum(growth) / growth.sum() * tickets).astype(np.int64)
    for month, (low, high) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        owners = np.random.default_rng([seed, month]).choice(len(shares), size=high - low, p=shares / shares.sum())
        for number, project in enumerate(world.PROJECTS):
            ids = np.flatnonzero(owners == number) + low + _FIRST_ID
            if len(ids):
                partition = Partition(world.SITE, project, f"{_month(month):%Y-%m}")
                yield partition, ids, np.random.default_rng([seed, month, number])


def _month(number: int) -> datetime:
    year, month = divmod(world.FIRST_MONTH[0] * 12 + world.FIRST_MONTH[1] - 1 + number, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _tables(partition: Partition, ids: Ints, random: np.random.Generator) -> dict[Kind, pa.Table]:
    created = _creations(partition, len(ids), random)
    reporter = (world.REPORTERS * random.random(len(ids)) ** 2).astype(np.int64)  # a few ask for much
    agent = world.REPORTERS + random.integers(0, world.AGENTS, len(ids))
    moves = _moves(created, random)
    comments = _comments(partition, ids, created, reporter, agent, random)
    changes = {
        "site": _same(partition.site, len(moves.row)),
        "ticket_id": ids[moves.row],
        "change_id": pc.cast(pa.array(ids[moves.row] * 100 + _places_in(moves.row)), _TEXT),
        "at": moves.at,
        "author": _PEOPLE.take(np.where(random.random(len(moves.row)) < 0.15, reporter[moves.row], agent[moves.row])),
        "from_id": _texts([place.id for place in _PLACES], moves.came_from),
        "from_name": _texts(_NAMES, moves.came_from),
        "to_id": _texts([place.id for place in _PLACES], moves.went_to),
        "to_name": _texts(_NAMES, moves.went_to),
    }
    columns: Mapping[Kind, Columns] = {
        "tickets": _tickets(partition, ids, created, reporter, agent, moves, random),
        "changes": changes,
        "comments": comments,
    }
    return {kind: _table(columns[kind], schema) for kind, schema in SCHEMAS.items()}


def _creations(partition: Partition, number: int, random: np.random.Generator) -> Ints:
    """In working hours, rising."""
    first = datetime.strptime(f"{partition.month}-01+0000", "%Y-%m-%d%z")
    beyond = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
    days = (beyond - first).days
    by_day = np.array([world.WEEKDAYS[(first.weekday() + day) % 7] for day in range(days)])
    by_hour = np.array(world.HOURS, dtype=np.float64)
    hours = random.choice(days, number, p=by_day / by_day.sum()) * 24
    hours += random.choice(24, number, p=by_hour / by_hour.sum())
    within = random.integers(0, _HOUR // _MILLISECOND, number) * _MILLISECOND
    return np.sort(int(first.timestamp() * 1e6) + hours * _HOUR + within)


def _moves(created: Ints, random: np.random.Generator) -> Moves:
    """A walk through the statuses for every ticket, cut at NOW; some were forgotten on their way."""
    steps: list[tuple[Ints, Ints, Ints]] = []
    row, state = np.arange(len(created)), np.zeros(len(created), dtype=np.int64)
    while len(row):
        went_to = (_LEADS[state] <= random.random((len(row), 1))).sum(axis=1)
        goes_on = went_to < len(_NAMES)
        row, state, went_to = row[goes_on], state[goes_on], went_to[goes_on]
        steps.append((row, state, went_to))
        state = went_to
    rows, came_from, went_to = (np.concatenate(column) for column in zip(*steps, strict=True))
    order = np.argsort(rows, kind="stable")
    rows, came_from, went_to = rows[order], came_from[order], went_to[order]
    hours = np.exp(_MEDIAN[came_from] + _SPREAD[came_from] * random.standard_normal(len(rows)))
    passed = np.cumsum((hours * _HOUR).astype(np.int64) // _MILLISECOND * _MILLISECOND)
    counts = np.bincount(rows, minlength=len(created))
    before = np.concatenate([[0], passed])[np.cumsum(counts) - counts]
    moves = Moves(rows, created[rows] + passed - before[rows], came_from, went_to)
    return moves.where((moves.at < _NOW) & (_places_in(rows) < _forgotten_at(moves, counts, random)[rows]))


def _forgotten_at(moves: Moves, counts: Ints, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """How many changes each ticket made before nobody touched it again: all of them for most."""
    done = np.flatnonzero(_IS_DONE[moves.went_to])
    rows, first = np.unique(moves.row[done], return_index=True)
    unfinished = counts.astype(np.float64)
    unfinished[rows] = _places_in(moves.row)[done[first]]
    kept = np.floor(random.random(len(counts)) * (unfinished + 1))
    return np.where(random.random(len(counts)) < world.FORGOTTEN, kept, np.inf)


def _tickets(
    partition: Partition,
    ids: Ints,
    created: Ints,
    reporter: Ints,
    agent: Ints,
    moves: Moves,
    random: np.random.Generator,
) -> Columns:
    number = len(ids)
    status, touched = np.zeros(number, dtype=np.int64), created.copy()
    status[moves.row], touched[moves.row] = moves.went_to, moves.at  # the last one stays
    resolved = np.full(number, -1)
    ending = _IS_DONE[moves.went_to] & ~_IS_DONE[moves.came_from]
    resolved[moves.row[ending]] = moves.at[ending]
    is_resolved = _IS_DONE[status] & (resolved >= 0)
    is_taken = np.bincount(moves.row, minlength=number) > 0
    request_type = np.minimum(random.geometric(0.12, number) - 1, len(world.REQUEST_TYPES) - 1)
    hand_offs = random.poisson(0.8, number)
    return {
        "site": _same(partition.site, number),
        "ticket_id": ids,
        "key": pc.binary_join_element_wise(partition.project, pc.cast(pa.array(ids), _TEXT), "-"),
        "project": _same(partition.project, number),
        "ticket_type": _drawn(world.TICKET_TYPES, number, random),
        "request_type": _texts(world.REQUEST_TYPES, request_type),
        "summary": _texts(_SUMMARIES, request_type * 40 + random.integers(0, 40, number)),
        "priority": _drawn(world.PRIORITIES, number, random),
        "status_id": _texts([place.id for place in _PLACES], status),
        "status": _texts(_NAMES, status),
        "status_category": _texts([place.category.value for place in _PLACES], status),
        "status_clock": pa.nulls(number, _TEXT),
        "reporter": _PEOPLE.take(reporter),
        "assignee": _PEOPLE.take(pa.array(agent, mask=~is_taken)),
        "created_at": created,
        "updated_at": touched,
        "resolved_at": pa.array(resolved, mask=~is_resolved),
        "has_history": pa.array(np.ones(number, dtype=bool)),
        "creator": _PEOPLE.take(np.where(random.random(number) < 0.1, agent, reporter)),
        "worklog_seconds": pa.array(random.geometric(0.05, number) * 300, mask=random.random(number) < 0.6),
        "hand_offs": hand_offs,
        "bounces": random.binomial(hand_offs, 0.15),
    }


def _comments(
    partition: Partition, ids: Ints, created: Ints, reporter: Ints, agent: Ints, random: np.random.Generator
) -> Columns:
    row = np.repeat(np.arange(len(ids)), random.poisson(world.COMMENTS_EACH, len(ids)))
    at = created[row] + (np.exp(1.2 + 1.6 * random.standard_normal(len(row))) * _HOUR).astype(np.int64)
    order = np.lexsort((at, row))
    order = order[at[order] < _NOW]
    row, at = row[order], at[order] // _MILLISECOND * _MILLISECOND
    by = random.choice(3, len(row), p=(0.55, 0.33, 0.12))
    author = np.where(by == 0, agent[row], np.where(by == 1, reporter[row], _APP))
    is_customer = (by == 1) & (author % 10 < 7)
    return {
        "site": _same(partition.site, len(row)),
        "ticket_id": ids[row],
        "at": at,
        "author": _PEOPLE.take(author),
        "kind": _texts(_KINDS, np.where(by == 2, 2, is_customer)),
        "is_public": random.random(len(row)) < 0.8,
    }


def _table(columns: Columns, schema: Any) -> pa.Table:
    arrays = [pc.cast(pa.array(columns[field.name]), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _same(text: str, number: int) -> pa.Array:
    return pa.repeat(text, number)


def _texts(values: Sequence[str], codes: Ints) -> pa.Array:
    return pa.array(list(values)).take(pa.array(codes))


def _drawn(weights: Mapping[str, float], number: int, random: np.random.Generator) -> pa.Array:
    return _texts(list(weights), random.choice(len(weights), number, p=list(weights.values())))


def _places_in(row: Ints) -> Ints:
    """The place of each change among those of its ticket, from 0."""
    return np.arange(len(row)) - np.searchsorted(row, row)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a made-up ticket queue as a history folder.")
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args()
    listing = write_queue(options.into, options.tickets, options.seed)
    print({kind: listing.rows(kind) for kind in SCHEMAS})


if __name__ == "__main__":
    main()

"""What is measured on a history of tickets, each in a process of its own: prints its figures as one JSON object.

`ours` is the product's whole job: read the history, walk every ticket, and make the tables of tickets, statuses, days,
weeks, ages and types. `statuses` is each ticket's time in each status, which the job tells in sum. `calculation` is its
middle part, of a history that is read already. `pandas` is the same job in plain pandas, `scan` only reads the columns
that ours needs. `page` is what a page of the dashboard does with the data. Imports, the making of the calendar and the
printing are not timed.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from analytics.calendars import BusinessCalendar, office_hours
from benchmarks.queue_world import CALENDAR_FROM, CALENDAR_TO, NOW, STATUSES
from tickets.history import current_files

Figures = dict[str, Any]
CALCULATIONS: Final = 5
# What the weeks, the ages and the flow efficiency are made of, and the job's own figures per ticket.
COLUMNS: Final = (
    *("key", "type", "status", "status_class", "requested_at", "started_at", "finished_at", "is_open", "queue_is_open"),
    *("queue_hours", "lead_hours", "cycle_hours", "first_response_hours", "wip_age_hours", "age_hours", "active_hours"),
    *("business_queue_hours", "business_lead_hours", "business_first_response_hours", "business_wip_age_hours"),
    "business_active_hours",
)


def calendar() -> BusinessCalendar:
    return office_hours(first=CALENDAR_FROM, last=CALENDAR_TO)


def ours(history: Path) -> Figures:
    from analytics.clocks import Clocks
    from analytics.flow import walk
    from analytics.frames import Log
    from analytics.summary import flow_efficiency, grouped
    from analytics.weeks import ageing, weekly

    office = calendar()
    started = time.perf_counter()
    walked = walk(Log.of_history(history), clocks=Clocks(), calendar=office, now=NOW, keep_statuses=False)
    tickets, statuses, cumulative = walked.tickets(COLUMNS), walked.status_totals(), walked.cumulative()
    del walked  # the tables are all that is needed of it
    weeks, ages = weekly(tickets, by="type"), ageing(tickets)
    names, codes = grouped(tickets, "type")
    efficiency = flow_efficiency(tickets, codes, len(names))
    seconds = time.perf_counter() - started
    by_type = dict(zip(names, map(float, efficiency[""]), strict=True))
    return {**_taken(seconds), "figures": _figures(tickets, statuses, cumulative, weeks, ages, by_type)}


def statuses(history: Path) -> Figures:
    """What it takes to tell also each ticket's time in each status, of a log that is walked."""
    from analytics.clocks import Clocks
    from analytics.flow import walk
    from analytics.frames import Log

    log, office = Log.of_history(history), calendar()
    started = time.perf_counter()
    walk(log, clocks=Clocks(), calendar=office, now=NOW, keep_statuses=False)
    without = time.perf_counter() - started
    started = time.perf_counter()
    rows = len(walk(log, clocks=Clocks(), calendar=office, now=NOW).statuses())
    return {**_taken(time.perf_counter() - started - without), "rows": rows}


def calculation(history: Path) -> Figures:
    """Milestones, all durations and the time in each status, in calendar and business hours, of what is read already:
    what other programs are compared with. The median of several in one process: it is so short that the first one
    mostly pays for threads and memory."""
    from analytics.clocks import Clocks
    from analytics.flow import walk
    from analytics.frames import Log

    office, log = calendar(), Log.of_history(history)
    seconds = []
    for _ in range(CALCULATIONS):
        started = time.perf_counter()
        walked = walk(log, clocks=Clocks(), calendar=office, now=NOW)
        tickets, statuses = walked.tickets(), walked.statuses()
        seconds.append(time.perf_counter() - started)
    return {**_taken(median(seconds)), "tickets": len(tickets), "statuses": len(statuses)}


def pandas(history: Path) -> Figures:
    from benchmarks import plain_pandas

    shifts = calendar().shifts()
    class_of = {name: place.clock for name, place in STATUSES.items()}
    started = time.perf_counter()
    done = plain_pandas.measure(lambda kind: current_files(history, kind), class_of, shifts, NOW)
    seconds = time.perf_counter() - started
    return {**_taken(seconds), "figures": plain_pandas.figures(done)}


def scan(history: Path) -> Figures:
    from analytics.frames import SCANNED
    from benchmarks.scan import scan as read

    started = time.perf_counter()
    rows = read(history, SCANNED)
    return {**_taken(time.perf_counter() - started), "rows": rows}


def keep(history: Path) -> Figures:
    """What a sync leaves for the pages."""
    from analytics.clocks import Clocks
    from analytics.flow import measure
    from analytics.frames import Log
    from analytics.kept import keep as keep_table

    table = measure(Log.of_history(history), clocks=Clocks(), calendar=calendar(), now=NOW)
    started = time.perf_counter()
    keep_table(table.assign(is_request=True), history, mark="benchmark", as_of=NOW)
    return _taken(time.perf_counter() - started)


def page(history: Path) -> Figures:
    """The weeks of the overview, twice: the second time as for every page after the first."""
    from analytics.kept import kept

    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        found = kept(history, mark="benchmark")
        if found is None:
            raise RuntimeError("nothing is kept: run the driver `keep` first")
        weeks = found.weeks(requests_only=True)
        seconds.append(time.perf_counter() - started)
    return {**_taken(seconds[-1]), "first_seconds": seconds[0], "weeks": len(weeks)}


def _figures(
    tickets: Any, statuses: Any, cumulative: Any, weeks: Any, ages: Any, efficiency: dict[str, float]
) -> Figures:
    """The figures that `plain_pandas.figures` gives, of the product's tables."""
    totals = statuses.set_index("status")[["visits", "hours", "business_hours"]]
    shown = [f"queue_hours_{quantile}_started_only" for quantile in ("p50", "p85", "p95")]
    told = weeks[weeks[shown[0]].notna()]
    by_week = zip(told["week"], told["group"], told[shown].to_numpy(), strict=True)
    last = cumulative.iloc[-1]
    return {
        "tickets": len(tickets),
        "open": int(tickets["is_open"].sum()),
        "totals": {str(name): list(map(float, row)) for name, row in zip(totals.index, totals.to_numpy(), strict=True)},
        "queue_hours": float(tickets["queue_hours"].sum()),
        "queue_business_hours": float(tickets["business_queue_hours"].sum()),
        "cycle_hours": float(tickets["cycle_hours"].sum()),
        "first_responses": int(tickets["first_response_hours"].count()),
        "first_response_hours": float(tickets["first_response_hours"].sum()),
        "weekly": {f"{week:%Y-%m-%d} {group}": list(map(float, row)) for week, group, row in by_week},
        "cumulative": {name: int(last[name]) for name in ("active", "blocked", "done", "queue", "requester")},
        "wip": len(ages),
        "wip_age_hours": float(ages["wip_age_hours"].sum()),
        "beyond_p85": int(ages["beyond"].isin(["p85", "p95"]).sum()),
        "flow_efficiency": efficiency,
    }


def _taken(seconds: float) -> Figures:
    return {"seconds": seconds, "peak_mb": _peak()}


def _peak() -> float:
    """Megabytes. The system's own count begins with what the parent held when it started this process."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


DRIVERS: Final[Mapping[str, Callable[[Path], Figures]]] = {
    job.__name__: job for job in (ours, statuses, calculation, pandas, scan, keep, page)
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure one job on a history of tickets.")
    parser.add_argument("driver", choices=sorted(DRIVERS))
    parser.add_argument("--history", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(DRIVERS[options.driver](options.history)))


if __name__ == "__main__":
    main()

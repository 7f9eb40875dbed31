"""Times pm4py's case durations and the times between statuses, both in business hours, on events from a file. Runs in
an environment that has that package, and imports nothing of ours: `python process_mining.py events.csv` prints the
seconds of each. Reading and formatting the events is not timed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import warnings

HOUR = 3600
DAY = 24 * HOUR
OFFICE = [(day * DAY + 9 * HOUR, day * DAY + 17 * HOUR) for day in range(5)]


def main():
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):  # the package greets
        import pandas as pd
        import pm4py
    events = pd.read_csv(sys.argv[1])
    events["at"] = pd.to_datetime(events["at"], format="ISO8601", utc=True)
    log = pm4py.format_dataframe(events, case_id="ticket_id", activity_key="status", timestamp_key="at")
    started = time.perf_counter()
    durations = pm4py.get_all_case_durations(log, business_hours=True, business_hour_slots=OFFICE)
    cases = time.perf_counter() - started
    started = time.perf_counter()
    pm4py.discover_performance_dfg(log, business_hours=True, business_hour_slots=OFFICE)
    between = time.perf_counter() - started
    parts = {"case durations": cases, "times between statuses": between}
    print(json.dumps({"parts": parts, "tickets": len(durations)}))


if __name__ == "__main__":
    main()

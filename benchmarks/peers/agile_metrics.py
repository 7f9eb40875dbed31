"""Times jira-agile-metrics' cycle times on tickets from a file. Runs in an environment that has that package, and
imports nothing of ours: `python agile_metrics.py tickets.json` prints the seconds.

The tickets become the jira package's own objects, with their changelogs, behind an object that answers a search as a
connection would. Making them is not timed.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

from jira.resources import Issue
from jira_agile_metrics.calculators.cycletime import CycleTimeCalculator
from jira_agile_metrics.querymanager import QueryManager
from jira_agile_metrics.utils import StatusTypes

SITE = "https://bench.example.org"
TYPE_OF = {"queue": StatusTypes.backlog, "done": StatusTypes.complete}


class Connection:
    """A Jira that has its tickets at hand."""

    def __init__(self, issues):
        self._options = {"server": SITE}
        self._issues = issues

    def fields(self):
        return [{"id": "status", "name": "Status"}, {"id": "flagged", "name": "Flagged"}]

    def search_issues(self, jql, expand, maxResults):
        return self._issues


def issue(ticket):
    histories = [
        {
            "id": str(number),
            "created": at,
            "items": [{"field": "status", "fieldId": "status", "fromString": came_from, "toString": went_to}],
        }
        for number, (at, came_from, went_to) in enumerate(ticket["changes"])
    ]
    fields = {
        "issuetype": {"self": f"{SITE}/rest/api/2/issuetype/1", "name": "Task"},
        "summary": ticket["key"],
        "status": {"self": f"{SITE}/rest/api/2/status/1", "name": ticket["status"]},
        "resolution": None,
        "resolutiondate": ticket["resolved_at"],
        "created": ticket["created_at"],
        "flagged": None,
    }
    return Issue({}, None, {"key": ticket["key"], "fields": fields, "changelog": {"histories": histories}})


def main():
    warnings.simplefilter("ignore")
    told = json.loads(Path(sys.argv[1]).read_text())
    connection = Connection([issue(ticket) for ticket in told["tickets"]])
    manager = QueryManager(connection, {"attributes": {}, "known_values": {}, "max_results": False})
    settings = {
        "cycle": [
            {"name": name, "statuses": [name], "type": TYPE_OF.get(clock, StatusTypes.accepted)}
            for name, clock in told["statuses"].items()
        ],
        "attributes": {},
        "backlog_column": told["first"],
        "done_column": told["last"],
        "queries": [{"jql": "project = BENCH", "value": None}],
        "query_attribute": None,
    }
    started = time.perf_counter()
    table = CycleTimeCalculator(manager, settings, {}).run()
    seconds = time.perf_counter() - started
    parts = {"cycle times": seconds}
    print(json.dumps({"parts": parts, "tickets": len(table), "cycle_times": int(table["cycle_time"].count())}))


if __name__ == "__main__":
    main()

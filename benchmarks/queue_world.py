"""The made-up service desk whose queue is measured: its statuses, how tickets move between them, who works there.

The figures are invented; their shape is that of real desks: most waits are short and some very long, a tenth of the
tickets comes back after it was resolved, people file in their working hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from tickets.ticket import Clock, StatusCategory

SITE: Final = "bench.atlassian.net"
PROJECTS: Final = {"CLOUD": 0.30, "ACCESS": 0.25, "DATA": 0.18, "NET": 0.12, "LAPTOP": 0.09, "RELEASE": 0.06}
FIRST_MONTH: Final = (2023, 7)
MONTHS: Final = 36
NOW: Final = datetime(2026, 7, 1, tzinfo=UTC)
CALENDAR_FROM, CALENDAR_TO = date(2023, 1, 1), date(2026, 12, 31)
PRIORITIES: Final = {"Highest": 0.04, "High": 0.16, "Medium": 0.52, "Low": 0.21, "Lowest": 0.07}
TICKET_TYPES: Final = {"Service Request": 0.70, "Task": 0.15, "Incident": 0.09, "Bug": 0.06}
REQUEST_TYPES: Final = (
    *("s3-bucket", "new-repository", "access-grant", "database", "ci-secret", "vpn-access", "dns-record"),
    *("new-laptop", "licence", "firewall-rule", "mailing-list", "certificate", "restore-backup", "new-account"),
    *("quota-increase", "build-agent", "feature-flag", "log-access", "data-export", "something-else"),
)
REPORTERS: Final = 20_000
AGENTS: Final = 240
# Weight of each hour of the day (UTC) and of each weekday from Monday, as to when tickets are filed.
HOURS: Final = (1, 1, 1, 1, 1, 2, 6, 20, 60, 95, 100, 90, 55, 75, 95, 90, 70, 35, 12, 6, 4, 3, 2, 1)
WEEKDAYS: Final = (1.15, 1.1, 1.05, 1.0, 0.85, 0.06, 0.04)
FORGOTTEN: Final = 0.048  # open since nobody touched them again; with the recent ones 6 % are open
COMMENTS_EACH: Final = 1.2


@dataclass(frozen=True, slots=True)
class Place:
    """A status. `hours` is the median stay, whose logarithm spreads with `spread`; `next` weighs where it leads,
    where the weights end short of 1 the ticket stays for ever."""

    id: str
    category: StatusCategory
    clock: Clock
    hours: float
    spread: float
    next: dict[str, float]


_NEW, _WORK, _DONE = StatusCategory.NEW, StatusCategory.IN_PROGRESS, StatusCategory.DONE
_FROM_OPEN = {"Triage": 0.45, "Waiting for support": 0.2, "In Progress": 0.28, "Resolved": 0.05, "Closed": 0.02}
_FROM_TRIAGE = {"Waiting for support": 0.5, "In Progress": 0.4, "Waiting for approval": 0.06, "Closed": 0.04}
_FROM_SUPPORT = {"In Progress": 0.86, "Waiting for customer": 0.09, "Escalated": 0.05}
_FROM_WORK = {
    "Waiting for customer": 0.215,
    "In Review": 0.17,
    "Testing": 0.12,
    "Blocked": 0.06,
    "On hold": 0.04,
    "Waiting for approval": 0.04,
    "Escalated": 0.04,
    "Resolved": 0.27,
    "Closed": 0.04,
}
_FROM_CUSTOMER = {"In Progress": 0.62, "Waiting for support": 0.2, "Resolved": 0.13, "Closed": 0.05}
STATUSES: Final[dict[str, Place]] = {
    "Open": Place("1", _NEW, "queue", 5.0, 1.4, _FROM_OPEN),
    "Triage": Place("10000", _NEW, "queue", 3.0, 1.2, _FROM_TRIAGE),
    "Waiting for support": Place("10001", _WORK, "queue", 9.0, 1.5, _FROM_SUPPORT),
    "In Progress": Place("3", _WORK, "active", 4.0, 1.3, _FROM_WORK),
    "In Review": Place("10002", _WORK, "active", 3.0, 1.2, {"In Progress": 0.3, "Testing": 0.3, "Resolved": 0.4}),
    "Testing": Place("10003", _WORK, "active", 4.0, 1.1, {"In Progress": 0.25, "Resolved": 0.75}),
    "Escalated": Place("10004", _WORK, "active", 8.0, 1.3, {"In Progress": 0.8, "Resolved": 0.2}),
    "Waiting for customer": Place("10005", _WORK, "requester", 14.0, 1.7, _FROM_CUSTOMER),
    "Waiting for approval": Place("10006", _WORK, "blocked", 20.0, 1.5, {"In Progress": 0.9, "Closed": 0.1}),
    "Blocked": Place("10007", _WORK, "blocked", 30.0, 1.6, {"In Progress": 0.9, "On hold": 0.1}),
    "On hold": Place("10008", _WORK, "blocked", 60.0, 1.5, {"In Progress": 0.85, "Closed": 0.15}),
    "Resolved": Place("5", _DONE, "done", 72.0, 0.6, {"Closed": 0.78, "Reopened": 0.09}),
    "Closed": Place("6", _DONE, "done", 60.0, 1.2, {"Reopened": 0.015}),
    "Reopened": Place("4", _NEW, "queue", 4.0, 1.4, {"In Progress": 0.75, "Waiting for support": 0.25}),
}

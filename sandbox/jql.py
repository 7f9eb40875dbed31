"""A bounded subset of JQL: comparisons joined by AND, and ORDER BY. Anything else is refused as Jira refuses it.

`project`, `statusCategory`, `key`/`id` with =, !=, in, not in; `updated` and `created` against epoch milliseconds, or
against a quoted date, which is read in the account's time zone to the minute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.world import Issue, World

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<op>>=|<=|!=|[=><(),])|(?P<word>[^\s=<>!(),\"']+))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_DATES = ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y/%m/%d")
_MEMBERSHIP = ("=", "!=", "in", "not in")

Test = Callable[[Issue], bool]
Moment = Callable[[Issue], datetime]

MOMENTS: dict[str, Moment] = {"updated": lambda issue: issue.updated, "created": lambda issue: issue.created}
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
CATEGORIES = {
    "to do": "new",
    "new": "new",
    "in progress": "indeterminate",
    "indeterminate": "indeterminate",
    "done": "done",
}


class JqlError(ValueError):
    """The query is not allowed; the message is what Jira answers with 400."""


def _number(issue: Issue) -> tuple[str, int]:
    project, _, number = issue.key.rpartition("-")
    return project, int(number)


_SORTS: dict[str, Callable[[list[Issue], bool], None]] = {
    "updated": lambda issues, down: issues.sort(key=lambda issue: issue.updated, reverse=down),
    "created": lambda issues, down: issues.sort(key=lambda issue: issue.created, reverse=down),
    "id": lambda issues, down: issues.sort(key=lambda issue: issue.id, reverse=down),
    "key": lambda issues, down: issues.sort(key=_number, reverse=down),
    "issuekey": lambda issues, down: issues.sort(key=_number, reverse=down),
}


@dataclass(frozen=True)
class Query:
    """All `tests` must hold; `order` names fields, the most important first, each with whether it descends."""

    tests: tuple[Test, ...]
    order: tuple[tuple[str, bool], ...]

    def select(self, issues: Iterable[Issue]) -> list[Issue]:
        found = [issue for issue in issues if all(test(issue) for test in self.tests)]
        for name, descending in reversed(self.order):
            _SORTS[name](found, descending)
        return found


@dataclass(frozen=True)
class Asker:
    """What the meaning of a query depends on: the account's time zone, and the projects that it cannot see."""

    zone: str = "Etc/UTC"
    hidden_projects: Collection[str] = ()


def parse(text: str, world: World, asker: Asker = Asker()) -> Query:
    """Raises JqlError for a query that is unbounded, malformed, or beyond the subset."""
    tokens = _tokens(text)
    tests: list[Test] = []
    at = 0
    while at < len(tokens) and tokens[at].lower() != "order":
        if tests:
            if tokens[at].lower() != "and":
                raise JqlError(f"Error in the JQL Query: expected AND but got '{tokens[at]}'.")
            at += 1
        test, at = _clause(tokens, at, world, asker)
        tests.append(test)
    order = _order(tokens[at:])
    if not tests:
        raise JqlError("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    return Query(tuple(tests), order)


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    text, at = text.rstrip(), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise JqlError(f"Error in the JQL Query: the character at {at + 1} is not expected.")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


def _clause(tokens: list[str], at: int, world: World, asker: Asker) -> tuple[Test, int]:
    named, at = _next(tokens, at)
    operator, at = _next(tokens, at)
    operator = operator.lower()
    if operator == "not":
        word, at = _next(tokens, at)
        operator = f"not {word.lower()}"
    values, at = _values(tokens, at) if operator.endswith("in") else _value(tokens, at)
    name = named.lower()
    if name in MOMENTS:
        return _time(name, operator, values[0], asker.zone), at
    if operator not in _MEMBERSHIP:
        raise JqlError(f"The operator '{operator}' is not supported by the '{named}' field.")
    test = _membership(name, values, world, asker)
    if test is None:
        raise JqlError(f"Field '{named}' does not exist or you do not have permission to view it.")
    return (lambda issue: not test(issue)) if operator in ("!=", "not in") else test, at


def _membership(name: str, values: list[str], world: World, asker: Asker) -> Test | None:
    if name == "project":
        seen = [project for project in world.projects.values() if project.key not in asker.hidden_projects]
        known = {word: project.key for project in seen for word in (project.key, project.name, project.id)}
        keys = {_known(known, value, "project") for value in values}
        return lambda issue: issue.project in keys
    if name == "statuscategory":
        wanted = {_known(CATEGORIES, value.lower(), "statusCategory") for value in values}
        return lambda issue: world.statuses[issue.status].category in wanted
    if name in ("key", "id", "issue", "issuekey"):
        chosen = {value.upper() for value in values}
        chosen |= {str(world.former_keys[key]) for key in chosen & world.former_keys.keys()}
        return lambda issue: issue.key in chosen or str(issue.id) in chosen
    return None


def _known(known: dict[str, str], value: str, name: str) -> str:
    if value not in known:
        raise JqlError(f"The value '{value}' does not exist for the field '{name}'.")
    return known[value]


def _next(tokens: list[str], at: int) -> tuple[str, int]:
    if at >= len(tokens):
        raise JqlError("Error in the JQL Query: it ends in the middle of a clause.")
    return tokens[at], at + 1


def _value(tokens: list[str], at: int) -> tuple[list[str], int]:
    token, at = _next(tokens, at)
    if token in ("(", ")", ",", *COMPARISONS):
        raise JqlError(f"Error in the JQL Query: expected a value but got '{token}'.")
    return [_bare(token)], at


def _values(tokens: list[str], at: int) -> tuple[list[str], int]:
    opening, at = _next(tokens, at)
    if opening != "(":
        raise JqlError("Error in the JQL Query: expected '(' after IN.")
    values: list[str] = []
    while True:
        value, at = _value(tokens, at)
        values += value
        separator, at = _next(tokens, at)
        if separator == ")":
            return values, at
        if separator != ",":
            raise JqlError(f"Error in the JQL Query: expected ',' or ')' but got '{separator}'.")


def _time(name: str, operator: str, value: str, zone: str) -> Test:
    compare, moment = COMPARISONS.get(operator), MOMENTS[name]
    if compare is None:
        raise JqlError(f"The operator '{operator}' is not supported by the '{name}' field.")
    bound = int(value) if _MILLISECONDS.fullmatch(value) else _date(name, value, zone)
    return lambda issue: compare((moment(issue) - _EPOCH) // timedelta(milliseconds=1), bound)


def _date(name: str, value: str, zone: str) -> int:
    """Epoch milliseconds of a date on the account's own clock."""
    for form in _DATES:
        try:
            at = datetime.strptime(value, form).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            continue
        return (at.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    raise JqlError(
        f"Date value '{value}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )


def _order(tokens: list[str]) -> tuple[tuple[str, bool], ...]:
    if not tokens:
        return (("created", True),)
    if len(tokens) < 3 or tokens[1].lower() != "by":
        raise JqlError("Error in the JQL Query: expected BY and a field after ORDER.")
    order: list[tuple[str, bool]] = []
    for part in " ".join(tokens[2:]).split(" , "):
        name, _, direction = part.lower().partition(" ")
        if name not in _SORTS:
            raise JqlError(f"Not able to sort using field '{part}'.")
        if direction not in ("", "asc", "desc"):
            raise JqlError(f"Error in the JQL Query: expected ASC or DESC but got '{direction}'.")
        order.append((name, direction == "desc"))
    return tuple(order)


def _bare(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[:1] in ('"', "'") else token

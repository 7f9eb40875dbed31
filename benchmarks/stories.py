"""What happened to a ticket, made up: words, people, and a history that fits the ticket's present state.

Instants are written as names (`@t3@`) that a rendered ticket fills in; `Story.moments` says how long after the
creation each of them lies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

Json = dict[str, Any]
SITE = "https://bench.atlassian.net"
PROJECT = "OPS"
REQUEST_TYPE = "customfield_10010"
HOUR = 3_600_000  # milliseconds

PEOPLE = [
    f"{given} {family}"
    for given in ("Ada", "Björn", "Chiara", "Dmitri", "Elif", "Fatou", "Gwen", "Hiro")
    for family in ("Okafor", "Lindqvist", "Marchetti", "Sørensen", "Tanaka", "Novák")
]
STATUSES = {
    "Open": ("1", "new", 2, "blue-gray", "To Do"),
    "In Progress": ("3", "indeterminate", 4, "yellow", "In Progress"),
    "Waiting for customer": ("10021", "indeterminate", 4, "yellow", "In Progress"),
    "Done": ("10002", "done", 3, "green", "Done"),
}
PRIORITIES = ("Highest", "High", "Medium", "Low")
TYPES = ("Service Request", "Task", "Bug", "Incident")
REQUESTS = ("S3 bucket", "New repository", "Access grant", "Database", "CI secret", "VPN access", "DNS record")
TEAMS = ("payments", "checkout", "search", "mobile", "data-platform", "identity", "billing", "risk")
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1")
SENTENCES = (
    "We need this before the release of next week, otherwise the {team} team cannot finish its tests.",
    "The current set-up was made by hand two years ago and nobody is sure what still depends on it.",
    "Please use the same settings as for staging, but with versioning on and logs kept for ninety days.",
    "I tried it myself – the console says that my role lacks the permission, see the screenshot.",
    "It happens about twice a day since Monday; restarting the pods helps for an hour or so.",
    "Access should go to the group {team}-developers and not to single accounts.",
    "The data are internal, nothing personal in it; retention is fixed by finance at seven years.",
    "Region is {region}, environment production, and the owner is the {team} team.",
    "Could somebody have a look? The pipeline has been red since the key was rotated.",
    "As agreed with the architects, the name should follow the convention of the wiki page.",
    "There is no hurry, but it blocks the migration which we have planned for the end of the quarter.",
    "If you need an approval, Elif can give it; she knows about the costs.",
)
REPLIES = (
    "Thanks, I have started with it and will come back to you tomorrow.",
    "Done: please check whether you can reach it now and close the ticket if so.",
    "Which account should pay for this? The tag for the cost centre is missing.",
    "It works for me now, thank you very much!",
    "We are waiting for the network team, they have to open the port first.",
)


@dataclass
class Story:
    """A ticket's fields and history as Jira's JSON. `moments` are milliseconds after its creation; the last one is
    when it was last updated."""

    fields: Json
    histories: list[Json]
    moments: list[int]


@dataclass
class _Teller:
    random: Random
    moments: list[int] = field(default_factory=lambda: [0])

    def later(self, most: float = 40.0) -> str:
        """The name of an instant up to so many hours after the one before."""
        self.moments.append(self.moments[-1] + int(self.random.uniform(0.1, most) * HOUR))
        return f"@t{len(self.moments) - 1}@"

    def words(self, sentence: str) -> str:
        return sentence.format(team=self.random.choice(TEAMS), region=self.random.choice(REGIONS))


def tell(seed: int) -> Story:
    """The same story for the same seed."""
    random = Random(seed)  # noqa: S311 - made-up tickets
    teller = _Teller(random)
    people = [person(name) for name in random.sample(PEOPLE, 3)]
    histories, now, resolved = _histories(teller, people)
    comments = [_comment(teller, number, people[number % 3]) for number in range(random.choice((1, 1, 1, 2)))]
    return Story(_fields(teller, people, now, resolved, comments), histories, teller.moments)


def person(name: str) -> Json:
    number = PEOPLE.index(name)
    identity = f"5f{number:02}c1d2e3a4b5006f{number * 7919:07x}"
    return {
        "self": f"{SITE}/rest/api/3/user?accountId={identity}",
        "accountId": identity,
        "displayName": name,
        "active": True,
        "accountType": "atlassian",
    }


def status(name: str) -> Json:
    identity, category, number, colour, shown = STATUSES[name]
    return {
        "self": f"{SITE}/rest/api/3/status/{identity}",
        "description": "",
        "name": name,
        "id": identity,
        "statusCategory": {
            "self": f"{SITE}/rest/api/3/statuscategory/{number}",
            "id": number,
            "key": category,
            "colorName": colour,
            "name": shown,
        },
    }


def _fields(teller: _Teller, people: list[Json], now: str, resolved: str | None, comments: list[Json]) -> Json:
    random = teller.random
    request, team = random.choice(REQUESTS), random.choice(TEAMS)
    links = {"web": f"{SITE}/servicedesk/customer/portal/4/@key@"}
    return {
        "summary": f"{request} for {team}-@n@@edit@",
        "description": _document(*(teller.words(line) for line in random.sample(SENTENCES, random.randint(1, 4)))),
        "status": status(now),
        "priority": {"self": f"{SITE}/rest/api/3/priority/3", "name": random.choice(PRIORITIES), "id": "3"},
        "issuetype": {
            "self": f"{SITE}/rest/api/3/issuetype/10004",
            "id": "10004",
            "description": "",
            "name": random.choice(TYPES),
            "subtask": False,
            "hierarchyLevel": 0,
        },
        "project": project(),
        "reporter": people[0],
        "creator": people[0],
        "assignee": people[1] if now != "Open" else None,
        "labels": random.sample(TEAMS, random.randint(0, 2)),
        "components": [],
        "created": "@t0@",
        "updated": "@updated@",
        "resolutiondate": resolved,
        "resolution": None if resolved is None else {"id": "10000", "description": "", "name": "Done"},
        REQUEST_TYPE: {"_links": links, "requestType": {"id": "25", "name": request}},
        "customfield_10041": f"{team}-data-@n@",
        "customfield_10042": {"value": random.choice(REGIONS), "id": "10101"},
        "customfield_10043": None,
        "customfield_10044": None,
        "comment": {"comments": comments, "maxResults": len(comments), "total": len(comments), "startAt": 0},
    }


def project() -> Json:
    return {
        "self": f"{SITE}/rest/api/3/project/10001",
        "id": "10001",
        "key": PROJECT,
        "name": "Operations",
        "projectTypeKey": "service_desk",
        "simplified": False,
    }


def fields() -> list[Json]:
    """What `GET /field` says about the custom fields."""
    text = "com.atlassian.jira.plugin.system.customfieldtypes:"
    known = {
        REQUEST_TYPE: ("Request Type", "sd-customerrequesttype", "com.atlassian.servicedesk:vp-origin"),
        "customfield_10041": ("Name of the resource", "string", f"{text}textfield"),
        "customfield_10042": ("AWS region", "option", f"{text}select"),
        "customfield_10043": ("Due", "date", f"{text}datepicker"),
        "customfield_10044": ("Cost centre", "string", f"{text}textfield"),
    }
    return [
        {"id": identity, "key": identity, "name": name, "custom": True, "schema": {"type": kind, "custom": custom}}
        for identity, (name, kind, custom) in known.items()
    ]


def _comment(teller: _Teller, number: int, author: Json) -> Json:
    at = teller.later()
    return {
        "self": f"{SITE}/rest/api/3/issue/@id@/comment/@id@{number}",
        "id": f"@id@{number}",
        "author": author,
        "body": _document(f"{teller.random.choice(REPLIES)} (@key@)"),
        "updateAuthor": author,
        "created": at,
        "updated": at,
        "jsdPublic": teller.random.random() < 0.7,
    }


def _document(*paragraphs: str) -> Json:
    blocks = [{"type": "paragraph", "content": [{"type": "text", "text": words}]} for words in paragraphs]
    blocks[0]["content"] += [{"type": "hardBreak"}, {"type": "text", "text": "@key@", "marks": [{"type": "strong"}]}]
    return {"type": "doc", "version": 1, "content": blocks}


def _histories(teller: _Teller, people: list[Json]) -> tuple[list[Json], str, str | None]:
    """Three to seven entries that follow each other, the status after the last, and when it was resolved."""
    random = teller.random
    route = ["Open", "In Progress", *(["Waiting for customer", "In Progress"] * random.randint(0, 2)), "Done"]
    moves = list(pairwise(route))[: random.randint(0, 5)]
    steps = [_assignment(people[1])] + [_move(*move) for move in moves]
    steps += [_edit(random) for _ in range(max(random.randint(0, 1), 3 - len(steps)))]
    histories = [
        {"id": f"@id@{number}", "author": people[1 + number % 2], "created": teller.later(), "items": items}
        for number, items in enumerate(steps)
    ]
    now = moves[-1][1] if moves else "Open"
    resolved = histories[len(moves)]["created"] if now == "Done" else None
    return histories, now, resolved


def _item(name: str, before: tuple[str | None, str | None], after: tuple[str | None, str | None]) -> Json:
    return {
        "field": name,
        "fieldtype": "jira",
        "fieldId": name.casefold(),
        "from": before[0],
        "fromString": before[1],
        "to": after[0],
        "toString": after[1],
    }


def _assignment(who: Json) -> list[Json]:
    return [_item("assignee", (None, None), (who["accountId"], who["displayName"]))]


def _move(before: str, after: str) -> list[Json]:
    items = [_item("status", (STATUSES[before][0], before), (STATUSES[after][0], after))]
    if after == "Done":
        items.append(_item("resolution", (None, None), ("10000", "Done")))
    return items


def _edit(random: Random) -> list[Json]:
    before, after = random.sample(PRIORITIES, 2)
    return [_item("priority", ("3", before), ("2", after))]

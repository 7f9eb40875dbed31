"""What a status means: who is asked first, and what boards in several languages mean by their names."""

from __future__ import annotations

import pytest

from analytics.clocks import Clocks, Meaning, Rules, folded, proposed, suggested
from tests.unit.drawn import rows
from tickets.ticket import Clock, Status, StatusCategory

NEW, WORK, DONE, UNDEFINED = StatusCategory
SITE = (
    Status("1", "Open", NEW),
    Status("3", "In Progress", WORK),
    Status("4", "Waiting for customer", WORK),
    Status("5", "Done", DONE),
)


def told(clocks: Clocks, name: str, status_id: str = "99", project: str = "OPS") -> tuple[str, str]:
    meaning = clocks.meaning(project, status_id, name)
    return meaning.clock, meaning.source


# Who is asked


def test_each_word_beats_the_ones_behind_it() -> None:
    imported = Status("7", "Parked", NEW, "requester")
    category = Status("7", "Parked", NEW)
    everywhere, in_ops = Rules(statuses={"Parked": "active"}), {"OPS": Rules(statuses={"parked": "blocked"})}
    assert told(Clocks([imported], rules=everywhere, projects=in_ops), "Parked") == ("blocked", "configured")
    assert told(Clocks([imported], rules=everywhere, projects=in_ops), "Parked", project="DEV") == (
        "active",
        "configured",
    )
    assert told(Clocks([imported]), "Parked") == ("requester", "imported")
    assert told(Clocks([category]), "Parked") == ("queue", "category")
    assert told(Clocks(), "On hold") == ("blocked", "words")
    assert told(Clocks(), "Parked") == ("unknown", "nobody")


def test_words_refine_a_category_but_do_not_overrule_it() -> None:
    site = Clocks([Status("4", "Waiting for customer", WORK), Status("8", "In review", DONE), Status("9", "Done", NEW)])
    assert told(site, "Waiting for customer") == ("requester", "category")
    assert told(site, "In review") == ("done", "category")
    assert told(site, "Done") == ("queue", "category")  # the site's own word, whatever it usually means


def test_case_and_blanks_of_a_name_do_not_count() -> None:
    configured = Clocks(SITE, rules=Rules(statuses={" in_Progress ": "blocked"}))
    assert told(configured, "IN  PROGRESS") == ("blocked", "configured")
    assert told(Clocks(SITE), "  in progress") == ("active", "category")
    assert folded(" Straße_Offen ") == folded("STRASSE  offen")


def test_a_renamed_status_is_what_its_id_is_today() -> None:
    assert Clocks(SITE).meaning("OPS", "3", "In Entwicklung") == Meaning("In Progress", "active", "category")


@pytest.mark.parametrize("name", ["In Progress", "In Entwicklung"])
def test_the_configuration_may_name_a_renamed_status_by_either_name(name: str) -> None:
    clocks = Clocks(SITE, rules=Rules(statuses={name: "blocked"}))
    assert clocks.meaning("OPS", "3", "In Entwicklung") == Meaning("In Progress", "blocked", "configured")


def test_todays_name_is_asked_before_the_old_one() -> None:
    clocks = Clocks(SITE, rules=Rules(statuses={"In Entwicklung": "queue", "In Progress": "blocked"}))
    assert told(clocks, "In Entwicklung", "3") == ("blocked", "configured")


def test_a_deleted_status_has_its_words_alone() -> None:
    clocks = Clocks(SITE)
    assert clocks.meaning("OPS", "10042", "Pending vendor") == Meaning("Pending vendor", "blocked", "words")
    assert clocks.meaning("OPS", "10043", "Xyzzy") == Meaning("Xyzzy", "unknown", "nobody")


def test_a_name_is_asked_before_an_id() -> None:
    # Two sites count their statuses alone: the id 3 of the other one is something else.
    clocks = Clocks([*SITE, Status("3", "Closed", DONE)])
    assert told(clocks, "Closed", "3") == ("done", "category")
    assert told(clocks, "Done", "3") == ("done", "category")
    assert told(clocks, "In Progress", "3") == ("active", "category")


def test_an_id_that_sites_use_for_different_things_says_nothing() -> None:
    clocks = Clocks([*SITE, Status("3", "Closed", DONE)])
    assert told(clocks, "Formerly", "3") == ("unknown", "nobody")
    assert told(Clocks([*SITE, Status("3", "Closed", DONE), Status("3", "Finished", DONE)]), "Formerly", "3") == (
        "done",
        "category",
    )


def test_most_entries_win_and_a_tie_says_nothing() -> None:
    one, other = Status("6", "Ready", NEW), Status("6", "Ready", DONE)
    assert told(Clocks([one, other, other]), "Ready", "6") == ("done", "category")
    assert told(Clocks([one, other]), "Ready", "6") == ("unknown", "nobody")
    elsewhere = Status("7", "Ready", DONE)  # settles it for the name
    assert told(Clocks([one, other, elsewhere]), "Ready", "6") == ("done", "category")


def test_who_says_nothing_has_no_vote() -> None:
    silent = Status("6", "Ready", UNDEFINED)
    assert told(Clocks([silent, silent, Status("6", "Ready", DONE)]), "Ready", "6") == ("done", "category")
    assert told(Clocks([Status("", "", NEW)]), "Ready", "") == ("unknown", "nobody")
    imported = Status("6", "Ready", UNDEFINED, "active")
    assert told(Clocks([imported]), "Ready", "6") == ("active", "imported")


# Starts and finishes


def test_starts_and_finishes_by_class() -> None:
    clocks = Clocks(SITE)
    starts = {name: clocks.starts("OPS", clocks.meaning("OPS", "", name)) for name in names()}
    assert starts == {"Open": False, "In Progress": True, "Waiting for customer": True, "Done": False, "Xyzzy": False}
    finishes = [name for name in names() if clocks.finishes("OPS", clocks.meaning("OPS", "", name))]
    assert finishes == ["Done"]


def test_starts_and_finishes_by_name() -> None:
    mixed = Rules(start=("active", "xyzzy "), finish=("waiting  FOR customer",))
    clocks = Clocks(SITE, projects={"OPS": mixed})
    in_ops = [name for name in names() if clocks.starts("OPS", clocks.meaning("OPS", "", name))]
    assert in_ops == ["In Progress", "Xyzzy"]
    assert [name for name in names() if clocks.finishes("OPS", clocks.meaning("OPS", "", name))] == [
        "Waiting for customer"
    ]
    assert [name for name in names() if clocks.finishes("DEV", clocks.meaning("DEV", "", name))] == ["Done"]


def test_a_name_in_the_rules_is_todays() -> None:
    clocks = Clocks(SITE, rules=Rules(start=("In Progress",)))
    assert clocks.starts("OPS", clocks.meaning("OPS", "3", "In Entwicklung"))


def test_a_class_is_written_in_small_letters() -> None:
    # `Done` is the status of that name, `done` the class: boards have both.
    clocks = Clocks([*SITE, Status("6", "Closed", DONE)], rules=Rules(finish=("Done",)))
    assert clocks.finishes("OPS", clocks.meaning("OPS", "5", "Done"))
    assert not clocks.finishes("OPS", clocks.meaning("OPS", "6", "Closed"))


def names() -> list[str]:
    return [*(status.name for status in SITE), "Xyzzy"]


# The rules in words


def test_sentences_say_the_rules_of_each_project() -> None:
    clocks = Clocks(rules=Rules(finish=("Shipped",)), projects={"WEB": Rules(), "DEV": Rules(start=("active",))})
    assert clocks.sentences() == [
        "a ticket starts at its first entry to a status of: active, requester, blocked; "
        "it finishes at its last entry to: 'Shipped'",
        "in DEV, a ticket starts at its first entry to a status of: active; it finishes at its last entry to: done",
        "in WEB, a ticket starts at its first entry to a status of: active, requester, blocked; "
        "it finishes at its last entry to: done",
    ]


def test_named_are_the_statuses_of_all_rules_as_spelled() -> None:
    everywhere = Rules(start=("active", "Being built"), finish=("done",), statuses={"On Ice": "blocked"})
    clocks = Clocks(rules=everywhere, projects={"WEB": Rules(finish=("Live", "Being built"))})
    assert clocks.named() == ["Being built", "On Ice", "Live"]
    assert Clocks().named() == []


# The words of boards

# The name | what it suggests alone | where the site says new | in progress; `-` is nothing. Done stays done.
NAMES = """
| To Do                          | queue     | queue     | active    |
| Open                           | queue     | queue     | active    |
| Backlog                        | queue     | queue     | active    |
| Reopened                       | queue     | queue     | active    |
| Assigned                       | queue     | queue     | active    |
| Selected for Development       | queue     | queue     | active    |
| In Queue                       | queue     | queue     | active    |
| Waiting for support            | queue     | queue     | queue     |
| Awaiting_Support               | queue     | queue     | queue     |
| Awaiting triage                | queue     | queue     | queue     |
| To triage                      | queue     | queue     | queue     |
| Waiting for Agent              | queue     | queue     | queue     |
| In Progress                    | active    | queue     | active    |
| WORK IN PROGRESS               | active    | queue     | active    |
| Code-Review                    | active    | queue     | active    |
| Under investigation            | active    | queue     | active    |
| Escalated                      | active    | queue     | active    |
| Active                         | active    | queue     | active    |
| Waiting for customer           | requester | requester | requester |
| Awaiting User Info             | requester | requester | requester |
| Pending requester              | requester | requester | requester |
| Waiting for info from reporter | requester | requester | requester |
| On hold - customer             | requester | requester | requester |
| Waiting for approval           | blocked   | queue     | blocked   |
| Pending Vendor                 | blocked   | queue     | blocked   |
| Awaiting Evidence              | blocked   | queue     | blocked   |
| On Hold                        | blocked   | queue     | blocked   |
| Blocked                        | blocked   | queue     | blocked   |
| Suspended                      | blocked   | queue     | blocked   |
| Closed                         | done      | queue     | active    |
| Resolved                       | done      | queue     | active    |
| Won't Do                       | done      | queue     | active    |
| Cancelled                      | done      | queue     | active    |
| Fulfilled                      | done      | queue     | active    |
| Offen                          | queue     | queue     | active    |
| In Bearbeitung                 | active    | queue     | active    |
| Wartet auf Kunde               | requester | requester | requester |
| Rückfrage                      | requester | requester | requester |
| Blockiert                      | blocked   | queue     | blocked   |
| Erledigt                       | done      | queue     | active    |
| À faire                        | queue     | queue     | active    |
| En cours                       | active    | queue     | active    |
| En attente                     | blocked   | queue     | blocked   |
| En attente du client           | requester | requester | requester |
| Terminé                        | done      | queue     | active    |
| Por hacer                      | queue     | queue     | active    |
| En curso                       | active    | queue     | active    |
| Esperando al cliente           | requester | requester | requester |
| Bloqueado                      | blocked   | queue     | blocked   |
| Resuelto                       | done      | queue     | active    |
| Em andamento                   | active    | queue     | active    |
| Aguardando cliente             | requester | requester | requester |
| Concluído                      | done      | queue     | active    |
| Открыт                         | queue     | queue     | active    |
| В работе                       | active    | queue     | active    |
| Ожидает ответа клиента         | requester | requester | requester |
| Отложено                       | blocked   | queue     | blocked   |
| Решён                          | done      | queue     | active    |
| 待办                           | queue     | queue     | active    |
| 进行中                         | active    | queue     | active    |
| 等待客户                       | requester | requester | requester |
| 挂起                           | blocked   | queue     | blocked   |
| 已完成                         | done      | queue     | active    |
| 未着手                         | queue     | queue     | active    |
| 対応中                         | active    | queue     | active    |
| 顧客待ち                       | requester | requester | requester |
| 完了                           | done      | queue     | active    |
| 대기                           | queue     | queue     | active    |
| 진행 중                        | active    | queue     | active    |
| 고객 응답 대기                 | requester | requester | requester |
| 보류                           | blocked   | queue     | blocked   |
| 완료                           | done      | queue     | active    |
| Deployed                       | done      | queue     | active    |
| Unresolved                     | -         | queue     | active    |
| Incomplete                     | -         | queue     | active    |
| Xyzzy                          | -         | queue     | active    |
| -100                           | -         | queue     | active    |
"""


@pytest.mark.parametrize(("name", "alone", "new", "work"), [pytest.param(*row, id=row[0]) for row in rows(NAMES)])
def test_names_of_real_boards(name: str, alone: Clock, new: Clock, work: Clock) -> None:
    assert (suggested(name) or "-") == alone
    assert proposed(NEW, name) == new
    assert proposed(WORK, name) == work
    assert proposed(DONE, name) == "done"
    assert told(Clocks(), name) == (("unknown", "nobody") if alone == "-" else (alone, "words"))

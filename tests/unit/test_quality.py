"""What is wrong with the data, found on drawn stories: how many, which, and what the figure is without them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from analytics.clocks import Rules
from analytics.quality import BULK, Finding, Quality, quality
from tests.unit.drawn import drawn_tickets, moment, status, ticket
from tests.unit.flowing import walk_of
from tickets.ticket import Person, StatusChange, Ticket

ADA = Person("ada", "Ada")
SOUND = """
| 5 09:00 | s3 | - | Open, 5 11:00 Working, 5 16:00 Fixed |
| 6 09:00 | s3 | - | Open, 6 13:00 Working, 7 16:00 Fixed |
| 7 09:00 | s3 | - | Open, 7 15:00 Working                |
"""


def known(tickets: list[Ticket]) -> list[Ticket]:
    return [replace(one, reporter=ADA) for one in tickets]


def quality_of(tickets: list[Ticket], **told: object) -> Quality:
    walked = walk_of(tickets, **told)  # type: ignore[arg-type]
    return quality(walked, walked.tickets())


def found(*odd: Ticket) -> dict[str, Finding]:
    """What is found among the sound tickets and these, which get the numbers from 4 on."""
    numbered = [replace(one, id=n, key=f"OPS-{n}") for n, one in enumerate(odd, start=4)]
    findings = quality_of(known([*drawn_tickets(SOUND), *numbered])).findings
    return {finding.name: finding for finding in findings}


def drawn(*stories: str, created: str = "5 09:00") -> list[Ticket]:
    return drawn_tickets("\n".join(f"| {created} | s3 | - | {story} |" for story in stories))


def move(at: str, old: str, new: str) -> StatusChange:
    return StatusChange(at, moment(at), None, status(old).id, old, status(new).id, new)


def test_sound_tickets_give_no_finding() -> None:
    assert quality_of(known(drawn_tickets(SOUND))) == Quality(3, (), (), ())


ODD = {
    "without_history": ticket(1, request_type="s3", changes=None),
    "finished_without_start": drawn("Open, 6 10:00 Fixed")[0],
    "finish_unknown": ticket(1, request_type="s3", present="Fixed", changes=None),
    "broken_history": ticket(
        1,
        request_type="s3",
        present="Fixed",
        changes=(move("5 10:00", "Open", "Working"), move("5 12:00", "Review", "Fixed")),
    ),
    "torn_history": ticket(1, request_type="s3", present="Review", changes=(move("5 10:00", "Open", "Working"),)),
    "before_creation": drawn("Open, 4 10:00 Working")[0],
    "in_the_future": drawn("Open, 20 10:00 Working")[0],
    "repeated_changes": ticket(
        1,
        request_type="s3",
        present="Working",
        changes=(move("5 10:00", "Open", "Working"), move("5 10:00", "Open", "Working")),
    ),
    "parked": drawn("Open, 5 10:00 On hold, 6 10:00 Working")[0],
    "without_type": replace(drawn("Open, 5 10:00 Working")[0], request_type=None),
}
BESIDE = {"finish_unknown": {"without_history"}, "repeated_changes": {"broken_history"}}


@pytest.mark.parametrize("name", ODD)
def test_each_finding_is_counted_and_shown(name: str) -> None:
    findings = found(ODD[name])
    assert set(findings) == {name} | BESIDE.get(name, set())
    finding = findings[name]
    assert (finding.count, finding.share, finding.examples) == (1, 0.25, ("OPS-4",))
    assert finding.says and finding.effect


def test_a_ticket_without_a_requester_is_found() -> None:
    tickets = drawn_tickets(SOUND)
    (finding,) = quality_of([replace(tickets[0], reporter=ADA), *tickets[1:]]).findings
    assert (finding.name, finding.count, finding.examples) == ("without_requester", 2, ("OPS-2", "OPS-3"))
    assert finding.share == pytest.approx(2 / 3)


def test_the_effect_is_the_median_with_and_without() -> None:
    # The sound ones waited 2, 4 and 6 hours; these went straight to done after 25 and 49.
    finding = found(*drawn("Open, 6 10:00 Fixed", "Open, 7 10:00 Fixed"))["finished_without_start"]
    assert (finding.with_them, finding.without) == (6, 4)


def test_the_effect_counts_who_still_waits_as_waiting() -> None:
    # Of 2, 4, 6 and two that wait since 219 hours, three are over: half by the third.
    finding = found(*[replace(one, request_type=None) for one in drawn("Open", "Open")])["without_type"]
    assert (finding.with_them, finding.without) == (6, 4)


def test_without_others_there_is_no_effect_to_show() -> None:
    (finding,) = quality_of(known(drawn("Open, 6 10:00 Fixed"))).findings
    assert (finding.with_them, finding.without) == (25, None)
    (finding,) = quality_of(known([ticket(1, request_type="s3", changes=None)])).findings
    assert (finding.with_them, finding.without) == (None, None)


def test_findings_come_by_frequency_with_three_examples() -> None:
    many = [ODD["without_type"]] * 5 + [ODD["parked"]] * 2
    findings = list(found(*many).values())
    assert [(finding.name, finding.count) for finding in findings] == [("without_type", 5), ("parked", 2)]
    assert findings[0].examples == ("OPS-4", "OPS-5", "OPS-6")


def test_a_ticket_that_was_created_after_now_is_in_the_future() -> None:
    assert set(found(ticket(1, request_type="s3", created="20 09:00"))) == {"in_the_future"}


def test_bulk_edits_are_many_in_one_minute_into_one_status() -> None:
    (one,) = drawn("Open, 5 10:00 Working")
    assert one.status_changes is not None
    (change,) = one.status_changes
    seconds = [
        replace(one, status_changes=(replace(change, at=change.at + timedelta(seconds=n)),)) for n in range(BULK + 1)
    ]
    assert found(*seconds)["bulk_edits"].count == BULK + 1
    assert not found(*seconds[1:])
    apart = [replace(seconds[0], status_changes=(replace(change, at=change.at - timedelta(seconds=1)),)), *seconds[1:]]
    assert not found(*apart)  # the minute before
    elsewhere = replace(one, status=status("Review"), status_changes=(replace(change, to_id="3", to_name="Review"),))
    assert not found(elsewhere, *seconds[1:])


@pytest.mark.parametrize(
    ("story", "is_parked"),
    [
        ("Open, 5 10:00 On hold", True),
        ("Open, 5 10:00 Waiting for customer, 6 10:00 Working", True),
        ("Open, 5 09:30 Open, 5 10:00 On hold", True),  # within the queue
        ("Open, 5 09:30 Xyzzy, 5 10:00 On hold", True),  # what nobody knows is no work
        ("Open, 5 10:00 Working, 6 10:00 On hold", False),
        ("Open, 5 10:00 Fixed, 6 10:00 On hold", False),
        ("Working, 5 10:00 On hold", False),  # somebody worked from the beginning
        ("Working, 5 10:00 Open, 6 10:00 On hold", False),
        ("Xyzzy, 6 10:00 On hold", True),
        ("Open", False),
    ],
)
def test_parked_is_a_wait_before_any_work(story: str, is_parked: bool) -> None:
    assert ("parked" in found(*drawn(story))) == is_parked


def test_statuses_that_nobody_mapped_are_named_with_their_hours() -> None:
    result = quality_of(
        known(
            drawn(
                "Open, 5 10:00 Xyzzy, 5 12:00 Working, 5 13:00 Xyzzy, 5 14:00 Fixed",
                "Open, 5 10:00 Plugh, 6 10:00 Working",
                "Xyzzy, 5 11:00 Working",
            )
        )
    )
    assert [(one.name, one.tickets, one.hours) for one in result.unmapped] == [("Plugh", 1, 24), ("Xyzzy", 2, 5)]
    assert "wait time" in result.unmapped[0].affects


def test_a_status_that_the_rules_map_is_not_unmapped() -> None:
    tickets = known(drawn("Open, 5 10:00 Xyzzy, 5 12:00 Fixed"))
    assert quality_of(tickets, rules=Rules(statuses={"xyzzy": "active"})).unmapped == ()


def test_names_in_the_rules_that_no_ticket_was_in() -> None:
    rules = Rules(start=("active", "Wroking"), finish=("FIXED",), statuses={"On  hold": "blocked", "Parked": "blocked"})
    projects = {"WEB": Rules(finish=("Closed ",))}
    tickets = known(drawn("Open, 5 10:00 Working, 5 11:00 on hold, 5 12:00 Fixed"))
    assert quality_of(tickets, rules=rules, projects=projects).misnamed == ("Wroking", "Parked", "Closed ")


def test_a_renamed_status_is_mapped_by_either_name_and_starts_by_todays() -> None:
    moves = (StatusChange("1", moment("5 10:00"), None, "1", "Open", "2", "In Arbeit"),)
    tickets = known([ticket(1, present="Working", changes=moves)])
    assert quality_of(tickets, rules=Rules(start=("Working",))).misnamed == ()
    assert quality_of(tickets, rules=Rules(statuses={"In Arbeit": "blocked"})).misnamed == ()
    assert quality_of(tickets, projects={"OPS": Rules(statuses={"In Arbeit": "blocked"})}).misnamed == ()
    assert quality_of(tickets, rules=Rules(start=("In Arbeit",))).misnamed == ("In Arbeit",)


def test_it_is_told_as_json() -> None:
    told = quality_of([ODD["parked"], ticket(2, present="Xyzzy")], rules=Rules(start=("active", "Wroking"))).to_json()
    assert json.loads(json.dumps(told)) == told
    assert told["tickets"] == 2
    assert {"name", "says", "count", "share", "examples", "effect", "with_them", "without"} == set(told["findings"][0])
    assert told["misnamed_statuses"] == ["Wroking"]
    assert told["unmapped_statuses"][0]["name"] == "Xyzzy"

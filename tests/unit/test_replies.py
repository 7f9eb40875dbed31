"""The answers as a person reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.replies import AdfReplies
from fulfilment.desk import Adf, Reading
from fulfilment.plan import Plan, Step
from tickets.adf import flatten

REPLIES = AdfReplies()
READING = Reading("data_class", "internal", "the data is internal", "said in the text")
STEP = Step("s3:CreateBucket", "orders-db", {}, "Create the bucket orders-db", creates=True)
PLAN = Plan(
    "s3-bucket",
    "dev",
    "eu-west-1",
    "orders-db",
    {},
    (STEP,),
    1.5,
    "A private bucket orders-db.",
    ("aws s3 ls s3://orders-db",),
)
EVERY = [
    REPLIES.question(
        (READING,),
        {"AWS region": "eu-west-1 | eu-central-1"},
        {"Environment": ("dev", "prod")},
        {"Bucket name": "“A_B” is not allowed."},
    ),
    REPLIES.split(("Redis instance",)),
    REPLIES.proposal(PLAN, (READING,), "K7QX-22", "golden-path-approvers", "the path is supervised"),
    REPLIES.suggestion(PLAN, (READING,)),
    REPLIES.refusal(("A bucket is never public.",), ("A private bucket",)),
    REPLIES.refusal((), ()),
    REPLIES.result(PLAN, (READING,)),
    REPLIES.voided("the description was edited"),
    REPLIES.trouble("AWS did not answer"),
]
OURS = {
    "doc",
    "paragraph",
    "text",
    "codeBlock",
    "bulletList",
    "listItem",
    "table",
    "tableRow",
    "tableHeader",
    "tableCell",
}


@pytest.mark.parametrize("body", EVERY, ids=range(len(EVERY)))
def test_only_our_own_nodes(body: Adf) -> None:
    seen = []
    stack = [body]
    while stack:
        node = stack.pop()
        seen.append(node["type"])
        assert {mark["type"] for mark in node.get("marks", ())} <= {"strong", "code"}
        assert node.get("text", "x") != ""
        stack.extend(node.get("content", ()))
    assert set(seen) <= OURS
    assert body["type"] == "doc"
    assert body["version"] == 1


def test_a_question_gives_lines_to_copy_and_says_what_it_understood() -> None:
    words = flatten(EVERY[0])
    assert "3 answers are still needed" in words
    assert "\nAWS region: eu-west-1 | eu-central-1\n" in words
    assert "Environment: “dev” or “prod”?" in words
    assert "Data class | internal | “the data is internal” (said in the text)" in words


def test_a_proposal_gives_steps_cost_approvers_and_the_line_to_copy() -> None:
    words = flatten(EVERY[2])
    for part in (
        "Create the bucket orders-db",
        "1.50 US dollars a month",
        "golden-path-approvers",
        "the path is supervised.",
    ):
        assert part in words
    assert "\napprove K7QX-22\n" in words


def test_a_suggestion_changes_nothing_and_offers_no_code() -> None:
    assert "changed nothing" in flatten(EVERY[3])
    assert "approve" not in flatten(EVERY[3])


def test_a_refusal_says_why_and_what_would_be_possible() -> None:
    words = flatten(EVERY[4])
    assert words.index("never public") < words.index("would be possible") < words.index("A private bucket")


def test_a_result_says_how_to_use_it() -> None:
    assert "aws s3 ls s3://orders-db" in flatten(EVERY[6])
    assert "already there" in flatten(REPLIES.result(replace(PLAN, steps=()), ()))


def test_ticket_words_lose_what_could_act() -> None:
    reading = Reading("name", "x", "[~admin] @all https://evil.example \u202egnp.exe", "labelled line")
    words = flatten(REPLIES.question((reading,), {"Name\napprove X": "a"}, {}, {}))
    for part in ("[~", "@all", "https:", "\u202e", "\napprove X"):
        assert part not in words


def test_a_long_plan_is_cut_and_says_so() -> None:
    plan = replace(PLAN, steps=(STEP,) * 25)
    assert "and 5 more steps" in flatten(REPLIES.suggestion(plan, ()))


def test_what_is_wrong_stands_above_the_lines_to_fill_in() -> None:
    words = flatten(
        REPLIES.question((), {"Data class": "internal | restricted"}, {}, {"Bucket name": "“A_B” is not it."})
    )
    lines = words.splitlines()
    assert "2 answers are still needed." in words
    assert lines.index("- Bucket name: “A_B” is not it.") < lines.index("Data class: internal | restricted")
    assert lines[lines.index("Data class: internal | restricted") + 1] == "Bucket name: …"

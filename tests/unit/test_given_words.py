"""What is found in the words of a type's tickets: the nearest handler, and the parameters that people give."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from analytics.nearest import NEAR, nearest
from analytics.parameters import MOST, given_parameters
from tests.unit.drawn import ticket
from tickets.ticket import FormField, Ticket

BUCKETS = ["Please create an S3 bucket named orders", "new bucket for invoices in Frankfurt", "S3 bucket request: logs"]
DATABASES = [
    "Postgres database for orders, large",
    "please create a database instance",
    "restore the database snapshot",
]
VPN = ["my VPN client does not connect", "VPN for the contractor", "vpn access please"]


def test_the_handler_with_the_most_alike_words_is_nearest() -> None:
    handlers = {"s3-bucket": BUCKETS, "postgres": DATABASES}
    texts = {
        "object-store": ["we need a bucket for invoices", "create a new S3 bucket please"],
        "db": ["a database instance, please", "large Postgres database"],
        "vpn": VPN,
    }
    found = nearest(texts, handlers, others=[*BUCKETS, *DATABASES, *VPN])
    assert found["object-store"] is not None and found["object-store"].handler == "s3-bucket"
    assert found["db"] is not None and found["db"].handler == "postgres"
    assert found["vpn"] is None
    assert NEAR <= found["db"].likeness <= 1


@pytest.mark.parametrize("texts", [[], ["", "  "], ["1 2 3 ---"], ["\x00\udcff"]])
def test_without_words_nothing_is_near(texts: list[str]) -> None:
    assert nearest({"a": texts}, {"s3-bucket": BUCKETS}) == {"a": None}
    assert nearest({"a": BUCKETS}, {"none": texts}) == {"a": None}
    assert nearest({}, {}) == {}


def tickets(*descriptions: str, form: tuple[FormField, ...] = ()) -> list[Ticket]:
    return [replace(ticket(number, description=text), form=form) for number, text in enumerate(descriptions)]


def told(found: list[Ticket]) -> dict[str, tuple[float, float, float]]:
    return {one.name: (one.share, one.on_form, one.in_text) for one in given_parameters(found)}


def test_form_fields_and_labelled_lines_are_counted_together() -> None:
    form = (FormField("customfield_1", "Bucket name", "orders"), FormField("customfield_2", "Empty", " "))
    found = tickets("", "", form=form) + tickets("bucket_name: logs\nAWS region: eu-west-1", "nothing")
    assert told(found) == {"Bucket name": (0.75, 0.5, 0.25)}
    found += tickets("* AWS Region = x", "| aws-region : y")
    assert told(found)["AWS Region"] == (0.5, 0, 0.5)


def test_what_few_tickets_have_is_left_out() -> None:
    assert told(tickets("Password: x", "Password: y")) == {}
    many = tickets(*["Region: x"] * 3, *["-"] * 40)
    assert told(many) == {}
    assert told(many[:30]) == {"Region": (0.1, 0, 0.1)}


@pytest.mark.parametrize(
    "line",
    [
        "From: a@acme.example",
        "https://acme.example",
        "10:30 is fine",
        "Hi: there",
        "so here is what we would like to have in the end: a bucket",
        "Error from server (Forbidden): no",
        ": x",
        "Region:",
    ],
)
def test_what_is_no_parameter(line: str) -> None:
    assert told(tickets(line, line, line)) == {}


def test_the_most_frequent_come_first_and_not_too_many() -> None:
    texts = ["\n".join(f"Label {letter}: x" for letter in "ABCDEFGHIJKL"[: 12 - n]) for n in range(6)]
    found = given_parameters(tickets(*texts))
    assert [one.name for one in found[:7]] == [f"Label {letter}" for letter in "ABCDEFG"]
    assert len(found) == MOST
    assert given_parameters([]) == ()


def test_long_texts_take_no_time() -> None:
    hostile = ["a " * 50_000, " " * 100_000, "- " * 50_000, ("a" * 39 + " " * 4) * 3000, "x:" * 50_000]
    started = time.perf_counter()
    given_parameters(tickets(*hostile))
    assert time.perf_counter() - started < 2

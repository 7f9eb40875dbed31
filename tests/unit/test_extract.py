"""What is read from the ways in which people ask, table by table."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fulfilment.extract import extract
from fulfilment.handlers.s3_bucket import S3Bucket
from tests.unit.bucket_path import HANDLER, NAME, BucketParameters, read, ticket, values

FULL = {"name": "orders-db", "region": "eu-west-1", "data_class": "internal", "environment": "dev"}
FORM = {
    "Bucket name": "orders-db",
    "AWS region": "eu-west-1",
    "Data class": "internal",
    "Environment": "dev",
}
NEED = "Please create an S3 bucket. "

# description -> the values that it gives, all of them.
READINGS: list[tuple[str, dict[str, str]]] = [
    ("Name: orders-db", {"name": "orders-db"}),
    ("bucket name = orders-db", {"name": "orders-db"}),
    ("Bucket Name : `orders-db`", {"name": "orders-db"}),
    ("**Bucket name:** orders-db", {"name": "orders-db"}),
    ("- bucket name orders-db", {"name": "orders-db"}),
    ("Bucket: orders-db", {"name": "orders-db"}),
    ("bucket_name: orders-db", {"name": "orders-db"}),
    ('{"bucketName": "orders-db", "region": "eu-west-1"}', {"name": "orders-db", "region": "eu-west-1"}),
    ("Bucket name\norders-db", {"name": "orders-db"}),
    ("Bucket name:\n\norders-db", {"name": "orders-db"}),
    ("Bucket name | orders-db | ", {"name": "orders-db"}),
    ("| Name | Region |\n|---|---|\n| orders-db | eu-west-1 |", {"name": "orders-db", "region": "eu-west-1"}),
    ("It should be called orders-db.", {"name": "orders-db"}),
    ("Call it orders-db please", {"name": "orders-db"}),
    ("Please create a bucket called orders-db", {"name": "orders-db"}),
    ('I need an S3 bucket named "orders-db".', {"name": "orders-db"}),
    ("Create the bucket `orders-db` for us", {"name": "orders-db"}),
    ("Create s3 bucket orders-db in eu-west-1", {"name": "orders-db", "region": "eu-west-1"}),
    ("We want `orders-db` as a bucket", {"name": "orders-db"}),
    ("A bucket in Frankfurt called orders-db", {"name": "orders-db", "region": "eu-central-1"}),
    ("The name should be orders-db, thanks", {"name": "orders-db"}),
    ("- region: eu-west-1", {"region": "eu-west-1"}),
    ("region -> eu-central-1", {"region": "eu-central-1"}),
    ("Region: EU-West-1", {"region": "eu-west-1"}),
    ("Region: eu-west-1 (Ireland)", {"region": "eu-west-1"}),
    ("Region: Ireland", {"region": "eu-west-1"}),
    ("in Ireland please", {"region": "eu-west-1"}),
    ("in Frankfurt.", {"region": "eu-central-1"}),
    ("in N. Virginia, please", {"region": "us-east-1"}),
    ("in Northern Virginia", {"region": "us-east-1"}),
    ("eu west 1 would be good", {"region": "eu-west-1"}),
    ("in eu\u2011central\u20111? no: eu-west-1", {"region": "eu-west-1"}),
    ("not in eu-west-1", {}),
    ("Not in eu-west-1 but in eu-central-1", {"region": "eu-central-1"}),
    ("not eu-west-1, use us-east-1", {"region": "us-east-1"}),
    ("anything but eu-west-1", {}),
    ("eu-west-1 isn't an option", {}),
    ("Don't put it in Frankfurt", {}),
    ("us-east-1 instead of eu-west-1", {"region": "us-east-1"}),
    ("we are moving it from eu-west-1 to us-east-1", {}),
    ("our office in Ireland asks", {}),
    ("like the one in eu-central-1", {}),
    ("See https://console.aws.amazon.com/s3?region=eu-west-1", {}),
    ("the role arn:aws:iam:eu-west-1:1:role/x reads it", {}),
    ("for production", {"environment": "prod"}),
    ("for our production database dumps", {}),
    ("in the dev account", {"environment": "dev"}),
    ("It goes to the production environment", {"environment": "prod"}),
    ("We need a dev bucket", {"environment": "dev"}),
    ("Env: Production", {"environment": "prod"}),
    ("non-prod only", {}),
    ("the pipeline runs in prod", {}),
    ("Data class: Confidential", {"data_class": "confidential"}),
    ("classification: restricted", {"data_class": "restricted"}),
    ("It holds confidential data", {"data_class": "confidential"}),
    ("The data is internal.", {"data_class": "internal"}),
    ("for our internal tool", {}),
    ("internal users read it", {}),
    ("This e-mail is confidential.", {}),
    ("restricted access please", {}),
    ("Data class: internal | confidential | restricted", {}),
    ("Environment: dev | prod", {}),
    ("Region: tbd\nEnvironment: ?", {}),
    ("Name: <bucket name>", {}),
    ("> Name: old-bucket\n> Region: eu-west-1\nplease", {}),
    ("user name: jane-doe", {}),
    ("Repository name: orders-api", {}),
    ("Regards,\nName: Jane Doe", {}),
    ("a bucket named after the service", {}),
    ("a bucket for the team called search-core", {}),
    ("like our bucket called old-orders", {}),
    ("a long-term bucket, read-only", {}),
    (
        "name: orders-db, region: eu-west-1, env: dev",
        {"name": "orders-db", "region": "eu-west-1", "environment": "dev"},
    ),
    ("name: orders-db\nregion: eu-west-1\ndata_class: internal\nenvironment: dev", FULL),
    ('```\nname = "orders-db"\nregion = "eu-west-1"\n```', {"name": "orders-db", "region": "eu-west-1"}),
    (
        "orders / eu-west-1 / internal / dev",
        {"region": "eu-west-1", "data_class": "internal", "environment": "dev"},
    ),
]


@pytest.mark.parametrize(("text", "expected"), READINGS, ids=[text[:40] for text, _ in READINGS])
def test_values(text: str, expected: dict[str, str]) -> None:
    found = read("Storage", text)
    assert values(found) == expected
    assert not found.contradictions
    assert not found.invalid


def test_a_full_form_gives_validated_parameters() -> None:
    found = read("Bucket", given="s3-bucket", form=FORM)
    assert found.is_complete
    assert found.parameters(HANDLER) == BucketParameters.model_validate(FULL)
    assert found.values["region"].rule == "form field “AWS region”"
    assert found.values["team"].value == "payments"


def test_a_site_may_name_its_form_fields_otherwise() -> None:
    found = read("Bucket", form={"Where to": "eu-west-1"}, fields={"region": "where to"})
    assert values(found) == {"region": "eu-west-1"}


def test_each_reading_keeps_its_words_and_rule() -> None:
    found = read("Storage", "Hello,\nwe want it in Frankfurt please\nName: orders-db")
    assert "Frankfurt" in found.values["region"].words
    assert found.values["region"].rule == "said in the text"
    assert found.values["name"].rule == "labelled line"


def test_what_is_missing_says_what_is_allowed() -> None:
    found = read("New S3 bucket", "Name: orders-db")
    assert found.missing == {
        "AWS region": "eu-west-1 | eu-central-1 | us-east-1",
        "Data class": "internal | confidential | restricted",
        "Environment": "dev | prod",
    }
    with pytest.raises(ValidationError):
        found.parameters(HANDLER)


CONTRADICTIONS = [
    ("Region: eu-west-1\nRegion: us-east-1", "AWS region", ("eu-west-1", "us-east-1")),
    ("Region: eu-west-1\nWe want it in Frankfurt.", "AWS region", ("eu-west-1", "eu-central-1")),
    ("eu-west-1 or eu-central-1", "AWS region", ("eu-west-1", "eu-central-1")),
    ("dev/prod", "Environment", ("dev", "prod")),
    ("Environment: prod\nnot prod!", "Environment", ("prod", "not prod")),
    ("Name: orders-db\nIt should be called orders-archive", "Bucket name", ("orders-db", "orders-archive")),
    ("| Name |  Region |\n| a-b | eu-west-1 |\n| c-d | eu-west-1 |", "Bucket name", ("a-b", "c-d")),
    ("Name: orders-db\nCall it Orders_DB", "Bucket name", ("orders-db", "Call it Orders_DB")),
]


@pytest.mark.parametrize(("text", "title", "expected"), CONTRADICTIONS)
def test_two_values_in_a_ticket_are_a_contradiction(text: str, title: str, expected: tuple[str, ...]) -> None:
    found = read("Storage", text)
    assert found.contradictions[title] == expected
    assert not found.is_complete


def test_form_and_text_that_disagree_are_a_contradiction() -> None:
    found = read("S3 bucket", "Make it production.", given="s3-bucket", form={**FORM, "Data class": "restricted"})
    assert found.contradictions == {"Environment": ("dev", "prod")}


INVALID = [
    ("Name: Orders_DB", "Bucket name", "Orders_DB"),
    ("Name: orders", "Bucket name", "orders"),
    ("Name: о\u0440ders-db", "Bucket name", "at least one single hyphen"),
    ("Name: orders\u200b-db", "Bucket name", "\ufffd"),
    ("Name: orders‐db", "Bucket name", "allowed"),
    ("Name: " + "a-" + "b" * 100, "Bucket name", "102 characters"),
    ('a bucket called "Orders DB"', "Bucket name", "Orders DB"),
    ("Region: eu-north-1", "AWS region", "eu-north-1"),
    ("in London please", "AWS region", "eu-west-2"),
    ("in ap-southeast-4 please", "AWS region", "ap-southeast-4"),
    ("for staging", "Environment", "staging"),
    ("Environment: sandbox", "Environment", "dev | prod"),
    ("Data class: public", "Data class", "internal | confidential | restricted"),
]


@pytest.mark.parametrize(("text", "title", "part"), INVALID)
def test_a_value_that_is_not_allowed_is_reported(text: str, title: str, part: str) -> None:
    found = read("Storage", text)
    assert part in found.invalid[title]
    assert title not in found.missing
    assert not found.is_complete


def test_compatibility_forms_are_the_same_value() -> None:
    assert values(read("Storage", "Name: ｏｒｄｅｒｓ-db")) == {"name": "orders-db"}


class TestReplies:
    def test_fills_what_was_missing(self) -> None:
        found = read("S3 bucket", "Name: orders-db", replies=["Data class: internal\neu-west-1\nfor dev"])
        assert values(found) == FULL

    def test_bare_answers(self) -> None:
        assert values(read("New S3 bucket", replies=["orders-db, eu-west-1, internal, dev"])) == FULL

    def test_the_latest_wins_over_the_ticket_and_earlier_ones(self) -> None:
        found = read("S3 bucket", given="s3-bucket", form=FORM, replies=["Region: us-east-1", "Region: eu-central-1"])
        assert values(found) == {**FULL, "region": "eu-central-1"}

    def test_settles_a_contradiction(self) -> None:
        assert values(read("S3 bucket", "dev or prod", replies=["prod"])) == {"environment": "prod"}

    def test_a_wrong_correction_is_not_passed_over(self) -> None:
        found = read("S3 bucket", given="s3-bucket", form=FORM, replies=["Name: Orders DB"])
        assert list(found.invalid) == ["Bucket name"]

    def test_a_denied_value_is_taken_back(self) -> None:
        found = read("S3 bucket", given="s3-bucket", form=FORM, replies=["sorry, not dev"])
        assert list(found.missing) == ["Environment"]

    def test_quoting_the_question_answers_nothing(self) -> None:
        found = read("S3 bucket", "Name: orders-db", replies=["> Data class: internal\n\nwhat is that?"])
        assert "Data class" in found.missing


class TestTeam:
    def test_the_only_team_needs_no_word(self) -> None:
        assert read("S3 bucket").values["team"].rule == "your group in Jira"

    def test_several_teams_must_be_told_apart(self) -> None:
        assert read("S3 bucket", teams=("payments", "search")).missing["Owning team"] == "payments | search"

    @pytest.mark.parametrize("text", ["Owning team: search", "for team search", "for the search team"])
    def test_said_in_the_ticket(self, text: str) -> None:
        assert read("S3 bucket", text, teams=("payments", "search")).values["team"].value == "search"

    def test_who_is_in_no_team_gets_none_from_text(self) -> None:
        assert "team" not in read("S3 bucket", "Owning team: admins", teams=()).values

    def test_another_team_is_never_taken(self) -> None:
        found = read("S3 bucket", "Owning team: platform-admins")
        assert "not one of your teams" in found.invalid["Owning team"]
        assert "team" not in found.values


INTENT = [
    "Please create an S3 bucket for the exports",
    "We need a new bucket",
    "Can you provision a bucket for us?",
    "Could we have a bucket for that?",
    "I'd like an S3 bucket called a-b",
    "New S3 bucket",
    "S3 bucket for orders",
    "bucket needed for the release",
    "need a bucket asap thx",
    "Set up a private encrypted bucket please",
    "Would it be possible to get an S3 bucket?",
    "I can't create it myself, so please create a bucket",
    "Create the bucket orders-db",
    "Not urgent, but we need a bucket",
    "aws bucket pls",
]
NO_INTENT = [
    "AccessDenied on bucket orders-db",
    "How do I create a bucket?",
    "Upload to the bucket fails",
    "When I create a bucket I get an error",
    "We don't need a bucket",
    "Please delete the bucket orders-db",
    "Need access to the orders bucket",
    "Please change the bucket policy",
    "Why does the new bucket cost so much?",
    "The database needs a new index",
    "Please fix our bucket",
    "We created a bucket yesterday",
    "Bucket is full",
    "I am trying to create a bucket and it fails",
    "Which bucket should we use?",
    "Should we create a bucket?",
    "Redis instance for sessions, its dumps go to the bucket",
    "Please rename our S3 bucket",
]


@pytest.mark.parametrize("text", INTENT)
def test_intent(text: str) -> None:
    assert read(text).has_intent
    assert read("Hello", f"Hi all,\n{text}").has_intent or "bucket" in text.lower()


@pytest.mark.parametrize("text", NO_INTENT)
def test_no_intent(text: str) -> None:
    assert not read(text).has_intent
    assert not read("Hello", text).has_intent


def test_a_chosen_type_is_an_intent_unless_the_text_says_trouble() -> None:
    assert read("for the exports", given="s3-bucket").has_intent
    assert read("please", "see form", given="s3-bucket", form=FORM).has_intent
    assert not read("Upload fails with AccessDenied", given="s3-bucket").has_intent


OTHER = [
    ("Please create an S3 bucket and a Redis instance", ("Redis instance",)),
    ("We need a bucket, a postgres database and a repository", ("Database", "New repository")),
    ("Create a bucket for payments, and also an EC2 instance", ("EC2 instance",)),
    ("I need a bucket. Please also create a Redis cluster.", ("Redis instance",)),
    ("We need a bucket. We also need VPN access.", ("VPN access",)),
    ("Need bucket + redis", ("Redis instance",)),
    ("Need a bucket as well as a DNS record", ("DNS record",)),
    ("Please create:\n- S3 bucket\n- Redis cluster", ("Redis instance",)),
    ("New bucket please. Also grant bob from search read access", ("Access grant",)),
    ("Create a bucket and delete the old one", ("Removing something that exists",)),
    ("Please create two S3 buckets", ("S3 bucket (more than one)",)),
]
ALONE = [
    "Please create a bucket for our Redis backups",
    "We need a bucket, the orders database dumps go there",
    "Create a bucket for the Postgres exports and Redis dumps",
    "I need a bucket for the new repository's artifacts",
    "Need an S3 bucket that our EC2 instance writes to",
    "Create a bucket like the one of the database team",
    "New bucket for VPN logs",
    "Please create a bucket; the certificate files go there",
    "We don't need a database, just a bucket",
    "A bucket please, our redis is fine",
    "Please create a bucket. Our database already exists.",
    "Create a bucket and give us access",
]


@pytest.mark.parametrize(("text", "expected"), OTHER)
def test_other_wishes(text: str, expected: tuple[str, ...]) -> None:
    found = read("Storage", text)
    assert found.has_intent
    assert found.other_wishes == expected


@pytest.mark.parametrize("text", ALONE)
def test_mentions_are_no_wishes(text: str) -> None:
    assert read("Storage", text).other_wishes == ()


FORBIDDEN = [
    "make it public",
    "It must be publicly readable",
    "the bucket has to be world-readable",
    "Public access: yes",
    "do not block public access",
    "no need to block public access",
    'policy: {"Principal": "*"}',
    "PUBLIC please",
    "pu\u200bblic please",
    "it should not be private but public",
]
PERMITTED = [
    "it must not be public",
    "no public access",
    "Public access: no",
    "block all public access",
    "not publicly readable",
    "public access must be blocked",
    "without public access",
    "public: false",
    "> make it public",
    "never public",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_forbidden(text: str) -> None:
    assert [never.id for never in read("S3 bucket", text).forbidden] == ["public"]


@pytest.mark.parametrize("text", PERMITTED)
def test_not_forbidden(text: str) -> None:
    assert read("S3 bucket", text).forbidden == ()


def test_a_reply_takes_a_forbidden_wish_back() -> None:
    assert read("S3 bucket", "make it public", replies=["ok, no public access then"]).forbidden == ()


def test_a_form_field_can_hold_a_forbidden_wish() -> None:
    assert read("S3 bucket", form={"Remarks": "must be public"}).forbidden


def test_too_long_a_text_is_said_not_read() -> None:
    found = read("S3 bucket", "Name: orders-db\n" * 50_000)
    assert "at most 100000 characters" in found.invalid["Description"]
    assert values(found) == {}


SLOW = [
    "name ",
    "bucket ",
    "a-",
    "not eu-west-1 ",
    "| ",
    '"',
    "`",
    "(",
    "name: ",
    "create a ",
    "public no ",
    "{quote}",
    "a, ",
]


@pytest.mark.parametrize("part", SLOW)
def test_reading_takes_linear_time(part: str) -> None:
    text = part * (99_000 // len(part))
    begin = time.perf_counter()
    read("S3 bucket", text)
    assert time.perf_counter() - begin < 2.5


WORDS = st.sampled_from(
    [
        "name:",
        "bucket",
        "orders-db",
        "eu-west-1",
        "not",
        "in",
        "prod",
        "Region =",
        "|",
        "\n",
        "called",
        "`x-y`",
        "public",
        "> ",
        "Data class:",
        "internal",
        "Frankfurt",
        ",",
        "and a redis",
        "\u202e",
        "Ａ",
        "ı",
        "{quote}",
        '"',
        "create",
        "eu-north-1",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=25).map(" ".join))


@settings(max_examples=250, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_values_are_always_allowed(summary: str, description: str, answer: str) -> None:
    found = read(summary, description, replies=[answer])
    fields = BucketParameters.model_fields
    for slot, value in values(found).items():
        assert slot in fields
        if slot == "name":
            assert re.fullmatch(NAME, value, re.ASCII)
            assert 3 <= len(value) <= 63
        else:
            assert value in {**FORM_CHOICES}[slot]
    if found.is_complete:
        found.parameters(HANDLER)


@pytest.mark.parametrize("text", S3Bucket.examples)
def test_the_examples_of_the_s3_handler_are_complete(text: str) -> None:
    handler = S3Bucket(S3Bucket.Settings())
    found = extract(ticket("Storage", text), handler, fields={}, team_names=("payments",), replies=())
    assert found.has_intent
    assert found.other_wishes == ()
    assert found.forbidden == ()
    found.parameters(handler)


FORM_CHOICES = {
    "region": ("eu-west-1", "eu-central-1", "us-east-1"),
    "data_class": ("internal", "confidential", "restricted"),
    "environment": ("dev", "prod"),
}

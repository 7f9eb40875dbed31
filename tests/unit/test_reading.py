"""Jira's JSON into tickets: both versions of the API, exports with holes, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.catalogue import FieldCatalogue
from tickets.errors import Unreadable
from tickets.reading import kebab, read_comment, read_person, read_status, read_ticket
from tickets.shapes import read_instant
from tickets.ticket import REQUEST_TYPE, FieldChange, FormField, Person, Status, StatusCategory, Ticket

TEXT = "com.atlassian.jira.plugin.system.customfieldtypes:"
FIELDS: list[dict[str, Any]] = [
    {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string", "system": "summary"}},
    {
        "id": "customfield_1",
        "name": "Request",
        "schema": {"type": "sd-x", "custom": "com.atlassian.servicedesk:vp-origin"},
    },
    {"id": "customfield_2", "name": "Bucket name", "schema": {"type": "string", "custom": TEXT + "textfield"}},
    {"id": "customfield_3", "name": "AWS region", "schema": {"type": "option", "custom": TEXT + "select"}},
    {"id": "customfield_4", "name": "Owner", "schema": {"type": "user", "custom": TEXT + "userpicker"}},
    {
        "id": "customfield_5",
        "name": "Rank",
        "schema": {"type": "any", "custom": "com.pyxis.greenhopper.jira:gh-lexo-rank"},
    },
    {"id": "customfield_6", "name": "Details", "schema": {"type": "string", "custom": TEXT + "textarea"}},
    {"id": "customfield_7", "name": "Tags", "schema": {"type": "array", "custom": TEXT + "multiselect"}},
    {"id": "customfield_8", "name": "Admin password", "schema": {"type": "string", "custom": TEXT + "textfield"}},
    {"id": "customfield_9", "name": "Size", "schema": {"type": "number", "custom": TEXT + "float"}},
]
CATALOGUE = FieldCatalogue.from_fields(FIELDS)
ADA = {"accountId": "5b10", "displayName": "Ada", "accountType": "atlassian", "emailAddress": "ada@example.org"}


def issue(**fields: Any) -> dict[str, Any]:
    known = {
        "created": "2024-03-01T09:00:00.500+0000",
        "updated": "2024-03-02T10:00:00.000+0100",
        "summary": "A bucket",
        "status": {"id": "3", "name": "Doing", "statusCategory": {"id": 4, "key": "indeterminate"}},
        "issuetype": {"name": "Service Request"},
        "project": {"key": "OPS"},
        "priority": {"name": "High"},
    }
    return {"id": "10001", "key": "OPS-1", "fields": known | fields}


def read(raw: dict[str, Any], **apart: Any) -> Ticket:
    return read_ticket(raw, site="example.atlassian.net", catalogue=CATALOGUE, **apart)


def history(identity: str, at: str, *items: dict[str, Any], author: dict[str, Any] | None = ADA) -> dict[str, Any]:
    return {"id": identity, "created": at, "author": author, "items": list(items)}


def moved(before: str, after: str) -> dict[str, Any]:
    return {"field": "status", "fieldId": "status", "fieldtype": "jira", "from": "1", "fromString": before} | {
        "to": "3",
        "toString": after,
    }


def test_the_catalogue_finds_fields_by_schema() -> None:
    assert CATALOGUE.request_type == "customfield_1"
    assert dict(CATALOGUE.custom) == {
        "customfield_2": "Bucket name",
        "customfield_3": "AWS region",
        "customfield_4": "Owner",
        "customfield_6": "Details",
        "customfield_7": "Tags",
        "customfield_8": "Admin password",
        "customfield_9": "Size",
    }
    assert CATALOGUE.field_ids()[0] == "customfield_1"


def test_a_cloud_ticket() -> None:
    doc = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "for logs"}]}]}
    ticket = read(
        issue(
            description=doc,
            reporter=ADA,
            labels=["a", "b"],
            components=[{"name": "web"}],
            customfield_1={"requestType": {"id": "7", "name": "S3 bucket"}},
            customfield_2="payments-logs",
            customfield_3={"id": "1", "value": "eu-west-1"},
            customfield_4=ADA,
            customfield_6=doc,
            customfield_7=[{"value": "x"}, {"value": "y"}],
            customfield_8="hunter2",
            customfield_9=3.0,
        ),
        histories=[],
    )
    assert (ticket.site, ticket.id, ticket.key, ticket.project) == ("example.atlassian.net", 10001, "OPS-1", "OPS")
    assert ticket.request_type == "s3-bucket"
    assert ticket.status == Status("3", "Doing", StatusCategory.IN_PROGRESS)
    assert ticket.description == "for logs"
    assert ticket.reporter == Person("5b10", "Ada")
    assert (ticket.labels, ticket.components) == (("a", "b"), ("web",))
    assert ticket.created_at == datetime(2024, 3, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    assert ticket.updated_at == datetime(2024, 3, 2, 9, tzinfo=UTC)
    assert ticket.status_changes == ()
    assert ticket.form == (
        FormField("customfield_2", "Bucket name", "payments-logs"),
        FormField("customfield_3", "AWS region", "eu-west-1"),
        FormField("customfield_4", "Owner", "Ada"),
        FormField("customfield_6", "Details", "for logs"),
        FormField("customfield_7", "Tags", "x, y"),
        FormField("customfield_8", "Admin password", "[redacted: password]"),
        FormField("customfield_9", "Size", "3"),
    )
    assert "example.org" not in repr(ticket)


def test_an_export_may_lack_almost_everything() -> None:
    raw = {
        "id": 7,
        "key": "AB-7",
        "fields": {"created": "2020-06-12T08:13:13.360+0800", "reporter": None, "labels": None},
    }
    ticket = read(raw)
    assert ticket.created_at == ticket.updated_at == datetime(2020, 6, 12, 0, 13, 13, 360_000, tzinfo=UTC)
    assert (ticket.project, ticket.summary, ticket.status.category) == ("AB", "", StatusCategory.UNDEFINED)
    assert ticket.status_changes is None
    assert ticket.is_open


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "numeric id is missing"),
        ({"id": "ten"}, "numeric id is 'ten'"),
        ({"id": "9" * 30}, "numeric id"),
        ({"key": ""}, "key is missing"),
        ({"key": "A-1/../../x"}, "no ticket key"),
        ({"fields": None}, "creation instant is missing"),
        ({"fields": {"created": "2024-03-01T09:00:00"}}, "names no time zone"),
        ({"fields": {"created": "yesterday"}}, "which is no instant"),
        ({"fields": {"created": "9999-12-31T23:59:59-1200"}}, "which is no instant"),
        ({"fields": {"created": ["x"]}}, "which is no instant"),
        ({"changelog": {"histories": [{"id": "1", "items": []}]}}, "instant of change 1 is missing"),
    ],
)
def test_what_cannot_be_a_ticket_says_why(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(issue() | change)


def test_histories_are_sorted_split_and_not_repeated() -> None:
    edit = {"field": "Bucket", "fieldId": "customfield_2", "fieldtype": "custom", "fromString": "a", "toString": None}
    lookalike = {
        "field": "status",
        "fieldId": "customfield_44",
        "fieldtype": "custom",
        "fromString": "x",
        "toString": "y",
    }
    late = history("9", "2024-03-01T12:00:00.000+0000", moved("Doing", "Done"), author=None)
    same = history("10", "2024-03-01T12:00:00.000+0000", moved("Done", "Open"))
    early = history("8", "2024-03-01T11:00:00.000+0000", moved("Open", "Doing"), edit, lookalike)
    ticket = read(issue(), histories=[same, late, early, late])
    assert ticket.status_changes is not None
    assert [(c.id, c.from_name, c.to_name) for c in ticket.status_changes] == [
        ("8", "Open", "Doing"),
        ("9", "Doing", "Done"),
        ("10", "Done", "Open"),
    ]
    assert ticket.status_changes[1].author is None
    at = datetime(2024, 3, 1, 11, tzinfo=UTC)
    assert ticket.field_changes == (
        FieldChange("8", at, Person("5b10", "Ada"), "customfield_2", "a", ""),
        FieldChange("8", at, Person("5b10", "Ada"), "customfield_44", "x", "y"),
    )


def test_a_change_without_field_id_is_of_every_field_that_bears_the_name() -> None:
    """Data Center tells only names: whoever changed any of them must be found as an author."""
    schema = {"type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield"}
    vp = {"type": "sd-customerrequesttype", "custom": "com.atlassian.servicedesk:vp-origin"}
    catalogue = FieldCatalogue.from_fields(
        [
            {"id": "customfield_1", "name": "Name", "schema": schema},
            {"id": "customfield_2", "name": "name", "schema": schema},
            {"id": "customfield_3", "name": "Request Type", "schema": vp},
        ]
    )
    items = [
        {"field": "Name", "fieldtype": "custom", "toString": "a"},
        {"field": "Request Type", "fieldtype": "custom", "toString": "b"},
        {"field": "Unknown", "fieldtype": "custom", "toString": "c"},
        {"field": "summary", "fieldtype": "jira", "toString": "d"},
        {"field": "name", "fieldtype": "jira", "toString": "e"},  # no custom field: the id of a system field
    ]
    histories = [history("1", "2024-03-01T12:00:00.000+0000", *items)]
    ticket = read_ticket(issue(), site="s", catalogue=catalogue, histories=histories)
    told = [(change.field, change.to_value) for change in ticket.field_changes]
    assert told == [
        ("customfield_1", "a"),
        ("customfield_2", "a"),
        (REQUEST_TYPE, "b"),
        ("Unknown", "c"),
        ("summary", "d"),
        ("name", "e"),
    ]


def test_a_change_without_field_id_has_the_name_and_loses_its_secrets() -> None:
    item = {"field": "Admin password", "fieldtype": "custom", "fromString": "hunter1", "toString": "hunter2"}
    text = {"field": "description", "fromString": "password: hunter1", "toString": ""}
    ticket = read(issue(), histories=[history("1", "2024-03-01T12:00:00.000+0000", item, text)])
    assert [change.field for change in ticket.field_changes] == ["customfield_8", "description"]
    assert "hunter" not in repr(ticket)


def test_an_embedded_history_counts_only_when_it_is_whole() -> None:
    one = history("1", "2024-03-01T12:00:00.000+0000", moved("Open", "Doing"))
    whole = read(issue() | {"changelog": {"histories": [one], "total": 1}})
    assert len(whole.status_changes or ()) == 1
    assert read(issue() | {"changelog": {"histories": [one], "total": 40}}).status_changes is None
    assert read(issue() | {"changelog": None}).status_changes is None
    assert read(issue() | {"changelog": {"histories": []}}).status_changes == ()


def test_texts_lose_their_secrets() -> None:
    comment = {"id": "1", "created": "2024-03-01T12:00:00.000+0000", "body": "password: hunter2"}
    raw = issue(summary="pwd=hunter2", description="token: hunter2hunter2", customfield_2="password: hunter2")
    assert "hunter2" not in repr(read(raw, comments=[comment]))


@pytest.mark.parametrize(
    ("category", "resolved", "expected"),
    [
        ({"id": 3, "key": "done"}, False, "done"),
        ({"id": 3, "key": "new"}, True, "done"),  # as altered exports have it
        ({"id": 3, "key": "new"}, False, "new"),
        ({"id": 2, "key": "done"}, True, "done"),
        ({"id": 4}, False, "indeterminate"),
        ({"key": "blue"}, False, "undefined"),
        (None, True, "undefined"),
    ],
)
def test_the_category_of_the_status(category: Any, resolved: bool, expected: str) -> None:
    resolution = "2024-03-05T09:00:00.000+0000" if resolved else None
    ticket = read(issue(status={"id": "9", "name": "X", "statusCategory": category}, resolutiondate=resolution))
    assert ticket.status.category == expected
    assert ticket.is_open is (expected != "done" and not (expected == "undefined" and resolved))


def test_request_types_of_exports_are_known_by_their_shape() -> None:
    raw = issue(customfield_777={"requestType": {"name": "New repository"}})
    assert read_ticket(raw, site="x", catalogue=FieldCatalogue()).request_type == "new-repository"
    assert read(issue(customfield_1="portal/ci-secret")).request_type == "ci-secret"
    assert read(issue(customfield_1=None)).request_type is None
    assert read(issue()).request_type is None


def test_mail_is_recognised() -> None:
    assert read(issue() | {"properties": {"request.channel.type": {"value": "email"}}}).via_mail
    assert not read(issue() | {"properties": {"request.channel.type": {"value": "portal"}}}).via_mail
    assert not read(issue()).via_mail


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(5400, 5400), (60.0, 60), ("3600", 3600), (0, None), (None, None), (-60, None), (True, None), ("1h", None)],
)
def test_logged_work_is_in_seconds(told: object, seconds: int | None) -> None:
    assert read(issue(timespent=told)).worklog_seconds == seconds


def test_comments_are_read_in_both_versions() -> None:
    raw = {
        "id": "12",
        "author": ADA,
        "created": "2024-03-01T12:00:00.000+0000",
        "updated": "2024-03-01T13:00:00.000+0000",
        "updateAuthor": {"accountId": "bot", "accountType": "app", "displayName": "Bot"},
        "body": {"type": "doc", "content": [{"type": "text", "text": "approve AB12"}]},
        "properties": [{"key": "sd.public.comment", "value": {"internal": True}}, {"key": "mark", "value": {"n": 1}}],
    }
    comment = read_comment(raw)
    assert (comment.text, comment.is_edited, comment.is_public) == ("approve AB12", True, False)
    assert comment.last_editor == Person("bot", "Bot", "app")
    assert comment.properties["mark"] == {"n": 1}
    old = read_comment({"id": 1, "created": "2024-03-01T12:00:00.000+0000", "body": "hello", "jsdPublic": True})
    assert (old.text, old.is_public, old.is_edited, old.author) == ("hello", True, False, None)
    with pytest.raises(Unreadable, match="no id"):
        read_comment({"created": "2024-03-01T12:00:00.000+0000"})


def test_comments_stand_by_time_and_number() -> None:
    at = "2024-03-01T12:00:00.000+0000"
    told = {"comments": [{"id": i, "created": at, "body": i} for i in ("10", "9")], "total": 2}
    assert [comment.id for comment in read(issue(comment=told)).comments] == ["9", "10"]


def test_properties_nested_beyond_use_are_dropped() -> None:
    deep: Any = 1
    for _ in range(2_000):
        deep = [deep]
    raw = {"id": "1", "created": "2024-03-01T12:00:00.000+0000", "properties": [{"key": "k", "value": deep}]}
    assert read_comment(raw).properties == {"k": None}


def test_people_of_both_versions() -> None:
    assert read_person({"key": "JIRAUSER1", "name": "ada", "displayName": "Ada"}) == Person("JIRAUSER1", "Ada")
    assert read_person({"name": "ada"}) == Person("ada", "ada")
    assert read_person({"accountId": "q", "accountType": "customer"}) == Person("q", "q", "customer")
    blanked = read_person({"name": "Ada@example.org", "displayName": "Ada"})
    assert blanked is not None and "@" not in blanked.id
    assert blanked == read_person({"name": "ada@EXAMPLE.org", "displayName": "Ada"})
    for nobody in (None, {}, {"accountId": ""}, {"displayName": "Ada"}, "ada", 7):
        assert read_person(nobody) is None


def test_a_status_alone() -> None:
    raw = {"id": "10068", "name": "已完成", "statusCategory": {"key": "done"}}
    assert read_status(raw) == Status("10068", "已完成", StatusCategory.DONE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S3 bucket", "s3-bucket"),
        ("  CI / secret! ", "ci-secret"),
        ("Überprüfung", "überprüfung"),
        ("故障", "故障"),
        ("", ""),
    ],
)
def test_kebab(name: str, expected: str) -> None:
    assert kebab(name) == expected


@given(st.text())
def test_kebab_is_settled(name: str) -> None:
    assert kebab(kebab(name)) == kebab(name)


def test_instants_may_be_numbers() -> None:
    expected = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert read_instant(1_700_000_000, "x") == read_instant(1_700_000_000_000, "x") == expected
    wrongs: list[object] = [float("nan"), 10**30, True, {}, None]
    for wrong in wrongs:
        with pytest.raises(Unreadable):
            read_instant(wrong, "x")


def test_half_characters_do_not_reach_the_store() -> None:
    assert read(issue(summary="a\ud800b")).summary.encode("utf-8")


def test_a_megabyte_of_text_is_read() -> None:
    assert len(read(issue(description="word " * 200_000)).description) == 999_999


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "created",
    "status",
    "comment",
    "customfield_1",
    "customfield_2",
    "customfield_7",
    "labels",
    "priority",
    "summary",
]


@given(st.sampled_from([*NAMES, "updated", "resolutiondate", "reporter", "project", "components"]), json_values)
def test_whatever_a_field_holds_it_is_a_ticket_or_unreadable(name: str, value: Any) -> None:
    try:
        assert read(issue(**{name: value})).id == 10001
    except Unreadable as error:
        assert str(error)


@given(json_values)
def test_whatever_a_changelog_holds_it_is_a_ticket_or_unreadable(value: Any) -> None:
    for changelog in (value, {"histories": value}, {"histories": [value, {"id": "1", "items": value}]}):
        try:
            read(issue() | {"changelog": changelog})
        except Unreadable as error:
            assert str(error)


def test_a_change_of_the_request_type_is_named_so_whatever_its_field() -> None:
    item = {"field": "Request Type", "fieldId": "customfield_1", "fieldtype": "custom", "from": "", "to": "ops/bucket"}
    ticket = read(issue(), histories=[history("1", "2024-03-01T12:00:00.000+0000", item)])
    assert [change.field for change in ticket.field_changes] == [REQUEST_TYPE]

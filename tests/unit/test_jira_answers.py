"""What an answer means: whom it was given to, and the sentence that names the cure on Cloud and on Data Center."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tickets.errors import AnswerUnknown, JiraRefused, MalformedAnswer, NotFound, TicketsError
from tickets.jira_answers import Answer, Meaning, read_date
from tickets.jira_settings import JiraSettings
from tickets.jira_transport import Transport

CLOUD = JiraSettings("https://team.atlassian.net", "agent@team.example", "a-token")
SCOPED = JiraSettings(
    "https://team.atlassian.net", "agent@team.example", "a-token", api_url="https://api.atlassian.com/ex/jira/1-2"
)
DATA_CENTER = JiraSettings("https://jira.team.example", "", "a-token")
BOTH = JiraSettings("https://jira.team.example", "agent", "a-token")
SEARCH = "/rest/api/3/search/jql"


@dataclass
class Scripted:
    """A carrier that gives its answers in turn and keeps what it was sent."""

    script: list[Answer]
    sent: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        self.sent.append(f"{method} {path}")
        return self.script.pop(0)

    def close(self) -> None:
        """Nothing is open."""


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def refusal(given: Answer, settings: JiraSettings = CLOUD) -> TicketsError:
    transport = Transport(Scripted([given]), settings)
    with pytest.raises(TicketsError) as caught:
        transport.read("/rest/api/3/myself")
    return caught.value


# Who the answers are given to


def pinned(*script: Answer, account: str = "5b10:ab-1") -> Transport:
    transport = Transport(Scripted(list(script)), CLOUD)
    transport.read("/rest/api/3/myself")
    transport.pin(account)
    return transport


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ({"X_AACCOUNTID": "5b10%3Aab-1"}, answer(), "nobody had logged in"),
        ({"X_AACCOUNTID": "5b10%3Aab-1"}, answer(X_AACCOUNTID="other"), "another account"),
        ({"X_AACCOUNTID": "5b10%3Aab-1"}, answer(404, b'{"errorMessages": ["gone"]}'), "nobody had logged in"),
        ({"X_AUSERNAME": "agent"}, answer(X_AUSERNAME="anonymous"), "nobody had logged in"),
        ({"X_AUSERNAME": "agent"}, answer(X_AUSERNAME="boss"), "another account"),
        ({}, answer(X_AUSERNAME="anonymous"), "nobody had logged in"),
        ({}, answer(X_Seraph_LoginReason="OUT"), "does not accept"),
        ({}, answer(X_AACCOUNTID="other"), "another account"),
    ],
)
def test_an_answer_for_somebody_else_is_loud(first: Mapping[str, str], then: Answer, said: str) -> None:
    transport = pinned(answer(**first), then)
    with pytest.raises(JiraRefused, match=said):
        transport.twin(Scripted([then])).read(SEARCH, body={})
    with pytest.raises(JiraRefused, match=said):
        transport.read(SEARCH, body={})


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"X_AACCOUNTID": "5b10%3Aab-1"}, answer(X_AACCOUNTID="5b10%3Aab-1")),
        ({"X_AACCOUNTID": "5b10:ab-1"}, answer(X_AACCOUNTID="5b10:ab-1", X_Seraph_LoginReason="OUT, OK")),
        ({"X_AUSERNAME": "agent"}, answer(X_AUSERNAME="agent")),
        ({}, answer()),
        ({}, answer(X_AACCOUNTID="5b10%3Aab-1")),
    ],
)
def test_an_answer_for_us_is_taken(first: Mapping[str, str], then: Answer) -> None:
    assert pinned(answer(**first), then).read(SEARCH, body={}) == {}


def test_a_not_found_from_something_before_jira_is_not_a_lost_log_in() -> None:
    transport = pinned(answer(X_AACCOUNTID="5b10:ab-1"), answer(404, b"no such page"))
    with pytest.raises(NotFound):
        transport.read(SEARCH, body={})


def test_a_write_answered_to_somebody_else_may_have_been_done() -> None:
    transport = pinned(answer(X_AACCOUNTID="5b10:ab-1"), answer(201, X_AACCOUNTID="other"))
    with pytest.raises(AnswerUnknown, match=r"another account.*read the ticket"):
        transport.write("/rest/api/3/issue/1/comment", {})


# The cure


@pytest.mark.parametrize(
    ("settings", "cures"),
    [
        (CLOUD, ["API token of agent@team.example", "id.atlassian.com", "jira.api_url: https://api.atlassian.com"]),
        (SCOPED, ["called at https://api.atlassian.com/ex/jira/1-2", "cloud id stands in jira.api_url"]),
        (DATA_CENTER, ["personal access token", "ViewProfile.jspa", "need jira.email"]),
        (BOTH, ["API token of agent:", "needs an empty jira.email"]),
        (JiraSettings("https://team.atlassian.net", "", "a-token"), ["set jira.email", "id.atlassian.com"]),
    ],
)
def test_a_wrong_token_names_the_cure_of_its_kind(settings: JiraSettings, cures: list[str]) -> None:
    said = str(refusal(answer(401), settings))
    assert settings.url in said
    assert all(cure in said for cure in cures), said
    assert ("Data Center" in said) == (settings is BOTH)


@pytest.mark.parametrize(
    ("settings", "cures"),
    [
        (CLOUD, ["agent@team.example", "permission, or its token the scope", "jira.api_url", "IP addresses"]),
        (SCOPED, ["cloud id stands in jira.api_url"]),
        (DATA_CENTER, ["the owner of the personal access token", "permission", "IP addresses"]),
    ],
)
def test_what_is_not_allowed_names_the_cure(settings: JiraSettings, cures: list[str]) -> None:
    said = str(refusal(answer(403, b'{"errorMessages": ["Not you."]}'), settings))
    assert "Not you." in said
    assert all(cure in said for cure in cures), said
    assert ("scope" in said) == (settings is not DATA_CENTER)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "headers",
    [
        {"X_Seraph_LoginReason": "AUTHENTICATION_DENIED"},
        {"X_Authentication_Denied_Reason": "CAPTCHA_CHALLENGE; login-url=https://jira.team.example/login.jsp"},
    ],
)
def test_a_captcha_is_named(status: int, headers: dict[str, str]) -> None:
    assert "log in once with a browser" in str(refusal(answer(status, **headers), DATA_CENTER))


def test_a_log_in_page_and_a_removed_address_are_named() -> None:
    assert isinstance(refusal(answer(200, b"<!DOCTYPE html><title>Log in")), MalformedAnswer)
    assert "update Golden Path" in str(refusal(answer(410)))


@given(st.binary(max_size=60), st.sampled_from([200, 301, 400, 401, 403, 404, 410, 422]), st.text(max_size=40))
def test_no_answer_gets_past_the_error_tree(body: bytes, status: int, header: str) -> None:
    """Whatever comes is data or one of our errors, on one line, and the token is not in it."""
    given_ = Answer(status, {"X-Seraph-LoginReason": header, "Location": header, "X-AUSERNAME": header}, body)
    try:
        Transport(Scripted([given_]), CLOUD).read("/rest/api/3/myself")
    except TicketsError as error:
        assert "a-token" not in str(error)
        assert "\n" not in str(error)


@given(st.text(max_size=40) | st.dates().map(str))
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2020 00:00:00 +999999999999999999")
def test_a_date_is_read_or_is_none(text: str) -> None:
    found = read_date(text)
    assert found is None or found.tzinfo is not None


def test_the_address_in_sentences_is_the_one_people_know() -> None:
    assert Meaning(CLOUD).where == "https://team.atlassian.net"
    assert "called at" in Meaning(SCOPED).where

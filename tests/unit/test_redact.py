"""Secrets leave the text before it is kept; what only talks of secrets stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.redact import redact, redact_field

LETTERS = "a1B2" * 20
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("text", "secret", "kind"),
    [
        ("password: x", ": x", "password"),
        ("Password = hunter2, thanks", "hunter2", "password"),
        ("DB_PASSWORD=s3cr3t!", "s3cr3t!", "password"),
        ('{"password": "a b c"}', "a b c", "password"),
        ("my password is hunter2!", "hunter2", "password"),
        ("password: $ecret1", "$ecret1", "password"),
        ("Passwort:\nhunter2", "hunter2", "password"),
        ("密码：abc123", "abc123", "password"),
        ("pwd => 'top secret'", "top secret", "password"),
        ("postgres://bob:p@ss@db:5432/x", "p@ss", "password"),
        ("AKIA" + "IOSFODNN7EXAMPLE", "IOSFODNN7", "aws access key"),
        (f"the key is {AWS_SECRET}", AWS_SECRET, "aws secret key"),
        (f"{AWS_SECRET}\u212aelvin", AWS_SECRET, "aws secret key"),
        (f"aws_secret_access_key = {AWS_SECRET}", AWS_SECRET, "secret"),
        ("api_key=AbC12345xyz", "AbC12345xyz", "secret"),
        ("ghp_" + LETTERS[:36], LETTERS[:36], "token"),
        ("github_pat_" + LETTERS, LETTERS, "token"),
        ("glpat-" + LETTERS[:20], LETTERS[:20], "token"),
        ("xox" + "b-123456789012-abcdef", "123456789012", "token"),
        ("ATATT3" + LETTERS, LETTERS, "token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc_-9", "eyJzdWIi", "token"),
        ("Authorization: Basic dXNlcjpwYXNzMTIz", "dXNlcjpwYXNzMTIz", "credentials"),
        ("curl -H 'Bearer abcdef1234567890'", "abcdef1234567890", "credentials"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE", "private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl and no end", "b3Bl", "private key"),
    ],
)
def test_secrets_go(text: str, secret: str, kind: str) -> None:
    cleaned = redact(f"Hello,\n{text}\nbye")
    assert secret not in cleaned
    assert f"[redacted: {kind}]" in cleaned
    assert f"[redacted: {kind}]" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password, please reset it",
        "the password is expired",
        "password: ********",
        "password: {{ vault_db }}",
        "Password:\nEnvironment: prod",
        "CI secret: DEPLOY_TOKEN",
        "secret name: db-password-prod",
        "token: see vault",
        "secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "docker run -v $PWD:/io image",
        "https://example.org:8443/path/to?x=y",
        "src/main/java/com/example/payments/Api12",
        "bucket payments-logs in eu-west-1, data class internal",
        "",
    ],
)
def test_talk_of_secrets_stays(text: str) -> None:
    assert redact(text) == text


def test_a_field_named_for_a_secret_loses_its_whole_value() -> None:
    assert redact_field("Root password", "correct horse") == "[redacted: password]"
    assert redact_field("Secret value", "abc") == "[redacted: password]"
    assert redact_field("Secret name", "DEPLOY_TOKEN") == "DEPLOY_TOKEN"
    assert redact_field("Bucket name", "payments-logs") == "payments-logs"
    assert redact_field("Password", "") == ""


@given(st.text(alphabet=st.sampled_from("ab1:= \n\"'[]/@.-$xKpassword "), max_size=80))
def test_redacting_twice_changes_nothing(noise: str) -> None:
    for text in (noise, f"password: {noise}", f"x://u:{noise}@h token={noise}"):
        once = redact(text)
        assert redact(once) == once


PIECES = (
    *("password", "PWD", "Passwort", "mot de passe", "contraseña", "пароль", "密码", "パスワード", "paſsword"),
    *("secret", "api key", "token", "signing-\u212aey", ": ", "=", "->", "：", " is ", "\n", " ", "\xa0", "'", "]"),
    *(
        "hunter22!",
        "none",
        "[redacted: token]",
        "-----BEGIN RSA PRIVATE KEY-----",
        "private key",
        "AKIAIOSFODNN7EXAMPLE",
    ),
    *("ghp_" + LETTERS[:36], "github_pat_" + LETTERS, "glpat-" + LETTERS[:20], "npm_" + LETTERS[:36], AWS_SECRET),
    *("pypi-" + LETTERS, "dckr_pat_" + LETTERS[:30], "dop_v1_" + "a0" * 25, "shpat_" + "a0" * 16, "hf_" + LETTERS[:32]),
    *("hvs." + LETTERS[:30], "xox" + "b-123456789012-abc", "xapp-1-ABCDEFGHIJ", "sk_live_" + LETTERS[:20]),
    *("sk-" + LETTERS[:30], "AIza" + LETTERS[:35], "ATATT3" + LETTERS[:30], "ATBB" + LETTERS[:28]),
    *("SG." + LETTERS[:20] + "." + LETTERS[:20], "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc"),
    *("https://hooks.slack.com/services/" + LETTERS[:30], "AGE-SECRET-KEY-1" + "Q0" * 20, "Bearer ", "authorization: "),
    *(
        "postgres://bob:p@ss@db",
        "://",
        "@",
        "dXNlcjpwYXNzMTIz",
        "the",
        "bucket",
        "responsibilities",
        "é",
        "İ",
        ".",
        "_",
        "-",
    ),
)


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_the_quick_look_clears_only_what_holds_no_secret(text: str) -> None:
    seen_closely = "ſ"  # a letter that makes every text a suspect
    assert redact(f"{seen_closely}\n{text}") == f"{seen_closely}\n{redact(text)}"


@given(st.sampled_from(PIECES), st.sampled_from(PIECES), st.data())
def test_nor_when_a_secret_is_damaged(one: str, other: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(one)))
    text = one[:at] + data.draw(st.sampled_from([" ", "", "K", ":", "\u2003"])) + one[at + 1 :] + other
    assert redact(f"ſ\n{text}") == f"ſ\n{redact(text)}"


@pytest.mark.parametrize(
    "piece",
    [
        *("password", "password: ", "password='", "eyJ", "eyJaaaaaaaaaaaa.", "://", "://a:", "A1b", "Ab1/", " "),
        *("-----BEGIN PRIVATE KEY-----", "secret access ", "token=" + "a" * 40 + " ", "bearer ", "sk-", "pwd is "),
        *("SG." + "a" * 20, "hooks.slack.com/", "\n", "x://" + "a" * 128),
    ],
)
def test_a_megabyte_of_bait_takes_under_a_second(piece: str) -> None:
    text = (piece * (1_000_000 // len(piece) + 1))[:1_000_000]
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 1

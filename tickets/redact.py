"""Takes secrets out of text before it is kept: `[redacted: kind]` stands where one stood.

Every pattern is linear in the text: repetitions are bounded, or cannot overlap with what follows them. A rule is tried
only when one of its cues (in lower case) occurs in the text, and no rule at all on a text that a quick look clears:
that look may take a plain text for a suspect, never a suspect for plain.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from re import Match, Pattern

_NAMES_OF_PASSWORDS = (
    r"pass(?:word|wort|wd|phrase|code)|pwd|mot de passe|contraseña|senha|lozinka|hasło|пароль|密码|密碼|"
    r"パスワード"
)
_NAMES_OF_KEYS = (
    r"secret(?:[ _-]?(?:access[ _-]?)?key)?|token|api[ _-]?key|access[ _-]?key|private[ _-]?key"
    r"|signing[ _-]?key|encryption[ _-]?key|account[ _-]?key|auth[ _-]?key|密钥"
)
_OWN = r"(?<!\[redacted: )(?<!\[redacted: aws )"  # the names in our own marks name nothing
_MARK = r"[\"'`*_}\])]{0,3}"
_IS = rf"{_MARK}[ \t]{{0,8}}(?::?=>?|:|：|→|->)[ \t]{{0,8}}(?:\r?\n[ \t]{{0,8}})?"
_VALUE = r"(?P<quote>[\"'`])(?P<quoted>[^\"'`\r\n]{1,512})(?P=quote)|(?P<bare>[^\s\"'`,;<>]{1,4096})"
_PLACEHOLDER = re.compile(
    r"\[redacted.*|\$\{.*|\$\(.*|\{\{.*|\$[A-Z_]+|%[A-Z_]+%|\([a-z]+\)?|[*.…_?•/-]+|x{3,}|none|null|nil|true|false|yes|no|n/?a"
    r"|tbd|todo|empty|required|optional|string|unknown|see|the|as|is|not|please|and|or|to|in|on|for|it|we|i|you|a|an|my|your",
    re.IGNORECASE,
)
_NAME_SHAPES = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*|[a-z]+(?:[-_.][a-z0-9]{1,12}){0,12}|[A-Za-z]+|arn:[^\s]*|https?://[^\s]*|/[^\s]*|\d{1,6}"
)
_FORTY = re.compile(r"(?<![A-Za-z0-9/+=_.-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])")


@dataclass(frozen=True, slots=True)
class _Rule:
    """`may` looks at a match once more; the group `secret`, or else the whole match, is what is taken out."""

    kind: str
    cues: tuple[str, ...]
    pattern: Pattern[str]
    may: Callable[[Match[str]], bool] = lambda match: True


def _value(match: Match[str]) -> str:
    return match["quoted"] if match["quoted"] is not None else match["bare"]


def _is_password(match: Match[str]) -> bool:
    if "\n" in match[0]:  # on a form left empty, the next line is the next field
        return not _value(match).endswith((":", "：")) and _is_told_password(match)
    return not _PLACEHOLDER.fullmatch(_value(match))


def _is_told_password(match: Match[str]) -> bool:
    """After "is" in prose, or on the next line, a word is rarely a password: it must look unlike a word."""
    value = _value(match).rstrip(".!?)")
    return len(value) >= 6 and not value.isalpha() and not _PLACEHOLDER.fullmatch(value) and "://" not in value


def _is_secret(match: Match[str]) -> bool:
    """After "secret:" or "token:" stands its *name* as often as its value: names, paths and addresses stay."""
    value = _value(match).rstrip(".")
    return len(value) >= 8 and not _PLACEHOLDER.fullmatch(value) and not _NAME_SHAPES.fullmatch(value)


def _is_aws_secret(match: Match[str]) -> bool:
    """Forty characters of base64 that change class often: no hash in hex, no path, no long word."""
    value = match[0].replace("/", "").replace("+", "")
    classes = ["u" if c.isupper() else "l" if c.islower() else "d" for c in value]
    turns = sum(1 for before, after in pairwise(classes) if before != after)
    return {"u", "l", "d"} <= set(classes) and turns >= 10


def _is_bearer(match: Match[str]) -> bool:
    """A bearer in prose carries words; after the header's name anything is a credential."""
    return match[0][:1] in "aA" or any(character.isdigit() for character in match["secret"])


_RULES = (
    _Rule(
        "private key",
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
    ),
    _Rule(
        "private key",
        ("puttyprivate", "age-secret-key-"),
        re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{20,80}", re.I),
    ),
    _Rule(
        "aws access key",
        ("akia", "asia", "abia", "acca"),
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    _Rule(
        "token",
        ("gh", "github_pat_", "glpat", "glrt-", "gldt-", "npm_", "pypi-", "dckr_pat_", "dop_v1_", "shp", "hf_", "hvs."),
        re.compile(
            r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}"
            r"|gl(?:pat|rt|dt)-[A-Za-z0-9_-]{16,255}|npm_[A-Za-z0-9]{30,60}|pypi-[A-Za-z0-9_-]{40,512}"
            r"|dckr_pat_[A-Za-z0-9_-]{20,60}|dop_v1_[a-f0-9]{40,80}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
            r"|hf_[A-Za-z0-9]{30,60}|hvs\.[A-Za-z0-9_-]{20,255})"
        ),
    ),
    _Rule(
        "token",
        ("xox", "xapp-", "hooks.slack.com", "sk-", "sk_", "rk_", "aiza", "atatt3", "atctt3", "atbb", "sg."),
        re.compile(
            r"(?<![A-Za-z0-9])(?:xox[a-z]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"
            r"|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,200}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}"
            r"|sk-[A-Za-z0-9_-]{20,255}|AIza[0-9A-Za-z_-]{35}|AT[AC]TT3[A-Za-z0-9_=-]{20,512}|ATBB[A-Za-z0-9]{24,64}"
            r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64})"
        ),
    ),
    _Rule(
        "token",
        ("eyj",),
        re.compile(
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,65536}(?:\.[A-Za-z0-9_-]{0,65536})?"
        ),
    ),
    _Rule(
        "credentials",
        ("authorization", "bearer "),
        re.compile(
            r"(?:authorization[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?:(?:bearer|basic|token)[ \t]{1,4})?"
            r"|(?<![a-z])bearer[ \t]{1,4})(?P<secret>[A-Za-z0-9._~+/=-]{12,8192})",
            re.IGNORECASE,
        ),
        _is_bearer,
    ),
    _Rule(
        "password",
        ("://",),
        re.compile(r"(?<=://)[^\s/:@\[\]]{0,128}:(?P<secret>(?!\[redacted)[^\s/]{1,256})@"),
    ),
    _Rule(
        "password",
        ("pass", "pwd", "mot de", "contrase", "senha", "lozinka", "hasło", "пароль", "密", "パス"),
        re.compile(rf"{_OWN}(?<!\$)(?:{_NAMES_OF_PASSWORDS})s?{_IS}(?:{_VALUE})", re.IGNORECASE),
        _is_password,
    ),
    _Rule(
        "password",
        ("pass", "pwd"),
        re.compile(
            rf"{_OWN}(?:{_NAMES_OF_PASSWORDS})[ \t]{{1,4}}(?:is|was|ist|est)[ \t]{{1,4}}:?[ \t]{{0,4}}(?:{_VALUE})",
            re.I,
        ),
        _is_told_password,
    ),
    _Rule(
        "secret",
        ("secret", "token", "key", "密钥"),
        re.compile(rf"{_OWN}(?:{_NAMES_OF_KEYS}){_IS}(?:{_VALUE})", re.IGNORECASE),
        _is_secret,
    ),
    _Rule(
        "aws secret key",
        ("",),
        _FORTY,
        _is_aws_secret,
    ),
)
_SECRET_NAME = re.compile(rf"(?:{_NAMES_OF_PASSWORDS})s?\b|(?:{_NAMES_OF_KEYS})[ _-]?value", re.IGNORECASE)

# The quick look: what every match of a rule holds at least, in lower case.
_IS_TOLD = r"[\"'`*_}\])]{0,3}[ \t]{0,8}(?:[:=：→]|->)"
_NAMED_PASSWORD = re.compile(
    rf"(?:pass(?:wor[dt]|wd|phrase|code)|pwd)(?:s?{_IS_TOLD}|[ \t]{{1,4}}(?:is|was|ist|est)[ \t])"
)
_NAMED_KEY = re.compile(rf"(?:secret|token|key){_IS_TOLD}")
_IN_ADDRESS = re.compile(r"://[^\s/:@\[\]]{0,128}:[^\s/]{1,256}@")
_SENTENCES = ("-----begin ", "authorization", "bearer ", "mot de", "contrase", "senha", "lozinka")
_FOREIGN = ("hasło", "пароль", "密", "パス")
_ALIKE = ("ſ", "ı", "İ", "\u212a")  # where case is ignored, these are an s, an i, an i and a k
_SHORTEST_WORD = 15  # every key and token is one word of at least as many characters
_TOKENS = ("akia", "asia", "abia", "acca", "hooks.slack.com", "aiza", "atatt3", "atctt3", "atbb", "hvs.", "sg.", "eyj")
_DASHED = ("age-secret-key-", "glpat", "glrt-", "gldt-", "pypi-", "xox", "xapp-", "sk-")
_SCORED = ("gh", "github_pat_", "npm_", "dckr_pat_", "dop_v1_", "shp", "hf_", "sk_", "rk_")


def redact(text: str) -> str:
    """The text with every secret of a known shape replaced by `[redacted: kind]`. Redacting twice changes nothing."""
    return _searched(text) if _is_suspect(text) else text


def redact_field(name: str, value: str) -> str:
    """The value of a named field: all of it is taken out where the name says that it is a secret."""
    if value and _names_a_secret(name) and not _PLACEHOLDER.fullmatch(value):
        return "[redacted: password]"
    return redact(value)


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _is_suspect(text: str) -> bool:
    """Whether some rule may find something; false only where none can."""
    lowered = text.lower()
    if ("pass" in lowered or "pwd" in lowered) and _NAMED_PASSWORD.search(lowered):
        return True
    if ("key" in lowered or "token" in lowered or "secret" in lowered) and _NAMED_KEY.search(lowered):
        return True
    if "://" in lowered and "@" in lowered and _IN_ADDRESS.search(lowered):
        return True
    if not text.isascii() and (_has_any(lowered, _FOREIGN) or _has_any(text, _ALIKE)):
        return True
    return _has_any(lowered, _SENTENCES) or (len(text) >= _SHORTEST_WORD and _has_token(lowered))


def _has_token(lowered: str) -> bool:
    long = " ".join([word for word in lowered.split() if len(word) >= _SHORTEST_WORD])
    if not long:
        return False
    return (
        _has_any(long, _TOKENS)
        or ("-" in long and _has_any(long, _DASHED))
        or ("_" in long and _has_any(long, _SCORED))
        or (len(long) >= 40 and _FORTY.search(long) is not None)
    )


def _has_any(text: str, cues: tuple[str, ...]) -> bool:
    for cue in cues:  # noqa: SIM110 - `any` of a generator takes twice as long, and this runs for every text
        if cue in text:
            return True
    return False


def _searched(text: str) -> str:
    lowered = text.lower()
    for rule in _RULES:
        if any(cue in lowered for cue in rule.cues):
            text = rule.pattern.sub(partial(_taken_out, rule), text)
    return text


def _taken_out(rule: _Rule, match: Match[str]) -> str:
    if not rule.may(match):
        return match[0]
    start, end = _span(match)
    offset = match.start()
    return f"{match[0][: start - offset]}[redacted: {rule.kind}]{match[0][end - offset :]}"


def _span(match: Match[str]) -> tuple[int, int]:
    for name in ("secret", "quoted", "bare"):
        if name in match.re.groupindex and match.start(name) >= 0:
            return match.span(name)
    return match.span()

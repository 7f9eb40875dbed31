"""What people in the stories write: text and documents with the text that a reader of them must keep."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

Adf = dict[str, Any]

SENTENCES: Final = (
    "The bucket is full again",
    "Grüße aus Köln: bitte prüfen ✓",
    'updated >= "2026-01-01" AND project in (OPS)',
    "<b>not</b> a tag & no macro {code}",
    "数据库 needs a replica 🚀",
    "see https://wiki.example/page?x=1#top",
    "it's \"quoted\", it's | piped",
    "key AKIAIOSFODNN7TRUTHXX leaked",
)
# What must not be kept, and what stands for it.
SECRET: Final = ("AKIAIOSFODNN7TRUTHXX", "[redacted: aws access key]")


def sentence(random: Random) -> str:
    return f"{random.choice(SENTENCES)} {random.randint(1, 999)}"


def document(random: Random) -> Adf:
    """One to three blocks of the kinds that people use."""
    return {"type": "doc", "version": 1, "content": [_block(random) for _ in range(random.randint(1, 3))]}


def _block(random: Random) -> Adf:
    words: Adf = {"type": "text", "text": sentence(random)}
    kind = random.choice(["paragraph", "paragraph", "lines", "list", "code"])
    if kind == "lines":
        return {"type": "paragraph", "content": [words, {"type": "hardBreak"}, {"type": "text", "text": "and more"}]}
    if kind == "list":
        item = {"type": "listItem", "content": [{"type": "paragraph", "content": [words]}]}
        return {"type": "bulletList", "content": [item, item]}
    if kind == "code":
        return {"type": "codeBlock", "content": [words]}
    return {"type": "paragraph", "content": [words]}


def read(body: Mapping[str, Any] | None, deployment: str) -> str:
    """The text of a `document` as it is to be kept: Cloud gives documents, Data Center gives wiki markup."""
    blocks = (body or {}).get("content", ())
    if deployment == "Cloud":
        return kept("\n".join(line for block in blocks for line in _lines(block, "- ")))
    return kept("\n\n".join("\n".join(_wiki_lines(block)) for block in blocks))


def kept(text: str | None) -> str:
    """Without the secret, and without white space around it."""
    return (text or "").strip().replace(*SECRET)


def _wiki_lines(block: Mapping[str, Any]) -> list[str]:
    lines = _lines(block, "* ")
    return ["{code}", *lines, "{code}"] if block["type"] == "codeBlock" else lines


def _lines(block: Mapping[str, Any], bullet: str) -> list[str]:
    if block["type"] == "bulletList":
        return [bullet + line for item in block["content"] for part in item["content"] for line in _lines(part, bullet)]
    return "".join("\n" if part["type"] == "hardBreak" else part["text"] for part in block["content"]).split("\n")
